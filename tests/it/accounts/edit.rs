//! One account made and changed: all of it or nothing, with its events, and monitors woken when they must be.

use serde_json::{Map, Value, json};
use sqlx::PgPool;
use watchkeeper::actions::{
    ActionError,
    accounts::{self, Edit, NewAccount, OpenAccount, Part},
    import::ImportOptions,
};

use crate::fixtures::{DAILY, House};

fn fields(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

async fn create(house: &House, reference: &str, values: &Value) -> OpenAccount {
    let new = NewAccount {
        reference_id: Some(reference.to_owned()),
        fields: fields(values),
        ..NewAccount::default()
    };
    accounts::create_alone(&house.engine.context, "test", house.type_id("individual"), &new).await.unwrap()
}

async fn edit(house: &House, account: &OpenAccount, edit: Edit) -> Result<OpenAccount, ActionError> {
    accounts::edit_alone(&house.engine.context, "test", account.id, &edit).await
}

fn pointers(error: ActionError) -> Vec<(String, String)> {
    let ActionError::Invalid(faults) = error else { panic!("{error:?}") };
    faults.into_iter().map(|fault| (fault.pointer, fault.details)).collect()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_edit_merges_fields_by_key_null_removes_and_events_name_keys_only(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let first = json!({ "name": { "first": "Ada", "middle": "B.", "last": "Muster" }, "score": 7, "birthdate": "1980-02-29" });
    let account = create(&house, "c-1", &first).await;
    assert_eq!((account.version, account.status.as_str()), (1, "active"));
    let patch = json!({ "score": null, "birthdate": "1981", "risk_rating": "high" });
    let parts = ["middle", "last"].map(|key| Part {
        field: "name".to_owned(),
        key: key.to_owned(),
        value: if key == "last" { json!("Beispiel") } else { Value::Null },
    });
    let change = Edit { fields: fields(&patch), parts: parts.into(), ..Edit::default() };
    let after = edit(&house, &account, change.clone()).await.unwrap();
    assert_eq!(
        Value::Object(after.fields),
        json!({ "name": { "first": "Ada", "last": "Beispiel" }, "birthdate": "1981", "risk_rating": "high" })
    );
    assert_eq!(after.version, 2);
    let told = house
        .texts("select kind || ' ' || actor || ' ' || detail from events where kind <> 'account.created'");
    assert_eq!(
        told.await,
        [r#"account.updated-fields test {"fields": ["birthdate", "name", "risk_rating", "score"]}"#]
    );
    assert_eq!(house.texts("select fields::text from accounts").await, [r#"{"risk_rating": "high"}"#]);
    // The same once more changes nothing.
    assert_eq!(edit(&house, &account, change).await.unwrap().version, 2);
    assert_eq!(house.events().await.len(), 1);
    assert_eq!(house.count("select count(*) from enrol_queue").await, 2);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_edit_that_is_refused_says_all_that_is_wrong_and_writes_nothing(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let account = create(&house, "c-1", &json!({ "score": 1 })).await;
    let wrong = Edit {
        fields: fields(&json!({ "score": "many", "shoe/size": 5, "birthdate": "1980-02-31" })),
        status: Some("asleep".to_owned()),
        reference_id: Some(Some(" ".to_owned())),
        tags_add: vec!["fine".to_owned(), String::new()],
        ..Edit::default()
    };
    let faults = pointers(edit(&house, &account, wrong).await.unwrap_err());
    let places: Vec<&str> = faults.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        places,
        [
            "/data/attributes/reference-id",
            "/data/attributes/account-status",
            "/data/attributes/tags/1",
            "/data/attributes/fields/birthdate",
            "/data/attributes/fields/score",
            "/data/attributes/fields/shoe~1size",
        ]
    );
    assert!(faults.iter().all(|(_, details)| !details.contains("many") && !details.contains("asleep")));
    let stale = Edit { status: Some("closed".to_owned()), expected_version: Some(0), ..Edit::default() };
    assert!(matches!(edit(&house, &account, stale.clone()).await, Err(ActionError::Stale)));
    sqlx::query("update accounts set archived_at = now()").execute(&pool).await.unwrap();
    let fresh = Edit { expected_version: None, ..stale };
    assert!(matches!(edit(&house, &account, fresh).await, Err(ActionError::Archived)));
    let imported = house
        .import_as("reference_id,type,score\nc-1,individual,2\n", &ImportOptions::default())
        .await
        .unwrap();
    assert_eq!(imported.bad[0].reason, "reference_id: the account is archived");
    assert_eq!(house.account("c-1").await.version, 1);
    assert_eq!(house.events().await, [""; 0]);
    assert_eq!(house.count("select count(*) from tags").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn status_tags_and_reference_id_change_with_their_events(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let account = create(&house, "c-1", &json!({ "score": 1 })).await;
    create(&house, "C-2", &json!({ "score": 2 })).await;
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let change = Edit {
        status: Some("closed".to_owned()),
        reference_id: Some(Some("c-3".to_owned())),
        tags_add: words(&["one", "two"]),
        tags_remove: words(&["none"]),
        ..Edit::default()
    };
    let after = edit(&house, &account, change).await.unwrap();
    assert_eq!((after.status.as_str(), after.reference_id.as_deref()), ("closed", Some("c-3")));
    assert_eq!((after.tags, after.version), (words(&["one", "two"]), 2));
    let set = Edit { tags_set: Some(words(&["two", "three"])), ..Edit::default() };
    assert_eq!(edit(&house, &account, set).await.unwrap().tags, ["three", "two"]);
    let mut told = house.events().await;
    told.sort();
    let tag_events = ["account.tag-added"; 3].into_iter().chain(["account.tag-removed"]);
    let expected: Vec<&str> = ["account.status-updated"]
        .into_iter()
        .chain(tag_events)
        .chain(["account.updated-fields", "account.updated-tags"])
        .collect();
    assert_eq!(told, expected);

    let taken = Edit { reference_id: Some(Some("c-2".to_owned())), ..Edit::default() };
    let refused = edit(&house, &account, taken).await.unwrap_err();
    assert_eq!(refused.to_string(), "another account of the type has the same reference-id");
    let none = Edit { reference_id: Some(None), ..Edit::default() };
    assert_eq!(edit(&house, &account, none).await.unwrap().reference_id, None);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn only_a_change_of_what_is_screened_wakes_the_monitors(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.run("p1").await;
    let before = house.due("p1").await;
    let context = &house.engine.context;
    let mut connection = context.store.connection().await.unwrap();
    let account = accounts::open(context, &mut connection, house.account("p1").await.id).await.unwrap();
    let change = |values: Value| Edit { fields: fields(&values), ..Edit::default() };
    edit(&house, &account, change(json!({ "score": 3 }))).await.unwrap();
    assert_eq!(house.due("p1").await, before);
    edit(&house, &account, change(json!({ "birthdate": "1980" }))).await.unwrap();
    assert_eq!(house.due("p1").await.wanted, before.wanted + 1);
    assert_eq!(house.texts("select reason from wakeups").await, ["account-change"]);
    assert!(house.run("p1").await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_is_made_whole_in_its_callers_transaction_or_not_at_all(pool: PgPool) {
    let required =
        "[account-types.business.fields]\nbusiness_name = { type = \"string\", required = true }\n";
    let house = House::new(&pool, required).await;
    let context = &house.engine.context;
    let business = house.type_id("business");
    let lacking = NewAccount { status: Some("x".to_owned()), ..NewAccount::default() };
    let faults = pointers(accounts::create_alone(context, "test", business, &lacking).await.unwrap_err());
    let places: Vec<&str> = faults.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(places, ["/data/attributes/account-status", "/data/attributes/fields/business_name"]);

    let new = NewAccount {
        reference_id: Some("b-1".to_owned()),
        tags: vec!["new".to_owned()],
        fields: fields(&json!({ "business_name": "Muster Works", "incorporation_date": "1999" })),
        ..NewAccount::default()
    };
    let mut transaction = context.store.transaction().await.unwrap();
    accounts::create(context, &mut transaction, "test", business, &new).await.unwrap();
    let again = accounts::create(context, &mut transaction, "test", business, &new).await;
    assert!(matches!(again, Err(ActionError::NotUnique(_))));
    drop(transaction);
    assert_eq!(house.count("select count(*) from accounts").await, 0);

    let mut transaction = context.store.transaction().await.unwrap();
    let id = accounts::create(context, &mut transaction, "test", business, &new).await.unwrap();
    transaction.commit().await.unwrap();
    let mut connection = context.store.connection().await.unwrap();
    let open = accounts::open(context, &mut connection, id).await.unwrap();
    assert_eq!(open.fields["business_name"], "Muster Works");
    assert_eq!(open.tags, ["new"]);
    assert_eq!(format!("{open:?}"), format!("account {id}"));
    assert_eq!(
        house.texts("select kind from events order by kind").await,
        ["account.created", "account.tag-added"]
    );
}

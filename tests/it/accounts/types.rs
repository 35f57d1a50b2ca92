//! Account types: made and changed through the API and by the configuration, never at the cost of accounts.

use serde_json::{Value, json};
use sqlx::PgPool;
use watchkeeper::{
    actions::{
        ActionError,
        account_types::{self, NewType, StatusDraft, TypeChange},
        accounts::{self, Edit, NewAccount},
    },
    domain::{account_type::Layout, subject::SubjectKind},
    store::account_types::TypeRow,
};

use crate::fixtures::{DAILY, House};

fn schema(word: &str, key: &str, config: Value) -> Value {
    json!({ "type": word, "key": key, "config": config })
}

fn status(name: &str) -> StatusDraft {
    StatusDraft { name: name.to_owned(), ..StatusDraft::default() }
}

async fn vendor(house: &House) -> TypeRow {
    let new = NewType {
        name: "vendor".to_owned(),
        kind: SubjectKind::Organisation,
        field_schemas: vec![
            schema("string", "name", json!({ "required": true })),
            schema("choices", "tier", json!({ "options": ["low", "high"], "pii": false })),
            schema("string", "tax_id", json!({ "identifier": true })),
        ],
        statuses: vec![status("active"), status("closed")],
        default_status: None,
        screened: None,
    };
    account_types::create(&house.engine.context, "test", &new).await.unwrap()
}

async fn account(house: &House, row: &TypeRow, fields: Value) -> accounts::OpenAccount {
    let new = NewAccount { fields: fields.as_object().unwrap().clone(), ..NewAccount::default() };
    accounts::create_alone(&house.engine.context, "test", row.id, &new).await.unwrap()
}

async fn change(house: &House, row: &TypeRow, change: TypeChange) -> Result<TypeRow, ActionError> {
    account_types::change(&house.engine.context, "test", row.id, &change).await
}

fn said(error: ActionError) -> String {
    assert!(matches!(error, ActionError::Invalid(_)), "{error:?}");
    error.to_string()
}

async fn index(house: &House) {
    let mut place = None;
    loop {
        place = account_types::index(&house.engine.context, place).await.unwrap();
        if place.is_none() {
            break;
        }
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_type_of_the_api_is_made_whole_or_refused_with_all_its_faults(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let row = vendor(&house).await;
    assert!(!row.is_configured);
    assert_eq!(row.account_type.screened.names, ["name"]);
    assert_eq!(row.account_type.default_status, "active");
    let wrong = NewType {
        name: " ".to_owned(),
        kind: SubjectKind::Person,
        field_schemas: vec![schema("cloth", "x", json!({})), schema("string", "X", json!({ "unique": 1 }))],
        statuses: vec![status("a"), status("a")],
        default_status: Some("b".to_owned()),
        screened: None,
    };
    let refused = said(account_types::create(&house.engine.context, "test", &wrong).await.unwrap_err());
    for place in [
        "name",
        "field-schemas/0/type",
        "field-schemas/1/key",
        "field-schemas/1/config/unique",
        "statuses/1/name",
        "default-account-status",
    ] {
        assert!(refused.contains(&format!("/data/attributes/{place}: ")), "{place}: {refused}");
    }
    let again = NewType {
        name: "vendor".to_owned(),
        field_schemas: Vec::new(),
        statuses: Vec::new(),
        default_status: None,
        ..wrong
    };
    let refused = account_types::create(&house.engine.context, "test", &again).await.unwrap_err();
    assert!(matches!(refused, ActionError::NotUnique(_)));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_change_that_accounts_would_not_fit_names_the_field_and_how_many(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let row = vendor(&house).await;
    for (name, tier) in [("Muster Works", "high"), ("Beispiel", "low"), ("Third", "low")] {
        account(&house, &row, json!({ "name": name, "tier": tier })).await;
    }
    let narrower = TypeChange {
        field_schemas: vec![
            schema("choices", "tier", json!({ "options": ["high"], "pii": false })),
            schema("string", "country", json!({ "required": true })),
            schema("string", "name", json!({ "required": true, "max-char-length": 8 })),
        ],
        ..TypeChange::default()
    };
    let refused = said(change(&house, &row, narrower).await.unwrap_err());
    assert!(refused.contains("tier: 2 accounts"), "{refused}");
    assert!(refused.contains("country: 3 accounts"), "{refused}");
    assert!(refused.contains("name: 1 accounts"), "{refused}");
    assert!(!refused.contains("Muster"));

    // With a default it fits, and wider is never refused.
    let wider = TypeChange {
        field_schemas: vec![
            json!({ "type": "string", "key": "country", "default-value": "DE", "config": { "required": true } }),
            schema("choices", "tier", json!({ "options": ["high", "low", "none"], "pii": false })),
        ],
        removed_fields: vec!["tax_id".to_owned()],
        ..TypeChange::default()
    };
    let row = change(&house, &row, wider).await.unwrap();
    assert!(row.account_type.field("tax_id").is_none());
    let made = account(&house, &row, json!({ "name": "Fourth" })).await;
    assert_eq!(made.fields["country"], "DE");
    let pii = TypeChange {
        field_schemas: vec![schema("string", "name", json!({ "pii": false }))],
        ..TypeChange::default()
    };
    assert!(said(change(&house, &row, pii).await.unwrap_err()).contains("/field-schemas/0/config/pii"));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn removed_fields_keep_their_values_and_take_no_new_ones(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let row = vendor(&house).await;
    let held = account(&house, &row, json!({ "name": "A", "tax_id": "T-1" })).await;
    let removed = TypeChange { removed_fields: vec!["tax_id".to_owned()], ..TypeChange::default() };
    let row = change(&house, &row, removed).await.unwrap();
    let context = &house.engine.context;
    let patch = json!({ "tax_id": "T-2" });
    let edit = Edit { fields: patch.as_object().unwrap().clone(), ..Edit::default() };
    assert!(
        said(accounts::edit_alone(context, "test", held.id, &edit).await.unwrap_err()).contains("tax_id")
    );
    let edit = Edit { fields: json!({ "name": "B" }).as_object().unwrap().clone(), ..Edit::default() };
    let after = accounts::edit_alone(context, "test", held.id, &edit).await.unwrap();
    assert_eq!(after.fields["tax_id"], "T-1");
    assert_eq!(row.account_type.any_field("tax_id").unwrap().archived_at, Some(house.now()));
    assert_eq!(
        house.texts("select kind from events where kind like 'account-type.%' order by event_id").await.len(),
        3
    );
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_status_is_renamed_at_once_and_cannot_go_while_accounts_have_it(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let row = vendor(&house).await;
    let held = account(&house, &row, json!({ "name": "A" })).await;
    let context = &house.engine.context;
    let id = row.account_type.statuses[0].id(row.id).to_string();
    let renamed =
        StatusDraft { id: Some(id.clone()), name: "live".to_owned(), colour: Some("#00ff00".to_owned()) };
    let statuses = Some(vec![renamed, status("closed"), status("active")]);
    let row = change(&house, &row, TypeChange { statuses, ..TypeChange::default() }).await.unwrap();
    let mut connection = context.store.connection().await.unwrap();
    assert_eq!(accounts::open(context, &mut connection, held.id).await.unwrap().status, "live");
    assert_eq!(row.account_type.statuses[0].id(row.id).to_string(), id);
    assert_eq!(row.account_type.statuses[2].name, "active");
    assert_ne!(row.account_type.statuses[2].key, "active");
    let edit = Edit { status: Some("active".to_owned()), ..Edit::default() };
    let edited = accounts::edit_alone(context, "test", held.id, &edit).await.unwrap();
    assert_eq!(edited.status, "active");

    let statuses = Some(vec![status("live"), status("closed")]);
    let refused =
        said(change(&house, &row, TypeChange { statuses, ..TypeChange::default() }).await.unwrap_err());
    assert!(refused.contains("active cannot go: 1 accounts have it"), "{refused}");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_field_becomes_searchable_and_then_unique_for_accounts_that_are_there(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let row = vendor(&house).await;
    for name in ["A", "B", "a"] {
        account(&house, &row, json!({ "name": name })).await;
    }
    let with = |config: Value| TypeChange {
        field_schemas: vec![schema("string", "name", config)],
        ..TypeChange::default()
    };
    let refused = said(change(&house, &row, with(json!({ "unique": true }))).await.unwrap_err());
    assert!(refused.contains("searchable first"), "{refused}");
    let row = change(&house, &row, with(json!({ "searchable": true }))).await.unwrap();
    assert_eq!(row.indexing, ["name"]);
    let find = async |name: &str| {
        let query = json!({ "attribute": "fields.name", "operator": "eq", "value": name });
        accounts::search(&house.engine.context, (&query, false), None, (None, None), 10).await
    };
    assert!(said(find("a").await.unwrap_err()).contains("being indexed"));
    index(&house).await;
    assert_eq!(find("a").await.unwrap().accounts.len(), 2);
    let row = account_types::get(&house.engine.context, row.id).await.unwrap();
    let refused = said(change(&house, &row, with(json!({ "unique": true }))).await.unwrap_err());
    assert!(refused.contains("name: 2 accounts share"), "{refused}");
    let row =
        change(&house, &row, with(json!({ "searchable": true, "case-sensitive": true }))).await.unwrap();
    index(&house).await;
    let row = account_types::get(&house.engine.context, row.id).await.unwrap();
    let unique = with(json!({ "unique": true, "case-sensitive": true }));
    change(&house, &row, unique).await.unwrap();
    let new =
        NewAccount { fields: json!({ "name": "B" }).as_object().unwrap().clone(), ..NewAccount::default() };
    let refused = accounts::create_alone(&house.engine.context, "test", row.id, &new).await.unwrap_err();
    assert_eq!(refused.to_string(), "another account of the type has the same name");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn configuration_and_api_leave_each_others_types_alone(pool: PgPool) {
    let mut house = House::new(&pool, "").await;
    let row = vendor(&house).await;
    let configured = account_types::list(&house.engine.context).await.unwrap();
    let configured = configured.into_iter().find(|row| row.account_type.name == "business").unwrap();
    let refused = change(&house, &configured, TypeChange::default()).await.unwrap_err();
    assert!(matches!(refused, ActionError::Refused(_)), "{refused}");

    let said = "[account-types.vendor]\nkind = \"person\"\nstatuses = [\"other\"]\n";
    house.configure(said).await;
    assert_eq!(account_types::get(&house.engine.context, row.id).await.unwrap(), row);
    // A field that the configuration drops is archived.
    house.import("reference_id,type,name,score\nc-1,individual,Test A,7\n").await;
    let individual = house.type_id("individual");
    house.configure("[account-types.individual.fields.extra]\ntype = \"string\"\n").await;
    house.configure("").await;
    let after = account_types::get(&house.engine.context, individual).await.unwrap();
    assert!(after.account_type.any_field("extra").unwrap().archived_at.is_some());
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_schedule_names_a_type_of_the_api_and_the_running_engine_knows_it(pool: PgPool) {
    let text = DAILY.replace("types = [\"individual\"]", "types = [\"vendor\"]")
        + "[account-types.vendor]\nfrom-api = true\n";
    let house = House::new(&pool, &text).await;
    house.people(&["p1"]).await;
    assert_eq!(house.count("select count(*) from monitors").await, 0, "an unknown type is not any type");
    let row = vendor(&house).await;
    account(&house, &row, json!({ "name": "Muster Works" })).await;
    house.enrol().await;
    assert_eq!(house.count("select count(*) from monitors").await, 1);
    let id = house.texts("select account_id::text from monitors").await;
    assert_eq!(id.len(), 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_layout_has_versions_and_is_checked_against_its_type(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let row = vendor(&house).await;
    let context = &house.engine.context;
    let first = account_types::layout(context, row.id, None).await.unwrap();
    assert_eq!((first.version, first.layout.sections[0].fields.len()), (0, 3));
    let layout = |key: &str| -> Layout {
        let fields = json!([{ "key": key, "width": 2, "visibility": "filled" }]);
        serde_json::from_value(json!({ "sections": [{ "title": "A", "columns": 2, "fields": fields }] }))
            .unwrap()
    };
    let save = async |key: &str, expected| {
        account_types::save_layout(context, "test", row.id, &layout(key), expected).await
    };
    let refused = said(save("shoe_size", None).await.unwrap_err());
    assert!(refused.starts_with("/data/attributes/sections/0/fields/0/key: "), "{refused}");
    assert_eq!(save("name", Some(0)).await.unwrap().version, 1);
    assert_eq!(save("tier", None).await.unwrap().version, 2);
    assert_eq!(save("tier", None).await.unwrap().version, 2, "the same once more is no new version");
    assert!(matches!(save("name", Some(1)).await, Err(ActionError::Stale)));
    let old = account_types::layout(context, row.id, Some(1)).await.unwrap();
    assert_eq!(old.layout, layout("name"));
    assert!(matches!(account_types::layout(context, row.id, Some(7)).await, Err(ActionError::NotFound(_))));
}

//! Lists, searches, upserts, unique fields and files.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use watchkeeper::{
    actions::{
        ActionError,
        accounts::{self, Edit, Listed, NewAccount, OpenAccount},
        import::ImportOptions,
    },
    store::accounts::search::{self, Asked, Condition},
};

use crate::fixtures::{DAILY, House, finding};

const TAX_ID: &str =
    "[account-types.individual.fields.tax_id]\ntype = \"string\"\nidentifier = true\nunique = true\n";

fn fields(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

async fn create(house: &House, reference: &str, values: &Value) -> Result<OpenAccount, ActionError> {
    let new = NewAccount {
        reference_id: Some(reference.to_owned()),
        fields: fields(values),
        ..NewAccount::default()
    };
    accounts::create_alone(&house.engine.context, "test", house.type_id("individual"), &new).await
}

/// The reference ids of what a query finds, in its order.
async fn found(house: &House, query: Value) -> Vec<String> {
    let page =
        accounts::search(&house.engine.context, (&query, false), None, (None, None), 100).await.unwrap();
    page.accounts.into_iter().filter_map(|account| account.reference_id).collect()
}

fn is(attribute: &str, value: &str) -> Value {
    json!({ "attribute": attribute, "operator": "eq", "value": value })
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn accounts_are_searched_by_everything_that_can_be_known_of_them(pool: PgPool) {
    let plain =
        "[account-types.individual.fields.points]\ntype = \"integer\"\npii = false\nsearchable = true\n";
    let house = House::new(&pool, &format!("{DAILY}{TAX_ID}{plain}")).await;
    for (reference, tax_id, email, score) in [
        ("a", "T-1", "One@mail.invalid", 1),
        ("b", "T-2", "two@mail.invalid", 5),
        ("c", "T-3", "one@mail.invalid", 9),
    ] {
        house.clock.advance(std::time::Duration::from_mins(1));
        let name = json!({ "first": "Test", "last": reference });
        let values = json!({ "name": name, "tax_id": tax_id, "email_address": email, "points": score });
        create(&house, reference, &values).await.unwrap();
    }
    house.import("reference_id,type,tags,status\nb,individual,vip,blocked\n").await;
    house.enrol().await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("a").await;

    assert_eq!(found(&house, Value::Null).await, ["c", "b", "a"]);
    assert_eq!(found(&house, is("fields.email_address", "ONE@mail.invalid")).await, ["c", "a"]);
    assert_eq!(found(&house, is("identifiers.tax_id", "t-2")).await, ["b"]);
    assert_eq!(found(&house, is("tag", "vip")).await, ["b"]);
    assert_eq!(found(&house, is("tag", "none")).await, [""; 0]);
    assert_eq!(found(&house, is("status", "blocked")).await, ["b"]);
    assert_eq!(found(&house, is("hits", "open")).await, ["a"]);
    assert_eq!(found(&house, is("hits", "none")).await, ["c", "b"]);
    assert_eq!(found(&house, is("monitoring", "active")).await, ["c", "b", "a"]);
    assert_eq!(found(&house, is("reference-id", "B")).await, ["b"]);
    assert_eq!(found(&house, is("type", "business")).await, [""; 0]);
    let id = house.type_id("individual").to_string();
    assert_eq!(found(&house, is("type", &id)).await.len(), 3);
    let over = json!({ "attribute": "fields.points", "operator": "gt", "value": 4 });
    assert_eq!(found(&house, over.clone()).await, ["c", "b"]);
    let since = json!({ "attribute": "createdAt", "operator": "gte", "value": "2026-03-01T09:02:00Z" });
    assert_eq!(found(&house, since.clone()).await, ["c", "b"]);
    let before = json!({ "attribute": "created_at", "operator": "lt", "value": "2026-03-01T09:02:00Z" });
    assert_eq!(found(&house, before).await, ["a"]);
    assert_eq!(found(&house, json!({ "and": [over.clone(), { "not": is("tag", "vip") }] })).await, ["c"]);
    assert_eq!(found(&house, json!({ "or": [is("hits", "open"), is("tag", "vip")] })).await, ["b", "a"]);

    let sorted = accounts::search(
        &house.engine.context,
        (&Value::Null, false),
        Some(("updated_at", true)),
        (None, None),
        2,
    );
    let sorted = sorted.await.unwrap();
    assert!(sorted.more);
    let last = sorted.accounts.last().unwrap().id;
    let rest = accounts::search(
        &house.engine.context,
        (&Value::Null, false),
        Some(("updated_at", true)),
        (Some(last.into()), None),
        2,
    );
    assert_eq!(rest.await.unwrap().accounts.len(), 1);

    let refused = async |query: Value| {
        accounts::search(&house.engine.context, (&query, false), None, (None, None), 1)
            .await
            .unwrap_err()
            .to_string()
    };
    let deep = json!({ "and": [{ "or": [{ "not": is("tag", "a") }] }] });
    assert_eq!(refused(deep).await, "/query/and/0/or/0/not: accepted are 2 levels of and, or and not");
    assert!(refused(is("fields.birthdate", "1980")).await.starts_with("/query/attribute: no account type"));
    assert!(
        refused(json!({ "attribute": "fields.tax_id", "operator": "gt", "value": "a" }))
            .await
            .contains("sealed")
    );
    assert!(refused(json!([1])).await.starts_with("/query: accepted is an object"));
    assert!(refused(is("shoe_size", "1")).await.starts_with("/query/attribute: accepted is type"));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_list_goes_page_by_page_in_both_directions_and_filters(pool: PgPool) {
    let house = House::new(&pool, "").await;
    for number in 0..5 {
        house.clock.advance(std::time::Duration::from_secs(1));
        create(&house, &format!("r{number}"), &json!({})).await.unwrap();
    }
    let context = &house.engine.context;
    let list = async |listed: Listed, place, size| {
        let page = accounts::list(context, &listed, place, size).await.unwrap();
        let names: Vec<String> = page.accounts.iter().filter_map(|one| one.reference_id.clone()).collect();
        (
            names.join(" "),
            page.more,
            page.accounts.first().map(|one| one.id),
            page.accounts.last().map(|one| one.id),
        )
    };
    let (names, more, _, last) = list(Listed::default(), (None, None), 2).await;
    assert_eq!((names.as_str(), more), ("r4 r3", true));
    let (names, more, first, last) = list(Listed::default(), (last, None), 2).await;
    assert_eq!((names.as_str(), more), ("r2 r1", true));
    let (back, more, _, _) = list(Listed::default(), (None, first), 2).await;
    assert_eq!((back.as_str(), more), ("r4 r3", false));
    let (names, more, _, last) = list(Listed::default(), (last, None), 2).await;
    assert_eq!((names.as_str(), more), ("r0", false));
    assert_eq!(list(Listed::default(), (last, None), 2).await.0, "");
    let references = ["R1", "r4", "nobody"].map(str::to_owned).into();
    assert_eq!(list(Listed { references, ..Listed::default() }, (None, None), 9).await.0, "r4 r1");
    let types = vec!["business".to_owned()];
    assert_eq!(list(Listed { types, ..Listed::default() }, (None, None), 9).await.0, "");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_unique_field_belongs_to_one_account_whoever_writes_it(pool: PgPool) {
    let house = House::new(&pool, TAX_ID).await;
    let first = create(&house, "a", &json!({ "tax_id": "T-1" })).await.unwrap();
    let refused = create(&house, "b", &json!({ "tax_id": " t-1" })).await.unwrap_err();
    assert_eq!(refused.to_string(), "another account of the type has the same tax_id");
    let second = create(&house, "b", &json!({ "tax_id": "T-2" })).await.unwrap();
    let context = &house.engine.context;
    let to = |value: Value| Edit { fields: fields(&json!({ "tax_id": value })), ..Edit::default() };
    let refused = accounts::edit_alone(context, "test", second.id, &to(json!("T-1"))).await.unwrap_err();
    assert!(matches!(refused, ActionError::NotUnique(_)));
    // An import: the good rows, and a reason for each other.
    let file =
        "reference_id,type,tax_id\nb,individual,T-1\nd,individual,T-4\ne,individual,t-4\na,individual,T-5\n";
    let imported = house.import_as(file, &ImportOptions::default()).await.unwrap();
    let bad: Vec<(u64, &str)> = imported.bad.iter().map(|row| (row.line, row.reason.as_str())).collect();
    let taken = "tax_id: another account of the type has the same";
    assert_eq!(bad, [(2, taken), (4, taken)]);
    assert_eq!((imported.created, imported.updated), (1, 1));
    assert_eq!(house.count("select count(*) from account_tokens").await, 3);
    // What the first gave up, the second may have.
    accounts::edit_alone(context, "test", second.id, &to(json!("T-1"))).await.unwrap();
    accounts::edit_alone(context, "test", first.id, &to(Value::Null)).await.unwrap();
    assert_eq!(house.count("select count(*) from account_tokens").await, 2);

    let new = |tax_id: &str, tags: &[&str]| NewAccount {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        fields: fields(&json!({ "tax_id": tax_id })),
        ..NewAccount::default()
    };
    let individual = house.type_id("individual");
    let (account, created) =
        accounts::upsert(context, "test", individual, "tax_id", &new("t-1", &["x"])).await.unwrap();
    assert_eq!((account.id, created), (second.id, false));
    assert_eq!(
        (account.tags.as_slice(), account.fields["tax_id"].as_str()),
        (["x".to_owned()].as_slice(), Some("t-1"))
    );
    assert!(accounts::upsert(context, "test", individual, "tax_id", &new("T-9", &[])).await.unwrap().1);
    let refused = accounts::upsert(context, "test", individual, "name", &new("T-9", &[])).await.unwrap_err();
    assert!(refused.to_string().starts_with("/meta/upsert-by: "));
    let refused = accounts::upsert(context, "test", individual, "reference-id", &new("T-9", &[])).await;
    assert!(refused.unwrap_err().to_string().starts_with("/data/attributes/reference-id: "));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_file_is_kept_sealed_byte_for_byte_and_goes_with_its_field(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let content: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let photo = json!({ "data": STANDARD.encode(&content), "filename": "fäce.png" });
    let account = create(&house, "a", &json!({ "selfie_photo": photo })).await.unwrap();
    let kept = &account.fields["selfie_photo"];
    assert_eq!((&kept["filename"], &kept["byte-size"]), (&json!("fäce.png"), &json!(100_000)));
    let context = &house.engine.context;
    let id = kept["file-id"].as_str().unwrap().parse().unwrap();
    let file = accounts::file(context, id).await.unwrap();
    assert_eq!((file.account, &file.content), (account.id, &content));
    let stored: Vec<u8> =
        sqlx::query_scalar("select sealed_content from account_files").fetch_one(&pool).await.unwrap();
    assert!(!stored.windows(16).any(|window| content.windows(16).next() == Some(window)));
    for wrong in [
        json!({ "data": "not base 64!", "filename": "a" }),
        json!({ "data": STANDARD.encode(b"x"), "filename": "../a" }),
        json!({ "data": "", "filename": "a" }),
        json!("a"),
    ] {
        let edit = Edit { fields: fields(&json!({ "selfie_photo": wrong })), ..Edit::default() };
        let refused = accounts::edit_alone(context, "test", account.id, &edit).await.unwrap_err();
        assert!(
            refused.to_string().starts_with("/data/attributes/fields/selfie_photo: accepted is"),
            "{refused}"
        );
    }
    let other = json!({ "data": STANDARD.encode(b"other"), "filename": "b" });
    let edit = Edit { fields: fields(&json!({ "selfie_photo": other })), ..Edit::default() };
    accounts::edit_alone(context, "test", account.id, &edit).await.unwrap();
    assert_eq!(house.count("select count(*) from account_files").await, 1);
    assert!(accounts::file(context, id).await.is_err());
    let none = Edit { fields: fields(&json!({ "selfie_photo": null })), ..Edit::default() };
    accounts::edit_alone(context, "test", account.id, &none).await.unwrap();
    assert_eq!(house.count("select count(*) from account_files").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_most_accounts_have_is_denied_in_one_pass_over_them(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a"]).await;
    // Forty thousand accounts like that one, on its shard; every thousandth has a monitor that is paused.
    sqlx::raw_sql(
        "create function like_it(id uuid, number integer) returns uuid language sql as
             $$ select (lpad(to_hex(number), 12, '0') || substr(replace(id::text, '-', ''), 13))::uuid $$;
         insert into accounts (shard, account_id, account_type_id, status, created_at, updated_at)
         select shard, like_it(account_id, number), account_type_id, status, created_at, updated_at
         from accounts, generate_series(1, 40000) as number;
         insert into monitors (shard, monitor_id, account_id, schedule_id, by_schedule, state, created_at, state_changed_at)
         select shard, like_it(monitor_id, number), like_it(account_id, number), schedule_id, by_schedule,
                case when number % 1000 = 0 then 'paused' else 'active' end, created_at, state_changed_at
         from monitors, generate_series(1, 40000) as number;
         insert into tags (name, created_at) values ('most', now());
         insert into account_tags (shard, account_id, tag_id, schedule_id, set_at)
         select shard, account_id, (select tag_id from tags where name = 'most'), 0, now() from accounts
         where account_id not in (select account_id from monitors where state = 'paused');
         analyze",
    )
    .execute(&pool)
    .await
    .unwrap();
    let mut connection = house.engine.context.store.connection().await.unwrap();
    sqlx::raw_sql("set statement_timeout = '10s'; set work_mem = '256kB'")
        .execute(&mut *connection)
        .await
        .unwrap();
    let asked = Asked { limit: 100, ..Asked::default() };
    for denied in [Condition::Monitoring(Some("active".to_owned())), Condition::Tag("most".to_owned())] {
        let condition = Condition::Not(Box::new(denied));
        let found = search::search(&mut connection, &condition, asked).await.unwrap();
        assert_eq!(found.len(), 40, "{condition:?}");
    }
    let hits = Condition::Not(Box::new(Condition::Hits(None)));
    assert_eq!(search::search(&mut connection, &hits, asked).await.unwrap(), []);
}

//! What stays and what goes: the table of docs/retention.md, held to be true.

use std::collections::BTreeMap;

use sqlx::PgPool;
use watchkeeper::{
    actions::{
        decide::{Decision, decide},
        hits, pause,
        reports::{self, NewReport},
    },
    domain::{personal::Personal, report::Query, schedule::ReportTemplate},
    store::due,
};

use super::*;
use crate::fixtures::{DAILY, finding};

const CANARY: &str = "Marksdottir";

const ACTIONS: &str = r#"
[account-types.individual.fields.passport]
type = "string"
pii = true
identifier = true
[account-types.individual.actions.rate]
steps = [{ update-fields = { fields = { risk_rating = "{{risk}}" } } }]
[transaction-types.payment]
statuses = ["open"]
[transaction-types.payment.fields]
note = { type = "string", pii = true }
amount = { type = "number", pii = false }
"#;

/// The rows of the table: a column, and whether it goes.
fn table() -> BTreeMap<&'static str, bool> {
    let rows = include_str!("../../../docs/retention.md").lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let (column, fate) = (cells.next()?.trim_end_matches('`'), cells.next()?);
        column.contains('.').then(|| (column, fate.starts_with("goes")))
    });
    rows.collect()
}

/// How many rows hold something in a column.
async fn filled(house: &House, column: &str) -> i64 {
    let (table, column) = column.split_once('.').unwrap();
    // The database's own key is of nobody.
    let of_nobody =
        if table == "data_keys" { "and object_id <> '00000000-0000-0000-0000-000000000000'" } else { "" };
    let query = format!(
        "select count(*) from {table} where {column} is not null and {column}::text not in ('', '{{}}', '[]', '\\x') {of_nobody}"
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&house.pool).await.unwrap()
}

async fn dump(house: &House) -> String {
    let tables = house
        .texts("select format('%I', relname) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace")
        .await;
    let mut all = String::new();
    for table in tables {
        let query = format!("select coalesce(string_agg(x::text, E'\\n'), '') from {table} as x");
        all += &sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(query))
            .fetch_one(&house.pool)
            .await
            .unwrap();
    }
    all
}

/// Fills every column that a person's data can be in.
async fn fill_everything(house: &House, client: &Client) {
    let context = &house.engine.context;
    house
        .import(&format!("reference_id,type,name,birthdate,passport,tags\np1,individual,Jane {CANARY},1990-05-21,{CANARY},vip\n"))
        .await;
    house.enrol().await;
    let p1 = id(house, "p1").await;
    let attributes = |attributes: Value| json!({ "data": { "attributes": attributes } });
    let file = json!({ "fields": { "selfie_photo": { "filename": "a.txt", "data": "TWFya3Nkb3R0aXI=" } } });
    client.patch(&format!("/accounts/{p1}"), &attributes(file)).await.expect(200);
    let made = inquiry(client, p1).await;
    client
        .patch(&format!("/inquiries/{made}"), &attributes(json!({ "note": CANARY, "tags": ["vip"] })))
        .await
        .expect(200);
    let reason = Personal::new(format!("not {CANARY}"));
    let query = Some(Query { term: Some(Personal::new(CANARY.to_owned())), ..Query::default() });
    let new = NewReport { account: p1, template: ReportTemplate::id_of("watchlist"), query };
    reports::create(context, "test", &new).await.unwrap();
    house.scripted.find(&[finding("own:1", "a", 0.9)]);
    house.clock.advance(Duration::from_secs(1));
    let mut connection = context.store.connection().await.unwrap();
    for due in due::list_of_account(&mut connection, p1).await.unwrap() {
        let finished = house.perform(due).await;
        house.record(&[finished]).await;
    }
    let found = house.account("p1").await.hits;
    for hit in &found {
        hits::comment(context, "test", hit.id, &reason).await.unwrap();
    }
    decide(context, "test", found[0].id, Decision::Confirmed, Some(&reason)).await.unwrap();
    // A reason of the hit itself is kept from before decisions were of the account.
    let sealed = "update hits set sealed_reason = sealed_content returning hit_id::text";
    assert!(!house.texts(sealed).await.is_empty());
    // Paused, it has no due rows any more: another has.
    house.people(&["p2"]).await;
    assert!(house.run("p2").await);
    pause::pause_account(context, "test", "p1", Some(&reason)).await.unwrap();
    let action = client.get("/account-actions").await.expect(200).ids().remove(0);
    let run = json!({ "data": { "account-action-id": action, "parameters": { "risk": "high" } } });
    let request =
        client.request("POST", &format!("/accounts/{p1}/run-action")).header("idempotency-key", "one");
    let request = request.header("content-type", "application/json").body(run.to_string());
    client.send(request).await.expect(200);
    let kind = client.get("/transaction-types").await.expect(200).ids().remove(0);
    client
        .post(
            "/transactions",
            &attributes(
                json!({ "transaction-type-id": kind, "reference-id": "t-1", "fields": { "note": CANARY, "amount": 5 } }),
            ),
        )
        .await
        .expect(201);
    assert!(!house.texts("update monitors set tags = '{vip}' returning monitor_id::text").await.is_empty());
    let kept = "insert into kept_runs select * from whole_runs where sealed_content is not null returning run_id::text";
    assert!(!house.texts(kept).await.is_empty());
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_table_of_what_stays_and_what_goes_is_true(pool: PgPool) {
    let policies = [
        policy("accounts", "account", "redact", "1d", "from = \"creation\""),
        policy("payments", "transaction", "redact", "1d", "from = \"creation\""),
        policy("items", "list-item", "redact", "1d", "from = \"creation\""),
    ];
    let again =
        "[reverifications.again]\nafter-last-inquiry = \"365d\"\naccounts = { types = [\"individual\"] }\n";
    let house = House::new(&pool, &format!("{DAILY}{KYC}{ACTIONS}{again}{}", policies.concat())).await;
    let client = Client::start(&house).await;
    fill_everything(&house, &client).await;
    let context = &house.engine.context;
    let kind = watchkeeper::domain::list::ListKind::Strings;
    let list = watchkeeper::actions::lists::create(context, "test", kind, "watched").await.unwrap();
    let given = watchkeeper::domain::list::Given { value: Some(CANARY.to_owned()), ..Default::default() };
    watchkeeper::actions::lists::add_item(context, "test", (kind, list.id), &given).await.unwrap();
    house.enrol().await;
    refresh(&house).await;

    let table = table();
    let mut empty = Vec::new();
    for column in table.keys() {
        if filled(&house, column).await == 0 {
            empty.push(column);
        }
    }
    assert_eq!(empty, Vec::<&&str>::new(), "these columns were not filled, so nothing is known of them");
    house.clock.advance(DAY * 2);
    sweep(&house).await;
    let mut wrong = Vec::new();
    for (column, goes) in &table {
        if (filled(&house, column).await == 0) != *goes {
            wrong.push(column);
        }
    }
    assert_eq!(wrong, Vec::<&&str>::new(), "these columns are not as the table says");
    let dump = dump(&house).await;
    assert!(!dump.contains(CANARY));
}

/// Not of any one person: said beside the table.
const OTHER: [&str; 12] = [
    "audit_entries",
    "audit_head",
    "rescreens",
    "master_key_checks",
    "api_keys",
    "run_bases",
    "lists",
    "tags",
    "tag_renames",
    "account_actions",
    "importer_pieces",
    "pauses",
];

#[test]
fn the_table_names_every_column_that_could_be_about_a_person() {
    let text = include_str!("../../../migrations/columns.toml");
    let tables: BTreeMap<String, BTreeMap<String, toml::Value>> = toml::from_str(text).unwrap();
    let table = table();
    let mut missing = Vec::new();
    for (name, columns) in tables.iter().filter(|(name, _)| !OTHER.contains(&name.as_str())) {
        for (column, class) in columns {
            let class = class["class"].as_str().unwrap();
            let is_named = table.contains_key(format!("{name}.{column}").as_str());
            if ["sealed", "wrapped-key", "digest", "customer-plain"].contains(&class) && !is_named {
                missing.push(format!("{name}.{column}"));
            }
        }
    }
    assert_eq!(missing, [""; 0]);
}

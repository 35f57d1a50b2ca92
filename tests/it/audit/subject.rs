//! Subject access, driven from `migrations/columns.toml`: a table that nobody thought of cannot be forgotten.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use watchkeeper::{
    actions::{
        api_keys::{self, NewKey},
        audit::Wanted,
        export,
    },
    domain::id::{self, AccountId, Shard},
    http,
    store::{data_keys, export::ABOUT_NO_ACCOUNT},
    vault::{DataKey, Purpose},
};

use super::entries;
use crate::fixtures::{Client, DAILY, House};

/// What a text holds that a page must not take for its own.
const TEXT: &str = "<b>&text</b>";

fn tables() -> BTreeMap<String, toml::Table> {
    toml::from_str(include_str!("../../../migrations/columns.toml")).unwrap()
}

/// Tables that are not filled by hand: keys are real ones, the chain is the sequencer's.
const REAL: [&str; 4] = ["audit_entries", "audit_head", "audit_pending", "data_keys"];

/// An id that is the same for every column of a name.
fn id_of(column: &str, shard: Shard) -> Uuid {
    let column = match column {
        "target_id" | "destination_id" => "account_id",
        // Of a relation from a transaction to the account.
        "object_id" => "transaction_id",
        other => other,
    };
    Uuid::from_u128((id::stable("test", column, Shard(0)).as_u128() & !0xFF) | u128::from(shard.0))
}

/// A value for a column, as SQL writes it; none where it is to be null.
fn value(column: &str, kind: &str, sealed: Option<&[u8]>, shard: Shard, at: &str) -> Option<String> {
    let item = id::with_prefix("li", id_of("list_item_id", shard));
    Some(match (column, kind) {
        ("consolidated_into", _) => return None,
        ("shard" | "account_shard", _) => shard.0.to_string(),
        ("entity", _) => format!("'own:{item}'"),
        (_, "uuid") => format!("'{}'", id_of(column, shard)),
        (_, "text") => format!("'{TEXT}'"),
        (_, "jsonb") => format!("'{{\"said\": \"{TEXT}\"}}'"),
        (_, "xid8") => "'77'".to_owned(),
        (_, "boolean") => "true".to_owned(),
        (_, "timestamp with time zone") => format!("'{at}'"),
        (_, "date") => format!("'{at}'::timestamptz::date"),
        (_, "bytea") => {
            let digits: String =
                sealed.unwrap_or(&[7; 32]).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("'\\x{digits}'")
        }
        (_, array) if array.ends_with("[]") => "'{}'".to_owned(),
        _ => "77".to_owned(),
    })
}

fn canary(table: &str, column: &str) -> String {
    format!("canary {table} {column}")
}

/// Puts one row into each table, under no rule but the types of its columns.
async fn fill(conn: &mut PgConnection, key: &DataKey, shard: Shard, at: &str) {
    let run = async |conn: &mut PgConnection, statement: String| {
        sqlx::query(sqlx::AssertSqlSafe(statement.clone()))
            .execute(conn)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    };
    run(conn, "set session_replication_role = replica".to_owned()).await;
    for (table, columns) in tables().iter().filter(|(table, _)| !REAL.contains(&table.as_str())) {
        let checks: Vec<String> = sqlx::query_scalar(
            "select conname::text from pg_constraint where contype = 'c' and conrelid = $1::regclass and conislocal",
        )
        .bind(table)
        .fetch_all(&mut *conn)
        .await
        .unwrap();
        for check in checks {
            run(conn, format!("alter table {table} drop constraint if exists {check}")).await;
        }
        let kinds: Vec<(String, String)> = sqlx::query_as(
            "select attname::text, atttypid::regtype::text from pg_attribute where attrelid = $1::regclass \
             and attnum > 0 and not attisdropped and attgenerated = ''",
        )
        .bind(table)
        .fetch_all(&mut *conn)
        .await
        .unwrap();
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (column, kind) in kinds {
            let purpose = columns[&column].get("purpose").and_then(toml::Value::as_str);
            let purpose = Purpose::ALL.iter().find(|known| Some(known.label()) == purpose);
            let is_sealed = columns[&column]["class"].as_str() == Some("sealed");
            let sealed = purpose
                .filter(|_| is_sealed)
                .map(|purpose| key.seal(*purpose, &canary(table, &column)).unwrap());
            if let Some(value) = value(&column, &kind, sealed.as_deref(), shard, at) {
                names.push(column);
                values.push(value);
            }
        }
        let (names, values) = (names.join(", "), values.join(", "));
        run(conn, format!("insert into {table} ({names}) overriding system value values ({values}) on conflict do nothing")).await;
    }
    run(conn, "set session_replication_role = origin".to_owned()).await;
}

#[test]
fn every_table_is_exported_or_says_why_not() {
    let known: BTreeSet<String> = tables().into_keys().collect();
    for (table, reason) in ABOUT_NO_ACCOUNT {
        assert!(known.contains(table), "{table} is no table");
        assert!(!reason.is_empty(), "{table} says no reason");
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_export_has_a_row_of_every_table_that_can_hold_something_about_an_account(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let context = &house.engine.context;
    let shard = Shard(9);
    let account = AccountId(id_of("account_id", shard));
    let mut connection = context.store.connection().await.unwrap();
    let keys =
        data_keys::get_or_insert(&mut connection, &context.keyring, &[account.0], house.now()).await.unwrap();
    let mut filled = pool.acquire().await.unwrap();
    fill(&mut filled, &keys[&account.0], shard, &house.now().to_rfc3339()).await;
    filled.close().await.unwrap();

    let exported = export::export(context, "test", account).await.unwrap();
    let counts: BTreeMap<&str, usize> =
        exported.tables.iter().map(|(name, rows)| (*name, rows.len())).collect();
    let expected: BTreeSet<String> = tables()
        .into_keys()
        .filter(|table| !ABOUT_NO_ACCOUNT.iter().any(|(name, _)| name == table))
        .collect();
    let found: BTreeSet<String> =
        counts.iter().filter(|(_, rows)| **rows > 0).map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, expected);

    let document = exported.document().to_string();
    for (table, columns) in tables().iter().filter(|(table, _)| expected.contains(*table)) {
        for (column, class) in columns.iter().filter(|(_, class)| class["class"].as_str() == Some("sealed")) {
            let wanted = canary(table, column);
            let is_file =
                exported.files.iter().any(|(_, content)| content == format!("{wanted:?}").as_bytes());
            assert!(document.contains(&wanted) || is_file, "{table}.{column} is not opened: {class}");
        }
    }
    assert!(!document.contains("\\\\x"), "nothing sealed, no digest and no key is handed out");
    let page = http::export::page(&exported);
    assert!(!page.contains("<b>") && page.contains("&lt;b&gt;&amp;text"), "a page takes data as text");
    assert!(!page.contains("<script") && page.contains("default-src 'none'"));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_export_is_an_archive_needs_its_permission_and_is_audited(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a", "b"]).await;
    let account = house.account("a").await.id;
    let client = Client::start(&house).await;
    let answer = client.get(&format!("/accounts/{account}/export")).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/zip");
    assert_eq!(answer.bytes[..4], *b"PK\x03\x04");
    let text = String::from_utf8_lossy(&answer.bytes);
    assert!(text.contains("account.json") && text.contains("account.html") && text.contains("Person-a"));
    assert!(!text.contains("Person-b"), "nobody else is in it");
    client.get("/accounts/act_00000000000000000000000000/export").await.expect(404);
    let reads = NewKey { permissions: vec!["account.*".to_owned()], ..NewKey::default() };
    let (_, key) = api_keys::create(&house.engine.context, "test", reads).await.unwrap();
    let reader = client.with_key(&key.into_revealed());
    reader.get(&format!("/accounts/{account}/export")).await.expect(403);
    client.stop().await;
    let wanted = Wanted {
        object: Some(account.0),
        operation: Some("account.exported".to_owned()),
        ..Wanted::default()
    };
    let found = entries(&house, wanted).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].actor.as_str(), found[0].address.as_deref()), ("api-key:test", Some("127.0.0.1")));
}

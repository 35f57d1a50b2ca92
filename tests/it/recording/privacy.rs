//! Personal data is sealed wherever a run leaves it.

use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, PgPool};
use watchkeeper::{
    ambient::Random,
    domain::answer::Answer,
    store::data_keys,
    vault::{Purpose, WrappedKey},
};

use crate::fixtures::{DAILY, House, finding, keyring};

/// Marks in every personal field of an account, none of which may be readable in any row.
const FIELDS: [(&str, &str); 5] = [
    ("name", "Zorblax Quenneville"),
    ("other_names", "Mirabolt Quenneville"),
    ("birthdate", "1969-11-23"),
    ("email_address", "zorblax@mail.invalid"),
    ("address_city", "Quorlington"),
];

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn personal_fields_findings_and_inputs_stand_readable_in_no_row(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let (headers, cells): (Vec<_>, Vec<_>) = FIELDS.into_iter().unzip();
    house
        .import(&format!("reference_id,type,{}\nref-77,individual,{}\n", headers.join(","), cells.join(",")))
        .await;
    house.enrol().await;
    let mut found = finding("e:1", "A", 0.9);
    found.name = "Listed Brumblethwaite".to_owned();
    found.reasons[0].text = "Zorblax Quenneville is like Listed Brumblethwaite".to_owned();
    house.scripted.find(&[found]);
    assert!(house.run("ref-77").await);

    let marks: Vec<&str> = cells.iter().flat_map(|cell| cell.split(' ')).chain(["Brumblethwaite"]).collect();
    let tables = house.texts("select oid::regclass::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace").await;
    let mut rows = 0;
    let mut seen = String::new();
    for table in tables {
        let select =
            format!("select coalesce(string_agg(kept::text, ' '), ''), count(*) from {table} as kept");
        let (text, count): (String, i64) =
            sqlx::query_as(AssertSqlSafe(select)).fetch_one(&pool).await.unwrap();
        let text = text.to_lowercase();
        for mark in &marks {
            // PostgreSQL writes bytes in hexadecimal.
            let hex: String = mark.bytes().map(|byte| format!("{byte:02x}")).collect();
            assert!(!text.contains(&mark.to_lowercase()) && !text.contains(&hex), "{mark} is in {table}");
        }
        rows += count;
        seen.push_str(&text);
    }
    assert!(rows > 15, "the run left rows: {rows}");
    // What is plain on purpose is found in the same way.
    assert!(seen.contains("ref-77") && seen.contains("watchlist-match") && seen.contains("e:1"));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn sealed_content_opens_with_the_keyring_and_with_no_other(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    let monitor = house.due("p1").await.monitor;

    let mut connection = pool.acquire().await.unwrap();
    let keyring_of_house = &house.engine.context.keyring;
    let keys = data_keys::find_all(&mut connection, keyring_of_house, &[monitor.0]).await.unwrap();
    let key = &keys[&monitor.0];
    let sealed: Vec<u8> =
        sqlx::query_scalar("select sealed_content from runs").fetch_one(&pool).await.unwrap();
    let content: Map<String, Value> = key.open(Purpose::RunContent, &sealed).unwrap();
    assert_eq!(content["input"]["names"], serde_json::json!(["Test Person-p1"]));
    let answer: Answer = serde_json::from_value(content["answer"].clone()).unwrap();
    assert_eq!(answer.findings, [finding("e:1", "A", 0.9)]);
    assert!(key.open::<Value>(Purpose::HitContent, &sealed).is_err(), "nor is it taken for another purpose");

    let (key_id, master_key_id, wrapped) =
        sqlx::query_as("select key_id, master_key_id, wrapped from data_keys where object_id = $1")
            .bind(monitor.0)
            .fetch_one(&pool)
            .await
            .unwrap();
    let stored = WrappedKey { key_id, master_key_id, wrapped };
    assert!(keyring_of_house.unwrap(monitor.0, &stored).is_ok());
    assert!(keyring("first", 'b', Random::from_seed(7)).unwrap(monitor.0, &stored).is_err());
    assert!(keyring("second", 'a', Random::from_seed(7)).unwrap(monitor.0, &stored).is_err());
    assert!(keyring_of_house.unwrap(uuid::Uuid::nil(), &stored).is_err(), "nor for another object");
}

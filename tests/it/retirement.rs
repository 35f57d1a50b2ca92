//! Archiving, restoring and redacting accounts.

use std::time::Duration;

use chrono::TimeDelta;
use sqlx::PgPool;
use watchkeeper::{
    actions::{
        ActionError,
        accounts::{self, Edit},
        idempotency::{self, Claim},
        import::ImportOptions,
        inspect, pause, redact, retire,
    },
    domain::{
        id::{AccountId, ApiKeyId, Shard},
        personal::Personal,
    },
};

use crate::fixtures::{DAILY, House, finding};

async fn id(house: &House, reference: &str) -> AccountId {
    inspect::find_account(&house.engine.context, reference).await.unwrap().id
}

async fn archive(house: &House, reference: &str) {
    retire::archive(&house.engine.context, "test", id(house, reference).await).await.unwrap();
}

async fn restore(house: &House, reference: &str) {
    retire::restore(&house.engine.context, "test", id(house, reference).await).await.unwrap();
    house.enrol().await;
}

async fn redact(house: &House, reference: &str) {
    redact::redact(&house.engine.context, "test", id(house, reference).await).await.unwrap();
}

/// Everything that the database holds, as text.
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

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_archived_account_has_no_due_rows_and_is_screened_at_once_when_it_is_restored(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    house.run("p1").await;
    let slot = house.due("p1").await.slot;
    archive(&house, "p1").await;
    house.enrol().await;
    assert_eq!(house.all_due("p1").await, []);
    assert_eq!(house.account("p1").await.monitors[0].reason.as_deref(), Some("account-archived"));
    assert_eq!(house.all_due("p2").await.len(), 1, "others go on");

    house.clock.advance(Duration::from_mins(1));
    restore(&house, "p1").await;
    assert_eq!(house.due("p1").await.at, house.now());
    assert!(house.due("p1").await.slot > slot, "a slot under way at the archiving does not come back");
    let events = house.events().await;
    assert!(events.ends_with(&["account.archived".to_owned(), "account.restored".to_owned()]), "{events:?}");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_answer_that_comes_after_the_archiving_is_superseded(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("own:1", "a", 0.9)]);
    let finished = house.perform(house.due("p1").await).await;
    archive(&house, "p1").await;
    assert_eq!(house.record(&[finished]).await, [false]);
    assert_eq!(house.count("select count(*) from hits").await, 0);
    assert_eq!(house.texts("select outcome from runs").await, ["superseded"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_archived_account_refuses_whatever_is_written_to_it(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let context = &house.engine.context;
    let p1 = id(&house, "p1").await;
    archive(&house, "p1").await;
    let edit = Edit { tags_add: vec!["vip".to_owned()], ..Edit::default() };
    let refused = [
        accounts::edit_alone(context, "test", p1, &edit).await.map(drop),
        retire::archive(context, "test", p1).await,
        pause::pause_account(context, "test", "p1", None).await.map(drop),
        pause::resume_account(context, "test", "p1").await.map(drop),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(ActionError::Archived)), "{refused:?}");
    }
    let imported = house
        .import_as("reference_id,type,name\np1,individual,Another\n", &ImportOptions::default())
        .await
        .unwrap();
    assert_eq!(imported.bad.len(), 1, "{:?}", imported.bad);
    // Nor does anything select it: neither the queue nor a walk.
    sqlx::query("update schedules set enrol_shard = 0").execute(&house.pool).await.unwrap();
    sqlx::query("insert into enrol_queue (shard, account_id) select shard, account_id from accounts")
        .execute(&house.pool)
        .await
        .unwrap();
    house.enrol().await;
    assert_eq!(house.all_due("p1").await, []);
    let again = retire::restore(context, "test", p1).await;
    assert!(again.is_ok());
    let again = retire::restore(context, "test", p1).await;
    assert!(matches!(again, Err(ActionError::Refused(_))), "{again:?}");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_paused_account_that_was_archived_is_still_paused_when_it_is_restored(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    pause::pause_account(&house.engine.context, "test", "p1", None).await.unwrap();
    archive(&house, "p1").await;
    restore(&house, "p1").await;
    assert_eq!(house.all_due("p1").await, []);
    pause::resume_account(&house.engine.context, "test", "p1").await.unwrap();
    house.enrol().await;
    assert_eq!(house.all_due("p1").await.len(), 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn redacted_data_is_nowhere_and_what_is_not_personal_stays(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.import("reference_id,type,name,country_code,risk_rating,tags\np1,individual,Jane Marksdottir,DE,high,vip\n").await;
    house.enrol().await;
    house.scripted.find(&[finding("own:1", "a", 0.9)]);
    house.run("p1").await;
    let hit = house.account("p1").await.hits.remove(0).id;
    let reason = Personal::new("not Marksdottir".to_owned());
    let context = &house.engine.context;
    watchkeeper::actions::decide::decide(
        context,
        "test",
        hit,
        watchkeeper::actions::decide::Decision::Confirmed,
        Some(&reason),
    )
    .await
    .unwrap();
    pause::pause_account(context, "test", "p1", Some(&reason)).await.unwrap();
    let sealed = "select count(*) from (select sealed_fields from accounts union all select sealed_content from hits
                  union all select sealed_reason from hits union all select sealed_content from runs
                  union all select sealed_reason from account_pauses union all select sealed_reason from decisions) as all_of_them (sealed) where sealed <> ''";
    assert!(house.count(sealed).await >= 5);
    redact(&house, "p1").await;

    assert_eq!(house.count(sealed).await, 0, "no ciphertext is left");
    assert_eq!(
        house
            .count("select count(*) from data_keys where object_id <> '00000000-0000-0000-0000-000000000000'")
            .await,
        0,
        "nor a key"
    );
    assert!(!dump(&house).await.contains("Marksdottir"));
    let account = house.account("p1").await;
    assert_eq!(account.fields.keys().collect::<Vec<_>>(), ["country_code", "risk_rating"]);
    assert_eq!(
        (account.tags.as_slice(), account.reference_id.as_deref()),
        (&["vip".to_owned(), "watchlist-match".to_owned()][..], Some("p1"))
    );
    assert!(account.hits[0].finding.is_none() && account.hits[0].reason.is_none());
    assert_eq!(house.texts("select kind from events where kind = 'account.redacted'").await.len(), 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_answer_that_comes_after_the_redaction_writes_nothing_personal(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("own:1", "a", 0.9)]);
    let finished = house.perform(house.due("p1").await).await;
    redact(&house, "p1").await;
    assert_eq!(house.record(&[finished]).await, [false]);
    assert_eq!(house.texts("select outcome from runs where sealed_content is null").await, ["superseded"]);
    assert_eq!(house.count("select count(*) from hits").await, 0);
    assert_eq!(house.texts("select status from accounts").await, ["active"]);
    assert_eq!(house.count("select count(*) from account_tags").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_redacted_account_rests_until_it_is_filled_again(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.run("p1").await;
    redact(&house, "p1").await;
    let context = &house.engine.context;
    let p1 = id(&house, "p1").await;
    let again = redact::redact(context, "test", p1).await;
    assert!(matches!(again, Err(ActionError::Refused(_))), "{again:?}");
    sqlx::query("update schedules set enrol_shard = 0").execute(&house.pool).await.unwrap();
    house.enrol().await;
    assert_eq!(house.all_due("p1").await, [], "there is nothing to ask about");

    house.clock.advance(Duration::from_mins(1));
    let name = serde_json::json!({ "first": "Jane", "last": "Again" });
    let fields = serde_json::Map::from_iter([("name".to_owned(), name)]);
    accounts::edit_alone(context, "test", p1, &Edit { fields, ..Edit::default() }).await.unwrap();
    house.enrol().await;
    assert!(house.due("p1").await.at <= house.now() + TimeDelta::seconds(1));
    assert!(house.run("p1").await);
    assert!(house.account("p1").await.runs.iter().any(|run| run.outcome == "clear"));
    redact(&house, "p1").await;
    assert!(house.account("p1").await.fields.is_empty(), "the retention policy applies again");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_answer_that_was_made_before_a_redaction_is_not_kept_after_it(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let (context, account) = (&house.engine.context, id(&house, "p1").await);
    let key = ApiKeyId(context.new_uuid(Shard(0)));
    let claim = async |word: &[u8]| {
        let claim = idempotency::claim(context, key, word, b"request", TimeDelta::minutes(1)).await.unwrap();
        let Claim::Ours(claimed) = claim else { panic!("it is new: {claim:?}") };
        claimed
    };
    let of = (Some(account), Some(account.0));
    let answer = |redacted_at: serde_json::Value| serde_json::json!({"data": {"type": "account", "id": account, "attributes": {"redacted-at": redacted_at}}});
    let before = claim(b"before").await;
    redact(&house, "p1").await;
    idempotency::save(context, &before, 200, &answer(serde_json::Value::Null), of).await.unwrap();
    claim(b"before").await;

    // One that tells of it was made after it.
    let after = claim(b"after").await;
    let told = house.now().to_rfc3339();
    idempotency::save(context, &after, 200, &answer(told.into()), of).await.unwrap();
    assert_eq!(house.count("select count(*) from idempotency_replies where status is not null").await, 1);
}

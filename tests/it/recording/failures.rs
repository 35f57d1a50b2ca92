//! Failed attempts and failed runs: unknown is never clear.

use std::time::Duration;

use chrono::TimeDelta;
use sqlx::PgPool;
use watchkeeper::engine::record::commit;

use crate::fixtures::{DAILY, House, Reply, finding};

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_failed_run_is_an_error_that_keeps_the_last_answer_and_clears_nothing(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    let before = house.due("p1").await;
    let events = house.events().await;
    house.scripted.reply(Reply::Never);
    assert!(house.run("p1").await);

    let last =
        house.texts("select outcome || ' ' || failure || ' ' || changed from runs where slot = 1").await;
    assert_eq!(last, ["error refused false"]);
    let due = house.due("p1").await;
    assert_eq!((due.slot, due.attempts), (2, 0));
    assert!(due.at > house.now());
    assert!(before.last_digest.is_some());
    assert_eq!(due.last_digest, before.last_digest);
    assert_eq!(house.texts("select state from hits").await, ["open"]);
    let account = house.account("p1").await;
    assert_eq!((account.status.as_str(), account.tags.len()), ("under-review", 1));
    let told = house.events().await;
    assert_eq!(told.len(), events.len() + 1);
    assert!(told.contains(&"report/watchlist.errored".to_owned()));

    // The same answer as before the failure is no change.
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    assert_eq!(
        house.texts("select outcome || ' ' || changed from runs where slot = 2").await,
        ["match false"]
    );
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn failed_attempts_are_put_off_and_counted_until_the_last_one_errs(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}[engine]\nmax-attempts = 3\n")).await;
    house.people(&["p1"]).await;
    house.scripted.reply(Reply::Later);
    for attempts in 1..=2 {
        assert!(!house.run("p1").await);
        let due = house.due("p1").await;
        assert_eq!((due.slot, due.attempts), (0, attempts));
        assert!(due.at > house.now() && due.at <= house.now() + TimeDelta::seconds(10), "{}", due.at);
        assert_eq!(house.count("select count(*) from runs").await, 0);
    }
    assert!(house.run("p1").await);

    assert_eq!(house.texts("select outcome || ' ' || failure from runs").await, ["error server-error"]);
    let due = house.due("p1").await;
    assert_eq!((due.slot, due.attempts), (1, 0));
    // Every attempt at a slot carries the same key, and the next slot another.
    house.run("p1").await;
    let keys: Vec<String> = house.scripted.calls().into_iter().map(|call| call.key).collect();
    assert_eq!(keys.len(), 4);
    assert!(keys[0] == keys[1] && keys[1] == keys[2] && keys[2] != keys[3], "{keys:?}");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_rest_that_the_provider_asks_for_uses_up_no_attempt_and_puts_off_by_minutes_at_most(pool: PgPool) {
    let house =
        House::new(&pool, &format!("{DAILY}[engine]\nmax-attempts = 1\nretry-base = \"100ms\"\n")).await;
    house.people(&["p1"]).await;
    house.scripted.reply(Reply::RetryAfter(Duration::from_millis(1)));
    for _ in 0..5 {
        assert!(!house.run("p1").await);
    }
    house.scripted.reply(Reply::RetryAfter(Duration::from_hours(2)));
    assert!(!house.run("p1").await);

    let due = house.due("p1").await;
    assert_eq!((due.slot, due.attempts), (0, 0));
    assert!(due.at >= house.now() + TimeDelta::minutes(5), "{}", due.at);
    assert!(due.at <= house.now() + TimeDelta::minutes(5) + TimeDelta::seconds(1), "{}", due.at);
    assert_eq!(house.count("select count(*) from runs").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_failed_attempt_at_a_slot_that_moved_on_puts_nothing_off(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.reply(Reply::Later);
    let failed = house.perform(house.due("p1").await).await;
    house.scripted.find(&[]);
    house.run("p1").await;
    let before = house.due("p1").await;
    assert_eq!(house.record(&[failed]).await, [false]);
    assert_eq!(house.due("p1").await, before);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_without_a_name_or_that_does_not_open_is_an_error_and_asked_of_nobody(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.import("reference_id,type,country\np1,individual,DE\n").await;
    house.people(&["p2"]).await;
    sqlx::query(
        "update accounts set sealed_fields = set_byte(sealed_fields, 20, get_byte(sealed_fields, 20) # 1)",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert!(house.run("p1").await);
    assert!(house.run("p2").await);

    assert_eq!(
        house.texts("select outcome || ' ' || failure from runs order by recorded_at").await,
        ["error unscreenable", "error sealed-data"]
    );
    assert!(house.scripted.calls().is_empty());
    assert_eq!(house.count("select count(*) from monitor_due where slot = 1").await, 2);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_postponed_attempt_whose_commit_is_in_doubt_is_counted_once(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.reply(Reply::Later);
    let failed = [house.perform(house.due("p1").await).await];
    house.record(&failed).await;
    commit(&house.engine, &failed, true).await.unwrap();
    assert_eq!(house.due("p1").await.attempts, 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_reason_to_run_that_arrives_during_a_failing_attempt_is_not_put_off_with_it(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.run("p1").await;
    house.scripted.reply(Reply::Later);
    let failed = [house.perform(house.due("p1").await).await];
    house.import("reference_id,type,birthdate\np1,individual,1980\n").await;
    house.record(&failed).await;
    let due = house.due("p1").await;
    assert!(due.at <= house.now(), "{due:?}");
    assert_eq!(due.attempts, 0);
    assert_eq!(house.texts("select reason from wakeups").await, ["account-change"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_rest_beyond_all_calendars_puts_a_run_off(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.reply(Reply::RetryAfter(Duration::from_secs(u64::MAX)));
    assert!(!house.run("p1").await);
    assert!(house.due("p1").await.at > house.now());
}

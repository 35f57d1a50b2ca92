//! The whole engine at work on a database: lanes, recorders, enrolment.

use std::collections::BTreeSet;

use sqlx::PgPool;
use watchkeeper::{
    actions::{inspect, run_now},
    domain::id::Shard,
    providers::budget::Limits,
    store::wakeups,
};

use crate::fixtures::{DAILY, House, Reply, until};

/// The same for businesses, answered by the other provider.
const ELSEWHERE: &str = r#"
[schedules.elsewhere]
template = "elsewhere"
every = "1d"
accounts = { types = ["business"] }
"#;

async fn import(house: &House, kind: &str, count: usize) {
    let rows: String =
        (0..count).map(|number| format!("{kind}-{number},{kind},Test {kind}-{number}\n")).collect();
    house.import(&format!("reference_id,type,name\n{rows}")).await;
}

async fn runs(house: &House) -> i64 {
    house.count("select count(*) from runs").await
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn every_due_monitor_runs_exactly_once(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    import(&house, "individual", 300).await;
    let running = house.start();
    until("300 runs are recorded", async || runs(&house).await >= 300).await;
    running.stop().await;

    assert_eq!(runs(&house).await, 300);
    assert_eq!(house.count("select count(distinct monitor_id) from runs where outcome = 'clear'").await, 300);
    assert_eq!(house.count("select count(*) from monitor_due where slot = 1 and attempts = 0").await, 300);
    assert_eq!(house.count("select count(*) from wakeups").await, 0);
    let calls = house.scripted.calls();
    let keys: BTreeSet<&str> = calls.iter().map(|call| call.key.as_str()).collect();
    assert_eq!((calls.len(), keys.len()), (300, 300));
    assert_eq!(house.texts("select distinct trigger from runs").await, ["new-account"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_provider_that_fails_and_one_that_hangs_keep_no_other_lane_from_finishing(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{ELSEWHERE}")).await;
    import(&house, "individual", 50).await;
    import(&house, "business", 50).await;
    let of_others = "select count(*) from runs join monitors using (shard, monitor_id)
                     join schedules using (schedule_id) where schedules.name = 'elsewhere'";
    house.scripted.reply(Reply::Later);
    let running = house.start();
    until("the other lane is done", async || house.count(of_others).await == 50).await;
    until("every attempt of the failing lane is put off", async || {
        house.count("select count(*) from monitor_due where attempts = 1").await == 50
    })
    .await;
    assert_eq!(runs(&house).await, 50);
    running.stop().await;

    house.scripted.hold();
    for reference in ["individual-0", "business-0"] {
        let account = inspect::find_account(&house.engine.context, reference).await.unwrap();
        run_now::request(&house.engine.context, account.id).await.unwrap();
    }
    let running = house.start();
    house.scripted.asked(51).await;
    until("the other lane has done what was asked", async || house.count(of_others).await == 51).await;
    assert_eq!(runs(&house).await, 51);
    house.scripted.let_go();
    running.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn stopping_finishes_and_records_what_is_under_way_and_begins_nothing_new(pool: PgPool) {
    let limits = Limits { rate_per_second: None, burst: 1, concurrency: 4 };
    let house = House::limited(&pool, DAILY, limits).await;
    import(&house, "individual", 40).await;
    house.scripted.hold();
    let running = house.start();
    house.scripted.asked(4).await;
    running.stop.cancel();
    // Cancelled, and the calls still hang: the tasks wait for them.
    assert_eq!(runs(&house).await, 0);
    assert!(!running.tracker.is_empty());
    house.scripted.let_go();
    running.stop().await;

    let called = i64::try_from(house.scripted.calls().len()).unwrap();
    assert_eq!(runs(&house).await, called, "every call made is recorded");
    // Four calls, and as many as were waiting for their turn.
    assert!((4..=8).contains(&called), "{called}");
    assert_eq!(house.count("select count(*) from monitor_due where slot = 0").await, 40 - called);
    // The rest is done by the next process.
    let running = house.start();
    until("all runs are recorded", async || runs(&house).await == 40).await;
    running.stop().await;
    assert_eq!(house.count("select count(*) from monitor_due where slot = 1").await, 40);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn urgent_work_runs_before_a_backlog_of_routine_work(pool: PgPool) {
    let limits = Limits { rate_per_second: None, burst: 1, concurrency: 1 };
    let mut house = House::limited(&pool, "", limits).await;
    import(&house, "individual", 30).await;
    house.enrol().await;
    // A schedule that comes after its accounts: their first runs are routine, due within a second.
    house.configure(DAILY).await;
    house.enrol().await;
    assert_eq!(house.count("select count(*) from wakeups").await, 0);
    house.clock.advance(std::time::Duration::from_mins(1));

    house.scripted.hold();
    let running = house.start();
    house.scripted.asked(1).await;
    house.import("reference_id,type,name\nurgent,individual,Test urgent\n").await;
    until("the new account is enrolled", async || house.count("select count(*) from wakeups").await == 1)
        .await;
    house.scripted.let_go();
    until("all runs are recorded", async || runs(&house).await == 31).await;
    running.stop().await;

    let names: Vec<String> = house.scripted.calls().into_iter().map(|call| call.name).collect();
    assert_eq!(names.len(), 31);
    // One call was under way, and one waited for its turn, before the urgent one came.
    let place = names.iter().position(|name| name == "Test urgent").unwrap();
    assert!(place <= 2, "it was number {place} of {names:?}");
    let triggers = "select trigger || ' ' || count(*) from runs group by trigger order by 1";
    assert_eq!(house.texts(triggers).await, ["first 30", "new-account 1"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn urgent_work_that_is_put_off_or_paused_hides_no_other(pool: PgPool) {
    let second = DAILY.replace("daily", "second").replace("individual", "business");
    let house = House::new(&pool, &format!("{DAILY}{second}")).await;
    for (kind, count) in [("individual", 4), ("business", 1)] {
        import(&house, kind, count).await;
        house.enrol().await;
        house.clock.advance(std::time::Duration::from_secs(1));
    }
    let mut connection = house.engine.context.store.connection().await.unwrap();
    let (lane, shards): (_, Vec<Shard>) = (house.engine.plan.providers[0].lane, Shard::all().collect());
    let mut list = async |paused: &[i32]| -> Vec<String> {
        let listed = wakeups::list(&mut connection, lane, &shards, house.now(), paused, 2).await.unwrap();
        listed.into_iter().map(|(due, _)| due.monitor.to_string()).collect()
    };
    let monitor = async |reference: &str| house.account(reference).await.monitors[0].id.clone();
    let business = monitor("business-0").await;
    assert!(!list(&[]).await.contains(&business), "others are older");

    let daily = *house.engine.plan.schedules.iter().find(|(_, one)| one.schedule.name == "daily").unwrap().0;
    assert_eq!(list(&[daily]).await, std::slice::from_ref(&business));
    sqlx::query(
        "update monitor_due set next_run_at = 'infinity' where monitor_id in (
             select monitor_id from wakeups order by created_at, monitor_id limit 4)",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(list(&[]).await, [business]);
}

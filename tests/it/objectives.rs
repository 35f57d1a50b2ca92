//! Objectives: work in the order of deadlines where a budget is short, metrics, and one event for each change.

use std::time::Duration;

use sqlx::PgPool;
use watchkeeper::{engine::objectives::Objectives, providers::budget::Limits, telemetry::metrics::Form};

use crate::fixtures::{House, UNLIMITED, until};

/// One provider: individuals soon, businesses some time.
const BOTH: &str = r#"
[schedules.soon]
template = "watchlist"
every = "1d"
objective = "1h"
accounts = { types = ["individual"] }
[schedules.some-time]
template = "watchlist"
every = "7d"
objective = "3d"
accounts = { types = ["business"] }
"#;

async fn house(pool: &PgPool, limits: Limits, each: usize) -> House {
    let house = House::limited(pool, BOTH, limits).await;
    for kind in ["individual", "business"] {
        let rows: String =
            (0..each).map(|number| format!("{kind}-{number},{kind},Test {kind}-{number}\n")).collect();
        house.import(&format!("reference_id,type,name\n{rows}")).await;
    }
    house.enrol().await;
    // Routine work, not first runs that somebody waits for.
    for statement in ["delete from wakeups", "update monitor_due set slot = 1, wanted = 0"] {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
    house
}

/// Has the monitors of a schedule be due so many minutes ago.
async fn due_since(house: &House, schedule: &str, minutes: i32) {
    sqlx::query(
        "update monitor_due as due set next_run_at = $2 - make_interval(mins => $3)
         from schedules where schedules.schedule_id = due.schedule_id and schedules.name = $1",
    )
    .bind(schedule)
    .bind(house.now())
    .bind(minutes)
    .execute(&house.pool)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn where_a_budget_is_short_the_earliest_deadlines_go_first_and_none_starves(pool: PgPool) {
    const EACH: usize = 60;
    let limits = Limits { rate_per_second: Some(40.0), burst: 1, concurrency: 1 };
    let house = house(&pool, limits, EACH).await;
    // By their time the businesses would come first; of these, one alone is past its deadline.
    due_since(&house, "soon", 30).await;
    due_since(&house, "some-time", 10 * 60).await;
    sqlx::query(
        "update monitor_due set next_run_at = next_run_at - interval '4 days'
         where monitor_id = (select monitor_id from monitors join accounts using (account_id)
                             where reference_id = 'business-7')",
    )
    .execute(&pool)
    .await
    .unwrap();
    let running = house.start();
    until("all runs are recorded", async || house.count("select count(*) from runs").await == 120).await;
    running.stop().await;
    let names: Vec<String> = house.scripted.calls().into_iter().map(|call| call.name).collect();
    assert_eq!(names.len(), 2 * EACH);
    // Shards are read a few at a time, so the order is that of deadlines within a round of the shards.
    let early = names[..48].iter().filter(|name| name.starts_with("Test business")).count();
    assert!(early <= 12, "{early} of the first 48 calls were about businesses: {names:?}");
    let late = names.iter().position(|name| name == "Test business-7").unwrap();
    assert!(late <= 60, "the one that is past its deadline was number {late}");
    let triggers = "select trigger || ' ' || count(*) from runs group by trigger";
    assert_eq!(house.texts(triggers).await, ["interval 120"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn rows_that_do_not_name_their_schedule_run_and_are_named_by_the_next_walk(pool: PgPool) {
    let house = house(&pool, UNLIMITED, 5).await;
    due_since(&house, "soon", 1).await;
    due_since(&house, "some-time", 1).await;
    sqlx::query("update monitor_due set schedule_id = 0").execute(&pool).await.unwrap();
    let running = house.start();
    until("all runs are recorded", async || house.count("select count(*) from runs").await == 10).await;
    running.stop().await;
    assert_eq!(house.count("select count(*) from monitor_due where schedule_id = 0").await, 10);
    sqlx::query("update schedules set enrol_shard = 0, enrol_after = null").execute(&pool).await.unwrap();
    house.enrol().await;
    let named = "select count(*) from monitor_due join monitors using (shard, monitor_id)
                 where monitor_due.schedule_id = monitors.schedule_id";
    assert_eq!(house.count(named).await, 10);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_schedule_tells_once_that_it_misses_its_objective_and_once_that_it_meets_it_again(pool: PgPool) {
    let house = house(&pool, UNLIMITED, 2).await;
    let look = async || house.finish(Objectives::new(house.engine.clone())).await;
    let told = async || {
        house
            .texts(
                "select kind || ' ' || (detail ->> 'schedule') || ' ' || (detail ->> 'late-seconds') from events
                 where kind like 'schedule.%' order by occurred_at, event_id",
            )
            .await
    };
    due_since(&house, "soon", 59).await;
    due_since(&house, "some-time", 600).await;
    look().await;
    assert_eq!(told().await, [""; 0]);
    house.clock.advance(Duration::from_mins(2));
    for _ in 0..3 {
        look().await;
    }
    assert_eq!(told().await, ["schedule.objective-missed soon 3660"]);
    let metrics = || house.engine.metrics.encode(Form::Plain);
    let has = |line: &str| assert!(metrics().contains(line), "{line} is not in {}", metrics());
    has("watchkeeper_schedule_objective_seconds{schedule=\"soon\"} 3600.0");
    has("watchkeeper_schedule_objective_missed{schedule=\"soon\"} 1");
    has("watchkeeper_schedule_objective_missed{schedule=\"some-time\"} 0");
    has("watchkeeper_schedule_oldest_due_age_seconds{schedule=\"soon\"} 3660.0");
    let missed = "select to_char(missed_since at time zone 'UTC', 'HH24:MI') from schedules where missed_since is not null";
    assert_eq!(house.texts(missed).await, ["09:01"], "since the deadline, not since it was seen");

    house.run("individual-0").await;
    house.run("business-0").await;
    has("watchkeeper_runs_beyond_objective_total{schedule=\"soon\"} 1");
    assert!(
        !metrics().contains("runs_beyond_objective_total{schedule=\"some-time\"}"),
        "ten hours of three days"
    );
    look().await;
    assert_eq!(told().await.len(), 1, "the other still waits");
    house.run("individual-1").await;
    look().await;
    look().await;
    assert_eq!(told().await, ["schedule.objective-missed soon 3660", "schedule.objective-met soon 0"]);
    has("watchkeeper_schedule_objective_missed{schedule=\"soon\"} 0");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn rows_that_wait_in_the_lane_of_a_former_provider_or_do_not_name_their_schedule_count_for_the_objective(
    pool: PgPool,
) {
    let house = house(&pool, UNLIMITED, 2).await;
    let look = async || house.finish(Objectives::new(house.engine.clone())).await;
    let told = async || {
        house
            .texts(
                "select kind || ' ' || (detail ->> 'late-seconds') from events where kind like 'schedule.%'",
            )
            .await
    };
    due_since(&house, "soon", 90).await;
    let one = "(select min(monitor_id::text)::uuid from monitor_due join schedules using (schedule_id) where name = 'soon')";
    sqlx::query("insert into providers (name, created_at) values ('former', now())")
        .execute(&pool)
        .await
        .unwrap();
    // The provider was changed: no run of the lane that the configuration now names can tell of it.
    sqlx::query(
        "update monitor_due set lane = (select provider_id from providers where name = 'former')
         where schedule_id = (select schedule_id from schedules where name = 'soon')",
    )
    .execute(&pool)
    .await
    .unwrap();
    look().await;
    assert_eq!(told().await, ["schedule.objective-missed 5400"]);
    // One that does not name its schedule waits longer still.
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "update monitor_due set schedule_id = 0, next_run_at = next_run_at - interval '1 hour' where monitor_id = {one}"
    )))
    .execute(&pool)
    .await
    .unwrap();
    look().await;
    let shown = house.engine.metrics.encode(Form::Plain);
    let wait = "watchkeeper_schedule_oldest_due_age_seconds{schedule=\"soon\"} 9000.0";
    assert!(shown.contains(wait), "{shown}");
    assert_eq!(told().await.len(), 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_is_overdue_and_does_not_name_its_schedule_is_not_moved_behind_the_mark_of_its_queue(
    pool: PgPool,
) {
    let house = house(&pool, UNLIMITED, 2).await;
    due_since(&house, "soon", 10).await;
    due_since(&house, "some-time", -60).await;
    sqlx::query("update monitor_due set schedule_id = 0").execute(&pool).await.unwrap();
    sqlx::query("update schedules set enrol_shard = 0, enrol_after = null").execute(&pool).await.unwrap();
    house.enrol().await;
    let unnamed = "select name from monitor_due join monitors using (shard, monitor_id)
                   join schedules on schedules.schedule_id = monitors.schedule_id
                   where monitor_due.schedule_id = 0";
    assert_eq!(house.texts(unnamed).await, ["soon", "soon"], "the others are not due");
    let running = house.start();
    until("both are recorded", async || house.count("select count(*) from runs").await == 2).await;
    running.stop().await;
    sqlx::query("update schedules set enrol_shard = 0, enrol_after = null").execute(&pool).await.unwrap();
    house.enrol().await;
    assert_eq!(house.texts(unnamed).await, [""; 0]);
}

//! Pausing and resuming: everything, a provider, a schedule, an account.

use std::time::Duration;

use chrono::TimeDelta;
use sqlx::PgPool;
use watchkeeper::{
    actions::{
        inspect,
        pause::{self, Target},
    },
    domain::{monitor::MonitorState, personal::Personal},
    engine::{pauses::Poll, task::Task},
    store::monitors,
};

use crate::fixtures::{DAILY, House, until};

/// The same for businesses, answered by the other provider.
const ELSEWHERE: &str = r#"
[schedules.elsewhere]
template = "elsewhere"
every = "1d"
accounts = { types = ["business"] }
"#;

const RUNS: &str = "select count(*) from runs where outcome <> 'superseded'";
const DUE: &str = "select count(*) from monitor_due";

fn schedule(name: &str) -> Target {
    Target::Schedule(name.to_owned())
}

fn provider(name: &str) -> Target {
    Target::Provider(name.to_owned())
}

async fn pause(house: &House, target: &Target) {
    let changed = pause::pause(&house.engine.context, "cli:ops", target, Some("maintenance")).await.unwrap();
    assert!(changed.changed);
    refresh(house).await;
}

async fn resume(house: &House, target: &Target) {
    assert!(pause::resume(&house.engine.context, "cli:ops", target).await.unwrap().changed);
    refresh(house).await;
}

/// What a process does twice a second.
async fn refresh(house: &House) {
    Poll::new(house.engine.clone()).activate().await.unwrap();
}

async fn pause_account(house: &House, reference: &str, reason: &str) {
    let reason = Personal::new(reason.to_owned());
    let context = &house.engine.context;
    assert!(pause::pause_account(context, "cli:ops", reference, Some(&reason)).await.unwrap().changed);
}

async fn resume_account(house: &House, reference: &str) {
    assert!(pause::resume_account(&house.engine.context, "cli:ops", reference).await.unwrap().changed);
    house.enrol().await;
}

async fn state(house: &House, reference: &str) -> (&'static str, Option<String>) {
    let monitor = house.account(reference).await.monitors.remove(0);
    (monitor.state, monitor.reason)
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn while_everything_is_paused_nothing_is_asked_and_resumed_all_of_it_runs(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{ELSEWHERE}")).await;
    house.people(&["p1", "p2"]).await;
    pause(&house, &Target::Everything).await;
    let running = house.start();
    // Enrolment goes on: an account that comes meanwhile is there to be run.
    house.import("reference_id,type,name\nb1,business,Test b1\n").await;
    until("the new account is enrolled", async || house.count(DUE).await == 3).await;
    running.stop().await;
    assert_eq!((house.scripted.calls().len(), house.other.calls().len()), (0, 0));
    assert_eq!(house.count(DUE).await, 3, "the due rows stand");

    resume(&house, &Target::Everything).await;
    let running = house.start();
    until("all runs are recorded", async || house.count(RUNS).await == 3).await;
    running.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_running_engine_hears_of_a_pause_and_of_its_end(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let running = house.start();
    pause::pause(&house.engine.context, "cli:ops", &Target::Everything, None).await.unwrap();
    until("the engine knows", async || house.engine.pauses.everything()).await;
    house.people(&["p1"]).await;
    pause::resume(&house.engine.context, "cli:ops", &Target::Everything).await.unwrap();
    until("the run is recorded", async || house.count(RUNS).await == 1).await;
    running.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_paused_provider_is_asked_nothing_and_the_others_are(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{ELSEWHERE}")).await;
    house.people(&["p1"]).await;
    house.import("reference_id,type,name\nb1,business,Test b1\n").await;
    house.enrol().await;
    pause(&house, &provider("scripted")).await;
    let lanes = [house.engine.plan.providers[0].lane, house.engine.plan.providers[1].lane];
    assert_eq!(lanes.map(|lane| house.engine.pauses.provider(lane)), [true, false]);
    let running = house.start();
    until("the other provider is asked", async || house.count(RUNS).await == 1).await;
    running.stop().await;
    assert_eq!((house.scripted.calls().len(), house.other.calls().len()), (0, 1));
    assert_eq!(house.count(DUE).await, 2);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn calls_under_way_are_recorded_and_those_that_wait_for_a_permit_are_not_begun(pool: PgPool) {
    let limits = watchkeeper::providers::budget::Limits { rate_per_second: None, burst: 1, concurrency: 2 };
    let house = House::limited(&pool, DAILY, limits).await;
    house.people(&["p1", "p2", "p3", "p4", "p5"]).await;
    house.scripted.hold();
    let running = house.start();
    house.scripted.asked(2).await;
    pause(&house, &provider("scripted")).await;
    house.scripted.let_go();
    until("the calls under way are recorded", async || house.count(RUNS).await == 2).await;
    running.stop().await;
    assert_eq!(house.scripted.calls().len(), 2);
    assert_eq!(house.count("select count(*) from monitor_due where slot = 0").await, 3);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_paused_schedule_loses_its_due_rows_and_gets_them_back_in_their_place(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2", "p3"]).await;
    house.run("p1").await;
    house.run("p2").await;
    let next = house.due("p1").await.at;
    assert!(next > house.now());
    pause(&house, &schedule("daily")).await;
    house.enrol().await;
    assert_eq!(house.count(DUE).await, 0);
    assert_eq!(state(&house, "p1").await, ("paused", Some("schedule-paused".to_owned())));

    // Changed while it was paused: it wants a run at once.
    house.clock.advance(Duration::from_mins(1));
    house.import("reference_id,type,name\np2,individual,Another Name\n").await;
    house.people(&["p4"]).await;
    assert_eq!(house.count("select count(*) from monitors").await, 3, "a new account gets none");
    house.clock.advance(Duration::from_mins(1));
    resume(&house, &schedule("daily")).await;
    house.enrol().await;
    assert_eq!(house.due("p1").await.at, next, "neither put off nor brought forward");
    assert!(house.due("p1").await.slot > 1, "a slot under way at the pause does not come back");
    assert_eq!(house.due("p2").await.at, house.now());
    assert!(house.due("p3").await.at <= house.now(), "it never ran");
    assert_eq!(house.due("p4").await.slot, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_slot_that_a_pause_outlasted_runs_once_when_it_is_resumed(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.run("p1").await;
    pause(&house, &schedule("daily")).await;
    house.enrol().await;
    house.clock.advance(Duration::from_hours(24 * 10));
    resume(&house, &schedule("daily")).await;
    house.enrol().await;
    assert_eq!(house.due("p1").await.at, house.now());
    house.run("p1").await;
    let next = house.due("p1").await.at;
    assert!(next > house.now() && next <= house.now() + TimeDelta::days(1), "{next}");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn due_rows_that_enrolment_has_not_taken_away_yet_are_passed_over_and_found_again(pool: PgPool) {
    let house = House::new(
        &pool,
        &format!("{DAILY}{}", ELSEWHERE.replace("\"elsewhere\"\nevery", "\"watchlist\"\nevery")),
    )
    .await;
    house.people(&["p1", "p2"]).await;
    house.import("reference_id,type,name\nb1,business,Test b1\n").await;
    house.enrol().await;
    // The pause is known, and no walk has begun: another process has the schedule's row.
    let mut held = pool.begin().await.unwrap();
    pause(&house, &schedule("daily")).await;
    sqlx::query("select from schedules for update").execute(&mut *held).await.unwrap();
    let running = house.start();
    until("the other schedule's run is recorded", async || house.count(RUNS).await == 1).await;
    assert_eq!(house.count(DUE).await, 3);
    held.rollback().await.unwrap();
    until("enrolment takes them away", async || house.count(DUE).await == 1).await;
    pause::resume(&house.engine.context, "cli:ops", &schedule("daily")).await.unwrap();
    until("the others run", async || house.count(RUNS).await == 3).await;
    running.stop().await;
    assert_eq!(house.scripted.calls().len(), 3);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_that_changes_under_a_paused_schedule_is_not_taken_up(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    // The queue gets there before the walk does.
    pause::pause(&house.engine.context, "cli:ops", &schedule("daily"), None).await.unwrap();
    house.people(&["p1", "p2"]).await;
    assert_eq!(house.count(DUE).await, 0);
    assert_eq!(state(&house, "p1").await.0, "paused");
    assert_eq!(house.account("p2").await.monitors.len(), 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_is_paused_at_once_and_an_answer_under_way_is_superseded(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    let under_way = house.perform(house.due("p1").await).await;
    pause_account(&house, "p1", "Jane Doe asked for it").await;
    assert_eq!(house.all_due("p1").await, []);
    assert_eq!(house.record(&[under_way]).await, [false]);
    assert_eq!(state(&house, "p1").await, ("paused", Some("account-paused".to_owned())));
    assert_eq!(state(&house, "p2").await.0, "active");

    // Neither its own change nor a walk takes it up.
    house.import("reference_id,type,name\np1,individual,Another Name\n").await;
    house.enrol().await;
    watchkeeper::engine::upkeep::start_walks(&house.engine).await.unwrap();
    house.enrol().await;
    assert_eq!(state(&house, "p1").await.0, "paused");
    resume_account(&house, "p1").await;
    assert_eq!(state(&house, "p1").await, ("active", None));
    assert_eq!(house.due("p1").await.at, house.now());
    assert_eq!(house.texts("select reason from wakeups where reason = 'resumed'").await, ["resumed"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_new_schedule_makes_no_monitor_of_a_paused_account_until_it_is_resumed(pool: PgPool) {
    let mut house = House::new(&pool, "").await;
    house.people(&["p1", "p2"]).await;
    pause_account(&house, "p1", "why").await;
    house.configure(DAILY).await;
    house.enrol().await;
    assert_eq!(house.account("p1").await.monitors.len(), 0);
    assert_eq!(house.account("p2").await.monitors.len(), 1);
    resume_account(&house, "p1").await;
    assert_eq!(state(&house, "p1").await.0, "active");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_two_pauses_stop_runs_when_both_are_over(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    pause_account(&house, "p1", "why").await;
    pause(&house, &schedule("daily")).await;
    house.enrol().await;
    resume_account(&house, "p1").await;
    assert_eq!(state(&house, "p1").await, ("paused", Some("schedule-paused".to_owned())));
    pause_account(&house, "p2", "why").await;
    resume(&house, &schedule("daily")).await;
    house.enrol().await;
    assert_eq!((state(&house, "p1").await.0, state(&house, "p2").await.0), ("active", "paused"));
    resume_account(&house, "p2").await;
    assert_eq!(state(&house, "p2").await.0, "active");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn pausing_twice_and_resuming_twice_succeeds_and_happens_once(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let context = &house.engine.context;
    for target in [Target::Everything, provider("other"), schedule("daily")] {
        let mut changes = Vec::new();
        for _ in 0..2 {
            changes.push(pause::pause(context, "cli:ops", &target, None).await.unwrap().changed);
        }
        for _ in 0..2 {
            changes.push(pause::resume(context, "cli:ops", &target).await.unwrap().changed);
        }
        assert_eq!(changes, [true, false, true, false], "{target:?}");
    }
    pause_account(&house, "p1", "why").await;
    assert!(!pause::pause_account(context, "cli:other", "p1", None).await.unwrap().changed);
    resume_account(&house, "p1").await;
    assert!(!pause::resume_account(context, "cli:ops", "p1").await.unwrap().changed);
    let told = "select kind || coalesce(' ' || (detail ->> 'scope'), '') from events
                where kind like '%pause%' or kind like '%resume%' order by occurred_at, event_id";
    let mut told = house.texts(told).await;
    told.sort();
    let expected = [
        "account.paused",
        "account.resumed",
        "pause.began everything",
        "pause.began provider",
        "pause.began schedule",
        "pause.ended everything",
        "pause.ended provider",
        "pause.ended schedule",
    ];
    assert_eq!(told, expected);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_name_that_nothing_has_is_refused_with_those_that_there_are(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let context = &house.engine.context;
    let error = pause::pause(context, "cli:ops", &provider("yente"), None).await.unwrap_err();
    assert_eq!(error.to_string(), r#"there is no provider "yente"; there are: other, scripted"#);
    let error = pause::resume(context, "cli:ops", &schedule("weekly")).await.unwrap_err();
    assert_eq!(error.to_string(), r#"there is no schedule "weekly"; there are: daily"#);
    let error = pause::pause_account(context, "cli:ops", "nobody", None).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no account of that id or reference id");
    assert_eq!(house.count("select count(*) from pauses").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_is_paused_is_shown_and_an_accounts_reason_only_to_who_has_the_keys(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    pause(&house, &provider("other")).await;
    pause_account(&house, "p1", "Jane Doe asked for it").await;
    refresh(&house).await;

    let list = pause::list(&house.engine.context, 10).await.unwrap();
    assert_eq!((list.pauses.len(), list.accounts.len()), (1, 1));
    assert_eq!(list.pauses[0].reason.as_deref(), Some("maintenance"));
    assert_eq!(list.accounts[0].reason.as_deref(), Some("Jane Doe asked for it"));
    let sealed =
        "select count(*) from account_pauses where position('Jane' in encode(sealed_reason, 'escape')) = 0";
    assert_eq!(house.count(sealed).await, 1);

    let details = house.engine.health.details();
    assert_eq!(details["pauses"][0]["name"], "other");
    assert_eq!(details["pauses"][0]["actor"], "cli:ops");
    assert_eq!(details["paused-accounts"], 1);
    assert!(house.engine.health.reasons().is_empty(), "paused, and ready");
    let status = inspect::status(&house.engine.context).await.unwrap();
    assert_eq!((status.pauses.len(), status.paused_accounts), (1, 1));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_process_that_starts_knows_what_is_paused_before_it_runs_anything(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    pause(&house, &Target::Everything).await;
    let anew = watchkeeper::engine::pauses::Pauses::default();
    assert!(!anew.everything());
    let mut connection = house.engine.context.store.connection().await.unwrap();
    assert!(anew.refresh(&mut connection).await.unwrap());
    assert!(anew.everything());
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_was_held_or_quarantined_since_it_was_seen_active_is_not_paused_over(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2", "p3"]).await;
    let mut connection = house.engine.context.store.connection().await.unwrap();
    let mut listed = Vec::new();
    for reference in ["p1", "p2", "p3"] {
        listed.push(house.due(reference).await.monitor);
    }
    for (monitor, state) in listed.iter().zip([MonitorState::Held, MonitorState::Quarantined]) {
        monitors::save_stopped(&mut connection, &[*monitor], state, "test", house.now()).await.unwrap();
    }
    let state = MonitorState::Paused;
    let paused =
        monitors::save_stopped(&mut connection, &listed, state, "account-paused", house.now()).await.unwrap();
    assert_eq!(paused, listed[2..]);
    let states = "select state from monitors order by state";
    assert_eq!(house.texts(states).await, ["held", "paused", "quarantined"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn neither_a_pause_nor_its_end_lets_a_monitor_out_of_quarantine(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let mut connection = house.engine.context.store.connection().await.unwrap();
    let monitor = house.due("p1").await.monitor;
    let state = MonitorState::Quarantined;
    monitors::save_stopped(&mut connection, &[monitor], state, "test", house.now()).await.unwrap();
    pause(&house, &schedule("daily")).await;
    house.enrol().await;
    resume(&house, &schedule("daily")).await;
    house.enrol().await;
    pause_account(&house, "p1", "why").await;
    resume_account(&house, "p1").await;
    assert_eq!(self::state(&house, "p1").await.0, "quarantined");
}

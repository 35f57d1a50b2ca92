//! How such reports run: at once, again, never again; and what stops them.

use sqlx::PgPool;
use watchkeeper::{
    actions::{
        ActionError,
        pause::{self, Target},
        reports, retire,
    },
    domain::{monitor::MonitorState, report::ReportStatus},
};

use super::{DAY, TEMPLATES, account, ask, asked, due_of, is_due, named, run, view};
use crate::fixtures::{House, Reply, finding, until};

const NOBODY: &str = TEMPLATES;

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_report_runs_at_once_and_one_without_recurrence_never_again(pool: PgPool) {
    let house = House::new(&pool, NOBODY).await;
    house.people(&["p1"]).await;
    let report = ask(&house, "p1", "watchlist", None).await;
    let pending = view(&house, report).await;
    assert_eq!((pending.status, pending.is_recurring), (ReportStatus::Pending, false));
    assert_eq!(house.texts("select reason from wakeups").await, ["run-now"], "ahead of routine work");

    assert!(run(&house, "p1", report).await);
    let ready = view(&house, report).await;
    assert_eq!((ready.status, ready.has_match), (ReportStatus::Ready, false));
    assert_eq!((ready.is_continuous, ready.is_recurring), (false, false));
    assert!(!is_due(&house, report).await, "it is done");
    assert_eq!(house.count("select count(*) from wakeups").await, 0);
    // Neither enrolment nor a change of the account takes it up again.
    house.import("reference_id,type,name\np1,individual,Another Name\n").await;
    house.enrol().await;
    assert!(!is_due(&house, report).await);

    reports::run(&house.engine.context, "test", report).await.unwrap();
    assert!(run(&house, "p1", report).await);
    assert!(view(&house, report).await.is_continuous, "it has been run more than once");
    assert!(!is_due(&house, report).await);
    assert_eq!(house.texts("select outcome from runs order by slot").await, ["clear", "clear"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_report_recurs_on_its_own_grid_and_a_question_of_its_own_never_changes(pool: PgPool) {
    let house = House::new(&pool, NOBODY).await;
    house.people(&["p1"]).await;
    let began = house.now();
    let frozen = ask(&house, "p1", "monthly", named("Jane Doe")).await;
    let live = ask(&house, "p1", "monthly", None).await;
    let second = ask(&house, "p1", "monthly", None).await;
    for report in [frozen, live, second] {
        assert!(run(&house, "p1", report).await);
        let next = due_of(&house, "p1", report).await.unwrap().at;
        let days = (next - began).as_seconds_f64() / DAY.as_secs_f64();
        assert!((days - 30.0).abs() < 0.001, "{days} days after it was asked for");
        assert!(view(&house, report).await.is_recurring);
    }
    assert_eq!(asked(&house), ["Jane Doe", "Test Person-p1", "Test Person-p1"]);

    house.import("reference_id,type,name\np1,individual,Another Name\n").await;
    let now = house.now();
    let woken = |at: chrono::DateTime<chrono::Utc>| at <= now;
    assert!(!woken(due_of(&house, "p1", frozen).await.unwrap().at), "it does not ask about the account");
    assert!(woken(due_of(&house, "p1", live).await.unwrap().at));
    house.clock.advance(DAY * 30);
    for report in [frozen, live] {
        assert!(run(&house, "p1", report).await);
    }
    assert_eq!(asked(&house)[3..], ["Jane Doe", "Another Name"]);
    // The run because of the change moved no grid.
    let next = due_of(&house, "p1", frozen).await.unwrap().at;
    assert!((next - began).num_days() >= 59, "{next}");
    let sealed = house.texts("select sealed_query::text from monitors where sealed_query is not null").await;
    assert_eq!(sealed.len(), 1);
    assert!(!sealed[0].contains(&"Jane".bytes().map(|byte| format!("{byte:02x}")).collect::<String>()));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn news_are_told_with_the_names_that_integrators_know(pool: PgPool) {
    let house = House::new(&pool, NOBODY).await;
    house.people(&["p1"]).await;
    let report = ask(&house, "p1", "monthly", None).await;
    assert!(run(&house, "p1", report).await);
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "A", 0.9)]);
    house.clock.advance(DAY * 30);
    assert!(run(&house, "p1", report).await);
    house.clock.advance(DAY * 30);
    assert!(run(&house, "p1", report).await, "the same again");
    house.scripted.reply(Reply::Never);
    for _ in 0..2 {
        house.clock.advance(DAY * 30);
        assert!(run(&house, "p1", report).await);
    }
    let errored = view(&house, report).await;
    assert_eq!((errored.status, errored.failure.is_some()), (ReportStatus::Errored, true), "it says why");
    let events = house.events().await;
    let mut events: Vec<&str> = events.iter().map(String::as_str).collect();
    events.sort_unstable();
    assert_eq!(
        events,
        [
            "report/watchlist.errored",
            "report/watchlist.matched",
            "report/watchlist.ready",
            "report/watchlist.submitted"
        ],
        "a clear first run that the fixture takes for routine is no news, and the same answer or error is none"
    );
    let hits = "select jsonb_array_length(detail -> 'hits')::text from events where kind like '%matched'";
    assert_eq!(house.texts(hits).await, ["2"], "one event for an answer");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_match_that_holds_stops_a_recurring_report_until_it_is_decided(pool: PgPool) {
    let house = House::new(&pool, NOBODY).await;
    house.people(&["p1"]).await;
    let report = ask(&house, "p1", "holding", None).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    assert!(run(&house, "p1", report).await);
    let held = view(&house, report).await;
    assert_eq!((held.monitor.0, held.is_recurring, held.has_match), (MonitorState::Held, false, true));
    house.enrol().await;
    assert!(!is_due(&house, report).await);
    let refused = reports::run(&house.engine.context, "test", report).await.unwrap_err();
    assert!(matches!(refused, ActionError::Refused(_)));

    house.decide(&held.hits[0].id).await;
    house.enrol().await;
    assert!(is_due(&house, report).await);
    assert!(run(&house, "p1", report).await);
    let on = view(&house, report).await;
    assert_eq!((on.monitor.0, on.hits[0].state), (MonitorState::Active, "dismissed"));
    assert!(on.has_match, "a dismissal does not make the match go away");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_answer_that_comes_after_a_pause_is_superseded_and_the_report_keeps_its_place(pool: PgPool) {
    let house = House::new(&pool, NOBODY).await;
    house.people(&["p1"]).await;
    let context = house.engine.context.clone();
    let report = ask(&house, "p1", "monthly", None).await;
    assert!(run(&house, "p1", report).await);
    let next = due_of(&house, "p1", report).await.unwrap().at;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    let late = house.perform(due_of(&house, "p1", report).await.unwrap()).await;
    reports::pause(&context, "ann", report).await.unwrap();
    reports::pause(&context, "ann", report).await.unwrap();
    assert_eq!(house.record(&[late]).await, [false]);
    assert_eq!(house.count("select count(*) from hits").await, 0);
    assert_eq!(
        house.texts("select outcome from runs order by recorded_at, slot").await,
        ["clear", "superseded"]
    );

    let paused = view(&house, report).await;
    assert!(paused.is_paused && !paused.is_recurring);
    // Whatever enrolment does: what a person paused stays paused.
    house.enrol().await;
    assert!(!is_due(&house, report).await);
    reports::resume(&context, "ann", report).await.unwrap();
    assert_eq!(due_of(&house, "p1", report).await.unwrap().at, next);
    let refused = reports::resume(&context, "ann", report).await.unwrap_err();
    assert!(matches!(refused, ActionError::Refused(_)));
    house.clock.advance(DAY * 31);
    assert!(run(&house, "p1", report).await);
    assert_eq!(view(&house, report).await.hits.len(), 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_a_person_paused_stays_so_though_its_schedule_keeps_it(pool: PgPool) {
    let house = House::new(&pool, crate::fixtures::DAILY).await;
    house.people(&["p1"]).await;
    let report = house.due("p1").await.monitor;
    reports::pause(&house.engine.context, "ann", report).await.unwrap();
    let target = Target::Schedule("daily".to_owned());
    pause::pause(&house.engine.context, "test", &target, None).await.unwrap();
    house.enrol().await;
    pause::resume(&house.engine.context, "test", &target).await.unwrap();
    house.enrol().await;
    assert!(view(&house, report).await.is_paused);
    assert!(!is_due(&house, report).await);
    reports::resume(&house.engine.context, "ann", report).await.unwrap();
    house.enrol().await;
    assert!(is_due(&house, report).await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn reports_pause_while_their_template_is_gone_and_go_on_when_it_is_back(pool: PgPool) {
    let mut house = House::new(&pool, NOBODY).await;
    house.people(&["p1"]).await;
    let (recurring, done) =
        (ask(&house, "p1", "monthly", None).await, ask(&house, "p1", "watchlist", None).await);
    assert!(run(&house, "p1", recurring).await && run(&house, "p1", done).await);
    house.configure("").await;
    house.enrol().await;
    let gone = view(&house, recurring).await;
    assert_eq!(gone.monitor, (MonitorState::Paused, Some("schedule-removed".to_owned())));
    assert!(!is_due(&house, recurring).await);
    let refused = reports::run(&house.engine.context, "test", recurring).await.unwrap_err();
    assert!(matches!(refused, ActionError::Refused(_)));

    // It is back with another rhythm, and asks somebody else.
    let other = NOBODY.replace("30d", "2d").replacen("\"scripted\"", "\"other\"", 1);
    house.configure(&other).await;
    house.enrol().await;
    assert_eq!(view(&house, recurring).await.monitor.0, MonitorState::Active);
    assert!(run(&house, "p1", recurring).await);
    assert_eq!(house.other.calls().len(), 1);
    let next = due_of(&house, "p1", recurring).await.unwrap().at;
    assert!(next <= house.now() + DAY * 2);
    assert!(!is_due(&house, done).await, "what ran once is over");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_shorter_rhythm_brings_reports_forward_and_a_changed_provider_moves_them(pool: PgPool) {
    let mut house = House::new(&pool, NOBODY).await;
    house.people(&["p1"]).await;
    let report = ask(&house, "p1", "monthly", None).await;
    assert!(run(&house, "p1", report).await);
    house.configure(&NOBODY.replace("30d", "2d").replacen("\"scripted\"", "\"other\"", 1)).await;
    house.enrol().await;
    let due = due_of(&house, "p1", report).await.unwrap();
    assert!(due.at <= house.now() + DAY * 2, "{}", due.at);
    assert!(run(&house, "p1", report).await);
    assert_eq!((house.scripted.calls().len(), house.other.calls().len()), (1, 1));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn paused_accounts_and_templates_take_reports_and_keep_them(pool: PgPool) {
    let house = House::new(&pool, NOBODY).await;
    house.people(&["p1"]).await;
    let context = &house.engine.context;
    let before = ask(&house, "p1", "monthly", None).await;
    assert!(run(&house, "p1", before).await);
    pause::pause_account(context, "test", "p1", None).await.unwrap();
    let while_paused = ask(&house, "p1", "monthly", None).await;
    house.enrol().await;
    for report in [before, while_paused] {
        assert_eq!(view(&house, report).await.monitor.1.as_deref(), Some("account-paused"));
    }
    pause::resume_account(context, "test", "p1").await.unwrap();
    house.enrol().await;
    assert!(is_due(&house, before).await && is_due(&house, while_paused).await);

    let target = Target::Schedule("reports/monthly".to_owned());
    pause::pause(context, "test", &target, None).await.unwrap();
    house.enrol().await;
    assert_eq!(view(&house, before).await.monitor.1.as_deref(), Some("schedule-paused"));
    pause::resume(context, "test", &target).await.unwrap();
    house.enrol().await;
    assert!(is_due(&house, before).await && is_due(&house, while_paused).await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_archived_account_takes_no_report_and_its_reports_rest(pool: PgPool) {
    let house = House::new(&pool, &format!("{NOBODY}{}", crate::fixtures::DAILY)).await;
    house.people(&["p1"]).await;
    let report = ask(&house, "p1", "monthly", None).await;
    let context = &house.engine.context;
    let id = account(&house, "p1").await;
    retire::archive(context, "ann", id).await.unwrap();
    house.enrol().await;
    assert_eq!(house.all_due("p1").await, []);
    assert_eq!(view(&house, report).await.monitor.1.as_deref(), Some("account-archived"));
    let new = reports::NewReport {
        account: id,
        template: watchkeeper::domain::schedule::ReportTemplate::id_of("monthly"),
        query: None,
    };
    let refused = reports::create(&house.engine.context, "test", &new).await.unwrap_err();
    assert!(matches!(refused, ActionError::Archived));
    retire::restore(context, "ann", id).await.unwrap();
    house.enrol().await;
    assert_eq!(house.all_due("p1").await.len(), 2);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_run_that_its_process_takes_to_the_grave_is_made_again_and_counts_once(pool: PgPool) {
    let house = House::new(&pool, NOBODY).await;
    house.people(&["p1"]).await;
    let report = ask(&house, "p1", "watchlist", None).await;
    let due = due_of(&house, "p1", report).await.unwrap();
    let lost = house.perform(due.clone()).await;
    let again = house.perform(due).await;
    assert_eq!(house.record(&[again]).await, [true]);
    assert!(!is_due(&house, report).await);
    // The first was not dead after all: the report is done, and stays so.
    assert_eq!(house.record(&[lost]).await, [false]);
    assert!(!is_due(&house, report).await);
    let calls = house.scripted.calls();
    assert_eq!(calls[0].key, calls[1].key, "the provider knows the second call for the first");
    assert_eq!(house.count("select count(*) from runs where outcome <> 'superseded'").await, 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_running_engine_takes_a_report_up_at_once(pool: PgPool) {
    let house = House::new(&pool, NOBODY).await;
    house.people(&["p1"]).await;
    let running = house.start();
    let report = ask(&house, "p1", "watchlist", named("Jane Doe")).await;
    until("the report is ready", async || view(&house, report).await.status == ReportStatus::Ready).await;
    assert_eq!(asked(&house), ["Jane Doe"]);
    let told = house.texts("select kind from events where kind like 'report/%' order by occurred_at, kind");
    assert_eq!(told.await.len(), 2, "submitted and ready: it was asked for");
    running.stop().await;
}

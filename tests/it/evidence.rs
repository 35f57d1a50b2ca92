//! What an auditor asks: what was done about this account, who was screened, and who was not and why.

use std::time::Duration;

use chrono::TimeDelta;
use sqlx::PgPool;
use watchkeeper::actions::{
    evidence::{self, Coverage, Period, Unscreened},
    pause, redact, retire,
};

use crate::fixtures::{DAILY, House, Reply, finding};

const DAY: Duration = Duration::from_hours(24);

/// From the house's present back so many days, to a second from now.
fn last(house: &House, days: i64) -> Period {
    Period { from: house.now() - TimeDelta::days(days), until: house.now() + TimeDelta::seconds(1) }
}

async fn coverage(house: &House, period: Period) -> (Coverage, Vec<String>) {
    let mut listed = Vec::new();
    let each =
        |one: &Unscreened| listed.push(format!("{} {}", one.schedule.as_deref().unwrap_or("-"), one.reason));
    let coverage = evidence::coverage(&house.engine.context, period, None, each).await.unwrap();
    listed.sort();
    (coverage, listed)
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn every_run_of_a_period_is_told_with_what_it_rested_on_and_who_decided(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["1"]).await;
    let context = &house.engine.context;
    let first_day = last(&house, 1);
    assert!(house.run("1").await);
    house.clock.advance(DAY);
    house.scripted.find(&[finding("list:7", "program", 0.9)]);
    assert!(house.run("1").await);
    let hit = house.account("1").await.hits[0].id;
    house.decide(&hit).await;

    let all = evidence::of_account(context, "1", last(&house, 30)).await.unwrap();
    let told: Vec<_> = all
        .runs
        .iter()
        .map(|run| (run.slot, run.outcome.as_str(), run.changed, run.content.is_some()))
        .collect();
    assert_eq!(told, [(0, "clear", false, false), (1, "match", true, true)], "the oldest first");
    let match_run = &all.runs[1];
    assert_eq!((match_run.account_version, match_run.basis["threshold"].is_null()), (1, true));
    let content = match_run.content.as_ref().unwrap();
    assert_eq!(content["answer"]["findings"][0]["entity"], "list:7");
    let decided = &all.hits[0];
    assert_eq!((decided.state, decided.decided_by.as_deref()), ("dismissed", Some("test")));
    assert!(all.events.windows(2).all(|pair| pair[0].at <= pair[1].at), "the oldest first");
    assert_eq!(all.events[0].kind, "account.created");

    let until = first_day.until + TimeDelta::seconds(1);
    let day = evidence::of_account(context, "1", Period { until, ..first_day }).await.unwrap();
    assert_eq!((day.runs.len(), day.events.len()), (1, 1), "nothing of the days after");

    redact::redact(context, "test", all.account_id).await.unwrap();
    let after = evidence::of_account(context, "1", last(&house, 30)).await.unwrap();
    assert_eq!(after.runs.len(), 2, "that it was screened stays");
    assert!(after.runs.iter().all(|run| run.content.is_none()), "with what stays of it");
    assert!(!serde_json::to_string(&after).unwrap().contains("Person-1"));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn who_was_not_screened_is_told_with_the_reason(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let context = &house.engine.context;
    house.people(&["run", "late", "errs", "paused", "archived", "redacted", "old"]).await;
    house.import("reference_id,type,business_name\nfirm,business,Acme\n").await;
    house.enrol().await;
    for reference in ["run", "redacted", "old"] {
        assert!(house.run(reference).await);
    }
    house.scripted.reply_about("Test Person-errs", Reply::Never);
    house.run("errs").await;
    let id = async |reference: &str| house.account(reference).await.id;
    pause::pause_account(context, "test", "paused", None).await.unwrap();
    retire::archive(context, "test", id("archived").await).await.unwrap();
    redact::redact(context, "test", id("redacted").await).await.unwrap();
    house.enrol().await;

    let (told, listed) = coverage(&house, last(&house, 1)).await;
    let [daily] = told.schedules.as_slice() else { panic!("one schedule has monitors: {told:?}") };
    assert_eq!(daily.screened, 3, "also who was redacted since: it was screened");
    assert_eq!(
        listed,
        [
            "- in-no-schedule",
            "daily archived",
            "daily errored:refused",
            "daily never-run",
            "daily paused:account-paused"
        ]
    );
    assert_eq!(told.unwatched.values().sum::<u64>(), 1);

    // Three days later: who was to run and did not is overdue, also for who asks when it has run since.
    house.clock.advance(DAY * 3);
    let missed = last(&house, 1);
    let (told, _) = coverage(&house, missed).await;
    assert_eq!(told.schedules[0].screened, 0);
    assert_eq!(told.schedules[0].unscreened.get("overdue"), Some(&3), "{told:?}");
    house.clock.advance(DAY);
    assert!(house.run("run").await);
    let (told, _) = coverage(&house, missed).await;
    assert_eq!(told.schedules[0].unscreened.get("overdue"), Some(&3), "{told:?}");
    let (told, _) = coverage(&house, last(&house, 1)).await;
    assert_eq!(told.schedules[0].screened, 1);
    // Of an hour in which nothing was to run nobody is missing who ran before it, be it with an error.
    let hour = Period { from: missed.from - TimeDelta::hours(47), until: missed.from - TimeDelta::hours(46) };
    let (told, _) = coverage(&house, hour).await;
    assert_eq!(told.schedules[0].unscreened.get("not-due"), Some(&3), "{told:?}");
}

//! What an auditor asks: what was done about this account, who was screened, and who was not and why.

use std::time::Duration;

use chrono::TimeDelta;
use sqlx::PgPool;
use watchkeeper::{
    actions::{
        decide::{self, Decision},
        evidence::{self, Coverage, Period, Unscreened},
        pause, redact, retire,
    },
    domain::{id::Shard, personal::Personal},
    engine::{coverage::Coverage as BlindSpots, keys::Keys, task::Task},
    telemetry::metrics::Form,
};

use crate::fixtures::{Client, DAILY, House, Reply, finding};

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

    let all = evidence::of_account(context, "1", last(&house, 30), 1000).await.unwrap();
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
    let decided = &all.hits[0].hit;
    assert_eq!((decided.state, decided.decided_by.as_deref()), ("dismissed", Some("test")));
    assert!(all.events.windows(2).all(|pair| pair[0].at <= pair[1].at), "the oldest first");
    assert_eq!(all.events[0].kind, "account.created");

    let until = first_day.until + TimeDelta::seconds(1);
    let day = evidence::of_account(context, "1", Period { until, ..first_day }, 1000).await.unwrap();
    assert_eq!((day.runs.len(), day.events.len()), (1, 1), "nothing of the days after");

    redact::redact(context, "test", all.account_id).await.unwrap();
    let after = evidence::of_account(context, "1", last(&house, 30), 1000).await.unwrap();
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

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn hits_of_a_period_are_told_as_they_stood_when_it_was_over(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let context = &house.engine.context;
    let before = last(&house, 30);
    house.clock.advance(DAY);
    house.people(&["1"]).await;
    house.scripted.find(&[finding("list:7", "program", 0.9)]);
    assert!(house.run("1").await);
    let found = last(&house, 1);
    house.clock.advance(DAY);
    let hit = house.account("1").await.hits[0].id;
    house.decide(&hit).await;
    let decided = last(&house, 1);
    house.clock.advance(DAY);
    house.scripted.find(&[]);
    assert!(house.run("1").await);
    let gone = last(&house, 1);

    let stood = async |period: Period| {
        let told = evidence::of_account(context, "1", period, 1000).await.unwrap();
        let hits = told.hits.into_iter().map(|one| {
            let later = one.later.map(|later| (later.state, later.is_told));
            (one.hit.state, one.hit.decided_by, later)
        });
        (hits.collect::<Vec<_>>(), told.decisions.len())
    };
    assert_eq!(stood(before).await, (vec![], 0), "there was no account yet");
    assert_eq!(stood(found).await, (vec![("open", None, Some(("gone", true)))], 0));
    let by = Some("test".to_owned());
    assert_eq!(stood(decided).await, (vec![("dismissed", by.clone(), Some(("gone", true)))], 1));
    assert_eq!(stood(gone).await, (vec![("gone", by, None)], 1));

    // Of what no event tells, since when it is as it is.
    sqlx::query("delete from events").execute(&house.pool).await.unwrap();
    let (hits, _) = stood(found).await;
    assert_eq!(hits[0].2, Some(("gone", false)));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn who_stopped_after_a_period_was_not_due_in_it_and_nobody_is_late_in_the_future(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let context = &house.engine.context;
    house.people(&["paused", "archived", "redacted", "never"]).await;
    for reference in ["paused", "archived", "redacted"] {
        assert!(house.run(reference).await);
    }
    house.clock.advance(Duration::from_mins(2));
    let quiet = Period { from: house.now() - TimeDelta::seconds(60), until: house.now() };
    house.clock.advance(Duration::from_mins(1));
    let id = async |reference: &str| house.account(reference).await.id;
    pause::pause_account(context, "test", "paused", None).await.unwrap();
    retire::archive(context, "test", id("archived").await).await.unwrap();
    redact::redact(context, "test", id("redacted").await).await.unwrap();
    pause::pause_account(context, "test", "never", None).await.unwrap();
    house.enrol().await;
    let (_, listed) = coverage(&house, quiet).await;
    assert_eq!(listed, ["daily never-run", "daily not-due", "daily not-due", "daily not-due"]);

    let now = house.now();
    let ahead = Period { from: now + TimeDelta::days(1), until: now + TimeDelta::days(2) };
    let refused = evidence::coverage(context, ahead, None, |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("in the future"), "{refused}");
    let ahead = Period { from: now - TimeDelta::days(1), ..ahead };
    let mut references = Vec::new();
    let told = evidence::coverage(context, ahead, None, |one| references.extend(one.reference_id.clone()));
    let told = told.await.unwrap();
    assert_eq!((told.until, told.asked_until), (now + TimeDelta::seconds(1), Some(ahead.until)));
    assert_eq!(references, ["never"], "all others ran");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_difference_between_two_runs_is_what_was_asked_what_it_rested_on_and_what_was_found(
    pool: PgPool,
) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["1"]).await;
    let context = &house.engine.context;
    let mut runs = Vec::new();
    let mut run = async || {
        assert!(house.run("1").await);
        runs.push(house.account("1").await.runs[0].id.parse().unwrap());
    };
    run().await;
    house.scripted.find(&[
        finding("list:1", "A", 0.9),
        finding("list:2", "A", 0.9),
        finding("list:3", "A", 0.9),
    ]);
    run().await;
    // The same again, but for the scores: that is no difference.
    house.scripted.find(&[
        finding("list:1", "A", 0.8),
        finding("list:2", "A", 0.7),
        finding("list:3", "A", 0.9),
    ]);
    run().await;
    let mut merged = finding("list:9", "A", 0.9);
    merged.former_ids = vec!["list:2".to_owned()];
    merged.name = "Listed list:2".to_owned();
    house.scripted.find(&[finding("list:1", "B", 0.9), merged, finding("list:4", "A", 0.9)]);
    house.import("reference_id,type,name\n1,individual,Test Person-One\n").await;
    run().await;
    house.scripted.reply(Reply::Never);
    run().await;

    let account = house.account("1").await.id;
    let between = async |one: usize, other: usize| {
        evidence::difference(context, account, runs[one], runs[other]).await.unwrap()
    };
    let first = between(0, 1).await;
    let found = first.found.as_ref().unwrap();
    assert_eq!((found.added.len(), found.removed.len(), found.changed.len()), (3, 0, 0));
    assert!(first.asked.is_none() && first.basis.is_empty(), "{first:?}");
    let same = between(1, 2).await;
    let found = same.found.as_ref().unwrap();
    assert_eq!((found.unchanged, found.added.len(), found.changed.len()), (3, 0, 0));
    assert_eq!(same.asked.as_deref(), Some(&[][..]));
    let last = between(2, 3).await;
    let found = last.found.as_ref().unwrap();
    assert_eq!(found.added[0].entity, "list:4");
    assert_eq!(found.removed[0].entity, "list:3");
    let changed: Vec<_> = found
        .changed
        .iter()
        .map(|one| (one.entity.as_str(), one.former_id.as_deref(), one.facts.len()))
        .collect();
    assert_eq!(changed, [("list:1", None, 1), ("list:9", Some("list:2"), 0)]);
    assert_eq!(
        (found.changed[0].facts[0].name.as_str(), &found.changed[0].facts[0].to),
        ("program", &"B".into())
    );
    let names = |all: &[evidence::Differing]| all.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert_eq!(
        (names(last.asked.as_ref().unwrap()), names(&last.basis)),
        (vec!["names".to_owned()], vec!["account-version".to_owned()])
    );
    assert!(between(3, 4).await.found.is_none(), "what an errored run would have found nobody knows");
    let of_nobody = context.new_uuid(Shard(1));
    assert!(
        evidence::difference(context, account, runs[0], watchkeeper::domain::id::RunId(of_nobody))
            .await
            .is_err()
    );

    redact::redact(context, "test", account).await.unwrap();
    let after = between(2, 3).await;
    assert!(after.found.is_none() && after.asked.is_none());
    assert!(!serde_json::to_string(&after).unwrap().contains("Person-One"));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn evidence_is_read_and_printed_through_the_api_and_that_is_noted(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["1"]).await;
    let context = &house.engine.context;
    house.scripted.find(&[finding("list:7", "program", 0.9)]);
    assert!(house.run("1").await);
    let hit = house.account("1").await.hits[0].id;
    let reason = Personal::new("<b>another</b> Person-1".to_owned());
    decide::decide(context, "ann", hit, Decision::Dismissed, Some(&reason)).await.unwrap();
    house.scripted.find(&[finding("list:7", "another", 0.9)]);
    assert!(house.run("1").await);
    let account = house.account("1").await;
    let client = Client::start(&house).await;
    let path = format!("/accounts/{}/evidence", account.id);

    let told = client.get(&path).await.expect(200);
    let data = &told.body["data"];
    assert_eq!(data["runs"].as_array().unwrap().len(), 2);
    assert_eq!(data["hits"][0]["changes"][0], "program");
    let decision = &data["decisions"][0];
    assert_eq!(
        (&decision["decided-by"], &decision["reason"]),
        (&"ann".into(), &reason.reveal().as_str().into())
    );
    assert_eq!(decision["ended-for"][0], "program");
    let before = client.get(&format!("{path}?until=2020-01-01")).await.expect(200);
    assert_eq!(before.body["data"]["runs"].as_array().unwrap().len(), 0);
    client.get(&format!("{path}?from=yesterday")).await.expect(400);

    let page = client.get(&format!("{path}/print")).await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let page = String::from_utf8(page.bytes).unwrap();
    for part in ["list:7", "scripted 1", "daily #0", "dismissed", "ann", "ended", "Listed list:7"] {
        assert!(page.contains(part), "{part} is on the page");
    }
    assert!(!page.contains("<b>") && !page.contains("<script") && !page.contains("http://"));
    let runs = &account.runs;
    let difference = client.get(&format!("{path}/difference?from={}&to={}", runs[1].id, runs[0].id)).await;
    assert_eq!(difference.expect(200).body["data"]["found"]["changed"][0]["facts"][0]["name"], "program");
    client.get(&format!("{path}/difference?from={}", runs[1].id)).await.expect(400);

    let coverage = client.get("/coverage").await.expect(200);
    assert_eq!(coverage.body["data"]["schedules"][0]["screened"], 1);
    assert_eq!(coverage.body["data"]["next"], serde_json::Value::Null);
    client.get("/coverage?schedule=nothing").await.expect(422);
    client.get("/coverage?shard=256").await.expect(400);
    client.get("/coverage?from=2999-01-01&until=2999-02-01").await.expect(400);
    client.stop().await;
    let noted = house.count("select count(*) from audit_pending where operation = 'account.read'").await
        + house.count("select count(*) from audit_entries where operation = 'account.read'").await;
    assert!(noted > 0, "who read it is noted");

    redact::redact(context, "test", account.id).await.unwrap();
    let after = evidence::of_account(context, "1", last(&house, 30), 1000).await.unwrap();
    let (json, page) =
        (serde_json::to_string(&after).unwrap(), watchkeeper::http::evidence::page(&after, "test"));
    assert!(!json.contains("Person-1") && !page.contains("Person-1"));
    assert!(page.contains("redacted"));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn who_is_not_screened_is_counted_by_gauges_and_the_missing_field_is_named(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["run", "never"]).await;
    house.import("reference_id,type,score\nnameless,individual,1\n").await;
    house.import("reference_id,type,business_name\nfirm,business,Acme\n").await;
    house.enrol().await;
    house.finish(Keys::new(house.engine.clone())).await;
    assert!(house.run("run").await);
    assert!(house.run("nameless").await, "an errored run counts");
    let (_, listed) = coverage(&house, last(&house, 1)).await;
    let nameless = listed.iter().find(|line| line.contains("unscreenable")).expect("it is told of");
    assert!(nameless.starts_with("daily unscreenable:name"), "{nameless}");

    house.clock.advance(DAY * 2);
    let mut task = BlindSpots::new(house.engine.clone());
    while !task.is_resting() {
        task.activate().await.unwrap();
    }
    let shown = house.engine.metrics.encode(Form::Plain);
    for (reason, count) in [("in-no-schedule", 1), ("never-run", 1), ("overdue", 3), ("unscreenable", 1)] {
        let line = format!("watchkeeper_blind_spots{{reason=\"{reason}\"}} {count}\n");
        assert!(shown.contains(&line), "{line} in {shown}");
    }
}

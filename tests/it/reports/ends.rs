//! Redacting, and consolidating accounts: what is under way then writes nothing about a person.

use sqlx::PgPool;
use watchkeeper::{
    actions::{
        ActionError, consolidate,
        decide::{self, Decision},
        hits, redact, reports,
    },
    domain::{
        id::{AccountId, MonitorId},
        personal::Personal,
    },
    store::due::Due,
};

use super::{DAY, TEMPLATES, account, ask, asked, due_of, is_due, named, run, view};
use crate::fixtures::{DAILY, House, finding};

/// How many values are left that are sealed under a report's key.
async fn sealed(house: &House) -> i64 {
    house
        .count(
            "select (select count(*) from data_keys join monitors on object_id = monitor_id)
                  + (select count(*) from whole_runs where sealed_content is not null)
                  + (select count(*) from hits where sealed_content is not null or sealed_reason is not null)
                  + (select count(*) from hit_comments where sealed_text is not null)
                  + (select count(*) from monitors where sealed_query is not null)",
        )
        .await
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_redacted_report_holds_nothing_and_an_answer_that_comes_late_writes_nothing(pool: PgPool) {
    let house = House::new(&pool, TEMPLATES).await;
    house.people(&["p1"]).await;
    let context = &house.engine.context;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    let report = ask(&house, "p1", "monthly", named("Jane Doe")).await;
    assert!(run(&house, "p1", report).await);
    let hit = view(&house, report).await.hits.remove(0).id;
    hits::comment(context, "ann", hit, &Personal::new("looks like Jane".to_owned())).await.unwrap();
    house.decide(&hit).await;
    house.scripted.find(&[finding("e:2", "A", 0.9)]);
    let late = house.perform(due_of(&house, "p1", report).await.unwrap()).await;
    assert!(sealed(&house).await >= 5);

    reports::redact(context, "ann", report).await.unwrap();
    assert_eq!(sealed(&house).await, 0);
    assert_eq!(house.record(&[late]).await, [false]);
    assert_eq!(sealed(&house).await, 0);
    let husk = view(&house, report).await;
    assert!(husk.redacted_at.is_some() && husk.query.is_none() && !husk.is_recurring);
    assert_eq!((husk.hits.len(), husk.hits[0].state), (1, "dismissed"), "that it was decided stays");
    assert!(husk.hits[0].finding.is_none());
    let (_, comments) = hits::get(context, hit).await.unwrap();
    assert!(comments[0].text.is_none());

    let again = reports::redact(context, "ann", report).await.unwrap_err();
    assert_eq!(again.to_string(), "Report already redacted");
    for refused in [
        reports::run(context, "ann", report).await,
        reports::pause(context, "ann", report).await,
        hits::comment(context, "ann", hit, &Personal::new("x".to_owned())).await.map(drop),
    ] {
        assert!(matches!(refused, Err(ActionError::Refused(_))), "{refused:?}");
    }
    house.enrol().await;
    assert!(!is_due(&house, report).await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_schedule_whose_report_is_redacted_watches_on_by_another(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    let before = house.due("p1").await.monitor;
    house.decide(&view(&house, before).await.hits[0].id).await;
    reports::redact(&house.engine.context, "ann", before).await.unwrap();
    house.enrol().await;
    let after = house.due("p1").await.monitor;
    assert_ne!(before, after);
    house.run("p1").await;
    assert_eq!(view(&house, after).await.hits[0].state, "dismissed", "the decision is the account's");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn redacting_an_account_redacts_all_its_reports_and_what_is_under_way(pool: PgPool) {
    let house = House::new(&pool, &format!("{TEMPLATES}{DAILY}")).await;
    house.people(&["p1"]).await;
    let context = &house.engine.context;
    let by_api = ask(&house, "p1", "monthly", None).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    assert!(run(&house, "p1", by_api).await);
    let reason = Personal::new("Jane is somebody else".to_owned());
    let hit = view(&house, by_api).await.hits.remove(0).id;
    decide::decide(context, "ann", hit, Decision::Dismissed, Some(&reason)).await.unwrap();
    let mut late = Vec::new();
    for due in house.all_due("p1").await {
        late.push(house.perform(due).await);
    }
    redact::redact(context, "ann", account(&house, "p1").await).await.unwrap();
    assert!(view(&house, by_api).await.redacted_at.is_some());
    assert_eq!(house.record(&late).await, [false, false]);
    assert_eq!(sealed(&house).await, 0);
    assert_eq!(house.count("select count(*) from decisions where sealed_reason is not null").await, 0);
    assert_eq!(house.count("select count(*) from decisions").await, 1, "that it was decided stays");
}

async fn consolidate(house: &House, from: AccountId, to: AccountId) {
    let context = &house.engine.context;
    consolidate::request(context, "ann", to, &[from]).await.unwrap();
    while consolidate::do_next(context).await.unwrap() {}
}

async fn of_monitor(house: &House, reference: &str, monitor: MonitorId) -> Due {
    due_of(house, reference, monitor).await.unwrap()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_a_consolidated_account_had_is_the_destinations(pool: PgPool) {
    let house = House::new(&pool, &format!("{TEMPLATES}{DAILY}")).await;
    house.people(&["old", "new"]).await;
    let context = &house.engine.context;
    let (old, new) = (account(&house, "old").await, account(&house, "new").await);
    assert_ne!(old.shard(), new.shard(), "the harder case: ids say another shard than the account's");
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "A", 0.9)]);
    let (old_daily, new_daily) = (house.due("old").await.monitor, house.due("new").await.monitor);
    let live = ask(&house, "old", "monthly", None).await;
    let frozen = ask(&house, "old", "monthly", named("Jane Doe")).await;
    assert!(run(&house, "new", new_daily).await);
    house.clock.advance(DAY / 2);
    for report in [old_daily, live, frozen] {
        assert!(run(&house, "old", report).await);
    }
    let reason = Personal::new("Jane was in prison".to_owned());
    let decided = view(&house, live).await.hits.into_iter().find(|hit| hit.entity == "e:1").unwrap().id;
    decide::decide(context, "ann", decided, Decision::Dismissed, Some(&reason)).await.unwrap();
    for (monitor, at) in [(old_daily, DAY / 24), (new_daily, DAY)] {
        sqlx::query("update monitor_due set next_run_at = $2 where monitor_id = $1")
            .bind(monitor.0)
            .bind(house.now() + at)
            .execute(&pool)
            .await
            .unwrap();
    }
    let late = house.perform(of_monitor(&house, "old", live).await).await;

    consolidate(&house, old, new).await;
    assert_eq!(house.record(&[late]).await, [false], "it was asked for about the account before");
    assert_eq!(house.all_due("old").await, []);
    assert_eq!(of_monitor(&house, "new", new_daily).await.at, house.now() + DAY / 24, "the earlier due time");
    assert!(due_of(&house, "new", old_daily).await.is_none());
    assert!(of_monitor(&house, "new", live).await.at <= house.now(), "it asks about the destination now");
    assert!(of_monitor(&house, "new", frozen).await.at > house.now());
    for report in [old_daily, live, frozen] {
        let moved = view(&house, report).await;
        assert_eq!(
            (moved.account, moved.hits.len()),
            (new, 2),
            "readable by its id, through the destination"
        );
    }
    let states = async |report| {
        let mut hits = view(&house, report).await.hits;
        hits.sort_by(|one, other| one.entity.cmp(&other.entity));
        hits.into_iter().map(|hit| (hit.state, hit.reason)).collect::<Vec<_>>()
    };
    let told = Some(reason.reveal().clone());
    assert_eq!(states(new_daily).await, [("dismissed", told), ("open", None)], "the decision moved too");

    house.enrol().await;
    assert!(run(&house, "new", live).await);
    assert_eq!(asked(&house).last().unwrap(), "Test Person-new");
    let whole = house.account("new").await;
    assert_eq!(whole.hits.len(), 8);
    assert!(whole.runs.len() >= 5 && whole.monitors.len() == 4);
    assert_eq!(house.account("old").await.hits.len(), 0);
    // Whoever decides now, decides for all of it.
    let open = view(&house, frozen).await.hits.into_iter().find(|hit| hit.state == "open").unwrap().id;
    house.decide(&open).await;
    assert_eq!(house.count("select count(*) from hits where state = 'open'").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_decision_of_a_consolidated_account_rests_on_the_destinations_data_and_ends_with_them(
    pool: PgPool,
) {
    let house = House::new(&pool, &format!("{TEMPLATES}{DAILY}")).await;
    house.people(&["old1", "old2", "new1", "new2"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    let mut live = Vec::new();
    for reference in ["old1", "old2"] {
        let daily = house.due(reference).await.monitor;
        let report = ask(&house, reference, "monthly", None).await;
        assert!(run(&house, reference, daily).await && run(&house, reference, report).await);
        house.decide(&view(&house, report).await.hits[0].id).await;
        live.push(report);
    }
    for (from, to) in [("old1", "new1"), ("old2", "new2")] {
        consolidate(&house, account(&house, from).await, account(&house, to).await).await;
    }
    house.enrol().await;
    // Of the destinations themselves the entity was never found. One is somebody else before it is.
    house.import("reference_id,type,name\nnew1,individual,Quite Another\n").await;
    house.enrol().await;
    for (reference, report, state, changes) in
        [("new1", live[0], "open", "account-data"), ("new2", live[1], "dismissed", "")]
    {
        let due = house.all_due(reference).await;
        assert_eq!(due.len(), 2);
        for one in due {
            assert!(run(&house, reference, one.monitor).await);
            assert_eq!(view(&house, one.monitor).await.hits[0].state, state, "{reference}");
        }
        assert_eq!(view(&house, report).await.hits[0].changes.join(" "), changes);
    }
    // And who was told of nothing is, once the data are others.
    house.import("reference_id,type,name\nnew2,individual,Quite Another\n").await;
    for one in house.all_due("new2").await {
        assert!(run(&house, "new2", one.monitor).await);
        assert_eq!(view(&house, one.monitor).await.hits[0].state, "open");
    }
}

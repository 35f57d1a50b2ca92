//! Decisions follow their entities, and end with what they rest on.

use std::time::Duration;

use sqlx::PgPool;
use watchkeeper::{
    actions::{
        decide::{self, Decision},
        redact,
    },
    domain::{answer::Finding, personal::Personal},
    engine::decisions::Decisions,
    store::decisions::{self, Renamed},
};

use super::{DAY, TEMPLATES, account, ask, named, run, view};
use crate::fixtures::{DAILY, House, finding};

const EXPIRING: &str = r#"
[report-templates.reviewed]
type = "watchlist"
provider = "other"
decisions-expire = "365d"
[schedules.reviewed]
template = "reviewed"
every = "1d"
decisions-expire = "30d"
accounts = { types = ["individual"] }
on-match = { tags = ["reviewed-match"] }
"#;

/// An entity that had other ids before.
fn merged(entity: &str, former: &[&str], fact: &str) -> Finding {
    let former_ids = former.iter().map(|id| (*id).to_owned()).collect();
    Finding { former_ids, name: "Listed e:1".to_owned(), ..finding(entity, fact, 0.9) }
}

async fn dismiss(house: &House, hit: &watchkeeper::domain::id::HitId) {
    let reason = Personal::new("another birth date".to_owned());
    decide::decide(&house.engine.context, "ann", *hit, Decision::Dismissed, Some(&reason)).await.unwrap();
}

async fn alerts(house: &House) -> i64 {
    house.count("select count(*) from events where kind like '%.matched'").await
}

/// What ended the decisions, in order of their entities.
async fn ended(house: &House) -> Vec<String> {
    house
        .texts(
            "select entity || ' ' || coalesce(array_to_string(ended_for, ' '), '-') from decisions order by entity",
        )
        .await
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_decision_follows_an_entity_whose_id_changed_and_nobody_is_alerted(pool: PgPool) {
    let house = House::new(&pool, &format!("{TEMPLATES}{DAILY}")).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    let asked = ask(&house, "p1", "monthly", None).await;
    let daily = house.all_due("p1").await.into_iter().map(|due| due.monitor).find(|id| *id != asked).unwrap();
    assert!(run(&house, "p1", daily).await && run(&house, "p1", asked).await);
    let hit = view(&house, daily).await.hits.remove(0);
    dismiss(&house, &hit.id).await;
    let before = alerts(&house).await;

    house.scripted.find(&[merged("e:9", &["e:0", "e:1"], "A")]);
    assert!(run(&house, "p1", daily).await);
    let now = view(&house, daily).await.hits.remove(0);
    assert_eq!((now.id, now.entity.as_str(), now.state), (hit.id, "e:9", "dismissed"));
    assert_eq!(now.reason.as_deref(), Some("another birth date"));
    assert_eq!((now.changes.len(), now.changed_at), (0, hit.changed_at));
    // The other report has the former id until it runs; who decides in between decides on the entity it shows.
    assert_eq!(view(&house, asked).await.hits[0].entity, "e:1");
    assert!(run(&house, "p1", asked).await);
    let other = view(&house, asked).await.hits.remove(0);
    assert_eq!((other.entity.as_str(), other.state, other.reason.is_some()), ("e:9", "dismissed", true));
    // One that comes later finds it decided, be it under the id of now.
    let later = ask(&house, "p1", "monthly", None).await;
    assert!(run(&house, "p1", later).await);
    assert_eq!(view(&house, later).await.hits[0].state, "dismissed");
    assert_eq!(alerts(&house).await, before);
    assert_eq!(house.events().await.iter().filter(|kind| kind.ends_with("hit-gone")).count(), 0);
    assert_eq!(ended(&house).await, ["e:9 -"]);

    // The merged entity gains a programme: that ends it.
    house.scripted.find(&[merged("e:10", &["e:0", "e:1", "e:9"], "B")]);
    assert!(run(&house, "p1", daily).await);
    let now = view(&house, daily).await.hits.remove(0);
    assert_eq!((now.id, now.entity.as_str(), now.state), (hit.id, "e:10", "open"));
    assert_eq!(now.changes, ["program", "merged"]);
    assert_eq!(now.decided_by.as_deref(), Some("ann"), "who decided before stays to be seen");
    assert_eq!(alerts(&house).await, before + 1);
    assert_eq!(ended(&house).await, ["e:10 program merged"]);
    let told = house.texts("select detail -> 'hits' -> 0 ->> 'changed' from events where kind like '%.matched' order by occurred_at desc, event_id desc limit 1").await;
    assert_eq!(told, ["[\"program\", \"merged\"]"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn decisions_of_several_accounts_and_reports_follow_their_entities_together(pool: PgPool) {
    let house = House::new(&pool, &format!("{TEMPLATES}{DAILY}")).await;
    house.people(&["p1", "p2"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "A", 0.9)]);
    let asked = ask(&house, "p1", "monthly", None).await;
    let all_due = async || [house.all_due("p1").await, house.all_due("p2").await].concat();
    for (reference, reports) in [("p1", 2), ("p2", 1)] {
        let due = house.all_due(reference).await;
        assert_eq!(due.len(), reports);
        for one in due {
            assert!(run(&house, reference, one.monitor).await);
        }
        for hit in &house.account(reference).await.hits {
            dismiss(&house, &hit.id).await;
        }
    }
    let before = alerts(&house).await;
    // One batch has them all, two reports of one account among them.
    let second = Finding { name: "Listed e:2".to_owned(), ..merged("e:8", &["e:2"], "A") };
    house.scripted.find(&[merged("e:9", &["e:1"], "A"), second]);
    house.clock.advance(DAY);
    let mut finished = Vec::new();
    for due in all_due().await {
        finished.push(house.perform(due).await);
    }
    assert_eq!(house.record(&finished).await, [true; 3]);
    assert_eq!(ended(&house).await, ["e:8 -", "e:8 -", "e:9 -", "e:9 -"]);
    assert_eq!(house.count("select count(*) from hits where state <> 'dismissed'").await, 0);
    assert_eq!((view(&house, asked).await.hits.len(), alerts(&house).await), (2, before));

    let account = account(&house, "p1").await;
    let renamed = ["e:8", "e:9"].map(|from| Renamed {
        account,
        from: from.to_owned(),
        to: "e:10",
        facts: ([0; 16], [1; 16]),
    });
    let mut connection = house.engine.context.store.connection().await.unwrap();
    decisions::save_entities(&mut connection, &renamed).await.unwrap();
    let of_first = "select entity from decisions join accounts using (shard, account_id) \
                    where reference_id = 'p1' order by entity";
    assert_eq!(house.texts(of_first).await, ["e:10", "e:9"], "of two that come to one id the first does");
    decisions::save_entities(&mut connection, &renamed[1..]).await.unwrap();
    assert_eq!(house.texts(of_first).await, ["e:10", "e:9"], "one on the present id stands");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_decision_that_ended_does_not_come_back_with_the_facts_that_it_rested_on(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    dismiss(&house, &house.account("p1").await.hits[0].id).await;
    let mut elsewhere = finding("e:1", "A", 0.9);
    elsewhere.list = "test-list, other-list".to_owned();
    house.scripted.find(&[elsewhere]);
    house.run("p1").await;
    let hit = house.account("p1").await.hits.remove(0);
    assert_eq!((hit.state, hit.changes.join(" ")), ("open", "list".to_owned()));
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    assert_eq!(house.account("p1").await.hits[0].state, "open");
    assert_eq!(ended(&house).await, ["e:1 list"]);
    // Decided anew, it says nothing of what changed before.
    dismiss(&house, &house.account("p1").await.hits[0].id).await;
    let hit = house.account("p1").await.hits.remove(0);
    assert_eq!((hit.state, hit.changes.len()), ("dismissed", 0));
    assert_eq!(ended(&house).await, ["e:1 -"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_decision_ends_when_other_data_of_the_account_are_screened_and_only_then(pool: PgPool) {
    let house = House::new(&pool, &format!("{TEMPLATES}{DAILY}")).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    let asked = ask(&house, "p1", "monthly", None).await;
    let question = ask(&house, "p1", "watchlist", named("Somebody Else")).await;
    let daily = house.all_due("p1").await.into_iter().map(|due| due.monitor);
    let daily = daily.into_iter().find(|id| ![asked, question].contains(id)).unwrap();
    for report in [daily, asked, question] {
        assert!(run(&house, "p1", report).await);
    }
    dismiss(&house, &view(&house, daily).await.hits[0].id).await;
    let before = alerts(&house).await;
    let ready = house.count("select count(*) from events where kind like '%.ready'").await;

    // A field that nobody screens.
    house.import("reference_id,type,score\np1,individual,7\n").await;
    assert!(run(&house, "p1", daily).await);
    assert_eq!(view(&house, daily).await.hits[0].state, "dismissed");
    assert_eq!(house.count("select count(*) from runs where changed and slot > 0").await, 0);

    house.import("reference_id,type,name\np1,individual,Test Person-p1 Junior\n").await;
    assert!(run(&house, "p1", daily).await);
    let hit = view(&house, daily).await.hits.remove(0);
    assert_eq!((hit.state, hit.changes.join(" ")), ("open", "account-data".to_owned()));
    assert_eq!(alerts(&house).await, before + 1);
    let after = house.count("select count(*) from events where kind like '%.ready'").await;
    assert_eq!(after, ready, "the answer is as it was");
    assert_eq!(house.count("select count(*) from runs where changed and slot > 0").await, 1);

    // Decided on the new data here, it is decided for the report that has not run since; and a question of its own
    // has nothing to do with the account's data.
    dismiss(&house, &hit.id).await;
    for report in [asked, daily] {
        assert!(run(&house, "p1", report).await);
        assert_eq!(view(&house, report).await.hits[0].state, "dismissed");
    }
    assert_eq!(view(&house, question).await.hits[0].state, "dismissed");
    assert_eq!(alerts(&house).await, before + 1);

    // Nothing of the data outlives their redaction, and what is left is no reason to decide anew.
    let id = account(&house, "p1").await;
    redact::redact(&house.engine.context, "test", id).await.unwrap();
    for column in ["hits", "decisions"] {
        let left = format!("select count(*) from {column} where subject_digest is not null");
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(left)).fetch_one(&pool).await.unwrap();
        assert_eq!(left, 0, "{column}");
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_decision_expires_where_answers_stay_as_they_were_and_where_they_do_not(pool: PgPool) {
    let house = House::new(&pool, EXPIRING).await;
    house.people(&["p1", "p2", "p3"]).await;
    house.other.find(&[finding("e:1", "A", 0.9)]);
    for reference in ["p1", "p2", "p3"] {
        house.run(reference).await;
        dismiss(&house, &house.account(reference).await.hits[0].id).await;
    }
    let expire = async || house.finish(Decisions::new(house.engine.clone())).await;
    let state = async |reference: &str| house.account(reference).await.hits[0].state;
    let before = alerts(&house).await;
    house.clock.advance(DAY * 29);
    expire().await;
    assert_eq!((state("p1").await, alerts(&house).await), ("dismissed", before));
    // Who decides again in between is asked again later.
    dismiss(&house, &house.account("p2").await.hits[0].id).await;
    watchkeeper::actions::retire::archive(&house.engine.context, "test", account(&house, "p3").await)
        .await
        .unwrap();
    house.clock.advance(DAY + Duration::from_secs(5));
    expire().await;
    let hit = house.account("p1").await.hits.remove(0);
    assert_eq!((hit.state, hit.changes.join(" ")), ("open", "expired".to_owned()));
    assert_eq!((state("p2").await, state("p3").await), ("dismissed", "dismissed"));
    assert_eq!(alerts(&house).await, before + 1);
    assert_eq!(house.account("p1").await.tags, ["reviewed-match"]);
    assert_eq!(house.count("select count(*) from decisions where ended_for = '{expired}'").await, 1);
    expire().await;
    assert_eq!(alerts(&house).await, before + 1, "once");

    // The run that comes first sees it, too: found again after it was gone, the decision is over.
    house.other.find(&[]);
    house.run("p2").await;
    house.clock.advance(DAY * 31);
    house.other.find(&[finding("e:1", "A", 0.9)]);
    house.run("p2").await;
    let hit = house.account("p2").await.hits.remove(0);
    assert_eq!((hit.state, hit.changes.join(" ")), ("open", "expired".to_owned()));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn people_hear_of_changes_of_what_matches_and_of_nothing_else(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[]);
    house.run("p1").await;
    house.run("p1").await;
    assert_eq!(house.events().await, [""; 0], "clear, and clear again");
    let told = async |found: &[Finding]| {
        let before = house.events().await.len();
        house.scripted.find(found);
        assert!(house.run("p1").await);
        let mut told = house.events().await.split_off(before);
        told.sort();
        told
    };
    let ready = "report/watchlist.ready";
    let found = [finding("e:1", "A", 0.9), finding("e:2", "A", 0.8)];
    let first = told(&found).await;
    assert!(first.contains(&"report/watchlist.matched".to_owned()), "{first:?}");
    // Another score, another order, another explanation, former ids: no news.
    let mut others = [finding("e:2", "A", 0.97), finding("e:1", "A", 0.71)];
    others[0].reasons.clear();
    others[1].former_ids = vec!["e:0".to_owned()];
    assert_eq!(told(&others).await, [""; 0]);
    assert_eq!(
        told(&[finding("e:1", "B", 0.9), finding("e:2", "A", 0.8)]).await,
        ["report/watchlist.matched", ready]
    );
    let clear = told(&[]).await;
    assert_eq!(clear.iter().filter(|kind| *kind == "report.hit-gone").count(), 2);
    assert!(clear.contains(&ready.to_owned()), "{clear:?}");
    assert_eq!(told(&[]).await, [""; 0]);
}

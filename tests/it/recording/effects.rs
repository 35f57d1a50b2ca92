//! Tags, statuses and holds: a schedule takes back what it set itself, and never overrides a person.

use sqlx::PgPool;
use watchkeeper::{
    actions::{
        consolidate,
        decide::{self, Decision},
        import::decisions,
    },
    domain::{answer::Finding, id::HitId},
};

use crate::fixtures::{DAILY, House, finding};

fn found() -> Vec<Finding> {
    vec![finding("e:1", "A", 0.9)]
}

async fn status_and_tags(house: &House) -> (String, Vec<String>) {
    let account = house.account("p1").await;
    (account.status, account.tags)
}

fn with(status: &str, tags: &[&str]) -> (String, Vec<String>) {
    (status.to_owned(), tags.iter().map(|tag| (*tag).to_owned()).collect())
}

async fn match_and_clear(house: &House) {
    house.scripted.find(&found());
    house.run("p1").await;
    house.scripted.find(&[]);
    house.run("p1").await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_clear_report_takes_back_the_tag_and_the_status_that_its_schedule_set(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    match_and_clear(&house).await;

    assert_eq!(status_and_tags(&house).await, with("active", &[]));
    let mut events = house.events().await.split_off(4);
    events.sort();
    assert_eq!(
        events,
        ["account.status-updated", "account.tag-removed", "report.hit-gone", "report/watchlist.ready"]
    );
    // The next match sets both again.
    house.scripted.find(&found());
    house.run("p1").await;
    assert_eq!(status_and_tags(&house).await, with("under-review", &["watchlist-match"]));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_tag_that_a_person_had_set_stays_when_the_report_is_clear(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.import("reference_id,type,name,tags\np1,individual,Test One,watchlist-match\n").await;
    house.enrol().await;
    match_and_clear(&house).await;
    assert_eq!(status_and_tags(&house).await, with("active", &["watchlist-match"]));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_tag_that_a_person_sets_after_the_schedule_is_the_persons(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&found());
    house.run("p1").await;
    house.import("reference_id,type,tags\np1,individual,watchlist-match\n").await;
    house.scripted.find(&[]);
    house.run("p1").await;
    assert_eq!(status_and_tags(&house).await, with("active", &["watchlist-match"]));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_status_that_the_schedule_does_not_name_is_left_alone(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.import("reference_id,type,name,status\np1,individual,Test One,blocked\n").await;
    house.enrol().await;
    house.scripted.find(&found());
    house.run("p1").await;
    assert_eq!(status_and_tags(&house).await, with("blocked", &["watchlist-match"]));
    house.scripted.find(&[]);
    house.run("p1").await;
    assert_eq!(status_and_tags(&house).await, with("blocked", &[]));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_status_that_a_person_had_set_is_not_set_back(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.import("reference_id,type,name,status\np1,individual,Test One,under-review\n").await;
    house.enrol().await;
    match_and_clear(&house).await;
    assert_eq!(status_and_tags(&house).await, with("under-review", &[]));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_status_that_a_person_sets_after_the_schedule_is_the_persons(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&found());
    house.run("p1").await;
    house.import("reference_id,type,status\np1,individual,blocked\n").await;
    house.scripted.find(&[]);
    house.run("p1").await;
    assert_eq!(status_and_tags(&house).await, with("blocked", &[]));
    // Nor is a decision overridden when the match is back.
    house.scripted.find(&found());
    house.run("p1").await;
    assert_eq!(status_and_tags(&house).await, with("blocked", &["watchlist-match"]));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_match_that_brings_nothing_new_does_not_undo_what_a_person_decided(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "A", 0.9)]);
    house.run("p1").await;
    house.import("reference_id,type,status\np1,individual,active\n").await;
    // One of the two hits goes: the answer changed, and brings no news.
    house.scripted.find(&found());
    house.run("p1").await;
    assert_eq!(house.count("select count(*) from runs where changed").await, 2);
    assert_eq!(status_and_tags(&house).await, with("active", &["watchlist-match"]));
    // News is another matter.
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:3", "A", 0.9)]);
    house.run("p1").await;
    assert_eq!(status_and_tags(&house).await, with("under-review", &["watchlist-match"]));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_clear_report_takes_back_nothing_that_another_schedule_set(pool: PgPool) {
    let two = format!(
        "{DAILY}{}",
        r#"
        [schedules.second]
        template = "elsewhere"
        every = "1d"
        accounts = { types = ["individual"] }
        on-match = { tags = ["second-match"], status = "blocked", status-from = ["active"] }
        on-clear = { status = "active" }
        "#
    );
    let house = House::new(&pool, &two).await;
    house.people(&["p1"]).await;
    let run_all = async || {
        for due in house.all_due("p1").await {
            let finished = house.perform(due).await;
            assert_eq!(house.record(&[finished]).await, [true]);
        }
    };
    house.scripted.find(&found());
    run_all().await;
    assert_eq!(status_and_tags(&house).await, with("under-review", &["watchlist-match"]));
    house.other.find(&found());
    run_all().await;
    // From `under-review` the second schedule may not change the status.
    assert_eq!(status_and_tags(&house).await, with("under-review", &["second-match", "watchlist-match"]));
    house.other.find(&[]);
    run_all().await;
    assert_eq!(status_and_tags(&house).await, with("under-review", &["watchlist-match"]));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_match_that_holds_stops_the_monitor_and_keeps_its_slot(pool: PgPool) {
    let text = DAILY.replace("status-from", "mode = \"hold\"\nstatus-from");
    let house = House::new(&pool, &text).await;
    house.people(&["p1"]).await;
    house.run("p1").await;
    assert_eq!(house.account("p1").await.monitors[0].state, "active", "a clear report holds nothing");
    house.scripted.find(&found());
    assert!(house.run("p1").await, "the run that holds counts");

    assert_eq!(house.all_due("p1").await, []);
    let monitor = house.account("p1").await.monitors.remove(0);
    assert_eq!((monitor.state, monitor.reason.as_deref()), ("held", Some("match")));
    assert!(monitor.slot >= 2, "the next slot is above both that were answered: {}", monitor.slot);
    assert_eq!(house.texts("select outcome from runs order by slot").await, ["clear", "match"]);
    // Enrolment leaves it held: the account is still one that the schedule selects.
    house.enrol().await;
    assert_eq!(house.account("p1").await.monitors[0].state, "held");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_whose_tags_or_status_changed_is_looked_at_by_enrolment(pool: PgPool) {
    let two = format!(
        "{DAILY}{}",
        r#"
        [schedules.watched-closely]
        template = "elsewhere"
        every = "1h"
        accounts = { types = ["individual"], tags-any = ["watchlist-match"] }
        "#
    );
    let house = House::new(&pool, &two).await;
    house.people(&["p1"]).await;
    assert_eq!(house.account("p1").await.monitors.len(), 1);
    house.scripted.find(&found());
    house.run("p1").await;
    house.enrol().await;
    let monitors = house.account("p1").await.monitors;
    assert_eq!(
        monitors.iter().map(|monitor| (monitor.schedule.as_str(), monitor.state)).collect::<Vec<_>>(),
        [("daily", "active"), ("watched-closely", "active")]
    );
}

const SECOND: &str = r#"
[schedules.second]
template = "elsewhere"
every = "1d"
accounts = { types = ["individual"] }
on-match = { tags = ["watchlist-match"], status = "under-review", status-from = ["active"] }
on-clear = { status = "active" }
"#;

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_tag_and_a_status_that_two_schedules_want_stay_until_both_are_clear(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{SECOND}")).await;
    house.people(&["p1"]).await;
    let run_both = async || {
        for due in house.all_due("p1").await {
            let finished = house.perform(due).await;
            house.record(&[finished]).await;
        }
    };
    house.scripted.find(&found());
    run_both().await;
    house.other.find(&found());
    run_both().await;
    house.scripted.find(&[]);
    run_both().await;
    assert_eq!(status_and_tags(&house).await, with("under-review", &["watchlist-match"]));
    house.other.find(&[]);
    run_both().await;
    assert_eq!(status_and_tags(&house).await, with("active", &[]));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_status_that_a_person_sets_again_is_the_persons(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&found());
    house.run("p1").await;
    house.import("reference_id,type,status\np1,individual,under-review\n").await;
    house.scripted.find(&[]);
    house.run("p1").await;
    assert_eq!(house.account("p1").await.status, "under-review");
}

/// The hits of an entity.
async fn hits_of(house: &House, entity: &str) -> Vec<HitId> {
    let rows: Vec<uuid::Uuid> =
        sqlx::query_scalar("select hit_id from hits where entity = $1 order by hit_id")
            .bind(entity)
            .fetch_all(&house.pool)
            .await
            .unwrap();
    rows.into_iter().map(HitId).collect()
}

async fn decide(house: &House, entity: &str, decision: Decision) {
    for hit in hits_of(house, entity).await {
        decide::decide(&house.engine.context, "ann", hit, decision, None).await.unwrap();
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn when_the_last_hit_is_dismissed_the_schedule_takes_back_what_it_set(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let (one, two) = (finding("e:1", "A", 0.9), finding("e:2", "A", 0.9));
    house.scripted.find(&[one.clone(), two.clone()]);
    house.run("p1").await;
    let flagged = with("under-review", &["watchlist-match"]);
    decide(&house, "e:1", Decision::Dismissed).await;
    assert_eq!(status_and_tags(&house).await, flagged, "of the other nobody has decided");
    decide(&house, "e:2", Decision::Confirmed).await;
    assert_eq!(status_and_tags(&house).await, flagged, "the account is who the list names");
    house.enrol().await;
    assert_eq!(house.count("select count(*) from enrol_queue").await, 0);
    decide(&house, "e:2", Decision::Dismissed).await;
    assert_eq!(status_and_tags(&house).await, with("active", &[]));
    let told =
        "select kind from events where actor = 'schedule:daily' and kind like 'account.%' order by kind";
    assert_eq!(
        house.texts(told).await,
        ["account.status-updated", "account.status-updated", "account.tag-added", "account.tag-removed"]
    );
    assert!(house.count("select count(*) from enrol_queue").await > 0, "other schedules may select it now");
    house.run("p1").await;
    assert_eq!(status_and_tags(&house).await, with("active", &[]));

    // Who finds later that it is the entity after all has it flagged again; and so does news.
    decide(&house, "e:2", Decision::Confirmed).await;
    assert_eq!(status_and_tags(&house).await, flagged);
    decide(&house, "e:2", Decision::Dismissed).await;
    assert_eq!(status_and_tags(&house).await, with("active", &[]));
    house.scripted.find(&[one, finding("e:2", "B", 0.9)]);
    house.run("p1").await;
    assert_eq!(status_and_tags(&house).await, flagged);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn who_was_confirmed_and_is_found_again_is_flagged_again_without_an_alert(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    decide(&house, "e:1", Decision::Confirmed).await;
    // A version of the list lacks the entity, and the next has it again.
    house.scripted.find(&[]);
    house.run("p1").await;
    assert_eq!(status_and_tags(&house).await, with("active", &[]));
    let alerts = "select count(*) from events where kind = 'report/watchlist.matched'";
    let before = house.count(alerts).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    assert_eq!(status_and_tags(&house).await, with("under-review", &["watchlist-match"]));
    assert_eq!(house.count(alerts).await, before);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_run_that_finds_only_what_was_dismissed_takes_back_what_its_schedule_set(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "A", 0.9)]);
    house.run("p1").await;
    decide(&house, "e:1", Decision::Dismissed).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    assert_eq!(status_and_tags(&house).await, with("active", &[]));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn decisions_that_are_imported_after_a_match_take_back_what_it_set(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    house.scripted.find(&found());
    house.run("p1").await;
    house.run("p2").await;
    let file = "reference_id,entity,decision\np1,e:1,dismissed\np2,e:1,confirmed\n";
    decisions::import(&house.engine.context, "test", "x.csv", file.as_bytes(), |_| ()).await.unwrap();
    assert_eq!(status_and_tags(&house).await, with("active", &[]));
    assert_eq!(house.account("p2").await.tags, ["watchlist-match"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_dismissal_takes_back_nothing_that_another_schedule_or_a_person_set(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{SECOND}")).await;
    house.people(&["p1"]).await;
    house.import("reference_id,type,tags\np1,individual,vip\n").await;
    house.scripted.find(&found());
    house.other.find(&[finding("e:2", "A", 0.9)]);
    for due in house.all_due("p1").await {
        let finished = house.perform(due).await;
        house.record(&[finished]).await;
    }
    let flagged = with("under-review", &["vip", "watchlist-match"]);
    assert_eq!(status_and_tags(&house).await, flagged);
    decide(&house, "e:1", Decision::Dismissed).await;
    assert_eq!(status_and_tags(&house).await, flagged, "the second schedule owns both now");
    house.import("reference_id,type,status\np1,individual,under-review\n").await;
    decide(&house, "e:2", Decision::Dismissed).await;
    assert_eq!(status_and_tags(&house).await, with("under-review", &["vip"]), "the status is a person's");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_an_account_was_flagged_for_is_taken_back_where_it_was_consolidated_into(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    house.scripted.find(&found());
    house.run("p2").await;
    house.scripted.find(&[]);
    house.run("p1").await;
    let id = async |reference: &str| house.account(reference).await.id;
    let (p1, p2) = (id("p1").await, id("p2").await);
    consolidate::request(&house.engine.context, "test", p1, &[p2]).await.unwrap();
    assert!(consolidate::do_next(&house.engine.context).await.unwrap());
    assert_eq!(house.account("p1").await.tags, ["watchlist-match"], "with the hit that waits");
    house.enrol().await;
    house.run("p1").await;
    assert_eq!(house.account("p1").await.tags, ["watchlist-match"]);
    decide(&house, "e:1", Decision::Dismissed).await;
    assert_eq!(house.account("p1").await.tags, [""; 0], "though the monitor that set it has ended");
}

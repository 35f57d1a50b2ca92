//! What an answer is compared with, and what of it is kept.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

use crate::fixtures::{DAILY, House, Reply, finding};

type RunRow = (i64, String, bool, i32, bool);

/// Slot, outcome, whether the answer changed, findings, whether content is kept; in order.
async fn runs(house: &House) -> Vec<RunRow> {
    sqlx::query_as(
        "select slot, outcome, changed, findings, sealed_content is not null from runs order by recorded_at, run_id",
    )
    .fetch_all(&house.pool)
    .await
    .unwrap()
}

fn run(slot: i64, outcome: &str, changed: bool, findings: i32) -> RunRow {
    (slot, outcome.to_owned(), changed, findings, changed)
}

/// Entity, state, score, when first seen, when changed, when gone; by entity.
async fn hits(
    house: &House,
) -> Vec<(String, String, f32, DateTime<Utc>, DateTime<Utc>, Option<DateTime<Utc>>)> {
    sqlx::query_as(
        "select entity, state, score, first_seen_at, changed_at, gone_at from hits order by entity",
    )
    .fetch_all(&house.pool)
    .await
    .unwrap()
}

async fn dismiss_all(house: &House) {
    sqlx::query("update hits set state = 'dismissed'").execute(&house.pool).await.unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_first_clear_run_is_a_slim_row_and_the_monitor_runs_again_within_its_interval(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    assert!(house.run("p1").await);

    assert_eq!(runs(&house).await, [run(0, "clear", false, 0)]);
    assert_eq!(hits(&house).await, []);
    assert_eq!(house.events().await, [""; 0]);
    let due = house.due("p1").await;
    assert_eq!((due.slot, due.attempts, due.last_digest), (1, 0, None));
    assert!(due.at > house.now() && due.at <= house.now() + TimeDelta::days(1), "{}", due.at);
    let account = house.account("p1").await;
    assert_eq!((account.status.as_str(), account.tags.len()), ("active", 0));
    // A report without content has no data key of its own.
    let keys = house.count("select count(*) from data_keys join monitors on object_id = monitor_id").await;
    assert_eq!(keys, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_match_opens_hits_sets_tag_and_status_and_tells_of_each(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:2", "A", 0.9), finding("e:1", "A", 0.95)]);
    assert!(house.run("p1").await);

    assert_eq!(runs(&house).await, [run(0, "match", true, 2)]);
    let now = house.now();
    assert_eq!(
        hits(&house).await,
        [
            ("e:1".to_owned(), "open".to_owned(), 0.95, now, now, None),
            ("e:2".to_owned(), "open".to_owned(), 0.9, now, now, None)
        ]
    );
    let account = house.account("p1").await;
    assert_eq!((account.status.as_str(), account.tags), ("under-review", vec!["watchlist-match".to_owned()]));
    assert_eq!(account.version, 1, "tags and statuses are no change of its data");
    let found = account.hits.iter().find(|hit| hit.entity == "e:1").unwrap();
    assert_eq!(found.finding.as_ref(), Some(&finding("e:1", "A", 0.95)));

    let mut events = house.events().await;
    events.sort();
    assert_eq!(
        events,
        ["account.status-updated", "account.tag-added", "report/watchlist.matched", "report/watchlist.ready"]
    );
    let told = house.texts(
        "select kind || ' ' || actor || ' ' || coalesce(
             (select string_agg(hit->>'entity', ' ') from jsonb_array_elements(detail->'hits') as hit),
             detail->>'tag', detail->>'to', detail->>'outcome')
         from events where kind <> 'account.created' order by 1",
    );
    assert_eq!(
        told.await,
        [
            "account.status-updated schedule:daily under-review",
            "account.tag-added schedule:daily watchlist-match",
            "report/watchlist.matched schedule:daily e:1 e:2",
            "report/watchlist.ready schedule:daily match"
        ]
    );
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_entity_that_an_answer_names_twice_is_one_hit(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:1", "A", 0.9)]);
    assert!(house.run("p1").await);
    assert_eq!(runs(&house).await, [run(0, "match", true, 1)]);
    assert_eq!(hits(&house).await.len(), 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_unchanged_answer_is_a_slim_row_and_touches_nothing_else(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    dismiss_all(&house).await;
    let untouched = "select coalesce(string_agg(kept::text, ',' order by kept::text), '') from (
        select hits.xmin, hits::text from hits union all
        select account_tags.xmin, account_tags::text from account_tags union all
        select accounts.xmin, accounts::text from accounts union all
        select events.xmin, events::text from events union all
        select data_keys.xmin, data_keys::text from data_keys
    ) as kept";
    let before = house.texts(untouched).await;
    assert!(house.run("p1").await);

    assert_eq!(runs(&house).await, [run(0, "match", true, 1), run(1, "match", false, 1)]);
    assert_eq!(house.texts(untouched).await, before);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn another_score_or_another_order_is_no_change(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "A", 0.8)]);
    house.run("p1").await;
    let before = hits(&house).await;
    house.scripted.find(&[finding("e:2", "A", 0.99), finding("e:1", "A", 0.7)]);
    house.run("p1").await;

    assert_eq!(runs(&house).await, [run(0, "match", true, 2), run(1, "match", false, 2)]);
    assert_eq!(hits(&house).await, before);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn changed_facts_open_the_hit_again_and_leave_the_others_decided(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "A", 0.9)]);
    house.run("p1").await;
    let first = house.now();
    dismiss_all(&house).await;
    house.scripted.find(&[finding("e:1", "B", 0.9), finding("e:2", "A", 0.9)]);
    house.run("p1").await;

    assert_eq!(runs(&house).await[1], run(1, "match", true, 2));
    assert_eq!(
        hits(&house).await,
        [
            ("e:1".to_owned(), "open".to_owned(), 0.9, first, house.now(), None),
            ("e:2".to_owned(), "dismissed".to_owned(), 0.9, first, first, None)
        ]
    );
    let change =
        "select detail->'hits'->0->>'change' from events where kind like '%matched' order by occurred_at";
    assert_eq!(house.texts(change).await, ["opened", "changed"]);
    let kept = house.account("p1").await.hits.into_iter().find(|hit| hit.entity == "e:1").unwrap();
    assert_eq!(kept.finding, Some(finding("e:1", "B", 0.9)));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_hit_that_is_no_longer_found_is_gone_and_the_same_hit_when_it_is_back(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "A", 0.9)]);
    house.run("p1").await;
    let first = house.now();
    let ids = house.texts("select hit_id::text from hits order by entity").await;

    house.scripted.find(&[finding("e:2", "A", 0.9)]);
    house.run("p1").await;
    let gone = house.now();
    assert_eq!(
        hits(&house).await,
        [
            ("e:1".to_owned(), "gone".to_owned(), 0.9, first, gone, Some(gone)),
            ("e:2".to_owned(), "open".to_owned(), 0.9, first, first, None)
        ]
    );
    assert!(house.events().await.contains(&"report.hit-gone".to_owned()));
    let account = house.account("p1").await;
    assert_eq!((account.status.as_str(), account.tags.len()), ("under-review", 1), "a match still stands");

    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "A", 0.9)]);
    house.run("p1").await;
    assert_eq!(hits(&house).await[0], ("e:1".to_owned(), "open".to_owned(), 0.9, first, house.now(), None));
    assert_eq!(house.texts("select hit_id::text from hits order by entity").await, ids);
    assert_eq!(house.count("select count(*) from events where kind like '%matched'").await, 2);
    assert_eq!(house.count("select count(*) from runs where changed").await, 3);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn one_batch_records_accounts_of_every_end(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let references: Vec<String> = (0..40).map(|number| format!("p{number}")).collect();
    house.people(&references.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut batch = Vec::new();
    for (number, reference) in references.iter().enumerate() {
        house.scripted.reply(match number % 4 {
            0 => Reply::Found(vec![finding("e:1", "A", 0.9), finding(&format!("e:{number}"), "A", 0.9)]),
            1 => Reply::Found(Vec::new()),
            2 => Reply::Never,
            _ => Reply::Later,
        });
        batch.push(house.perform(house.due(reference).await).await);
    }
    let counts = house.record(&batch).await;

    assert_eq!(counts, (0..40).map(|number| number % 4 != 3).collect::<Vec<_>>());
    assert_eq!(
        house.texts("select outcome || ' ' || count(*) from runs group by outcome order by 1").await,
        ["clear 10", "error 10", "match 10"]
    );
    // `e:0` is the entity of one account, `e:1` of ten.
    assert_eq!(house.count("select count(*) from hits where state = 'open'").await, 20);
    assert_eq!(house.count("select count(*) from account_tags").await, 10);
    assert_eq!(house.count("select count(*) from monitor_due where attempts = 1 and slot = 0").await, 10);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_decision_outlasts_that_an_entity_is_not_found_for_a_while(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    let hit = house.account("p1").await.hits.remove(0).id;
    house.decide(&hit).await;
    house.scripted.find(&[]);
    house.run("p1").await;
    assert_eq!(house.account("p1").await.hits[0].state, "gone");

    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    let back = house.account("p1").await.hits.remove(0);
    assert_eq!((back.state, back.decided_by.as_deref()), ("dismissed", Some("test")));
    assert!(house.events().await.contains(&"report.hit-back".to_owned()));
    assert_eq!(house.account("p1").await.tags, [""; 0], "a decided hit is no news");

    house.scripted.find(&[finding("e:1", "B", 0.9)]);
    house.run("p1").await;
    let reopened = house.account("p1").await.hits.remove(0);
    assert_eq!((reopened.state, reopened.decided_by.as_deref()), ("open", Some("test")));
}

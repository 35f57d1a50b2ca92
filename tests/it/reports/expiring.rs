//! What is open again because a decision is over holds as what was just found, and what stays decided costs nothing.

use std::time::Duration;

use sqlx::PgPool;
use watchkeeper::{
    actions::{reports, rescreen, retire},
    engine::{
        decisions::Decisions,
        rescreen::Rescreens,
        task::{Activation, Task},
    },
};

use super::{DAY, account};
use crate::fixtures::{House, finding};

/// Decisions that hold for a month, and a match that holds the monitor.
const HOLDING: &str = r#"
[report-templates.reviewed]
type = "watchlist"
provider = "other"
threshold = 0.9
[schedules.reviewed]
template = "reviewed"
every = "1d"
decisions-expire = "30d"
accounts = { types = ["individual"] }
on-match = { mode = "hold", tags = ["reviewed-match"] }
"#;

fn going_on() -> String {
    HOLDING.replace("mode = \"hold\", ", "")
}

impl House {
    /// Has an entity found of an account, dismissed, and the monitor taken up again.
    async fn dismiss_found(&self, reference: &str) {
        self.run(reference).await;
        self.decide(&self.account(reference).await.hits[0].id).await;
        self.enrol().await;
    }

    /// The state of an account's one hit, and what changed.
    async fn hit(&self, reference: &str) -> (&'static str, String) {
        let hit = self.account(reference).await.hits.remove(0);
        (hit.state, hit.changes.join(" "))
    }

    /// The state of an account's one monitor, and why.
    async fn monitor(&self, reference: &str) -> (String, Option<String>) {
        let monitor = self.account(reference).await.monitors.remove(0);
        (monitor.state.to_owned(), monitor.reason.clone())
    }
}

fn held() -> (String, Option<String>) {
    ("held".to_owned(), Some("match".to_owned()))
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_hit_whose_decision_expired_holds_its_monitor_as_when_it_was_found(pool: PgPool) {
    let house = House::new(&pool, HOLDING).await;
    house.people(&["p1", "p2"]).await;
    house.other.find(&[finding("e:1", "A", 0.9)]);
    for reference in ["p1", "p2"] {
        house.dismiss_found(reference).await;
        assert_eq!(house.monitor(reference).await.0, "active");
    }
    let paused = house.due("p2").await.monitor;
    reports::pause(&house.engine.context, "test", paused).await.unwrap();
    let before = house.monitor("p2").await;
    house.clock.advance(DAY * 31);
    house.finish(Decisions::new(house.engine.clone())).await;

    for reference in ["p1", "p2"] {
        assert_eq!(house.hit(reference).await, ("open", "expired".to_owned()));
    }
    assert_eq!((house.monitor("p1").await, house.all_due("p1").await), (held(), Vec::new()));
    assert_eq!(house.monitor("p2").await, before, "what a person paused stays so");
    // Held like any other: until it is decided.
    house.enrol().await;
    assert_eq!(house.monitor("p1").await, held());
    house.decide(&house.account("p1").await.hits[0].id).await;
    house.enrol().await;
    assert_eq!(house.monitor("p1").await.0, "active");
    assert_eq!(house.all_due("p1").await.len(), 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_hundred_thousand_decisions_of_an_archived_account_are_read_once_and_keep_none_from_expiring(
    pool: PgPool,
) {
    let house = House::new(&pool, &going_on()).await;
    house.people(&["p1", "p2"]).await;
    house.other.find(&[finding("e:1", "A", 0.9)]);
    house.dismiss_found("p1").await;
    retire::archive(&house.engine.context, "test", account(&house, "p1").await).await.unwrap();
    // All of one moment, and before the other's.
    sqlx::raw_sql(
        "insert into hits (shard, hit_id, account_id, monitor_id, schedule_id, entity, list, state, score, facts_digest,
                           first_seen_at, changed_at, decided_at, decided_by)
         select shard, gen_random_uuid(), account_id, monitor_id, schedule_id, entity || ':' || number, list, state,
                score, facts_digest, first_seen_at, changed_at, decided_at, decided_by
         from hits cross join generate_series(1, 100000) as number;
         analyze hits;",
    )
    .execute(&pool)
    .await
    .unwrap();
    house.dismiss_found("p2").await;
    house.clock.advance(DAY * 31);

    let mut task = Decisions::new(house.engine.clone());
    let mut pages = 1;
    while task.activate().await.unwrap() == Activation::More {
        pages += 1;
    }
    assert_eq!((house.hit("p2").await.0, pages), ("open", 201), "500 of them a page");
    assert_eq!(house.count("select count(*) from hits where state = 'dismissed'").await, 100_001);
    // Nothing of them is read again at once, and what comes after them is.
    assert_eq!(task.activate().await.unwrap(), Activation::Done);
    house.decide(&house.account("p2").await.hits[0].id).await;
    house.clock.advance(Duration::from_hours(23));
    assert_eq!(task.activate().await.unwrap(), Activation::Done);
    // Once a day they are: an account may be in use again.
    house.clock.advance(DAY);
    assert_eq!(task.activate().await.unwrap(), Activation::More);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_was_dismissed_under_another_threshold_is_open_again_when_somebody_asks_for_it(pool: PgPool) {
    let mut house = House::new(&pool, &going_on()).await;
    house.people(&["dismissed", "confirmed", "archived", "later", "failing"]).await;
    house.other.find(&[finding("e:1", "A", 0.9)]);
    for reference in ["dismissed", "archived", "failing"] {
        house.dismiss_found(reference).await;
    }
    house.run("confirmed").await;
    let hit = house.account("confirmed").await.hits.remove(0).id;
    let confirmed = watchkeeper::actions::decide::Decision::Confirmed;
    watchkeeper::actions::decide::decide(&house.engine.context, "ann", hit, confirmed, None).await.unwrap();
    retire::archive(&house.engine.context, "test", account(&house, "archived").await).await.unwrap();

    house.configure(&going_on().replace("0.9", "0.8")).await;
    house.dismiss_found("later").await;
    // Decided once more, after a run that saw the threshold of now.
    house.dismiss_found("failing").await;
    house.clock.advance(Duration::from_secs(1));
    let asked = async |reopens| {
        let names = ["reviewed".to_owned()];
        rescreen::ask(&house.engine.context, "ann", &names, reopens).await.unwrap();
        house.finish(Rescreens::new(house.engine.clone())).await;
    };
    asked(false).await;
    assert_eq!(house.hit("dismissed").await.0, "dismissed", "nobody asked for it");
    let before = house.count("select count(*) from events where kind like '%.matched'").await;

    asked(true).await;
    assert_eq!(house.hit("dismissed").await, ("open", "threshold".to_owned()));
    for (reference, state) in [
        ("confirmed", "confirmed"),
        ("archived", "dismissed"),
        ("later", "dismissed"),
        ("failing", "dismissed"),
    ] {
        assert_eq!(house.hit(reference).await.0, state, "{reference}");
    }
    assert_eq!(house.account("dismissed").await.tags, ["reviewed-match"]);
    assert_eq!(house.count("select count(*) from decisions where ended_for = '{threshold}'").await, 1);
    let matched = "select count(*) from events where kind like '%.matched'";
    assert_eq!(house.count(matched).await, before + 1);
    let told = "select detail -> 'hits' -> 0 ->> 'changed' from events where kind like '%.matched' \
                order by occurred_at desc, event_id desc limit 1";
    assert_eq!(house.texts(told).await, ["[\"threshold\"]"]);
    let asked_for = "select detail ->> 'reopen' from events where kind = 'rescreen.asked' order by 1";
    assert_eq!(house.texts(asked_for).await, ["false", "true"]);
    let shown = rescreen::list(&house.engine.context, 1).await.unwrap().rescreens.remove(0);
    assert_eq!((shown.reopens, shown.reopened, shown.monitors), (true, 1, 4));
    // Runs find it as it is, and once is enough.
    assert!(house.run("dismissed").await);
    assert_eq!(house.hit("dismissed").await.0, "open");
    asked(true).await;
    assert_eq!(house.count(matched).await, before + 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_is_open_again_because_of_the_threshold_holds_its_monitor(pool: PgPool) {
    let mut house = House::new(&pool, HOLDING).await;
    house.people(&["p1"]).await;
    house.other.find(&[finding("e:1", "A", 0.9)]);
    house.dismiss_found("p1").await;
    house.configure(&HOLDING.replace("0.9", "0.8")).await;
    house.clock.advance(Duration::from_secs(1));
    rescreen::ask(&house.engine.context, "ann", &[], true).await.unwrap();
    house.finish(Rescreens::new(house.engine.clone())).await;
    assert_eq!((house.hit("p1").await.0, house.monitor("p1").await), ("open", held()));
    assert_eq!(house.all_due("p1").await, []);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_was_dismissed_under_an_unknown_threshold_or_decided_anew_since_stays(pool: PgPool) {
    let mut house = House::new(&pool, &going_on()).await;
    house.people(&["unknown", "anew", "known"]).await;
    house.other.find(&[finding("e:1", "A", 0.9)]);
    house.dismiss_found("unknown").await;
    sqlx::query("update run_bases set detail = jsonb_set(detail::jsonb, '{threshold}', 'null')")
        .execute(&pool)
        .await
        .unwrap();
    house.configure(&going_on().replace("0.9", "0.85")).await;
    for reference in ["anew", "known"] {
        house.dismiss_found(reference).await;
    }
    house.clock.advance(Duration::from_secs(1));
    let now = house.now();
    let anew = account(&house, "anew").await;
    sqlx::query("update decisions set decided_at = $2 where account_id = $1")
        .bind(anew.0)
        .bind(now)
        .execute(&pool)
        .await
        .unwrap();
    house.configure(&going_on().replace("0.9", "0.8")).await;
    house.clock.advance(Duration::from_secs(1));
    rescreen::ask(&house.engine.context, "ann", &[], true).await.unwrap();
    house.finish(Rescreens::new(house.engine.clone())).await;
    for (reference, state) in [("unknown", "dismissed"), ("anew", "dismissed"), ("known", "open")] {
        assert_eq!(house.hit(reference).await.0, state, "{reference}");
    }
}

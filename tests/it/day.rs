//! A day in the life of a watched customer, as somebody sees it who has but metrics, events and evidence: a list changes,
//! the provider fails, a process dies, data change, and the account is redacted while a call about it is under way.

use std::{collections::BTreeSet, time::Duration};

use chrono::TimeDelta;
use sqlx::PgPool;
use watchkeeper::{
    actions::{
        decide::{self, Decision},
        evidence::{self, Evidence, Period},
        redact,
    },
    domain::{
        answer::Finding,
        id::{ProcessId, Shard},
        personal::Personal,
    },
    engine::Engine,
    telemetry::metrics::Form,
};

use crate::fixtures::{DAILY, House, Reply, finding};

const HOUR: Duration = Duration::from_hours(1);

/// What is seen from outside.
struct Watcher<'a> {
    house: &'a House,
    /// The events that were read.
    read: BTreeSet<String>,
}

impl Watcher<'_> {
    /// The kinds of the events since the last look, each with what changed where it says so; in order of the alphabet.
    async fn news(&mut self) -> Vec<String> {
        let all = self
            .house
            .texts(
                "select event_id || '|' || kind || coalesce(' ' || (detail -> 'hits' -> 0 ->> 'changed'), '') from events \
                 where kind like 'report%' or kind in ('account.updated-fields', 'account.redacted') order by occurred_at, event_id",
            )
            .await;
        let unread: Vec<String> = all.into_iter().filter(|event| self.read.insert(event.clone())).collect();
        let mut news: Vec<String> =
            unread.iter().map(|event| event.split_once('|').unwrap().1.to_owned()).collect();
        news.sort();
        news
    }

    /// A line of the metrics, without the program's name.
    fn metric(&self, line: &str) -> Option<String> {
        let shown = self.house.engine.metrics.encode(Form::Plain);
        shown.lines().find_map(|one| {
            let (name, value) = one.strip_prefix("watchkeeper_")?.rsplit_once(' ')?;
            (name == line).then(|| value.to_owned())
        })
    }

    async fn evidence(&self) -> Evidence {
        let now = self.house.now();
        let day = Period { from: now - TimeDelta::days(2), until: now + TimeDelta::seconds(1) };
        evidence::of_account(&self.house.engine.context, "ada", day, 1000).await.unwrap()
    }
}

/// Another process on the same database.
fn another_process(engine: &Engine) -> Engine {
    Engine { process: ProcessId(engine.context.new_uuid(Shard(0))), ..engine.clone() }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_day_is_told_by_metrics_events_and_evidence_alone(pool: PgPool) {
    let mut house = House::new(&pool, DAILY).await;
    house.people(&["ada"]).await;
    let seen = |house: &House, outcome: &str| {
        let line = format!("runs_total{{schedule=\"daily\",outcome=\"{outcome}\"}}");
        Watcher { house, read: BTreeSet::new() }.metric(&line).unwrap_or_else(|| "0".to_owned())
    };
    let mut read = BTreeSet::new();

    // Six in the morning: the first run is clear, and nobody hears of it.
    assert!(house.run("ada").await);
    let mut watcher = Watcher { house: &house, read: std::mem::take(&mut read) };
    assert_eq!(watcher.news().await, [""; 0]);
    assert_eq!(seen(&house, "clear"), "1");

    // Seven: the list has a new name on it.
    house.clock.advance(HOUR);
    house.scripted.find(&[finding("un:1", "A", 0.93)]);
    assert!(house.run("ada").await);
    assert_eq!(watcher.news().await, ["report/watchlist.matched", "report/watchlist.ready"]);
    let hit = house.account("ada").await.hits[0].id;
    let reason = Personal::new("Ada was born in 1990, the other in 1951".to_owned());
    let context = &house.engine.context;
    decide::decide(context, "ann", hit, Decision::Dismissed, Some(&reason)).await.unwrap();
    assert_eq!(watcher.news().await, ["report/watchlist.dismissed"]);

    // Eight: the list has another id for it. What was decided stands.
    house.clock.advance(HOUR);
    let renamed = Finding {
        former_ids: vec!["un:1".to_owned()],
        name: "Listed un:1".to_owned(),
        ..finding("un:2", "A", 0.93)
    };
    house.scripted.find(std::slice::from_ref(&renamed));
    assert!(house.run("ada").await);
    assert_eq!(watcher.news().await, ["report/watchlist.ready"], "the answer is another, and no alert");
    read = watcher.read;

    // Nine: the provider is away. Nothing is taken for clear, and the run is put off.
    house.clock.advance(HOUR);
    house.scripted.reply(Reply::Later);
    assert!(!house.run("ada").await);
    let mut watcher = Watcher { house: &house, read: std::mem::take(&mut read) };
    assert_eq!(watcher.news().await, [""; 0]);
    assert_eq!(watcher.metric("runs_postponed_total{provider=\"scripted\"}"), Some("1".to_owned()));
    assert_eq!(house.due("ada").await.attempts, 1);
    read = watcher.read;

    // Ten: it is back; the process that asked it dies before the answer is recorded. Another one asks again.
    house.clock.advance(HOUR);
    house.scripted.find(std::slice::from_ref(&renamed));
    let lost = house.perform(house.due("ada").await).await;
    let first = house.engine.process;
    house.engine = another_process(&house.engine);
    house.configure(DAILY).await;
    assert!(house.run("ada").await);
    // Were it only thought dead, its answer would come too late to count.
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.record(&[lost]).await, [false]);
    let mut watcher = Watcher { house: &house, read: std::mem::take(&mut read) };
    assert_eq!(watcher.news().await, [""; 0]);
    assert_eq!(seen(&house, "superseded"), "1");

    // Eleven: the customer gets another name. The decision rested on the former one.
    house.clock.advance(HOUR);
    house.import("reference_id,type,name\nada,individual,Ada Other\n").await;
    assert!(house.run("ada").await);
    assert_eq!(
        watcher.news().await,
        ["account.updated-fields", "report/watchlist.matched [\"account-data\"]"]
    );
    let told = watcher.evidence().await;
    assert_eq!((told.hits[0].hit.state, told.hits[0].hit.entity.as_str()), ("open", "un:2"));
    let decision = &told.decisions[0];
    assert_eq!((decision.entity.as_str(), decision.decided_by.as_str()), ("un:2", "ann"));
    assert_eq!(decision.ended_for, ["account-data"]);

    // Noon: she is redacted while a call about her is under way. Its answer writes nothing of her.
    house.clock.advance(HOUR);
    let under_way = house.perform(house.due("ada").await).await;
    redact::redact(&house.engine.context, "test", told.account_id).await.unwrap();
    assert_eq!(house.record(&[under_way]).await, [false]);
    assert_eq!(seen(&house, "superseded"), "2");
    assert!(watcher.news().await.contains(&"account.redacted".to_owned()));

    // What is left shows every run, by which process, on which data; and nothing of her.
    let left = watcher.evidence().await;
    let outcomes: Vec<_> = left
        .runs
        .iter()
        .map(|run| {
            (run.outcome.as_str(), run.account_version, run.basis["process"] == serde_json::json!(first))
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            ("clear", 1, true),
            ("match", 1, true),
            ("match", 1, true),
            ("match", 1, false),
            ("superseded", 1, true),
            ("match", 2, false),
            ("superseded", 2, false)
        ]
    );
    let page = watchkeeper::http::evidence::page(&left, "test");
    let json = serde_json::to_string(&left).unwrap();
    for personal in ["Test Person-ada", "Ada Other", "1990", "1951"] {
        assert!(!page.contains(personal) && !json.contains(personal), "{personal}");
    }
    assert!(
        page.contains("dismissed") && page.contains("superseded"),
        "that, and by whom it was decided, stays"
    );
}

//! The gauges that somebody has to read for: what is due, what waits, budgets, lists, the clock.

use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime},
};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    store::{
        self,
        providers::Lane,
        retention,
        samples::{self, DueOfSchedule},
    },
    telemetry::{
        health::Health,
        metrics::{ListLabels, ListVersionLabels, ProviderLabels},
    },
};

/// How often gauges of this process are set.
pub const EVERY: Duration = Duration::from_secs(1);

/// How often the database is read.
const FROM_DATABASE_EVERY: Duration = Duration::from_secs(15);

/// How long a reading may take. One that takes longer is given up, and the next one waits twice as long: it
/// walks dead rows that somebody's old transaction keeps, and more readings would only take from the runs.
const READING: Duration = Duration::from_secs(2);

/// The longest wait between readings.
const LONGEST_WAIT: Duration = Duration::from_mins(4);

/// Due monitors are counted up to so many in each shard.
const PER_SHARD: i64 = 100;

/// What waits is counted up to so many.
pub const MOST_WAITING: i64 = 10_000;

/// How long after its time a monitor is overdue.
const OVERDUE: Duration = Duration::from_mins(1);

/// The task that sets the gauges.
pub struct Sampler {
    engine: Engine,
    due: Vec<DueOfSchedule>,
    due_read_at: Option<DateTime<Utc>>,
    next_reading: Instant,
    wait: Duration,
    /// The version of each list, and since when it is in use.
    lists: HashMap<String, String>,
}

impl Sampler {
    /// Makes the task.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            due: Vec::new(),
            due_read_at: None,
            next_reading: Instant::now(),
            wait: FROM_DATABASE_EVERY,
            lists: HashMap::new(),
        }
    }

    /// Reads what is due and what waits, in few rows however many there are.
    async fn read_database(&mut self) -> Result<(), EngineError> {
        let mut transaction = self.engine.context.store.transaction().await?;
        let metrics = &self.engine.metrics;
        #[expect(clippy::disallowed_methods, reason = "the host's clock is what is compared")]
        let host = SystemTime::now();
        let now = store::now(&mut transaction).await?;
        metrics.clock_skew.set(seconds(now - DateTime::<Utc>::from(host)));
        samples::limit_statements(&mut transaction, READING).await?;
        let waiting = samples::waiting(&mut transaction, MOST_WAITING).await?;
        metrics.open_hits.set(waiting.open_hits);
        metrics.enrol_queue.set(waiting.enrol_queue);
        metrics.urgent.set(waiting.urgent);
        metrics.quarantined.set(waiting.quarantined);

        // What is due is so by the clock that scheduling goes by.
        let now = self.engine.context.now();
        let due = retention::find_overdue(&mut transaction, now).await?;
        metrics.retention_due.set(due.count);
        let age = due.oldest_at.map_or(0.0, |oldest| seconds(now - oldest).max(0.0));
        metrics.retention_oldest_due_age.set(age);
        let shown = json!({ "due": due.count, "oldest-due-seconds": due.oldest_at.map(|_| age) });
        self.engine.health.tell("retention", shown);
        let plan = &self.engine.plan;
        let of_schedules = plan.schedules.values().map(|planned| (planned.provider.lane, planned.id));
        // And rows that do not name their schedule yet.
        let queues = of_schedules.chain(plan.providers.iter().map(|provider| (provider.lane, 0)));
        let queues: Vec<(Lane, i32)> = queues.collect();
        let shards = self.engine.fleet.held();
        self.due = samples::due(&mut transaction, &queues, &shards, now, now - OVERDUE, PER_SHARD).await?;
        self.due_read_at = Some(now);
        #[expect(clippy::cast_precision_loss, reason = "microseconds are exact for centuries to come")]
        metrics.sampled_at.set(now.timestamp_micros() as f64 / 1e6);
        Ok(())
    }

    fn show(&mut self) {
        observe_budgets(&self.engine);
        self.observe_lists();
        let metrics = &self.engine.metrics;
        let shards = self.engine.fleet.held().len();
        metrics.shards_held.set(i64::try_from(shards).unwrap_or(i64::MAX));
        let revision = self.engine.fleet.revision();
        metrics.revision.set(i64::from(revision.unwrap_or(0)));
        self.engine.health.tell("shards", json!(shards));
        self.engine.health.tell("revision", json!(revision));
        let mut shown = Vec::new();
        for provider in &self.engine.plan.providers {
            let name = provider.provider.name();
            let mut view = json!({
                "name": name,
                "paused": self.engine.pauses.provider(provider.lane),
                "rest-seconds": provider.budget.rest().map_or(0, |rest| rest.as_secs()),
                "places-left": provider.budget.available(),
            });
            let of_lane = || self.due.iter().filter(|due| due.lane == provider.lane);
            if let (Some(_), Some(at)) = (of_lane().next(), self.due_read_at) {
                let oldest = of_lane().filter_map(|due| due.oldest_due_at).min();
                let oldest = oldest.map(|oldest| seconds(at - oldest).max(0.0));
                let (due, overdue) =
                    of_lane().fold((0, 0), |(due, overdue), one| (due + one.due, overdue + one.overdue));
                let labels = ProviderLabels { provider: name.to_owned() };
                metrics.due.get_or_create(&labels).set(due);
                metrics.overdue.get_or_create(&labels).set(overdue);
                metrics.oldest_due_age.get_or_create(&labels).set(oldest.unwrap_or(0.0));
                extend(
                    &mut view,
                    &json!({
                        "due": due,
                        "overdue": overdue,
                        "oldest-due-seconds": oldest,
                        "read-at": at,
                    }),
                );
            }
            shown.push(view);
        }
        self.engine.health.tell("providers", json!(shown));
    }

    /// The lists in use, and since when: from the moment a version is first seen.
    fn observe_lists(&mut self) {
        let metrics = &self.engine.metrics;
        for provider in &self.engine.plan.providers {
            for used in provider.provider.basis().lists {
                let before = self.lists.insert(used.name.clone(), used.version.clone());
                if before.as_ref() == Some(&used.version) {
                    continue;
                }
                if let Some(version) = before {
                    metrics.lists.remove(&ListVersionLabels { list: used.name.clone(), version });
                }
                let now = self.engine.context.now();
                let labels = ListVersionLabels { list: used.name.clone(), version: used.version };
                metrics.lists.get_or_create(&labels).set(1);
                #[expect(clippy::cast_precision_loss, reason = "seconds are exact for ever")]
                metrics
                    .list_loaded_at
                    .get_or_create(&ListLabels { list: used.name })
                    .set(now.timestamp() as f64);
            }
        }
    }
}

/// The budgets as this process sees them now.
fn observe_budgets(engine: &Engine) {
    for provider in &engine.plan.providers {
        let labels = ProviderLabels { provider: provider.provider.name().to_owned() };
        let places = i64::try_from(provider.budget.available()).unwrap_or(i64::MAX);
        engine.metrics.places_left.get_or_create(&labels).set(places);
    }
}

fn extend(view: &mut Value, more: &Value) {
    if let (Value::Object(view), Value::Object(more)) = (view, more) {
        view.extend(more.clone());
    }
}

fn seconds(delta: chrono::TimeDelta) -> f64 {
    delta.as_seconds_f64()
}

impl Task for Sampler {
    const NAME: &'static str = "sampler";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        let mut read = Ok(());
        if Instant::now() >= self.next_reading {
            read = self.read_database().await;
            self.wait = match &read {
                Err(error) if error.is_deadline() => {
                    self.engine.metrics.sample_failures.inc();
                    tracing::debug!("reading what is due took too long: the gauges stay as they were");
                    read = Ok(());
                    (self.wait * 2).min(LONGEST_WAIT)
                }
                Ok(()) | Err(_) => FROM_DATABASE_EVERY,
            };
            self.next_reading = Instant::now() + self.wait;
        }
        self.show();
        read.map(|()| Activation::Done)
    }
}

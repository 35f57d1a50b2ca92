//! Who is not screened, as gauges: accounts and monitors in the shards of this process, counted a shard after the other, so
//! that it costs little however many there are. A whole count shows at once, and the next one begins a while after it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    domain::id::Shard,
    screening::keys,
    store::{
        samples::{self, BlindSpots},
        screening_keys,
    },
    telemetry::{health::Health, metrics::BlindSpotLabels},
};

/// How often shards are counted while a count is under way.
pub const EVERY: Duration = Duration::from_secs(1);

/// How long counting goes on at a time: a twentieth of the time. A shard is counted whole.
const BUDGET: Duration = Duration::from_millis(50);

/// How long a shard may take. One that takes longer is left out of this count: its former figures stand.
const SHARD: Duration = Duration::from_secs(5);

/// How long after a count the next one begins.
const REST: Duration = Duration::from_mins(10);

/// How long after its time a monitor is overdue.
const OVERDUE: Duration = Duration::from_mins(1);

/// The task that counts.
pub struct Coverage {
    engine: Engine,
    counted: BTreeMap<Shard, BlindSpots>,
    /// The shard to count next; none between two counts.
    next: Option<Shard>,
    rests_until: Option<Instant>,
}

impl Coverage {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine, counted: BTreeMap::new(), next: Some(Shard(0)), rests_until: None }
    }

    /// Whether a count is over, and its figures show.
    pub const fn is_resting(&self) -> bool {
        self.next.is_none()
    }

    async fn count(&mut self, shard: Shard) -> Result<(), EngineError> {
        let now = self.engine.context.now();
        let mut transaction = self.engine.context.store.transaction().await?;
        samples::limit_statements(&mut transaction, SHARD).await?;
        let is_built = screening_keys::is_built(&mut transaction, keys::VERSION).await?;
        let spots = samples::blind_spots(&mut transaction, shard, now - OVERDUE, is_built).await?;
        self.counted.insert(shard, spots);
        Ok(())
    }

    fn show(&self) {
        let total = |of: fn(&BlindSpots) -> i64| self.counted.values().map(of).sum::<i64>();
        let all: [(&'static str, i64); 4] = [
            ("in-no-schedule", total(|spots| spots.in_no_schedule)),
            ("never-run", total(|spots| spots.never_run)),
            ("overdue", total(|spots| spots.overdue)),
            ("unscreenable", total(|spots| spots.unscreenable)),
        ];
        for (reason, count) in all {
            self.engine.metrics.blind_spots.get_or_create(&BlindSpotLabels { reason }).set(count);
        }
    }
}

impl Task for Coverage {
    const NAME: &'static str = "coverage";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        let began_at = Instant::now();
        if self.rests_until.is_some_and(|until| began_at < until) {
            return Ok(Activation::Done);
        }
        let held = self.engine.fleet.held();
        self.counted.retain(|shard, _| held.contains(shard));
        let first = self.next.unwrap_or(Shard(0));
        let left: std::collections::BTreeSet<Shard> =
            held.into_iter().filter(|shard| *shard >= first).collect();
        for shard in left {
            if began_at.elapsed() >= BUDGET {
                self.next = Some(shard);
                return Ok(Activation::Done);
            }
            match self.count(shard).await {
                Ok(()) => {}
                Err(error) if error.is_deadline() => {
                    self.engine.metrics.sample_failures.inc();
                }
                Err(error) => {
                    self.next = Some(shard);
                    return Err(error);
                }
            }
        }
        self.show();
        self.next = None;
        self.rests_until = Some(Instant::now() + REST);
        Ok(Activation::Done)
    }
}

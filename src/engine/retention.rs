//! Retention at work: keeping up when what falls due, and sweeping when that is asked for.
//!
//! The timer asks for a sweep, in the database; this part does it, a bounded batch after the other, and rests in
//! between so long that it works no more than its share of the time. A stop waits for the batch under way. A process
//! with an older configuration than the fleet's sweeps nothing.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::{
    Engine, EngineError,
    progress::Part,
    task::{self, Activation, Task},
};
use crate::{
    actions::retention::{self, Batch, Swept},
    domain::id::Shard,
    store,
    telemetry::{health::Health, metrics::PolicyLabels},
};

/// How often it is looked for a sweep that is asked for.
const EVERY: Duration = Duration::from_secs(1);

/// Keeps up when what falls due.
pub struct Refresh {
    engine: Engine,
}

impl Refresh {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

impl Task for Refresh {
    const NAME: &'static str = "retention";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        if !self.engine.fleet.is_current() {
            return Ok(Activation::Done);
        }
        let looked = retention::refresh(&self.engine.context).await?;
        self.engine.metrics.retention_failed.inc_by(looked.failed);
        Ok(if looked.more { Activation::More } else { Activation::Done })
    }
}

/// Sweeps whenever that is asked for, until `stop` is cancelled.
pub(super) async fn drive(engine: Engine, part: Part, stop: CancellationToken) {
    let mut sweep = Sweep::new(engine);
    while !stop.is_cancelled() {
        let began = Instant::now();
        let wait = match part.waiting(store::within(Box::pin(sweep.step()))).await {
            Ok(Step::More) => rest(began.elapsed(), sweep.engine.settings.sweep_load),
            Ok(Step::Idle) => EVERY,
            Err(error) => {
                task::report(&sweep.engine.health, "sweep", &error);
                EVERY
            }
        };
        let _ = part.waiting(stop.run_until_cancelled(tokio::time::sleep(wait))).await;
    }
}

/// How long to rest after work, so that work has its share of the time.
fn rest(worked: Duration, share: f64) -> Duration {
    worked.mul_f64((1.0 / share.clamp(0.001, 1.0) - 1.0).max(0.0))
}

/// What a step left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There may be more to redact.
    More,
    /// No sweep is asked for, or it is done, or it is others who are at it.
    Idle,
}

/// A sweep, a batch at a time.
pub struct Sweep {
    engine: Engine,
    next: Shard,
    redacted: HashMap<String, u64>,
}

impl Sweep {
    /// Makes a sweep that begins at the first shard.
    pub fn new(engine: Engine) -> Self {
        Self { engine, next: Shard(0), redacted: HashMap::new() }
    }

    /// Redacts one batch, if a sweep is asked for.
    pub async fn step(&mut self) -> Result<Step, EngineError> {
        let context = &self.engine.context;
        if !self.engine.fleet.is_current() || !retention::is_asked(context).await? {
            return Ok(Step::Idle);
        }
        let (revision, limit) = (self.engine.plan.revision, self.engine.settings.sweep_batch);
        match retention::batch(context, self.next, revision, limit).await? {
            Batch::Swept(swept) => {
                self.next = Shard(swept.shard.wrapping_add(1));
                self.count(swept);
                return Ok(Step::More);
            }
            Batch::Busy(next) => self.next = next,
            Batch::NotMine => {}
            Batch::Done => {
                retention::finish(context).await?;
                let redacted: u64 = self.redacted.drain().map(|(_, count)| count).sum();
                if redacted > 0 {
                    tracing::info!(redacted, "the sweep is done: nothing is due");
                }
            }
        }
        Ok(Step::Idle)
    }

    fn count(&mut self, swept: Swept) {
        let metrics = &self.engine.metrics;
        metrics.retention_failed.inc_by(swept.failed);
        for (policy, count) in swept.redacted {
            metrics.retention_redacted.get_or_create(&PolicyLabels { policy: policy.clone() }).inc_by(count);
            *self.redacted.entry(policy).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_has_its_share_of_the_time() {
        let second = Duration::from_secs(1);
        assert_eq!(rest(second, 0.2), Duration::from_secs(4));
        assert_eq!(rest(second, 1.0), Duration::ZERO);
    }
}

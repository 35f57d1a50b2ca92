//! Decisions of people that hold for so many days expire, also where answers stay as they were.

use std::{sync::Arc, time::Duration};

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    actions::decide::{self, Expiring},
    store,
    telemetry::{health::Health, metrics::HitLabels},
};

/// How often it is looked for decisions whose time is over.
pub const EVERY: Duration = Duration::from_mins(15);

/// How many hits one transaction opens.
const PAGE: i64 = 500;

/// The task that ends them; one process of a fleet does it at a time. Where no decision expires it does nothing.
pub struct Decisions {
    engine: Engine,
}

impl Decisions {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

impl Task for Decisions {
    const NAME: &'static str = "decisions";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        let context = &self.engine.context;
        let now = context.now();
        if !self.engine.fleet.is_current() {
            // Others know better when decisions expire.
            return Ok(Activation::Done);
        }
        let mut expiring = Vec::new();
        for planned in self.engine.plan.schedules.values() {
            if let Some(before) = planned.expired_before(now) {
                expiring.push((Arc::clone(planned), before));
            }
        }
        if expiring.is_empty() {
            return Ok(Activation::Done);
        }
        let mut alone = context.store.transaction().await?;
        if !store::lock_task(&mut alone, "decisions").await? {
            return Ok(Activation::Done);
        }
        let mut left = Activation::Done;
        for (planned, before) in expiring {
            let schedule = &planned.schedule.name;
            let of = Expiring {
                schedule_id: planned.id,
                schedule,
                template: &planned.template.name,
                report: planned.template.report,
                before,
            };
            let opened = decide::expire(context, of, PAGE).await?;
            if opened > 0 {
                let labels = HitLabels { schedule: schedule.clone(), change: "changed" };
                self.engine.metrics.hits.get_or_create(&labels).inc_by(opened as u64);
                tracing::info!(schedule.name = %schedule, count = opened, "decisions expired: their hits are open again");
            }
            if i64::try_from(opened).unwrap_or(i64::MAX) >= PAGE {
                left = Activation::More;
            }
        }
        Ok(left)
    }
}

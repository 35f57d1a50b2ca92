//! Decisions of people that hold for so many days expire, also where answers stay as they were.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    actions::decide::{self, Expiring},
    store::{self, hits::DecidedPlace},
    telemetry::{health::Health, metrics::HitLabels},
};

/// How often it is looked for decisions whose time is over.
pub const EVERY: Duration = Duration::from_mins(15);

/// How many decided hits one transaction looks at.
const PAGE: i64 = 500;

/// How often it is looked again at what lies behind the walk: what stays decided past its time, such as hits of archived
/// accounts, of which there may be any number, and what comes there later, such as a decision of long ago that is
/// imported. Periods are in days, so a day late is soon enough.
const AGAIN: TimeDelta = TimeDelta::days(1);

/// The task that ends them; one process of a fleet does it at a time. Where no decision expires it does nothing.
pub struct Decisions {
    engine: Engine,
    /// How far the walk over each schedule's decided hits is.
    places: HashMap<i32, DecidedPlace>,
    /// When the walks began.
    begun_at: DateTime<Utc>,
}

impl Decisions {
    /// Makes the task.
    pub fn new(engine: Engine) -> Self {
        let begun_at = engine.context.now();
        Self { engine, places: HashMap::new(), begun_at }
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
        if now - self.begun_at >= AGAIN {
            self.places.clear();
            self.begun_at = now;
        }
        let mut left = Activation::Done;
        for (planned, before) in expiring {
            let schedule = &planned.schedule.name;
            let after = self.places.get(&planned.id).copied().unwrap_or(DecidedPlace::START);
            let of = Expiring { of: planned.reopening(), before };
            let page = decide::expire(context, of, after, PAGE).await?;
            self.places.insert(planned.id, page.place);
            if page.opened > 0 {
                let labels = HitLabels { schedule: schedule.clone(), change: "changed" };
                self.engine.metrics.hits.get_or_create(&labels).inc_by(page.opened as u64);
                tracing::info!(schedule.name = %schedule, count = page.opened, "decisions expired: their hits are open again");
            }
            if page.is_more {
                left = Activation::More;
            }
        }
        // Else the next activation may find the lock still held, and rest.
        alone.commit().await?;
        Ok(left)
    }
}

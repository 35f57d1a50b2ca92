//! Whether schedules meet their objectives: gauges of this process, and one event for the fleet when a schedule
//! begins to miss its objective and one when it meets it again.
//!
//! An objective is missed while a monitor's time came longer ago than the objective allows. It counts as met again
//! once the longest wait is a tenth shorter than that, so that a schedule on the edge does not tell of itself all
//! the time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{
    Engine, EngineError, PlannedSchedule,
    task::{Activation, Task},
};
use crate::{
    store::{events, samples, schedules},
    telemetry::{health::Health, metrics::ScheduleLabels},
};

/// How often schedules are looked at.
pub const EVERY: Duration = Duration::from_secs(15);

/// How long the statements may take.
const READING: Duration = Duration::from_secs(4);

/// The part of the objective within which it is met again.
const MET_WITHIN: f64 = 0.9;

/// The task.
pub struct Objectives {
    engine: Engine,
}

impl Objectives {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Looks at a schedule, and tells of a change.
    async fn look(&self, planned: &PlannedSchedule, objective: Duration) -> Result<(), EngineError> {
        let context = &self.engine.context;
        let mut transaction = context.store.transaction().await?;
        samples::limit_statements(&mut transaction, READING).await?;
        let now = context.now();
        let oldest = samples::find_oldest_due(&mut transaction, planned.id, now).await?;
        let late = oldest.map_or(Duration::ZERO, |oldest| (now - oldest).to_std().unwrap_or_default());
        let (missed_since, enrolling) = schedules::find_missed_since(&mut transaction, planned.id).await?;
        // What waits is not all in its queue before the walk has ended: that nothing is late is known after it.
        let change =
            change(missed_since, oldest, late, objective).filter(|since| since.is_some() || !enrolling);
        if let Some(since) = change
            && self.engine.fleet.is_current()
            && schedules::save_missed_since(&mut transaction, planned.id, missed_since, since).await?
        {
            let name = &planned.schedule.name;
            let kind = if since.is_some() { "schedule.objective-missed" } else { "schedule.objective-met" };
            let detail = json!({
                "schedule": name,
                "objective-seconds": objective.as_secs(),
                "late-seconds": late.as_secs(),
                "missed-since": since.or(missed_since),
            });
            events::insert_all(&mut transaction, &[context.event_of_all(kind, "watchkeeper", detail)], now)
                .await?;
            transaction.commit().await?;
            if since.is_some() {
                tracing::warn!(schedule.name = %name, late_seconds = late.as_secs(), objective_seconds = objective.as_secs(), "a schedule misses its objective");
            } else {
                tracing::info!(schedule.name = %name, "a schedule meets its objective again");
            }
        }
        let missed = change.unwrap_or(missed_since).is_some();
        let labels = ScheduleLabels { schedule: planned.schedule.name.clone() };
        let metrics = &self.engine.metrics;
        metrics.objective.get_or_create(&labels).set(objective.as_secs_f64());
        metrics.objective_missed.get_or_create(&labels).set(i64::from(missed));
        metrics.longest_wait.get_or_create(&labels).set(late.as_secs_f64());
        Ok(())
    }
}

/// What is to be noted instead: since when the objective is missed, or that it is met again. None: all stays.
fn change(
    missed_since: Option<DateTime<Utc>>,
    oldest: Option<DateTime<Utc>>,
    late: Duration,
    objective: Duration,
) -> Option<Option<DateTime<Utc>>> {
    match missed_since {
        None if late > objective => {
            let allowed = TimeDelta::from_std(objective).unwrap_or(TimeDelta::MAX);
            Some(oldest.and_then(|oldest| oldest.checked_add_signed(allowed)))
        }
        Some(_) if late <= objective.mul_f64(MET_WITHIN) => Some(None),
        None | Some(_) => None,
    }
}

impl Task for Objectives {
    const NAME: &'static str = "objectives";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        for planned in self.engine.plan.schedules.values() {
            let Some(objective) = planned.schedule.objective else { continue };
            // Somebody stopped it, and knows.
            if self.engine.pauses.schedule(planned.id) {
                continue;
            }
            match self.look(planned, objective).await {
                // Dead rows that somebody's old transaction keeps: the next look may be quicker.
                Err(error) if error.is_deadline() => {
                    self.engine.metrics.sample_failures.inc();
                }
                done => done?,
            }
        }
        Ok(Activation::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objective_is_missed_from_its_deadline_on_and_met_again_only_well_within() {
        let hour = Duration::from_hours(1);
        let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        let minutes = Duration::from_mins;
        let oldest = at("2026-03-01T09:00:00Z");
        assert_eq!(change(None, oldest, minutes(60), hour), None);
        assert_eq!(change(None, oldest, minutes(61), hour), Some(at("2026-03-01T10:00:00Z")));
        let missed = at("2026-03-01T10:00:00Z");
        assert_eq!(change(missed, oldest, minutes(61), hour), None);
        assert_eq!(change(missed, oldest, minutes(55), hour), None, "on the edge");
        assert_eq!(change(missed, oldest, minutes(54), hour), Some(None));
        assert_eq!(change(missed, None, Duration::ZERO, hour), Some(None));
    }
}

//! Enrolment: every account that a schedule selects has a monitor, and no other has.
//!
//! Two ways lead here, and both do the same with a page of accounts. The queue brings accounts that
//! changed, within a second. A walk over all accounts, page by page, follows a new, changed or removed
//! schedule, and repairs whatever was missed when the timer starts one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    Engine, EngineError,
    plan::PlannedSchedule,
    task::{Activation, Task},
};
use crate::{
    domain::{
        id::{AccountId, MonitorId, Shard},
        monitor::{MonitorState, Trigger},
    },
    store::{
        accounts,
        enrolment::{self, Difference, Selected},
        monitors::{self, NewMonitor},
        schedules, wakeups,
    },
    telemetry::{health::Health, metrics::ScheduleLabels},
};

/// How many accounts one transaction looks at.
const PAGE: u32 = 2000;

/// Up to so many new accounts of one page run at once; more are an import, and run as a backfill.
const AT_ONCE: usize = 500;

/// The task of enrolment.
pub struct Enrol {
    engine: Engine,
}

impl Enrol {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Looks at the accounts that changed.
    async fn queue(&self) -> Result<bool, EngineError> {
        let mut transaction = self.engine.context.store.transaction().await?;
        let now = self.engine.context.now();
        let page = enrolment::claim_queue(&mut transaction, i64::from(PAGE)).await?;
        if page.is_empty() {
            return Ok(false);
        }
        let mut urgent = false;
        for schedule in self.engine.plan.schedules.values() {
            let selected = selected(&self.engine, schedule);
            let differences =
                enrolment::list_differences(&mut transaction, schedule.id, &selected, &page).await?;
            urgent |= self.enrol(&mut transaction, schedule, &differences, true, now).await?;
        }
        transaction.commit().await?;
        if urgent {
            self.engine.nudge.notify_waiters();
        }
        Ok(true)
    }

    /// Looks at the next page of a walk.
    async fn walk(&self) -> Result<bool, EngineError> {
        let mut transaction = self.engine.context.store.transaction().await?;
        let now = self.engine.context.now();
        let Some(walk) = schedules::lock_walk(&mut transaction).await? else { return Ok(false) };
        let (mut shard, mut after) = (walk.shard, walk.after);
        let mut page = Vec::new();
        let place = loop {
            let limit = PAGE as usize - page.len();
            let found =
                accounts::list_page(&mut transaction, shard, after, i64::try_from(limit).unwrap_or(i64::MAX))
                    .await?;
            after = found.last().map(|account| account.0).or(after);
            let whole = found.len() < limit;
            page.extend(found);
            match shard.0.checked_add(1) {
                _ if !whole => break Some((shard, after)),
                Some(next) => (shard, after) = (Shard(next), None),
                None => break None,
            }
        };
        match self.engine.plan.schedules.get(&walk.schedule_id) {
            Some(schedule) => {
                let selected = selected(&self.engine, schedule);
                let lane = schedule.provider.lane;
                let differences =
                    enrolment::list_differences(&mut transaction, schedule.id, &selected, &page).await?;
                self.enrol(&mut transaction, schedule, &differences, false, now).await?;
                enrolment::save_lane(&mut transaction, schedule.id, lane, &page).await?;
            }
            None => self.pause(&mut transaction, walk.schedule_id, &page, now).await?,
        }
        schedules::save_walk(&mut transaction, walk.schedule_id, place, now).await?;
        transaction.commit().await?;
        if place.is_none() {
            tracing::info!(schedule.name = %walk.name, "enrolment has seen every account");
        }
        Ok(true)
    }

    /// Makes, takes up and ends monitors as the differences say. Returns whether any is urgent.
    async fn enrol(
        &self,
        conn: &mut PgConnection,
        schedule: &PlannedSchedule,
        differences: &[Difference],
        changed: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, EngineError> {
        if differences.is_empty() {
            return Ok(false);
        }
        let lane = schedule.provider.lane;
        let of = |selected: bool| differences.iter().filter(move |one| one.selected == selected);
        let ended: Vec<MonitorId> = of(false).filter_map(|one| one.monitor).collect();
        let taken_up: Vec<MonitorId> = of(true).filter_map(|one| one.monitor).collect();
        let new: Vec<AccountId> =
            of(true).filter(|one| one.monitor.is_none()).map(|one| one.account).collect();
        if !ended.is_empty() {
            monitors::save_stopped(conn, &ended, MonitorState::Ended, "not-selected", now).await?;
        }
        if !taken_up.is_empty() {
            let active = monitors::save_active(conn, &taken_up, lane, now).await?;
            if active.len() <= AT_ONCE {
                wakeups::insert_all(conn, &active, Trigger::Resumed, now).await?;
            }
        }
        if new.is_empty() {
            return Ok(!taken_up.is_empty());
        }
        let urgent = changed && new.len() <= AT_ONCE;
        let rate = schedule.schedule.backfill_per_second;
        let first = if urgent {
            now
        } else {
            schedules::take_backfill(conn, schedule.id, new.len(), rate, now).await?
        };
        let between = if urgent { Duration::ZERO } else { Duration::from_secs_f64(1.0 / rate) };
        let new: Vec<NewMonitor> = (0_u32..)
            .zip(&new)
            .map(|(place, account)| NewMonitor {
                id: MonitorId(self.engine.context.new_uuid(account.shard())),
                account: *account,
                first_run_at: first + between * place,
            })
            .collect();
        let made = monitors::insert_all(conn, schedule.id, lane, &new, now).await?;
        if urgent {
            wakeups::insert_all(conn, &made, Trigger::NewAccount, now).await?;
        }
        let labels = ScheduleLabels { schedule: schedule.schedule.name.clone() };
        self.engine.metrics.enrolled.get_or_create(&labels).inc_by(made.len() as u64);
        Ok(urgent)
    }

    /// Pauses the monitors of a schedule that is no longer configured.
    async fn pause(
        &self,
        conn: &mut PgConnection,
        schedule_id: i32,
        page: &[AccountId],
        now: DateTime<Utc>,
    ) -> Result<(), EngineError> {
        let nothing = Selected { nothing: true, fields: serde_json::json!({}), ..Selected::default() };
        let differences = enrolment::list_differences(conn, schedule_id, &nothing, page).await?;
        let paused: Vec<MonitorId> = differences.iter().filter_map(|one| one.monitor).collect();
        if !paused.is_empty() {
            monitors::save_stopped(conn, &paused, MonitorState::Paused, "schedule-removed", now).await?;
        }
        Ok(())
    }
}

impl Task for Enrol {
    const NAME: &'static str = "enrol";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        let queued = self.queue().await?;
        let walked = self.walk().await?;
        Ok(if queued || walked { Activation::More } else { Activation::Done })
    }
}

/// A schedule's selection in the form that SQL compares with.
fn selected(engine: &Engine, schedule: &PlannedSchedule) -> Selected {
    let accounts = &schedule.schedule.accounts;
    Selected {
        types: accounts
            .types
            .iter()
            .filter_map(|name| engine.plan.type_ids.get(name))
            .map(|id| id.0)
            .collect(),
        statuses: accounts.statuses.clone(),
        tags_any: accounts.tags_any.clone(),
        tags_none: accounts.tags_none.clone(),
        fields: serde_json::json!(accounts.fields),
        nothing: false,
    }
}

//! Enrolment: every account that a schedule selects has a monitor, and no other has.
//!
//! Two ways lead here, and both do the same with a page of accounts. The queue brings accounts that
//! changed, within a second. A walk over all accounts, page by page, follows a new, changed or removed
//! schedule, and repairs whatever was missed when the timer starts one. Reports that the API makes are tended
//! beside them (`requested`).

mod requested;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Engine, EngineError, keys,
    plan::PlannedSchedule,
    reverify,
    task::{Activation, Task},
};
use crate::{
    domain::{
        id::{AccountId, MonitorId, Shard},
        monitor::{MonitorState, PausedBy, Trigger},
        schedule::Selection,
    },
    screening::keys as screened,
    store::{
        accounts,
        due::{self, Placed},
        enrolment::{self, Difference, Selected},
        monitors::{self, NewMonitor},
        pauses, revisions, schedules, screening_keys,
        wakeups::{self, Urgency},
    },
    telemetry::{health::Health, metrics::ScheduleLabels},
};

/// How many accounts one transaction looks at, and at the least after pages that took too long.
const PAGE: u32 = 2000;
const SMALLEST_PAGE: u32 = 50;

/// Up to so many new accounts of one page run at once; more are an import, and run as a backfill.
const AT_ONCE: usize = 500;

/// The task of enrolment.
pub struct Enrol {
    engine: Engine,
    page: u32,
}

impl Enrol {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine, page: PAGE }
    }

    /// Whether what the transaction took belongs to a newer configuration than this engine's, which would take
    /// its schedules for removed, or select by what they were. A configuration and the walks that it starts
    /// are committed together, so whoever sees one sees the other.
    async fn is_outdated(&self, conn: &mut PgConnection) -> Result<bool, EngineError> {
        let newest = revisions::find_newest_number(conn).await?;
        Ok(self.engine.plan.revision.is_some() && self.engine.plan.revision < newest)
    }

    /// Looks at the accounts that changed.
    async fn queue(&self, limit: u32) -> Result<bool, EngineError> {
        let mut transaction = self.engine.context.store.transaction().await?;
        let now = self.engine.context.now();
        pauses::lock_shared(&mut transaction).await?;
        let queued = enrolment::claim_queue(&mut transaction, i64::from(limit)).await?;
        if queued.is_empty() || self.is_outdated(&mut transaction).await? {
            return Ok(false);
        }
        if screening_keys::is_newer(&mut transaction, screened::VERSION).await? {
            // Keys of an older version would not replace those that a newer program made of what was there before.
            return Ok(false);
        }
        let page: Vec<AccountId> = queued.iter().map(|(account, _)| *account).collect();
        pauses::lock_shards_shared(&mut transaction, &page).await?;
        // An account may be of a type that was made a moment ago.
        self.engine.plan.types.refresh(&mut transaction).await?;
        let planned = self.engine.plan.schedules.values();
        let (of_templates, mut schedules): (Vec<&Arc<PlannedSchedule>>, Vec<_>) =
            planned.partition(|schedule| schedule.is_by_request());
        schedules.sort_unstable_by_key(|schedule| schedule.id);
        let paused_schedules = pauses::list_schedules(&mut transaction).await?;
        let mut differing = Vec::with_capacity(schedules.len());
        let mut paused = Vec::new();
        for schedule in schedules {
            if paused_schedules.contains(&schedule.id) {
                let by = PausedBy::SchedulePaused;
                paused.extend(to_pause(&mut transaction, schedule.id, by, &page).await?);
                continue;
            }
            let selected = selected(&self.engine, &schedule.schedule.accounts);
            let differences =
                enrolment::list_differences(&mut transaction, schedule.id, &selected, &page).await?;
            differing.push((schedule, differences));
        }
        let requested = requested::of_accounts(&mut transaction, &of_templates, &page).await?;
        let requested =
            requested::look(&self.engine, &mut transaction, &requested, &paused_schedules).await?;
        // Due rows are locked in one order: all that end, before anything begins.
        let ended: Vec<MonitorId> =
            differing.iter().flat_map(|(_, differences)| ended(differences)).collect();
        let stopped = [ended.as_slice(), paused.as_slice(), &requested.paused()].concat();
        due::lock(&mut transaction, &stopped).await?;
        end(&mut transaction, &ended, now).await?;
        pause(&mut transaction, &paused, PausedBy::SchedulePaused, now).await?;
        requested.pause(&mut transaction, now).await?;
        let mut urgent = requested.take_up(&mut transaction, now).await?;
        for (schedule, differences) in &differing {
            urgent |= self.begin(&mut transaction, schedule, differences, true, now).await?;
        }
        reverify::refresh(&self.engine, &mut transaction, &page).await?;
        keys::follow(&self.engine, &mut transaction, &queued).await?;
        transaction.commit().await?;
        if urgent {
            self.engine.nudge.send_replace(());
        }
        Ok(true)
    }

    /// Looks at the next page of a walk.
    async fn walk(&self, most: u32) -> Result<bool, EngineError> {
        let mut transaction = self.engine.context.store.transaction().await?;
        let now = self.engine.context.now();
        pauses::lock_shared(&mut transaction).await?;
        let Some(walk) = schedules::lock_walk(&mut transaction).await? else { return Ok(false) };
        if self.is_outdated(&mut transaction).await? {
            return Ok(false);
        }
        if walk.by_request {
            let place = requested::walk(&self.engine, &mut transaction, &walk, most, now).await?;
            schedules::save_walk(&mut transaction, walk.schedule_id, place, now).await?;
            transaction.commit().await?;
            return Ok(true);
        }
        let (mut shard, mut after) = (walk.shard, walk.after);
        let mut page = Vec::new();
        let place = loop {
            let limit = most as usize - page.len();
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
        pauses::lock_shards_shared(&mut transaction, &page).await?;
        self.engine.plan.types.refresh(&mut transaction).await?;
        let planned = self.engine.plan.schedules.get(&walk.schedule_id);
        let is_paused = pauses::list_schedules(&mut transaction).await?.contains(&walk.schedule_id);
        if let Some(schedule) = planned.filter(|_| !is_paused) {
            let selected = selected(&self.engine, &schedule.schedule.accounts);
            let differences =
                enrolment::list_differences(&mut transaction, schedule.id, &selected, &page).await?;
            let ended: Vec<MonitorId> = ended(&differences).collect();
            end(&mut transaction, &ended, now).await?;
            self.begin(&mut transaction, schedule, &differences, false, now).await?;
            let placed = due::list_of_page(&mut transaction, schedule.id, &page).await?;
            adapt(&mut transaction, schedule, &placed, now).await?;
        } else {
            let by = planned.map_or(PausedBy::ScheduleRemoved, |_| PausedBy::SchedulePaused);
            let paused = to_pause(&mut transaction, walk.schedule_id, by, &page).await?;
            pause(&mut transaction, &paused, by, now).await?;
        }
        schedules::save_walk(&mut transaction, walk.schedule_id, place, now).await?;
        transaction.commit().await?;
        if place.is_none() {
            tracing::info!(schedule.name = %walk.name, "enrolment has seen every account");
        }
        Ok(true)
    }

    /// Makes and takes up monitors as the differences say. Returns whether any is urgent.
    async fn begin(
        &self,
        conn: &mut PgConnection,
        schedule: &PlannedSchedule,
        differences: &[Difference],
        changed: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, EngineError> {
        let lane = schedule.provider.lane;
        let selected = || differences.iter().filter(|one| one.selected);
        let taken_up: Vec<MonitorId> = selected().filter_map(|one| one.monitor).collect();
        let new: Vec<AccountId> =
            selected().filter(|one| one.monitor.is_none()).map(|one| one.account).collect();
        if !taken_up.is_empty() {
            let active = monitors::save_active(conn, &taken_up, lane, now).await?;
            let urgency = if changed && active.len() <= AT_ONCE { Urgency::Urgent } else { Urgency::Routine };
            wakeups::insert_all(conn, &active, Trigger::Resumed, urgency, now).await?;
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
            wakeups::insert_all(conn, &made, Trigger::NewAccount, Urgency::Urgent, now).await?;
        }
        let labels = ScheduleLabels { schedule: schedule.schedule.name.clone() };
        self.engine.metrics.enrolled.get_or_create(&labels).inc_by(made.len() as u64);
        Ok(urgent)
    }
}

impl Task for Enrol {
    const NAME: &'static str = "enrol";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        if !self.engine.fleet.is_current() {
            // Others know better which accounts are to be watched.
            return Ok(Activation::Done);
        }
        let page = self.page;
        // What a page that took too long, or failed, leaves to the next attempt.
        self.page = (page / 2).max(SMALLEST_PAGE);
        let queued = self.queue(page).await?;
        let walked = self.walk(page).await?;
        self.page = (page * 2).min(PAGE);
        Ok(if queued || walked { Activation::More } else { Activation::Done })
    }
}

/// The monitors of accounts that are no longer selected.
fn ended(differences: &[Difference]) -> impl Iterator<Item = MonitorId> {
    differences.iter().filter(|one| !one.selected).filter_map(|one| one.monitor)
}

/// The monitors of a schedule that no longer runs, for the accounts of a page.
async fn to_pause(
    conn: &mut PgConnection,
    schedule_id: i32,
    by: PausedBy,
    page: &[AccountId],
) -> Result<Vec<MonitorId>, EngineError> {
    let nothing = Selected { paused_by: Some(by), fields: serde_json::json!({}), ..Selected::default() };
    let differences = enrolment::list_differences(conn, schedule_id, &nothing, page).await?;
    Ok(differences.iter().filter_map(|one| one.monitor).collect())
}

async fn pause(
    conn: &mut PgConnection,
    paused: &[MonitorId],
    by: PausedBy,
    now: DateTime<Utc>,
) -> Result<(), EngineError> {
    if !paused.is_empty() {
        monitors::save_stopped(conn, paused, MonitorState::Paused, by.word(), now).await?;
    }
    Ok(())
}

async fn end(conn: &mut PgConnection, ended: &[MonitorId], now: DateTime<Utc>) -> Result<(), EngineError> {
    if !ended.is_empty() {
        monitors::save_stopped(conn, ended, MonitorState::Ended, "not-selected", now).await?;
    }
    Ok(())
}

/// Moves due rows to their schedule and its provider's lane, and brings runs forward when their schedule became more
/// frequent: it counts from now, not from the next run of the old rhythm.
///
/// A row of the right lane that does not name its schedule keeps that until it is no longer due: the lane finds it where
/// it is, and has passed its time in the queue that it would come to.
async fn adapt(
    conn: &mut PgConnection,
    schedule: &PlannedSchedule,
    placed: &[Placed],
    now: DateTime<Utc>,
) -> Result<(), EngineError> {
    let lane = schedule.provider.lane;
    let is_found_there = |due: &Placed| due.schedule_id == due::UNNAMED && due.at <= now;
    let is_elsewhere =
        |due: &&Placed| due.lane != lane || (due.schedule_id != schedule.id && !is_found_there(due));
    let moved: Vec<MonitorId> = placed.iter().filter(is_elsewhere).map(|due| due.monitor).collect();
    let earlier: Vec<(MonitorId, DateTime<Utc>)> = placed
        .iter()
        .filter(|due| due.is_routine)
        .map(|due| (due, schedule.next_due(due.monitor, now)))
        .filter(|(due, next)| *next < due.at)
        .map(|(due, next)| (due.monitor, next))
        .collect();
    let mut locked: Vec<MonitorId> = earlier.iter().map(|(monitor, _)| *monitor).collect();
    locked.extend(&moved);
    if locked.is_empty() {
        return Ok(());
    }
    due::lock(conn, &locked).await?;
    due::save_lane(conn, &moved, lane, schedule.id).await?;
    due::save_earlier(conn, &earlier).await?;
    Ok(())
}

/// A schedule's selection in the form that SQL compares with.
pub(super) fn selected(engine: &Engine, accounts: &Selection) -> Selected {
    Selected {
        types: accounts
            .types
            .iter()
            // No type at all must not read as any type.
            .map(|name| engine.plan.types.id(name).map_or(Uuid::nil(), |id| id.0))
            .collect(),
        statuses: accounts.statuses.clone(),
        tags_any: accounts.tags_any.clone(),
        tags_none: accounts.tags_none.clone(),
        fields: serde_json::json!(accounts.fields),
        paused_by: None,
    }
}

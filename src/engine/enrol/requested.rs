//! Reports that the API made: no selection begins or ends them, but what pauses monitors pauses them too, and what
//! held them may be over.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::{Engine, EngineError, plan::PlannedSchedule},
    AT_ONCE, adapt,
};
use crate::{
    domain::{
        id::{AccountId, MonitorId, Shard},
        monitor::{MonitorState, PausedBy, Trigger},
    },
    store::{
        due, monitors, pauses,
        providers::Lane,
        requested::{self, Misplaced},
        schedules::Walk,
        wakeups::{self, Urgency},
    },
};

/// Reports that do not stand as they should.
pub(super) struct Requested {
    misplaced: Vec<(Misplaced, Lane)>,
}

/// The reports of accounts that changed.
pub(super) async fn of_accounts(
    conn: &mut PgConnection,
    of_templates: &[&Arc<PlannedSchedule>],
    accounts: &[AccountId],
) -> Result<Vec<MonitorId>, EngineError> {
    let ids: Vec<i32> = of_templates.iter().map(|schedule| schedule.id).collect();
    Ok(requested::list_of_accounts(conn, &ids, accounts).await?)
}

/// Finds those of the reports that are to be paused or taken up.
pub(super) async fn look(
    engine: &Engine,
    conn: &mut PgConnection,
    monitors: &[MonitorId],
    paused_schedules: &[i32],
) -> Result<Requested, EngineError> {
    if monitors.is_empty() {
        return Ok(Requested { misplaced: Vec::new() });
    }
    let planned = &engine.plan.schedules;
    let running: Vec<i32> =
        planned.values().filter(|schedule| schedule.is_by_request()).map(|schedule| schedule.id).collect();
    let misplaced = requested::list_misplaced(conn, monitors, &running, paused_schedules).await?;
    let lane = |one: &Misplaced| planned.get(&one.schedule_id).map_or(0, |schedule| schedule.provider.lane);
    let misplaced = misplaced.into_iter().map(|one| (lane(&one), one)).map(|(lane, one)| (one, lane));
    Ok(Requested { misplaced: misplaced.collect() })
}

impl Requested {
    /// Those that are to be paused, or paused for another reason.
    pub(super) fn paused(&self) -> Vec<MonitorId> {
        let paused = self.misplaced.iter().filter(|(one, _)| one.paused_by.is_some());
        paused.map(|(one, _)| one.monitor).collect()
    }

    /// Pauses them; their due rows are locked by the caller.
    pub(super) async fn pause(&self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), EngineError> {
        let mut by_reason: BTreeMap<PausedBy, Vec<MonitorId>> = BTreeMap::new();
        for (one, _) in &self.misplaced {
            if let Some(by) = one.paused_by {
                by_reason.entry(by).or_default().push(one.monitor);
            }
        }
        for (by, monitors) in by_reason {
            monitors::save_stopped(conn, &monitors, MonitorState::Paused, by.word(), now).await?;
        }
        Ok(())
    }

    /// Takes the others up again. Returns whether there are any.
    pub(super) async fn take_up(
        &self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
    ) -> Result<bool, EngineError> {
        let mut by_lane: BTreeMap<Lane, Vec<MonitorId>> = BTreeMap::new();
        for (one, lane) in self.misplaced.iter().filter(|(one, _)| one.paused_by.is_none()) {
            by_lane.entry(*lane).or_default().push(one.monitor);
        }
        let any = !by_lane.is_empty();
        let mut active = Vec::new();
        for (lane, monitors) in by_lane {
            active.extend(monitors::save_active(conn, &monitors, lane, now).await?);
        }
        if !active.is_empty() {
            let urgency = if active.len() <= AT_ONCE { Urgency::Urgent } else { Urgency::Routine };
            wakeups::insert_all(conn, &active, Trigger::Resumed, urgency, now).await?;
        }
        Ok(any)
    }
}

/// Looks at the next page of a template's reports. Returns where the walk goes on; none at its end.
pub(super) async fn walk(
    engine: &Engine,
    conn: &mut PgConnection,
    walk: &Walk,
    most: u32,
    now: DateTime<Utc>,
) -> Result<Option<(Shard, Option<Uuid>)>, EngineError> {
    let page =
        requested::list_page(conn, walk.schedule_id, (walk.shard, walk.after), i64::from(most)).await?;
    let of = monitors::list_accounts(conn, &page).await?;
    let of: Vec<AccountId> = of.into_iter().map(|(_, account)| account).collect();
    pauses::lock_shards_shared(conn, &of).await?;
    let paused = pauses::list_schedules(conn).await?;
    let requested = look(engine, conn, &page, &paused).await?;
    due::lock(conn, &requested.paused()).await?;
    requested.pause(conn, now).await?;
    requested.take_up(conn, now).await?;
    if let Some(schedule) = engine.plan.schedules.get(&walk.schedule_id) {
        let placed = due::list_placed(conn, &page).await?;
        adapt(conn, schedule, &placed, now).await?;
    }
    let is_last = page.len() < most as usize;
    Ok(page.last().filter(|_| !is_last).map(|last| (last.shard(), Some(last.0))))
}

//! Has accounts screened once more: those that a change of a list concerns, or all of a schedule.
//!
//! A rescreen is a row in the database that says which; a page at a time its accounts are found (`difference`), and their
//! monitors made due. Whoever is killed leaves it to the next. How soon they run is the dispatcher's: those of a difference
//! come before routine work, a complete rescreen in turn with it.

mod difference;
mod sieve;
mod wanted;

use std::collections::HashSet;

use sqlx::PgConnection;

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    actions::decide,
    domain::{id::MonitorId, monitor::Trigger},
    screening::keys,
    store::{
        nudges,
        rescreens::{self, Open},
        wakeups::{self, Urgency},
    },
    telemetry::{health::Health, metrics::HitLabels},
};
use difference::Change;

/// How many tokens one transaction looks up; and after pages that took too long, at the least.
const TOKENS: usize = 1000;
const FEWEST_TOKENS: usize = 5;

/// How many entities one transaction looks for the hits of.
const ENTITIES: i32 = 500;

/// How many accounts or monitors one transaction wakes.
const PAGE: i64 = 2000;

/// How often so few tokens may take too long before all accounts are screened instead.
const MOST_STUCK: u32 = 3;

/// How many monitors one transaction sees to that also opens hits again.
const REOPENING_PAGE: i64 = 200;

/// The task.
pub struct Rescreens {
    engine: Engine,
    tokens: usize,
    /// The change that is being worked off.
    held: Option<Change>,
    /// How often the fewest tokens took too long.
    stuck: u32,
}

/// The next page of a schedule's monitors, and which of them are active and ran before.
enum Of {
    All,
    Questions,
}

/// What one page came to.
struct Step {
    /// Whether there may be another.
    is_more: bool,
    /// The schedule of which hits were looked at that may be open again, and how many are.
    reopened: Option<(String, usize)>,
}

impl Step {
    const fn more() -> Self {
        Self { is_more: true, reopened: None }
    }
}

impl Rescreens {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine, tokens: TOKENS, held: None, stuck: 0 }
    }

    /// Makes monitors due, of which some are `ready`; those that are paused are due when they are resumed. Returns how many
    /// are due.
    async fn wake(
        &self,
        conn: &mut PgConnection,
        (all, ready): (&[MonitorId], &[MonitorId]),
        trigger: Trigger,
        urgency: Urgency,
    ) -> Result<usize, EngineError> {
        let now = self.engine.context.now();
        let woken = wakeups::insert_all(conn, ready, trigger, urgency, now).await?;
        let known: HashSet<MonitorId> = woken.iter().copied().collect();
        let rest: Vec<MonitorId> = all.iter().copied().filter(|one| !known.contains(one)).collect();
        if rest.is_empty() {
            return Ok(woken.len());
        }
        rescreens::save_missed(conn, &rest, now).await?;
        // One that was resumed in between was neither active then nor paused now.
        let resumed = rescreens::list_ran(conn, &rest).await?;
        let late = wakeups::insert_all(conn, &resumed, trigger, urgency, now).await?;
        Ok(woken.len() + late.len())
    }

    /// One page of monitors, schedule by schedule.
    async fn walk(&self, conn: &mut PgConnection, open: &Open, of: &Of) -> Result<Step, EngineError> {
        let limit = if open.reopens { REOPENING_PAGE } else { PAGE };
        let (mut schedule, mut after) = match open.place {
            Some((schedule, monitor)) => (schedule, Some(monitor)),
            None => (i32::MIN, None),
        };
        loop {
            let page = match of {
                _ if !open.schedules.contains(&schedule) => Vec::new(),
                Of::All => rescreens::list_monitors_after(conn, schedule, after, limit).await?,
                Of::Questions => rescreens::list_questions_after(conn, schedule, after, limit).await?,
            };
            let Some((last, _)) = page.last().copied() else {
                let next = open.schedules.iter().copied().filter(|one| *one > schedule).min();
                let Some(next) = next else { return Ok(Step { is_more: false, reopened: None }) };
                (schedule, after) = (next, None);
                continue;
            };
            let reopened = self.reopen(conn, open, schedule, &page).await?;
            let all: Vec<MonitorId> = page.iter().map(|(monitor, _)| *monitor).collect();
            // What never ran is about to.
            let ran: Vec<MonitorId> =
                page.into_iter().filter(|(_, ran)| *ran).map(|(monitor, _)| monitor).collect();
            let trigger = if open.change.is_some() { Trigger::ListChange } else { Trigger::RunNow };
            let woken = self.wake(conn, (&all, &ran), trigger, Urgency::Routine).await?;
            let counts = (woken, reopened.as_ref().map_or(0, |(_, count)| *count));
            rescreens::save_progress(conn, open.id, counts, Some((schedule, last))).await?;
            return Ok(Step { is_more: true, reopened });
        }
    }

    /// Opens hits of a page of monitors again where that is asked for. Returns the schedule's name and how many.
    async fn reopen(
        &self,
        conn: &mut PgConnection,
        open: &Open,
        schedule: i32,
        page: &[(MonitorId, bool)],
    ) -> Result<Option<(String, usize)>, EngineError> {
        let planned = self.engine.plan.schedules.get(&schedule).filter(|_| open.reopens);
        let Some(planned) = planned else { return Ok(None) };
        let monitors: Vec<MonitorId> = page.iter().map(|(monitor, _)| *monitor).collect();
        let under = (planned.threshold(), open.created_at);
        let opened =
            decide::reopen(&self.engine.context, conn, planned.reopening(), under, &monitors).await?;
        Ok(Some((planned.schedule.name.clone(), opened)))
    }
}

impl Task for Rescreens {
    const NAME: &'static str = "rescreens";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        let tokens = self.tokens;
        // What a page that took too long, or failed, leaves to the next attempt.
        self.tokens = (tokens / 2).max(FEWEST_TOKENS);
        self.stuck += u32::from(tokens == FEWEST_TOKENS);
        let done = self.step(tokens).await;
        if !done.as_ref().is_err_and(EngineError::is_deadline) {
            self.stuck = 0;
        }
        done
    }
}

impl Rescreens {
    async fn step(&mut self, tokens: usize) -> Result<Activation, EngineError> {
        let mut transaction = self.engine.context.store.transaction().await?;
        let Some(open) = rescreens::lock_next(&mut transaction, keys::VERSION, ENTITIES).await? else {
            self.tokens = TOKENS;
            return Ok(Activation::Done);
        };
        if open.reopens && !self.engine.fleet.is_current() {
            // Others know the threshold that holds now.
            return Ok(Activation::Done);
        }
        if self.stuck > MOST_STUCK && !open.is_complete {
            // A token that too many accounts have must not hold up this change, and all that come after it.
            rescreens::save_complete(&mut transaction, open.id).await?;
            transaction.commit().await?;
            tracing::warn!(rescreen.id = %open.id, "a change of a list concerns too many accounts: all are screened");
            self.tokens = TOKENS;
            return Ok(Activation::More);
        }
        let step = if open.is_complete {
            self.walk(&mut transaction, &open, &Of::All).await?
        } else if let Some(step) = self.difference(&mut transaction, &open, tokens).await? {
            step
        } else {
            return Ok(Activation::Done);
        };
        if !step.is_more {
            self.held = None;
            rescreens::save_finished(&mut transaction, open.id, self.engine.context.now()).await?;
            tracing::info!(rescreen.id = %open.id, "every monitor of the rescreen is due");
        }
        nudges::send(&mut transaction).await?;
        transaction.commit().await?;
        if let Some((schedule, opened)) = step.reopened {
            let labels = HitLabels { schedule, change: "changed" };
            self.engine.metrics.hits.get_or_create(&labels).inc_by(opened as u64);
        }
        self.tokens = (tokens * 2).min(TOKENS);
        self.engine.nudge.send_replace(());
        Ok(Activation::More)
    }
}

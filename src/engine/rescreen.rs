//! Has accounts screened once more: those that a change of a list concerns, or all of a schedule.
//!
//! A rescreen is a row in the database that says which; a page at a time its accounts are found, and their monitors
//! made due. Whoever is killed leaves it to the next. How soon they run is the dispatcher's: those of a difference
//! come before routine work, a complete rescreen in turn with it.

use sqlx::PgConnection;

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    domain::{id::MonitorId, monitor::Trigger},
    screening::keys,
    store::{
        nudges,
        rescreens::{self, Open},
        wakeups::{self, Urgency},
    },
    telemetry::health::Health,
};

/// How many tokens one transaction looks up, and how many accounts or monitors it wakes; and after pages that took too
/// long, at the least.
const TOKENS: i32 = 500;
const FEWEST_TOKENS: i32 = 5;
const PAGE: i64 = 2000;

/// Those whom a change concerns come before routine work while they are so few; more must not stand before what people
/// wait for.
const URGENT: i64 = 50_000;

/// The task.
pub struct Rescreens {
    engine: Engine,
    tokens: i32,
}

/// The next page of a schedule's monitors, and which of them are active and ran before.
enum Of {
    All,
    Questions,
}

impl Rescreens {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine, tokens: TOKENS }
    }

    /// One page of those that a difference concerns. Returns whether there may be more.
    async fn difference(&self, conn: &mut PgConnection, open: &Open) -> Result<bool, EngineError> {
        if !open.tokens.is_empty() {
            // All are found before the first is woken: one that several tokens find runs once.
            rescreens::find_accounts(conn, open.id, &open.tokens).await?;
            return Ok(true);
        }
        let accounts = rescreens::take_accounts(conn, open.id, PAGE).await?;
        if accounts.is_empty() {
            // Nothing tells whom these ask about.
            return self.walk(conn, open, &Of::Questions).await;
        }
        let monitors = rescreens::list_monitors(conn, &accounts, &open.schedules).await?;
        let now = self.engine.context.now();
        let urgency = if open.accounts <= URGENT { Urgency::Urgent } else { Urgency::Routine };
        let woken = wakeups::insert_all(conn, &monitors, Trigger::ListChange, urgency, now).await?;
        rescreens::save_progress(conn, open.id, woken.len(), None).await?;
        Ok(true)
    }

    /// One page of monitors, schedule by schedule. Returns whether there may be more.
    async fn walk(&self, conn: &mut PgConnection, open: &Open, of: &Of) -> Result<bool, EngineError> {
        let (mut schedule, mut after) = match open.place {
            Some((schedule, monitor)) => (schedule, Some(monitor)),
            None => (i32::MIN, None),
        };
        loop {
            let page = match of {
                _ if !open.schedules.contains(&schedule) => Vec::new(),
                Of::All => rescreens::list_monitors_after(conn, schedule, after, PAGE).await?,
                Of::Questions => rescreens::list_questions_after(conn, schedule, after, PAGE).await?,
            };
            let Some((last, _)) = page.last().copied() else {
                let next = open.schedules.iter().copied().filter(|one| *one > schedule).min();
                let Some(next) = next else { return Ok(false) };
                (schedule, after) = (next, None);
                continue;
            };
            // What never ran is about to.
            let monitors: Vec<MonitorId> =
                page.into_iter().filter(|(_, ran)| *ran).map(|(monitor, _)| monitor).collect();
            let trigger = if open.is_of_list { Trigger::ListChange } else { Trigger::RunNow };
            let now = self.engine.context.now();
            let woken = wakeups::insert_all(conn, &monitors, trigger, Urgency::Routine, now).await?;
            rescreens::save_progress(conn, open.id, woken.len(), Some((schedule, last))).await?;
            return Ok(true);
        }
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
        let mut transaction = self.engine.context.store.transaction().await?;
        let Some(open) = rescreens::lock_next(&mut transaction, keys::VERSION, tokens).await? else {
            self.tokens = TOKENS;
            return Ok(Activation::Done);
        };
        let more = if open.is_complete {
            self.walk(&mut transaction, &open, &Of::All).await?
        } else {
            self.difference(&mut transaction, &open).await?
        };
        if !more {
            rescreens::save_finished(&mut transaction, open.id, self.engine.context.now()).await?;
            tracing::info!(rescreen.id = %open.id, "every monitor of the rescreen is due");
        }
        nudges::send(&mut transaction).await?;
        transaction.commit().await?;
        self.tokens = (tokens * 2).min(TOKENS);
        self.engine.nudge.send_replace(());
        Ok(Activation::More)
    }
}

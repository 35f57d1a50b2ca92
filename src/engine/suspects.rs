//! Accounts that kill workers are found alone, and set aside.
//!
//! Nothing in the database says which runs are under way, so when a process dies nobody knows what it died
//! of. Whoever takes its shards over goes through their fronts with care: in cohorts, of which every monitor
//! gets a *strike* before its run and loses it when the run ends. If that kills this process too, the strikes
//! stay, and the next process runs those with one strike a few at a time, those with two alone. One that has
//! three is quarantined without being run: it runs no more until a person releases it. Those with strikes wait
//! until the fleet has been calm for a while, so that what dies of something else is not blamed on them.
//!
//! A process strikes a monitor once at most, so runs that are given up again and again harm nobody. A run
//! that panics kills no process; its strikes are counted one by one.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::PgConnection;
use tokio::time::Instant;

use super::{Engine, EngineError, fleet::Owned, plan::PlannedProvider};
use crate::{
    domain::{
        id::{MonitorId, Shard},
        monitor::MonitorState,
    },
    store::{
        due::{self, Due, Postponed},
        events, monitors,
        providers::Lane,
        strikes::{self, Struck},
    },
};

/// So many strikes, and a monitor is quarantined.
const QUARANTINED_AT: i16 = 3;

/// How many suspects run at once: with no strike yet, and with one.
const COHORT: usize = 256;
const FEW: usize = 16;

/// How many lease times must have passed since any process of the fleet died before monitors with strikes run:
/// who kills processes again and again for other reasons shall not blame it on them.
const CALM: u32 = 3;

/// How often strikes are read: they are rare, and their table is all but empty.
const READ_EVERY: Duration = Duration::from_secs(1);

/// How careful a turn must be.
#[derive(Debug)]
pub(super) enum Care {
    /// As usual.
    Needless,
    /// What is found runs as a cohort.
    Cohort,
    /// Only these run.
    Few(Vec<Due>),
    /// Only this one runs.
    Alone(Vec<Due>),
}

impl Care {
    /// How many runs may be under way together, if that is limited. Nothing else may be.
    pub(super) fn most(&self) -> Option<usize> {
        match self {
            Self::Needless => None,
            Self::Cohort => Some(COHORT),
            Self::Few(_) => Some(FEW),
            Self::Alone(_) => Some(1),
        }
    }
}

/// What a lane knows of suspects.
pub(super) struct Suspects {
    engine: Engine,
    provider: Arc<PlannedProvider>,
    struck: HashMap<MonitorId, Struck>,
    read_at: Option<Instant>,
    /// Suspect shards, with how many runs of their fronts are still to be gone through.
    shards: HashMap<Shard, usize>,
    leases: Vec<Owned>,
    /// Shards whose fronts were gone through by the last turn.
    passed: Vec<Shard>,
}

impl Suspects {
    pub(super) fn new(engine: Engine, provider: &Arc<PlannedProvider>) -> Self {
        Self {
            engine,
            provider: Arc::clone(provider),
            struck: HashMap::new(),
            read_at: None,
            shards: HashMap::new(),
            leases: Vec::new(),
            passed: Vec::new(),
        }
    }

    /// Looks at who is suspect now; quarantines who has too many strikes. The lane takes on so many runs.
    pub(super) async fn look(
        &mut self,
        conn: &mut PgConnection,
        owned: &[Owned],
        takes_on: usize,
        now: DateTime<Utc>,
    ) -> Result<Care, EngineError> {
        if !self.passed.is_empty() {
            // Those that are still under way have their strikes.
            self.engine.fleet.clear(self.provider.lane, &self.passed);
            self.shards.retain(|shard, _| !self.passed.contains(shard));
            self.passed.clear();
        }
        let leases = |one: &Owned| (one.shard, one.lease);
        let is_new = !self.leases.iter().map(leases).eq(owned.iter().map(leases));
        if is_new {
            // Who died had as many runs under way as this process takes on, of many shards. One that was further
            // back comes to the front by itself: the others run, and it stays due.
            let front = (takes_on / 16).max(16);
            let suspect = owned.iter().filter(|one| one.suspect).map(|one| one.shard);
            self.shards =
                suspect.map(|shard| (shard, self.shards.get(&shard).copied().unwrap_or(front))).collect();
            owned.clone_into(&mut self.leases);
        }
        if is_new || self.read_at.is_none_or(|read| read.elapsed() >= READ_EVERY) || !self.struck.is_empty() {
            self.read(conn, owned).await?;
        }
        Ok(self.care(now))
    }

    async fn read(&mut self, conn: &mut PgConnection, owned: &[Owned]) -> Result<(), EngineError> {
        let shards: Vec<Shard> = owned.iter().map(|one| one.shard).collect();
        let listed = strikes::list(conn, self.provider.lane, &shards).await?;
        let this = self.engine.process;
        // Who has the last strike from a process that lives may be under way in it.
        let (guilty, struck): (Vec<Struck>, Vec<Struck>) = listed
            .into_iter()
            .partition(|one| one.strikes >= QUARANTINED_AT && one.process != this && !one.may_run);
        let guilty: Vec<MonitorId> = guilty.into_iter().map(|one| one.due.monitor).collect();
        if !guilty.is_empty() {
            quarantine(&self.engine, &guilty, "its runs killed processes").await?;
        }
        self.struck = struck.into_iter().map(|one| (one.due.monitor, one)).collect();
        self.read_at = Some(Instant::now());
        Ok(())
    }

    fn care(&self, now: DateTime<Utc>) -> Care {
        let due = |least: i16, most: i16| {
            let mut due: Vec<&Struck> = self
                .struck
                .values()
                .filter(|one| (least..=most).contains(&one.strikes) && one.due.at <= now)
                .collect();
            due.sort_unstable_by_key(|one| (one.due.at, one.due.monitor));
            due
        };
        let take = |some: &[&Struck], count| some.iter().take(count).map(|one| one.due.clone()).collect();
        let calm = self.engine.settings.lease_time * CALM;
        if !self.struck.is_empty() && self.engine.fleet.is_calm_for(calm) {
            let few = due(0, 1);
            if !few.is_empty() {
                return Care::Few(take(&few, FEW));
            }
            let alone = due(2, i16::MAX);
            if !alone.is_empty() {
                return Care::Alone(take(&alone, 1));
            }
        }
        if self.shards.is_empty() { Care::Needless } else { Care::Cohort }
    }

    /// Whether a monitor is not to run with the others: it has strikes, and runs in small company.
    pub(super) fn is_refused(&self, monitor: MonitorId) -> bool {
        self.struck.contains_key(&monitor)
    }

    /// Whether a monitor gets a strike before its run.
    pub(super) fn is_suspect(&self, monitor: MonitorId) -> bool {
        self.shards.contains_key(&monitor.shard()) || self.struck.contains_key(&monitor)
    }

    /// Whether there are shards whose fronts are to be gone through.
    pub(super) fn has_shards(&self) -> bool {
        !self.shards.is_empty()
    }

    /// Takes note of what a walk went through: some shards were read `through`, of each so many were `found`,
    /// `kept` run now, and some urgent ones were left.
    pub(super) fn passed(
        &mut self,
        through: &HashSet<Shard>,
        found: &HashMap<Shard, usize>,
        kept: &[Due],
        left_urgent: &[Shard],
    ) {
        if self.shards.is_empty() {
            return;
        }
        let mut ran: HashMap<Shard, usize> = HashMap::new();
        for due in kept {
            *ran.entry(due.monitor.shard()).or_default() += 1;
        }
        for (shard, left) in &mut self.shards {
            let count = |of: &HashMap<Shard, usize>| of.get(shard).copied().unwrap_or(0);
            *left = left.saturating_sub(count(&ran));
            let is_through =
                through.contains(shard) && count(found) == count(&ran) && !left_urgent.contains(shard);
            if *left == 0 || is_through {
                self.passed.push(*shard);
            }
        }
    }
}

/// Sets monitors aside that kill or panic: no run of theirs begins until a person releases them.
async fn quarantine(engine: &Engine, guilty: &[MonitorId], why: &str) -> Result<(), EngineError> {
    let context = &engine.context;
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let reason = "killed-worker";
    let changed =
        monitors::save_stopped(&mut transaction, guilty, MonitorState::Quarantined, reason, now).await?;
    strikes::remove_all(&mut transaction, guilty).await?;
    let about = monitors::list_accounts(&mut transaction, &changed).await?;
    let events: Vec<_> = about
        .iter()
        .map(|(monitor, account)| {
            let detail = json!({ "report": monitor, "reason": reason });
            let mut event = context.event(*account, "report.quarantined", "watchkeeper", detail);
            event.object = Some(monitor.0);
            event
        })
        .collect();
    events::insert_all(&mut transaction, &events, now).await?;
    transaction.commit().await?;
    for (monitor, account) in about {
        tracing::error!(monitor.id = %monitor, account.id = %account, why, "a monitor is quarantined; `watchkeeper release` lets it go");
    }
    Ok(())
}

/// Counts a run that panicked: puts it off, or quarantines its monitor. One that was struck before it ran has that
/// strike for it.
pub(super) async fn panicked(engine: &Engine, lane: Lane, due: &Due, is_struck: bool) {
    tracing::error!(monitor.id = %due.monitor, "a run panicked");
    if let Err(error) = count_panic(engine, lane, due, is_struck).await {
        tracing::warn!(monitor.id = %due.monitor, error = &error as &dyn std::error::Error, "a panic could not be counted");
    }
}

async fn count_panic(engine: &Engine, lane: Lane, due: &Due, is_struck: bool) -> Result<(), EngineError> {
    let now = engine.context.now();
    let mut transaction = engine.context.store.transaction().await?;
    let strikes =
        strikes::add_one(&mut transaction, lane, due.monitor, engine.process, is_struck, now).await?;
    let wait = TimeDelta::from_std(engine.settings.retry_base).unwrap_or(TimeDelta::zero());
    let postponed = Postponed {
        monitor: due.monitor,
        slot: due.slot,
        wanted: due.wanted,
        until: now + wait,
        attempts: due.attempts.saturating_add(1),
    };
    due::save_postponed(&mut transaction, &[postponed]).await?;
    transaction.commit().await?;
    if strikes >= QUARANTINED_AT {
        quarantine(engine, &[due.monitor], "its runs panicked").await?;
    }
    Ok(())
}

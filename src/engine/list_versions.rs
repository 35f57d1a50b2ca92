//! Numbers the versions of published lists as they come into force, so that every process knows which is the newest,
//! and begins the rescreens that a new one asks for.
//!
//! The version is in force here before it has its number, and has its number before anybody looks whom it concerns. A
//! run that rested on an older one is told by the recorder, which asks for the newest in the transaction that records
//! it: the monitor is due again at once. A process that has an older version waits until it has the newest, or until
//! it waited too long: it then works with what it has, and has what it ran meanwhile run again once it caught up.

mod register;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tokio::task::{JoinError, JoinSet};

use self::register::Before;
use super::{Engine, EngineError, run::Finished};
use crate::{
    domain::{id::MonitorId, monitor::Trigger},
    providers::{
        lists::{Keeper, Keepers},
        local::PublishedList,
    },
    screening::index::Index,
    store::{
        self,
        list_versions::{self, NumberedVersion},
        wakeups::{self, Urgency},
    },
};

/// How long a process waits for a version that another has.
const PATIENCE: Duration = Duration::from_mins(5);

/// What this process knows of the versions of its lists.
#[derive(Default)]
pub(super) struct Numbers {
    held: HashMap<String, Held>,
    /// Versions that are compared and get their numbers: a large list takes long, and no other waits for it.
    registering: JoinSet<Registered>,
    /// Their lists.
    busy: HashSet<String>,
    /// Whether it is noted which schedules use which lists.
    uses_noted: bool,
}

/// A list as this process last had it numbered.
struct Held {
    number: i64,
    index: Arc<Index>,
    behind: Option<Behind>,
}

/// What came of a version that was to get its number.
struct Registered {
    list: String,
    index: Arc<Index>,
    /// The number; none when another process was first.
    number: Result<Option<i64>, EngineError>,
}

/// Another process has a newer version.
struct Behind {
    since: Instant,
    /// This process works on with what it has.
    is_tolerated: bool,
}

impl Numbers {
    /// Compares what is in force here with the newest versions that anybody has. `keepers` have the versions that are
    /// kept. Returns the places of the lists of which another process has a newer version. What is to be read and compared
    /// for a number takes as long as it takes: that only begins here, and what came of it is seen by a later call.
    pub(super) async fn keep(
        &mut self,
        engine: &Engine,
        keepers: &Keepers,
    ) -> Result<Vec<usize>, EngineError> {
        let mut failed = None;
        while let Some(ended) = self.registering.try_join_next() {
            failed = self.end(engine, ended).err().or(failed);
        }
        let lists = &engine.plan.published;
        let names: Vec<String> = lists.iter().map(|list| list.name().to_owned()).collect();
        if names.is_empty() && engine.plan.own_lists.is_empty() {
            return failed.map_or(Ok(Vec::new()), Err);
        }
        let newest = store::within(async {
            let mut connection = engine.context.store.connection().await?;
            Ok::<_, EngineError>(list_versions::list_newest(&mut connection, &names).await?)
        });
        let newest: HashMap<String, NumberedVersion> =
            newest.await?.into_iter().map(|one| (one.list.clone(), one)).collect();
        let mut behind = Vec::new();
        for (place, list) in lists.iter().enumerate() {
            if self.busy.contains(list.name()) {
                continue;
            }
            let Some(index) = list.index() else { continue };
            let newest = newest.get(list.name());
            match self.keep_one(engine, list, index, newest, keepers.get(place)).await {
                Ok(true) => {}
                Ok(false) => behind.push(place),
                // The others are no worse for it.
                Err(error) => failed = Some(error),
            }
        }
        if engine.fleet.is_current() {
            // Who gains a list is screened against the newest version: not before it has a number.
            if !self.uses_noted && self.busy.is_empty() {
                store::within(register::note_uses(engine)).await?;
                self.uses_noted = true;
            }
            let holds = |list: &str| {
                !self.busy.contains(list) && self.held.get(list).is_some_and(|held| held.behind.is_none())
            };
            store::within(register::settle_debts(engine, &newest, holds)).await?;
        }
        failed.map_or(Ok(behind), Err)
    }

    /// Waits for what [`keep`](Self::keep) has begun. Tells whether there was anything.
    pub(super) async fn settle(&mut self, engine: &Engine) -> Result<bool, EngineError> {
        let (mut any, mut failed) = (false, None);
        while let Some(ended) = self.registering.join_next().await {
            any = true;
            failed = self.end(engine, ended).err().or(failed);
        }
        failed.map_or(Ok(any), Err)
    }

    fn end(&mut self, engine: &Engine, ended: Result<Registered, JoinError>) -> Result<(), EngineError> {
        let Registered { list, index, number } = match ended.map_err(JoinError::try_into_panic) {
            Ok(registered) => registered,
            // A fault of ours is one of the whole part.
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(_)) => return Ok(()),
        };
        self.busy.remove(&list);
        let published = engine.plan.published.iter().find(|one| one.name() == list);
        if let (Some(number), Some(published)) = (number?, published) {
            self.hold(published, number, index);
        }
        Ok(())
    }

    /// Returns whether the newest version is in force; a newer one than anybody has begins to get its number.
    async fn keep_one(
        &mut self,
        engine: &Engine,
        list: &PublishedList,
        index: Arc<Index>,
        newest: Option<&NumberedVersion>,
        keeper: Option<&Arc<Mutex<Keeper>>>,
    ) -> Result<bool, EngineError> {
        if let Some(newest) = newest.filter(|newest| newest.version == index.version()) {
            self.hold(list, newest.number, index);
            return Ok(true);
        }
        let held = self.held.get(list.name());
        let had_newest = held.map(|held| held.number) == newest.map(|newest| newest.number);
        let is_same = held.is_some_and(|held| held.index.version() == index.version());
        // What was in force before is older, unless this process saw it come back.
        let is_older =
            !had_newest && (is_same || store::within(is_known(engine, list.name(), index.version())).await?);
        if let Some(newest) = newest.filter(|_| is_older) {
            self.fall_behind(engine, list, index, newest).await?;
            return Ok(false);
        }
        if !engine.fleet.is_current() {
            // What it has is newer, or of no list that others know; with an older configuration it numbers nothing.
            list.set_number(newest.map_or(1, |newest| newest.number));
            list.set_behind(false);
            return Ok(true);
        }
        let before = match (newest, held) {
            (None, _) => None,
            (Some(_), Some(held)) if had_newest => Some(Before::Index(Arc::clone(&held.index))),
            (Some(newest), _) => {
                keeper.map(|keeper| Before::Kept(Arc::clone(keeper), newest.version.clone()))
            }
        };
        self.busy.insert(list.name().to_owned());
        let (engine, published, newest) = (engine.clone(), list.clone(), newest.cloned());
        self.registering.spawn(async move {
            let list = published.name().to_owned();
            let number = register::register(&engine, &list, &index, newest.as_ref(), before).await;
            if let Ok(Some(number)) = &number {
                // At once: what runs by a version without its number is run again.
                published.set_number(*number);
            }
            Registered { list, index, number }
        });
        Ok(true)
    }

    fn hold(&mut self, list: &PublishedList, number: i64, index: Arc<Index>) {
        list.set_number(number);
        list.set_behind(false);
        self.held.insert(list.name().to_owned(), Held { number, index, behind: None });
    }

    async fn fall_behind(
        &mut self,
        engine: &Engine,
        list: &PublishedList,
        index: Arc<Index>,
        newest: &NumberedVersion,
    ) -> Result<(), EngineError> {
        let held = self.held.entry(list.name().to_owned()).or_insert(Held { number: 0, index, behind: None });
        let behind = held.behind.get_or_insert_with(|| {
            tracing::warn!(
                list.name = list.name(),
                list.version = newest.version,
                "another process has a newer version of the list: its provider waits for it here"
            );
            Behind { since: Instant::now(), is_tolerated: false }
        });
        if !behind.is_tolerated && behind.since.elapsed() >= PATIENCE {
            // Before anything is run with it: it outlives this process that there is something to make good.
            store::within(register::owe(engine, list.name(), held.number)).await?;
            behind.is_tolerated = true;
            tracing::error!(
                list.name = list.name(),
                list.version = newest.version,
                "the newer version of the list is not to be had here: working on with the one before"
            );
        }
        // What is tolerated is nobody's reason to run anything again, before the newest is there.
        list.set_number(if behind.is_tolerated { newest.number } else { held.number });
        list.set_behind(!behind.is_tolerated);
        Ok(())
    }
}

async fn is_known(engine: &Engine, list: &str, version: &str) -> Result<bool, EngineError> {
    let mut connection = engine.context.store.connection().await?;
    Ok(list_versions::is_known(&mut connection, list, version).await?)
}

/// Makes the monitors of recorded runs due again that rested on an older version of a list than the newest. Returns
/// whether there are any.
pub(super) async fn repeat_outdated<'a>(
    engine: &Engine,
    conn: &mut PgConnection,
    recorded: impl Iterator<Item = &'a Finished> + Clone,
    now: DateTime<Utc>,
) -> Result<bool, EngineError> {
    let lists: BTreeSet<&str> =
        recorded.clone().flat_map(|run| run.basis.lists.iter()).map(|(list, _)| list.as_str()).collect();
    if lists.is_empty() {
        return Ok(false);
    }
    let lists: Vec<String> = lists.into_iter().map(str::to_owned).collect();
    let newest = list_versions::list_newest(conn, &lists).await?;
    let number_of = |list: &str| newest.iter().find(|one| one.list == list).map_or(0, |one| one.number);
    let is_outdated = |run: &Finished| run.basis.lists.iter().any(|(list, number)| *number < number_of(list));
    let mut outdated: Vec<MonitorId> =
        recorded.filter(|run| is_outdated(run)).map(Finished::monitor).collect();
    if outdated.is_empty() {
        return Ok(false);
    }
    outdated.sort_unstable_by_key(|monitor| (monitor.shard(), *monitor));
    wakeups::insert_all(conn, &outdated, Trigger::ListChange, Urgency::Urgent, now).await?;
    for list in &engine.plan.published {
        if list.number() < number_of(list.name()) {
            // Nothing more is begun until the newest is there.
            list.set_behind(true);
        }
    }
    Ok(true)
}

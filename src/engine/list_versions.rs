//! Numbers the versions of published lists as they come into force, so that every process knows which is the newest,
//! and begins the rescreens that a new one asks for.
//!
//! The version is in force here before it has its number, and has its number before anybody looks whom it concerns. A
//! run that rested on an older one is told by the recorder, which asks for the newest in the transaction that records
//! it: the monitor is due again at once. A process that has an older version waits until it has the newest, or until
//! it waited too long: it then works with what it has, and has what it ran meanwhile run again once it caught up.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Engine, EngineError, keys, lists::locked, run::Finished};
use crate::{
    domain::{
        id::{MonitorId, RescreenId, Shard},
        monitor::Trigger,
    },
    providers::{
        lists::{Keeper, Keepers},
        local::PublishedList,
    },
    screening::{difference::Difference, index::Index, keys as screened, list::ListEntity},
    store::{
        list_versions::{self, NumberedVersion},
        rescreens::{self, Counts, ListChange, NewRescreen, Reason},
        screening_keys,
        wakeups::{self, Urgency},
    },
};

/// How long a process waits for a version that another has.
const PATIENCE: Duration = Duration::from_mins(5);

/// A difference with more tokens than this concerns so many accounts that all are screened.
const MOST_TOKENS: usize = 200_000;

/// Who begins rescreens.
const ACTOR: &str = "lists";

/// What this process knows of the versions of its lists.
#[derive(Default)]
pub(super) struct Numbers(HashMap<String, Held>);

/// A list as this process last had it numbered.
struct Held {
    number: i64,
    index: Arc<Index>,
    behind: Option<Behind>,
}

/// Another process has a newer version.
struct Behind {
    since: Instant,
    /// This process works on with what it has.
    is_tolerated: bool,
}

impl Numbers {
    /// Compares what is in force here with the newest versions that anybody has. `keepers` have
    /// the versions that are kept. Returns the places of those of which another
    /// process has a newer version.
    pub(super) async fn keep(
        &mut self,
        engine: &Engine,
        keepers: &Keepers,
    ) -> Result<Vec<usize>, EngineError> {
        let lists = &engine.plan.published;
        let names: Vec<String> = lists.iter().map(|list| list.name().to_owned()).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = engine.context.store.connection().await?;
        let newest = list_versions::list_newest(&mut connection, &names).await?;
        drop(connection);
        let newest: HashMap<String, NumberedVersion> =
            newest.into_iter().map(|one| (one.list.clone(), one)).collect();
        let mut behind = Vec::new();
        for (place, list) in lists.iter().enumerate() {
            let Some(index) = list.index() else { continue };
            if !self.keep_one(engine, list, index, newest.get(list.name()), keepers.get(place)).await? {
                behind.push(place);
            }
        }
        Ok(behind)
    }

    /// Returns whether the newest version is in force.
    async fn keep_one(
        &mut self,
        engine: &Engine,
        list: &PublishedList,
        index: Arc<Index>,
        newest: Option<&NumberedVersion>,
        keeper: Option<&Arc<Mutex<Keeper>>>,
    ) -> Result<bool, EngineError> {
        let held = self.0.get_mut(list.name());
        if let Some(newest) = newest.filter(|newest| newest.version == index.version()) {
            if let Some(held) = held
                && held.behind.as_ref().is_some_and(|behind| behind.is_tolerated)
            {
                catch_up(engine, list.name(), held.number, newest).await?;
            }
            self.hold(list, newest.number, index);
            return Ok(true);
        }
        let had_newest = held.as_ref().map(|held| held.number) == newest.map(|newest| newest.number);
        let is_same = held.as_ref().is_some_and(|held| held.index.version() == index.version());
        let mut connection = engine.context.store.connection().await?;
        // What was in force before is older, unless this process saw it come back.
        let is_older = !had_newest
            && (is_same || list_versions::is_known(&mut connection, list.name(), index.version()).await?);
        drop(connection);
        if let Some(newest) = newest.filter(|_| is_older) {
            self.fall_behind(list, index, newest);
            return Ok(false);
        }
        let before: Option<Before> = match (newest, held) {
            (None, _) => None,
            (Some(_), Some(held)) if had_newest => Some(Before::Index(Arc::clone(&held.index))),
            (Some(newest), _) => match keeper {
                Some(keeper) => earlier(Arc::clone(keeper), newest.version.clone()).await.map(Before::Kept),
                None => None,
            },
        };
        if let Some(number) = register(engine, list.name(), &index, newest, before).await? {
            self.hold(list, number, index);
        }
        Ok(true)
    }

    fn hold(&mut self, list: &PublishedList, number: i64, index: Arc<Index>) {
        list.set_number(number);
        list.set_behind(false);
        self.0.insert(list.name().to_owned(), Held { number, index, behind: None });
    }

    fn fall_behind(&mut self, list: &PublishedList, index: Arc<Index>, newest: &NumberedVersion) {
        let held = self.0.entry(list.name().to_owned()).or_insert(Held { number: 0, index, behind: None });
        let behind = held.behind.get_or_insert_with(|| {
            tracing::warn!(
                list.name = list.name(),
                list.version = newest.version,
                "another process has a newer version of the list: its provider waits for it here"
            );
            Behind { since: Instant::now(), is_tolerated: false }
        });
        if !behind.is_tolerated && behind.since.elapsed() >= PATIENCE {
            behind.is_tolerated = true;
            tracing::error!(
                list.name = list.name(),
                list.version = newest.version,
                "the newer version of the list is not to be had here: working on with the one before"
            );
        }
        list.set_behind(!behind.is_tolerated);
        // What is tolerated is nobody's reason to run anything again, before the newest is there.
        list.set_number(if behind.is_tolerated { newest.number } else { held.number });
    }
}

/// The entities of a version that is kept here.
async fn earlier(keeper: Arc<Mutex<Keeper>>, version: String) -> Option<Vec<ListEntity>> {
    tokio::task::spawn_blocking(move || locked(&keeper).earlier(&version)).await.ok().flatten()
}

/// What a version is compared with.
enum Before {
    Index(Arc<Index>),
    Kept(Vec<ListEntity>),
}

impl Before {
    fn entities(&self) -> &[ListEntity] {
        match self {
            Self::Index(index) => index.entities(),
            Self::Kept(entities) => entities,
        }
    }
}

/// Gives a version the next number, and begins the rescreen that it asks for. None when another process was first.
async fn register(
    engine: &Engine,
    list: &str,
    index: &Arc<Index>,
    newest: Option<&NumberedVersion>,
    before: Option<Before>,
) -> Result<Option<i64>, EngineError> {
    let context = &engine.context;
    let after = Arc::clone(index);
    let compared = tokio::task::spawn_blocking(move || before.map(|before| compare(&before, &after))).await;
    let (counts, keys) = compared.ok().flatten().unzip();
    let now = context.now();
    let number = newest.map_or(1, |newest| newest.number + 1);
    let version = index.version().to_owned();
    let new = NumberedVersion { list: list.to_owned(), number, version: version.clone(), taken_at: now };
    let names = index.entities().iter().map(|entity| entity.names.len()).sum();
    let mut transaction = context.store.transaction().await?;
    if !list_versions::insert(&mut transaction, &new, (index.len(), names), engine.process).await? {
        return Ok(None);
    }
    // Until every account has its keys, none may be left out for having none.
    let tokens = match keys {
        Some(keys) if screening_keys::is_built(&mut transaction, screened::VERSION).await? => {
            Some(keys::tokens(context, &keys)).filter(|tokens| tokens.len() <= MOST_TOKENS)
        }
        _ => None,
    };
    let change = ListChange {
        list: list.to_owned(),
        number,
        before: newest.map(|newest| newest.version.clone()),
        after: version,
        counts: counts.unwrap_or_default(),
    };
    let reason = if newest.is_some() { Reason::ListChange } else { Reason::ListAdded };
    let is_complete = tokens.is_none();
    // Where nothing ran yet, all is about to.
    if newest.is_some() || rescreens::has_any_run(&mut transaction).await? {
        begin(engine, &mut transaction, reason, change, tokens, now).await?;
    }
    transaction.commit().await?;
    tracing::info!(list.name = list, list.number = number, is_complete, "the list's version has its number");
    Ok(Some(number))
}

async fn begin(
    engine: &Engine,
    conn: &mut PgConnection,
    reason: Reason,
    change: ListChange,
    tokens: Option<Vec<i64>>,
    now: DateTime<Utc>,
) -> Result<(), EngineError> {
    let uses = |list: &str, schedule: &super::PlannedSchedule| {
        schedule.provider.provider.basis().lists.iter().any(|one| one.name == list)
    };
    let planned = engine.plan.schedules.values().filter(|schedule| uses(&change.list, schedule));
    let mut schedules: Vec<i32> = planned.map(|schedule| schedule.id).collect();
    schedules.sort_unstable();
    let new = NewRescreen {
        id: RescreenId(engine.context.new_uuid(Shard(0))),
        reason,
        change: Some(change),
        schedules,
        tokens,
        actor: ACTOR.to_owned(),
    };
    rescreens::insert(conn, &new, now).await?;
    Ok(())
}

/// This process ran accounts with an older version: those that the newer ones concern run again.
async fn catch_up(
    engine: &Engine,
    list: &str,
    from: i64,
    newest: &NumberedVersion,
) -> Result<(), EngineError> {
    let mut transaction = engine.context.store.transaction().await?;
    let tokens = rescreens::list_tokens_after(&mut transaction, list, from).await?;
    let change = ListChange {
        list: list.to_owned(),
        number: newest.number,
        before: None,
        after: newest.version.clone(),
        counts: Counts::default(),
    };
    begin(engine, &mut transaction, Reason::ListChange, change, tokens, engine.context.now()).await?;
    transaction.commit().await?;
    Ok(())
}

/// How much differs, and the keys of all that does, as it was and as it is.
fn compare(before: &Before, after: &Index) -> (Counts, Vec<screened::Key>) {
    let difference = Difference::between(before.entities(), after.entities());
    let touched = difference.touched();
    let entities = before.entities().iter().chain(after.entities());
    let mut keys: Vec<screened::Key> = entities
        .filter(|entity| touched.contains(entity.id.as_str()))
        .flat_map(screened::entity_keys)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let counts = difference.counts();
    let counts = Counts {
        added: counts.added,
        changed: counts.changed,
        removed: counts.removed,
        merged: counts.merged,
    };
    (counts, keys)
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

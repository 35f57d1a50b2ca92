//! A version gets its number, and whom it concerns is to be screened; so are those who gained a list, and those who
//! were screened by a process that had to make do with an older version.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::super::{Engine, EngineError, PlannedSchedule, lists::locked};
use crate::{
    actions::Context,
    ambient::cores::on_all_cores,
    domain::id::{RescreenId, Shard},
    providers::lists::Keeper,
    screening::{difference::Difference, index::Index, keys as screened, list::ListEntity, own},
    store::{
        self,
        list_versions::{self, NumberedVersion},
        rescreens::{self, Concerned, Counts, ListChange, NewRescreen, Reason},
        screening_keys,
    },
};

/// A difference with more tokens than this concerns so many accounts that all are screened: one entity has some thousands.
const MOST_TOKENS: usize = 3_000_000;

/// Of so many entities the keys are made at once.
const GAINS: usize = 64;

/// Who begins rescreens.
const ACTOR: &str = "lists";

/// What a version is compared with.
pub(super) enum Before {
    /// What was in force here.
    Index(Arc<Index>),
    /// A version that may be kept here.
    Kept(Arc<Mutex<Keeper>>, String),
}

/// What differs, and whom that concerns; everybody when these are too many, or nothing is known.
#[derive(Default)]
struct Compared {
    counts: Counts,
    concerned: Option<Concerned>,
}

/// Gives a version the next number, and begins the rescreen that it asks for. None when another process was first.
pub(super) async fn register(
    engine: &Engine,
    list: &str,
    index: &Arc<Index>,
    newest: Option<&NumberedVersion>,
    before: Option<Before>,
) -> Result<Option<i64>, EngineError> {
    let context = &engine.context;
    let began = Instant::now();
    let is_compared = before.is_some();
    if is_compared {
        tracing::info!(
            list.name = list,
            list.version = index.version(),
            list.before = newest.map(|newest| newest.version.as_str()),
            entities = index.len(),
            "the list's new version is compared with the one before: accounts are screened anew when that is done"
        );
    }
    let (after, tokens_of) = (Arc::clone(index), context.clone());
    let compared = tokio::task::spawn_blocking(move || {
        Some(match before? {
            Before::Index(before) => compare(&tokens_of, before.entities(), after.entities()),
            Before::Kept(keeper, version) => {
                let kept = locked(&keeper).earlier(&version)?;
                compare(&tokens_of, &kept, after.entities())
            }
        })
    });
    let Compared { counts, concerned } = compared.await.ok().flatten().unwrap_or_default();
    if is_compared {
        tracing::info!(
            list.name = list,
            list.version = index.version(),
            added = counts.added,
            changed = counts.changed,
            removed = counts.removed,
            merged = counts.merged,
            is_complete = concerned.is_none(),
            duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "the list's new version is compared"
        );
    }
    let now = context.now();
    let number = newest.map_or(1, |newest| newest.number + 1);
    let version = index.version().to_owned();
    let new = NumberedVersion { list: list.to_owned(), number, version: version.clone(), taken_at: now };
    let names = index.entities().iter().map(|entity| entity.names.len()).sum();
    let is_complete = concerned.is_none();
    let registered = store::within(async {
        let mut transaction = context.store.transaction().await?;
        if !list_versions::insert(&mut transaction, &new, (index.len(), names), engine.process).await? {
            return Ok::<_, EngineError>(false);
        }
        // The first version of all concerns nobody in particular: who has no answer yet is about to be screened.
        if let Some(newest) = newest {
            // Until every account has its keys, none may be left out for having none.
            let is_built = screening_keys::is_built(&mut transaction, screened::VERSION).await?;
            let change = ListChange {
                list: list.to_owned(),
                number,
                before: Some(newest.version.clone()),
                after: version,
                counts,
            };
            let concerned = concerned.filter(|_| is_built);
            begin(
                engine,
                &mut transaction,
                (Reason::ListChange, &uses(engine, list)),
                change,
                concerned,
                now,
            )
            .await?;
        }
        transaction.commit().await?;
        Ok(true)
    });
    if !registered.await? {
        return Ok(None);
    }
    tracing::info!(list.name = list, list.number = number, is_complete, "the list's version has its number");
    Ok(Some(number))
}

/// The schedules that use a list.
fn uses(engine: &Engine, list: &str) -> Vec<i32> {
    let uses = |schedule: &PlannedSchedule| {
        schedule.provider.provider.basis().lists.iter().any(|one| one.name == list && one.number.is_some())
    };
    let mut schedules: Vec<i32> =
        engine.plan.schedules.values().filter(|one| uses(one)).map(|one| one.id).collect();
    schedules.sort_unstable();
    schedules
}

async fn begin(
    engine: &Engine,
    conn: &mut PgConnection,
    (reason, schedules): (Reason, &[i32]),
    change: ListChange,
    concerned: Option<Concerned>,
    now: DateTime<Utc>,
) -> Result<(), EngineError> {
    let is_complete = concerned.is_none();
    let Concerned { tokens, gains, entities } = concerned.unwrap_or_default();
    let new = NewRescreen {
        id: RescreenId(engine.context.new_uuid(Shard(0))),
        reason,
        change: Some(change),
        schedules: schedules.to_vec(),
        tokens: (!is_complete).then_some(tokens),
        gains,
        entities,
        keys_version: screened::VERSION,
        reopens: false,
        actor: ACTOR.to_owned(),
    };
    rescreens::insert(conn, &new, now).await?;
    Ok(())
}

/// The schedules that use a list of the customer's own.
fn uses_own(engine: &Engine, list: &str) -> Vec<i32> {
    let uses = |schedule: &PlannedSchedule| {
        schedule.provider.provider.basis().lists.iter().any(|one| one.name == list && one.number.is_none())
    };
    engine.plan.schedules.values().filter(|one| uses(one)).map(|one| one.id).collect()
}

/// Notes which schedules use which lists. Those that gained one, and have answers without it, are screened whole.
pub(super) async fn note_uses(engine: &Engine) -> Result<(), EngineError> {
    let mut pairs: Vec<(i32, String)> = Vec::new();
    for list in &engine.plan.published {
        let schedules = uses(engine, list.name()).into_iter();
        pairs.extend(schedules.map(|schedule| (schedule, list.name().to_owned())));
    }
    for list in &engine.plan.own_lists {
        let schedules = uses_own(engine, list.name()).into_iter();
        pairs.extend(schedules.map(|schedule| (schedule, own::used_as(list.name()))));
    }
    let planned: Vec<i32> = engine.plan.schedules.keys().copied().collect();
    let now = engine.context.now();
    let mut transaction = engine.context.store.transaction().await?;
    let gained = list_versions::save_uses(&mut transaction, &planned, &pairs).await?;
    if !gained.is_empty() && rescreens::has_any_run(&mut transaction).await? {
        let mut by_list: HashMap<&str, Vec<i32>> = HashMap::new();
        for (schedule, list) in &gained {
            by_list.entry(list).or_default().push(*schedule);
        }
        let names: Vec<String> = by_list.keys().map(|list| (*list).to_owned()).collect();
        let newest = list_versions::list_newest(&mut transaction, &names).await?;
        let mut newest: Vec<(String, i64, String)> =
            newest.into_iter().map(|newest| (newest.list, newest.number, newest.version)).collect();
        let own = engine.plan.own_lists.iter();
        newest.extend(own.filter_map(|own| Some((own::used_as(own.name()), 0, own.version()?))));
        for (list, number, after) in newest {
            let Some(schedules) = by_list.get(list.as_str()) else { continue };
            let counts = Counts::default();
            let change = ListChange { list: list.clone(), number, before: None, after, counts };
            begin(engine, &mut transaction, (Reason::ListAdded, schedules), change, None, now).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// Notes that this process works on with the version `number` of a list.
pub(super) async fn owe(engine: &Engine, list: &str, number: i64) -> Result<(), EngineError> {
    let mut transaction = engine.context.store.transaction().await?;
    let now = engine.context.now();
    list_versions::insert_debt(&mut transaction, list, engine.process, number, now).await?;
    transaction.commit().await?;
    Ok(())
}

/// Has accounts run again that were run with an older version than there was: those of this process once it `holds` the
/// newest, and those of processes that are gone. Whom the changes since concern is known; all, where it is not.
pub(super) async fn settle_debts(
    engine: &Engine,
    newest: &HashMap<String, NumberedVersion>,
    holds: impl Fn(&str) -> bool,
) -> Result<(), EngineError> {
    let now = engine.context.now();
    let mut connection = engine.context.store.connection().await?;
    let debts = list_versions::list_debts(&mut connection, engine.process, now).await?;
    drop(connection);
    for debt in debts.iter().filter(|debt| debt.process != engine.process || holds(&debt.list)) {
        let Some(newest) = newest.get(&debt.list) else { continue };
        let mut transaction = engine.context.store.transaction().await?;
        if !list_versions::remove_debt(&mut transaction, debt).await? {
            continue;
        }
        let concerned = rescreens::list_concerned_after(&mut transaction, &debt.list, debt.number).await?;
        let change = ListChange {
            list: debt.list.clone(),
            number: newest.number,
            before: None,
            after: newest.version.clone(),
            counts: Counts::default(),
        };
        let schedules = uses(engine, &debt.list);
        begin(engine, &mut transaction, (Reason::ListChange, &schedules), change, concerned, now).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// How much differs, and whom that concerns: who may come to match what is there now, and who has a hit of what is
/// different.
fn compare(context: &Context, before: &[ListEntity], after: &[ListEntity]) -> Compared {
    let difference = Difference::between(before, after);
    let counts = difference.counts();
    let counts = Counts {
        added: counts.added,
        changed: counts.changed,
        removed: counts.removed,
        merged: counts.merged,
    };
    let mut keys: Vec<screened::Key> = Vec::new();
    let mut once = 0;
    let gains = difference.gains(before, after);
    for some in gains.chunks(GAINS) {
        keys.extend(on_all_cores(some, screened::entity_keys).into_iter().flatten());
        // Now and then, so that each is not sorted again for each entity.
        if keys.len() > 2 * once + MOST_TOKENS {
            keys.sort_unstable();
            keys.dedup();
            once = keys.len();
            if once > MOST_TOKENS {
                return Compared { counts, concerned: None };
            }
        }
    }
    keys.sort_unstable();
    keys.dedup();
    let concerned = (keys.len() <= MOST_TOKENS).then(|| Concerned {
        tokens: context.screening_tokens(&keys),
        gains: gains.into_iter().map(|entity| entity.id).collect(),
        entities: difference.hit_ids(after),
    });
    Compared { counts, concerned }
}

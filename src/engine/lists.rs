//! Looks after the published lists, each at its time, and tells what came of it.
//!
//! Every process keeps its lists itself. What happens to one is told as an event by the process that holds the
//! first shard, so that a fleet tells it once; log, metrics and `/readyz` tell it of each.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Engine, EngineError, list_versions::Numbers, progress::Part, task};
use crate::{
    domain::id::Shard,
    providers::lists::{Keeper, Look, Standing},
    store::{self, events},
    telemetry::metrics::ListLabels,
};

/// How often it is looked whether a list's time has come: what somebody accepted counts within so long.
const EVERY: Duration = Duration::from_secs(2);

/// How often a source is asked for a version that another process has.
const HURRY: Duration = Duration::from_secs(15);

/// Who tells of lists.
const ACTOR: &str = "lists";

/// Looks after the lists until `stop` is cancelled.
pub(super) async fn drive(engine: Engine, part: Part, stop: CancellationToken) {
    let mut watch = Watch::new(engine);
    while !stop.is_cancelled() {
        if part.waiting(stop.run_until_cancelled(watch.round())).await.is_none() {
            return;
        }
        let _ = part.waiting(stop.run_until_cancelled(tokio::time::sleep(EVERY))).await;
    }
}

/// Who looks after the lists.
pub struct Watch {
    engine: Engine,
    /// Looks under way: which list, its name, and what came of it.
    looks: JoinSet<(usize, String, Look)>,
    /// The lists that are looked at.
    busy: HashSet<usize>,
    /// What was last shown of each list.
    shown: BTreeMap<usize, Value>,
    /// Events that could not be written yet.
    untold: Vec<(&'static str, Value)>,
    /// The numbers of the versions.
    numbers: Numbers,
    /// When each list that is behind was last looked at out of turn.
    hurried: HashMap<usize, Instant>,
}

impl Watch {
    /// Makes it.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            looks: JoinSet::new(),
            busy: HashSet::new(),
            shown: BTreeMap::new(),
            untold: Vec::new(),
            numbers: Numbers::default(),
            hurried: HashMap::new(),
        }
    }

    /// One look at every list whose time has come, as the daemon makes it, to its end; what happened is told.
    pub async fn look(&mut self) -> Result<(), EngineError> {
        self.begin();
        while let Some(ended) = self.looks.join_next().await {
            self.end(ended);
        }
        self.show_all();
        self.number().await?;
        if self.numbers.settle(&self.engine).await? {
            self.number().await?;
        }
        self.tell().await
    }

    /// A round as the daemon makes it, every few seconds: what takes long is begun and not waited for.
    pub async fn round(&mut self) {
        self.begin();
        while let Some(ended) = self.looks.try_join_next() {
            self.end(ended);
        }
        self.show_all();
        let numbered = self.number().await;
        let told = store::within(self.tell()).await;
        for error in [numbered, told].into_iter().filter_map(Result::err) {
            task::report(&self.engine.health, "lists", &error);
        }
    }

    /// Gives new versions their numbers; what another process has newer is looked for out of turn.
    async fn number(&mut self) -> Result<(), EngineError> {
        let keepers = self.engine.plan.lists.clone();
        let behind = Box::pin(self.numbers.keep(&self.engine, &keepers)).await?;
        for place in behind {
            let is_soon = self.hurried.get(&place).is_some_and(|at| at.elapsed() < HURRY);
            if is_soon {
                continue;
            }
            // One that is being looked at is looked at.
            if let Some(Ok(mut keeper)) = keepers.get(place).map(|keeper| keeper.try_lock()) {
                keeper.hurry();
                self.hurried.insert(place, Instant::now());
            }
        }
        Ok(())
    }

    /// Begins to look at every list whose time has come and that nobody looks at.
    fn begin(&mut self) {
        let now = self.engine.context.now();
        for (place, keeper) in self.engine.plan.lists.iter().enumerate() {
            if self.busy.contains(&place) {
                continue;
            }
            let (name, question) = {
                // One that reads an earlier version is looked at later.
                let Some(mut keeper) = free(keeper) else { continue };
                if !keeper.is_due(now) {
                    continue;
                }
                (keeper.name().to_owned(), keeper.begin(now))
            };
            self.busy.insert(place);
            let keeper = Arc::clone(keeper);
            self.looks.spawn(async move {
                let reply = question.ask().await;
                // A large list takes seconds to read: no worker of the runtime waits for it.
                let settled = tokio::task::spawn_blocking(move || locked(&keeper).settle(reply, now)).await;
                let look = settled.unwrap_or_else(|_| Look::Failed("the look was broken off".to_owned()));
                (place, name, look)
            });
        }
    }

    fn end(&mut self, ended: Result<(usize, String, Look), JoinError>) {
        let Ok((place, name, look)) = ended else { return };
        self.busy.remove(&place);
        self.note(&name, &look);
    }

    /// Shows how every list stands; one that is being read, as it last stood.
    fn show_all(&mut self) {
        let keepers = self.engine.plan.lists.clone();
        let now = self.engine.context.now();
        for (place, keeper) in keepers.iter().enumerate() {
            let Some(standing) = free(keeper).map(|keeper| keeper.standing(now)) else { continue };
            self.show(&standing);
            self.shown.insert(place, view(&standing));
        }
        let shown: Vec<&Value> = self.shown.values().collect();
        self.engine.health.tell("lists", if shown.is_empty() { Value::Null } else { json!(shown) });
    }

    fn note(&mut self, list: &str, look: &Look) {
        let labels = ListLabels { list: list.to_owned() };
        let metrics = &self.engine.metrics;
        match look {
            Look::Unchanged => {}
            Look::Taken(kept) => {
                tracing::info!(
                    list.name = list,
                    list.version = kept.version,
                    entities = kept.entities,
                    faults = kept.faults.total(),
                    "a new version of the list is in force"
                );
                let detail = json!({ "list": list, "version": kept.version, "entities": kept.entities });
                self.untold.push(("list.updated", detail));
            }
            Look::Refused(refused, is_new) => {
                if *is_new {
                    metrics.list_refusals.get_or_create(&labels).inc();
                    tracing::error!(
                        list.name = list,
                        list.version = refused.version,
                        reason = refused.reason,
                        "a new version of the list is refused: the one before stays in force"
                    );
                    let detail =
                        json!({ "list": list, "version": refused.version, "reason": refused.reason });
                    self.untold.push(("list.refused", detail));
                }
            }
            Look::Failed(reason) => {
                metrics.list_failures.get_or_create(&labels).inc();
                tracing::warn!(list.name = list, reason, "the list could not be looked at");
            }
        }
    }

    fn show(&mut self, standing: &Standing) {
        let labels = ListLabels { list: standing.name.clone() };
        let metrics = &self.engine.metrics;
        #[expect(clippy::cast_precision_loss, reason = "seconds are exact for ever")]
        if let Some(age) = standing.age_seconds {
            metrics.list_age.get_or_create(&labels).set(age as f64);
        }
        // The metrics outlast a reload: what was told before it is not told again.
        let before = metrics.list_stale.get_or_create(&labels).set(i64::from(standing.stale)) != 0;
        metrics.list_refused.get_or_create(&labels).set(i64::from(standing.state.refused.is_some()));
        let entities = standing.state.in_force.as_ref().map_or(0, |kept| kept.entities);
        metrics.list_entities.get_or_create(&labels).set(i64::try_from(entities).unwrap_or(i64::MAX));
        let detail = json!({ "list": standing.name, "age-seconds": standing.age_seconds });
        if standing.stale && !before {
            tracing::error!(
                list.name = standing.name,
                age_seconds = standing.age_seconds,
                "the list is stale"
            );
            self.untold.push(("list.stale", detail));
        } else if before && !standing.stale {
            tracing::info!(list.name = standing.name, "the list is no longer stale");
            self.untold.push(("list.fresh", detail));
        }
    }

    /// Writes what happened; what cannot be written now is written later.
    async fn tell(&mut self) -> Result<(), EngineError> {
        if self.untold.is_empty() {
            return Ok(());
        }
        let context = &self.engine.context;
        if self.engine.fleet.held().contains(&Shard(0)) {
            let events: Vec<_> = self
                .untold
                .iter()
                .map(|(kind, detail)| context.event_of_all(kind, ACTOR, detail.clone()))
                .collect();
            let mut transaction = context.store.transaction().await?;
            events::insert_all(&mut transaction, &events, context.now()).await?;
            transaction.commit().await?;
        }
        // Who holds no shards yet may come to hold the first.
        if !self.engine.fleet.held().is_empty() {
            self.untold.clear();
        }
        Ok(())
    }
}

pub(super) fn locked(keeper: &Mutex<Keeper>) -> MutexGuard<'_, Keeper> {
    // Whoever panicked left a whole list in force.
    keeper.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same, but none while somebody reads a list with it.
fn free(keeper: &Mutex<Keeper>) -> Option<MutexGuard<'_, Keeper>> {
    match keeper.try_lock() {
        Ok(keeper) => Some(keeper),
        Err(TryLockError::Poisoned(keeper)) => Some(keeper.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// What `/readyz` shows of a list.
fn view(standing: &Standing) -> Value {
    let state = &standing.state;
    let refused = state.refused.as_ref();
    let failed = state.failed.as_ref();
    let refused = refused.map(|one| json!({ "version": one.version, "at": one.at, "reason": one.reason }));
    let failed = failed.map(|(at, reason)| json!({ "at": at, "reason": reason }));
    let mut view = json!({
        "name": standing.name,
        "version": state.in_force.as_ref().map(|kept| &kept.version),
        "entities": state.in_force.as_ref().map(|kept| kept.entities),
        "age-seconds": standing.age_seconds,
        "stale": standing.stale,
    });
    if let Value::Object(view) = &mut view {
        // Said only where there is something to say.
        for (key, told) in [("refused", refused), ("failed", failed)] {
            view.extend(told.map(|told| (key.to_owned(), told)));
        }
    }
    view
}

//! What is paused, as the engine knows it: read from the database twice a second, kept while the database
//! is away.
//!
//! A lane whose provider is paused loads nothing; runs of a paused schedule, and those that wait for a
//! permit when a pause begins, are dropped before their call, and their due rows stand. Calls under way are
//! finished and recorded. The monitors of a paused schedule or account lose their due rows
//! ([`enrol`](super::enrol), [`actions::pause`](crate::actions::pause)), so they do not lie in the way.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use serde_json::json;
use sqlx::PgConnection;

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    domain::pause::Scope,
    store::{
        StoreError,
        pauses::{self, Pause},
        providers::Lane,
    },
    telemetry::{
        health::Health,
        metrics::{Metrics, ScopeLabels},
    },
};

/// How often the database is asked.
pub const EVERY: Duration = Duration::from_millis(500);

/// Paused accounts are counted up to so many.
const MOST_ACCOUNTS: i64 = 1000;

/// What was paused when the database was last asked; clones see the same.
#[derive(Clone, Debug, Default)]
pub struct Pauses(Arc<RwLock<Arc<Snapshot>>>);

#[derive(Debug, Default)]
struct Snapshot {
    pauses: Vec<Pause>,
    accounts: i64,
}

impl Pauses {
    /// Whether everything is paused.
    pub fn everything(&self) -> bool {
        self.any(|pause| pause.scope == Scope::Everything)
    }

    /// Whether the provider of a lane may not be asked now: it, or everything, is paused.
    pub fn provider(&self, lane: Lane) -> bool {
        self.any(|pause| pause.scope == Scope::Everything || pause.lane == Some(lane))
    }

    /// Whether a schedule is paused.
    pub fn schedule(&self, id: i32) -> bool {
        self.any(|pause| pause.schedule_id == Some(id))
    }

    /// The schedules that are paused.
    pub fn schedules(&self) -> Vec<i32> {
        self.now().pauses.iter().filter_map(|pause| pause.schedule_id).collect()
    }

    /// How long a lane is to rest before it asks again, if its provider is paused.
    pub fn rest(&self, lane: Lane) -> Option<Duration> {
        self.provider(lane).then_some(EVERY)
    }

    /// Asks the database what is paused. Returns whether that changed.
    pub async fn refresh(&self, conn: &mut PgConnection) -> Result<bool, StoreError> {
        let pauses = pauses::list(conn).await?;
        let accounts = pauses::count_accounts(conn, MOST_ACCOUNTS).await?;
        let before = self.now();
        for pause in pauses.iter().filter(|pause| !before.pauses.contains(pause)) {
            let (scope, name) = (pause.scope.word(), pause.object.as_str());
            let (actor, reason) = (pause.actor.as_str(), pause.reason.as_deref());
            tracing::warn!(
                pause.scope = scope,
                pause.name = name,
                actor,
                reason,
                "paused until it is resumed"
            );
        }
        for pause in before.pauses.iter().filter(|pause| !pauses.contains(pause)) {
            let (scope, name) = (pause.scope.word(), pause.object.as_str());
            tracing::info!(pause.scope = scope, pause.name = name, "no longer paused");
        }
        let changed = before.pauses != pauses;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Snapshot { pauses, accounts });
        Ok(changed)
    }

    fn now(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn any(&self, holds: impl Fn(&Pause) -> bool) -> bool {
        self.now().pauses.iter().any(holds)
    }

    fn show(&self, health: &Health, metrics: &Metrics) {
        let snapshot = self.now();
        let shown: Vec<_> = snapshot
            .pauses
            .iter()
            .map(|pause| {
                json!({
                    "scope": pause.scope.word(),
                    "name": (!pause.object.is_empty()).then_some(&pause.object),
                    "actor": pause.actor,
                    "reason": pause.reason,
                    "paused-at": pause.paused_at,
                })
            })
            .collect();
        health.tell("pauses", json!(shown));
        health.tell("paused-accounts", json!(snapshot.accounts));
        let count = |scope: &'static str, count: i64| {
            metrics.pauses.get_or_create(&ScopeLabels { scope }).set(count);
        };
        for scope in Scope::ALL {
            let paused = snapshot.pauses.iter().filter(|pause| pause.scope == *scope).count();
            count(scope.word(), i64::try_from(paused).unwrap_or(i64::MAX));
        }
        count("account", snapshot.accounts);
    }
}

/// Keeps [`Pauses`] up to date.
pub struct Poll {
    engine: Engine,
}

impl Poll {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

impl Task for Poll {
    const NAME: &'static str = "pauses";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        let mut connection = self.engine.context.store.connection().await?;
        let changed = self.engine.pauses.refresh(&mut connection).await?;
        self.engine.pauses.show(&self.engine.health, &self.engine.metrics);
        if changed {
            self.engine.nudge.send_replace(());
        }
        Ok(Activation::Done)
    }
}

/// The paused schedules whose due rows a lane read and left: its marks are behind them, so the lane starts
/// over when one is resumed before enrolment has taken its due rows away.
#[derive(Debug, Default)]
pub(super) struct PassedOver(BTreeSet<i32>);

impl PassedOver {
    /// Whether a run of the schedule is to be dropped, because it is paused.
    pub(super) fn drops(&mut self, pauses: &Pauses, schedule: i32) -> bool {
        let drops = pauses.schedule(schedule);
        if drops {
            self.0.insert(schedule);
        }
        drops
    }

    /// Whether any of the schedules that were passed over is resumed.
    pub(super) fn take_resumed(&mut self, pauses: &Pauses) -> bool {
        let before = self.0.len();
        self.0.retain(|schedule| pauses.schedule(*schedule));
        self.0.len() < before
    }
}

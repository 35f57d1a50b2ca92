//! Work without a request: enrol, dispatch, record, and the daemon's own upkeep.
//!
//! Data flows one way, and each step knows only the next:
//!
//! ```text
//! enrol ──> due rows ──> lane (walk, load) ──> run (permit, call) ──> recorder ──> database
//! ```
//!
//! - [`enrol`] keeps monitors in step with schedules x accounts, a page at a time.
//! - [`fleet`] divides the shards between the processes of the database.
//! - A lane per provider walks the due rows of these shards, so that a provider that is down holds up its own
//!   monitors only. It writes nothing: what is under way is known in memory (`in_flight`), and a
//!   process that dies leaves its due rows as they were.
//! - [`budgets`] carries permits, rests and outages between the fleet's budgets and this process.
//! - [`run`] makes one call under a permit and a deadline, and decides what its end means.
//! - [`record`] writes answers in batches; the due row's compare-and-set makes each slot count once.
//!
//! - [`chores`] does what requests asked for and that takes longer than they do.
//! - [`lists`] looks after the published lists, and swaps new versions in; `list_versions` numbers them.
//! - [`rescreen`] finds whom a new version concerns, by the keys of their names that `keys` keeps, and has them run.
//! - [`own_lists`] keeps the customer's own lists in memory as the database has them.
//! - [`pauses`] holds what somebody paused: nothing of it is begun, and what is under way is finished.
//! - [`expiry`] ends inquiries whose time is over; [`reverify`] finds accounts that are to be verified again.
//! - [`retention`] keeps up when what falls due to be redacted, and redacts it.
//! - [`audit`] numbers the entries of the audit log, and notes elsewhere how it stands.
//! - [`objectives`] tells when a schedule begins to miss its objective, and when it meets it again.
//! - [`sampler`] sets the gauges that somebody has to read for.
//!
//! Bounded everywhere: a lane takes on no more than it has room for, and room is given back only when
//! the result is recorded. A database that is away therefore stops the calls, not the process.

pub mod audit;
pub mod budgets;
pub mod chores;
pub mod coverage;
pub mod decisions;
mod digests;
pub mod enrol;
pub mod expiry;
pub mod fleet;
mod importers;
mod in_flight;
mod index;
pub mod keys;
mod lane;
mod list_versions;
pub mod lists;
mod marks;
mod news;
mod nudges;
pub mod objectives;
mod outcome;
pub mod own_lists;
pub mod pauses;
pub mod plan;
pub mod progress;
mod queues;
pub mod record;
pub mod rescreen;
pub mod retention;
pub mod reverify;
pub mod run;
pub mod sampler;
pub mod storage;
mod suspects;
pub mod task;
pub mod types;
pub mod upkeep;

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use fleet::Fleet;
pub use plan::{Plan, PlannedProvider, PlannedSchedule};
use progress::Progress;

use crate::{
    actions::{ActionError, Context},
    config::EngineSettings,
    domain::id::ProcessId,
    store::StoreError,
    telemetry::{health::Health, metrics::Metrics},
};

/// Why a part of the engine failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An action failed.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// The daemon's own timer failed.
    #[error("the timer of periodic work failed")]
    Timer(#[from] tokio_cron_scheduler::JobSchedulerError),
}

impl From<sqlx::Error> for EngineError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl EngineError {
    /// Whether the same work may succeed when tried again unchanged.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Store(error) | Self::Action(ActionError::Store(error)) => error.is_passing(),
            Self::Action(_) | Self::Timer(_) => false,
        }
    }

    /// Whether the database is away, or too slow to work with.
    fn is_away(&self) -> bool {
        match self {
            Self::Store(error) | Self::Action(ActionError::Store(error)) => error.is_away(),
            Self::Action(_) | Self::Timer(_) => false,
        }
    }

    /// Whether a row found no partition.
    fn is_missing_partition(&self) -> bool {
        match self {
            Self::Store(error) | Self::Action(ActionError::Store(error)) => error.is_missing_partition(),
            Self::Action(_) | Self::Timer(_) => false,
        }
    }

    /// Whether the database was there and took too long.
    fn is_deadline(&self) -> bool {
        match self {
            Self::Store(error) | Self::Action(ActionError::Store(error)) => error.is_deadline(),
            Self::Action(_) | Self::Timer(_) => false,
        }
    }
}

/// What all parts of the engine share.
#[derive(Clone)]
pub struct Engine {
    /// The database, the time, the keys.
    pub context: Context,
    /// What to run.
    pub plan: Arc<Plan>,
    /// How much at once, how long, how often.
    pub settings: Arc<EngineSettings>,
    /// What is told of the work.
    pub metrics: Metrics,
    /// Whether the daemon is to be relied on.
    pub health: Health,
    /// What is paused.
    pub pauses: pauses::Pauses,
    /// This process, in the evidence of its runs.
    pub process: ProcessId,
    /// The shards that this process dispatches.
    pub fleet: Fleet,
    /// When the last run was recorded, microseconds since 1970; 0 before the first.
    pub recorded_at: Arc<AtomicI64>,
    /// Woken when there may be work at once; a lost wake-up costs a walk's interval, nothing else.
    pub nudge: watch::Sender<()>,
    /// Whether its parts move.
    pub progress: Progress,
}

/// How many recorders write at once: two fill two cores, more gain nothing (measured).
const RECORDERS: usize = 2;

impl Engine {
    /// Starts the engine's tasks on `tracker`. When `stop` is cancelled, nothing new is begun, what is
    /// under way is finished and recorded, and the tasks end. A task that ends before that, by a fault
    /// of ours, cancels `daemon`: one that only half works must not look as if it did.
    pub fn start(&self, tracker: &TaskTracker, stop: &CancellationToken, daemon: &CancellationToken) {
        budgets::start(self, tracker, stop, daemon);
        self.start_lanes(tracker, (stop, daemon), Duration::ZERO);
        let second = Duration::from_secs(1);
        tracker.spawn(nudges::listen(self.clone(), stop.clone()));
        let part = self.progress.part("enrol");
        let enrol = task::drive(enrol::Enrol::new(self.clone()), second, part, stop.clone());
        tracker.spawn(vital("enrol", stop, daemon, enrol));
        let part = self.progress.part("expiry");
        let expiry = task::drive(expiry::Expiry::new(self.clone()), expiry::EVERY, part, stop.clone());
        tracker.spawn(vital("expiry", stop, daemon, expiry));
        let part = self.progress.part("decisions");
        let expiring = decisions::Decisions::new(self.clone());
        let expiring = task::drive(expiring, decisions::EVERY, part, stop.clone());
        tracker.spawn(vital("decisions", stop, daemon, expiring));
        let part = self.progress.part("reverify");
        let reverify =
            task::drive(reverify::Reverify::new(self.clone()), reverify::EVERY, part, stop.clone());
        tracker.spawn(vital("reverify", stop, daemon, reverify));
        let part = self.progress.part("retention");
        let refresh = task::drive(retention::Refresh::new(self.clone()), second, part, stop.clone());
        tracker.spawn(vital("retention", stop, daemon, refresh));
        let part = self.progress.part("sweep");
        tracker.spawn(vital("sweep", stop, daemon, retention::drive(self.clone(), part, stop.clone())));
        let part = self.progress.part("audit");
        let sequencer = task::drive(audit::Sequencer::new(self.clone()), second, part, stop.clone());
        tracker.spawn(vital("audit", stop, daemon, sequencer));
        let part = self.progress.part("ledger");
        let replay = task::drive(audit::Replay::new(self.clone()), audit::LEDGER_EVERY, part, stop.clone());
        tracker.spawn(vital("ledger", stop, daemon, replay));
        let part = self.progress.part("chores");
        let chores = task::drive(chores::Chores::new(self.clone()), second, part, stop.clone());
        tracker.spawn(vital("chores", stop, daemon, chores));
        let part = self.progress.part("own lists");
        tracker.spawn(vital("own lists", stop, daemon, own_lists::drive(self.clone(), part, stop.clone())));
        let part = self.progress.part("lists");
        tracker.spawn(vital("lists", stop, daemon, lists::drive(self.clone(), part, stop.clone())));
        let part = self.progress.part("importers");
        tracker.spawn(vital("importers", stop, daemon, importers::drive(self.clone(), part, stop.clone())));
        let part = self.progress.part("pauses");
        let poll = task::drive(pauses::Poll::new(self.clone()), pauses::EVERY, part, stop.clone());
        tracker.spawn(vital("pauses", stop, daemon, poll));
        let part = self.progress.part("types");
        let poll = task::drive(types::Poll::new(self.clone()), second, part, stop.clone());
        tracker.spawn(vital("types", stop, daemon, poll));
        let part = self.progress.part("index");
        let index = task::drive(index::Index::new(self.clone()), index::EVERY, part, stop.clone());
        tracker.spawn(vital("index", stop, daemon, index));
        let part = self.progress.part("keys");
        let keys = task::drive(keys::Keys::new(self.clone()), keys::EVERY, part, stop.clone());
        tracker.spawn(vital("keys", stop, daemon, keys));
        let part = self.progress.part("rescreens");
        let rescreens = task::drive(rescreen::Rescreens::new(self.clone()), second, part, stop.clone());
        tracker.spawn(vital("rescreens", stop, daemon, rescreens));
        let part = self.progress.part("objectives");
        let objectives = objectives::Objectives::new(self.clone());
        let objectives = task::drive(objectives, objectives::EVERY, part, stop.clone());
        tracker.spawn(vital("objectives", stop, daemon, objectives));
        let part = self.progress.part("sampler");
        let sampler = sampler::Sampler::new(self.clone());
        let sampler = task::drive(sampler, sampler::EVERY, part, stop.clone());
        tracker.spawn(vital("sampler", stop, daemon, sampler));
        let part = self.progress.part("coverage");
        let coverage = coverage::Coverage::new(self.clone());
        let coverage = task::drive(coverage, coverage::EVERY, part, stop.clone());
        tracker.spawn(vital("coverage", stop, daemon, coverage));
        let part = self.progress.part("heartbeat");
        let heartbeat = task::drive(upkeep::Heartbeat::new(self.clone()), second, part, stop.clone());
        tracker.spawn(vital("heartbeat", stop, daemon, heartbeat));
    }

    /// Starts what makes runs and records them, and nothing else, for a simulation: nothing enrols, nothing looks at
    /// lists, and the budgets are this process's alone. A lane that finds nothing due rests for `rest` at least, so that
    /// what falls due meanwhile is begun together.
    pub fn start_runs(&self, tracker: &TaskTracker, stop: &CancellationToken, rest: Duration) {
        budgets::start_serving(self, tracker, stop, stop);
        self.start_lanes(tracker, (stop, stop), rest);
    }

    fn start_lanes(
        &self,
        tracker: &TaskTracker,
        (stop, daemon): (&CancellationToken, &CancellationToken),
        rest: Duration,
    ) {
        let mut recorders = Vec::with_capacity(RECORDERS);
        for number in 1..=RECORDERS {
            let (sender, receiver) = mpsc::channel(self.settings.record_batch as usize * 2);
            recorders.push(sender);
            let part = self.progress.part(format!("recorder {number}"));
            tracker.spawn(vital("recorder", stop, daemon, record::drive(self.clone(), part, receiver)));
        }
        for provider in &self.plan.providers {
            let lane = lane::Lane::new(self, provider, recorders.clone(), tracker.clone(), rest);
            let part = self.progress.part(format!("lane {}", provider.provider.name()));
            tracker.spawn(vital("lane", stop, daemon, lane.drive(part, stop.clone())));
        }
        // Without a provider there is no lane: the recorders wait for the end all the same.
        let stopped = stop.clone();
        tracker.spawn(async move {
            stopped.cancelled().await;
            drop(recorders);
        });
    }
}

/// Runs a task without which the daemon does not work: if it ends, or panics, before `stop` is cancelled,
/// it cancels `daemon`.
pub fn vital<W: Future<Output = ()> + Send>(
    part: &'static str,
    stop: &CancellationToken,
    daemon: &CancellationToken,
    work: W,
) -> impl Future<Output = ()> + Send + use<W> {
    struct Ended {
        part: &'static str,
        stop: CancellationToken,
        daemon: CancellationToken,
    }

    impl Drop for Ended {
        fn drop(&mut self) {
            if !self.stop.is_cancelled() {
                tracing::error!(
                    part = self.part,
                    "a part of the engine ended by a fault: stopping the daemon"
                );
                self.daemon.cancel();
            }
        }
    }

    let ended = Ended { part, stop: stop.clone(), daemon: daemon.clone() };
    async move {
        let _ended = ended;
        work.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_vital_part_that_ends_or_panics_stops_the_daemon() {
        let stop = CancellationToken::new();
        vital("test", &stop, &stop, async {}).await;
        assert!(stop.is_cancelled());

        let stop = CancellationToken::new();
        let tracker = TaskTracker::new();
        let panicked = tracker.spawn(vital("test", &stop, &stop, async { panic!("as a test") })).await;
        assert!(panicked.is_err() && stop.is_cancelled());
    }
}

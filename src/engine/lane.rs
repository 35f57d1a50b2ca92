//! One lane a provider: finds its due monitors, loads their accounts, and starts their runs.

mod capacity;
mod turn;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Engine, in_flight::InFlight, pauses::PassedOver, plan::PlannedProvider, progress::Part, queues::Queues,
    run::Finished, suspects::Suspects, task,
};
use crate::{domain::id::MonitorId, providers::local::OwnList, store, telemetry::metrics::ProviderLabels};

/// How long to leave a database alone that failed.
const AWAY: Duration = Duration::from_millis(500);

/// How long to wait for room for a whole batch.
const FULL_BATCH: Duration = Duration::from_millis(100);

/// How long to wait before looking again whether the lists are the newest.
const BEHIND: Duration = Duration::from_millis(50);

/// How long to sleep at most while the provider rests: a rest can end early.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Lane {
    engine: Engine,
    provider: Arc<PlannedProvider>,
    /// The lists of the customer's own that it answers from.
    own_lists: Vec<OwnList>,
    recorders: Vec<mpsc::Sender<Finished>>,
    tracker: TaskTracker,
    in_flight: InFlight,
    queues: Queues,
    suspects: Suspects,
    nudges: watch::Receiver<()>,
    passed_over: PassedOver,
    routine: capacity::Routine,
    /// Runs that may be under way or waiting: `most`, of which the lane itself keeps back what it does
    /// not want to take on at present.
    room: Arc<Semaphore>,
    most: u32,
    kept_back: OwnedSemaphorePermit,
    /// How long it rests at least when nothing is due.
    rest: Duration,
}

/// What a turn came to.
enum Turn {
    /// It started runs: there may be more.
    Started,
    /// Nothing is due; the next run is, if within a walk's interval.
    Idle(Option<DateTime<Utc>>),
    /// What is under way must end before anything else begins.
    WaitForRuns,
}

impl Lane {
    pub(super) fn new(
        engine: &Engine,
        provider: &Arc<PlannedProvider>,
        recorders: Vec<mpsc::Sender<Finished>>,
        tracker: TaskTracker,
        rest: Duration,
    ) -> Self {
        let most = engine.settings.max_in_flight;
        let room = Arc::new(Semaphore::new(most as usize));
        let kept_back = Arc::clone(&room).try_acquire_many_owned(0).expect("none are always to be had");
        let basis = provider.provider.basis();
        let is_used =
            |own: &&OwnList| basis.lists.iter().any(|list| list.name == own.name() && list.number.is_none());
        Self {
            engine: engine.clone(),
            provider: Arc::clone(provider),
            own_lists: engine.plan.own_lists.iter().filter(is_used).cloned().collect(),
            recorders,
            tracker,
            in_flight: InFlight::new(engine.fleet.clone()),
            queues: Queues::new(
                &engine.plan,
                provider.lane,
                engine.settings.longest_write_transaction,
                Instant::now(),
            ),
            suspects: Suspects::new(engine.clone(), provider),
            nudges: engine.nudge.subscribe(),
            passed_over: PassedOver::default(),
            routine: capacity::Routine::default(),
            room,
            most,
            kept_back,
            rest,
        }
    }

    pub(super) async fn drive(mut self, part: Part, stop: CancellationToken) {
        loop {
            part.beat();
            let paused = self.engine.pauses.rest(self.provider.lane);
            // What it found now would have to be asked again.
            let behind = self.provider.provider.is_behind().then_some(BEHIND);
            let paused = paused.or(behind);
            if let Some(rest) = self.provider.budget.rest().or(paused) {
                // Nothing is loaded that could not be asked soon.
                self.show_in_flight();
                if stop.run_until_cancelled(tokio::time::sleep(rest.min(LONGEST_PAUSE))).await.is_none() {
                    break;
                }
                continue;
            }
            let batch = self.adjust().div_ceil(2).min(self.engine.settings.claim_batch);
            let acquired = part.waiting(stop.run_until_cancelled(self.acquire(batch))).await;
            let Some(room) = acquired else { break };
            // Whatever comes from here on is seen by this turn or wakes the next.
            self.nudges.mark_unchanged();
            let pause = match store::within(Box::pin(self.turn(room, &stop))).await {
                Ok(Turn::Started) => {
                    task::answered(&self.engine.health);
                    continue;
                }
                Ok(Turn::Idle(next)) => self.until(next),
                Ok(Turn::WaitForRuns) => {
                    let ended = tokio::time::timeout(LONGEST_PAUSE, self.in_flight.is_empty());
                    if stop.run_until_cancelled(ended).await.is_none() {
                        break;
                    }
                    continue;
                }
                Err(error) => {
                    self.queues.recover(Instant::now(), error.is_deadline());
                    task::report(&self.engine.health, "lane", &error);
                    AWAY
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                _ = self.nudges.changed() => {}
                () = part.waiting(tokio::time::sleep(pause)) => {}
            }
        }
    }

    /// How long to wait for a time that is less than a walk's interval away; the interval if there is none. Never less
    /// than the lane's rest.
    fn until(&self, next: Option<DateTime<Utc>>) -> Duration {
        let interval = self.engine.settings.walk_interval;
        let wait = next.map(|next| (next - self.engine.context.now()).to_std().unwrap_or_default());
        wait.map_or(interval, |wait| wait.min(interval)).max(self.rest)
    }

    /// Room for a batch; after a while for less, so that urgent work waits for one place, not for many.
    async fn acquire(&self, batch: u32) -> OwnedSemaphorePermit {
        let open = "the lane owns the semaphore and never closes it";
        let whole = Arc::clone(&self.room).acquire_many_owned(batch);
        if let Ok(room) = tokio::time::timeout(FULL_BATCH, whole).await {
            return room.expect(open);
        }
        let mut room = Arc::clone(&self.room).acquire_owned().await.expect(open);
        let more = self.available().min(batch.saturating_sub(1));
        if let Ok(more) = Arc::clone(&self.room).try_acquire_many_owned(more) {
            room.merge(more);
        }
        room
    }

    /// Keeps back what the lane does not want to take on at present. Returns how many runs it wants.
    fn adjust(&mut self) -> u32 {
        let limits = &self.provider.limits;
        let latency = self.provider.latency();
        let wanted = capacity::capacity(limits.rate_per_second, limits.concurrency, latency).min(self.most);
        let wanted = wanted.min(self.provider.budget.most_at_once());
        let (keep, kept) = ((self.most - wanted) as usize, self.kept_back.num_permits());
        if keep < kept {
            drop(self.kept_back.split(kept - keep));
        } else if let Ok(more) = u32::try_from(keep - kept)
            && let Ok(more) = Arc::clone(&self.room).try_acquire_many_owned(more.min(self.available()))
        {
            // What is under way now is kept back once it is done.
            self.kept_back.merge(more);
        }
        wanted
    }

    fn available(&self) -> u32 {
        u32::try_from(self.room.available_permits()).unwrap_or(u32::MAX)
    }

    fn recorder(&self, monitor: MonitorId) -> mpsc::Sender<Finished> {
        let index = usize::from(monitor.shard().0) % self.recorders.len();
        self.recorders.get(index).expect("the remainder is below the length").clone()
    }

    fn show_in_flight(&self) {
        let kept_back = u32::try_from(self.kept_back.num_permits()).unwrap_or(u32::MAX);
        let under_way = self.most.saturating_sub(self.available()).saturating_sub(kept_back);
        let labels = ProviderLabels { provider: self.provider.provider.name().to_owned() };
        self.engine.metrics.in_flight.get_or_create(&labels).set(i64::from(under_way));
    }
}

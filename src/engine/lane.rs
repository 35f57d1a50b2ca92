//! One lane a provider: finds its due monitors, loads their accounts, and starts their runs.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Engine, EngineError,
    in_flight::InFlight,
    marks::Marks,
    plan::PlannedProvider,
    run::{self, Finished, Job, Place},
    task,
};
use crate::{
    domain::{
        id::{MonitorId, Shard},
        monitor::Trigger,
    },
    store::{
        due::{self, Due, Loaded},
        wakeups,
    },
    telemetry::metrics::ProviderLabels,
};

/// How long the statements of one turn may take together.
const TURN: Duration = Duration::from_secs(10);

/// How long to leave a database alone that failed.
const AWAY: Duration = Duration::from_millis(500);

/// How long to wait for room for a whole batch.
const FULL_BATCH: Duration = Duration::from_millis(100);

/// How long to sleep at most while the provider rests: a rest can end early.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Lane {
    engine: Engine,
    provider: Arc<PlannedProvider>,
    recorders: Vec<mpsc::Sender<Finished>>,
    tracker: TaskTracker,
    in_flight: InFlight,
    marks: Marks,
    /// Runs that may be under way or waiting: `most`, of which the lane itself keeps back what it does
    /// not want to take on at present.
    room: Arc<Semaphore>,
    most: u32,
    kept_back: OwnedSemaphorePermit,
}

impl Lane {
    pub(super) fn new(
        engine: &Engine,
        provider: &Arc<PlannedProvider>,
        recorders: Vec<mpsc::Sender<Finished>>,
        tracker: TaskTracker,
    ) -> Self {
        let most = engine.settings.max_in_flight;
        let room = Arc::new(Semaphore::new(most as usize));
        let kept_back = Arc::clone(&room).try_acquire_many_owned(0).expect("none are always to be had");
        Self {
            engine: engine.clone(),
            provider: Arc::clone(provider),
            recorders,
            tracker,
            in_flight: InFlight::default(),
            marks: Marks::new(engine.settings.longest_write_transaction, Instant::now()),
            room,
            most,
            kept_back,
        }
    }

    pub(super) async fn drive(mut self, stop: CancellationToken) {
        loop {
            if let Some(rest) = self.provider.budget.rest() {
                // Nothing is loaded that could not be asked soon.
                if stop.run_until_cancelled(tokio::time::sleep(rest.min(LONGEST_PAUSE))).await.is_none() {
                    break;
                }
                continue;
            }
            let batch = self.adjust().div_ceil(2).min(self.engine.settings.claim_batch);
            let Some(room) = stop.run_until_cancelled(self.acquire(batch)).await else { break };
            let turn = tokio::time::timeout(TURN, self.turn(room, &stop)).await;
            let pause = match turn.unwrap_or(Err(EngineError::Deadline(TURN))) {
                Ok(0) => self.engine.settings.walk_interval,
                Ok(_) => {
                    task::answered(&self.engine.health);
                    continue;
                }
                Err(error) => {
                    self.marks.restart();
                    task::report(&self.engine.health, "lane", &error);
                    AWAY
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.engine.nudge.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
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
        let wanted =
            capacity(limits.rate_per_second, limits.concurrency, self.provider.latency()).min(self.most);
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

    /// Finds and starts what there is room for. Returns how many runs it started.
    async fn turn(
        &mut self,
        mut room: OwnedSemaphorePermit,
        stop: &CancellationToken,
    ) -> Result<usize, EngineError> {
        let engine = self.engine.clone();
        let mut connection = engine.context.store.connection().await?;
        let now = engine.context.now();
        let lane = self.provider.lane;
        self.in_flight.begin_walk();
        if self.in_flight.take_given_up() {
            self.marks.restart();
        }
        self.marks.step_back(now, Instant::now());

        // Routine work is read first, and admitted last: what becomes due in between, with a reason, is then
        // seen with its reason.
        let found = self.walk(&mut connection, &room, now).await?;
        let urgent = wakeups::list(&mut connection, lane, now, i64::from(self.most)).await?;
        let mut admitted = Vec::with_capacity(room.num_permits());
        // Urgent work goes first, and leaves an eighth to routine work: a flood must not starve it.
        let reserved = found.len().min(room.num_permits() / 8);
        for (due, trigger) in urgent {
            if room.num_permits() > reserved {
                self.admit(due, trigger, &mut room, &mut admitted);
            }
        }
        for due in self.marks.take(found, room.num_permits()) {
            let trigger = if due.slot == 0 { Trigger::First } else { Trigger::Interval };
            self.admit(due, trigger, &mut room, &mut admitted);
        }
        drop(room);
        self.show_in_flight();
        if admitted.is_empty() {
            return Ok(0);
        }
        let monitors: Vec<MonitorId> = admitted.iter().map(|(due, _, _)| due.monitor).collect();
        let loaded = due::load(&mut connection, &monitors).await?;
        let mut loaded: HashMap<MonitorId, Loaded> =
            loaded.into_iter().map(|one| (one.monitor, one)).collect();
        let mut jobs = Vec::with_capacity(admitted.len());
        for (due, trigger, place) in admitted {
            // Stopped since the walk read it, or of a schedule that only others know: not ours to run.
            let Some(loaded) = loaded.remove(&due.monitor) else { continue };
            let Some(schedule) = engine.plan.schedules.get(&loaded.schedule_id) else { continue };
            let basis_id = schedule.basis_id(&mut connection, engine.process, now).await?;
            jobs.push(Job {
                due,
                trigger,
                loaded,
                schedule: Arc::clone(schedule),
                basis_id,
                place: Some(place),
            });
        }
        // No connection is held while a provider is called.
        drop(connection);
        let started = jobs.len();
        for job in jobs {
            let recorder = self.recorder(job.due.monitor);
            let (engine, in_flight, stop) = (engine.clone(), self.in_flight.clone(), stop.clone());
            self.tracker.spawn(async move {
                match run::perform(&engine, job, &stop).await {
                    // The recorders outlive the lanes; if one is gone the process is ending by force.
                    Some(finished) => drop(recorder.send(finished).await),
                    None => in_flight.give_up(),
                }
            });
        }
        Ok(started)
    }

    /// Reads routine work, from a few shards first and from the others if that is not enough.
    async fn walk(
        &mut self,
        conn: &mut PgConnection,
        room: &OwnedSemaphorePermit,
        now: DateTime<Utc>,
    ) -> Result<Vec<Due>, EngineError> {
        let (lane, wanted) = (self.provider.lane, room.num_permits());
        let per_shard = |shards: usize| i64::try_from(wanted.div_ceil(shards) + 2).unwrap_or(i64::MAX);
        let window = self.marks.next();
        let mut found = due::list_after(conn, lane, &window, now, per_shard(window.len())).await?;
        if found.len() < wanted {
            let others = self.marks.others(&window);
            found.extend(due::list_after(conn, lane, &others, now, per_shard(Shard::COUNT)).await?);
        }
        Ok(found)
    }

    fn admit(
        &self,
        due: Due,
        trigger: Trigger,
        room: &mut OwnedSemaphorePermit,
        admitted: &mut Vec<(Due, Trigger, Place)>,
    ) {
        if room.num_permits() == 0 {
            return;
        }
        if let Some(ticket) = self.in_flight.admit(due.monitor)
            && let Some(one) = room.split(1)
        {
            admitted.push((due, trigger, Place { _ticket: ticket, _room: one }));
        }
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

/// How long runs may wait for their calls: urgent work waits behind them.
const WAIT: Duration = Duration::from_millis(250);

/// How long a call is taken to last before any has been made.
const UNKNOWN: Duration = Duration::from_secs(1);

/// How many runs a lane takes on: those that may be under way at once, by concurrency and by rate, and as
/// many waiting as the provider answers within [`WAIT`]. What is loaded beyond that would only grow old.
fn capacity(rate_per_second: Option<f64>, concurrency: u32, latency: Option<Duration>) -> u32 {
    let rate = rate_per_second.unwrap_or(f64::INFINITY);
    let at_once = f64::from(concurrency).min((rate * latency.unwrap_or(UNKNOWN).as_secs_f64()).ceil());
    let by_latency = latency.map_or(f64::from(concurrency), |latency| {
        WAIT.as_secs_f64() / latency.as_secs_f64() * f64::from(concurrency)
    });
    let waiting = by_latency.min(rate * WAIT.as_secs_f64()).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    let count = |number: f64| number.clamp(1.0, 1_000_000.0) as u32;
    count(at_once).saturating_add(count(waiting))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::capacity;

    #[test]
    fn no_more_wait_than_are_answered_within_a_quarter_of_a_second() {
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(capacity(Some(0.2), 10, millis(1)), 1 + 1, "a slow rate");
        assert_eq!(capacity(Some(100.0), 10, millis(1)), 1 + 25, "a rate, and fast calls");
        assert_eq!(capacity(Some(100.0), 10, millis(500)), 10 + 5, "a rate, and slow calls");
        assert_eq!(capacity(None, 8, millis(1000)), 8 + 2, "slow calls");
        assert_eq!(capacity(None, 16, millis(1)), 16 + 4000, "fast calls");
        assert_eq!(capacity(None, 16, None), 16 + 16, "nothing known yet");
        assert_eq!(capacity(Some(2.0), 16, None), 2 + 1, "nothing known yet but the rate");
    }
}

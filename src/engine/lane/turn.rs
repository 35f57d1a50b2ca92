//! A turn of a lane: walk, admit, load, start.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use sqlx::PgConnection;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        EngineError,
        marks::WINDOW,
        own_lists,
        queues::{Asked, Place as ReadPlace},
        run::{self, Job, Place},
        suspects::{self, Care},
    },
    Lane, Turn,
};
use crate::{
    domain::{
        id::{MonitorId, Shard},
        monitor::Trigger,
    },
    store::{
        Connection,
        due::{self, Due, Loaded},
        strikes, wakeups,
    },
};

/// A run that was let in.
struct Admitted {
    due: Due,
    trigger: Trigger,
    /// Nobody waits for it.
    is_routine: bool,
    place: Place,
}

/// Who of those that run may kill this process.
struct AtRisk {
    /// Those that have strikes.
    suspects: Vec<MonitorId>,
    /// Those that got one for this run.
    struck: HashSet<MonitorId>,
}

/// How long a walk goes on with further shards that start over.
const BITES: Duration = Duration::from_secs(1);

/// What a walk read.
struct Walked {
    /// What is due, or will be within a walk's interval.
    found: Vec<Due>,
    /// How many were asked for at most.
    asked: Asked,
    /// Whether there was no time for all of them.
    is_cut: bool,
}

impl Walked {
    /// How much of it is due.
    fn count(&self, now: DateTime<Utc>) -> usize {
        self.found.iter().filter(|due| due.at <= now).count()
    }

    fn is_enough(&self, wanted: usize, now: DateTime<Utc>) -> bool {
        self.count(now) >= wanted
    }
}

impl Lane {
    /// Finds and starts what there is room for.
    pub(super) async fn turn(
        &mut self,
        mut room: OwnedSemaphorePermit,
        stop: &CancellationToken,
    ) -> Result<Turn, EngineError> {
        let engine = self.engine.clone();
        let lane = self.provider.lane;
        let owned = engine.fleet.owned(lane);
        self.queues.follow(&owned);
        if owned.is_empty() {
            return Ok(Turn::Idle(None));
        }
        let mut connection = engine.context.store.connection().await?;
        let now = engine.context.now();
        self.in_flight.begin_walk();
        self.queues.give_back(&self.in_flight.take_given_up());
        if self.passed_over.take_resumed(&engine.pauses) {
            self.queues.restart();
        }
        self.queues.step_back(now, Instant::now());

        let takes_on = (self.most as usize).saturating_sub(self.kept_back.num_permits());
        let care = self.suspects.look(&mut connection, &owned, takes_on, now).await?;
        if let Some(most) = care.most() {
            if self.in_flight.count() > 0 {
                return Ok(Turn::WaitForRuns);
            }
            drop(room.split(room.num_permits().saturating_sub(most)));
        }
        let (admitted, idle) = match care {
            Care::Alone(struck) | Care::Few(struck) => {
                let admit = |due| self.let_in(due, Trigger::Interval, &mut room);
                (struck.into_iter().filter_map(admit).collect::<Vec<_>>(), Turn::Idle(None))
            }
            Care::Needless | Care::Cohort => self.find(&mut connection, &mut room, now).await?,
        };
        drop(room);
        self.show_in_flight();
        if admitted.is_empty() {
            return Ok(idle);
        }
        // Asked after it was found what is due: what is due because of a change is not answered from before it.
        if own_lists::are_outdated(&mut connection, &self.own_lists).await? {
            drop(connection);
            own_lists::catch_up(&engine.context, &self.own_lists).await;
            connection = engine.context.store.connection().await?;
        }
        let suspects: Vec<MonitorId> =
            admitted.iter().map(|one| one.due.monitor).filter(|one| self.suspects.is_suspect(*one)).collect();
        let struck = if suspects.is_empty() {
            HashSet::new()
        } else {
            // Counted before anything of their accounts is touched: if this kills us, somebody knows.
            strikes::insert_all(&mut connection, lane, &suspects, engine.process, now).await?
        };
        let suspects = AtRisk { suspects, struck };
        let started = self.start(connection, admitted, &suspects, stop, now).await?;
        Ok(if started > 0 { Turn::Started } else { idle })
    }

    /// Finds what is due, urgent work first. Tells what the turn comes to if none of it can be started.
    async fn find(
        &mut self,
        conn: &mut PgConnection,
        room: &mut OwnedSemaphorePermit,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Admitted>, Turn), EngineError> {
        let wanted = room.num_permits();
        let mut admitted = Vec::with_capacity(wanted);
        let mut left_urgent = Vec::new();
        // Routine work is read before urgent work, and admitted after it: what becomes due in between, with a
        // reason, is then seen with its reason.
        let mut walked = self.walk(conn, wanted, now).await?;
        self.admit_urgent(conn, room, &walked, now, &mut admitted, &mut left_urgent).await?;
        // What somebody waits for does not wait for the other shards: another turn follows at once.
        if admitted.is_empty() && !walked.is_enough(wanted, now) {
            self.walk_on(conn, wanted, now, &mut walked).await?;
            left_urgent.clear();
            self.admit_urgent(conn, room, &walked, now, &mut admitted, &mut left_urgent).await?;
        }
        let next = walked.found.iter().map(|due| due.at).filter(|at| *at > now).min();
        walked.found.retain(|due| due.at <= now);
        let mut found: HashMap<Shard, usize> = HashMap::new();
        for due in &walked.found {
            *found.entry(due.monitor.shard()).or_default() += 1;
        }
        let read_at = Instant::now();
        let through = if self.suspects.has_shards() {
            self.queues.read_to_end(&walked.asked, &walked.found, read_at)
        } else {
            HashSet::new()
        };
        let kept = self.queues.take(walked.found, room.num_permits(), &walked.asked, now, read_at);
        self.suspects.passed(&through, &found, &kept, &left_urgent);
        for due in kept {
            let of_itself = if due.slot == 0 { Trigger::First } else { Trigger::Interval };
            let trigger = due.reason.unwrap_or(of_itself);
            admitted.extend(self.admit(due, trigger, room).map(|one| Admitted { is_routine: true, ..one }));
        }
        Ok((admitted, if walked.is_cut { Turn::Started } else { Turn::Idle(next) }))
    }

    /// Admits urgent work, and notes the shards of what there is no room for.
    async fn admit_urgent(
        &mut self,
        conn: &mut PgConnection,
        room: &mut OwnedSemaphorePermit,
        walked: &Walked,
        now: DateTime<Utc>,
        admitted: &mut Vec<Admitted>,
        left: &mut Vec<Shard>,
    ) -> Result<(), EngineError> {
        let (shards, paused) = (self.queues.shards(), self.engine.pauses.schedules());
        let urgent =
            wakeups::list(conn, self.provider.lane, &shards, now, &paused, i64::from(self.most)).await?;
        if urgent.is_empty() {
            return Ok(());
        }
        let reserved = self.routine.reserve(room.num_permits(), walked.count(now));
        for (due, trigger) in urgent {
            if room.num_permits() > reserved {
                admitted.extend(self.admit(due, trigger, room));
            } else {
                left.push(due.monitor.shard());
            }
        }
        Ok(())
    }

    /// Reads routine work from a few shards; and a little ahead of time, so that what is due soon need not wait
    /// for the next walk.
    async fn walk(
        &mut self,
        conn: &mut PgConnection,
        wanted: usize,
        now: DateTime<Utc>,
    ) -> Result<Walked, EngineError> {
        let mut walked = Walked { found: Vec::new(), asked: Asked::new(), is_cut: false };
        // Some of those that start over each time, however much the others bring.
        self.read_bite(conn, wanted, now, &mut walked).await?;
        let window = self.queues.next(Instant::now());
        if !walked.is_enough(wanted, now) {
            self.read(conn, &window, wanted, now, &mut walked).await?;
        }
        Ok(walked)
    }

    /// Reads from the other shards, too: those that were read did not bring enough.
    async fn walk_on(
        &mut self,
        conn: &mut PgConnection,
        wanted: usize,
        now: DateTime<Utc>,
        walked: &mut Walked,
    ) -> Result<(), EngineError> {
        let others = self.queues.others(&walked.asked, Instant::now());
        self.read(conn, &others, wanted, now, walked).await?;
        let began = Instant::now();
        while !walked.is_enough(wanted, now) && self.queues.has_bite(&walked.asked, Instant::now()) {
            if began.elapsed() > BITES {
                walked.is_cut = true;
                break;
            }
            self.read_bite(conn, wanted, now, walked).await?;
        }
        Ok(())
    }

    /// Reads from a few shards that start over.
    async fn read_bite(
        &mut self,
        conn: &mut PgConnection,
        wanted: usize,
        now: DateTime<Utc>,
        walked: &mut Walked,
    ) -> Result<(), EngineError> {
        let bite = self.queues.bite(&walked.asked, Instant::now());
        self.read(conn, &bite, wanted, now, walked).await?;
        self.queues.bitten(Instant::now());
        Ok(())
    }

    async fn read(
        &self,
        conn: &mut PgConnection,
        places: &[ReadPlace],
        wanted: usize,
        now: DateTime<Utc>,
        walked: &mut Walked,
    ) -> Result<(), EngineError> {
        let horizon = now + self.engine.settings.walk_interval;
        if places.is_empty() {
            return Ok(());
        }
        // Of few shards no more than of many: one alone must not fill a batch with what is due last.
        let shards: HashSet<Shard> = places.iter().map(|(_, shard, _)| *shard).collect();
        let per_shard = wanted.div_ceil(shards.len().max(WINDOW.min(self.queues.count()))) + 2;
        let limit = i64::try_from(per_shard).unwrap_or(i64::MAX);
        walked.found.extend(due::list_after(conn, self.provider.lane, places, horizon, limit).await?);
        for (schedule, shard, _) in places {
            walked.asked.entry(*schedule).or_default().insert(*shard, per_shard);
        }
        Ok(())
    }

    fn admit(&self, due: Due, trigger: Trigger, room: &mut OwnedSemaphorePermit) -> Option<Admitted> {
        if room.num_permits() == 0 || self.suspects.is_refused(due.monitor) {
            return None;
        }
        self.let_in(due, trigger, room)
    }

    fn let_in(&self, due: Due, trigger: Trigger, room: &mut OwnedSemaphorePermit) -> Option<Admitted> {
        let ticket = self.in_flight.admit(due.monitor)?;
        let room = room.split(1)?;
        Some(Admitted { due, trigger, is_routine: false, place: Place { _ticket: ticket, _room: room } })
    }

    /// Loads what the runs need, and starts them. Returns how many.
    async fn start(
        &mut self,
        mut connection: Connection,
        admitted: Vec<Admitted>,
        at_risk: &AtRisk,
        stop: &CancellationToken,
        now: DateTime<Utc>,
    ) -> Result<usize, EngineError> {
        let engine = self.engine.clone();
        let monitors: Vec<MonitorId> = admitted.iter().map(|one| one.due.monitor).collect();
        let loaded = due::load(&mut connection, &monitors).await?;
        if loaded.iter().any(|one| engine.plan.types.get(one.account_type).is_none()) {
            engine.plan.types.refresh(&mut connection).await?;
        }
        let mut loaded: HashMap<MonitorId, Loaded> =
            loaded.into_iter().map(|one| (one.monitor, one)).collect();
        let mut jobs = Vec::with_capacity(admitted.len());
        let mut left_out = Vec::new();
        let mut passed_over = 0;
        for Admitted { due, trigger, is_routine, place } in admitted {
            // Stopped since the walk read it, or of a schedule that only others know: not ours to run.
            let Some(loaded) = loaded.remove(&due.monitor) else {
                left_out.push(due.monitor);
                continue;
            };
            let Some(schedule) = engine.plan.schedules.get(&loaded.schedule_id) else {
                left_out.push(due.monitor);
                continue;
            };
            if self.passed_over.drops(&engine.pauses, schedule.id) {
                left_out.push(due.monitor);
                passed_over += usize::from(is_routine);
                continue;
            }
            let basis = schedule.basis(&mut connection, engine.process, now).await?;
            jobs.push((Job { due, trigger, loaded, schedule: Arc::clone(schedule), basis }, place));
        }
        left_out.retain(|monitor| at_risk.suspects.contains(monitor));
        if !left_out.is_empty() {
            strikes::remove_all(&mut connection, &left_out).await?;
        }
        // No connection is held while a provider is called.
        drop(connection);
        // Behind routine work that was passed over there may be more: no reason to wait.
        let started = jobs.len() + passed_over;
        for (job, place) in jobs {
            self.spawn(job, place, at_risk, stop.clone());
        }
        Ok(started)
    }

    fn spawn(&self, job: Job, place: Place, at_risk: &AtRisk, stop: CancellationToken) {
        let recorder = self.recorder(job.due.monitor);
        let is_suspect = at_risk.suspects.contains(&job.due.monitor);
        let is_struck = at_risk.struck.contains(&job.due.monitor);
        let (engine, in_flight, lane) = (self.engine.clone(), self.in_flight.clone(), self.provider.lane);
        self.tracker.spawn(async move {
            let due = job.due.clone();
            // What panics for one account must not take the daemon with it, nor be tried for ever.
            match AssertUnwindSafe(run::perform(&engine, job, &stop)).catch_unwind().await {
                Ok(Some(mut finished)) => {
                    finished.place = Some(place);
                    finished.is_suspect = is_suspect;
                    // The recorders outlive the lanes; if one is gone the process is ending by force.
                    drop(recorder.send(finished).await);
                }
                // Its place goes first: the walk that hears of it must not refuse it.
                Ok(None) => {
                    drop(place);
                    in_flight.give_up(&due);
                }
                Err(_) => {
                    suspects::panicked(&engine, lane, &due, is_struck).await;
                    drop(place);
                    in_flight.give_up(&due);
                }
            }
        });
    }
}

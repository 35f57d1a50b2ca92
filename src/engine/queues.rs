//! The queues of a lane: the due rows of each schedule by themselves, each with its marks.
//!
//! An index holds the due rows of a schedule in the order of their time, and that is the order of their deadlines,
//! too: the time and the schedule's objective. So a lane reads the fronts of its schedules, and takes the earliest
//! deadlines of them all. None starves: what waits keeps its deadline, and what comes later has a later one.
//!
//! Rows of other schedules may be in the lane for a while: a schedule that has another provider now, or rows from
//! before they named their schedule. They are read too, but seldom while there are none.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use super::{fleet::Owned, in_flight::GivenUp, marks::Marks, plan::Plan};
use crate::{
    domain::{id::Shard, schedule::WITHOUT_OBJECTIVE},
    store::{
        due::{Due, Mark, UNNAMED},
        providers::Lane,
    },
};

/// How long the rows of other schedules are left alone after none was found.
const QUIET: Duration = Duration::from_secs(5);

/// Where to read: a schedule, a shard, and after which row.
pub(super) type Place = (i32, Shard, Mark);

/// How many rows of each schedule and shard were asked for.
pub(super) type Asked = HashMap<i32, HashMap<Shard, usize>>;

/// The due rows of one schedule.
struct Queue {
    schedule_id: i32,
    /// How long after its time a run is recorded at most.
    allowed: TimeDelta,
    /// Whether the lane is that of the schedule's provider.
    is_own: bool,
    quiet_until: Option<Instant>,
    marks: Marks,
}

/// The queues of one lane.
pub(super) struct Queues(Vec<Queue>);

impl Queues {
    /// Those of a lane, on no shard yet. `longest_write` is the longest write transaction.
    pub(super) fn new(plan: &Plan, lane: Lane, longest_write: Duration, now: Instant) -> Self {
        let queue = |schedule_id: i32, allowed: Duration, is_own: bool| Queue {
            schedule_id,
            allowed: TimeDelta::from_std(allowed).unwrap_or(TimeDelta::MAX),
            is_own,
            quiet_until: None,
            marks: Marks::new(longest_write, now),
        };
        let mut queues: Vec<Queue> = plan
            .schedules
            .values()
            .map(|planned| {
                let allowed = planned.schedule.objective.unwrap_or(WITHOUT_OBJECTIVE);
                queue(planned.id, allowed, planned.provider.lane == lane)
            })
            .collect();
        queues.push(queue(UNNAMED, WITHOUT_OBJECTIVE, false));
        queues.sort_unstable_by_key(|queue| queue.schedule_id);
        Self(queues)
    }

    /// Follows the leases.
    pub(super) fn follow(&mut self, owned: &[Owned]) {
        for queue in &mut self.0 {
            // What a shard taken over has in a quiet queue is not known: a suspect shard is gone through whole.
            if queue.marks.follow(owned) {
                queue.quiet_until = None;
            }
        }
    }

    /// The shards.
    pub(super) fn shards(&self) -> Vec<Shard> {
        self.0.first().map(|queue| queue.marks.shards()).unwrap_or_default()
    }

    /// How many shards there are.
    pub(super) fn count(&self) -> usize {
        self.0.first().map_or(0, |queue| queue.marks.count())
    }

    /// Starts every shard from the beginning.
    pub(super) fn restart(&mut self) {
        self.all().for_each(Marks::restart);
    }

    /// Steps back if it is time to.
    pub(super) fn step_back(&mut self, database_now: DateTime<Utc>, now: Instant) {
        self.all().for_each(|marks| marks.step_back(database_now, now));
    }

    /// Goes back to where a turn began that failed.
    pub(super) fn recover(&mut self, now: Instant, too_long: bool) {
        self.all().for_each(|marks| marks.recover(now, too_long));
    }

    /// Goes back to before runs that were given up; in all queues, for enrolment may have moved the due row to another
    /// meanwhile.
    pub(super) fn give_back(&mut self, given_up: &[GivenUp]) {
        self.all().for_each(|marks| marks.give_back(given_up));
    }

    /// The next few shards that start over, but those that were read.
    pub(super) fn bite(&mut self, read: &Asked, now: Instant) -> Vec<Place> {
        self.places(now, |queue| queue.marks.bite(of(read, queue.schedule_id), now))
    }

    /// Whether there are shards that start over and can be read, but those that were read.
    pub(super) fn has_bite(&self, read: &Asked, now: Instant) -> bool {
        let mut reading = self.0.iter().filter(|queue| queue.is_read(now));
        reading.any(|queue| queue.marks.has_bite(of(read, queue.schedule_id), now))
    }

    /// The reading of a bite came to its end.
    pub(super) fn bitten(&mut self, now: Instant) {
        self.all().for_each(|marks| marks.bitten(now));
    }

    /// Where the walks of the next few shards continue, in turn.
    pub(super) fn next(&mut self, now: Instant) -> Vec<Place> {
        self.places(now, |queue| queue.marks.next())
    }

    /// Where the walks of all other shards continue than those that were read.
    pub(super) fn others(&mut self, read: &Asked, now: Instant) -> Vec<Place> {
        self.places(now, |queue| queue.marks.others(of(read, queue.schedule_id)))
    }

    /// Keeps of `found` the `room` earliest deadlines, and moves the marks behind them: what is not kept is found
    /// again. `asked` says what was read at `read_at`.
    pub(super) fn take(
        &mut self,
        mut found: Vec<Due>,
        room: usize,
        asked: &Asked,
        read_at: DateTime<Utc>,
        now: Instant,
    ) -> Vec<Due> {
        let allowed: HashMap<i32, TimeDelta> =
            self.0.iter().map(|queue| (queue.schedule_id, queue.allowed)).collect();
        let deadline = |due: &Due| {
            let allowed = allowed.get(&due.schedule_id).copied().unwrap_or(TimeDelta::MAX);
            (due.at.checked_add_signed(allowed).unwrap_or(DateTime::<Utc>::MAX_UTC), due.at, due.monitor)
        };
        found.sort_unstable_by_key(deadline);
        let mut rooms: HashMap<i32, usize> = HashMap::new();
        for due in found.iter().take(room) {
            *rooms.entry(due.schedule_id).or_default() += 1;
        }
        let mut by_schedule: HashMap<i32, Vec<Due>> = HashMap::new();
        for due in found {
            by_schedule.entry(due.schedule_id).or_default().push(due);
        }
        let mut kept = Vec::with_capacity(room);
        for queue in &mut self.0 {
            let found = by_schedule.remove(&queue.schedule_id).unwrap_or_default();
            let asked = of(asked, queue.schedule_id);
            if !queue.is_own && found.is_empty() && asked.len() == queue.marks.count() {
                queue.quiet_until = Some(now + QUIET);
            }
            let room = rooms.get(&queue.schedule_id).copied().unwrap_or(0);
            kept.extend(queue.marks.take(found, room, asked, read_at));
        }
        kept.sort_unstable_by_key(deadline);
        kept
    }

    /// Of shards, those of which every schedule was read to its end: fewer rows were `found` than asked for.
    pub(super) fn read_to_end(&self, asked: &Asked, found: &[Due], now: Instant) -> HashSet<Shard> {
        let mut counts: HashMap<(i32, Shard), usize> = HashMap::new();
        for due in found {
            *counts.entry((due.schedule_id, due.monitor.shard())).or_default() += 1;
        }
        let is_through = |queue: &Queue, shard: Shard| {
            let found = counts.get(&(queue.schedule_id, shard)).copied().unwrap_or(0);
            of(asked, queue.schedule_id).get(&shard).is_some_and(|asked| found < *asked)
        };
        let mut shards: HashSet<Shard> = self.shards().into_iter().collect();
        for queue in self.0.iter().filter(|queue| queue.is_read(now)) {
            shards.retain(|shard| is_through(queue, *shard));
        }
        shards
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Marks> {
        self.0.iter_mut().map(|queue| &mut queue.marks)
    }

    fn places(&mut self, now: Instant, of: impl Fn(&mut Queue) -> Vec<(Shard, Mark)>) -> Vec<Place> {
        let mut places = Vec::new();
        for queue in self.0.iter_mut().filter(|queue| queue.is_read(now)) {
            let schedule_id = queue.schedule_id;
            places.extend(of(queue).into_iter().map(|(shard, mark)| (schedule_id, shard, mark)));
        }
        places
    }
}

impl Queue {
    fn is_read(&self, now: Instant) -> bool {
        self.quiet_until.is_none_or(|until| until <= now)
    }
}

/// What was asked of a schedule.
fn of(asked: &Asked, schedule_id: i32) -> &HashMap<Shard, usize> {
    static NOTHING: std::sync::LazyLock<HashMap<Shard, usize>> = std::sync::LazyLock::new(HashMap::new);
    asked.get(&schedule_id).unwrap_or(&NOTHING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{MonitorId, version_7};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn due(schedule_id: i32, shard: u8, second: i64) -> Due {
        let id = version_7(u64::try_from(second).unwrap(), [7; 10], Shard(shard));
        let monitor = MonitorId(id);
        Due {
            monitor,
            schedule_id,
            at: at(second),
            since: at(second),
            reason: None,
            slot: 0,
            wanted: 0,
            attempts: 0,
            last_digest: None,
        }
    }

    /// Schedule 1 has an objective of 100 seconds, schedule 2 one of 1000; both are the lane's own.
    fn queues(now: Instant) -> Queues {
        let mut queues = Queues::new(&Plan::default(), 1, Duration::from_secs(10), now);
        for (schedule_id, seconds) in [(1, 100), (2, 1000)] {
            let marks = Marks::new(Duration::from_secs(10), now);
            let allowed = TimeDelta::seconds(seconds);
            queues.0.push(Queue { schedule_id, allowed, is_own: true, quiet_until: None, marks });
        }
        let owned: Vec<Owned> =
            [0, 1].map(|shard| Owned { shard: Shard(shard), lease: 1, suspect: false }).into();
        queues.follow(&owned);
        queues
    }

    fn asked(each: usize) -> Asked {
        let shards = || [0, 1].map(|shard| (Shard(shard), each)).into_iter().collect();
        [(0, shards()), (1, shards()), (2, shards())].into_iter().collect()
    }

    #[test]
    fn the_earliest_deadlines_are_taken_and_what_is_left_is_found_again() {
        let now = Instant::now();
        let mut queues = queues(now);
        // By time 10, 20, 950, 1000; by deadline 1010, 1020, 1050, 1100.
        let found = vec![due(1, 0, 1000), due(2, 1, 10), due(1, 1, 950), due(2, 0, 20)];
        assert_eq!(
            queues.take(found.clone(), 3, &asked(1), at(5000), now),
            [due(2, 1, 10), due(2, 0, 20), due(1, 1, 950)]
        );
        let next: HashMap<(i32, Shard), i64> = queues
            .next(now)
            .into_iter()
            .map(|(schedule, shard, mark)| ((schedule, shard), mark.at.timestamp()))
            .collect();
        assert_eq!(next.get(&(1, Shard(0))), Some(&999), "just before what was left");
        assert_eq!((next.get(&(1, Shard(1))), next.get(&(2, Shard(0)))), (Some(&950), Some(&20)));
        // A later one of the short objective does not pass an early one of the long for ever.
        let found = vec![due(1, 0, 2000), due(2, 0, 1000)];
        assert_eq!(queues.take(found, 1, &asked(1), at(5000), now), [due(2, 0, 1000)]);
    }

    #[test]
    fn other_schedules_are_left_alone_for_a_while_when_nothing_of_them_is_there() {
        let now = Instant::now();
        let mut queues = queues(now);
        let schedules = |places: Vec<Place>| {
            let mut schedules: Vec<i32> = places.iter().map(|(schedule, _, _)| *schedule).collect();
            schedules.dedup();
            schedules
        };
        assert_eq!(schedules(queues.bite(&Asked::new(), now)), [0, 1, 2]);
        queues.take(vec![due(0, 1, 10)], 9, &asked(2), at(5000), now);
        assert_eq!(schedules(queues.next(now)), [0, 1, 2], "there was one");
        queues.take(Vec::new(), 9, &asked(2), at(5000), now);
        assert_eq!(schedules(queues.next(now)), [1, 2]);
        assert_eq!(schedules(queues.next(now + QUIET)), [0, 1, 2]);
    }

    #[test]
    fn a_run_that_was_given_up_is_found_again_in_whatever_queue_its_row_is_by_then() {
        let now = Instant::now();
        let mut queues = queues(now);
        queues.take(Vec::new(), 9, &asked(2), at(5000), now);
        let later = now + QUIET;
        let marks = |queues: &mut Queues| -> HashMap<(i32, u8), i64> {
            let places = queues.next(later).into_iter();
            places.map(|(schedule, shard, mark)| ((schedule, shard.0), mark.at.timestamp())).collect()
        };
        assert_eq!(marks(&mut queues).into_values().collect::<HashSet<_>>(), HashSet::from([4988]));
        let unnamed = due(0, 1, 1000);
        queues.give_back(&[GivenUp { monitor: unnamed.monitor, at: unnamed.at }]);
        let marks = marks(&mut queues);
        for schedule in [0, 1, 2] {
            assert_eq!((marks[&(schedule, 0)], marks[&(schedule, 1)]), (4988, 999), "{schedule}");
        }
    }

    #[test]
    fn a_shard_is_read_to_its_end_when_every_schedule_of_it_is() {
        let now = Instant::now();
        let queues = queues(now);
        let found = [due(1, 0, 1), due(1, 0, 2), due(2, 1, 1)];
        assert_eq!(queues.read_to_end(&asked(2), &found, now), HashSet::from([Shard(1)]));
        let mut some = asked(3);
        some.remove(&2);
        assert!(queues.read_to_end(&some, &found, now).is_empty());
    }
}

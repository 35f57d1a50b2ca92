//! Where the walk of each shard stands.
//!
//! A walk continues where it stopped, so index entries that runs left dead are not read again. Two
//! things bring it back. Every so often all shards step back by the longest write transaction, since a
//! row may be committed that late with an earlier time; and each time one shard after the other starts
//! from the beginning, which repairs whatever was missed, at a bounded cost.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    domain::id::Shard,
    store::due::{Due, Mark},
};

use super::fleet::Owned;

/// How often shards step back.
const STEP_BACK_EVERY: Duration = Duration::from_secs(1);

/// The marks of one lane, on the shards that this process dispatches.
pub(super) struct Marks {
    places: Vec<(Shard, Mark)>,
    /// The lease under which each place was begun.
    leases: HashMap<Shard, u64>,
    trail: Duration,
    stepped_back_at: Instant,
    repaired: u8,
    next: usize,
}

/// How many shards a walk reads first.
const WINDOW: usize = 32;

impl Marks {
    /// On no shard yet. `longest_write` is the longest write transaction.
    pub(super) fn new(longest_write: Duration, now: Instant) -> Self {
        Self {
            places: Vec::new(),
            leases: HashMap::new(),
            trail: longest_write + STEP_BACK_EVERY * 2,
            stepped_back_at: now,
            repaired: 0,
            next: 0,
        }
    }

    /// Follows the leases: a shard that was leased anew starts from its beginning.
    pub(super) fn follow(&mut self, owned: &[Owned]) {
        let unchanged = owned.len() == self.places.len()
            && owned.iter().all(|one| self.leases.get(&one.shard) == Some(&one.lease));
        if unchanged {
            return;
        }
        let stands: HashMap<Shard, Mark> = self
            .places
            .iter()
            .filter(|(shard, _)| {
                owned.iter().any(|one| one.shard == *shard && self.leases.get(shard) == Some(&one.lease))
            })
            .copied()
            .collect();
        let place = |one: &Owned| (one.shard, stands.get(&one.shard).copied().unwrap_or(Mark::START));
        self.places = owned.iter().map(place).collect();
        self.leases = owned.iter().map(|one| (one.shard, one.lease)).collect();
    }

    /// The shards.
    pub(super) fn shards(&self) -> Vec<Shard> {
        self.places.iter().map(|(shard, _)| *shard).collect()
    }

    /// Where the walks of the next few shards continue, in turn: while there is a backlog they fill a
    /// batch, and reading from all shards would cost more than the batch.
    pub(super) fn next(&mut self) -> Vec<(Shard, Mark)> {
        let window: Vec<(Shard, Mark)> =
            self.places.iter().cycle().skip(self.next).take(WINDOW.min(self.places.len())).copied().collect();
        self.next = (self.next + WINDOW) % self.places.len().max(1);
        window
    }

    /// Where the walks of all other shards continue.
    pub(super) fn others(&self, window: &[(Shard, Mark)]) -> Vec<(Shard, Mark)> {
        let is_other = |place: &&(Shard, Mark)| !window.iter().any(|(shard, _)| *shard == place.0);
        self.places.iter().filter(is_other).copied().collect()
    }

    /// Starts every shard from the beginning: after a failure, what was taken may not have been started.
    pub(super) fn restart(&mut self) {
        for (_, mark) in &mut self.places {
            *mark = Mark::START;
        }
    }

    /// Steps back if it is time to.
    pub(super) fn step_back(&mut self, database_now: DateTime<Utc>, now: Instant) {
        if now.duration_since(self.stepped_back_at) < STEP_BACK_EVERY {
            return;
        }
        self.stepped_back_at = now;
        let trailing = Mark { at: database_now - self.trail, monitor: Uuid::nil() };
        for (shard, mark) in &mut self.places {
            *mark = if shard.0 == self.repaired { Mark::START } else { (*mark).min(trailing) };
        }
        self.repaired = self.repaired.wrapping_add(1);
    }

    /// Keeps of `found` the earliest `room`, and moves each shard's mark behind the last that is kept
    /// of it: what is not kept is found again.
    pub(super) fn take(&mut self, mut found: Vec<Due>, room: usize) -> Vec<Due> {
        found.sort_unstable_by_key(|due| (due.at, due.monitor));
        found.truncate(room);
        let mut last: HashMap<Shard, Mark> = HashMap::new();
        for due in &found {
            last.insert(due.monitor.shard(), Mark { at: due.at, monitor: due.monitor.0 });
        }
        for (shard, mark) in &mut self.places {
            if let Some(last) = last.get(shard) {
                *mark = *last;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{MonitorId, version_7};

    fn owned(lease: u64) -> Vec<Owned> {
        Shard::all().map(|shard| Owned { shard, lease, suspect: false }).collect()
    }

    fn marks(now: Instant) -> Marks {
        let mut marks = Marks::new(Duration::from_secs(10), now);
        marks.follow(&owned(1));
        marks
    }

    #[test]
    fn a_shard_leased_anew_starts_over_and_one_that_is_kept_goes_on() {
        let mut marks = marks(Instant::now());
        marks.take(vec![due(1, 30), due(2, 10)], 9);
        let mut next = owned(1);
        next.retain(|one| one.shard.0 < 3);
        next[1].lease = 2;
        marks.follow(&next);
        let seconds: Vec<i64> = marks.places.iter().map(|(_, mark)| mark.at.timestamp()).collect();
        assert_eq!(seconds, [0, 0, 10]);
        assert_eq!((marks.next().len(), marks.next().len()), (3, 3));
    }

    fn due(shard: u8, second: i64) -> Due {
        let id = version_7(u64::try_from(second).unwrap(), [7; 10], Shard(shard));
        Due {
            monitor: MonitorId(id),
            at: DateTime::from_timestamp(second, 0).unwrap(),
            slot: 0,
            wanted: 0,
            attempts: 0,
            last_digest: None,
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_found_again() {
        let mut marks = marks(Instant::now());
        let kept = marks.take(vec![due(1, 30), due(2, 10), due(1, 20), due(3, 40)], 2);
        assert_eq!(kept, [due(2, 10), due(1, 20)]);
        let mark = |shard: usize| marks.places[shard].1.at.timestamp();
        assert_eq!((mark(1), mark(2), mark(3)), (20, 10, 0));
    }

    #[test]
    fn marks_step_back_once_a_second_and_one_shard_after_the_other_starts_over() {
        let start = Instant::now();
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let mut marks = marks(start);
        marks.take(vec![due(0, 999), due(1, 999), due(2, 900)], 9);
        marks.step_back(now, start + Duration::from_millis(999));
        assert_eq!(marks.places[1].1.at.timestamp(), 999);
        marks.step_back(now, start + Duration::from_secs(1));
        let mark = |marks: &Marks, shard: usize| marks.places[shard].1.at.timestamp();
        assert_eq!((mark(&marks, 0), mark(&marks, 1), mark(&marks, 2)), (0, 988, 900));
        marks.step_back(now, start + Duration::from_secs(2));
        assert_eq!(mark(&marks, 1), 0);
    }

    #[test]
    fn windows_take_turns_and_each_leaves_the_others() {
        let mut marks = marks(Instant::now());
        let mut seen = std::collections::HashSet::new();
        for _ in 0..Shard::COUNT / WINDOW {
            let window = marks.next();
            assert_eq!((window.len(), marks.others(&window).len()), (WINDOW, Shard::COUNT - WINDOW));
            seen.extend(window.into_iter().map(|(shard, _)| shard));
        }
        assert_eq!(seen.len(), Shard::COUNT);
        assert_eq!(marks.next()[0].0, Shard(0));
    }
}

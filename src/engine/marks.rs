//! Where the walk of each shard stands, in the due rows of one schedule.
//!
//! A walk continues where it stopped, so index entries that runs left dead are not read again. Three things
//! bring it back. Every so often all shards step back by the longest write transaction, since a row may be
//! committed that late with an earlier time. Each time one shard after the other starts from the beginning,
//! which repairs whatever was missed, at a bounded cost. And a run that was given up is found again where it
//! stood.
//!
//! A walk from the beginning passes every dead entry of its shard, and there may be millions of them while
//! somebody's old transaction keeps vacuum away. So those that start over are read a few shards at a time,
//! fewer when that takes long; the place that each has reached is kept, whatever becomes of the others.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    domain::id::Shard,
    store::due::{Due, Mark},
};

use super::{fleet::Owned, in_flight::GivenUp};

/// How often shards step back.
const STEP_BACK_EVERY: Duration = Duration::from_secs(1);

/// How many shards a walk reads first, and how many of those that start over it reads together at most.
pub(super) const WINDOW: usize = 32;

/// A reading of shards that start over is to take about so long: the next one is smaller when it took longer.
const BITE: Duration = Duration::from_secs(1);

/// By how much a reading that took too long is made smaller.
const SMALLER: usize = 8;

/// How long shards that start over are left alone when reading even one of them failed: twice as long each time.
const REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_mins(5);

/// The marks of one lane and schedule, on the shards that this process dispatches.
pub(super) struct Marks {
    places: Vec<(Shard, Mark)>,
    /// The lease under which each place was begun.
    leases: HashMap<Shard, u64>,
    trail: Duration,
    stepped_back_at: Instant,
    /// How far the shards last stepped back.
    stepped_back_to: Mark,
    repaired: u8,
    next: usize,
    /// Where the shards stood before what is taken now, which may not be started.
    before: Option<Vec<(Shard, Mark)>>,
    /// How many shards that start over are read together.
    bite: usize,
    /// Where among the places the next bite begins.
    bite_from: usize,
    /// A bite is being read: since when, and the last shard of it.
    biting: Option<(Instant, Shard)>,
    /// None is read before this time, and for how long the next rest is.
    rests_until: Option<Instant>,
    rest: Duration,
}

impl Marks {
    /// On no shard yet. `longest_write` is the longest write transaction.
    pub(super) fn new(longest_write: Duration, now: Instant) -> Self {
        Self {
            places: Vec::new(),
            leases: HashMap::new(),
            trail: longest_write + STEP_BACK_EVERY * 2,
            stepped_back_at: now,
            stepped_back_to: Mark::START,
            repaired: 0,
            next: 0,
            before: None,
            bite: WINDOW,
            bite_from: 0,
            biting: None,
            rests_until: None,
            rest: REST,
        }
    }

    /// Follows the leases: a shard that was leased anew starts from its beginning. Returns whether the leases changed.
    pub(super) fn follow(&mut self, owned: &[Owned]) -> bool {
        self.before = None;
        let unchanged = owned.len() == self.places.len()
            && owned.iter().all(|one| self.leases.get(&one.shard) == Some(&one.lease));
        if unchanged {
            return false;
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
        true
    }

    /// The shards.
    pub(super) fn shards(&self) -> Vec<Shard> {
        self.places.iter().map(|(shard, _)| *shard).collect()
    }

    /// How many shards there are.
    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    /// The next few shards that start over, but those that were `read`; none when there are no others, or when
    /// they are left alone for now. That the reading came to its end is to be [told](Self::bitten).
    pub(super) fn bite(&mut self, read: &HashMap<Shard, usize>, now: Instant) -> Vec<(Shard, Mark)> {
        let bite = self.starting(read, now, self.bite);
        self.biting = bite.last().map(|(shard, _)| (now, *shard));
        bite
    }

    /// Whether there are shards that start over and can be read, but those that were `read`.
    pub(super) fn has_bite(&self, read: &HashMap<Shard, usize>, now: Instant) -> bool {
        !self.starting(read, now, 1).is_empty()
    }

    /// The reading of a bite came to its end.
    pub(super) fn bitten(&mut self, now: Instant) {
        let Some((since, _)) = self.biting.take() else { return };
        let took = now.saturating_duration_since(since);
        if took > BITE {
            self.bite = (self.bite / SMALLER).max(1);
        } else if took < BITE / 8 {
            self.bite = (self.bite * 2).min(WINDOW);
        }
        self.rest = REST;
    }

    fn starting(&self, read: &HashMap<Shard, usize>, now: Instant, most: usize) -> Vec<(Shard, Mark)> {
        if self.rests_until.is_some_and(|until| now < until) {
            return Vec::new();
        }
        let all = self.places.iter().cycle().skip(self.bite_from).take(self.places.len());
        let starting = all.filter(|(shard, mark)| *mark == Mark::START && !read.contains_key(shard));
        starting.take(most).copied().collect()
    }

    /// Where the walks of the next few shards continue, in turn: while there is a backlog they fill a
    /// batch, and reading from all shards would cost more than the batch.
    pub(super) fn next(&mut self) -> Vec<(Shard, Mark)> {
        let count = self.places.len();
        let all = self.places.iter().cycle().skip(self.next).take(WINDOW.min(count));
        let window = all.filter(|(_, mark)| *mark != Mark::START).copied().collect();
        self.next = (self.next + WINDOW) % count.max(1);
        window
    }

    /// Where the walks of all other shards continue than those that were `read`.
    pub(super) fn others(&self, read: &HashMap<Shard, usize>) -> Vec<(Shard, Mark)> {
        let others =
            self.places.iter().filter(|(shard, mark)| *mark != Mark::START && !read.contains_key(shard));
        others.copied().collect()
    }

    /// Starts every shard from the beginning: more was passed over than anybody knows.
    pub(super) fn restart(&mut self) {
        for (_, mark) in &mut self.places {
            *mark = Mark::START;
        }
    }

    /// Goes back to where a turn began that failed: what it took may not have been started. And further, as it
    /// last stepped back: the time in which others commit stood still with the database. It was `too_long`, or
    /// failed otherwise.
    pub(super) fn recover(&mut self, now: Instant, too_long: bool) {
        if let Some(before) = self.before.take() {
            self.places = before;
        }
        for (_, mark) in &mut self.places {
            *mark = (*mark).min(self.stepped_back_to);
        }
        let Some((_, last)) = self.biting.take().filter(|_| too_long) else { return };
        if self.bite == 1 {
            // One alone is too much: the others come first, and what does not start over comes between.
            self.rests_until = Some(now + self.rest);
            self.rest = (self.rest * 2).min(LONGEST_REST);
            self.bite_from = self.places.iter().position(|(shard, _)| *shard == last).map_or(0, |at| at + 1);
        }
        self.bite = (self.bite / SMALLER).max(1);
    }

    /// Goes back to before runs that were given up.
    pub(super) fn give_back(&mut self, given_up: &[GivenUp]) {
        for run in given_up {
            let (shard, before) = (run.monitor.shard(), just_before(run.at));
            for (_, mark) in self.places.iter_mut().filter(|(one, _)| *one == shard) {
                *mark = (*mark).min(before);
            }
        }
    }

    /// Steps back if it is time to.
    pub(super) fn step_back(&mut self, database_now: DateTime<Utc>, now: Instant) {
        if now.duration_since(self.stepped_back_at) < STEP_BACK_EVERY {
            return;
        }
        self.stepped_back_at = now;
        let trailing = self.trailing(database_now);
        self.stepped_back_to = trailing;
        for (shard, mark) in &mut self.places {
            *mark = if shard.0 == self.repaired { Mark::START } else { (*mark).min(trailing) };
        }
        self.repaired = self.repaired.wrapping_add(1);
    }

    /// Keeps of `found` the earliest `room`, and moves each shard's mark behind the last that is kept
    /// of it: what is not kept is found again. Of each shard at most `asked` were read at `read_at`. The mark
    /// passes what was not there, too: all before the first that is left, or, where fewer were found than asked
    /// for, all before the time at which others may still commit.
    pub(super) fn take(
        &mut self,
        mut found: Vec<Due>,
        room: usize,
        asked: &HashMap<Shard, usize>,
        read_at: DateTime<Utc>,
    ) -> Vec<Due> {
        self.before = Some(self.places.clone());
        let mut counts: HashMap<Shard, usize> = HashMap::new();
        for due in &found {
            *counts.entry(due.monitor.shard()).or_default() += 1;
        }
        found.sort_unstable_by_key(|due| (due.at, due.monitor));
        let left = found.split_off(room.min(found.len()));
        let mut last: HashMap<Shard, Mark> = HashMap::new();
        for due in &found {
            last.insert(due.monitor.shard(), Mark { at: due.at, monitor: due.monitor.0 });
        }
        let mut first_left: HashMap<Shard, Mark> = HashMap::new();
        for due in &left {
            first_left.entry(due.monitor.shard()).or_insert(just_before(due.at));
        }
        let trailing = self.trailing(read_at);
        for (shard, mark) in &mut self.places {
            if let Some(last) = last.get(shard) {
                *mark = *last;
            }
            let Some(asked) = asked.get(shard) else { continue };
            let is_all = counts.get(shard).is_none_or(|count| count < asked);
            match first_left.get(shard) {
                Some(left) => *mark = (*mark).max(trailing.min(*left)),
                None if is_all => *mark = (*mark).max(trailing),
                None => {}
            }
        }
        found
    }

    fn trailing(&self, database_now: DateTime<Utc>) -> Mark {
        Mark { at: database_now - self.trail, monitor: Uuid::nil() }
    }
}

/// After everything that is due earlier, before what is due at this time.
fn just_before(at: DateTime<Utc>) -> Mark {
    Mark { at: at - TimeDelta::microseconds(1), monitor: Uuid::max() }
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
        take(&mut marks, vec![due(1, 30), due(2, 10)], 9);
        let mut next = owned(1);
        next.retain(|one| one.shard.0 < 3);
        next[1].lease = 2;
        marks.follow(&next);
        let seconds: Vec<i64> = marks.places.iter().map(|(_, mark)| mark.at.timestamp()).collect();
        assert_eq!(seconds, [0, 0, 10]);
        let starting = marks.bite(&HashMap::new(), Instant::now());
        assert_eq!((starting.len(), marks.next().len(), marks.next().len()), (2, 1, 1));
    }

    fn due(shard: u8, second: i64) -> Due {
        let id = version_7(u64::try_from(second).unwrap(), [7; 10], Shard(shard));
        Due {
            monitor: MonitorId(id),
            schedule_id: 1,
            at: DateTime::from_timestamp(second, 0).unwrap(),
            since: DateTime::from_timestamp(second, 0).unwrap(),
            reason: None,
            slot: 0,
            wanted: 0,
            attempts: 0,
            last_digest: None,
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_found_again() {
        let mut marks = marks(Instant::now());
        let kept = take(&mut marks, vec![due(1, 30), due(2, 10), due(1, 20), due(3, 40)], 2);
        assert_eq!(kept, [due(2, 10), due(1, 20)]);
        let mark = |shard: usize| marks.places[shard].1.at.timestamp();
        assert_eq!((mark(1), mark(2), mark(3)), (20, 10, 0));
    }

    #[test]
    fn marks_step_back_once_a_second_and_one_shard_after_the_other_starts_over() {
        let start = Instant::now();
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let mut marks = marks(start);
        take(&mut marks, vec![due(0, 999), due(1, 999), due(2, 900)], 9);
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
        begin_all(&mut marks);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..Shard::COUNT / WINDOW {
            let window = marks.next();
            let read = window.iter().map(|(shard, _)| (*shard, 1)).collect();
            assert_eq!((window.len(), marks.others(&read).len()), (WINDOW, Shard::COUNT - WINDOW));
            seen.extend(window.into_iter().map(|(shard, _)| shard));
        }
        assert_eq!(seen.len(), Shard::COUNT);
        assert_eq!(marks.next()[0].0, Shard(0));
    }

    /// Takes what was found, where there may be more.
    fn take(marks: &mut Marks, found: Vec<Due>, room: usize) -> Vec<Due> {
        marks.take(found, room, &HashMap::new(), at(0))
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn asked(shards: impl IntoIterator<Item = u8>, each: usize) -> HashMap<Shard, usize> {
        shards.into_iter().map(|shard| (Shard(shard), each)).collect()
    }

    fn begin_all(marks: &mut Marks) {
        marks.take(Vec::new(), 9, &asked(0..=255, 1), at(1_000));
    }

    fn second_of(marks: &Marks, shard: usize) -> i64 {
        marks.places[shard].1.at.timestamp()
    }

    #[test]
    fn a_shard_that_was_read_to_its_end_starts_over_no_more_and_passes_nothing_that_was_left() {
        let mut marks = marks(Instant::now());
        let mut asked_for = asked(0..=2, 2);
        asked_for.extend(asked(4..=4, 1));
        let found = vec![due(1, 500), due(2, 600), due(3, 700), due(4, 800)];
        assert_eq!(marks.take(found, 1, &asked_for, at(1_000)), [due(1, 500)]);
        assert_eq!(
            (second_of(&marks, 0), second_of(&marks, 1)),
            (988, 988),
            "as late as somebody may commit"
        );
        assert!(marks.places[2].1 < Mark { at: at(600), monitor: due(2, 600).monitor.0 });
        assert_eq!(second_of(&marks, 2), 599, "there was no room for it");
        assert_eq!(marks.places[3].1, Mark::START, "it was not asked");
        assert_eq!(second_of(&marks, 4), 799, "there may be more, but not before");
    }

    #[test]
    fn shards_that_start_over_are_read_in_ever_smaller_bites_when_that_fails_and_what_was_reached_is_kept() {
        let start = Instant::now();
        let mut marks = marks(start);
        let nothing = HashMap::new();
        marks.take(Vec::new(), 9, &asked(200..=255, 1), at(1_000));
        marks.follow(&owned(1));
        let reached = marks.places.clone();
        let mut bites = Vec::new();
        for _ in 0..3 {
            assert!(marks.has_bite(&nothing, start));
            bites.push(marks.bite(&nothing, start).len());
            marks.stepped_back_to = Mark { at: at(988), monitor: Uuid::nil() };
            marks.recover(start, true);
            assert_eq!(marks.places, reached);
        }
        assert_eq!(bites, [32, 4, 1]);
        // Even the first alone was too much: it lets the others go first, after a while.
        assert!(!marks.has_bite(&nothing, start));
        let later = start + REST;
        let bite = marks.bite(&nothing, later);
        assert_eq!(bite, [(Shard(1), Mark::START)]);
        marks.bitten(later + BITE / 16);
        let read = asked(1..=1, 1);
        marks.take(Vec::new(), 9, &read, at(1_000));
        assert_eq!(second_of(&marks, 1), 988);
        let bite = marks.bite(&read, later);
        assert_eq!(bite, [(Shard(2), Mark::START), (Shard(3), Mark::START)], "it was quick");
        marks.bitten(later + BITE * 2);
        assert_eq!(marks.bite(&read, later).len(), 1, "it was slow");
    }

    #[test]
    fn a_failed_turn_goes_back_to_where_it_began_and_a_run_given_up_is_found_again() {
        let start = Instant::now();
        let mut marks = marks(start);
        marks.step_back(at(1_000), start + STEP_BACK_EVERY);
        let all =
            |marks: &mut Marks, second| marks.take(vec![due(1, second)], 9, &asked(0..=255, 2), at(2_000));
        all(&mut marks, 980);
        marks.follow(&owned(1));
        all(&mut marks, 1_990);
        marks.recover(start, true);
        assert_eq!(second_of(&marks, 1), 988, "no further than others may have committed since");
        marks.follow(&owned(1));
        all(&mut marks, 1_990);
        marks.give_back(&[GivenUp { monitor: due(1, 400).monitor, at: at(400) }]);
        assert!(marks.places[1].1 < Mark { at: at(400), monitor: due(1, 400).monitor.0 });
        assert_eq!((second_of(&marks, 1), second_of(&marks, 2)), (399, 1_988));
    }
}

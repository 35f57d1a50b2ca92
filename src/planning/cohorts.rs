//! The monitors of one schedule, in cohorts by their place in the spread, and the queue of those that wait.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Load,
    numbers::{Spread, number, of_place, place},
};

/// The most cohorts of a schedule.
const MOST: usize = 131_072;

/// Less than this is nothing: monitors are parted like a fluid.
pub(super) const NOTHING: f64 = 1e-6;

/// Monitors that wait.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    /// When they were due, in seconds after the plan's beginning.
    due: f64,
    /// Their cohort; none for those that do not run by the cadence yet, which are of all cohorts alike.
    cohort: Option<usize>,
    count: f64,
}

/// What is served next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Front {
    /// When it was due, in seconds after the plan's beginning.
    pub(super) due: f64,
    /// By when it should be made.
    pub(super) deadline: f64,
    pub(super) count: f64,
}

/// The monitors of one schedule.
pub(super) struct Cohorts<'a> {
    pub(super) load: &'a Load,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    /// In seconds.
    spread: f64,
    /// Monitors that run by the cadence, in each cohort.
    size: f64,
    /// Those of each cohort that wait.
    waits: Vec<f64>,
    queue: VecDeque<Waiting>,
    /// Slots whose spread is not over, in seconds after the plan's beginning.
    open: VecDeque<f64>,
    next_slot: DateTime<Utc>,
    /// Monitors that are due from an hour's beginning on, evenly over it: beginning, count.
    placed: VecDeque<(f64, f64)>,
    new: f64,
    pub(super) due: f64,
    pub(super) done: f64,
    pub(super) skipped: f64,
    pub(super) waiting: f64,
    pub(super) lateness: Spread,
}

impl<'a> Cohorts<'a> {
    /// As they stand at `from`. `step` is in seconds.
    pub(super) fn new(load: &'a Load, from: DateTime<Utc>, until: DateTime<Utc>, step: f64) -> Self {
        let spread = load.cadence.spread().as_secs_f64();
        let count = place((spread / step).ceil()).clamp(1, MOST);
        let seconds = |at: DateTime<Utc>| (at - from).as_seconds_f64();
        let mut batches = load.placed.clone();
        batches.sort_unstable_by_key(|batch| batch.at);
        let mut queue = VecDeque::new();
        let mut placed = VecDeque::new();
        for batch in batches {
            if seconds(batch.at) < 0.0 {
                // In the middle of their hour, but not in the plan.
                let due = (seconds(batch.at) + 1800.0).min(0.0);
                queue.push_back(Waiting { due, cohort: None, count: number(batch.count) });
            } else {
                placed.push_back((seconds(batch.at), number(batch.count)));
            }
        }
        let waiting: f64 = queue.iter().map(|one| one.count).sum();
        let back = TimeDelta::from_std(load.cadence.spread()).unwrap_or(TimeDelta::zero());
        let back = back + TimeDelta::milliseconds(1);
        let first = from.checked_sub_signed(back).unwrap_or(DateTime::<Utc>::MIN_UTC);
        Self {
            load,
            from,
            until,
            spread,
            size: number(load.routine) / of_place(count),
            waits: vec![0.0; count],
            queue,
            open: VecDeque::new(),
            next_slot: load.cadence.next_slot(first),
            placed,
            new: number(load.new),
            due: waiting,
            done: 0.0,
            skipped: 0.0,
            waiting,
            lateness: Spread::default(),
        }
    }

    /// Takes in what falls due from `begin` to `end`. Returns how much that is.
    pub(super) fn arrive(&mut self, begin: f64, end: f64) -> f64 {
        while self.next_slot < self.until && (self.next_slot - self.from).as_seconds_f64() < end {
            self.open.push_back((self.next_slot - self.from).as_seconds_f64());
            self.next_slot = self.load.cadence.next_slot(self.next_slot);
        }
        let count = of_place(self.waits.len());
        let width = self.spread / count;
        let slots = std::mem::take(&mut self.open);
        let mut came = 0.0;
        for slot in &slots {
            // Each cohort stands for the middle of its places.
            let first = |time: f64| {
                if width > 0.0 {
                    place(((time - slot) / width - 0.5).ceil().min(count))
                } else {
                    usize::from(*slot < time)
                }
            };
            for cohort in first(begin)..first(end) {
                let Some(waits) = self.waits.get_mut(cohort) else { break };
                self.skipped += *waits;
                let come = self.size - *waits;
                if come > NOTHING {
                    *waits += come;
                    let due = slot + width * (of_place(cohort) + 0.5);
                    self.queue.push_back(Waiting { due, cohort: Some(cohort), count: come });
                    came += come;
                }
            }
        }
        self.open = slots.into_iter().filter(|slot| slot + self.spread >= end).collect();
        let first = self.first(begin, end);
        if first > NOTHING {
            self.queue.push_back(Waiting { due: f64::midpoint(begin, end), cohort: None, count: first });
        }
        self.due += came + first;
        self.waiting += came + first;
        came + first
    }

    /// How many first runs fall due.
    fn first(&mut self, begin: f64, end: f64) -> f64 {
        const HOUR: f64 = 3600.0;
        let mut first = (self.load.backfill_per_second * (end - begin)).min(self.new);
        self.new -= first;
        for (at, count) in &self.placed {
            let overlap = (end.min(at + HOUR) - begin.max(*at)).max(0.0);
            first += count * overlap / HOUR;
        }
        while self.placed.front().is_some_and(|(at, _)| at + HOUR <= end) {
            self.placed.pop_front();
        }
        first
    }

    /// What waits longest.
    pub(super) fn front(&self) -> Option<Front> {
        let allowed = self.load.allowed().as_secs_f64();
        self.queue.front().map(|one| Front { due: one.due, deadline: one.due + allowed, count: one.count })
    }

    /// Serves so much of what waits longest, so many seconds late.
    pub(super) fn serve(&mut self, count: f64, late: f64) {
        let Some(front) = self.queue.front_mut() else { return };
        front.count -= count;
        match front.cohort {
            Some(cohort) => {
                if let Some(waits) = self.waits.get_mut(cohort) {
                    *waits = (*waits - count).max(0.0);
                }
            }
            None => self.size += count / of_place(self.waits.len()),
        }
        if front.count <= NOTHING {
            self.queue.pop_front();
        }
        self.done += count;
        self.waiting = (self.waiting - count).max(0.0);
        self.lateness.add(late, count);
    }

    /// How long what waits longest has been waiting at a time.
    pub(super) fn age(&self, at: f64) -> f64 {
        self.queue.front().map_or(0.0, |front| (at - front.due).max(0.0))
    }

    /// The end: what still waits is late as far as that is known.
    pub(super) fn end(&mut self, at: f64) {
        for one in std::mem::take(&mut self.queue) {
            self.lateness.add((at - one.due).max(0.0), one.count);
        }
    }
}

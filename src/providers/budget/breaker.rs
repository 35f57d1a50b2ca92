//! When a provider counts as failing: what this process saw of it lately.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// How far back calls are looked at.
const WINDOW: Duration = Duration::from_secs(10);

/// The fewest calls from which anything follows.
const FEWEST: u32 = 5;

/// Calls that end within the same slice are counted together.
const SLICE: Duration = Duration::from_millis(500);

/// So many slices are looked at: those of the window.
const SLICES: usize = 20;

/// Calls and failed calls of the last ten seconds.
#[derive(Debug)]
pub(super) struct Failures {
    slices: VecDeque<(Instant, u32, u32)>,
    window: Duration,
}

impl Failures {
    /// None yet. Each call stands for so many, which would have come in the time between two: the window is as much
    /// longer.
    pub(super) fn new(stands_for: f64) -> Self {
        Self { slices: VecDeque::new(), window: WINDOW.mul_f64(stands_for) }
    }

    /// Counts a call that ended; says whether at least half of the recent calls failed, and they are enough.
    pub(super) fn observe(&mut self, failed: bool, now: Instant) -> bool {
        let is_over =
            |(began, ..): &(Instant, u32, u32)| now.saturating_duration_since(*began) >= self.window;
        while self.slices.len() > SLICES || self.slices.front().is_some_and(is_over) {
            self.slices.pop_front();
        }
        match self.slices.back_mut() {
            Some((began, calls, failures)) if now.saturating_duration_since(*began) < SLICE => {
                *calls += 1;
                *failures += u32::from(failed);
            }
            _ => self.slices.push_back((now, 1, u32::from(failed))),
        }
        let (calls, failures) =
            self.slices.iter().fold((0, 0), |(calls, failures), slice| (calls + slice.1, failures + slice.2));
        failed && calls >= FEWEST && failures * 2 >= calls
    }

    /// Begins anew.
    pub(super) fn forget(&mut self) {
        self.slices.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn five_calls_of_which_half_failed_within_ten_seconds_are_too_many() {
        let mut failures = Failures::new(1.0);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!failures.observe(true, at(0)));
        assert!(!failures.observe(true, at(1)));
        assert!(!failures.observe(false, at(2)));
        assert!(!failures.observe(false, at(3)));
        assert!(failures.observe(true, at(4)), "three of five");
        assert!(!failures.observe(false, at(5)), "an answer is no reason");
        assert!(!failures.observe(true, at(13)), "four calls are left");
        failures.forget();
        for _ in 0..4 {
            assert!(!failures.observe(true, at(14)));
        }
        assert!(failures.observe(true, at(14)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_failures_among_many_answers_are_none() {
        let mut failures = Failures::new(1.0);
        let start = Instant::now();
        for number in 0..100 {
            let now = start + Duration::from_millis(number * 50);
            assert!(!failures.observe(number % 3 == 2, now), "{number}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_stand_for_many_are_looked_at_for_as_much_longer_and_no_more_of_them() {
        let mut failures = Failures::new(1000.0);
        let start = Instant::now();
        let minute = |number| start + Duration::from_mins(number);
        assert!((0..30).all(|number| !failures.observe(false, minute(number))));
        let opened = (30..60).find(|number| failures.observe(true, minute(*number)));
        assert!(opened.is_some_and(|number| (39..42).contains(&number)), "{opened:?}");
    }
}

//! How many runs a lane takes on, and how many of them are kept for routine work.

use std::time::Duration;

/// How long runs may wait for their calls: urgent work waits behind them.
const WAIT: Duration = Duration::from_millis(250);

/// How long a call is taken to last before any has been made.
const UNKNOWN: Duration = Duration::from_secs(1);

/// How many runs a lane takes on: those that may be under way at once, by concurrency and by rate, and as
/// many waiting as the provider answers within [`WAIT`]. What is loaded beyond that would only grow old.
pub(super) fn capacity(rate_per_second: Option<f64>, concurrency: u32, latency: Option<Duration>) -> u32 {
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

/// Of so many places urgent work leaves one to routine work: a flood must not starve it.
const SHARE: usize = 8;

/// What routine work has coming to it of the places that urgent work is given first.
#[derive(Debug, Default)]
pub(super) struct Routine {
    /// Places of which routine work has not had its share yet; as many at most as one is kept of.
    since: usize,
}

impl Routine {
    /// How many of the places of a turn are kept for routine work, of which so much waits. A turn may have
    /// fewer places than one is kept of: then it is every so many turns.
    pub(super) fn reserve(&mut self, places: usize, waiting: usize) -> usize {
        let all = self.since + places;
        let reserved = (all / SHARE).min(waiting).min(places);
        self.since = (all - reserved * SHARE).min(SHARE);
        reserved
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Routine, capacity};

    #[test]
    fn routine_work_has_an_eighth_of_the_places_also_where_turns_have_few() {
        let kept = |places: usize, turns: usize| -> usize {
            let mut routine = Routine::default();
            (0..turns).map(|_| routine.reserve(places, 100)).sum()
        };
        assert_eq!((kept(1, 80), kept(3, 80), kept(7, 80), kept(80, 2)), (10, 30, 70, 20));
        let mut routine = Routine::default();
        let one_by_one: Vec<usize> = (0..8).map(|_| routine.reserve(1, 1)).collect();
        assert_eq!(one_by_one, [0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(routine.reserve(80, 3), 3, "no more than waits");
        assert_eq!((routine.reserve(1, 0), routine.reserve(1, 5), routine.reserve(1, 5)), (0, 1, 0));
    }

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

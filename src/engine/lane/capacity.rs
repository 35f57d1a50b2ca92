//! How many runs a lane takes on.

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

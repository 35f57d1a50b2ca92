//! Time and randomness, so that a test can hold them still; and the machine with its cores.
//!
//! The clock of scheduling is the database's. [`SampledClock`] takes a sample of it now and then and
//! counts on from there by the machine's monotonic timer, so the host's wall clock decides nothing.

pub mod cores;
pub mod machine;
pub mod virtual_time;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> DateTime<Utc>;

    /// Takes a sample that the database told; a clock that does not go by the database ignores it.
    /// `asked_at` is when the question left.
    fn sample(&self, _told: DateTime<Utc>, _asked_at: Instant) {}
}

/// The database's time, sampled: the last sample and what the monotonic timer counted since.
#[derive(Debug)]
pub struct SampledClock {
    sample: Mutex<(DateTime<Utc>, Instant)>,
}

impl SampledClock {
    /// Starts from a time that the database just told.
    pub fn starting_at(told: DateTime<Utc>) -> Self {
        Self { sample: Mutex::new((told, Instant::now())) }
    }
}

impl Clock for SampledClock {
    fn now(&self) -> DateTime<Utc> {
        let sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        sample.0 + sample.1.elapsed()
    }

    fn sample(&self, told: DateTime<Utc>, asked_at: Instant) {
        let mut sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        // Time told by a slow answer lies behind what we counted: keep the later of the two,
        // unless the database's clock was itself set back by more than a second.
        let counted = sample.0 + sample.1.elapsed();
        let heard = told + asked_at.elapsed().min(Duration::from_millis(1));
        if heard > counted || counted - heard > TimeDelta::seconds(1) {
            *sample = (heard, Instant::now());
        }
    }
}

/// A clock that stands still until it is moved; for tests and simulation.
#[derive(Debug)]
pub struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    /// Stands at `now`.
    pub fn standing_at(now: DateTime<Utc>) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves time on.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The source of random bytes: a cryptographic generator, seeded by the system or by a test.
#[derive(Clone)]
pub struct Random(Arc<Mutex<StdRng>>);

impl Random {
    /// Seeded by the operating system.
    pub fn from_system() -> Self {
        Self(Arc::new(Mutex::new(rand::make_rng())))
    }

    /// Always the same sequence for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Fresh random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0_u8; N];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }

    /// A number from 0 up to, not including, 1.
    pub fn fraction(&self) -> f64 {
        let bits = u64::from_be_bytes(self.bytes()) >> 11;
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact in a double")]
        let fraction = bits as f64 / (1_u64 << 53) as f64;
        fraction
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_of_the_database_does_not_set_the_clock_back() {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let clock = SampledClock::starting_at(start);
        let before = clock.now();
        clock.sample(start - TimeDelta::milliseconds(900), Instant::now());
        assert!(clock.now() >= before);
    }

    #[test]
    fn a_database_clock_that_was_set_back_is_followed() {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let clock = SampledClock::starting_at(start);
        clock.sample(start - TimeDelta::hours(1), Instant::now());
        assert!(clock.now() < start - TimeDelta::minutes(59));
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        assert_eq!(Random::from_seed(7).bytes::<16>(), Random::from_seed(7).bytes::<16>());
    }
}

//! Time that passes only while nobody works: for simulations.
//!
//! tokio's clock can be stopped; it then jumps to the next timer whenever its runtime has nothing to do. A runtime
//! that waits for a database has nothing to do either, so whoever waits for something outside says so, and time stands
//! still for as long.

use std::{
    any::Any,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
};

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::Clock;

/// The time since a beginning, by tokio's clock.
#[derive(Clone, Copy, Debug)]
pub struct VirtualClock {
    start: DateTime<Utc>,
    began: Instant,
}

impl VirtualClock {
    /// Shows `start` now. To be called in the runtime whose time it tells.
    pub fn starting_at(start: DateTime<Utc>) -> Self {
        Self { start, began: Instant::now() }
    }

    /// When tokio's clock will have reached a time; its beginning for what lies before.
    pub fn instant(&self, at: DateTime<Utc>) -> Instant {
        self.began + (at - self.start).to_std().unwrap_or_default()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> DateTime<Utc> {
        self.start + self.began.elapsed()
    }
}

/// Holds a stopped clock still while anybody waits for something outside of the runtime.
#[derive(Clone, Debug, Default)]
pub struct Standstill(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    count: usize,
    /// Ends the blocking task during which tokio's clock does not jump.
    release: Option<mpsc::Sender<()>>,
}

impl Standstill {
    /// From now on time stands still, until what this returns is dropped. To be called in the runtime whose time it is.
    pub fn hold(&self) -> Box<dyn Any + Send + Sync> {
        let mut waiting = self.waiting();
        waiting.count += 1;
        if waiting.count == 1 {
            let (release, released) = mpsc::channel::<()>();
            waiting.release = Some(release);
            // Nothing is ever sent: it ends when the sender is dropped.
            drop(tokio::task::spawn_blocking(move || released.recv().is_err()));
        }
        Box::new(Held(self.clone()))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Held(Standstill);

impl Drop for Held {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.count -= 1;
        if waiting.count == 0 {
            waiting.release = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_jumps_from_timer_to_timer_and_stands_still_while_it_is_held() {
        let clock = VirtualClock::starting_at("2026-06-01T00:00:00Z".parse().unwrap());
        tokio::time::sleep(Duration::from_hours(24)).await;
        assert_eq!(clock.now().to_rfc3339(), "2026-06-02T00:00:00+00:00");

        let standstill = Standstill::default();
        let (one, other) = (standstill.hold(), standstill.hold());
        drop(one);
        let mut sleep = std::pin::pin!(tokio::time::sleep(Duration::from_millis(5)));
        let (told, heard) = tokio::sync::oneshot::channel();
        let outside = std::thread::spawn(move || told.send(()));
        tokio::select! {
            biased;
            heard = heard => heard.unwrap(),
            () = &mut sleep => {}
        }
        outside.join().unwrap().unwrap();
        assert_eq!(clock.now().to_rfc3339(), "2026-06-02T00:00:00+00:00");
        drop(other);
        sleep.await;
        assert_eq!(clock.now().to_rfc3339(), "2026-06-02T00:00:00.005+00:00");
    }
}

//! Whether the engine moves: what the overseer looks at from outside the runtime.
//!
//! Each part beats whenever its loop comes round, which by design is within seconds: a loop that waits
//! for room or for results wakes each second to say so, and whatever else it waits for has a deadline of
//! its own. A database that is away stops no loop. So a part that does not beat hangs.
//!
//! A provider's call has a deadline too, which cannot end one that holds its thread. Calls are therefore
//! noted, each with the time at which it should be over.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::domain::id::MonitorId;

/// How often a part beats while it waits.
const WHILE_WAITING: Duration = Duration::from_secs(1);

#[derive(Default)]
struct State {
    /// Counts both, so that each part and each call has a number of its own.
    last: u64,
    parts: BTreeMap<u64, (String, Arc<AtomicU64>)>,
    calls: BTreeMap<u64, (MonitorId, Instant)>,
}

/// What moves in the engine of one process.
#[derive(Clone, Default)]
pub struct Progress(Arc<Mutex<State>>);

impl Progress {
    /// A part begins, which beats from now on; it ends when the part is dropped.
    pub fn part(&self, name: impl Into<String>) -> Part {
        let mut state = self.state();
        state.last += 1;
        let (number, beats) = (state.last, Arc::default());
        state.parts.insert(number, (name.into(), Arc::clone(&beats)));
        Part { number, beats, progress: self.clone() }
    }

    /// A call begins that has `deadline`; it ends when what comes back is dropped.
    pub fn call(&self, monitor: MonitorId, deadline: Duration) -> Call {
        let over_at = Instant::now() + deadline;
        let mut state = self.state();
        state.last += 1;
        let number = state.last;
        state.calls.insert(number, (monitor, over_at));
        Call { number, progress: self.clone() }
    }

    /// Every part: its number, its name, how often it has beaten.
    pub fn beats(&self) -> Vec<(u64, String, u64)> {
        let state = self.state();
        let parts = state.parts.iter();
        parts.map(|(number, (name, beats))| (*number, name.clone(), beats.load(Ordering::Relaxed))).collect()
    }

    /// The calls that should have been over at `then`: each has a number of its own, the oldest is first.
    pub fn overdue(&self, then: Instant) -> Vec<(u64, MonitorId)> {
        let state = self.state();
        let overdue = state.calls.iter().filter(|(_, (_, over_at))| *over_at <= then);
        overdue.map(|(number, (monitor, _))| (*number, *monitor)).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of the engine that says that it moves.
pub struct Part {
    number: u64,
    beats: Arc<AtomicU64>,
    progress: Progress,
}

impl Part {
    /// The part's loop has come round.
    pub fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for what may take long, and beats meanwhile. Only for what has a deadline of its own, or
    /// may rightly take for ever.
    pub async fn waiting<W: Future>(&self, work: W) -> W::Output {
        let mut work = pin!(work);
        loop {
            self.beat();
            if let Ok(done) = tokio::time::timeout(WHILE_WAITING, &mut work).await {
                self.beat();
                return done;
            }
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.progress.state().parts.remove(&self.number);
    }
}

/// A provider's call under way.
pub struct Call {
    number: u64,
    progress: Progress,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.progress.state().calls.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn parts_and_calls_are_there_until_they_are_dropped() {
        let progress = Progress::default();
        let (one, other) = (progress.part("one"), progress.part("other"));
        one.beat();
        let beats: Vec<_> = progress.beats().into_iter().map(|(_, name, beats)| (name, beats)).collect();
        assert_eq!(beats, [("one".to_owned(), 1), ("other".to_owned(), 0)]);
        drop((one, other));
        assert!(progress.beats().is_empty());

        let monitor = MonitorId(Uuid::from_u128(1));
        let second = Duration::from_secs(1);
        let call = progress.call(monitor, second * 5);
        let now = Instant::now();
        assert!(progress.overdue(now + second * 4).is_empty());
        assert!(matches!(progress.overdue(now + second * 5)[..], [(_, found)] if found == monitor));
        drop(call);
        assert!(progress.overdue(now + second * 5).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_waits_beats_each_second() {
        let progress = Progress::default();
        let part = progress.part("one");
        part.waiting(tokio::time::sleep(Duration::from_secs(10))).await;
        assert!(part.beats.load(Ordering::Relaxed) >= 10);
    }
}

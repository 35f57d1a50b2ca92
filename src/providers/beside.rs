//! What is read of a server now and then, beside the calls: which version of its lists answers.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_util::task::TaskTracker;

/// How long what was read is taken to stand.
const EVERY: Duration = Duration::from_mins(10);

/// Something that is read beside the calls, as it was last read.
pub(super) struct Beside<T> {
    value: Mutex<Option<T>>,
    read_at: Mutex<Option<Instant>>,
    reading: AtomicBool,
    tasks: TaskTracker,
}

impl<T: Clone + Send + 'static> Beside<T> {
    /// Something that was not read yet.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            value: Mutex::default(),
            read_at: Mutex::default(),
            reading: AtomicBool::new(false),
            tasks: TaskTracker::new(),
        })
    }

    /// As it was last read; none before the first time.
    pub(super) fn value(&self) -> Option<T> {
        locked(&self.value).clone()
    }

    /// Has it read, if that is long ago; nobody waits for it. What cannot be read leaves what was there.
    pub(super) fn refresh<F>(self: &Arc<Self>, read: impl FnOnce() -> F)
    where
        F: Future<Output = Option<T>> + Send + 'static,
    {
        let read_at = *locked(&self.read_at);
        if read_at.is_some_and(|at| at.elapsed() < EVERY) || self.reading.swap(true, Ordering::AcqRel) {
            return;
        }
        let (shared, reading) = (Arc::clone(self), read());
        self.tasks.spawn(async move {
            let value = reading.await;
            *locked(&shared.read_at) = Some(Instant::now());
            if value.is_some() {
                *locked(&shared.value) = value;
            }
            shared.reading.store(false, Ordering::Release);
        });
    }
}

/// Whoever panicked left a whole value.
fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

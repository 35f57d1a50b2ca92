//! Which monitors have a run under way in this process.
//!
//! Nothing in the database says so: the due row stays as it is until the run is recorded. A walk would
//! therefore find the monitor again. It would also find it if it had read the due row just before the
//! recorder moved it; so a monitor that settled while a walk was being read is refused to that walk.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::fleet::Fleet;
use crate::{domain::id::MonitorId, store::due::Due};

#[derive(Default)]
struct State {
    running: HashSet<MonitorId>,
    /// Since the present walk began.
    settled: HashSet<MonitorId>,
    /// Runs that were given up: their due rows lie behind the marks.
    given_up: Vec<GivenUp>,
}

/// A run that was given up: its due row stands as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GivenUp {
    pub(super) monitor: MonitorId,
    /// When it was due.
    pub(super) at: DateTime<Utc>,
}

/// The monitors under way in one lane.
#[derive(Clone)]
pub(super) struct InFlight {
    state: Arc<Mutex<State>>,
    fleet: Fleet,
    emptied: Arc<Notify>,
}

impl InFlight {
    pub(super) fn new(fleet: Fleet) -> Self {
        Self { state: Arc::default(), fleet, emptied: Arc::default() }
    }

    /// A walk is about to read. One walk at a time.
    pub(super) fn begin_walk(&self) {
        // What settled before is recorded: whatever the walk reads of it is new.
        self.state().settled.clear();
    }

    /// Takes a monitor that the present walk found; none when it is under way, or settled while the
    /// walk read.
    pub(super) fn admit(&self, monitor: MonitorId) -> Option<Ticket> {
        let mut state = self.state();
        if state.settled.contains(&monitor) || !state.running.insert(monitor) {
            return None;
        }
        drop(state);
        self.fleet.began(monitor.shard());
        Some(Ticket { monitor, lane: self.clone() })
    }

    /// How many runs are under way.
    pub(super) fn count(&self) -> usize {
        self.state().running.len()
    }

    /// Comes when nothing is under way.
    pub(super) async fn is_empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            let mut emptied = std::pin::pin!(emptied);
            emptied.as_mut().enable();
            if self.state().running.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Notes that a run was given up.
    pub(super) fn give_up(&self, due: &Due) {
        self.state().given_up.push(GivenUp { monitor: due.monitor, at: due.at });
    }

    /// The runs that were given up since this was last asked.
    pub(super) fn take_given_up(&self) -> Vec<GivenUp> {
        std::mem::take(&mut self.state().given_up)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands for a monitor under way; dropped when its run is recorded, put off or lost.
pub(super) struct Ticket {
    monitor: MonitorId,
    lane: InFlight,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let is_empty = {
            let mut state = self.lane.state();
            state.running.remove(&self.monitor);
            state.settled.insert(self.monitor);
            state.running.is_empty()
        };
        self.lane.fleet.ended(self.monitor.shard());
        if is_empty {
            self.lane.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_monitor_under_way_or_settled_during_the_walk_is_refused_until_the_next() {
        let lane = InFlight::new(Fleet::alone());
        let monitor = MonitorId(Uuid::from_u128(1));
        lane.begin_walk();
        let ticket = lane.admit(monitor);
        assert!(ticket.is_some());
        assert!(lane.admit(monitor).is_none(), "under way");
        lane.begin_walk();
        drop(ticket);
        assert!(lane.admit(monitor).is_none(), "settled while the walk was being read");
        lane.begin_walk();
        assert!(lane.admit(monitor).is_some());
    }
}

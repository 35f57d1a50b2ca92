//! Who has died: told by beats that stand still, never by anybody's clock.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

use crate::{
    ambient::machine::Machine,
    domain::id::ProcessId,
    store::{leases::Lost, processes::Process},
};

/// What this process has seen of the others.
pub(super) struct Watch {
    lease_time: Duration,
    machine: Option<Machine>,
    /// Where each beat stands, and since when it was seen there.
    beats: HashMap<ProcessId, (i64, Instant)>,
    read_at: Option<Instant>,
    server: Option<DateTime<Utc>>,
}

impl Watch {
    pub(super) fn new(lease_time: Duration, machine: Option<Machine>) -> Self {
        Self { lease_time, machine, beats: HashMap::new(), read_at: None, server: None }
    }

    /// Takes in what was just read of the processes that have not stopped; returns those that are lost.
    ///
    /// A beat counts as standing still only while the reads themselves went on, and of one server: while the
    /// database stalls or restarts nobody can renew anything, and nobody is to be taken for dead.
    pub(super) fn look(&mut self, others: &[Process], server: DateTime<Utc>, now: Instant) -> Vec<Lost> {
        let gap = self.read_at.map(|before| now.duration_since(before));
        if self.server != Some(server) || gap.is_none_or(|gap| gap > self.lease_time / 2) {
            self.beats.clear();
        }
        (self.read_at, self.server) = (Some(now), Some(server));
        let mut beats = HashMap::with_capacity(others.len());
        let mut lost = Vec::new();
        for other in others {
            let since = match self.beats.get(&other.id) {
                Some((beat, since)) if *beat == other.beat => *since,
                _ => now,
            };
            beats.insert(other.id, (other.beat, since));
            if now.duration_since(since) >= self.lease_time || self.saw_its_end(other) {
                lost.push(Lost { id: other.id, beat: other.beat });
            }
        }
        self.beats = beats;
        lost
    }

    fn saw_its_end(&self, other: &Process) -> bool {
        let (Some(this), Some(machine), Some(process)) =
            (&self.machine, &other.machine, &other.machine_process)
        else {
            return false;
        };
        this.has_seen_the_end_of(machine, process)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const LEASE: Duration = Duration::from_secs(10);

    fn process(number: u128, beat: i64) -> Process {
        let at = DateTime::from_timestamp(0, 0).unwrap();
        Process {
            id: ProcessId(Uuid::from_u128(number)),
            host: String::new(),
            pid: 0,
            version: String::new(),
            machine: None,
            machine_process: None,
            started_at: at,
            seen_at: at,
            revision: None,
            leaving: false,
            beat,
            shards: 0,
        }
    }

    fn server(number: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(number, 0).unwrap()
    }

    #[test]
    fn who_stands_still_for_the_lease_time_is_lost_and_who_moves_is_not() {
        let (mut watch, start) = (Watch::new(LEASE, None), Instant::now());
        for second in 0..10 {
            let others = [process(1, 5), process(2, 5 + i64::from(second))];
            assert_eq!(watch.look(&others, server(1), start + Duration::from_secs(1) * second), []);
        }
        let lost = watch.look(&[process(1, 5), process(2, 99)], server(1), start + LEASE);
        assert_eq!(lost, [Lost { id: ProcessId(Uuid::from_u128(1)), beat: 5 }]);
    }

    #[test]
    fn a_stall_of_the_database_makes_nobody_lost() {
        let (mut watch, start) = (Watch::new(LEASE, None), Instant::now());
        watch.look(&[process(1, 5)], server(1), start);
        let after = start + Duration::from_secs(30);
        assert_eq!(watch.look(&[process(1, 5)], server(1), after), [], "nobody read meanwhile");
        assert_eq!(watch.look(&[process(1, 5)], server(1), after + LEASE / 2), []);
        assert_eq!(watch.look(&[process(1, 5)], server(1), after + LEASE).len(), 1);
    }

    #[test]
    fn a_restart_of_the_server_starts_the_watch_over() {
        let (mut watch, start) = (Watch::new(LEASE, None), Instant::now());
        watch.look(&[process(1, 5)], server(1), start);
        watch.look(&[process(1, 5)], server(1), start + LEASE / 2);
        assert_eq!(watch.look(&[process(1, 5)], server(2), start + LEASE), []);
    }
}

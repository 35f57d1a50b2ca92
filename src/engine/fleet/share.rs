//! Which shards a process is to have: an even share, reached with as few moves as possible.

use crate::{
    domain::id::{ProcessId, Shard},
    store::{
        leases::{Lease, Lost},
        processes::Process,
    },
};

/// What a process does about its leases.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Moves {
    /// So many more it may take, if they are free.
    pub(super) take: usize,
    /// So many of its own it gives up.
    pub(super) give: usize,
}

/// Compares what `this` holds with its share.
///
/// Shares are for those that live, are not leaving, and hold the newest configuration that anybody alive
/// holds: who holds an older one would pass over the due rows of schedules that it does not know.
pub(super) fn moves(this: ProcessId, processes: &[Process], lost: &[Lost], leases: &[Lease]) -> Moves {
    let alive = || processes.iter().filter(|process| !lost.iter().any(|lost| lost.id == process.id));
    let staying = || alive().filter(|process| !process.leaving);
    let newest = staying().map(|process| process.revision).max().flatten();
    let mut members: Vec<ProcessId> =
        staying().filter(|process| process.revision == newest).map(|process| process.id).collect();
    members.sort_unstable();
    let share = match members.iter().position(|member| *member == this) {
        None => 0,
        Some(place) => {
            let rest = Shard::COUNT % members.len();
            Shard::COUNT / members.len() + usize::from(place < rest)
        }
    };
    let held = leases.iter().filter(|lease| lease.holder == Some(this)).count();
    Moves { take: share.saturating_sub(held), give: held.saturating_sub(share) }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> ProcessId {
        ProcessId(Uuid::from_u128(number))
    }

    fn process(number: u128, revision: i32, leaving: bool) -> Process {
        let at = DateTime::from_timestamp(0, 0).unwrap();
        Process {
            id: id(number),
            host: String::new(),
            pid: 0,
            version: String::new(),
            machine: None,
            machine_process: None,
            started_at: at,
            seen_at: at,
            revision: Some(revision),
            leaving,
            beat: 0,
            shards: 0,
        }
    }

    /// The first `count` shards are held by `holder`, the others by nobody.
    fn held(holder: u128, count: usize) -> Vec<Lease> {
        let lease = |(place, shard)| Lease {
            shard,
            holder: (place < count).then_some(id(holder)),
            suspect: false,
            taken_at: None,
            lost_ago: None,
        };
        Shard::all().enumerate().map(lease).collect()
    }

    #[test]
    fn one_takes_all_and_shares_of_several_add_up_to_all() {
        let alone = [process(1, 1, false)];
        assert_eq!(moves(id(1), &alone, &[], &held(1, 0)), Moves { take: 256, give: 0 });
        let three = [process(1, 1, false), process(2, 1, false), process(3, 1, false)];
        assert_eq!(moves(id(1), &three, &[], &held(1, 256)), Moves { take: 0, give: 170 });
        assert_eq!(moves(id(2), &three, &[], &held(1, 256)), Moves { take: 85, give: 0 });
        assert_eq!(moves(id(3), &three, &[], &held(1, 256)), Moves { take: 85, give: 0 });
    }

    #[test]
    fn who_leaves_is_lost_or_holds_an_older_configuration_has_no_share() {
        let lost = [Lost { id: id(3), beat: 0 }];
        let processes =
            [process(1, 2, false), process(2, 1, false), process(3, 3, false), process(4, 2, true)];
        assert_eq!(moves(id(1), &processes, &lost, &held(1, 0)), Moves { take: 256, give: 0 });
        assert_eq!(moves(id(2), &processes, &lost, &held(2, 4)), Moves { take: 0, give: 4 });
        assert_eq!(moves(id(4), &processes, &lost, &held(4, 9)), Moves { take: 0, give: 9 });
        assert_eq!(moves(id(2), &processes[1..2], &[], &held(2, 0)).take, 256, "when it is all there is");
        let with_one_that_leaves = [process(2, 1, false), process(4, 2, true)];
        assert_eq!(moves(id(2), &with_one_that_leaves, &[], &held(4, 256)).take, 256, "when no other stays");
    }
}

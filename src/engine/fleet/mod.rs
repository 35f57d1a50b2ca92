//! The fleet: which shards this process dispatches, beside any number of others on the same database.
//!
//! Each process holds leases on its share of the shards. They divide the work and spare repeated calls; they
//! do not make a run count, the due row does. So a lease needs no fencing: it is lost only when another
//! process takes it, and who was frozen meanwhile notices before it dispatches again.
//!
//! - A taker must have seen the holder's beat stand still for the lease time (`watch`).
//! - Shares are even, and reached with few moves (`share`). What is handed over is drained first.
//! - A shard whose holder died is *suspect*: its front may hold what killed it, see
//!   `engine::suspects`.

mod share;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    ambient::machine::Machine,
    domain::id::Shard,
    store::{
        leases::{self, Lease},
        processes::{self, Seen},
        providers::Lane,
        revisions,
    },
    telemetry::health::{Concern, Health},
};

/// How long a hand-over waits for runs under way: what takes longer may be asked twice, and counts once.
const DRAIN: Duration = Duration::from_secs(5);

/// A shard that this process dispatches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The shard.
    pub shard: Shard,
    /// Which of its leases on the shard this is: a new one starts from the shard's beginning.
    pub lease: u64,
    /// Whether its last holder died in it, and this lane has not gone through its front since.
    pub suspect: bool,
}

struct Held {
    lease: u64,
    /// When it was taken, by the database.
    taken_at: Option<DateTime<Utc>>,
    /// The lanes that have not gone through the front of the shard since its holder died.
    suspect: BTreeSet<Lane>,
    was_suspect: bool,
    /// Being handed over: since when.
    draining: Option<Instant>,
}

#[derive(Default)]
struct State {
    held: BTreeMap<Shard, Held>,
    leases: u64,
    /// When the leases were last seen to stand.
    renewed_at: Option<Instant>,
    leaving: bool,
    lanes: BTreeSet<Lane>,
    revision: Option<i32>,
    behind: bool,
    /// When shards were last taken from a process that died.
    last_death: Option<Instant>,
}

/// The shards of this process, shared by what dispatches and what keeps the leases.
#[derive(Clone)]
pub struct Fleet {
    state: Arc<Mutex<State>>,
    /// Runs under way, by shard.
    in_flight: Arc<Vec<AtomicU32>>,
    /// None: there are no leases, and all shards are this process's.
    lease_time: Option<Duration>,
}

impl Fleet {
    /// A process that shares its database with no other: all shards are its own.
    pub fn alone() -> Self {
        Self::alone_up_to(Shard(u8::MAX))
    }
    /// The same on a database of which no shard beyond `last` holds anything.
    pub fn alone_up_to(last: Shard) -> Self {
        let held = (0..=last.0).map(|shard| (Shard(shard), Held::new(1, None, BTreeSet::new()))).collect();
        Self::new(State { held, ..State::default() }, None)
    }

    /// A process that is to get its share from the others.
    pub fn joining(lease_time: Duration) -> Self {
        Self::new(State::default(), Some(lease_time))
    }

    fn new(state: State, lease_time: Option<Duration>) -> Self {
        let in_flight = Shard::all().map(|_| AtomicU32::new(0)).collect();
        Self { state: Arc::new(Mutex::new(state)), in_flight: Arc::new(in_flight), lease_time }
    }

    /// The shards that a lane may dispatch now. None when the leases were not seen to stand for so long that
    /// others may have taken them.
    pub fn owned(&self, lane: Lane) -> Vec<Owned> {
        let state = self.state();
        let stands = |lease_time| state.renewed_at.is_some_and(|renewed| renewed.elapsed() < lease_time);
        if state.leaving || !self.lease_time.is_none_or(stands) {
            return Vec::new();
        }
        let owned = |(shard, held): (&Shard, &Held)| Owned {
            shard: *shard,
            lease: held.lease,
            suspect: held.suspect.contains(&lane),
        };
        state.held.iter().filter(|(_, held)| held.draining.is_none()).map(owned).collect()
    }

    /// A lane has gone through the front of shards, and lives.
    pub fn clear(&self, lane: Lane, shards: &[Shard]) {
        let mut state = self.state();
        for shard in shards {
            if let Some(held) = state.held.get_mut(shard) {
                held.suspect.remove(&lane);
            }
        }
    }

    /// A run of the shard begins.
    pub(super) fn began(&self, shard: Shard) {
        if let Some(count) = self.in_flight.get(usize::from(shard.0)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A run of the shard is recorded, put off or lost.
    pub(super) fn ended(&self, shard: Shard) {
        if let Some(count) = self.in_flight.get(usize::from(shard.0)) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn is_idle(&self, shard: Shard) -> bool {
        self.in_flight.get(usize::from(shard.0)).is_none_or(|count| count.load(Ordering::Relaxed) == 0)
    }

    /// The shards that this process holds.
    pub fn held(&self) -> Vec<Shard> {
        self.state().held.keys().copied().collect()
    }

    /// Takes on nothing more: what is drained goes to the others.
    pub fn leave(&self) {
        self.state().leaving = true;
    }

    /// Says which configuration this process holds, and which lanes dispatch.
    pub fn configure(&self, revision: Option<i32>, lanes: impl Iterator<Item = Lane>) {
        let mut state = self.state();
        state.revision = revision;
        state.lanes = lanes.collect();
        let State { lanes, held, .. } = &mut *state;
        // A lane that is gone will go through nothing any more.
        for held in held.values_mut() {
            held.suspect.retain(|lane| lanes.contains(lane));
        }
    }

    /// Whether no process of the fleet is known to have died within `time`.
    pub fn is_calm_for(&self, time: Duration) -> bool {
        self.state().last_death.is_none_or(|death| death.elapsed() >= time)
    }

    /// Whether this process holds the fleet's configuration: who does not, does no fleet-wide work.
    pub fn is_current(&self) -> bool {
        !self.state().behind
    }

    /// The revision of the configuration that this process holds.
    pub fn revision(&self) -> Option<i32> {
        self.state().revision
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet").field("shards", &self.held().len()).finish_non_exhaustive()
    }
}

impl Held {
    fn new(lease: u64, taken_at: Option<DateTime<Utc>>, suspect: BTreeSet<Lane>) -> Self {
        Self { lease, taken_at, was_suspect: !suspect.is_empty(), suspect, draining: None }
    }
}

impl State {
    /// Takes in what the database says of the leases. Returns the suspect shards that are new.
    fn follow(&mut self, mine: &[Lease], renewed_at: Instant) -> usize {
        // One that was lost and is had again is another: somebody else went on from where it stood.
        let stands = |shard: &Shard, held: &Held| {
            mine.iter().any(|lease| lease.shard == *shard && lease.taken_at == held.taken_at)
        };
        self.held.retain(|shard, held| stands(shard, held));
        let mut suspect = 0;
        for lease in mine {
            if !self.held.contains_key(&lease.shard) {
                self.leases += 1;
                let lanes = if lease.suspect { self.lanes.clone() } else { BTreeSet::new() };
                suspect += usize::from(lease.suspect);
                self.held.insert(lease.shard, Held::new(self.leases, lease.taken_at, lanes));
            }
        }
        self.renewed_at = Some(renewed_at);
        suspect
    }

    /// Chooses shards to hand over, the idle ones first, and returns those that are drained.
    fn hand_over(&mut self, count: usize, is_idle: impl Fn(Shard) -> bool) -> Vec<Shard> {
        let mut order: Vec<(bool, bool, Shard)> = self
            .held
            .iter()
            .map(|(shard, held)| (held.draining.is_none(), !is_idle(*shard), *shard))
            .collect();
        order.sort_unstable();
        let chosen: BTreeSet<Shard> = order.into_iter().take(count).map(|(_, _, shard)| shard).collect();
        let drained = chosen.iter().copied().filter(|shard| {
            let since = self.held.get(shard).and_then(|held| held.draining);
            // A walk that has just read the shard may still admit from it: the next time tells.
            since.is_some_and(|since| is_idle(*shard) || since.elapsed() > DRAIN)
        });
        let drained = drained.collect();
        for (shard, held) in &mut self.held {
            held.draining =
                if chosen.contains(shard) { held.draining.or(Some(Instant::now())) } else { None };
        }
        drained
    }

    /// The shards of which all lanes have gone through the front.
    fn cleared(&mut self) -> Vec<Shard> {
        let done = self.held.iter_mut().filter(|(_, held)| held.was_suspect && held.suspect.is_empty());
        done.map(|(shard, held)| {
            held.was_suspect = false;
            *shard
        })
        .collect()
    }
}

/// Keeps the leases of this process: renews, takes, hands over.
pub struct Membership {
    engine: Engine,
    watch: watch::Watch,
}

impl Membership {
    /// How often leases are seen to, for a lease time.
    pub fn interval(lease_time: Duration) -> Duration {
        (lease_time / 10).clamp(Duration::from_millis(100), Duration::from_secs(1))
    }

    /// Makes the task.
    pub fn new(engine: Engine, lease_time: Duration) -> Self {
        Self { engine, watch: watch::Watch::new(lease_time, Machine::of_this_process()) }
    }

    async fn renew(&mut self) -> Result<(), EngineError> {
        let (engine, this) = (&self.engine, self.engine.process);
        let fleet = &engine.fleet;
        let recorded = engine.recorded_at.load(Ordering::Relaxed);
        let seen = {
            let state = fleet.state();
            Seen {
                recorded_at: (recorded != 0).then(|| DateTime::from_timestamp_micros(recorded)).flatten(),
                revision: state.revision,
                leaving: state.leaving,
            }
        };
        let mut connection = engine.context.store.connection().await?;
        // Others count from when this reaches the database, which is no earlier.
        let renewed_at = Instant::now();
        processes::save_seen(&mut connection, this, &seen).await?;
        let server = processes::server_incarnation(&mut connection).await?;
        let processes = processes::list_unstopped(&mut connection).await?;
        let others: Vec<_> = processes.iter().filter(|process| process.id != this).cloned().collect();
        let lost = self.watch.look(&others, server, Instant::now());
        let mut all = leases::list(&mut connection).await?;
        let moves = share::moves(this, &processes, &lost, &all);
        if moves.take > 0 && leases::take(&mut connection, this, &lost, moves.take).await? > 0 {
            all = leases::list(&mut connection).await?;
        }
        let mine: Vec<Lease> = all.iter().copied().filter(|lease| lease.holder == Some(this)).collect();
        let (before, suspect, drained, cleared) = {
            let mut state = fleet.state();
            let before = state.held.len();
            let suspect = state.follow(&mine, renewed_at);
            let lost_ago = all.iter().filter_map(|lease| lease.lost_ago).min();
            state.last_death = lost_ago.and_then(|ago| Instant::now().checked_sub(ago));
            let drained = state.hand_over(moves.give, |shard| fleet.is_idle(shard));
            (before, suspect, drained, state.cleared())
        };
        if suspect > 0 {
            tracing::warn!(
                shards = suspect,
                "took shards over from a process that died: going through them with care"
            );
        }
        let hurried = drained.iter().filter(|shard| !fleet.is_idle(**shard)).count();
        if hurried > 0 {
            tracing::info!(shards = hurried, "handed shards over before their runs under way were recorded");
        }
        if !drained.is_empty() {
            leases::release(&mut connection, this, &drained).await?;
            fleet.state().held.retain(|shard, _| !drained.contains(shard));
        }
        if !cleared.is_empty() {
            leases::save_cleared(&mut connection, this, &cleared).await?;
        }
        // Who held nothing and is not to be seen again has nothing left to take.
        let gone: Vec<_> = lost
            .iter()
            .filter(|lost| !all.iter().any(|lease| lease.holder == Some(lost.id)))
            .copied()
            .collect();
        if !gone.is_empty() {
            processes::save_lost(&mut connection, &gone, engine.context.now()).await?;
        }
        let holds = fleet.held().len();
        if holds != before {
            tracing::info!(
                shards = holds,
                processes = processes.len() - lost.len(),
                "the share of this process changed"
            );
            engine.nudge.send_replace(());
        }
        let newest = revisions::find_newest_number(&mut connection).await?;
        drop(connection);
        self.compare(newest);
        Ok(())
    }

    /// Says on `/readyz` when others hold a newer configuration.
    fn compare(&self, newest: Option<i32>) {
        let (health, own) = (&self.engine.health, self.engine.fleet.revision());
        let behind = own.is_some() && own < newest;
        self.engine.fleet.state().behind = behind;
        if behind {
            let (own, newest) = (own.unwrap_or_default(), newest.unwrap_or_default());
            let reason = format!("this process holds revision {own}, the fleet is at {newest}");
            if health.raise(Concern::Configuration, reason) {
                tracing::warn!(
                    own,
                    newest,
                    "the configuration of this process is behind the fleet's: it does no fleet-wide work"
                );
            }
        } else if health.clear(Concern::Configuration) {
            tracing::info!("the configuration of this process is the fleet's");
        }
    }
}

impl Task for Membership {
    const NAME: &'static str = "fleet";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        self.renew().await?;
        Ok(Activation::Done)
    }
}

/// Gives all leases back at the end: nothing is under way any more.
pub async fn leave(engine: &Engine) -> Result<(), EngineError> {
    let mut connection = engine.context.store.connection().await?;
    let all: Vec<Shard> = Shard::all().collect();
    leases::release(&mut connection, engine.process, &all).await?;
    crate::store::strikes::take_back(&mut connection, engine.process).await?;
    processes::save_stopped(&mut connection, &[engine.process], engine.context.now()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_lease_that_was_lost_and_is_had_again_starts_from_the_beginning_and_with_care() {
        let lease = |shard, second, suspect| Lease {
            shard: Shard(shard),
            holder: Some(crate::domain::id::ProcessId(Uuid::nil())),
            suspect,
            taken_at: DateTime::from_timestamp(second, 0),
            lost_ago: None,
        };
        let fleet = Fleet::joining(Duration::from_secs(10));
        fleet.configure(None, [1].into_iter());
        fleet.state().follow(&[lease(1, 10, false), lease(2, 10, false)], Instant::now());
        let before = fleet.owned(1);
        let suspect = fleet.state().follow(&[lease(1, 10, false), lease(2, 30, true)], Instant::now());
        let after = fleet.owned(1);
        assert_eq!((suspect, after[0]), (1, before[0]));
        assert_eq!((after[1].shard, after[1].suspect), (Shard(2), true));
        assert_ne!(after[1].lease, before[1].lease);
    }
}

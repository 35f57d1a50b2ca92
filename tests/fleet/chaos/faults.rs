//! The faults, how many of each, and in which order.

use std::{collections::BTreeMap, fmt, thread, time::Duration};

use watchkeeper::ambient::Random;

use super::stage::{LEASE_TIME, Stage, UNRECORDED};

/// What happens to a fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// SIGKILL of one process.
    Kill,
    /// SIGSTOP of one process for longer than its leases stand, then SIGCONT.
    Freeze,
    /// The network of one process, or of all, is cut without a word for longer than leases stand.
    Cut,
    /// An immediate stop of PostgreSQL.
    Stop,
    /// Every connection of the fleet is terminated by the server, again and again.
    Storm,
    /// Every process is told to stop and started again, one after the other.
    Roll,
    /// The volume of the tables is full, and then is not.
    FullData,
    /// The volume of the write-ahead log is full, and then is not.
    FullLog,
}

impl Fault {
    /// Those that a running fleet meets in any order.
    pub const ANYWHERE: [Self; 6] =
        [Self::Kill, Self::Freeze, Self::Cut, Self::Stop, Self::Storm, Self::Roll];

    /// Those that want volumes of their own.
    pub const OF_VOLUMES: [Self; 2] = [Self::FullData, Self::FullLog];

    /// Those that leave every process alive, with its leases: no call is repeated.
    pub const HARMLESS: [Self; 3] = [Self::Stop, Self::Storm, Self::Roll];

    /// The word for it on the command line: `make chaos KILLS=…`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kill => "KILLS",
            Self::Freeze => "FREEZES",
            Self::Cut => "CUTS",
            Self::Stop => "STOPS",
            Self::Storm => "STORMS",
            Self::Roll => "ROLLS",
            Self::FullData => "FULL_DATA",
            Self::FullLog => "FULL_LOG",
        }
    }

    /// How often it happens in `make test`: some take long.
    const fn in_every_test(self) -> usize {
        match self {
            Self::Kill | Self::Stop => 4,
            Self::Freeze => 3,
            Self::Storm | Self::Roll => 2,
            Self::Cut | Self::FullData | Self::FullLog => 1,
        }
    }

    /// How many calls it may cause to be repeated, on a fleet of so many processes.
    fn may_repeat(self, processes: usize) -> i64 {
        match self {
            Self::Kill | Self::Freeze => UNRECORDED,
            Self::Cut => UNRECORDED * i64::try_from(processes).unwrap(),
            Self::Stop | Self::Storm | Self::Roll | Self::FullData | Self::FullLog => 0,
        }
    }
}

/// How many of each fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Fault, usize>);

impl Counts {
    /// What the environment asks for: `WATCHKEEPER_CHAOS_KILLS` and its like, of the others
    /// `WATCHKEEPER_CHAOS`, and a few for `make test` when that is not there either.
    pub fn of_environment(faults: &[Fault]) -> Self {
        let all = number("");
        let count = |fault: &Fault| {
            let count = number(&format!("_{}", fault.word())).or(all);
            count.map_or(fault.in_every_test(), |count| usize::try_from(count).unwrap())
        };
        Self(faults.iter().map(|fault| (*fault, count(fault))).collect())
    }

    /// Splits off half of the faults that are named, the greater half.
    pub fn split_off(&mut self, named: &[Fault]) -> Self {
        let mut split = BTreeMap::new();
        for (fault, count) in self.0.iter_mut().filter(|(fault, _)| named.contains(fault)) {
            let half = count.div_ceil(2);
            *count -= half;
            split.insert(*fault, half);
        }
        Self(split)
    }

    /// All of them, in a random order.
    pub fn shuffled(&self, random: &Random) -> Vec<Fault> {
        let counts = self.0.iter();
        let mut faults: Vec<Fault> =
            counts.flat_map(|(fault, count)| std::iter::repeat_n(*fault, *count)).collect();
        for last in (1..faults.len()).rev() {
            faults.swap(last, below(random, last + 1));
        }
        faults
    }

    /// How many calls they may cause to be repeated, on a fleet of so many processes.
    pub fn may_repeat(&self, processes: usize) -> i64 {
        self.0.iter().map(|(fault, count)| i64::try_from(*count).unwrap() * fault.may_repeat(processes)).sum()
    }
}

/// As the command line of `make chaos` has them.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> =
            self.0.iter().map(|(fault, count)| format!("{}={count}", fault.word())).collect();
        f.write_str(&counts.join(" "))
    }
}

/// A number of the environment: `WATCHKEEPER_CHAOS` and what follows it.
pub fn number(name: &str) -> Option<u64> {
    let name = format!("WATCHKEEPER_CHAOS{name}");
    let (_, text) = std::env::vars().find(|(key, text)| *key == name && !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a whole number")))
}

/// A number below `limit`.
pub fn below(random: &Random, limit: usize) -> usize {
    usize::try_from(u64::from_be_bytes(random.bytes()) % u64::try_from(limit).unwrap()).unwrap()
}

/// A time from `least` to twice that.
fn from(random: &Random, least: Duration) -> Duration {
    least.mul_f64(1.0 + random.fraction())
}

/// Longer than leases stand.
fn past_leases(random: &Random) -> Duration {
    from(random, LEASE_TIME.mul_f64(1.2)).min(LEASE_TIME * 2)
}

const TERMINATE: &str = "
    select count(pg_terminate_backend(pid)) from pg_stat_activity
    where datname = current_database() and application_name = 'watchkeeper'";

/// Lets a fault happen to a fleet that is in the middle of things. A process that it froze stays so for a
/// while: other faults meet the fleet meanwhile.
pub fn inflict(fault: Fault, stage: &mut Stage, random: &Random) {
    stage.until_under_load();
    stage.look_after();
    let victim = below(random, stage.fleet.len());
    match fault {
        Fault::Kill => {
            let member = &mut stage.fleet[victim];
            member.until_up(&stage.place);
            member.kill();
            member.launch(&stage.place);
        }
        Fault::Freeze => {
            // One at a time: the others shall find it out.
            for member in &mut stage.fleet {
                member.thaw();
            }
            stage.fleet[victim].until_up(&stage.place);
            stage.fleet[victim].freeze(past_leases(random));
        }
        Fault::Cut => {
            let everybody = random.fraction() < 0.5;
            let chosen = |number: &usize| everybody || *number == victim;
            let cut: Vec<usize> = (0..stage.fleet.len()).filter(chosen).collect();
            for number in &cut {
                stage.fleet[*number].network().cut();
            }
            thread::sleep(past_leases(random));
            for number in &cut {
                stage.fleet[*number].network().heal();
            }
        }
        Fault::Stop => stage.stop_server(),
        Fault::Storm => {
            for _ in 0..2 + below(random, 4) {
                stage.place.ask::<i64>(TERMINATE);
                thread::sleep(from(random, Duration::from_millis(100)));
            }
        }
        Fault::Roll => {
            for member in &mut stage.fleet {
                member.restart(&stage.place);
            }
        }
        Fault::FullData => stage.full_data(),
        Fault::FullLog => stage.full_log(),
    }
}

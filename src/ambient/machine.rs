//! Which machine this is, and which of its processes live.
//!
//! A process that dies without a word leaves its shards leased. Others must watch it stand still for the lease
//! time; but who starts on the same machine can ask the kernel. Where the kernel does not say (another PID
//! namespace, a hidden `/proc`), nothing is claimed, and the lease time decides.

use std::{fs, os::unix::fs::MetadataExt};

/// A process on a machine, in words that another process of the same machine can compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The machine, the namespaces of processes and of users, and the user: only who shares all of these sees
    /// the other's entry in `/proc` for as long as it lives.
    pub machine: String,
    /// The process number, and when it started in the kernel's ticks.
    pub process: String,
}

/// The user that this process runs as: its number, and its name where `/etc/passwd` has it. The kernel says it, not the
/// environment.
pub fn user() -> String {
    let Some(number) = user_number() else { return "unknown".to_owned() };
    name_of(&number).map_or_else(|| number.clone(), |name| format!("{name} ({number})"))
}

/// The name alone of that user; its number where it has none.
pub fn user_name() -> String {
    let Some(number) = user_number() else { return "unknown".to_owned() };
    name_of(&number).unwrap_or(number)
}

fn user_number() -> Option<String> {
    Some(fs::metadata("/proc/self").ok()?.uid().to_string())
}

fn name_of(number: &str) -> Option<String> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    passwd.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, id) = (parts.next()?, parts.nth(1)?);
        (id == number).then(|| name.to_owned())
    })
}

impl Machine {
    /// This process; none where the system does not tell.
    pub fn of_this_process() -> Option<Self> {
        let id = fs::read_to_string("/etc/machine-id").ok().filter(|id| !id.trim().is_empty())?;
        let namespace = |kind| fs::read_link(format!("/proc/self/ns/{kind}")).ok();
        let (processes, users) = (namespace("pid")?, namespace("user")?);
        let user = fs::metadata("/proc/self").ok()?.uid();
        let pid = std::process::id();
        Some(Self {
            machine: format!(
                "{} {} {} {} {user}",
                id.trim(),
                host_name(),
                processes.display(),
                users.display()
            ),
            process: format!("{pid} {}", started(&pid.to_string())?),
        })
    }

    /// Whether `other` ran on this machine and is certainly dead.
    pub fn has_seen_the_end_of(&self, machine: &str, process: &str) -> bool {
        if machine != self.machine {
            return false;
        }
        let Some((pid, began)) = process.split_once(' ') else { return false };
        // Whose namespaces and user are ours is shown to us while it lives, also where others are hidden.
        started(pid).is_none_or(|started| started != began)
    }
}

/// The host's name, as others know it. The first file is hidden where a service sees nothing but its own
/// processes.
pub fn host_name() -> String {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .filter_map(|file| Some(fs::read_to_string(file).ok()?.trim().to_owned()))
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// When a process started, in ticks since the machine did: the 22nd word of its `stat`, of which the second
/// is a name in brackets that may hold anything.
fn started(pid: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_named_as_the_kernel_has_it() {
        assert!(user().starts_with(&user_name()), "{} is not of {}", user_name(), user());
        assert_ne!(user_name(), "unknown");
    }

    #[test]
    fn this_process_lives_and_one_with_its_number_and_another_start_is_dead() {
        let Some(this) = Machine::of_this_process() else { return };
        assert!(!this.has_seen_the_end_of(&this.machine, &this.process));
        let (pid, _) = this.process.split_once(' ').unwrap();
        assert!(this.has_seen_the_end_of(&this.machine, &format!("{pid} 1")));
        assert!(this.has_seen_the_end_of(&this.machine, "4194399 77"), "beyond the largest number there is");
        assert!(!this.has_seen_the_end_of("another machine", &format!("{pid} 1")));
    }
}

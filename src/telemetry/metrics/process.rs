//! What the system tells of this process, by the names that Prometheus' own clients use. Read when it is
//! asked for; what a sandbox hides is left out.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Unit,
};

/// Ticks of a second in `/proc/self/stat`: what Linux tells programs, whatever it counts in itself.
const TICKS_PER_SECOND: f64 = 100.0;

/// The process as a source of metrics.
#[derive(Debug)]
pub(super) struct Process {
    started_at: f64,
}

impl Process {
    /// Of a process that starts now: its own time of start needs files that `ProcSubset=pid` hides.
    pub(super) fn started_now() -> Self {
        #[expect(clippy::disallowed_methods, reason = "told to who compares it with his own clock")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started_at: since.as_secs_f64() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let read = |file| fs::read_to_string(format!("/proc/self/{file}")).ok();
        let status = read("status").unwrap_or_default();
        let mut write = |name, help, unit: Option<Unit>, metric: &dyn EncodeMetric| {
            metric.encode(encoder.encode_descriptor(name, help, unit.as_ref(), metric.metric_type())?)
        };
        let started = ConstGauge::new(self.started_at);
        write("process_start_time", "When the process started.", Some(Unit::Seconds), &started)?;
        if let Some(seconds) = read("stat").as_deref().and_then(cpu_seconds) {
            let help = "Processor time that the process used.";
            write("process_cpu", help, Some(Unit::Seconds), &ConstCounter::new(seconds))?;
        }
        if let Some(bytes) = bytes_of(&status, "VmRSS:") {
            let help = "Memory of the process that is in memory.";
            write("process_resident_memory", help, Some(Unit::Bytes), &ConstGauge::new(bytes))?;
        }
        if let Some(bytes) = bytes_of(&status, "VmSize:") {
            let help = "Addresses that the process has taken.";
            write("process_virtual_memory", help, Some(Unit::Bytes), &ConstGauge::new(bytes))?;
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            let open = i64::try_from(open.count()).unwrap_or(i64::MAX);
            write("process_open_fds", "Open file descriptors.", None, &ConstGauge::new(open))?;
        }
        if let Some(most) = read("limits").as_deref().and_then(most_files) {
            let help = "File descriptors that the process may open.";
            write("process_max_fds", help, None, &ConstGauge::new(most))?;
        }
        Ok(())
    }
}

/// User and system time. The program's name before them may hold anything, parentheses too.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn bytes_of(status: &str, key: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<i64>().ok()?.checked_mul(1024)
}

fn most_files(limits: &str) -> Option<i64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_system_are_understood_and_what_they_lack_is_left_out() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds(""), None);
        assert_eq!(bytes_of("Name:\tx\nVmRSS:\t    12 kB\n", "VmRSS:"), Some(12 * 1024));
        assert_eq!(bytes_of("Name:\tx\n", "VmRSS:"), None);
        assert_eq!(
            most_files("Max open files            1024                 4096      files\n"),
            Some(1024)
        );
        assert_eq!(most_files("Max open files            unlimited            unlimited      files\n"), None);
    }
}

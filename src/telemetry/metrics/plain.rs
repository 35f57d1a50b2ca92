//! Prometheus' text format 0.0.4, made of an `OpenMetrics` exposition of ours.

use std::fmt::Write;

const ALL: &str = "a string takes all";

/// The same metrics in the plain format: counters are named with their `_total`, units are not said, and
/// nothing marks the end.
pub(super) fn of(open_metrics: &str) -> String {
    let mut plain = String::with_capacity(open_metrics.len());
    // A help line comes before the type that decides how it names its metric.
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let total = if kind == "counter" { "_total" } else { "" };
            if let Some((_, text)) = help.take() {
                writeln!(plain, "# HELP {name}{total} {text}").expect(ALL);
            }
            writeln!(plain, "# TYPE {name}{total} {kind}").expect(ALL);
        } else if !line.starts_with('#') {
            plain.push_str(line);
            plain.push('\n');
        }
    }
    plain
}

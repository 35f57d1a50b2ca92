//! A simulation.

use std::time::Duration;

use super::{line, plan::whole, table, time};
use crate::app::simulate::SimulationView;

/// What became of schedules and providers, what happened, and the proof.
pub(crate) fn simulation(view: &SimulationView) -> String {
    let mut text = String::new();
    let from = view.from.format("%Y-%m-%d");
    line(
        &mut text,
        format_args!(
            "{} accounts, {} days from {from} (UTC), seed {}",
            whole(u64::from(view.accounts)),
            view.days,
            view.seed
        ),
    );
    line(&mut text, format_args!("{}", schedules(view)));
    line(&mut text, format_args!("{}", providers(view)));
    for provider in &view.providers {
        let verdicts: Vec<String> =
            provider.verdicts.iter().map(|one| format!("{} {}", whole(one.count), one.what)).collect();
        line(
            &mut text,
            format_args!(
                "{}: {}; {} of the calls repeated one that had failed",
                provider.provider,
                verdicts.join(", "),
                whole(provider.repeated)
            ),
        );
    }
    line(&mut text, format_args!("{}", objectives(view)));
    let events: Vec<String> =
        view.events.iter().map(|event| format!("{} {}", number(event.count), event.kind)).collect();
    line(&mut text, format_args!("Events: {}", events.join(", ")));
    line(
        &mut text,
        format_args!(
            "Lists: {} changes, which made {} monitors due",
            view.list_changes,
            number(view.rescreened)
        ),
    );
    let proof = &view.proof;
    line(
        &mut text,
        format_args!(
            "Proof, from the database: {} slots answered, {} lost, {} recorded twice. From the providers: {} calls beyond \
             the budget. {}",
            number(proof.slots),
            number(proof.slots_lost),
            number(proof.slots_twice),
            whole(proof.calls_beyond_budget),
            if proof.holds() { "It holds." } else { "It does NOT hold." }
        ),
    );
    for note in &view.notes {
        line(&mut text, format_args!("Note: {note}."));
    }
    text
}

fn schedules(view: &SimulationView) -> comfy_table::Table {
    let mut rows = table(&[
        "schedule",
        "monitors",
        "slots",
        "clear",
        "match",
        "error",
        "by list",
        "late: half",
        "95 %",
        "99 %",
        "most",
        "objective",
        "beyond it",
        "wait at the end",
    ]);
    for schedule in &view.schedules {
        rows.add_row([
            schedule.schedule.clone(),
            number(schedule.monitors),
            number(schedule.slots),
            number(schedule.clear),
            number(schedule.matched),
            number(schedule.errors),
            number(schedule.list_change),
            late(schedule.late_median),
            late(schedule.late_95),
            late(schedule.late_99),
            late(schedule.late_most),
            late(schedule.objective),
            schedule.objective.map_or_else(|| "-".to_owned(), |_| number(schedule.beyond_objective)),
            number(schedule.waiting),
        ]);
    }
    rows
}

fn providers(view: &SimulationView) -> comfy_table::Table {
    let mut rows = table(&[
        "provider",
        "calls",
        "rate a second",
        "used",
        "busiest hour (UTC)",
        "calls in it",
        "used",
        "breaker open",
    ]);
    let part =
        |part: Option<f64>| part.map_or_else(|| "-".to_owned(), |part| format!("{:.1} %", part * 100.0));
    for provider in &view.providers {
        let hour = provider.busiest_hour.map(|hour| hour.format("%Y-%m-%d %H:%M").to_string());
        rows.add_row([
            provider.provider.clone(),
            whole(provider.calls),
            provider.rate_per_second.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.3}")),
            part(provider.rate_used),
            hour.unwrap_or_else(|| "-".to_owned()),
            whole(provider.busiest_calls),
            part(provider.busiest_rate_used),
            humantime::format_duration(Duration::from_secs(provider.breaker_open_seconds)).to_string(),
        ]);
    }
    rows
}

fn objectives(view: &SimulationView) -> String {
    if view.schedules.iter().all(|schedule| schedule.objective.is_none()) {
        return "Objectives: no schedule has one".to_owned();
    }
    if view.objectives.is_empty() {
        return "Objectives: met all the time".to_owned();
    }
    let mut text = "Objectives:".to_owned();
    for change in &view.objectives {
        let what = if change.missed { "misses its objective" } else { "meets it again" };
        text.push_str(&["\n  ", &time(change.at), "  ", &change.schedule, " ", what].concat());
    }
    text
}

/// A number that is not below zero.
fn number(count: i64) -> String {
    whole(count.unsigned_abs())
}

/// A duration in whole seconds; below ten of them in tenths.
fn late(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return "-".to_owned() };
    if seconds < 10.0 {
        return format!("{seconds:.1}s");
    }
    let whole = Duration::try_from_secs_f64(seconds.round()).unwrap_or(Duration::MAX);
    humantime::format_duration(whole).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_reads_well() {
        assert_eq!([late(None), late(Some(0.24)), late(Some(61.4))], ["-", "0.2s", "1m 1s"]);
    }
}

//! Evidence of an account, and who was screened.

use std::fmt::Write as _;

use comfy_table::Table;
use serde_json::Value;

use super::{line, table, time};
use crate::actions::evidence::{Coverage, Evidence, HitEvidence, RunDifference, RunEvidence};

/// The evidence of an account.
pub(crate) fn evidence(evidence: &Evidence) -> String {
    let mut text = String::new();
    let reference = evidence.reference_id.as_deref().unwrap_or("no reference id");
    line(
        &mut text,
        format_args!(
            "{} ({reference}), {}, made {} UTC; {} to {} UTC",
            evidence.account_id,
            evidence.account_type,
            time(evidence.created_at),
            time(evidence.from),
            time(evidence.until)
        ),
    );
    if evidence.created_at >= evidence.until {
        line(&mut text, format_args!("The account was made after this period."));
    }
    let no_runs = if evidence.months.is_empty() {
        "No run was recorded in this period."
    } else {
        "Of the runs of this period only lines are kept:"
    };
    part(&mut text, "Runs", no_runs, &runs(evidence));
    for month in &evidence.months {
        line(
            &mut text,
            format_args!("{} {}: {} clear runs, kept as one line", month.month, month.schedule, month.runs),
        );
    }
    part(
        &mut text,
        "Hits, as they stood when the period was over",
        "Nothing had matched when the period was over.",
        &hits(evidence),
    );
    part(
        &mut text,
        "Decisions",
        "Nobody had decided on anything when the period was over.",
        &decisions(evidence),
    );
    let mut events = table(&["when (UTC)", "what", "by"]);
    for event in &evidence.events {
        events.add_row([time(event.at), event.kind.clone(), event.actor.clone()]);
    }
    part(&mut text, "Events", "Nothing happened in this period.", &events);
    if evidence.is_cut {
        line(&mut text, format_args!("There is more than stands here: ask for shorter periods."));
    }
    text
}

/// A table below its title; of an empty one only a word.
fn part(text: &mut String, title: &str, none: &str, rows: &Table) {
    if rows.is_empty() {
        line(text, format_args!("\n{none}"));
    } else {
        line(text, format_args!("\n{title}\n{rows}"));
    }
}

fn runs(evidence: &Evidence) -> Table {
    let mut runs = table(&["recorded (UTC)", "schedule", "why", "due", "data", "outcome", "against", "by"]);
    for run in &evidence.runs {
        let outcome = match &run.failure {
            Some(failure) => format!("{}: {failure}", run.outcome),
            None if run.findings > 0 => format!("{} ({})", run.outcome, run.findings),
            None => run.outcome.clone(),
        };
        runs.add_row([
            time(run.recorded_at),
            format!("{} #{}", run.schedule, run.slot),
            run.trigger.clone(),
            time(run.due_at),
            format!("v{}", run.account_version),
            outcome,
            lists(&run.basis),
            format!("{}\n{}", word(&run.basis, "process"), run.id),
        ]);
    }
    runs
}

fn hits(evidence: &Evidence) -> Table {
    let mut hits =
        table(&["hit", "entity", "list", "state", "first seen (UTC)", "decided (UTC)", "by", "why"]);
    for stood in &evidence.hits {
        let hit = &stood.hit;
        hits.add_row([
            hit.id.to_string(),
            hit.entity.clone(),
            hit.list.clone(),
            standing(stood),
            time(hit.first_seen_at),
            hit.decided_at.map(time).unwrap_or_default(),
            hit.decided_by.clone().unwrap_or_default(),
            hit.reason.clone().unwrap_or_default(),
        ]);
    }
    hits
}

/// Where a hit stood, and where it has stood since, if that is elsewhere.
fn standing(stood: &HitEvidence) -> String {
    match &stood.later {
        None => super::state(&stood.hit),
        Some(later) if later.is_told => {
            format!("{}\n({} since {})", super::state(&stood.hit), later.state, time(later.since))
        }
        Some(later) => format!("not known\n({} since {})", later.state, time(later.since)),
    }
}

fn decisions(evidence: &Evidence) -> Table {
    let mut decisions = table(&["entity", "decision", "when (UTC)", "by", "why", "since then"]);
    for one in &evidence.decisions {
        let since = match one.ended_at {
            Some(ended) => format!("ended {}: {}", time(ended), one.ended_for.join(", ")),
            None => "holds".to_owned(),
        };
        decisions.add_row([
            one.entity.clone(),
            one.state.to_owned(),
            time(one.decided_at),
            one.decided_by.clone(),
            one.reason.clone().unwrap_or_default(),
            since,
        ]);
    }
    decisions
}

/// What differs between two runs.
pub(crate) fn difference(difference: &RunDifference) -> String {
    let mut text = String::new();
    let run =
        |run: &RunEvidence| format!("{} #{} {}: {}", run.id, run.slot, time(run.recorded_at), run.outcome);
    line(&mut text, format_args!("from {}\nto   {}", run(&difference.from), run(&difference.to)));
    let mut rows = table(&["what differs", "from", "to"]);
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let asked = difference.asked.iter().flatten().map(|one| (format!("asked about: {}", one.name), one));
    for (name, one) in difference.basis.iter().map(|one| (one.name.clone(), one)).chain(asked) {
        rows.add_row([name, plain(&one.from), plain(&one.to)]);
    }
    let found = difference.found.as_ref();
    for one in found.iter().flat_map(|found| &found.added) {
        rows.add_row([format!("found: {}", one.entity), "-".to_owned(), one.name.clone()]);
    }
    for one in found.iter().flat_map(|found| &found.removed) {
        rows.add_row([format!("found: {}", one.entity), one.name.clone(), "-".to_owned()]);
    }
    for one in found.iter().flat_map(|found| &found.changed) {
        if let Some(former) = &one.former_id {
            rows.add_row([format!("{}: id", one.entity), former.clone(), one.entity.clone()]);
        }
        for fact in &one.facts {
            rows.add_row([format!("{}: {}", one.entity, fact.name), plain(&fact.from), plain(&fact.to)]);
        }
    }
    line(&mut text, format_args!("{rows}"));
    match found {
        Some(found) => {
            line(&mut text, format_args!("{} entities were found as before", found.unchanged));
        }
        None => {
            line(&mut text, format_args!("What one of them found is not known: it failed, or was redacted."));
        }
    }
    text
}

/// What a run rested on: provider, engine, threshold, and each list's version.
fn lists(basis: &Value) -> String {
    let mut told = format!("{}, {}", word(basis, "provider"), word(basis, "engine"));
    if let Some(threshold) = basis["threshold"].as_f64() {
        let _ = write!(told, ", from {threshold}");
    }
    for list in basis["lists"].as_array().into_iter().flatten() {
        let stale = if list["stale"] == true { " (stale)" } else { "" };
        let _ = write!(told, "\n{} {}{stale}", word(list, "name"), word(list, "version"));
    }
    told
}

fn word(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// Who was screened, and of everybody else why not.
pub(crate) fn coverage(coverage: &Coverage) -> String {
    let mut text = String::new();
    line(&mut text, format_args!("{} to {} UTC", time(coverage.from), time(coverage.until)));
    if let Some(asked) = coverage.asked_until {
        line(&mut text, format_args!("Cut at now: {} UTC has not come.", time(asked)));
    }
    let mut rows = table(&["schedule", "screened", "not screened", "why not"]);
    for one in &coverage.schedules {
        let reasons: Vec<String> =
            one.unscreened.iter().map(|(reason, count)| format!("{reason}: {count}")).collect();
        rows.add_row([
            one.schedule.clone(),
            one.screened.to_string(),
            one.unscreened.values().sum::<u64>().to_string(),
            reasons.join("\n"),
        ]);
    }
    let reasons: Vec<String> =
        coverage.unwatched.iter().map(|(reason, count)| format!("{reason}: {count}")).collect();
    rows.add_row([
        "(none)".to_owned(),
        "0".to_owned(),
        coverage.unwatched.values().sum::<u64>().to_string(),
        reasons.join("\n"),
    ]);
    line(&mut text, format_args!("{rows}"));
    text
}

//! Tables for people.

mod audit;
mod evidence;
mod keys;
mod lists;
mod plan;
mod rescreens;
mod screen;
mod simulation;
mod status;
mod what_if;

use std::{collections::BTreeMap, fmt::Write};

use chrono::{DateTime, Utc};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use crate::{
    actions::{
        hits::HitView,
        import::{Imported, decisions::ImportedDecisions},
        inspect::{AccountView, MonthView, RunView},
        pause::{PauseView, Paused},
    },
    app::commands::Compacted,
    domain::answer::Finding,
};

pub(super) use audit::{audit, ledger};
pub(super) use evidence::{coverage, difference, evidence};
pub(super) use keys::{KeyView, keys, master_keys};
pub(super) use lists::lists;
pub(super) use plan::plan;
pub(super) use rescreens::{brought, rescreens};
pub(super) use screen::{findings, pairs};
pub(super) use simulation::simulation;
pub(super) use status::status;
pub(super) use what_if::what_if;

pub(super) fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(terminal_width());
    table.set_header(headers);
    table
}

fn terminal_width() -> u16 {
    // A terminal's own; wide enough for every column where there is none.
    match console::Term::stdout().size_checked() {
        Some((_, columns)) => columns.max(80),
        None => 160,
    }
}

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a string takes all");
    text.push('\n');
}

pub(super) fn imported(imported: &Imported) -> String {
    let mut text = String::new();
    line(
        &mut text,
        format_args!(
            "{} accounts created, {} updated, {} unchanged, {} rows not taken",
            imported.created, imported.updated, imported.unchanged, imported.rejected
        ),
    );
    if !imported.bad.is_empty() {
        let mut bad = table(&["line", "why it was not taken"]);
        for row in &imported.bad {
            bad.add_row([row.line.to_string(), row.reason.clone()]);
        }
        line(&mut text, format_args!("{bad}"));
        let more = imported.rejected - imported.bad.len() as u64;
        if more > 0 {
            line(&mut text, format_args!("and {more} more rows; --rejects FILE writes them all to a file"));
        }
    }
    text
}

pub(super) fn imported_decisions(imported: &ImportedDecisions) -> String {
    let mut text = String::new();
    line(
        &mut text,
        format_args!(
            "{} decisions imported, {} unchanged, {} open hits closed, {} rows not taken",
            imported.imported,
            imported.unchanged,
            imported.closed_hits,
            imported.bad.len()
        ),
    );
    if !imported.bad.is_empty() {
        let mut bad = table(&["line", "column", "why it was not taken"]);
        for row in &imported.bad {
            bad.add_row([row.line.to_string(), row.column.unwrap_or("-").to_owned(), row.reason.clone()]);
        }
        line(&mut text, format_args!("{bad}"));
    }
    text
}

pub(super) fn hits(hits: &[HitView]) -> String {
    if hits.is_empty() {
        return "No hits.".to_owned();
    }
    let mut shown = table(&["account", "score", "state", "listed entity", "why", "first seen (UTC)"]);
    for hit in hits {
        let (name, why) = finding(hit.finding.as_ref());
        shown.add_row([
            hit.reference_id.clone().unwrap_or_else(|| hit.account_id.to_string()),
            format!("{:.2}", hit.score),
            decided(hit),
            format!("{name}\n{} · {}\n{}", hit.entity, hit.list, hit.id),
            why,
            time(hit.first_seen_at),
        ]);
    }
    format!("{shown}\n{} {}", hits.len(), if hits.len() == 1 { "hit" } else { "hits" })
}

/// Where a hit stands, and what changed since somebody looked at it.
fn state(hit: &HitView) -> String {
    match hit.changes.as_slice() {
        [] => hit.state.to_owned(),
        changes => format!("{}\nchanged: {}", hit.state, changes.join(", ")),
    }
}

fn decided(hit: &HitView) -> String {
    let changed = match hit.changes.as_slice() {
        [] => String::new(),
        changes => format!("\nchanged: {}", changes.join(", ")),
    };
    match (&hit.decided_by, &hit.reason) {
        (Some(by), _) if hit.state == "open" => format!("open again\nafter a decision\nby {by}{changed}"),
        (None, _) if hit.state == "open" => format!("open{changed}"),
        (Some(by), Some(reason)) => format!("{}\nby {by}:\n{reason}", hit.state),
        (Some(by), None) => format!("{}\nby {by}", hit.state),
        (None, _) => hit.state.to_owned(),
    }
}

/// The demo's hits: with what was planted.
pub(super) fn demo_hits(hits: &[HitView], planted: &BTreeMap<String, &'static str>) -> String {
    let mut shown = table(&["account", "score", "listed entity", "why", "planted as"]);
    for hit in hits {
        let reference = hit.reference_id.clone().unwrap_or_default();
        let (name, why) = finding(hit.finding.as_ref());
        let planted = planted.get(&reference).copied().unwrap_or("-");
        shown.add_row([
            reference,
            format!("{:.2}", hit.score),
            format!("{name}\n{}", hit.entity),
            why,
            planted.to_owned(),
        ]);
    }
    shown.to_string()
}

fn finding(finding: Option<&Finding>) -> (String, String) {
    match finding {
        None => ("(redacted)".to_owned(), String::new()),
        Some(finding) => {
            let why: Vec<&str> = finding.reasons.iter().map(|reason| reason.text.as_str()).collect();
            (finding.name.clone(), why.join("\n"))
        }
    }
}

pub(super) fn account(account: &AccountView) -> String {
    let mut text = String::new();
    let reference = account.reference_id.as_deref().unwrap_or("-");
    line(&mut text, format_args!("{reference}  ({}, {})", account.account_type, account.id));
    line(&mut text, format_args!("status  {}", account.status));
    let tags = if account.tags.is_empty() { "-".to_owned() } else { account.tags.join(", ") };
    line(&mut text, format_args!("tags    {tags}"));
    line(
        &mut text,
        format_args!(
            "made    {}, changed {}, data version {}",
            time(account.created_at),
            time(account.updated_at),
            account.version
        ),
    );
    let mut fields = table(&["field", "value"]);
    for (key, value) in &account.fields {
        fields.add_row([key.clone(), field(value)]);
    }
    line(&mut text, format_args!("\n{fields}"));

    let mut monitors = table(&["schedule", "report", "state", "slot", "next run (UTC)"]);
    for monitor in &account.monitors {
        let mut state = monitor.state.to_owned();
        if let Some(reason) = &monitor.reason {
            state = format!("{state}: {reason}");
        }
        if monitor.failed_attempts > 0 {
            state = format!("{state}, {} failed attempts", monitor.failed_attempts);
        }
        let next = monitor.next_run_at.map_or_else(|| "-".to_owned(), time);
        monitors.add_row([&monitor.schedule, &monitor.id, &state, &monitor.slot.to_string(), &next]);
    }
    if account.monitors.is_empty() {
        line(&mut text, format_args!("\nNo schedule watches this account."));
    } else {
        line(&mut text, format_args!("\n{monitors}"));
    }
    line(&mut text, format_args!("\n{}", runs(&account.runs)));
    if !account.months.is_empty() {
        line(&mut text, format_args!("\n{}", months(&account.months)));
    }
    line(&mut text, format_args!("\n{}", hits(&account.hits)));
    text
}

pub(super) fn run(account: &AccountView, missing: &[String]) -> String {
    let newest: Vec<&RunView> = account
        .monitors
        .iter()
        .filter(|monitor| !missing.contains(&monitor.schedule))
        .filter_map(|monitor| account.runs.iter().find(|run| run.report == monitor.id))
        .collect();
    let mut text = String::new();
    for run in newest {
        let failure = run.failure.as_deref().map(|failure| format!(" ({failure})")).unwrap_or_default();
        line(
            &mut text,
            format_args!(
                "{}: {}{failure}, {} entities, {} ms, against {}",
                run.schedule,
                run.outcome,
                run.findings,
                run.duration_ms,
                basis(&run.basis)
            ),
        );
    }
    let present: Vec<&HitView> = account.hits.iter().filter(|hit| hit.state != "gone").collect();
    if !present.is_empty() {
        line(&mut text, format_args!("{}", hits(&account.hits)));
    }
    text
}

fn runs(runs: &[RunView]) -> String {
    if runs.is_empty() {
        return "No runs yet.".to_owned();
    }
    let mut shown =
        table(&["recorded (UTC)", "schedule", "slot", "why", "outcome", "entities", "against", "data"]);
    for run in runs {
        let failure = run.failure.as_deref().map(|failure| format!(": {failure}")).unwrap_or_default();
        shown.add_row([
            time(run.recorded_at),
            run.schedule.clone(),
            run.slot.to_string(),
            run.trigger.clone(),
            format!("{}{failure}", run.outcome),
            run.findings.to_string(),
            basis(&run.basis),
            format!("v{}", run.account_version),
        ]);
    }
    shown.to_string()
}

fn months(months: &[MonthView]) -> String {
    let mut shown = table(&["month", "schedule", "clear runs", "slots", "days (UTC)", "against"]);
    for month in months {
        let screened = month.screened.iter();
        let (days, against): (Vec<_>, Vec<_>) =
            screened.map(|screened| (days(&screened.days), basis(&screened.basis))).unzip();
        shown.add_row([
            month.month.clone(),
            month.schedule.clone(),
            month.runs.to_string(),
            format!("{} to {}", month.first_slot, month.last_slot),
            days.join("\n"),
            against.join("\n"),
        ]);
    }
    shown.to_string()
}

/// `1-3, 5`
fn days(days: &[u32]) -> String {
    let ranges = days.chunk_by(|day, next| day + 1 == *next).filter_map(|range| match range {
        [] => None,
        [day] => Some(day.to_string()),
        [first, .., last] => Some(format!("{first}-{last}")),
    });
    ranges.collect::<Vec<_>>().join(", ")
}

pub(super) fn compacted(compacted: &Compacted) -> String {
    if compacted.is_elsewhere {
        return "Another process is at it.".to_owned();
    }
    let mut text = String::new();
    line(
        &mut text,
        format_args!("{} clear runs compacted, {} runs kept whole", compacted.runs, compacted.kept),
    );
    for (partitions, what) in
        [(&compacted.dropped, "gone"), (&compacted.waiting, "waiting for a reader to end: goes next time")]
    {
        for partition in partitions {
            line(&mut text, format_args!("{partition}: {what}"));
        }
    }
    text
}

/// `local (local-1), ofac@1a2b3c4d5e6f7a8b`
fn basis(basis: &Value) -> String {
    let word = |key: &str| basis.get(key).and_then(Value::as_str).unwrap_or("?");
    let mut text = format!("{} ({})", word("provider"), word("engine"));
    for list in basis.get("lists").and_then(Value::as_array).into_iter().flatten() {
        let part = |key: &str| list.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
        // Whole: versions of a list of one's own all begin the same.
        write!(text, ", {}@{}", part("name"), part("version")).expect("a string takes all");
    }
    text
}

fn field(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(field).collect::<Vec<_>>().join("; "),
        Value::Object(parts) => {
            let order = ["first", "middle", "last"];
            let known = order.iter().filter_map(|key| parts.get(*key)).map(field);
            let rest =
                parts.iter().filter(|(key, _)| !order.contains(&key.as_str())).map(|(_, part)| field(part));
            known.chain(rest).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

pub(super) fn paused(paused: &Paused) -> String {
    let mut shown = table(&["paused", "since (UTC)", "by", "why"]);
    for pause in &paused.pauses {
        shown.add_row([
            named(pause),
            time(pause.paused_at),
            pause.actor.clone(),
            pause.reason.clone().unwrap_or_default(),
        ]);
    }
    for pause in &paused.accounts {
        let account = pause.reference_id.clone().unwrap_or_else(|| pause.account_id.to_string());
        shown.add_row([
            format!("account {account}"),
            time(pause.paused_at),
            pause.actor.clone(),
            pause.reason.clone().unwrap_or_default(),
        ]);
    }
    shown.to_string()
}

fn named(pause: &PauseView) -> String {
    match &pause.name {
        Some(name) => format!("{} {name}", pause.scope),
        None => pause.scope.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_shown_whole_for_those_of_own_lists_all_begin_the_same() {
        let told = basis(&serde_json::json!({
            "provider": "local",
            "engine": "local-1",
            "lists": [{ "name": "blocked", "version": "lst_01m8hsg7xq2yjr6n4k3v5w9z0b-2" }],
        }));
        assert_eq!(told, "local (local-1), blocked@lst_01m8hsg7xq2yjr6n4k3v5w9z0b-2");
    }
}

//! The audit log as a table.

use super::{table, time};
use crate::actions::{audit::EntryView, ledger::FileView};

/// How many objects of one entry a table shows.
const MOST: usize = 5;

pub(in crate::cli) fn audit(entries: &[EntryView]) -> String {
    if entries.is_empty() {
        return "There are no such entries.".to_owned();
    }
    let mut shown = table(&["number", "when", "operation", "object", "who", "by", "from", "detail"]);
    for entry in entries {
        let object = entry.object.as_ref().or(entry.account.as_ref());
        let object = object.cloned().unwrap_or_else(|| listed(&entry.objects));
        let detail = entry.detail.to_string();
        shown.add_row([
            entry.sequence.to_string(),
            time(entry.occurred_at),
            entry.operation.clone(),
            object,
            entry.actor.clone(),
            entry.origin_id.clone().unwrap_or_else(|| entry.origin.clone()),
            entry.address.clone().unwrap_or_default(),
            if detail == "{}" { String::new() } else { detail },
        ]);
    }
    shown.to_string()
}

/// The first of what a reading showed: a listing shows a hundred.
fn listed(objects: &[String]) -> String {
    let shown = objects.get(..MOST.min(objects.len())).unwrap_or_default().join("\n");
    match objects.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown}\n… and {more} more: --json"),
    }
}

pub(in crate::cli) fn ledger(files: &[FileView]) -> String {
    if files.is_empty() {
        return "Nothing was redacted yet: the ledger has no files.".to_owned();
    }
    let mut shown = table(&["file", "lines", "seen", "done", "open", "in use", "fault"]);
    for file in files {
        shown.add_row([
            file.file.clone(),
            file.lines.to_string(),
            file.seen.to_string(),
            file.done.to_string(),
            file.open.to_string(),
            if file.is_in_use { "yes" } else { "no" }.to_owned(),
            file.fault.clone().unwrap_or_default(),
        ]);
    }
    shown.to_string()
}

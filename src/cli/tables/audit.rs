//! The audit log as a table.

use super::{table, time};
use crate::actions::audit::EntryView;

pub(in crate::cli) fn audit(entries: &[EntryView]) -> String {
    if entries.is_empty() {
        return "There are no such entries.".to_owned();
    }
    let mut shown = table(&["number", "when", "operation", "object", "who", "by", "from", "detail"]);
    for entry in entries {
        let object = entry.object.as_ref().or(entry.account.as_ref());
        let detail = entry.detail.to_string();
        shown.add_row([
            entry.sequence.to_string(),
            time(entry.occurred_at),
            entry.operation.clone(),
            object.cloned().unwrap_or_default(),
            entry.actor.clone(),
            entry.origin_id.clone().unwrap_or_else(|| entry.origin.clone()),
            entry.address.clone().unwrap_or_default(),
            if detail == "{}" { String::new() } else { detail },
        ]);
    }
    shown.to_string()
}

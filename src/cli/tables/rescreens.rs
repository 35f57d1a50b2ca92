//! Rescreens.

use super::{line, table, time};
use crate::actions::rescreen::Rescreens;

/// Why accounts were screened once more, and how far that is.
pub(crate) fn rescreens(shown: &Rescreens) -> String {
    let mut text = String::new();
    if shown.rescreens.is_empty() {
        text.push_str("No account was screened once more.\n");
        return text;
    }
    let mut rows = table(&[
        "begun (UTC)",
        "why",
        "what changed",
        "schedules",
        "compared",
        "accounts",
        "monitors",
        "until",
    ]);
    for one in &shown.rescreens {
        let why = match (&one.list, one.number, &one.version) {
            (Some(list), Some(number), Some(version)) => {
                format!("{} {list}, version {number} ({version})", one.reason)
            }
            _ => format!("{} by {}", one.reason, one.actor),
        };
        let changed = if one.reopens {
            format!("all are screened, {} hits are open again", one.reopened)
        } else if one.complete {
            "all are screened".to_owned()
        } else {
            format!(
                "{} added, {} changed, {} removed, {} merged",
                one.added, one.changed, one.removed, one.merged
            )
        };
        rows.add_row([
            time(one.created_at),
            why,
            changed,
            one.schedules.join(", "),
            if one.complete { "-".to_owned() } else { one.compared.to_string() },
            if one.complete { "-".to_owned() } else { one.accounts.to_string() },
            one.monitors.to_string(),
            one.finished_at.map_or_else(|| "under way".to_owned(), time),
        ]);
    }
    line(&mut text, format_args!("{rows}"));
    line(
        &mut text,
        format_args!("{} monitors that a change of a list concerns have still to run", shown.waiting),
    );
    text
}

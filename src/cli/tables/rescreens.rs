//! Rescreens.

use super::{decided, finding, line, table, time};
use crate::actions::rescreen::{Brought, RescreenRow, Rescreens};

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
        rows.add_row([
            format!("{}\n{}", time(one.created_at), one.id),
            why(one),
            changed(one),
            one.schedules.join(", "),
            if one.complete { "-".to_owned() } else { one.compared.to_string() },
            if one.complete { "-".to_owned() } else { one.accounts.to_string() },
            one.monitors.to_string(),
            until(one),
        ]);
    }
    line(&mut text, format_args!("{rows}"));
    line(
        &mut text,
        format_args!(
            "compared: accounts that share a key with what came, and were compared with it before anything ran\n\
             accounts: those that the change concerns: who matched it, and who has a hit of what is different\n\
             monitors: those that were made due; until: when all were, which is before they ran"
        ),
    );
    let most = if shown.waiting_is_cut { "At least " } else { "" };
    line(
        &mut text,
        format_args!(
            "{most}{} {} still to run because a list changed or somebody asked for it",
            shown.waiting,
            if shown.waiting == 1 { "monitor has" } else { "monitors have" },
        ),
    );
    text
}

fn why(one: &RescreenRow) -> String {
    match (&one.list, one.number, &one.version) {
        (Some(list), Some(number), Some(version)) => {
            format!("{} {list}, version {number} ({version})", one.reason)
        }
        _ => format!("{} by {}", one.reason, one.actor),
    }
}

/// The difference, where it is known, and whether all are screened.
fn changed(one: &RescreenRow) -> String {
    if one.reopens {
        return format!("all are screened, {} hits are open again", one.reopened);
    }
    let difference = difference(one);
    let is_known = [one.added, one.changed, one.removed, one.merged].iter().any(|count| *count > 0);
    match (one.complete, is_known) {
        (true, true) => format!("{difference}\nall are screened"),
        (true, false) => "all are screened".to_owned(),
        (false, _) => difference,
    }
}

fn difference(one: &RescreenRow) -> String {
    format!("{} added, {} changed, {} removed, {} merged", one.added, one.changed, one.removed, one.merged)
}

/// Who is due has not run yet.
fn until(one: &RescreenRow) -> String {
    let left = match one.waiting {
        0 => "none still to run".to_owned(),
        waiting => format!("{waiting} still to run"),
    };
    match one.finished_at {
        Some(finished) => format!("all due at {},\n{left}", time(finished)),
        None => format!("under way,\n{left} of those due"),
    }
}

/// What rescreens brought, and how fast.
pub(crate) fn brought(all: &[Brought]) -> String {
    let mut text = String::new();
    if all.is_empty() {
        text.push_str("No account was screened once more.\n");
    }
    for (place, one) in all.iter().enumerate() {
        if place > 0 {
            text.push('\n');
        }
        one_brought(&mut text, one);
    }
    text
}

fn one_brought(text: &mut String, brought: &Brought) {
    let one = &brought.rescreen;
    line(text, format_args!("{}  {}", one.id, why(one)));
    line(text, format_args!("what changed  {}", changed(one).replace('\n', ", ")));
    if let Some(taken_at) = brought.taken_at {
        line(text, format_args!("in force      {} UTC", time(taken_at)));
    }
    let concerned = if one.complete {
        format!("all of {}", one.schedules.join(", "))
    } else {
        format!("{} accounts, {} were compared with what came", one.accounts, one.compared)
    };
    line(
        text,
        format_args!(
            "concerned     {concerned}; {} monitors, {}",
            one.monitors,
            until(one).replace('\n', " ")
        ),
    );
    if one.list.is_none() {
        line(text, format_args!("No list changed: what its runs found, `watchkeeper hits --from` shows."));
        return;
    }
    match (brought.last_recorded_at, brought.seconds) {
        (Some(last), Some(seconds)) => line(
            text,
            format_args!(
                "screened      {} runs against this version, the last recorded {} UTC, {seconds} s after it came",
                brought.runs,
                time(last)
            ),
        ),
        _ => line(text, format_args!("screened      no run against this version is recorded")),
    }
    if brought.hits.is_empty() {
        line(text, format_args!("No hit came, changed or went."));
        return;
    }
    let mut rows = table(&["hit", "account", "score", "state", "listed entity", "why", "when (UTC)"]);
    for one in &brought.hits {
        let (name, why) = finding(one.hit.finding.as_ref());
        rows.add_row([
            one.became.clone(),
            one.hit.reference_id.clone().unwrap_or_else(|| one.hit.account_id.to_string()),
            format!("{:.2}", one.hit.score),
            decided(&one.hit),
            format!("{name}\n{} · {}\n{}", one.hit.entity, one.hit.list, one.hit.id),
            why,
            time(one.at),
        ]);
    }
    line(text, format_args!("{rows}"));
    let word = if brought.hits.len() == 1 { "hit" } else { "hits" };
    let more = if brought.is_cut { "; there are more, which are not shown" } else { "" };
    line(text, format_args!("{} {word}{more}", brought.hits.len()));
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::domain::id::RescreenId;

    fn row(complete: bool, waiting: i64) -> RescreenRow {
        RescreenRow {
            id: RescreenId("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()),
            reason: "list-change".to_owned(),
            list: Some("ofac".to_owned()),
            number: Some(3),
            version_before: Some("a".to_owned()),
            version: Some("b".to_owned()),
            added: 5000,
            changed: 0,
            removed: 1,
            merged: 0,
            schedules: vec!["daily".to_owned()],
            complete,
            compared: 0,
            accounts: 0,
            monitors: 9000,
            waiting,
            reopens: false,
            reopened: 0,
            actor: "lists".to_owned(),
            created_at: DateTime::<Utc>::UNIX_EPOCH,
            finished_at: Some(DateTime::<Utc>::UNIX_EPOCH),
        }
    }

    #[test]
    fn what_is_due_is_not_done_and_a_complete_rescreen_tells_its_difference() {
        assert_eq!(until(&row(true, 8000)), "all due at 1970-01-01 00:00:00,\n8000 still to run");
        assert_eq!(until(&row(true, 0)), "all due at 1970-01-01 00:00:00,\nnone still to run");
        let told = changed(&row(true, 0));
        assert_eq!(told, "5000 added, 0 changed, 1 removed, 0 merged\nall are screened");
        let shown = Rescreens { rescreens: vec![row(true, 8000)], waiting: 8000, waiting_is_cut: false };
        assert!(rescreens(&shown).contains("8000 monitors have still to run because"));
    }
}

//! The published lists.

use super::{table, time};
use crate::app::lists::ListView;

pub(in crate::cli) fn lists(lists: &[ListView]) -> String {
    if lists.is_empty() {
        return "The configuration has no published list.".to_owned();
    }
    let mut shown = table(&["list", "version", "entities", "names", "not understood", "age", "source"]);
    let mut notes = Vec::new();
    for list in lists {
        let (standing, state) = (&list.standing, &list.standing.state);
        let name = &standing.name;
        let kept = state.in_force.as_ref();
        let count = |count: Option<usize>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let age = standing.age_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        // To the minute: nobody asks for more.
        let age = age.map(|seconds| {
            std::time::Duration::from_secs(if seconds < 60 { seconds } else { seconds / 60 * 60 })
        });
        let age = age.map_or_else(|| "-".to_owned(), |age| humantime::format_duration(age).to_string());
        shown.add_row([
            name.clone(),
            kept.map_or_else(|| "-".to_owned(), |kept| kept.version.clone()),
            count(kept.map(|kept| kept.entities)),
            count(kept.map(|kept| kept.names)),
            count(kept.map(|kept| kept.faults.total())),
            if standing.stale { format!("{age} (stale)") } else { age },
            standing.source.clone(),
        ]);
        if let Some(refused) = &state.refused {
            let version = refused
                .version
                .as_deref()
                .map_or_else(|| "one that cannot be read".to_owned(), str::to_owned);
            notes.push(format!(
                "{name}: version refused at {}: {version}: {}",
                time(refused.at),
                refused.reason
            ));
            if refused.version.is_some() {
                notes.push(format!(
                    "  watchkeeper lists diff {name} {name}@refused; watchkeeper lists accept {name}"
                ));
            }
        }
        if let Some((at, reason)) = &state.failed {
            notes.push(format!("{name}: the last look failed at {}: {reason}", time(*at)));
        }
        if let Some(fault) = &list.fault {
            notes.push(format!("{name}: {fault}"));
        }
        if let Some(kept) = kept {
            for (what, count) in &kept.faults.unknown {
                notes.push(format!("{name}: not understood: {what} ({count})"));
            }
        }
    }
    let mut text = shown.to_string();
    for note in notes {
        text.push('\n');
        text.push_str(&note);
    }
    text
}

//! The state of everything, as a table.

use std::fmt::Write;

use super::{line, named, table, time};
use crate::actions::{inspect::StatusView, overview::ProviderState, pause::PauseView, retention::Standing};

/// `provider yente, by cli:ops since 2026-03-01 09:00:00: their maintenance`
pub(super) fn pause_line(pause: &PauseView) -> String {
    let mut text = format!("{}, by {} since {}", named(pause), pause.actor, time(pause.paused_at));
    if let Some(reason) = &pause.reason {
        write!(text, ": {reason}").expect("a string takes all");
    }
    text
}

/// What keeps a provider from being asked.
fn show_provider(text: &mut String, provider: &ProviderState) {
    let name = &provider.name;
    if let Some(since) = provider.down_since {
        let probe = provider.next_probe_at.map_or_else(String::new, time);
        line(
            text,
            format_args!("DOWN: provider {name} since {}; the next call is tried at {probe}", time(since)),
        );
    }
    if let (Some(until), Some(reason)) = (provider.rests_until, provider.rest_reason) {
        line(text, format_args!("RESTS: provider {name} until {} ({reason})", time(until)));
    }
}

/// What is to be redacted, where policies say so.
fn show_retention(text: &mut String, retention: &Standing) {
    if retention.policies > 0 {
        let swept = retention.swept_at.map_or_else(|| "never".to_owned(), time);
        let oldest = retention.oldest_due_at.map_or_else(String::new, |at| format!(" since {}", time(at)));
        line(
            text,
            format_args!(
                "{} retention policies; {} due to be redacted{oldest}; last sweep done: {swept}",
                retention.policies, retention.due
            ),
        );
    }
    if !retention.failing.is_empty() {
        line(
            text,
            format_args!("NOT REDACTED though due, the log says why: {}", retention.failing.join(", ")),
        );
    }
}

pub(in super::super) fn status(status: &StatusView) -> String {
    let mut text = String::new();
    match status.processes.as_slice() {
        [] => line(&mut text, format_args!("No daemon is running.")),
        processes => {
            for process in processes {
                line(
                    &mut text,
                    format_args!(
                        "daemon {} on {} (pid {}), version {}, since {}, last seen {} s ago: {} of 256 shards, configuration {}{}",
                        process.id,
                        process.host,
                        process.pid,
                        process.version,
                        time(process.started_at),
                        (status.now - process.seen_at).num_seconds().max(0),
                        process.shards,
                        process
                            .revision
                            .map_or_else(|| "unknown".to_owned(), |revision| revision.to_string()),
                        if process.leaving { ", leaving" } else { "" },
                    ),
                );
            }
        }
    }
    let last = status.last_run_at.map_or_else(|| "none yet".to_owned(), time);
    line(
        &mut text,
        format_args!(
            "{} accounts, {} open hits, {} monitors quarantined; last run {last}; {} accounts to enrol, {} urgent runs waiting",
            status.accounts, status.open_hits, status.quarantined, status.enrol_queue, status.urgent
        ),
    );
    show_retention(&mut text, &status.retention);
    for provider in &status.providers {
        show_provider(&mut text, provider);
    }
    for pause in &status.pauses {
        line(&mut text, format_args!("PAUSED: {}", pause_line(pause)));
    }
    if status.paused_accounts > 0 {
        line(
            &mut text,
            format_args!("{} accounts are paused; `watchkeeper pauses` shows them", status.paused_accounts),
        );
    }
    if status.partition_months_ahead < 2 {
        line(
            &mut text,
            format_args!(
                "only {} months ahead have their partitions: does a daemon run, and what does its log say?",
                status.partition_months_ahead
            ),
        );
    }
    let mut schedules =
        table(&["schedule", "active", "held", "paused", "never run", "due", "oldest due", "failing", ""]);
    for schedule in &status.schedules {
        let oldest =
            schedule.oldest_due_seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds} s"));
        let is_paused =
            |pause: &PauseView| pause.scope == "schedule" && pause.name.as_ref() == Some(&schedule.name);
        let note = match (schedule.removed_at, status.pauses.iter().any(is_paused), schedule.enrolling) {
            (Some(_), _, _) => "removed",
            (None, true, true) => "pausing",
            (None, true, false) => "paused",
            (None, false, true) => "enrolling",
            (None, false, false) => "",
        };
        schedules.add_row([
            schedule.name.clone(),
            schedule.active.to_string(),
            schedule.held.to_string(),
            schedule.paused.to_string(),
            schedule.never_run.to_string(),
            schedule.due.to_string(),
            oldest,
            schedule.failing.to_string(),
            note.to_owned(),
        ]);
    }
    line(&mut text, format_args!("{schedules}"));
    text
}

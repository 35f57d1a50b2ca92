//! `audit`: who did what, and the proof of it.

use std::{
    fs,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::{BAD_NEWS, objects, say, show, tables};
use crate::{
    actions::audit::{self, Checkpoint, Wanted},
    app::{self, commands},
    config::Settings,
    domain::{date, id},
};

/// What to do with the audit log.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Lists entries, the newest first: who did what to which object, when, from where.
    List(ListOptions),
    /// Follows the log from its first entry to its last, and says the first fault.
    Verify(VerifyOptions),
    /// Prints the certificate of a redaction: of the newest one of an object, or of an entry of the log.
    Certificate {
        /// The id of what was redacted, an account's reference id, or the number of the entry.
        #[arg(value_name = "ID")]
        of: String,
        /// As a page for people, instead of JSON.
        #[arg(long)]
        html: bool,
    },
    /// Prints how the log stands now; kept elsewhere, it finds what is cut off later.
    Checkpoint,
}

/// Which entries.
#[derive(Args, Clone, Debug)]
pub(super) struct ListOptions {
    /// Only those about an object, by its id: an account, a hit, a report, a key, …; an account by its reference id too.
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Only those of an operation, such as account.redacted; `account.*` for all of accounts.
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Only those of who did it: an actor, the id of a key, a user.
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// Only those since a time, or within a duration: 2026-03-04T05:06:07Z, 7d.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    since: Option<When>,
    /// Only those before a time.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    until: Option<When>,
    /// Only those before this number: the last of the page before.
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<i64>,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// What to prove.
#[derive(Args, Clone, Debug)]
pub(super) struct VerifyOptions {
    /// A file of checkpoints, one a line, that the log must agree with. Several times for several.
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// A certificate of erasure, as `audit certificate` prints it. Several times for several.
    #[arg(long = "certificate", value_name = "FILE")]
    certificates: Vec<PathBuf>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug)]
enum When {
    At(DateTime<Utc>),
    Ago(TimeDelta),
}

impl When {
    fn before(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.checked_sub_signed(ago).unwrap_or(DateTime::UNIX_EPOCH),
        }
    }
}

fn when(text: &str) -> Result<When, String> {
    if let Some(at) = date::moment(text) {
        return Ok(When::At(at));
    }
    let ago = humantime::parse_duration(text).ok().and_then(|ago| TimeDelta::from_std(ago).ok());
    ago.map(When::Ago)
        .ok_or_else(|| "accepted is a time such as 2026-03-04T05:06:07Z, or a duration such as 7d".to_owned())
}

pub(super) async fn run(settings: &Settings, command: &AuditCommand) -> anyhow::Result<ExitCode> {
    let context = app::open(settings).await?;
    if !matches!(command, AuditCommand::Verify(_)) {
        // What is proved is the log as it lies there, whatever is wrong with it.
        audit::settle(&context).await?;
    }
    match command {
        AuditCommand::List(options) => {
            let object = match &options.object {
                Some(text) => Some(objects::find(&context, text).await.context("--object")?),
                None => None,
            };
            let now = context.now();
            let wanted = Wanted {
                object,
                operation: options.operation.clone(),
                actor: options.by.clone(),
                since: options.since.map(|when| when.before(now)),
                until: options.until.map(|when| when.before(now)),
                after: options.after,
                before: None,
            };
            let (found, _) = audit::list(&context, &wanted, options.limit).await?;
            let shown: Vec<audit::EntryView> = found.iter().map(Into::into).collect();
            show(options.json, &shown, || tables::audit(&shown))?;
        }
        AuditCommand::Verify(options) => {
            let mut checkpoints = Vec::new();
            for file in &options.checkpoints {
                checkpoints.extend(read_checkpoints(file)?);
            }
            let bar = progress_bar(options.json);
            let verified = audit::verify_all(&context, &checkpoints, |done, all| {
                bar.set_length(u64::try_from(all.max(done)).unwrap_or(0));
                bar.set_position(u64::try_from(done).unwrap_or(0));
            })
            .await?;
            bar.finish_and_clear();
            let mut doubted = false;
            for file in &options.certificates {
                let certificate = read_certificate(file)?;
                if let Some(doubt) = audit::doubt(&context, &certificate).await? {
                    doubted = true;
                    writeln!(std::io::stderr(), "{}: DOUBT: {doubt}", file.display())
                        .context("standard error")?;
                } else if !options.json {
                    let count = certificate.keys.len();
                    say(&format!("{}: true; none of its {count} keys is there.", file.display()))?;
                }
            }
            show(options.json, &verified, || match &verified.fault {
                None if options.checkpoints.is_empty() => format!(
                    "{} entries are as they were written.\n{}",
                    verified.entries,
                    without_checkpoints(commands::checkpoint_file(settings).as_deref())
                ),
                None => format!(
                    "{} entries are as they were written; {} checkpoints agree.",
                    verified.entries, verified.checkpoints
                ),
                Some(fault) => format!(
                    "FAULT: {fault}.\n{} entries before it are as they were written.",
                    verified.entries
                ),
            })?;
            if verified.fault.is_some() || doubted {
                return Ok(ExitCode::from(BAD_NEWS));
            }
        }
        AuditCommand::Certificate { of, html } => {
            let made = if id::uuid_of(of).is_some() || of.parse::<i64>().is_ok() {
                audit::certificate(&context, of).await?
            } else {
                let account = objects::account(&context, of).await?;
                audit::certificate(&context, &account.to_string()).await?
            };
            let text =
                if *html { commands::certificate_page(&made) } else { serde_json::to_string_pretty(&made)? };
            say(text.trim_end())?;
        }
        AuditCommand::Checkpoint => {
            say(&serde_json::to_string(&audit::checkpoint(&context).await?)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is said where no checkpoint was given: a log that was cut off or replaced whole is found by none other.
fn without_checkpoints(kept: Option<&Path>) -> String {
    let why =
        "No checkpoint was given, and without one nobody sees that a log was cut off or replaced whole.";
    match kept {
        None => format!(
            "{why} `watchkeeper audit checkpoint` takes one; checkpoint-folder in [audit] keeps them."
        ),
        Some(file) if file.exists() => format!("{why} They are kept here: --checkpoint {}", file.display()),
        Some(file) => format!("{why} They are to be kept in {}, and none is there yet.", file.display()),
    }
}

fn read_certificate(file: &Path) -> anyhow::Result<audit::Certificate> {
    let name = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("{name} could not be read"))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{name}: accepted is what `watchkeeper audit certificate` prints"))
}

/// A bar on a terminal; nothing where a program reads.
pub(super) fn progress_bar(json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} {per_sec} {eta}");
    ProgressBar::new(0).with_style(style.expect("the template is well formed"))
}

fn read_checkpoints(file: &Path) -> anyhow::Result<Vec<Checkpoint>> {
    let name = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("{name} could not be read"))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = lines.map(|(number, line)| {
        serde_json::from_str(line).with_context(|| {
            format!("{name}, line {}: accepted is what `watchkeeper audit checkpoint` prints", number + 1)
        })
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_no_checkpoint_is_told_where_they_are_or_would_be() {
        assert!(without_checkpoints(None).contains("checkpoint-folder in [audit]"));
        let absent = without_checkpoints(Some(Path::new("/nowhere/audit-checkpoints.jsonl")));
        assert!(absent.contains("/nowhere/audit-checkpoints.jsonl, and none is there yet"), "{absent}");
        let there = without_checkpoints(Some(Path::new(env!("CARGO_MANIFEST_DIR"))));
        assert!(there.contains("--checkpoint "), "{there}");
    }
}

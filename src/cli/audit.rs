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

use super::{BAD_NEWS, say, show, tables};
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
        /// The id of what was redacted, or the number of the entry.
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
    /// Only those about an object, by its id: an account, a hit, a report, a key, …
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
            let object = options.object.as_ref().map(|text| {
                id::uuid_of(text).with_context(|| {
                    format!("--object: {text} is not an id; accepted is an id such as hit_…")
                })
            });
            let now = context.now();
            let wanted = Wanted {
                object: object.transpose()?,
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
            let made = audit::certificate(&context, of).await?;
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

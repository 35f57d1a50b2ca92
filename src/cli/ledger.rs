//! `ledger`: the erasure ledger.

use std::process::ExitCode;

use clap::Subcommand;

use super::{BAD_NEWS, actor, say, show, tables};
use crate::{actions::ledger, app, config::Settings};

/// What to do with the erasure ledger.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// Shows its files, and how far the database has seen them.
    Status {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Forgets a file that is lost for good, or was put away: what it says is not redacted again after a restore.
    Forget {
        /// The file's name, as `ledger status` shows it.
        #[arg(value_name = "FILE")]
        file: String,
        /// Who does it; the user of the system when not given.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Redacts again what a restored database has again, as a daemon does by itself.
    Replay {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(settings: &Settings, command: &LedgerCommand) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        settings.audit.ledger_folder.is_some() || matches!(command, LedgerCommand::Forget { .. }),
        "there is no erasure ledger; accepted with ledger-folder in [audit]"
    );
    let context = app::open(settings).await?;
    let is_sound = match command {
        LedgerCommand::Status { json } => {
            let files = ledger::status(&context).await?;
            show(*json, &files, || tables::ledger(&files))?;
            files.iter().all(|file| file.fault.is_none())
        }
        LedgerCommand::Forget { file, by } => {
            ledger::forget(&context, &actor(by.as_deref()), file).await?;
            say(&format!("{file} is forgotten: after a restore, nothing is redacted again by it."))?;
            true
        }
        LedgerCommand::Replay { json } => {
            let settled = ledger::settle(&context, |_| {}).await?;
            show(*json, &settled, || {
                let faults: Vec<String> =
                    settled.faults.iter().map(|fault| format!("\nFAULT: {fault}")).collect();
                format!(
                    "{} new lines; {} keys were destroyed again.{}",
                    settled.lines,
                    settled.replayed,
                    faults.concat()
                )
            })?;
            settled.faults.is_empty()
        }
    };
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::from(BAD_NEWS) })
}

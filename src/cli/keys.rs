//! `keys`: master keys.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;

use super::{actor, audit::progress_bar, say, show, tables};
use crate::{
    actions::master_keys,
    app::{self, commands},
    config::Settings,
};

/// What to do with master keys.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Lists master keys: which is current, how much each wraps, which may be destroyed.
    List {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Writes a new master key into a new file that only its owner may read.
    New {
        /// Its id: small letters, digits and dashes.
        #[arg(value_name = "ID")]
        id: String,
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Wraps everything with the current master key, online; the others wrap nothing from then on. Goes on where an
    /// earlier rotation ended.
    Rotate {
        /// Who does it; the user of the system when not given.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// The current key may be older than one that is in use: that one is retired.
        #[arg(long)]
        retire_younger: bool,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(settings: &Settings, command: &KeysCommand) -> anyhow::Result<ExitCode> {
    match command {
        KeysCommand::List { json } => {
            let keys = master_keys::list(&app::open(settings).await?).await?;
            show(*json, &keys, || tables::master_keys(&keys))?;
        }
        KeysCommand::New { id, file } => {
            anyhow::ensure!(
                !settings.vault.master_keys.contains_key(id),
                "ID: {id} is in [vault] already; accepted is a new id"
            );
            commands::write_key(file)?;
            say(&format!(
                "Wrote {file}. Back it up apart from the database: whoever loses it loses the data.

Next, on every host:
  current = \"{id}\" in [vault], and beside the present keys

  [[vault.master-keys]]
  id = \"{id}\"
  file = \"{file}\"

Then start the daemons anew, one after the other, and
  watchkeeper keys rotate",
                file = file.display(),
            ))?;
        }
        KeysCommand::Rotate { by, retire_younger, json } => {
            let context = app::open(settings).await?;
            let bar = progress_bar(*json);
            let rotated =
                master_keys::rotate(&context, &actor(by.as_deref()), *retire_younger, |done, all| {
                    bar.set_length(all);
                    bar.set_position(done);
                })
                .await?;
            bar.finish_and_clear();
            show(*json, &rotated, || {
                let destroyable = if rotated.destroyable.is_empty() {
                    String::new()
                } else {
                    format!(
                        "\nNothing is wrapped by {} any more: take it out of [vault] everywhere, and destroy it. \
                         Backups from before open nowhere then.",
                        rotated.destroyable.join(", ")
                    )
                };
                format!(
                    "{} data keys were wrapped anew by {}.{destroyable}",
                    rotated.rewrapped, rotated.current
                )
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

//! `export-subject`: everything that is held about one account.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;

use super::{actor, say};
use crate::{
    actions::{export, inspect},
    app::{self, commands},
    config::Settings,
};

/// Whose data, and where to.
#[derive(Args, Clone, Debug)]
pub(super) struct ExportCommand {
    /// The account's reference id or id.
    #[arg(value_name = "ACCOUNT")]
    account: String,
    /// A new file FILE.zip, or a new folder; ACCOUNT-ID.zip when not given.
    #[arg(long, value_name = "FILE.zip or FOLDER")]
    out: Option<PathBuf>,
    /// Who exports it; the user of the system when not given.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

pub(super) async fn run(settings: &Settings, command: &ExportCommand) -> anyhow::Result<()> {
    let context = app::open(settings).await?;
    let account = inspect::find_account(&context, &command.account).await?.id;
    let out = command.out.clone().unwrap_or_else(|| PathBuf::from(format!("{account}.zip")));
    anyhow::ensure!(
        !out.exists(),
        "--out: {} is there already; accepted is a new file or folder",
        out.display()
    );
    let exported = export::export(&context, &actor(command.by.as_deref()), account).await?;
    if out.extension().is_some_and(|extension| extension == "zip") {
        write(&out, &commands::archive(&exported))?;
    } else {
        for (name, content) in commands::exported_files(&exported) {
            let file = out.join(name);
            let folder = file.parent().unwrap_or(&out);
            fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
            write(&file, &content)?;
        }
    }
    let rows: usize = exported.tables.iter().map(|(_, rows)| rows.len()).sum();
    say(&format!(
        "{}: {rows} rows and {} files, readable by you alone.",
        out.display(),
        exported.files.len()
    ))?;
    anyhow::ensure!(
        exported.cut.is_empty(),
        "not all is in it: of {} there are more rows than an export takes",
        exported.cut.join(", ")
    );
    Ok(())
}

/// Writes a new file that only its owner may read.
pub(super) fn write(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    written
        .and_then(|mut file| file.write_all(content))
        .with_context(|| format!("{} could not be written", file.display()))
}

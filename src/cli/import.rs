//! `import`: accounts from a file, with a bar.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::{BAD_NEWS, show, tables};
use crate::{
    actions::import::{BadRow, Format, ImportOptions, Listener},
    app::commands,
    config::Settings,
};

/// What to import, and how.
#[derive(Args, Clone, Debug)]
pub(super) struct ImportArguments {
    /// The file: CSV, whose first line holds the headers, or NDJSON (`.ndjson`, `.jsonl`), an object a line.
    file: PathBuf,
    /// The account type of rows that have no column `type`.
    #[arg(long = "type", value_name = "TYPE")]
    account_type: Option<String>,
    /// What a header means: 'HEADER=FIELD', or 'HEADER=' to leave its column out.
    #[arg(long, value_name = "HEADER=FIELD", value_parser = mapping)]
    map: Vec<(String, String)>,
    /// How the file is written; told by its name when not given.
    #[arg(long)]
    format: Option<Written>,
    /// Only tells what would be done: nothing is written to the database.
    #[arg(long)]
    dry_run: bool,
    /// Writes every row that is not taken to this file, as CSV: line, column, reason.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Written {
    Csv,
    Ndjson,
}

fn mapping(text: &str) -> Result<(String, String), String> {
    let (header, field) =
        text.rsplit_once('=').ok_or("accepted is HEADER=FIELD, or HEADER= to leave the column out")?;
    Ok((header.to_owned(), field.to_owned()))
}

pub(super) async fn run(settings: &Settings, arguments: &ImportArguments) -> anyhow::Result<ExitCode> {
    let format = match arguments.format {
        Some(Written::Csv) => Format::Csv,
        Some(Written::Ndjson) => Format::Ndjson,
        None => Format::of_name(&arguments.file.to_string_lossy()),
    };
    let options = ImportOptions {
        account_type: arguments.account_type.clone(),
        headers: arguments.map.iter().cloned().collect(),
        format,
        dry_run: arguments.dry_run,
        ..ImportOptions::default()
    };
    let bar = ProgressBar::new(fs::metadata(&arguments.file).map_or(0, |file| file.len()));
    bar.set_style(ProgressStyle::with_template(
        "{bar:40} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
    )?);
    let rejects = arguments.rejects.as_ref().map(|path| {
        csv::Writer::from_path(path).with_context(|| format!("{} could not be written", path.display()))
    });
    let mut listening = Listening { bar, rejects: rejects.transpose()?, failed: None };
    if let Some(rejects) = &mut listening.rejects {
        rejects.write_record(["line", "column", "reason"])?;
    }
    let imported = commands::import(settings, &arguments.file, &options, &mut listening).await;
    listening.bar.finish_and_clear();
    let imported = imported?;
    if let Some(error) = listening.failed {
        return Err(error)
            .context("the rows that were not taken could not all be written to the file of --rejects");
    }
    if let Some(mut rejects) = listening.rejects {
        rejects.flush().context("the file of --rejects")?;
    }
    show(arguments.json, &imported, || {
        let done = if arguments.dry_run { "Nothing was written. It would be:\n" } else { "" };
        format!("{done}{}", tables::imported(&imported))
    })?;
    Ok(if imported.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(BAD_NEWS) })
}

/// Moves the bar, and writes down what is not taken.
struct Listening {
    bar: ProgressBar,
    rejects: Option<csv::Writer<File>>,
    failed: Option<csv::Error>,
}

impl Listener for Listening {
    fn progress(&mut self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    fn rejected(&mut self, rows: &[BadRow]) {
        let Some(rejects) = &mut self.rejects else { return };
        for row in rows {
            let record = [row.line.to_string(), row.column.clone().unwrap_or_default(), row.reason.clone()];
            if let Err(error) = rejects.write_record(record) {
                self.failed.get_or_insert(error);
            }
        }
    }
}

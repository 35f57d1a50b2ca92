//! `whatif`.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{
    screen::{beside, threshold},
    show, tables,
};
use crate::{
    actions::what_if::{Difference, Told},
    app::what_if::{self, Options},
    config::Settings,
};

/// Of which schedule, and what is to be different.
#[derive(Args, Clone, Debug)]
pub(super) struct WhatIfCommand {
    /// The schedule; its provider has to be a local one.
    #[arg(long, value_name = "NAME")]
    schedule: String,
    /// The score from which a match counts, 0 to 1; as configured when not given.
    #[arg(long, value_name = "SCORE", value_parser = threshold)]
    threshold: Option<f64>,
    /// How freely names are compared: exact, strict, standard or tolerant; as configured when not given.
    #[arg(long, value_name = "PRESET")]
    matching: Option<String>,
    /// A list in the place of the one of its name, or beside the others: NAME, NAME@VERSION or NAME@refused. Repeatable.
    #[arg(long, value_name = "NAME[@VERSION]")]
    list: Vec<String>,
    /// Writes every hit that would be gained or lost to this file; CSV, or NDJSON when the name ends on .ndjson.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// So many of them are shown.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// For programs.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(settings: &Settings, command: &WhatIfCommand) -> anyhow::Result<ExitCode> {
    let options = Options {
        schedule: command.schedule.clone(),
        threshold: command.threshold,
        matching: command.matching.clone(),
        lists: command.list.clone(),
    };
    let mut out = command.out.as_deref().map(Out::open).transpose()?;
    let mut written = Ok(());
    let mut shown: Vec<Difference> = Vec::new();
    let bar = ProgressBar::new(256);
    bar.set_style(ProgressStyle::with_template("{bar:40} {percent} %  {eta} left")?);
    let told = what_if::what_if(settings, &options, |told| match told {
        Told::Shard(shard) => bar.set_position(shard.into()),
        Told::Difference(difference) => {
            if shown.len() < command.limit {
                shown.push(difference.clone());
            }
            if let (Some(out), Ok(())) = (&mut out, &written) {
                written = out.write(difference);
            }
        }
    });
    let compared = told.await?;
    bar.finish_and_clear();
    written?;
    if let (Some(out), Some(path)) = (out, &command.out) {
        out.finish(path)?;
    }
    let told = json!({ "what-if": compared, "differences": shown });
    show(command.json, &told, || tables::what_if(&compared, &shown))?;
    Ok(ExitCode::SUCCESS)
}

/// Where the differences go.
enum Out {
    Csv(Box<csv::Writer<BufWriter<File>>>),
    Lines(BufWriter<File>),
}

impl Out {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let beside = beside(path);
        let file =
            File::create(&beside).with_context(|| format!("{} could not be written", beside.display()))?;
        let sink = BufWriter::new(file);
        if path.extension().is_some_and(|extension| extension == "ndjson" || extension == "jsonl") {
            return Ok(Self::Lines(sink));
        }
        let mut writer = csv::Writer::from_writer(sink);
        writer.write_record([
            "change",
            "account",
            "report",
            "list",
            "entity",
            "name",
            "score",
            "recorded_score",
            "recorded_state",
        ])?;
        Ok(Self::Csv(Box::new(writer)))
    }

    fn write(&mut self, one: &Difference) -> anyhow::Result<()> {
        let score = |score: Option<f64>| score.map_or_else(String::new, |score| format!("{score:.4}"));
        match self {
            Self::Lines(sink) => writeln!(sink, "{}", serde_json::to_string(one)?)?,
            Self::Csv(writer) => writer.write_record([
                one.change.word(),
                &one.account.to_string(),
                &one.report.to_string(),
                &one.list,
                &one.entity,
                one.name.as_deref().unwrap_or_default(),
                &score(one.score),
                &score(one.recorded_score),
                one.recorded_state.unwrap_or_default(),
            ])?,
        }
        Ok(())
    }

    /// Ends the file, which gets its name only now.
    fn finish(self, path: &Path) -> anyhow::Result<()> {
        match self {
            Self::Csv(mut writer) => writer.flush()?,
            Self::Lines(mut sink) => sink.flush()?,
        }
        fs::rename(beside(path), path).with_context(|| format!("{} could not be written", path.display()))
    }
}

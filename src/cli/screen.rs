//! `screen`: one subject, a file of them, or pairs of names, against the configured lists.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{BAD_NEWS, show, tables};
use crate::{
    app::{
        AppError,
        screen::{self, Pair, Screened, Screener, Tally, Words},
    },
    config::Settings,
    domain::subject::SubjectKind,
};

/// Whom to screen, and how.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct ScreenCommand {
    #[command(subcommand)]
    what: Option<What>,
    /// The name, in any order and alphabet; - reads it from standard input, where no other user of the machine and no
    /// history of commands sees it.
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    name: Option<String>,
    /// What it is the name of.
    #[arg(long, value_enum, default_value = "person")]
    kind: Kind,
    /// The date of birth or foundation: 1980-02-28, 1980-02 or 1980.
    #[arg(long, value_name = "DATE")]
    birth_date: Option<String>,
    /// A country of residence, nationality or registration: its ISO 3166-1 code or English name. Repeatable.
    #[arg(long, value_name = "COUNTRY")]
    country: Vec<String>,
    /// The gender: F, female, M or male.
    #[arg(long, value_name = "GENDER")]
    gender: Option<String>,
    /// A document, as passport:A1234567 or national-id:77-88:FR; the command line is seen by other users of the
    /// machine, a file of --batch is not. Repeatable.
    #[arg(long, value_name = "KIND:NUMBER")]
    document: Vec<String>,
    #[command(flatten)]
    options: Options,
    /// Screens every row of a CSV file with the columns name, kind, `birth_date`, country, gender, documents,
    /// `reference_id`; of several countries or documents with semicolons between.
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
    /// Where the results of --batch go; CSV, or NDJSON when the name ends on .ndjson. Standard output if none.
    #[arg(long, value_name = "FILE", requires = "batch")]
    out: Option<PathBuf>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Clone, Debug)]
struct Options {
    /// The score from which a match is told, 0 to 1.
    #[arg(long, value_name = "SCORE", value_parser = threshold)]
    threshold: Option<f64>,
    /// How freely names are compared: exact, strict, standard or tolerant.
    #[arg(long, value_name = "PRESET", default_value = "standard")]
    matching: String,
    /// Only against this list of the configuration: NAME, NAME@VERSION or NAME@refused. Repeatable.
    #[arg(long, value_name = "NAME[@VERSION]")]
    list: Vec<String>,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Scores pairs of names: a CSV file with the columns schema, name1, name2 and perhaps `is_match`, by which
    /// precision, recall and F1 are told. Reads no list.
    Pairs {
        /// The file.
        file: PathBuf,
        /// The score from which two names are the same, 0 to 1.
        #[arg(long, value_name = "SCORE", value_parser = threshold)]
        threshold: Option<f64>,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Person,
    Organisation,
}

pub(super) fn threshold(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "accepted is a number from 0 to 1".to_owned())
}

pub(super) fn run(settings: &Settings, command: &ScreenCommand) -> anyhow::Result<ExitCode> {
    if let Some(What::Pairs { file, threshold, json }) = &command.what {
        return pairs(file, *threshold, *json);
    }
    let matching = screen::matching(&command.options.matching, command.options.threshold);
    let matching = matching.map_err(|fault| anyhow::anyhow!("--matching: {fault}"))?;
    let open = || Screener::open(settings, &command.options.list, matching);
    if let Some(file) = &command.batch {
        return batch(open, file, command.out.as_deref(), command.json);
    }
    let screener = open()?;
    let kind = match command.kind {
        Kind::Person => SubjectKind::Person,
        Kind::Organisation => SubjectKind::Organisation,
    };
    let countries: Vec<&str> = command.country.iter().map(String::as_str).collect();
    let name = match command.name.as_deref().unwrap_or_default() {
        "-" => io::read_to_string(io::stdin().lock()).context("no name could be read from standard input")?,
        name => name.to_owned(),
    };
    let documents: Vec<&str> = command.document.iter().map(String::as_str).collect();
    let words = Words {
        name: &name,
        birth_date: command.birth_date.as_deref(),
        countries: &countries,
        gender: command.gender.as_deref(),
        documents: &documents,
    };
    let subject = screen::subject(kind, words).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    let findings = screener.screen(&subject);
    show(command.json, &findings, || tables::findings(&findings, screener.threshold))?;
    Ok(ExitCode::SUCCESS)
}

/// Where the results of a file go.
enum Results {
    Csv(Box<csv::Writer<Box<dyn Write>>>),
    Lines(Box<dyn Write>),
}

impl Results {
    /// Refuses a file that could not be written in the end.
    fn open(out: Option<&Path>, json: bool) -> anyhow::Result<Self> {
        let sink: Box<dyn Write> = match out {
            Some(path) => {
                let unwritable = || format!("{} could not be written", path.display());
                if path.is_dir() || path.file_name().is_none() {
                    return Err(anyhow::anyhow!("it is a folder").context(unwritable()));
                }
                Box::new(BufWriter::new(File::create(beside(path)).with_context(unwritable)?))
            }
            None => Box::new(BufWriter::new(io::stdout().lock())),
        };
        let is_lines = json
            || out
                .and_then(Path::extension)
                .is_some_and(|extension| extension == "ndjson" || extension == "jsonl");
        if is_lines {
            return Ok(Self::Lines(sink));
        }
        let mut writer = csv::Writer::from_writer(sink);
        writer.write_record(["line", "reference_id", "result", "score", "list", "entity", "name", "why"])?;
        Ok(Self::Csv(Box::new(writer)))
    }

    fn write(&mut self, screened: &Screened) -> anyhow::Result<()> {
        let result = match &screened.row.subject {
            Err(fault) => fault.as_str(),
            Ok(_) if screened.findings.is_empty() => "clear",
            Ok(_) => "hit",
        };
        let (line, reference) = (screened.row.line, &screened.row.reference);
        match self {
            Self::Lines(sink) => {
                let told = json!({"line": line, "reference-id": reference, "result": result, "findings": screened.findings});
                writeln!(sink, "{told}")?;
            }
            Self::Csv(writer) => {
                let (line, reference) = (line.to_string(), reference.as_deref().unwrap_or_default());
                if screened.findings.is_empty() {
                    writer.write_record([&line, reference, result, "", "", "", "", ""])?;
                }
                for finding in &screened.findings {
                    let score = format!("{:.4}", finding.score);
                    let why: Vec<&str> = finding.reasons.iter().map(|reason| reason.text.as_str()).collect();
                    let told =
                        [&line, reference, result, &score, &finding.list, &finding.entity, &finding.name];
                    writer.write_record(told.into_iter().chain([why.join(" ").as_str()]))?;
                }
            }
        }
        Ok(())
    }

    /// Ends the results; a file gets its name only now, so it may be the one that was read.
    fn finish(self, out: Option<&Path>) -> anyhow::Result<()> {
        match self {
            Self::Csv(mut writer) => writer.flush()?,
            Self::Lines(mut sink) => sink.flush()?,
        }
        if let Some(path) = out {
            fs::rename(beside(path), path)
                .with_context(|| format!("{} could not be written", path.display()))?;
        }
        Ok(())
    }
}

/// Where a file is written until it is whole.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// `open` reads the lists, which takes a while: a file that cannot be read, or written, is told of before.
fn batch(
    open: impl FnOnce() -> Result<Screener, AppError>,
    path: &Path,
    out: Option<&Path>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let file = File::open(path).with_context(|| format!("{} could not be read", path.display()))?;
    let results = Results::open(out, json)?;
    let done =
        open().map_err(Into::into).and_then(|screener| batch_into(&screener, path, file, results, out));
    if let (Err(_), Some(out)) = (&done, out) {
        // It is not whole. What cannot be removed either is no more than that.
        let _ = fs::remove_file(beside(out));
    }
    done
}

fn batch_into(
    screener: &Screener,
    path: &Path,
    file: File,
    mut results: Results,
    out: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let bar = ProgressBar::new(fs::metadata(path).map_or(0, |file| file.len()));
    bar.set_style(ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes}  {eta} left")?);
    let rows = screen::rows(bar.wrap_read(file)).with_context(|| path.display().to_string())?;
    let (mut screened, mut hits, mut faulty) = (0_u64, 0_u64, 0_u64);
    screener.batch(rows, |row| {
        screened += 1;
        hits += u64::from(!row.findings.is_empty());
        faulty += u64::from(row.row.subject.is_err());
        results.write(&row)
    })?;
    results.finish(out)?;
    bar.finish_and_clear();
    writeln!(io::stderr(), "{screened} rows: {hits} with hits, {faulty} that could not be screened")?;
    Ok(if faulty == 0 { ExitCode::SUCCESS } else { ExitCode::from(BAD_NEWS) })
}

fn pairs(file: &Path, threshold: Option<f64>, json: bool) -> anyhow::Result<ExitCode> {
    let threshold = threshold.unwrap_or(screen::default_threshold());
    let pairs = screen::pairs(file, threshold)?;
    let all = Tally::of(&pairs);
    let mut kinds: BTreeMap<&str, Vec<&Pair>> = BTreeMap::new();
    for pair in &pairs {
        kinds.entry(&pair.schema).or_default().push(pair);
    }
    let mut rows: Vec<(String, Tally)> =
        kinds.into_iter().map(|(kind, pairs)| (kind.to_owned(), Tally::of(pairs))).collect();
    rows.push(("all".to_owned(), all));
    let told = json!({
        "threshold": threshold,
        "pairs": pairs,
        "tallies": rows.iter().map(|(name, tally)| json!({
            "schema": name, "tally": tally, "precision": tally.precision(), "recall": tally.recall(), "f1": tally.f1(),
        })).collect::<Vec<_>>(),
    });
    show(json, &told, || tables::pairs(&pairs, &rows))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    #[test]
    fn a_file_of_results_that_cannot_be_written_is_told_of_by_name_before_a_list_is_read() {
        let folder = std::env::temp_dir().join(format!("watchkeeper-screen-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let subjects = folder.join("subjects.csv");
        fs::write(&subjects, "name\nBoris Tarkhanov\n").unwrap();
        let unread = || -> Result<Screener, AppError> { panic!("no list is read") };
        for (out, why) in
            [(folder.clone(), "it is a folder"), (folder.join("missing/out.csv"), "No such file")]
        {
            let refused = batch(unread, &subjects, Some(&out), false).unwrap_err();
            let told = format!("{refused:#}");
            assert!(told.starts_with(&format!("{} could not be written: ", out.display())), "{told}");
            assert!(told.contains(why), "{told}");
        }
        // Where nothing can be screened, nothing is left behind, and what was there stays.
        let out = folder.join("out.csv");
        fs::write(&out, "before").unwrap();
        let refused = batch(|| Err(AppError::NoLists), &subjects, Some(&out), false);
        assert!(refused.is_err() && !beside(&out).exists());
        assert_eq!(fs::read_to_string(&out).unwrap(), "before");
        fs::remove_dir_all(folder).unwrap();
    }
}

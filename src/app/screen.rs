//! One-off screening against the configured lists, without a database: one subject, a file of them, or pairs of
//! names.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    iter,
    num::NonZero,
    path::Path,
    str::FromStr,
    thread::{self, available_parallelism},
};

use serde::Serialize;

use super::{AppError, lists};
use crate::{
    actions::import::records::{RecordFault, Records},
    config::{ListFormat, Settings},
    domain::{
        answer::Finding,
        date::PartialDate,
        personal::Personal,
        subject::{Subject, SubjectKind},
    },
    names::{Name, NameKind, align},
    screening::{
        DEFAULT_THRESHOLD, countries,
        index::Index,
        matching::{Matching, Preset},
    },
};

/// How many subjects a core gets at a time.
const SHARE: usize = 500;

/// The score from which a match is told where nobody says otherwise.
pub const fn default_threshold() -> f64 {
    DEFAULT_THRESHOLD
}

/// The matching of a preset's name, with another threshold if one is given.
pub fn matching(preset: &str, threshold: Option<f64>) -> Result<Matching, String> {
    let matching = Matching::of(preset.parse::<Preset>().map_err(|error| error.to_string())?);
    Ok(threshold.map_or(matching, |threshold| matching.with_threshold(threshold)))
}

/// Lists in memory, to screen against.
pub struct Screener {
    indexes: Vec<Index>,
    matching: Matching,
    /// The score from which a match is told, where a request has none.
    pub threshold: f64,
}

/// What a file holds that cannot be screened.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// It cannot be read, or is no CSV.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// It is written in another encoding.
    #[error("line {0} is not UTF-8")]
    NotUtf8(u64),
    /// A column is missing.
    #[error("the first line has no column {0}; accepted are {1}")]
    NoColumn(&'static str, &'static str),
}

/// A row of a file of subjects.
#[derive(Debug)]
pub struct Row {
    /// Its line in the file, the first is 1.
    pub line: u64,
    /// What the file calls it: its column `reference_id` or `id`.
    pub reference: Option<String>,
    /// Who it is, or what stands in the way, by column and without its value.
    pub subject: Result<Subject, String>,
}

/// A row with what was found.
#[derive(Debug)]
pub struct Screened {
    /// The row.
    pub row: Row,
    /// Every match, the best first; none for a row that could not be screened.
    pub findings: Vec<Finding>,
}

impl Screener {
    /// Reads the configured lists that `names` names; all of them when it names none. Lists of the customer's own,
    /// which are in the database, are not among them.
    pub fn open(settings: &Settings, names: &[String], matching: Matching) -> Result<Self, AppError> {
        let files = || settings.lists.values().filter(|list| list.format != ListFormat::List);
        if let Some(unknown) = names.iter().find(|name| !files().any(|list| list.name == **name)) {
            let known: Vec<&str> = files().map(|list| list.name.as_str()).collect();
            return Err(AppError::UnknownList { name: unknown.clone(), known: known.join(", ") });
        }
        let wanted = files().filter(|list| names.is_empty() || names.contains(&list.name));
        let indexes = wanted
            .map(|list| lists::find(settings, &list.name).map(|list| Index::build(&list)))
            .collect::<Result<Vec<_>, AppError>>()?;
        if indexes.is_empty() {
            return Err(AppError::NoLists);
        }
        Ok(Self { indexes, threshold: matching.threshold, matching })
    }

    /// Every match of a subject, the best first.
    pub fn screen(&self, subject: &Subject) -> Vec<Finding> {
        let found = self.indexes.iter().flat_map(|index| index.screen_by(subject, &self.matching));
        let mut findings: Vec<Finding> = found.map(|found| Finding::from(&found)).collect();
        findings.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.entity.cmp(&b.entity)));
        findings
    }

    /// Screens the rows of a file on every core, and hands them on in their order.
    pub fn batch<E>(
        &self,
        rows: impl Iterator<Item = Result<Row, FileFault>>,
        mut each: impl FnMut(Screened) -> Result<(), E>,
    ) -> Result<(), E>
    where
        E: From<FileFault>,
    {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let mut fault = None;
        // What comes before a fault of the file is screened all the same.
        let mut rows = rows.map_while(|row| row.map_err(|error| fault = Some(error)).ok()).fuse().peekable();
        while rows.peek().is_some() {
            let shares: Vec<Vec<Row>> = (0..cores).map(|_| rows.by_ref().take(SHARE).collect()).collect();
            let screened = thread::scope(|scope| {
                let work: Vec<_> = shares
                    .into_iter()
                    .map(|share| {
                        scope.spawn(|| share.into_iter().map(|row| self.row(row)).collect::<Vec<_>>())
                    })
                    .collect();
                work.into_iter()
                    .flat_map(|share| share.join().expect("screening does not panic"))
                    .collect::<Vec<_>>()
            });
            for row in screened {
                each(row)?;
            }
        }
        drop(rows);
        fault.map_or(Ok(()), |fault| Err(fault.into()))
    }

    fn row(&self, row: Row) -> Screened {
        let findings = row.subject.as_ref().map_or_else(|_| Vec::new(), |subject| self.screen(subject));
        Screened { row, findings }
    }
}

/// Who is meant by words of a command or a file. What cannot be taken is told by its column, without its value.
pub fn subject(
    kind: SubjectKind,
    name: &str,
    birth_date: Option<&str>,
    countries: &[&str],
) -> Result<Subject, String> {
    if name.trim().is_empty() {
        return Err("name: is empty".to_owned());
    }
    let birth_date = birth_date
        .map(|text| PartialDate::from_str(text).map_err(|error| format!("birth_date: {error}")))
        .transpose()?;
    let country = |text: &&str| {
        countries::of_code_or_name(text)
            .map(Personal::new)
            .ok_or("country: is none that is known; accepted are ISO 3166-1 codes and English names")
    };
    Ok(Subject {
        kind,
        names: vec![Personal::new(name.trim().to_owned())],
        birth_date: birth_date.map(Personal::new),
        countries: countries.iter().map(country).collect::<Result<_, _>>()?,
    })
}

const COLUMNS: &str = "name (needed), kind, birth_date, country, reference_id";

/// The subjects of a CSV file whose first line names its columns.
pub fn rows<R: Read>(file: R) -> Result<impl Iterator<Item = Result<Row, FileFault>>, FileFault> {
    let mut records = Records::new(BufReader::new(file));
    let headers = headers(&mut records)?;
    let find = |words: &[&str]| words.iter().find_map(|word| headers.get(*word).copied());
    let name = find(&["name", "full_name"]).ok_or(FileFault::NoColumn("name", COLUMNS))?;
    let kind = find(&["kind", "type", "schema"]);
    let birth_date = find(&["birth_date", "birthdate", "date_of_birth", "dob"]);
    let country = find(&["country", "country_code", "nationality"]);
    let reference = find(&["reference_id", "reference", "id"]);
    let next = move || next(&mut records).transpose();
    Ok(iter::from_fn(next).map(move |record| {
        let (line, record) = record?;
        let get = |at: Option<usize>| at.and_then(|at| record.get(at)).filter(|text| !text.is_empty());
        let kind = match get(kind) {
            None => Ok(SubjectKind::Person),
            Some(word) => SubjectKind::of_word(word)
                .ok_or_else(|| "kind: accepted are person and organisation".to_owned()),
        };
        let countries: Vec<&str> = get(country).into_iter().flat_map(|text| text.split(';')).collect();
        Ok(Row {
            line,
            reference: get(reference).map(str::to_owned),
            subject: kind.and_then(|kind| {
                subject(kind, get(Some(name)).unwrap_or_default(), get(birth_date), &countries)
            }),
        })
    }))
}

/// The next record with its line, its cells without the blanks around them.
fn next<F: BufRead>(records: &mut Records<F>) -> Result<Option<(u64, csv::StringRecord)>, FileFault> {
    let mut record = csv::ByteRecord::new();
    if !records.read(&mut record)? {
        return Ok(None);
    }
    let line = records.line();
    let mut record = csv::StringRecord::from_byte_record(record).map_err(|_| FileFault::NotUtf8(line))?;
    record.trim();
    Ok(Some((line, record)))
}

fn headers<F: BufRead>(records: &mut Records<F>) -> Result<BTreeMap<String, usize>, FileFault> {
    let headers = next(records)?.map(|(_, headers)| headers).unwrap_or_default();
    let headers = headers.iter().enumerate();
    Ok(headers
        .map(|(at, header)| {
            (header.trim_start_matches('\u{feff}').to_lowercase().replace([' ', '-'], "_"), at)
        })
        .collect())
}

/// Two names, their score, and what they are if the file knows it.
#[derive(Debug, Serialize)]
pub struct Pair {
    /// The line of the file.
    pub line: u64,
    /// What the two are.
    pub schema: String,
    /// One name.
    pub name1: String,
    /// The other.
    pub name2: String,
    /// 0 to 1.
    pub score: f64,
    /// Whether the score reaches the threshold.
    pub decision: bool,
    /// Whether they are the same, as the file says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_match: Option<bool>,
}

/// Scores every pair of a CSV file with the columns `schema`, `name1`, `name2` and perhaps `is_match`.
pub fn pairs(file: &Path, threshold: f64) -> Result<Vec<Pair>, AppError> {
    const ACCEPTED: &str = "schema, name1, name2 and perhaps is_match";
    let fault = |fault| AppError::Screened { path: file.display().to_string(), fault };
    let opened = File::open(file).map_err(|error| fault(RecordFault::Read(error).into()))?;
    let mut records = Records::new(BufReader::new(opened));
    let headers = headers(&mut records).map_err(fault)?;
    let column = |word| headers.get(word).copied().ok_or(FileFault::NoColumn(word, ACCEPTED)).map_err(fault);
    let (schema, one, other) = (column("schema")?, column("name1")?, column("name2")?);
    let label = headers.get("is_match").copied();
    let mut pairs = Vec::new();
    while let Some((line, record)) = next(&mut records).map_err(fault)? {
        let get = |at: usize| record.get(at).unwrap_or_default();
        // A schema that leaves it open is compared by the customs of several kinds: the best counts.
        let kinds = NameKind::of_schema(get(schema)).iter();
        let score =
            |kind: &NameKind| align(*kind, &Name::new(*kind, get(one)), &Name::new(*kind, get(other))).score;
        let score = kinds.map(score).fold(0.0, f64::max);
        pairs.push(Pair {
            line,
            schema: get(schema).to_owned(),
            name1: get(one).to_owned(),
            name2: get(other).to_owned(),
            score,
            decision: score >= threshold,
            is_match: label.and_then(|at| match get(at).to_lowercase().as_str() {
                "true" | "1" | "yes" => Some(true),
                "false" | "0" | "no" => Some(false),
                _ => None,
            }),
        });
    }
    Ok(pairs)
}

/// How decisions agree with labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tally {
    /// Matches that are told.
    pub true_positives: u32,
    /// Strangers that are told.
    pub false_positives: u32,
    /// Matches that are missed.
    pub false_negatives: u32,
    /// Strangers that are left alone.
    pub true_negatives: u32,
}

impl Tally {
    /// Counts the labelled ones of `pairs`.
    pub fn of<'p>(pairs: impl IntoIterator<Item = &'p Pair>) -> Self {
        let mut tally = Self::default();
        for pair in pairs {
            let Some(label) = pair.is_match else { continue };
            *match (pair.decision, label) {
                (true, true) => &mut tally.true_positives,
                (true, false) => &mut tally.false_positives,
                (false, true) => &mut tally.false_negatives,
                (false, false) => &mut tally.true_negatives,
            } += 1;
        }
        tally
    }

    /// The part of what is told that is a match.
    pub fn precision(&self) -> f64 {
        f64::from(self.true_positives) / f64::from((self.true_positives + self.false_positives).max(1))
    }

    /// The part of the matches that is told.
    pub fn recall(&self) -> f64 {
        f64::from(self.true_positives) / f64::from((self.true_positives + self.false_negatives).max(1))
    }

    /// The harmonic mean of both.
    pub fn f1(&self) -> f64 {
        let wrong = self.false_positives + self.false_negatives;
        f64::from(2 * self.true_positives) / f64::from((2 * self.true_positives + wrong).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_subjects_is_read_by_its_headers_and_bad_rows_are_told_by_column() {
        let file = "ID,Full Name,Date of Birth,Nationality,Kind\n\
                    7,Anna Berg,1980-02-28,DE;France,\n\
                    8,Nordlicht AG,,,company\n\
                    9,Anna Berg,yesterday,,\n\
                    10,Anna Berg,,Atlantis,\n\
                    11,,,,\n\
                    12,Anna Berg,,,planet\n";
        let rows: Vec<Row> = rows(file.as_bytes()).unwrap().map(Result::unwrap).collect();
        let first = rows[0].subject.as_ref().unwrap();
        let countries: Vec<&str> = first.countries.iter().map(|code| code.reveal().as_str()).collect();
        assert_eq!((rows[0].line, rows[0].reference.as_deref(), countries), (2, Some("7"), vec!["DE", "FR"]));
        assert_eq!(rows[1].subject.as_ref().unwrap().kind, SubjectKind::Organisation);
        for (row, column) in rows[2..].iter().zip(["birth_date: ", "country: ", "name: ", "kind: "]) {
            let fault = row.subject.as_ref().unwrap_err();
            assert!(fault.starts_with(column) && !fault.contains("Atlantis"), "{fault}");
        }
        assert!(matches!(super::rows("a,b\n".as_bytes()).err(), Some(FileFault::NoColumn("name", _))));
    }

    #[test]
    fn lines_of_a_file_of_subjects_are_counted_however_they_end() {
        for file in ["name\nAnna Berg\n\nBert Berg\n", "name\r\nAnna Berg\r\n\r\nBert Berg\r\n"] {
            let rows: Vec<Row> = rows(file.as_bytes()).unwrap().map(Result::unwrap).collect();
            assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4]);
        }
    }

    #[test]
    fn a_tally_knows_precision_recall_and_f1() {
        let tally = Tally { true_positives: 6, false_positives: 2, false_negatives: 4, true_negatives: 9 };
        assert!((tally.precision() - 0.75).abs() < 1e-9);
        assert!((tally.recall() - 0.6).abs() < 1e-9);
        assert!((tally.f1() - 12.0 / 18.0).abs() < 1e-9);
        assert!(Tally::default().f1().abs() < 1e-9);
    }
}

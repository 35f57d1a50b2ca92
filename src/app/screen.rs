//! One-off screening against the configured lists, without a database: one subject, a file of them, or pairs of
//! names.

mod pairs;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    iter,
    num::NonZero,
    str::FromStr,
    thread::{self, available_parallelism},
};

pub use pairs::{Pair, Tally, pairs};

use super::{AppError, lists};
use crate::{
    actions::import::records::{RecordFault, Records},
    config::{ListFormat, Settings},
    domain::{
        answer::Finding,
        date::PartialDate,
        document::{Document, DocumentKind},
        personal::Personal,
        subject::{Gender, Subject, SubjectKind},
    },
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
    /// Reads the configured lists that `names` names, as `NAME`, `NAME@VERSION` or `NAME@refused`; all of them when it
    /// names none. Lists of the customer's own,
    /// which are in the database, are not among them.
    pub fn open(settings: &Settings, names: &[String], matching: Matching) -> Result<Self, AppError> {
        let files = || settings.lists.values().filter(|list| list.format != ListFormat::List);
        let name_of = |asked: &str| asked.split('@').next().unwrap_or_default().to_owned();
        if let Some(unknown) = names.iter().find(|asked| !files().any(|list| list.name == name_of(asked))) {
            let known: Vec<&str> = files().map(|list| list.name.as_str()).collect();
            return Err(AppError::UnknownList { name: unknown.clone(), known: known.join(", ") });
        }
        let all: Vec<String> = files().map(|list| list.name.clone()).collect();
        let wanted = if names.is_empty() { &all } else { names };
        let indexes = wanted
            .iter()
            .map(|asked| lists::find(settings, asked).map(Index::build_of))
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

/// Who is meant, in words of a command or a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words<'a> {
    /// The name.
    pub name: &'a str,
    /// The date of birth or foundation.
    pub birth_date: Option<&'a str>,
    /// Codes or English names of countries.
    pub countries: &'a [&'a str],
    /// The gender.
    pub gender: Option<&'a str>,
    /// Documents as `KIND:NUMBER` or `KIND:NUMBER:COUNTRY`.
    pub documents: &'a [&'a str],
}

/// Who is meant by words of a command or a file. What cannot be taken is told by its column, without its value.
pub fn subject(kind: SubjectKind, words: Words<'_>) -> Result<Subject, String> {
    let name = words.name.trim();
    if name.is_empty() {
        return Err("name: is empty".to_owned());
    }
    let birth_date = words
        .birth_date
        .map(|text| PartialDate::from_str(text).map_err(|error| format!("birth_date: {error}")))
        .transpose()?;
    let country = |text: &&str| {
        countries::of_code_or_name(text)
            .map(Personal::new)
            .ok_or("country: is none that is known; accepted are ISO 3166-1 codes and English names")
    };
    let gender = words.gender.map(|word| {
        Gender::from_word(word).map(Personal::new).ok_or("gender: accepted are F, female, M and male")
    });
    Ok(Subject {
        birth_date: birth_date.map(Personal::new),
        countries: words.countries.iter().map(country).collect::<Result<_, _>>()?,
        gender: gender.transpose()?,
        documents: words.documents.iter().map(|text| document(text)).collect::<Result<_, _>>()?,
        ..Subject::named(kind, name)
    })
}

fn document(text: &str) -> Result<Personal<Document>, String> {
    let mut parts = text.splitn(3, ':').map(str::trim);
    let kind = parts.next().and_then(DocumentKind::of_words);
    let number = parts.next().filter(|number| !number.is_empty());
    let (Some(kind), Some(number)) = (kind, number) else {
        let known: Vec<&str> = DocumentKind::ALL.iter().map(|kind| kind.word()).collect();
        let known = known.join(", ");
        return Err(format!("documents: accepted is KIND:NUMBER or KIND:NUMBER:COUNTRY; kinds are {known}"));
    };
    let country = parts
        .next()
        .map(|text| countries::of_code_or_name(text).ok_or("documents: the country is none that is known"));
    let country = country.transpose()?;
    Ok(Personal::new(Document { kind: kind.word().to_owned(), number: number.to_owned(), country }))
}

const COLUMNS: &str = "name (needed), kind, birth_date, country, gender, documents, reference_id";

/// The subjects of a CSV file whose first line names its columns.
pub fn rows<R: Read>(file: R) -> Result<impl Iterator<Item = Result<Row, FileFault>>, FileFault> {
    let mut records = Records::new(BufReader::new(file));
    let headers = headers(&mut records)?;
    let find = |words: &[&str]| words.iter().find_map(|word| headers.get(*word).copied());
    let name = find(&["name", "full_name"]).ok_or(FileFault::NoColumn("name", COLUMNS))?;
    let kind = find(&["kind", "type", "schema"]);
    let birth_date = find(&["birth_date", "birthdate", "date_of_birth", "dob"]);
    let country = find(&["country", "country_code", "nationality"]);
    let gender = find(&["gender", "sex"]);
    let documents = find(&["documents"]);
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
        let several = |at| get(at).into_iter().flat_map(|text: &str| text.split(';')).collect::<Vec<&str>>();
        let (countries, documents) = (several(country), several(documents));
        Ok(Row {
            line,
            reference: get(reference).map(str::to_owned),
            subject: kind.and_then(|kind| {
                let words = Words {
                    name: get(Some(name)).unwrap_or_default(),
                    birth_date: get(birth_date),
                    countries: &countries,
                    gender: get(gender),
                    documents: &documents,
                };
                subject(kind, words)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_subjects_is_read_by_its_headers_and_bad_rows_are_told_by_column() {
        let file = "ID,Full Name,Date of Birth,Nationality,Kind,Gender,Documents\n\
                    7,Anna Berg,1980-02-28,DE;France,,f,passport:C01X00T47:de;tax-id:77-88\n\
                    8,Nordlicht AG,,,company,,\n\
                    9,Anna Berg,yesterday,,,,\n\
                    10,Anna Berg,,Atlantis,,,\n\
                    11,,,,,,\n\
                    12,Anna Berg,,,planet,,\n\
                    13,Anna Berg,,,,green,\n\
                    14,Anna Berg,,,,,C01X00T47\n";
        let rows: Vec<Row> = rows(file.as_bytes()).unwrap().map(Result::unwrap).collect();
        let first = rows[0].subject.as_ref().unwrap();
        let countries: Vec<&str> = first.countries.iter().map(|code| code.reveal().as_str()).collect();
        assert_eq!((rows[0].line, rows[0].reference.as_deref(), countries), (2, Some("7"), vec!["DE", "FR"]));
        let documents: Vec<String> = first.documents.iter().map(|one| one.reveal().to_string()).collect();
        assert_eq!(documents, ["passport C01X00T47 (DE)", "tax-id 77-88"]);
        assert!(first.gender.is_some());
        assert_eq!(rows[1].subject.as_ref().unwrap().kind, SubjectKind::Organisation);
        for (row, column) in
            rows[2..].iter().zip(["birth_date: ", "country: ", "name: ", "kind: ", "gender: ", "documents: "])
        {
            let fault = row.subject.as_ref().unwrap_err();
            assert!(fault.starts_with(column) && !fault.contains("Atlantis"), "{fault}");
            assert!(!fault.contains("C01X00T47"), "{fault}");
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
}

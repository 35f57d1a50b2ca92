//! Rows of decisions, read and checked. No fault quotes what a row says.

use std::{
    collections::HashMap,
    io::{self, BufRead, Read},
};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::Value;

use super::{ActionError, BadDecision};
use crate::actions::import::records::{LONGEST_RECORD, RecordFault, Records};
use crate::domain::{date::moment, hit::HitState, personal::Personal};

/// The longest reference id, entity and reviewer, in characters; and the longest reason.
const LONGEST: usize = 255;
const LONGEST_REASON: usize = 10_000;

/// The columns, each with the headers that mean it.
const COLUMNS: [(&str, &[&str]); 7] = [
    ("reference_id", &["reference_id", "reference", "account_reference_id"]),
    ("type", &["type", "account_type"]),
    ("entity", &["entity", "entity_id", "list_entity_id", "list_entity"]),
    ("decision", &["decision"]),
    ("reason", &["reason"]),
    ("reviewer", &["reviewer", "decided_by"]),
    ("date", &["date", "decided_at"]),
];

/// A decision as a file says it.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) account_type: Option<String>,
    pub(super) reference_id: String,
    pub(super) entity: String,
    pub(super) state: HitState,
    pub(super) reason: Option<Personal<String>>,
    pub(super) reviewer: Option<String>,
    pub(super) decided_at: DateTime<Utc>,
}

/// Why a file cannot be read on.
pub(super) enum Fault {
    Read(io::Error),
    Form(String),
}

impl Fault {
    pub(super) fn into_error(self, name: &str) -> ActionError {
        let path = name.to_owned();
        match self {
            Self::Read(source) => ActionError::File { path, source },
            Self::Form(fault) => ActionError::Form { path, fault },
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<RecordFault> for Fault {
    fn from(fault: RecordFault) -> Self {
        match fault {
            RecordFault::Read(error) => Self::Read(error),
            fault => Self::Form(fault.to_string()),
        }
    }
}

/// Reads rows of either form.
pub(super) enum Reader<F: BufRead> {
    Csv {
        records: Box<Records<F>>,
        columns: Vec<Option<&'static str>>,
    },
    Json {
        file: F,
        line: u64,
    },
    /// Nothing is to be read any more.
    Ended,
}

impl<F: BufRead> Reader<F> {
    /// Tells the form by the first byte that says something, and reads the headers of CSV.
    pub(super) fn open(mut file: F) -> Result<Self, Fault> {
        let first = file.fill_buf()?;
        let first = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(first);
        if first.trim_ascii_start().first() == Some(&b'{') {
            return Ok(Self::Json { file, line: 0 });
        }
        let (mut records, mut headers) = (Records::new(file), csv::ByteRecord::new());
        records.read(&mut headers)?;
        let columns: Vec<_> = headers.iter().map(|header| column(&String::from_utf8_lossy(header))).collect();
        for needed in ["reference_id", "entity", "decision"] {
            if !columns.contains(&Some(needed)) {
                let known: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
                return Err(Fault::Form(format!(
                    "no column is {needed}; accepted are the headers {}",
                    known.join(", ")
                )));
            }
        }
        for (index, column) in columns.iter().enumerate() {
            if column.is_some() && columns.get(..index).unwrap_or_default().contains(column) {
                return Err(Fault::Form(format!("two columns are {}", column.unwrap_or_default())));
            }
        }
        Ok(Self::Csv { records: Box::new(records), columns })
    }

    /// The next row, or what is wrong with it; none at the end.
    pub(super) fn next(&mut self, latest: DateTime<Utc>) -> Result<Option<Result<Row, BadDecision>>, Fault> {
        match self {
            Self::Ended => Ok(None),
            Self::Csv { records, columns } => {
                let mut record = csv::ByteRecord::new();
                match records.read(&mut record) {
                    Ok(true) => Ok(Some(of_record(&record, columns, records.line(), latest))),
                    Ok(false) => Ok(None),
                    Err(RecordFault::Read(error)) => Err(Fault::Read(error)),
                    Err(fault) => {
                        let reason = format!("{fault}; rows after that are not read");
                        let line = fault.line().unwrap_or_default();
                        *self = Self::Ended;
                        Ok(Some(Err(BadDecision { line, column: None, reason })))
                    }
                }
            }
            Self::Json { file, line } => {
                let mut text = Vec::new();
                loop {
                    text.clear();
                    let read = file.by_ref().take(LONGEST_RECORD as u64).read_until(b'\n', &mut text)?;
                    if read == 0 {
                        return Ok(None);
                    }
                    *line += 1;
                    if read == LONGEST_RECORD && text.last() != Some(&b'\n') {
                        skip_line(file)?;
                        return Ok(Some(Err(bad(*line, None, "accepted is at most one mebibyte"))));
                    }
                    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
                    if !text.trim_ascii().is_empty() {
                        return Ok(Some(of_json(text, *line, latest)));
                    }
                }
            }
        }
    }
}

fn skip_line(file: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = file.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (length, is_end) = end.map_or((buffer.len(), false), |end| (end + 1, true));
        file.consume(length);
        if is_end {
            return Ok(());
        }
    }
}

/// The column that a header or key means.
fn column(header: &str) -> Option<&'static str> {
    let words: Vec<String> = header
        .trim_start_matches('\u{feff}')
        .split([' ', '-', '_'])
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let header = words.join("_");
    COLUMNS.iter().find(|(_, headers)| headers.contains(&header.as_str())).map(|(name, _)| *name)
}

fn bad(line: u64, column: Option<&'static str>, reason: &str) -> BadDecision {
    BadDecision { line, column, reason: reason.to_owned() }
}

fn of_record(
    record: &csv::ByteRecord,
    columns: &[Option<&'static str>],
    line: u64,
    latest: DateTime<Utc>,
) -> Result<Row, BadDecision> {
    if record.len() != columns.len() {
        let reason = format!("has {} cells; accepted are {}, as in the header", record.len(), columns.len());
        return Err(BadDecision { line, column: None, reason });
    }
    let mut cells = HashMap::new();
    for (cell, column) in record.iter().zip(columns) {
        let Some(column) = *column else { continue };
        let text = std::str::from_utf8(cell).map_err(|_| bad(line, Some(column), "accepted is UTF-8"))?;
        cells.insert(column, text.trim().to_owned());
    }
    check(&cells, line, latest)
}

fn of_json(text: &[u8], line: u64, latest: DateTime<Utc>) -> Result<Row, BadDecision> {
    let value: Value =
        serde_json::from_slice(text).map_err(|_| bad(line, None, "accepted is a JSON object a line"))?;
    let Value::Object(object) = value else {
        return Err(bad(line, None, "accepted is a JSON object a line"));
    };
    let mut cells = HashMap::new();
    for (key, value) in object {
        let Some(column) = column(&key) else {
            let known: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
            let reason = format!("has an unknown key; accepted are {}", known.join(", "));
            return Err(BadDecision { line, column: None, reason });
        };
        match value {
            Value::Null => {}
            Value::String(text) => {
                cells.insert(column, text.trim().to_owned());
            }
            _ => return Err(bad(line, Some(column), "accepted is a text")),
        }
    }
    check(&cells, line, latest)
}

fn check(
    cells: &HashMap<&'static str, String>,
    line: u64,
    latest: DateTime<Utc>,
) -> Result<Row, BadDecision> {
    let filled = |column: &str| cells.get(column).filter(|cell| !cell.is_empty()).cloned();
    let short = |column: &'static str| match filled(column) {
        Some(text) if text.chars().count() > LONGEST || text.contains(char::is_control) => Err(bad(
            line,
            Some(column),
            "accepted is a text of 1 to 255 characters without control characters",
        )),
        text => Ok(text),
    };
    let needed = |column: &'static str| {
        short(column)?
            .ok_or_else(|| bad(line, Some(column), "is empty; accepted is a text of 1 to 255 characters"))
    };
    let state = match filled("decision").unwrap_or_default().to_lowercase().as_str() {
        "dismissed" | "dismiss" | "false-positive" | "false_positive" => HitState::Dismissed,
        "confirmed" | "confirm" | "true-positive" | "true_positive" => HitState::Confirmed,
        _ => return Err(bad(line, Some("decision"), "accepted is dismissed or confirmed")),
    };
    let reason = filled("reason");
    if reason.as_ref().is_some_and(|text| text.chars().count() > LONGEST_REASON || text.contains('\0')) {
        return Err(bad(line, Some("reason"), "accepted is a text of at most 10000 characters"));
    }
    let decided_at = match filled("date") {
        None => latest - chrono::TimeDelta::days(1),
        Some(text) => date(&text).filter(|at| *at <= latest).ok_or_else(|| {
            bad(
                line,
                Some("date"),
                "accepted is a date that has been: YYYY-MM-DD, or with a time as in RFC 3339",
            )
        })?,
    };
    Ok(Row {
        line,
        account_type: short("type")?,
        reference_id: needed("reference_id")?,
        entity: needed("entity")?,
        state,
        reason: reason.map(Personal::new),
        reviewer: short("reviewer")?,
        decided_at,
    })
}

fn date(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Some(day.and_time(NaiveTime::MIN).and_utc());
    }
    // Nobody decided before there were lists.
    moment(text).filter(|at| at.timestamp() > 0)
}

//! A file of rows, read and checked on a thread of its own, batch by batch.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    io::{BufRead, BufReader, Read},
    sync::Arc,
};

use chrono::NaiveDate;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::{
    BATCH, BadRow, Format, ImportOptions,
    columns::{self, Columns},
    records::{LONGEST_RECORD, RecordFault, Records},
    rows::{self, Cell, Row},
};
use crate::{
    actions::ActionError,
    domain::{account_type::AccountType, id::AccountTypeId},
};

/// Account types by id, in the order of their names.
pub(super) type Types = Arc<[(AccountTypeId, AccountType)]>;

/// How many reference ids are remembered at least, to refuse those that a file has twice: memory stays flat.
const REMEMBERED: usize = 500_000;

/// A piece of a file.
pub(super) struct Batch {
    /// Rows that can be taken.
    pub(super) rows: Vec<Row>,
    /// Rows that cannot.
    pub(super) bad: Vec<BadRow>,
    /// Up to which byte of the file it reaches.
    pub(super) bytes: u64,
    /// Up to which line.
    pub(super) line: u64,
}

/// Reads a file to its end, or until nobody listens any more.
pub(super) fn read(
    name: &str,
    file: impl Read,
    types: &Types,
    options: &ImportOptions,
    (batches, today): (&mpsc::Sender<Result<Batch, ActionError>>, NaiveDate),
) {
    let reading = Reading {
        name,
        types,
        seen: Seen::default(),
        batch: Batch { rows: Vec::with_capacity(BATCH), bad: Vec::new(), bytes: 0, line: 0 },
        after_line: options.after_line,
        batches,
        today,
    };
    let read = match options.format {
        Format::Csv => reading.csv(file, options),
        Format::Ndjson => reading.ndjson(file, options),
    };
    if let Err(error) = read {
        // Whoever no longer listens has its own error.
        drop(batches.blocking_send(Err(error)));
    }
}

struct Reading<'a> {
    name: &'a str,
    types: &'a Types,
    seen: Seen,
    batch: Batch,
    after_line: u64,
    batches: &'a mpsc::Sender<Result<Batch, ActionError>>,
    /// The day in UTC: nobody is born after it.
    today: NaiveDate,
}

impl Reading<'_> {
    fn csv(mut self, file: impl Read, options: &ImportOptions) -> Result<(), ActionError> {
        let mut records = Records::new(BufReader::with_capacity(1 << 16, file));
        let (mut headers, mut record) = (csv::ByteRecord::new(), csv::ByteRecord::new());
        records.read(&mut headers).map_err(|fault| self.record(fault))?;
        let columns = Columns::find(&headers, self.types, options).map_err(|fault| self.form(fault))?;
        loop {
            match records.read(&mut record) {
                Ok(true) => {}
                Ok(false) => {
                    self.send();
                    return Ok(());
                }
                Err(fault) => {
                    if let Some(line) = fault.line() {
                        self.take(line, records.bytes(), Err(fault.to_string()));
                    }
                    self.send();
                    return Err(self.record(fault));
                }
            }
            let line = records.line();
            let row = rows::read_csv(&record, line, headers.len(), &columns, (&**self.types, self.today));
            if !self.take(line, records.bytes(), row) {
                return Ok(());
            }
        }
    }

    fn ndjson(mut self, file: impl Read, options: &ImportOptions) -> Result<(), ActionError> {
        let default_type = columns::default_type(self.types, options).map_err(|fault| self.form(fault))?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let (mut text, mut line, mut bytes) = (Vec::new(), 0_u64, 0_u64);
        loop {
            text.clear();
            let read = Read::take(&mut reader, LONGEST_RECORD as u64)
                .read_until(b'\n', &mut text)
                .map_err(|source| ActionError::File { path: self.name.to_owned(), source })?;
            if read == 0 {
                self.send();
                return Ok(());
            }
            line += 1;
            bytes += read as u64;
            if read == LONGEST_RECORD && !text.ends_with(b"\n") {
                let fault = RecordFault::LongLine(line);
                self.take(line, bytes, Err(fault.to_string()));
                self.send();
                return Err(self.record(fault));
            }
            if text.trim_ascii().is_empty() {
                continue;
            }
            let row = self.object(&text, default_type, line, options);
            if !self.take(line, bytes, row) {
                return Ok(());
            }
        }
    }

    /// Reads an object whose keys are what headers of a CSV file are; `fields` may hold the fields.
    fn object(
        &self,
        text: &[u8],
        default_type: Option<usize>,
        line: u64,
        options: &ImportOptions,
    ) -> Result<Row, String> {
        let object: Map<String, Value> =
            serde_json::from_slice(text).map_err(|_| "is not a JSON object on one line".to_owned())?;
        let mut cells = Vec::with_capacity(object.len());
        for (key, value) in object {
            match value {
                Value::Object(fields) if key == "fields" => {
                    cells.extend(fields);
                }
                value => cells.push((key, value)),
            }
        }
        let mut known = Vec::with_capacity(cells.len());
        for (key, value) in cells {
            let column = columns::meaning(&key, self.types, options).ok_or_else(|| unknown_key(&key))?;
            known.push((key, column, value));
        }
        let cells = known.iter().map(|(key, column, value)| (key.as_str(), column, Cell::Json(value)));
        rows::assemble(&cells.collect(), line, default_type, (&**self.types, self.today))
    }

    /// Takes a row in, or notes why not; returns whether anybody still listens.
    fn take(&mut self, line: u64, bytes: u64, row: Result<Row, String>) -> bool {
        let row = row.and_then(|row| match self.seen.first(&row, line) {
            None => Ok(row),
            Some(first) => {
                Err(format!("reference_id: line {first} of this file has the same; accepted is each once"))
            }
        });
        // What was done before a restart is read again, for what it says of later lines, and not done again.
        if line > self.after_line {
            match row {
                Ok(row) => self.batch.rows.push(row),
                Err(reason) => self.batch.bad.push(BadRow::new(line, reason)),
            }
        }
        (self.batch.bytes, self.batch.line) = (bytes, line);
        self.batch.rows.len() + self.batch.bad.len() < BATCH || self.send()
    }

    fn send(&mut self) -> bool {
        let (bytes, line) = (self.batch.bytes, self.batch.line);
        let next = Batch { rows: Vec::with_capacity(BATCH), bad: Vec::new(), bytes, line };
        self.batches.blocking_send(Ok(std::mem::replace(&mut self.batch, next))).is_ok()
    }

    fn record(&self, fault: RecordFault) -> ActionError {
        match fault {
            RecordFault::Read(source) => ActionError::File { path: self.name.to_owned(), source },
            fault => self.form(format!("{fault}; rows after that are not read")),
        }
    }

    fn form(&self, fault: String) -> ActionError {
        ActionError::Form { path: self.name.to_owned(), fault }
    }
}

/// The longest unknown key that is named.
const LONGEST_KEY: usize = 64;

/// What is said of a key that is not known. It is named where it is written as keys are; what is not may be about a person.
fn unknown_key(key: &str) -> String {
    let is_written_so = key.len() <= LONGEST_KEY
        && key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key.chars().all(|one| one.is_ascii_alphanumeric() || ['_', '-', '.'].contains(&one));
    if is_written_so {
        format!("{key}: is not a known key; accepted are those of the header of a CSV file")
    } else {
        "a key is not known, and not written as keys are; accepted are those of the header of a CSV file"
            .to_owned()
    }
}

/// Reference ids that a file had lately, as hashes, with their lines: at least the last [`REMEMBERED`].
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    young: HashMap<u64, u64>,
    old: HashMap<u64, u64>,
}

impl Seen {
    /// The line that had the same reference id; none when this is the first.
    fn first(&mut self, row: &Row, line: u64) -> Option<u64> {
        let hash = self.hasher.hash_one((row.account_type, row.reference_id.to_lowercase()));
        if let Some(first) = self.young.get(&hash).or_else(|| self.old.get(&hash)) {
            return Some(*first);
        }
        if self.young.len() == REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, line);
        None
    }
}

//! Import of accounts from CSV: the good rows are taken, every bad one is named with its line and the
//! reason; no reason quotes what the row says.
//!
//! A row whose reference id is new makes an account. One whose reference id is there updates it: cells
//! with a value replace fields, empty cells leave them, tags are added. So the same file, corrected,
//! can be imported again. Rows go in by batches of one transaction each; an import that is cut short
//! has taken whole batches, and the same command finishes it.

mod batch;
mod columns;
pub mod decisions;
mod rows;

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    io::Read,
};

use serde::Serialize;

pub use columns::HeaderMap;

use super::{ActionError, Context};
use crate::domain::{account_type::AccountType, id::AccountTypeId};

/// Rows of one transaction.
const BATCH: usize = 1000;

/// How to read a file.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The type of rows that do not say.
    pub account_type: Option<String>,
    /// What headers of the file mean: field keys, or nothing to leave the column out.
    pub headers: HeaderMap,
}

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BadRow {
    /// Its line in the file, the header being line 1.
    pub line: u64,
    /// Why, naming the column and what is accepted.
    pub reason: String,
}

/// What an import did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Imported {
    /// Accounts made.
    pub created: u64,
    /// Accounts changed.
    pub updated: u64,
    /// Accounts that were as the file says already.
    pub unchanged: u64,
    /// Rows that were not taken.
    pub bad: Vec<BadRow>,
}

/// Imports a file. `name` names it in errors; `progress` hears after each batch how far it is (bytes).
pub async fn import(
    context: &Context,
    types: &[(AccountTypeId, AccountType)],
    options: &ImportOptions,
    name: &str,
    file: impl Read,
    mut progress: impl FnMut(u64),
) -> Result<Imported, ActionError> {
    // A record ends at a line feed, also the last: so each one's line is known. Cells are trimmed, which
    // takes the carriage return of a CRLF off the last.
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(file.chain(b"\n".as_slice()));
    let form = |fault: String| ActionError::Form { path: name.to_owned(), fault };
    let headers = reader.byte_headers().map_err(|error| read_error(name, error))?.clone();
    let columns = columns::Columns::find(&headers, types, options).map_err(form)?;

    let mut imported = Imported::default();
    // Hashes, not texts: a file may have many millions of rows.
    let mut seen: HashMap<u64, u64> = HashMap::new();
    let hasher = RandomState::new();
    let mut pending = Vec::with_capacity(BATCH);
    let mut record = csv::ByteRecord::new();
    loop {
        let more = reader.read_byte_record(&mut record).map_err(|error| read_error(name, error))?;
        let is_blank = record.len() == 1 && record.as_slice().trim_ascii().is_empty();
        if more && !is_blank {
            // The record's own position may lie before blank lines that were skipped, so count from its end.
            let lines = record.as_slice().split(|byte| *byte == b'\n').count() as u64;
            let begun = record.position().map_or(0, csv::Position::line);
            let line = reader.position().line().saturating_sub(lines).max(begun);
            match rows::read(&record, line, headers.len(), &columns, types) {
                Ok(row) => {
                    let first = *seen
                        .entry(hasher.hash_one((row.account_type, row.reference_id.to_lowercase())))
                        .or_insert(line);
                    if first == line {
                        pending.push(row);
                    } else {
                        let reason = format!(
                            "reference_id: line {first} of this file has the same; accepted is each once"
                        );
                        imported.bad.push(BadRow { line, reason });
                    }
                }
                Err(reason) => imported.bad.push(BadRow { line, reason }),
            }
        }
        if pending.len() == BATCH || (!more && !pending.is_empty()) {
            batch::write(context, types, &pending, &mut imported).await?;
            pending.clear();
            progress(reader.position().byte());
        }
        if !more {
            return Ok(imported);
        }
    }
}

fn read_error(name: &str, error: csv::Error) -> ActionError {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => ActionError::File { path: name.to_owned(), source },
        _ => ActionError::Form { path: name.to_owned(), fault: "is not CSV".to_owned() },
    }
}

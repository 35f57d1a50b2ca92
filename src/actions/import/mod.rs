//! Import of accounts from CSV or NDJSON: the good rows are taken, every bad one is named with its line, column and
//! reason; no reason quotes what the row says.
//!
//! A row whose reference id is new makes an account. One whose reference id is there updates it: cells
//! with a value replace fields, empty cells leave them, tags are added. So the same file, corrected,
//! can be imported again. Rows go in by batches of one transaction each; an import that is cut short
//! has taken whole batches, and the same command finishes it. Reading, checking and writing go on at the same
//! time; memory does not grow with the file.

mod batch;
mod columns;
pub mod decisions;
pub mod records;
mod rows;
mod source;

use std::{io::Read, sync::Arc};

use chrono::NaiveDate;
use futures_util::{StreamExt, stream::FuturesOrdered};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

pub use columns::HeaderMap;

use self::source::Batch;
use super::{ActionError, Context};
use crate::domain::{
    account_type::AccountType,
    id::{AccountTypeId, ImporterId},
};

/// Rows of one transaction.
const BATCH: usize = 1000;

/// Batches that are written at the same time: while one waits for the database, the other is sealed.
const AT_ONCE: usize = 2;

/// How often a batch is tried that lost a lock to somebody else.
const TRIES: u32 = 5;

/// Bad rows that are kept to be shown; further ones are counted, and go to whoever listens.
const SHOWN: usize = 10_000;

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Comma-separated values with a header line (RFC 4180).
    #[default]
    Csv,
    /// A JSON object a line.
    Ndjson,
}

impl Format {
    /// What a file's name says of it.
    pub fn of_name(name: &str) -> Self {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        match extension.as_deref() {
            Some("ndjson" | "jsonl" | "json") => Self::Ndjson,
            _ => Self::Csv,
        }
    }
}

/// How to read a file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImportOptions {
    /// The type of rows that do not say.
    pub account_type: Option<String>,
    /// What headers of the file mean: field keys, or nothing to leave the column out.
    pub headers: HeaderMap,
    /// How it is written.
    pub format: Format,
    /// Whether it is only to be told what would be done.
    pub dry_run: bool,
    /// Lines up to this one were done before.
    #[serde(skip)]
    pub after_line: u64,
    /// The import through the API that it is, which hears of each batch in its transaction, and who asked for it.
    #[serde(skip)]
    pub importer: Option<(ImporterId, String)>,
}

impl ImportOptions {
    const fn spoken(&self) -> Spoken {
        if self.importer.is_some() { Spoken::Api } else { Spoken::CommandLine }
    }
}

/// How whoever imports says what: advice that they cannot follow is none.
#[derive(Clone, Copy, Debug)]
enum Spoken {
    Api,
    CommandLine,
}

impl Spoken {
    const fn map(self) -> &'static str {
        match self {
            Self::Api => "the attribute mapping",
            Self::CommandLine => "--map",
        }
    }

    fn mapping(self, field: &str) -> String {
        match self {
            Self::Api => format!("the attribute mapping {{\"HEADER\": \"{field}\"}}"),
            Self::CommandLine => format!("--map 'HEADER={field}'"),
        }
    }

    const fn account_type(self) -> &'static str {
        match self {
            Self::Api => "the attribute account-type",
            Self::CommandLine => "--type",
        }
    }
}

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BadRow {
    /// Its line in the file, the first being line 1.
    pub line: u64,
    /// The column that is at fault, where it is one.
    pub column: Option<String>,
    /// Why, naming the column and what is accepted.
    pub reason: String,
}

impl BadRow {
    fn new(line: u64, reason: String) -> Self {
        let column = reason.split_once(": ").map(|(column, _)| column.to_owned());
        Self { line, column, reason }
    }
}

/// What an import did, or would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Imported {
    /// Accounts made.
    pub created: u64,
    /// Accounts changed.
    pub updated: u64,
    /// Accounts that were as the file says already.
    pub unchanged: u64,
    /// Rows that were not taken: how many.
    pub rejected: u64,
    /// The first of them.
    pub bad: Vec<BadRow>,
}

impl Imported {
    fn add(&mut self, other: Self) -> &[BadRow] {
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.rejected += other.bad.len() as u64;
        let before = self.bad.len();
        self.bad.extend(other.bad);
        self.bad.get(before..).unwrap_or_default()
    }
}

/// What is heard of an import while it goes on.
pub trait Listener: Send {
    /// Up to which byte of the file it has come.
    fn progress(&mut self, _bytes: u64) {}

    /// Rows that were not taken.
    fn rejected(&mut self, _rows: &[BadRow]) {}
}

/// Nobody listens.
impl Listener for () {}

/// Imports a file. `name` names it in errors.
pub async fn import(
    context: &Context,
    types: &[(AccountTypeId, AccountType)],
    options: &ImportOptions,
    name: &str,
    file: impl Read + Send + 'static,
    listener: &mut impl Listener,
) -> Result<Imported, ActionError> {
    let types: source::Types = Arc::from(types);
    // The place in the file moves with each batch: one after the other.
    let at_once = if options.importer.is_some() { 1 } else { AT_ONCE };
    let mut from_line = options.after_line;
    let today = context.now().date_naive();
    let mut batches = start_reading(name, file, Arc::clone(&types), options.clone(), today);
    let mut imported = Imported::default();
    let mut writing = FuturesOrdered::new();
    let mut fault = None;
    while let Some(batch) = batches.recv().await {
        let batch = match batch {
            Ok(batch) => batch,
            // What was read before stays taken.
            Err(error) => {
                fault = Some(error);
                break;
            }
        };
        let line = std::mem::replace(&mut from_line, batch.line);
        writing.push_back(write(context, &types, options, batch, line));
        // The next batch is read meanwhile; written is what there is room for.
        while writing.len() >= at_once {
            if let Some(written) = writing.next().await {
                take(&mut imported, written?, listener);
            }
        }
    }
    while let Some(written) = writing.next().await {
        take(&mut imported, written?, listener);
    }
    match fault {
        Some(fault) => Err(fault),
        None => Ok(imported),
    }
}

/// Reads on a thread of its own: parsing is work, and the file may be slow.
fn start_reading(
    name: &str,
    file: impl Read + Send + 'static,
    types: source::Types,
    options: ImportOptions,
    today: NaiveDate,
) -> mpsc::Receiver<Result<Batch, ActionError>> {
    let (batches, read) = mpsc::channel(AT_ONCE);
    let name = name.to_owned();
    tokio::task::spawn_blocking(move || source::read(&name, file, &types, &options, (&batches, today)));
    read
}

/// What a batch did, and up to which byte of the file it reaches.
type Written = (Imported, u64);

async fn write(
    context: &Context,
    types: &source::Types,
    options: &ImportOptions,
    batch: Batch,
    from_line: u64,
) -> Result<Written, ActionError> {
    let bytes = batch.bytes;
    let mut tries = 1;
    loop {
        match batch::write(context, types, options, &batch, from_line).await {
            Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
            done => return Ok((done?, bytes)),
        }
    }
}

fn take(imported: &mut Imported, (done, bytes): Written, listener: &mut impl Listener) {
    let bad = imported.add(done);
    if !bad.is_empty() {
        listener.rejected(bad);
    }
    imported.bad.truncate(SHOWN);
    listener.progress(bytes);
}

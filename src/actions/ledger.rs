//! The erasure ledger: what was redacted, kept outside the database, so that a restored backup forgets it again.
//!
//! Each process appends to a file of its own: an intent with the keys that are about to be destroyed, before the
//! transaction commits; that it is done, after. Only then is a redaction reported. Each line is chained to the one
//! before by a keyed hash. The database notes how many lines of each file it has seen; restored to an older state, it
//! has seen fewer, and what lies between is looked at again, by the ids of the keys.

mod replay;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use replay::{FileView, Settled, settle, status};

use super::{ActionError, Context, audit::hex};
use crate::{ambient::machine, store::erasures::ErasedKey, vault::ChainKey};

/// The chain's name among those under one key.
const CHAIN: &str = "ledger";

/// How files of the ledger end.
const ENDING: &str = ".erasures.jsonl";

/// What a line says.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Keys are about to be destroyed.
    Intent,
    /// They were.
    Done,
    /// They were not, and nobody was told that they were.
    Abandoned,
}

/// One line.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Line {
    /// Its number in the file, from 1.
    pub line: i64,
    /// What it says.
    pub act: Act,
    /// Which erasure it is about.
    pub erasure: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The last entry of the audit log at that time.
    pub audit_sequence: i64,
    /// The objects and their keys.
    pub keys: Vec<(String, String)>,
    /// The keyed hash over it and the line before.
    pub mac: String,
}

impl Line {
    fn link(&self, key: &ChainKey, previous: &[u8; 32]) -> [u8; 32] {
        let unchained = Self { mac: String::new(), ..self.clone() };
        key.link(CHAIN, previous, &serde_json::to_vec(&unchained).expect("texts and numbers can be written"))
    }
}

/// The ledger of one process.
pub struct Ledger {
    folder: PathBuf,
    key: ChainKey,
    own: Mutex<Option<Own>>,
}

/// The process's own file: made with its first erasure, locked for as long as the process lives.
struct Own {
    file: File,
    path: PathBuf,
    length: u64,
    lines: i64,
    mac: [u8; 32],
}

impl Ledger {
    /// The ledger in a folder, of the database whose key is `key`.
    pub fn new(folder: &Path, key: ChainKey) -> Arc<Self> {
        Arc::new(Self { folder: folder.to_owned(), key, own: Mutex::new(None) })
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Appends a line, and sees to it that it outlives the machine.
    fn append(&self, act: Act, about: &Erasure, at: DateTime<Utc>) -> io::Result<()> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let own = match &mut *own {
            Some(own) => own,
            none => none.insert(self.begin(about.id)?),
        };
        let mut line = Line {
            line: own.lines + 1,
            act,
            erasure: about.id.to_string(),
            at,
            audit_sequence: about.audit_sequence,
            keys: Vec::new(),
            mac: String::new(),
        };
        if act == Act::Intent {
            let keys = about.keys.iter().map(|key| (key.object.to_string(), key.key_id.to_string()));
            line.keys = keys.collect();
        }
        let mac = line.link(&self.key, &own.mac);
        line.mac = hex(&mac);
        let text = serde_json::to_string(&line)? + "\n";
        let written = own.file.write_all(text.as_bytes()).and_then(|()| own.file.sync_data());
        if let Err(error) = written {
            // Half a line must not stand before the next one.
            let _ = own.file.set_len(own.length);
            return Err(error);
        }
        (own.length, own.lines, own.mac) = (own.length + text.len() as u64, line.line, mac);
        Ok(())
    }

    fn begin(&self, first: Uuid) -> io::Result<Own> {
        fs::create_dir_all(&self.folder)?;
        let host: String = machine::host_name()
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
            .collect();
        let path = self.folder.join(format!("{host}-{first}{ENDING}"));
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        // Who only looks holds it for a moment.
        file.lock()?;
        // The name, too, must outlive the machine.
        File::open(&self.folder)?.sync_all()?;
        Ok(Own { file, path, length: 0, lines: 0, mac: [0; 32] })
    }

    /// Whether a file is this process's own.
    fn is_own(&self, path: &Path) -> bool {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.as_ref().is_some_and(|own| own.path == path)
    }
}

/// An erasure that is under way.
#[derive(Clone, Debug)]
pub(super) struct Erasure {
    pub(super) id: Uuid,
    pub(super) keys: Vec<ErasedKey>,
    pub(super) audit_sequence: i64,
}

/// Writes a line of the ledger, if there is one; where it cannot be written, the text says what became of it.
pub(super) async fn write(
    context: &Context,
    act: Act,
    about: &Erasure,
    became: &'static str,
) -> Result<(), ActionError> {
    let Some(ledger) = context.ledger.clone() else { return Ok(()) };
    let (about, at) = (about.clone(), context.now());
    let folder = ledger.folder.display().to_string();
    // It waits for the disk.
    let written = tokio::task::spawn_blocking(move || ledger.append(act, &about, at)).await;
    let written = written.unwrap_or_else(|_| Err(io::Error::other("the writer ended")));
    written.map_err(|error| {
        ActionError::Conflict(format!("the erasure ledger in {folder} cannot be written ({error}): {became}"))
    })
}

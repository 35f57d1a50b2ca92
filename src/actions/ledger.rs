//! The erasure ledger: what was redacted, kept outside the database, so that a restored backup forgets it again.
//!
//! Each process appends to a file of its own: an intent with the keys that are about to be destroyed, before the
//! transaction commits; that it is done, after. Only then is a redaction reported. Each line is chained to the one
//! before by a keyed hash. The database notes how many lines of each file it has seen; restored to an older state, it
//! has seen fewer, and what lies between is looked at again, by the ids of the keys.
//!
//! An erasure that has begun is carried to its end whatever becomes of who asked for it. What a process that died left
//! open is decided by whoever looks next, from what the database says of the transaction, and noted as a line.

mod again;
mod lines;
mod reader;
mod replay;

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use lines::{Act, Line, Part};
pub use replay::{FileView, Settled, decide, forget, given_up, settle, status};

use super::{ActionError, Context, audit::hex};
use crate::{
    ambient::machine,
    store::{Transaction, erasures},
    vault::ChainKey,
};
use reader::Reader;

/// How files of the ledger end.
const ENDING: &str = ".erasures.jsonl";

/// The ledger of one process.
pub struct Ledger {
    folder: PathBuf,
    key: ChainKey,
    own: Mutex<Option<Own>>,
    /// The name of `own`, which is asked for while a line is on its way to the disk.
    own_name: Mutex<Option<String>>,
    reader: Mutex<Reader>,
    under_way: Mutex<HashSet<String>>,
    tasks: TaskTracker,
}

/// The process's own file: made with its first line, locked for as long as the process lives.
struct Own {
    file: File,
    name: String,
    length: u64,
    lines: i64,
    mac: [u8; 32],
}

impl Ledger {
    /// The ledger in a folder, of the database whose key is `key`.
    pub fn new(folder: &Path, key: ChainKey) -> Arc<Self> {
        Arc::new(Self {
            folder: folder.to_owned(),
            key,
            own: Mutex::default(),
            own_name: Mutex::default(),
            reader: Mutex::default(),
            under_way: Mutex::default(),
            tasks: TaskTracker::new(),
        })
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Waits until no erasure of this process is under way.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Appends a line, and sees to it that it outlives the machine.
    fn append(&self, mut line: Line) -> io::Result<()> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.as_ref().is_some_and(|own| !self.folder.join(&own.name).exists()) {
            // It was removed: what is written on would be nowhere.
            *own = None;
            *self.own_name.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let own = match &mut *own {
            Some(own) => own,
            none => {
                let begun = self.begin(&line)?;
                *self.own_name.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun.name.clone());
                none.insert(begun)
            }
        };
        line.line = own.lines + 1;
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

    fn begin(&self, first: &Line) -> io::Result<Own> {
        let host: String = machine::host_name()
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
            .collect();
        // An erasure is of one file, and how it ended is of one other at most.
        let of = if first.act == Act::Intent { "" } else { "-ended" };
        let (name, file) = self.create(&format!("{host}-{}{of}", first.erasure))?;
        // Who only looks holds it for a moment.
        file.lock()?;
        // The name, too, must outlive the machine.
        File::open(&self.folder)?.sync_all()?;
        Ok(Own { file, name, length: 0, lines: 0, mac: [0; 32] })
    }

    /// Makes a file of that name; of one with a number, where a process that died left one behind.
    fn create(&self, name: &str) -> io::Result<(String, File)> {
        let mut number = 1;
        loop {
            let tried =
                if number == 1 { format!("{name}{ENDING}") } else { format!("{name}-{number}{ENDING}") };
            match OpenOptions::new().append(true).create_new(true).open(self.folder.join(&tried)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                made => return Ok((tried, made?)),
            }
        }
    }

    /// The name of this process's own file, once it has one.
    fn own_name(&self) -> Option<String> {
        self.own_name.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether this process is about an erasure at this moment.
    fn is_under_way(&self, erasure: &str) -> bool {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).contains(erasure)
    }
}

/// Holds an erasure as under way.
struct UnderWay {
    ledger: Arc<Ledger>,
    erasure: String,
}

impl UnderWay {
    fn begin(ledger: &Arc<Ledger>, erasure: String) -> Self {
        ledger.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(erasure.clone());
        Self { ledger: Arc::clone(ledger), erasure }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.ledger.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.erasure);
    }
}

/// Commits a transaction that destroys what `intent` says: noted before, and as done after. It goes to its end also
/// when nobody waits for it any more.
pub(super) async fn carry(
    context: &Context,
    ledger: &Arc<Ledger>,
    mut transaction: Transaction,
    intent: Line,
) -> Result<(), ActionError> {
    let known = if ledger.own_name().is_none() {
        Some(erasures::list_marks(&mut transaction).await?.into_keys().collect::<Vec<_>>())
    } else {
        None
    };
    let (ledger, now) = (Arc::clone(ledger), context.now());
    let tasks = ledger.tasks.clone();
    let carried = async move {
        let _under_way = UnderWay::begin(&ledger, intent.erasure.clone());
        let done = intent.ended(Act::Done, now);
        write(&ledger, known, intent, "nothing was redacted").await?;
        // After an error nobody knows whether it was done: who looks through the ledger finds out in the database.
        transaction.commit().await?;
        write(&ledger, None, done, "it was redacted, and the ledger does not say so yet").await
    };
    let ended = tasks.spawn(carried).await;
    ended.unwrap_or_else(|_| {
        Err(ActionError::Conflict("the redaction was broken off: the erasure ledger knows of it".to_owned()))
    })
}

/// Writes a line of the ledger; where it cannot be written, the text says what became of it. With the files that the
/// database knows, it is looked first whether they are there: a folder that is not the ledger's gets no second ledger.
async fn write(
    ledger: &Arc<Ledger>,
    known: Option<Vec<String>>,
    line: Line,
    became: &'static str,
) -> Result<(), ActionError> {
    let folder = ledger.folder.display().to_string();
    let ledger = Arc::clone(ledger);
    // It waits for the disk.
    let written = tokio::task::spawn_blocking(move || {
        if let Some(known) = known {
            make_folder(&ledger.folder, &known)?;
        }
        ledger.append(line)
    });
    let written = written.await.unwrap_or_else(|_| Err(io::Error::other("the writer ended")));
    written.map_err(|error| {
        ActionError::Conflict(format!("the erasure ledger in {folder} cannot be written ({error}): {became}"))
    })
}

/// Makes the folder of a ledger that has no file yet; refuses where files are missing that the database knows.
fn make_folder(folder: &Path, known: &[String]) -> io::Result<()> {
    let missing = known.iter().find(|name| !folder.join(name).exists());
    match missing {
        Some(missing) => Err(io::Error::other(format!("its file {missing} is not there"))),
        None => fs::create_dir_all(folder),
    }
}

/// A line without its place and its hash.
pub(super) fn intent(erasure: Uuid, at: DateTime<Utc>, audit_sequence: i64) -> Line {
    Line::new(Act::Intent, erasure.to_string(), at, audit_sequence)
}

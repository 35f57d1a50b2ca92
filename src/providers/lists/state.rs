//! What is kept of a list between looks and between lives of the process, in the list's folder:
//!
//! ```text
//! state.json      which version is in force, what was refused, when the source was heard of
//! VERSION/…       the files of versions, the one in force and the two before
//! refused/…       the files of the version that is refused
//! accepted        the version that a person accepts all the same
//! lock            held by the process that keeps versions here
//! incoming/…      a fetch under way
//! ```

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::files;
use crate::screening::{
    list::{List, ParseFaults},
    parse::Format,
};

/// The name of the file of a list that is one file.
pub(super) const FILE: &str = "list";

/// Where a fetch puts its files.
pub(super) const INCOMING: &str = "incoming";

const STATE: &str = "state.json";
const ACCEPTED: &str = "accepted";

/// How many versions are kept: to see what changed, and to go back by hand.
const KEPT: usize = 3;

/// What a source said of the files it sent, by file, to ask whether they changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Validators(pub BTreeMap<String, Validator>);

impl Validators {
    pub(super) fn or(self, other: &Self) -> Self {
        if self.0.is_empty() { other.clone() } else { self }
    }
}

/// What a source said of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Validator {
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its `Last-Modified`.
    pub last_modified: Option<String>,
}

/// The version in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InForce {
    /// Its version: a short hash of its contents.
    pub version: String,
    /// When it came into force.
    pub taken_at: DateTime<Utc>,
    /// When its files were written.
    pub written_at: Option<DateTime<Utc>>,
    /// What its source said of it.
    pub validators: Validators,
    /// How many entities it has.
    pub entities: usize,
    /// How many names.
    pub names: usize,
    /// What of it was not understood.
    pub faults: ParseFaults,
}

impl InForce {
    /// The version that `list` is, as it was read from its files at `path`.
    pub fn of(list: &List, path: &Path, format: Format) -> Self {
        let written_at = files::written_at(path, format);
        Self {
            version: list.version.clone(),
            taken_at: written_at.unwrap_or_default(),
            written_at,
            validators: Validators::default(),
            entities: list.entities.len(),
            names: list.entities.iter().map(|entity| entity.names.len()).sum(),
            faults: list.faults.clone(),
        }
    }
}

/// A version that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Refused {
    /// Its version; none when it could not be read: then nobody can accept it.
    pub version: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// How many entities it has, when it could be read.
    pub entities: Option<usize>,
}

/// What is kept of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct State {
    /// The version in force.
    pub in_force: Option<InForce>,
    /// When the source last said that this is what it has.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// The newer version that is refused.
    pub refused: Option<Refused>,
    /// When and why the last look failed, when it did.
    pub failed: Option<(DateTime<Utc>, String)>,
    /// What the source said of what it sent last.
    pub(super) seen: Validators,
    /// Which source that was.
    #[serde(default)]
    source: Option<String>,
}

impl State {
    /// What a list's folder holds; nothing when there is nothing that can be read.
    pub fn read(folder: &Path) -> Self {
        let text = fs::read(folder.join(STATE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Notes that the list comes from `source`: what another source said counts no more.
    pub(super) fn belongs_to(&mut self, source: &str) {
        if self.source.as_deref() != Some(source) {
            if self.source.is_some() {
                self.seen = Validators::default();
                self.confirmed_at = None;
            }
            self.source = Some(source.to_owned());
        }
    }

    /// Writes it, whole or not at all.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let part = folder.join("state.part");
        let mut file = File::create(&part)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(part, folder.join(STATE))?;
        if self.refused.is_none() {
            absent(fs::remove_file(folder.join(ACCEPTED)))?;
            absent(fs::remove_dir_all(folder.join("refused")))?;
        }
        absent(fs::remove_dir_all(folder.join(INCOMING)))?;
        self.remove_old(folder)
    }

    /// Removes the oldest versions.
    fn remove_old(&self, folder: &Path) -> io::Result<()> {
        let is_version = |name: &str| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut versions = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let in_force = self.in_force.as_ref().is_some_and(|kept| kept.version == name);
            if is_version(&name) {
                versions.push((in_force, entry.metadata()?.modified()?, entry.path()));
            }
        }
        versions.sort();
        let surplus = versions.len().saturating_sub(KEPT);
        versions.into_iter().take(surplus).try_for_each(|(_, _, path)| fs::remove_dir_all(path))
    }
}

/// The folder in which this process keeps versions of a list; nobody else does while it lives.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) folder: PathBuf,
    _lock: Arc<File>,
}

/// The locks of this process, by folder: a reload takes up what it has.
static LOCKS: Mutex<BTreeMap<PathBuf, Weak<File>>> = Mutex::new(BTreeMap::new());

/// The most processes of one host that keep versions of a list.
const MOST: usize = 64;

/// Claims `folder`, or where other processes have it, the next free of `folder-2`, `folder-3` and so on.
pub(super) fn claim(folder: &Path) -> io::Result<Claim> {
    let mut locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    for folder in folders(folder) {
        if let Some(lock) = locks.get(&folder).and_then(Weak::upgrade) {
            return Ok(Claim { folder, _lock: lock });
        }
        fs::create_dir_all(&folder)?;
        let lock = File::create(folder.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {
                let lock = Arc::new(lock);
                locks.insert(folder.clone(), Arc::downgrade(&lock));
                return Ok(Claim { folder, _lock: lock });
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::other("other processes have it, and those beside it"))
}

/// The folders that processes of this host may have for the list of `folder`.
fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let name = folder.as_os_str().to_owned();
    (1..=MOST).map(move |number| {
        let mut name = name.clone();
        if number > 1 {
            name.push(format!("-{number}"));
        }
        name.into()
    })
}

/// Accepts the refused version of the list that has `folder`; the daemons of this host take it within seconds.
/// Returns its version; an error says why there is nothing to accept.
pub fn accept(folder: &Path) -> Result<String, String> {
    let there: Vec<PathBuf> = folders(folder).take_while(|folder| folder.exists()).collect();
    let mut accepted: Vec<Result<String, String>> = there.iter().map(|folder| accept_in(folder)).collect();
    match accepted.iter().position(Result::is_ok) {
        Some(place) => accepted.swap_remove(place),
        None => accepted.into_iter().next().unwrap_or_else(|| Err("no version of it is refused".to_owned())),
    }
}

fn accept_in(folder: &Path) -> Result<String, String> {
    let Some(refused) = State::read(folder).refused else {
        return Err("no version of it is refused".to_owned());
    };
    let Some(version) = refused.version else {
        return Err(format!("the refused version cannot be read, and so not be used: {}", refused.reason));
    };
    fs::write(folder.join(ACCEPTED), &version).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(version)
}

/// The version that somebody accepted.
pub(super) fn accepted(folder: &Path) -> Option<String> {
    fs::read_to_string(folder.join(ACCEPTED)).ok().map(|text| text.trim().to_owned())
}

/// Puts the files at `from` into the folder of a version.
pub(super) fn keep(folder: &Path, from: &Path, version: &str, format: Format) -> io::Result<()> {
    put(folder, from, &folder.join(version), format)
}

/// Puts the files of a refused version aside.
pub(super) fn set_aside(folder: &Path, from: &Path, format: Format) -> io::Result<()> {
    let aside = folder.join("refused");
    // Already there: what was accepted and then could not be taken.
    if from.starts_with(&aside) { Ok(()) } else { put(folder, from, &aside, format) }
}

/// Moves the files at `from` to the folder `to` when they are below the list's own folder, else copies them.
fn put(folder: &Path, from: &Path, to: &Path, format: Format) -> io::Result<()> {
    let place = if format.files().is_some() { Some(from) } else { from.parent() };
    match place.filter(|place| place.parent() == Some(folder)) {
        Some(place) => {
            absent(fs::remove_dir_all(to))?;
            fs::rename(place, to)
        }
        None => copy(from, to, format),
    }
}

/// Copies the files of a list to the folder `to`, which appears whole.
fn copy(from: &Path, to: &Path, format: Format) -> io::Result<()> {
    let part = to.with_extension("part");
    absent(fs::remove_dir_all(&part))?;
    fs::create_dir_all(&part)?;
    for file in files::paths(from, format) {
        let name = match format.files() {
            Some(_) => file.file_name().map(PathBuf::from).unwrap_or_default(),
            None => PathBuf::from(FILE),
        };
        let copied = part.join(name);
        match fs::copy(&file, &copied) {
            Ok(_) => File::open(&copied)?.sync_all()?,
            Err(error) => absent(Err(error))?,
        }
    }
    absent(fs::remove_dir_all(to))?;
    fs::rename(part, to)
}

fn absent(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

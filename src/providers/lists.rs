//! The published lists of this process: looked at anew, judged, kept, swapped in.
//!
//! A [`Keeper`] has one list. A look fetches or reads what the publisher has now; what cannot be read, is cut
//! off or lacks too much of what is in force is refused, and the version in force stays. A version that is
//! taken is kept in the list's folder, arranged beside the running index, and swapped in by one assignment.
//! What is kept outlives the process: after a restart the version in force is there without asking anybody.

mod fetch;
mod files;
mod state;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::Serialize;

pub use fetch::FetchError;
pub use files::kept;
use files::{Stamp, kept_path, stamp};
pub use state::{InForce, Refused, State, Validators, accept};

use super::local::PublishedList;
use crate::domain::cadence::CronPattern;
use crate::screening::{
    difference::gone_share,
    index::Index,
    list::{List, ListError},
    parse::Format,
};

/// Where a list comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file or folder of this host.
    Path(PathBuf),
    /// An address; of formats of several files, what their names are put after.
    Url(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(url),
        }
    }
}

/// What a list is and how it is kept.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Its name in the configuration.
    pub name: String,
    /// How it is written.
    pub format: Format,
    /// Where it comes from.
    pub origin: Origin,
    /// When it is looked at anew, in UTC.
    pub refresh: CronPattern,
    /// How old it may become.
    pub max_age: Option<Duration>,
    /// Which share of its entities a new version may lack, 0 to 1.
    pub largest_shrink: f64,
    /// Its folder, where versions are kept; in memory only when none.
    pub folder: Option<PathBuf>,
    /// How long one fetch may take.
    pub patience: Duration,
}

/// What came of a look at a list's source.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// There is nothing new.
    Unchanged,
    /// A new version is in force.
    Taken(InForce),
    /// A new version is refused; true when it was not refused before.
    Refused(Refused, bool),
    /// The source did not answer, or what it sent broke off: nothing is known of a new version.
    Failed(String),
}

/// A list as it stands, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub source: String,
    /// What is kept of it.
    #[serde(flatten)]
    pub state: State,
    /// How old it is, in seconds; none before the first version.
    pub age_seconds: Option<i64>,
    /// Whether that is more than it may be.
    pub stale: bool,
}

/// How a list stands of which `state` is kept.
///
/// Its age is the time since it is known to be what the publisher has: a fetched list since its source last said
/// so, one of this host since its files were written.
pub fn standing(
    name: &str,
    origin: &Origin,
    state: &State,
    max_age: Option<Duration>,
    now: DateTime<Utc>,
) -> Standing {
    let since = match origin {
        Origin::Path(_) => state.in_force.as_ref().and_then(|kept| kept.written_at),
        Origin::Url(_) => state.confirmed_at,
    };
    let age_seconds = since.map(|at| now.signed_duration_since(at).num_seconds().max(0));
    let longest = max_age.and_then(|age| i64::try_from(age.as_secs()).ok());
    Standing {
        name: name.to_owned(),
        source: origin.to_string(),
        state: state.clone(),
        age_seconds,
        stale: longest.is_some_and(|longest| age_seconds.is_none_or(|age| age > longest)),
    }
}

/// Keeps one list.
pub struct Keeper {
    terms: Terms,
    state: State,
    published: PublishedList,
    /// The ids in force, to judge a new version by.
    ids: HashSet<String>,
    next_look: Option<DateTime<Utc>>,
    /// How the files of a path were when they were last looked at.
    seen: Option<Stamp>,
}

impl Keeper {
    /// Takes up what was kept of a list; without anything kept, reads a list of this host. A list that has to be
    /// fetched first answers nothing until then.
    pub fn open(terms: Terms, published: PublishedList) -> Result<Self, ListError> {
        let mut keeper = Self {
            state: terms.folder.as_deref().map(State::read).unwrap_or_default(),
            terms,
            published,
            ids: HashSet::new(),
            next_look: None,
            seen: None,
        };
        if let Some(kept) = keeper.kept()
            && let Ok(list) = keeper.terms.format.read(&keeper.terms.name, &kept)
        {
            keeper.publish(&list);
            return Ok(keeper);
        }
        keeper.state.in_force = None;
        if let Origin::Path(path) = &keeper.terms.origin {
            let list = keeper.terms.format.read(&keeper.terms.name, path)?;
            keeper.state.in_force = Some(InForce::of(&list, path, keeper.terms.format));
            keeper.publish(&list);
        }
        Ok(keeper)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.terms.name
    }

    /// What runs answer from.
    pub const fn published(&self) -> &PublishedList {
        &self.published
    }

    /// Whether it is time to look: its pattern says so, nobody looked yet, or somebody accepted what was refused.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.next_look.is_none_or(|next| next <= now) || self.is_accepted()
    }

    /// How it stands; notes for the runs whether it is stale.
    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        let standing = standing(&self.terms.name, &self.terms.origin, &self.state, self.terms.max_age, now);
        self.published.set_stale(standing.stale);
        standing
    }

    /// Looks at the source at `now`.
    pub async fn look(&mut self, now: DateTime<Utc>) -> Look {
        self.next_look = self.terms.refresh.next_after(now);
        let accepted = self.is_accepted();
        let look = match self.terms.origin.clone() {
            _ if accepted => self.judge(self.refused_place(), Validators::default(), now).await,
            Origin::Path(path) => self.look_at_path(&path, now).await,
            Origin::Url(url) => self.look_at_url(&url, now).await,
        };
        self.state.failed = match &look {
            Look::Failed(reason) => Some((now, reason.clone())),
            Look::Unchanged | Look::Taken(_) | Look::Refused(..) => None,
        };
        if let Err(error) = self.write() {
            return Look::Failed(error);
        }
        look
    }

    async fn look_at_path(&mut self, path: &Path, now: DateTime<Utc>) -> Look {
        let stamp = match stamp(path, self.terms.format) {
            Ok(stamp) => stamp,
            Err(error) => {
                return Look::Failed(format!("the list file {} could not be read: {error}", path.display()));
            }
        };
        if self.seen == Some(stamp) {
            return Look::Unchanged;
        }
        let look = self.judge(Some(path.to_owned()), Validators::default(), now).await;
        self.seen = Some(stamp);
        look
    }

    async fn look_at_url(&mut self, url: &str, now: DateTime<Utc>) -> Look {
        let Some(folder) = self.terms.folder.clone() else {
            return Look::Failed("it has no folder".to_owned());
        };
        let incoming = folder.join("incoming");
        // What is not in force here must not count as unchanged.
        let has_some = self.state.in_force.is_some();
        let seen = if has_some { self.state.seen.clone() } else { Validators::default() };
        match fetch::fetch(url, self.terms.format, &incoming, &seen, self.terms.patience).await {
            Err(error) => Look::Failed(chain(&error)),
            Ok(None) => {
                // Unchanged since it was refused is not confirmed.
                if self.state.refused.is_none() {
                    self.state.confirmed_at = Some(now);
                }
                Look::Unchanged
            }
            Ok(Some(validators)) => self.judge(Some(incoming), validators, now).await,
        }
    }

    /// Reads the candidate at `place` and takes it, or refuses it.
    async fn judge(&mut self, place: Option<PathBuf>, validators: Validators, now: DateTime<Utc>) -> Look {
        let Some(place) = place else {
            return Look::Failed("what was refused is not kept any more".to_owned());
        };
        let (format, name) = (self.terms.format, self.terms.name.clone());
        let file = self.file_at(&place);
        let reading = file.clone();
        // A large list takes seconds: no worker of the runtime waits for it.
        let read = tokio::task::spawn_blocking(move || {
            let list = format.read(&name, &reading);
            list.map(|list| {
                let index = Index::build(&list);
                (list, index)
            })
        })
        .await;
        let Ok(read) = read else { return Look::Failed("reading it was broken off".to_owned()) };
        self.state.seen = validators.or(&self.state.seen);
        let (list, index) = match read {
            Ok(read) => read,
            Err(error) => return self.refuse(&place, None, chain(&error), now),
        };
        if self.state.in_force.as_ref().is_some_and(|kept| kept.version == list.version) {
            self.state.refused = None;
            self.state.confirmed_at = Some(now);
            if let (Some(folder), Some(kept)) = (&self.terms.folder, self.kept())
                && !kept.exists()
                && let Err(error) = state::keep(folder, &file, &list.version, format)
            {
                return Look::Failed(format!("the version could not be kept: {error}"));
            }
            if let Some(kept) = &mut self.state.in_force {
                kept.written_at = files::written_at(&file, format).or(kept.written_at);
            }
            return Look::Unchanged;
        }
        let share = gone_share(self.ids.iter().map(String::as_str), &list.entities);
        let accepted = self.state.refused.as_ref().and_then(|refused| refused.version.as_ref())
            == Some(&list.version)
            && self.is_accepted();
        if share > self.terms.largest_shrink && !accepted {
            let reason = format!(
                "it lacks {:.1} % of the entities in force, {} % are allowed",
                share * 100.0,
                self.terms.largest_shrink * 100.0
            );
            return self.refuse(&place, Some(&list), reason, now);
        }
        self.take(&place, &list, index, now)
    }

    fn take(&mut self, place: &Path, list: &List, index: Index, now: DateTime<Utc>) -> Look {
        let file = self.file_at(place);
        let in_force = InForce {
            taken_at: now,
            validators: self.state.seen.clone(),
            ..InForce::of(list, &file, self.terms.format)
        };
        if let Some(folder) = &self.terms.folder
            && let Err(error) = state::keep(folder, &file, &list.version, self.terms.format)
        {
            return Look::Failed(format!("the version could not be kept: {error}"));
        }
        self.ids = list.entities.iter().map(|entity| entity.id.clone()).collect();
        self.published.replace(index);
        self.state.refused = None;
        self.state.confirmed_at = Some(now);
        self.state.in_force = Some(in_force.clone());
        Look::Taken(in_force)
    }

    fn refuse(&mut self, place: &Path, list: Option<&List>, reason: String, now: DateTime<Utc>) -> Look {
        let refused = Refused {
            version: list.map(|list| list.version.clone()),
            at: now,
            reason,
            entities: list.map(|list| list.entities.len()),
        };
        let before = self.state.refused.as_ref();
        let is_new = before
            .is_none_or(|before| (&before.version, &before.reason) != (&refused.version, &refused.reason));
        if let Some(folder) = &self.terms.folder
            && let Err(error) = state::set_aside(folder, &self.file_at(place), self.terms.format)
        {
            return Look::Failed(format!("the refused version could not be kept: {error}"));
        }
        self.state.refused = Some(refused.clone());
        Look::Refused(refused, is_new)
    }

    /// Answers from `list` from now on, as it was kept or found.
    fn publish(&mut self, list: &List) {
        self.ids = list.entities.iter().map(|entity| entity.id.clone()).collect();
        self.published.replace(Index::build(list));
    }

    fn kept(&self) -> Option<PathBuf> {
        let version = &self.state.in_force.as_ref()?.version;
        Some(kept_path(&self.terms.folder.as_ref()?.join(version), self.terms.format))
    }

    /// The file, or the folder of files, of a candidate: below the list's own folder it is in a folder.
    fn file_at(&self, place: &Path) -> PathBuf {
        let is_own = self.terms.folder.as_deref().is_some_and(|folder| place.parent() == Some(folder));
        if is_own { kept_path(place, self.terms.format) } else { place.to_owned() }
    }

    fn refused_place(&self) -> Option<PathBuf> {
        self.terms.folder.as_ref().map(|folder| folder.join("refused"))
    }

    /// Whether somebody accepted what is refused.
    fn is_accepted(&self) -> bool {
        let refused = self.state.refused.as_ref().and_then(|refused| refused.version.as_ref());
        let folder = self.terms.folder.as_deref();
        refused.zip(folder).is_some_and(|(version, folder)| state::accepted(folder).as_ref() == Some(version))
    }

    fn write(&self) -> Result<(), String> {
        let Some(folder) = &self.terms.folder else { return Ok(()) };
        self.state
            .write(folder)
            .map_err(|error| format!("its folder {} could not be written: {error}", folder.display()))
    }
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The keepers of a configuration, shared by whoever looks and whoever shows.
pub type Keepers = Arc<tokio::sync::Mutex<Vec<Keeper>>>;

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;

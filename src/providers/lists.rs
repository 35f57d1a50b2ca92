//! The published lists of this process: looked at anew, judged, kept, swapped in.
//!
//! A [`Keeper`] has one list. A look fetches or reads what the publisher has now; what cannot be read, is cut
//! off or lacks too much of what is in force is refused, and the version in force stays. A version that is
//! taken is kept in the list's folder, arranged beside the running index, and swapped in by one assignment.
//! What is kept outlives the process: after a restart the version in force is there without asking anybody.

mod fetch;
mod files;
mod state;
mod terms;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};

pub(super) use fetch::fetch_all;
pub use fetch::{Fetch, FetchError};
use files::{Stamp, kept_path, stamp};
pub use files::{kept, kept_versions};
use state::Claim;
pub use state::{InForce, Refused, State, Validators, accept};
pub use terms::{Look, Origin, Standing, Terms, standing};

use super::local::PublishedList;
use crate::screening::{
    difference::gone_share,
    index::Index,
    list::{List, ListEntity, ListError},
};

/// When a look that failed is repeated at the latest: while a version is in force, and while there is none.
const RETRY: Duration = Duration::from_mins(5);
const FIRST_RETRY: Duration = Duration::from_secs(30);

/// Keeps one list.
pub struct Keeper {
    terms: Terms,
    state: State,
    published: PublishedList,
    next_look: Option<DateTime<Utc>>,
    /// How the files of a path were when they were last looked at.
    seen: Option<Stamp>,
    /// That no other process keeps versions in the same folder.
    _claim: Option<Claim>,
}

/// What a look has to find out before it can be settled.
pub enum Question {
    /// Nothing: everything is on this host.
    Here,
    /// What an address has now.
    There(Fetch),
}

/// What came of it.
pub enum Reply {
    /// Everything is on this host.
    Here,
    /// What was fetched, unless it is what was fetched before.
    There(Result<Option<Validators>, FetchError>),
}

impl Question {
    /// Asks whom it has to ask. Holds nothing of the list meanwhile.
    pub async fn ask(self) -> Reply {
        match self {
            Self::Here => Reply::Here,
            Self::There(fetch) => Reply::There(fetch.fetch().await),
        }
    }
}

impl Keeper {
    /// Takes up what was kept of a list; without anything kept, reads a list of this host. A list that has to be
    /// fetched first answers nothing until then. Where another process keeps versions in the list's folder, this
    /// one does so in a folder beside it.
    pub fn open(mut terms: Terms, published: PublishedList) -> Result<Self, ListError> {
        let claim = terms.folder.as_deref().map(state::claim).transpose().map_err(|source| {
            let file = terms.folder.as_deref().unwrap_or(Path::new("")).display().to_string();
            ListError::Unreadable { file, source }
        })?;
        terms.folder = claim.as_ref().map(|claim| claim.folder.clone());
        let mut state = terms.folder.as_deref().map(State::read).unwrap_or_default();
        state.belongs_to(&terms.origin.to_string());
        let mut keeper = Self { state, terms, published, next_look: None, seen: None, _claim: claim };
        if let (Some(kept), Some(in_force)) = (keeper.kept(), &keeper.state.in_force) {
            match keeper.terms.format.read(&keeper.terms.name, &kept) {
                Ok(list) if list.version == in_force.version => {
                    keeper.published.replace(Index::build_of(list));
                    return Ok(keeper);
                }
                Ok(_) => tracing::warn!(
                    list.name = keeper.terms.name,
                    "what was kept of the list is another version than was noted: it is read anew"
                ),
                Err(error) => tracing::warn!(
                    list.name = keeper.terms.name,
                    error = chain(&error),
                    "what was kept of the list cannot be read: it is read anew"
                ),
            }
        }
        keeper.state.in_force = None;
        if let Origin::Path(path) = &keeper.terms.origin {
            let list = keeper.terms.format.read(&keeper.terms.name, path)?;
            keeper.state.in_force = Some(InForce::of(&list, path, keeper.terms.format));
            keeper.published.replace(Index::build_of(list));
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

    /// Has the source looked at at the next turn.
    pub const fn hurry(&mut self) {
        self.next_look = None;
    }

    /// The entities of a version that is kept; none when it is not, or cannot be read.
    pub fn earlier(&self, version: &str) -> Option<Vec<ListEntity>> {
        let kept = kept(self.terms.folder.as_ref()?, version, self.terms.format);
        self.terms.format.read(&self.terms.name, &kept).ok().map(|list| list.entities)
    }

    /// How it stands; notes for the runs whether it is stale.
    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        let standing = standing(&self.terms.name, &self.terms.origin, &self.state, self.terms.max_age, now);
        self.published.set_stale(standing.stale);
        standing
    }

    /// Begins a look at the source at `now`.
    pub fn begin(&mut self, now: DateTime<Utc>) -> Question {
        self.next_look = self.terms.refresh.next_after(now);
        let (Origin::Url(url), Some(folder), false) =
            (&self.terms.origin, &self.terms.folder, self.is_accepted())
        else {
            return Question::Here;
        };
        // What is not in force here must not count as unchanged.
        let has_some = self.state.in_force.is_some();
        Question::There(Fetch {
            url: url.clone(),
            format: self.terms.format,
            folder: folder.join(state::INCOMING),
            seen: if has_some { self.state.seen.clone() } else { Validators::default() },
            patience: self.terms.patience,
        })
    }

    /// Ends a look with what was found out. Reads, compares and keeps files: not for a worker of the runtime.
    pub fn settle(&mut self, reply: Reply, now: DateTime<Utc>) -> Look {
        let look = match (reply, self.terms.origin.clone()) {
            (Reply::There(Err(error)), _) => Look::Failed(chain(&error)),
            (Reply::There(Ok(None)), _) => {
                // Unchanged since it was refused is not confirmed.
                if self.state.refused.is_none() {
                    self.state.confirmed_at = Some(now);
                }
                Look::Unchanged
            }
            (Reply::There(Ok(Some(validators))), _) => {
                let incoming = self.terms.folder.as_ref().map(|folder| folder.join(state::INCOMING));
                self.judge(incoming, validators, now)
            }
            (Reply::Here, _) if self.is_accepted() => {
                self.judge(self.refused_place(), Validators::default(), now)
            }
            (Reply::Here, Origin::Path(path)) => self.look_at_path(&path, now),
            (Reply::Here, Origin::Url(_)) => Look::Failed("it has no folder".to_owned()),
        };
        self.state.failed = match &look {
            Look::Failed(reason) => Some((now, reason.clone())),
            Look::Unchanged | Look::Taken(_) | Look::Refused(..) => None,
        };
        if matches!(look, Look::Failed(_)) {
            // Not at the next time only: until there is a list nothing can be screened.
            let soon = now + if self.state.in_force.is_some() { RETRY } else { FIRST_RETRY };
            self.next_look = Some(self.next_look.map_or(soon, |next| next.min(soon)));
        }
        if let Err(error) = self.write() {
            tracing::warn!(list.name = self.terms.name, error, "what is known of the list could not be kept");
        }
        look
    }

    fn look_at_path(&mut self, path: &Path, now: DateTime<Utc>) -> Look {
        let stamp = match stamp(path, self.terms.format) {
            Ok(stamp) => stamp,
            Err(error) => {
                return Look::Failed(format!("the list file {} could not be read: {error}", path.display()));
            }
        };
        if self.seen == Some(stamp) {
            return Look::Unchanged;
        }
        let look = self.judge(Some(path.to_owned()), Validators::default(), now);
        if !matches!(look, Look::Failed(_)) {
            self.seen = Some(stamp);
        }
        look
    }

    /// Reads the candidate at `place` and takes it, or refuses it. What its source said of it is remembered once it
    /// is settled: what failed here, or could not be read, is asked for again.
    fn judge(&mut self, place: Option<PathBuf>, validators: Validators, now: DateTime<Utc>) -> Look {
        let Some(place) = place else {
            return Look::Failed("what was refused is not kept any more".to_owned());
        };
        let format = self.terms.format;
        let file = self.file_at(&place);
        let list = match format.read(&self.terms.name, &file) {
            Ok(list) => list,
            Err(error @ ListError::Unreadable { .. }) => return Look::Failed(chain(&error)),
            Err(error) => return self.refuse(&place, None, chain(&error), now),
        };
        let seen = validators.or(&self.state.seen);
        if self.state.in_force.as_ref().is_some_and(|kept| kept.version == list.version) {
            if let (Some(folder), Some(kept)) = (&self.terms.folder, self.kept())
                && !kept.exists()
                && let Err(error) = state::keep(folder, &file, &list.version, format)
            {
                return Look::Failed(format!("the version could not be kept: {error}"));
            }
            self.state.seen = seen;
            self.state.refused = None;
            self.state.confirmed_at = Some(now);
            if let Some(kept) = &mut self.state.in_force {
                kept.written_at = files::written_at(&file, format).or(kept.written_at);
            }
            return Look::Unchanged;
        }
        let present = self.published.index();
        let before = present.as_ref().map_or(&[][..], |index| index.entities());
        let share = gone_share(before.iter().map(|entity| entity.id.as_str()), &list.entities);
        let accepted = self.state.refused.as_ref().and_then(|refused| refused.version.as_ref())
            == Some(&list.version)
            && self.is_accepted();
        let look = if share > self.terms.largest_shrink && !accepted {
            let reason = format!(
                "it lacks {:.1} % of the entities in force, {} % are allowed",
                share * 100.0,
                self.terms.largest_shrink * 100.0
            );
            self.refuse(&place, Some(&list), reason, now)
        } else {
            self.take(&place, list, &seen, now)
        };
        if !matches!(look, Look::Failed(_)) {
            self.state.seen = seen;
        }
        look
    }

    fn take(&mut self, place: &Path, list: List, seen: &Validators, now: DateTime<Utc>) -> Look {
        let file = self.file_at(place);
        let in_force = InForce {
            taken_at: now,
            validators: seen.clone(),
            ..InForce::of(&list, &file, self.terms.format)
        };
        if let Some(folder) = &self.terms.folder
            && let Err(error) = state::keep(folder, &file, &list.version, self.terms.format)
        {
            return Look::Failed(format!("the version could not be kept: {error}"));
        }
        self.published.replace(Index::build_of(list));
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
        self.state.write(folder).map_err(|error| format!("{}: {error}", folder.display()))
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

/// The keepers of a configuration, each on its own: a source that takes its time keeps no other list waiting.
pub type Keepers = Vec<Arc<Mutex<Keeper>>>;

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;

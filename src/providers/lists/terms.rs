//! What a list is, what comes of a look at it, and how it stands.

use std::{path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::state::{InForce, Refused, State};
use crate::{domain::cadence::CronPattern, screening::parse::Format};

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
            // What follows may be a key.
            Self::Url(url) => f.write_str(url.split('?').next().unwrap_or_default()),
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

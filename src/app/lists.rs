//! `watchkeeper lists`: how the published lists stand, what changed between versions, what is accepted.

use std::{path::Path, time::SystemTime};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{AppError, providers};
use crate::{
    config::{ListFormat, ListSettings, Settings},
    providers::lists::{self, InForce, Origin, Standing, State},
    screening::{
        difference::{Counts, Difference},
        list::List,
        parse::Format,
    },
};

pub use crate::screening::difference::{Changed, Named};

/// A list as the files of this host say it stands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ListView {
    /// How it is written.
    pub format: ListFormat,
    /// How it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// What is wrong with it: it cannot be read, or was never fetched.
    pub fault: Option<String>,
}

/// How every published list of the configuration stands on this host. Asks nobody and changes nothing.
pub fn standings(settings: &Settings) -> Vec<ListView> {
    #[expect(clippy::disallowed_methods, reason = "ages for people, without a database to ask")]
    let now = DateTime::<Utc>::from(SystemTime::now());
    let published = settings.lists.values().filter_map(|list| Some((list, providers::format(list)?)));
    published.map(|(list, format)| view(settings, list, format, now)).collect()
}

fn view(settings: &Settings, list: &ListSettings, format: Format, now: DateTime<Utc>) -> ListView {
    let origin = providers::origin(list);
    let mut state = providers::folder(settings, list).as_deref().map(State::read).unwrap_or_default();
    let mut fault = None;
    if state.in_force.is_none() {
        match &origin {
            // Nothing is kept: what the daemon would read.
            Origin::Path(path) => match format.read(&list.name, path) {
                Ok(read) => state.in_force = Some(InForce::of(&read, path, format)),
                Err(error) => fault = Some(format!("{:#}", anyhow::Error::from(error))),
            },
            Origin::Url(_) => fault = Some("it was not fetched yet: a running daemon does that".to_owned()),
        }
    }
    let standing = lists::standing(&list.name, &origin, &state, list.max_age, now);
    ListView { format: list.format, standing, fault }
}

/// Accepts the refused version of a list; returns which. The daemon of this host takes it within seconds.
pub fn accept(settings: &Settings, name: &str) -> Result<String, AppError> {
    let refused = |text: String| AppError::Refused(format!("list {name}: {text}"));
    let list = settings
        .lists
        .get(name)
        .ok_or_else(|| refused("the configuration has none of this name".to_owned()))?;
    let folder = providers::folder(settings, list)
        .ok_or_else(|| refused("its versions are not kept; accepted with folder in [storage]".to_owned()))?;
    lists::accept(&folder).map_err(refused)
}

/// A difference, with what was compared.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compared {
    /// The version before.
    pub before: Compare,
    /// The version after.
    pub after: Compare,
    /// How much changed.
    pub counts: Counts,
    /// What changed.
    pub difference: Difference,
}

/// One side of a comparison.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compare {
    /// As it was asked for.
    pub asked: String,
    /// Its version.
    pub version: String,
    /// How many entities it has.
    pub entities: usize,
    /// What of it was not understood.
    pub faults: usize,
}

/// Compares two versions: each a file, a folder, the name of a list, or `NAME@VERSION` or `NAME@refused`.
pub fn compare(settings: &Settings, before: &str, after: &str) -> Result<Compared, AppError> {
    let (old, new) = (find(settings, before)?, find(settings, after)?);
    let side = |asked: &str, list: &List| Compare {
        asked: asked.to_owned(),
        version: list.version.clone(),
        entities: list.entities.len(),
        faults: list.faults.total(),
    };
    let difference = Difference::between(&old.entities, &new.entities);
    let counts = difference.counts();
    Ok(Compared { before: side(before, &old), after: side(after, &new), counts, difference })
}

/// The version in force of a list of that name, or what else was asked for.
pub(super) fn find(settings: &Settings, asked: &str) -> Result<List, AppError> {
    let unreadable = |error| AppError::Refused(format!("{asked}: {:#}", anyhow::Error::from(error)));
    let (name, version) =
        asked.split_once('@').map_or((asked, None), |(name, version)| (name, Some(version)));
    let known = settings.lists.get(name).and_then(|list| Some((list, providers::format(list)?)));
    if let Some((list, format)) = known {
        let folder = providers::folder(settings, list);
        if let (Some(version), None) = (version, &folder) {
            return Err(AppError::Refused(format!(
                "{asked}: there is no version {version} of {name} here: versions are kept only with folder in [storage]; \
                 accepted is {name}, for what the list's files hold now"
            )));
        }
        let version = version.map(str::to_owned);
        let version =
            version.or_else(|| folder.as_deref().map(State::read)?.in_force.map(|kept| kept.version));
        let kept = folder.zip(version).map(|(folder, version)| lists::kept(&folder, &version, format));
        let path = kept.or_else(|| list.path().cloned());
        let path = path.ok_or_else(|| AppError::Refused(format!("{asked}: it was not fetched yet")))?;
        return format.read(name, &path).map_err(unreadable);
    }
    let path = Path::new(asked);
    let format = Format::guess(path).ok_or_else(|| {
        let lists: Vec<&str> = settings.lists.keys().map(String::as_str).collect();
        AppError::Refused(format!(
            "{asked}: is not a list; accepted is a file or folder in one of the formats of config/default.toml, or \
             NAME, NAME@VERSION or NAME@refused of a list of the configuration ({})",
            if lists.is_empty() { "there is none".to_owned() } else { lists.join(", ") }
        ))
    })?;
    // Both sides of our own form have ids below the same name, so that they can be compared.
    format.read("list", path).map_err(unreadable)
}

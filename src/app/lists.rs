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

/// What stands for the version of a list that is refused, and the name of its folder.
const REFUSED: &str = "refused";

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
        let version = match (version, &folder) {
            (Some(version), Some(folder)) => Some(kept_version(folder, name, version)?),
            _ => None,
        };
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

/// The version of a list that is kept in its folder and that is called `asked`, or begins with it: no part of a path
/// comes from what somebody typed.
fn kept_version(folder: &Path, name: &str, asked: &str) -> Result<String, AppError> {
    let refused = |text: String| Err(AppError::Refused(format!("{name}@{asked}: {text}")));
    if asked == REFUSED {
        if folder.join(REFUSED).exists() {
            return Ok(REFUSED.to_owned());
        }
        return refused(format!("no version of {name} is refused"));
    }
    let kept = lists::kept_versions(folder);
    let mut named: Vec<&String> =
        kept.iter().filter(|version| !asked.is_empty() && version.starts_with(asked)).collect();
    match (named.pop(), named.is_empty()) {
        (Some(version), true) => Ok(version.clone()),
        (Some(_), false) => refused("several versions begin so: accepted is more of the version".to_owned()),
        (None, _) => refused(format!(
            "no such version is kept here; accepted is {name}, {name}@{REFUSED}, or {name}@ and a version or its first \
             characters, of {}",
            if kept.is_empty() { "which there is none".to_owned() } else { kept.join(", ") }
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_version_is_found_by_its_first_characters_and_nothing_else_is_a_path() {
        let folder = std::env::temp_dir().join(format!("watchkeeper-kept-{}", std::process::id()));
        for version in ["f5ba10d14ed01111", "f5ba10d14ed02222", "0123456789abcdef"] {
            fs::create_dir_all(folder.join(version)).unwrap();
        }
        let found = |asked: &str| kept_version(&folder, "ofac", asked).map_err(|error| error.to_string());
        assert_eq!(found("0123456789ab").unwrap(), "0123456789abcdef");
        assert_eq!(found("f5ba10d14ed02222").unwrap(), "f5ba10d14ed02222");
        for (asked, said) in [
            ("f5ba10d14ed0", "ofac@f5ba10d14ed0: several versions begin so"),
            ("../..", "ofac@../..: no such version is kept here"),
            ("", "ofac@: no such version is kept here"),
            ("ffffffffffff", "or its first characters, of 0123456789abcdef, f5ba10d14ed01111"),
            ("refused", "ofac@refused: no version of ofac is refused"),
        ] {
            let error = found(asked).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}

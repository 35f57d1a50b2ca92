//! `[lists.NAME]`: the watchlists.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{checker::Checker, key::Key, raw::RawList};
use crate::domain::cadence::CronPattern;

/// How a watchlist is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListFormat {
    /// The four CSV files of OFAC's list.
    OfacCsv,
    /// The four CSV files of OFAC's consolidated list.
    OfacConsolidatedCsv,
    /// OFAC's `sdn.xml` or `consolidated.xml`.
    OfacXml,
    /// The UN's consolidated list.
    UnXml,
    /// The EU's consolidated list.
    EuXml,
    /// The UK's sanctions list.
    UkCsv,
    /// `OpenSanctions`' `targets.simple.csv`.
    OpensanctionsCsv,
    /// `OpenSanctions`' `entities.ftm.json`.
    OpensanctionsFtm,
    /// Our own CSV.
    Csv,
    /// A list of the customer's own, kept in the database: the one that has this name there.
    List,
}

impl ListFormat {
    /// Whether the list is several files, in a folder.
    pub const fn is_folder(self) -> bool {
        matches!(self, Self::OfacCsv | Self::OfacConsolidatedCsv)
    }
}

/// `[lists.NAME]`: a watchlist.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ListSettings {
    /// Its name.
    pub name: String,
    /// How it is written.
    pub format: ListFormat,
    /// The folder of its files, where it has several here.
    pub folder: Option<PathBuf>,
    /// Its file, where it is one here.
    pub file: Option<PathBuf>,
    /// Where it is fetched from, when it is not here.
    pub url: Option<String>,
    /// When it is looked at anew, in UTC.
    pub refresh: CronPattern,
    /// How old it may become before answers from it are marked.
    pub max_age: Option<Duration>,
    /// Which share of its entities a new version may lack, 0 to 1.
    pub largest_shrink: f64,
}

impl ListSettings {
    /// Where its files are, when they are here.
    pub fn path(&self) -> Option<&PathBuf> {
        self.folder.as_ref().or(self.file.as_ref())
    }
}

/// When a list is looked at that says nothing else: what is here every minute, what is fetched every hour.
const HERE: &str = "* * * * *";
const FETCHED: &str = "17 * * * *";

pub(super) fn lists(
    check: &mut Checker<'_>,
    raw: BTreeMap<String, RawList>,
    has_folder: bool,
) -> BTreeMap<String, ListSettings> {
    let mut lists = BTreeMap::new();
    for (name, raw) in raw {
        let key = Key::of("lists").at(&name);
        check.name(&key, &name);
        let format = check.needed(
            &key.at("format"),
            raw.format,
            "\"ofac-csv\", \"ofac-consolidated-csv\", \"ofac-xml\", \"un-xml\", \"eu-xml\", \"uk-csv\", \
             \"opensanctions-csv\", \"opensanctions-ftm\", \"csv\" or \"list\"",
        );
        source(check, &key, format, &raw, has_folder);
        let refresh = raw.refresh.as_deref().unwrap_or(if raw.url.is_some() { FETCHED } else { HERE });
        let refresh = check.pattern(&key.at("refresh"), refresh);
        let bounds = Duration::from_mins(1)..=Duration::from_hours(24) * 3650;
        let max_age = raw.max_age.map(|age| check.duration(&key.at("max-age"), age, bounds));
        let largest_shrink =
            raw.largest_shrink.map_or(0.2, |share| check.fraction(&key.at("largest-shrink"), share));
        let folder = raw.folder.map(|folder| check.path(&key.at("folder"), &folder));
        let file = raw.file.map(|file| check.path(&key.at("file"), &file));
        if let (Some(format), Some(refresh)) = (format, refresh) {
            let url = raw.url;
            let list = ListSettings {
                name: name.clone(),
                format,
                folder,
                file,
                url,
                refresh,
                max_age,
                largest_shrink,
            };
            lists.insert(name, list);
        }
    }
    lists
}

/// Notes what is wrong with where the list comes from.
fn source(check: &mut Checker<'_>, key: &Key, format: Option<ListFormat>, raw: &RawList, has_folder: bool) {
    let given = [("folder", raw.folder.is_some()), ("file", raw.file.is_some()), ("url", raw.url.is_some())];
    match format {
        Some(ListFormat::List) => {
            let others = [
                ("refresh", raw.refresh.is_some()),
                ("max-age", raw.max_age.is_some()),
                ("largest-shrink", raw.largest_shrink.is_some()),
            ];
            for (name, _) in given.into_iter().chain(others).filter(|(_, is_given)| *is_given) {
                check.refuse_name(
                    &key.at(name),
                    "is not for lists of format \"list\", which are in the database",
                );
            }
            return;
        }
        Some(format) if format.is_folder() && raw.file.is_some() => {
            check
                .refuse_name(&key.at("file"), "is not for lists of several files; accepted is folder or url");
        }
        Some(format) if !format.is_folder() && raw.folder.is_some() => {
            check.refuse_name(&key.at("folder"), "is not for lists of one file; accepted is file or url");
        }
        Some(_) | None => {}
    }
    let (here, accepted) = match format {
        Some(format) if !format.is_folder() => ("file", "the path of a file; or url instead"),
        Some(_) | None => ("folder", "the path of a folder; or url instead"),
    };
    match given.iter().filter(|(_, is_given)| *is_given).count() {
        0 => {
            check.needed::<()>(&key.at(here), None, accepted);
        }
        1 => {}
        _ => check.refuse(&key.at("url"), "accepted is either this or a path"),
    }
    if let Some(url) = &raw.url {
        let at = key.at("url");
        if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) || url.contains('@') {
            check.refuse(
                &at,
                "accepted is a URL that starts with http:// or https:// and holds no user or password",
            );
        } else if !has_folder {
            check.refuse_name(&at, "needs a folder to keep versions in; accepted with folder in [storage]");
        }
    }
}

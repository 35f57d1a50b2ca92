//! Settings: read, laid over each other, checked all at once; every fault is named.
//!
//! Three layers: `config/default.toml`, which is compiled in and is also the reference; a file; the
//! environment, which the caller hands in. They become one tree whose values know where they were
//! written (`layers`), then raw settings as serde reads them (`raw`, `read`), then checked ones
//! (`settings`, `providers`, `accounts`, `schedules`). All three steps add to one list of
//! faults, so that a person mends a file once. Checked settings are typed and consistent: no later
//! code asks whether a name is known or a number within bounds. Whether files exist is asked by those
//! who open them.
//!
//! Secrets are not settings but files that settings name, but for `database.url`, which no fault, no
//! `Debug` and no revision shows.

mod accounts;
mod checker;
mod faults;
mod key;
mod layers;
mod providers;
mod raw;
mod read;
mod schedules;
mod settings;
mod starter;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;
use sha2::{Digest, Sha256};

use self::{checker::Checker, layers::Environment};
pub use self::{
    faults::{Fault, Faults},
    providers::{
        AnswerSettings, HeaderValue, HttpProviderSettings, KindWords, LocalProviderSettings, Method,
        ProviderKind, ProviderLimits, ProviderSettings,
    },
    settings::{
        DatabaseSettings, EngineSettings, HttpSettings, ListFormat, ListSettings, LogFormat, LogSettings,
        StorageSettings, VaultSettings,
    },
    starter::{Starter, starter},
};
use crate::domain::{
    account_type::AccountType,
    schedule::{ReportTemplate, Schedule},
};

/// The defaults, and the reference of every key.
pub const DEFAULT: &str = include_str!("../../config/default.toml");

/// Where the configuration is looked for when no file is named: the first that is there.
pub const FILES: [&str; 2] = ["watchkeeper.toml", "/etc/watchkeeper/watchkeeper.toml"];

/// All settings, checked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The file that was read, if any.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// The PostgreSQL that keeps everything.
    pub database: DatabaseSettings,
    /// The master keys.
    pub vault: VaultSettings,
    /// The way in.
    pub http: HttpSettings,
    /// What is said about the work.
    pub log: LogSettings,
    /// How much at once, how long, how often.
    pub engine: EngineSettings,
    /// How long things are kept.
    pub storage: StorageSettings,
    /// The watchlists, by name.
    pub lists: BTreeMap<String, ListSettings>,
    /// Who answers reports, by name.
    pub providers: BTreeMap<String, ProviderSettings>,
    /// What accounts consist of, by name.
    pub account_types: BTreeMap<String, AccountType>,
    /// The reports that can be asked for, by name.
    pub report_templates: BTreeMap<String, ReportTemplate>,
    /// Which accounts get which report how often, by name.
    pub schedules: BTreeMap<String, Schedule>,
}

impl Settings {
    /// The settings as a revision publishes them: in one order, without secrets.
    pub fn published(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("keys are texts and paths are UTF-8")
    }

    /// SHA-256 of [`Settings::published`], in hexadecimal: equal where the settings mean the same.
    pub fn digest(&self) -> String {
        let digest = Sha256::digest(self.published().to_string());
        digest.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a text takes every write");
            text
        })
    }
}

/// Reads and checks the settings: the defaults, then the file, then the environment.
///
/// Without a `file` the first of [`FILES`] is read that is there, or none. A named file must be there.
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Settings, Faults> {
    let (file, text) = match file {
        Some(file) => (Some(file), fs::read_to_string(file)),
        None => first_file(),
    };
    let fault = |text: String| {
        let source = file.unwrap_or(Path::new("the configuration")).display().to_string();
        Faults::new(vec![Fault { source, line: None, key: String::new(), text }])
    };
    if file.is_some_and(|file| file.to_str().is_none()) {
        return Err(fault("accepted are paths in UTF-8".to_owned()));
    }
    let text = text.map_err(|error| fault(format!("cannot be read: {error}")))?;
    load_text(file, &text, environment)
}

/// The first of [`FILES`] that is there, with its text; no file and no text if there is none.
fn first_file() -> (Option<&'static Path>, std::io::Result<String>) {
    for file in FILES.map(Path::new) {
        match fs::read_to_string(file) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            read => return (Some(file), read),
        }
    }
    (None, Ok(String::new()))
}

/// Checks the settings of a text that was read from `file`.
fn load_text(
    file: Option<&Path>,
    text: &str,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Settings, Faults> {
    let defaults = layers::parse("built-in defaults", DEFAULT).expect("a test reads the defaults");
    let (mut tree, mut faults, mut broken) = (defaults.clone(), Vec::new(), Vec::new());
    let source = file.map_or_else(|| "the configuration".to_owned(), |file| file.display().to_string());
    match layers::parse(&source, text) {
        Ok(layer) => layers::merge(&mut tree, layer),
        Err(fault) => faults.push(fault),
    }
    if !faults.is_empty() {
        // What the file says is unknown, so nothing that hangs together can be checked.
        return Err(Faults::new(faults));
    }
    let guesses = Environment::new(environment).lay_over(&mut tree, &mut faults);
    let raw = read::read(&mut tree, &defaults, guesses, &mut faults, &mut broken);
    let mut check = Checker::new(&tree, file, faults, broken);
    let settings = checked(&mut check, file, raw);
    let faults = check.into_faults();
    match settings {
        Some(settings) if faults.is_empty() => Ok(settings),
        _ => Err(Faults::new(faults)),
    }
}

/// Checks section by section; what comes back may be used only when there was no fault.
fn checked(check: &mut Checker<'_>, file: Option<&Path>, raw: raw::Raw) -> Option<Settings> {
    let database = settings::database(check, raw.database);
    let vault = settings::vault(check, raw.vault);
    let http = settings::http(check, &raw.http);
    let log = settings::log(check, raw.log);
    let run_deadline = raw.engine.run_deadline.0.max(Duration::from_secs(1));
    let engine = settings::engine(check, &raw.engine);
    let storage = settings::storage(check, &raw.storage);
    let lists = settings::lists(check, raw.lists);
    let providers = providers::providers(check, raw.providers, run_deadline);
    let account_types = accounts::account_types(check, raw.account_types);
    let report_templates = schedules::templates(check, raw.report_templates);
    let schedules = schedules::schedules(check, raw.schedules, &account_types);
    Some(Settings {
        file: file.map(Path::to_path_buf),
        database,
        vault,
        http: http?,
        log,
        engine: engine?,
        storage: storage?,
        lists,
        providers,
        account_types,
        report_templates,
        schedules,
    })
}

//! Settings: read, laid over each other, checked all at once; every fault is named.
//!
//! The layers, each before the one above it: `config/default.toml`, which is compiled in and is also the
//! reference; a file, and `conf.d` beside it; systemd's credentials (`sources`); the environment, which
//! the caller hands in. They become one tree whose values know where they were written (`layers`), then raw settings as serde reads them (`raw`, `read`), then checked ones
//! (`settings`, `providers`, `accounts`, `relations`, `actions`, `schedules`, `verification`, `retention`). All three steps add to
//! one list of
//! faults, so that a person mends a file once. Checked settings are typed and consistent: no later
//! code asks whether a name is known or a number within bounds. Whether files exist is asked by those
//! who open them.
//!
//! Secrets are not settings but files that settings name, but for `database.url`, which no fault, no
//! `Debug` and no revision shows.

mod accounts;
mod actions;
mod checker;
mod faults;
mod fields;
mod key;
mod layers;
mod lists;
mod providers;
mod raw;
mod read;
mod relations;
mod retention;
mod schedules;
mod settings;
mod sources;
mod starter;
#[cfg(test)]
mod tests;
mod verification;

use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;
use sha2::{Digest, Sha256};

use self::{
    checker::{Checker, Places},
    layers::Environment,
    sources::{Credentials, Text},
};
pub use self::{
    faults::{Fault, Faults},
    lists::{ListFormat, ListSettings},
    providers::{
        AnswerSettings, HeaderValue, HttpProviderSettings, KindWords, LocalProviderSettings, MatchingPreset,
        Method, ProviderKind, ProviderLimits, ProviderSettings, ServerSettings, WatchmanProviderSettings,
        YenteProviderSettings,
    },
    settings::{
        AuditSettings, DatabaseSettings, EngineSettings, HttpSettings, LogFormat, LogSettings, LogTarget,
        StorageSettings, TelemetrySettings, VaultSettings,
    },
    sources::SecretFile,
    starter::{Starter, starter},
};
use crate::domain::{
    account_action::AccountAction,
    account_type::AccountType,
    inquiry_template::InquiryTemplate,
    retention::Policy,
    reverification::Reverification,
    schedule::{ReportTemplate, Schedule},
    transaction_type::TransactionType,
};

/// The defaults, and the reference of every key.
pub const DEFAULT: &str = include_str!("../../config/default.toml");

/// Where the configuration is looked for when no file is named: the first that is there.
pub const FILES: [&str; 2] = ["watchkeeper.toml", "/etc/watchkeeper/watchkeeper.toml"];

/// All settings, checked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The files that were read: the configuration file, if any, and those in `conf.d` beside it.
    #[serde(skip)]
    pub files: Vec<PathBuf>,
    /// The PostgreSQL that keeps everything.
    pub database: DatabaseSettings,
    /// The master keys.
    pub vault: VaultSettings,
    /// The way in.
    pub http: HttpSettings,
    /// What is said about the work.
    pub log: LogSettings,
    /// What is told to other programs.
    pub telemetry: TelemetrySettings,
    /// How much at once, how long, how often.
    pub engine: EngineSettings,
    /// How long things are kept.
    pub storage: StorageSettings,
    /// What proves what was done, outside the database.
    pub audit: AuditSettings,
    /// The watchlists, by name.
    pub lists: BTreeMap<String, ListSettings>,
    /// Who answers reports, by name.
    pub providers: BTreeMap<String, ProviderSettings>,
    /// What accounts consist of, by name.
    pub account_types: BTreeMap<String, AccountType>,
    /// What one call can do to accounts, by the name of their type.
    pub account_actions: BTreeMap<String, Vec<AccountAction>>,
    /// What transactions consist of, by name.
    pub transaction_types: BTreeMap<String, TransactionType>,
    /// The reports that can be asked for, by name.
    pub report_templates: BTreeMap<String, ReportTemplate>,
    /// Which accounts get which report how often, by name.
    pub schedules: BTreeMap<String, Schedule>,
    /// What inquiries are made by, by name.
    pub inquiry_templates: BTreeMap<String, InquiryTemplate>,
    /// Which accounts are to be verified again, by name.
    pub reverifications: BTreeMap<String, Reverification>,
    /// What is redacted when, and what must be kept how long, by name.
    pub retention: BTreeMap<String, Policy>,
}

impl Settings {
    /// What the whole fleet goes by, as a revision publishes it: in one order, without secrets, and without
    /// what is each host's own (paths, addresses, logs, how much at once).
    pub fn published(&self) -> serde_json::Value {
        let mut published = serde_json::json!({
            "lists": self.lists,
            "providers": self.providers,
            "account-types": self.account_types,
            "account-actions": self.account_actions,
            "transaction-types": self.transaction_types,
            "report-templates": self.report_templates,
            "schedules": self.schedules,
            "inquiry-templates": self.inquiry_templates,
            "reverifications": self.reverifications,
            "retention": self.retention,
            // What is destroyed when.
            "storage": self.storage,
        });
        without_paths(&mut published);
        published
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

/// Takes out the folders and files of lists and of state, and the files of secrets: other hosts keep them elsewhere.
fn without_paths(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(table) => {
            table.retain(|key, value| !(["folder", "file"].contains(&key.as_str()) && value.is_string()));
            table.values_mut().for_each(without_paths);
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(without_paths),
        _ => {}
    }
}

/// Reads and checks the settings: the defaults, then the file with `conf.d` beside it, then systemd's
/// credentials, then the environment.
///
/// Without a `file` the first of [`FILES`] is read that is there, or none. A named file must be there.
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Settings, Faults> {
    let mut faults = Vec::new();
    let texts = sources::read(file, &mut faults);
    load_texts(&texts, environment, faults)
}

/// Checks the settings of texts that were read from files.
fn load_texts(
    texts: &[Text],
    environment: impl Iterator<Item = (String, String)>,
    mut faults: Vec<Fault>,
) -> Result<Settings, Faults> {
    let environment: BTreeMap<String, String> = environment.collect();
    let credentials = Credentials::of(&environment);
    let defaults = layers::parse("built-in defaults", DEFAULT).expect("a test reads the defaults");
    let (mut tree, mut broken) = (defaults.clone(), Vec::new());
    for (file, text) in texts {
        match layers::parse(&file.display().to_string(), text) {
            Ok(layer) => layers::merge(&mut tree, layer),
            Err(fault) => faults.push(fault),
        }
    }
    if let Some(layer) = credentials.layer(&mut faults) {
        layers::merge(&mut tree, layer);
    }
    if !faults.is_empty() {
        // What a source says is unknown, so nothing that hangs together can be checked.
        return Err(Faults::new(faults));
    }
    let guesses = Environment::new(environment.into_iter()).lay_over(&mut tree, &mut faults);
    let raw = read::read(&mut tree, &defaults, guesses, &mut faults, &mut broken);
    let files: Vec<PathBuf> = texts.iter().map(|(file, _)| file.clone()).collect();
    let mut check = Checker::new(&tree, Places { files: &files, credentials }, faults, broken);
    let settings = checked(&mut check, files.clone(), raw);
    let faults = check.into_faults();
    match settings {
        Some(settings) if faults.is_empty() => Ok(settings),
        _ => Err(Faults::new(faults)),
    }
}

/// Checks section by section; what comes back may be used only when there was no fault.
fn checked(check: &mut Checker<'_>, files: Vec<PathBuf>, raw: raw::Raw) -> Option<Settings> {
    let database = settings::database(check, raw.database);
    let vault = settings::vault(check, raw.vault);
    let http = settings::http(check, &raw.http);
    let log = settings::log(check, raw.log);
    let telemetry = settings::telemetry(check, raw.telemetry);
    let run_deadline = raw.engine.run_deadline.0.max(Duration::from_secs(1));
    let engine = settings::engine(check, &raw.engine);
    let storage = settings::storage(check, &raw.storage);
    let audit = settings::audit(check, &raw.audit);
    let has_folder = raw.storage.folder.is_some();
    let lists = lists::lists(check, raw.lists, has_folder);
    let providers = providers::providers(check, raw.providers, run_deadline);
    let mut raw_types = raw.account_types;
    let raw_actions = actions::take(&mut raw_types);
    let account_types = accounts::account_types(check, raw_types);
    let account_actions = actions::actions(check, raw_actions, &account_types);
    let transaction_types = relations::transaction_types(check, raw.transaction_types);
    let of_accounts = account_types.iter().map(|(name, one)| (name.as_str(), one.relations.as_slice()));
    relations::targets(check, "account-types", of_accounts);
    let of_transactions = transaction_types.iter().map(|(name, one)| (name.as_str(), one.relations()));
    relations::targets(check, "transaction-types", of_transactions);
    let report_templates = schedules::templates(check, raw.report_templates);
    let schedules = schedules::schedules(check, raw.schedules, &account_types);
    let inquiry_templates = verification::templates(check, raw.inquiry_templates, &account_types);
    let reverifications = verification::reverifications(check, raw.reverifications, &account_types);
    let types = retention::Types { accounts: &account_types, transactions: &transaction_types };
    let retention = retention::policies(check, raw.retention, &types);
    Some(Settings {
        files,
        database,
        vault,
        http: http?,
        log,
        telemetry,
        engine: engine?,
        storage: storage?,
        audit: audit?,
        lists,
        providers,
        account_types,
        account_actions,
        transaction_types,
        report_templates,
        schedules,
        inquiry_templates,
        reverifications,
        retention,
    })
}

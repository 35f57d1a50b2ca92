//! What the settings as a whole promise.

mod faults;
mod retention;
mod screened;
mod sources;

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::domain::{date::PartialDate, schedule::ReportType, subject::SubjectKind};

fn pairs(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    let pairs: Vec<_> = pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    pairs.into_iter()
}

fn load_with(text: &str, environment: &[(&str, &str)]) -> Result<Settings, Faults> {
    load_texts(&[("etc/wk.toml".into(), text.to_owned())], pairs(environment), Vec::new())
}

/// A configuration without faults, for tests to add faults to.
fn sound() -> String {
    starter(Starter {
        ofac_folder: Path::new("lists/ofac"),
        master_key_id: "first",
        master_key_file: Path::new("keys/first.hex"),
    })
}

/// Takes the mark off lines that only show a setting: `#key = …`, as against `# words`.
fn uncommented(text: &str) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_defaults_have_no_fault_and_are_what_the_reference_says() {
    let settings = load_with("", &[]).unwrap();
    assert_eq!(settings.database.url, None);
    assert_eq!(settings.database.statement_timeout, Duration::from_secs(10));
    assert_eq!(settings.http.listen, "127.0.0.1:8470".parse().unwrap());
    assert_eq!(settings.log.format, LogFormat::Text);
    assert_eq!(settings.engine.claim_batch, 500);
    assert_eq!(settings.engine.record_linger, Duration::from_millis(5));
    assert_eq!(settings.engine.reconcile.with_seconds(), "0 17 3 * * *");
    assert_eq!(settings.vault, VaultSettings { current: None, master_keys: BTreeMap::new() });
    let types: Vec<_> =
        settings.account_types.values().map(|found| (found.name.as_str(), found.kind)).collect();
    assert_eq!(types, [("business", SubjectKind::Organisation), ("individual", SubjectKind::Person)]);
    assert!(settings.account_types.values().all(|found| found.default_status == "active"));
    assert!(settings.schedules.is_empty() && settings.providers.is_empty() && settings.lists.is_empty());
}

#[test]
fn a_subject_comes_out_of_the_account_types_that_we_ship() {
    let settings = load_with("", &[]).unwrap();
    let fields = serde_json::json!({
        "name": {"first": "Jane", "last": "Doe"}, "birthdate": "1970-05-21", "country_code": "DE",
    });
    let subject = settings.account_types["individual"].subject(fields.as_object().unwrap());
    assert_eq!(subject.names[0].reveal(), "Jane Doe");
    assert_eq!(subject.birth_date.unwrap().reveal(), &PartialDate::of_day(1970, 5, 21).unwrap());
    let fields = serde_json::json!({"business_name": "Acme", "incorporation_date": "1999"});
    let subject = settings.account_types["business"].subject(fields.as_object().unwrap());
    assert_eq!((subject.kind, subject.missing()), (SubjectKind::Organisation, None));
}

/// Sorts the keys of written-out settings into those that are there at all and those with a value.
fn sort_keys(value: &Value, path: &str, all: &mut BTreeSet<String>, valued: &mut BTreeSet<String>) {
    const NAMED: [&str; 14] = [
        ".lists",
        ".providers",
        ".account-types",
        ".account-types.*.fields",
        ".account-types.*.relations",
        ".account-types.*.actions",
        ".transaction-types",
        ".transaction-types.*.fields",
        ".transaction-types.*.relations",
        ".report-templates",
        ".schedules",
        ".inquiry-templates",
        ".inquiry-templates.*.compare",
        ".reverifications",
    ];
    const FREE: [&str; 9] = [
        ".providers.*.headers",
        ".providers.*.query",
        ".providers.*.body",
        ".schedules.*.accounts.fields",
        ".reverifications.*.accounts.fields",
        ".account-types.*.status-colours",
        ".account-types.*.fields.*.default",
        ".account-types.*.fields.*.item-schema",
        ".account-types.*.fields.*.item-schemas",
    ];
    all.insert(path.to_owned());
    if !value.is_null() {
        valued.insert(path.to_owned());
    }
    match value {
        Value::Object(table) if !FREE.contains(&path) => {
            for (key, value) in table {
                let key = if NAMED.contains(&path) { "*" } else { key };
                sort_keys(value, &format!("{path}.{key}"), all, valued);
            }
        }
        Value::Array(list) if !FREE.contains(&path) => {
            for value in list.iter().filter(|value| value.is_object()) {
                sort_keys(value, &format!("{path}.*"), all, valued);
            }
        }
        _ => {}
    }
}

#[test]
fn the_reference_and_the_raw_settings_have_the_same_keys() {
    // Every key of the reference is known: unknown ones are refused.
    let tree = layers::parse("reference", &uncommented(DEFAULT)).unwrap();
    let raw: raw::Raw = serde_path_to_error::deserialize(layers::to_json(&tree)).unwrap();
    // Every known key is in the reference: what it lacks is written as null.
    let (mut all, mut valued) = (BTreeSet::new(), BTreeSet::new());
    sort_keys(&serde_json::to_value(&raw).unwrap(), "", &mut all, &mut valued);
    assert!(all.len() > 80, "{all:?}");
    // Fields and relations of transactions are said once, beside those of accounts.
    let is_said = |key: &String| valued.contains(&key.replace(".transaction-types.", ".account-types."));
    assert_eq!(all.iter().filter(|key| !is_said(key)).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn what_the_reference_shows_is_accepted() {
    let settings = load_with(&uncommented(DEFAULT), &[]).unwrap();
    assert_eq!(
        settings.schedules["nightly"].cadence.as_ref().unwrap().to_string(),
        "at 30 2 * * * in Europe/Berlin, spread over 2h"
    );
    assert_eq!(settings.providers["yente"].limits.burst, 20);
}

#[test]
fn the_starter_configuration_has_no_fault_and_neither_has_what_it_shows() {
    let settings = load_with(&sound(), &[]).unwrap();
    assert_eq!(settings.vault.current.as_deref(), Some("first"));
    assert_eq!(settings.vault.master_keys["first"].path(), Path::new("etc/keys/first.hex"));
    assert_eq!(settings.lists["ofac"].folder.as_deref(), Some(Path::new("etc/lists/ofac")));
    assert_eq!(settings.report_templates["business-watchlist"].report, ReportType::BusinessWatchlist);
    assert_eq!(
        settings.schedules["individuals"].cadence.as_ref().unwrap().to_string(),
        "every 1day, spread over 1day"
    );
    assert_eq!(
        settings.schedules["businesses"].accounts.describe(),
        "accounts of type business with status active or under-review"
    );

    let settings = load_with(&uncommented(&sound()), &[]).unwrap();
    let ProviderKind::Http(http) = &settings.providers["yente"].kind else { panic!("yente is behind HTTP") };
    assert_eq!((http.method, http.server.timeout), (Method::Post, Duration::from_secs(10)));
    assert_eq!(
        http.server.headers["Authorization"],
        HeaderValue::File(SecretFile::at("etc/secrets/yente".into()))
    );
    assert_eq!(http.server.retryable_statuses, [] as [u16; 0]);
    assert!((http.answer.score_scale - 1.0).abs() < f64::EPSILON);
    assert_eq!(settings.schedules["nightly"].accounts.fields["country_code"], ["DE", "AT"]);
}

#[test]
fn servers_of_known_kinds_need_little_more_than_their_address() {
    let text = "[lists]\n[providers.y]\nkind = 'yente'\nurl = 'http://y'\ndataset = 'sanctions'\n\
                [providers.w]\nkind = 'watchman'\nurl = 'http://w'\nmatches = 7\n";
    let settings = load_with(text, &[]).unwrap();
    let ProviderKind::Yente(yente) = &settings.providers["y"].kind else { panic!("a yente server") };
    assert_eq!((yente.dataset.as_str(), yente.algorithm.as_str(), yente.batch), ("sanctions", "best", 100));
    assert!((yente.threshold - 0.7).abs() < f64::EPSILON);
    let ProviderKind::Watchman(watchman) = &settings.providers["w"].kind else { panic!("Watchman") };
    assert_eq!((watchman.server.url.as_str(), watchman.matches), ("http://w", 7));
    assert!((watchman.threshold - 0.9).abs() < f64::EPSILON);
}

#[test]
fn odd_paths_survive_in_the_starter_configuration() {
    let text = starter(Starter {
        ofac_folder: Path::new("/with \"quotes\" and \\"),
        master_key_id: "a",
        master_key_file: Path::new("/k"),
    });
    let settings = load_with(&text, &[]).unwrap();
    assert_eq!(settings.lists["ofac"].folder.as_deref(), Some(Path::new("/with \"quotes\" and \\")));
}

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_the_defaults() {
    let text = "[engine]\nclaim-batch = 1\nrecord-batch = 2\n[lists.ofac]\nformat = 'ofac-csv'\nfolder = 'a'";
    let settings = load_with(
        text,
        &[
            ("WATCHKEEPER__ENGINE__CLAIM_BATCH", "3"),
            ("WATCHKEEPER__LISTS__OFAC__FOLDER", "b"),
            ("WATCHKEEPER__DATABASE__APPLICATION_NAME", "42"),
            ("DATABASE_URL", "postgres://u:hunter2@h/d"),
            ("HOME", "/root"),
        ],
    )
    .unwrap();
    let engine = &settings.engine;
    assert_eq!((engine.claim_batch, engine.record_batch, engine.max_attempts), (3, 2, 8));
    assert_eq!(settings.database.application_name, "42");
    assert_eq!(settings.lists["ofac"].folder.as_deref(), Some(Path::new("b")));
    assert_eq!(settings.database.url.as_ref().unwrap().reveal(), "postgres://u:hunter2@h/d");
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn the_digest_follows_the_meaning_and_holds_no_secret() {
    let digest = |text: &str, environment: &[(&str, &str)]| load_with(text, environment).unwrap().digest();
    let plain = digest("", &[]);
    assert_eq!(plain.len(), 64);
    assert_eq!(digest("[engine]\nrun-deadline = '30000ms'\nclaim-batch = 500", &[]), plain);
    assert_eq!(digest("", &[("DATABASE_URL", "postgres://u:hunter2@h/d")]), plain);
    assert_eq!(digest("[engine]\nclaim-batch = 501", &[]), plain, "how much at once is each process's own");
    assert_ne!(digest(&sound(), &[]), plain);
    let elsewhere = sound().replace("folder = \"", "folder = \"elsewhere/");
    assert_ne!(elsewhere, sound());
    assert_eq!(digest(&elsewhere, &[]), digest(&sound(), &[]), "where a list lies is each host's own");
    let settings = load_with(&sound(), &[("DATABASE_URL", "postgres://u:hunter2@h/d")]).unwrap();
    let published = settings.published();
    assert!(!published.to_string().contains("hunter2"));
    assert_eq!(published["schedules"]["individuals"]["cadence"], "every 1day, spread over 1day");
}

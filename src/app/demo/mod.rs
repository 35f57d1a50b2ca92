//! The demo: a database of its own, invented accounts, a watchlist, and the real engine on them.

pub mod people;

use std::{
    collections::BTreeMap,
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use people::{DemoAccount, Listed};

use super::{AppError, commands, serve::Daemon};
use crate::{
    actions::{
        apply,
        import::{self, ImportOptions, Imported},
        inspect,
    },
    config::{self, Settings},
    providers::download,
    screening::list::{EntityKind, List, ListEntity, NameQuality},
    store::{Store, databases},
};

/// Our own small list in OFAC's format: everybody on it is invented.
const SAMPLE: [(&str, &[u8]); 4] = [
    ("sdn.csv", include_bytes!("../../../config/sample-list/sdn.csv")),
    ("alt.csv", include_bytes!("../../../config/sample-list/alt.csv")),
    ("add.csv", include_bytes!("../../../config/sample-list/add.csv")),
    ("sdn_comments.csv", include_bytes!("../../../config/sample-list/sdn_comments.csv")),
];

/// The demo's database.
const DATABASE: &str = "watchkeeper_demo";

/// Where the watchlist comes from.
#[derive(Clone, Debug)]
pub enum ListSource {
    /// Our own.
    Sample,
    /// OFAC's files in a folder.
    Folder(PathBuf),
    /// OFAC's current files, fetched.
    Download,
}

/// A demo about to run.
pub struct Demo {
    /// Its settings; the file of them is there for the user to go on with.
    pub settings: Settings,
    /// The watchlist.
    pub list: List,
    /// How each planted account stands near a listed entity, by reference id.
    pub planted: BTreeMap<String, &'static str>,
}

/// Prepares the demo's folder, database and list. `url` is any database of the server.
pub async fn prepare(folder: &Path, url: &str, source: &ListSource) -> Result<Demo, AppError> {
    let failed = |path: &Path, source| AppError::File { path: path.display().to_string(), source };
    let list_folder = match source {
        ListSource::Folder(given) => fs::canonicalize(given).map_err(|source| failed(given, source))?,
        ListSource::Download => {
            let list = folder.join("ofac");
            let fetched = download::fetch(download::OFAC, &list).await;
            fetched.map_err(|error| {
                AppError::Refused(format!(
                    "{:#}; without --download the demo uses a small list of its own, with --list FOLDER yours",
                    anyhow::Error::from(error)
                ))
            })?;
            list
        }
        ListSource::Sample => {
            let list = folder.join("sample-list");
            fs::create_dir_all(&list).map_err(|source| failed(&list, source))?;
            for (name, content) in SAMPLE {
                let path = list.join(name);
                fs::write(&path, content).map_err(|source| failed(&path, source))?;
            }
            list
        }
    };
    let key = folder.join("demo.key");
    if !key.exists() {
        commands::write_key(&key)?;
    }
    let url = databases::recreate(url, DATABASE).await?;
    let file = folder.join("demo.toml");
    fs::write(&file, configuration(&url, &key, &list_folder)).map_err(|source| failed(&file, source))?;
    let settings = config::load(Some(&file), std::iter::empty())
        .map_err(|faults| AppError::Refused(faults.to_string()))?;
    let store = Store::new(&super::address(&settings)?)?;
    store.migrate().await?;
    store.close().await;
    let mut list = None;
    for settings in settings.lists.values() {
        list = super::providers::read_list(settings)?;
    }
    let list = list.ok_or_else(|| AppError::Refused("the demo's configuration names no list".to_owned()))?;
    Ok(Demo { settings, list, planted: BTreeMap::new() })
}

/// The demo's configuration: like the starter's, faster.
fn configuration(url: &str, key: &Path, list: &Path) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    format!(
        r#"# The demo's configuration; made anew by every `watchkeeper demo`.

[database]
url = {url}

[vault]
current = "demo"
master-keys = [{{ id = "demo", file = {key} }}]

[http]
listen = "127.0.0.1:8470"

[log]
level = "warn"

[lists.ofac]
format = "ofac-csv"
folder = {list}

[providers.local]
kind = "local"
lists = ["ofac"]

[report-templates.watchlist]
type = "watchlist"
provider = "local"

[report-templates.business-watchlist]
type = "business-watchlist"
provider = "local"

[schedules.individuals]
template = "watchlist"
every = "5m"
backfill-per-second = 100000
accounts = {{ types = ["individual"] }}
on-match = {{ tags = ["watchlist-match"], status = "under-review", status-from = ["active"] }}
on-clear = {{ status = "active" }}

[schedules.businesses]
template = "business-watchlist"
every = "5m"
backfill-per-second = 100000
accounts = {{ types = ["business"] }}
on-match = {{ tags = ["watchlist-match"], status = "under-review", status-from = ["active"] }}
on-clear = {{ status = "active" }}
"#,
        url = quoted(url),
        key = quoted(&key.to_string_lossy()),
        list = quoted(&list.to_string_lossy()),
    )
}

impl Demo {
    /// Invents accounts, some near listed entities, and imports them as a user's file would be.
    pub async fn fill(&mut self, count: u32, seed: u64) -> Result<Imported, AppError> {
        let listed: Vec<Listed> = self.list.entities.iter().filter_map(listed).collect();
        let accounts: Vec<DemoAccount> = people::generate(count as usize, seed, &listed).collect();
        for account in &accounts {
            if let Some(kind) = account.planted {
                self.planted.insert(account.reference_id.clone(), kind);
            }
        }
        let file = csv(&accounts)?;
        let context = super::open(&self.settings).await?;
        let types = apply::apply_types(&context, self.settings.account_types.values()).await?;
        let types: Vec<_> = types.into_values().collect();
        let options = ImportOptions::default();
        let imported =
            import::import(&context, &types, &options, "the demo's accounts", Cursor::new(file), &mut ())
                .await?;
        context.store.close().await;
        Ok(imported)
    }

    /// Starts the daemon, on the configured address or, when that is taken, on any.
    pub async fn start(&self) -> Result<Daemon, AppError> {
        let context = super::open(&self.settings).await?;
        let listen = self.settings.http.listen;
        match Daemon::start(context.clone(), &self.settings, listen).await {
            Err(AppError::Listen(_)) => {
                let any = std::net::SocketAddr::new(listen.ip(), 0);
                Daemon::start(context, &self.settings, any).await
            }
            started => started,
        }
    }

    /// How many accounts have had their first run, of how many.
    pub async fn progress(&self, daemon: &Daemon, accounts: u64) -> Result<(u64, u64), AppError> {
        let status = inspect::status(&daemon.engine.context).await?;
        let active: i64 = status.schedules.iter().map(|schedule| schedule.active + schedule.held).sum();
        let never: i64 = status.schedules.iter().map(|schedule| schedule.never_run).sum();
        Ok((u64::try_from(active - never).unwrap_or(0), accounts))
    }
}

/// A listed person or organisation in the form that the generator of people takes.
fn listed(entity: &ListEntity) -> Option<Listed> {
    let person = match entity.kind {
        EntityKind::Individual => true,
        EntityKind::Entity => false,
        EntityKind::Vessel | EntityKind::Aircraft => return None,
    };
    let names = entity.names.iter().filter(|name| name.quality != NameQuality::Weak);
    Some(Listed {
        person,
        names: names.map(|name| name.text.clone()).collect(),
        birth_dates: entity.birth_dates.iter().map(ToString::to_string).collect(),
        countries: entity.countries.clone(),
    })
}

/// The types of the accounts that are invented.
pub(super) const ACCOUNT_TYPES: [&str; 2] = ["individual", "business"];

const COLUMNS: [&str; 13] = [
    "reference_id",
    "type",
    "name_first",
    "name_middle",
    "name_last",
    "business_name",
    "other_names",
    "birthdate",
    "incorporation_date",
    "registration_number",
    "country_code",
    "nationality",
    "tags",
];

/// The accounts as a file to import.
pub(super) fn csv(accounts: &[DemoAccount]) -> Result<Vec<u8>, AppError> {
    let failed =
        |error: csv::Error| AppError::Refused(format!("the demo's accounts could not be written: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(failed)?;
    for account in accounts {
        let cells = COLUMNS.map(|column| cell(account, column));
        writer.write_record(cells).map_err(failed)?;
    }
    writer
        .into_inner()
        .map_err(|error| AppError::Refused(format!("the demo's accounts could not be written: {error}")))
}

fn cell(account: &DemoAccount, column: &str) -> String {
    let text = |value: Option<&serde_json::Value>| match value {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(serde_json::Value::Array(list)) => {
            list.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(";")
        }
        _ => String::new(),
    };
    match column {
        "reference_id" => account.reference_id.clone(),
        "type" => account.account_type.to_owned(),
        "tags" => account.tags.join(";"),
        _ => match column.strip_prefix("name_") {
            Some(part) => text(account.fields.get("name").and_then(|name| name.get(part))),
            None => text(account.fields.get(column)),
        },
    }
}

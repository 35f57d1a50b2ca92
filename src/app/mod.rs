//! The composition root: builds the parts from the settings, starts them and stops them.

pub mod commands;
pub mod demo;
pub mod embedded;
pub mod providers;
pub mod serve;

use std::{fs, sync::Arc, time::Instant};

use crate::{
    actions::{
        ActionError, Context,
        apply::{self, Applied},
    },
    ambient::{Random, SampledClock},
    config::Settings,
    domain::id::{ProcessId, Shard},
    engine::{Engine, EngineError, Plan},
    http::ListenFault,
    store::{self, Address, Store, StoreError},
    telemetry::{health::Health, logs::FilterFault, metrics::Metrics},
    vault::{Keyring, MasterKey, VaultError},
};

/// Why the program could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// An action failed.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The address is taken.
    #[error(transparent)]
    Listen(#[from] ListenFault),
    /// The log's filter is not one.
    #[error(transparent)]
    Filter(#[from] FilterFault),
    /// A provider cannot be built.
    #[error(transparent)]
    Provider(#[from] providers::ProviderFault),
    /// The embedded cluster failed.
    #[error(transparent)]
    Embedded(#[from] embedded::EmbeddedError),
    /// No database is configured.
    #[error(
        "no database is configured; give DATABASE_URL=postgres://USER@HOST:PORT/DATABASE in the environment, or url in [database] of the configuration"
    )]
    NoDatabase,
    /// No master key is configured.
    #[error(
        "no master key is configured; `watchkeeper init` makes one, [vault] in the configuration names it"
    )]
    NoMasterKey,
    /// A file could not be read or written.
    #[error("{path}")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The system refused what it grants every process.
    #[error("the system refused {what}")]
    System {
        /// What was asked of it.
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A part of the engine ended by a fault of ours; the log says which.
    #[error("a part of the engine ended by a fault; the daemon stopped, to be started anew")]
    Fault,
    /// The command cannot be done as asked.
    #[error("{0}")]
    Refused(String),
}

/// How to reach the configured database.
pub fn address(settings: &Settings) -> Result<Address, AppError> {
    let url = settings.database.url.as_ref().ok_or(AppError::NoDatabase)?;
    Ok(Address {
        url: url.reveal().clone(),
        max_connections: settings.database.max_connections,
        statement_timeout: settings.database.statement_timeout,
        application_name: settings.database.application_name.clone(),
    })
}

/// Opens the database: checks its schema and the master keys, and reads its clock.
pub async fn open(settings: &Settings) -> Result<Context, AppError> {
    let store = Store::new(&address(settings)?)?;
    let random = Random::from_system();
    let opened = async {
        store.check_schema().await?;
        let keyring = keyring(settings, random.clone())?;
        let mut connection = store.connection().await?;
        let asked_at = Instant::now();
        let told = store::now(&mut connection).await?;
        drop(connection);
        let clock = SampledClock::starting_at(told - asked_at.elapsed());
        Ok::<_, AppError>(Context::open(store.clone(), Arc::new(clock), random.clone(), keyring).await?)
    };
    store::within(opened).await
}

fn keyring(settings: &Settings, random: Random) -> Result<Keyring, AppError> {
    let current = settings.vault.current.as_ref().ok_or(AppError::NoMasterKey)?;
    let mut keys = Vec::new();
    for (id, path) in &settings.vault.master_keys {
        let text = fs::read_to_string(path)
            .map(zeroize::Zeroizing::new)
            .map_err(|source| AppError::File { path: format!("master key {}", path.display()), source })?;
        keys.push(MasterKey::from_text(id, &text)?);
    }
    Ok(Keyring::new(keys, current, random)?)
}

/// Applies the configuration to the database.
pub async fn apply(context: &Context, settings: &Settings) -> Result<Applied, AppError> {
    let applied = apply::apply(
        context,
        settings.account_types.values(),
        settings.providers.keys().map(String::as_str),
        settings.schedules.values(),
    );
    Ok(store::within(applied).await?)
}

/// Builds the engine: lists are read, providers built, the configuration applied.
pub async fn engine(context: Context, settings: &Settings) -> Result<Engine, AppError> {
    let providers = providers::build(settings)?;
    let applied = apply(&context, settings).await?;
    let templates: Vec<_> = settings.report_templates.values().cloned().collect();
    let plan = Plan::new(&applied, settings.schedules.values().cloned(), &templates, providers);
    let process = ProcessId(context.new_uuid(Shard(0)));
    Ok(Engine {
        context,
        plan: Arc::new(plan),
        settings: Arc::new(settings.engine.clone()),
        metrics: Metrics::new(),
        health: Health::default(),
        process,
        recorded_at: Arc::default(),
        nudge: Arc::default(),
    })
}

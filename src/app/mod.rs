//! The composition root: builds the parts from the settings, starts them and stops them.

pub mod commands;
pub mod demo;
pub mod embedded;
pub mod forecast;
pub mod lists;
pub mod notify;
pub mod overseer;
pub mod providers;
pub mod screen;
pub mod serve;
pub mod simulate;
pub mod what_if;

use std::{
    fs,
    sync::{Arc, Mutex},
    time::Instant,
};

use crate::{
    actions::{
        ActionError, Context,
        apply::{self, Applied, Occasion, Published},
    },
    ambient::{Random, SampledClock, machine},
    config::Settings,
    domain::{
        audit::Origin,
        id::{ProcessId, Shard},
    },
    engine::{Engine, EngineError, Fleet, Plan, own_lists, pauses::Pauses, progress::Progress},
    http::ListenFault,
    store::{self, Address, Store, StoreError},
    telemetry::{health::Health, logs::LogFault, metrics::Metrics},
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
    /// The log cannot be started.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// A provider cannot be built.
    #[error(transparent)]
    Provider(#[from] providers::ProviderFault),
    /// There is no such list.
    #[error("no list in files is called {name:?}; the configuration has {known}")]
    UnknownList {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// There is nothing to screen against.
    #[error("the configuration has no list in files to screen against; see [lists] in it")]
    NoLists,
    /// A file of names cannot be used.
    #[error("the file {path} cannot be screened")]
    Screened {
        /// The file.
        path: String,
        /// What is wrong with it.
        #[source]
        fault: screen::FileFault,
    },
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
    /// A part of the daemon ended by a fault of ours; the log says which.
    #[error("a part of the daemon ended by a fault; the daemon stopped, to be started anew")]
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
        let context = Context::open(store.clone(), Arc::new(clock), random.clone(), keyring).await?;
        let context = context.by(Origin::User(machine::user()));
        Ok::<_, AppError>(match &settings.audit.ledger_folder {
            Some(folder) => context.with_ledger(folder),
            None => context,
        })
    };
    store::within(opened).await
}

/// The name of the user that this process runs as, as the kernel has it.
pub fn user() -> String {
    machine::user_name()
}

fn keyring(settings: &Settings, random: Random) -> Result<Keyring, AppError> {
    let current = settings.vault.current.as_ref().ok_or(AppError::NoMasterKey)?;
    let mut keys = Vec::new();
    for (id, file) in &settings.vault.master_keys {
        let path = file.path();
        let text = fs::read_to_string(path)
            .map(zeroize::Zeroizing::new)
            .map_err(|source| AppError::File { path: format!("master key {}", path.display()), source })?;
        keys.push(MasterKey::from_text(id, &text)?);
    }
    Ok(Keyring::new(keys, current, random)?)
}

/// Applies the configuration to the database, as `process`.
pub async fn apply(
    context: &Context,
    settings: &Settings,
    process: ProcessId,
    occasion: Occasion,
) -> Result<Applied, AppError> {
    let published = Published {
        digest: &settings.digest(),
        settings: &settings.published(),
        inquiry_templates: &settings.inquiry_templates,
        reverifications: &settings.reverifications,
        account_actions: &settings.account_actions,
        transaction_types: &settings.transaction_types,
        retention: &settings.retention,
    };
    let applied = apply::apply(
        context,
        process,
        occasion,
        published,
        settings.account_types.values(),
        settings.providers.keys().map(String::as_str),
        (settings.report_templates.values(), settings.schedules.values()),
    );
    Ok(store::within(applied).await?)
}

/// Builds what the engine runs: lists are read, providers built, the configuration applied.
pub async fn plan(
    context: &Context,
    settings: &Settings,
    process: ProcessId,
    occasion: Occasion,
) -> Result<(Plan, Option<i32>), AppError> {
    let for_providers = settings.clone();
    // A large list takes a second to read: no worker of the runtime waits for it.
    let providers = tokio::task::spawn_blocking(move || providers::build(&for_providers)).await;
    let built = providers.map_err(|_| AppError::Fault)??;
    // Before anything runs: what was not read is unknown.
    own_lists::refresh(context, &built.own_lists).await?;
    let applied = apply(context, settings, process, occasion).await?;
    let templates: Vec<_> = settings.report_templates.values().cloned().collect();
    let schedules = settings.schedules.values().cloned();
    let mut plan = Plan::new(&applied, schedules, &templates, built.providers);
    plan.own_lists = built.own_lists;
    own_lists::note_compared(&plan.types, &plan.own_lists);
    plan.published = built.lists.iter().map(|keeper| keeper.published().clone()).collect();
    plan.lists = built.lists.into_iter().map(|keeper| Arc::new(Mutex::new(keeper))).collect();
    Ok((plan, applied.revision))
}

/// Builds the engine of a process that is to dispatch the shards of `fleet`.
pub async fn engine(context: Context, settings: &Settings, fleet: Fleet) -> Result<Engine, AppError> {
    // Before anything runs: what was paused stays so across a restart.
    let pauses = Pauses::default();
    pauses.refresh(&mut *context.store.connection().await?).await?;
    let process = ProcessId(context.new_uuid(Shard(0)));
    let (plan, revision) = plan(&context, settings, process, Occasion::Start).await?;
    fleet.configure(revision, plan.providers.iter().map(|provider| provider.lane));
    Ok(Engine {
        context,
        plan: Arc::new(plan),
        settings: Arc::new(settings.engine.clone()),
        metrics: Metrics::new(),
        health: Health::default(),
        pauses,
        process,
        fleet,
        recorded_at: Arc::default(),
        nudge: tokio::sync::watch::Sender::new(()),
        progress: Progress::default(),
    })
}

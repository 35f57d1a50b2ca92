//! The daemon's life: start, run, drain.

use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};
use tokio_cron_scheduler::JobScheduler;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    AppError, notify,
    overseer::{self, Overseer, Patience},
};
use crate::{
    actions::{Context, api_keys, apply::Occasion},
    ambient::machine::{self, Machine},
    config::{self, Settings},
    domain::audit::Origin,
    engine::{
        self, Engine, Fleet, audit,
        fleet::{self, Membership},
        storage, task, upkeep,
    },
    http::{self, Lists, Served},
    providers::local::PublishedList,
    store::{
        self,
        processes::{self, Process},
    },
    telemetry::health::Concern,
};

/// A running daemon.
pub struct Daemon {
    /// Its engine, as the present configuration has it.
    pub engine: Engine,
    /// Where it listens.
    pub address: SocketAddr,
    /// What lives as long as the daemon: the leases.
    tracker: TaskTracker,
    /// Cancelled when a part ended by a fault, or the daemon is to stop.
    soft: CancellationToken,
    /// Cancelled when nothing is under way any more: leases are kept until then.
    hard: CancellationToken,
    http: TaskTracker,
    stop_http: CancellationToken,
    running: Running,
    /// The lists that the matching API answers from.
    published: Shelf,
    settings: Settings,
    _overseer: Overseer,
}

/// The published lists of the present configuration.
type Shelf = Arc<RwLock<Vec<PublishedList>>>;

/// What of them is in force at any moment.
fn in_force(published: Shelf) -> Lists {
    Arc::new(move || {
        let published = published.read().unwrap_or_else(PoisonError::into_inner);
        published.iter().filter_map(PublishedList::index).collect()
    })
}

/// How long the last results may take to be recorded.
const RECORDED: Duration = Duration::from_secs(10);

/// How long it may take to sign off from the database.
const SIGN_OFF: Duration = Duration::from_secs(2);

/// How long the HTTP server may take to stop.
const HTTP_STOP: Duration = http::GRACE.saturating_add(Duration::from_secs(1));

/// How long a stop may take after the engine's drain deadline: the last requests, signing off, and what
/// of the runtime does not end by itself.
pub const AFTER_DRAIN: Duration =
    HTTP_STOP.saturating_add(SIGN_OFF.saturating_mul(2)).saturating_add(Duration::from_secs(2));

/// The parts of the engine under one configuration.
struct Running {
    tracker: TaskTracker,
    stop: CancellationToken,
    timer: JobScheduler,
}

impl Running {
    async fn start(
        engine: &Engine,
        configured: &Settings,
        soft: &CancellationToken,
    ) -> Result<Self, AppError> {
        let (tracker, stop) = (TaskTracker::new(), soft.child_token());
        let timer = upkeep::start_timer(engine, configured).await?;
        engine.start(&tracker, &stop, soft);
        Ok(Self { tracker, stop, timer })
    }

    /// Begins nothing new; what is under way is finished and recorded, within the deadline. What that cuts
    /// off is lost to nobody: its due rows stand as they were.
    async fn drain(&mut self, deadline: Duration) {
        if let Err(error) = self.timer.shutdown().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the timer did not stop");
        }
        self.stop.cancel();
        self.tracker.close();
        if tokio::time::timeout(deadline, self.tracker.wait()).await.is_err() {
            tracing::warn!(
                unfinished = self.tracker.len(),
                "the drain deadline is over: what is unfinished runs again"
            );
        }
    }
}

impl Daemon {
    /// Starts a daemon on an open database.
    pub async fn start(context: Context, settings: &Settings, listen: SocketAddr) -> Result<Self, AppError> {
        // What the daemon does by itself, nobody at its command line did.
        let context = context.by(Origin::System);
        let listener = http::listen(listen).await?;
        let address =
            listener.local_addr().map_err(|source| AppError::System { what: "its own address", source })?;
        let lease_time = settings.engine.lease_time;
        let engine = super::engine(context, settings, Fleet::joining(lease_time)).await?;
        store::within(storage::make_partitions(&engine)).await?;
        store::within(announce(&engine)).await?;
        // Before anything is answered or run: a restored backup holds what was redacted since.
        audit::replay(&engine.context, &engine.health).await?;
        store::within(api_keys::seal_notes(&engine.context)).await?;

        let (tracker, soft) = (TaskTracker::new(), CancellationToken::new());
        let hard = CancellationToken::new();
        let published = Shelf::new(RwLock::new(engine.plan.published.clone()));
        let lists = in_force(Arc::clone(&published));
        let served = Served::new(engine.health.clone(), engine.metrics.clone(), engine.context.clone());
        let served = served.with_lists(lists);
        // Answers while the engine drains too: who looks then learns that it is stopping.
        let (http_tracker, stop_http) = (TaskTracker::new(), CancellationToken::new());
        let serving = http::serve(listener, served, settings.http.clone(), stop_http.clone());
        http_tracker.spawn(engine::vital("http", &stop_http, &soft, serving));
        let membership = Membership::new(engine.clone(), lease_time);
        let part = engine.progress.part("fleet");
        let membership = task::drive(membership, Membership::interval(lease_time), part, hard.clone());
        tracker.spawn(engine::vital("fleet", &hard, &soft, membership));
        let running = Running::start(&engine, settings, &soft).await?;
        let (progress, health) = (engine.progress.clone(), engine.health.clone());
        let overseer = Overseer::start(progress, health, Patience::default(), overseer::abort)
            .map_err(|source| AppError::System { what: "a thread", source })?;
        tracing::info!(process.id = %engine.process, http.address = %address, "watchkeeper is running");
        Ok(Self {
            engine,
            address,
            tracker,
            soft,
            hard,
            http: http_tracker,
            stop_http,
            running,
            published,
            settings: settings.clone(),
            _overseer: overseer,
        })
    }

    /// Comes when a part of the daemon ended by a fault.
    pub async fn failed(&self) {
        self.soft.cancelled().await;
    }

    /// Takes up a new configuration, or keeps the present one and says why.
    ///
    /// The engine's parts are drained and started anew; requests are answered all the while.
    pub async fn reload(&mut self, load: impl FnOnce() -> Result<Settings, config::Faults>) {
        tracing::info!("reloading the configuration");
        notify::reloading();
        if let Err(refused) = self.try_reload(load).await {
            tracing::error!(error = %refused, "the configuration was not reloaded: the one before stays in force");
            self.engine.health.tell("refused-reload", refused.into());
            self.engine.metrics.reloads_refused.inc();
        }
        notify::ready("keeping watch");
    }

    async fn try_reload(
        &mut self,
        load: impl FnOnce() -> Result<Settings, config::Faults>,
    ) -> Result<(), String> {
        let settings = load().map_err(|faults| faults.to_string())?;
        let context = &self.engine.context;
        let planned = super::plan(context, &settings, self.engine.process, Occasion::Change).await;
        let (plan, revision) = planned.map_err(|error| format!("{:#}", anyhow::Error::from(error)))?;
        for part in started_with(&self.settings, &settings) {
            tracing::warn!(
                part,
                "this part of the configuration takes effect when the daemon is started anew"
            );
        }
        // Before the drain: it may take long, and this process is behind nobody meanwhile.
        self.engine.fleet.configure(revision, plan.providers.iter().map(|provider| provider.lane));
        // To the end of every call that keeps its deadline: here nothing ends with the process, and what went on
        // would go on beside the new engine's calls for the same monitors.
        let every_call = self.settings.engine.run_deadline + RECORDED;
        self.running.drain(self.settings.engine.drain_deadline.max(every_call)).await;
        self.engine.metrics.forget_providers();
        self.published.write().unwrap_or_else(PoisonError::into_inner).clone_from(&plan.published);
        self.engine.plan = Arc::new(plan);
        self.engine.settings = Arc::new(settings.engine.clone());
        let running = Running::start(&self.engine, &settings, &self.soft).await;
        self.running = running.map_err(|error| {
            // Half a daemon must not look like a whole one.
            self.soft.cancel();
            error.to_string()
        })?;
        self.settings = settings;
        self.engine.health.tell("refused-reload", serde_json::Value::Null);
        tracing::info!(revision, "the configuration is reloaded");
        Ok(())
    }

    /// Stops: nothing new is begun, what is under way is finished and recorded, within the deadline; then
    /// the shards go to the others.
    pub async fn stop(mut self) {
        self.engine.health.raise(Concern::Stopping, "the daemon is stopping");
        notify::stopping("finishing what is under way");
        tracing::info!("stopping: finishing what is under way");
        self.engine.fleet.leave();
        self.soft.cancel();
        self.running.drain(self.settings.engine.drain_deadline).await;
        self.hard.cancel();
        self.tracker.close();
        if tokio::time::timeout(SIGN_OFF, self.tracker.wait()).await.is_err() {
            tracing::debug!("the leases are seen to no more");
        }
        if let Ok(Err(error)) = tokio::time::timeout(SIGN_OFF, fleet::leave(&self.engine)).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "could not sign off");
        }
        self.stop_http.cancel();
        self.http.close();
        if tokio::time::timeout(HTTP_STOP, self.http.wait()).await.is_err() {
            tracing::warn!("the HTTP server did not stop");
        }
        if let Some(ledger) = &self.engine.context.ledger
            && tokio::time::timeout(HTTP_STOP, ledger.finish()).await.is_err()
        {
            tracing::warn!("an erasure is under way: the next start decides about it");
        }
        tracing::info!("stopped");
    }
}

/// Tells the others of this process.
async fn announce(engine: &Engine) -> Result<(), AppError> {
    let now = engine.context.now();
    let machine = Machine::of_this_process();
    let process = Process {
        id: engine.process,
        host: machine::host_name(),
        pid: std::process::id().try_into().unwrap_or(0),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: machine.as_ref().map(|machine| machine.machine.clone()),
        machine_process: machine.map(|machine| machine.process),
        started_at: now,
        seen_at: now,
        revision: engine.fleet.revision(),
        leaving: false,
        beat: 0,
        shards: 0,
    };
    let mut connection = engine.context.store.connection().await?;
    processes::insert(&mut connection, &process).await?;
    Ok(())
}

/// The changed parts that a running daemon cannot change.
fn started_with(before: &Settings, after: &Settings) -> Vec<&'static str> {
    let parts = [
        ("database", before.database != after.database),
        ("vault", before.vault != after.vault),
        ("audit.ledger-folder", before.audit.ledger_folder != after.audit.ledger_folder),
        ("http", before.http != after.http),
        ("log", before.log != after.log),
        ("engine.lease-time", before.engine.lease_time != after.engine.lease_time),
    ];
    parts.into_iter().filter(|(_, changed)| *changed).map(|(part, _)| part).collect()
}

/// Runs the daemon until it is told to stop (SIGTERM, SIGINT); a second signal ends it at once. SIGHUP has
/// it `load` its configuration again.
pub async fn serve(
    settings: &Settings,
    load: impl Fn() -> Result<Settings, config::Faults>,
) -> Result<(), AppError> {
    let mut stop = std::pin::pin!(stop_signal()?);
    let mut hang_up = signal(SignalKind::hangup())
        .map_err(|source| AppError::System { what: "a signal handler", source })?;
    let context = super::open(settings).await?;
    let mut daemon = Daemon::start(context, settings, settings.http.listen).await?;
    notify::ready("keeping watch");
    let failed = loop {
        tokio::select! {
            () = &mut stop => break false,
            () = daemon.failed() => break true,
            _ = hang_up.recv() => {}
        }
        // What a stop cuts off is an engine that drains already: stopping drains it to its end.
        tokio::select! {
            () = &mut stop => break false,
            () = daemon.reload(&load) => {}
        }
    };
    let again = stop_signal()?;
    tokio::select! {
        () = daemon.stop() => {}
        () = again => tracing::warn!("a second signal: ending at once"),
    }
    if failed { Err(AppError::Fault) } else { Ok(()) }
}

/// Comes when the process is told to stop.
pub fn stop_signal() -> Result<impl Future<Output = ()>, AppError> {
    let system = |source| AppError::System { what: "a signal handler", source };
    let mut terminate = signal(SignalKind::terminate()).map_err(system)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

//! The daemon's life: start, run, drain.

use std::{fs, net::SocketAddr, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tokio_cron_scheduler::JobScheduler;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    AppError, notify,
    overseer::{self, Overseer, Patience},
};
use crate::{
    actions::Context,
    config::Settings,
    engine::{self, Engine, upkeep},
    http::{self, Served},
    store::processes::{self, Process},
    telemetry::health::Concern,
};

/// A running daemon.
pub struct Daemon {
    /// Its engine.
    pub engine: Engine,
    /// Where it listens.
    pub address: SocketAddr,
    tracker: TaskTracker,
    soft: CancellationToken,
    http: TaskTracker,
    stop_http: CancellationToken,
    timer: JobScheduler,
    drain: Duration,
    _overseer: Overseer,
}

/// How long it may take to sign off from the database.
const SIGN_OFF: Duration = Duration::from_secs(2);

/// How long the HTTP server may take to stop.
const HTTP_STOP: Duration = http::GRACE.saturating_add(Duration::from_secs(1));

/// How long a stop may take after the engine's drain deadline: the last requests, signing off, and what
/// of the runtime does not end by itself.
pub const AFTER_DRAIN: Duration = HTTP_STOP.saturating_add(SIGN_OFF).saturating_add(Duration::from_secs(2));

impl Daemon {
    /// Starts a daemon on an open database.
    pub async fn start(context: Context, settings: &Settings, listen: SocketAddr) -> Result<Self, AppError> {
        let engine = super::engine(context, settings).await?;
        let listener = http::listen(listen).await?;
        let address =
            listener.local_addr().map_err(|source| AppError::System { what: "its own address", source })?;
        upkeep::make_partitions(&engine).await?;
        let now = engine.context.now();
        let process = Process {
            id: engine.process,
            host: host(),
            pid: std::process::id().try_into().unwrap_or(0),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: now,
            seen_at: now,
        };
        let mut connection = engine.context.store.connection().await?;
        processes::insert(&mut connection, &process).await?;
        drop(connection);

        let (tracker, soft) = (TaskTracker::new(), CancellationToken::new());
        let served = Served { health: engine.health.clone(), metrics: engine.metrics.clone() };
        // Answers while the engine drains too: who looks then learns that it is stopping.
        let (http_tracker, stop_http) = (TaskTracker::new(), CancellationToken::new());
        let serving = http::serve(listener, served, settings.http.clone(), stop_http.clone());
        http_tracker.spawn(engine::vital("http", &soft, serving));
        engine.start(&tracker, &soft);
        let (progress, health) = (engine.progress.clone(), engine.health.clone());
        let overseer = Overseer::start(progress, health, Patience::default(), overseer::abort)
            .map_err(|source| AppError::System { what: "a thread", source })?;
        let timer = upkeep::start_timer(&engine).await?;
        tracing::info!(process.id = %engine.process, http.address = %address, "watchkeeper is running");
        let drain = settings.engine.drain_deadline;
        Ok(Self {
            engine,
            address,
            tracker,
            soft,
            http: http_tracker,
            stop_http,
            timer,
            drain,
            _overseer: overseer,
        })
    }

    /// Comes when a part of the engine, or the HTTP server, ended by a fault.
    pub async fn failed(&self) {
        self.soft.cancelled().await;
    }

    /// Stops: nothing new is begun, what is under way is finished and recorded, within the deadline.
    ///
    /// What the deadline cuts off is lost to nobody: its due rows stand as they were.
    pub async fn stop(mut self) {
        self.engine.health.raise(Concern::Stopping, "the daemon is stopping");
        notify::stopping("finishing what is under way");
        tracing::info!("stopping: finishing what is under way");
        if let Err(error) = self.timer.shutdown().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the timer did not stop");
        }
        self.soft.cancel();
        self.tracker.close();
        if tokio::time::timeout(self.drain, self.tracker.wait()).await.is_err() {
            tracing::warn!(
                unfinished = self.tracker.len(),
                "the drain deadline is over: what is unfinished runs again"
            );
        }
        self.stop_http.cancel();
        self.http.close();
        if tokio::time::timeout(HTTP_STOP, self.http.wait()).await.is_err() {
            tracing::warn!("the HTTP server did not stop");
        }
        let said = async {
            let mut connection = self.engine.context.store.connection().await?;
            processes::save_stopped(&mut connection, self.engine.process, self.engine.context.now()).await
        };
        if let Ok(Err(error)) = tokio::time::timeout(SIGN_OFF, said).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "could not sign off");
        }
        tracing::info!("stopped");
    }
}

/// Runs the daemon until it is told to stop (SIGTERM, SIGINT); a second signal ends it at once.
pub async fn serve(settings: &Settings) -> Result<(), AppError> {
    let stop = stop_signal()?;
    let context = super::open(settings).await?;
    let daemon = Daemon::start(context, settings, settings.http.listen).await?;
    notify::ready("keeping watch");
    let failed = tokio::select! {
        () = stop => false,
        () = daemon.failed() => true,
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

/// The machine's name. The first file is hidden where the unit shows a service nothing but its processes.
fn host() -> String {
    let mut names = ["/proc/sys/kernel/hostname", "/etc/hostname"].into_iter().filter_map(|file| {
        let name = fs::read_to_string(file).ok()?;
        Some(name.trim().to_owned()).filter(|name| !name.is_empty())
    });
    names.next().unwrap_or_else(|| "unknown".to_owned())
}

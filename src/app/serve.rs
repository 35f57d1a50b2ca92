//! The daemon's life: start, run, drain.

use std::{fs, net::SocketAddr, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tokio_cron_scheduler::JobScheduler;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::AppError;
use crate::{
    actions::Context,
    config::Settings,
    engine::{Engine, upkeep},
    http::{self, Served},
    store::{
        self,
        processes::{self, Process},
    },
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
    timer: JobScheduler,
    drain: Duration,
}

impl Daemon {
    /// Starts a daemon on an open database.
    pub async fn start(context: Context, settings: &Settings, listen: SocketAddr) -> Result<Self, AppError> {
        let engine = super::engine(context, settings).await?;
        let listener = http::listen(listen).await?;
        let address =
            listener.local_addr().map_err(|source| AppError::System { what: "its own address", source })?;
        store::within(upkeep::make_partitions(&engine)).await?;
        let now = engine.context.now();
        let process = Process {
            id: engine.process,
            host: host(),
            pid: std::process::id().try_into().unwrap_or(0),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: now,
            seen_at: now,
        };
        let said = async {
            let mut connection = engine.context.store.connection().await?;
            processes::insert(&mut connection, &process).await
        };
        store::within(said).await?;

        let (tracker, soft) = (TaskTracker::new(), CancellationToken::new());
        let served = Served { health: engine.health.clone(), metrics: engine.metrics.clone() };
        tracker.spawn(http::serve(listener, served, soft.clone()));
        engine.start(&tracker, &soft);
        let timer = upkeep::start_timer(&engine).await?;
        tracing::info!(process.id = %engine.process, http.address = %address, "watchkeeper is running");
        Ok(Self { engine, address, tracker, soft, timer, drain: settings.engine.drain_deadline })
    }

    /// Comes when a part of the engine ended by a fault.
    pub async fn failed(&self) {
        self.soft.cancelled().await;
    }

    /// Stops: nothing new is begun, what is under way is finished and recorded, within the deadline.
    ///
    /// What the deadline cuts off is lost to nobody: its due rows stand as they were.
    pub async fn stop(mut self) {
        self.engine.health.raise(Concern::Stopping, "the daemon is stopping");
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
        let said = async {
            let mut connection = self.engine.context.store.connection().await?;
            processes::save_stopped(&mut connection, self.engine.process, self.engine.context.now()).await
        };
        if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(2), said).await {
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

fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname");
    name.map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}

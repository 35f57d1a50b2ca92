//! The daemon's own upkeep: its heartbeat with a sample of the database's clock, and what the timer
//! starts.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use chrono::DateTime;

use tokio_cron_scheduler::{Job, JobScheduler};

use super::{
    Engine, EngineError,
    task::{self, Activation, Task},
};
use crate::{
    store::{self, partitions, processes, schedules, wakeups},
    telemetry::health::Health,
};

/// Says every second that this process runs, and keeps its clock by the database's.
pub struct Heartbeat {
    engine: Engine,
}

impl Heartbeat {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

impl Task for Heartbeat {
    const NAME: &'static str = "heartbeat";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        let mut connection = self.engine.context.store.connection().await?;
        let asked_at = Instant::now();
        let told = store::now(&mut connection).await?;
        self.engine.context.clock.sample(told, asked_at);
        let recorded = self.engine.recorded_at.load(Ordering::Relaxed);
        let recorded = (recorded != 0).then(|| DateTime::from_timestamp_micros(recorded)).flatten();
        processes::save_seen(&mut connection, self.engine.process, recorded, told).await?;
        for provider in &self.engine.plan.providers {
            wakeups::remove_stale(&mut connection, provider.lane).await?;
        }
        let (open, _) = self.engine.context.store.connections();
        self.engine.metrics.connections.set(i64::from(open));
        task::answered(&self.engine.health);
        Ok(Activation::Done)
    }
}

/// Makes the partitions of the coming months. One process of a fleet does it at a time.
pub async fn make_partitions(engine: &Engine) -> Result<(), EngineError> {
    let mut transaction = engine.context.store.transaction().await?;
    if store::lock_task(&mut transaction, "partitions").await? {
        for name in partitions::ensure(&mut transaction, engine.context.now()).await? {
            tracing::info!(partition = %name, "partition made");
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// Starts a walk over all accounts for every schedule, to repair whatever enrolment missed.
pub async fn start_walks(engine: &Engine) -> Result<(), EngineError> {
    let mut transaction = engine.context.store.transaction().await?;
    if store::lock_task(&mut transaction, "reconcile").await? {
        schedules::start_walks(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Starts the timer of the daemon's periodic work.
pub async fn start_timer(engine: &Engine) -> Result<JobScheduler, EngineError> {
    let timer = JobScheduler::new().await?;
    let settings = Arc::clone(&engine.settings);
    add(&timer, &settings.partitions.with_seconds(), engine, "partitions", |engine| async move {
        store::within(make_partitions(&engine)).await
    })
    .await?;
    add(&timer, &settings.reconcile.with_seconds(), engine, "reconcile", |engine| async move {
        store::within(start_walks(&engine)).await
    })
    .await?;
    timer.start().await?;
    Ok(timer)
}

async fn add<W, F>(
    timer: &JobScheduler,
    pattern: &str,
    engine: &Engine,
    name: &'static str,
    work: W,
) -> Result<(), EngineError>
where
    W: Fn(Engine) -> F + Send + Sync + Clone + 'static,
    F: Future<Output = Result<(), EngineError>> + Send + 'static,
{
    let engine = engine.clone();
    let job = Job::new_async(pattern, move |_, _| {
        let (engine, work) = (engine.clone(), work.clone());
        Box::pin(async move {
            // Not repeated here: the next time is the retry.
            if let Err(error) = work(engine.clone()).await {
                task::report(&engine.health, name, &error);
            }
        })
    })?;
    timer.add(job).await?;
    Ok(())
}

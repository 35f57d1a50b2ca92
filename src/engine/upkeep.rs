//! The daemon's own upkeep: samples of the database's clock, a look at its schema, and what the timer starts.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_cron_scheduler::{Job, JobScheduler};

use super::{
    Engine, EngineError, audit, storage,
    task::{self, Activation, Task},
};
use crate::{
    actions::{self, idempotency, master_keys},
    config::Settings,
    store::{self, StoreError, retention, reverifications, schedules, wakeups},
    telemetry::health::{Concern, Health},
};

/// How often the schema is looked at: it changes under a running daemon by a restored backup, or by the
/// migration to a newer program.
const SCHEMA_EVERY: Duration = Duration::from_secs(30);

/// Keeps the clock by the database's, and takes away wakeups that nobody needs any more.
pub struct Heartbeat {
    engine: Engine,
    schema_seen_at: Option<Instant>,
}

impl Heartbeat {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine, schema_seen_at: None }
    }

    async fn look_at_schema(&mut self) -> Result<(), EngineError> {
        if self.schema_seen_at.is_some_and(|seen| seen.elapsed() < SCHEMA_EVERY) {
            return Ok(());
        }
        let health = &self.engine.health;
        match self.engine.context.store.check_schema().await {
            Ok(()) => {
                health.clear(Concern::Schema);
                health.tell("schema", serde_json::Value::Null);
            }
            // Migrations leave the program before them working: it waits to be replaced.
            Err(error @ StoreError::NewSchema { .. }) => {
                health.clear(Concern::Schema);
                health.tell("schema", error.to_string().into());
            }
            Err(error @ StoreError::OldSchema { .. }) => {
                if health.raise(Concern::Schema, error.to_string()) {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the schema went back under the daemon"
                    );
                }
            }
            Err(error) => return Err(error.into()),
        }
        self.schema_seen_at = Some(Instant::now());
        Ok(())
    }
}

impl Heartbeat {
    /// A rotation that this process's configuration does not know of keeps it from being ready.
    async fn look_at_keys(&self) -> Result<(), EngineError> {
        let health = &self.engine.health;
        match master_keys::fault(&self.engine.context).await? {
            None => {
                health.clear(Concern::Keys);
            }
            Some(fault) => {
                if health.raise(Concern::Keys, fault.clone()) {
                    tracing::error!(fault, "the master keys of this process are not those of the fleet");
                }
            }
        }
        Ok(())
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
        for provider in &self.engine.plan.providers {
            wakeups::remove_stale(&mut connection, provider.lane).await?;
        }
        drop(connection);
        self.look_at_schema().await?;
        self.look_at_keys().await?;
        task::answered(&self.engine.health);
        Ok(Activation::Done)
    }
}

/// Starts a walk over all accounts for every schedule, to repair whatever enrolment missed.
pub async fn start_walks(engine: &Engine) -> Result<(), EngineError> {
    let mut transaction = engine.context.store.transaction().await?;
    if engine.fleet.is_current() && store::lock_task(&mut transaction, "reconcile").await? {
        schedules::start_walks(&mut transaction).await?;
        reverifications::start_walks(&mut transaction).await?;
        retention::start_repair(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Starts the timer of the daemon's periodic work.
pub async fn start_timer(engine: &Engine, configured: &Settings) -> Result<JobScheduler, EngineError> {
    let timer = JobScheduler::new().await?;
    let settings = Arc::clone(&engine.settings);
    add(&timer, &settings.partitions.with_seconds(), engine, "partitions", |engine| async move {
        store::within(storage::make_partitions(&engine)).await
    })
    .await?;
    add(&timer, &settings.reconcile.with_seconds(), engine, "reconcile", |engine| async move {
        store::within(start_walks(&engine)).await
    })
    .await?;
    add(&timer, &settings.sweep.with_seconds(), engine, "sweep", |engine| async move {
        store::within(async { Ok::<_, EngineError>(actions::retention::ask(&engine.context).await?) }).await
    })
    .await?;
    if let Some(folder) = configured.audit.checkpoint_folder.clone() {
        add(&timer, &configured.audit.checkpoint.with_seconds(), engine, "checkpoint", move |engine| {
            let folder = folder.clone();
            async move { store::within(audit::keep_checkpoint(&engine.context, &folder)).await }
        })
        .await?;
    }
    let keep = configured.storage.clone();
    add(&timer, &keep.compact.with_seconds(), engine, "compact", move |engine| {
        let keep = keep.clone();
        async move {
            let may = || engine.fleet.is_current();
            storage::compact(&engine.context, &keep, &may).await.map(drop)
        }
    })
    .await?;
    // Every hour, whoever comes first: answers that are a day old are of no use to anybody.
    add(&timer, "0 23 * * * *", engine, "idempotency", |engine| async move {
        store::within(async {
            let gone = idempotency::sweep(&engine.context).await?;
            tracing::debug!(gone, "answers to repeated requests are a day old, and gone");
            Ok::<_, EngineError>(())
        })
        .await
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

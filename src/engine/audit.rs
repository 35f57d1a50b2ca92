//! The sequencer: gives the audit log's entries their numbers, and notes elsewhere how the log stands. And the watch
//! over the erasure ledger, which notices a restored backup.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    actions::{
        ActionError, Context,
        audit::{self, checkpoint},
        ledger,
    },
    store,
    telemetry::health::{Concern, Health},
};

/// How often it is looked for entries of transactions that took long. Between, only young ones are looked for: numbered
/// entries leave dead rows, which a walk from the beginning would read again while something holds vacuum up.
const FROM_BEGINNING_EVERY: Duration = Duration::from_secs(30);

/// The file of checkpoints, one a line.
const CHECKPOINTS: &str = "audit-checkpoints.jsonl";

/// The task that numbers entries; one process of a fleet does it at a time.
pub struct Sequencer {
    engine: Engine,
    from_beginning_at: Option<Instant>,
}

impl Sequencer {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine, from_beginning_at: None }
    }
}

impl Task for Sequencer {
    const NAME: &'static str = "audit";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        let mut turn = self.engine.context.store.transaction().await?;
        if !store::lock_task(&mut turn, "audit").await? {
            return Ok(Activation::Done);
        }
        let from_beginning = self.from_beginning_at.is_none_or(|at| at.elapsed() >= FROM_BEGINNING_EVERY);
        let more = audit::sequence_in(&self.engine.context, &mut turn, from_beginning).await?;
        turn.commit().await?;
        if from_beginning && !more {
            self.from_beginning_at = Some(Instant::now());
        }
        Ok(if more { Activation::More } else { Activation::Done })
    }
}

/// The file of checkpoints in their folder.
pub fn checkpoint_file(folder: &Path) -> PathBuf {
    folder.join(CHECKPOINTS)
}

/// Appends to the checkpoints in `folder` how the log stands.
pub async fn keep_checkpoint(context: &Context, folder: &Path) -> Result<(), EngineError> {
    let taken = checkpoint(context).await?;
    let file = checkpoint_file(folder);
    let line = serde_json::to_string(&taken).expect("a checkpoint is texts and numbers") + "\n";
    let (of, to) = (folder.to_owned(), file.clone());
    // It waits for the disk.
    let written = tokio::task::spawn_blocking(move || append(&of, &to, &line)).await;
    let written = written.unwrap_or_else(|_| Err(io::Error::other("the writer ended")));
    written.map_err(|source| ActionError::File { path: file.display().to_string(), source }.into())
}

fn append(folder: &Path, file: &Path, line: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()
}

/// How often the erasure ledger is looked through for what the database has not seen.
pub const LEDGER_EVERY: Duration = Duration::from_secs(5);

/// The task that notices that an older state of the database was restored, and redacts again what the ledger says.
pub struct Replay {
    engine: Engine,
}

impl Replay {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

impl Task for Replay {
    const NAME: &'static str = "ledger";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        ledger::decide(&self.engine.context).await?;
        let mut turn = self.engine.context.store.transaction().await?;
        if !store::lock_task(&mut turn, "ledger").await? {
            return Ok(Activation::Done);
        }
        replay(&self.engine.context, &self.engine.health).await?;
        turn.commit().await?;
        Ok(Activation::Done)
    }
}

/// Looks through the ledger; while something is to be redacted again, the daemon is not ready.
pub async fn replay(context: &Context, health: &Health) -> Result<(), EngineError> {
    let told = |keys| {
        let text = format!("an older state of the database was restored: {keys} erasures are done again");
        if health.raise(Concern::Erasures, text) {
            tracing::error!(
                keys,
                "an older state of the database was restored: what was redacted is redacted again"
            );
        }
    };
    let mut settled = ledger::settle(context, told).await?;
    settled.faults.extend(ledger::given_up(context).await?);
    if settled.replayed > 0 {
        tracing::warn!(keys = settled.replayed, "what was redacted is redacted again");
    }
    if settled.faults.is_empty() {
        health.clear(Concern::Erasures);
    } else if health.raise(Concern::Erasures, settled.faults.join("; ")) {
        tracing::error!(faults = settled.faults.join("; "), "the erasure ledger is not whole");
    }
    Ok(())
}

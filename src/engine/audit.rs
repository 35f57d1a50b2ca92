//! The sequencer: gives the audit log's entries their numbers, and notes elsewhere how the log stands.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
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
    },
    store,
    telemetry::health::Health,
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

/// Appends to the checkpoints in `folder` how the log stands.
pub async fn keep_checkpoint(context: &Context, folder: &Path) -> Result<(), EngineError> {
    let taken = checkpoint(context).await?;
    let file = folder.join(CHECKPOINTS);
    let line = serde_json::to_string(&taken).expect("a checkpoint is texts and numbers") + "\n";
    let written = append(folder, &file, &line);
    written.map_err(|source| ActionError::File { path: file.display().to_string(), source }.into())
}

fn append(folder: &Path, file: &Path, line: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()
}

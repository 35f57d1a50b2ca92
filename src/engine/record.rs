//! The one place where results enter the database.
//!
//! A batch is one transaction: settle the due rows, and for the answers that changed write content,
//! hits, tags, status and events. A batch that fails because the database is away is tried again until
//! it is back. A commit whose outcome is unknown is looked up first: a run that is recorded already is
//! not recorded as superseded by itself.

use std::{collections::HashSet, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    Engine, EngineError, outcome,
    run::{End, Finished},
    task,
};
use crate::{
    domain::{id::RunId, monitor::Outcome},
    store::{
        Store, StoreError,
        due::{self, Postponed},
        runs::{self, NewRun},
    },
    telemetry::metrics::RunLabels,
};

/// How long one transaction may take.
const TRANSACTION: Duration = Duration::from_secs(10);

/// How long to leave a database alone that failed.
const AWAY: Duration = Duration::from_millis(250);

/// How long to put a run off that cannot be recorded.
const UNRECORDABLE: chrono::TimeDelta = chrono::TimeDelta::hours(1);

/// Records what arrives until the senders are gone.
pub(super) async fn drive(engine: Engine, mut finished: mpsc::Receiver<Finished>) {
    let limit = engine.settings.record_batch as usize;
    let mut batch = Vec::with_capacity(limit);
    while finished.recv_many(&mut batch, limit).await > 0 {
        if batch.len() < limit && !engine.settings.record_linger.is_zero() {
            tokio::time::sleep(engine.settings.record_linger).await;
            while batch.len() < limit {
                let Ok(more) = finished.try_recv() else { break };
                batch.push(more);
            }
        }
        record(&engine, &mut batch).await;
    }
}

/// Records a batch, however long the database is away; leaves it empty.
async fn record(engine: &Engine, batch: &mut Vec<Finished>) {
    let mut uncertain = false;
    loop {
        match within(TRANSACTION, commit(engine, batch, uncertain)).await {
            Ok(_) => {
                task::answered(&engine.health);
                batch.clear();
                return;
            }
            Err(error) if error.is_passing() => {
                uncertain = true;
                engine.metrics.record_retries.inc();
                task::report(&engine.health, "record", &error);
                tokio::time::sleep(AWAY).await;
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    runs = batch.len(),
                    "a batch cannot be recorded: recording its runs one by one"
                );
                one_by_one(engine, batch).await;
                return;
            }
        }
    }
}

/// A run that cannot be recorded must not take others with it.
async fn one_by_one(engine: &Engine, batch: &mut Vec<Finished>) {
    for finished in batch.drain(..) {
        let one = [finished];
        while let Err(error) = within(TRANSACTION, commit(engine, &one, true)).await {
            if error.is_passing() {
                tokio::time::sleep(AWAY).await;
                continue;
            }
            let [finished] = &one;
            tracing::error!(run.id = %finished.id, monitor.id = %finished.monitor(), error = &error as &dyn std::error::Error, "a run cannot be recorded: putting it off");
            if let Err(error) = put_off(&engine.context.store, finished).await {
                tracing::error!(error = &error as &dyn std::error::Error, "nor can it be put off");
            }
            break;
        }
    }
}

async fn put_off(store: &Store, finished: &Finished) -> Result<(), StoreError> {
    let mut connection = store.connection().await?;
    let postponed = Postponed {
        monitor: finished.monitor(),
        slot: finished.due.slot,
        wanted: finished.due.wanted,
        until: finished.ended_at + UNRECORDABLE,
        attempts: finished.due.attempts.saturating_add(1),
    };
    due::save_postponed(&mut connection, &[postponed]).await
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(EngineError::Deadline(limit)))
}

/// Records runs in one transaction. `uncertain` says that some may be recorded already.
///
/// Returns, for each run in order, whether it counts: false for one that was put off or came too late.
pub async fn commit(engine: &Engine, batch: &[Finished], uncertain: bool) -> Result<Vec<bool>, EngineError> {
    let mut transaction = engine.context.store.transaction().await?;
    let now = engine.context.now();
    let recorded: HashSet<RunId> = if uncertain {
        let asked: Vec<_> = batch.iter().map(|run| (run.monitor(), run.due.slot, run.id)).collect();
        runs::list_recorded(&mut transaction, &asked).await?.into_iter().collect()
    } else {
        HashSet::new()
    };

    let mut postponed = Vec::new();
    let mut settling: Vec<(usize, NewRun)> = Vec::with_capacity(batch.len());
    for (index, finished) in batch.iter().enumerate() {
        match new_run(finished, now) {
            _ if recorded.contains(&finished.id) => {}
            Ok(run) => settling.push((index, run)),
            Err(put_off) => postponed.push(put_off),
        }
    }
    // Everybody locks due rows in this order.
    settling.sort_unstable_by_key(|(_, run)| (run.monitor.shard(), run.monitor));
    postponed.sort_unstable_by_key(|one| (one.monitor.shard(), one.monitor));
    if !postponed.is_empty() {
        due::save_postponed(&mut transaction, &postponed).await?;
    }
    let (order, new): (Vec<usize>, Vec<NewRun>) = settling.into_iter().unzip();
    let settled = if new.is_empty() { Vec::new() } else { runs::settle(&mut transaction, &new, now).await? };

    let changed: Vec<(&Finished, &NewRun)> = order
        .iter()
        .zip(&new)
        .zip(&settled)
        .filter(|((_, run), settled)| run.changed && **settled)
        .filter_map(|((index, run), _)| batch.get(*index).map(|finished| (finished, run)))
        .collect();
    let effects = outcome::write(engine, &mut transaction, &changed, now).await?;
    transaction.commit().await?;

    let mut counts: Vec<bool> = batch.iter().map(|finished| recorded.contains(&finished.id)).collect();
    for ((index, run), settled) in order.iter().zip(&new).zip(&settled) {
        if let Some(count) = counts.get_mut(*index) {
            *count = *settled;
        }
        let outcome = if *settled { run.outcome } else { Outcome::Superseded };
        if let Some(finished) = batch.get(*index) {
            let schedule = finished.schedule.schedule.name.clone();
            engine.metrics.runs.get_or_create(&RunLabels { schedule, outcome: outcome.word() }).inc();
        }
    }
    effects.count(&engine.metrics);
    Ok(counts)
}

/// The run to record, or when to try again.
fn new_run(finished: &Finished, now: DateTime<Utc>) -> Result<NewRun, Postponed> {
    let (outcome, findings, failure, digest) = match &finished.end {
        End::Answered { answer, digest, .. } => {
            let outcome = if answer.findings.is_empty() { Outcome::Clear } else { Outcome::Match };
            (outcome, i32::try_from(answer.findings.len()).unwrap_or(i32::MAX), None, *digest)
        }
        End::Failed { class } => (Outcome::Error, 0, Some(*class), None),
        End::Postponed { wait, counts } => {
            return Err(Postponed {
                monitor: finished.monitor(),
                slot: finished.due.slot,
                wanted: finished.due.wanted,
                until: finished.ended_at + *wait,
                attempts: finished.due.attempts.saturating_add(i16::from(*counts)),
            });
        }
    };
    let last = finished.due.last_digest.as_deref();
    Ok(NewRun {
        id: finished.id,
        monitor: finished.monitor(),
        slot: finished.due.slot,
        wanted: finished.due.wanted,
        trigger: finished.trigger,
        due_at: finished.due.at,
        started_at: finished.started_at,
        duration_ms: i32::try_from(finished.duration.as_millis()).unwrap_or(i32::MAX),
        next_run_at: finished.schedule.schedule.cadence.next_due(grid_hash(finished), now),
        basis_id: finished.basis_id,
        account_version: finished.account_version,
        outcome,
        findings,
        failure,
        digest,
        changed: outcome != Outcome::Error && digest.as_ref().map(<[u8; 16]>::as_slice) != last,
    })
}

/// Where in its schedule's spread a monitor lies: its random bits, the shard's aside.
fn grid_hash(finished: &Finished) -> u64 {
    let bits = (finished.monitor().0.as_u128() >> 8) & u128::from(u64::MAX >> 10);
    // The low bits are random already; spread them over the whole number.
    u64::try_from(bits).unwrap_or(0).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// What a changed run keeps, sealed.
pub(super) fn content(finished: &Finished) -> serde_json::Value {
    match &finished.end {
        End::Answered { input, answer, .. } => json!({ "input": input, "answer": answer }),
        End::Failed { .. } | End::Postponed { .. } => serde_json::Value::Null,
    }
}

//! The one place where results enter the database.
//!
//! A batch is one transaction: settle the due rows, and for the answers that changed write content,
//! hits, tags, status and events. A batch that fails because the database is away is tried again until
//! it is back. A commit whose outcome is unknown is looked up first: a run that is recorded already is
//! not recorded as superseded by itself.

use std::{
    collections::HashSet,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    Engine, EngineError,
    digests::FINDINGS,
    list_versions, news, outcome,
    progress::Part,
    run::{End, Finished, HELD_BACK},
    storage, task,
};
use crate::{
    domain::{
        id::{MonitorId, RunId},
        monitor::Outcome,
    },
    store::{
        self, Store, StoreError,
        due::{self, Postponed},
        requested,
        runs::{self, NewRun},
        strikes,
    },
    telemetry::metrics::{RunLabels, ScheduleLabels},
};

/// From how many answers on it is worth waiting for more.
const COMPANY: usize = 4;

/// How long to leave a database alone that failed.
const AWAY: Duration = Duration::from_millis(250);

/// How long to put a run off that cannot be recorded.
const UNRECORDABLE: Duration = Duration::from_hours(1);

/// Records what arrives until the senders are gone.
pub(super) async fn drive(engine: Engine, part: Part, mut finished: mpsc::Receiver<Finished>) {
    let limit = engine.settings.record_batch as usize;
    let mut batch = Vec::with_capacity(limit);
    while part.waiting(finished.recv_many(&mut batch, limit)).await > 0 {
        // Alone, an answer is recorded at once; among many it waits for company.
        if batch.len() >= COMPANY && batch.len() < limit && !engine.settings.record_linger.is_zero() {
            tokio::time::sleep(engine.settings.record_linger).await;
            while batch.len() < limit {
                let Ok(more) = finished.try_recv() else { break };
                batch.push(more);
            }
        }
        record(&engine, &part, &mut batch, false).await;
    }
}

/// How often a batch may take too long before it is tried in halves.
const TOO_LONG: u32 = 3;

/// Records a batch, however long the database is away; leaves it empty.
///
/// A batch that takes too long again and again is more than the database can do at once: it is halved.
/// `uncertain` says that some of it may be recorded already.
async fn record(engine: &Engine, part: &Part, batch: &mut Vec<Finished>, mut uncertain: bool) {
    let mut too_long = 0;
    loop {
        part.beat();
        match store::within(commit(engine, batch, uncertain)).await {
            Ok(_) => {
                task::answered(&engine.health);
                batch.clear();
                return;
            }
            Err(error) if error.is_passing() => {
                uncertain = true;
                too_long += u32::from(error.is_deadline());
                if too_long >= TOO_LONG && batch.len() > 1 {
                    let mut rest = batch.split_off(batch.len() / 2);
                    Box::pin(record(engine, part, batch, true)).await;
                    Box::pin(record(engine, part, &mut rest, true)).await;
                    return;
                }
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
                one_by_one(engine, part, batch).await;
                return;
            }
        }
    }
}

/// A run that cannot be recorded must not take others with it.
async fn one_by_one(engine: &Engine, part: &Part, batch: &mut Vec<Finished>) {
    for finished in batch.drain(..) {
        part.beat();
        let one = [finished];
        while let Err(error) = store::within(commit(engine, &one, true)).await {
            part.beat();
            if error.is_passing() {
                tokio::time::sleep(AWAY).await;
                continue;
            }
            let [finished] = &one;
            tracing::error!(run.id = %finished.id, monitor.id = %finished.monitor(), error = &error as &dyn std::error::Error, "a run cannot be recorded: putting it off");
            if let Err(error) = store::within(put_off(&engine.context.store, finished)).await {
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
        until: later(finished.ended_at, UNRECORDABLE),
        attempts: finished.due.attempts.saturating_add(1),
    };
    due::save_postponed(&mut connection, &[postponed]).await
}

/// Records runs in one transaction. `uncertain` says that some may be recorded already.
///
/// Returns, for each run in order, whether it counts: false for one that was put off or came too late.
#[tracing::instrument(level = "debug", name = "record", skip_all, fields(runs = batch.len()))]
pub async fn commit(engine: &Engine, batch: &[Finished], uncertain: bool) -> Result<Vec<bool>, EngineError> {
    match commit_once(engine, batch, uncertain).await {
        Err(error) if error.is_missing_partition() => {
            // Nobody made it in time: no run waits for the next night.
            storage::make_partitions(engine).await?;
            commit_once(engine, batch, uncertain).await
        }
        done => done,
    }
}

async fn commit_once(engine: &Engine, batch: &[Finished], uncertain: bool) -> Result<Vec<bool>, EngineError> {
    let begun_at = Instant::now();
    let mut transaction = engine.context.store.transaction().await?;
    let now = engine.context.now();
    let recorded: HashSet<RunId> = if uncertain {
        // An earlier commit of ours may still be under way over there: behind its locks it is seen.
        let monitors: Vec<MonitorId> = batch.iter().map(Finished::monitor).collect();
        due::lock(&mut transaction, &monitors).await?;
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
    if !postponed.is_empty() && !settling.is_empty() {
        // Two statements would lock in two orders.
        let monitors: Vec<MonitorId> = batch.iter().map(Finished::monitor).collect();
        due::lock(&mut transaction, &monitors).await?;
    }
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
    let counting = order
        .iter()
        .zip(&new)
        .zip(&settled)
        .filter(|(_, settled)| **settled)
        .filter_map(|((index, run), _)| batch.get(*index).map(|finished| (finished, run)));
    let (done, told) = news::of(counting);
    if !done.is_empty() {
        requested::save_done(&mut transaction, &done, now).await?;
    }
    if !told.is_empty() {
        news::tell(engine, &mut transaction, &told, now).await?;
    }
    let settled_runs = order.iter().zip(&settled).filter(|(_, settled)| **settled);
    let settled_runs = settled_runs.filter_map(|(index, _)| batch.get(*index));
    let repeated = list_versions::repeat_outdated(engine, &mut transaction, settled_runs, now).await?;
    let survived: Vec<MonitorId> = batch.iter().filter(|one| one.is_suspect).map(Finished::monitor).collect();
    if !survived.is_empty() {
        strikes::remove_all(&mut transaction, &survived).await?;
    }
    transaction.commit().await?;
    engine.metrics.record_batch.observe(count_of(batch));
    engine.metrics.record_duration.observe(begun_at.elapsed().as_secs_f64());

    let mut counts: Vec<bool> = batch.iter().map(|finished| recorded.contains(&finished.id)).collect();
    for ((index, run), settled) in order.iter().zip(&new).zip(&settled) {
        if let Some(count) = counts.get_mut(*index) {
            *count = *settled;
        }
        let outcome = if *settled { run.outcome } else { Outcome::Superseded };
        if let Some(finished) = batch.get(*index) {
            let late = (now - finished.due.at).to_std().unwrap_or_default();
            let schedule = finished.schedule.schedule.name.clone();
            if *settled && finished.schedule.schedule.objective.is_some_and(|objective| late > objective) {
                let labels = ScheduleLabels { schedule: schedule.clone() };
                engine.metrics.beyond_objective.get_or_create(&labels).inc();
            }
            engine.metrics.runs.get_or_create(&RunLabels { schedule, outcome: outcome.word() }).inc();
        }
    }
    effects.count(&engine.metrics);
    if repeated {
        engine.nudge.send_replace(());
    }
    engine.recorded_at.store(now.timestamp_micros(), Ordering::Relaxed);
    Ok(counts)
}

#[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^52")]
fn count_of(batch: &[Finished]) -> f64 {
    batch.len() as f64
}

/// The run to record, or when to try again.
fn new_run(finished: &Finished, now: DateTime<Utc>) -> Result<NewRun, Postponed> {
    let (outcome, findings, failure, digest) = match &finished.end {
        End::Answered { answer, digest, .. } => {
            let outcome = if answer.findings.is_empty() { Outcome::Clear } else { Outcome::Match };
            (outcome, i32::try_from(answer.findings.len()).unwrap_or(i32::MAX), None, digest.clone())
        }
        End::Failed { class } => (Outcome::Error, 0, Some(*class), None),
        End::Lapsed { .. } => (Outcome::Error, 0, Some(HELD_BACK), None),
        End::Postponed { wait, attempted } => {
            return Err(Postponed {
                monitor: finished.monitor(),
                slot: finished.due.slot,
                wanted: finished.due.wanted,
                until: later(finished.ended_at, *wait),
                attempts: finished.due.attempts.saturating_add(i16::from(*attempted)),
            });
        }
    };
    let last = finished.due.last_digest.as_deref();
    let found =
        |digest: Option<&[u8]>| digest.map(|digest| digest.get(..FINDINGS).unwrap_or(digest).to_vec());
    let is_news = outcome != Outcome::Error && found(digest.as_deref()) != found(last);
    Ok(NewRun {
        id: finished.id,
        monitor: finished.monitor(),
        slot: finished.due.slot,
        wanted: finished.due.wanted,
        trigger: finished.trigger,
        due_at: finished.due.since,
        started_at: finished.started_at,
        duration_ms: i32::try_from(finished.duration.as_millis()).unwrap_or(i32::MAX),
        next_run_at: match finished.end {
            End::Lapsed { next_run_at } => next_run_at,
            End::Answered { .. } | End::Failed { .. } | End::Postponed { .. } => {
                finished.schedule.next_due(finished.monitor(), now)
            }
        },
        basis_id: finished.basis.id,
        account_version: finished.account_version,
        outcome,
        findings,
        failure,
        changed: outcome != Outcome::Error && digest.as_deref() != last,
        is_news,
        digest,
    })
}

/// `at` plus `wait`, as far as the calendar goes.
fn later(at: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    let wait = chrono::TimeDelta::from_std(wait).unwrap_or(chrono::TimeDelta::MAX);
    at.checked_add_signed(wait).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// What a changed run keeps, sealed.
pub(super) fn content(finished: &Finished) -> serde_json::Value {
    match &finished.end {
        End::Answered { input, answer, .. } => json!({ "input": input, "answer": answer }),
        End::Failed { .. } | End::Lapsed { .. } | End::Postponed { .. } => serde_json::Value::Null,
    }
}

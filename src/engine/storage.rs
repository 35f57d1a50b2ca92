//! Storage for years: months' partitions made ahead, and old months taken away by policy.
//!
//! An old month of runs is read in batches, in the order of its monitors. Each batch is one transaction
//! that writes a line for each monitor, moves what is to be kept whole, and notes how far it came: whoever
//! is killed in between loses and doubles nothing. When the month is read and the lines stand for every run
//! that is left in it, it is detached and dropped; a long reader puts that off to the next time.

use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Engine, EngineError};
use crate::{
    actions::Context,
    config::StorageSettings,
    store::{
        self, StoreError,
        partitions::{self, Parted},
        processes,
        run_months::{self, Batch},
    },
};

/// How many runs one transaction reads, and at the least after some that took too long.
const BATCH: i64 = 10_000;
const SMALLEST_BATCH: i64 = 500;

/// How long a month may take to be counted, detached or dropped; each is cut off by the server before.
const STEP: Duration = Duration::from_hours(2);

/// Below so many months ahead somebody should look why no more are made.
const TOO_FEW: i64 = 2;

/// Makes the partitions of the coming months. One process of a fleet does it at a time.
pub async fn make_partitions(engine: &Engine) -> Result<(), EngineError> {
    let made = ensure_partitions(&engine.context).await;
    let mut connection = engine.context.store.connection().await?;
    let ahead = partitions::months_ahead(&mut connection, engine.context.now()).await?;
    engine.metrics.partition_months_ahead.set(ahead);
    if ahead < TOO_FEW {
        tracing::error!(ahead, "few months ahead have their partition");
    }
    made
}

/// The same without an engine to tell of it.
pub async fn ensure_partitions(context: &Context) -> Result<(), EngineError> {
    let mut transaction = context.store.transaction().await?;
    if store::lock_task(&mut transaction, "partitions").await? {
        processes::remove_old(&mut transaction).await?;
        let made = partitions::ensure(&mut transaction, context.now()).await?;
        transaction.commit().await?;
        if let (Some(first), Some(last)) = (made.first(), made.last()) {
            tracing::info!(count = made.len(), %first, %last, "partitions made");
        }
    }
    Ok(())
}

/// What came of taking old months away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compacted {
    /// Another process is at it.
    pub is_elsewhere: bool,
    /// Runs that lines stand for from now on.
    pub runs: i64,
    /// Runs that were kept whole.
    pub kept: i64,
    /// Partitions that are gone.
    pub dropped: Vec<String>,
    /// Partitions that are to go, once nobody reads them who began before.
    pub waiting: Vec<String>,
}

/// Compacts and drops what is older than the settings keep. One process of a fleet does it at a time, and only
/// while it `may`: one with an older configuration would destroy what the fleet is to keep.
pub async fn compact(
    context: &Context,
    settings: &StorageSettings,
    may: &(dyn Fn() -> bool + Sync),
) -> Result<Compacted, EngineError> {
    let mut done = Compacted::default();
    if !may() {
        return Ok(done);
    }
    // One connection for all: it holds the right to do this, and DETACH takes no transaction.
    let mut connection = context.store.patient_connection().await?;
    if !store::lock_long_task(&mut connection, "compact").await? {
        done.is_elsewhere = true;
        return Ok(done);
    }
    let now = context.now();
    for month in old_runs(&mut connection, now, settings.keep_clear_runs).await? {
        read(context, month, &mut done).await?;
        if is_accounted_for(&mut connection, context, month).await?
            && may()
            && take_away(&mut connection, Parted::Runs, month, &mut done).await?
        {
            let said = run_months::save_dropped(&mut connection, month, context.now());
            store::within(said).await?;
        }
    }
    if let Some(keep) = settings.keep_events {
        for month in old_events(&mut connection, now, keep).await? {
            if !may() {
                break;
            }
            take_away(&mut connection, Parted::Events, month, &mut done).await?;
        }
    }
    store::within(store::unlock_long_tasks(&mut connection)).await?;
    for partition in &done.dropped {
        tracing::info!(%partition, "an old month is gone");
    }
    for partition in &done.waiting {
        tracing::info!(%partition, "an old month waits for a long reader to end: it goes next time");
    }
    Ok(done)
}

/// The months of runs that are to go, and those that began to and did not get to the end.
async fn old_runs(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    keep: Duration,
) -> Result<Vec<NaiveDate>, StoreError> {
    let listed = async {
        let there = partitions::list(&mut *conn, Parted::Runs).await?;
        let mut months: Vec<NaiveDate> = there.into_iter().map(|partition| partition.month).collect();
        months.retain(|month| is_old(*month, now, keep));
        months.extend(run_months::list_unfinished(conn).await?);
        Ok::<_, StoreError>(months)
    };
    let mut months = store::within(listed).await?;
    months.sort_unstable();
    months.dedup();
    Ok(months)
}

/// The months of events that are to go, and those that left their table and were not dropped.
async fn old_events(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    keep: Duration,
) -> Result<Vec<NaiveDate>, StoreError> {
    let listed = async {
        let there = partitions::list(&mut *conn, Parted::Events).await?;
        let mut months: Vec<NaiveDate> = there.into_iter().map(|partition| partition.month).collect();
        months.extend(partitions::list_detached(conn, Parted::Events).await?);
        months.retain(|month| is_old(*month, now, keep));
        Ok(months)
    };
    store::within(listed).await
}

/// Whether a month ended before what is kept began.
fn is_old(month: NaiveDate, now: DateTime<Utc>, keep: Duration) -> bool {
    let before = TimeDelta::from_std(keep).ok().and_then(|keep| now.checked_sub_signed(keep));
    let end = partitions::end_of(month).map(midnight);
    before.zip(end).is_some_and(|(before, end)| end <= before)
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

fn whole(month: NaiveDate) -> Batch {
    let to = partitions::end_of(month).unwrap_or(NaiveDate::MAX);
    Batch { month, from: midnight(month), to: midnight(to), after: Uuid::nil(), up_to: Uuid::max() }
}

/// Reads a month to its end, batch by batch.
async fn read(context: &Context, month: NaiveDate, done: &mut Compacted) -> Result<(), EngineError> {
    let mut limit = BATCH;
    loop {
        let began_at = Instant::now();
        match store::within(read_batch(context, month, limit, done)).await {
            Ok(true) => return Ok(()),
            // Half of the time is left to others.
            Ok(false) => tokio::time::sleep(began_at.elapsed()).await,
            Err(error) if error.is_deadline() && limit > SMALLEST_BATCH => limit /= 2,
            Err(error) => return Err(error),
        }
    }
}

/// Reads the next runs of a month, `limit` and those of the last monitor. Returns whether it is read.
pub async fn read_batch(
    context: &Context,
    month: NaiveDate,
    limit: i64,
    done: &mut Compacted,
) -> Result<bool, EngineError> {
    let mut transaction = context.store.transaction().await?;
    let now = context.now();
    let mut compaction = run_months::lock(&mut transaction, month, now).await?;
    if compaction.is_read {
        return Ok(true);
    }
    let mut batch = Batch { after: compaction.after, ..whole(month) };
    let bound = run_months::find_bound(&mut transaction, &batch, limit).await?;
    batch.up_to = bound.unwrap_or(batch.up_to);
    let kept = run_months::keep(&mut transaction, &batch).await?;
    let runs = run_months::insert_lines(&mut transaction, &batch).await?;
    compaction.after = batch.up_to;
    compaction.is_read = bound.is_none();
    compaction.compacted_runs += runs;
    compaction.kept_runs += kept;
    run_months::save(&mut transaction, month, &compaction, now).await?;
    transaction.commit().await?;
    done.runs += runs;
    done.kept += kept;
    Ok(compaction.is_read)
}

/// Whether the lines of a month stand for every run that is left in it: no evidence goes otherwise.
async fn is_accounted_for(
    conn: &mut PgConnection,
    context: &Context,
    month: NaiveDate,
) -> Result<bool, StoreError> {
    let counted = async {
        let attached = partitions::list(&mut *conn, Parted::Runs).await?;
        if attached.iter().all(|partition| partition.month != month || partition.is_leaving) {
            // It was counted before it left.
            return Ok(None);
        }
        let compaction = run_months::lock(&mut *conn, month, context.now()).await?;
        Ok(Some((run_months::count_left(conn, &whole(month)).await?, compaction.compacted_runs)))
    };
    let Some((left, compacted)) = step(counted).await? else { return Ok(true) };
    if left != compacted {
        tracing::error!(%month, left, compacted, "a month has runs that its lines do not stand for: it stays");
    }
    Ok(left == compacted)
}

/// Detaches and drops a month's partition, as far as others let it. Returns whether it is gone.
async fn take_away(
    conn: &mut PgConnection,
    parted: Parted,
    month: NaiveDate,
    done: &mut Compacted,
) -> Result<bool, EngineError> {
    let gone = step(async {
        let attached = partitions::list(conn, parted).await?;
        if let Some(partition) = attached.iter().find(|partition| partition.month == month) {
            partitions::detach(conn, parted, partition).await?;
        }
        partitions::drop_detached(conn, parted, month).await
    });
    match gone.await {
        Ok(()) => {
            done.dropped.push(parted.partition(month));
            Ok(true)
        }
        Err(error) if error.is_wait() => {
            done.waiting.push(parted.partition(month));
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

async fn step<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(STEP, work).await.unwrap_or(Err(StoreError::Deadline(STEP)))
}

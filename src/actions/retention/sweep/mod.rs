//! The sweep: what is due is redacted, a batch a transaction, until nothing is due.
//!
//! That a sweep is asked for is in the database until it is done, so whoever is killed leaves it to the next. Each
//! batch is of one shard, which one process sweeps at a time. It locks what it is about to redact, reads the facts
//! again, and redacts what is due by these: what changed a moment ago, or was put under a hold, is left alone.

mod alone;
mod households;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use self::{alone::redact_alone, households::redact_households};
use super::{
    facts::{Household, Rules},
    written,
};
use crate::{
    actions::{ActionError, Context, erasure},
    domain::{
        id::Shard,
        retention::{Facts, Redaction, RetainedKind},
    },
    store::{
        retention::{self, DueRow},
        revisions,
    },
};

/// Who redacts.
const ACTOR: &str = "retention";

/// For how long an object is put off that could not be redacted.
pub(super) const PUT_OFF: TimeDelta = TimeDelta::hours(1);

/// What a batch came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The shard that it was of.
    pub shard: u8,
    /// How many objects and fields were redacted, by policy.
    pub redacted: BTreeMap<String, u64>,
    /// How many objects could not be redacted, and are put off.
    pub failed: u64,
}

/// What came of trying a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// So much was redacted; there may be more.
    Swept(Swept),
    /// Something is due, and others work on it, or hold a lock that it takes: try again later, from this shard on.
    Busy(Shard),
    /// Nothing is due, and nobody is at work on what was.
    Done,
    /// A newer configuration is in force, which is for others to carry out.
    NotMine,
}

/// Asks for a sweep.
pub async fn ask(context: &Context) -> Result<(), ActionError> {
    let mut transaction = context.store.transaction().await?;
    retention::save_asked(&mut transaction, context.now()).await?;
    transaction.commit().await?;
    Ok(())
}

/// Whether a sweep is asked for.
pub async fn is_asked(context: &Context) -> Result<bool, ActionError> {
    let mut connection = context.store.connection().await?;
    Ok(retention::get_state(&mut connection).await?.asked_at.is_some())
}

/// Notes that nothing is due any more.
pub async fn finish(context: &Context) -> Result<(), ActionError> {
    let mut transaction = context.store.transaction().await?;
    retention::save_swept(&mut transaction, context.now()).await?;
    transaction.commit().await?;
    Ok(())
}

/// Redacts at most `limit` of what is due, of the next shard from `from` on that nobody else sweeps; `revision` is the
/// configuration that this process holds, if it holds one.
pub async fn batch(
    context: &Context,
    from: Shard,
    revision: Option<i32>,
    limit: u32,
) -> Result<Batch, ActionError> {
    let mut reached = Reached { shard: from, rows: Vec::new() };
    match try_batch(context, revision, limit, None, &mut reached).await {
        Ok(batch) => return Ok(batch),
        Err(ActionError::Store(error)) if error.is_lock_wait() => {
            return Ok(Batch::Busy(after(reached.shard)));
        }
        Err(ActionError::Store(error)) if error.is_passing() => return Err(error.into()),
        Err(error) if reached.rows.is_empty() => return Err(error),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a batch of the sweep failed: one by one"
            );
        }
    }
    // One of them cannot be redacted: it must not keep the others.
    let mut all = Swept { shard: reached.shard.0, ..Swept::default() };
    for row in std::mem::take(&mut reached.rows) {
        match try_batch(context, revision, 1, Some(row.object), &mut reached).await {
            Ok(Batch::Swept(swept)) => {
                for (policy, count) in swept.redacted {
                    *all.redacted.entry(policy).or_default() += count;
                }
            }
            // Others are at it: it is still due for the next batch, if it is due.
            Ok(Batch::Busy(_) | Batch::Done) => {}
            Ok(Batch::NotMine) => return Ok(Batch::NotMine),
            Err(ActionError::Store(error)) if error.is_lock_wait() => {}
            Err(ActionError::Store(error)) if error.is_passing() => return Err(error.into()),
            Err(error) => {
                let object = written(row.kind, row.object);
                tracing::error!(
                    object,
                    error = &error as &dyn std::error::Error,
                    "it is due and cannot be redacted: put off for an hour"
                );
                let mut transaction = context.store.transaction().await?;
                let until = context.now() + PUT_OFF;
                retention::save_failed(&mut transaction, (row.kind, row.object), None, until).await?;
                transaction.commit().await?;
                all.failed += 1;
            }
        }
    }
    Ok(Batch::Swept(all))
}

const fn after(shard: Shard) -> Shard {
    Shard(shard.0.wrapping_add(1))
}

/// How far a batch came: its shard, and what is due of it.
struct Reached {
    shard: Shard,
    rows: Vec<DueRow>,
}

async fn try_batch(
    context: &Context,
    revision: Option<i32>,
    limit: u32,
    only: Option<Uuid>,
    reached: &mut Reached,
) -> Result<Batch, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let conn = &mut *transaction;
    retention::begin_batch(conn).await?;
    retention::lock_shared(conn).await?;
    if revision < revisions::find_newest_number(conn).await? && revision.is_some() {
        return Ok(Batch::NotMine);
    }
    match lock_due_shard(conn, reached.shard, now).await? {
        Locked::Shard(shard) => reached.shard = shard,
        Locked::AllByOthers => return Ok(Batch::Busy(after(reached.shard))),
        Locked::NothingDue => return Ok(Batch::Done),
    }
    let shard = reached.shard;
    let mut due = retention::list_due(conn, shard, now, i64::from(limit.max(1))).await?;
    if let Some(only) = only {
        due = retention::list_due(conn, shard, now, 10_000).await?;
        due.retain(|row| row.object == only);
    }
    reached.rows.clone_from(&due);
    let rules = Rules::load(conn).await?;
    let mut swept = Swept { shard: shard.0, ..Swept::default() };
    let (of_accounts, alone): (Vec<DueRow>, Vec<DueRow>) = due.into_iter().partition(|row| {
        matches!(row.kind, RetainedKind::Account | RetainedKind::Inquiry | RetainedKind::Report)
    });
    // Locks are taken in one order within a transaction, so it is for one sort of object.
    if of_accounts.is_empty() {
        redact_alone(context, conn, &rules, &alone, &mut swept).await?;
    } else {
        redact_households(context, conn, &rules, &of_accounts, &mut swept).await?;
    }
    erasure::commit(context, transaction).await?;
    Ok(Batch::Swept(swept))
}

/// Which shard is locked to be swept.
enum Locked {
    Shard(Shard),
    AllByOthers,
    NothingDue,
}

/// Locks the next shard of which something is due and that nobody else sweeps.
async fn lock_due_shard(
    conn: &mut PgConnection,
    from: Shard,
    now: DateTime<Utc>,
) -> Result<Locked, ActionError> {
    let (mut from, mut tried) = (from, BTreeSet::new());
    loop {
        match retention::find_due_shard(conn, from, now).await? {
            // What another has just redacted is due until he commits, and locked.
            None if tried.is_empty() => return Ok(Locked::NothingDue),
            Some(shard) if tried.insert(shard.0) => {
                if retention::lock_shard(conn, shard).await? {
                    return Ok(Locked::Shard(shard));
                }
                from = after(shard);
            }
            None | Some(_) => return Ok(Locked::AllByOthers),
        }
    }
}

/// The policy by which something is due now.
fn due_by(context: &Context, rules: &Rules, household: &Household, facts: &Facts) -> Option<String> {
    match household.judge(rules, facts).redaction {
        Redaction::Due(due) if due.at <= context.now() => Some(due.policy),
        Redaction::Due(_) | Redaction::Kept(_) => None,
    }
}

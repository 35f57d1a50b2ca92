//! The sweep: what is due is redacted, a batch a transaction, until nothing is due.
//!
//! That a sweep is asked for is in the database until it is done, so whoever is killed leaves it to the next. Each
//! batch is of one shard, which one process sweeps at a time. It locks what it is about to redact, reads the facts
//! again, and redacts what is due by these: what changed a moment ago, or was put under a hold, is left alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    facts::{self, Household, Rules},
    kept_fields, refresh, written,
};
use crate::{
    actions::{
        ActionError, Context, erasure, inquiries, lists,
        redact::{self, Wanted},
        reports, transactions,
    },
    domain::{
        id::{AccountId, InquiryId, ListItemId, MonitorId, Shard, TransactionId},
        retention::{Facts, Redaction, RetainedKind},
    },
    store::{
        accounts, inquiries as inquiry_rows,
        retention::{self, DueRow},
        revisions, transactions as transaction_rows,
    },
};

/// Who redacts.
const ACTOR: &str = "retention";

/// For how long an object is put off that could not be redacted.
const PUT_OFF: TimeDelta = TimeDelta::hours(1);

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

/// Redacts at most `limit` of what is due, of the next shard from `from` on that nobody else sweeps. None when
/// nothing is due that this process may redact: `revision` is the configuration that it holds, and a newer one is for
/// others to carry out.
pub async fn batch(
    context: &Context,
    from: Shard,
    revision: Option<i32>,
    limit: u32,
) -> Result<Option<Swept>, ActionError> {
    let mut reached = Reached { shard: from, rows: Vec::new() };
    match try_batch(context, revision, limit, None, &mut reached).await {
        Ok(swept) => return Ok(swept),
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
            Ok(Some(swept)) => {
                for (policy, count) in swept.redacted {
                    *all.redacted.entry(policy).or_default() += count;
                }
            }
            Ok(None) => {}
            Err(ActionError::Store(error)) if error.is_passing() => return Err(error.into()),
            Err(error) => {
                let object = written(row.kind, row.object);
                tracing::error!(
                    object,
                    error = &error as &dyn std::error::Error,
                    "it is due and cannot be redacted: put off for an hour"
                );
                let mut transaction = context.store.transaction().await?;
                retention::save_failed(&mut transaction, row.object, context.now() + PUT_OFF).await?;
                transaction.commit().await?;
                all.failed += 1;
            }
        }
    }
    Ok(Some(all))
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
) -> Result<Option<Swept>, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let conn = &mut *transaction;
    retention::lock_shared(conn).await?;
    if revision < revisions::find_newest_number(conn).await? && revision.is_some() {
        return Ok(None);
    }
    let Some(shard) = lock_due_shard(conn, reached.shard, now).await? else { return Ok(None) };
    reached.shard = shard;
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
    Ok(Some(swept))
}

async fn lock_due_shard(
    conn: &mut PgConnection,
    from: Shard,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Option<Shard>, ActionError> {
    let mut from = from;
    for _ in 0..Shard::COUNT {
        let Some(shard) = retention::find_due_shard(conn, from, now).await? else { return Ok(None) };
        if retention::lock_shard(conn, shard).await? {
            return Ok(Some(shard));
        }
        from = Shard(shard.0.wrapping_add(1));
    }
    Ok(None)
}

/// Redacts what is due of accounts, or in them.
async fn redact_households(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    due: &[DueRow],
    swept: &mut Swept,
) -> Result<(), ActionError> {
    let of = |kind| due.iter().filter(move |row| row.kind == kind).map(|row| row.object);
    let accounts: Vec<AccountId> = of(RetainedKind::Account).map(AccountId).collect();
    let inquiries: Vec<InquiryId> = of(RetainedKind::Inquiry).map(InquiryId).collect();
    let reports: Vec<MonitorId> = of(RetainedKind::Report).map(MonitorId).collect();
    let heads = retention::list_heads(conn, &accounts, &inquiries, &reports).await?;
    let members = redact::lock_families(conn, &heads).await?;
    inquiry_rows::lock_of_accounts(conn, &heads).await?;
    let households = facts::of_accounts(context, conn, rules, &heads).await?;
    let mut whole =
        Wanted { members: Vec::new(), keeps: HashMap::new(), told: (ACTOR.to_owned(), HashMap::new()) };
    let (mut emptied, mut again) =
        (Vec::new(), due.iter().map(|row| (row.kind, row.object)).collect::<Vec<_>>());
    for household in &households {
        if let Some(policy) = due_by(context, rules, household, &household.head.facts) {
            *swept.redacted.entry(policy.clone()).or_default() += 1;
            whole.keeps.extend(kept_fields(context, rules, household));
            for account in std::iter::once(&household.head).chain(&household.sources) {
                whole.told.1.insert(AccountId(account.id), json!({ "policy": policy }));
            }
            emptied.push(household);
        } else {
            redact_parts(context, conn, rules, household, swept).await?;
            again.push((RetainedKind::Account, household.head.id));
        }
    }
    whole.members = members.into_iter().filter(|member| whole.told.1.contains_key(&member.account)).collect();
    if !whole.members.is_empty() {
        redact::redact_locked(context, conn, &whole).await?;
    }
    // Of what is empty nothing is due, but for fields that are kept: these are looked at again.
    let gone: Vec<Uuid> = emptied
        .iter()
        .filter(|household| household.objects().all(|object| object.fields.is_empty()))
        .flat_map(|household| household.objects().map(|object| object.id))
        .collect();
    retention::replace_due(conn, &gone, &[]).await?;
    let gone: BTreeSet<Uuid> = gone.into_iter().collect();
    again.extend(emptied.iter().map(|household| (RetainedKind::Account, household.head.id)));
    again.retain(|(_, id)| !gone.contains(id));
    if !again.is_empty() {
        refresh::look(context, conn, rules, &again).await?;
    }
    let lone: Vec<DueRow> = due
        .iter()
        .filter(|row| row.kind == RetainedKind::Inquiry)
        .filter(|row| !households.iter().any(|household| household.objects().any(|one| one.id == row.object)))
        .cloned()
        .collect();
    redact_alone(context, conn, rules, &lone, swept).await
}

/// Redacts what is due within an account that is not due itself: fields, inquiries, reports.
async fn redact_parts(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    household: &Household,
    swept: &mut Swept,
) -> Result<(), ActionError> {
    for account in std::iter::once(&household.head).chain(&household.sources) {
        let mut gone: BTreeMap<String, String> = BTreeMap::new();
        for (field, facts) in &account.fields {
            if let Some(policy) = due_by(context, rules, household, facts) {
                *swept.redacted.entry(policy.clone()).or_default() += 1;
                gone.insert(field.clone(), policy);
            }
        }
        if !gone.is_empty() {
            let fields: BTreeSet<String> = gone.keys().cloned().collect();
            let told = (ACTOR, json!({ "policies": gone }));
            redact::redact_fields(context, conn, told, AccountId(account.id), &fields).await?;
        }
    }
    for part in &household.parts {
        let Some(policy) = due_by(context, rules, household, &part.facts) else { continue };
        if part.kind == RetainedKind::Inquiry {
            let told = (ACTOR, json!({ "policy": policy }));
            inquiries::redact_in(context, conn, told, InquiryId(part.id)).await?;
        } else {
            let report = MonitorId(part.id);
            let told = (ACTOR, json!({ "report": report, "policy": policy }));
            let of = (report, AccountId(household.head.id));
            reports::redact_in(context, conn, told, of, context.now()).await?;
        }
        *swept.redacted.entry(policy).or_default() += 1;
    }
    Ok(())
}

/// Redacts what is due and belongs to no account.
async fn redact_alone(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    due: &[DueRow],
    swept: &mut Swept,
) -> Result<(), ActionError> {
    let mut by_kind: BTreeMap<RetainedKind, BTreeSet<Uuid>> = BTreeMap::new();
    for row in due {
        by_kind.entry(row.kind).or_default().insert(row.object);
    }
    for (kind, ids) in by_kind {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        if kind == RetainedKind::Transaction {
            // A hold on an account that it is related to is placed under the account's lock.
            let before = facts::of_lone(context, conn, rules, kind, &ids).await?;
            let related: BTreeSet<AccountId> =
                before.iter().flat_map(|one| one.head.facts.accounts.iter().copied()).collect();
            accounts::lock_all(conn, &related.into_iter().collect::<Vec<_>>()).await?;
            for id in &ids {
                transaction_rows::lock_type(conn, TransactionId(*id)).await?;
            }
        }
        if kind == RetainedKind::Inquiry {
            for id in &ids {
                inquiry_rows::lock(conn, InquiryId(*id)).await?;
            }
        }
        for household in facts::of_lone(context, conn, rules, kind, &ids).await? {
            let Some(policy) = due_by(context, rules, &household, &household.head.facts) else { continue };
            let (id, detail) = (household.head.id, json!({ "policy": policy }));
            redact_one(context, conn, kind, id, detail).await?;
            *swept.redacted.entry(policy).or_default() += 1;
        }
        let objects: Vec<(RetainedKind, Uuid)> = ids.iter().map(|id| (kind, *id)).collect();
        refresh::look(context, conn, rules, &objects).await?;
    }
    Ok(())
}

async fn redact_one(
    context: &Context,
    conn: &mut PgConnection,
    kind: RetainedKind,
    id: Uuid,
    detail: Value,
) -> Result<(), ActionError> {
    match kind {
        RetainedKind::Transaction => {
            transactions::redact_in(context, conn, (ACTOR, detail), TransactionId(id)).await
        }
        RetainedKind::ListItem => lists::redact_item(context, conn, (ACTOR, detail), ListItemId(id)).await,
        RetainedKind::Inquiry => inquiries::redact_in(context, conn, (ACTOR, detail), InquiryId(id)).await,
        // These are of accounts.
        RetainedKind::Account | RetainedKind::Report => Ok(()),
    }
}

/// The policy by which something is due now.
fn due_by(context: &Context, rules: &Rules, household: &Household, facts: &Facts) -> Option<String> {
    match household.judge(rules, facts).redaction {
        Redaction::Due(due) if due.at <= context.now() => Some(due.policy),
        Redaction::Due(_) | Redaction::Kept(_) => None,
    }
}

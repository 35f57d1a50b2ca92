//! Keeping `retention_due` in step: with what changed, within seconds; with everything, after a change of policies and
//! every night.
//!
//! One process does it at a time, so that no older look at an object is written over a newer one. The sweep writes
//! these rows too, under the locks of what it redacts.

use std::collections::{BTreeMap, HashSet};

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    facts::{self, Reports, Rules},
    sweep::PUT_OFF,
    written,
};
use crate::{
    actions::{ActionError, Context},
    domain::{
        id::{AccountId, InquiryId, MonitorId, Shard},
        retention::RetainedKind,
    },
    store::{
        self, accounts,
        retention::{self, Walk},
    },
};

/// How many objects one transaction looks at.
const PAGE: i64 = 1000;

/// What the walk looks at, in this order; inquiries and reports of accounts go with these.
const WALKED: [RetainedKind; 4] =
    [RetainedKind::Account, RetainedKind::Inquiry, RetainedKind::Transaction, RetainedKind::ListItem];

/// What a look came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Whether there is more to look at.
    pub more: bool,
    /// Of how many objects nobody can tell when they fall due.
    pub failed: u64,
}

/// Looks at a page of what changed, and at the next page of the walk: neither waits for the other to end.
pub async fn refresh(context: &Context) -> Result<Looked, ActionError> {
    let changed = look_at_changed(context).await?;
    let walked = look_at_walked(context).await?;
    Ok(Looked { more: changed.more || walked.more, failed: changed.failed + walked.failed })
}

async fn look_at_changed(context: &Context) -> Result<Looked, ActionError> {
    let mut transaction = context.store.transaction().await?;
    if !store::lock_task(&mut transaction, "retention").await? {
        return Ok(Looked::default());
    }
    let changed = retention::claim_queue(&mut transaction, PAGE).await?;
    if changed.is_empty() {
        // Not only dropped: the walk takes the same right in a moment.
        transaction.commit().await?;
        return Ok(Looked::default());
    }
    let rules = Rules::load(&mut transaction).await?;
    let failed = look_at_all(context, &mut transaction, &rules, &changed).await?;
    transaction.commit().await?;
    Ok(Looked { more: true, failed })
}

async fn look_at_walked(context: &Context) -> Result<Looked, ActionError> {
    let mut transaction = context.store.transaction().await?;
    if !store::lock_task(&mut transaction, "retention").await? {
        return Ok(Looked::default());
    }
    // Policies that change meanwhile start the walk again: not between this look and what it writes.
    retention::lock_shared(&mut transaction).await?;
    let Some(walk) = retention::get_state(&mut transaction).await?.walk else {
        transaction.commit().await?;
        return Ok(Looked::default());
    };
    let rules = Rules::load(&mut transaction).await?;
    let (next, failed) = if rules.policies.is_empty() {
        let is_all = retention::remove_due(&mut transaction, 10 * PAGE).await?;
        ((!is_all).then_some(walk), 0)
    } else {
        let (page, next) = page(&mut transaction, walk).await?;
        (next, look_at_all(context, &mut transaction, &rules, &page).await?)
    };
    retention::save_walk(&mut transaction, next).await?;
    transaction.commit().await?;
    if next.is_none() {
        tracing::info!("everything was looked at for when it falls due");
    }
    Ok(Looked { more: true, failed })
}

/// Looks at objects, one by one where it cannot be told of one of them when it falls due: that one is put off and
/// told of, and the others go on. Returns how many were put off.
async fn look_at_all(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    objects: &[(RetainedKind, Uuid)],
) -> Result<u64, ActionError> {
    match try_look(context, conn, rules, objects).await? {
        None => return Ok(0),
        Some(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "of one of many objects it cannot be told when it falls due: one by one"
        ),
    }
    let mut failed = 0;
    for (kind, id) in objects {
        let Some(error) = try_look(context, conn, rules, &[(*kind, *id)]).await? else { continue };
        tracing::error!(
            object = written(*kind, *id),
            error = &error as &dyn std::error::Error,
            "it cannot be told when it falls due: put off for an hour"
        );
        retention::save_failed(conn, (*kind, *id), rules.any_number(), context.now() + PUT_OFF).await?;
        failed += 1;
    }
    Ok(failed)
}

/// Looks at objects. What went wrong with them, and would again, is returned, and nothing was written.
async fn try_look(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    objects: &[(RetainedKind, Uuid)],
) -> Result<Option<ActionError>, ActionError> {
    store::save_point(conn).await?;
    match look(context, conn, rules, objects).await {
        Ok(()) => {
            store::forget_save_point(conn).await?;
            Ok(None)
        }
        Err(ActionError::Store(error)) if error.is_passing() => Err(error.into()),
        Err(error) => {
            store::back_to_save_point(conn).await?;
            Ok(Some(error))
        }
    }
}

/// The next objects of a walk, and where it goes on.
async fn page(
    conn: &mut PgConnection,
    walk: Walk,
) -> Result<(Vec<(RetainedKind, Uuid)>, Option<Walk>), ActionError> {
    let (mut walk, mut page) = (walk, Vec::new());
    loop {
        let limit = PAGE - i64::try_from(page.len()).unwrap_or(0);
        let after = walk.after.unwrap_or(Uuid::nil());
        let found: Vec<Uuid> = match walk.kind {
            RetainedKind::Account | RetainedKind::Report => {
                let found = accounts::list_page(conn, walk.shard, walk.after, limit).await?;
                found.into_iter().map(|account| account.0).collect()
            }
            RetainedKind::Inquiry => retention::list_lone_inquiries(conn, walk.shard, after, limit).await?,
            RetainedKind::Transaction => {
                retention::list_transaction_page(conn, walk.shard, after, limit).await?
            }
            RetainedKind::ListItem => retention::list_item_page(conn, walk.shard, after, limit).await?,
        };
        let is_whole = i64::try_from(found.len()).is_ok_and(|count| count < limit);
        walk.after = found.last().copied().or(walk.after);
        page.extend(found.into_iter().map(|id| (walk.kind, id)));
        if !is_whole {
            return Ok((page, Some(walk)));
        }
        walk.after = None;
        match walk.shard.0.checked_add(1) {
            Some(next) => walk.shard = Shard(next),
            None => {
                let kinds = WALKED.iter().skip_while(|kind| **kind != walk.kind);
                match kinds.skip(1).copied().next() {
                    Some(kind) => (walk.kind, walk.shard) = (kind, Shard(0)),
                    None => return Ok((page, None)),
                }
            }
        }
    }
}

/// Works out anew when objects fall due.
pub(super) async fn look(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    objects: &[(RetainedKind, Uuid)],
) -> Result<(), ActionError> {
    let (mut accounts, mut inquiries, mut reports) = (Vec::new(), Vec::new(), Vec::new());
    let mut alone: BTreeMap<RetainedKind, Vec<Uuid>> = BTreeMap::new();
    for (kind, id) in objects {
        match kind {
            RetainedKind::Account => accounts.push(AccountId(*id)),
            RetainedKind::Report => reports.push(MonitorId(*id)),
            RetainedKind::Inquiry => {
                inquiries.push(InquiryId(*id));
                alone.entry(*kind).or_default().push(*id);
            }
            RetainedKind::Transaction | RetainedKind::ListItem => {
                alone.entry(*kind).or_default().push(*id);
            }
        }
    }
    let heads = retention::list_heads(conn, &accounts, &inquiries, &reports).await?;
    let mut households = facts::of_accounts(context, conn, rules, &heads, Reports::Deciding).await?;
    for (kind, ids) in alone {
        households.extend(facts::of_lone(context, conn, rules, kind, &ids).await?);
    }
    // What is in no household any more is due no more.
    let mut ids: HashSet<Uuid> = objects.iter().map(|(_, id)| *id).collect();
    let (mut rows, mut filled) = (Vec::new(), Vec::new());
    for household in &households {
        ids.extend(household.objects().map(|object| object.id));
        rows.extend(household.due_rows(rules));
        filled.extend(household.filled.iter().cloned());
    }
    retention::save_fields_filled(conn, &filled).await?;
    let ids: Vec<Uuid> = ids.into_iter().collect();
    Ok(retention::replace_due(conn, &ids, &rows).await?)
}

//! Keeping `retention_due` in step: with what changed, within seconds; with everything, after a change of policies and
//! every night.
//!
//! One process does it at a time, so that no older look at an object is written over a newer one. The sweep writes
//! these rows too, under the locks of what it redacts.

use std::collections::{BTreeMap, HashSet};

use sqlx::PgConnection;
use uuid::Uuid;

use super::facts::{self, Rules};
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

/// Looks at a page of what changed, or at the next page of the walk. Returns whether there is more to look at.
pub async fn refresh(context: &Context) -> Result<bool, ActionError> {
    let mut transaction = context.store.transaction().await?;
    if !store::lock_task(&mut transaction, "retention").await? {
        return Ok(false);
    }
    let changed = retention::claim_queue(&mut transaction, PAGE).await?;
    if !changed.is_empty() {
        let rules = Rules::load(&mut transaction).await?;
        look(context, &mut transaction, &rules, &changed).await?;
        transaction.commit().await?;
        return Ok(true);
    }
    let Some(walk) = retention::get_state(&mut transaction).await?.walk else { return Ok(false) };
    let rules = Rules::load(&mut transaction).await?;
    let (page, next) = page(&mut transaction, walk).await?;
    look(context, &mut transaction, &rules, &page).await?;
    retention::save_walk(&mut transaction, next).await?;
    transaction.commit().await?;
    if next.is_none() {
        tracing::info!("everything was looked at for when it falls due");
    }
    Ok(true)
}

/// Starts a walk over everything, to repair whatever was missed.
pub async fn start_walk(context: &Context) -> Result<(), ActionError> {
    let mut transaction = context.store.transaction().await?;
    retention::start_walk(&mut transaction).await?;
    transaction.commit().await?;
    Ok(())
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
    let mut households = facts::of_accounts(context, conn, rules, &heads).await?;
    for (kind, ids) in alone {
        households.extend(facts::of_lone(context, conn, rules, kind, &ids).await?);
    }
    // What is in no household any more is due no more.
    let mut ids: HashSet<Uuid> = objects.iter().map(|(_, id)| *id).collect();
    let mut rows = Vec::new();
    for household in &households {
        ids.extend(household.objects().map(|object| object.id));
        rows.extend(household.due_rows(rules));
    }
    let ids: Vec<Uuid> = ids.into_iter().collect();
    Ok(retention::replace_due(conn, &ids, &rows).await?)
}

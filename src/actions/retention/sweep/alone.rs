//! What belongs to no account.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::{
        facts::{self, Rules},
        refresh,
    },
    ACTOR, Swept, due_by,
};
use crate::{
    actions::{ActionError, Context, inquiries, lists, transactions},
    domain::{
        id::{AccountId, InquiryId, ListItemId, TransactionId},
        retention::RetainedKind,
    },
    store::{
        accounts, inquiries as inquiry_rows, lists as list_rows, retention::DueRow,
        transactions as transaction_rows,
    },
};

/// Redacts what is due and belongs to no account.
pub(super) async fn redact_alone(
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
        let mut going = BTreeMap::new();
        let locked = lock_alone(context, conn, rules, kind, &ids).await?;
        for household in facts::of_lone(context, conn, rules, kind, &ids).await? {
            // One that came to be of another account meanwhile, which may be held, is left to the next batch.
            if !household.head.facts.accounts.iter().all(|account| locked.contains(account)) {
                continue;
            }
            let Some(policy) = due_by(context, rules, &household, &household.head.facts) else { continue };
            going.insert(household.head.id, json!({ "policy": policy }));
            *swept.redacted.entry(policy).or_default() += 1;
        }
        redact_all(context, conn, kind, going).await?;
        let objects: Vec<(RetainedKind, Uuid)> = ids.iter().map(|id| (kind, *id)).collect();
        refresh::look(context, conn, rules, &objects).await?;
    }
    Ok(())
}

/// Locks objects of one kind, and before them the accounts that they are of, which are returned.
async fn lock_alone(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    kind: RetainedKind,
    ids: &[Uuid],
) -> Result<BTreeSet<AccountId>, ActionError> {
    let mut related: BTreeSet<AccountId> = BTreeSet::new();
    match kind {
        RetainedKind::Transaction => {
            // A hold on an account that it is related to is placed under the account's lock.
            let before = facts::of_lone(context, conn, rules, kind, ids).await?;
            related.extend(before.iter().flat_map(|one| one.head.facts.accounts.iter().copied()));
            accounts::lock_all(conn, &related.iter().copied().collect::<Vec<_>>()).await?;
            let ids: Vec<TransactionId> = ids.iter().copied().map(TransactionId).collect();
            transaction_rows::lock_all(conn, &ids).await?;
        }
        RetainedKind::Inquiry => {
            let ids: Vec<InquiryId> = ids.iter().copied().map(InquiryId).collect();
            inquiry_rows::lock_all(conn, &ids).await?;
        }
        RetainedKind::ListItem => {
            let ids: Vec<ListItemId> = ids.iter().copied().map(ListItemId).collect();
            list_rows::lock_of_items(conn, &ids).await?;
        }
        // These are of accounts.
        RetainedKind::Account | RetainedKind::Report => {}
    }
    Ok(related)
}

/// Redacts objects of one kind, each with what its event tells.
async fn redact_all(
    context: &Context,
    conn: &mut PgConnection,
    kind: RetainedKind,
    going: BTreeMap<Uuid, Value>,
) -> Result<(), ActionError> {
    match kind {
        RetainedKind::Inquiry => {
            let going = going.into_iter().map(|(id, detail)| (InquiryId(id), detail)).collect();
            inquiries::redact_all(context, conn, ACTOR, &going, false).await?;
        }
        RetainedKind::Transaction => {
            let going = going.into_iter().map(|(id, detail)| (TransactionId(id), detail)).collect();
            transactions::redact_all(context, conn, ACTOR, &going).await?;
        }
        RetainedKind::ListItem => {
            for (id, detail) in going {
                lists::redact_item(context, conn, (ACTOR, detail), ListItemId(id)).await?;
            }
        }
        // These are of accounts.
        RetainedKind::Account | RetainedKind::Report => {}
    }
    Ok(())
}

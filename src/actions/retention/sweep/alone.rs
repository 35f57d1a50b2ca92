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
        lock_alone(context, conn, rules, kind, &ids).await?;
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

/// Locks objects of one kind, and what is locked before them.
async fn lock_alone(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    kind: RetainedKind,
    ids: &[Uuid],
) -> Result<(), ActionError> {
    match kind {
        RetainedKind::Transaction => {
            // A hold on an account that it is related to is placed under the account's lock.
            let before = facts::of_lone(context, conn, rules, kind, ids).await?;
            let related: BTreeSet<AccountId> =
                before.iter().flat_map(|one| one.head.facts.accounts.iter().copied()).collect();
            accounts::lock_all(conn, &related.into_iter().collect::<Vec<_>>()).await?;
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
        RetainedKind::Inquiry => {
            inquiries::redact_in(context, conn, (ACTOR, detail), InquiryId(id), false).await
        }
        // These are of accounts.
        RetainedKind::Account | RetainedKind::Report => Ok(()),
    }
}

//! The households of objects that belong to no account.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Household, Object, Rules, dates, families::of_inquiry};
use crate::{
    actions::{ActionError, Context, transactions},
    domain::{
        id::{AccountId, InquiryId, ListItemId, TransactionId},
        retention::{Facts, RetainedKind},
    },
    store::{holds, retention, standings},
};

/// The households of objects of a kind that belong to no account.
pub(in crate::actions) async fn of_lone(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    kind: RetainedKind,
    ids: &[Uuid],
) -> Result<Vec<Household>, ActionError> {
    let alone = |head: Object| Household::alone(head, Vec::new());
    match kind {
        RetainedKind::Inquiry => {
            let ids: Vec<InquiryId> = ids.iter().copied().map(InquiryId).collect();
            let found = retention::list_inquiries(conn, &[], &ids).await?;
            let lone = found.iter().filter(|inquiry| inquiry.account.is_none());
            Ok(lone.map(|inquiry| alone(of_inquiry(inquiry, None))).collect())
        }
        RetainedKind::Transaction => of_transactions(context, conn, rules, ids).await,
        RetainedKind::ListItem => {
            let ids: Vec<ListItemId> = ids.iter().copied().map(ListItemId).collect();
            let found = retention::list_items(conn, &ids).await?;
            let of_item = |item: retention::ItemFacts| {
                let status = if item.archived_at.is_some() { "archived" } else { "active" };
                let facts = Facts {
                    type_name: item.list,
                    status: status.to_owned(),
                    archived_at: item.archived_at,
                    is_empty: item.is_redacted,
                    ..Facts::bare(RetainedKind::ListItem, item.created_at, item.updated_at)
                };
                alone(Object::new(item.id.0, facts))
            };
            Ok(found.into_iter().map(of_item).collect())
        }
        // These are of accounts.
        RetainedKind::Account | RetainedKind::Report => Ok(Vec::new()),
    }
}

async fn of_transactions(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    ids: &[Uuid],
) -> Result<Vec<Household>, ActionError> {
    let ids: Vec<TransactionId> = ids.iter().copied().map(TransactionId).collect();
    let found = retention::list_transactions(conn, &ids).await?;
    let related: HashSet<AccountId> = found.iter().flat_map(|one| one.accounts.iter().copied()).collect();
    let related: Vec<AccountId> = related.into_iter().collect();
    // Whoever holds one account of a family holds all: what was consolidated left its relations to another.
    let mut families: HashMap<AccountId, Vec<AccountId>> = HashMap::new();
    for (account, member) in standings::list_relatives(conn, &related).await? {
        families.entry(account).or_default().push(member);
    }
    let all: HashSet<AccountId> = families.values().flatten().copied().collect();
    let held = holds::list_of_accounts(conn, &all.into_iter().collect::<Vec<_>>()).await?;
    let keys = rules.date_fields(RetainedKind::Transaction);
    let opened = if keys.is_empty() {
        HashMap::new()
    } else {
        transactions::fields_of_all(context, conn, &ids).await?
    };
    let mut households = Vec::with_capacity(found.len());
    for one in found {
        let accounts: Vec<AccountId> =
            one.accounts.iter().filter_map(|account| families.get(account)).flatten().copied().collect();
        let schema = rules.transaction_types.get(&one.type_name);
        let status = schema.map_or(one.status.as_str(), |schema| schema.status_name(&one.status)).to_owned();
        let holds = held.iter().filter(|hold| accounts.contains(&hold.account)).cloned().collect();
        let facts = Facts {
            type_name: one.type_name,
            status,
            accounts,
            dates: opened.get(&one.id).map_or_else(BTreeMap::new, |fields| dates(fields, &keys)),
            filled_at: one.filled_at,
            is_empty: one.is_empty,
            ..Facts::bare(RetainedKind::Transaction, one.created_at, one.updated_at)
        };
        households.push(Household::alone(Object::new(one.id.0, facts), holds));
    }
    Ok(households)
}

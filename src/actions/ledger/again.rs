//! Redacting again what an older state of the database has again: it had been redacted lawfully, so no hold and no policy
//! is asked now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::replay::ACTOR;
use crate::{
    actions::{ActionError, Context, erasure, inquiries, lists, redact, reports, transactions},
    domain::id::{AccountId, InquiryId, ListItemId, MonitorId, TransactionId},
    store::{
        accounts, data_keys,
        erasures::{self, ErasedKey},
        events, inquiries as inquiry_rows, list_items, reports as report_rows,
        transactions as transaction_rows,
    },
};

/// A key that is there again, and what was destroyed with it.
pub(super) struct Again {
    pub(super) key: ErasedKey,
    /// The fields; all of the object when none.
    pub(super) fields: Option<Vec<String>>,
    /// The fields that a policy kept.
    pub(super) kept: Option<Vec<String>>,
}

/// What living keys belong to.
enum Object {
    Account(AccountId),
    Inquiry(InquiryId),
    Report(MonitorId),
    Transaction(TransactionId),
    ListItem(ListItemId),
}

/// Redacts again what one erasure destroyed; what is left of the keys goes by itself. Returns what could not be.
pub(super) async fn redact(context: &Context, again: &[Again]) -> Result<Vec<String>, ActionError> {
    let mut objects = Vec::new();
    for one in again {
        let found = find(&mut *context.store.connection().await?, one.key.object).await?;
        objects.push((one, found));
    }
    // An account takes its reports and inquiries along: it comes first.
    objects.sort_by_key(|(_, object)| !matches!(object, Some(Object::Account(_))));
    let kept: HashMap<AccountId, BTreeSet<String>> = again
        .iter()
        .filter_map(|one| Some((AccountId(one.key.object), one.kept.as_ref()?.iter().cloned().collect())))
        .collect();
    let mut faults = Vec::new();
    for (one, object) in objects {
        if !is_living(context, one.key).await? {
            continue;
        }
        let done = match object {
            Some(object) => redact_object(context, one, &object, &kept).await,
            None => Ok(()),
        };
        match done {
            // It has nothing but the key, or was redacted but for that.
            Ok(()) | Err(ActionError::NotFound(_) | ActionError::Refused(_) | ActionError::Conflict(_))
                if one.fields.is_none() => {}
            Ok(()) => {}
            Err(ActionError::Store(error)) if error.is_passing() => return Err(error.into()),
            Err(error) => {
                let object = one.key.object;
                tracing::error!(%object, error = &error as &dyn std::error::Error, "it could not be redacted again");
                faults.push(format!("object {object} could not be redacted again: {error}"));
                // Of an object that is to keep the rest, the key stays.
                if one.fields.is_some() {
                    continue;
                }
            }
        }
        if one.fields.is_none() && is_living(context, one.key).await? {
            destroy(context, one.key).await?;
        }
    }
    Ok(faults)
}

async fn is_living(context: &Context, key: ErasedKey) -> Result<bool, ActionError> {
    Ok(!erasures::list_living(&mut *context.store.connection().await?, &[key]).await?.is_empty())
}

/// Destroys a key by itself.
async fn destroy(context: &Context, key: ErasedKey) -> Result<(), ActionError> {
    let mut transaction = context.store.transaction().await?;
    erasures::begin(&mut transaction).await?;
    data_keys::remove_all(&mut transaction, &[key.object]).await?;
    let detail = erasure::told(&mut transaction, &[key.object], json!({}), json!({})).await?;
    let mut event = context.event_of_all("ledger.key-destroyed", ACTOR, detail);
    event.object = Some(key.object);
    events::insert_all(&mut transaction, &[event], context.now()).await?;
    erasure::commit(context, transaction).await
}

async fn find(conn: &mut PgConnection, object: Uuid) -> Result<Option<Object>, ActionError> {
    if let Some(account) = accounts::find(conn, AccountId(object)).await? {
        return Ok(Some(Object::Account(account.consolidated_into.unwrap_or(account.id))));
    }
    if inquiry_rows::find(conn, InquiryId(object)).await?.is_some() {
        return Ok(Some(Object::Inquiry(InquiryId(object))));
    }
    if !report_rows::get_all(conn, &[MonitorId(object)]).await?.is_empty() {
        return Ok(Some(Object::Report(MonitorId(object))));
    }
    if transaction_rows::find(conn, TransactionId(object)).await?.is_some() {
        return Ok(Some(Object::Transaction(TransactionId(object))));
    }
    let item = list_items::find(conn, ListItemId(object)).await?;
    Ok(item.map(|_| Object::ListItem(ListItemId(object))))
}

async fn redact_object(
    context: &Context,
    again: &Again,
    object: &Object,
    kept: &HashMap<AccountId, BTreeSet<String>>,
) -> Result<(), ActionError> {
    match *object {
        Object::Account(head) => {
            let fields = again.fields.as_ref().map(|fields| fields.iter().cloned().collect());
            let account = if fields.is_some() { AccountId(again.key.object) } else { head };
            return redact::redact_again(context, ACTOR, account, (fields.as_ref(), kept)).await;
        }
        Object::Report(id) => return reports::redact_again(context, ACTOR, id).await,
        Object::Inquiry(_) | Object::Transaction(_) | Object::ListItem(_) => {}
    }
    let mut transaction = context.store.transaction().await?;
    match *object {
        Object::Inquiry(id) => {
            let wanted = BTreeMap::from([(id, json!({}))]);
            inquiry_rows::lock_all(&mut transaction, &[id]).await?;
            inquiries::redact_all(context, &mut transaction, ACTOR, &wanted, false).await?;
        }
        Object::Transaction(id) => {
            let wanted = BTreeMap::from([(id, json!({}))]);
            transaction_rows::lock_all(&mut transaction, &[id]).await?;
            transactions::redact_all(context, &mut transaction, ACTOR, &wanted).await?;
        }
        Object::ListItem(id) => lists::redact_item(context, &mut transaction, (ACTOR, json!({})), id).await?,
        Object::Account(_) | Object::Report(_) => {}
    }
    erasure::commit(context, transaction).await
}

//! Changing a type that is in use.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{PAGE, draft::TypeChange, unique};
use crate::{
    actions::{ActionError, Context, Invalid, accounts::fields},
    domain::{
        account_type::{AccountType, narrowed},
        id::AccountTypeId,
    },
    store::{
        account_types::{self, TypeRow},
        accounts, events,
    },
};

/// Up to so many accounts are counted that keep a status from going.
const COUNTED: i64 = 1000;

/// Changes a type that was made through the API.
///
/// Every account of the type is looked at, page by page, when the change could refuse what it holds: the answer
/// names each field and how many accounts stand in the way. What somebody writes in the moment of the change may
/// still be by the old rules; it stays readable, and its next change goes by the new ones.
pub async fn change(
    context: &Context,
    actor: &str,
    id: AccountTypeId,
    change: &TypeChange,
) -> Result<TypeRow, ActionError> {
    let now = context.now();
    let mut connection = context.store.connection().await?;
    let found = account_types::find_row(&mut connection, id).await?;
    let row = found.ok_or(ActionError::NotFound("account type of that id"))?;
    if row.is_configured {
        return Err(ActionError::Refused(
            "the account type is of the configuration: it is changed there, and applied at the next start or reload",
        ));
    }
    let before = &row.account_type;
    let after = change.applied(&row, now)?;
    let mut faults = used_statuses(&mut connection, &row, &after).await?;
    faults.extend(refused_values(context, &mut connection, (&row, &after), change).await?);
    faults.extend(unique::faults(&mut connection, (&row, &after), change).await?);
    if !faults.is_empty() {
        return Err(ActionError::Invalid(faults));
    }
    drop(connection);
    if after == *before {
        return Ok(row);
    }
    unique::mark(context, &row, &after).await?;

    let mut transaction = context.store.transaction().await?;
    let locked = account_types::lock(&mut transaction, id).await?;
    if locked.as_ref() != Some(&row) {
        return Err(ActionError::Stale);
    }
    let indexing = to_index(&row, &after);
    account_types::save(&mut transaction, id, &after, &indexing, now).await?;
    let mut told = vec![context.event_of_all("account-type.updated", actor, json!({ "name": after.name }))];
    for field in after.fields.iter().filter(|field| field.archived_at.is_some()) {
        if before.field(&field.key).is_some() {
            let detail = json!({ "name": after.name, "field": field.key });
            told.push(context.event_of_all("account-type.deleted-field", actor, detail));
        }
    }
    for event in &mut told {
        event.object = Some(id.0);
    }
    events::insert_all(&mut transaction, &told, now).await?;
    let row = account_types::find_row(&mut transaction, id).await?;
    transaction.commit().await?;
    row.ok_or(ActionError::NotFound("account type of that id"))
}

/// The fields whose tokens are to be made: those that were not searched by before, and those under way.
pub(super) fn to_index(row: &TypeRow, after: &AccountType) -> Vec<String> {
    let mut fields = row.indexing.clone();
    for field in after.fields.iter().filter(|field| field.is_indexed()) {
        let before = row.account_type.any_field(&field.key);
        // Tokens of values in another form, too, have to be made anew. A new field has no values.
        let is_news = before
            .is_some_and(|before| !before.is_indexed() || before.case_sensitive != field.case_sensitive);
        if is_news && !fields.contains(&field.key) {
            fields.push(field.key.clone());
        }
    }
    fields
}

/// Statuses that are to go, and that accounts have.
async fn used_statuses(
    conn: &mut PgConnection,
    row: &TypeRow,
    after: &AccountType,
) -> Result<Vec<Invalid>, ActionError> {
    let mut faults = Vec::new();
    for status in &row.account_type.statuses {
        if after.statuses.iter().any(|kept| kept.key == status.key) {
            continue;
        }
        let count = accounts::count_of_status(conn, row.id, &status.key, COUNTED).await?;
        if count > 0 {
            let more = if count == COUNTED { " or more" } else { "" };
            let details = format!("{} cannot go: {count}{more} accounts have it", status.name);
            faults.push(Invalid::at("/data/attributes/statuses", details));
        }
    }
    Ok(faults)
}

/// Fields that would refuse what accounts hold, or that accounts lack.
async fn refused_values(
    context: &Context,
    conn: &mut PgConnection,
    (row, after): (&TypeRow, &AccountType),
    change: &TypeChange,
) -> Result<Vec<Invalid>, ActionError> {
    let narrowed = narrowed(&row.account_type, after);
    if narrowed.is_empty() {
        return Ok(Vec::new());
    }
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut place = Uuid::nil();
    loop {
        let page = accounts::list_of_type(conn, row.id, place, PAGE).await?;
        for account in &page {
            let (fields, _) = fields::opened(context, account)?;
            // What an archived or redacted account lacks, nobody can add, or nobody should have to.
            let is_retired = account.archived_at.is_some() || account.redacted_at.is_some();
            for one in &narrowed {
                let is_there = fields.get(&one.field.key).is_some_and(|value| *value != Value::Null);
                if one.refuses(&fields) && (is_there || !is_retired) {
                    *counts.entry(&one.field.key).or_default() += 1;
                }
            }
        }
        match page.last() {
            Some(last) => place = last.id.0,
            None => break,
        }
    }
    let faults = counts.into_iter().map(|(key, count)| {
        let details = format!("{key}: {count} accounts would not fit: they lack it, or hold another value");
        Invalid::at(change.pointer_to(key), details)
    });
    Ok(faults.collect())
}

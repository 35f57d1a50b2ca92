//! The end of the value of a list's item: by hand, by a policy, or once more after a backup was restored.
//!
//! The hits that it made have copies of it. Most go with it; the rest, and what was under way meanwhile, goes later, page
//! by page. What the answers of runs have of it is sealed with all else that they found, and goes with the account.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{ITEM, LIST, OpenItem, open_in, tell_detail, watched};
use crate::{
    actions::{ActionError, Context, erasure, retention},
    domain::{id::ListItemId, list::ListKind, retention::RetainedKind},
    screening::own,
    store::{idempotency, list_items, lists, redactions},
};

/// How many hits lose their copies of an item in one transaction, and of how many items.
const COPIES: i64 = 1000;
const ITEMS: i64 = 100;

/// By then nobody records any more what was found before an item was redacted.
const SETTLED: Duration = Duration::from_mins(10);

/// Destroys the value of an item, which is on a list of `kind`: it matches nobody any more, and whom it matched is screened
/// again. What a policy keeps is refused; what is redacted already stays as it is, and nothing is told.
pub async fn redact_by_hand(
    context: &Context,
    actor: &str,
    kind: ListKind,
    id: ListItemId,
) -> Result<OpenItem, ActionError> {
    let mut transaction = context.store.transaction().await?;
    // In the order of sweeps: the policies, then the list.
    retention::lock_policies(&mut transaction).await?;
    let list = get(&mut transaction, id).await?.list;
    let list = lists::lock(&mut transaction, list).await?.ok_or(ActionError::NotFound(LIST))?;
    if list.kind != kind {
        return Err(ActionError::NotFound(ITEM));
    }
    // Nobody archives or redacts it from here on.
    if get(&mut transaction, id).await?.redacted_at.is_none() {
        retention::refuse(context, &mut transaction, actor, RetainedKind::ListItem, id.0).await?;
        redact_item(context, &mut transaction, (actor, json!({})), id).await?;
    }
    let item = open_in(context, &mut transaction, id).await?;
    erasure::commit(context, transaction).await?;
    Ok(item)
}

/// Destroys the value of an item, inside the caller's transaction, which has asked whether it may.
pub(in crate::actions) async fn redact_item(
    context: &Context,
    conn: &mut PgConnection,
    (actor, detail): (&str, Value),
    id: ListItemId,
) -> Result<(), ActionError> {
    let now = context.now();
    let item = get(conn, id).await?;
    let before = lists::lock(conn, item.list).await?.ok_or(ActionError::NotFound(LIST))?;
    watched::forget(context, conn, (actor, &before), id).await?;
    erasure::begin(conn).await?;
    redactions::save_list_item(conn, id, now).await?;
    redactions::save_own_hits(conn, &[entity_of(id)], COPIES).await?;
    idempotency::remove_of_objects(conn, &[id.0]).await?;
    lists::save_changed(conn, item.list, now).await?;
    let detail = erasure::told(conn, &[id.0], detail, json!({ "list-items": 1 })).await?;
    tell_detail(context, conn, (actor, "list-item.redacted"), id.0, detail).await
}

/// Destroys the copies that hits have of items that were redacted a while ago, a page of them. Returns whether there may be
/// more.
pub async fn destroy_copies(context: &Context) -> Result<bool, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let items = list_items::lock_with_copies(&mut transaction, now - SETTLED, ITEMS).await?;
    if items.is_empty() {
        return Ok(false);
    }
    let items: Vec<(ListItemId, String)> = items.into_iter().map(|id| (id, entity_of(id))).collect();
    let entities: Vec<String> = items.iter().map(|(_, entity)| entity.clone()).collect();
    let emptied = redactions::save_own_hits(&mut transaction, &entities, COPIES).await?;
    let done = list_items::save_copies_destroyed(&mut transaction, &items, now).await?;
    transaction.commit().await?;
    Ok(emptied + done > 0)
}

/// What hits call an item.
fn entity_of(id: ListItemId) -> String {
    format!("{}{id}", own::PREFIX)
}

async fn get(conn: &mut PgConnection, id: ListItemId) -> Result<list_items::ItemRow, ActionError> {
    list_items::find(conn, id).await?.ok_or(ActionError::NotFound(ITEM))
}

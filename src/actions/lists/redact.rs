//! The end of the value of a list's item: by hand, by a policy, or once more after a backup was restored.

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{ITEM, LIST, OpenItem, open_in, tell_detail, watched};
use crate::{
    actions::{ActionError, Context, erasure, retention},
    domain::{id::ListItemId, list::ListKind, retention::RetainedKind},
    store::{idempotency, list_items, lists, redactions},
};

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
    idempotency::remove_of_objects(conn, &[id.0]).await?;
    lists::save_changed(conn, item.list, now).await?;
    let detail = erasure::told(conn, &[id.0], detail, json!({ "list-items": 1 })).await?;
    tell_detail(context, conn, (actor, "list-item.redacted"), id.0, detail).await
}

async fn get(conn: &mut PgConnection, id: ListItemId) -> Result<list_items::ItemRow, ActionError> {
    list_items::find(conn, id).await?.ok_or(ActionError::NotFound(ITEM))
}

//! Exceptions: redacting something before its time takes two people. One asks, with a key of one owner; another
//! approves, with a key of another owner; then the redaction is done as ever, once. A hold is not got around so.

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::{
    super::{ActionError, Context, Invalid, api_keys},
    RetainedId, holds,
};
use crate::{
    domain::id::{ApiKeyId, OverrideId, Shard},
    store::{
        events,
        overrides::{self, OverrideRow},
    },
};

const OVERRIDE: &str = "redaction override of that id";

/// For how long an exception is good.
const GOOD_FOR: TimeDelta = TimeDelta::days(7);

/// Asks for an exception.
pub async fn request(
    context: &Context,
    (actor, key): (&str, ApiKeyId),
    object: RetainedId,
    reason: &str,
) -> Result<OverrideRow, ActionError> {
    let now = context.now();
    if !holds::is_code(reason) {
        return Err(ActionError::Invalid(vec![Invalid::at("/data/attributes/reason", holds::CODE)]));
    }
    let (kind, id) = object.parts();
    let requester = owner(context, key).await?;
    let row = OverrideRow {
        id: OverrideId(context.new_uuid(Shard(id.as_bytes()[15]))),
        kind,
        object: id,
        reason: reason.to_owned(),
        requested_by: actor.to_owned(),
        requester,
        requested_at: now,
        approved_by: None,
        approver: None,
        approved_at: None,
        expires_at: now + GOOD_FOR,
        used_at: None,
    };
    let mut transaction = context.store.transaction().await?;
    overrides::insert(&mut transaction, &row).await?;
    let by = (actor, row.requester.as_str());
    tell(context, &mut transaction, ("redaction-override.requested", by), &row).await?;
    transaction.commit().await?;
    Ok(row)
}

/// Approves an exception that somebody else asked for.
pub async fn approve(
    context: &Context,
    (actor, key): (&str, ApiKeyId),
    id: OverrideId,
) -> Result<OverrideRow, ActionError> {
    let now = context.now();
    let approver = owner(context, key).await?;
    let mut transaction = context.store.transaction().await?;
    let row = overrides::lock(&mut transaction, id).await?.ok_or(ActionError::NotFound(OVERRIDE))?;
    if row.requester == approver {
        return Err(ActionError::Refused("it takes a key of another owner than the one that asked"));
    }
    if row.approved_at.is_some() {
        return Err(ActionError::Refused("it is approved already"));
    }
    if row.expires_at <= now {
        return Err(ActionError::Refused("it has expired: ask again"));
    }
    overrides::save_approved(&mut transaction, id, (actor, &approver), now).await?;
    let by = (actor, approver.as_str());
    tell(context, &mut transaction, ("redaction-override.approved", by), &row).await?;
    let row = overrides::lock(&mut transaction, id).await?.ok_or(ActionError::NotFound(OVERRIDE))?;
    transaction.commit().await?;
    Ok(row)
}

/// The exception of an id.
pub async fn get(context: &Context, id: OverrideId) -> Result<OverrideRow, ActionError> {
    let mut transaction = context.store.transaction().await?;
    overrides::lock(&mut transaction, id).await?.ok_or(ActionError::NotFound(OVERRIDE))
}

/// Whom a key belongs to.
async fn owner(context: &Context, key: ApiKeyId) -> Result<String, ActionError> {
    let kept = api_keys::get(context, key).await?;
    kept.owner.ok_or(ActionError::Refused(
        "the key has no owner; `watchkeeper key create --owner NAME` makes one that has",
    ))
}

async fn tell(
    context: &Context,
    conn: &mut sqlx::PgConnection,
    (kind, (actor, owner)): (&'static str, (&str, &str)),
    row: &OverrideRow,
) -> Result<(), ActionError> {
    let detail = json!({ "override": row.id, "kind": row.kind.word(), "reason": row.reason, "owner": owner });
    let mut event = context.event_of_all(kind, actor, detail);
    event.object = Some::<Uuid>(row.object);
    Ok(events::insert_all(conn, &[event], context.now()).await?)
}

//! Legal holds: placed on an account, lifted by whoever may, listed.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::super::{ActionError, Context, Invalid, retire};
use crate::{
    domain::{
        id::{AccountId, HoldId, TransactionId},
        retention::{Hold, RetainedKind},
    },
    store::{
        events,
        holds::{self, HoldRow},
        relations, retention, standings,
    },
};

const HOLD: &str = "legal hold of that id";

/// A hold to place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHold {
    /// The account.
    pub account: AccountId,
    /// Why, as a code.
    pub reason: String,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
}

/// Places a hold: from its commit on nothing of the account is redacted, nor of transactions
/// that it, or another of its family, is related to. Refused where one for the same reason stands already, for as long.
pub async fn place(context: &Context, actor: &str, new: &NewHold) -> Result<HoldRow, ActionError> {
    let now = context.now();
    let mut faults = Vec::new();
    if !is_code(&new.reason) {
        faults.push(Invalid::at("/data/attributes/reason", CODE));
    }
    if new.until.is_some_and(|until| until <= now) {
        faults.push(Invalid::at("/data/attributes/until", "must lie in the future"));
    }
    if !faults.is_empty() {
        return Err(ActionError::Invalid(faults));
    }
    let mut transaction = context.store.transaction().await?;
    // Whoever redacts the account holds this lock from before he looks for holds until he is done.
    let standing = retire::lock(&mut transaction, new.account).await?;
    let present = holds::list_of_accounts(&mut transaction, &[new.account]).await?;
    if let Some(hold) = present.iter().find(|hold| covers(hold, new, now)) {
        let until = hold.until.map_or_else(String::new, |at| format!(" until {}", at.to_rfc3339()));
        let text = format!("legal hold {} ({}) stands on the account already{until}", hold.id, hold.reason);
        return Err(ActionError::Conflict(text));
    }
    let hold = Hold {
        id: HoldId(context.new_uuid(standing.account.shard())),
        account: new.account,
        reason: new.reason.clone(),
        until: new.until,
    };
    holds::insert(&mut transaction, &hold, actor, now).await?;
    look_again(&mut transaction, new.account).await?;
    let detail = json!({ "hold": hold.id, "reason": hold.reason, "until": hold.until });
    let event = context.event(new.account, "account.hold-placed", actor, detail);
    events::insert_all(&mut transaction, &[event], now).await?;
    let placed = holds::find(&mut transaction, hold.id).await?.ok_or(ActionError::NotFound(HOLD))?;
    transaction.commit().await?;
    Ok(placed)
}

/// Whether a hold that nobody lifted does all that a new one would. One that would last longer is another, so that a hold
/// is prolonged without a gap.
fn covers(hold: &Hold, new: &NewHold, now: DateTime<Utc>) -> bool {
    let is_in_force = hold.until.is_none_or(|until| until > now);
    let lasts = hold.until.is_none_or(|until| new.until.is_some_and(|wanted| wanted <= until));
    is_in_force && lasts && hold.reason == new.reason
}

/// Lifts a hold. What fell due while it stood is redacted by the next sweep.
pub async fn lift(context: &Context, actor: &str, id: HoldId) -> Result<HoldRow, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let row = holds::find(&mut transaction, id).await?.ok_or(ActionError::NotFound(HOLD))?;
    let account = row.hold.account;
    retire::lock(&mut transaction, account).await?;
    if !holds::save_lifted(&mut transaction, id, actor, now).await? {
        return Err(ActionError::Refused("the hold is lifted already"));
    }
    look_again(&mut transaction, account).await?;
    let detail = json!({ "hold": id, "reason": row.hold.reason });
    let event = context.event(account, "account.hold-lifted", actor, detail);
    events::insert_all(&mut transaction, &[event], now).await?;
    let row = holds::find(&mut transaction, id).await?.ok_or(ActionError::NotFound(HOLD))?;
    transaction.commit().await?;
    Ok(row)
}

/// When what the account holds falls due is worked out anew.
async fn look_again(conn: &mut sqlx::PgConnection, account: AccountId) -> Result<(), ActionError> {
    retention::insert_queue(conn, RetainedKind::Account, &[account.0]).await?;
    let family = standings::list_relatives(conn, &[account]).await?;
    let family: Vec<AccountId> = family.into_iter().map(|(_, member)| member).collect();
    let related: Vec<TransactionId> = relations::list_transactions(conn, &family).await?;
    let related: Vec<Uuid> = related.into_iter().map(|id| id.0).collect();
    Ok(retention::insert_queue(conn, RetainedKind::Transaction, &related).await?)
}

/// The hold of an id, lifted or not.
pub async fn get(context: &Context, id: HoldId) -> Result<HoldRow, ActionError> {
    let mut connection = context.store.connection().await?;
    holds::find(&mut connection, id).await?.ok_or(ActionError::NotFound(HOLD))
}

/// A page of holds, the newest first, and whether there are more: those of an account, lifted ones too, or all that
/// stand.
pub async fn list(
    context: &Context,
    account: Option<AccountId>,
    (after, before): (Option<HoldId>, Option<HoldId>),
    size: u16,
) -> Result<(Vec<HoldRow>, bool), ActionError> {
    let mut connection = context.store.connection().await?;
    let bounds =
        (before.map_or(Uuid::nil(), |id| id.0), after.map_or(Uuid::max(), |id| id.0), before.is_some());
    let found = holds::list(&mut connection, account, bounds, None, i64::from(size) + 1).await?;
    Ok(super::super::one_too_many(found, size, before.is_some()))
}

/// What a reason may be.
pub(super) const CODE: &str = "accepted is a code of 1 to 64 small letters, digits and dashes, such as case-2026-17: nothing about a person";

/// Whether a text is the code of a reason.
pub(super) fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

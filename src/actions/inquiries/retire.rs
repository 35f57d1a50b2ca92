//! The end of an inquiry's personal data, and its move to another account.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{INQUIRY, OpenInquiry, event, lock, open};
use crate::{
    actions::{ActionError, Context, erasure, retention},
    domain::{
        id::{AccountId, InquiryId},
        retention::RetainedKind,
    },
    store::{enrolment, events, idempotency, inquiries, reverifications},
};

/// Who redacts inquiries when an account is redacted.
const WITH_ACCOUNT: &str = "redaction of the account";

/// Destroys what is personal about an inquiry: its key, its content, its tags. Its state, its times, and what the
/// comparison came to stay; so does the account.
pub async fn redact(context: &Context, actor: &str, id: InquiryId) -> Result<OpenInquiry, ActionError> {
    let mut transaction = context.store.transaction().await?;
    retention::refuse(context, &mut transaction, actor, RetainedKind::Inquiry, id.0).await?;
    lock(context, &mut transaction, id).await?;
    redact_all(context, &mut transaction, actor, &BTreeMap::from([(id, json!({}))]), true).await?;
    let row = inquiries::find(&mut transaction, id).await?.ok_or(ActionError::NotFound(INQUIRY))?;
    erasure::commit(context, transaction).await?;
    open(context, row)
}

/// The same of many inside the caller's transaction, which has asked whether it may, and has locked them; each with what
/// else its event tells. The inquiries change by it if it is an activity: the doing of a sweep is none.
pub(in crate::actions) async fn redact_all(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    wanted: &BTreeMap<InquiryId, Value>,
    is_activity: bool,
) -> Result<(), ActionError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let now = context.now();
    let ids: Vec<InquiryId> = wanted.keys().copied().collect();
    let objects: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    erasure::begin(conn).await?;
    let redacted = inquiries::redact_all(conn, &ids, is_activity, now).await?;
    if redacted.len() < ids.len() {
        return Err(ActionError::NotFound(INQUIRY));
    }
    idempotency::remove_of_objects(conn, &objects).await?;
    let counts = json!({ "inquiries": 1 });
    let details = wanted.iter().map(|(id, detail)| (id.0, (detail.clone(), counts.clone())));
    let mut details = erasure::told_of_all(conn, details.collect()).await?;
    let told: Vec<_> = redacted
        .into_iter()
        .map(|(id, account)| {
            let detail = details.remove(&id.0).unwrap_or_default();
            event(context, id, account, "inquiry.redacted", actor, detail)
        })
        .collect();
    events::insert_all(conn, &told, now).await?;
    Ok(())
}

/// Redacts all inquiries of accounts that are being redacted, in that transaction; the accounts are locked. When they
/// are to be verified again is forgotten too: it may follow from a date that was sealed.
pub async fn redact_of_accounts(
    context: &Context,
    conn: &mut PgConnection,
    accounts: &[AccountId],
    is_activity: bool,
) -> Result<(), ActionError> {
    let now = context.now();
    let redacted = inquiries::redact_of_accounts(conn, accounts, is_activity, now).await?;
    let tell = |(id, account)| event(context, id, Some(account), "inquiry.redacted", WITH_ACCOUNT, json!({}));
    let told: Vec<_> = redacted.into_iter().map(tell).collect();
    events::insert_all(conn, &told, now).await?;
    reverifications::remove_all(conn, accounts).await?;
    // What still says when, such as the last inquiry, is looked at anew.
    enrolment::insert_queue(conn, accounts).await?;
    Ok(())
}

/// Gives the inquiries of `sources` to `destination`, in the transaction that consolidates them; all these accounts
/// are locked. When the destination is to be verified again is worked out anew.
pub async fn move_to(
    conn: &mut PgConnection,
    sources: &[AccountId],
    destination: AccountId,
) -> Result<(), ActionError> {
    inquiries::move_to(conn, sources, destination).await?;
    reverifications::remove_all(conn, sources).await?;
    enrolment::insert_queue(conn, &[destination]).await?;
    Ok(())
}

//! The end of an inquiry's personal data, and its move to another account.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::{INQUIRY, OpenInquiry, event, lock, open};
use crate::{
    actions::{ActionError, Context, erasure},
    domain::{
        id::{AccountId, InquiryId},
        inquiry::InquiryContent,
    },
    store::{enrolment, events, idempotency, inquiries, reverifications},
};

/// Who redacts inquiries when an account is redacted.
const WITH_ACCOUNT: &str = "redaction of the account";

/// Destroys what is personal about an inquiry: its key, its content, its tags. Its state, its times, and what the
/// comparison came to stay; so does the account.
pub async fn redact(context: &Context, actor: &str, id: InquiryId) -> Result<OpenInquiry, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let mut inquiry = lock(context, &mut transaction, id).await?;
    inquiry.content = InquiryContent::default();
    let row = &mut inquiry.row;
    row.sealed_content = None;
    row.note_digest = None;
    row.tags = Vec::new();
    row.redacted_at = Some(now);
    row.updated_at = now;
    inquiries::save(&mut transaction, row).await?;
    erasure::begin(&mut transaction).await?;
    inquiries::forget_key(&mut transaction, id).await?;
    idempotency::remove_of_object(&mut transaction, id.0).await?;
    let detail = erasure::told(&mut transaction, json!({}), json!({ "inquiries": 1 })).await?;
    let told = event(context, id, row.account, "inquiry.redacted", actor, detail);
    events::insert_all(&mut transaction, &[told], now).await?;
    let row = inquiries::find(&mut transaction, id).await?.ok_or(ActionError::NotFound(INQUIRY))?;
    erasure::commit(context, transaction).await?;
    open(context, row)
}

/// Redacts all inquiries of an account that is being redacted, in that transaction; the account is locked. When the
/// account is to be verified again is forgotten too: it may follow from a date that was sealed.
pub async fn redact_of_account(
    context: &Context,
    conn: &mut PgConnection,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<(), ActionError> {
    let redacted = inquiries::redact_of_account(conn, account, now).await?;
    let tell = |id: InquiryId| event(context, id, Some(account), "inquiry.redacted", WITH_ACCOUNT, json!({}));
    let told: Vec<_> = redacted.into_iter().map(tell).collect();
    events::insert_all(conn, &told, now).await?;
    reverifications::remove_all(conn, &[account]).await?;
    // What still says when, such as the last inquiry, is looked at anew.
    enrolment::insert_queue(conn, &[account]).await?;
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

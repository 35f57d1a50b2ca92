//! The end of an inquiry's personal data, and its move to another account.

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{INQUIRY, OpenInquiry, event, lock, open};
use crate::{
    actions::{ActionError, Context, erasure, retention},
    domain::{
        id::{AccountId, InquiryId},
        inquiry::InquiryContent,
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
    redact_in(context, &mut transaction, (actor, json!({})), id, true).await?;
    let row = inquiries::find(&mut transaction, id).await?.ok_or(ActionError::NotFound(INQUIRY))?;
    erasure::commit(context, transaction).await?;
    open(context, row)
}

/// The same inside the caller's transaction, which has asked whether it may. The inquiry changes by it if it is an
/// activity: the doing of a sweep is none.
pub(in crate::actions) async fn redact_in(
    context: &Context,
    conn: &mut PgConnection,
    (actor, detail): (&str, Value),
    id: InquiryId,
    is_activity: bool,
) -> Result<(), ActionError> {
    let now = context.now();
    let mut inquiry = lock(context, conn, id).await?;
    inquiry.content = InquiryContent::default();
    let row = &mut inquiry.row;
    row.sealed_content = None;
    row.note_digest = None;
    row.tags = Vec::new();
    row.redacted_at = Some(now);
    if is_activity {
        row.updated_at = now;
    }
    inquiries::save(conn, row).await?;
    erasure::begin(conn).await?;
    inquiries::forget_key(conn, id).await?;
    idempotency::remove_of_object(conn, id.0).await?;
    let detail = erasure::told(conn, &[id.0], detail, json!({ "inquiries": 1 })).await?;
    let told = event(context, id, row.account, "inquiry.redacted", actor, detail);
    events::insert_all(conn, &[told], now).await?;
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

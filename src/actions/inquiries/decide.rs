//! What a person decides about an inquiry, and its end and return by time.

use serde_json::json;
use sqlx::PgConnection;

use super::{INQUIRY, OpenInquiry, create::after, event, lock, open, save, submit::check_note};
use crate::{
    actions::{ActionError, Context},
    domain::{
        id::{AccountId, InquiryId},
        inquiry::{InquiryStatus, Verdict},
    },
    store::{events, inquiries},
};

/// Who ends inquiries whose time is over.
const BY_TIME: &str = "daemon";

/// Approves, declines or marks an inquiry for review; a decision may be changed. The account stays as it is.
pub async fn decide(
    context: &Context,
    actor: &str,
    id: InquiryId,
    verdict: Verdict,
    comment: Option<&str>,
) -> Result<OpenInquiry, ActionError> {
    let mut faults = Vec::new();
    check_note(comment, &mut faults);
    if let Some(fault) = faults.first_mut() {
        "/meta/comment".clone_into(&mut fault.pointer);
        return Err(ActionError::Invalid(faults));
    }
    change(context, actor, id, verdict.event(), |inquiry| {
        let row = &mut inquiry.row;
        if !row.status.is_decidable() {
            return Err(ActionError::Refused("the inquiry was not completed: there is nothing to decide"));
        }
        row.status = verdict.status();
        row.reviewer = Some(actor.to_owned());
        match verdict {
            Verdict::NeedsReview => row.marked_for_review_at = Some(context.now()),
            Verdict::Approved | Verdict::Declined => row.decided_at = Some(context.now()),
        }
        if let Some(comment) = comment {
            inquiry.content.comment = Some(comment.to_owned());
        }
        Ok(())
    })
    .await
}

/// Takes an expired inquiry up again.
pub async fn resume(context: &Context, actor: &str, id: InquiryId) -> Result<OpenInquiry, ActionError> {
    change(context, actor, id, "inquiry.transitioned", |inquiry| {
        let now = context.now();
        let row = &mut inquiry.row;
        // One whose time is over may not have been said to be expired yet.
        let is_over = row.status.is_open() && row.expires_at.is_some_and(|at| at <= now);
        if row.status != InquiryStatus::Expired && !is_over {
            return Err(ActionError::Refused("the inquiry is not expired: there is nothing to resume"));
        }
        row.status = InquiryStatus::Pending;
        row.started_at = row.started_at.or(Some(now));
        row.expired_at = None;
        row.expires_at = after(now, row.expire_after_resume);
        Ok(())
    })
    .await
}

/// Ends an open inquiry.
pub async fn expire(context: &Context, actor: &str, id: InquiryId) -> Result<OpenInquiry, ActionError> {
    change(context, actor, id, "inquiry.expired", |inquiry| {
        let row = &mut inquiry.row;
        if !row.status.is_open() {
            return Err(ActionError::Refused("the inquiry is completed, expired or decided on already"));
        }
        row.status = InquiryStatus::Expired;
        row.expired_at = Some(context.now());
        row.expires_at = None;
        Ok(())
    })
    .await
}

/// Ends open inquiries whose time is over, at most `limit`, in the caller's transaction; returns how many. One that
/// somebody is just completing is left to them.
pub async fn expire_overdue(
    context: &Context,
    conn: &mut PgConnection,
    limit: u16,
) -> Result<usize, ActionError> {
    let now = context.now();
    let overdue = inquiries::lock_overdue(conn, now, i64::from(limit)).await?;
    if overdue.is_empty() {
        return Ok(0);
    }
    let ids: Vec<InquiryId> = overdue.iter().map(|(id, _)| *id).collect();
    inquiries::save_expired(conn, &ids, now).await?;
    let tell = |(id, account): &(InquiryId, Option<AccountId>)| {
        event(context, *id, *account, "inquiry.expired", BY_TIME, json!({}))
    };
    let told: Vec<_> = overdue.iter().map(tell).collect();
    events::insert_all(conn, &told, now).await?;
    Ok(overdue.len())
}

async fn change(
    context: &Context,
    actor: &str,
    id: InquiryId,
    kind: &'static str,
    change: impl FnOnce(&mut OpenInquiry) -> Result<(), ActionError> + Send,
) -> Result<OpenInquiry, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let mut inquiry = lock(context, &mut transaction, id).await?;
    let from = inquiry.row.status.word();
    change(&mut inquiry)?;
    save(context, &mut transaction, &mut inquiry).await?;
    let detail = json!({ "from": from, "to": inquiry.row.status.word() });
    let told = event(context, id, inquiry.row.account, kind, actor, detail);
    events::insert_all(&mut transaction, &[told], context.now()).await?;
    let row = inquiries::find(&mut transaction, id).await?.ok_or(ActionError::NotFound(INQUIRY))?;
    transaction.commit().await?;
    open(context, row)
}

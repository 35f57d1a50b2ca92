//! Completing an inquiry: compared with the account, and written into it.

use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::{
    INQUIRY, OpenInquiry, TRIES,
    collect::collected,
    event, open, save,
    submit::{check_open, start},
    templates,
};
use crate::{
    actions::{
        ActionError, Context,
        accounts::{self, Edit, OpenAccount},
    },
    domain::{
        comparison::{CheckStatus, Compared, Requirement, compare},
        id::{AccountId, InquiryId},
        inquiry::{Against, Check, InquiryStatus},
        inquiry_template::InquiryTemplate,
        reverification::Due,
    },
    store::{accounts as rows, enrolment, events, inquiries, reverifications},
};

/// Completes an inquiry with what was collected, and what comes with this call.
///
/// What is required and contradicts the account, as it is at that moment, fails the inquiry, and the account stays as
/// it is. Otherwise it is completed: the first completed inquiry of an account fills what the account lacks, every
/// one writes the fields that its template names. Comparison, inquiry and account are written together or not at all.
pub async fn complete(
    context: &Context,
    actor: &str,
    id: InquiryId,
    fields: &Map<String, Value>,
) -> Result<OpenInquiry, ActionError> {
    let mut tries = 1;
    loop {
        match try_complete(context, actor, id, fields).await {
            // Somebody changed the account, or the inquiry, since it was compared: compare again.
            Err(ActionError::Stale) if tries < TRIES => tries += 1,
            Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn try_complete(
    context: &Context,
    actor: &str,
    id: InquiryId,
    fields: &Map<String, Value>,
) -> Result<OpenInquiry, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let conn: &mut PgConnection = &mut transaction;
    // Read first and locked last: the account is locked before, and whether it is to be changed follows from both.
    let seen = inquiries::find(conn, id).await?.ok_or(ActionError::NotFound(INQUIRY))?;
    if seen.redacted_at.is_some() {
        return Err(ActionError::Refused("Inquiry already redacted"));
    }
    let mut inquiry = open(context, seen.clone())?;
    check_open(context, &inquiry)?;
    let (shown, account_type) = templates::get(conn, seen.template_id)
        .await?
        .ok_or(ActionError::NotFound("template of the inquiry any more"))?;
    let template = &shown.template;
    let of = (&account_type, context.now().date_naive());
    inquiry.content.fields = collected(template, of, &inquiry.content.fields, fields)?;
    let account = match seen.account {
        Some(account) => Some(accounts::open(context, conn, account).await?),
        None => None,
    };
    if account.as_ref().is_some_and(|account| account.archived_at.is_some()) {
        return Err(ActionError::Archived);
    }

    inquiry.checks = checks(template, &inquiry, account.as_ref());
    if let (true, Some(account)) = (template.compare_with_last, &account)
        && let Some(last) = inquiries::find_last_completed(conn, account.id, id).await?
    {
        let last = open(context, last)?;
        inquiry.checks.extend(checks_with_last(template, &inquiry, &last));
    }
    let is_failed = inquiry.checks.iter().any(|check| check.compared.fails_inquiry());
    let mut written = Vec::new();
    if let Some(account) = &account {
        let edit =
            if is_failed { Edit::default() } else { edit_of(conn, template, &inquiry, account).await? };
        written = settle(context, conn, actor, account, edit).await?;
    }

    let locked = inquiries::lock(conn, id).await?.ok_or(ActionError::NotFound(INQUIRY))?;
    let is_as_seen = locked.status == seen.status
        && locked.account == seen.account
        && locked.redacted_at == seen.redacted_at
        && locked.sealed_content == seen.sealed_content;
    if !is_as_seen {
        return Err(ActionError::Stale);
    }
    // Its tags may have changed meanwhile, and stay so.
    inquiry.row = locked;
    let now = context.now();
    let started = start(context, actor, &mut inquiry);
    let row = &mut inquiry.row;
    row.expires_at = None;
    let kind = if is_failed {
        (row.status, row.failed_at) = (InquiryStatus::Failed, Some(now));
        "inquiry.failed"
    } else {
        (row.status, row.completed_at) = (InquiryStatus::Completed, Some(now));
        "inquiry.completed"
    };
    let flagged: Vec<String> = inquiry
        .checks
        .iter()
        .filter(|check| check.compared.status() == CheckStatus::Failed)
        .map(Check::name)
        .collect();
    let detail = json!({ "failed-checks": flagged, "written-fields": written });
    let told = event(context, id, seen.account, kind, actor, detail);
    save(context, conn, &mut inquiry).await?;
    events::insert_all(conn, &started.into_iter().chain([told]).collect::<Vec<_>>(), now).await?;
    if let Some(account) = seen.account {
        // The next reverification counts from now.
        enrolment::insert_queue(conn, &[account]).await?;
    }
    let row = inquiries::find(conn, id).await?.ok_or(ActionError::NotFound(INQUIRY))?;
    transaction.commit().await?;
    tracing::info!(inquiry.id = %id, inquiry.status = row.status.word(), "inquiry completed");
    open(context, row)
}

fn checks(template: &InquiryTemplate, inquiry: &OpenInquiry, account: Option<&OpenAccount>) -> Vec<Check> {
    let known = account.map(|account| &account.fields);
    let compared = template.compare.iter().map(|rule| compare(rule, &inquiry.content.fields, known));
    compared.map(|compared| Check { against: Against::Account, compared }).collect()
}

fn checks_with_last(template: &InquiryTemplate, inquiry: &OpenInquiry, last: &OpenInquiry) -> Vec<Check> {
    let compared = template.compare.iter().map(|rule| {
        let compared = compare(rule, &inquiry.content.fields, Some(&last.content.fields));
        // A customer may have changed since, and the account with them: only the account decides.
        Compared { requirement: Requirement::NotRequired, ..compared }
    });
    compared.map(|compared| Check { against: Against::LastInquiry, compared }).collect()
}

/// What a completed inquiry does to its account.
async fn edit_of(
    conn: &mut PgConnection,
    template: &InquiryTemplate,
    inquiry: &OpenInquiry,
    account: &OpenAccount,
) -> Result<Edit, ActionError> {
    let is_first = !inquiries::has_completed(conn, account.id, inquiry.row.id).await?;
    let goes_in =
        |key: &String| template.updates.contains(key) || (is_first && !account.fields.contains_key(key));
    let fields: Map<String, Value> = inquiry
        .content
        .fields
        .iter()
        .filter(|(key, value)| goes_in(key) && account.fields.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let tags_remove = settled_tags(conn, account.id, &fields).await?;
    let tags_remove = tags_remove.into_iter().filter(|tag| account.tags.contains(tag)).collect();
    Ok(Edit { fields, tags_remove, ..Edit::default() })
}

/// The tags of reverifications that were told of, and that this inquiry settles.
async fn settled_tags(
    conn: &mut PgConnection,
    account: AccountId,
    written: &Map<String, Value>,
) -> Result<Vec<String>, ActionError> {
    let told = reverifications::list_of_account(conn, account).await?;
    let mut tags: Vec<String> = Vec::new();
    for rule in told.into_iter().filter(|rule| rule.told_at.is_some()) {
        let due = serde_json::from_value::<Due>(rule.definition.get("due").cloned().unwrap_or_default());
        // A date that has not changed is as near as before.
        let is_settled = due.is_ok_and(|due| due.field().is_none_or(|field| written.contains_key(field)));
        if is_settled {
            tags.extend(
                serde_json::from_value::<Vec<String>>(
                    rule.definition.get("tags").cloned().unwrap_or_default(),
                )
                .unwrap_or_default(),
            );
        }
    }
    tags.sort_unstable();
    tags.dedup();
    Ok(tags)
}

/// Changes the account, or at least makes sure that it is still the one that was compared. It stays locked. Returns
/// the keys of the fields that were written.
async fn settle(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    account: &OpenAccount,
    edit: Edit,
) -> Result<Vec<String>, ActionError> {
    if !edit.fields.is_empty() || !edit.tags_remove.is_empty() {
        let edit = Edit { expected_version: Some(account.version), ..edit };
        return Ok(accounts::edit(context, conn, actor, account.id, &edit).await?.fields);
    }
    rows::lock_all(conn, &[account.id]).await?;
    let row = rows::find(conn, account.id).await?.ok_or(ActionError::Stale)?;
    if row.archived_at.is_some() {
        return Err(ActionError::Archived);
    }
    if row.version == account.version { Ok(Vec::new()) } else { Err(ActionError::Stale) }
}

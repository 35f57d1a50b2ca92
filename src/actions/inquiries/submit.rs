//! What an inquiry is handed over time: fields, note, tags.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{
    INQUIRY, OpenInquiry, collect::collected, create::after, event, lock, open, save, tags::check_tags,
    templates,
};
use crate::{
    actions::{ActionError, Context, Invalid},
    domain::{id::InquiryId, inquiry::InquiryStatus},
    store::{
        events::{self, Event},
        inquiries,
    },
};

/// The longest note, in characters.
const LONGEST_NOTE: usize = 4096;

/// What to change about an inquiry; what is empty stays as it is.
#[derive(Clone, Default)]
pub struct Update {
    /// Fields by key; null takes one away. Personal data.
    pub fields: Map<String, Value>,
    /// The note; none inside takes it away.
    pub note: Option<Option<String>>,
    /// Exactly these tags.
    pub tags: Option<Vec<String>>,
}

/// Nothing personal.
impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update").field("fields", &self.fields.keys()).finish_non_exhaustive()
    }
}

/// Changes fields, note and tags of an inquiry. Fields only while it is open: what was compared stays what is shown.
pub async fn update(
    context: &Context,
    actor: &str,
    id: InquiryId,
    update: &Update,
) -> Result<OpenInquiry, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let mut inquiry = lock(context, &mut transaction, id).await?;
    let mut faults = Vec::new();
    check_note(update.note.as_ref().and_then(Option::as_deref), &mut faults);
    check_tags(update.tags.as_deref().unwrap_or_default(), "/data/attributes/tags", &mut faults);
    if !faults.is_empty() {
        return Err(ActionError::Invalid(faults));
    }
    let mut changed = Vec::new();
    if !update.fields.is_empty() {
        check_open(context, &inquiry)?;
        let (shown, account_type) = templates::get(&mut transaction, inquiry.row.template_id)
            .await?
            .ok_or(ActionError::NotFound("template of the inquiry any more"))?;
        let of = (&account_type, context.now().date_naive());
        let fields = collected(&shown.template, of, &inquiry.content.fields, &update.fields)?;
        if fields != inquiry.content.fields {
            changed.push("fields");
            inquiry.content.fields = fields;
        }
    }
    if let Some(note) = update.note.clone().filter(|note| *note != inquiry.content.note) {
        changed.push("note");
        inquiry.content.note = note;
    }
    let row = &inquiry.row;
    let mut told: Vec<Event> = Vec::new();
    if !changed.is_empty() {
        let detail = json!({ "attributes": changed });
        told.push(event(context, id, row.account, "inquiry.updated", actor, detail));
    }
    if let Some(tags) = &update.tags {
        super::tags::refuse_new(&mut transaction, &inquiry, tags).await?;
        told.extend(super::tags::set(context, actor, &mut inquiry, tags.clone()));
    }
    if !told.is_empty() {
        save(context, &mut transaction, &mut inquiry).await?;
        events::insert_all(&mut transaction, &told, context.now()).await?;
    }
    let row = inquiries::find(&mut transaction, id).await?.ok_or(ActionError::NotFound(INQUIRY))?;
    transaction.commit().await?;
    open(context, row)
}

/// Takes what was collected into an inquiry, and begins it if nobody has.
pub async fn submit(
    context: &Context,
    actor: &str,
    id: InquiryId,
    fields: &Map<String, Value>,
) -> Result<OpenInquiry, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let mut inquiry = lock(context, &mut transaction, id).await?;
    check_open(context, &inquiry)?;
    let (shown, account_type) = templates::get(&mut transaction, inquiry.row.template_id)
        .await?
        .ok_or(ActionError::NotFound("template of the inquiry any more"))?;
    let of = (&account_type, context.now().date_naive());
    inquiry.content.fields = collected(&shown.template, of, &inquiry.content.fields, fields)?;
    let started = start(context, actor, &mut inquiry);
    let told = if let Some(started) = started {
        started
    } else {
        let detail = json!({ "attributes": ["fields"] });
        event(context, id, inquiry.row.account, "inquiry.updated", actor, detail)
    };
    save(context, &mut transaction, &mut inquiry).await?;
    events::insert_all(&mut transaction, &[told], context.now()).await?;
    let row = inquiries::find(&mut transaction, id).await?.ok_or(ActionError::NotFound(INQUIRY))?;
    transaction.commit().await?;
    open(context, row)
}

/// Begins an inquiry that nobody has begun; returns the event that tells of it.
pub(super) fn start(context: &Context, actor: &str, inquiry: &mut OpenInquiry) -> Option<Event> {
    if inquiry.row.status != InquiryStatus::Created {
        return None;
    }
    let now = context.now();
    let row = &mut inquiry.row;
    row.status = InquiryStatus::Pending;
    row.started_at = Some(now);
    row.expires_at = after(now, row.expire_after_start);
    Some(event(context, row.id, row.account, "inquiry.started", actor, json!({})))
}

/// Refuses an inquiry that no longer collects, and one whose time is over though nobody has said so yet.
pub(super) fn check_open(context: &Context, inquiry: &OpenInquiry) -> Result<(), ActionError> {
    let row = &inquiry.row;
    if !row.status.is_open() {
        return Err(ActionError::Refused(
            "the inquiry no longer collects: it is completed, expired or decided on",
        ));
    }
    if row.expires_at.is_some_and(|at| at <= context.now()) {
        return Err(ActionError::Refused("the inquiry is expired; resume it first"));
    }
    Ok(())
}

pub(super) fn check_note(note: Option<&str>, faults: &mut Vec<Invalid>) {
    let is_plain = |note: &str| {
        note.chars().count() <= LONGEST_NOTE
            && !note.contains(|c: char| c.is_control() && !"\n\r\t".contains(c))
    };
    if note.is_some_and(|note| !is_plain(note)) {
        let details = "accepted is a text of at most 4096 characters without control characters";
        faults.push(Invalid::at("/data/attributes/note", details));
    }
}

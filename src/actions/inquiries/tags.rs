//! Tags of an inquiry.

use serde_json::json;
use sqlx::PgConnection;

use super::{INQUIRY, OpenInquiry, event, lock, open, save};
use crate::{
    actions::{
        ActionError, Context, Invalid,
        accounts::{is_plain, refuse_retired},
    },
    domain::id::InquiryId,
    store::{
        events::{self, Event},
        inquiries,
    },
};

/// The most tags that an inquiry has.
const MOST_TAGS: usize = 100;

/// What is done to the tags of an inquiry.
#[derive(Clone, Debug)]
pub enum TagChange {
    /// This one too.
    Add(String),
    /// Not this one.
    Remove(String),
    /// Exactly these.
    Set(Vec<String>),
}

/// Changes the tags of an inquiry; what is so already stays so, silently.
pub async fn change_tags(
    context: &Context,
    actor: &str,
    id: InquiryId,
    change: TagChange,
) -> Result<OpenInquiry, ActionError> {
    let mut faults = Vec::new();
    match &change {
        TagChange::Add(tag) | TagChange::Remove(tag) => {
            check_tags(std::slice::from_ref(tag), "/meta/tag-name", &mut faults);
        }
        TagChange::Set(tags) => check_tags(tags, "/meta/tag-name", &mut faults),
    }
    if !faults.is_empty() {
        return Err(ActionError::Invalid(faults));
    }
    let mut transaction = context.store.transaction().await?;
    let mut inquiry = lock(context, &mut transaction, id).await?;
    let mut wanted = inquiry.row.tags.clone();
    match change {
        TagChange::Add(tag) => wanted.push(tag),
        TagChange::Remove(tag) => wanted.retain(|one| *one != tag),
        TagChange::Set(tags) => wanted = tags,
    }
    refuse_new(&mut transaction, &inquiry, &wanted).await?;
    if let Some(told) = set(context, actor, &mut inquiry, wanted) {
        if inquiry.row.tags.len() > MOST_TAGS {
            return Err(ActionError::Refused("the inquiry has 100 tags, and can have no more"));
        }
        save(context, &mut transaction, &mut inquiry).await?;
        events::insert_all(&mut transaction, &[told], context.now()).await?;
    }
    let row = inquiries::find(&mut transaction, id).await?.ok_or(ActionError::NotFound(INQUIRY))?;
    transaction.commit().await?;
    open(context, row)
}

/// Refuses tags that are retired and that the inquiry does not have yet.
pub(super) async fn refuse_new(
    conn: &mut PgConnection,
    inquiry: &OpenInquiry,
    wanted: &[String],
) -> Result<(), ActionError> {
    let new: Vec<String> = wanted.iter().filter(|tag| !inquiry.row.tags.contains(tag)).cloned().collect();
    refuse_retired(conn, &new).await
}

/// Gives an inquiry exactly these tags; returns the event that tells of it, if they were others.
pub(super) fn set(
    context: &Context,
    actor: &str,
    inquiry: &mut OpenInquiry,
    mut wanted: Vec<String>,
) -> Option<Event> {
    wanted.sort_unstable();
    wanted.dedup();
    let before = std::mem::replace(&mut inquiry.row.tags, wanted.clone());
    let added: Vec<&String> = wanted.iter().filter(|tag| !before.contains(tag)).collect();
    let removed: Vec<&String> = before.iter().filter(|tag| !wanted.contains(tag)).collect();
    if added.is_empty() && removed.is_empty() {
        return None;
    }
    let detail = json!({ "added-tags": added, "removed-tags": removed });
    Some(event(context, inquiry.row.id, inquiry.row.account, "inquiry.updated-tags", actor, detail))
}

pub(super) fn check_tags(tags: &[String], at: &str, faults: &mut Vec<Invalid>) {
    if tags.len() > MOST_TAGS {
        faults.push(Invalid::at(at, "accepted are at most 100 tags"));
    }
    if !tags.iter().all(|tag| is_plain(tag)) {
        let details = "accepted is a text of 1 to 255 characters without control characters, and without blanks around it";
        faults.push(Invalid::at(at, details));
    }
}

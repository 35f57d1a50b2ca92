//! What is asked of an account's reference id, status and tags, whoever brings them.

use sqlx::PgConnection;

use crate::{
    actions::{ActionError, Invalid},
    domain::account_type::AccountType,
    store::tags,
};

/// The longest reference id and tag, in characters.
pub(crate) const LONGEST: usize = 255;

/// The most tags that one request may name.
const MOST_TAGS: usize = 100;

/// Whether a text may be a reference id or a tag.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && text.chars().count() <= LONGEST
        && !text.contains(char::is_control)
}

pub(super) fn check_reference(reference_id: Option<&str>, faults: &mut Vec<Invalid>) {
    if reference_id.is_some_and(|reference_id| !is_plain(reference_id)) {
        let details = "accepted is a text of 1 to 255 characters without control characters, and without blanks around it";
        faults.push(Invalid::at("/data/attributes/reference-id", details));
    }
}

pub(super) fn check_status(account_type: &AccountType, status: Option<&str>, faults: &mut Vec<Invalid>) {
    if status.is_some_and(|status| !account_type.has_status(status)) {
        let details = format!("accepted is one of {}", account_type.status_names().join(", "));
        faults.push(Invalid::at("/data/attributes/account-status", details));
    }
}

pub(super) fn check_tags(tags: &[String], faults: &mut Vec<Invalid>) {
    if tags.len() > MOST_TAGS {
        faults.push(Invalid::at("/data/attributes/tags", "accepted are at most 100 tags"));
    }
    for (index, tag) in tags.iter().enumerate() {
        if !is_plain(tag) {
            let details = "accepted is a text of 1 to 255 characters without control characters, and without blanks around it";
            faults.push(Invalid::at(format!("/data/attributes/tags/{index}"), details));
        }
    }
}

/// Refuses tags that are retired: who has one keeps it, and nobody gets it any more.
pub(crate) async fn refuse_retired(conn: &mut PgConnection, tags: &[String]) -> Result<(), ActionError> {
    if tags.is_empty() {
        return Ok(());
    }
    match tags::list_retired(conn, tags).await?.first() {
        Some(tag) => Err(ActionError::Conflict(format!("the tag {tag} is retired"))),
        None => Ok(()),
    }
}

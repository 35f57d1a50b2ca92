//! Inquiries: made, filled, completed, decided on, redacted.
//!
//! An inquiry collects fields of its account's type. What it collected is sealed under its own key, so that it is
//! redacted without the account. Completing it compares it with the account as that is then ([`crate::domain::comparison`]);
//! what is required and contradicts fails it; what is not is shown. A completed one fills an account that was empty,
//! and writes the fields that its template names into one that was not, through [`accounts::edit()`](super::accounts),
//! in the same transaction.
//!
//! Locks are taken in the house's order: due rows and the account (by the edit), then the inquiry.

mod collect;
mod complete;
mod create;
mod decide;
mod retire;
mod search;
mod show;
mod submit;
mod tags;
mod templates;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{ActionError, Context};
use crate::{
    domain::{
        id::{AccountId, InquiryId},
        inquiry::{Check, InquiryContent},
    },
    store::{
        data_keys,
        events::Event,
        inquiries::{self, InquiryRow},
    },
    vault::{DataKey, Purpose},
};

pub use complete::complete;
pub use create::{Home, NewInquiry, create};
pub use decide::{decide, expire, expire_overdue, resume};
pub(in crate::actions) use retire::redact_all;
pub use retire::{move_to, redact, redact_of_accounts};
pub use search::search;
pub use show::{Filter, find, list};
pub use submit::{Update, submit, update};
pub use tags::{TagChange, change_tags};
pub use templates::{Shown, find as find_template, list as list_templates};

/// How often a transaction is tried that lost to somebody else.
const TRIES: u32 = 5;

/// What an inquiry is called where there is none.
const INQUIRY: &str = "inquiry of that id";

/// An inquiry with its content opened.
#[derive(Clone, Debug)]
pub struct OpenInquiry {
    /// What is kept of it.
    pub row: InquiryRow,
    /// What is personal about it.
    pub content: InquiryContent,
    /// What the comparison came to.
    pub checks: Vec<Check>,
}

/// Opens what is kept of an inquiry.
fn open(context: &Context, row: InquiryRow) -> Result<OpenInquiry, ActionError> {
    let opened = match (&row.key, &row.sealed_content) {
        (Some(key), Some(sealed)) => {
            context.keyring.unwrap(row.id.0, key)?.open(Purpose::InquiryContent, sealed)?
        }
        _ => InquiryContent::default(),
    };
    let checks = serde_json::from_value(row.checks.clone())
        .map_err(|_| crate::store::StoreError::Inconsistent { column: "inquiries.checks" })?;
    Ok(OpenInquiry { row, content: opened, checks })
}

/// Locks and opens an inquiry that must not be redacted.
async fn lock(context: &Context, conn: &mut PgConnection, id: InquiryId) -> Result<OpenInquiry, ActionError> {
    let row = inquiries::lock(conn, id).await?.ok_or(ActionError::NotFound(INQUIRY))?;
    if row.redacted_at.is_some() {
        return Err(ActionError::Refused("Inquiry already redacted"));
    }
    open(context, row)
}

/// Writes a changed inquiry: its content sealed, its note to be found by.
async fn save(
    context: &Context,
    conn: &mut PgConnection,
    inquiry: &mut OpenInquiry,
) -> Result<(), ActionError> {
    seal(context, conn, inquiry).await?;
    inquiry.row.updated_at = context.now();
    inquiry.row.checks = serde_json::to_value(&inquiry.checks).expect("checks are plain data");
    inquiries::save(conn, &inquiry.row).await?;
    Ok(())
}

/// Seals the content into the row. The key is made when there is first something to seal.
async fn seal(
    context: &Context,
    conn: &mut PgConnection,
    inquiry: &mut OpenInquiry,
) -> Result<(), ActionError> {
    let note = inquiry.content.note.as_deref();
    inquiry.row.note_digest = note.map(|note| note_digest(context, note));
    inquiry.row.sealed_content = if inquiry.content.is_empty() {
        None
    } else {
        let key = key(context, conn, inquiry.row.id.0).await?;
        Some(key.seal(Purpose::InquiryContent, &inquiry.content)?)
    };
    Ok(())
}

async fn key(context: &Context, conn: &mut PgConnection, object: Uuid) -> Result<DataKey, ActionError> {
    let mut keys = data_keys::get_or_insert(conn, &context.keyring, &[object], context.now()).await?;
    Ok(keys.remove(&object).expect("`get_or_insert` makes what is missing"))
}

/// A keyed hash of a note, the same for the same note.
fn note_digest(context: &Context, note: &str) -> Vec<u8> {
    context.digest_key.digest(format!("inquiry-note\0{note}").as_bytes()).to_vec()
}

/// An event about an inquiry, which is about its account too.
pub(super) fn event(
    context: &Context,
    inquiry: InquiryId,
    account: Option<AccountId>,
    kind: &'static str,
    actor: &str,
    mut detail: serde_json::Value,
) -> Event {
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("inquiry".to_owned(), serde_json::Value::from(inquiry.to_string()));
    }
    let mut event = match account {
        Some(account) => context.event(account, kind, actor, detail),
        None => context.event_of_all(kind, actor, detail),
    };
    event.object = Some(inquiry.0);
    event
}

//! Reading inquiries.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{OpenInquiry, note_digest, open};
use crate::{
    actions::{ActionError, Context},
    domain::{
        id::{AccountId, InquiryId, InquiryTemplateId, Shard, version_7},
        inquiry::InquiryStatus,
    },
    store::inquiries::{self, Wanted},
};

/// Which inquiries a listing is of; what is empty asks nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Any of these.
    pub ids: Vec<InquiryId>,
    /// Of any of these accounts.
    pub accounts: Vec<AccountId>,
    /// Of the accounts of any of these reference ids.
    pub references: Vec<String>,
    /// Of any of these templates.
    pub templates: Vec<InquiryTemplateId>,
    /// In any of these states.
    pub statuses: Vec<InquiryStatus>,
    /// With exactly this note.
    pub note: Option<String>,
    /// Made from this time on.
    pub from: Option<DateTime<Utc>>,
    /// Made before this time.
    pub until: Option<DateTime<Utc>>,
    /// What comes after this inquiry.
    pub after: Option<InquiryId>,
    /// What comes before it.
    pub before: Option<InquiryId>,
    /// At most so many.
    pub size: u16,
}

/// The inquiry of an id.
pub async fn find(context: &Context, id: InquiryId) -> Result<Option<OpenInquiry>, ActionError> {
    let mut connection = context.store.connection().await?;
    let row = inquiries::find(&mut connection, id).await?;
    drop(connection);
    row.map(|row| open(context, row)).transpose()
}

/// The inquiries that a filter asks for, the newest first, and whether there are more in that direction.
pub async fn list(context: &Context, filter: &Filter) -> Result<(Vec<OpenInquiry>, bool), ActionError> {
    let mut connection = context.store.connection().await?;
    let accounts = match (filter.accounts.is_empty(), filter.references.is_empty()) {
        (true, true) => None,
        (false, true) => Some(filter.accounts.clone()),
        (are_none_named, false) => {
            let mut found =
                inquiries::list_accounts_by_reference(&mut connection, &filter.references).await?;
            found.retain(|account| are_none_named || filter.accounts.contains(account));
            Some(found)
        }
    };
    let wanted = Wanted {
        ids: filter.ids.clone(),
        accounts,
        templates: filter.templates.clone(),
        statuses: filter.statuses.clone(),
        note_digest: filter.note.as_deref().map(|note| note_digest(context, note)),
        from: filter.from.map(earliest),
        until: filter.until.map(earliest),
        after: filter.after,
        before: filter.before,
        limit: i64::from(filter.size) + 1,
    };
    let mut rows = inquiries::list(&mut connection, &wanted).await?;
    drop(connection);
    let has_more = rows.len() > usize::from(filter.size);
    if has_more {
        // The one too many is the farthest from where the page begins.
        if filter.before.is_some() { drop(rows.remove(0)) } else { drop(rows.pop()) }
    }
    let opened = rows.into_iter().map(|row| open(context, row)).collect::<Result<_, _>>()?;
    Ok((opened, has_more))
}

/// The least id of that time: ids grow with it.
fn earliest(time: DateTime<Utc>) -> Uuid {
    version_7(u64::try_from(time.timestamp_millis()).unwrap_or(0), [0; 10], Shard(0))
}

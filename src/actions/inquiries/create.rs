//! Making an inquiry, with its account found or made.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::{
    OpenInquiry, TRIES, collect::collected, event, open, seal, submit::check_note, tags::check_tags,
    templates,
};
use crate::{
    actions::{
        ActionError, Context, Invalid,
        accounts::{self, NewAccount, refuse_retired},
    },
    domain::{
        account_type::AccountType,
        id::{AccountId, AccountTypeId, InquiryId, InquiryTemplateId, Shard},
        inquiry::{InquiryContent, InquiryStatus},
        inquiry_template::Expiration,
    },
    store::{
        accounts::{find, list_by_references, lock_all},
        events,
        inquiries::{self, InquiryRow},
        retention,
    },
};

/// Whose inquiry it is to be.
#[derive(Clone, Debug)]
pub enum Home {
    /// Of an account that is there.
    Account(AccountId),
    /// Of the account of a reference id; made when there is none.
    Reference(String),
    /// Of the account of a reference id, which must be there.
    Known(String),
    /// Of a new account.
    New,
    /// Of nobody.
    Nobody,
}

/// An inquiry to make.
#[derive(Clone)]
pub struct NewInquiry {
    /// What it is made by.
    pub template: InquiryTemplateId,
    /// Whose it is.
    pub home: Home,
    /// The type that a new account was asked to have; that of the template when nobody says.
    pub account_type: Option<AccountTypeId>,
    /// What is known already, by field key. Personal data.
    pub fields: Map<String, Value>,
    /// The customer's note. Personal, for all we know.
    pub note: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it expires, where that is not as its template says.
    pub expiration: Expiration,
}

/// Nothing personal.
impl fmt::Debug for NewInquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewInquiry").field("fields", &self.fields.keys()).finish_non_exhaustive()
    }
}

/// Makes an inquiry, and its account where that is to be made, in one transaction. An archived account refuses.
pub async fn create(context: &Context, actor: &str, new: &NewInquiry) -> Result<OpenInquiry, ActionError> {
    let mut tries = 1;
    loop {
        match try_create(context, actor, new).await {
            // The account of that reference id was made meanwhile: it is found next time.
            Err(ActionError::NotUnique(_)) if tries < TRIES && matches!(new.home, Home::Reference(_)) => {
                tries += 1;
            }
            Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn try_create(context: &Context, actor: &str, new: &NewInquiry) -> Result<OpenInquiry, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let (shown, account_type) = templates::get_for_new(&mut transaction, new.template).await?;
    if new.account_type.is_some_and(|wanted| wanted != shown.type_id) {
        let details = format!("the inquiry template is for accounts of type {}", account_type.name);
        return Err(ActionError::Invalid(vec![Invalid::at("/meta/auto-create-account-type-id", details)]));
    }
    let mut faults = Vec::new();
    check_note(new.note.as_deref(), &mut faults);
    check_tags(&new.tags, "/data/attributes/tags", &mut faults);
    if !faults.is_empty() {
        return Err(ActionError::Invalid(faults));
    }
    refuse_retired(&mut transaction, &new.tags).await?;
    let of = (&account_type, now.date_naive());
    let fields = collected(&shown.template, of, &Map::new(), &new.fields)?;
    let account = home(context, &mut transaction, actor, new, (shown.type_id, &account_type)).await?;
    let shard = match account {
        Some(account) => account.shard(),
        None => {
            let [shard] = context.random.bytes::<1>();
            Shard(shard)
        }
    };
    let id = InquiryId(context.new_uuid(shard));
    let own = shown.template.expiration;
    let seconds = |seconds: Option<u32>| seconds.and_then(|seconds| i32::try_from(seconds).ok());
    let mut tags = new.tags.clone();
    tags.sort_unstable();
    tags.dedup();
    let row = InquiryRow {
        id,
        account,
        reference_id: None,
        template_id: shown.template.id(),
        template: shown.template.name.clone(),
        status: InquiryStatus::Created,
        sealed_content: None,
        note_digest: None,
        key: None,
        tags,
        checks: json!([]),
        creator: actor.to_owned(),
        reviewer: None,
        created_at: now,
        updated_at: now,
        started_at: None,
        completed_at: None,
        failed_at: None,
        expired_at: None,
        marked_for_review_at: None,
        decided_at: None,
        redacted_at: None,
        expires_at: after(now, new.expiration.after_create.or(own.after_create)),
        expire_after_start: seconds(new.expiration.after_start.or(own.after_start)),
        expire_after_resume: seconds(new.expiration.after_resume.or(own.after_resume)),
    };
    let mut inquiry = OpenInquiry {
        row,
        content: InquiryContent { fields, note: new.note.clone(), comment: None },
        checks: Vec::new(),
    };
    seal(context, &mut transaction, &mut inquiry).await?;
    inquiries::insert(&mut transaction, &inquiry.row).await?;
    retention::insert_joined(&mut transaction, account.as_slice()).await?;
    let detail = json!({ "template": inquiry.row.template });
    let told = event(context, id, account, "inquiry.created", actor, detail);
    events::insert_all(&mut transaction, &[told], now).await?;
    let row = inquiries::find(&mut transaction, id).await?.ok_or(ActionError::NotFound(super::INQUIRY))?;
    transaction.commit().await?;
    open(context, row)
}

/// The account of the inquiry, found or made.
async fn home(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    new: &NewInquiry,
    (type_id, account_type): (AccountTypeId, &AccountType),
) -> Result<Option<AccountId>, ActionError> {
    let new_account = |reference_id: Option<String>| NewAccount { reference_id, ..NewAccount::default() };
    match &new.home {
        Home::Nobody => Ok(None),
        Home::New => Ok(Some(accounts::create(context, conn, actor, type_id, &new_account(None)).await?)),
        Home::Account(account) => {
            lock_all(conn, &[*account]).await?;
            let row = find(conn, *account).await?.ok_or(ActionError::NotFound("account of that id"))?;
            if row.archived_at.is_some() {
                return Err(ActionError::Archived);
            }
            if row.account_type != type_id {
                let details = format!("the inquiry template is for accounts of type {}", account_type.name);
                return Err(ActionError::Invalid(vec![Invalid::at("/data/attributes/account-id", details)]));
            }
            Ok(Some(*account))
        }
        Home::Reference(reference) | Home::Known(reference) => {
            let found = list_by_references(conn, type_id, std::slice::from_ref(reference)).await?;
            let Some(found) = found.first().map(|row| row.id) else {
                if matches!(new.home, Home::Known(_)) {
                    return Err(ActionError::NotFound("account of that reference id"));
                }
                let new = new_account(Some(reference.clone()));
                return Ok(Some(accounts::create(context, conn, actor, type_id, &new).await?));
            };
            lock_all(conn, &[found]).await?;
            let row = find(conn, found).await?.ok_or(ActionError::NotFound("account of that id"))?;
            if row.archived_at.is_some() { Err(ActionError::Archived) } else { Ok(Some(found)) }
        }
    }
}

/// So many seconds later.
pub(super) fn after(now: DateTime<Utc>, seconds: Option<impl Into<i64>>) -> Option<DateTime<Utc>> {
    seconds.and_then(|seconds| now.checked_add_signed(TimeDelta::seconds(seconds.into())))
}

//! Changing one account.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::{
    TRIES, fields,
    open::{self, OpenAccount},
    patch::{Patched, changed_keys, patched},
    rules,
};
use crate::{
    actions::{ActionError, Context},
    domain::{account_type::AccountType, id::AccountId, monitor::Trigger},
    store::{
        account_tags, account_tokens, account_types,
        accounts::{self, AccountRow, Changed},
        data_keys, enrolment,
        events::{self, Event},
        wakeups::{self, Urgency},
    },
    vault::DataKey,
};

/// What to change about an account; what is empty stays as it is.
#[derive(Clone, Default)]
pub struct Edit {
    /// Fields by key, each with its whole new value; null removes it. Personal data.
    pub fields: Map<String, Value>,
    /// Parts of fields that are hashes: the rest of the hash stays.
    pub parts: Vec<Part>,
    /// The status, by name.
    pub status: Option<String>,
    /// The reference id; none inside takes it away.
    pub reference_id: Option<Option<String>>,
    /// Tags to set beside those that are there.
    pub tags_add: Vec<String>,
    /// Tags to take off, whoever set them.
    pub tags_remove: Vec<String>,
    /// Exactly the tags to have: all others are taken off.
    pub tags_set: Option<Vec<String>>,
    /// The version that the change was made for: when the account has another, it is refused.
    pub expected_version: Option<i64>,
}

/// Nothing personal.
impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edit").field("fields", &self.fields.keys()).finish_non_exhaustive()
    }
}

/// A part of a field that is a hash, such as the last name.
#[derive(Clone)]
pub struct Part {
    /// The field's key.
    pub field: String,
    /// The part's key.
    pub key: String,
    /// Its value; null removes it. Personal data.
    pub value: Value,
}

/// What came of an edit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edited {
    /// The account's version now.
    pub version: i64,
    /// False when the account was as the edit says already: then nothing was written.
    pub changed: bool,
    /// The keys of the fields whose values changed.
    pub fields: Vec<String>,
}

/// Changes an account inside the caller's transaction; all of it or, with an error, nothing.
///
/// The account must be in no state that refuses it: archived, of another version than expected. After an
/// error of the database the transaction is of no more use.
pub async fn edit(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    account: AccountId,
    edit: &Edit,
) -> Result<Edited, ActionError> {
    let now = context.now();
    // Due rows are locked before accounts, everywhere: so look, wake, and only then lock. An account that
    // somebody else changes in between is woken by that change.
    let row = accounts::find(conn, account).await?.ok_or(ActionError::NotFound("account of that id"))?;
    let account_type = account_types::get(conn, row.account_type).await?;
    let looked = Change::of(context, &account_type, row, edit)?;
    if looked.is_screened {
        wake(conn, account, now).await?;
    }
    accounts::lock_all(conn, &[account]).await?;
    let row = accounts::find(conn, account).await?.ok_or(ActionError::NotFound("account of that id"))?;
    if edit.expected_version.is_some_and(|version| version != row.version) {
        return Err(ActionError::Stale);
    }
    let change = Change::of(context, &account_type, row, edit)?;
    // Changed by somebody else between the look and the lock, and now changed back.
    if change.is_screened && !looked.is_screened {
        wake(conn, account, now).await?;
    }
    change.write(context, conn, actor, &account_type, edit).await
}

/// Changes an account in a transaction of its own; returns it as it is then.
pub async fn edit_alone(
    context: &Context,
    actor: &str,
    account: AccountId,
    edit: &Edit,
) -> Result<OpenAccount, ActionError> {
    let mut tries = 1;
    loop {
        let mut transaction = context.store.transaction().await?;
        match self::edit(context, &mut transaction, actor, account, edit).await {
            Ok(_) => {
                let open = open::open(context, &mut transaction, account).await?;
                transaction.commit().await?;
                return Ok(open);
            }
            Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn wake(conn: &mut PgConnection, account: AccountId, now: DateTime<Utc>) -> Result<(), ActionError> {
    wakeups::insert_of_accounts(conn, &[account], Trigger::AccountChange, Urgency::Urgent, now).await?;
    Ok(())
}

/// What an edit makes of an account as it was read.
struct Change {
    row: AccountRow,
    before: Map<String, Value>,
    patched: Patched,
    key: Option<DataKey>,
    is_screened: bool,
}

impl Change {
    fn of(
        context: &Context,
        account_type: &AccountType,
        row: AccountRow,
        edit: &Edit,
    ) -> Result<Self, ActionError> {
        if row.archived_at.is_some() {
            return Err(ActionError::Archived);
        }
        let (before, key) = fields::opened(context, &row)?;
        let mut faults = Vec::new();
        rules::check_reference(edit.reference_id.as_ref().and_then(Option::as_deref), &mut faults);
        rules::check_status(account_type, edit.status.as_deref(), &mut faults);
        for tags in [&edit.tags_add, &edit.tags_remove].into_iter().chain(&edit.tags_set) {
            rules::check_tags(tags, &mut faults);
        }
        let of = (row.id, account_type);
        let patched = patched(context, of, &before, (&edit.fields, &edit.parts), &mut faults);
        if !faults.is_empty() {
            return Err(ActionError::Invalid(faults));
        }
        let is_screened = account_type.subject(&before) != account_type.subject(&patched.after);
        Ok(Self { row, before, patched, key, is_screened })
    }

    async fn write(
        self,
        context: &Context,
        conn: &mut PgConnection,
        actor: &str,
        account_type: &AccountType,
        edit: &Edit,
    ) -> Result<Edited, ActionError> {
        let now = context.now();
        let account = self.row.id;
        let mut told: Vec<Event> = Vec::new();
        let mut tell = |kind: &'static str, detail: Value| {
            told.push(context.event(account, kind, actor, detail));
        };
        let after = &self.patched.after;
        let keys = changed_keys(&self.before, after);
        // The same status, said by a person, is no longer a schedule's to take back.
        let is_news = |status: &&str| **status != self.row.status || self.row.status_schedule_id.is_some();
        let status = edit.status.as_deref().and_then(|status| account_type.status_key(status));
        let status = status.filter(is_news);
        let reference_id = edit.reference_id.as_ref().filter(|wanted| **wanted != self.row.reference_id);

        let present = account_tags::list(conn, account).await?;
        let mut tags = Tags::of(edit, present.clone());
        // What it has already, it keeps.
        tags.added.retain(|tag| !present.contains(tag));
        rules::refuse_retired(conn, &tags.added).await?;
        tags.added = account_tags::insert_all(
            conn,
            &tags.added.iter().map(|tag| (account, tag.as_str())).collect::<Vec<_>>(),
            None,
            now,
        )
        .await?
        .into_iter()
        .map(|(_, tag)| tag)
        .collect();
        tags.removed = account_tags::remove_all(conn, account, &tags.removed).await?;

        if !keys.is_empty() {
            tell("account.updated-fields", json!({ "fields": keys }));
        }
        if reference_id.is_some() {
            tell("account.updated-fields", json!({ "attributes": ["reference-id"] }));
        }
        if let Some(status) = status.filter(|status| **status != self.row.status) {
            let [from, to] = [self.row.status.as_str(), status].map(|key| account_type.status_name(key));
            tell("account.status-updated", json!({ "from": from, "to": to }));
        }
        for tag in &tags.added {
            tell("account.tag-added", json!({ "tag": tag }));
        }
        for tag in &tags.removed {
            tell("account.tag-removed", json!({ "tag": tag }));
        }
        if edit.tags_set.is_some() && !tags.is_empty() {
            let detail = json!({ "added-tags": tags.added, "removed-tags": tags.removed });
            tell("account.updated-tags", detail);
        }
        if keys.is_empty() && reference_id.is_none() && status.is_none() && tags.is_empty() {
            return Ok(Edited { version: self.row.version, changed: false, fields: keys });
        }
        let needs_key = !self.patched.files.is_empty() || !account_type.split(after).1.is_empty();
        let (key, new_key) = match self.key {
            None if needs_key => {
                let (key, stored) = context.keyring.new_data_key(account.0);
                (Some(key), Some((account.0, stored)))
            }
            key => (key, None),
        };
        let new_keys: Vec<_> = new_key.into_iter().collect();
        data_keys::insert_all(conn, &new_keys, now).await?;
        let (plain, sealed_fields) = fields::sealed(account_type, after, key.as_ref())?;
        let of_type = (self.row.account_type, account_type);
        if account_type.fields.iter().any(|field| field.is_indexed() && keys.contains(&field.key)) {
            let tokens = fields::tokens(context, of_type, account, after);
            if let Some(taken) = account_tokens::save_all(conn, &[account], &tokens).await?.pop() {
                return Err(ActionError::NotUnique(taken.field));
            }
        }
        let files = (self.patched.files.as_slice(), key.as_ref());
        fields::save_files(conn, (account, account_type), after, files, now).await?;
        let changed = Changed {
            id: account,
            reference_id: reference_id.cloned().unwrap_or(self.row.reference_id),
            status: status.map(str::to_owned),
            fields: plain,
            sealed_fields,
        };
        let version = match accounts::save(conn, &changed, now).await {
            Err(error) if error.duplicate_of().is_some() => {
                return Err(ActionError::NotUnique("reference-id".to_owned()));
            }
            version => version?,
        };
        events::insert_all(conn, &told, now).await?;
        enrolment::insert_queue(conn, &[account]).await?;
        Ok(Edited { version, changed: true, fields: keys })
    }
}

/// The tags that an edit sets and takes off.
struct Tags {
    added: Vec<String>,
    removed: Vec<String>,
}

impl Tags {
    fn of(edit: &Edit, present: Vec<String>) -> Self {
        let mut added = edit.tags_add.clone();
        let mut removed = edit.tags_remove.clone();
        if let Some(wanted) = &edit.tags_set {
            removed.extend(present.into_iter().filter(|tag| !wanted.contains(tag)));
            added.extend(wanted.iter().cloned());
        }
        // Who asks for both means the tag to be there.
        removed.retain(|tag| !added.contains(tag));
        Self { added, removed }
    }

    const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

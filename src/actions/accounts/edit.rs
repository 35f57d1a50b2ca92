//! Changing one account.

use std::fmt;

use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::{
    TRIES, fields,
    open::{self, OpenAccount},
    rules,
};
use crate::{
    actions::{ActionError, Context, Invalid},
    domain::{account_type::AccountType, id::AccountId, monitor::Trigger},
    store::{
        account_tags, account_types,
        accounts::{self, AccountRow, Changed},
        data_keys, enrolment,
        events::{self, Event},
        wakeups::{self, Urgency},
    },
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

async fn wake(
    conn: &mut PgConnection,
    account: AccountId,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), ActionError> {
    wakeups::insert_of_accounts(conn, &[account], Trigger::AccountChange, Urgency::Urgent, now).await?;
    Ok(())
}

/// What an edit makes of an account as it was read.
struct Change {
    row: AccountRow,
    before: Map<String, Value>,
    after: Map<String, Value>,
    key: Option<crate::vault::DataKey>,
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
        let after = patched(account_type, &before, &edit.fields, &edit.parts, &mut faults);
        if !faults.is_empty() {
            return Err(ActionError::Invalid(faults));
        }
        let is_screened = account_type.subject(&before) != account_type.subject(&after);
        Ok(Self { row, before, after, key, is_screened })
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
        let keys = changed_keys(&self.before, &self.after);
        // The same status, said by a person, is no longer a schedule's to take back.
        let is_news = |status: &&String| **status != self.row.status || self.row.status_schedule_id.is_some();
        let status = edit.status.as_ref().filter(is_news);
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
            tell("account.status-updated", json!({ "from": self.row.status, "to": status }));
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
        let kept = fields::kept(context, account_type, account, &self.after, self.key)?;
        let new_keys: Vec<_> = kept.new_key.into_iter().map(|key| (account.0, key)).collect();
        data_keys::insert_all(conn, &new_keys, now).await?;
        let changed = Changed {
            id: account,
            reference_id: reference_id.cloned().unwrap_or(self.row.reference_id),
            status: status.cloned(),
            fields: kept.plain,
            sealed_fields: kept.sealed,
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

/// The fields `before` with what a patch makes of them; what it may not, is a fault each.
pub(crate) fn patched(
    account_type: &AccountType,
    before: &Map<String, Value>,
    patch: &Map<String, Value>,
    parts: &[Part],
    faults: &mut Vec<Invalid>,
) -> Map<String, Value> {
    let mut whole = patch.clone();
    for part in parts {
        let kept = before.get(&part.field).filter(|value| value.is_object());
        let hash =
            whole.entry(part.field.clone()).or_insert_with(|| kept.cloned().unwrap_or_else(|| json!({})));
        if let Some(hash) = hash.as_object_mut() {
            hash.insert(part.key.clone(), part.value.clone());
        }
    }
    let mut after = before.clone();
    for (key, value) in whole {
        let at = || format!("/data/attributes/fields/{}", escaped(&key));
        let Some(field) = account_type.field(&key) else {
            let details = format!("accounts of type {} have no such field", account_type.name);
            faults.push(Invalid::at(at(), details));
            continue;
        };
        match field.check(&value) {
            Ok(Value::Null) => drop(after.remove(&key)),
            Ok(value) => drop(after.insert(key, value)),
            Err(fault) => faults.push(Invalid::at(at(), fault.to_string())),
        }
    }
    after
}

/// A key as a JSON pointer writes it.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn changed_keys(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let mut keys: Vec<String> = after
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(value))
        .map(|(key, _)| key.clone())
        .collect();
    keys.extend(before.keys().filter(|key| !after.contains_key(*key)).cloned());
    keys.sort_unstable();
    keys
}

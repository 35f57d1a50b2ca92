//! Making one account.

use std::fmt;

use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::{
    TRIES,
    edit::Part,
    fields,
    open::{self, OpenAccount},
    patch::{patched, with_defaults},
    rules,
};
use crate::{
    actions::{ActionError, Context, Invalid},
    domain::id::{AccountId, AccountTypeId},
    store::{account_tags, account_tokens, account_types, accounts, data_keys, enrolment, events},
};

/// An account to make.
#[derive(Clone, Default)]
pub struct NewAccount {
    /// The customer's own id of it, unique within the type whatever its case.
    pub reference_id: Option<String>,
    /// Its status, by name; the type's default when not given.
    pub status: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its fields by key. Personal data.
    pub fields: Map<String, Value>,
    /// Parts of its fields that are hashes.
    pub parts: Vec<Part>,
}

/// Nothing personal.
impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccount").field("fields", &self.fields.keys()).finish_non_exhaustive()
    }
}

/// Makes an account inside the caller's transaction. Enrolment looks at it within seconds of the commit.
///
/// A reference id that is taken is refused ([`ActionError::NotUnique`]) and leaves the transaction usable. When a
/// unique field's value is taken, the transaction has to be given up.
pub async fn create(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    account_type: AccountTypeId,
    new: &NewAccount,
) -> Result<AccountId, ActionError> {
    let now = context.now();
    let type_id = account_type;
    let account_type =
        account_types::find(conn, type_id).await?.ok_or(ActionError::NotFound("account type of that id"))?;
    let mut faults = Vec::new();
    rules::check_reference(new.reference_id.as_deref(), &mut faults);
    rules::check_status(&account_type, new.status.as_deref(), &mut faults);
    rules::check_tags(&new.tags, &mut faults);
    let id = AccountId(context.new_uuid(context.new_shard()));
    let of = (id, &account_type);
    let mut patched = patched(context, of, &Map::new(), (&new.fields, &new.parts), &mut faults);
    with_defaults(&account_type, &new.fields, &mut patched.after);
    let fields = patched.after;
    for field in account_type.lacking(&fields).filter(|field| !new.fields.contains_key(&field.key)) {
        faults.push(Invalid::at(format!("/data/attributes/fields/{}", field.key), "is required"));
    }
    if !faults.is_empty() {
        return Err(ActionError::Invalid(faults));
    }
    rules::refuse_retired(conn, &new.tags).await?;
    let needs_key = !patched.files.is_empty() || !account_type.split(&fields).1.is_empty();
    let key = needs_key.then(|| context.keyring.new_data_key(id.0));
    let (plain, sealed_fields) = fields::sealed(&account_type, &fields, key.as_ref().map(|(key, _)| key))?;
    let status = new.status.as_deref().and_then(|status| account_type.status_key(status));
    let row = accounts::NewAccount {
        id,
        account_type: type_id,
        reference_id: new.reference_id.clone(),
        status: status.unwrap_or(&account_type.default_status).to_owned(),
        fields: plain,
        sealed_fields,
    };
    if accounts::insert_all(conn, &[row], now).await?.is_empty() {
        return Err(ActionError::NotUnique("reference-id".to_owned()));
    }
    let (key, stored) = key.unzip();
    let keys: Vec<_> = stored.into_iter().map(|stored| (id.0, stored)).collect();
    data_keys::insert_all(conn, &keys, now).await?;
    let tokens = fields::tokens(context, (type_id, &account_type), id, &fields);
    if let Some(taken) = account_tokens::insert_all(conn, &tokens).await?.pop() {
        return Err(ActionError::NotUnique(taken.field));
    }
    let files = (patched.files.as_slice(), key.as_ref());
    fields::save_files(conn, (id, &account_type), &fields, files, now).await?;
    let mut told = vec![context.event(id, "account.created", actor, json!({ "type": account_type.name }))];
    let tags: Vec<_> = new.tags.iter().map(|tag| (id, tag.as_str())).collect();
    for (_, tag) in account_tags::insert_all(conn, &tags, None, now).await? {
        told.push(context.event(id, "account.tag-added", actor, json!({ "tag": tag })));
    }
    events::insert_all(conn, &told, now).await?;
    enrolment::insert_queue(conn, &[id]).await?;
    Ok(id)
}

/// Makes an account in a transaction of its own; returns it.
pub async fn create_alone(
    context: &Context,
    actor: &str,
    account_type: AccountTypeId,
    new: &NewAccount,
) -> Result<OpenAccount, ActionError> {
    let mut tries = 1;
    loop {
        let mut transaction = context.store.transaction().await?;
        match create(context, &mut transaction, actor, account_type, new).await {
            Ok(id) => {
                let open = open::open(context, &mut transaction, id).await?;
                transaction.commit().await?;
                return Ok(open);
            }
            Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

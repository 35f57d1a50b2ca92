//! Making one account.

use std::fmt;

use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::{
    TRIES,
    edit::{Part, patched},
    fields,
    open::{self, OpenAccount},
    rules,
};
use crate::{
    actions::{ActionError, Context, Invalid},
    domain::id::{AccountId, AccountTypeId, Shard},
    store::{account_tags, account_types, accounts, data_keys, enrolment, events},
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
/// A reference id that is taken is refused ([`ActionError::NotUnique`]) and leaves the transaction usable.
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
    let fields = patched(&account_type, &Map::new(), &new.fields, &new.parts, &mut faults);
    for field in account_type.lacking(&fields).filter(|field| !new.fields.contains_key(&field.key)) {
        faults.push(Invalid::at(format!("/data/attributes/fields/{}", field.key), "is required"));
    }
    if !faults.is_empty() {
        return Err(ActionError::Invalid(faults));
    }
    rules::refuse_retired(conn, &new.tags).await?;
    let [shard] = context.random.bytes::<1>();
    let id = AccountId(context.new_uuid(Shard(shard)));
    let kept = fields::kept(context, &account_type, id, &fields, None)?;
    let row = accounts::NewAccount {
        id,
        account_type: type_id,
        reference_id: new.reference_id.clone(),
        status: new.status.clone().unwrap_or_else(|| account_type.default_status.clone()),
        fields: kept.plain,
        sealed_fields: kept.sealed,
    };
    if accounts::insert_all(conn, &[row], now).await?.is_empty() {
        return Err(ActionError::NotUnique("reference-id".to_owned()));
    }
    let keys: Vec<_> = kept.new_key.into_iter().map(|key| (id.0, key)).collect();
    data_keys::insert_all(conn, &keys, now).await?;
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

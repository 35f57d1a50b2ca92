//! Transactions: made, read, changed, redacted.

mod redact;

use std::{collections::HashMap, fmt};

use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

pub use redact::redact;
pub(super) use redact::redact_all;

use super::{
    ActionError, Context, Invalid,
    accounts::{is_plain, with_defaults},
    transaction_types::{self, TRANSACTION},
};
use crate::{
    domain::{
        account_type::{AccountType, WritePolicy, pointer_part},
        id::{Shard, TransactionId, TransactionTypeId},
    },
    store::{
        data_keys, events, tags,
        transaction_types::TypeRow,
        transactions::{self, Saved, TransactionRow, Wanted},
    },
    vault::{DataKey, Purpose},
};

/// What to make of a transaction, or to change about it; what is not given stays as it is.
#[derive(Clone, Default)]
pub struct TransactionEdit {
    /// The customer's own id of it; none inside takes it away.
    pub reference_id: Option<Option<String>>,
    /// Its status, by name.
    pub status: Option<String>,
    /// Exactly the tags to have.
    pub tags: Option<Vec<String>>,
    /// Fields by key, each with its whole new value; null removes it. Personal data.
    pub fields: Map<String, Value>,
}

/// Nothing personal.
impl fmt::Debug for TransactionEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionEdit").field("fields", &self.fields.keys()).finish_non_exhaustive()
    }
}

/// A transaction, opened.
#[derive(Clone)]
pub struct OpenTransaction {
    /// Its id.
    pub id: TransactionId,
    /// Its type.
    pub transaction_type: TypeRow,
    /// The customer's own id of it.
    pub reference_id: Option<String>,
    /// Its status.
    pub status: String,
    /// Its tags, by name.
    pub tags: Vec<String>,
    /// Its fields, plain and sealed together: personal data.
    pub fields: Map<String, Value>,
    /// When it was made.
    pub created_at: chrono::DateTime<chrono::Utc>,
    /// When it last changed.
    pub updated_at: chrono::DateTime<chrono::Utc>,
    /// When its personal data was last destroyed.
    pub redacted_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// Nothing personal.
impl fmt::Debug for OpenTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transaction {}", self.id)
    }
}

/// Makes a transaction of a type.
pub async fn create(
    context: &Context,
    actor: &str,
    type_id: TransactionTypeId,
    new: &TransactionEdit,
) -> Result<OpenTransaction, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let of = transaction_types::get_in(&mut transaction, type_id).await?;
    let schema = of.definition.as_schema();
    let mut faults = check(schema, new);
    let mut fields = patched(schema, &Map::new(), &new.fields, &mut faults);
    with_defaults(schema, &new.fields, &mut fields);
    for field in schema.lacking(&fields).filter(|field| !new.fields.contains_key(&field.key)) {
        faults.push(Invalid::at(format!("/data/attributes/fields/{}", field.key), "is required"));
    }
    refuse(faults)?;
    let [shard] = context.random.bytes::<1>();
    let id = TransactionId(context.new_uuid(Shard(shard)));
    let (plain, sealed_fields) = seal(context, &mut transaction, schema, id, &fields).await?;
    let saved = Saved {
        id,
        transaction_type: type_id,
        reference_id: new.reference_id.clone().flatten(),
        status: status_key(schema, new.status.as_deref()).unwrap_or_else(|| schema.default_status.clone()),
        fields: plain,
        sealed_fields,
    };
    if !transactions::insert(&mut transaction, &saved, now).await? {
        return Err(taken());
    }
    save_tags(&mut transaction, context, id, new.tags.as_deref()).await?;
    tell(context, &mut transaction, actor, "transaction.created", id, json!({ "type": schema.name })).await?;
    let open = open_in(context, &mut transaction, id).await?;
    transaction.commit().await?;
    Ok(open)
}

/// Changes a transaction.
pub async fn change(
    context: &Context,
    actor: &str,
    id: TransactionId,
    edit: &TransactionEdit,
) -> Result<OpenTransaction, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let (row, of) = lock(&mut transaction, id).await?;
    let schema = of.definition.as_schema();
    let mut faults = check(schema, edit);
    let before = opened(context, &row)?;
    let after = patched(schema, &before, &edit.fields, &mut faults);
    refuse(faults)?;
    let (fields, sealed_fields) = if after == before {
        (row.saved.fields, row.saved.sealed_fields)
    } else {
        seal(context, &mut transaction, schema, id, &after).await?
    };
    let saved = Saved {
        reference_id: edit.reference_id.clone().unwrap_or(row.saved.reference_id),
        status: status_key(schema, edit.status.as_deref()).unwrap_or(row.saved.status),
        fields,
        sealed_fields,
        ..row.saved
    };
    if !transactions::save(&mut transaction, &saved, (row.redacted_at, after != before), now).await? {
        return Err(taken());
    }
    save_tags(&mut transaction, context, id, edit.tags.as_deref()).await?;
    let keys: Vec<&String> = edit.fields.keys().collect();
    tell(context, &mut transaction, actor, "transaction.updated", id, json!({ "fields": keys })).await?;
    let open = open_in(context, &mut transaction, id).await?;
    transaction.commit().await?;
    Ok(open)
}

/// Adds and removes tags of a transaction; `set` has it have exactly these.
pub async fn tag(
    context: &Context,
    actor: &str,
    id: TransactionId,
    make: impl FnOnce(Vec<String>) -> Vec<String>,
) -> Result<OpenTransaction, ActionError> {
    let mut transaction = context.store.transaction().await?;
    lock(&mut transaction, id).await?;
    let before = transactions::list_tags(&mut transaction, id).await?;
    let after = make(before.clone());
    if after.iter().any(|tag| !before.contains(tag) && !is_plain(tag)) {
        return Err(ActionError::Invalid(vec![Invalid::at("/meta/tag-name", PLAIN)]));
    }
    if after.len() > before.len().max(MOST_TAGS) {
        return Err(ActionError::Refused("a transaction has at most 100 tags"));
    }
    if after != before {
        save_tags(&mut transaction, context, id, Some(&after)).await?;
        let detail = json!({
            "added-tags": after.iter().filter(|tag| !before.contains(tag)).collect::<Vec<_>>(),
            "removed-tags": before.iter().filter(|tag| !after.contains(tag)).collect::<Vec<_>>(),
        });
        tell(context, &mut transaction, actor, "transaction.updated-tags", id, detail).await?;
    }
    let open = open_in(context, &mut transaction, id).await?;
    transaction.commit().await?;
    Ok(open)
}

/// The fields of those of transactions that there are, plain and sealed together: personal data.
pub(super) async fn fields_of_all(
    context: &Context,
    conn: &mut PgConnection,
    ids: &[TransactionId],
) -> Result<HashMap<TransactionId, Map<String, Value>>, ActionError> {
    let rows = transactions::find_all(conn, ids).await?;
    rows.into_iter().map(|row| Ok((row.saved.id, opened(context, &row)?))).collect()
}

/// Opens a transaction.
pub async fn open(context: &Context, id: TransactionId) -> Result<OpenTransaction, ActionError> {
    let mut connection = context.store.connection().await?;
    open_in(context, &mut connection, id).await
}

/// Opens a page of transactions, the newest first.
pub async fn list(context: &Context, wanted: &Wanted) -> Result<Vec<OpenTransaction>, ActionError> {
    let mut connection = context.store.connection().await?;
    let ids = transactions::list(&mut connection, wanted).await?;
    let mut opened = Vec::with_capacity(ids.len());
    for id in ids {
        opened.push(open_in(context, &mut connection, id).await?);
    }
    Ok(opened)
}

async fn open_in(
    context: &Context,
    conn: &mut PgConnection,
    id: TransactionId,
) -> Result<OpenTransaction, ActionError> {
    let row = transactions::find(conn, id).await?.ok_or(ActionError::NotFound(TRANSACTION))?;
    let transaction_type = transaction_types::get_in(conn, row.saved.transaction_type).await?;
    let status = transaction_type.definition.as_schema().status_name(&row.saved.status).to_owned();
    Ok(OpenTransaction {
        id,
        transaction_type,
        tags: transactions::list_tags(conn, id).await?,
        fields: opened(context, &row)?,
        reference_id: row.saved.reference_id,
        status,
        created_at: row.created_at,
        updated_at: row.updated_at,
        redacted_at: row.redacted_at,
    })
}

async fn lock(conn: &mut PgConnection, id: TransactionId) -> Result<(TransactionRow, TypeRow), ActionError> {
    transactions::lock_type(conn, id).await?.ok_or(ActionError::NotFound(TRANSACTION))?;
    let row = transactions::find(conn, id).await?.ok_or(ActionError::NotFound(TRANSACTION))?;
    let of = transaction_types::get_in(conn, row.saved.transaction_type).await?;
    Ok((row, of))
}

const PLAIN: &str =
    "accepted is a text of 1 to 255 characters without control characters, and without blanks around it";

/// How many tags one may have.
const MOST_TAGS: usize = 100;

fn check(schema: &AccountType, edit: &TransactionEdit) -> Vec<Invalid> {
    let mut faults = Vec::new();
    if edit.reference_id.as_ref().and_then(Option::as_deref).is_some_and(|text| !is_plain(text)) {
        faults.push(Invalid::at("/data/attributes/reference-id", PLAIN));
    }
    if edit.status.as_deref().is_some_and(|status| !schema.has_status(status)) {
        let details = format!("accepted is one of {}", schema.status_names().join(", "));
        faults.push(Invalid::at("/data/attributes/status", details));
    }
    for (place, _) in edit.tags.iter().flatten().enumerate().filter(|(_, tag)| !is_plain(tag)) {
        faults.push(Invalid::at(format!("/data/attributes/tags/{place}"), PLAIN));
    }
    if edit.tags.as_ref().is_some_and(|tags| tags.len() > MOST_TAGS) {
        faults.push(Invalid::at("/data/attributes/tags", "accepted are at most 100 tags"));
    }
    faults
}

/// The key of the status of a name that was checked.
fn status_key(schema: &AccountType, name: Option<&str>) -> Option<String> {
    schema.status_key(name?).map(str::to_owned)
}

/// The fields `before` with what a patch makes of them; what it may not do is a fault each.
fn patched(
    schema: &AccountType,
    before: &Map<String, Value>,
    patch: &Map<String, Value>,
    faults: &mut Vec<Invalid>,
) -> Map<String, Value> {
    let mut after = before.clone();
    for (key, value) in patch {
        let at = format!("/data/attributes/fields/{}", pointer_part(key));
        let Some(field) = schema.field(key) else {
            let details = format!("transactions of type {} have no such field", schema.name);
            faults.push(Invalid::at(at, details));
            continue;
        };
        match field.check(value) {
            Ok(value)
                if field.write_policy == WritePolicy::WriteOnce
                    && before.get(key).is_some_and(|old| *old != value) =>
            {
                faults.push(Invalid::at(at, "is written once, and has a value"));
            }
            Ok(Value::Null) => drop(after.remove(key)),
            Ok(value) => drop(after.insert(key.clone(), value)),
            Err(refused) => faults.extend(
                refused.into_iter().map(|fault| Invalid::at(format!("{at}{}", fault.path), fault.details)),
            ),
        }
    }
    after
}

fn refuse(faults: Vec<Invalid>) -> Result<(), ActionError> {
    if faults.is_empty() { Ok(()) } else { Err(ActionError::Invalid(faults)) }
}

fn taken() -> ActionError {
    ActionError::Conflict("another transaction of the type has the same reference-id".to_owned())
}

fn opened(context: &Context, row: &TransactionRow) -> Result<Map<String, Value>, ActionError> {
    let mut fields = row.saved.fields.as_object().cloned().unwrap_or_default();
    if let (Some(stored), Some(sealed)) = (&row.key, &row.saved.sealed_fields) {
        let key: DataKey = context.keyring.unwrap(row.saved.id.0, stored)?;
        fields.extend(key.open::<Map<String, Value>>(Purpose::TransactionFields, sealed)?);
    }
    Ok(fields)
}

/// Parts fields into plain and sealed ones.
async fn seal(
    context: &Context,
    conn: &mut PgConnection,
    schema: &AccountType,
    id: TransactionId,
    fields: &Map<String, Value>,
) -> Result<(Value, Option<Vec<u8>>), ActionError> {
    let (plain, personal) = schema.split(fields);
    if personal.is_empty() {
        return Ok((Value::Object(plain), None));
    }
    let object: Uuid = id.0;
    let mut keys = data_keys::get_or_insert(conn, &context.keyring, &[object], context.now()).await?;
    let key = keys.remove(&object).expect("`get_or_insert` makes what is missing");
    Ok((Value::Object(plain), Some(key.seal(Purpose::TransactionFields, &personal)?)))
}

async fn save_tags(
    conn: &mut PgConnection,
    context: &Context,
    id: TransactionId,
    names: Option<&[String]>,
) -> Result<(), ActionError> {
    let Some(names) = names else { return Ok(()) };
    // What it has already, it keeps.
    let present = transactions::list_tags(conn, id).await?;
    let new: Vec<String> = names.iter().filter(|name| !present.contains(name)).cloned().collect();
    let retired = tags::list_retired(conn, &new).await?;
    if let Some(name) = retired.first() {
        return Err(ActionError::Conflict(format!("the tag {name} is retired")));
    }
    transactions::save_tags(conn, id, names, context.now()).await?;
    Ok(())
}

async fn tell(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    kind: &'static str,
    id: TransactionId,
    detail: Value,
) -> Result<(), ActionError> {
    let mut event = context.event_of_all(kind, actor, detail);
    event.object = Some(id.0);
    events::insert_all(conn, &[event], context.now()).await?;
    Ok(())
}

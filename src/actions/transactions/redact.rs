//! The end of the personal data of transactions.

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{OpenTransaction, lock, open_in, opened};
use crate::{
    actions::{
        ActionError, Context, erasure, retention,
        transaction_types::{self, TRANSACTION},
    },
    domain::{
        id::{TransactionId, TransactionTypeId},
        retention::RetainedKind,
    },
    store::{
        data_keys, events, idempotency,
        redactions::{self, KeptTransaction},
        transaction_types::TypeRow,
        transactions,
    },
    vault::Purpose,
};

/// Destroys the personal data of a transaction; fields that are not marked pii stay. Redacting what holds nothing
/// personal since it was redacted is refused.
pub async fn redact(
    context: &Context,
    actor: &str,
    id: TransactionId,
) -> Result<OpenTransaction, ActionError> {
    let mut transaction = context.store.transaction().await?;
    retention::refuse(context, &mut transaction, actor, RetainedKind::Transaction, id.0).await?;
    let (row, of) = lock(&mut transaction, id).await?;
    let fields = opened(context, &row)?;
    if row.redacted_at.is_some() && fields.keys().all(|key| of.definition.as_schema().stays_on_redaction(key))
    {
        return Err(ActionError::Refused("the transaction is redacted already"));
    }
    redact_all(context, &mut transaction, actor, &BTreeMap::from([(id, json!({}))])).await?;
    let open = open_in(context, &mut transaction, id).await?;
    erasure::commit(context, transaction).await?;
    Ok(open)
}

/// The same of many inside the caller's transaction, which has asked whether it may, and has locked them; each with what
/// else its event tells.
pub(in crate::actions) async fn redact_all(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    wanted: &BTreeMap<TransactionId, Value>,
) -> Result<(), ActionError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let now = context.now();
    let ids: Vec<TransactionId> = wanted.keys().copied().collect();
    let objects: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = transactions::find_all(conn, &ids).await?;
    if rows.len() < ids.len() {
        return Err(ActionError::NotFound(TRANSACTION));
    }
    let mut types: HashMap<TransactionTypeId, TypeRow> = HashMap::new();
    let mut kept = Vec::with_capacity(rows.len());
    for row in &rows {
        let id = row.saved.transaction_type;
        let of = match types.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(transaction_types::get_in(conn, id).await?),
        };
        let schema = of.definition.as_schema();
        let mut stays = opened(context, row)?;
        stays.retain(|key, _| schema.stays_on_redaction(key));
        kept.push((row.saved.id, schema.split(&stays)));
    }
    erasure::begin(conn).await?;
    data_keys::remove_all(conn, &objects).await?;
    idempotency::remove_of_objects(conn, &objects).await?;
    let sealed: Vec<Uuid> =
        kept.iter().filter(|(_, (_, personal))| !personal.is_empty()).map(|(id, _)| id.0).collect();
    let keys = data_keys::get_or_insert(conn, &context.keyring, &sealed, now).await?;
    let mut saved = Vec::with_capacity(kept.len());
    for (id, (plain, personal)) in kept {
        let key = keys.get(&id.0);
        let sealed_fields = key.map(|key| key.seal(Purpose::TransactionFields, &personal)).transpose()?;
        saved.push(KeptTransaction { id, fields: Value::Object(plain), sealed_fields });
    }
    redactions::save_transactions(conn, &saved, now).await?;
    let counts = json!({ "transactions": 1 });
    let details = wanted.iter().map(|(id, detail)| (id.0, (detail.clone(), counts.clone())));
    let details = erasure::told_of_all(conn, details.collect()).await?;
    let told: Vec<_> = details
        .into_iter()
        .map(|(id, detail)| {
            let mut event = context.event_of_all("transaction.redacted", actor, detail);
            event.object = Some(id);
            event
        })
        .collect();
    Ok(events::insert_all(conn, &told, now).await?)
}

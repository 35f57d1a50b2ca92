//! What every redaction does besides: it notes which keys it destroyed, and counts of what they sealed.
//!
//! A redaction begins with [`begin`], destroys what it destroys, and tells of it with the detail that [`told`] makes;
//! so the audit log has it, and a certificate can be made of it.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    ActionError, Context,
    ledger::{self, Part},
};
use crate::{
    domain::id::{AccountId, Shard},
    store::{
        Transaction, audit,
        erasures::{self, Counts, ErasedKey},
        standings::Standing,
    },
};

/// Says that the transaction is a redaction: keys that it deletes from here on are noted.
pub async fn begin(conn: &mut PgConnection) -> Result<(), ActionError> {
    Ok(erasures::begin(conn).await?)
}

/// Commits a redaction: noted in the erasure ledger before, and as done after. Only then is it to be reported. Where the
/// ledger cannot be written, nothing is redacted. Once it has begun it goes to its end, whoever waits for it.
pub async fn commit(context: &Context, mut transaction: Transaction) -> Result<(), ActionError> {
    let Some(ledger) = &context.ledger else { return Ok(transaction.commit().await?) };
    let erased = erasures::list(&mut transaction).await?;
    if erased.is_empty() {
        return Ok(transaction.commit().await?);
    }
    let audit_sequence = audit::head(&mut transaction).await?.map_or(0, |(sequence, _)| sequence);
    let mut intent = ledger::intent(context.new_uuid(Shard(0)), context.now(), audit_sequence);
    intent.transaction = Some(erasures::transaction(&mut transaction).await?);
    intent.keys = erased.iter().map(|one| (one.key.object.to_string(), one.key.key_id.to_string())).collect();
    let more = erased.into_iter().filter(|one| one.fields.is_some() || one.successor.is_some());
    intent.parts = more
        .map(|one| Part {
            key: one.key.key_id.to_string(),
            fields: one.fields,
            kept: one.kept,
            successor: one.successor.map(|key| key.to_string()),
        })
        .collect();
    ledger::carry(context, ledger, transaction, intent).await
}

/// Adds to an event's detail the keys of objects that the transaction has destroyed so far, and counts of what they
/// sealed.
pub async fn told(
    conn: &mut PgConnection,
    objects: &[Uuid],
    mut detail: Value,
    counts: Value,
) -> Result<Value, ActionError> {
    let keys = erasures::list_of(conn, objects).await?;
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("keys".to_owned(), written(&keys));
        detail.insert("counts".to_owned(), counts);
    }
    Ok(detail)
}

/// As [`told`] for each of many objects, with its own detail and counts.
pub async fn told_of_all(
    conn: &mut PgConnection,
    wanted: BTreeMap<Uuid, (Value, Value)>,
) -> Result<BTreeMap<Uuid, Value>, ActionError> {
    let objects: Vec<Uuid> = wanted.keys().copied().collect();
    let mut keys: BTreeMap<Uuid, Vec<ErasedKey>> = BTreeMap::new();
    for key in erasures::list_of(conn, &objects).await? {
        keys.entry(key.object).or_default().push(key);
    }
    let told = wanted.into_iter().map(|(object, (mut detail, counts))| {
        if let Some(detail) = detail.as_object_mut() {
            detail.insert("keys".to_owned(), written(keys.get(&object).map_or(&[], Vec::as_slice)));
            detail.insert("counts".to_owned(), counts);
        }
        (object, detail)
    });
    Ok(told.collect())
}

/// What the events of redacted accounts tell besides: keys and counts of a family in the event of its head, and in those
/// of the others what they were consolidated into.
pub async fn of_accounts(
    conn: &mut PgConnection,
    members: &[Standing],
    counts: &[(AccountId, Counts)],
) -> Result<HashMap<AccountId, Value>, ActionError> {
    let heads: HashMap<AccountId, AccountId> = members
        .iter()
        .map(|member| (member.account, member.consolidated_into.unwrap_or(member.account)))
        .collect();
    let mut erased: HashMap<AccountId, (Vec<ErasedKey>, Counts)> = HashMap::new();
    for (account, key) in erasures::list_by_account(conn).await? {
        if let Some(head) = heads.get(&account) {
            erased.entry(*head).or_default().0.push(key);
        }
    }
    for (account, counts) in counts {
        if let Some(head) = heads.get(account) {
            erased.entry(*head).or_default().1.add(counts);
        }
    }
    let told = heads.into_iter().map(|(account, head)| {
        if account == head {
            let (keys, counts) = erased.get(&head).cloned().unwrap_or_default();
            (account, json!({ "keys": written(&keys), "counts": counts }))
        } else {
            (account, json!({ "destination-account-id": head }))
        }
    });
    Ok(told.collect())
}

fn written(keys: &[ErasedKey]) -> Value {
    json!(keys.iter().map(|key| [key.object.to_string(), key.key_id.to_string()]).collect::<Vec<_>>())
}

//! The audit log: numbering, listing, proving.

mod certificate;
mod verify;
mod view;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

pub use crate::store::audit::Wanted;
pub use certificate::{Certificate, Doubt, certificate, doubt};
pub use verify::{Fault, Verified, verify};
pub use view::EntryView;

use super::{ActionError, Context};
use crate::{
    domain::{
        audit::{Chained, Entry, ids_in},
        id::{EnvironmentId, Shard},
    },
    store::{self, audit},
};

/// How many entries one transaction numbers.
const BATCH: i64 = 2000;

/// For how long before now a walk for pending entries looks back, when it is not one from the beginning.
const LOOK_BACK: Duration = Duration::from_mins(1);

/// Numbers a batch of what waits; from the beginning, or only what is young. Tells whether there may be more.
pub async fn sequence_in(
    context: &Context,
    conn: &mut PgConnection,
    from_beginning: bool,
) -> Result<bool, ActionError> {
    let young = u64::try_from((context.now() - LOOK_BACK).timestamp_millis()).unwrap_or(0);
    let from = if from_beginning { Uuid::nil() } else { Uuid::from_u128(u128::from(young) << 80) };
    let numbered = audit::sequence(conn, &context.digest_key.chain(), from, BATCH).await?;
    Ok(i64::try_from(numbered).is_ok_and(|numbered| numbered >= BATCH))
}

/// Numbers all that waits.
pub async fn settle(context: &Context) -> Result<(), ActionError> {
    let batch = async || {
        let mut transaction = context.store.transaction().await?;
        let more = sequence_in(context, &mut transaction, true).await?;
        transaction.commit().await?;
        Ok::<_, ActionError>(more)
    };
    while store::within(batch()).await? {}
    Ok(())
}

/// The key of a reading's detail that says of which kinds its objects are.
const SHOWN: &str = "shown";

/// An object that was shown: the prefix of its kind's ids, such as `act`, and its id.
pub type Shown = (&'static str, Uuid);

/// Something that was read or shown.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What was done, such as `account.read`.
    pub operation: String,
    /// What was shown.
    pub objects: Vec<Shown>,
    /// Who asked.
    pub actor: String,
    /// More about it, in words of ours.
    pub detail: Value,
}

/// The entry of a reading by the origin of `context`.
pub fn entry_of_reading(context: &Context, reading: Reading, at: DateTime<Utc>) -> Entry {
    let Reading { operation, objects: mut shown, actor, mut detail } = reading;
    shown.sort_unstable();
    shown.dedup();
    if let Value::Object(detail) = &mut detail {
        detail.insert(SHOWN.to_owned(), kinds(&shown));
    }
    let mut objects: Vec<Uuid> = shown.into_iter().map(|(_, id)| id).collect();
    ids_in(&detail, &mut objects);
    Entry {
        id: context.new_uuid(Shard(0)),
        occurred_at: at,
        operation,
        account: None,
        object: None,
        objects,
        actor,
        origin_kind: context.origin.word().to_owned(),
        origin_id: context.origin.id(),
        address: context.origin.address(),
        detail: detail.to_string(),
    }
}

/// How many are of each kind, in the order in which they stand: with it, their ids are written as everywhere.
fn kinds(shown: &[Shown]) -> Value {
    let runs = shown.chunk_by(|one, next| one.0 == next.0);
    let counts = runs.filter_map(|run| Some((run.first()?.0.to_owned(), Value::from(run.len()))));
    Value::Object(counts.collect::<Map<_, _>>())
}

/// Notes entries that are about no change: all of them or, after an error, none.
pub async fn note(context: &Context, entries: &[Entry]) -> Result<(), ActionError> {
    let mut transaction = context.store.transaction().await?;
    for entries in entries.chunks(usize::try_from(BATCH).unwrap_or(1)) {
        audit::insert_pending(&mut transaction, entries).await?;
    }
    Ok(transaction.commit().await?)
}

/// Notes at once what was read.
pub async fn note_reading(context: &Context, reading: Reading) -> Result<(), ActionError> {
    let entry = entry_of_reading(context, reading, context.now());
    note(context, &[entry]).await
}

/// A page of entries, the newest first, and whether there are more.
pub async fn list(
    context: &Context,
    wanted: &Wanted,
    size: u16,
) -> Result<(Vec<Chained>, bool), ActionError> {
    let mut connection = context.store.connection().await?;
    let found = audit::list(&mut connection, wanted, i64::from(size) + 1).await?;
    Ok(super::one_too_many(found, size, wanted.before.is_some()))
}

/// The entry of a number.
pub async fn find(context: &Context, sequence: i64) -> Result<Option<Chained>, ActionError> {
    Ok(audit::find(&mut *context.store.connection().await?, sequence).await?)
}

/// How the log stood at a moment: kept elsewhere, it finds that entries were cut off, or the log replaced.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Checkpoint {
    /// The database.
    pub environment: String,
    /// The last entry.
    pub sequence: i64,
    /// Its keyed hash, in hexadecimal digits.
    pub mac: String,
    /// When.
    pub taken_at: DateTime<Utc>,
}

/// How the log stands now.
pub async fn checkpoint(context: &Context) -> Result<Checkpoint, ActionError> {
    let mut connection = context.store.connection().await?;
    let (sequence, mac) =
        audit::head(&mut connection).await?.ok_or(ActionError::NotFound("head of the audit log"))?;
    Ok(Checkpoint {
        environment: environment(context).to_string(),
        sequence,
        mac: hex(&mac),
        taken_at: context.now(),
    })
}

/// Follows the log of the database from its first entry to its last, past every checkpoint.
pub async fn verify_all(
    context: &Context,
    checkpoints: &[Checkpoint],
    progress: impl FnMut(i64, i64),
) -> Result<Verified, ActionError> {
    let mut connection = context.store.connection().await?;
    let (key, environment) = (context.digest_key.chain(), environment(context).to_string());
    verify(&mut connection, &key, &environment, checkpoints, progress).await
}

/// The database, by a name that only its own key gives it.
pub fn environment(context: &Context) -> EnvironmentId {
    let digest = context.digest_key.digest(b"environment");
    let half = digest.first_chunk::<16>().copied().unwrap_or_default();
    EnvironmentId(Uuid::from_bytes(half))
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

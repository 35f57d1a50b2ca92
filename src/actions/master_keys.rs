//! Rotation of master keys: data keys are wrapped anew, what they seal stays as it is.
//!
//! First every other master key is retired: nothing is wrapped by it any more, whatever an older configuration says.
//! Then data keys are wrapped anew in batches. Whoever is killed in between has lost nothing: the next rotation goes on
//! with what is still under another master key.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{ActionError, Context};
use crate::{
    domain::id::Shard,
    store::{self, events, master_keys},
};

/// How many data keys one transaction wraps anew.
const BATCH: i64 = 2000;

/// A master key, and what there is to know of it.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct MasterKeyView {
    /// Its id.
    pub id: String,
    /// Whether this configuration wraps with it.
    pub is_current: bool,
    /// Whether this configuration has it.
    pub is_held: bool,
    /// Since when the database knows it.
    pub known_since: DateTime<Utc>,
    /// Since when it wraps nothing any more.
    pub retired_at: Option<DateTime<Utc>>,
    /// How many data keys it wraps.
    pub wraps: i64,
    /// Whether it may be destroyed: it is retired, and nothing is under it.
    pub is_destroyable: bool,
}

/// All master keys that the database has seen.
pub async fn list(context: &Context) -> Result<Vec<MasterKeyView>, ActionError> {
    let mut connection = context.store.patient_connection().await?;
    let counts = master_keys::count(&mut connection).await?;
    let known = master_keys::list(&mut connection).await?;
    let view = |known: master_keys::Known| {
        let wraps = counts.iter().find(|(id, _)| *id == known.id).map_or(0, |(_, count)| *count);
        MasterKeyView {
            is_current: context.keyring.current() == known.id,
            is_held: context.keyring.ids().any(|id| id == known.id),
            known_since: known.created_at,
            is_destroyable: known.retired_at.is_some() && wraps == 0,
            retired_at: known.retired_at,
            wraps,
            id: known.id,
        }
    };
    Ok(known.into_iter().map(view).collect())
}

/// What came of a rotation.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct Rotated {
    /// The master key that wraps everything now.
    pub current: String,
    /// How many data keys were wrapped anew by this call.
    pub rewrapped: u64,
    /// Master keys that may be destroyed.
    pub destroyable: Vec<String>,
}

/// Wraps every data key with the current master key; calls `progress` with how many are done, and of how many. Where a
/// younger key is in use it is refused, for that is an older configuration; `retires_younger` says that it is meant.
pub async fn rotate(
    context: &Context,
    actor: &str,
    retires_younger: bool,
    mut progress: impl FnMut(u64, u64),
) -> Result<Rotated, ActionError> {
    let current = context.keyring.current().to_owned();
    let ahead = list(context).await?;
    if let Some(lacking) = ahead.iter().find(|known| known.wraps > 0 && !known.is_held) {
        let text = format!(
            "master key {} wraps {} data keys and is not in [vault]: without it they cannot be wrapped anew",
            lacking.id, lacking.wraps
        );
        return Err(ActionError::Conflict(text));
    }
    let current_since = ahead.iter().find(|known| known.is_current).map(|known| known.known_since);
    let is_younger =
        |known: &&MasterKeyView| known.retired_at.is_none() && Some(known.known_since) > current_since;
    if let Some(younger) = ahead.iter().rfind(is_younger).filter(|_| !retires_younger) {
        let text = format!(
            "master key {current} is current in [vault] of this host, and {} is younger: a rotation would retire the \
             younger one. Accepted is current = \"{}\", as the other hosts have it, or --retire-younger where the \
             younger one is to go",
            younger.id, younger.id
        );
        return Err(ActionError::Conflict(text));
    }
    let all = ahead.iter().filter(|known| !known.is_current).map(|known| known.wraps).sum::<i64>();
    let all = u64::try_from(all).unwrap_or(0);
    store::within(retire_others(context, actor, &current)).await?;
    let mut rewrapped = 0;
    for shard in Shard::all() {
        let mut after = None;
        while let Some((last, count)) = store::within(rewrap(context, shard, after)).await? {
            after = Some(last);
            rewrapped += count;
            progress(rewrapped, all.max(rewrapped));
        }
    }
    let detail = json!({ "master-key": current, "count": rewrapped });
    let event = context.event_of_all("master-key.rotated", actor, detail);
    let destroyable = list(context).await?.into_iter().filter(|known| known.is_destroyable);
    let destroyable: Vec<String> = destroyable.map(|known| known.id).collect();
    let mut transaction = context.store.transaction().await?;
    master_keys::save_emptied(&mut transaction, &destroyable, context.now()).await?;
    events::insert_all(&mut transaction, &[event], context.now()).await?;
    transaction.commit().await?;
    Ok(Rotated { current, rewrapped, destroyable })
}

async fn rewrap(
    context: &Context,
    shard: Shard,
    after: Option<Uuid>,
) -> Result<Option<(Uuid, u64)>, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let done = master_keys::rewrap(&mut transaction, &context.keyring, (shard, after), BATCH).await?;
    transaction.commit().await?;
    Ok(done)
}

async fn retire_others(context: &Context, actor: &str, current: &str) -> Result<(), ActionError> {
    let mut transaction = context.store.transaction().await?;
    let retired = master_keys::retire_others(&mut transaction, current, context.now()).await?;
    let told: Vec<_> = retired
        .iter()
        .map(|id| context.event_of_all("master-key.retired", actor, json!({ "master-key": id })))
        .collect();
    events::insert_all(&mut transaction, &told, context.now()).await?;
    Ok(transaction.commit().await?)
}

/// What keeps this process from working with the keys as the fleet has them; none when nothing does.
pub async fn fault(context: &Context) -> Result<Option<String>, ActionError> {
    let known = master_keys::list(&mut *context.store.connection().await?).await?;
    let current = context.keyring.current();
    if known.iter().any(|known| known.id == current && known.retired_at.is_some()) {
        return Ok(Some(format!(
            "master key {current} is retired, and current in this configuration: nothing new can be sealed; accepted \
             is the id of the key that was rotated to"
        )));
    }
    let lacks = known
        .iter()
        .find(|known| known.retired_at.is_none() && !context.keyring.ids().any(|id| id == known.id));
    Ok(lacks.map(|lacks| {
        format!("this process lacks master key {}: what others seal under it, it cannot open", lacks.id)
    }))
}

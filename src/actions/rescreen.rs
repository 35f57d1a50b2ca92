//! Having accounts screened once more because somebody asks for it; what rescreens there are, and what they brought.

mod brought;

use serde::Serialize;
use serde_json::json;

use super::{ActionError, Context};
use crate::{
    domain::id::{RescreenId, Shard},
    screening::keys,
    store::{
        events, nudges,
        rescreens::{self, NewRescreen, Reason, shown},
        schedules, summary,
    },
};

pub use crate::store::rescreens::shown::{RescreenRow, Wanted};
pub use brought::{Brought, BroughtHit, brought, brought_by};

/// More waiting monitors than this are not counted.
const MOST_WAITING: i64 = 1_000_000;

/// Has every monitor of schedules run once more, in turn with routine work; of all schedules when none is named. With
/// `reopens`, hits that were dismissed before now under another threshold than their schedule has are open again.
/// Returns the rescreen.
pub async fn ask(
    context: &Context,
    actor: &str,
    names: &[String],
    reopens: bool,
) -> Result<RescreenId, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let known = schedules::list_ids(&mut transaction).await?;
    for name in names {
        if !known.iter().any(|(one, _)| one == name) {
            return Err(ActionError::UnknownName {
                what: "schedule",
                name: name.clone(),
                known: known.into_iter().map(|(name, _)| name).collect(),
            });
        }
    }
    let of = known.iter().filter(|(name, _)| names.is_empty() || names.contains(name));
    let id = RescreenId(context.new_uuid(Shard(0)));
    let new = NewRescreen {
        id,
        reason: Reason::Asked,
        change: None,
        schedules: of.map(|(_, id)| *id).collect(),
        tokens: None,
        gains: Vec::new(),
        entities: Vec::new(),
        keys_version: keys::VERSION,
        reopens,
        actor: actor.to_owned(),
    };
    rescreens::insert(&mut transaction, &new, now).await?;
    let detail = json!({ "rescreen": id, "schedules": names, "reopen": reopens });
    events::insert_all(&mut transaction, &[context.event_of_all("rescreen.asked", actor, detail)], now)
        .await?;
    nudges::send(&mut transaction).await?;
    transaction.commit().await?;
    tracing::info!(rescreen.id = %id, actor, "a rescreen was asked for");
    Ok(id)
}

/// Rescreens, for people.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rescreens {
    /// The newest first.
    pub rescreens: Vec<RescreenRow>,
    /// How many monitors have still to run because a list changed or somebody asked for a rescreen: of all rescreens, also
    /// of those that are not shown.
    pub waiting: i64,
    /// Whether there may be more of them: beyond that nobody counts.
    pub waiting_is_cut: bool,
}

/// The newest rescreens.
pub async fn list(context: &Context, limit: i64) -> Result<Rescreens, ActionError> {
    list_wanted(context, &Wanted::default(), limit).await
}

/// The newest of certain rescreens.
pub async fn list_wanted(context: &Context, wanted: &Wanted, limit: i64) -> Result<Rescreens, ActionError> {
    let mut transaction = context.store.transaction().await?;
    summary::allow_long_counts(&mut transaction).await?;
    let mut rescreens = shown::list(&mut transaction, wanted, limit).await?;
    let ids: Vec<RescreenId> = rescreens.iter().map(|one| one.id).collect();
    let waiting = shown::count_waiting(&mut transaction, &ids, MOST_WAITING).await?;
    for one in &mut rescreens {
        one.waiting = waiting.of.get(&one.id).copied().unwrap_or_default().min(one.monitors);
    }
    Ok(Rescreens { rescreens, waiting: waiting.all, waiting_is_cut: waiting.all >= MOST_WAITING })
}

//! Decisions that are made again.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{
    super::{ActionError, Context},
    Decision, MOST,
};
use crate::{domain::id::HitId, store::hit_work};

/// Who decided on a hit before, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Those of `ids` that stand already as `decision` would have them, for whoever is about to decide so again: it is taken,
/// and says anew who, when and why, but should not go unnoticed.
pub async fn list_earlier(
    context: &Context,
    ids: &[HitId],
    decision: Decision,
) -> Result<HashMap<HitId, Earlier>, ActionError> {
    let ids = ids.get(..MOST.min(ids.len())).unwrap_or_default();
    let rows = hit_work::get_all(&mut *context.store.connection().await?, ids).await?;
    let stands = rows.into_iter().filter(|row| row.state == decision.state());
    Ok(stands
        .filter_map(|row| Some((row.id, Earlier { by: row.decided_by?, at: row.decided_at? })))
        .collect())
}

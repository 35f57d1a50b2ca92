//! What is recorded of hits, to be compared with what other matching would find. Reads only.

use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{hit::HitState, id::MonitorId};

/// A hit as it is recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The monitor that has it.
    pub monitor: MonitorId,
    /// Its entity.
    pub entity: String,
    /// The list that the entity stands on.
    pub list: String,
    /// 0 to 1.
    pub score: f32,
    /// Where it stands.
    pub state: HitState,
    /// Where it stood before it was gone.
    pub before_gone: Option<HitState>,
}

/// The hits of monitors, whatever their state.
pub async fn list_hits(conn: &mut PgConnection, monitors: &[MonitorId]) -> Result<Vec<Recorded>, StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let rows = sqlx::query!(
        r#"
        select hit.monitor_id, hit.entity, hit.list, hit.score, hit.state, hit.state_before_gone
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        join hits as hit using (shard, monitor_id)
        order by hit.monitor_id, hit.entity
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Recorded {
                monitor: MonitorId(row.monitor_id),
                entity: row.entity,
                list: row.list,
                score: row.score,
                state: HitState::from_word(&row.state)
                    .ok_or(StoreError::Inconsistent { column: "hits.state" })?,
                before_gone: row.state_before_gone.as_deref().and_then(HitState::from_word),
            })
        })
        .collect()
}

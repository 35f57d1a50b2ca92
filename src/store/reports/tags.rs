//! Tags of reports.

use sqlx::PgConnection;

use crate::{domain::id::MonitorId, store::StoreError};

/// Writes the tags of a report, instead of those that it has.
pub async fn save_tags(conn: &mut PgConnection, id: MonitorId, tags: &[String]) -> Result<(), StoreError> {
    sqlx::query!(
        "update monitors set tags = nullif($3::text[], '{}') where shard = $1 and monitor_id = $2",
        id.shard().column(),
        id.0,
        tags,
    )
    .execute(conn)
    .await?;
    Ok(())
}

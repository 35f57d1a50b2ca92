//! Whether schedules miss their objectives.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;

/// Since when a schedule misses its objective, if it does; and whether its monitors are being walked over.
pub async fn find_missed_since(
    conn: &mut PgConnection,
    schedule_id: i32,
) -> Result<(Option<DateTime<Utc>>, bool), StoreError> {
    let row = sqlx::query!(
        r#"select missed_since, enrol_shard is not null as "enrolling!" from schedules where schedule_id = $1"#,
        schedule_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map_or((None, false), |row| (row.missed_since, row.enrolling)))
}

/// Notes since when a schedule misses its objective, or that it meets it. False when somebody else did so since
/// it was read to be `before`.
pub async fn save_missed_since(
    conn: &mut PgConnection,
    schedule_id: i32,
    before: Option<DateTime<Utc>>,
    since: Option<DateTime<Utc>>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        update schedules
        set missed_since = $3
        where schedule_id = $1
          and missed_since is not distinct from $2
        "#,
        schedule_id,
        before,
        since,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

//! What people did to reports.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{
    id::{MonitorId, ReportActionId},
    report::ReportActionKind,
};

/// One thing that a person did.
#[derive(Clone, Debug)]
pub struct ReportAction {
    /// Its id.
    pub id: ReportActionId,
    /// The report.
    pub monitor: MonitorId,
    /// What.
    pub kind: ReportActionKind,
    /// Who.
    pub actor: String,
    /// The entities that were decided on.
    pub entities: Vec<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Inserts actions.
pub async fn insert_all(conn: &mut PgConnection, actions: &[ReportAction]) -> Result<(), StoreError> {
    for action in actions {
        sqlx::query!(
            r#"
            insert into report_actions (shard, action_id, monitor_id, kind, actor, entities, created_at)
            values ($1, $2, $3, $4, $5, $6, $7)
            "#,
            action.monitor.shard().column(),
            action.id.0,
            action.monitor.0,
            action.kind.word(),
            action.actor,
            &action.entities,
            action.created_at,
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// The newest actions on a report before a place in the order of time and id.
pub async fn list(
    conn: &mut PgConnection,
    monitor: MonitorId,
    (before, id): (DateTime<Utc>, Uuid),
    limit: i64,
) -> Result<Vec<ReportAction>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select action_id, kind, actor, entities, created_at
        from report_actions
        where monitor_id = $1
          and (created_at, action_id) < ($2, $3)
        order by created_at desc, action_id desc
        limit $4
        "#,
        monitor.0,
        before,
        id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ReportAction {
                id: ReportActionId(row.action_id),
                monitor,
                kind: ReportActionKind::from_word(&row.kind)
                    .ok_or(StoreError::Inconsistent { column: "report_actions.kind" })?,
                actor: row.actor,
                entities: row.entities,
                created_at: row.created_at,
            })
        })
        .collect()
}

/// When an action was done.
pub async fn find_time(
    conn: &mut PgConnection,
    id: ReportActionId,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let at = sqlx::query_scalar!(
        "select created_at from report_actions where shard = $1 and action_id = $2",
        id.shard().column(),
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(at)
}

//! What people noted on hits.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::id::{CommentId, HitId};

/// A comment.
#[derive(Debug)]
pub struct Comment {
    /// Its id.
    pub id: CommentId,
    /// The hit.
    pub hit: HitId,
    /// Who wrote it.
    pub actor: String,
    /// What, sealed under the report's key; none once the report is redacted.
    pub sealed_text: Option<Vec<u8>>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Inserts a comment.
pub async fn insert(conn: &mut PgConnection, comment: &Comment) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into hit_comments (shard, comment_id, hit_id, actor, sealed_text, created_at)
        values ($1, $2, $3, $4, $5, $6)
        "#,
        comment.hit.shard().column(),
        comment.id.0,
        comment.hit.0,
        comment.actor,
        comment.sealed_text.as_deref(),
        comment.created_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest comments on hits, the oldest of them first.
pub async fn list(conn: &mut PgConnection, hits: &[HitId], limit: i64) -> Result<Vec<Comment>, StoreError> {
    let ids: Vec<Uuid> = hits.iter().map(|hit| hit.0).collect();
    let rows = sqlx::query!(
        r#"
        select comment_id, hit_id, actor, sealed_text, created_at
        from hit_comments
        where hit_id = any($1)
        order by created_at desc, comment_id desc
        limit $2
        "#,
        &ids,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let comments = rows.into_iter().rev().map(|row| Comment {
        id: CommentId(row.comment_id),
        hit: HitId(row.hit_id),
        actor: row.actor,
        sealed_text: row.sealed_text,
        created_at: row.created_at,
    });
    Ok(comments.collect())
}

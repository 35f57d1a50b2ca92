//! Requests to redact something although a policy keeps it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{id::OverrideId, retention::RetainedKind};

/// A request, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideRow {
    /// Its id.
    pub id: OverrideId,
    /// What it is about.
    pub kind: RetainedKind,
    /// The object.
    pub object: Uuid,
    /// Why, as a code: nothing about a person.
    pub reason: String,
    /// Who asked.
    pub requested_by: String,
    /// The owner of the key that asked.
    pub requester: String,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// The owner of the key that approved it.
    pub approver: Option<String>,
    /// When.
    pub approved_at: Option<DateTime<Utc>>,
    /// From when on it is worth nothing.
    pub expires_at: DateTime<Utc>,
    /// When it was used.
    pub used_at: Option<DateTime<Utc>>,
}

/// Writes a request.
pub async fn insert(conn: &mut PgConnection, new: &OverrideRow) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into redaction_overrides (
            override_id, object_kind, object_id, reason, requested_by, requester, requested_at, expires_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        new.id.0,
        new.kind.word(),
        new.object,
        new.reason,
        new.requested_by,
        new.requester,
        new.requested_at,
        new.expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The request of an id, locked.
pub async fn lock(conn: &mut PgConnection, id: OverrideId) -> Result<Option<OverrideRow>, StoreError> {
    let row = sqlx::query!(
        r#"
        select override_id, object_kind, object_id, reason, requested_by, requester, requested_at, approved_by,
               approver, approved_at, expires_at, used_at
        from redaction_overrides
        where override_id = $1
        for update
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(OverrideRow {
            id: OverrideId(row.override_id),
            kind: RetainedKind::from_word(&row.object_kind)
                .ok_or(StoreError::Inconsistent { column: "redaction_overrides.object_kind" })?,
            object: row.object_id,
            reason: row.reason,
            requested_by: row.requested_by,
            requester: row.requester,
            requested_at: row.requested_at,
            approved_by: row.approved_by,
            approver: row.approver,
            approved_at: row.approved_at,
            expires_at: row.expires_at,
            used_at: row.used_at,
        })
    })
    .transpose()
}

/// Approves a locked request.
pub async fn save_approved(
    conn: &mut PgConnection,
    id: OverrideId,
    (actor, owner): (&str, &str),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update redaction_overrides
        set approved_by = $2, approver = $3, approved_at = $4
        where override_id = $1
        "#,
        id.0,
        actor,
        owner,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Uses the approved request of an object that is still good, if there is one; returns it.
pub async fn use_one(
    conn: &mut PgConnection,
    object: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<OverrideId>, StoreError> {
    let id = sqlx::query_scalar!(
        r#"
        update redaction_overrides
        set used_at = $2
        where override_id = (
            select override_id from redaction_overrides
            where object_id = $1
              and approved_at is not null
              and used_at is null
              and expires_at > $2
            order by expires_at
            limit 1
            for update skip locked
        )
        returning override_id
        "#,
        object,
        now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id.map(OverrideId))
}

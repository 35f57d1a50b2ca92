//! Layouts of account types, version by version.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::{account_type::Layout, id::AccountTypeId};

/// A version of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutRow {
    /// Counts the versions of the type, from 1.
    pub version: i32,
    /// The layout.
    pub layout: Layout,
    /// Who made it.
    pub actor: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// The layout of a type: the newest, or that of a version.
pub async fn find(
    conn: &mut PgConnection,
    id: AccountTypeId,
    version: Option<i32>,
) -> Result<Option<LayoutRow>, StoreError> {
    let row = sqlx::query!(
        r#"
        select version, layout, actor, created_at
        from account_type_layouts
        where account_type_id = $1
          and ($2::integer is null or version = $2)
        order by version desc
        limit 1
        "#,
        id.0,
        version,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let layout = serde_json::from_value(row.layout)
        .map_err(|_| StoreError::Inconsistent { column: "account_type_layouts.layout" })?;
    Ok(Some(LayoutRow { version: row.version, layout, actor: row.actor, created_at: row.created_at }))
}

/// Adds a version of the layout of a locked type.
pub async fn insert(conn: &mut PgConnection, id: AccountTypeId, new: &LayoutRow) -> Result<(), StoreError> {
    let layout = serde_json::to_value(&new.layout)
        .map_err(|_| StoreError::Inconsistent { column: "account_type_layouts.layout" })?;
    sqlx::query!(
        r#"
        insert into account_type_layouts (account_type_id, version, layout, actor, created_at)
        values ($1, $2, $3, $4, $5)
        "#,
        id.0,
        new.version,
        layout,
        new.actor,
        new.created_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

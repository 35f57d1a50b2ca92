//! Transaction types: schemas that transactions refer to.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::{id::TransactionTypeId, transaction_type::TransactionType};

const DEFINITION: StoreError = StoreError::Inconsistent { column: "transaction_types.definition" };

/// Writes a type; an existing one of the name keeps its id.
pub async fn save(
    conn: &mut PgConnection,
    new_id: TransactionTypeId,
    transaction_type: &TransactionType,
    now: DateTime<Utc>,
) -> Result<TransactionTypeId, StoreError> {
    let definition = serde_json::to_value(transaction_type).map_err(|_| DEFINITION)?;
    let id = sqlx::query_scalar!(
        r#"
        insert into transaction_types as kept (transaction_type_id, name, definition, created_at, updated_at)
        values ($1, $2, $3, $4, $4)
        on conflict on constraint transaction_types_name_key do update
        set definition = excluded.definition,
            updated_at = case when kept.definition = excluded.definition then kept.updated_at else excluded.updated_at end
        returning transaction_type_id
        "#,
        new_id.0,
        transaction_type.name(),
        definition,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(TransactionTypeId(id))
}

/// Inserts a type. False when its name is taken.
pub async fn insert(
    conn: &mut PgConnection,
    id: TransactionTypeId,
    transaction_type: &TransactionType,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let definition = serde_json::to_value(transaction_type).map_err(|_| DEFINITION)?;
    let done = sqlx::query!(
        r#"
        insert into transaction_types (transaction_type_id, name, definition, created_at, updated_at)
        values ($1, $2, $3, $4, $4)
        on conflict on constraint transaction_types_name_key do nothing
        "#,
        id.0,
        transaction_type.name(),
        definition,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A type as it is stored.
#[derive(Clone, Debug)]
pub struct TypeRow {
    /// Its id.
    pub id: TransactionTypeId,
    /// What it says.
    pub definition: TransactionType,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// All types, or the one of an id; by name.
pub async fn list(
    conn: &mut PgConnection,
    id: Option<TransactionTypeId>,
) -> Result<Vec<TypeRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select transaction_type_id, definition, created_at, updated_at
        from transaction_types
        where ($1::uuid is null or transaction_type_id = $1)
        order by name
        "#,
        id.map(|id| id.0),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(TypeRow {
                id: TransactionTypeId(row.transaction_type_id),
                definition: serde_json::from_value(row.definition).map_err(|_| DEFINITION)?,
                created_at: row.created_at,
                updated_at: row.updated_at,
            })
        })
        .collect()
}

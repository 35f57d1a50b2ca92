//! Account types: schemas that accounts refer to.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::{account_type::AccountType, id::AccountTypeId};

/// Writes a type as the configuration says it; an existing one of the name keeps its id.
pub async fn save(
    conn: &mut PgConnection,
    new_id: AccountTypeId,
    account_type: &AccountType,
    now: DateTime<Utc>,
) -> Result<AccountTypeId, StoreError> {
    let definition = serde_json::to_value(account_type)
        .map_err(|_| StoreError::Inconsistent { column: "account_types.definition" })?;
    let id = sqlx::query_scalar!(
        r#"
        insert into account_types as kept (account_type_id, name, definition, created_at, updated_at)
        values ($1, $2, $3, $4, $4)
        on conflict on constraint account_types_name_key do update
        set definition = excluded.definition,
            updated_at = case when kept.definition = excluded.definition then kept.updated_at else excluded.updated_at end
        returning account_type_id
        "#,
        new_id.0,
        account_type.name,
        definition,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(AccountTypeId(id))
}

/// The type of an id.
pub async fn find(conn: &mut PgConnection, id: AccountTypeId) -> Result<Option<AccountType>, StoreError> {
    let definition =
        sqlx::query_scalar!("select definition from account_types where account_type_id = $1", id.0)
            .fetch_optional(conn)
            .await?;
    definition.map(read).transpose()
}

/// The type that an account refers to.
pub async fn get(conn: &mut PgConnection, id: AccountTypeId) -> Result<AccountType, StoreError> {
    find(conn, id).await?.ok_or(StoreError::Inconsistent { column: "accounts.account_type_id" })
}

fn read(definition: serde_json::Value) -> Result<AccountType, StoreError> {
    serde_json::from_value(definition)
        .map_err(|_| StoreError::Inconsistent { column: "account_types.definition" })
}

/// All types, by name.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<(AccountTypeId, AccountType)>, StoreError> {
    let rows = sqlx::query!("select account_type_id, definition from account_types order by name")
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(|row| Ok((AccountTypeId(row.account_type_id), read(row.definition)?))).collect()
}

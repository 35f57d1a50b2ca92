//! Account types: schemas that accounts refer to.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{account_type::AccountType, id::AccountTypeId};

/// A type as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeRow {
    /// Its id.
    pub id: AccountTypeId,
    /// What its accounts consist of.
    pub account_type: AccountType,
    /// Whether the configuration made it, and so changes it.
    pub is_configured: bool,
    /// Fields whose tokens are not all there yet: nobody can search by them.
    pub indexing: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

struct Record {
    account_type_id: Uuid,
    definition: Value,
    is_configured: bool,
    indexing: Vec<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Record> for TypeRow {
    type Error = StoreError;

    fn try_from(row: Record) -> Result<Self, StoreError> {
        Ok(Self {
            id: AccountTypeId(row.account_type_id),
            account_type: read(row.definition)?,
            is_configured: row.is_configured,
            indexing: row.indexing,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn read(definition: Value) -> Result<AccountType, StoreError> {
    serde_json::from_value(definition)
        .map_err(|_| StoreError::Inconsistent { column: "account_types.definition" })
}

fn written(account_type: &AccountType) -> Result<Value, StoreError> {
    serde_json::to_value(account_type)
        .map_err(|_| StoreError::Inconsistent { column: "account_types.definition" })
}

/// Inserts a type; false when its name is taken.
pub async fn insert(
    conn: &mut PgConnection,
    id: AccountTypeId,
    account_type: &AccountType,
    is_configured: bool,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        insert into account_types (account_type_id, name, definition, is_configured, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $5)
        on conflict on constraint account_types_name_key do nothing
        "#,
        id.0,
        account_type.name,
        written(account_type)?,
        is_configured,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces a locked type; its name stays.
pub async fn save(
    conn: &mut PgConnection,
    id: AccountTypeId,
    account_type: &AccountType,
    indexing: &[String],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update account_types
        set definition = $2,
            indexing = $3,
            updated_at = $4
        where account_type_id = $1
        "#,
        id.0,
        written(account_type)?,
        indexing,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
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

/// The row of an id.
pub async fn find_row(conn: &mut PgConnection, id: AccountTypeId) -> Result<Option<TypeRow>, StoreError> {
    let row = sqlx::query_as!(
        Record,
        r#"
        select account_type_id, definition, is_configured, indexing, created_at, updated_at
        from account_types
        where account_type_id = $1
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(TypeRow::try_from).transpose()
}

/// Locks the type of an id. Accounts can be inserted meanwhile.
pub async fn lock(conn: &mut PgConnection, id: AccountTypeId) -> Result<Option<TypeRow>, StoreError> {
    sqlx::query!("select from account_types where account_type_id = $1 for no key update", id.0)
        .fetch_optional(&mut *conn)
        .await?;
    find_row(conn, id).await
}

/// All types, by name: there are few, and everybody needs them.
pub async fn list_rows(conn: &mut PgConnection) -> Result<Vec<TypeRow>, StoreError> {
    let rows = sqlx::query_as!(
        Record,
        r#"
        select account_type_id, definition, is_configured, indexing, created_at, updated_at
        from account_types
        order by name
        "#,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(TypeRow::try_from).collect()
}

/// All types with their ids, by name.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<(AccountTypeId, AccountType)>, StoreError> {
    Ok(list_rows(conn).await?.into_iter().map(|row| (row.id, row.account_type)).collect())
}

/// What tells whether any type changed: how many there are, and the sum of the times of their last changes.
pub async fn stamp(conn: &mut PgConnection) -> Result<(i64, i64), StoreError> {
    let row = sqlx::query!(
        r#"
        select count(*) as "count!",
               coalesce(sum((extract(epoch from updated_at) * 1000000)::bigint), 0)::bigint as "times!"
        from account_types
        "#,
    )
    .fetch_one(conn)
    .await?;
    Ok((row.count, row.times))
}

/// Notes that fields of a type have all their tokens.
pub async fn save_indexed(
    conn: &mut PgConnection,
    id: AccountTypeId,
    fields: &[String],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update account_types
        set indexing = array(select field from unnest(indexing) as field where field <> all($2))
        where account_type_id = $1
        "#,
        id.0,
        fields,
    )
    .execute(conn)
    .await?;
    Ok(())
}

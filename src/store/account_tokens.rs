//! The blind index: tokens of the values by which accounts are found.

use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::id::AccountId;

/// A token of a value of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The account.
    pub account: AccountId,
    /// The field's key.
    pub field: String,
    /// Made of type, field and value.
    pub token: [u8; 16],
    /// Whether no other account of the type may have it.
    pub is_unique: bool,
}

/// A field whose value another account of the type has already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The account that does not get it.
    pub account: AccountId,
    /// The field's key.
    pub field: String,
}

/// Makes `tokens` all the tokens that `accounts` have. Returns those that others have and that must be unique:
/// these are not written.
pub async fn save_all(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    tokens: &[Token],
) -> Result<Vec<Taken>, StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let columns = Columns::of(tokens);
    sqlx::query!(
        r#"
        delete from account_tokens as kept
        where kept.account_id = any($1)
          and not exists (
              select from unnest($2::bytea[], $3::uuid[]) as wanted (token, account_id)
              where wanted.token = kept.token
                and wanted.account_id = kept.account_id)
        "#,
        &ids,
        &columns.tokens,
        &columns.accounts,
    )
    .execute(&mut *conn)
    .await?;
    insert_all(conn, tokens).await
}

/// Adds tokens; returns those that others have and that must be unique.
pub async fn insert_all(conn: &mut PgConnection, tokens: &[Token]) -> Result<Vec<Taken>, StoreError> {
    if tokens.is_empty() {
        return Ok(Vec::new());
    }
    let columns = Columns::of(tokens);
    sqlx::query!(
        r#"
        insert into account_tokens (token, account_id, shard, is_unique, field)
        select token, account_id, shard, is_unique, field
        from unnest($1::bytea[], $2::uuid[], $3::smallint[], $4::boolean[], $5::text[])
             with ordinality as new (token, account_id, shard, is_unique, field, place)
        -- In one order, so that two writers of the same values wait for each other in line; of two that want the
        -- same value, the first has it.
        order by token, place
        on conflict do nothing
        "#,
        &columns.tokens,
        &columns.accounts,
        &columns.shards,
        &columns.unique,
        &columns.fields,
    )
    .execute(&mut *conn)
    .await?;
    if !columns.unique.contains(&true) {
        return Ok(Vec::new());
    }
    let taken = sqlx::query!(
        r#"
        select wanted.account_id as "account_id!", wanted.field as "field!"
        from unnest($1::bytea[], $2::uuid[], $3::boolean[], $4::text[])
             as wanted (token, account_id, is_unique, field)
        where wanted.is_unique
          and not exists (
              select from account_tokens as kept
              where kept.token = wanted.token
                and kept.account_id = wanted.account_id)
        "#,
        &columns.tokens,
        &columns.accounts,
        &columns.unique,
        &columns.fields,
    )
    .fetch_all(conn)
    .await?;
    Ok(taken.into_iter().map(|row| Taken { account: AccountId(row.account_id), field: row.field }).collect())
}

/// Removes all tokens of accounts.
pub async fn remove_all(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    sqlx::query!("delete from account_tokens where account_id = any($1)", &ids).execute(conn).await?;
    Ok(())
}

/// Removes the tokens of one field of accounts.
pub async fn remove_of_field(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    field: &str,
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    sqlx::query!("delete from account_tokens where account_id = any($1) and field = $2", &ids, field)
        .execute(conn)
        .await?;
    Ok(())
}

/// How many of accounts have a value of a field that other accounts have too.
pub async fn count_shared(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    field: &str,
) -> Result<i64, StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let count = sqlx::query_scalar!(
        r#"
        select count(distinct kept.account_id) as "count!"
        from account_tokens as kept
        where kept.account_id = any($1)
          and kept.field = $2
          and exists (
              select from account_tokens as other
              where other.token = kept.token
                and other.account_id <> kept.account_id)
        "#,
        &ids,
        field,
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// Says of the tokens of a field of accounts whether they must be unique.
pub async fn save_unique(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    field: &str,
    is_unique: bool,
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    sqlx::query!(
        r#"
        update account_tokens
        set is_unique = $3
        where account_id = any($1)
          and field = $2
          and is_unique <> $3
        "#,
        &ids,
        field,
        is_unique,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The accounts that have a token, at most `limit`.
pub async fn list_accounts(
    conn: &mut PgConnection,
    token: [u8; 16],
    limit: i64,
) -> Result<Vec<AccountId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select account_id from account_tokens where token = $1 order by account_id limit $2",
        &token,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(AccountId).collect())
}

struct Columns {
    tokens: Vec<Vec<u8>>,
    accounts: Vec<Uuid>,
    shards: Vec<i16>,
    unique: Vec<bool>,
    fields: Vec<String>,
}

impl Columns {
    fn of(tokens: &[Token]) -> Self {
        Self {
            tokens: tokens.iter().map(|token| token.token.to_vec()).collect(),
            accounts: tokens.iter().map(|token| token.account.0).collect(),
            shards: tokens.iter().map(|token| token.account.shard().column()).collect(),
            unique: tokens.iter().map(|token| token.is_unique).collect(),
            fields: tokens.iter().map(|token| token.field.clone()).collect(),
        }
    }
}

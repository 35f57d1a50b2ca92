//! Pauses of everything, a provider, a schedule or an account.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{StoreError, providers::Lane};
use crate::{
    domain::{id::AccountId, pause::Scope},
    vault::WrappedKey,
};

/// What is paused, by whom, since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// What kind of thing.
    pub scope: Scope,
    /// Its name; empty when it is everything.
    pub object: String,
    /// Who paused it.
    pub actor: String,
    /// Why, in words that anybody may read.
    pub reason: Option<String>,
    /// Since when.
    pub paused_at: DateTime<Utc>,
    /// The lane of a paused provider.
    pub lane: Option<Lane>,
    /// The number of a paused schedule.
    pub schedule_id: Option<i32>,
}

/// Keeps enrolment from making monitors active by what it read before a pause: whoever enrols holds this
/// beside others until its transaction ends, before any row is locked.
pub async fn lock_shared(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!(
        "select 1 as one from pg_advisory_xact_lock_shared(hashtextextended('watchkeeper.pauses', 0))"
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// As [`lock_shared`], against those who redact accounts of these shards: whoever makes something of accounts holds this
/// beside it from before reading them until its transaction ends.
pub async fn lock_shards_shared(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let (shards, _) = super::standings::columns(accounts);
    sqlx::query!(
        r#"
        select pg_advisory_xact_lock_shared(hashtextextended('watchkeeper.pauses.' || shard, 0))::text as locked
        from (select distinct shard from unnest($1::smallint[]) as wanted (shard) order by shard) as wanted
        "#,
        &shards,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Waits for those who hold [`lock_shards_shared`] of the shards of `accounts`, and holds new ones up until the
/// caller's transaction ends; who works on other shards goes on. To be taken beside [`lock_shared`].
pub async fn lock_shards(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let (shards, _) = super::standings::columns(accounts);
    sqlx::query!(
        r#"
        select pg_advisory_xact_lock(hashtextextended('watchkeeper.pauses.' || shard, 0))::text as locked
        from (select distinct shard from unnest($1::smallint[]) as wanted (shard) order by shard) as wanted
        "#,
        &shards,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Waits for enrolment's transactions under way, and holds new ones up until the caller's ends.
pub async fn lock(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("select 1 as one from pg_advisory_xact_lock(hashtextextended('watchkeeper.pauses', 0))")
        .fetch_all(conn)
        .await?;
    Ok(())
}

/// Pauses something. Returns whether it was not paused before.
pub async fn insert(
    conn: &mut PgConnection,
    scope: Scope,
    object: &str,
    actor: &str,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        insert into pauses (scope, object, actor, reason, paused_at) values ($1, $2, $3, $4, $5)
        on conflict on constraint pauses_pkey do nothing
        "#,
        scope.word(),
        object,
        actor,
        reason,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Resumes something. Returns whether it was paused.
pub async fn remove(conn: &mut PgConnection, scope: Scope, object: &str) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from pauses where scope = $1 and object = $2", scope.word(), object)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// All pauses but those of accounts, the oldest first.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Pause>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select pause.scope, pause.object, pause.actor, pause.reason, pause.paused_at,
               provider.provider_id as "lane?", schedule.schedule_id as "schedule_id?"
        from pauses as pause
        left join providers as provider on pause.scope = 'provider' and provider.name = pause.object
        left join schedules as schedule on pause.scope = 'schedule' and schedule.name = pause.object
        order by pause.paused_at, pause.scope, pause.object
        "#
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Pause {
                scope: Scope::from_word(&row.scope)
                    .ok_or(StoreError::Inconsistent { column: "pauses.scope" })?,
                object: row.object,
                actor: row.actor,
                reason: row.reason,
                paused_at: row.paused_at,
                lane: row.lane,
                schedule_id: row.schedule_id,
            })
        })
        .collect()
}

/// The numbers of the paused schedules.
pub async fn list_schedules(conn: &mut PgConnection) -> Result<Vec<i32>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select schedule.schedule_id
        from pauses as pause
        join schedules as schedule on schedule.name = pause.object
        where pause.scope = 'schedule'
        "#
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Pauses an account. Returns whether it was not paused before.
pub async fn insert_account(
    conn: &mut PgConnection,
    account: AccountId,
    actor: &str,
    sealed_reason: Option<&[u8]>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        insert into account_pauses (shard, account_id, actor, sealed_reason, paused_at) values ($1, $2, $3, $4, $5)
        on conflict on constraint account_pauses_pkey do nothing
        "#,
        account.shard().column(),
        account.0,
        actor,
        sealed_reason,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Resumes an account. Returns whether it was paused.
pub async fn remove_account(conn: &mut PgConnection, account: AccountId) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "delete from account_pauses where shard = $1 and account_id = $2",
        account.shard().column(),
        account.0,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A paused account.
#[derive(Debug)]
pub struct AccountPause {
    /// The account.
    pub account: AccountId,
    /// The customer's own id of it.
    pub reference_id: Option<String>,
    /// Who paused it.
    pub actor: String,
    /// Why, sealed, and the key that opens it.
    pub sealed_reason: Option<(Vec<u8>, WrappedKey)>,
    /// Since when.
    pub paused_at: DateTime<Utc>,
}

/// Paused accounts, or the one that is asked for, the oldest pause first.
pub async fn list_accounts(
    conn: &mut PgConnection,
    account: Option<AccountId>,
    limit: i64,
) -> Result<Vec<AccountPause>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select pause.account_id, account.reference_id, pause.actor, pause.sealed_reason, pause.paused_at,
               kept.key_id as "key_id?", kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?"
        from account_pauses as pause
        join accounts as account using (shard, account_id)
        left join data_keys as kept on kept.shard = pause.shard and kept.object_id = pause.account_id
        where ($1::uuid is null or (pause.shard = $2 and pause.account_id = $1))
        order by pause.paused_at, pause.account_id
        limit $3
        "#,
        account.map(|id| id.0),
        account.map(|id| id.shard().column()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AccountPause {
            account: AccountId(row.account_id),
            reference_id: row.reference_id,
            actor: row.actor,
            sealed_reason: match (row.sealed_reason, row.key_id, row.master_key_id, row.wrapped) {
                (Some(sealed), Some(key_id), Some(master_key_id), Some(wrapped)) => {
                    Some((sealed, WrappedKey { key_id, master_key_id, wrapped }))
                }
                _ => None,
            },
            paused_at: row.paused_at,
        })
        .collect())
}

/// How many accounts are paused, counted up to `limit`.
pub async fn count_accounts(conn: &mut PgConnection, limit: i64) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from (select from account_pauses limit $1) as counted"#,
        limit,
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// Destroys the reasons for which somebody paused accounts.
pub async fn forget_reasons(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let (shards, ids) = super::standings::columns(accounts);
    sqlx::query!(
        r#"
        update account_pauses as pause
        set sealed_reason = null
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        where pause.shard = wanted.shard
          and pause.account_id = wanted.account_id
        "#,
        &shards,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

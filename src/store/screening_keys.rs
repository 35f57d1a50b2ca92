//! What accounts could match, as tokens: by them a list that changed finds the accounts that it concerns.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::id::{AccountId, Shard};

/// The tokens of one account.
#[derive(Debug)]
pub struct AccountKeys {
    /// The account.
    pub account: AccountId,
    /// The version of its data that they were made of.
    pub account_version: i64,
    /// Keyed hashes, each once.
    pub tokens: Vec<i64>,
}

/// Writes the tokens of accounts, but for those that are there of newer data. Returns those whose tokens are others now.
pub async fn save_all(
    conn: &mut PgConnection,
    keys_version: i16,
    accounts: &[AccountKeys],
) -> Result<Vec<AccountId>, StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|one| one.account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|one| one.account.0).collect();
    let versions: Vec<i64> = accounts.iter().map(|one| one.account_version).collect();
    // Of arrays of different lengths there is no array: a piece of one each.
    let all: Vec<i64> = accounts.iter().flat_map(|one| one.tokens.iter().copied()).collect();
    let lengths = accounts.iter().map(|one| i32::try_from(one.tokens.len()).unwrap_or(i32::MAX));
    let ends: Vec<i32> = lengths
        .scan(0_i32, |end, length| {
            *end = end.saturating_add(length);
            Some(*end)
        })
        .collect();
    let changed = sqlx::query_scalar!(
        r#"
        insert into screening_keys as kept (shard, account_id, account_version, keys_version, tokens)
        select shard, account_id, account_version, $6,
               ($5::bigint[])[lag(ends, 1, 0) over (order by place) + 1 : ends]
        from unnest($1::smallint[], $2::uuid[], $3::bigint[], $4::integer[])
             with ordinality as new (shard, account_id, account_version, ends, place)
        order by shard, account_id
        on conflict on constraint screening_keys_pkey do update
        set account_version = excluded.account_version,
            keys_version = excluded.keys_version,
            tokens = excluded.tokens
        where (kept.keys_version, kept.account_version) <= (excluded.keys_version, excluded.account_version)
          and (kept.keys_version <> excluded.keys_version or kept.tokens <> excluded.tokens)
        returning account_id
        "#,
        &shards,
        &ids,
        &versions,
        &ends,
        &all,
        keys_version,
    )
    .fetch_all(conn)
    .await?;
    Ok(changed.into_iter().map(AccountId).collect())
}

/// Removes the tokens of accounts, each with the version of its data that has none, but for those that are there of
/// newer data.
pub async fn remove_older(
    conn: &mut PgConnection,
    keys_version: i16,
    accounts: &[(AccountId, i64)],
) -> Result<(), StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|(account, _)| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|(account, _)| account.0).collect();
    let versions: Vec<i64> = accounts.iter().map(|(_, version)| *version).collect();
    sqlx::query!(
        r#"
        delete from screening_keys as kept
        using unnest($1::smallint[], $2::uuid[], $3::bigint[]) as gone (shard, account_id, account_version)
        where kept.shard = gone.shard
          and kept.account_id = gone.account_id
          and (kept.keys_version, kept.account_version) <= ($4, gone.account_version)
        "#,
        &shards,
        &ids,
        &versions,
        keys_version,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes the tokens of accounts.
pub async fn remove_all(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    sqlx::query!(
        r#"
        delete from screening_keys as kept
        using unnest($1::smallint[], $2::uuid[]) as gone (shard, account_id)
        where kept.shard = gone.shard and kept.account_id = gone.account_id
        "#,
        &shards,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The next accounts after one, in the order of their shards and ids, each with its tokens.
pub async fn list_after(
    conn: &mut PgConnection,
    after: Option<AccountId>,
    limit: i64,
) -> Result<Vec<(AccountId, Vec<i64>)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select account_id, tokens
        from screening_keys
        where (shard, account_id) > ($1, $2)
        order by shard, account_id
        limit $3
        "#,
        after.map_or(-1, |account| account.shard().column()),
        after.map_or(Uuid::nil(), |account| account.0),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account_id), row.tokens)).collect())
}

/// About how many accounts have tokens, as the database last counted.
pub async fn estimate(conn: &mut PgConnection) -> Result<u64, StoreError> {
    let estimate = sqlx::query_scalar!(
        r#"select greatest(reltuples, 0)::bigint as "estimate!" from pg_class where oid = 'screening_keys'::regclass"#,
    );
    Ok(u64::try_from(estimate.fetch_one(conn).await?).unwrap_or_default())
}

/// How far the making of keys for all accounts is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// The next page follows this account of this shard, or begins it.
    At(Shard, Option<AccountId>),
    /// All accounts have keys of the version.
    Finished,
}

/// How far the build of `keys_version` is; begins it where there is none.
pub async fn begin_build(
    conn: &mut PgConnection,
    keys_version: i16,
    now: DateTime<Utc>,
) -> Result<Build, StoreError> {
    sqlx::query!(
        "insert into key_builds (keys_version, started_at) values ($1, $2) on conflict do nothing",
        keys_version,
        now,
    )
    .execute(&mut *conn)
    .await?;
    let row = sqlx::query!(
        "select shard, account_id, finished_at from key_builds where keys_version = $1",
        keys_version,
    )
    .fetch_one(conn)
    .await?;
    if row.finished_at.is_some() {
        return Ok(Build::Finished);
    }
    let shard =
        u8::try_from(row.shard).map_err(|_| StoreError::Inconsistent { column: "key_builds.shard" })?;
    Ok(Build::At(Shard(shard), row.account_id.map(AccountId)))
}

/// Whether all accounts have keys of `keys_version`.
pub async fn is_built(conn: &mut PgConnection, keys_version: i16) -> Result<bool, StoreError> {
    let built = sqlx::query_scalar!(
        r#"
        select exists (
            select from key_builds where keys_version = $1 and finished_at is not null
        ) and not exists (
            -- Another program makes others, in the place of these.
            select from key_builds where keys_version > $1
        ) as "built!"
        "#,
        keys_version,
    )
    .fetch_one(conn)
    .await?;
    Ok(built)
}

/// Notes how far a build is.
pub async fn save_build(
    conn: &mut PgConnection,
    keys_version: i16,
    build: Build,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (place, finished_at) = match build {
        Build::At(shard, after) => (Some((shard, after)), None),
        Build::Finished => (None, Some(now)),
    };
    sqlx::query!(
        r#"
        update key_builds
        set shard = coalesce($2, shard),
            account_id = $3,
            finished_at = $4
        where keys_version = $1
        "#,
        keys_version,
        place.map(|(shard, _)| shard.column()),
        place.and_then(|(_, after)| after).map(|account| account.0),
        finished_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether keys of a newer version are being made, or have been.
pub async fn is_newer(conn: &mut PgConnection, version: i16) -> Result<bool, StoreError> {
    let newer = sqlx::query_scalar!(
        r#"select exists (select from key_builds where keys_version > $1) as "newer!""#,
        version,
    );
    Ok(newer.fetch_one(conn).await?)
}

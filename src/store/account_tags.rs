//! Tags of accounts, and who set them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::id::AccountId;

/// Who set a tag when it was no schedule.
const PERSON: i32 = 0;

/// Sets tags on accounts: pairs of account and tag name. Returns the pairs that the account did not have.
///
/// `schedule` says which schedule sets them; none for a person or an import. Each setter has a row of its
/// own: an account has a tag while anybody sets it.
pub async fn insert_all(
    conn: &mut PgConnection,
    pairs: &[(AccountId, &str)],
    schedule: Option<i32>,
    now: DateTime<Utc>,
) -> Result<Vec<(AccountId, String)>, StoreError> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let shards: Vec<i16> = pairs.iter().map(|(account, _)| account.shard().column()).collect();
    let accounts: Vec<Uuid> = pairs.iter().map(|(account, _)| account.0).collect();
    let names: Vec<String> = pairs.iter().map(|(_, name)| (*name).to_owned()).collect();
    sqlx::query!(
        r#"
        insert into tags (name, created_at)
        select distinct name, $2::timestamptz from unnest($1::text[]) as new (name)
        where not exists (select from tags where tags.name = new.name)
        order by name
        on conflict on constraint tags_name_key do nothing
        "#,
        &names,
        now,
    )
    .execute(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        r#"
        with new as (
            select distinct new.shard, new.account_id, tags.tag_id, tags.name
            from unnest($1::smallint[], $2::uuid[], $3::text[]) as new (shard, account_id, name)
            -- What is retired is set by nobody any more.
            join tags on tags.name = new.name and tags.retired_at is null
        ), set_now as (
            insert into account_tags (shard, account_id, tag_id, schedule_id, set_at)
            select shard, account_id, tag_id, $4, $5 from new
            on conflict on constraint account_tags_pkey do nothing
            returning shard, account_id, tag_id
        )
        select new.account_id as "account_id!", new.name as "name!"
        from set_now
        join new using (shard, account_id, tag_id)
        -- The statement sees the table as it was before: what anybody had set is not new.
        where not exists (
            select from account_tags as before
            where before.shard = new.shard
              and before.account_id = new.account_id
              and before.tag_id = new.tag_id)
        "#,
        &shards,
        &accounts,
        &names,
        schedule.unwrap_or(PERSON),
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account_id), row.name)).collect())
}

/// Takes back the tags that `schedule` set on the accounts. Returns those that nobody else sets.
pub async fn remove_of_schedule(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    schedule: i32,
) -> Result<Vec<(AccountId, String)>, StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let rows = sqlx::query!(
        r#"
        with gone as (
            delete from account_tags as kept
            using unnest($1::smallint[], $2::uuid[]) as account (shard, account_id)
            where kept.shard = account.shard
              and kept.account_id = account.account_id
              and kept.schedule_id = $3
            returning kept.shard, kept.account_id, kept.tag_id
        )
        select gone.account_id, tags.name
        from gone
        join tags using (tag_id)
        where not exists (
            select from account_tags as other
            where other.shard = gone.shard
              and other.account_id = gone.account_id
              and other.tag_id = gone.tag_id
              and other.schedule_id <> $3)
        "#,
        &shards,
        &ids,
        schedule,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account_id), row.name)).collect())
}

/// Which schedules set a tag or the status of an account and have no hit of it that is open or confirmed. What a
/// redacted report found is gone.
pub async fn list_settled(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, i32)>, StoreError> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let rows = sqlx::query!(
        r#"
        with wanted as (
            select shard, account_id from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        ), setter as (
            -- A row of 0 is a person's.
            select account_id, schedule_id from wanted join account_tags using (shard, account_id)
            where schedule_id <> 0
            union
            select account_id, status_schedule_id from wanted join accounts using (shard, account_id)
            where status_schedule_id is not null
        )
        select setter.account_id as "account_id!", setter.schedule_id as "schedule_id!"
        from setter
        where not exists (
            select from hits as hit
            join monitors as monitor using (shard, monitor_id)
            where hit.account_id = setter.account_id
              and hit.schedule_id = setter.schedule_id
              and hit.state in ('open', 'confirmed')
              and monitor.redacted_at is null)
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account_id), row.schedule_id)).collect())
}

/// Takes tags off an account, whoever set them. Returns those that it had.
pub async fn remove_all(
    conn: &mut PgConnection,
    account: AccountId,
    names: &[String],
) -> Result<Vec<String>, StoreError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let removed = sqlx::query_scalar!(
        r#"
        with gone as (
            delete from account_tags as kept
            using tags
            where tags.name = any($3)
              and kept.tag_id = tags.tag_id
              and kept.shard = $1
              and kept.account_id = $2
            returning tags.name
        )
        select distinct name as "name!" from gone order by 1
        "#,
        account.shard().column(),
        account.0,
        names,
    )
    .fetch_all(conn)
    .await?;
    Ok(removed)
}

/// The tags of one account, by name.
pub async fn list(conn: &mut PgConnection, account: AccountId) -> Result<Vec<String>, StoreError> {
    let names = sqlx::query_scalar!(
        r#"
        select distinct tags.name
        from account_tags
        join tags using (tag_id)
        where shard = $1
          and account_id = $2
        order by tags.name
        "#,
        account.shard().column(),
        account.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(names)
}

/// The tags of accounts: pairs of account and name, by name.
pub async fn list_all(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, String)>, StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let rows = sqlx::query!(
        r#"
        select distinct account_tags.account_id, tags.name
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        join account_tags using (shard, account_id)
        join tags using (tag_id)
        order by tags.name
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account_id), row.name)).collect())
}

//! Tags of accounts, and who set them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::id::AccountId;

/// Sets tags on accounts: pairs of account and tag name. Returns the pairs that were not set before.
///
/// `schedule` says which schedule sets them; none for a person or an import, who thereby takes over
/// a tag that a schedule had set.
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
            join tags on tags.name = new.name
        ), set_now as (
            insert into account_tags as kept (shard, account_id, tag_id, schedule_id, set_at)
            select shard, account_id, tag_id, $4, $5 from new
            on conflict on constraint account_tags_pkey do update
            set schedule_id = null
            -- A person takes over what a schedule set; a schedule takes over nothing.
            where excluded.schedule_id is null and kept.schedule_id is not null
            returning account_id, tag_id, (xmax = 0) as added
        )
        select set_now.account_id, new.name as "name!"
        from set_now
        join new using (account_id, tag_id)
        where set_now.added
        "#,
        &shards,
        &accounts,
        &names,
        schedule,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account_id), row.name)).collect())
}

/// Takes off the accounts the tags that `schedule` itself set. Returns what was taken off.
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
            returning kept.account_id, kept.tag_id
        )
        select gone.account_id, tags.name from gone join tags using (tag_id)
        "#,
        &shards,
        &ids,
        schedule,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account_id), row.name)).collect())
}

/// The tags of one account, by name.
pub async fn list(conn: &mut PgConnection, account: AccountId) -> Result<Vec<String>, StoreError> {
    let names = sqlx::query_scalar!(
        r#"
        select tags.name
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

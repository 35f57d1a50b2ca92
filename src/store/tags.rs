//! Tags as things of their own: named, coloured, described, retired, merged. Which accounts have them is in
//! [`account_tags`](super::account_tags).

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::id::{AccountId, TagId};

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRow {
    /// Its number among tags, in the order in which they were made.
    pub number: i32,
    /// Its id.
    pub id: TagId,
    /// Its name, unique also among those that are retired.
    pub name: String,
    /// Its colour, `#rrggbb`.
    pub colour: Option<String>,
    /// What it means.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Since when nobody may set it any more.
    pub retired_at: Option<DateTime<Utc>>,
    /// The tag that took its place.
    pub merged_into: Option<TagId>,
}

struct Record {
    tag_id: i32,
    public_id: Uuid,
    name: String,
    colour: Option<String>,
    description: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    retired_at: Option<DateTime<Utc>>,
    merged_into: Option<Uuid>,
}

impl From<Record> for TagRow {
    fn from(row: Record) -> Self {
        Self {
            number: row.tag_id,
            id: TagId(row.public_id),
            name: row.name,
            colour: row.colour,
            description: row.description,
            created_at: row.created_at,
            updated_at: row.updated_at,
            retired_at: row.retired_at,
            merged_into: row.merged_into.map(TagId),
        }
    }
}

/// Makes a tag. None when its name is taken.
pub async fn insert(
    conn: &mut PgConnection,
    id: TagId,
    name: &str,
    colour: Option<&str>,
    description: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<i32>, StoreError> {
    let number = sqlx::query_scalar!(
        r#"
        insert into tags (public_id, name, colour, description, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $5)
        on conflict on constraint tags_name_key do nothing
        returning tag_id
        "#,
        id.0,
        name,
        colour,
        description,
        now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(number)
}

/// The tag of an id.
pub async fn find(conn: &mut PgConnection, id: TagId) -> Result<Option<TagRow>, StoreError> {
    Ok(list_by_ids(conn, &[id]).await?.pop())
}

/// The tags of ids, those that there are.
pub async fn list_by_ids(conn: &mut PgConnection, ids: &[TagId]) -> Result<Vec<TagRow>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Record,
        r#"
        select tag.tag_id, tag.public_id, tag.name, tag.colour, tag.description, tag.created_at,
               coalesce(tag.updated_at, tag.created_at) as "updated_at!", tag.retired_at,
               target.public_id as "merged_into?"
        from tags as tag
        left join tags as target on target.tag_id = tag.merged_into
        where tag.public_id = any($1)
        order by tag.tag_id
        "#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(TagRow::from).collect())
}

/// A page of tags, the newest first: those made before `before` and after `after`, retired ones only when asked
/// for. With `after` alone the page lies right after it: the oldest of those that are newer.
pub async fn list(
    conn: &mut PgConnection,
    (older_than, newer_than): (Option<i32>, Option<i32>),
    retired: bool,
    limit: i64,
) -> Result<Vec<TagRow>, StoreError> {
    let rows = sqlx::query_as!(
        Record,
        r#"
        select tag.tag_id, tag.public_id, tag.name, tag.colour, tag.description, tag.created_at,
               coalesce(tag.updated_at, tag.created_at) as "updated_at!", tag.retired_at,
               target.public_id as "merged_into?"
        from tags as tag
        left join tags as target on target.tag_id = tag.merged_into
        where ($1::integer is null or tag.tag_id < $1)
          and ($2::integer is null or tag.tag_id > $2)
          and ($3 or tag.retired_at is null)
        order by case when $2::integer is null then -tag.tag_id else tag.tag_id end
        limit $4
        "#,
        older_than,
        newer_than,
        retired,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let mut tags: Vec<TagRow> = rows.into_iter().map(TagRow::from).collect();
    tags.sort_unstable_by_key(|tag| std::cmp::Reverse(tag.number));
    Ok(tags)
}

/// Locks tags, in the order in which they were made, and reads them.
pub async fn lock(conn: &mut PgConnection, ids: &[TagId]) -> Result<Vec<TagRow>, StoreError> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!("select tag_id from tags where public_id = any($1) order by tag_id for update", &uuids)
        .fetch_all(&mut *conn)
        .await?;
    list_by_ids(conn, ids).await
}

/// Writes what a locked tag says of itself. False when its name is taken.
pub async fn save(conn: &mut PgConnection, tag: &TagRow, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        update tags as tag
        set name = $2,
            colour = $3,
            description = $4,
            retired_at = $5,
            updated_at = $6
        where tag.tag_id = $1
          -- The constraint keeps it true against others; this refuses without an error.
          and not exists (select from tags as other where other.name = $2 and other.tag_id <> $1)
        "#,
        tag.number,
        tag.name,
        tag.colour,
        tag.description,
        tag.retired_at,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Retires locked tags in favour of a locked one.
pub async fn save_merged(
    conn: &mut PgConnection,
    sources: &[i32],
    target: i32,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update tags
        set merged_into = $2,
            retired_at = coalesce(retired_at, $3),
            updated_at = $3
        where tag_id = any($1)
           -- What was merged into them before goes the same way.
           or merged_into = any($1)
        "#,
        sources,
        target,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Which of these names are of tags that nobody may set any more. Until the caller's transaction ends nobody retires,
/// renames or merges the others: who sets one is seen by whoever does that next.
pub async fn list_retired(conn: &mut PgConnection, names: &[String]) -> Result<Vec<String>, StoreError> {
    let retired = sqlx::query_scalar!(
        r#"
        select case when retired_at is not null then name end
        from tags
        where name = any($1)
        order by tag_id
        for key share
        "#,
        names,
    )
    .fetch_all(conn)
    .await?;
    Ok(retired.into_iter().flatten().collect())
}

/// The schedules of the configuration that name a tag, by name.
pub async fn list_schedules(conn: &mut PgConnection, tag: &str) -> Result<Vec<String>, StoreError> {
    let names = sqlx::query_scalar!(
        r#"
        select name
        from schedules
        where removed_at is null
          and (definition #> '{accounts,tags-any}' @> to_jsonb($1::text)
               or definition #> '{accounts,tags-none}' @> to_jsonb($1::text)
               or definition #> '{on-match,tags}' @> to_jsonb($1::text))
        order by name
        "#,
        tag,
    )
    .fetch_all(conn)
    .await?;
    Ok(names)
}

/// The reverifications of the configuration that name a tag, by name.
pub async fn list_reverifications(conn: &mut PgConnection, tag: &str) -> Result<Vec<String>, StoreError> {
    let names = sqlx::query_scalar!(
        r#"
        select name
        from reverifications
        where removed_at is null
          and (definition #> '{accounts,tags-any}' @> to_jsonb($1::text)
               or definition #> '{accounts,tags-none}' @> to_jsonb($1::text)
               or definition -> 'tags' @> to_jsonb($1::text))
        order by name
        "#,
        tag,
    )
    .fetch_all(conn)
    .await?;
    Ok(names)
}

/// A tag that was merged and that accounts or transactions still have, with the number of the one that took its place.
pub async fn find_merging(conn: &mut PgConnection) -> Result<Option<(i32, i32)>, StoreError> {
    let row = sqlx::query!(
        r#"
        select tag.tag_id, tag.merged_into as "merged_into!"
        from tags as tag
        where tag.merged_into is not null
          and (exists (select from account_tags where account_tags.tag_id = tag.tag_id)
               or exists (select from transaction_tags where transaction_tags.tag_id = tag.tag_id))
        order by tag.tag_id
        limit 1
        "#
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.tag_id, row.merged_into)))
}

/// The name of the tag of a number.
pub async fn name_of(conn: &mut PgConnection, number: i32) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar!("select name from tags where tag_id = $1", number).fetch_one(conn).await?)
}

/// Accounts that have a tag, in the order of their ids.
pub async fn list_accounts(
    conn: &mut PgConnection,
    tag: i32,
    limit: i64,
) -> Result<Vec<AccountId>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select distinct shard, account_id
        from account_tags
        where tag_id = $1
        order by shard, account_id
        limit $2
        "#,
        tag,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| AccountId(row.account_id)).collect())
}

/// Gives locked accounts one tag for another, each setter its own. Returns those that had it.
pub async fn save_moved(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    from: i32,
    to: i32,
) -> Result<Vec<AccountId>, StoreError> {
    let (shards, ids) = super::standings::columns(accounts);
    let moved = sqlx::query_scalar!(
        r#"
        with gone as (
            delete from account_tags as kept
            using unnest($1::smallint[], $2::uuid[]) as account (shard, account_id)
            where kept.shard = account.shard
              and kept.account_id = account.account_id
              and kept.tag_id = $3
            returning kept.shard, kept.account_id, kept.schedule_id, kept.set_at
        ), given as (
            insert into account_tags (shard, account_id, tag_id, schedule_id, set_at)
            select shard, account_id, $4, schedule_id, set_at from gone
            on conflict on constraint account_tags_pkey do nothing
        )
        select distinct account_id as "account_id!" from gone
        "#,
        &shards,
        &ids,
        from,
        to,
    )
    .fetch_all(conn)
    .await?;
    Ok(moved.into_iter().map(AccountId).collect())
}

//! Items of the customer's own lists.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, lists::Part};
use crate::{
    domain::id::{ListId, ListItemId},
    vault::WrappedKey,
};

/// An item to insert.
#[derive(Debug)]
pub struct NewItem {
    /// Its id.
    pub id: ListItemId,
    /// The list that it goes on, locked by the caller.
    pub list: ListId,
    /// Its value, sealed.
    pub sealed_value: Vec<u8>,
    /// Tells equal values.
    pub digest: [u8; 16],
    /// Who put it there.
    pub actor: String,
}

/// An item.
#[derive(Debug)]
pub struct ItemRow {
    /// Its id.
    pub id: ListItemId,
    /// Its list.
    pub list: ListId,
    /// Its value, sealed, and the key that opens it.
    pub sealed: Option<(Vec<u8>, WrappedKey)>,
    /// Who put it there.
    pub actor: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Since when it matches nobody any more.
    pub archived_at: Option<DateTime<Utc>>,
    /// When its value was destroyed: nothing about it changes after that.
    pub redacted_at: Option<DateTime<Utc>>,
}

struct Record {
    list_item_id: Uuid,
    list_id: Uuid,
    sealed_value: Option<Vec<u8>>,
    actor: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    archived_at: Option<DateTime<Utc>>,
    key_id: Option<Uuid>,
    master_key_id: Option<String>,
    wrapped: Option<Vec<u8>>,
}

impl From<Record> for ItemRow {
    fn from(row: Record) -> Self {
        let redacted_at = row.sealed_value.is_none().then_some(row.updated_at);
        Self {
            id: ListItemId(row.list_item_id),
            list: ListId(row.list_id),
            sealed: match (row.sealed_value, row.key_id, row.master_key_id, row.wrapped) {
                (Some(sealed), Some(key_id), Some(master_key_id), Some(wrapped)) => {
                    Some((sealed, WrappedKey { key_id, master_key_id, wrapped }))
                }
                _ => None,
            },
            actor: row.actor,
            created_at: row.created_at,
            updated_at: row.updated_at,
            archived_at: row.archived_at,
            redacted_at,
        }
    }
}

/// Puts an item on a list. False when an active one has its value.
pub async fn insert(conn: &mut PgConnection, new: &NewItem, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        insert into list_items (
            shard, list_item_id, list_id, sealed_value, value_digest, actor, created_at, updated_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $7)
        on conflict (list_id, value_digest) where archived_at is null do nothing
        "#,
        new.id.shard().column(),
        new.id.0,
        new.list.0,
        new.sealed_value,
        new.digest.as_slice(),
        new.actor,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Reads an item.
pub async fn find(conn: &mut PgConnection, id: ListItemId) -> Result<Option<ItemRow>, StoreError> {
    let row = sqlx::query_as!(
        Record,
        r#"
        select item.list_item_id, item.list_id, item.sealed_value, item.actor, item.created_at, item.updated_at,
               item.archived_at, kept.key_id as "key_id?", kept.master_key_id as "master_key_id?",
               kept.wrapped as "wrapped?"
        from list_items as item
        left join data_keys as kept on kept.shard = item.shard and kept.object_id = item.list_item_id
        where item.shard = $1
          and item.list_item_id = $2
        "#,
        id.shard().column(),
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(ItemRow::from))
}

/// Active items of a list, the newest ids first.
pub async fn list(conn: &mut PgConnection, of: ListId, part: Part) -> Result<Vec<ItemRow>, StoreError> {
    let mut rows = if part.lowest {
        sqlx::query_as!(
            Record,
            r#"
            select item.list_item_id, item.list_id, item.sealed_value, item.actor, item.created_at,
                   item.updated_at, item.archived_at, kept.key_id as "key_id?",
                   kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?"
            from list_items as item
            left join data_keys as kept on kept.shard = item.shard and kept.object_id = item.list_item_id
            where item.list_id = $1
              and item.archived_at is null
              and item.list_item_id < $2
              and item.list_item_id > $3
            order by item.list_item_id
            limit $4
            "#,
            of.0,
            part.below,
            part.above,
            part.limit,
        )
        .fetch_all(conn)
        .await?
    } else {
        sqlx::query_as!(
            Record,
            r#"
            select item.list_item_id, item.list_id, item.sealed_value, item.actor, item.created_at,
                   item.updated_at, item.archived_at, kept.key_id as "key_id?",
                   kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?"
            from list_items as item
            left join data_keys as kept on kept.shard = item.shard and kept.object_id = item.list_item_id
            where item.list_id = $1
              and item.archived_at is null
              and item.list_item_id < $2
              and item.list_item_id > $3
            order by item.list_item_id desc
            limit $4
            "#,
            of.0,
            part.below,
            part.above,
            part.limit,
        )
        .fetch_all(conn)
        .await?
    };
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.list_item_id));
    Ok(rows.into_iter().map(ItemRow::from).collect())
}

/// The newest active items of lists, at most `most` of each, the newest first.
pub async fn list_newest(
    conn: &mut PgConnection,
    lists: &[ListId],
    most: i64,
) -> Result<HashMap<ListId, Vec<ListItemId>>, StoreError> {
    let lists: Vec<Uuid> = lists.iter().map(|list| list.0).collect();
    let rows = sqlx::query!(
        r#"
        select wanted.list_id as "list_id!", newest.list_item_id as "list_item_id!"
        from unnest($1::uuid[]) as wanted (list_id)
        cross join lateral (
            select item.list_item_id
            from list_items as item
            where item.list_id = wanted.list_id
              and item.archived_at is null
            order by item.list_item_id desc
            limit $2
        ) as newest
        order by wanted.list_id, newest.list_item_id desc
        "#,
        &lists,
        most,
    )
    .fetch_all(conn)
    .await?;
    let mut newest: HashMap<ListId, Vec<ListItemId>> = HashMap::new();
    for row in rows {
        newest.entry(ListId(row.list_id)).or_default().push(ListItemId(row.list_item_id));
    }
    Ok(newest)
}

/// The active items of a list that have one of these values.
pub async fn list_by_digests(
    conn: &mut PgConnection,
    of: ListId,
    digests: &[[u8; 16]],
) -> Result<Vec<ListItemId>, StoreError> {
    let digests: Vec<Vec<u8>> = digests.iter().map(|digest| digest.to_vec()).collect();
    let ids = sqlx::query_scalar!(
        r#"
        select list_item_id
        from list_items
        where list_id = $1
          and value_digest = any($2)
          and archived_at is null
        order by list_item_id desc
        "#,
        of.0,
        &digests,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ListItemId).collect())
}

/// Archives an active item. False when it is archived already.
pub async fn save_archived(
    conn: &mut PgConnection,
    id: ListItemId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        update list_items
        set archived_at = $3,
            updated_at = $3
        where shard = $1
          and list_item_id = $2
          and archived_at is null
        "#,
        id.shard().column(),
        id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many hits name an entity, at whatever state: how often an item matched.
pub async fn count_matches(conn: &mut PgConnection, entity: &str) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        // As the index has it.
        r#"select count(*) as "count!" from hits where entity = $1 and entity like 'own:%'"#,
        entity,
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// Locks items whose values were destroyed before a time, and of which hits may still have copies.
pub async fn lock_with_copies(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<ListItemId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select list_item_id
        from list_items
        where sealed_value is null
          and copies_destroyed_at is null
          and updated_at <= $1
        order by updated_at
        limit $2
        for update skip locked
        "#,
        before,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ListItemId).collect())
}

/// Notes that no hit has a copy any more of those locked items of which that is so; each with the entity that hits
/// know it by. Returns how many those are.
pub async fn save_copies_destroyed(
    conn: &mut PgConnection,
    items: &[(ListItemId, String)],
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let shards: Vec<i16> = items.iter().map(|(item, _)| item.shard().column()).collect();
    let ids: Vec<Uuid> = items.iter().map(|(item, _)| item.0).collect();
    let entities: Vec<String> = items.iter().map(|(_, entity)| entity.clone()).collect();
    let done = sqlx::query!(
        r#"
        update list_items as item
        set copies_destroyed_at = $4
        from unnest($1::smallint[], $2::uuid[], $3::text[]) as one (shard, list_item_id, entity)
        where item.shard = one.shard
          and item.list_item_id = one.list_item_id
          and not exists (
              select
              from hits as hit
              where hit.entity = one.entity
                -- As the index has it.
                and hit.entity like 'own:%'
                and hit.sealed_content is not null
          )
        "#,
        &shards,
        &ids,
        &entities,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

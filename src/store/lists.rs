//! Lists of the customer's own.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{
    id::{ListId, ListItemId},
    list::ListKind,
};

/// A list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// Its id.
    pub id: ListId,
    /// What it holds.
    pub kind: ListKind,
    /// Its name, unique among lists in use whatever its case.
    pub name: String,
    /// Counts the changes of its items.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Since when it matches nobody any more.
    pub archived_at: Option<DateTime<Utc>>,
}

struct Record {
    list_id: Uuid,
    kind: String,
    name: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    archived_at: Option<DateTime<Utc>>,
}

impl TryFrom<Record> for ListRow {
    type Error = StoreError;

    fn try_from(row: Record) -> Result<Self, StoreError> {
        Ok(Self {
            id: ListId(row.list_id),
            kind: ListKind::from_word(&row.kind).ok_or(StoreError::Inconsistent { column: "lists.kind" })?,
            name: row.name,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            archived_at: row.archived_at,
        })
    }
}

/// Makes a list. False when one in use has its name.
pub async fn insert(
    conn: &mut PgConnection,
    id: ListId,
    kind: ListKind,
    name: &str,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        insert into lists (list_id, kind, name, actor, created_at, updated_at) values ($1, $2, $3, $4, $5, $5)
        on conflict (lower(name)) where archived_at is null do nothing
        "#,
        id.0,
        kind.word(),
        name,
        actor,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The list of an id.
pub async fn find(conn: &mut PgConnection, id: ListId) -> Result<Option<ListRow>, StoreError> {
    let row = sqlx::query_as!(
        Record,
        "select list_id, kind, name, version, created_at, updated_at, archived_at from lists where list_id = $1",
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(ListRow::try_from).transpose()
}

/// Locks a list: its items change one at a time, each with a version of its own.
pub async fn lock(conn: &mut PgConnection, id: ListId) -> Result<Option<ListRow>, StoreError> {
    let row = sqlx::query_as!(
        Record,
        r#"
        select list_id, kind, name, version, created_at, updated_at, archived_at
        from lists
        where list_id = $1
        for no key update
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(ListRow::try_from).transpose()
}

/// Locks the lists of items, in the order of the lists' ids.
pub async fn lock_of_items(conn: &mut PgConnection, items: &[ListItemId]) -> Result<(), StoreError> {
    let shards: Vec<i16> = items.iter().map(|item| item.shard().column()).collect();
    let ids: Vec<Uuid> = items.iter().map(|item| item.0).collect();
    sqlx::query!(
        r#"
        select list_id
        from lists
        where list_id in (
            select item.list_id
            from unnest($1::smallint[], $2::uuid[]) as wanted (shard, list_item_id)
            join list_items as item using (shard, list_item_id))
        order by list_id
        for no key update
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Which part of the lists is asked for, the newest ids first.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Ids below this one.
    pub below: Uuid,
    /// Ids above this one.
    pub above: Uuid,
    /// Whether the lowest of them are asked for.
    pub lowest: bool,
    /// How many at most.
    pub limit: i64,
}

/// A page of lists, the newest first: those in use, those archived, or all. Customers have few lists: they are
/// sorted as they are read.
pub async fn list(
    conn: &mut PgConnection,
    archived: Option<bool>,
    part: Part,
) -> Result<Vec<ListRow>, StoreError> {
    let rows = sqlx::query_as!(
        Record,
        r#"
        select list_id, kind, name, version, created_at, updated_at, archived_at
        from lists
        where list_id < $1
          and list_id > $2
          and ($3::boolean is null or (archived_at is not null) = $3)
        order by case when $4 then list_id end, list_id desc
        limit $5
        "#,
        part.below,
        part.above,
        archived,
        part.lowest,
        part.limit,
    )
    .fetch_all(conn)
    .await?;
    let mut lists = rows.into_iter().map(ListRow::try_from).collect::<Result<Vec<_>, _>>()?;
    lists.sort_unstable_by_key(|list| std::cmp::Reverse(list.id));
    Ok(lists)
}

/// Archives a locked list: it matches nobody any more, and its name is free.
pub async fn save_archived(
    conn: &mut PgConnection,
    id: ListId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!("update lists set archived_at = $2, updated_at = $2 where list_id = $1", id.0, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Moves a locked list's version on: an item of it changed.
pub async fn save_changed(conn: &mut PgConnection, id: ListId, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("update lists set version = version + 1, updated_at = $2 where list_id = $1", id.0, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// The lists in use that have one of these names, whatever its case.
pub async fn list_by_names(conn: &mut PgConnection, names: &[String]) -> Result<Vec<ListRow>, StoreError> {
    let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let rows = sqlx::query_as!(
        Record,
        r#"
        select list_id, kind, name, version, created_at, updated_at, archived_at
        from lists
        where archived_at is null
          and lower(name) = any($1)
        "#,
        &names,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(ListRow::try_from).collect()
}

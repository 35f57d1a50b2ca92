//! Imports through the API: their files, how far they are, what was not taken.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::{id::ImporterId, importer::ImporterStatus};

/// An import.
#[derive(Clone, Debug)]
pub struct Importer {
    /// Its id.
    pub id: ImporterId,
    /// Who asked for it.
    pub actor: String,
    /// How far it is.
    pub status: ImporterStatus,
    /// How to read the file.
    pub options: Value,
    /// How many pieces the file has; none while it is being sent.
    pub pieces: Option<i32>,
    /// Accounts made.
    pub created: i64,
    /// Accounts changed.
    pub updated: i64,
    /// Accounts that were as the file says.
    pub unchanged: i64,
    /// Rows that were not taken.
    pub errors: i64,
    /// The line up to which it is done.
    pub done_line: i64,
    /// What is wrong with the file as a whole.
    pub fault: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was done.
    pub completed_at: Option<DateTime<Utc>>,
}

/// A row that was not taken.
#[derive(Clone, Debug)]
pub struct Reject {
    /// Its line.
    pub line: i64,
    /// The column at fault.
    pub column: Option<String>,
    /// Why.
    pub reason: String,
}

/// What a batch did.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Accounts made.
    pub created: i64,
    /// Accounts changed.
    pub updated: i64,
    /// Accounts that were as the file says.
    pub unchanged: i64,
    /// Rows that were not taken.
    pub rejects: Vec<Reject>,
    /// The line up to which the file is done now.
    pub line: i64,
}

/// Inserts an import whose file is still to come.
pub async fn insert(
    conn: &mut PgConnection,
    (id, actor): (ImporterId, &str),
    options: &Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into importers (importer_id, actor, status, options, created_at) values ($1, $2, 'pending', $3, $4)",
        id.0,
        actor,
        options,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts a piece of the file.
pub async fn insert_piece(
    conn: &mut PgConnection,
    id: ImporterId,
    piece: i32,
    sealed: &[u8],
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into importer_pieces (importer_id, piece, sealed_content) values ($1, $2, $3)",
        id.0,
        piece,
        sealed,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Says that the file is there whole, and how it is to be read.
pub async fn save_whole(
    conn: &mut PgConnection,
    id: ImporterId,
    pieces: i32,
    options: &Value,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update importers set pieces = $2, options = $3 where importer_id = $1",
        id.0,
        pieces,
        options
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes an import whose file never came whole.
pub async fn remove(conn: &mut PgConnection, id: ImporterId) -> Result<(), StoreError> {
    sqlx::query!("delete from importers where importer_id = $1", id.0).execute(conn).await?;
    Ok(())
}

/// A piece of the file.
pub async fn find_piece(
    conn: &mut PgConnection,
    id: ImporterId,
    piece: i32,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sealed = sqlx::query_scalar!(
        "select sealed_content from importer_pieces where importer_id = $1 and piece = $2",
        id.0,
        piece,
    )
    .fetch_optional(conn)
    .await?;
    Ok(sealed)
}

/// Takes the rows of a batch into the account of an import. Returns false, and changes nothing, when somebody else
/// has done the lines after `from_line`.
pub async fn save_progress(
    conn: &mut PgConnection,
    id: ImporterId,
    from_line: i64,
    progress: &Progress,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        update importers
        set created_count = created_count + $3,
            updated_count = updated_count + $4,
            unchanged_count = unchanged_count + $5,
            error_count = error_count + $6,
            done_line = $7
        where importer_id = $1
          and done_line = $2
          and status = 'pending'
        "#,
        id.0,
        from_line,
        progress.created,
        progress.updated,
        progress.unchanged,
        i64::try_from(progress.rejects.len()).unwrap_or(i64::MAX),
        progress.line,
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let lines: Vec<i64> = progress.rejects.iter().map(|reject| reject.line).collect();
    let columns: Vec<Option<String>> = progress.rejects.iter().map(|reject| reject.column.clone()).collect();
    let reasons: Vec<String> = progress.rejects.iter().map(|reject| reject.reason.clone()).collect();
    sqlx::query!(
        r#"
        insert into importer_rejects (importer_id, line, column_name, reason)
        select $1, line, column_name, reason
        from unnest($2::bigint[], $3::text[], $4::text[]) as new (line, column_name, reason)
        "#,
        id.0,
        &lines,
        &columns as &[Option<String>],
        &reasons,
    )
    .execute(conn)
    .await?;
    Ok(true)
}

/// Ends an import: its file goes, what it did stays.
pub async fn save_ended(
    conn: &mut PgConnection,
    id: ImporterId,
    fault: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update importers
        set status = case when $2::text is null then 'ready' else 'errored' end,
            fault = $2,
            completed_at = $3
        where importer_id = $1
        "#,
        id.0,
        fault,
        now,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("delete from importer_pieces where importer_id = $1", id.0).execute(&mut *conn).await?;
    // The last byte of an id is its shard.
    sqlx::query!("delete from data_keys where shard = $1 and object_id = $2", id.shard().column(), id.0)
        .execute(conn)
        .await?;
    Ok(())
}

macro_rules! importer {
    ($row:expr) => {{
        let row = $row;
        Ok(Importer {
            id: ImporterId(row.importer_id),
            actor: row.actor,
            status: ImporterStatus::from_word(&row.status)
                .ok_or(StoreError::Inconsistent { column: "importers.status" })?,
            options: row.options,
            pieces: row.pieces,
            created: row.created_count,
            updated: row.updated_count,
            unchanged: row.unchanged_count,
            errors: row.error_count,
            done_line: row.done_line,
            fault: row.fault,
            created_at: row.created_at,
            completed_at: row.completed_at,
        })
    }};
}

/// The oldest import whose file is there and not done.
pub async fn find_pending(conn: &mut PgConnection) -> Result<Option<Importer>, StoreError> {
    let row = sqlx::query!(
        r#"
        select importer_id, actor, status, options, pieces, created_count, updated_count, unchanged_count, error_count,
               done_line, fault, created_at, completed_at
        from importers
        where status = 'pending'
          and pieces is not null
        order by created_at
        limit 1
        "#
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| importer!(row)).transpose()
}

/// Imports whose file has been coming since before `before`: whoever sent it went away.
pub async fn list_abandoned(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
) -> Result<Vec<ImporterId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select importer_id
        from importers
        where status = 'pending'
          and pieces is null
          and created_at < $1
        order by created_at
        limit 100
        "#,
        before,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ImporterId).collect())
}

/// An import.
pub async fn find(conn: &mut PgConnection, id: ImporterId) -> Result<Option<Importer>, StoreError> {
    let row = sqlx::query!(
        r#"
        select importer_id, actor, status, options, pieces, created_count, updated_count, unchanged_count, error_count,
               done_line, fault, created_at, completed_at
        from importers
        where importer_id = $1
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| importer!(row)).transpose()
}

/// Imports, the newest first, before and after ids.
pub async fn list(
    conn: &mut PgConnection,
    (after, before): (Option<ImporterId>, Option<ImporterId>),
    limit: i64,
) -> Result<Vec<Importer>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select importer_id, actor, status, options, pieces, created_count, updated_count, unchanged_count, error_count,
               done_line, fault, created_at, completed_at
        from importers
        where ($1::uuid is null or importer_id < $1)
          and ($2::uuid is null or importer_id > $2)
        order by case when $2::uuid is null then importer_id end desc, importer_id
        limit $3
        "#,
        after.map(|id| id.0),
        before.map(|id| id.0),
        limit,
    )
    .fetch_all(conn)
    .await?;
    let mut importers =
        rows.into_iter().map(|row| importer!(row)).collect::<Result<Vec<Importer>, StoreError>>()?;
    importers.sort_unstable_by_key(|importer| std::cmp::Reverse(importer.id));
    Ok(importers)
}

/// Rows that an import did not take, by line, after `after`.
pub async fn list_rejects(
    conn: &mut PgConnection,
    id: ImporterId,
    after: i64,
    limit: i64,
) -> Result<Vec<Reject>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select line, column_name, reason
        from importer_rejects
        where importer_id = $1
          and line > $2
        order by line
        limit $3
        "#,
        id.0,
        after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Reject { line: row.line, column: row.column_name, reason: row.reason })
        .collect())
}

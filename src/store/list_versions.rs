//! The versions of published lists, numbered as they came into force.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::id::ProcessId;

/// A version of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedVersion {
    /// The list's name in the configuration.
    pub list: String,
    /// Counts its versions, from 1.
    pub number: i64,
    /// What the version is called: a short hash of its contents.
    pub version: String,
    /// When it came into force, for whichever process took it first.
    pub taken_at: DateTime<Utc>,
}

/// The newest version of each of `lists` that has one.
pub async fn list_newest(
    conn: &mut PgConnection,
    lists: &[String],
) -> Result<Vec<NumberedVersion>, StoreError> {
    let rows = sqlx::query_as!(
        NumberedVersion,
        r#"
        select newest.list, newest.number, newest.version, newest.taken_at
        from unnest($1::text[]) as wanted (list)
        cross join lateral (
            select * from list_versions
            where list_versions.list = wanted.list
            order by number desc
            limit 1
        ) as newest
        "#,
        lists,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Whether a list was ever in this version.
pub async fn is_known(conn: &mut PgConnection, list: &str, version: &str) -> Result<bool, StoreError> {
    let known = sqlx::query_scalar!(
        r#"select exists (select from list_versions where list = $1 and version = $2) as "known!""#,
        list,
        version,
    )
    .fetch_one(conn)
    .await?;
    Ok(known)
}

/// Puts a version after the one of `before`. False when somebody else put another there.
pub async fn insert(
    conn: &mut PgConnection,
    new: &NumberedVersion,
    (entities, names): (usize, usize),
    process: ProcessId,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        insert into list_versions (list, number, version, entities, names, taken_at, process_id)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict on constraint list_versions_pkey do nothing
        "#,
        new.list,
        new.number,
        new.version,
        i32::try_from(entities).unwrap_or(i32::MAX),
        i32::try_from(names).unwrap_or(i32::MAX),
        new.taken_at,
        process.0,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

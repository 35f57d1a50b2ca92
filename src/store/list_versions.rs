//! The versions of published lists, numbered as they came into force.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::{domain::id::ProcessId, store::processes::SEEN_WITHIN};

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

/// That a process works on with an older version of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debt {
    /// The list.
    pub list: String,
    /// The process.
    pub process: ProcessId,
    /// The version that it has.
    pub number: i64,
}

/// Notes that a process works on with an older version.
pub async fn insert_debt(
    conn: &mut PgConnection,
    list: &str,
    process: ProcessId,
    number: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into list_debts (list, process_id, number, since) values ($1, $2, $3, $4)
        on conflict on constraint list_debts_pkey do nothing
        "#,
        list,
        process.0,
        number,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The debts of a process, and of those that are gone.
pub async fn list_debts(
    conn: &mut PgConnection,
    process: ProcessId,
    now: DateTime<Utc>,
) -> Result<Vec<Debt>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select debt.list, debt.process_id, debt.number
        from list_debts as debt
        where debt.process_id = $1
           or not exists (
               select from processes where processes.process_id = debt.process_id and processes.seen_at > $2
           )
        "#,
        process.0,
        now - SEEN_WITHIN,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Debt { list: row.list, process: ProcessId(row.process_id), number: row.number })
        .collect())
}

/// Takes a debt away. False when somebody else did.
pub async fn remove_debt(conn: &mut PgConnection, debt: &Debt) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "delete from list_debts where list = $1 and process_id = $2 and number = $3",
        debt.list,
        debt.process.0,
        debt.number,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes which of the schedules `planned` use which lists, in the place of what was noted of them. Returns what is new.
pub async fn save_uses(
    conn: &mut PgConnection,
    planned: &[i32],
    uses: &[(i32, String)],
) -> Result<Vec<(i32, String)>, StoreError> {
    let (schedules, lists): (Vec<i32>, Vec<String>) = uses.iter().cloned().unzip();
    sqlx::query!(
        r#"
        delete from schedule_lists as kept
        where not kept.schedule_id = any($1)
           or not exists (
               select from unnest($2::integer[], $3::text[]) as used (schedule_id, list)
               where used.schedule_id = kept.schedule_id and used.list = kept.list
           )
        "#,
        planned,
        &schedules,
        &lists,
    )
    .execute(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        r#"
        insert into schedule_lists (schedule_id, list)
        select * from unnest($1::integer[], $2::text[])
        on conflict on constraint schedule_lists_pkey do nothing
        returning schedule_id, list
        "#,
        &schedules,
        &lists,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.schedule_id, row.list)).collect())
}

/// The schedules that use a list.
pub async fn list_users(conn: &mut PgConnection, list: &str) -> Result<Vec<i32>, StoreError> {
    let users = sqlx::query_scalar!(
        "select schedule_id from schedule_lists where list = $1 order by schedule_id",
        list
    )
    .fetch_all(conn)
    .await?;
    Ok(users)
}

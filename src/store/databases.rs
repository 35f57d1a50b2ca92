//! Databases as a whole: the demo and the benchmarks have one of their own.

use std::str::FromStr;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

use super::StoreError;

/// Makes the database `name` anew on the server of `url`, dropping the one there is; returns its address.
///
/// The name is the program's own, never input.
pub async fn recreate(url: &str, name: &'static str) -> Result<String, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Address)?;
    let mut connection = options.connect().await?;
    for statement in
        [format!("drop database if exists {name} with (force)"), format!("create database {name}")]
    {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(options.database(name).to_url_lossy().to_string())
}

/// The indexes that migrations build concurrently, each with the version of its migration.
const BUILT_CONCURRENTLY: [(i64, &str); 18] = [
    (20_261_123_000_012, "monitors_quarantined_idx"),
    (20_261_127_100_005, "accounts_newest_idx"),
    (20_261_127_100_006, "accounts_type_idx"),
    (20_261_127_100_007, "accounts_updated_idx"),
    (20_261_127_100_008, "accounts_status_idx"),
    (20_261_127_300_004, "monitors_of_account_idx"),
    (20_261_127_300_010, "hits_of_account_idx"),
    (20_261_127_300_011, "hits_score_idx"),
    (20_261_127_300_012, "hits_open_score_idx"),
    (20_261_127_300_013, "hits_assignee_idx"),
    (20_261_127_300_014, "hits_schedule_idx"),
    (20_261_127_300_015, "hits_list_idx"),
    (20_261_127_400_002, "accounts_consolidated_idx"),
    (20_261_127_400_008, "hits_own_list_idx"),
    (20_261_127_500_002, "idempotency_replies_object_idx"),
    (20_261_127_510_001, "monitors_state_idx"),
    (20_261_127_510_002, "hits_confirmed_idx"),
    (20_261_127_510_003, "accounts_archived_idx"),
];

/// Drops what a concurrent build of an index left behind when it was cut off, valid or not, before its migration
/// was noted as done: the migration builds it again.
pub(super) async fn drop_unfinished_indexes(conn: &mut PgConnection) -> Result<(), StoreError> {
    let noted: Option<String> =
        sqlx::query_scalar("select to_regclass('_sqlx_migrations')::text").fetch_one(&mut *conn).await?;
    if noted.is_none() {
        return Ok(());
    }
    let done: Vec<i64> = sqlx::query_scalar("select version from _sqlx_migrations where success")
        .fetch_all(&mut *conn)
        .await?;
    for (version, index) in BUILT_CONCURRENTLY.into_iter().filter(|(version, _)| !done.contains(version)) {
        tracing::debug!(version, index, "an index that was not finished is built anew");
        sqlx::query(AssertSqlSafe(format!("drop index if exists {index}"))).execute(&mut *conn).await?;
    }
    Ok(())
}

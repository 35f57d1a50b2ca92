//! Databases as a whole: the demo and the benchmarks have one of their own.

use std::str::FromStr;

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, migrate::Migration, postgres::PgConnectOptions,
};

use super::{MIGRATIONS, StoreError};

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

/// Makes `template1` anew with the schema in it, on the server of `url`: each test has a database of its own, and
/// what is made from this template needs no migration any more. Only for a server that nobody else uses.
pub async fn make_template(url: &str) -> Result<(), StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Address)?;
    let mut connection = options.connect().await?;
    for statement in [
        "alter database template1 is_template false",
        "drop database template1",
        "create database template1 template template0 is_template true",
    ] {
        sqlx::query(statement).execute(&mut connection).await?;
    }
    connection.close().await?;
    let mut template = options.database("template1").connect().await?;
    MIGRATIONS.run(&mut template).await?;
    template.close().await?;
    Ok(())
}

/// Makes the database `name` on the server of `url`; returns its address. The name is the program's own, never input.
pub async fn create(url: &str, name: &str) -> Result<String, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Address)?;
    run(&options, format!("create database {name} template template0")).await?;
    Ok(options.database(name).to_url_lossy().to_string())
}

/// Drops the database `name` of the server of `url`, whoever is connected to it.
pub async fn remove(url: &str, name: &str) -> Result<(), StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Address)?;
    run(&options, format!("drop database if exists {name} with (force)")).await
}

async fn run(options: &PgConnectOptions, statement: String) -> Result<(), StoreError> {
    let mut connection = options.connect().await?;
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// The index that a migration builds concurrently, if it does.
fn built_concurrently(migration: &Migration) -> Option<&str> {
    let statement =
        migration.sql.as_str().lines().find(|line| !line.starts_with("--") && !line.is_empty())?;
    let (_, rest) =
        statement.split_once("index concurrently ").filter(|(start, _)| start.starts_with("create"))?;
    rest.split(' ').next().filter(|_| migration.no_tx)
}

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
    let unfinished = MIGRATIONS.iter().filter(|migration| !done.contains(&migration.version));
    for (version, index) in unfinished.filter_map(|one| Some((one.version, built_concurrently(one)?))) {
        tracing::debug!(version, index, "an index that was not finished is built anew");
        sqlx::query(AssertSqlSafe(format!("drop index if exists {index}"))).execute(&mut *conn).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_that_a_migration_builds_concurrently_is_known_by_its_name() {
        let found: Vec<&str> = MIGRATIONS.iter().filter_map(built_concurrently).collect();
        let there = MIGRATIONS.iter().filter(|one| {
            one.sql
                .as_str()
                .lines()
                .any(|line| line.starts_with("create ") && line.contains(" concurrently "))
        });
        assert_eq!(found.len(), there.count());
        assert!(found.contains(&"monitors_of_account_idx") && found.contains(&"monitors_tags_idx"));
        assert!(found.iter().all(|name| name.ends_with("_idx")), "{found:?}");
    }
}

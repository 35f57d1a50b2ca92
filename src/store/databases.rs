//! Databases as a whole: the demo and the benchmarks have one of their own.

use std::str::FromStr;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, postgres::PgConnectOptions};

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

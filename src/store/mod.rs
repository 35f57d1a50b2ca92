//! Every SQL statement, by table; rows to domain and back.
//!
//! A function takes a connection and times as arguments; it reads no clock and opens no transaction.
//! [`Store::transaction`] is the one place where transactions begin. Statements are checked against
//! the schema at compile time; the checked form is committed under `.sqlx`.
//!
//! Lock order everywhere: due rows, by id, then accounts, by id.

pub mod account_tags;
pub mod account_types;
pub mod accounts;
pub mod budgets;
pub mod data_keys;
pub mod databases;
pub mod due;
pub mod enrolment;
pub mod events;
pub mod hits;
pub mod monitors;
pub mod partitions;
pub mod processes;
pub mod providers;
pub mod runs;
pub mod schedules;
pub mod summary;
pub mod wakeups;

use std::{cmp::Ordering, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::{
    Connection, PgConnection, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// The migrations, compiled in.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused, or could not be reached.
    #[error("the database did not do it")]
    Database(#[from] sqlx::Error),
    /// A migration failed.
    #[error("the database could not be migrated")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The address of the database is not one.
    #[error("database.url is not a PostgreSQL address; accepted is postgres://USER@HOST:PORT/DATABASE")]
    Address,
    /// The database holds what the program does not know: a newer schema, an edited row.
    #[error("column {column} holds a value that this program does not know")]
    Inconsistent {
        /// Table and column.
        column: &'static str,
    },
    /// The schema is not the one of this program.
    #[error("the database is at schema {found}, this program needs {wanted}: run `watchkeeper migrate`")]
    OldSchema {
        /// The newest migration that the database has.
        found: i64,
        /// The newest migration that this program knows.
        wanted: i64,
    },
    /// The schema is that of a newer program.
    #[error(
        "the database is at schema {found}, made by a newer program; this one knows schemas up to {wanted}"
    )]
    NewSchema {
        /// The newest migration that the database has.
        found: i64,
        /// The newest migration that this program knows.
        wanted: i64,
    },
}

impl StoreError {
    /// Whether the transaction lost a lock to another, and would win it when tried again.
    pub fn is_lost_lock(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        error.code().is_some_and(|code| code.starts_with("40"))
    }

    /// Whether a statement took longer than it may.
    pub fn is_deadline(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        error.code().is_some_and(|code| code == "57014")
    }

    /// Whether the same work may succeed when tried again unchanged: the server was away, a lock was
    /// lost, a deadline passed.
    pub fn is_passing(&self) -> bool {
        let Self::Database(error) = self else { return false };
        match error {
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                // Connection, resources, intervention (shutdown, cancel), rollbacks, locks.
                ["08", "53", "57", "40", "55", "58"].iter().any(|class| code.starts_with(class))
            }),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            _ => false,
        }
    }
}

/// How to reach the database.
#[derive(Clone)]
pub struct Address {
    /// `postgres://…`
    pub url: String,
    /// Most connections held at once.
    pub max_connections: u32,
    /// The longest a statement may take before the server ends it.
    pub statement_timeout: Duration,
    /// Shown in `pg_stat_activity`.
    pub application_name: String,
}

/// The connections to PostgreSQL.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// Makes the pool; connects when first needed.
    pub fn new(address: &Address) -> Result<Self, StoreError> {
        let timeout = address.statement_timeout.as_millis().to_string();
        let options = PgConnectOptions::from_str(&address.url)
            .map_err(|_| StoreError::Address)?
            .application_name(&address.application_name)
            .options([
                ("statement_timeout", timeout.as_str()),
                // A transaction that its owner forgot must not hold back vacuum, or locks.
                ("idle_in_transaction_session_timeout", "15000"),
                ("timezone", "UTC"),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(address.max_connections)
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(options);
        Ok(Self { pool })
    }

    /// Wraps a pool made by a test.
    pub const fn of_pool(pool: PgPool) -> Self {
        Self { pool }
    }

    /// A connection for statements that need no transaction.
    pub async fn connection(&self) -> Result<sqlx::pool::PoolConnection<Postgres>, StoreError> {
        Ok(self.pool.acquire().await?)
    }

    /// Begins a transaction. Safe to cancel.
    ///
    /// `Pool::begin` is not: dropped between sending BEGIN and its answer it hands a connection back
    /// inside a transaction (sqlx#4385). Here BEGIN runs in a task of its own, which is never dropped;
    /// if nobody waits for it any more, its transaction rolls back.
    pub async fn transaction(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let pool = self.pool.clone();
        #[expect(clippy::disallowed_methods, reason = "must outlive its caller; ends with one round trip")]
        let begun = tokio::spawn(async move { pool.begin().await });
        match begun.await {
            Ok(transaction) => Ok(transaction?),
            Err(_) => Err(StoreError::Database(sqlx::Error::WorkerCrashed)),
        }
    }

    /// Brings the schema up to this program's, and makes the partitions of the coming months.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        // Building an index may take long; the pool's statement timeout is for daily work.
        let mut connection = self.pool.acquire().await?.detach();
        sqlx::query("set statement_timeout = 0").execute(&mut connection).await?;
        MIGRATIONS.run(&mut connection).await?;
        let mut transaction = connection.begin().await?;
        let now = now(&mut transaction).await?;
        partitions::ensure(&mut transaction, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Refuses a schema other than this program's.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        let wanted = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
        let mut connection = self.connection().await?;
        let table = sqlx::query_scalar::<_, Option<String>>("select to_regclass('_sqlx_migrations')::text")
            .fetch_one(&mut *connection)
            .await?;
        let found = match table {
            None => 0,
            Some(_) => sqlx::query_scalar::<_, Option<i64>>(
                "select max(version) from _sqlx_migrations where success",
            )
            .fetch_one(&mut *connection)
            .await?
            .unwrap_or(0),
        };
        match found.cmp(&wanted) {
            Ordering::Equal => Ok(()),
            Ordering::Less => Err(StoreError::OldSchema { found, wanted }),
            Ordering::Greater => Err(StoreError::NewSchema { found, wanted }),
        }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// How many connections are open, and how many of them idle.
    pub fn connections(&self) -> (u32, usize) {
        (self.pool.size(), self.pool.num_idle())
    }
}

/// The database's clock: the only one that scheduling goes by.
pub async fn now(conn: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    let now = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(conn).await?;
    Ok(now)
}

/// Takes the right to do a periodic task until the transaction ends; false when another process has it.
pub async fn lock_task(conn: &mut PgConnection, name: &str) -> Result<bool, StoreError> {
    let key = format!("watchkeeper.{name}");
    let mine =
        sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as "mine!""#, key)
            .fetch_one(conn)
            .await?;
    Ok(mine)
}

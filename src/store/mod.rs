//! Every SQL statement, by table; rows to domain and back.
//!
//! A function takes a connection and times as arguments; it reads no clock and opens no transaction.
//! [`Store::transaction`] is the one place where transactions begin. Statements are checked against
//! the schema at compile time; the checked form is committed under `.sqlx`.
//!
//! Lock order everywhere: due rows, by id, then accounts, by id.

pub mod account_actions;
pub mod account_files;
pub mod account_tags;
pub mod account_tokens;
pub mod account_type_layouts;
pub mod account_types;
pub mod accounts;
pub mod api_keys;
pub mod audit;
pub mod budgets;
pub mod consolidations;
pub mod data_keys;
pub mod databases;
pub mod decisions;
pub mod due;
pub mod enrolment;
pub mod erasures;
mod error;
pub mod events;
pub mod evidence;
pub mod export;
pub mod forecast;
pub mod hit_comments;
pub mod hit_work;
pub mod hits;
pub mod holds;
pub mod idempotency;
pub mod importers;
pub mod inquiries;
pub mod inquiry_templates;
pub mod leases;
pub mod list_items;
pub mod list_versions;
pub mod lists;
pub mod master_keys;
pub mod monitors;
pub mod moves;
pub mod nudges;
pub mod overrides;
pub mod partitions;
pub mod pauses;
mod pool;
pub mod processes;
pub mod providers;
pub mod redactions;
pub mod relations;
pub mod report_actions;
pub mod report_history;
pub mod reports;
pub mod requested;
pub mod rescreens;
pub mod rests;
pub mod retention;
pub mod reverifications;
pub mod revisions;
pub mod run_months;
pub mod runs;
pub mod samples;
pub mod schedules;
pub mod screening_keys;
pub mod search;
pub mod simulation;
pub mod standings;
pub mod strikes;
pub mod summary;
pub mod tagged;
pub mod tags;
pub mod transaction_types;
pub mod transactions;
pub mod wakeups;
pub mod what_if;

use std::{
    cmp::Ordering,
    str::FromStr,
    sync::{
        Arc,
        atomic::{self, AtomicU64},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use sqlx::{ConnectOptions, Connection as _, PgConnection, PgPool, postgres::PgConnectOptions};

pub use error::StoreError;
pub use pool::{Connection, Transaction};

/// The migrations, compiled in. They lock nothing by themselves, [`Store::migrate`] does: who waits for sqlx's
/// lock holds a snapshot, and an index that is built concurrently waits for that snapshot in turn.
pub static MIGRATIONS: sqlx::migrate::Migrator =
    sqlx::migrate::Migrator { locking: false, ..sqlx::migrate!() };

/// How long a migration waits for a lock before it lets those go on who queue behind it, and how long it rests.
const MIGRATION_LOCK: &str = "set lock_timeout = '5s'";
const MIGRATION_REST: Duration = Duration::from_secs(1);

/// How often a migration is tried beside others who hold what it needs: with its waits, half an hour.
const MIGRATION_ATTEMPTS: u32 = 300;

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
    waits: Arc<Waits>,
    /// The time of a simulation.
    time: Option<Arc<simulation::VirtualTime>>,
}

/// How long callers waited for connections, since the start.
#[derive(Debug, Default)]
struct Waits {
    acquires: AtomicU64,
    timeouts: AtomicU64,
    micros: AtomicU64,
}

impl Waits {
    async fn time<T>(&self, acquire: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let asked_at = Instant::now();
        let acquired = acquire.await;
        let micros = u64::try_from(asked_at.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.acquires.fetch_add(1, atomic::Ordering::Relaxed);
        self.micros.fetch_add(micros, atomic::Ordering::Relaxed);
        if matches!(acquired, Err(StoreError::Database(sqlx::Error::PoolTimedOut))) {
            self.timeouts.fetch_add(1, atomic::Ordering::Relaxed);
        }
        acquired
    }
}

/// The state of the pool of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// Open connections.
    pub open: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// The most that may be open.
    pub most: u32,
    /// How often one was asked for, since the start.
    pub acquires: u64,
    /// How often none was to be had in time.
    pub timeouts: u64,
    /// How long callers waited in all, new connections and BEGIN included.
    pub waited: Duration,
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
                ("idle_in_transaction_session_timeout", "10000"),
                ("timezone", "UTC"),
            ]);
        Ok(Self::of_pool(pool::new(options, address.max_connections)))
    }

    /// Wraps a pool made by a test.
    pub fn of_pool(pool: PgPool) -> Self {
        Self { pool, waits: Arc::default(), time: None }
    }

    /// A connection for statements that need no transaction.
    pub async fn connection(&self) -> Result<Connection, StoreError> {
        self.waits.time(Connection::acquire(&self.pool, self.hold())).await
    }

    /// Begins a transaction. Safe to cancel, and cheap: it begins in a task of its own, since a connection
    /// that is being tried when its caller goes away would be closed.
    pub async fn transaction(&self) -> Result<Transaction, StoreError> {
        let (pool, waits, held) = (self.pool.clone(), Arc::clone(&self.waits), self.hold());
        #[expect(clippy::disallowed_methods, reason = "must outlive its caller; ends by its deadline")]
        let begun = tokio::spawn(async move { waits.time(within(Transaction::begin(&pool, held))).await });
        begun.await.unwrap_or(Err(StoreError::Database(sqlx::Error::WorkerCrashed)))
    }

    /// A connection of its own, outside the pool, for work that takes long: without the deadlines of
    /// daily work.
    pub async fn patient_connection(&self) -> Result<PgConnection, StoreError> {
        let mut connection = self.connection().await?.detach();
        sqlx::query("set statement_timeout = 0").execute(&mut connection).await?;
        Ok(connection)
    }

    /// Says clearly when there is no way to the database: a pool only says that it waited.
    pub async fn check_reachable(&self) -> Result<(), StoreError> {
        let options = self.pool.connect_options();
        let place = || pool::place(&options);
        match tokio::time::timeout(pool::CONNECT, options.connect()).await {
            Ok(Ok(connection)) => Ok(connection.close().await?),
            Ok(Err(source)) => Err(StoreError::Unreachable { place: place(), source }),
            Err(_) => Err(StoreError::Silent { place: place(), waited: pool::CONNECT }),
        }
    }

    /// Brings the schema up to this program's, and makes the partitions of the coming months.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.check_reachable().await?;
        // Building an index may take long.
        let mut connection = self.patient_connection().await?;
        while !lock_long_task(&mut connection, "migrate").await? {
            tokio::time::sleep(MIGRATION_REST).await;
        }
        sqlx::query(MIGRATION_LOCK).execute(&mut connection).await?;
        let mut attempts = 0;
        loop {
            databases::drop_unfinished_indexes(&mut connection).await?;
            match MIGRATIONS.run(&mut connection).await.map_err(StoreError::from) {
                Err(error) if error.is_migration_wait() && attempts < MIGRATION_ATTEMPTS => {
                    attempts += 1;
                    tracing::info!(attempts, "a migration waits for a long transaction to end");
                    tokio::time::sleep(MIGRATION_REST).await;
                }
                done => break done?,
            }
        }
        unlock_long_tasks(&mut connection).await?;
        let mut transaction = connection.begin().await?;
        let now = now(&mut transaction).await?;
        partitions::ensure(&mut transaction, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Refuses a schema other than this program's.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        self.check_reachable().await?;
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

    /// In a simulation time stands still while the database is at work.
    fn hold(&self) -> pool::Held {
        self.time.as_ref().map(|time| time.hold())
    }

    /// Listens to nudges, on a connection of its own.
    pub async fn nudges(&self) -> Result<nudges::Nudges, StoreError> {
        nudges::Nudges::listen(&self.pool).await
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// How the pool of connections stands.
    pub fn pool(&self) -> PoolState {
        let read = |count: &AtomicU64| count.load(atomic::Ordering::Relaxed);
        PoolState {
            open: self.pool.size(),
            idle: u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX),
            most: self.pool.options().get_max_connections(),
            acquires: read(&self.waits.acquires),
            timeouts: read(&self.waits.timeouts),
            waited: Duration::from_micros(read(&self.waits.micros)),
        }
    }
}

/// How long the statements of one piece of daily work may take together.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Gives work with the database up when it takes longer than [`DEADLINE`]: the network may be dead.
pub async fn within<T, E: From<StoreError>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    tokio::time::timeout(DEADLINE, work).await.unwrap_or(Err(StoreError::Deadline(DEADLINE).into()))
}

/// The database's clock: the only one that scheduling goes by.
pub async fn now(conn: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    let now = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(conn).await?;
    Ok(now)
}

/// Takes the right to do a periodic task until the connection ends; false when another process has it.
pub async fn lock_long_task(conn: &mut PgConnection, name: &str) -> Result<bool, StoreError> {
    let key = format!("watchkeeper.{name}");
    let mine = sqlx::query_scalar!(r#"select pg_try_advisory_lock(hashtextextended($1, 0)) as "mine!""#, key)
        .fetch_one(conn)
        .await?;
    Ok(mine)
}

/// Gives the rights to long tasks back; the end of the connection does too, a moment later.
pub async fn unlock_long_tasks(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("select pg_advisory_unlock_all()").execute(conn).await?;
    Ok(())
}

/// Marks where a transaction stands, to come back to.
pub async fn save_point(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("savepoint here").execute(conn).await?;
    Ok(())
}

/// Takes back all that a transaction did since its [`save_point`], and forgets that.
pub async fn back_to_save_point(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("rollback to savepoint here").execute(&mut *conn).await?;
    forget_save_point(conn).await
}

/// Forgets a transaction's [`save_point`], and keeps what it did since: many that are not forgotten are one within the
/// other, and slow down whoever reads.
pub async fn forget_save_point(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("release savepoint here").execute(conn).await?;
    Ok(())
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

//! Connections to PostgreSQL that no dead network keeps, and transactions that are safe to give up.
//!
//! sqlx sets no TCP keepalive, and takes a connection back only after the server has answered on it,
//! however long that takes: when a network swallows packets without a word, the pool would run empty for
//! ever. Here a connection that goes out, and one that comes back, has [`ANSWER`] to prove itself.

use std::{
    any::Any,
    ops::{Deref, DerefMut},
    time::Duration,
};

use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{runtime::Handle, time::timeout};

use super::StoreError;

/// How long a server may take to answer on a connection that was not used for a moment.
const ANSWER: Duration = Duration::from_secs(1);

/// How long to wait for a connection, with making a new one.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// Makes the pool; connects when first needed.
pub(super) fn new(options: PgConnectOptions, max_connections: u32) -> PgPool {
    // The server, too, must notice that a client is gone: its locks and its snapshot go with it. On a
    // Unix socket these settings mean nothing.
    let options = options.options([
        ("tcp_keepalives_idle", "5"),
        ("tcp_keepalives_interval", "2"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "10000"),
        ("client_connection_check_interval", "5000"),
    ]);
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(CONNECT)
        // Its own test waits for ever.
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            Box::pin(async move {
                let answered = timeout(ANSWER, connection.ping()).await;
                answered.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|()| true)
            })
        })
        .connect_lazy_with(options)
}

/// Where a server is, without the secrets of its address.
pub(super) fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or("(default)");
    match options.get_socket() {
        Some(socket) => format!("{} (database {database})", socket.display()),
        None => format!("{}:{} (database {database})", options.get_host(), options.get_port()),
    }
}

/// What is held while a connection is wanted, lent or on its way back, see [`super::simulation`].
pub(super) type Held = Option<Box<dyn Any + Send + Sync>>;

/// A connection of the pool, lent.
#[derive(Debug)]
pub struct Connection {
    /// Taken when it is given back.
    lent: Option<PoolConnection<Postgres>>,
    /// Whether a transaction may be under way on it.
    in_transaction: bool,
    held: Held,
}

impl Connection {
    pub(super) async fn acquire(pool: &PgPool, held: Held) -> Result<Self, StoreError> {
        Ok(Self { lent: Some(pool.acquire().await?), in_transaction: false, held })
    }

    /// Takes it out of the pool for good.
    pub(super) fn detach(mut self) -> PgConnection {
        self.lent.take().expect(LENT).detach()
    }
}

const LENT: &str = "a connection is lent until it is dropped or detached";

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.lent.as_ref().expect(LENT)
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.lent.as_mut().expect(LENT)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(lent) = self.lent.take() else { return };
        match Handle::try_current() {
            // Not on a tracker: it ends within seconds, and nobody has to wait for it.
            Ok(runtime) => drop(runtime.spawn(give_back(lent, self.in_transaction, self.held.take()))),
            Err(_) => drop(lent.detach()),
        }
    }
}

/// Gives a connection back if the server answers on it. Otherwise it is dropped as it is: to close it
/// politely could take as long as the network is dead, and its place in the pool would be lost.
async fn give_back(mut lent: PoolConnection<Postgres>, in_transaction: bool, _held: Held) {
    if in_transaction {
        let rollback = sqlx::raw_sql("rollback").execute(&mut *lent);
        if !matches!(timeout(ANSWER, rollback).await, Ok(Ok(_))) {
            drop(lent.detach());
            return;
        }
    }
    // When the time is up, dropping this future drops the connection, and frees its place.
    let _ = timeout(ANSWER, lent.return_to_pool()).await;
}

/// A transaction; rolls back when it is dropped before its commit. Safe to give up at any moment.
///
/// `Pool::begin` is not: dropped between sending BEGIN and its answer it hands a connection back
/// inside a transaction (sqlx#4385). Here a connection on which BEGIN may have been sent comes back
/// through ROLLBACK.
#[derive(Debug)]
pub struct Transaction {
    connection: Connection,
}

impl Transaction {
    pub(super) async fn begin(pool: &PgPool, held: Held) -> Result<Self, StoreError> {
        let mut connection = Connection::acquire(pool, held).await?;
        connection.in_transaction = true;
        sqlx::raw_sql("begin").execute(&mut *connection).await?;
        Ok(Self { connection })
    }

    /// Commits. After an error nobody knows whether the server did.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("commit").execute(&mut *self.connection).await?;
        self.connection.in_transaction = false;
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

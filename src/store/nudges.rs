//! Nudges between processes, over the database's notifications. Hints only.

use std::time::Duration;

use sqlx::{
    PgConnection, PgPool,
    postgres::{PgListener, PgPoolOptions},
};

use super::StoreError;

const CHANNEL: &str = "watchkeeper_nudges";

/// How long to listen to silence before the connection is tried.
const SILENCE: Duration = Duration::from_secs(30);

/// How long the trial, or the connection, may take.
const TRIAL: Duration = Duration::from_secs(5);

/// Tells all processes, when the transaction commits, that there is urgent work. Only for what a person asks
/// for: such commits wait for each other.
pub async fn send(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("select pg_notify($1, '')", CHANNEL).execute(conn).await?;
    Ok(())
}

/// Hears nudges.
pub struct Nudges(PgListener);

impl Nudges {
    pub(super) async fn listen(pool: &PgPool) -> Result<Self, StoreError> {
        // A connection beside the pool's: it is held for good.
        let options = (*pool.connect_options()).clone();
        let own = PgPoolOptions::new().max_connections(1).acquire_timeout(TRIAL).connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&own).await?;
        listener.listen(CHANNEL).await?;
        Ok(Self(listener))
    }

    /// Waits for the next. Fails when the connection is lost, also when it is lost silently.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        loop {
            if let Ok(heard) = tokio::time::timeout(SILENCE, self.0.recv()).await {
                heard?;
                return Ok(());
            }
            let trial = tokio::time::timeout(TRIAL, sqlx::query("select 1").execute(&mut self.0)).await;
            trial.map_err(|_| StoreError::Deadline(TRIAL))??;
        }
    }
}

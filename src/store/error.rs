//! Why the store failed, and whether it is worth trying again.

use std::time::Duration;

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused, or could not be reached.
    #[error("the database did not do it")]
    Database(#[from] sqlx::Error),
    /// The database did not answer in time.
    #[error("the database did not answer within {0:?}")]
    Deadline(Duration),
    /// There is no way to the database.
    #[error("PostgreSQL cannot be reached at {place}")]
    Unreachable {
        /// Host and port or socket, and the database.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// Nobody answers where the database should be.
    #[error(
        "nobody answers at {place} within {waited:?}: is that PostgreSQL's address, and its network there?"
    )]
    Silent {
        /// Host and port or socket, and the database.
        place: String,
        /// How long it was waited for.
        waited: Duration,
    },
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

    /// Whether a lock was not to be had in time, or was lost to another.
    pub fn is_lock_wait(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        error.code().is_some_and(|code| code.starts_with("40") || code == "55P03")
    }

    /// The unique constraint or index that a row would have broken.
    pub fn duplicate_of(&self) -> Option<&str> {
        let Self::Database(sqlx::Error::Database(error)) = self else { return None };
        error.constraint().filter(|_| error.is_unique_violation())
    }

    /// Whether a statement took longer than it may.
    pub fn is_deadline(&self) -> bool {
        if matches!(self, Self::Deadline(_)) {
            return true;
        }
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        error.code().is_some_and(|code| code == "57014")
    }

    /// Whether it only waited too long for somebody else, or for what waits itself: a table detaches one
    /// partition at a time.
    pub fn is_wait(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        error.code().is_some_and(|code| ["55P03", "57014", "55000"].contains(&&*code))
    }

    /// Whether a migration could not have a lock in time, or lost it.
    pub(super) fn is_migration_wait(&self) -> bool {
        use sqlx::migrate::MigrateError;
        let Self::Migration(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = self
        else {
            return false;
        };
        let sqlx::Error::Database(error) = error else { return false };
        error.code().is_some_and(|code| code == "55P03" || code == "40P01")
    }

    /// Whether the database is away, or too slow to work with: what passes besides is a lost lock or a wait.
    pub fn is_away(&self) -> bool {
        let is_about_locks = match self {
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| code.starts_with("40") || code.starts_with("55"))
            }
            _ => false,
        };
        self.is_passing() && !is_about_locks && !self.is_missing_partition()
    }

    /// Whether a row found no partition: that of its month is still to be made.
    pub fn is_missing_partition(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        // A check violation of no constraint is the table's own: that of its partitions' bounds.
        error.code().is_some_and(|code| code == "23514") && error.constraint().is_none()
    }

    /// Whether the same work may succeed when tried again unchanged: the server was away, a lock was
    /// lost, a deadline passed.
    pub fn is_passing(&self) -> bool {
        if self.is_missing_partition() {
            return true;
        }
        if matches!(self, Self::Deadline(_) | Self::Unreachable { .. } | Self::Silent { .. }) {
            return true;
        }
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

//! The contract of background work.

use std::{future::Future, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{EngineError, progress::Part};
use crate::{
    store,
    telemetry::health::{Concern, Health},
};

/// What an activation left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing: the next one may wait.
    Done,
    /// More of the same: the next one follows at once.
    More,
}

/// Work done on a timer or when nudged.
///
/// An activation takes no input: it looks at the database and acts on what it finds, so a lost nudge
/// costs time and never correctness.
pub trait Task: Send {
    /// Names the task in logs.
    const NAME: &'static str;

    /// Where the task reports that the database is away.
    fn health(&self) -> &Health;

    /// Does one bounded batch of work.
    fn activate(&mut self) -> impl Future<Output = Result<Activation, EngineError>> + Send;
}

/// For how long no part may have failed before the database counts as back.
const QUIET: Duration = Duration::from_secs(2);

/// Runs `task` until `stop` is cancelled; a batch under way is finished first.
pub async fn drive<T: Task>(mut task: T, every: Duration, part: Part, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match part.waiting(store::within(task.activate())).await {
            Ok(Activation::More) => continue,
            Ok(Activation::Done) => {}
            Err(error) => report(task.health(), T::NAME, &error),
        }
        // Who rests for long moves: else the process would be ended for it.
        let _ = part.waiting(stop.run_until_cancelled(tokio::time::sleep(every))).await;
    }
}

/// Logs a failure once: an outage or slowness of the database when it begins, anything else each time.
pub(super) fn report(health: &Health, part: &'static str, error: &EngineError) {
    if !error.is_passing() {
        tracing::error!(part, error = error as &dyn std::error::Error, "background work failed");
    } else if !error.is_away() {
        tracing::debug!(part, error = error as &dyn std::error::Error, "work lost a lock, and is done again");
    } else if error.is_deadline() {
        // It may be away, too: who only waits cannot tell.
        if health.raise(Concern::Database, "PostgreSQL does not do in time what it is asked") {
            tracing::error!(
                part,
                error = error as &dyn std::error::Error,
                "a statement took longer than its deadline: it is tried again"
            );
        } else {
            tracing::debug!(
                part,
                error = error as &dyn std::error::Error,
                "a statement still takes too long"
            );
        }
    } else if health.raise(Concern::Database, "PostgreSQL does not answer") {
        tracing::error!(
            part,
            error = error as &dyn std::error::Error,
            "the database is away: waiting for it"
        );
    } else {
        tracing::debug!(part, error = error as &dyn std::error::Error, "the database is still away");
    }
}

/// Says that the database answers again, if it was away.
pub(super) fn answered(health: &Health) {
    if health.clear_after(Concern::Database, QUIET) {
        tracing::info!("the database is back");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::progress::Progress;

    struct Idle(Health);

    impl Task for Idle {
        const NAME: &'static str = "idle";

        fn health(&self) -> &Health {
            &self.0
        }

        async fn activate(&mut self) -> Result<Activation, EngineError> {
            Ok(Activation::Done)
        }
    }

    #[test]
    fn a_database_that_is_slow_is_not_said_to_be_away() {
        let health = Health::default();
        let late = EngineError::Store(store::StoreError::Deadline(store::DEADLINE));
        report(&health, "test", &late);
        let reasons = health.reasons();
        assert_eq!(
            reasons,
            [(Concern::Database, "PostgreSQL does not do in time what it is asked".to_owned())]
        );
        let health = Health::default();
        report(&health, "test", &sqlx::Error::PoolTimedOut.into());
        assert_eq!(health.reasons(), [(Concern::Database, "PostgreSQL does not answer".to_owned())]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_rests_for_long_is_not_taken_for_one_that_stands_still() {
        let (progress, stop) = (Progress::default(), CancellationToken::new());
        let quarter = Duration::from_mins(15);
        let task = drive(Idle(Health::default()), quarter, progress.part("idle"), stop.clone());
        let mut task = std::pin::pin!(task);
        let beats = || progress.beats().first().map_or(0, |(_, _, beats)| *beats);
        let mut before = 0;
        for _ in 0..10 {
            assert!(tokio::time::timeout(Duration::from_secs(10), &mut task).await.is_err());
            assert!(beats() > before, "within ten seconds");
            before = beats();
        }
        stop.cancel();
        task.await;
    }
}

//! Nudges from other processes: a person asked for a run there, and this one may have the shard.
//!
//! A hint only. A nudge that is lost costs a walk's interval, nothing else, so nothing is done to be sure of
//! it beyond listening again when the connection is lost.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Engine;

/// How long to wait before listening again.
const AGAIN: Duration = Duration::from_secs(5);

/// Listens until `stop` is cancelled.
pub(super) async fn listen(engine: Engine, stop: CancellationToken) {
    let work = async {
        loop {
            if let Err(error) = follow(&engine).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "nudges are not heard for now");
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    stop.run_until_cancelled(work).await;
}

async fn follow(engine: &Engine) -> Result<(), crate::store::StoreError> {
    let mut nudges = engine.context.store.nudges().await?;
    loop {
        nudges.next().await?;
        engine.nudge.send_replace(());
    }
}

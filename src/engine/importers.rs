//! Imports that came through the API, worked off one after the other by one process of the fleet.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Engine, EngineError, progress::Part, task};
use crate::actions::importers;

/// How often it is looked whether there is something to import.
const EVERY: Duration = Duration::from_secs(1);

/// Works off imports until `stop` is cancelled; what is cut off goes on where it was.
pub(super) async fn drive(engine: Engine, part: Part, stop: CancellationToken) {
    let mut news = engine.nudge.subscribe();
    while !stop.is_cancelled() {
        // Who has an older configuration may know fewer account types.
        let worked = if engine.fleet.is_current() {
            part.waiting(stop.run_until_cancelled(Box::pin(importers::work(&engine.context)))).await
        } else {
            Some(Ok(false))
        };
        match worked {
            None => return,
            Some(Ok(true)) => continue,
            Some(Ok(false)) => {}
            Some(Err(error)) => task::report(&engine.health, "importers", &EngineError::from(error)),
        }
        let wait = async {
            let _ = tokio::time::timeout(EVERY, news.changed()).await;
        };
        let _ = part.waiting(stop.run_until_cancelled(wait)).await;
    }
}

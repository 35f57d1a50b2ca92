//! What is told of a report when a run of it counts: that it is ready, or errored. What it found anew is told by
//! [`outcome`](super::outcome).
//!
//! A clear run as the one before is no news, unless somebody asked for it: that is nearly all of them.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::{Engine, EngineError, run::Finished};
use crate::{
    domain::{
        id::MonitorId,
        monitor::{Outcome, Trigger},
        report::ReportEvent,
    },
    store::{
        events::{self, Event},
        report_history,
        runs::NewRun,
    },
};

/// A monitor that was to run once, with the slot and the reasons to run of the run that counts.
pub(super) type Done = (MonitorId, i64, i64);

/// Of the runs that count, those after which their monitors are done, and those that may be news.
pub(super) fn of<'a>(
    counting: impl Iterator<Item = (&'a Finished, &'a NewRun)>,
) -> (Vec<Done>, Vec<(&'a Finished, &'a NewRun)>) {
    let (mut done, mut told) = (Vec::new(), Vec::new());
    for (finished, run) in counting {
        if finished.schedule.is_once() {
            done.push((run.monitor, run.slot, run.wanted));
        }
        if run.is_news || run.outcome == Outcome::Error || run.trigger == Trigger::RunNow {
            told.push((finished, run));
        }
    }
    (done, told)
}

/// Tells of them.
pub(super) async fn tell(
    engine: &Engine,
    conn: &mut PgConnection,
    told: &[(&Finished, &NewRun)],
    now: DateTime<Utc>,
) -> Result<(), EngineError> {
    // A report that errs every day is told of once.
    let again: Vec<(MonitorId, i64)> = told
        .iter()
        .filter(|(_, run)| run.outcome == Outcome::Error && run.trigger != Trigger::RunNow && run.slot > 0)
        .map(|(_, run)| (run.monitor, run.slot - 1))
        .collect();
    let still =
        if again.is_empty() { Vec::new() } else { report_history::list_errored(conn, &again).await? };
    let news: Vec<Event> = told
        .iter()
        .filter(|(_, run)| {
            let is_asked_for = run.trigger == Trigger::RunNow;
            is_asked_for || run.outcome != Outcome::Error || !still.contains(&run.monitor)
        })
        .map(|(finished, run)| event(engine, finished, run))
        .collect();
    events::insert_all(conn, &news, now).await?;
    Ok(())
}

fn event(engine: &Engine, finished: &Finished, run: &NewRun) -> Event {
    let what = if run.outcome == Outcome::Error { ReportEvent::Errored } else { ReportEvent::Ready };
    let schedule = &finished.schedule;
    let detail = json!({
        "report": run.monitor,
        "run": run.id,
        "schedule": schedule.schedule.name,
        "template": schedule.template.name,
        "outcome": run.outcome.word(),
        "failure": run.failure,
    });
    let kind = schedule.template.report.event(what);
    let actor = format!("schedule:{}", schedule.schedule.name);
    let mut event = engine.context.event(finished.account, kind, &actor, detail);
    event.object = Some(run.monitor.0);
    event
}

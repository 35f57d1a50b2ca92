//! The plans of the hot statements, on the filled tables: as the server really runs them, prepared,
//! from the store's own functions.

use std::fs;

use sqlx::{Connection, Executor};
use watchkeeper::{
    app::embedded::Cluster,
    domain::{
        id::{MonitorId, RunId, Shard},
        monitor::{Outcome, Trigger},
    },
    store::{
        due::{self, Mark},
        runs::{self, NewRun},
        wakeups,
    },
};

use super::{
    Failure, say,
    seed::{Bench, make_due},
};

/// After five executions the server may take a plan that fits any arguments: the last is such a one.
const EXECUTIONS: usize = 7;

pub(crate) async fn print(bench: &Bench, cluster: &Cluster) -> Result<(), Failure> {
    make_due(bench, 20_000, false).await?;
    let lane = *bench.applied.lanes.get("local").ok_or("the provider is configured")?;
    let mut connection = bench.patient().await?;
    connection
        .execute(
            "load 'auto_explain';
             set auto_explain.log_analyze = on;
             set auto_explain.log_buffers = on;
             set auto_explain.log_nested_statements = on;",
        )
        .await?;
    let now = bench.context.now();
    let schedule = *bench.applied.schedules.values().next().ok_or("a schedule is configured")?;
    let marks: Vec<(i32, Shard, Mark)> = Shard::all().map(|shard| (schedule, shard, Mark::START)).collect();
    for execution in 1..=EXECUTIONS {
        let logged = fs::metadata(cluster.log())?.len();
        let mut transaction = connection.begin().await?;
        if execution == EXECUTIONS {
            transaction.execute("set local auto_explain.log_min_duration = 0").await?;
        }
        let shards: Vec<_> = Shard::all().collect();
        wakeups::list(&mut transaction, lane, &shards, now, &[], 2000).await?;
        let mut found = due::list_after(&mut transaction, lane, &marks, now, 4).await?;
        found.truncate(500);
        let monitors: Vec<MonitorId> = found.iter().map(|due| due.monitor).collect();
        let loaded = due::load(&mut transaction, &monitors).await?;
        let runs: Vec<NewRun> = found
            .iter()
            .map(|due| NewRun {
                id: RunId(bench.context.new_uuid(due.monitor.shard())),
                monitor: due.monitor,
                slot: due.slot,
                wanted: due.wanted,
                trigger: Trigger::Interval,
                due_at: due.at,
                started_at: now,
                duration_ms: 0,
                next_run_at: now,
                basis_id: 1,
                account_version: 1,
                outcome: Outcome::Clear,
                findings: 0,
                failure: None,
                digest: None,
                changed: false,
                is_news: false,
            })
            .collect();
        let settled = runs::settle(&mut transaction, &runs, now).await?;
        let recorded: Vec<_> = runs.iter().map(|run| (run.monitor, run.slot, run.id)).collect();
        runs::list_recorded(&mut transaction, &recorded).await?;
        transaction.rollback().await?;
        if execution == EXECUTIONS {
            let log = fs::read(cluster.log())?;
            let new = log.get(usize::try_from(logged)?..).unwrap_or_default();
            say(&format!("Plans of a batch of {} ({} loaded):", settled.len(), loaded.len()));
            say(&String::from_utf8_lossy(new));
        }
    }
    Ok(())
}

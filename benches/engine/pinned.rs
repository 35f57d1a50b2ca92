//! No-op runs that go on for a while, alone and beside a transaction that is held open: nothing that dies
//! meanwhile can be cleared away.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection, Executor};
use watchkeeper::{
    engine::Engine,
    providers::budget::{Budget, Limits},
};

use super::{
    Failure, Report, Sizes,
    phases::{AS_SHIPPED, Nothing, Running, until_recorded},
    seed::{Bench, make_due},
};

const ALONE: &str = "engine: no-op, for a while";
const PINNED: &str = "engine: no-op, for a while beside an open transaction";

/// Monitors that become due together; the time is counted from then until they are recorded.
const TOGETHER: usize = 50_000;

pub(crate) async fn measure(bench: &Bench, sizes: &Sizes, report: &mut Report) -> Result<(), Failure> {
    for (name, is_pinned) in [(ALONE, false), (PINNED, true)] {
        if sizes.wants(name) {
            run(bench, sizes, report, name, is_pinned).await?;
        }
    }
    Ok(())
}

async fn run(
    bench: &Bench,
    sizes: &Sizes,
    report: &mut Report,
    name: &str,
    is_pinned: bool,
) -> Result<(), Failure> {
    make_due(bench, 0, false).await?;
    let limits = Limits { rate_per_second: None, burst: 1, concurrency: AS_SHIPPED };
    let engine = bench.engine(vec![(Arc::new(Nothing), Budget::new(limits)?, limits)]);
    let mut holder = bench.patient().await?;
    let mut open = holder.begin().await?;
    if is_pinned {
        open.execute("set transaction isolation level repeatable read").await?;
        open.execute("select count(*) from processes").await?;
    }
    let running = Running::start(&engine);
    let (began, mut rates, mut counted, mut done) = (Instant::now(), Vec::new(), Duration::ZERO, 0);
    while began.elapsed() < sizes.pinned {
        let due = some_due(bench, sizes, rates.len()).await?;
        let took = until_due_recorded(&engine, name, done, due).await?;
        done += due;
        counted += took;
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        rates.push(due as f64 / took.as_secs_f64());
    }
    open.rollback().await?;
    running.stop().await;
    let (first, last) =
        (rates.first().copied().unwrap_or_default(), rates.last().copied().unwrap_or_default());
    let held = began.elapsed().as_secs();
    report.add(name, done, counted, &format!("of {held} s, first {first:.0}, last {last:.0}"));
    Ok(())
}

async fn until_due_recorded(
    engine: &Engine,
    name: &str,
    done: usize,
    due: usize,
) -> Result<Duration, Failure> {
    let began = Instant::now();
    engine.nudge.send_replace(());
    until_recorded(&engine.metrics, name, done + due).await?;
    Ok(began.elapsed())
}

/// Some monitors become due now, as they do by the passing of time: not before what was due before them.
async fn some_due(bench: &Bench, sizes: &Sizes, round: usize) -> Result<usize, Failure> {
    let every = (sizes.accounts / TOGETHER).max(1);
    let statement = format!(
        "update monitor_due set next_run_at = clock_timestamp()
         where (hashtextextended(monitor_id::text, 0) & 2147483647) % {every} = {}",
        round % every
    );
    let mut connection = bench.patient().await?;
    let updated = sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    Ok(usize::try_from(updated.rows_affected())?)
}

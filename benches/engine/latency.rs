//! How long one run takes on a system that has nothing else to do: from due to recorded, and from asked
//! for to recorded.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::AssertSqlSafe;
use tokio::time::sleep;
use watchkeeper::{
    actions::run_now,
    domain::id::AccountId,
    engine::Engine,
    providers::budget::{Budget, Limits},
};

use super::{
    Failure, Report, Sizes,
    phases::{AS_SHIPPED, Running, local, recorded},
    seed::{Bench, make_due},
};

const DUE: &str = "latency: due to recorded, local";
const RUN_NOW: &str = "latency: run-now to recorded, local";

/// How far apart the due times are: each run has the system to itself.
const APART: Duration = Duration::from_millis(40);

/// How long until the first: until then the engine has seen that there is nothing to do.
const BEFORE: TimeDelta = TimeDelta::seconds(3);

/// How often it is looked whether a run is recorded.
const LOOK: Duration = Duration::from_micros(500);

/// How long to wait for one run.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) async fn measure(bench: &Bench, sizes: &Sizes, report: &mut Report) -> Result<(), Failure> {
    if sizes.wants(DUE) {
        due_to_recorded(bench, sizes, report).await?;
    }
    if sizes.wants(RUN_NOW) {
        run_now_to_recorded(bench, sizes, report).await?;
    }
    Ok(())
}

/// An engine with the screener, with nothing to do.
fn engine(bench: &Bench) -> Result<Engine, Failure> {
    let limits = Limits { rate_per_second: None, burst: 1, concurrency: AS_SHIPPED };
    Ok(bench.engine(vec![(Arc::new(local(&bench.sample)), Budget::new(limits)?, limits)]))
}

/// Monitors become due one after the other, at times that are known before.
async fn due_to_recorded(bench: &Bench, sizes: &Sizes, report: &mut Report) -> Result<(), Failure> {
    make_due(bench, 0, false).await?;
    let mut connection = bench.patient().await?;
    let (samples, apart) = (sizes.samples, APART.as_millis());
    let first: DateTime<Utc> =
        sqlx::query_scalar("select clock_timestamp() + $1").bind(BEFORE).fetch_one(&mut connection).await?;
    let statement = format!(
        "update monitor_due as due
         set next_run_at = $1 + chosen.place * interval '{apart} milliseconds'
         from (
             select shard, monitor_id, row_number() over (order by random()) - 1 as place
             from (select shard, monitor_id from monitor_due tablesample system (1)) as few
             limit {samples}
         ) as chosen
         where due.shard = chosen.shard
           and due.monitor_id = chosen.monitor_id"
    );
    let engine = engine(bench)?;
    let running = Running::start(&engine);
    let placed =
        sqlx::query(AssertSqlSafe(statement)).bind(first).execute(&mut connection).await?.rows_affected();
    if engine.context.now() >= first {
        return Err("the times had come before they were written".into());
    }
    let mut seen = Vec::with_capacity(samples);
    let (began, mut moved_at) = (Instant::now(), Instant::now());
    // The k-th run that is seen answers the k-th due time, or one that was overtaken: it is as late.
    while (seen.len() as u64) < placed {
        let now = engine.context.now();
        let done = recorded(&engine.metrics);
        for place in seen.len() as u64..done {
            let due = first + APART * u32::try_from(place)?;
            seen.push((now - due).to_std().unwrap_or_default());
            moved_at = Instant::now();
        }
        if moved_at.elapsed() > PATIENCE {
            return Err(format!("{DUE}: stuck at {} of {placed} runs", seen.len()).into());
        }
        sleep(LOOK).await;
    }
    let took = began.elapsed();
    running.stop().await;
    let at: Vec<f64> = sqlx::query_scalar(
        "select extract(epoch from recorded_at - due_at)::double precision
         from runs
         where due_at >= $1 and recorded_at >= $1 and due_at < $1 + interval '1 hour'",
    )
    .bind(first)
    .fetch_all(&mut connection)
    .await?;
    let mut at: Vec<Duration> = at.into_iter().map(|late| Duration::from_secs_f64(late.max(0.0))).collect();
    let note = format!("committed {}; recorded_at {}", quantiles(&mut seen), quantiles(&mut at));
    report.add(DUE, seen.len(), took, &note);
    Ok(())
}

/// A person asks for a run, and waits for it.
async fn run_now_to_recorded(bench: &Bench, sizes: &Sizes, report: &mut Report) -> Result<(), Failure> {
    make_due(bench, 0, false).await?;
    let mut connection = bench.patient().await?;
    let accounts: Vec<uuid::Uuid> = sqlx::query_scalar(
        "select account_id
         from (select account_id from monitors tablesample system (1) where state = 'active') as few
         order by random()
         limit $1",
    )
    .bind(i64::try_from(sizes.samples)?)
    .fetch_all(&mut connection)
    .await?;
    let engine = engine(bench)?;
    let running = Running::start(&engine);
    sleep(Duration::from_secs(1)).await;
    let mut seen = Vec::with_capacity(accounts.len());
    let began = Instant::now();
    for account in accounts {
        let (before, asked_at) = (recorded(&engine.metrics), Instant::now());
        run_now::request(&engine.context, AccountId(account)).await?;
        while recorded(&engine.metrics) == before {
            if asked_at.elapsed() > PATIENCE {
                return Err(format!("{RUN_NOW}: stuck after {} runs", seen.len()).into());
            }
            sleep(LOOK).await;
        }
        seen.push(asked_at.elapsed());
    }
    let took = began.elapsed();
    running.stop().await;
    report.add(RUN_NOW, seen.len(), took, &quantiles(&mut seen));
    Ok(())
}

fn quantiles(late: &mut [Duration]) -> String {
    late.sort();
    let at = |part: usize| {
        let place = (late.len() * part).div_ceil(100).saturating_sub(1);
        late.get(place).copied().unwrap_or_default().as_secs_f64() * 1000.0
    };
    format!("p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms", at(50), at(99), at(100))
}

//! The reference: plain SQL loops that claim 500 due rows, insert 500 results and move the rows on,
//! two statements a batch, and nothing else; on tables of their own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use tokio::task::JoinSet;

use super::{Failure, Report, Sizes, forget_peak, peak, seed::Bench};

pub(crate) const NAME: &str = "reference: plain SQL, two loops";

const LOOPS: usize = 2;
const BATCH: i64 = 500;

pub(crate) async fn measure(bench: &Bench, sizes: &Sizes, report: &mut Report) -> Result<(), Failure> {
    let mut connection = bench.patient().await?;
    let (rows, due) = (sizes.accounts, sizes.due);
    let every = (rows / due.max(1)).max(1);
    connection
        .execute(AssertSqlSafe(format!(
            "drop table if exists reference_jobs, reference_results;
             create table reference_jobs (
                 job_id bigint primary key,
                 next_run_at timestamptz not null,
                 runs bigint not null default 0
             );
             create table reference_results (
                 result_id bigint generated always as identity primary key,
                 job_id bigint not null,
                 ran_at timestamptz not null,
                 outcome text not null,
                 duration_ms integer not null
             );
             insert into reference_jobs (job_id, next_run_at)
             select place, case when place % {every} = 0 and place <= {due}::bigint * {every}
                 then now() - random() * interval '1 hour'
                 else now() + interval '1 day' + random() * interval '364 days' end
             from generate_series(1, {rows}) as place;
             create index on reference_jobs (next_run_at);
             create index on reference_results (job_id, ran_at);"
        )))
        .await?;
    bench.settle().await?;

    forget_peak();
    let began = Instant::now();
    let done = Arc::new(AtomicUsize::new(0));
    let mut loops: JoinSet<Result<(), Failure>> = JoinSet::new();
    for _ in 0..LOOPS {
        let (connection, done) = (bench.patient().await?, Arc::clone(&done));
        loops.spawn(work(connection, done));
    }
    while let Some(ended) = loops.join_next().await {
        ended??;
    }
    let (took, done) = (began.elapsed(), done.load(Ordering::Relaxed));
    let results: i64 =
        sqlx::query_scalar("select count(*) from reference_results").fetch_one(&mut connection).await?;
    if usize::try_from(results)? != done {
        return Err(format!("the reference did {done} and recorded {results}").into());
    }
    report.add(NAME, done, took, &peak());
    connection.execute("drop table reference_jobs, reference_results").await?;
    Ok(())
}

async fn work(mut connection: PgConnection, done: Arc<AtomicUsize>) -> Result<(), Failure> {
    loop {
        let claimed: Vec<i64> = sqlx::query_scalar(
            "update reference_jobs
             set next_run_at = now() + interval '5 minutes'
             where job_id in (
                 select job_id
                 from reference_jobs
                 where next_run_at <= now()
                 order by next_run_at
                 limit $1
                 for update skip locked
             )
             returning job_id",
        )
        .bind(BATCH)
        .fetch_all(&mut connection)
        .await?;
        if claimed.is_empty() {
            return Ok(());
        }
        let outcomes = vec!["clear"; claimed.len()];
        let durations = vec![0_i32; claimed.len()];
        let ran_at: Vec<DateTime<Utc>> = vec![DateTime::UNIX_EPOCH; claimed.len()];
        sqlx::query(
            "with done as (
                 select * from unnest($1::bigint[], $2::text[], $3::integer[], $4::timestamptz[])
                     as done (job_id, outcome, duration_ms, ran_at)
             ), recorded as (
                 insert into reference_results (job_id, ran_at, outcome, duration_ms)
                 select job_id, now() + (ran_at - ran_at), outcome, duration_ms from done
             )
             update reference_jobs as job
             set next_run_at = now() + interval '30 days',
                 runs = job.runs + 1
             from done
             where job.job_id = done.job_id",
        )
        .bind(&claimed)
        .bind(&outcomes)
        .bind(&durations)
        .bind(&ran_at)
        .execute(&mut connection)
        .await?;
        done.fetch_add(claimed.len(), Ordering::Relaxed);
    }
}

//! The database of a simulation: it shows the simulation's time, and has it stand still while it works. And what came
//! of a simulation, read from the database itself.

use std::{any::Any, fmt, str::FromStr, sync::Arc};

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::{
    PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{Store, StoreError};

/// A time that the database shows in the place of its own.
pub struct VirtualTime {
    now: Box<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    hold: Box<dyn Fn() -> Box<dyn Any + Send + Sync> + Send + Sync>,
}

impl VirtualTime {
    /// `now` tells the time; from `hold` until what it returned is dropped, the time does not pass.
    pub fn new(
        now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
        hold: impl Fn() -> Box<dyn Any + Send + Sync> + Send + Sync + 'static,
    ) -> Self {
        Self { now: Box::new(now), hold: Box::new(hold) }
    }

    pub(super) fn hold(&self) -> Box<dyn Any + Send + Sync> {
        (self.hold)()
    }

    async fn show(&self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        let now = (self.now)().to_rfc3339_opts(SecondsFormat::Micros, true);
        sqlx::query("select set_config('watchkeeper.now', $1, false)").bind(now).execute(conn).await?;
        Ok(())
    }
}

impl fmt::Debug for VirtualTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualTime").field(&(self.now)()).finish()
    }
}

impl Store {
    /// Opens a database that was [prepared](prepare). It has one connection: whoever asks for it next has it next, so
    /// that the same work is always done in the same order. Nobody may want two at once.
    pub fn of_simulation(url: &str, time: VirtualTime) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Address)?;
        let options = options.application_name("watchkeeper simulate").options([
            ("timezone", "UTC"),
            // The functions that tell the time are found before the server's own.
            ("search_path", "simulated,public,pg_catalog"),
            // Nothing of it is to survive anything.
            ("synchronous_commit", "off"),
            ("max_parallel_workers_per_gather", "0"),
        ]);
        let time = Arc::new(time);
        let (first, later) = (Arc::clone(&time), Arc::clone(&time));
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let time = Arc::clone(&first);
                Box::pin(async move { time.show(connection).await })
            })
            .before_acquire(move |connection, _| {
                let time = Arc::clone(&later);
                Box::pin(async move { time.show(connection).await.map(|()| true) })
            })
            .connect_lazy_with(options);
        Ok(Self { time: Some(time), ..Self::of_pool(pool) })
    }
}

/// Makes the functions that tell the simulation's time, where statements ask for the server's.
pub async fn prepare(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("create schema simulated").execute(&mut *conn).await?;
    for function in ["clock_timestamp", "now"] {
        let statement = format!(
            "create function simulated.{function}() returns timestamptz language sql stable \
             as $$ select current_setting('watchkeeper.now')::timestamptz $$"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Counts what the tables hold, so that statements are planned for that from the beginning.
pub async fn analyze(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("analyze").execute(conn).await?;
    Ok(())
}

/// What was recorded of a schedule. Lateness is from a run's due time to its recording, in seconds.
#[derive(Clone, Debug, Default)]
pub struct ScheduleRuns {
    /// Its monitors.
    pub monitors: i64,
    /// Runs that found nobody.
    pub clear: i64,
    /// Runs that found somebody.
    pub matched: i64,
    /// Runs without an answer.
    pub errors: i64,
    /// Runs that came too late to count.
    pub superseded: i64,
    /// Runs because a list changed.
    pub list_change: i64,
    /// Runs later than the objective.
    pub beyond_objective: i64,
    /// Half of the runs were no later.
    pub late_median: Option<f64>,
    /// 95 of 100 runs were no later.
    pub late_95: Option<f64>,
    /// 99 of 100 runs were no later.
    pub late_99: Option<f64>,
    /// The latest.
    pub late_most: Option<f64>,
    /// 99 of 100 runs because a list changed were no later.
    pub list_change_99: Option<f64>,
    /// Monitors whose time had come and that were not run.
    pub waiting: i64,
    /// When the longest waiting of them was to run.
    pub waiting_since: Option<DateTime<Utc>>,
}

/// What was recorded of a schedule until `now`. Reads all runs.
pub async fn runs_of(
    conn: &mut PgConnection,
    schedule_id: i32,
    objective_seconds: Option<f64>,
    now: DateTime<Utc>,
) -> Result<ScheduleRuns, StoreError> {
    let runs = sqlx::query_as!(
        ScheduleRuns,
        r#"
        with run as (
            select runs.outcome, runs.trigger, monitor.monitor_id,
                   case when runs.outcome <> 'superseded'
                        then extract(epoch from runs.recorded_at - runs.due_at)::float8 end as late
            from monitors as monitor
            join runs using (monitor_id)
            where monitor.schedule_id = $1
        ),
        waiting as (
            select count(*) as count, min(next_run_at) as since
            from monitor_due
            where schedule_id = $1 and next_run_at <= $3
        )
        select (select count(*) from monitors where schedule_id = $1) as "monitors!",
               count(*) filter (where outcome = 'clear') as "clear!",
               count(*) filter (where outcome = 'match') as "matched!",
               count(*) filter (where outcome = 'error') as "errors!",
               count(*) filter (where outcome = 'superseded') as "superseded!",
               count(*) filter (where trigger = 'list-change' and late is not null) as "list_change!",
               count(*) filter (where late > $2::float8) as "beyond_objective!",
               percentile_disc(0.5) within group (order by late) as late_median,
               percentile_disc(0.95) within group (order by late) as late_95,
               percentile_disc(0.99) within group (order by late) as late_99,
               max(late) as late_most,
               percentile_disc(0.99) within group (order by late) filter (where trigger = 'list-change')
                   as list_change_99,
               (select count from waiting) as "waiting!",
               (select since from waiting) as waiting_since
        from run
        "#,
        schedule_id,
        objective_seconds,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(runs)
}

/// How many events of each kind there are, by the kind.
pub async fn count_events(conn: &mut PgConnection) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"select kind, count(*) as "count!" from events group by kind order by kind collate "C""#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.kind, row.count)).collect())
}

/// When which schedule began to miss its objective, with `true`, and when it met it again; in order of time.
pub async fn list_objectives(
    conn: &mut PgConnection,
) -> Result<Vec<(DateTime<Utc>, String, bool)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select case kind when 'schedule.objective-missed' then (detail ->> 'missed-since')::timestamptz
                    else occurred_at end as "at!",
               detail ->> 'schedule' as "schedule!",
               kind = 'schedule.objective-missed' as "missed!"
        from events
        where kind in ('schedule.objective-missed', 'schedule.objective-met')
        order by 1, 2, 3
        "#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.at, row.schedule, row.missed)).collect())
}

/// How many monitors changes of lists made due.
pub async fn count_rescreened(conn: &mut PgConnection) -> Result<i64, StoreError> {
    let monitors =
        sqlx::query_scalar!(r#"select coalesce(sum(monitors), 0)::bigint as "monitors!" from rescreens"#)
            .fetch_one(conn)
            .await?;
    Ok(monitors)
}

/// Whether each slot was answered once.
#[derive(Clone, Copy, Debug)]
pub struct Slots {
    /// Slots that count as answered, by the due rows.
    pub answered: i64,
    /// Slots that no run answers though the due row is past them, and active monitors that nobody would run again.
    pub lost: i64,
    /// Slots that more than one run answers.
    pub twice: i64,
}

/// Compares the due rows with the runs. Reads all of both.
pub async fn check_slots(conn: &mut PgConnection) -> Result<Slots, StoreError> {
    let slots = sqlx::query_as!(
        Slots,
        r#"
        with answered as (
            select monitor_id, slot, count(*) as runs
            from runs
            where outcome <> 'superseded'
            group by monitor_id, slot
        ),
        counted as (
            select monitor_id, count(*) as slots from answered group by monitor_id
        ),
        of_monitor as (
            select due.slot, coalesce(counted.slots, 0) as runs, due.monitor_id is null as is_stranded
            from monitors as monitor
            left join monitor_due as due using (shard, monitor_id)
            left join counted on counted.monitor_id = monitor.monitor_id
            where monitor.state = 'active'
        )
        select coalesce(sum(slot), 0)::bigint as "answered!",
               (coalesce(sum(greatest(slot - runs, 0)), 0) + count(*) filter (where is_stranded))::bigint as "lost!",
               (select count(*) from answered where runs > 1) as "twice!"
        from of_monitor
        "#
    )
    .fetch_one(conn)
    .await?;
    Ok(slots)
}

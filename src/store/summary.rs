//! The figures that `status`, `/readyz` and `/metrics` show.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;

/// How much there is of everything.
#[derive(Debug)]
pub struct Totals {
    /// Accounts.
    pub accounts: i64,
    /// Hits that nobody has decided on.
    pub open_hits: i64,
    /// Accounts waiting for enrolment to look at them.
    pub enrol_queue: i64,
    /// Monitors that are quarantined.
    pub quarantined: i64,
    /// Urgent work.
    pub wakeups: i64,
}

/// Allows the statements of the transaction the time that counting large tables takes.
pub async fn allow_long_counts(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("set local statement_timeout = '10min'").execute(conn).await?;
    Ok(())
}

/// Counts everything; a full count of the large tables, for a person who asks.
pub async fn totals(conn: &mut PgConnection) -> Result<Totals, StoreError> {
    let row = sqlx::query!(
        r#"
        select (select count(*) from accounts) as "accounts!",
               (select count(*) from hits where state = 'open') as "open_hits!",
               (select count(*) from enrol_queue) as "enrol_queue!",
               (select count(*) from monitors where state = 'quarantined') as "quarantined!",
               (select count(*) from wakeups) as "wakeups!"
        "#
    )
    .fetch_one(conn)
    .await?;
    Ok(Totals {
        accounts: row.accounts,
        open_hits: row.open_hits,
        enrol_queue: row.enrol_queue,
        quarantined: row.quarantined,
        wakeups: row.wakeups,
    })
}

/// The state of one schedule.
#[derive(Debug)]
pub struct ScheduleState {
    /// Its name.
    pub name: String,
    /// When the configuration dropped it, if it did.
    pub removed_at: Option<DateTime<Utc>>,
    /// Whether a walk of enrolment is under way.
    pub enrolling: bool,
    /// Monitors that run.
    pub active: i64,
    /// Monitors that a match holds.
    pub held: i64,
    /// Monitors that are paused.
    pub paused: i64,
    /// Active monitors that never ran.
    pub never_run: i64,
    /// Active monitors whose time has come.
    pub due: i64,
    /// When the longest waiting of them was to run.
    pub oldest_due_at: Option<DateTime<Utc>>,
    /// Active monitors whose present slot has failed attempts.
    pub failing: i64,
}

/// The state of every schedule, by name.
pub async fn schedules(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<Vec<ScheduleState>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select schedule.name, schedule.removed_at, schedule.enrol_shard is not null as "enrolling!",
               count(*) filter (where monitor.state = 'active') as "active!",
               count(*) filter (where monitor.state = 'held') as "held!",
               count(*) filter (where monitor.state = 'paused') as "paused!",
               count(*) filter (where due.slot = 0) as "never_run!",
               count(*) filter (where due.next_run_at <= $1) as "due!",
               count(*) filter (where due.attempts > 0) as "failing!",
               min(due.next_run_at) filter (where due.next_run_at <= $1) as oldest_due_at
        from schedules as schedule
        left join monitors as monitor using (schedule_id)
        left join monitor_due as due using (shard, monitor_id)
        group by schedule.schedule_id
        -- The schedule of a report template is shown once the API has made reports of it.
        having not schedule.by_request or count(monitor.monitor_id) > 0
        order by schedule.name
        "#,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ScheduleState {
            name: row.name,
            removed_at: row.removed_at,
            enrolling: row.enrolling,
            active: row.active,
            held: row.held,
            paused: row.paused,
            never_run: row.never_run,
            due: row.due,
            oldest_due_at: row.oldest_due_at,
            failing: row.failing,
        })
        .collect())
}

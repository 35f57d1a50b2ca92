//! Runs: append-only evidence, and the one statement by which a run counts.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{
    id::{AccountId, MonitorId, RunId},
    monitor::{Outcome, Trigger},
};

/// A finished run, about to be recorded.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The monitor.
    pub monitor: MonitorId,
    /// The slot that it answers.
    pub slot: i64,
    /// The reasons to run that it saw.
    pub wanted: i64,
    /// Why it ran.
    pub trigger: Trigger,
    /// When it was to run.
    pub due_at: DateTime<Utc>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long the provider took.
    pub duration_ms: i32,
    /// When the monitor runs next.
    pub next_run_at: DateTime<Utc>,
    /// What it rested on.
    pub basis_id: i32,
    /// The account's data version that it saw.
    pub account_version: i64,
    /// What it ended with, if it counts.
    pub outcome: Outcome,
    /// How many entities the answer named.
    pub findings: i32,
    /// The class of failure, when there was no answer.
    pub failure: Option<&'static str>,
    /// Digest of the answer, and of the data asked about; none when it is clear. Without an answer, the last one's stays.
    pub digest: Option<Vec<u8>>,
    /// Whether the answer, or with a match the data asked about, differs from the last: its content is then recorded too.
    pub changed: bool,
    /// Whether the answer differs from the last.
    pub is_news: bool,
}

/// Settles runs: each whose slot still stands moves its due row on and counts; the others leave a slim
/// superseded run. Whoever commits first wins; recording needs no other lock.
///
/// A run whose answer changed and that counts is not inserted here but by [`insert_changed`], with its
/// content, in the same transaction. If a reason to run arrived meanwhile, the monitor is due at once.
///
/// Returns, for each of `runs` in order, whether it counts.
pub async fn settle(
    conn: &mut PgConnection,
    runs: &[NewRun],
    now: DateTime<Utc>,
) -> Result<Vec<bool>, StoreError> {
    let mut columns = Columns::default();
    for run in runs {
        columns.push(run);
    }
    let settled = sqlx::query_scalar!(
        r#"
        with run as (
            select *
            from unnest($1::smallint[], $2::uuid[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::uuid[],
                        $7::text[], $8::timestamptz[], $9::timestamptz[], $10::integer[], $11::integer[],
                        $12::bigint[], $13::text[], $14::integer[], $15::text[], $16::bytea[], $17::boolean[])
                 as run (shard, monitor_id, slot, wanted, next_run_at, run_id, trigger, due_at, started_at,
                         duration_ms, basis_id, account_version, outcome, findings, failure, digest, changed)
        ), moved as (
            update monitor_due as due
            set slot = due.slot + 1,
                -- A reason to run again that arrived during the run makes it due at once.
                next_run_at = case when due.wanted = run.wanted then run.next_run_at else $18 end,
                attempts = 0,
                due_at = null,
                reason = case when due.wanted = run.wanted then null else due.reason end,
                last_digest = case when run.outcome = 'error' then due.last_digest else run.digest end
            from run
            where due.shard = run.shard
              and due.monitor_id = run.monitor_id
              -- The fence: a slot is answered once.
              and due.slot = run.slot
            returning due.shard, due.monitor_id, run.run_id, due.wanted = run.wanted as answered
        ), calmed as (
            delete from wakeups as wakeup
            using moved
            where moved.answered
              and wakeup.shard = moved.shard
              and wakeup.monitor_id = moved.monitor_id
        ), inserted as (
            insert into runs (
                recorded_at, due_at, started_at, run_id, monitor_id, slot, account_version, basis_id, duration_ms,
                findings, shard, changed, trigger, outcome, failure
            )
            select $18, run.due_at, run.started_at, run.run_id, run.monitor_id, run.slot, run.account_version,
                   run.basis_id, run.duration_ms, run.findings, run.shard, false, run.trigger,
                   case when moved.run_id is null then 'superseded' else run.outcome end, run.failure
            from run
            left join moved using (run_id)
            where moved.run_id is null or not run.changed
        )
        select run_id as "run_id!" from moved
        "#,
        &columns.shards,
        &columns.monitors,
        &columns.slots,
        &columns.wanted,
        &columns.next,
        &columns.ids,
        &columns.triggers,
        &columns.due,
        &columns.started,
        &columns.durations,
        &columns.bases,
        &columns.versions,
        &columns.outcomes,
        &columns.findings,
        &columns.failures as &[Option<String>],
        &columns.digests as &[Option<Vec<u8>>],
        &columns.changed,
        now,
    )
    .fetch_all(conn)
    .await?;
    let settled: std::collections::HashSet<Uuid> = settled.into_iter().collect();
    Ok(runs.iter().map(|run| settled.contains(&run.id.0)).collect())
}

/// Inserts settled runs whose answers changed, with their sealed content.
pub async fn insert_changed(
    conn: &mut PgConnection,
    runs: &[(&NewRun, Vec<u8>)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut columns = Columns::default();
    for (run, _) in runs {
        columns.push(run);
    }
    let contents: Vec<Vec<u8>> = runs.iter().map(|(_, content)| content.clone()).collect();
    sqlx::query!(
        r#"
        insert into runs (
            recorded_at, due_at, started_at, run_id, monitor_id, slot, account_version, basis_id, duration_ms,
            findings, shard, changed, trigger, outcome, sealed_content
        )
        select $14, due_at, started_at, run_id, monitor_id, slot, account_version, basis_id, duration_ms,
               findings, shard, true, trigger, outcome, sealed_content
        from unnest($1::smallint[], $2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::timestamptz[],
                    $7::timestamptz[], $8::integer[], $9::integer[], $10::bigint[], $11::text[], $12::integer[],
                    $13::bytea[])
             as run (shard, monitor_id, slot, run_id, trigger, due_at, started_at, duration_ms, basis_id,
                     account_version, outcome, findings, sealed_content)
        "#,
        &columns.shards,
        &columns.monitors,
        &columns.slots,
        &columns.ids,
        &columns.triggers,
        &columns.due,
        &columns.started,
        &columns.durations,
        &columns.bases,
        &columns.versions,
        &columns.outcomes,
        &columns.findings,
        &contents,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Default)]
struct Columns {
    shards: Vec<i16>,
    monitors: Vec<Uuid>,
    slots: Vec<i64>,
    wanted: Vec<i64>,
    next: Vec<DateTime<Utc>>,
    ids: Vec<Uuid>,
    triggers: Vec<String>,
    due: Vec<DateTime<Utc>>,
    started: Vec<DateTime<Utc>>,
    durations: Vec<i32>,
    bases: Vec<i32>,
    versions: Vec<i64>,
    outcomes: Vec<String>,
    findings: Vec<i32>,
    failures: Vec<Option<String>>,
    digests: Vec<Option<Vec<u8>>>,
    changed: Vec<bool>,
}

impl Columns {
    fn push(&mut self, run: &NewRun) {
        self.shards.push(run.monitor.shard().column());
        self.monitors.push(run.monitor.0);
        self.slots.push(run.slot);
        self.wanted.push(run.wanted);
        self.next.push(run.next_run_at);
        self.ids.push(run.id.0);
        self.triggers.push(run.trigger.word().to_owned());
        self.due.push(run.due_at);
        self.started.push(run.started_at);
        self.durations.push(run.duration_ms);
        self.bases.push(run.basis_id);
        self.versions.push(run.account_version);
        self.outcomes.push(run.outcome.word().to_owned());
        self.findings.push(run.findings);
        self.failures.push(run.failure.map(str::to_owned));
        self.digests.push(run.digest.clone());
        self.changed.push(run.changed);
    }
}

/// Which of `runs` (monitor, slot, run) are recorded already: asked after a commit whose outcome is
/// unknown because the connection was lost. So new are they that none has left its month yet.
pub async fn list_recorded(
    conn: &mut PgConnection,
    runs: &[(MonitorId, i64, RunId)],
) -> Result<Vec<RunId>, StoreError> {
    let monitors: Vec<Uuid> = runs.iter().map(|(monitor, _, _)| monitor.0).collect();
    let slots: Vec<i64> = runs.iter().map(|(_, slot, _)| *slot).collect();
    let ids: Vec<Uuid> = runs.iter().map(|(_, _, run)| run.0).collect();
    let recorded = sqlx::query_scalar!(
        r#"
        select runs.run_id
        from unnest($1::uuid[], $2::bigint[], $3::uuid[]) as asked (monitor_id, slot, run_id)
        join runs using (monitor_id, slot, run_id)
        "#,
        &monitors,
        &slots,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(recorded.into_iter().map(RunId).collect())
}

/// The number of what runs rest on, made when it is new.
pub async fn get_or_insert_basis(
    conn: &mut PgConnection,
    digest: &[u8],
    detail: &Value,
    now: DateTime<Utc>,
) -> Result<i32, StoreError> {
    let id = sqlx::query_scalar!(
        r#"
        insert into run_bases as kept (digest, detail, created_at) values ($1, $2, $3)
        on conflict on constraint run_bases_digest_key do update set digest = kept.digest
        returning basis_id
        "#,
        digest,
        detail,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(id)
}

/// A run as `account` and `run` show it.
#[derive(Debug)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// The monitor.
    pub monitor: MonitorId,
    /// Its schedule.
    pub schedule: String,
    /// The slot that it answered.
    pub slot: i64,
    /// Why it ran.
    pub trigger: String,
    /// When it was to run.
    pub due_at: DateTime<Utc>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// How long the provider took.
    pub duration_ms: i32,
    /// What it ended with.
    pub outcome: String,
    /// How many entities the answer named.
    pub findings: i32,
    /// The class of failure.
    pub failure: Option<String>,
    /// The account's data version that it saw.
    pub account_version: i64,
    /// What it rested on: provider, engine, lists, threshold, process.
    pub basis: Value,
}

/// The newest runs of an account, but for those that only a line of their month stands for.
pub async fn list_of_account(
    conn: &mut PgConnection,
    account: AccountId,
    limit: i64,
) -> Result<Vec<RunRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select run.run_id as "run_id!", run.monitor_id as "monitor_id!", schedule.name, run.slot as "slot!",
               run.trigger as "trigger!", run.due_at as "due_at!", run.recorded_at as "recorded_at!",
               run.duration_ms as "duration_ms!", run.outcome as "outcome!", run.findings as "findings!",
               run.failure, run.account_version as "account_version!", basis.detail
        from monitors as monitor
        join schedules as schedule using (schedule_id)
        cross join lateral (
            select * from whole_runs as run
            where run.monitor_id = monitor.monitor_id
            order by run.slot desc
            limit $2
        ) as run
        join run_bases as basis using (basis_id)
        where monitor.account_id = $1
        order by run.recorded_at desc, run.slot desc
        limit $2
        "#,
        account.0,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RunRow {
            id: RunId(row.run_id),
            monitor: MonitorId(row.monitor_id),
            schedule: row.name,
            slot: row.slot,
            trigger: row.trigger,
            due_at: row.due_at,
            recorded_at: row.recorded_at,
            duration_ms: row.duration_ms,
            outcome: row.outcome,
            findings: row.findings,
            failure: row.failure,
            account_version: row.account_version,
            basis: row.detail,
        })
        .collect())
}

/// Whether a monitor has a run that answers a reason to run counted up to `wanted`: its due row's slot
/// moved past `slot`.
pub async fn has_settled(conn: &mut PgConnection, monitor: MonitorId, slot: i64) -> Result<bool, StoreError> {
    let settled = sqlx::query_scalar!(
        r#"
        select not exists (
            select from monitor_due
            where shard = $1 and monitor_id = $2 and slot <= $3
        ) as "settled!"
        "#,
        monitor.shard().column(),
        monitor.0,
        slot,
    )
    .fetch_one(conn)
    .await?;
    Ok(settled)
}

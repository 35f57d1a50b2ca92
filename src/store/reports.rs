//! Reports, as the API shows them: monitors with what came of their last run. Those of schedules are reports too.

mod tags;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

pub use self::tags::save_tags;
use super::StoreError;
use crate::{
    domain::{
        id::{AccountId, MonitorId, Shard},
        monitor::{MonitorState, Outcome},
        schedule::{ReportTemplate, ReportType},
    },
    vault::WrappedKey,
};

/// A report.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a row of columns, each told by itself")]
pub struct ReportRow {
    /// Its id, which is its monitor's.
    pub id: MonitorId,
    /// Its account.
    pub account: AccountId,
    /// Its schedule.
    pub schedule_id: i32,
    /// The schedule's name.
    pub schedule: String,
    /// Whether the API made it, and not a schedule.
    pub by_request: bool,
    /// Whether its schedule keeps it: another is not taken up again.
    pub by_schedule: bool,
    /// The name of its template.
    pub template_name: Option<String>,
    /// The template as the configuration last said it.
    pub template: Option<ReportTemplate>,
    /// Who asked for it.
    pub requested_by: Option<String>,
    /// Its tags, in their order.
    pub tags: Vec<String>,
    /// Its state.
    pub state: MonitorState,
    /// Why it is in that state, when a reason was given.
    pub state_reason: Option<String>,
    /// Whom it asks about instead of its account, sealed under its own key.
    pub sealed_query: Option<Vec<u8>>,
    /// Its own data key, when it has content.
    pub key: Option<WrappedKey>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When its content was destroyed.
    pub redacted_at: Option<DateTime<Utc>>,
    /// When it runs next.
    pub next_run_at: Option<DateTime<Utc>>,
    /// The slot that its next run answers.
    pub slot: i64,
    /// What its last run ended with, and when; none before the first.
    pub last: Option<(Outcome, DateTime<Utc>)>,
    /// Why its last run has no answer.
    pub failure: Option<String>,
    /// Whether it ran more than once.
    pub ran_again: bool,
    /// Whether its last answer names an entity, whatever was decided about it.
    pub has_match: bool,
}

impl ReportRow {
    /// What it asks.
    pub fn report_type(&self) -> ReportType {
        self.template.as_ref().map_or(ReportType::Watchlist, |template| template.report)
    }
}

/// Those of `ids` that are reports, in their order.
pub async fn get_all(conn: &mut PgConnection, ids: &[MonitorId]) -> Result<Vec<ReportRow>, StoreError> {
    let shards: Vec<i16> = ids.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|monitor| monitor.0).collect();
    let rows = sqlx::query!(
        r#"
        select monitor.monitor_id, monitor.account_id, monitor.schedule_id, schedule.name, schedule.by_request,
               coalesce(monitor.by_schedule, false) as "by_schedule!", schedule.report_template,
               template.definition -> 'report-template' as "template?", monitor.requested_by, monitor.tags, monitor.state,
               monitor.state_reason, monitor.sealed_query, monitor.created_at, monitor.redacted_at,
               monitor.slot_floor, due.next_run_at as "next_run_at?", due.slot as "slot?",
               kept.key_id as "key_id?", kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?",
               last.outcome as "outcome?", last.recorded_at as "recorded_at?", last.slot as "last_slot?",
               last.failure as "failure?",
               old.last_at as "old_at?", old.last_slot as "old_slot?", old.ran_again as "old_ran_again?",
               exists (
                   select from whole_runs as run
                   where run.monitor_id = monitor.monitor_id
                     and run.slot < last.slot
                     and run.outcome <> 'superseded'
               ) as "ran_again!",
               exists (
                   select from hits
                   where hits.shard = monitor.shard
                     and hits.monitor_id = monitor.monitor_id
                     and hits.state <> 'gone'
               ) as "has_match!"
        from unnest($1::smallint[], $2::uuid[]) with ordinality as wanted (shard, monitor_id, place)
        join monitors as monitor using (shard, monitor_id)
        join schedules as schedule using (schedule_id)
        left join schedules as template
            on template.by_request and template.report_template = schedule.report_template
        left join monitor_due as due using (shard, monitor_id)
        left join data_keys as kept on kept.shard = monitor.shard and kept.object_id = monitor.monitor_id
        left join lateral (
            select outcome, recorded_at, slot, failure
            from whole_runs as run
            where run.monitor_id = monitor.monitor_id
              and run.outcome <> 'superseded'
            order by run.slot desc
            limit 1
        ) as last on true
        left join lateral (
            select max(last_at) as last_at, max(last_slot) as last_slot, max(last_slot) > min(first_slot) as ran_again
            from run_months
            where run_months.monitor_id = monitor.monitor_id
        ) as old on true
        order by wanted.place
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let template = row.template.map(serde_json::from_value).transpose();
            let outcome = row.outcome.map(|word| {
                Outcome::from_word(&word).ok_or(StoreError::Inconsistent { column: "runs.outcome" })
            });
            let whole = outcome.transpose()?.zip(row.recorded_at);
            // Old clear runs are no longer kept one by one.
            let old = row.old_at.map(|at| (Outcome::Clear, at));
            let old_is_last = row.old_slot > row.last_slot;
            Ok(ReportRow {
                id: MonitorId(row.monitor_id),
                account: AccountId(row.account_id),
                schedule_id: row.schedule_id,
                schedule: row.name,
                by_request: row.by_request,
                by_schedule: row.by_schedule,
                template_name: row.report_template,
                template: template
                    .map_err(|_| StoreError::Inconsistent { column: "schedules.definition" })?,
                requested_by: row.requested_by,
                tags: row.tags.unwrap_or_default(),
                state: MonitorState::from_word(&row.state)
                    .ok_or(StoreError::Inconsistent { column: "monitors.state" })?,
                state_reason: row.state_reason,
                sealed_query: row.sealed_query,
                key: row
                    .key_id
                    .zip(row.master_key_id)
                    .zip(row.wrapped)
                    .map(|((key_id, master_key_id), wrapped)| WrappedKey { key_id, master_key_id, wrapped }),
                created_at: row.created_at,
                redacted_at: row.redacted_at,
                next_run_at: row.next_run_at,
                slot: row.slot.unwrap_or(row.slot_floor),
                last: if old_is_last { old } else { whole },
                failure: if old_is_last { None } else { row.failure },
                ran_again: row.ran_again
                    || row.old_ran_again.unwrap_or(false)
                    || (row.old_slot.is_some() && row.old_slot != row.last_slot && row.last_slot.is_some()),
                has_match: row.has_match,
            })
        })
        .collect()
}

/// A page of reports, by their ids, which are in the order of their making.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Made before this one.
    pub after: Option<MonitorId>,
    /// Made after this one.
    pub before: Option<MonitorId>,
    /// At most so many.
    pub limit: i64,
}

impl Page {
    fn bounds(&self) -> (Uuid, Uuid, bool) {
        match (self.after, self.before) {
            (Some(after), _) => (Uuid::nil(), after.0, true),
            (None, Some(before)) => (before.0, Uuid::max(), false),
            (None, None) => (Uuid::nil(), Uuid::max(), true),
        }
    }
}

/// The reports of accounts, the newest first; of some schedules only, when they are given.
pub async fn list_of_accounts(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    schedules: Option<&[i32]>,
    page: Page,
) -> Result<Vec<MonitorId>, StoreError> {
    let accounts: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let (above, below, is_newest_first) = page.bounds();
    let ids = sqlx::query_scalar!(
        r#"
        select monitor_id
        from monitors
        where account_id = any($1)
          and ($2::integer[] is null or schedule_id = any($2))
          and monitor_id > $3
          and monitor_id < $4
        order by case when $5 then monitor_id end desc, monitor_id
        limit $6
        "#,
        &accounts,
        schedules,
        above,
        below,
        is_newest_first,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(newest_first(ids, is_newest_first))
}

/// All reports, or those of some schedules, the newest first: the ends of every shard, put together.
pub async fn list(
    conn: &mut PgConnection,
    schedules: Option<&[i32]>,
    page: Page,
) -> Result<Vec<MonitorId>, StoreError> {
    let shards: Vec<i16> = Shard::all().map(Shard::column).collect();
    let (above, below, is_newest_first) = page.bounds();
    let ids = match (schedules, is_newest_first) {
        (None, true) => {
            sqlx::query_scalar!(
                r#"
                select monitor.monitor_id
                from unnest($1::smallint[]) as place (shard)
                cross join lateral (
                    select monitor_id from monitors
                    where monitors.shard = place.shard and monitor_id > $2 and monitor_id < $3
                    order by monitor_id desc
                    limit $4
                ) as monitor
                order by monitor.monitor_id desc
                limit $4
                "#,
                &shards,
                above,
                below,
                page.limit,
            )
            .fetch_all(conn)
            .await?
        }
        (None, false) => {
            sqlx::query_scalar!(
                r#"
                select monitor.monitor_id
                from unnest($1::smallint[]) as place (shard)
                cross join lateral (
                    select monitor_id from monitors
                    where monitors.shard = place.shard and monitor_id > $2 and monitor_id < $3
                    order by monitor_id
                    limit $4
                ) as monitor
                order by monitor.monitor_id
                limit $4
                "#,
                &shards,
                above,
                below,
                page.limit,
            )
            .fetch_all(conn)
            .await?
        }
        (Some(schedules), true) => {
            sqlx::query_scalar!(
                r#"
                select monitor.monitor_id
                from unnest($1::smallint[]) as place (shard)
                cross join unnest($5::integer[]) as wanted (schedule_id)
                cross join lateral (
                    select monitor_id from monitors
                    where monitors.schedule_id = wanted.schedule_id
                      and monitors.shard = place.shard
                      and monitor_id > $2
                      and monitor_id < $3
                    order by monitor_id desc
                    limit $4
                ) as monitor
                order by monitor.monitor_id desc
                limit $4
                "#,
                &shards,
                above,
                below,
                page.limit,
                schedules,
            )
            .fetch_all(conn)
            .await?
        }
        (Some(schedules), false) => {
            sqlx::query_scalar!(
                r#"
                select monitor.monitor_id
                from unnest($1::smallint[]) as place (shard)
                cross join unnest($5::integer[]) as wanted (schedule_id)
                cross join lateral (
                    select monitor_id from monitors
                    where monitors.schedule_id = wanted.schedule_id
                      and monitors.shard = place.shard
                      and monitor_id > $2
                      and monitor_id < $3
                    order by monitor_id
                    limit $4
                ) as monitor
                order by monitor.monitor_id
                limit $4
                "#,
                &shards,
                above,
                below,
                page.limit,
                schedules,
            )
            .fetch_all(conn)
            .await?
        }
    };
    Ok(newest_first(ids, is_newest_first))
}

fn newest_first(mut ids: Vec<Uuid>, is_so: bool) -> Vec<MonitorId> {
    if !is_so {
        ids.reverse();
    }
    ids.into_iter().map(MonitorId).collect()
}

/// What the reports of monitors ask.
pub async fn list_types(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
) -> Result<Vec<(MonitorId, ReportType)>, StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let rows = sqlx::query!(
        r#"
        select monitor.monitor_id, template.definition -> 'report-template' ->> 'report' as "report!"
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        join monitors as monitor using (shard, monitor_id)
        join schedules as schedule using (schedule_id)
        join schedules as template on template.by_request and template.report_template = schedule.report_template
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    let typed = rows
        .into_iter()
        .filter_map(|row| Some((MonitorId(row.monitor_id), ReportType::from_word(&row.report)?)));
    Ok(typed.collect())
}

/// The numbers of the schedules whose reports are of a template, or ask a type of question.
pub async fn list_schedules(
    conn: &mut PgConnection,
    template: Option<&str>,
    report: Option<ReportType>,
) -> Result<Vec<i32>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select schedule.schedule_id
        from schedules as schedule
        join schedules as template on template.by_request and template.report_template = schedule.report_template
        where ($1::text is null or template.report_template = $1)
          and ($2::text is null or template.definition -> 'report-template' ->> 'report' = $2)
        "#,
        template,
        report.map(ReportType::word),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

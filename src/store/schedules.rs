//! Schedules as the configuration last said them, and the walks of enrolment over all accounts.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, providers::Lane};
use crate::domain::{
    id::Shard,
    schedule::{MatchEffect, ReportTemplate},
};

mod objectives;

pub use objectives::{find_missed_since, save_missed_since};

/// Writes a schedule, with the name of its report template, and whether its reports are made by request. Returns its id and whether that changed what it asks for; a changed one starts
/// a walk of enrolment.
pub async fn save(
    conn: &mut PgConnection,
    name: &str,
    definition: &Value,
    (report_template, by_request): (&str, bool),
    now: DateTime<Utc>,
) -> Result<(i32, bool), StoreError> {
    let row = sqlx::query!(
        r#"
        with before as (select definition, removed_at from schedules where name = $1),
        kept as (
            insert into schedules as kept (
                name, definition, report_template, by_request, created_at, changed_at, enrol_shard
            )
            -- One that selects no account has nothing to enrol yet.
            values ($1, $2, $4, $5, $3, $3, case when not $5 then 0 end)
            on conflict on constraint schedules_name_key do update
            set definition = excluded.definition,
                report_template = excluded.report_template,
                removed_at = null,
                changed_at = case when kept.definition = excluded.definition then kept.changed_at else $3 end,
                enrol_shard = case
                    when kept.definition = excluded.definition and kept.removed_at is null then kept.enrol_shard
                    else 0
                end,
                enrol_after = case
                    when kept.definition = excluded.definition and kept.removed_at is null then kept.enrol_after
                end,
                missed_since = case
                    when kept.definition = excluded.definition and kept.removed_at is null then kept.missed_since
                end
            returning schedule_id
        )
        select kept.schedule_id as "schedule_id!",
               not exists (select from before where definition = $2 and removed_at is null) as "changed!"
        from kept
        "#,
        name,
        definition,
        now,
        report_template,
        by_request,
    )
    .fetch_one(conn)
    .await?;
    Ok((row.schedule_id, row.changed))
}

/// The numbers of the schedules that are configured, by name.
pub async fn list_ids(conn: &mut PgConnection) -> Result<Vec<(String, i32)>, StoreError> {
    let rows = sqlx::query!("select name, schedule_id from schedules where removed_at is null order by name")
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.schedule_id)).collect())
}

/// Marks the schedules that are not among `names` as removed. Returns the names of those that were not
/// yet.
pub async fn save_removed(
    conn: &mut PgConnection,
    names: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    let removed = sqlx::query_scalar!(
        r#"
        update schedules
        set removed_at = $2,
            enrol_shard = 0,
            enrol_after = null
        where removed_at is null
          and not name = any($1)
        returning name
        "#,
        names,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(removed)
}

/// Starts a walk for every schedule that has none under way: the repair of whatever was missed.
pub async fn start_walks(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("update schedules set enrol_shard = 0, enrol_after = null where enrol_shard is null")
        .execute(conn)
        .await?;
    Ok(())
}

/// The names of all schedules, also of those that the configuration dropped.
pub async fn list_names(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    let names = sqlx::query_scalar!(
        r#"
        select name
        from schedules
        -- Every report template has one for the reports that the API makes: told of once there are any.
        where not by_request
           or exists (select from monitors where monitors.schedule_id = schedules.schedule_id)
        order by name
        "#
    )
    .fetch_all(conn)
    .await?;
    Ok(names)
}

/// What a schedule does to accounts, as the configuration last said it.
#[derive(Clone, Debug)]
pub struct Effects {
    /// Its number.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// The tags that a match sets.
    pub tags: Vec<String>,
    /// The status that a match sets, from one of `status_from` only.
    pub status: Option<String>,
    /// The statuses from which it may be changed.
    pub status_from: Vec<String>,
    /// The status that is set in its place when there is no match any more.
    pub status_when_clear: Option<String>,
    /// Whether the configuration no longer has it.
    pub is_removed: bool,
}

/// What schedules do to accounts, by number; reports by request do nothing.
pub async fn list_effects(conn: &mut PgConnection) -> Result<Vec<Effects>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select schedule_id, name, definition -> 'on-match' as on_match,
               definition #>> '{on-clear,status}' as status_when_clear, removed_at is not null as "is_removed!"
        from schedules
        where not by_request
        order by schedule_id
        "#
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let on_match: MatchEffect = serde_json::from_value(row.on_match.unwrap_or_else(|| json!({})))
                .map_err(|_| StoreError::Inconsistent { column: "schedules.definition" })?;
            Ok(Effects {
                id: row.schedule_id,
                name: row.name,
                tags: on_match.tags,
                status: on_match.status,
                status_from: on_match.status_from,
                status_when_clear: row.status_when_clear,
                is_removed: row.is_removed,
            })
        })
        .collect()
}

/// The schedule that the reports go by which the API makes of one template.
#[derive(Debug)]
pub struct OfTemplate {
    /// Its number.
    pub id: i32,
    /// The template, as the configuration last said it.
    pub template: ReportTemplate,
    /// The lane of the template's provider.
    pub lane: Lane,
    /// When the template was first seen.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// Whether the configuration no longer has it.
    pub is_removed: bool,
}

/// The schedules of all report templates that there ever were, by name.
pub async fn list_of_templates(conn: &mut PgConnection) -> Result<Vec<OfTemplate>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select schedule.schedule_id, schedule.definition -> 'report-template' as "template!", provider.provider_id,
               schedule.created_at, schedule.changed_at, schedule.removed_at is not null as "is_removed!"
        from schedules as schedule
        join providers as provider on provider.name = schedule.definition -> 'report-template' ->> 'provider'
        where schedule.by_request
        order by schedule.name
        "#
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(OfTemplate {
                id: row.schedule_id,
                template: serde_json::from_value(row.template)
                    .map_err(|_| StoreError::Inconsistent { column: "schedules.definition" })?,
                lane: row.provider_id,
                created_at: row.created_at,
                changed_at: row.changed_at,
                is_removed: row.is_removed,
            })
        })
        .collect()
}

/// Where a schedule stands.
#[derive(Debug)]
pub struct Standing {
    /// Its number.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// When the configuration dropped it, if it did.
    pub removed_at: Option<DateTime<Utc>>,
    /// Whether its first walk of enrolment has not ended: accounts have no monitors yet.
    pub enrolling: bool,
}

/// Every schedule, by name.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query_as!(
        Standing,
        r#"
        select schedule_id as id, name, removed_at, enrolled_at is null as "enrolling!"
        from schedules
        order by name
        "#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Starts the walk of one schedule from the beginning, whether one is under way or not.
pub async fn start_walk(conn: &mut PgConnection, name: &str) -> Result<(), StoreError> {
    sqlx::query!("update schedules set enrol_shard = 0, enrol_after = null where name = $1", name)
        .execute(conn)
        .await?;
    Ok(())
}

/// The place of a walk, its row locked by the caller's transaction.
#[derive(Debug)]
pub struct Walk {
    /// The schedule.
    pub schedule_id: i32,
    /// Its name.
    pub name: String,
    /// When the schedule was first seen: accounts made before are its backfill.
    pub created_at: DateTime<Utc>,
    /// When the configuration dropped it, if it did.
    pub removed_at: Option<DateTime<Utc>>,
    /// The shard walked now.
    pub shard: Shard,
    /// The last account seen in it; of a schedule by request, the last monitor.
    pub after: Option<Uuid>,
    /// Whether its monitors are made one by one, through the API: then they are what is walked over.
    pub by_request: bool,
    /// Up to when first runs of the backfill are handed out.
    pub backfill_until: Option<DateTime<Utc>>,
}

/// Locks the place of a walk under way that no other process works on.
pub async fn lock_walk(conn: &mut PgConnection) -> Result<Option<Walk>, StoreError> {
    let row = sqlx::query!(
        r#"
        select schedule_id, name, created_at, removed_at, enrol_shard as "enrol_shard!", enrol_after, backfill_until,
               by_request
        from schedules
        where enrol_shard is not null
        order by schedule_id
        limit 1
        for update skip locked
        "#
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Walk {
            schedule_id: row.schedule_id,
            name: row.name,
            created_at: row.created_at,
            removed_at: row.removed_at,
            shard: u8::try_from(row.enrol_shard)
                .map(Shard)
                .map_err(|_| StoreError::Inconsistent { column: "schedules.enrol_shard" })?,
            after: row.enrol_after,
            by_request: row.by_request,
            backfill_until: row.backfill_until,
        })
    })
    .transpose()
}

/// Moves a walk on: to `place`, or to its end when there is none.
pub async fn save_walk(
    conn: &mut PgConnection,
    schedule_id: i32,
    place: Option<(Shard, Option<Uuid>)>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update schedules
        set enrol_shard = $2,
            enrol_after = $3,
            enrolled_at = case when $2::smallint is null then $4 else enrolled_at end
        where schedule_id = $1
        "#,
        schedule_id,
        place.map(|(shard, _)| shard.column()),
        place.and_then(|(_, after)| after),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Hands out times for `count` first runs at `per_second`, after those handed out before. Returns when
/// the first of them is due.
pub async fn take_backfill(
    conn: &mut PgConnection,
    schedule_id: i32,
    count: usize,
    per_second: f64,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    #[expect(clippy::cast_precision_loss, reason = "a page of accounts is far below 2^52")]
    let seconds = count as f64 / per_second;
    let start = sqlx::query_scalar!(
        r#"
        with before as (
            select schedule_id, greatest(coalesce(backfill_until, $3), $3) as start
            from schedules
            where schedule_id = $1
            for update
        )
        update schedules
        set backfill_until = before.start + make_interval(secs => $2)
        from before
        where schedules.schedule_id = before.schedule_id
        returning before.start as "start!"
        "#,
        schedule_id,
        seconds,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(start)
}

//! Budgets of providers, for the whole fleet: what was granted, who rests, whose circuit breaker is open.
//!
//! Time here is the database's own, told at the moment of the statement: limits that hold for several
//! processes need one clock, and a time brought along would be that of the host.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{StoreError, providers::Lane};
use crate::domain::rest::RestReason;

/// A provider's budget, as of the database's `now`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetRow {
    /// The provider.
    pub lane: Lane,
    /// Its name.
    pub name: String,
    /// The database's time.
    pub now: DateTime<Utc>,
    /// It is asked nothing before this time, for this reason; in the past when its rest is over.
    pub rest: Option<(DateTime<Utc>, RestReason)>,
    /// Since when its circuit breaker is open, and when one call may be tried.
    pub breaker: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Permits granted today.
    pub used_today: i64,
    /// Permits granted this month.
    pub used_this_month: i64,
}

/// What a process asks of a budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask {
    /// How many permits it could use now.
    pub wanted: u32,
    /// The time that each permit has to earn, and how much may be owed; none without a rate.
    pub pace: Option<(Duration, Duration)>,
    /// How far ahead permits are granted.
    pub ahead: Duration,
    /// Permits a day.
    pub per_day: Option<u64>,
    /// Permits a month.
    pub per_month: Option<u64>,
    /// The time between two probes while the breaker is open.
    pub probe_every: Duration,
}

/// What a process was granted.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// How many permits: the first at `starts_in` after `row.now`, or at once if that is negative; each further
    /// one an interval after the time of the last, which may lie in the past.
    pub permits: u32,
    /// Seconds from `row.now` to the time of the first permit.
    pub starts_in: f64,
    /// The budget after the grant.
    pub row: BudgetRow,
}

/// Makes the rows of budgets that have none.
pub async fn insert_missing(conn: &mut PgConnection, lanes: &[Lane]) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into provider_budgets (provider_id, updated_at)
        select lane, clock_timestamp() from unnest($1::smallint[]) as wanted (lane)
        on conflict on constraint provider_budgets_pkey do nothing
        "#,
        lanes,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Every budget, by the provider's name.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<BudgetRow>, StoreError> {
    let rows = sqlx::query_as!(
        Read,
        r#"
        select provider_id as lane, providers.name, clock.now as "now!",
               not_before, rest_reason, opened_at, probe_at,
               case when day = (clock.now at time zone 'UTC')::date then granted_on_day else 0 end as "used_today!",
               case when month = date_trunc('month', clock.now at time zone 'UTC')::date
                    then granted_in_month else 0 end as "used_this_month!"
        from provider_budgets
        join providers using (provider_id)
        cross join (select clock_timestamp() as now) as clock
        order by providers.name
        "#
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(BudgetRow::try_from).collect()
}

/// Grants permits and debits them, on the database's clock; none when the provider rests, its quota is used
/// up, its breaker is open and no probe is due, or the next permit lies further ahead than asked.
///
/// However many processes ask: in every interval of `t` no more than `1 + (owed + t) / interval` permits have
/// their time. While the breaker is open one process gets one permit per probe. None when there is no such row.
pub async fn grant(conn: &mut PgConnection, lane: Lane, ask: &Ask) -> Result<Option<Grant>, StoreError> {
    let quota = |quota: Option<u64>| quota.map(|quota| i64::try_from(quota).unwrap_or(i64::MAX));
    let granted = sqlx::query!(
        r#"
        with locked as (
            -- Locked before the clock is read: a wait for another's grant must not make the time old.
            select * from provider_budgets where provider_id = $1 for update
        ),
        timed as (
            select locked.*, clock_timestamp() as now from locked
        ),
        counted as (
            select timed.*,
                   (now at time zone 'UTC')::date as today,
                   date_trunc('month', now at time zone 'UTC')::date as this_month,
                   case
                       when earned_at is null or $3::float8 is null then 0
                       else greatest(extract(epoch from earned_at - now)::float8, 0)
                   end as said,
                   coalesce($3::float8 + $4::float8 + $5, 0) as most
            from timed
        ),
        used as (
            select counted.*,
                   case when day = today then granted_on_day else 0 end as used_today,
                   case when month = this_month then granted_in_month else 0 end as used_this_month,
                   least(said, most) as owed,
                   -- More is owed than there is to owe, and not by rounding: the clock was set back, or the
                   -- rate was lower. It is forgotten, else the provider would be silenced.
                   said > most + 0.001 as is_forgotten,
                   least(said, most) - coalesce($4, 0) as starts_in
            from counted
        ),
        decided as (
            select used.*,
                   case
                       when not_before > now or probe_at > now then 0
                       else greatest(0, least(
                           case when opened_at is null then $2::bigint else 1 end,
                           $6::bigint - used_today,
                           $7::bigint - used_this_month,
                           floor(($5 - starts_in) / $3)::bigint + 1
                       ))
                   end as permits
            from used
        ),
        debited as (
            update provider_budgets as budget
            set earned_at = case
                    when $3::float8 is null then null
                    else decided.now + make_interval(secs => decided.owed + decided.permits * $3)
                end,
                day = decided.today,
                granted_on_day = decided.used_today + decided.permits,
                month = decided.this_month,
                granted_in_month = decided.used_this_month + decided.permits,
                probe_at = case
                    when decided.permits = 0 then budget.probe_at
                    when budget.opened_at is not null then decided.now + make_interval(secs => $8::float8)
                end,
                updated_at = decided.now
            from decided
            where budget.provider_id = decided.provider_id
              and (decided.permits > 0 or decided.is_forgotten)
        )
        select decided.permits as "permits!", starts_in as "starts_in!",
               provider_id as "lane!", providers.name as "name!", now as "now!",
               not_before, rest_reason, opened_at,
               case
                   when opened_at is not null and permits > 0 then now + make_interval(secs => $8::float8)
                   else probe_at
               end as probe_at,
               used_today + permits as "used_today!",
               used_this_month + permits as "used_this_month!"
        from decided
        join providers using (provider_id)
        "#,
        lane,
        i64::from(ask.wanted),
        ask.pace.map(|(interval, _)| interval.as_secs_f64()),
        ask.pace.map(|(_, owed)| owed.as_secs_f64()),
        ask.ahead.as_secs_f64(),
        quota(ask.per_day),
        quota(ask.per_month),
        ask.probe_every.as_secs_f64(),
    )
    .fetch_optional(conn)
    .await?;
    let Some(granted) = granted else { return Ok(None) };
    let row = Read {
        lane: granted.lane,
        name: granted.name,
        now: granted.now,
        not_before: granted.not_before,
        rest_reason: granted.rest_reason,
        opened_at: granted.opened_at,
        probe_at: granted.probe_at,
        used_today: granted.used_today,
        used_this_month: granted.used_this_month,
    };
    let permits = u32::try_from(granted.permits).unwrap_or(ask.wanted);
    Ok(Some(Grant { permits, starts_in: granted.starts_in, row: row.try_into()? }))
}

/// Lets nobody ask the provider before `rest` has passed; a shorter rest does not shorten a longer one.
/// Returns whether the provider goes to rest: it did not rest before, or for the lesser reason.
pub async fn save_rest(
    conn: &mut PgConnection,
    lane: Lane,
    rest: Duration,
    reason: RestReason,
) -> Result<bool, StoreError> {
    let news = sqlx::query_scalar!(
        r#"
        with locked as (
            select * from provider_budgets where provider_id = $1 for update
        ),
        timed as (
            select locked.*, clock_timestamp() as now from locked
        )
        update provider_budgets as budget
        set not_before = timed.now + make_interval(secs => $2::float8),
            rest_reason = $3,
            updated_at = timed.now
        from timed
        where budget.provider_id = timed.provider_id
          and timed.now + make_interval(secs => $2::float8) > coalesce(timed.not_before, '-infinity')
        returning timed.not_before is null
               or timed.not_before < timed.now
               or timed.rest_reason <> $3 as "news!"
        "#,
        lane,
        rest.as_secs_f64(),
        reason.word(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(news.unwrap_or(false))
}

/// Opens the circuit breaker: nobody asks the provider, but for a probe. False when it was open already.
pub async fn save_opened(
    conn: &mut PgConnection,
    lane: Lane,
    probe_in: Duration,
) -> Result<bool, StoreError> {
    let opened = sqlx::query!(
        r#"
        update provider_budgets
        set opened_at = clock.now,
            probe_at = clock.now + make_interval(secs => $2::float8),
            updated_at = clock.now
        from (select clock_timestamp() as now) as clock
        where provider_id = $1
          and opened_at is null
        "#,
        lane,
        probe_in.as_secs_f64(),
    )
    .execute(conn)
    .await?;
    Ok(opened.rows_affected() > 0)
}

/// Closes the circuit breaker that was opened at `opened_at`. False when that one is closed already.
pub async fn save_closed(
    conn: &mut PgConnection,
    lane: Lane,
    opened_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let closed = sqlx::query!(
        r#"
        update provider_budgets
        set opened_at = null, probe_at = null, updated_at = clock_timestamp()
        where provider_id = $1
          and opened_at = $2
        "#,
        lane,
        opened_at,
    )
    .execute(conn)
    .await?;
    Ok(closed.rows_affected() > 0)
}

/// A row as it is read.
struct Read {
    lane: Lane,
    name: String,
    now: DateTime<Utc>,
    not_before: Option<DateTime<Utc>>,
    rest_reason: Option<String>,
    opened_at: Option<DateTime<Utc>>,
    probe_at: Option<DateTime<Utc>>,
    used_today: i64,
    used_this_month: i64,
}

impl TryFrom<Read> for BudgetRow {
    type Error = StoreError;

    fn try_from(read: Read) -> Result<Self, StoreError> {
        let rest = match (read.not_before, read.rest_reason) {
            (Some(until), Some(word)) => {
                let column = "provider_budgets.rest_reason";
                let reason = RestReason::from_word(&word).ok_or(StoreError::Inconsistent { column })?;
                Some((until, reason))
            }
            _ => None,
        };
        Ok(Self {
            lane: read.lane,
            name: read.name,
            now: read.now,
            rest,
            breaker: read.opened_at.zip(read.probe_at),
            used_today: read.used_today,
            used_this_month: read.used_this_month,
        })
    }
}

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
#[derive(Clone, Debug, PartialEq)]
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
    /// The limits that the fleet keeps.
    pub limits: LimitsRow,
}

/// The limits that a fleet keeps for a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LimitsRow {
    /// The revision of the configuration that they are of.
    pub revision: i32,
    /// Calls a second in the long run.
    pub rate_per_second: Option<f64>,
    /// Calls at once after a quiet time.
    pub burst: u32,
    /// Calls on a UTC day.
    pub per_day: Option<u64>,
    /// Calls in a UTC month.
    pub per_month: Option<u64>,
}

/// What a process asks of a budget, by the limits that it holds for the fleet's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask {
    /// How many permits it could use now.
    pub wanted: u32,
    /// The limits.
    pub limits: LimitsRow,
    /// The time that each permit has to earn, and how much may be owed; none without a rate.
    pub pace: Option<(Duration, Duration)>,
    /// How far ahead permits are granted.
    pub ahead: Duration,
    /// The time between two probes while the breaker is open.
    pub probe_every: Duration,
}

impl Ask {
    /// The most that is owed for the permits that are granted, in seconds.
    fn most(&self) -> Option<f64> {
        self.pace.map(|(interval, owed)| (interval + owed + self.ahead).as_secs_f64())
    }
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

/// Makes the limits of a configuration the fleet's, unless those of a newer one are. Who owed permits owes as
/// many as before, whatever they take to earn now.
pub async fn save_limits(conn: &mut PgConnection, lane: Lane, ask: &Ask) -> Result<(), StoreError> {
    let limits = &ask.limits;
    sqlx::query!(
        r#"
        with locked as (
            select * from provider_budgets where provider_id = $1 for update
        ),
        timed as (
            select locked.*, clock_timestamp() as now from locked
        )
        update provider_budgets as budget
        set limits_revision = $2,
            rate_per_second = $3,
            burst = $4,
            calls_per_day = $5,
            calls_per_month = $6,
            permit_seconds = $7,
            earned_at = case
                when $7::float8 is null then null
                when timed.earned_at > timed.now and timed.permit_seconds > 0 then
                    timed.now + make_interval(secs => least(
                        extract(epoch from timed.earned_at - timed.now)::float8 / timed.permit_seconds * $7,
                        $8
                    ))
                else timed.earned_at
            end,
            updated_at = timed.now
        from timed
        where budget.provider_id = timed.provider_id
          and timed.limits_revision <= $2
          and (timed.limits_revision, timed.rate_per_second, timed.burst, timed.calls_per_day,
               timed.calls_per_month, timed.permit_seconds)
              is distinct from ($2, $3, $4, $5, $6, $7::float8)
        "#,
        lane,
        limits.revision,
        limits.rate_per_second,
        i64::from(limits.burst),
        column(limits.per_day),
        column(limits.per_month),
        ask.pace.map(|(interval, _)| interval.as_secs_f64()),
        ask.most(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn column(quota: Option<u64>) -> Option<i64> {
    quota.map(|quota| i64::try_from(quota).unwrap_or(i64::MAX))
}

/// Every budget, by the provider's name.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<BudgetRow>, StoreError> {
    let rows = sqlx::query_as!(
        Read,
        r#"
        select provider_id as lane, providers.name, clock.now as "now!",
               not_before, rest_reason, opened_at, probe_at,
               limits_revision, rate_per_second, burst, calls_per_day, calls_per_month,
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
/// up, its breaker is open and no probe is due, the next permit lies further ahead than asked, or the limits are
/// no longer the fleet's.
///
/// However many processes ask: in every interval of `t` no more than `1 + (owed + t) / interval` permits have
/// their time. While the breaker is open one process gets one permit per probe. Under a quota nothing is granted
/// whose time is less than `ahead` before the end of the day. None when there is no such row.
pub async fn grant(conn: &mut PgConnection, lane: Lane, ask: &Ask) -> Result<Option<Grant>, StoreError> {
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
                   -- How far ahead: what is debited today must not be used tomorrow.
                   case
                       when $6::bigint is null and $7::bigint is null then $5::float8
                       else least($5, extract(
                           epoch from date_trunc('day', now at time zone 'UTC') + interval '1 day'
                                    - (now at time zone 'UTC')
                       )::float8 - $5)
                   end as reach,
                   case
                       when earned_at is null or $3::float8 is null then 0
                       else greatest(extract(epoch from earned_at - now)::float8, 0)
                   end as said,
                   coalesce($10::float8, 0) as most
            from timed
        ),
        used as (
            select counted.*,
                   case when day = today then granted_on_day else 0 end as used_today,
                   case when month = this_month then granted_in_month else 0 end as used_this_month,
                   least(said, most) as owed,
                   -- More is owed than there is to owe, and not by rounding: the clock was set back, or the
                   -- rate was lower. It is forgotten, else the provider would be silenced.
                   said > most + 0.001 and limits_revision <= $9 as is_forgotten,
                   least(said, most) - coalesce($4::float8, 0) as starts_in
            from counted
        ),
        decided as (
            select used.*,
                   case
                       when not_before > now or probe_at > now or limits_revision > $9 or reach <= 0 then 0
                       else greatest(0, least(
                           case when opened_at is null then $2::bigint else 1 end,
                           $6 - used_today,
                           $7 - used_this_month,
                           floor((reach - starts_in) / $3)::bigint + 1
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
               used_this_month + permits as "used_this_month!",
               limits_revision as "limits_revision!", rate_per_second, burst, calls_per_day, calls_per_month
        from decided
        join providers using (provider_id)
        "#,
        lane,
        i64::from(ask.wanted),
        ask.pace.map(|(interval, _)| interval.as_secs_f64()),
        ask.pace.map(|(_, owed)| owed.as_secs_f64()),
        ask.ahead.as_secs_f64(),
        column(ask.limits.per_day),
        column(ask.limits.per_month),
        ask.probe_every.as_secs_f64(),
        ask.limits.revision,
        ask.most(),
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
        limits_revision: granted.limits_revision,
        rate_per_second: granted.rate_per_second,
        burst: granted.burst,
        calls_per_day: granted.calls_per_day,
        calls_per_month: granted.calls_per_month,
    };
    let permits = u32::try_from(granted.permits).unwrap_or(ask.wanted);
    Ok(Some(Grant { permits, starts_in: granted.starts_in, row: row.try_into()? }))
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
    limits_revision: i32,
    rate_per_second: Option<f64>,
    burst: Option<i64>,
    calls_per_day: Option<i64>,
    calls_per_month: Option<i64>,
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
            limits: LimitsRow {
                revision: read.limits_revision,
                rate_per_second: read.rate_per_second,
                burst: read.burst.and_then(|burst| u32::try_from(burst).ok()).unwrap_or(1),
                per_day: read.calls_per_day.map(i64::unsigned_abs),
                per_month: read.calls_per_month.map(i64::unsigned_abs),
            },
        })
    }
}

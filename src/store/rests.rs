//! Why a provider is asked nothing for a while: it asked for a rest, or its circuit breaker is open. On the
//! database's own clock, as [`budgets`](super::budgets) are, whose rows these are.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{StoreError, providers::Lane};
use crate::domain::rest::RestReason;

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

/// Ends a provider's rest before its time. False when it does not rest.
pub async fn remove(conn: &mut PgConnection, provider: &str) -> Result<bool, StoreError> {
    let ended = sqlx::query!(
        r#"
        update provider_budgets as budget
        set not_before = null, rest_reason = null, updated_at = clock_timestamp()
        from providers
        where providers.name = $1
          and budget.provider_id = providers.provider_id
          and budget.not_before > clock_timestamp()
        "#,
        provider,
    )
    .execute(conn)
    .await?;
    Ok(ended.rows_affected() > 0)
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

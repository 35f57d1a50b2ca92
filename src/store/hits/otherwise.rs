//! Hits that were dismissed when another score made a hit.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::StoreError;
use crate::domain::id::{AccountId, HitId, MonitorId};

/// The hits of monitors that were dismissed before `before`, under another threshold than this one; of archived accounts, and
/// of reports that ended or were redacted, none. Under which threshold is what the run rested on that stood when it was
/// decided, or of a decision from before any run that is known, the first one after it; where no run is known the
/// threshold is not either, and the hit stays as it is. So does one that was decided anew since.
pub async fn list_dismissed_under_another(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
    threshold: Option<f64>,
    before: DateTime<Utc>,
) -> Result<Vec<(HitId, AccountId, MonitorId)>, StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let rows = sqlx::query!(
        r#"
        select hit.hit_id, hit.account_id, hit.monitor_id
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        join monitors as monitor using (shard, monitor_id)
        join hits as hit using (shard, monitor_id)
        join accounts as account on account.shard = shard_of(hit.account_id) and account.account_id = hit.account_id
        left join lateral (
            select run.basis_id
            from whole_runs as run
            where run.monitor_id = hit.monitor_id
              and run.recorded_at <= hit.decided_at
              and run.outcome not in ('error', 'superseded')
            order by run.slot desc
            limit 1
        ) as stood on true
        left join lateral (
            select run.basis_id
            from whole_runs as run
            where stood.basis_id is null
              and run.monitor_id = hit.monitor_id
              and run.outcome not in ('error', 'superseded')
            order by run.slot
            limit 1
        ) as after on true
        join run_bases as basis on basis.basis_id = coalesce(stood.basis_id, after.basis_id)
        where hit.state = 'dismissed'
          and hit.decided_at < $4
          and account.archived_at is null
          and monitor.state <> 'ended'
          and monitor.redacted_at is null
          -- Where none was written down it is not known which it was.
          and jsonb_typeof(basis.detail -> 'threshold') = 'number'
          and basis.detail -> 'threshold' is distinct from $3::jsonb
          -- Decided anew since, about another report of the account or by an import.
          and not exists (
              select from decisions as renewed
              where renewed.shard = account.shard
                and renewed.account_id = hit.account_id
                and renewed.entity = hit.entity
                and renewed.ended_at is null
                and renewed.decided_at > hit.decided_at
                and (renewed.facts_digest is null or renewed.facts_digest = hit.facts_digest)
          )
        "#,
        &shards,
        &ids,
        json!(threshold),
        before,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (HitId(row.hit_id), AccountId(row.account_id), MonitorId(row.monitor_id)))
        .collect())
}

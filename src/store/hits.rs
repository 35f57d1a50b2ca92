//! Hits of monitors.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::{
    domain::{
        hit::{HitState, Known},
        id::{AccountId, HitId, MonitorId},
    },
    vault::WrappedKey,
};

/// The hits that monitors have, whatever their state.
pub async fn list_known(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
) -> Result<Vec<(MonitorId, Known<HitId>)>, StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let rows = sqlx::query!(
        r#"
        select hit.monitor_id, hit.hit_id, hit.entity, hit.state, hit.state_before_gone, hit.facts_digest
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        join hits as hit using (shard, monitor_id)
        order by hit.first_seen_at, hit.hit_id
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let known = Known {
                id: HitId(row.hit_id),
                entity: row.entity,
                state: HitState::from_word(&row.state)
                    .ok_or(StoreError::Inconsistent { column: "hits.state" })?,
                before_gone: row.state_before_gone.as_deref().and_then(HitState::from_word),
                facts: row
                    .facts_digest
                    .try_into()
                    .map_err(|_| StoreError::Inconsistent { column: "hits.facts_digest" })?,
            };
            Ok((MonitorId(row.monitor_id), known))
        })
        .collect()
}

/// A hit to insert or to overwrite.
#[derive(Debug)]
pub struct SavedHit {
    /// Its id: a new one, or that of the hit to overwrite.
    pub id: HitId,
    /// The account.
    pub account: AccountId,
    /// The monitor.
    pub monitor: MonitorId,
    /// The entity, by its provider's lasting name.
    pub entity: String,
    /// The list that the entity stands on.
    pub list: String,
    /// 0 to 1.
    pub score: f32,
    /// Digest of the facts that a decision rests on.
    pub facts_digest: [u8; 16],
    /// Name, facts and reasons, sealed.
    pub sealed_content: Vec<u8>,
}

/// Inserts hits, open; one that exists is overwritten and open again.
pub async fn save_open(
    conn: &mut PgConnection,
    hits: &[SavedHit],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if hits.is_empty() {
        return Ok(());
    }
    let shards: Vec<i16> = hits.iter().map(|hit| hit.account.shard().column()).collect();
    let ids: Vec<Uuid> = hits.iter().map(|hit| hit.id.0).collect();
    let accounts: Vec<Uuid> = hits.iter().map(|hit| hit.account.0).collect();
    let monitors: Vec<Uuid> = hits.iter().map(|hit| hit.monitor.0).collect();
    let entities: Vec<String> = hits.iter().map(|hit| hit.entity.clone()).collect();
    let lists: Vec<String> = hits.iter().map(|hit| hit.list.clone()).collect();
    let scores: Vec<f32> = hits.iter().map(|hit| hit.score).collect();
    let digests: Vec<Vec<u8>> = hits.iter().map(|hit| hit.facts_digest.to_vec()).collect();
    let contents: Vec<Vec<u8>> = hits.iter().map(|hit| hit.sealed_content.clone()).collect();
    sqlx::query!(
        r#"
        insert into hits as kept (
            shard, hit_id, account_id, monitor_id, entity, list, state, score, facts_digest, sealed_content,
            first_seen_at, changed_at
        )
        select shard, hit_id, account_id, monitor_id, entity, list, 'open', score, facts_digest, sealed_content, $10, $10
        from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::real[],
                    $8::bytea[], $9::bytea[])
             as new (shard, hit_id, account_id, monitor_id, entity, list, score, facts_digest, sealed_content)
        on conflict on constraint hits_entity_key do update
        set state = 'open',
            list = excluded.list,
            score = excluded.score,
            facts_digest = excluded.facts_digest,
            sealed_content = excluded.sealed_content,
            changed_at = excluded.changed_at,
            gone_at = null,
            state_before_gone = null
            -- Who decided before, and why, stays: the next who decides wants to know.
        "#,
        &shards,
        &ids,
        &accounts,
        &monitors,
        &entities,
        &lists,
        &scores,
        &digests,
        &contents,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Marks hits that runs no longer find.
pub async fn save_gone(
    conn: &mut PgConnection,
    hits: &[HitId],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if hits.is_empty() {
        return Ok(());
    }
    let shards: Vec<i16> = hits.iter().map(|hit| hit.shard().column()).collect();
    let ids: Vec<Uuid> = hits.iter().map(|hit| hit.0).collect();
    sqlx::query!(
        r#"
        update hits as hit
        set state = 'gone',
            state_before_gone = hit.state,
            gone_at = $3,
            changed_at = $3
        from unnest($1::smallint[], $2::uuid[]) as gone (shard, hit_id)
        where hit.shard = gone.shard
          and hit.hit_id = gone.hit_id
        "#,
        &shards,
        &ids,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Brings hits back that were gone, as they stood before: a decision on the same facts stands.
pub async fn save_back(
    conn: &mut PgConnection,
    hits: &[HitId],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if hits.is_empty() {
        return Ok(());
    }
    let shards: Vec<i16> = hits.iter().map(|hit| hit.shard().column()).collect();
    let ids: Vec<Uuid> = hits.iter().map(|hit| hit.0).collect();
    sqlx::query!(
        r#"
        update hits as hit
        set state = coalesce(hit.state_before_gone, 'open'),
            state_before_gone = null,
            gone_at = null,
            changed_at = $3
        from unnest($1::smallint[], $2::uuid[]) as back (shard, hit_id)
        where hit.shard = back.shard
          and hit.hit_id = back.hit_id
          and hit.state = 'gone'
        "#,
        &shards,
        &ids,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A hit about to be decided on, locked.
#[derive(Debug)]
pub struct Decided {
    /// The account.
    pub account: AccountId,
    /// The monitor.
    pub monitor: MonitorId,
    /// Where it stands.
    pub state: HitState,
}

/// Locks a hit.
pub async fn lock(conn: &mut PgConnection, id: HitId) -> Result<Option<Decided>, StoreError> {
    let row = sqlx::query!(
        "select account_id, monitor_id, state from hits where shard = $1 and hit_id = $2 for update",
        id.shard().column(),
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Decided {
            account: AccountId(row.account_id),
            monitor: MonitorId(row.monitor_id),
            state: HitState::from_word(&row.state)
                .ok_or(StoreError::Inconsistent { column: "hits.state" })?,
        })
    })
    .transpose()
}

/// Writes a decision on a locked hit.
pub async fn save_decision(
    conn: &mut PgConnection,
    id: HitId,
    state: HitState,
    actor: &str,
    sealed_reason: Option<&[u8]>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update hits
        set state = $3,
            decided_at = $4,
            decided_by = $5,
            sealed_reason = $6
        where shard = $1
          and hit_id = $2
        "#,
        id.shard().column(),
        id.0,
        state.word(),
        now,
        actor,
        sealed_reason,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A hit as `hits` and `account` show it.
#[derive(Debug)]
pub struct HitRow {
    /// Its id.
    pub id: HitId,
    /// The account.
    pub account: AccountId,
    /// The customer's own id of the account.
    pub reference_id: Option<String>,
    /// The name of the account's type.
    pub account_type: String,
    /// The monitor.
    pub monitor: MonitorId,
    /// The schedule that the monitor is of.
    pub schedule: String,
    /// The entity.
    pub entity: String,
    /// The list.
    pub list: String,
    /// Where it stands.
    pub state: HitState,
    /// 0 to 1.
    pub score: f32,
    /// Name, facts and reasons, sealed.
    pub sealed_content: Vec<u8>,
    /// The key that opens them; none when the report was redacted.
    pub key: Option<WrappedKey>,
    /// When a run first found it.
    pub first_seen_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// When somebody decided on it.
    pub decided_at: Option<DateTime<Utc>>,
    /// Who.
    pub decided_by: Option<String>,
    /// Why, sealed.
    pub sealed_reason: Option<Vec<u8>>,
}

/// Hits, the newest first: all or only open ones, of one account or of all.
pub async fn list(
    conn: &mut PgConnection,
    account: Option<AccountId>,
    open_only: bool,
    limit: i64,
) -> Result<Vec<HitRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select hit.hit_id, hit.account_id, account.reference_id, type.name as type_name, hit.monitor_id,
               schedule.name as schedule_name, hit.entity, hit.list, hit.state, hit.score, hit.sealed_content,
               kept.key_id as "key_id?", kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?",
               hit.first_seen_at, hit.changed_at, hit.decided_at, hit.decided_by, hit.sealed_reason
        from hits as hit
        join accounts as account using (shard, account_id)
        join account_types as type using (account_type_id)
        join monitors as monitor on monitor.shard = hit.shard and monitor.monitor_id = hit.monitor_id
        join schedules as schedule using (schedule_id)
        left join data_keys as kept on kept.shard = hit.shard and kept.object_id = hit.monitor_id
        where ($1::uuid is null or (hit.shard = $2 and hit.account_id = $1))
          and (not $3 or hit.state = 'open')
        order by hit.first_seen_at desc, hit.hit_id desc
        limit $4
        "#,
        account.map(|id| id.0),
        account.map(|id| id.shard().column()),
        open_only,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(HitRow {
                id: HitId(row.hit_id),
                account: AccountId(row.account_id),
                reference_id: row.reference_id,
                account_type: row.type_name,
                monitor: MonitorId(row.monitor_id),
                schedule: row.schedule_name,
                entity: row.entity,
                list: row.list,
                state: HitState::from_word(&row.state)
                    .ok_or(StoreError::Inconsistent { column: "hits.state" })?,
                score: row.score,
                sealed_content: row.sealed_content,
                key: match (row.key_id, row.master_key_id, row.wrapped) {
                    (Some(key_id), Some(master_key_id), Some(wrapped)) => {
                        Some(WrappedKey { key_id, master_key_id, wrapped })
                    }
                    _ => None,
                },
                first_seen_at: row.first_seen_at,
                changed_at: row.changed_at,
                decided_at: row.decided_at,
                decided_by: row.decided_by,
                sealed_reason: row.sealed_reason,
            })
        })
        .collect()
}

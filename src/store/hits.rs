//! Hits of monitors.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{
    hit::{HitState, Known},
    id::{AccountId, HitId, MonitorId},
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
    /// The monitor's schedule.
    pub schedule_id: i32,
    /// The entity, by its provider's lasting name.
    pub entity: String,
    /// The list that the entity stands on.
    pub list: String,
    /// Open, or what was decided for the account already.
    pub state: HitState,
    /// When and by whom, if it was.
    pub decided: Option<(DateTime<Utc>, String)>,
    /// 0 to 1.
    pub score: f32,
    /// Digest of the facts that a decision rests on.
    pub facts_digest: [u8; 16],
    /// Name, facts and reasons, sealed.
    pub sealed_content: Vec<u8>,
}

/// Inserts hits; one that exists is overwritten.
pub async fn save_all(
    conn: &mut PgConnection,
    hits: &[SavedHit],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if hits.is_empty() {
        return Ok(());
    }
    let shards: Vec<i16> = hits.iter().map(|hit| hit.monitor.shard().column()).collect();
    let ids: Vec<Uuid> = hits.iter().map(|hit| hit.id.0).collect();
    let accounts: Vec<Uuid> = hits.iter().map(|hit| hit.account.0).collect();
    let monitors: Vec<Uuid> = hits.iter().map(|hit| hit.monitor.0).collect();
    let schedules: Vec<i32> = hits.iter().map(|hit| hit.schedule_id).collect();
    let entities: Vec<String> = hits.iter().map(|hit| hit.entity.clone()).collect();
    let lists: Vec<String> = hits.iter().map(|hit| hit.list.clone()).collect();
    let states: Vec<String> = hits.iter().map(|hit| hit.state.word().to_owned()).collect();
    let scores: Vec<f32> = hits.iter().map(|hit| hit.score).collect();
    let digests: Vec<Vec<u8>> = hits.iter().map(|hit| hit.facts_digest.to_vec()).collect();
    let contents: Vec<Vec<u8>> = hits.iter().map(|hit| hit.sealed_content.clone()).collect();
    let (times, actors): (Vec<Option<DateTime<Utc>>>, Vec<Option<String>>) =
        hits.iter().map(|hit| hit.decided.clone().unzip()).unzip();
    sqlx::query!(
        r#"
        insert into hits as kept (
            shard, hit_id, account_id, monitor_id, schedule_id, entity, list, state, score, facts_digest,
            sealed_content, decided_at, decided_by, first_seen_at, changed_at
        )
        select *, $14, $14
        from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::uuid[], $5::integer[], $6::text[], $7::text[],
                    $8::text[], $9::real[], $10::bytea[], $11::bytea[], $12::timestamptz[], $13::text[])
        on conflict on constraint hits_entity_key do update
        set state = excluded.state,
            list = excluded.list,
            score = excluded.score,
            facts_digest = excluded.facts_digest,
            sealed_content = excluded.sealed_content,
            changed_at = excluded.changed_at,
            gone_at = null,
            state_before_gone = null,
            -- Who decided before, and why, stays: the next who decides wants to know.
            decided_at = coalesce(excluded.decided_at, kept.decided_at),
            decided_by = coalesce(excluded.decided_by, kept.decided_by)
        "#,
        &shards,
        &ids,
        &accounts,
        &monitors,
        &schedules,
        &entities,
        &lists,
        &states,
        &scores,
        &digests,
        &contents,
        &times as &[Option<DateTime<Utc>>],
        &actors as &[Option<String>],
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

/// A hit that somebody decides on, or another of its account with the same entity.
#[derive(Clone, Debug)]
pub struct Target {
    /// The hit.
    pub id: HitId,
    /// The account.
    pub account: AccountId,
    /// The monitor.
    pub monitor: MonitorId,
    /// The monitor's schedule.
    pub schedule_id: Option<i32>,
    /// The entity.
    pub entity: String,
    /// Where it stands.
    pub state: HitState,
    /// Digest of the facts that a decision rests on.
    pub facts: [u8; 16],
}

macro_rules! targets {
    ($rows:expr) => {
        $rows
            .into_iter()
            .map(|row| {
                Ok(Target {
                    id: HitId(row.hit_id),
                    account: AccountId(row.account_id),
                    monitor: MonitorId(row.monitor_id),
                    schedule_id: row.schedule_id,
                    entity: row.entity,
                    state: HitState::from_word(&row.state)
                        .ok_or(StoreError::Inconsistent { column: "hits.state" })?,
                    facts: row
                        .facts_digest
                        .try_into()
                        .map_err(|_| StoreError::Inconsistent { column: "hits.facts_digest" })?,
                })
            })
            .collect()
    };
}

/// Those of `ids` that are hits.
pub async fn list_targets(conn: &mut PgConnection, ids: &[HitId]) -> Result<Vec<Target>, StoreError> {
    let shards: Vec<i16> = ids.iter().map(|hit| hit.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|hit| hit.0).collect();
    let rows = sqlx::query!(
        r#"
        select hit.hit_id, hit.account_id, hit.monitor_id, hit.schedule_id, hit.entity, hit.state, hit.facts_digest
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, hit_id)
        join hits as hit using (shard, hit_id)
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    targets!(rows)
}

/// The hits of monitors, whatever their state.
pub async fn list_targets_of(conn: &mut PgConnection, monitor: MonitorId) -> Result<Vec<Target>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select hit_id, account_id, monitor_id, schedule_id, entity, state, facts_digest
        from hits
        where shard = $1
          and monitor_id = $2
        order by first_seen_at, hit_id
        "#,
        monitor.shard().column(),
        monitor.0,
    )
    .fetch_all(conn)
    .await?;
    targets!(rows)
}

/// Locks the hits of pairs of account and entity, of whatever report of the account; the accounts are locked by
/// the caller.
pub async fn lock_of_entities(
    conn: &mut PgConnection,
    pairs: &[(AccountId, &str)],
) -> Result<Vec<Target>, StoreError> {
    let accounts: Vec<Uuid> = pairs.iter().map(|(account, _)| account.0).collect();
    let entities: Vec<String> = pairs.iter().map(|(_, entity)| (*entity).to_owned()).collect();
    let rows = sqlx::query!(
        r#"
        select hit.hit_id, hit.account_id, hit.monitor_id, hit.schedule_id, hit.entity, hit.state, hit.facts_digest
        from unnest($1::uuid[], $2::text[]) as wanted (account_id, entity)
        join hits as hit on hit.account_id = wanted.account_id and hit.entity = wanted.entity
        order by hit.shard, hit.hit_id
        for update of hit
        "#,
        &accounts,
        &entities,
    )
    .fetch_all(conn)
    .await?;
    targets!(rows)
}

/// A decision on a locked hit.
#[derive(Debug)]
pub struct SavedDecision {
    /// The hit.
    pub id: HitId,
    /// Dismissed or confirmed.
    pub state: HitState,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// Who.
    pub decided_by: String,
    /// Why, sealed under the report's data key.
    pub sealed_reason: Option<Vec<u8>>,
}

/// Writes decisions on locked hits.
pub async fn save_decisions(conn: &mut PgConnection, decisions: &[SavedDecision]) -> Result<(), StoreError> {
    if decisions.is_empty() {
        return Ok(());
    }
    let shards: Vec<i16> = decisions.iter().map(|one| one.id.shard().column()).collect();
    let ids: Vec<Uuid> = decisions.iter().map(|one| one.id.0).collect();
    let states: Vec<String> = decisions.iter().map(|one| one.state.word().to_owned()).collect();
    let times: Vec<DateTime<Utc>> = decisions.iter().map(|one| one.decided_at).collect();
    let actors: Vec<String> = decisions.iter().map(|one| one.decided_by.clone()).collect();
    let reasons: Vec<Option<Vec<u8>>> = decisions.iter().map(|one| one.sealed_reason.clone()).collect();
    sqlx::query!(
        r#"
        update hits as hit
        set state = decided.state,
            decided_at = decided.at,
            decided_by = decided.by,
            sealed_reason = decided.reason
        from unnest($1::smallint[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::bytea[])
             as decided (shard, hit_id, state, at, by, reason)
        where hit.shard = decided.shard
          and hit.hit_id = decided.hit_id
        "#,
        &shards,
        &ids,
        &states,
        &times,
        &actors,
        &reasons as &[Option<Vec<u8>>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Assigns a hit, or takes it from whoever had it. Returns its report and account; none when there is no such hit.
pub async fn save_assignee(
    conn: &mut PgConnection,
    id: HitId,
    assignee: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<(MonitorId, AccountId)>, StoreError> {
    let row = sqlx::query!(
        r#"
        update hits
        set assignee = $3,
            assigned_at = case when $3::text is not null then $4::timestamptz end
        where shard = $1
          and hit_id = $2
        returning monitor_id, account_id
        "#,
        id.shard().column(),
        id.0,
        assignee,
        now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (MonitorId(row.monitor_id), AccountId(row.account_id))))
}

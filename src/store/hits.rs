//! Hits of monitors.

mod otherwise;
mod targets;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{
    hit::{HitState, Known},
    id::{AccountId, HitId, MonitorId},
};

pub use otherwise::list_dismissed_under_another;
pub use targets::{
    DecidedPlace, Overdue, SavedDecision, Target, list_expired, list_targets, list_targets_of,
    lock_of_entities, save_decisions, save_opened,
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
        select hit.monitor_id, hit.hit_id, hit.entity, hit.state, hit.state_before_gone, hit.facts_digest,
               hit.subject_digest, hit.decided_at
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
                subject: subject(row.subject_digest)?,
                decided_at: row.decided_at,
            };
            Ok((MonitorId(row.monitor_id), known))
        })
        .collect()
}

fn subject(digest: Option<Vec<u8>>) -> Result<Option<[u8; 16]>, StoreError> {
    let digest = digest.map(TryInto::try_into).transpose();
    digest.map_err(|_| StoreError::Inconsistent { column: "hits.subject_digest" })
}

/// The sealed contents of hits, each with its monitor; of redacted reports there are none.
pub async fn list_contents(
    conn: &mut PgConnection,
    hits: &[HitId],
) -> Result<Vec<(HitId, MonitorId, Vec<u8>)>, StoreError> {
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    let shards: Vec<i16> = hits.iter().map(|hit| hit.shard().column()).collect();
    let ids: Vec<Uuid> = hits.iter().map(|hit| hit.0).collect();
    let rows = sqlx::query!(
        r#"
        select hit.hit_id, hit.monitor_id, hit.sealed_content as "sealed_content!"
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, hit_id)
        join hits as hit using (shard, hit_id)
        where hit.sealed_content is not null
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (HitId(row.hit_id), MonitorId(row.monitor_id), row.sealed_content))
        .collect())
}

/// Gives hits the ids that their entities have now.
pub async fn save_entities(conn: &mut PgConnection, renamed: &[(HitId, &str)]) -> Result<(), StoreError> {
    if renamed.is_empty() {
        return Ok(());
    }
    let shards: Vec<i16> = renamed.iter().map(|(hit, _)| hit.shard().column()).collect();
    let ids: Vec<Uuid> = renamed.iter().map(|(hit, _)| hit.0).collect();
    let entities: Vec<String> = renamed.iter().map(|(_, entity)| (*entity).to_owned()).collect();
    sqlx::query!(
        r#"
        update hits as hit
        set entity = renamed.entity
        from unnest($1::smallint[], $2::uuid[], $3::text[]) as renamed (shard, hit_id, entity)
        where hit.shard = renamed.shard
          and hit.hit_id = renamed.hit_id
        "#,
        &shards,
        &ids,
        &entities,
    )
    .execute(conn)
    .await?;
    Ok(())
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
    /// Digest of the account's screened data that were asked about; none when the report asks a question of its own.
    pub subject_digest: Option<[u8; 16]>,
    /// What changed since somebody looked at it, in words; what is said already stays when none is given.
    pub changes: Option<Vec<String>>,
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
    let subjects: Vec<Option<Vec<u8>>> = hits.iter().map(|hit| hit.subject_digest.map(Vec::from)).collect();
    let changes: Vec<Option<String>> =
        hits.iter().map(|hit| hit.changes.as_ref().map(|changes| changes.join("\n"))).collect();
    let (times, actors): (Vec<Option<DateTime<Utc>>>, Vec<Option<String>>) =
        hits.iter().map(|hit| hit.decided.clone().unzip()).unzip();
    sqlx::query!(
        r#"
        insert into hits as kept (
            shard, hit_id, account_id, monitor_id, schedule_id, entity, list, state, score, facts_digest,
            sealed_content, decided_at, decided_by, subject_digest, changes, first_seen_at, changed_at
        )
        select shard, hit_id, account_id, monitor_id, schedule_id, entity, list, state, score, facts_digest,
               sealed_content, decided_at, decided_by, subject_digest, string_to_array(changes, e'\n'), $16, $16
        from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::uuid[], $5::integer[], $6::text[], $7::text[],
                    $8::text[], $9::real[], $10::bytea[], $11::bytea[], $12::timestamptz[], $13::text[],
                    $14::bytea[], $15::text[])
             as found (shard, hit_id, account_id, monitor_id, schedule_id, entity, list, state, score, facts_digest,
                       sealed_content, decided_at, decided_by, subject_digest, changes)
        on conflict on constraint hits_entity_key do update
        set state = excluded.state,
            list = excluded.list,
            score = excluded.score,
            facts_digest = excluded.facts_digest,
            sealed_content = excluded.sealed_content,
            -- Another name for the same, and other data that changed nothing, are no change.
            changed_at = case
                when kept.state = excluded.state and excluded.changes is null then kept.changed_at
                else excluded.changed_at
            end,
            subject_digest = excluded.subject_digest,
            changes = coalesce(excluded.changes, kept.changes),
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
        &subjects as &[Option<Vec<u8>>],
        &changes as &[Option<String>],
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

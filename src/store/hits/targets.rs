//! Hits as people decide on them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{super::StoreError, subject};
use crate::domain::{
    hit::HitState,
    id::{AccountId, HitId, MonitorId},
};

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
    /// Digest of the account's screened data that it rests on, where that is known.
    pub subject: Option<[u8; 16]>,
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
                    subject: subject(row.subject_digest)?,
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
        select hit.hit_id, hit.account_id, hit.monitor_id, hit.schedule_id, hit.entity, hit.state, hit.facts_digest,
               hit.subject_digest
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
        select hit_id, account_id, monitor_id, schedule_id, entity, state, facts_digest, subject_digest
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
        select hit.hit_id, hit.account_id, hit.monitor_id, hit.schedule_id, hit.entity, hit.state, hit.facts_digest,
               hit.subject_digest
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
            sealed_reason = decided.reason,
            changes = null
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

/// Where the walk over a schedule's decided hits stands: behind this time and hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecidedPlace {
    /// When it was decided on.
    pub at: DateTime<Utc>,
    /// The hit, among those of the same time.
    pub hit: HitId,
}

impl DecidedPlace {
    /// Before everything.
    pub const START: Self = Self { at: DateTime::<Utc>::UNIX_EPOCH, hit: HitId(Uuid::nil()) };
}

/// A hit whose decision is past its time.
#[derive(Clone, Copy, Debug)]
pub struct Overdue {
    /// Its place in the walk, with its id.
    pub place: DecidedPlace,
    /// Its account.
    pub account: AccountId,
    /// Its monitor.
    pub monitor: MonitorId,
    /// Whether it is to be opened. Not of an archived account, a report that ended or was redacted, and not where
    /// somebody decided anew.
    pub opens: bool,
}

/// The next hits of a schedule behind `after` that were decided on before `before`, the oldest decisions first, at most
/// `limit`: also those that stay as they are, so that the walk comes past them.
pub async fn list_expired(
    conn: &mut PgConnection,
    schedule_id: i32,
    before: DateTime<Utc>,
    after: DecidedPlace,
    limit: i64,
) -> Result<Vec<Overdue>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select page.hit_id, page.account_id, page.monitor_id, page.decided_at as "decided_at!",
               account.archived_at is null
               -- Nothing runs for a report that ended, and nothing is known any more of one that was redacted.
               and monitor.state <> 'ended'
               and monitor.redacted_at is null
               -- Decided anew since, about another report of the account or by an import.
               and not exists (
                   select from decisions as renewed
                   where renewed.shard = account.shard
                     and renewed.account_id = page.account_id
                     and renewed.entity = page.entity
                     and renewed.ended_at is null
                     and renewed.decided_at >= $2
                     and (renewed.facts_digest is null or renewed.facts_digest = page.facts_digest)
               ) as "opens!"
        from (
            select hit.shard, hit.hit_id, hit.account_id, hit.monitor_id, hit.entity, hit.facts_digest, hit.decided_at
            from hits as hit
            where hit.schedule_id = $1
              and hit.state in ('dismissed', 'confirmed')
              and hit.decided_at < $2
              and (hit.decided_at, hit.hit_id) > ($3, $4)
            order by hit.decided_at, hit.hit_id
            limit $5
        ) as page
        join accounts as account on account.shard = shard_of(page.account_id) and account.account_id = page.account_id
        join monitors as monitor on monitor.shard = page.shard and monitor.monitor_id = page.monitor_id
        order by page.decided_at, page.hit_id
        "#,
        schedule_id,
        before,
        after.at,
        after.hit.0,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Overdue {
            place: DecidedPlace { at: row.decided_at, hit: HitId(row.hit_id) },
            account: AccountId(row.account_id),
            monitor: MonitorId(row.monitor_id),
            opens: row.opens,
        })
        .collect())
}

/// Opens those of `ids` that were decided on before `before`, and says why. Returns them.
pub async fn save_opened(
    conn: &mut PgConnection,
    ids: &[HitId],
    before: DateTime<Utc>,
    change: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Target>, StoreError> {
    let shards: Vec<i16> = ids.iter().map(|hit| hit.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|hit| hit.0).collect();
    let rows = sqlx::query!(
        r#"
        update hits as hit
        set state = 'open',
            changes = array[$4::text],
            changed_at = $5
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, hit_id)
        where hit.shard = wanted.shard
          and hit.hit_id = wanted.hit_id
          and hit.state in ('dismissed', 'confirmed')
          and hit.decided_at < $3
        returning hit.hit_id, hit.account_id, hit.monitor_id, hit.schedule_id, hit.entity, hit.state,
                  hit.facts_digest, hit.subject_digest
        "#,
        &shards,
        &ids,
        before,
        change,
        now,
    )
    .fetch_all(conn)
    .await?;
    targets!(rows)
}

//! What becomes of decisions when entities get other ids, and when what they rest on changes.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::{StoreError, standings::columns};
use crate::domain::id::AccountId;

/// A decision whose entity has another id now.
#[derive(Debug)]
pub struct Renamed<'a> {
    /// The account.
    pub account: AccountId,
    /// The id that it was made under.
    pub from: String,
    /// The id that the entity has now.
    pub to: &'a str,
    /// Digest of the entity's facts under the former id, and under the present one.
    pub facts: ([u8; 16], [u8; 16]),
}

/// Has decisions follow their entities. One on the present id goes before those on former ones, which stay as they are;
/// of several that would come to the same id, the first does.
pub async fn save_entities(conn: &mut PgConnection, renamed: &[Renamed<'_>]) -> Result<(), StoreError> {
    let (mut from, mut to) = (HashSet::new(), HashSet::new());
    let renamed: Vec<&Renamed<'_>> = renamed
        .iter()
        .filter(|one| {
            !from.contains(&(one.account, one.from.as_str()))
                && to.insert((one.account, one.to))
                && from.insert((one.account, one.from.as_str()))
        })
        .collect();
    if renamed.is_empty() {
        return Ok(());
    }
    let shards: Vec<i16> = renamed.iter().map(|one| one.account.shard().column()).collect();
    let accounts: Vec<Uuid> = renamed.iter().map(|one| one.account.0).collect();
    let from: Vec<String> = renamed.iter().map(|one| one.from.clone()).collect();
    let to: Vec<String> = renamed.iter().map(|one| one.to.to_owned()).collect();
    let facts_before: Vec<Vec<u8>> = renamed.iter().map(|one| one.facts.0.to_vec()).collect();
    let facts_now: Vec<Vec<u8>> = renamed.iter().map(|one| one.facts.1.to_vec()).collect();
    sqlx::query!(
        r#"
        update decisions as kept
        set entity = renamed.entity_now,
            facts_digest = case
                when kept.facts_digest = renamed.facts_before then renamed.facts_now
                else kept.facts_digest
            end
        from unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::bytea[])
             as renamed (shard, account_id, entity, entity_now, facts_before, facts_now)
        where kept.shard = renamed.shard
          and kept.account_id = renamed.account_id
          and kept.entity = renamed.entity
          and not exists (
              select from decisions as present
              where present.shard = renamed.shard
                and present.account_id = renamed.account_id
                and present.entity = renamed.entity_now
          )
        "#,
        &shards,
        &accounts,
        &from,
        &to,
        &facts_before,
        &facts_now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A decision that ends.
#[derive(Debug)]
pub struct Ended<'a> {
    /// The account.
    pub account: AccountId,
    /// The entity.
    pub entity: &'a str,
    /// Digest of the facts that the hit rested on: a decision on others is another matter. Whatever it rests on, when
    /// none is given.
    pub facts: Option<[u8; 16]>,
    /// Only one made before this, if given.
    pub made_before: Option<DateTime<Utc>>,
    /// What ended it, in words.
    pub changes: Vec<String>,
}

/// Ends decisions, each (account, entity) once.
pub async fn save_ended(
    conn: &mut PgConnection,
    ended: &[Ended<'_>],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if ended.is_empty() {
        return Ok(());
    }
    let shards: Vec<i16> = ended.iter().map(|one| one.account.shard().column()).collect();
    let accounts: Vec<Uuid> = ended.iter().map(|one| one.account.0).collect();
    let entities: Vec<String> = ended.iter().map(|one| one.entity.to_owned()).collect();
    let facts: Vec<Option<Vec<u8>>> = ended.iter().map(|one| one.facts.map(Vec::from)).collect();
    let before: Vec<Option<DateTime<Utc>>> = ended.iter().map(|one| one.made_before).collect();
    let changes: Vec<String> = ended.iter().map(|one| one.changes.join("\n")).collect();
    sqlx::query!(
        r#"
        update decisions as kept
        set ended_at = $6,
            ended_for = string_to_array(ended.changes, e'\n')
        from unnest($1::smallint[], $2::uuid[], $3::text[], $4::bytea[], $5::text[], $7::timestamptz[])
             as ended (shard, account_id, entity, facts, changes, made_before)
        where kept.shard = ended.shard
          and kept.account_id = ended.account_id
          and kept.entity = ended.entity
          and kept.ended_at is null
          and (ended.made_before is null or kept.decided_at < ended.made_before)
          and (ended.facts is null or kept.facts_digest is null or kept.facts_digest = ended.facts)
        "#,
        &shards,
        &accounts,
        &entities,
        &facts as &[Option<Vec<u8>>],
        &changes,
        now,
        &before as &[Option<DateTime<Utc>>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets the data of accounts that their decisions, hits and last answers rest on, for some of them were destroyed: what
/// is left is no reason to decide anew. The next run says what they rest on. The due rows are locked by the caller.
pub async fn forget_subjects(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let (shards, ids) = columns(accounts);
    sqlx::query!(
        r#"
        update decisions as decision
        set subject_digest = null
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        where decision.shard = wanted.shard
          and decision.account_id = wanted.account_id
          and decision.subject_digest is not null
        "#,
        &shards,
        &ids,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update hits set subject_digest = null where account_id = any($1) and subject_digest is not null",
        &ids,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        update monitor_due as due
        set last_digest = substring(due.last_digest for 16)
        from monitors as monitor
        where monitor.account_id = any($1)
          and due.shard = monitor.shard
          and due.monitor_id = monitor.monitor_id
          and length(due.last_digest) > 16
        "#,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

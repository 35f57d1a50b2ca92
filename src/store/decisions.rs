//! Decisions: what people found about an account and an entity, for all reports of the account.

mod ends;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{
    hit::HitState,
    id::{AccountId, AccountTypeId},
};

pub use ends::{Ended, Renamed, forget_subjects, save_ended, save_entities};

/// A decision.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The account.
    pub account: AccountId,
    /// The entity, by its provider's lasting name.
    pub entity: String,
    /// Dismissed or confirmed.
    pub state: HitState,
    /// Digest of the facts that it rests on; none until a run finds the entity.
    pub facts: Option<[u8; 16]>,
    /// Digest of the account's screened data that it rests on; none until a run that asks about them finds the entity.
    pub subject: Option<[u8; 16]>,
    /// When it ended, if it did: it holds no more.
    pub ended_at: Option<DateTime<Utc>>,
    /// What ended it, in words.
    pub ended_for: Vec<String>,
    /// When somebody decided.
    pub decided_at: DateTime<Utc>,
    /// Who.
    pub decided_by: String,
    /// Why, sealed under the account's data key.
    pub sealed_reason: Option<Vec<u8>>,
    /// When it was imported, if somebody decided elsewhere.
    pub imported_at: Option<DateTime<Utc>>,
}

/// Saves decisions, each (account, entity) once. One that is there and younger stays. Returns those that were
/// saved.
pub async fn save_all(
    conn: &mut PgConnection,
    decisions: &[Decision],
) -> Result<Vec<(AccountId, String)>, StoreError> {
    if decisions.is_empty() {
        return Ok(Vec::new());
    }
    let shards: Vec<i16> = decisions.iter().map(|one| one.account.shard().column()).collect();
    let accounts: Vec<Uuid> = decisions.iter().map(|one| one.account.0).collect();
    let entities: Vec<String> = decisions.iter().map(|one| one.entity.clone()).collect();
    let states: Vec<String> = decisions.iter().map(|one| one.state.word().to_owned()).collect();
    let facts: Vec<Option<Vec<u8>>> = decisions.iter().map(|one| one.facts.map(Vec::from)).collect();
    let times: Vec<DateTime<Utc>> = decisions.iter().map(|one| one.decided_at).collect();
    let actors: Vec<String> = decisions.iter().map(|one| one.decided_by.clone()).collect();
    let reasons: Vec<Option<Vec<u8>>> = decisions.iter().map(|one| one.sealed_reason.clone()).collect();
    let subjects: Vec<Option<Vec<u8>>> = decisions.iter().map(|one| one.subject.map(Vec::from)).collect();
    let ends: Vec<Option<DateTime<Utc>>> = decisions.iter().map(|one| one.ended_at).collect();
    let ended_for: Vec<String> = decisions.iter().map(|one| one.ended_for.join("\n")).collect();
    let imports: Vec<Option<DateTime<Utc>>> = decisions.iter().map(|one| one.imported_at).collect();
    let rows = sqlx::query!(
        r#"
        insert into decisions as kept (
            shard, account_id, entity, state, facts_digest, decided_at, decided_by, sealed_reason, subject_digest,
            ended_at, ended_for, imported_at
        )
        select shard, account_id, entity, state, facts_digest, decided_at, decided_by, sealed_reason, subject_digest,
               ended_at, string_to_array(nullif(ended_for, ''), e'\n'), imported_at
        from unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[],
                    $7::text[], $8::bytea[], $9::bytea[], $10::timestamptz[], $11::text[],
                    $12::timestamptz[])
             as new (shard, account_id, entity, state, facts_digest, decided_at, decided_by, sealed_reason,
                     subject_digest, ended_at, ended_for, imported_at)
        on conflict on constraint decisions_pkey do update
        set state = excluded.state,
            facts_digest = excluded.facts_digest,
            decided_at = excluded.decided_at,
            decided_by = excluded.decided_by,
            sealed_reason = excluded.sealed_reason,
            subject_digest = excluded.subject_digest,
            ended_at = excluded.ended_at,
            ended_for = excluded.ended_for,
            imported_at = excluded.imported_at
        -- What came to an end is not revived by the same decision brought once more.
        where kept.decided_at < excluded.decided_at
           or (kept.decided_at = excluded.decided_at and kept.ended_at is null)
        returning account_id, entity
        "#,
        &shards,
        &accounts,
        &entities,
        &states,
        &facts as &[Option<Vec<u8>>],
        &times,
        &actors,
        &reasons as &[Option<Vec<u8>>],
        &subjects as &[Option<Vec<u8>>],
        &ends as &[Option<DateTime<Utc>>],
        &ended_for,
        &imports as &[Option<DateTime<Utc>>],
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account_id), row.entity)).collect())
}

macro_rules! decisions {
    ($rows:expr) => {
        $rows
            .into_iter()
            .map(|row| {
                let facts = row.facts_digest.map(TryInto::try_into).transpose();
                let subject = row.subject_digest.map(TryInto::try_into).transpose();
                Ok(Decision {
                    account: AccountId(row.account_id),
                    entity: row.entity,
                    state: HitState::from_word(&row.state)
                        .ok_or(StoreError::Inconsistent { column: "decisions.state" })?,
                    facts: facts
                        .map_err(|_| StoreError::Inconsistent { column: "decisions.facts_digest" })?,
                    subject: subject
                        .map_err(|_| StoreError::Inconsistent { column: "decisions.subject_digest" })?,
                    ended_at: row.ended_at,
                    ended_for: row.ended_for.unwrap_or_default(),
                    decided_at: row.decided_at,
                    decided_by: row.decided_by,
                    sealed_reason: row.sealed_reason,
                    imported_at: row.imported_at,
                })
            })
            .collect()
    };
}

/// The decisions on pairs of account and entity, of those that have one.
pub async fn list(conn: &mut PgConnection, pairs: &[(AccountId, &str)]) -> Result<Vec<Decision>, StoreError> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let shards: Vec<i16> = pairs.iter().map(|(account, _)| account.shard().column()).collect();
    let accounts: Vec<Uuid> = pairs.iter().map(|(account, _)| account.0).collect();
    let entities: Vec<String> = pairs.iter().map(|(_, entity)| (*entity).to_owned()).collect();
    let rows = sqlx::query!(
        r#"
        select kept.account_id, kept.entity, kept.state, kept.facts_digest, kept.decided_at, kept.decided_by,
               kept.sealed_reason, kept.subject_digest, kept.ended_at, kept.ended_for, kept.imported_at
        from unnest($1::smallint[], $2::uuid[], $3::text[]) as wanted (shard, account_id, entity)
        join decisions as kept using (shard, account_id, entity)
        "#,
        &shards,
        &accounts,
        &entities,
    )
    .fetch_all(conn)
    .await?;
    decisions!(rows)
}

/// All decisions on an account.
pub async fn list_of_account(
    conn: &mut PgConnection,
    account: AccountId,
) -> Result<Vec<Decision>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select account_id, entity, state, facts_digest, decided_at, decided_by, sealed_reason, subject_digest,
               ended_at, ended_for, imported_at
        from decisions
        where shard = $1
          and account_id = $2
        order by entity
        "#,
        account.shard().column(),
        account.0,
    )
    .fetch_all(conn)
    .await?;
    decisions!(rows)
}

/// The sealed reasons of the decisions of accounts: account, entity, reason.
pub async fn list_reasons(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, String, Vec<u8>)>, StoreError> {
    let (shards, ids) = super::standings::columns(accounts);
    let rows = sqlx::query!(
        r#"
        select account_id as "account_id!", entity, sealed_reason as "sealed_reason!"
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        join decisions using (shard, account_id)
        where sealed_reason is not null
        order by account_id, entity
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account_id), row.entity, row.sealed_reason)).collect())
}

/// What a decision rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Basis {
    /// Digest of the entity's facts.
    pub facts: [u8; 16],
    /// Digest of the account's screened data, where that is known.
    pub subject: Option<[u8; 16]>,
}

/// Fixes what decisions from elsewhere rest on: the facts, and the account's data, with which a run first found their
/// entities.
pub async fn save_bases(
    conn: &mut PgConnection,
    found: &[(AccountId, &str, Basis)],
) -> Result<(), StoreError> {
    if found.is_empty() {
        return Ok(());
    }
    let shards: Vec<i16> = found.iter().map(|(account, _, _)| account.shard().column()).collect();
    let accounts: Vec<Uuid> = found.iter().map(|(account, _, _)| account.0).collect();
    let entities: Vec<String> = found.iter().map(|(_, entity, _)| (*entity).to_owned()).collect();
    let facts: Vec<Vec<u8>> = found.iter().map(|(_, _, basis)| basis.facts.to_vec()).collect();
    let subjects: Vec<Option<Vec<u8>>> =
        found.iter().map(|(_, _, basis)| basis.subject.map(Vec::from)).collect();
    sqlx::query!(
        r#"
        update decisions as kept
        set facts_digest = coalesce(kept.facts_digest, found.facts),
            subject_digest = coalesce(kept.subject_digest, found.subject)
        from unnest($1::smallint[], $2::uuid[], $3::text[], $4::bytea[], $5::bytea[])
             as found (shard, account_id, entity, facts, subject)
        where kept.shard = found.shard
          and kept.account_id = found.account_id
          and kept.entity = found.entity
          and (kept.facts_digest is null or kept.subject_digest is null)
          and kept.ended_at is null
        "#,
        &shards,
        &accounts,
        &entities,
        &facts,
        &subjects as &[Option<Vec<u8>>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the decisions of an account away: another has them now.
pub async fn remove_of_account(conn: &mut PgConnection, account: AccountId) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from decisions where shard = $1 and account_id = $2",
        account.shard().column(),
        account.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Destroys the reasons of the decisions of accounts; that something was decided, when and by whom, stays.
pub async fn redact_of_accounts(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    sqlx::query!(
        r#"
        update decisions as decision
        set sealed_reason = null,
            subject_digest = null
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        where decision.shard = wanted.shard
          and decision.account_id = wanted.account_id
          and (decision.sealed_reason is not null or decision.subject_digest is not null)
        "#,
        &shards,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Replaces the sealed reason of a decision.
pub async fn save_reason(
    conn: &mut PgConnection,
    account: AccountId,
    entity: &str,
    sealed: &[u8],
) -> Result<(), StoreError> {
    sqlx::query!(
        "update decisions set sealed_reason = $4 where shard = $1 and account_id = $2 and entity = $3",
        account.shard().column(),
        account.0,
        entity,
        sealed,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An account that decisions are imported about.
#[derive(Debug)]
pub struct Found {
    /// The account.
    pub account: AccountId,
    /// Its type.
    pub account_type: AccountTypeId,
    /// The customer's own id of it.
    pub reference_id: String,
    /// Whether it is archived.
    pub is_archived: bool,
}

/// The accounts of reference ids, of whatever type.
pub async fn list_accounts(conn: &mut PgConnection, references: &[String]) -> Result<Vec<Found>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select distinct account.account_id, account.account_type_id, account.reference_id as "reference_id!",
               account.archived_at is not null as "is_archived!"
        from unnest($1::text[]) as wanted (reference)
        join accounts as account on lower(account.reference_id) = lower(wanted.reference)
        "#,
        references,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Found {
            account: AccountId(row.account_id),
            account_type: AccountTypeId(row.account_type_id),
            reference_id: row.reference_id,
            is_archived: row.is_archived,
        })
        .collect())
}

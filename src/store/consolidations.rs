//! Consolidations: asked for, and what came of them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{
    consolidation::ConsolidationState,
    id::{AccountId, ConsolidationId},
};

/// A consolidation.
#[derive(Clone, Debug)]
pub struct Consolidation {
    /// Its id.
    pub id: ConsolidationId,
    /// The account that takes over.
    pub destination: AccountId,
    /// The accounts that it takes over from, by id.
    pub sources: Vec<AccountId>,
    /// Where it stands.
    pub state: ConsolidationState,
    /// Why it was not done.
    pub refusal: Option<String>,
    /// Who asked for it.
    pub actor: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was done, or refused.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Inserts a consolidation of locked accounts.
pub async fn insert(
    conn: &mut PgConnection,
    id: ConsolidationId,
    destination: AccountId,
    sources: &[AccountId],
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sources: Vec<Uuid> = sources.iter().map(|source| source.0).collect();
    sqlx::query!(
        r#"
        insert into consolidations (consolidation_id, destination_id, state, actor, created_at)
        values ($1, $2, 'pending', $3, $4)
        "#,
        id.0,
        destination.0,
        actor,
        now,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into consolidation_sources (consolidation_id, account_id) select $1, unnest($2::uuid[])",
        id.0,
        &sources,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Which of these accounts, locked by the caller, wait to be consolidated: as a source, or as a destination.
pub async fn list_pending(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<(Vec<AccountId>, Vec<AccountId>), StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let sources = sqlx::query_scalar!(
        "select account_id from consolidation_sources where is_pending and account_id = any($1)",
        &ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    let destinations = sqlx::query_scalar!(
        "select distinct destination_id from consolidations where state = 'pending' and destination_id = any($1)",
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok((sources.into_iter().map(AccountId).collect(), destinations.into_iter().map(AccountId).collect()))
}

/// Locks the oldest consolidation that is to be done and that nobody else works on.
pub async fn lock_next(conn: &mut PgConnection) -> Result<Option<ConsolidationId>, StoreError> {
    let id = sqlx::query_scalar!(
        r#"
        select consolidation_id
        from consolidations
        where state = 'pending'
        order by created_at, consolidation_id
        limit 1
        for update skip locked
        "#
    )
    .fetch_optional(conn)
    .await?;
    Ok(id.map(ConsolidationId))
}

/// Reads a consolidation.
pub async fn find(conn: &mut PgConnection, id: ConsolidationId) -> Result<Option<Consolidation>, StoreError> {
    let row = sqlx::query!(
        r#"
        select destination_id, state, refusal, actor, created_at, ended_at,
               array(
                   select account_id
                   from consolidation_sources as source
                   where source.consolidation_id = consolidations.consolidation_id
                   order by account_id
               ) as "sources!"
        from consolidations
        where consolidation_id = $1
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Consolidation {
            id,
            destination: AccountId(row.destination_id),
            sources: row.sources.into_iter().map(AccountId).collect(),
            state: ConsolidationState::from_word(&row.state)
                .ok_or(StoreError::Inconsistent { column: "consolidations.state" })?,
            refusal: row.refusal,
            actor: row.actor,
            created_at: row.created_at,
            ended_at: row.ended_at,
        })
    })
    .transpose()
}

/// Ends a locked consolidation: done, or refused for a reason. Its sources may then be asked about again.
pub async fn save_ended(
    conn: &mut PgConnection,
    id: ConsolidationId,
    refusal: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        with ended as (
            update consolidation_sources set is_pending = false where consolidation_id = $1
        )
        update consolidations
        set state = case when $2::text is null then 'done' else 'refused' end,
            refusal = $2,
            ended_at = $3
        where consolidation_id = $1
        "#,
        id.0,
        refusal,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives the destination the tags of the sources, each setter its own. Returns the names of those it did not have.
pub async fn save_tags(
    conn: &mut PgConnection,
    sources: &[AccountId],
    destination: AccountId,
) -> Result<Vec<String>, StoreError> {
    let (shards, ids) = super::standings::columns(sources);
    let names = sqlx::query_scalar!(
        r#"
        with given as (
            insert into account_tags (shard, account_id, tag_id, schedule_id, set_at)
            select $3, $4, kept.tag_id, kept.schedule_id, min(kept.set_at)
            from unnest($1::smallint[], $2::uuid[]) as source (shard, account_id)
            join account_tags as kept using (shard, account_id)
            group by kept.tag_id, kept.schedule_id
            on conflict on constraint account_tags_pkey do nothing
            returning tag_id
        )
        select distinct tags.name
        from given
        join tags using (tag_id)
        -- The statement sees the table as it was before.
        where not exists (
            select from account_tags as before
            where before.shard = $3
              and before.account_id = $4
              and before.tag_id = given.tag_id)
        order by tags.name
        "#,
        &shards,
        &ids,
        destination.shard().column(),
        destination.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(names)
}

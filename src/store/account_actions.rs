//! Account actions, and their runs.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, standings::columns};
use crate::{
    domain::{
        account_action::AccountAction,
        id::{AccountActionId, AccountId, AccountTypeId, ActionRunId},
    },
    vault::WrappedKey,
};

const DEFINITION: StoreError = StoreError::Inconsistent { column: "account_actions.definition" };

/// An action as it is stored.
#[derive(Clone, Debug)]
pub struct ActionRow {
    /// Its id.
    pub id: AccountActionId,
    /// The type whose accounts it is for.
    pub account_type: AccountTypeId,
    /// What it does.
    pub definition: AccountAction,
    /// Whether the configuration says it.
    pub is_configured: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Since when it can be run no more.
    pub archived_at: Option<DateTime<Utc>>,
}

struct Record {
    account_action_id: Uuid,
    account_type_id: Uuid,
    definition: Value,
    is_configured: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    archived_at: Option<DateTime<Utc>>,
}

impl TryFrom<Record> for ActionRow {
    type Error = StoreError;

    fn try_from(row: Record) -> Result<Self, StoreError> {
        Ok(Self {
            id: AccountActionId(row.account_action_id),
            account_type: AccountTypeId(row.account_type_id),
            definition: serde_json::from_value(row.definition).map_err(|_| DEFINITION)?,
            is_configured: row.is_configured,
            created_at: row.created_at,
            updated_at: row.updated_at,
            archived_at: row.archived_at,
        })
    }
}

/// Makes an action. False when one in use of the type has its name.
pub async fn insert(
    conn: &mut PgConnection,
    id: AccountActionId,
    account_type: AccountTypeId,
    action: &AccountAction,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let definition = serde_json::to_value(action).map_err(|_| DEFINITION)?;
    let done = sqlx::query!(
        r#"
        insert into account_actions (
            account_action_id, account_type_id, name, definition, is_configured, created_at, updated_at
        )
        values ($1, $2, $3, $4, false, $5, $5)
        on conflict (account_type_id, name) where archived_at is null do nothing
        "#,
        id.0,
        account_type.0,
        action.name,
        definition,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes an action as the configuration says it; one in use of the type and name keeps its id.
pub async fn save_configured(
    conn: &mut PgConnection,
    new_id: AccountActionId,
    account_type: AccountTypeId,
    action: &AccountAction,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let definition = serde_json::to_value(action).map_err(|_| DEFINITION)?;
    sqlx::query!(
        r#"
        insert into account_actions as kept (
            account_action_id, account_type_id, name, definition, is_configured, created_at, updated_at
        )
        values ($1, $2, $3, $4, true, $5, $5)
        on conflict (account_type_id, name) where archived_at is null do update
        set definition = excluded.definition,
            is_configured = true,
            updated_at = case when kept.definition = excluded.definition then kept.updated_at else excluded.updated_at end
        "#,
        new_id.0,
        account_type.0,
        action.name,
        definition,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Archives configured actions that the configuration no longer has: pairs of type and name are those that it has.
pub async fn save_unconfigured(
    conn: &mut PgConnection,
    configured: &[(AccountTypeId, String)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let types: Vec<Uuid> = configured.iter().map(|(id, _)| id.0).collect();
    let names: Vec<String> = configured.iter().map(|(_, name)| name.clone()).collect();
    sqlx::query!(
        r#"
        update account_actions as kept
        set archived_at = $3,
            updated_at = $3
        where kept.is_configured
          and kept.archived_at is null
          and not exists (
                  select from unnest($1::uuid[], $2::text[]) as configured (account_type_id, name)
                  where configured.account_type_id = kept.account_type_id
                    and configured.name = kept.name)
        "#,
        &types,
        &names,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes an action anew. False when another in use of the type has its name.
pub async fn save(
    conn: &mut PgConnection,
    id: AccountActionId,
    action: &AccountAction,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let definition = serde_json::to_value(action).map_err(|_| DEFINITION)?;
    let done = sqlx::query!(
        r#"
        update account_actions as kept
        set name = $2,
            definition = $3,
            updated_at = $4
        where kept.account_action_id = $1
          and not exists (
                  select from account_actions as other
                  where other.account_type_id = kept.account_type_id
                    and other.name = $2
                    and other.archived_at is null
                    and other.account_action_id <> $1)
        "#,
        id.0,
        action.name,
        definition,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Archives an action.
pub async fn save_archived(
    conn: &mut PgConnection,
    id: AccountActionId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update account_actions set archived_at = $2, updated_at = $2 where account_action_id = $1",
        id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks an action until the transaction ends, and reads it.
pub async fn lock(conn: &mut PgConnection, id: AccountActionId) -> Result<Option<ActionRow>, StoreError> {
    let row = sqlx::query_as!(
        Record,
        r#"
        select account_action_id, account_type_id, definition, is_configured, created_at, updated_at, archived_at
        from account_actions
        where account_action_id = $1
        for no key update
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(ActionRow::try_from).transpose()
}

/// The actions in use, those of a type or all, the newest ids first; or the one of an id, whether in use or not.
/// Types have few actions: they are read whole.
pub async fn list(
    conn: &mut PgConnection,
    id: Option<AccountActionId>,
    account_type: Option<AccountTypeId>,
) -> Result<Vec<ActionRow>, StoreError> {
    let rows = sqlx::query_as!(
        Record,
        r#"
        select account_action_id, account_type_id, definition, is_configured, created_at, updated_at, archived_at
        from account_actions
        where ($1::uuid is null or account_action_id = $1)
          and ($2::uuid is null or account_type_id = $2)
          and ($1::uuid is not null or archived_at is null)
        order by account_action_id desc
        "#,
        id.map(|id| id.0),
        account_type.map(|id| id.0),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(ActionRow::try_from).collect()
}

/// The names of the actions in use that name a tag.
pub async fn list_naming_tag(conn: &mut PgConnection, tag: &str) -> Result<Vec<String>, StoreError> {
    let names = sqlx::query_scalar!(
        r#"
        select name
        from account_actions
        where archived_at is null
          and (definition -> 'steps' @> jsonb_build_array(jsonb_build_object('add-tag', $1::text))
               or definition -> 'steps' @> jsonb_build_array(jsonb_build_object('remove-tag', $1::text)))
        order by name
        "#,
        tag,
    )
    .fetch_all(conn)
    .await?;
    Ok(names)
}

/// A run of an action, to insert.
#[derive(Debug)]
pub struct NewRun {
    /// Its id, of its account's shard.
    pub id: ActionRunId,
    /// The account.
    pub account: AccountId,
    /// The action.
    pub action: AccountActionId,
    /// Who ran it.
    pub actor: String,
    /// What each step did: ids and plain words.
    pub outcome: Value,
    /// What was handed in, sealed under the account's data key.
    pub sealed_parameters: Option<Vec<u8>>,
}

/// Keeps a run.
pub async fn insert_run(conn: &mut PgConnection, run: &NewRun, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into action_runs (
            shard, action_run_id, account_id, account_action_id, actor, outcome, sealed_parameters, created_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        run.id.shard().column(),
        run.id.0,
        run.account.0,
        run.action.0,
        run.actor,
        run.outcome,
        run.sealed_parameters,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A run of an action, as it was kept.
#[derive(Debug)]
pub struct RunRow {
    /// What was kept.
    pub run: NewRun,
    /// The name of the action.
    pub action_name: String,
    /// The account's data key.
    pub key: Option<WrappedKey>,
    /// When it was run.
    pub created_at: DateTime<Utc>,
}

/// Reads a run.
pub async fn find_run(conn: &mut PgConnection, id: ActionRunId) -> Result<Option<RunRow>, StoreError> {
    let row = sqlx::query!(
        r#"
        select run.account_id, run.account_action_id, action.name, run.actor, run.outcome, run.sealed_parameters,
               run.created_at, kept.key_id as "key_id?", kept.master_key_id as "master_key_id?",
               kept.wrapped as "wrapped?"
        from action_runs as run
        join account_actions as action using (account_action_id)
        left join data_keys as kept on kept.shard = run.shard and kept.object_id = run.account_id
        where run.shard = $1
          and run.action_run_id = $2
        "#,
        id.shard().column(),
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| RunRow {
        run: NewRun {
            id,
            account: AccountId(row.account_id),
            action: AccountActionId(row.account_action_id),
            actor: row.actor,
            outcome: row.outcome,
            sealed_parameters: row.sealed_parameters,
        },
        action_name: row.name,
        key: match (row.key_id, row.master_key_id, row.wrapped) {
            (Some(key_id), Some(master_key_id), Some(wrapped)) => {
                Some(WrappedKey { key_id, master_key_id, wrapped })
            }
            _ => None,
        },
        created_at: row.created_at,
    }))
}

/// Forgets what was handed in to the runs of accounts.
pub async fn redact_of_accounts(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let (shards, ids) = columns(accounts);
    sqlx::query!(
        r#"
        update action_runs as run
        set sealed_parameters = null
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        where run.shard = wanted.shard
          and run.account_id = wanted.account_id
          and run.sealed_parameters is not null
        "#,
        &shards,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

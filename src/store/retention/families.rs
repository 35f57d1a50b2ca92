//! What decides when accounts fall due, and which account stands for what.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::shard_of;
use crate::{
    domain::id::{AccountId, AccountTypeId, InquiryId, MonitorId},
    store::StoreError,
};

const PAST_STATUSES: StoreError = StoreError::Inconsistent { column: "accounts.past_statuses" };

/// An account, or one that was consolidated into it.
#[derive(Clone, Debug)]
pub struct AccountFacts {
    /// The account.
    pub id: AccountId,
    /// What it was consolidated into.
    pub consolidated_into: Option<AccountId>,
    /// Its type.
    pub account_type: AccountTypeId,
    /// The key of its status.
    pub status: String,
    /// Since when it has that status.
    pub status_since: DateTime<Utc>,
    /// The keys of the statuses that it had lately before that, each with since when, the oldest first.
    pub past_statuses: Vec<(String, DateTime<Utc>)>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was archived.
    pub archived_at: Option<DateTime<Utc>>,
    /// When it was last redacted.
    pub redacted_at: Option<DateTime<Utc>>,
    /// When it was filled again after its redaction.
    pub filled_at: Option<DateTime<Utc>>,
    /// Whether no field was written to it since it was redacted.
    pub is_empty: bool,
    /// Since when something else is sealed of an account that is empty: the reason of a pause or of a decision, or what
    /// an action was given.
    pub rest_at: Option<DateTime<Utc>>,
}

/// Those of `accounts` that there are, with all that were consolidated into them.
pub async fn list_accounts(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<AccountFacts>, StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let rows = sqlx::query!(
        r#"
        with family as (
            select shard, account_id from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
            union
            select shard, account_id from accounts where consolidated_into = any($2)
        )
        select account.account_id, account.consolidated_into, account.account_type_id, account.status,
               coalesce(account.status_changed_at, account.updated_at) as "status_since!",
               account.past_statuses, account.created_at, account.updated_at, account.archived_at,
               account.redacted_at, account.filled_at,
               account.version is not distinct from account.redacted_version as "is_empty!",
               case when account.version = account.redacted_version then least(
                   (
                       select min(paused_at) from account_pauses as pause
                       where pause.shard = account.shard and pause.account_id = account.account_id
                         and pause.sealed_reason is not null
                   ),
                   (
                       select min(coalesce(imported_at, decided_at)) from decisions as decision
                       where decision.shard = account.shard and decision.account_id = account.account_id
                         and decision.sealed_reason is not null
                   ),
                   (
                       select min(created_at) from action_runs as run
                       where run.shard = account.shard and run.account_id = account.account_id
                         and run.sealed_parameters is not null
                   )
               ) end as rest_at
        from family
        join accounts as account using (shard, account_id)
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(AccountFacts {
                id: AccountId(row.account_id),
                consolidated_into: row.consolidated_into.map(AccountId),
                account_type: AccountTypeId(row.account_type_id),
                status: row.status,
                status_since: row.status_since,
                past_statuses: serde_json::from_value(row.past_statuses).map_err(|_| PAST_STATUSES)?,
                created_at: row.created_at,
                updated_at: row.updated_at,
                archived_at: row.archived_at,
                redacted_at: row.redacted_at,
                filled_at: row.filled_at,
                is_empty: row.is_empty,
                rest_at: row.rest_at,
            })
        })
        .collect()
}

/// The accounts that stand for accounts, inquiries and reports: of one that was consolidated, that which took over.
pub async fn list_heads(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    inquiries: &[InquiryId],
    reports: &[MonitorId],
) -> Result<Vec<AccountId>, StoreError> {
    let account_ids: Vec<Uuid> = accounts.iter().map(|id| id.0).collect();
    let account_shards: Vec<i16> = account_ids.iter().map(|id| shard_of(*id)).collect();
    let inquiry_ids: Vec<Uuid> = inquiries.iter().map(|id| id.0).collect();
    let inquiry_shards: Vec<i16> = inquiry_ids.iter().map(|id| shard_of(*id)).collect();
    let report_ids: Vec<Uuid> = reports.iter().map(|id| id.0).collect();
    let report_shards: Vec<i16> = report_ids.iter().map(|id| shard_of(*id)).collect();
    let ids = sqlx::query_scalar!(
        r#"
        select coalesce(consolidated_into, account_id) as "account_id!"
        from unnest($5::smallint[], $6::uuid[]) as wanted (shard, account_id)
        join accounts using (shard, account_id)
        union
        select account_id
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, inquiry_id)
        join inquiries using (shard, inquiry_id)
        where account_id is not null
        union
        select account_id
        from unnest($3::smallint[], $4::uuid[]) as wanted (shard, monitor_id)
        join monitors using (shard, monitor_id)
        "#,
        &inquiry_shards,
        &inquiry_ids,
        &report_shards,
        &report_ids,
        &account_shards,
        &account_ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(AccountId).collect())
}

//! What decides when objects fall due, as the rows say it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::shard_of;
use crate::{
    domain::id::{AccountId, InquiryId, ListItemId, MonitorId, TransactionId},
    store::StoreError,
};

/// An inquiry.
#[derive(Clone, Debug)]
pub struct InquiryFacts {
    /// The inquiry.
    pub id: InquiryId,
    /// Its account.
    pub account: Option<AccountId>,
    /// Its status.
    pub status: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was completed.
    pub completed_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Whether it is redacted.
    pub is_redacted: bool,
}

/// The inquiries of accounts, and those of `ids`.
pub async fn list_inquiries(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    ids: &[InquiryId],
) -> Result<Vec<InquiryFacts>, StoreError> {
    let account_shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let accounts: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let shards: Vec<i16> = ids.iter().map(|id| shard_of(*id)).collect();
    let rows = sqlx::query!(
        r#"
        with wanted as (
            select shard, inquiry_id
            from unnest($1::smallint[], $2::uuid[]) as owner (account_shard, account_id)
            join inquiries using (account_shard, account_id)
            union
            select shard, inquiry_id from unnest($3::smallint[], $4::uuid[]) as one (shard, inquiry_id)
        )
        select inquiry_id as "inquiry_id!", account_id, status, created_at, completed_at, updated_at,
               redacted_at is not null as "is_redacted!"
        from wanted
        join inquiries using (shard, inquiry_id)
        "#,
        &account_shards,
        &accounts,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| InquiryFacts {
            id: InquiryId(row.inquiry_id),
            account: row.account_id.map(AccountId),
            status: row.status,
            created_at: row.created_at,
            completed_at: row.completed_at,
            updated_at: row.updated_at,
            is_redacted: row.is_redacted,
        })
        .collect())
}

/// A report.
#[derive(Clone, Debug)]
pub struct ReportFacts {
    /// The report.
    pub id: MonitorId,
    /// Its account.
    pub account: AccountId,
    /// The word of its state.
    pub state: String,
    /// Whether a schedule keeps it.
    pub by_schedule: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it came into its state.
    pub state_changed_at: DateTime<Utc>,
    /// When it last ran, or a hit of it changed; none when that was not asked for, or never happened.
    pub active_at: Option<DateTime<Utc>>,
    /// Whether it is redacted.
    pub is_redacted: bool,
    /// Whether it holds something under its key.
    pub is_sealed: bool,
}

/// The reports of accounts; when they last ran only if that is asked for.
pub async fn list_reports(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    with_activity: bool,
) -> Result<Vec<ReportFacts>, StoreError> {
    let accounts: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let rows = sqlx::query!(
        r#"
        select monitor.monitor_id, monitor.account_id, monitor.state,
               coalesce(monitor.by_schedule, false) as "by_schedule!", monitor.created_at, monitor.state_changed_at,
               monitor.redacted_at is not null as "is_redacted!",
               exists (
                   select from data_keys
                   where data_keys.shard = monitor.shard and data_keys.object_id = monitor.monitor_id
               ) as "is_sealed!",
               case when $2 then greatest(
                   (
                       select recorded_at from whole_runs as run
                       where run.monitor_id = monitor.monitor_id
                       order by run.slot desc
                       limit 1
                   ),
                   (select max(last_at) from run_months where run_months.monitor_id = monitor.monitor_id),
                   (
                       select max(changed_at) from hits
                       where hits.shard = monitor.shard and hits.monitor_id = monitor.monitor_id
                   )
               ) end as active_at
        from monitors as monitor
        where monitor.account_id = any($1)
        "#,
        &accounts,
        with_activity,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ReportFacts {
            id: MonitorId(row.monitor_id),
            account: AccountId(row.account_id),
            state: row.state,
            by_schedule: row.by_schedule,
            created_at: row.created_at,
            state_changed_at: row.state_changed_at,
            active_at: row.active_at,
            is_redacted: row.is_redacted,
            is_sealed: row.is_sealed,
        })
        .collect())
}

/// A transaction.
#[derive(Clone, Debug)]
pub struct TransactionFacts {
    /// The transaction.
    pub id: TransactionId,
    /// The name of its type.
    pub type_name: String,
    /// The key of its status.
    pub status: String,
    /// The accounts that it is related to.
    pub accounts: Vec<AccountId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was filled again after its redaction.
    pub filled_at: Option<DateTime<Utc>>,
    /// Whether it is redacted, and nothing was written to it since.
    pub is_empty: bool,
}

/// Those of `ids` that there are.
pub async fn list_transactions(
    conn: &mut PgConnection,
    ids: &[TransactionId],
) -> Result<Vec<TransactionFacts>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let shards: Vec<i16> = ids.iter().map(|id| shard_of(*id)).collect();
    let rows = sqlx::query!(
        r#"
        select kept.transaction_id, type.name as type_name, kept.status, kept.created_at, kept.updated_at,
               kept.filled_at, kept.redacted_at is not null and kept.filled_at is null as "is_empty!",
               array(
                   select target_id from relations
                   where relations.shard = kept.shard
                     and relations.object_id = kept.transaction_id
                     and relations.target_kind = 'account'
                   union
                   select object_id from relations
                   where relations.target_id = kept.transaction_id
                     and relations.object_kind = 'account'
               ) as "accounts!"
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, transaction_id)
        join transactions as kept using (shard, transaction_id)
        join transaction_types as type using (transaction_type_id)
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| TransactionFacts {
            id: TransactionId(row.transaction_id),
            type_name: row.type_name,
            status: row.status,
            accounts: row.accounts.into_iter().map(AccountId).collect(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            filled_at: row.filled_at,
            is_empty: row.is_empty,
        })
        .collect())
}

/// An item of a list.
#[derive(Clone, Debug)]
pub struct ItemFacts {
    /// The item.
    pub id: ListItemId,
    /// The name of its list.
    pub list: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was archived.
    pub archived_at: Option<DateTime<Utc>>,
    /// Whether its value is gone.
    pub is_redacted: bool,
}

/// Those of `ids` that there are.
pub async fn list_items(conn: &mut PgConnection, ids: &[ListItemId]) -> Result<Vec<ItemFacts>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let shards: Vec<i16> = ids.iter().map(|id| shard_of(*id)).collect();
    let rows = sqlx::query!(
        r#"
        select item.list_item_id, list.name, item.created_at, item.updated_at, item.archived_at,
               item.sealed_value is null as "is_redacted!"
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, list_item_id)
        join list_items as item using (shard, list_item_id)
        join lists as list using (list_id)
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ItemFacts {
            id: ListItemId(row.list_item_id),
            list: row.name,
            created_at: row.created_at,
            updated_at: row.updated_at,
            archived_at: row.archived_at,
            is_redacted: row.is_redacted,
        })
        .collect())
}

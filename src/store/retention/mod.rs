//! Retention: the policies in force, what is due when, and how far the work on it has come.

mod due;
mod facts;
mod families;
mod fields;
mod pages;
mod plan;
mod state;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{
    id::{AccountId, Shard},
    retention::{Policy, RetainedKind},
};

pub use due::{DueRow, find_due_shard, list_due, remove_due, replace_due, save_failed};
pub use facts::{
    InquiryFacts, ItemFacts, ReportFacts, TransactionFacts, list_inquiries, list_items, list_reports,
    list_transactions,
};
pub use families::{AccountFacts, list_accounts, list_heads};
pub use fields::{FieldRedaction, list_field_redactions, save_fields_filled};
pub use pages::{list_item_page, list_lone_inquiries, list_transaction_page};
pub use plan::{Overdue, PlannedDay, count_by_day, find_overdue, list_failing, list_samples};
pub use state::{State, Walk, get_state, save_asked, save_swept, save_walk, start_repair, start_walk};

const POLICY: StoreError = StoreError::Inconsistent { column: "retention_policies.definition" };
const KIND: StoreError = StoreError::Inconsistent { column: "retention_due.object_kind" };

/// Keeps policies from being changed until the transaction ends: what is decided by them is done by them.
pub async fn lock_shared(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!(
        "select 1 as one from pg_advisory_xact_lock_shared(hashtextextended('watchkeeper.retention-policies', 0))"
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Waits for those who decide by the policies, and holds new ones up until the transaction ends.
pub async fn lock(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!(
        "select 1 as one from pg_advisory_xact_lock(hashtextextended('watchkeeper.retention-policies', 0))"
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Writes a policy as the configuration says it. Returns whether it is new or changed.
pub async fn save(
    conn: &mut PgConnection,
    name: &str,
    definition: &Value,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        insert into retention_policies as kept (name, definition, created_at, changed_at)
        values ($1, $2, $3, $3)
        on conflict on constraint retention_policies_name_key do update
        set definition = excluded.definition,
            changed_at = excluded.changed_at,
            removed_at = null
        where kept.definition <> excluded.definition
           or kept.removed_at is not null
        "#,
        name,
        definition,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks policies removed that are not of `names`; returns their names.
pub async fn save_removed(
    conn: &mut PgConnection,
    names: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    let removed = sqlx::query_scalar!(
        r#"
        update retention_policies
        set removed_at = $2
        where name <> all($1::text[])
          and removed_at is null
        returning name
        "#,
        names,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(removed)
}

/// The policies in force with their numbers, by name.
pub async fn list_policies(conn: &mut PgConnection) -> Result<Vec<(i32, Policy)>, StoreError> {
    let rows = sqlx::query!(
        "select policy_id, definition from retention_policies where removed_at is null order by name"
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| Ok((row.policy_id, serde_json::from_value(row.definition).map_err(|_| POLICY)?)))
        .collect()
}

/// Says that the transaction is a batch of a sweep: it gives up when it waits for a lock longer than a second, for others
/// wait behind it; and what it changes is not queued to be looked at again, for it looks at that itself.
pub async fn begin_batch(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!(
        "select set_config('lock_timeout', '1s', true) as timeout, set_config('watchkeeper.sweep', 'on', true) as sweep"
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

/// Has objects looked at again.
pub async fn insert_queue(
    conn: &mut PgConnection,
    kind: RetainedKind,
    objects: &[Uuid],
) -> Result<(), StoreError> {
    let shards: Vec<i16> = objects.iter().map(|object| shard_of(*object)).collect();
    sqlx::query!(
        r#"
        insert into retention_queue (object_kind, shard, object_id)
        select $1, shard, object_id from unnest($2::smallint[], $3::uuid[]) as new (shard, object_id)
        "#,
        kind.word(),
        &shards,
        objects,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Has accounts looked at again that were redacted and not filled since: something joins them.
pub async fn insert_joined(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let (shards, ids) = super::standings::columns(accounts);
    sqlx::query!(
        r#"
        insert into retention_queue (object_kind, shard, object_id)
        select $3, shard, account_id
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        join accounts using (shard, account_id)
        where accounts.version = accounts.redacted_version
        "#,
        &shards,
        &ids,
        RetainedKind::Account.word(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes changed objects off the queue, oldest first; they are back on it if the transaction fails. Each comes once.
pub async fn claim_queue(
    conn: &mut PgConnection,
    limit: i64,
) -> Result<Vec<(RetainedKind, Uuid)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        delete from retention_queue
        where queue_id in (select queue_id from retention_queue order by queue_id limit $1)
        returning object_kind, object_id
        "#,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let mut found = rows
        .into_iter()
        .map(|row| Ok((RetainedKind::from_word(&row.object_kind).ok_or(KIND)?, row.object_id)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Takes the right to sweep a shard until the transaction ends; false when another process sweeps it.
pub async fn lock_shard(conn: &mut PgConnection, shard: Shard) -> Result<bool, StoreError> {
    super::lock_task(conn, &format!("sweep.{}", shard.0)).await
}

/// The shard of an object, which its id says.
pub(super) fn shard_of(object: Uuid) -> i16 {
    i16::from(object.as_bytes()[15])
}

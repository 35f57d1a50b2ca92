//! What redaction takes out of the rows of accounts. The keys go too ([`data_keys`](super::data_keys)): what a
//! copy of the database elsewhere still holds cannot be opened either.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, standings::columns};
use crate::domain::id::{AccountId, MonitorId};

/// What stays of an account that is redacted.
#[derive(Debug)]
pub struct Kept {
    /// The account, locked by the caller.
    pub account: AccountId,
    /// The plain fields that stay.
    pub fields: Value,
    /// The sealed fields that stay, under a new key.
    pub sealed_fields: Option<Vec<u8>>,
}

struct Columns {
    shards: Vec<i16>,
    ids: Vec<Uuid>,
    fields: Vec<Value>,
    sealed: Vec<Option<Vec<u8>>>,
}

impl Columns {
    fn of(kept: &[Kept]) -> Self {
        Self {
            shards: kept.iter().map(|one| one.account.shard().column()).collect(),
            ids: kept.iter().map(|one| one.account.0).collect(),
            fields: kept.iter().map(|one| one.fields.clone()).collect(),
            sealed: kept.iter().map(|one| one.sealed_fields.clone()).collect(),
        }
    }
}

/// Takes the personal data out of locked accounts, and the reasons for which somebody paused them. Their versions
/// move on, and rest there until somebody fills the accounts again. They changed by it if it is an activity.
pub async fn save_accounts(
    conn: &mut PgConnection,
    kept: &[Kept],
    is_activity: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let columns = Columns::of(kept);
    sqlx::query!(
        r#"
        update accounts as account
        set fields = kept.fields,
            sealed_fields = kept.sealed_fields,
            version = account.version + 1,
            redacted_version = account.version + 1,
            filled_at = null,
            redacted_at = $5,
            updated_at = case when $6 then $5 else account.updated_at end
        from unnest($1::smallint[], $2::uuid[], $3::jsonb[], $4::bytea[])
             as kept (shard, account_id, fields, sealed_fields)
        where account.shard = kept.shard
          and account.account_id = kept.account_id
        "#,
        &columns.shards,
        &columns.ids,
        &columns.fields,
        &columns.sealed as &[Option<Vec<u8>>],
        now,
        is_activity,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        update account_pauses as pause
        set sealed_reason = null
        from unnest($1::smallint[], $2::uuid[]) as kept (shard, account_id)
        where pause.shard = kept.shard
          and pause.account_id = kept.account_id
        "#,
        &columns.shards,
        &columns.ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes single fields out of a locked account, and notes which: the rest of it stays, sealed anew. One that was
/// redacted before is not filled by that; and that it changed last counts from before.
pub async fn save_fields(
    conn: &mut PgConnection,
    kept: &Kept,
    gone: &BTreeSet<String>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let gone: Vec<String> = gone.iter().cloned().collect();
    sqlx::query!(
        r#"
        update accounts
        set fields = $3,
            sealed_fields = $4,
            version = version + 1,
            redacted_version = case when redacted_version = version then version + 1 else redacted_version end
        where shard = $1
          and account_id = $2
        "#,
        kept.account.shard().column(),
        kept.account.0,
        kept.fields,
        kept.sealed_fields,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        insert into field_redactions (shard, account_id, field, redacted_at)
        select $1, $2, field, $4 from unnest($3::text[]) as gone (field)
        on conflict on constraint field_redactions_pkey do update
        set redacted_at = excluded.redacted_at,
            filled_at = null
        "#,
        kept.account.shard().column(),
        kept.account.0,
        &gone,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the content out of the reports that monitors made: of their runs and of their hits, with the reasons of
/// decisions; and destroys their keys. Hits are gone, as they stood before: when a run finds one again, a
/// decision on it still stands.
pub async fn save_reports(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (_, ids) = columns(accounts);
    let monitors: Vec<Uuid> = sqlx::query_scalar!(
        r#"
        select monitor.monitor_id
        from unnest($1::uuid[]) as wanted (account_id)
        join monitors as monitor using (account_id)
        order by monitor.shard, monitor.monitor_id
        "#,
        &ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        update hits as hit
        set sealed_content = null,
            sealed_reason = null,
            subject_digest = null,
            state = 'gone',
            state_before_gone = case when hit.state = 'gone' then hit.state_before_gone else hit.state end,
            gone_at = coalesce(hit.gone_at, $2),
            changed_at = $2
        where hit.account_id = any($1)
        "#,
        &ids,
        now,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        update hit_comments as comment
        set sealed_text = null
        from hits as hit
        where hit.account_id = any($1)
          and comment.hit_id = hit.hit_id
        "#,
        &ids,
    )
    .execute(&mut *conn)
    .await?;
    let monitors: Vec<MonitorId> = monitors.into_iter().map(MonitorId).collect();
    save_runs(conn, &monitors).await?;
    let monitors: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    super::data_keys::remove_all(conn, &monitors).await
}

/// Takes the content out of the runs of monitors.
async fn save_runs(conn: &mut PgConnection, monitors: &[MonitorId]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    // A list, not a join: each partition is asked through its index.
    sqlx::query!(
        "update runs set sealed_content = null where monitor_id = any($1) and sealed_content is not null",
        &ids,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update kept_runs set sealed_content = null where monitor_id = any($1) and sealed_content is not null",
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the value out of a list item, and what it was found by. It matches nobody any more.
pub async fn save_list_item(
    conn: &mut PgConnection,
    item: crate::domain::id::ListItemId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update list_items
        set sealed_value = null,
            value_digest = '',
            archived_at = coalesce(archived_at, $3),
            updated_at = $3
        where shard = $1
          and list_item_id = $2
        "#,
        item.shard().column(),
        item.0,
        now,
    )
    .execute(&mut *conn)
    .await?;
    super::data_keys::remove_all(conn, &[item.0]).await
}

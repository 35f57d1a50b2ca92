//! What redaction takes out of the rows of accounts. The keys go too ([`data_keys`](super::data_keys)): what a
//! copy of the database elsewhere still holds cannot be opened either.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, standings::columns};
use crate::domain::id::{AccountId, TransactionId};

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

/// Takes single fields out of locked accounts, and notes which: the rest of each stays, sealed anew. One that was
/// redacted before is not filled by that; and that it changed last counts from before.
pub async fn save_fields(
    conn: &mut PgConnection,
    kept: &[Kept],
    gone: &BTreeMap<AccountId, &BTreeSet<String>>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let columns = Columns::of(kept);
    sqlx::query!(
        r#"
        update accounts as account
        set fields = kept.fields,
            sealed_fields = kept.sealed_fields,
            version = account.version + 1,
            redacted_version = case
                when account.redacted_version = account.version then account.version + 1
                else account.redacted_version
            end
        from unnest($1::smallint[], $2::uuid[], $3::jsonb[], $4::bytea[])
             as kept (shard, account_id, fields, sealed_fields)
        where account.shard = kept.shard
          and account.account_id = kept.account_id
        "#,
        &columns.shards,
        &columns.ids,
        &columns.fields,
        &columns.sealed as &[Option<Vec<u8>>],
    )
    .execute(&mut *conn)
    .await?;
    let gone = gone.iter().flat_map(|(account, fields)| fields.iter().map(|field| (*account, field.clone())));
    let (accounts, fields): (Vec<AccountId>, Vec<String>) = gone.unzip();
    let (shards, ids) = super::standings::columns(&accounts);
    sqlx::query!(
        r#"
        insert into field_redactions (shard, account_id, field, redacted_at)
        select shard, account_id, field, $4
        from unnest($1::smallint[], $2::uuid[], $3::text[]) as gone (shard, account_id, field)
        on conflict on constraint field_redactions_pkey do update
        set redacted_at = excluded.redacted_at,
            filled_at = null
        "#,
        &shards,
        &ids,
        &fields,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the content out of the reports that monitors made: of their runs and of their hits, with the reasons of
/// decisions; and destroys their keys. Hits are gone, as they stood before: when a run finds one again, a
/// decision on it still stands. Returns how many answers of each account went.
pub async fn save_reports(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    now: DateTime<Utc>,
) -> Result<HashMap<AccountId, i64>, StoreError> {
    let (_, ids) = columns(accounts);
    let rows = sqlx::query!(
        r#"
        select monitor.monitor_id, monitor.account_id
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
    let monitors: Vec<Uuid> = rows.iter().map(|row| row.monitor_id).collect();
    let emptied = save_runs(conn, &monitors).await?;
    super::data_keys::remove_all(conn, &monitors).await?;
    let of: HashMap<Uuid, AccountId> =
        rows.into_iter().map(|row| (row.monitor_id, AccountId(row.account_id))).collect();
    let mut answers: HashMap<AccountId, i64> = HashMap::new();
    for account in emptied.iter().filter_map(|monitor| of.get(monitor)) {
        *answers.entry(*account).or_default() += 1;
    }
    Ok(answers)
}

/// Takes the content out of the runs of monitors. Returns the monitor of each.
async fn save_runs(conn: &mut PgConnection, monitors: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    // A list, not a join: each partition is asked through its index.
    let mut emptied = sqlx::query_scalar!(
        "update runs set sealed_content = null where monitor_id = any($1) and sealed_content is not null returning monitor_id",
        monitors,
    )
    .fetch_all(&mut *conn)
    .await?;
    let of_kept = sqlx::query_scalar!(
        "update kept_runs set sealed_content = null where monitor_id = any($1) and sealed_content is not null returning monitor_id",
        monitors,
    )
    .fetch_all(conn)
    .await?;
    emptied.extend(of_kept);
    Ok(emptied)
}

/// What stays of a transaction that is redacted.
#[derive(Debug)]
pub struct KeptTransaction {
    /// The transaction, locked by the caller.
    pub id: TransactionId,
    /// The plain fields that stay.
    pub fields: Value,
    /// The sealed fields that stay, under a new key.
    pub sealed_fields: Option<Vec<u8>>,
}

/// Takes the personal data out of locked transactions.
pub async fn save_transactions(
    conn: &mut PgConnection,
    kept: &[KeptTransaction],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let shards: Vec<i16> = kept.iter().map(|one| one.id.shard().column()).collect();
    let ids: Vec<Uuid> = kept.iter().map(|one| one.id.0).collect();
    let fields: Vec<Value> = kept.iter().map(|one| one.fields.clone()).collect();
    let sealed: Vec<Option<Vec<u8>>> = kept.iter().map(|one| one.sealed_fields.clone()).collect();
    sqlx::query!(
        r#"
        update transactions as one
        set fields = kept.fields,
            sealed_fields = kept.sealed_fields,
            filled_at = null,
            redacted_at = $5,
            updated_at = $5
        from unnest($1::smallint[], $2::uuid[], $3::jsonb[], $4::bytea[])
             as kept (shard, transaction_id, fields, sealed_fields)
        where one.shard = kept.shard
          and one.transaction_id = kept.transaction_id
        "#,
        &shards,
        &ids,
        &fields,
        &sealed as &[Option<Vec<u8>>],
        now,
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
            copies_destroyed_at = null,
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

/// Takes the content out of hits of entities that are items of lists of the customer's own, of at most `limit` hits;
/// those that somebody else has locked are left to the next time. Returns how many.
pub async fn save_own_hits(
    conn: &mut PgConnection,
    entities: &[String],
    limit: i64,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        update hits as hit
        set sealed_content = null
        from (
            select shard, hit_id
            from hits
            where entity = any($1)
              -- As the index has it.
              and entity like 'own:%'
              and sealed_content is not null
            limit $2
            -- Whoever records an answer has locked others already.
            for no key update skip locked
        ) as found
        where hit.shard = found.shard
          and hit.hit_id = found.hit_id
        "#,
        entities,
        limit,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

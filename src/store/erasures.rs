//! What a redaction destroys: the keys, and counts of what they sealed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, standings::columns};
use crate::domain::id::AccountId;

/// A key that was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErasedKey {
    /// What it sealed.
    pub object: Uuid,
    /// The key.
    pub key_id: Uuid,
}

/// Says that the transaction is an erasure: keys that it deletes are noted.
pub async fn begin(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("select set_config('watchkeeper.erasure', 'on', true)").fetch_one(conn).await?;
    Ok(())
}

/// What a transaction destroyed with one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The key.
    pub key: ErasedKey,
    /// The fields that were destroyed; all of the object when none.
    pub fields: Option<Vec<String>>,
    /// The fields that a policy kept of an object that was redacted whole.
    pub kept: Option<Vec<String>>,
    /// The key under which the rest was sealed anew.
    pub successor: Option<Uuid>,
}

/// What the transaction has destroyed so far, in the order of the keys' ids.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Erased>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select erased.object_id, erased.key_id, erased.fields, erased.kept, next.key_id as "successor?"
        from erased_keys as erased
        left join data_keys as next
            on next.shard = shard_of(erased.object_id) and next.object_id = erased.object_id
        where erased.erased_in = pg_current_xact_id()
        order by erased.key_id
        "#,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Erased {
            key: ErasedKey { object: row.object_id, key_id: row.key_id },
            fields: row.fields,
            kept: row.kept,
            successor: row.successor,
        })
        .collect())
}

/// Notes that of accounts whose keys the transaction destroyed only these fields are gone.
pub async fn save_fields(
    conn: &mut PgConnection,
    gone: &BTreeMap<AccountId, &BTreeSet<String>>,
) -> Result<(), StoreError> {
    let (objects, fields) = by_field(gone.iter().map(|(account, fields)| (account, *fields)));
    sqlx::query!(
        r#"
        update erased_keys as erased
        set fields = gone.fields
        from (
            select object_id, array_agg(field order by field) as fields
            from unnest($1::uuid[], $2::text[]) as one (object_id, field)
            group by object_id
        ) as gone
        where erased.object_id = gone.object_id
          and erased.erased_in = pg_current_xact_id()
        "#,
        &objects,
        &fields,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes which fields stay of accounts whose keys the transaction destroyed.
pub async fn save_kept<'a>(
    conn: &mut PgConnection,
    kept: impl Iterator<Item = (&'a AccountId, &'a BTreeSet<String>)>,
) -> Result<(), StoreError> {
    let (objects, fields) = by_field(kept);
    if objects.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        update erased_keys as erased
        set kept = kept.fields
        from (
            select object_id, array_agg(field order by field) as fields
            from unnest($1::uuid[], $2::text[]) as one (object_id, field)
            group by object_id
        ) as kept
        where erased.object_id = kept.object_id
          and erased.erased_in = pg_current_xact_id()
        "#,
        &objects,
        &fields,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Each field of accounts with its account.
fn by_field<'a>(
    fields: impl Iterator<Item = (&'a AccountId, &'a BTreeSet<String>)>,
) -> (Vec<Uuid>, Vec<String>) {
    fields.flat_map(|(account, fields)| fields.iter().map(|field| (account.0, field.clone()))).unzip()
}

/// The database's number of the transaction.
pub async fn transaction(conn: &mut PgConnection) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar!(r#"select pg_current_xact_id()::text as "number!""#).fetch_one(conn).await?)
}

/// What the database says of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionState {
    /// It goes on.
    InProgress,
    /// It was committed.
    Committed,
    /// It was not.
    Aborted,
    /// The database has not come that far: an older state of it was restored.
    Unknown,
    /// It is too long ago.
    Forgotten,
}

/// What the database says of a transaction, by its number.
pub async fn state(conn: &mut PgConnection, number: u64) -> Result<TransactionState, StoreError> {
    let word = sqlx::query_scalar!(
        r#"
        select case
            -- One that goes on may be beyond all that ended.
            when exists (select from pg_stat_activity where backend_xid = ($1::text::xid8)::xid) then 'in progress'
            when $1::text::xid8 >= pg_snapshot_xmax(pg_current_snapshot()) then 'unknown'
            else pg_xact_status($1::text::xid8)
        end
        "#,
        number.to_string(),
    )
    .fetch_one(conn)
    .await?;
    Ok(match word.as_deref() {
        Some("in progress") => TransactionState::InProgress,
        Some("committed") => TransactionState::Committed,
        Some("aborted") => TransactionState::Aborted,
        Some(_) => TransactionState::Unknown,
        None => TransactionState::Forgotten,
    })
}

/// The present key of an object.
pub async fn find_key(conn: &mut PgConnection, object: Uuid) -> Result<Option<Uuid>, StoreError> {
    let key = sqlx::query_scalar!(
        "select key_id from data_keys where shard = shard_of($1) and object_id = $1",
        object,
    )
    .fetch_optional(conn)
    .await?;
    Ok(key)
}

/// Those of objects, in the order of their ids.
pub async fn list_of(conn: &mut PgConnection, objects: &[Uuid]) -> Result<Vec<ErasedKey>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select object_id, key_id
        from erased_keys
        where object_id = any($1) and erased_in = pg_current_xact_id()
        order by key_id
        "#,
        objects,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| ErasedKey { object: row.object_id, key_id: row.key_id }).collect())
}

/// The keys that the transaction has destroyed so far, each with the account that its object is, or is of.
pub async fn list_by_account(conn: &mut PgConnection) -> Result<Vec<(AccountId, ErasedKey)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select erased.object_id, erased.key_id,
               coalesce(monitor.account_id, inquiry.account_id, erased.object_id) as "account_id!"
        from erased_keys as erased
        left join monitors as monitor
            on monitor.shard = shard_of(erased.object_id) and monitor.monitor_id = erased.object_id
        left join inquiries as inquiry on inquiry.inquiry_id = erased.object_id
        where erased.erased_in = pg_current_xact_id()
        order by erased.key_id
        "#,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (AccountId(row.account_id), ErasedKey { object: row.object_id, key_id: row.key_id }))
        .collect())
}

/// Those of keys that are there.
pub async fn list_living(conn: &mut PgConnection, keys: &[ErasedKey]) -> Result<Vec<ErasedKey>, StoreError> {
    let shards: Vec<i16> = keys.iter().map(|key| AccountId(key.object).shard().column()).collect();
    let objects: Vec<Uuid> = keys.iter().map(|key| key.object).collect();
    let ids: Vec<Uuid> = keys.iter().map(|key| key.key_id).collect();
    let rows = sqlx::query!(
        r#"
        select kept.object_id, kept.key_id
        from unnest($1::smallint[], $2::uuid[], $3::uuid[]) as gone (shard, object_id, key_id)
        join data_keys as kept using (shard, object_id, key_id)
        "#,
        &shards,
        &objects,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| ErasedKey { object: row.object_id, key_id: row.key_id }).collect())
}

/// How many lines of each file of the erasure ledger the database has seen.
pub async fn list_marks(conn: &mut PgConnection) -> Result<BTreeMap<String, i64>, StoreError> {
    let rows = sqlx::query!("select file, lines from erasure_ledgers").fetch_all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.file, row.lines)).collect())
}

/// Notes that lines of a file were seen.
pub async fn save_mark(
    conn: &mut PgConnection,
    file: &str,
    lines: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into erasure_ledgers (file, lines, seen_at) values ($1, $2, $3)
        on conflict on constraint erasure_ledgers_pkey do update
        set lines = greatest(erasure_ledgers.lines, excluded.lines),
            seen_at = excluded.seen_at
        "#,
        file,
        lines,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets a file of the erasure ledger. Returns whether it was known.
pub async fn remove_mark(conn: &mut PgConnection, file: &str) -> Result<bool, StoreError> {
    let removed = sqlx::query!("delete from erasure_ledgers where file = $1", file).execute(conn).await?;
    Ok(removed.rows_affected() > 0)
}

/// What accounts hold that redaction takes.
#[derive(Clone, Copy, Debug, Default, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Accounts with sealed fields.
    pub accounts: i64,
    /// Files.
    pub files: i64,
    /// Inquiries with content.
    pub inquiries: i64,
    /// Questions of reports.
    pub questions: i64,
    /// Answers of runs.
    pub answers: i64,
    /// Matches with content.
    pub hits: i64,
    /// Comments on them.
    pub comments: i64,
    /// Reasons of decisions.
    pub reasons: i64,
}

impl Counts {
    /// Adds those of another account.
    pub const fn add(&mut self, other: &Self) {
        self.accounts += other.accounts;
        self.files += other.files;
        self.inquiries += other.inquiries;
        self.questions += other.questions;
        self.answers += other.answers;
        self.hits += other.hits;
        self.comments += other.comments;
        self.reasons += other.reasons;
    }
}

/// Counts what each of accounts holds that redaction takes, but for answers: these are counted as they go.
pub async fn count(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, Counts)>, StoreError> {
    let (shards, ids) = columns(accounts);
    let rows = sqlx::query!(
        r#"
        select wanted.account_id as "account_id!",
            (select count(*) from accounts as one
             where one.shard = wanted.shard and one.account_id = wanted.account_id
               and one.sealed_fields is not null) as "accounts!",
            (select count(*) from account_files as one
             where one.shard = wanted.shard and one.account_id = wanted.account_id) as "files!",
            (select count(*) from inquiries as one
             where one.account_shard = wanted.shard and one.account_id = wanted.account_id
               and one.sealed_content is not null) as "inquiries!",
            (select count(*) from monitors as one
             where one.account_id = wanted.account_id and one.sealed_query is not null) as "questions!",
            -- Of their reports' shards, which may be others: a report moves with what is consolidated.
            (select count(*) from hits as one
             where one.account_id = wanted.account_id
               and one.sealed_content is not null) as "hits!",
            (select count(*) from hits as one join hit_comments using (hit_id)
             where one.account_id = wanted.account_id
               and hit_comments.sealed_text is not null) as "comments!",
            (select count(*) from decisions as one
             where one.shard = wanted.shard and one.account_id = wanted.account_id
               and one.sealed_reason is not null) as "reasons!"
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let counts = Counts {
                accounts: row.accounts,
                files: row.files,
                inquiries: row.inquiries,
                questions: row.questions,
                answers: 0,
                hits: row.hits,
                comments: row.comments,
                reasons: row.reasons,
            };
            (AccountId(row.account_id), counts)
        })
        .collect())
}

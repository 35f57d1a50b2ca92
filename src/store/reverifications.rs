//! When accounts are to be verified again: the rules with their walks, and a row for each account that has a date.

mod rules;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, enrolment::Selected};
use crate::{domain::id::AccountId, vault::WrappedKey};

pub use rules::{Walk, list_ids, lock_walk, save, save_removed, save_walk, start_walks};

/// What is known, without a key, of an account that a rule is for.
#[derive(Debug)]
pub struct Facts {
    /// The account.
    pub account: AccountId,
    /// When its last inquiry was completed.
    pub last_inquiry: Option<DateTime<Utc>>,
    /// What its plain field of the rule's key holds.
    pub field: Option<String>,
}

/// Those of `accounts` that a rule selects, with what its date follows from; archived ones are not among them.
pub async fn list_facts(
    conn: &mut PgConnection,
    selected: &Selected,
    field: Option<&str>,
    accounts: &[AccountId],
) -> Result<Vec<Facts>, StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let rows = sqlx::query!(
        r#"
        select account.account_id, account.fields ->> $8 as field,
               case when $8::text is null then (
                   select max(inquiry.completed_at)
                   from inquiries as inquiry
                   where inquiry.account_shard = account.shard
                     and inquiry.account_id = account.account_id) end as last_inquiry
        from unnest($1::smallint[], $2::uuid[]) as page (shard, account_id)
        join accounts as account using (shard, account_id)
        where account.archived_at is null
          and (cardinality($3::uuid[]) = 0 or account.account_type_id = any($3))
          and (cardinality($4::text[]) = 0 or account.status = any($4))
          and (cardinality($5::text[]) = 0 or exists (
                  select from account_tags join tags using (tag_id)
                  where account_tags.shard = account.shard
                    and account_tags.account_id = account.account_id
                    and tags.name = any($5)))
          and (cardinality($6::text[]) = 0 or not exists (
                  select from account_tags join tags using (tag_id)
                  where account_tags.shard = account.shard
                    and account_tags.account_id = account.account_id
                    and tags.name = any($6)))
          -- As schedules select: each wanted field must hold one of its accepted values, a list any of them.
          and not exists (
                  select from jsonb_each($7::jsonb) as accepted (key, choices)
                  where not exists (
                      select from jsonb_array_elements(
                          case jsonb_typeof(account.fields -> accepted.key)
                              when 'array' then account.fields -> accepted.key
                              else jsonb_build_array(account.fields -> accepted.key)
                          end) as held (value)
                      where accepted.choices @> held.value
                        and held.value <> 'null'))
        "#,
        &shards,
        &ids,
        &selected.types,
        &selected.statuses,
        &selected.tags_any,
        &selected.tags_none,
        selected.fields,
        field,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Facts {
            account: AccountId(row.account_id),
            last_inquiry: row.last_inquiry,
            field: row.field,
        })
        .collect())
}

/// The sealed fields of accounts, with the keys that open them.
pub async fn list_sealed(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, Vec<u8>, WrappedKey)>, StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let rows = sqlx::query!(
        r#"
        select account.account_id, account.sealed_fields as "sealed_fields!", kept.key_id, kept.master_key_id,
               kept.wrapped
        from unnest($1::smallint[], $2::uuid[]) as page (shard, account_id)
        join accounts as account using (shard, account_id)
        join data_keys as kept on kept.shard = account.shard and kept.object_id = account.account_id
        where account.sealed_fields is not null
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let key =
                WrappedKey { key_id: row.key_id, master_key_id: row.master_key_id, wrapped: row.wrapped };
            (AccountId(row.account_id), row.sealed_fields, key)
        })
        .collect())
}

/// Writes when accounts are due by a rule. A date that is the same stays as it is, told of or not; another one is
/// told of anew.
pub async fn save_due(
    conn: &mut PgConnection,
    rule_id: i32,
    due: &[(AccountId, DateTime<Utc>)],
) -> Result<(), StoreError> {
    let shards: Vec<i16> = due.iter().map(|(account, _)| account.shard().column()).collect();
    let ids: Vec<Uuid> = due.iter().map(|(account, _)| account.0).collect();
    let times: Vec<DateTime<Utc>> = due.iter().map(|(_, at)| *at).collect();
    sqlx::query!(
        r#"
        insert into account_reverifications as kept (shard, account_id, rule_id, due_at)
        select shard, account_id, $3, due_at
        from unnest($1::smallint[], $2::uuid[], $4::timestamptz[]) as new (shard, account_id, due_at)
        order by shard, account_id
        on conflict on constraint account_reverifications_pkey do update
        set due_at = excluded.due_at,
            told_at = null
        where kept.due_at <> excluded.due_at
        "#,
        &shards,
        &ids,
        rule_id,
        &times,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes accounts out of a rule.
pub async fn remove(conn: &mut PgConnection, rule_id: i32, accounts: &[AccountId]) -> Result<(), StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    sqlx::query!(
        r#"
        delete from account_reverifications as kept
        using unnest($1::smallint[], $2::uuid[]) as gone (shard, account_id)
        where kept.shard = gone.shard
          and kept.account_id = gone.account_id
          and kept.rule_id = $3
        "#,
        &shards,
        &ids,
        rule_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes accounts out of every rule: their data is gone, and with it what the dates followed from.
pub async fn remove_all(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    sqlx::query!(
        r#"
        delete from account_reverifications as kept
        using unnest($1::smallint[], $2::uuid[]) as gone (shard, account_id)
        where kept.shard = gone.shard
          and kept.account_id = gone.account_id
        "#,
        &shards,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An account that is due by a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueAccount {
    /// The account.
    pub account: AccountId,
    /// The rule.
    pub rule_id: i32,
    /// Since when.
    pub due_at: DateTime<Utc>,
}

/// Accounts that are due and were not told of, at most `limit`, those first that are longest due.
pub async fn list_due(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<DueAccount>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select account_id, rule_id, due_at
        from account_reverifications
        where told_at is null
          and due_at <= $1
        order by due_at, shard, account_id, rule_id
        limit $2
        "#,
        now,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DueAccount {
            account: AccountId(row.account_id),
            rule_id: row.rule_id,
            due_at: row.due_at,
        })
        .collect())
}

/// Marks accounts, locked by the caller, as told of. Returns those whose date still is what it was, and that nobody
/// else told of.
pub async fn save_told(
    conn: &mut PgConnection,
    rule_id: i32,
    due: &[DueAccount],
    now: DateTime<Utc>,
) -> Result<Vec<AccountId>, StoreError> {
    let shards: Vec<i16> = due.iter().map(|one| one.account.shard().column()).collect();
    let ids: Vec<Uuid> = due.iter().map(|one| one.account.0).collect();
    let times: Vec<DateTime<Utc>> = due.iter().map(|one| one.due_at).collect();
    let told = sqlx::query_scalar!(
        r#"
        update account_reverifications as kept
        set told_at = $5
        from unnest($1::smallint[], $2::uuid[], $4::timestamptz[]) as due (shard, account_id, due_at)
        where kept.shard = due.shard
          and kept.account_id = due.account_id
          and kept.rule_id = $3
          and kept.due_at = due.due_at
          and kept.told_at is null
        returning kept.account_id
        "#,
        &shards,
        &ids,
        rule_id,
        &times,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(told.into_iter().map(AccountId).collect())
}

/// When an account is to be verified again, by one rule.
#[derive(Clone, Debug)]
pub struct OfAccount {
    /// The rule's name.
    pub name: String,
    /// The rule, as the configuration says it.
    pub definition: Value,
    /// When.
    pub due_at: DateTime<Utc>,
    /// When that was told of.
    pub told_at: Option<DateTime<Utc>>,
}

/// When an account is to be verified again, the earliest first.
pub async fn list_of_account(
    conn: &mut PgConnection,
    account: AccountId,
) -> Result<Vec<OfAccount>, StoreError> {
    let rows = sqlx::query_as!(
        OfAccount,
        r#"
        select rule.name, rule.definition, kept.due_at, kept.told_at
        from account_reverifications as kept
        join reverifications as rule using (rule_id)
        where kept.shard = $1
          and kept.account_id = $2
          and rule.removed_at is null
        order by kept.due_at, rule.name
        "#,
        account.shard().column(),
        account.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

//! When objects fall due.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{KIND, shard_of};
use crate::{
    domain::{id::Shard, retention::RetainedKind},
    store::StoreError,
};

/// When an object, or a field of an account, falls due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRow {
    /// What it is.
    pub kind: RetainedKind,
    /// Its id.
    pub object: Uuid,
    /// The field; empty for the object as a whole.
    pub field: String,
    /// The number of the policy.
    pub policy_id: i32,
    /// When.
    pub due_at: DateTime<Utc>,
}

/// Makes `rows` all that is kept of when `objects` fall due.
pub async fn replace_due(
    conn: &mut PgConnection,
    objects: &[Uuid],
    rows: &[DueRow],
) -> Result<(), StoreError> {
    let shards: Vec<i16> = rows.iter().map(|row| shard_of(row.object)).collect();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.object).collect();
    let fields: Vec<String> = rows.iter().map(|row| row.field.clone()).collect();
    let kinds: Vec<String> = rows.iter().map(|row| row.kind.word().to_owned()).collect();
    let policies: Vec<i32> = rows.iter().map(|row| row.policy_id).collect();
    let times: Vec<DateTime<Utc>> = rows.iter().map(|row| row.due_at).collect();
    remove_others(conn, objects, rows).await?;
    sqlx::query!(
        r#"
        insert into retention_due as kept (shard, object_id, field, object_kind, policy_id, due_at)
        select shard, object_id, field, object_kind, policy_id, due_at
        from unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::integer[], $6::timestamptz[])
             as new (shard, object_id, field, object_kind, policy_id, due_at)
        order by shard, object_id, field
        on conflict on constraint retention_due_pkey do update
        set policy_id = excluded.policy_id,
            due_at = excluded.due_at,
            failures = 0
        -- Most changes of an object change nothing here.
        where kept.due_at <> excluded.due_at
           or kept.policy_id <> excluded.policy_id
           or kept.failures > 0
        "#,
        &shards,
        &ids,
        &fields,
        &kinds,
        &policies,
        &times,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes what is kept of when `objects` fall due, but for `rows`. It is told apart here: in one statement each kept row
/// would be held against all that stay.
async fn remove_others(conn: &mut PgConnection, objects: &[Uuid], rows: &[DueRow]) -> Result<(), StoreError> {
    let shards: Vec<i16> = objects.iter().map(|object| shard_of(*object)).collect();
    let kept = sqlx::query!(
        r#"
        select kept.shard, kept.object_id, kept.field
        from unnest($1::smallint[], $2::uuid[]) as object (shard, object_id)
        join retention_due as kept using (shard, object_id)
        "#,
        &shards,
        objects,
    )
    .fetch_all(&mut *conn)
    .await?;
    let stays: HashSet<(Uuid, &str)> = rows.iter().map(|row| (row.object, row.field.as_str())).collect();
    let (mut shards, mut ids, mut fields) = (Vec::new(), Vec::new(), Vec::new());
    for row in kept.into_iter().filter(|row| !stays.contains(&(row.object_id, row.field.as_str()))) {
        shards.push(row.shard);
        ids.push(row.object_id);
        fields.push(row.field);
    }
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        delete from retention_due as kept
        using unnest($1::smallint[], $2::uuid[], $3::text[]) as gone (shard, object_id, field)
        where kept.shard = gone.shard
          and kept.object_id = gone.object_id
          and kept.field = gone.field
        "#,
        &shards,
        &ids,
        &fields,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The next shard from `from` on, round about, of which something is due.
pub async fn find_due_shard(
    conn: &mut PgConnection,
    from: Shard,
    now: DateTime<Utc>,
) -> Result<Option<Shard>, StoreError> {
    let shard = sqlx::query_scalar!(
        r#"
        select place.shard as "shard!"
        from (select (($1 + step) % 256)::smallint as shard from generate_series(0, 255) as step) as place
        -- One probe a shard, in this order, up to the first that has any.
        cross join lateral (
            select from retention_due as due where due.shard = place.shard and due.due_at <= $2 limit 1
        ) as due
        limit 1
        "#,
        i32::from(from.0),
        now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(shard.map(|shard| Shard(u8::try_from(shard).unwrap_or(0))))
}

/// What is due of a shard, at most `limit`, what is longest due first.
pub async fn list_due(
    conn: &mut PgConnection,
    shard: Shard,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<DueRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select object_kind, object_id, field, policy_id, due_at
        from retention_due
        where shard = $1
          and due_at <= $2
        order by due_at
        limit $3
        "#,
        shard.column(),
        now,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(DueRow {
                kind: RetainedKind::from_word(&row.object_kind).ok_or(KIND)?,
                object: row.object_id,
                field: row.field,
                policy_id: row.policy_id,
                due_at: row.due_at,
            })
        })
        .collect()
}

/// Puts off an object that could not be redacted, or of which nobody can tell when it is due, so that it holds nobody
/// else up. One that had no row has one then, of any policy.
pub async fn save_failed(
    conn: &mut PgConnection,
    (kind, object): (RetainedKind, Uuid),
    any_policy: Option<i32>,
    until: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        update retention_due
        set due_at = greatest(due_at, $3),
            failures = least(failures + 1, 1000)::smallint
        where shard = $1
          and object_id = $2
        "#,
        shard_of(object),
        object,
        until,
    )
    .execute(&mut *conn)
    .await?;
    let Some(policy) = any_policy.filter(|_| done.rows_affected() == 0) else { return Ok(()) };
    sqlx::query!(
        r#"
        insert into retention_due (shard, object_id, object_kind, policy_id, due_at, failures)
        values ($1, $2, $3, $4, $5, 1)
        "#,
        shard_of(object),
        object,
        kind.word(),
        policy,
        until,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets some of what is due when: no policy is in force. Returns whether that was all.
pub async fn remove_due(conn: &mut PgConnection, limit: i64) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "delete from retention_due where ctid = any(array(select ctid from retention_due limit $1))",
        limit,
    )
    .execute(conn)
    .await?;
    Ok(i64::try_from(done.rows_affected()).is_ok_and(|count| count < limit))
}

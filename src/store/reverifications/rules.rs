//! The rules, and the walks over all accounts that follow a change of one.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{domain::id::Shard, store::StoreError};

/// Writes a rule as the configuration says it. One that is new, or changed, is walked for over all accounts. Returns
/// its number, and whether it is to be walked for.
pub async fn save(
    conn: &mut PgConnection,
    name: &str,
    definition: &Value,
    now: DateTime<Utc>,
) -> Result<(i32, bool), StoreError> {
    let changed = sqlx::query_scalar!(
        r#"
        insert into reverifications as kept (name, definition, created_at, changed_at, walk_shard)
        values ($1, $2, $3, $3, 0)
        on conflict on constraint reverifications_name_key do update
        set definition = excluded.definition,
            changed_at = excluded.changed_at,
            removed_at = null,
            walk_shard = 0,
            walk_after = null
        where kept.definition <> excluded.definition
           or kept.removed_at is not null
        returning rule_id
        "#,
        name,
        definition,
        now,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(id) = changed {
        return Ok((id, true));
    }
    let id = sqlx::query_scalar!("select rule_id from reverifications where name = $1", name)
        .fetch_one(conn)
        .await?;
    Ok((id, false))
}

/// Marks rules removed that are not of `names`; a walk takes their rows away. Returns their names.
pub async fn save_removed(
    conn: &mut PgConnection,
    names: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    let removed = sqlx::query_scalar!(
        r#"
        update reverifications
        set removed_at = $2,
            walk_shard = 0,
            walk_after = null
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

/// Numbers of the rules that are in force, by name.
pub async fn list_ids(conn: &mut PgConnection) -> Result<Vec<(String, i32)>, StoreError> {
    let rows = sqlx::query!("select name, rule_id from reverifications where removed_at is null")
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.rule_id)).collect())
}

/// Starts a walk for every rule, to repair whatever was missed; one under way starts anew.
pub async fn start_walks(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("update reverifications set walk_shard = 0, walk_after = null where removed_at is null")
        .execute(conn)
        .await?;
    Ok(())
}

/// A walk over all accounts under way.
#[derive(Debug)]
pub struct Walk {
    /// The rule that it is for.
    pub rule_id: i32,
    /// The rule's name.
    pub name: String,
    /// Where it is.
    pub shard: Shard,
    /// The last account of that shard that it has seen.
    pub after: Option<Uuid>,
}

/// Takes a walk that nobody else has, until the transaction ends.
pub async fn lock_walk(conn: &mut PgConnection) -> Result<Option<Walk>, StoreError> {
    let row = sqlx::query!(
        r#"
        select rule_id, name, walk_shard as "walk_shard!", walk_after
        from reverifications
        where walk_shard is not null
        order by rule_id
        limit 1
        for no key update skip locked
        "#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Walk {
        rule_id: row.rule_id,
        name: row.name,
        shard: Shard(u8::try_from(row.walk_shard).unwrap_or(0)),
        after: row.walk_after,
    }))
}

/// Notes how far a walk has come; none when it has seen every account.
pub async fn save_walk(
    conn: &mut PgConnection,
    rule_id: i32,
    place: Option<(Shard, Option<Uuid>)>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update reverifications set walk_shard = $2, walk_after = $3 where rule_id = $1",
        rule_id,
        place.map(|(shard, _)| shard.column()),
        place.and_then(|(_, after)| after),
    )
    .execute(conn)
    .await?;
    Ok(())
}

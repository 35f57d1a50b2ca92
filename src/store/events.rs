//! Events: what happened, written by the transaction that caused it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::id::{AccountId, EventId};

/// One thing that happened. Its detail holds references and plain words, nothing personal.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// The account it is about; none when it is about the whole, such as a schedule.
    pub account: Option<AccountId>,
    /// The object it is about when that is not the account: a hit, a monitor.
    pub object: Option<Uuid>,
    /// What happened, such as `account.created`.
    pub kind: &'static str,
    /// Who did it: `schedule:NAME`, `import`, `cli`.
    pub actor: String,
    /// References and plain words.
    pub detail: Value,
}

/// Appends events that happened at `now`.
pub async fn insert_all(
    conn: &mut PgConnection,
    events: &[Event],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = events.iter().map(|event| event.id.0).collect();
    let shards: Vec<Option<i16>> =
        events.iter().map(|event| event.account.map(|account| account.shard().column())).collect();
    let accounts: Vec<Option<Uuid>> = events.iter().map(|event| event.account.map(|id| id.0)).collect();
    let objects: Vec<Option<Uuid>> = events.iter().map(|event| event.object).collect();
    let kinds: Vec<String> = events.iter().map(|event| event.kind.to_owned()).collect();
    let actors: Vec<String> = events.iter().map(|event| event.actor.clone()).collect();
    let details: Vec<Value> = events.iter().map(|event| event.detail.clone()).collect();
    sqlx::query!(
        r#"
        insert into events (occurred_at, event_id, shard, account_id, object_id, kind, actor, detail)
        select $8, event_id, shard, account_id, object_id, kind, actor, detail
        from unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::jsonb[])
             as new (event_id, shard, account_id, object_id, kind, actor, detail)
        "#,
        &ids,
        &shards as &[Option<i16>],
        &accounts as &[Option<Uuid>],
        &objects as &[Option<Uuid>],
        &kinds,
        &actors,
        &details,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

//! Events: what happened, written by the transaction that caused it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, audit};
use crate::domain::{
    audit::{Entry, Origin, ids_in, kept},
    id::{AccountId, EventId},
};

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
    /// By what means, for the audit log.
    pub origin: Origin,
    /// References and plain words.
    pub detail: Value,
}

impl Event {
    /// The entry of the audit log that stands beside it.
    fn entry(&self, now: DateTime<Utc>) -> Entry {
        let detail = kept(&self.detail);
        let mut objects: Vec<Uuid> = self.account.map(|id| id.0).into_iter().chain(self.object).collect();
        ids_in(&detail, &mut objects);
        Entry {
            id: self.id.0,
            occurred_at: now,
            operation: self.kind.to_owned(),
            account: self.account.map(|id| id.0),
            object: self.object,
            objects,
            actor: self.actor.clone(),
            origin_kind: self.origin.word().to_owned(),
            origin_id: self.origin.id(),
            address: self.origin.address(),
            detail: detail.to_string(),
        }
    }
}

/// Appends events that happened at `now`, and their entries of the audit log.
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
    .execute(&mut *conn)
    .await?;
    let entries: Vec<Entry> = events.iter().map(|event| event.entry(now)).collect();
    audit::insert_pending(conn, &entries).await
}

/// An event as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// Its id.
    pub id: EventId,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// The account it is about.
    pub account: Option<AccountId>,
    /// The object it is about when that is not the account.
    pub object: Option<Uuid>,
    /// What happened.
    pub kind: String,
    /// Who did it.
    pub actor: String,
    /// References and plain words.
    pub detail: Value,
}

/// Which events are wanted; what is empty or none asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Names of events.
    pub kinds: Vec<String>,
    /// Accounts and other objects that they are about.
    pub objects: Vec<Uuid>,
    /// Ids of events.
    pub ids: Vec<Uuid>,
    /// From when on.
    pub from: Option<DateTime<Utc>>,
    /// Before when.
    pub until: Option<DateTime<Utc>>,
    /// Only older ones than this event.
    pub after: Option<EventId>,
    /// Only newer ones than this event, the oldest of them.
    pub before: Option<EventId>,
}

macro_rules! wanted_rows {
    ($direction:literal, $conn:ident, $wanted:ident, $after:ident, $before:ident, $limit:ident) => {
        sqlx::query_as!(
            Row,
            "
        select event_id, occurred_at, account_id, object_id, kind, actor, detail
        from events
        where (cardinality($1::text[]) = 0 or kind = any($1))
          and (cardinality($2::uuid[]) = 0 or account_id = any($2) or object_id = any($2))
          and (cardinality($3::uuid[]) = 0 or event_id = any($3))
          and ($4::timestamptz is null or occurred_at >= $4)
          and ($5::timestamptz is null or occurred_at < $5)
          and ($6::uuid is null or event_id < $6)
          and ($7::uuid is null or event_id > $7)
        order by event_id "
                + $direction
                + "
        limit $8",
            &$wanted.kinds,
            &$wanted.objects,
            &$wanted.ids,
            $wanted.from,
            $wanted.until,
            $after,
            $before,
            $limit,
        )
        .fetch_all($conn)
        .await?
    };
}

/// At most `limit` events, the newest first.
pub async fn list(conn: &mut PgConnection, wanted: &Wanted, limit: i64) -> Result<Vec<Happened>, StoreError> {
    let (after, before) = (wanted.after.map(|id| id.0), wanted.before.map(|id| id.0));
    // Two statements, for each is one walk of an index: from a page's end backwards, from its beginning forwards.
    let mut rows = if before.is_none() {
        wanted_rows!("desc", conn, wanted, after, before, limit)
    } else {
        wanted_rows!("asc", conn, wanted, after, before, limit)
    };
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.event_id));
    Ok(rows.into_iter().map(Happened::from).collect())
}

/// An event by its id.
pub async fn find(conn: &mut PgConnection, id: EventId) -> Result<Option<Happened>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select event_id, occurred_at, account_id, object_id, kind, actor, detail from events where event_id = $1",
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Happened::from))
}

struct Row {
    event_id: Uuid,
    occurred_at: DateTime<Utc>,
    account_id: Option<Uuid>,
    object_id: Option<Uuid>,
    kind: String,
    actor: String,
    detail: Value,
}

impl From<Row> for Happened {
    fn from(row: Row) -> Self {
        Self {
            id: EventId(row.event_id),
            occurred_at: row.occurred_at,
            account: row.account_id.map(AccountId),
            object: row.object_id,
            kind: row.kind,
            actor: row.actor,
            detail: row.detail,
        }
    }
}

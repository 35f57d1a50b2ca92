//! Hits across accounts, as people work them off: filtered, page by page; who looks at them, what they noted.
//!
//! Which index a page is read by depends on the filter, so there is a statement for each: a walk over millions
//! of hits that keeps three of them would answer too late.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::{
    domain::{
        hit::HitState,
        id::{AccountId, HitId, MonitorId},
    },
    vault::WrappedKey,
};

/// In which order hits are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The newest first.
    #[default]
    Newest,
    /// The likeliest first.
    Score,
}

/// Which hits; all when nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of this schedule.
    pub schedule_id: Option<i32>,
    /// On this list.
    pub list: Option<String>,
    /// In any of these states; in any when empty.
    pub states: Vec<HitState>,
    /// Of at least this score.
    pub score_from: Option<f32>,
    /// Of at most this score.
    pub score_to: Option<f32>,
    /// First seen at this time or later.
    pub seen_from: Option<DateTime<Utc>>,
    /// First seen before this time.
    pub seen_to: Option<DateTime<Utc>>,
    /// Assigned to this person; to nobody when empty.
    pub assignee: Option<String>,
}

/// A page.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The order.
    pub sort: Sort,
    /// Behind this hit.
    pub after: Option<HitId>,
    /// Before this hit.
    pub before: Option<HitId>,
    /// At most so many.
    pub limit: i64,
}

/// The hits of a page, in its order. Behind a hit that is not there, there is nothing.
pub async fn list(conn: &mut PgConnection, filter: &Filter, page: Page) -> Result<Vec<HitId>, StoreError> {
    let (is_forward, cursor) = match (page.after, page.before) {
        (Some(after), _) => (true, Some(after)),
        (None, Some(before)) => (false, Some(before)),
        (None, None) => (true, None),
    };
    let place = match cursor {
        None => Place::FIRST,
        Some(hit) => match find_place(conn, hit).await? {
            Some(place) => place,
            None => return Ok(Vec::new()),
        },
    };
    let mut ids = read(conn, filter, page, is_forward, place).await?;
    if !is_forward {
        ids.reverse();
    }
    Ok(ids.into_iter().map(HitId).collect())
}

/// Where a page begins.
#[derive(Clone, Copy)]
struct Place {
    seen_at: DateTime<Utc>,
    score: f32,
    hit: Uuid,
}

impl Place {
    const FIRST: Self = Self { seen_at: DateTime::<Utc>::MAX_UTC, score: f32::MAX, hit: Uuid::max() };
}

async fn find_place(conn: &mut PgConnection, hit: HitId) -> Result<Option<Place>, StoreError> {
    let place = sqlx::query_as!(
        Place,
        "select first_seen_at as seen_at, score, hit_id as hit from hits where shard = $1 and hit_id = $2",
        hit.shard().column(),
        hit.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(place)
}

/// The statement of one index, order and direction.
macro_rules! statement {
    ($conn:ident, $parts:ident, $by:literal, newest, $than:literal, $order:literal) => {
        statement!(
            $conn,
            $parts,
            $by,
            " and (hit.first_seen_at, hit.hit_id) ",
            $than,
            " ($10, $11) and $12::real is not null order by hit.first_seen_at ",
            $order
        )
    };
    ($conn:ident, $parts:ident, $by:literal, score, $than:literal, $order:literal) => {
        statement!(
            $conn,
            $parts,
            $by,
            " and (hit.score, hit.hit_id) ",
            $than,
            " ($12, $11) and $10::timestamptz is not null order by hit.score ",
            $order
        )
    };
    ($conn:ident, $parts:ident, $by:literal, $key:literal, $than:literal, $cursor:literal, $order:literal) => {
        sqlx::query_scalar!(
            "select hit.hit_id from hits as hit where "
                + $by
                + " and ($1::uuid is null or hit.account_id = $1)
                    and ($2::integer is null or hit.schedule_id = $2)
                    and ($3::text is null or hit.list = $3)
                    and (cardinality($4::text[]) = 0 or hit.state = any($4))
                    and ($5::real is null or hit.score >= $5)
                    and ($6::real is null or hit.score <= $6)
                    and ($7::timestamptz is null or hit.first_seen_at >= $7)
                    and ($8::timestamptz is null or hit.first_seen_at < $8)
                    and ($9::text is null or coalesce(hit.assignee, '') = $9)"
                + $key
                + $than
                + $cursor
                + $order
                + ", hit.hit_id "
                + $order
                + " limit $13",
            $parts.account,
            $parts.schedule,
            $parts.list,
            &$parts.states,
            $parts.score_from,
            $parts.score_to,
            $parts.seen_from,
            $parts.seen_to,
            $parts.assignee,
            $parts.place.seen_at,
            $parts.place.hit,
            $parts.place.score,
            $parts.limit,
        )
        .fetch_all($conn)
        .await?
    };
}

/// Both orders and both directions of one index.
macro_rules! statements {
    ($conn:ident, $parts:ident, $by:literal) => {
        match ($parts.sort, $parts.is_forward) {
            (Sort::Newest, true) => statement!($conn, $parts, $by, newest, "<", "desc"),
            (Sort::Newest, false) => statement!($conn, $parts, $by, newest, ">", "asc"),
            (Sort::Score, true) => statement!($conn, $parts, $by, score, "<", "desc"),
            (Sort::Score, false) => statement!($conn, $parts, $by, score, ">", "asc"),
        }
    };
}

struct Parts {
    account: Option<Uuid>,
    schedule: Option<i32>,
    list: Option<String>,
    states: Vec<String>,
    score_from: Option<f32>,
    score_to: Option<f32>,
    seen_from: Option<DateTime<Utc>>,
    seen_to: Option<DateTime<Utc>>,
    assignee: Option<String>,
    sort: Sort,
    is_forward: bool,
    place: Place,
    limit: i64,
}

async fn read(
    conn: &mut PgConnection,
    filter: &Filter,
    page: Page,
    is_forward: bool,
    place: Place,
) -> Result<Vec<Uuid>, StoreError> {
    let parts = Parts {
        account: filter.account.map(|account| account.0),
        schedule: filter.schedule_id,
        list: filter.list.clone(),
        states: filter.states.iter().map(|state| state.word().to_owned()).collect(),
        score_from: filter.score_from,
        score_to: filter.score_to,
        seen_from: filter.seen_from,
        seen_to: filter.seen_to,
        assignee: filter.assignee.clone(),
        sort: page.sort,
        is_forward,
        place,
        limit: page.limit,
    };
    let is_open = filter.states == [HitState::Open];
    let is_assigned = filter.assignee.as_ref().is_some_and(|assignee| !assignee.is_empty());
    Ok(if filter.account.is_some() {
        statements!(conn, parts, "hit.account_id = $1")
    } else if is_assigned {
        statements!(conn, parts, "hit.assignee = $9")
    } else if is_open {
        statements!(conn, parts, "hit.state = 'open'")
    } else if filter.schedule_id.is_some() {
        statements!(conn, parts, "hit.schedule_id = $2")
    } else if filter.list.is_some() {
        statements!(conn, parts, "hit.list = $3")
    } else {
        statements!(conn, parts, "true")
    })
}

/// The hits of monitors that their last answers name, the likeliest first, at most `limit` of each.
pub async fn list_of_monitors(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
    limit: i64,
) -> Result<Vec<HitId>, StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let hits = sqlx::query_scalar!(
        r#"
        select hit.hit_id
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        cross join lateral (
            select hit_id
            from hits
            where hits.shard = wanted.shard
              and hits.monitor_id = wanted.monitor_id
              and hits.state <> 'gone'
            order by hits.score desc, hits.hit_id
            limit $3
        ) as hit
        "#,
        &shards,
        &ids,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(hits.into_iter().map(HitId).collect())
}

/// A hit as it is shown.
#[derive(Debug)]
pub struct HitRow {
    /// Its id.
    pub id: HitId,
    /// The account.
    pub account: AccountId,
    /// The customer's own id of the account.
    pub reference_id: Option<String>,
    /// The name of the account's type.
    pub account_type: String,
    /// The monitor.
    pub monitor: MonitorId,
    /// The schedule that the monitor is of.
    pub schedule: String,
    /// The entity.
    pub entity: String,
    /// The list.
    pub list: String,
    /// Where it stands.
    pub state: HitState,
    /// 0 to 1.
    pub score: f32,
    /// Name, facts and reasons, sealed; none when the report was redacted.
    pub sealed_content: Option<Vec<u8>>,
    /// The key that opens what is the report's; none when the report was redacted.
    pub key: Option<WrappedKey>,
    /// When a run first found it.
    pub first_seen_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// Who is to look at it.
    pub assignee: Option<String>,
    /// Since when.
    pub assigned_at: Option<DateTime<Utc>>,
    /// When somebody decided on it.
    pub decided_at: Option<DateTime<Utc>>,
    /// Who.
    pub decided_by: Option<String>,
    /// Why, sealed under the report's key.
    pub sealed_reason: Option<Vec<u8>>,
    /// What changed since somebody looked at it.
    pub changes: Vec<String>,
    /// Why the account's decision on the entity was made, sealed, with the account's key.
    pub account_reason: Option<(Vec<u8>, WrappedKey)>,
}

/// Those of `ids` that are hits, in their order.
pub async fn get_all(conn: &mut PgConnection, ids: &[HitId]) -> Result<Vec<HitRow>, StoreError> {
    let shards: Vec<i16> = ids.iter().map(|hit| hit.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|hit| hit.0).collect();
    let rows = sqlx::query!(
        r#"
        select hit.hit_id, hit.account_id, account.reference_id, type.name as type_name, hit.monitor_id,
               schedule.name as schedule_name, hit.entity, hit.list, hit.state, hit.score, hit.sealed_content,
               kept.key_id as "key_id?", kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?",
               hit.first_seen_at, hit.changed_at, hit.decided_at, hit.decided_by, hit.sealed_reason, hit.assignee,
               hit.assigned_at, hit.changes, decision.sealed_reason as "account_reason?", own.key_id as "own_key_id?",
               own.master_key_id as "own_master_key_id?", own.wrapped as "own_wrapped?"
        from unnest($1::smallint[], $2::uuid[]) with ordinality as wanted (shard, hit_id, place)
        join hits as hit using (shard, hit_id)
        join accounts as account on account.shard = shard_of(hit.account_id) and account.account_id = hit.account_id
        join account_types as type using (account_type_id)
        join monitors as monitor on monitor.shard = hit.shard and monitor.monitor_id = hit.monitor_id
        join schedules as schedule on schedule.schedule_id = monitor.schedule_id
        left join data_keys as kept on kept.shard = hit.shard and kept.object_id = hit.monitor_id
        left join decisions as decision
            on decision.shard = account.shard
           and decision.account_id = account.account_id
           and decision.entity = hit.entity
        left join data_keys as own on own.shard = account.shard and own.object_id = account.account_id
        order by wanted.place
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    let key = |id: Option<Uuid>, master: Option<String>, wrapped: Option<Vec<u8>>| {
        let ((key_id, master_key_id), wrapped) = id.zip(master).zip(wrapped)?;
        Some(WrappedKey { key_id, master_key_id, wrapped })
    };
    rows.into_iter()
        .map(|row| {
            let own = key(row.own_key_id, row.own_master_key_id, row.own_wrapped);
            Ok(HitRow {
                id: HitId(row.hit_id),
                account: AccountId(row.account_id),
                reference_id: row.reference_id,
                account_type: row.type_name,
                monitor: MonitorId(row.monitor_id),
                schedule: row.schedule_name,
                entity: row.entity,
                list: row.list,
                state: HitState::from_word(&row.state)
                    .ok_or(StoreError::Inconsistent { column: "hits.state" })?,
                score: row.score,
                sealed_content: row.sealed_content,
                key: key(row.key_id, row.master_key_id, row.wrapped),
                first_seen_at: row.first_seen_at,
                changed_at: row.changed_at,
                assignee: row.assignee,
                assigned_at: row.assigned_at,
                decided_at: row.decided_at,
                decided_by: row.decided_by,
                sealed_reason: row.sealed_reason,
                changes: row.changes.unwrap_or_default(),
                account_reason: row.account_reason.zip(own),
            })
        })
        .collect()
}

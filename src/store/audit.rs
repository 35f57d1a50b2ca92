//! The audit log: entries that wait for their number, the chain of those that have one.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::{
    domain::audit::{Chained, Entry},
    vault::ChainKey,
};

/// The chain's name among those under one key.
const CHAIN: &str = "audit";

/// The link of an entry to the one before.
pub fn link(key: &ChainKey, previous: &[u8; 32], sequence: i64, entry: &Entry) -> [u8; 32] {
    key.link(CHAIN, previous, &entry.bytes(sequence))
}

/// Entries as columns.
#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    times: Vec<DateTime<Utc>>,
    operations: Vec<String>,
    accounts: Vec<Option<Uuid>>,
    objects: Vec<Option<Uuid>>,
    /// Arrays of one length only can be arrays of arrays: these are written as text.
    all_objects: Vec<String>,
    actors: Vec<String>,
    origin_kinds: Vec<String>,
    origin_ids: Vec<Option<String>>,
    addresses: Vec<Option<String>>,
    details: Vec<String>,
}

impl Columns {
    fn of<'a>(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut columns = Self::default();
        for entry in entries {
            columns.ids.push(entry.id);
            columns.times.push(entry.occurred_at);
            columns.operations.push(entry.operation.clone());
            columns.accounts.push(entry.account);
            columns.objects.push(entry.object);
            let objects: Vec<String> = entry.objects.iter().map(Uuid::to_string).collect();
            columns.all_objects.push(format!("{{{}}}", objects.join(",")));
            columns.actors.push(entry.actor.clone());
            columns.origin_kinds.push(entry.origin_kind.clone());
            columns.origin_ids.push(entry.origin_id.clone());
            columns.addresses.push(entry.address.clone());
            columns.details.push(entry.detail.clone());
        }
        columns
    }
}

/// Appends entries that wait for their number.
pub async fn insert_pending(conn: &mut PgConnection, entries: &[Entry]) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(entries.iter());
    sqlx::query!(
        r#"
        insert into audit_pending (
            entry_id, occurred_at, operation, account_id, object_id, objects, actor, origin_kind, origin_id, address,
            detail
        )
        select entry_id, occurred_at, operation, account_id, object_id, objects::uuid[], actor, origin_kind, origin_id,
               address, detail
        from unnest(
                 $1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[],
                 $9::text[], $10::text[], $11::text[]
             ) as new (
                 entry_id, occurred_at, operation, account_id, object_id, objects, actor, origin_kind, origin_id,
                 address, detail
             )
        "#,
        &columns.ids,
        &columns.times,
        &columns.operations,
        &columns.accounts as &[Option<Uuid>],
        &columns.objects as &[Option<Uuid>],
        &columns.all_objects,
        &columns.actors,
        &columns.origin_kinds,
        &columns.origin_ids as &[Option<String>],
        &columns.addresses as &[Option<String>],
        &columns.details,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Numbers at most `limit` committed entries whose id is not below `from`, and chains them. Tells how many.
///
/// Sequencers wait for each other on the head's row, so no number is given twice or left out.
pub async fn sequence(
    conn: &mut PgConnection,
    key: &ChainKey,
    from: Uuid,
    limit: i64,
) -> Result<usize, StoreError> {
    let head =
        sqlx::query!("select sequence, mac from audit_head for update").fetch_optional(&mut *conn).await?;
    let head = head.ok_or(StoreError::Inconsistent { column: "audit_head.sequence" })?;
    let (mut sequence, mut mac) = (head.sequence, hash(&head.mac));
    // What another sequencer takes at this moment is seen no more once the head is ours.
    let taken = sqlx::query_as!(
        Pending,
        r#"
        delete from audit_pending
        where entry_id in (
            select entry_id from audit_pending
            where entry_id >= $1
            order by entry_id
            limit $2
        )
        returning entry_id, occurred_at, operation, account_id, object_id, objects, actor, origin_kind, origin_id,
                  address, detail
        "#,
        from,
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    if taken.is_empty() {
        return Ok(0);
    }
    let mut entries: Vec<Entry> = taken.into_iter().map(Entry::from).collect();
    entries.sort_unstable_by_key(|entry| (entry.occurred_at, entry.id));
    let (mut sequences, mut macs) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
    for entry in &entries {
        sequence += 1;
        mac = link(key, &mac, sequence, entry);
        sequences.push(sequence);
        macs.push(mac.to_vec());
    }
    let columns = Columns::of(entries.iter());
    sqlx::query!(
        r#"
        insert into audit_entries (
            sequence, mac, entry_id, occurred_at, operation, account_id, object_id, objects, actor, origin_kind,
            origin_id, address, detail
        )
        select sequence, mac, entry_id, occurred_at, operation, account_id, object_id, objects::uuid[], actor,
               origin_kind, origin_id, address, detail
        from unnest(
                 $1::bigint[], $2::bytea[], $3::uuid[], $4::timestamptz[], $5::text[], $6::uuid[], $7::uuid[],
                 $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[]
             ) as new (
                 sequence, mac, entry_id, occurred_at, operation, account_id, object_id, objects, actor, origin_kind,
                 origin_id, address, detail
             )
        "#,
        &sequences,
        &macs,
        &columns.ids,
        &columns.times,
        &columns.operations,
        &columns.accounts as &[Option<Uuid>],
        &columns.objects as &[Option<Uuid>],
        &columns.all_objects,
        &columns.actors,
        &columns.origin_kinds,
        &columns.origin_ids as &[Option<String>],
        &columns.addresses as &[Option<String>],
        &columns.details,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("update audit_head set sequence = $1, mac = $2", sequence, mac.as_slice())
        .execute(conn)
        .await?;
    Ok(entries.len())
}

/// The last number given, and the hash of its entry; 0 before the first.
pub async fn head(conn: &mut PgConnection) -> Result<Option<(i64, [u8; 32])>, StoreError> {
    let row = sqlx::query!("select sequence, mac from audit_head").fetch_optional(conn).await?;
    Ok(row.map(|row| (row.sequence, hash(&row.mac))))
}

/// Which entries are wanted; what is none asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// An object that they are about.
    pub object: Option<Uuid>,
    /// What was done; with a trailing `*` for any rest.
    pub operation: Option<String>,
    /// Who did it: an actor, a key's id, a user, with or without what stands around the name.
    pub actor: Option<String>,
    /// From when on.
    pub since: Option<DateTime<Utc>>,
    /// Before when.
    pub until: Option<DateTime<Utc>>,
    /// Only older ones than this number.
    pub after: Option<i64>,
    /// Only newer ones than this number, the oldest of them.
    pub before: Option<i64>,
}

macro_rules! wanted_rows {
    ($direction:literal, $conn:ident, $wanted:ident, $operation:ident, $limit:ident) => {
        sqlx::query_as!(
            Row,
            "
        select sequence, entry_id, occurred_at, operation, account_id, object_id, objects, actor, origin_kind,
               origin_id, address, detail, mac
        from audit_entries
        where ($1::uuid is null or objects @> array[$1])
          and ($2::text is null or operation like $2)
          -- A user of the host is cli:NAME as an actor, and NAME (NUMBER) as the kernel has it.
          and ($3::text is null or actor = $3 or origin_id = $3 or actor = 'cli:' || $3
               or starts_with(origin_id, $3 || ' ('))
          and ($4::timestamptz is null or occurred_at >= $4)
          and ($5::timestamptz is null or occurred_at < $5)
          and ($6::bigint is null or sequence < $6)
          and ($7::bigint is null or sequence > $7)
        order by sequence "
                + $direction
                + "
        limit $8",
            $wanted.object,
            $operation,
            $wanted.actor,
            $wanted.since,
            $wanted.until,
            $wanted.after,
            $wanted.before,
            $limit,
        )
        .fetch_all($conn)
        .await?
    };
}

/// At most `limit` entries, the newest first.
pub async fn list(conn: &mut PgConnection, wanted: &Wanted, limit: i64) -> Result<Vec<Chained>, StoreError> {
    let operation = wanted.operation.as_ref().map(|text| {
        let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        escaped.strip_suffix('*').map_or(escaped.clone(), |start| format!("{start}%"))
    });
    // Two statements, for each is one walk of an index.
    let mut rows = if wanted.before.is_none() {
        wanted_rows!("desc", conn, wanted, operation, limit)
    } else {
        wanted_rows!("asc", conn, wanted, operation, limit)
    };
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.sequence));
    Ok(rows.into_iter().map(Chained::from).collect())
}

/// At most `limit` entries after a number, in order.
pub async fn page(conn: &mut PgConnection, after: i64, limit: i64) -> Result<Vec<Chained>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select sequence, entry_id, occurred_at, operation, account_id, object_id, objects, actor, origin_kind,
               origin_id, address, detail, mac
        from audit_entries
        where sequence > $1
        order by sequence
        limit $2
        "#,
        after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Chained::from).collect())
}

/// How many entries have a number: one, unless somebody took the table's key away.
pub async fn count(conn: &mut PgConnection, sequence: i64) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from audit_entries where sequence = $1"#,
        sequence,
    );
    Ok(count.fetch_one(conn).await?)
}

/// The entry of a number.
pub async fn find(conn: &mut PgConnection, sequence: i64) -> Result<Option<Chained>, StoreError> {
    Ok(page(conn, sequence.saturating_sub(1), 1).await?.into_iter().find(|found| found.sequence == sequence))
}

/// The newest redaction of an object.
pub async fn find_redaction(conn: &mut PgConnection, object: Uuid) -> Result<Option<Chained>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select sequence, entry_id, occurred_at, operation, account_id, object_id, objects, actor, origin_kind,
               origin_id, address, detail, mac
        from audit_entries
        where objects @> array[$1::uuid]
          and operation like '%redacted'
          -- A field may have the same name: only the detail's own.
          and detail::jsonb ? 'keys'
        -- Its own before that of a part of it, or of what it was a part of.
        order by (coalesce(object_id, account_id) is not distinct from $1) desc, sequence desc
        limit 1
        "#,
        object,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Chained::from))
}

/// What was never 32 bytes is nobody's hash.
fn hash(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().unwrap_or([0xFF; 32])
}

struct Pending {
    entry_id: Uuid,
    occurred_at: DateTime<Utc>,
    operation: String,
    account_id: Option<Uuid>,
    object_id: Option<Uuid>,
    objects: Vec<Uuid>,
    actor: String,
    origin_kind: String,
    origin_id: Option<String>,
    address: Option<String>,
    detail: String,
}

impl From<Pending> for Entry {
    fn from(row: Pending) -> Self {
        Self {
            id: row.entry_id,
            occurred_at: row.occurred_at,
            operation: row.operation,
            account: row.account_id,
            object: row.object_id,
            objects: row.objects,
            actor: row.actor,
            origin_kind: row.origin_kind,
            origin_id: row.origin_id,
            address: row.address,
            detail: row.detail,
        }
    }
}

struct Row {
    sequence: i64,
    entry_id: Uuid,
    occurred_at: DateTime<Utc>,
    operation: String,
    account_id: Option<Uuid>,
    object_id: Option<Uuid>,
    objects: Vec<Uuid>,
    actor: String,
    origin_kind: String,
    origin_id: Option<String>,
    address: Option<String>,
    detail: String,
    mac: Vec<u8>,
}

impl From<Row> for Chained {
    fn from(row: Row) -> Self {
        let entry = Entry {
            id: row.entry_id,
            occurred_at: row.occurred_at,
            operation: row.operation,
            account: row.account_id,
            object: row.object_id,
            objects: row.objects,
            actor: row.actor,
            origin_kind: row.origin_kind,
            origin_id: row.origin_id,
            address: row.address,
            detail: row.detail,
        };
        Self { sequence: row.sequence, entry, mac: hash(&row.mac) }
    }
}

//! Relations between accounts and transactions, found from both of their ends.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, standings::columns};
use crate::domain::{
    id::{AccountId, TransactionId},
    relation::ObjectKind,
};

/// One end of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Account or transaction.
    pub kind: ObjectKind,
    /// Its id.
    pub id: Uuid,
}

impl End {
    /// The last byte of an id is its shard, whatever it names.
    fn shard(self) -> i16 {
        self.id.as_bytes().last().map_or(0, |shard| i16::from(*shard))
    }
}

/// Adds a relation. False when it is there already.
pub async fn insert(
    conn: &mut PgConnection,
    from: End,
    key: &str,
    to: End,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        insert into relations (shard, object_id, object_kind, relation_key, target_id, target_kind, created_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict on constraint relations_pkey do nothing
        "#,
        from.shard(),
        from.id,
        from.kind.word(),
        key,
        to.id,
        to.kind.word(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a relation away. False when there is none.
pub async fn remove(conn: &mut PgConnection, from: End, key: &str, to: Uuid) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "delete from relations where shard = $1 and object_id = $2 and relation_key = $3 and target_id = $4",
        from.shard(),
        from.id,
        key,
        to,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A target that a thing has under a key: one that it may have only one of.
pub async fn find_target(conn: &mut PgConnection, from: End, key: &str) -> Result<Option<Uuid>, StoreError> {
    let target = sqlx::query_scalar!(
        "select target_id from relations where shard = $1 and object_id = $2 and relation_key = $3 limit 1",
        from.shard(),
        from.id,
        key,
    )
    .fetch_optional(conn)
    .await?;
    Ok(target)
}

/// Which part of a list is asked for: newest ids first.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Ids below this one.
    pub below: Uuid,
    /// Ids above this one.
    pub above: Uuid,
    /// Whether the lowest of them are asked for, not the highest: the page right before one that is known.
    pub lowest: bool,
    /// Relations made at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Relations made before or at this time.
    pub until: Option<DateTime<Utc>>,
    /// How many at most.
    pub limit: i64,
}

/// The targets of a thing under a key, the newest ids first.
pub async fn list_targets(
    conn: &mut PgConnection,
    from: End,
    key: &str,
    part: Part,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = if part.lowest {
        sqlx::query_scalar!(
            r#"
            select target_id
            from relations
            where shard = $1
              and object_id = $2
              and relation_key = $3
              and target_id < $4
              and target_id > $5
              and ($6::timestamptz is null or created_at >= $6)
              and ($7::timestamptz is null or created_at <= $7)
            order by target_id
            limit $8
            "#,
            from.shard(),
            from.id,
            key,
            part.below,
            part.above,
            part.from,
            part.until,
            part.limit,
        )
        .fetch_all(conn)
        .await?
    } else {
        sqlx::query_scalar!(
            r#"
            select target_id
            from relations
            where shard = $1
              and object_id = $2
              and relation_key = $3
              and target_id < $4
              and target_id > $5
              and ($6::timestamptz is null or created_at >= $6)
              and ($7::timestamptz is null or created_at <= $7)
            order by target_id desc
            limit $8
            "#,
            from.shard(),
            from.id,
            key,
            part.below,
            part.above,
            part.from,
            part.until,
            part.limit,
        )
        .fetch_all(conn)
        .await?
    };
    Ok(newest_first(ids))
}

/// The things that lead to `to` by any of `keys`, those of one kind, the newest ids first.
pub async fn list_sources(
    conn: &mut PgConnection,
    to: Uuid,
    kind: ObjectKind,
    keys: &[String],
    part: Part,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = if part.lowest {
        sqlx::query_scalar!(
            r#"
            select found.object_id
            from unnest($2::text[]) as wanted (relation_key)
            cross join lateral (
                select object_id
                from relations
                where relations.target_id = $1
                  and relations.relation_key = wanted.relation_key
                  and object_kind = $7
                  and object_id < $3
                  and object_id > $4
                  and ($5::timestamptz is null or created_at >= $5)
                  and ($6::timestamptz is null or created_at <= $6)
                order by object_id
                limit $8
            ) as found
            -- Two relations may read by one name.
            group by found.object_id
            order by found.object_id
            limit $8
            "#,
            to,
            keys,
            part.below,
            part.above,
            part.from,
            part.until,
            kind.word(),
            part.limit,
        )
        .fetch_all(conn)
        .await?
    } else {
        sqlx::query_scalar!(
            r#"
            select found.object_id
            from unnest($2::text[]) as wanted (relation_key)
            cross join lateral (
                select object_id
                from relations
                where relations.target_id = $1
                  and relations.relation_key = wanted.relation_key
                  and object_kind = $7
                  and object_id < $3
                  and object_id > $4
                  and ($5::timestamptz is null or created_at >= $5)
                  and ($6::timestamptz is null or created_at <= $6)
                order by object_id desc
                limit $8
            ) as found
            -- Two relations may read by one name.
            group by found.object_id
            order by found.object_id desc
            limit $8
            "#,
            to,
            keys,
            part.below,
            part.above,
            part.from,
            part.until,
            kind.word(),
            part.limit,
        )
        .fetch_all(conn)
        .await?
    };
    Ok(newest_first(ids))
}

fn newest_first(mut ids: Vec<Uuid>) -> Vec<Uuid> {
    ids.sort_unstable_by(|one, other| other.cmp(one));
    ids
}

/// Has the relations of `sources`, from them and to them, be those of `destination`. What it has already, or may
/// have only once (`single` keys) and has, stays; what would lead to itself goes.
pub async fn save_moved(
    conn: &mut PgConnection,
    sources: &[Uuid],
    destination: End,
    single: &[String],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        with gone as (
            delete from relations as kept
            using unnest($1::uuid[]) as source (object_id)
            where kept.shard = get_byte(uuid_send(source.object_id), 15)
              and kept.object_id = source.object_id
            returning kept.*
        ), wanted as (
            select gone.*,
                   row_number() over (
                       partition by gone.relation_key order by gone.created_at, gone.target_id
                   ) as place
            from gone
            where gone.target_id <> $2
              and not gone.target_id = any($1)
        )
        insert into relations (shard, object_id, object_kind, relation_key, target_id, target_kind, created_at)
        select $3, $2, object_kind, relation_key, target_id, target_kind, created_at
        from wanted
        where not relation_key = any($4)
           or (place = 1
               and not exists (
                   select from relations as own
                   where own.shard = $3
                     and own.object_id = $2
                     and own.relation_key = wanted.relation_key))
        on conflict on constraint relations_pkey do nothing
        "#,
        sources,
        destination.id,
        destination.shard(),
        single,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        with gone as (
            delete from relations
            where target_id = any($1)
            returning *
        )
        insert into relations (shard, object_id, object_kind, relation_key, target_id, target_kind, created_at)
        select shard, object_id, object_kind, relation_key, $2, target_kind, min(created_at)
        from gone
        where object_id <> $2
        group by shard, object_id, object_kind, relation_key, target_kind
        on conflict on constraint relations_pkey do nothing
        "#,
        sources,
        destination.id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The transactions that accounts are related to, by whichever end.
pub async fn list_transactions(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<TransactionId>, StoreError> {
    let (shards, ids) = columns(accounts);
    let ids = sqlx::query_scalar!(
        r#"
        select target_id as "id!"
        from unnest($1::smallint[], $2::uuid[]) as account (shard, object_id)
        join relations using (shard, object_id)
        where target_kind = 'transaction'
        union
        select object_id from relations
        where target_id = any($2)
          and object_kind = 'transaction'
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(TransactionId).collect())
}

/// Whether [`save_moved`] would leave a transaction of `sources` without its relation: under a key of `single`, which
/// `destination` has already, or which more than one of the sources has.
pub async fn is_any_transaction_lost(
    conn: &mut PgConnection,
    sources: &[AccountId],
    destination: AccountId,
    single: &[String],
) -> Result<bool, StoreError> {
    let (shards, ids) = columns(sources);
    let is_any = sqlx::query_scalar!(
        r#"
        with moved as (
            select relation_key, target_id, target_kind
            from unnest($1::smallint[], $2::uuid[]) as source (shard, object_id)
            join relations using (shard, object_id)
            where relation_key = any($5)
        ), standing as (
            select relation_key, target_id from relations where shard = $3 and object_id = $4
            union
            select relation_key, target_id from moved
        )
        select exists (
            select from moved
            where moved.target_kind = 'transaction'
              and exists (
                  select from standing
                  where standing.relation_key = moved.relation_key
                    and standing.target_id <> moved.target_id)) as "is_any!"
        "#,
        &shards,
        &ids,
        destination.shard().column(),
        destination.0,
        single,
    )
    .fetch_one(conn)
    .await?;
    Ok(is_any)
}

//! What a change of a list brought: the runs that it began against the list's new version, and what they told.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    domain::id::{AccountId, RunId},
    store::StoreError,
};

/// When a version of a list came into force; none when it has no such number here.
pub async fn version_taken_at(
    conn: &mut PgConnection,
    list: &str,
    number: i64,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let taken_at = sqlx::query_scalar!(
        "select taken_at from list_versions where list = $1 and number = $2",
        list,
        number,
    );
    Ok(taken_at.fetch_optional(conn).await?)
}

/// When the same version of a list came into force once more: what rests on it from then on is another change's.
pub async fn next_taken_at(
    conn: &mut PgConnection,
    list: &str,
    number: i64,
    version: &str,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let next = sqlx::query_scalar!(
        "select min(taken_at) from list_versions where list = $1 and number > $2 and version = $3",
        list,
        number,
        version,
    );
    Ok(next.fetch_one(conn).await?)
}

/// What runs rest on that compared with a version of a list. `list` is as the configuration names it, in whatever case.
pub async fn list_bases(conn: &mut PgConnection, list: &str, version: &str) -> Result<Vec<i32>, StoreError> {
    let bases = sqlx::query_scalar!(
        r#"
        select basis_id
        from run_bases
        where exists (
            select from jsonb_array_elements(
                case when jsonb_typeof(detail -> 'lists') = 'array' then detail -> 'lists' else '[]' end
            ) as one (list)
            where lower(one.list ->> 'name') = lower($1::text)
              and one.list ->> 'version' = $2::text
        )
        "#,
        list,
        version,
    );
    Ok(bases.fetch_all(conn).await?)
}

/// How many runs were recorded, and when.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// How many.
    pub runs: i64,
    /// The first.
    pub first_at: Option<DateTime<Utc>>,
    /// The last.
    pub last_at: Option<DateTime<Utc>>,
}

/// The runs for a change of a list that rested on `bases` and were recorded from a time on, and before another: counted up
/// to `most`. Of old months those count that are kept whole.
pub async fn count_recorded(
    conn: &mut PgConnection,
    bases: &[i32],
    (from, until): (DateTime<Utc>, Option<DateTime<Utc>>),
    most: i64,
) -> Result<Recorded, StoreError> {
    let runs = sqlx::query_scalar!(
        r#"
        select count(*) as "runs!"
        from (
            select from whole_runs
            where trigger = 'list-change'
              and basis_id = any($1)
              and recorded_at >= $2
              and ($3::timestamptz is null or recorded_at < $3)
              and outcome <> 'superseded'
            limit $4
        ) as run
        "#,
        bases,
        from,
        until,
        most,
    )
    .fetch_one(&mut *conn)
    .await?;
    let ends = sqlx::query!(
        r#"
        select min(edge.first_at) as first_at, max(edge.last_at) as last_at
        from unnest($1::integer[]) as basis (basis_id)
        cross join (values (false), (true)) as kind (changed)
        -- Two probes of the index for each, however many runs there are.
        cross join lateral (
            select (
                       select recorded_at from whole_runs
                       where trigger = 'list-change'
                         and whole_runs.basis_id = basis.basis_id
                         and whole_runs.changed = kind.changed
                         and recorded_at >= $2
                         and ($3::timestamptz is null or recorded_at < $3)
                         and outcome <> 'superseded'
                       order by recorded_at
                       limit 1
                   ) as first_at,
                   (
                       select recorded_at from whole_runs
                       where trigger = 'list-change'
                         and whole_runs.basis_id = basis.basis_id
                         and whole_runs.changed = kind.changed
                         and recorded_at >= $2
                         and ($3::timestamptz is null or recorded_at < $3)
                         and outcome <> 'superseded'
                       order by recorded_at desc
                       limit 1
                   ) as last_at
        ) as edge
        "#,
        bases,
        from,
        until,
    )
    .fetch_one(conn)
    .await?;
    Ok(Recorded { runs, first_at: ends.first_at, last_at: ends.last_at })
}

/// A run whose answer differed from the one before.
#[derive(Clone, Debug)]
pub struct ChangedRun {
    /// Its id.
    pub id: RunId,
    /// The account.
    pub account: AccountId,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// Those of the same runs whose answers differed from the ones before, the oldest first.
pub async fn list_changed(
    conn: &mut PgConnection,
    bases: &[i32],
    (from, until): (DateTime<Utc>, Option<DateTime<Utc>>),
    limit: i64,
) -> Result<Vec<ChangedRun>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select run.run_id as "run_id!", run.recorded_at as "recorded_at!", monitor.account_id
        from (
            select run_id, monitor_id, shard, recorded_at
            from whole_runs
            where trigger = 'list-change'
              and basis_id = any($1)
              and changed
              and recorded_at >= $2
              and ($3::timestamptz is null or recorded_at < $3)
            order by recorded_at, run_id
            limit $4
        ) as run
        join monitors as monitor on monitor.shard = run.shard and monitor.monitor_id = run.monitor_id
        order by run.recorded_at, run.run_id
        "#,
        bases,
        from,
        until,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ChangedRun {
            id: RunId(row.run_id),
            account: AccountId(row.account_id),
            recorded_at: row.recorded_at,
        })
        .collect())
}

/// Something that was told.
#[derive(Clone, Debug)]
pub struct Told {
    /// When.
    pub at: DateTime<Utc>,
    /// What, as events are named.
    pub kind: String,
    /// Its detail.
    pub detail: Value,
}

/// What was told of reports of these accounts at these times, each named once; the oldest first.
pub async fn list_told(
    conn: &mut PgConnection,
    told: &[(AccountId, DateTime<Utc>)],
) -> Result<Vec<Told>, StoreError> {
    let (accounts, times): (Vec<Uuid>, Vec<DateTime<Utc>>) =
        told.iter().map(|(account, at)| (account.0, *at)).unzip();
    let rows = sqlx::query!(
        r#"
        select event.occurred_at, event.kind, event.detail
        from unnest($1::uuid[], $2::timestamptz[]) as told (account_id, at)
        join events as event on event.account_id = told.account_id and event.occurred_at = told.at
        where event.kind like 'report%'
        order by event.occurred_at, event.event_id
        "#,
        &accounts,
        &times,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Told { at: row.occurred_at, kind: row.kind, detail: row.detail }).collect())
}

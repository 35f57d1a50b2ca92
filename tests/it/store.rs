//! The store's own promises: transactions that are safe to cancel, migrations, keys and schemas that fit.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{Executor, PgConnection, PgPool};
use watchkeeper::{
    actions::{ActionError, Context},
    ambient::{ManualClock, Random},
    store::{self, MIGRATIONS, Store, StoreError},
    vault::Keyring,
};

use crate::fixtures::{House, empty, keyring, until};

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn transactions_given_up_at_any_moment_leave_no_connection_inside_one(pool: PgPool) {
    let store = Store::of_pool(pool.clone());
    let random = Random::from_seed(11);
    for _ in 0..1000 {
        let store = store.clone();
        #[expect(clippy::disallowed_methods, reason = "it is there to be aborted")]
        let beginning = tokio::spawn(async move { store.transaction().await.map(drop) });
        // Each turn lets every task, and now and then the sockets, move on once: the begin is cut short
        // before it starts, while it is under way, or when it is over already. `Pool::begin` in its place
        // was seen to fail this test.
        for _ in 0..u16::from_be_bytes(random.bytes()) % 128 {
            tokio::task::yield_now().await;
        }
        beginning.abort();
    }
    until("all connections are idle again", async || pool.size() as usize == pool.num_idle()).await;
    let mut connections = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        connections.push(pool.acquire().await.unwrap());
    }
    for connection in &mut connections {
        assert!(!is_inside(connection).await, "a connection of the pool is inside a transaction");
    }
    let inside: i64 = sqlx::query_scalar(
        "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'",
    )
    .fetch_one(&mut *connections[0])
    .await
    .unwrap();
    assert_eq!(inside, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_check_above_would_see_a_connection_inside_a_transaction(pool: PgPool) {
    let mut connection = pool.acquire().await.unwrap();
    connection.execute("begin").await.unwrap();
    assert!(is_inside(&mut connection).await);
    connection.execute("rollback").await.unwrap();
    assert!(!is_inside(&mut connection).await);
}

/// Inside a transaction `now()` stands still.
async fn is_inside(connection: &mut PgConnection) -> bool {
    let mut told: Vec<DateTime<Utc>> = Vec::new();
    for _ in 0..2 {
        told.push(sqlx::query_scalar("select now()").fetch_one(&mut *connection).await.unwrap());
    }
    told[0] == told[1]
}

#[sqlx::test(migrations = false)]
async fn migrating_twice_is_one_migration_and_this_month_has_its_partitions(pool: PgPool) {
    empty(&pool).await;
    let store = Store::of_pool(pool.clone());
    let error = store.check_schema().await.unwrap_err();
    assert!(matches!(error, StoreError::OldSchema { found: 0, .. }), "{error}");
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    store.check_schema().await.unwrap();

    let applied: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations where success")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(applied, i64::try_from(MIGRATIONS.iter().count()).unwrap());
    let partitions: Vec<String> = sqlx::query_scalar(
        r"
        select expected.name
        from generate_series(0, 12) as ahead,
             unnest(array['runs', 'events']) as parent,
             lateral (select parent || to_char(
                 date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead), '_YYYY_MM'
             ) as name) as expected
        where not exists (
            select from pg_inherits
            where inhrelid = to_regclass(expected.name) and inhparent = to_regclass(parent)
        )
        ",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(partitions, [""; 0], "months without their partition");

    sqlx::query(
        "insert into events (occurred_at, event_id, kind, actor, detail)
         values (now(), gen_random_uuid(), 'test', 'test', '{}')",
    )
    .execute(&pool)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_older_or_newer_schema_is_refused_with_what_to_do(pool: PgPool) {
    let store = Store::of_pool(pool.clone());
    store.check_schema().await.unwrap();
    let mut versions: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
    versions.sort_unstable();
    let wanted = *versions.last().unwrap();

    sqlx::query("update _sqlx_migrations set version = version + 1 where version = $1")
        .bind(wanted)
        .execute(&pool)
        .await
        .unwrap();
    let newer = store.check_schema().await.unwrap_err().to_string();
    let found = wanted + 1;
    assert_eq!(
        newer,
        format!(
            "the database is at schema {found}, made by a newer program; this one knows schemas up to {wanted}"
        )
    );

    sqlx::query("delete from _sqlx_migrations where version > $1").bind(wanted).execute(&pool).await.unwrap();
    let older = store.check_schema().await.unwrap_err().to_string();
    let found = versions[versions.len() - 2];
    assert_eq!(
        older,
        format!("the database is at schema {found}, this program needs {wanted}: run `watchkeeper migrate`")
    );
}

async fn open(pool: &PgPool, keyring: Keyring) -> Result<Context, ActionError> {
    let clock = Arc::new(ManualClock::standing_at("2026-03-01T09:00:00Z".parse().unwrap()));
    Context::open(Store::of_pool(pool.clone()), clock, Random::from_seed(3), keyring).await
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_wrong_or_missing_master_key_is_refused_when_the_database_is_opened(pool: PgPool) {
    House::new(&pool, "").await;
    let key = |id, digit| keyring(id, digit, Random::from_seed(3));
    open(&pool, key("first", 'a')).await.unwrap();

    let wrong = open(&pool, key("first", 'b')).await.err().unwrap();
    assert_eq!(wrong.to_string(), "master key first is not the key that this database was filled with");
    let missing = open(&pool, key("second", 'a')).await.err().unwrap();
    assert_eq!(
        missing.to_string(),
        "no master key first is configured, and data in this database is under it"
    );
    // A refusal leaves nothing behind: the right key still opens.
    open(&pool, key("first", 'a')).await.unwrap();
    let known: Vec<String> =
        sqlx::query_scalar("select master_key_id from master_key_checks").fetch_all(&pool).await.unwrap();
    assert_eq!(known, ["first"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_index_whose_migration_was_cut_off_is_built_anew(pool: PgPool) {
    // The build came to its end, or failed, and the program was killed before it noted the migration as done.
    sqlx::query("delete from _sqlx_migrations where version = 20261123000012").execute(&pool).await.unwrap();
    sqlx::query(
        "update pg_index set indisvalid = false where indexrelid = 'monitors_quarantined_idx'::regclass",
    )
    .execute(&pool)
    .await
    .unwrap();
    Store::of_pool(pool.clone()).migrate().await.unwrap();
    let valid: bool = sqlx::query_scalar(
        "select indisvalid from pg_index where indexrelid = 'monitors_quarantined_idx'::regclass",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(valid);
    let noted = "select count(*) from _sqlx_migrations where version = 20261123000012 and success";
    let noted: i64 = sqlx::query_scalar(noted).fetch_one(&pool).await.unwrap();
    assert_eq!(noted, 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_save_point_is_forgotten_whether_what_was_done_since_is_kept_or_not(pool: PgPool) {
    let of_pool = Store::of_pool(pool);
    for is_kept in [true, false] {
        let mut transaction = of_pool.transaction().await.unwrap();
        store::save_point(&mut transaction).await.unwrap();
        transaction.execute("create temporary table made (one integer)").await.unwrap();
        if is_kept {
            store::forget_save_point(&mut transaction).await.unwrap();
        } else {
            store::back_to_save_point(&mut transaction).await.unwrap();
        }
        let there = "select to_regclass('pg_temp.made') is not null";
        let there: bool = sqlx::query_scalar(there).fetch_one(&mut *transaction).await.unwrap();
        assert_eq!(there, is_kept);
        store::back_to_save_point(&mut transaction).await.expect_err("there is none any more");
    }
}

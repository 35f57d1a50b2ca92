//! Storage for years: months are made ahead, old ones become lines, and nobody who records waits.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection, PgPool};
use watchkeeper::{
    actions::inspect::AccountView,
    config::StorageSettings,
    engine::storage::{self, Compacted},
    store::{MIGRATIONS, partitions},
    telemetry::metrics::Form,
};

use crate::fixtures::{DAILY, House, empty, finding};

const DAY: Duration = Duration::from_hours(24);

/// A month that is over is old.
fn settings(keep_events: Option<Duration>) -> StorageSettings {
    StorageSettings {
        compact: "23 1 * * *".parse().unwrap(),
        keep_clear_runs: DAY * 31,
        keep_events,
        folder: None,
    }
}

async fn compact(house: &House) -> Compacted {
    storage::compact(&house.engine.context, &settings(None), &|| true).await.unwrap()
}

/// A house in May with three people and their runs of March: three clear ones each, and one of `p2` that
/// matched on the fourth.
async fn in_may(pool: &PgPool) -> House {
    let house = House::new(pool, DAILY).await;
    house.people(&["p1", "p2", "p3"]).await;
    for day in 1..=3 {
        for person in ["p1", "p2", "p3"] {
            assert!(house.run(person).await, "{person} on day {day}");
        }
        house.clock.advance(DAY);
    }
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    assert!(house.run("p2").await);
    house.scripted.find(&[]);
    house.clock.advance(DAY * 70);
    house
}

fn days(account: &AccountView) -> Vec<u32> {
    account
        .months
        .iter()
        .flat_map(|month| &month.screened)
        .flat_map(|screened| screened.days.clone())
        .collect()
}

#[sqlx::test(migrator = "MIGRATIONS")]
async fn an_old_month_becomes_lines_that_say_on_which_day_an_account_was_screened_against_what(pool: PgPool) {
    let house = in_may(&pool).await;
    let before = house.account("p2").await;
    assert_eq!((before.runs.len(), before.months.len()), (4, 0));

    let done = compact(&house).await;
    assert_eq!((done.runs, done.kept), (9, 1));
    assert_eq!((done.dropped, done.waiting), (vec!["runs_2026_03".to_owned()], Vec::new()));

    let account = house.account("p1").await;
    assert!(account.runs.is_empty());
    let [month] = &account.months[..] else { panic!("one line: {:?}", account.months) };
    assert_eq!((month.month.as_str(), month.schedule.as_str(), month.runs), ("2026-03", "daily", 3));
    assert_eq!((month.first_slot, month.last_slot), (0, 2));
    assert_eq!(month.first_at.to_string(), "2026-03-01 09:00:01 UTC");
    assert_eq!(days(&account), [1, 2, 3]);
    assert_eq!(month.screened[0].basis["provider"], "scripted");
    assert_eq!(month.report, account.monitors[0].id);

    let account = house.account("p2").await;
    assert_eq!(days(&account), [1, 2, 3]);
    let [kept] = &account.runs[..] else { panic!("one run: {:?}", account.runs) };
    assert_eq!(
        (kept.outcome.as_str(), kept.slot, kept.id.as_str()),
        ("match", 3, before.runs[0].id.as_str())
    );
    assert_eq!(house.count("select count(*) from kept_runs where sealed_content is not null").await, 1);

    // Once gone, always gone; and work goes on.
    assert_eq!(compact(&house).await, Compacted::default());
    assert!(house.run("p1").await);
    assert_eq!(house.account("p1").await.runs[0].slot, 3);
}

#[sqlx::test(migrator = "MIGRATIONS")]
async fn what_is_not_old_enough_stays(pool: PgPool) {
    let house = in_may(&pool).await;
    let all = StorageSettings { keep_clear_runs: DAY * 400, ..settings(None) };
    assert_eq!(storage::compact(&house.engine.context, &all, &|| true).await.unwrap(), Compacted::default());
    assert_eq!(house.count("select count(*) from runs").await, 10);
}

#[sqlx::test(migrator = "MIGRATIONS")]
async fn compaction_that_is_killed_between_any_two_batches_loses_and_doubles_nothing(pool: PgPool) {
    let house = in_may(&pool).await;
    let (context, month) = (&house.engine.context, "2026-03-01".parse().unwrap());
    let mut batches = 0;
    let mut done = Compacted::default();
    // Each batch is the first of a new process: what it knows is what the database says.
    while !storage::read_batch(context, month, 1, &mut done).await.unwrap() {
        batches += 1;
        assert_eq!(house.count("select count(*) from runs").await + done.kept, 10);
        // A month that is still there whole is not told twice.
        for person in ["p1", "p2", "p3"] {
            let account = house.account(person).await;
            assert_eq!(account.months.len(), 0, "{person}");
            assert_eq!(account.runs.len(), if person == "p2" { 4 } else { 3 }, "{person}");
        }
        // A batch that was cut off in its midst is as if it had never been.
        let cut = tokio::time::timeout(Duration::ZERO, storage::read_batch(context, month, 1, &mut done));
        assert!(cut.await.is_err());
    }
    assert!(batches >= 2, "{batches} batches of one monitor each, and the last");
    assert_eq!((done.runs, done.kept), (9, 1));
    assert_eq!(compact(&house).await.dropped, ["runs_2026_03"]);
    assert_eq!(house.count("select sum(runs) from run_months").await, 9);
    assert_eq!(house.count("select count(*) from run_months").await, 3);
    assert_eq!(house.count("select count(*) from kept_runs").await, 1);
}

#[sqlx::test(migrator = "MIGRATIONS")]
async fn a_long_reader_puts_a_drop_off_and_holds_up_nobody_who_records(pool: PgPool) {
    let house = in_may(&pool).await;
    let mut reader = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    reader.execute("begin isolation level repeatable read").await.unwrap();
    let seen: i64 = sqlx::query_scalar("select count(*) from runs").fetch_one(&mut reader).await.unwrap();
    assert_eq!(seen, 10);

    let done = compact(&house).await;
    assert_eq!((done.dropped, done.waiting), (Vec::new(), vec!["runs_2026_03".to_owned()]));
    // The recorder, the upkeep of partitions and readers go on in the state that this leaves.
    assert!(house.run("p1").await);
    storage::make_partitions(&house.engine).await.unwrap();
    assert_eq!((house.account("p1").await.months[0].runs, house.account("p1").await.runs.len()), (3, 1));
    let seen: i64 = sqlx::query_scalar("select count(*) from runs").fetch_one(&mut reader).await.unwrap();
    assert_eq!(seen, 10, "the reader sees what it began with");
    assert_eq!(compact(&house).await.waiting, ["runs_2026_03"], "it still waits");

    reader.execute("rollback").await.unwrap();
    assert_eq!(compact(&house).await.dropped, ["runs_2026_03"]);
    assert_eq!(house.account("p1").await.months[0].runs, 3);
    assert_eq!(house.count("select count(*) from run_compactions where dropped_at is not null").await, 1);
}

#[sqlx::test(migrator = "MIGRATIONS")]
async fn a_second_old_month_behind_a_long_reader_waits_with_the_first(pool: PgPool) {
    let house = in_may(&pool).await;
    house.clock.advance(DAY * 31);
    let mut reader = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    reader.execute("begin isolation level repeatable read").await.unwrap();
    reader.execute("select from runs").await.unwrap();
    let both = ["runs_2026_03", "runs_2026_04"];
    // A table detaches one partition at a time, and the first has begun to.
    assert_eq!(compact(&house).await.waiting, both);
    assert_eq!(compact(&house).await.waiting, both);
    reader.execute("rollback").await.unwrap();
    assert_eq!(compact(&house).await.dropped, both);
}

#[sqlx::test(migrator = "MIGRATIONS")]
async fn partitions_are_made_while_somebody_reads_and_somebody_writes(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let mut reader = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    reader.execute("begin").await.unwrap();
    reader.execute("select from runs, events").await.unwrap();
    let mut writer = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    writer.execute("begin").await.unwrap();
    writer.execute("insert into events select * from events limit 1").await.unwrap();

    house.clock.advance(DAY * 300);
    let mut transaction = house.engine.context.store.transaction().await.unwrap();
    assert_eq!(partitions::months_ahead(&mut transaction, house.now()).await.unwrap(), 3);
    let made = partitions::ensure(&mut transaction, house.now()).await.unwrap();
    assert_eq!(made.first().unwrap(), "runs_2027_04");
    assert_eq!(made.len(), 18);
    // Nor does it hold them up before it commits.
    reader.execute("select from runs, events").await.unwrap();
    writer.execute("insert into events select * from events limit 1").await.unwrap();
    assert!(house.run("p1").await);
    transaction.commit().await.unwrap();

    let mut connection = house.engine.context.store.connection().await.unwrap();
    assert_eq!(partitions::months_ahead(&mut connection, house.now()).await.unwrap(), 12);
    assert_eq!(partitions::ensure(&mut connection, house.now()).await.unwrap(), [""; 0]);
    let indexes = house.texts(
        "select attached.relname from pg_index join pg_class as attached on attached.oid = indexrelid
         where indrelid = 'runs_2027_04'::regclass and attached.relispartition",
    );
    assert_eq!(indexes.await.len(), 3, "the parent's indexes know the new partition's");
}

#[sqlx::test(migrator = "MIGRATIONS")]
async fn a_run_that_finds_no_partition_has_it_made_and_counts(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.clock.advance(DAY * 365 * 3);
    assert!(house.run("p1").await);
    assert_eq!(house.texts("select tableoid::regclass::text from runs").await, ["runs_2029_02"]);
    assert!(house.engine.metrics.encode(Form::Plain).contains("watchkeeper_partition_months_ahead 12"));
}

#[sqlx::test(migrator = "MIGRATIONS")]
async fn events_are_kept_for_ever_or_as_long_as_the_policy_says(pool: PgPool) {
    let house = in_may(&pool).await;
    compact(&house).await;
    let old = "select count(*) from events where occurred_at < '2026-04-01'";
    assert_eq!(house.count(old).await, 7, "three accounts, a match and its effects");
    let keep = settings(Some(DAY * 31));
    let done = storage::compact(&house.engine.context, &keep, &|| true).await.unwrap();
    assert_eq!(done.dropped, ["events_2026_03"]);
    assert_eq!(house.count(old).await, 0);

    // One whose drop was cut off is dropped the next time.
    house.clock.advance(DAY * 31);
    sqlx::query("alter table events detach partition events_2026_04").execute(&pool).await.unwrap();
    let done = storage::compact(&house.engine.context, &keep, &|| true).await.unwrap();
    assert_eq!(done.dropped, ["runs_2026_04", "events_2026_04"]);
    assert_eq!(house.count("select count(*) from pg_class where relname = 'events_2026_04'").await, 0);
}

#[sqlx::test(migrator = "MIGRATIONS")]
async fn one_process_compacts_at_a_time(pool: PgPool) {
    let house = in_may(&pool).await;
    let mut other = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    assert!(watchkeeper::store::lock_long_task(&mut other, "compact").await.unwrap());
    assert!(compact(&house).await.is_elsewhere);
    other.execute("select pg_advisory_unlock_all()").await.unwrap();
    assert_eq!(compact(&house).await.dropped, ["runs_2026_03"]);
}

#[sqlx::test(migrator = "MIGRATIONS")]
async fn a_month_with_runs_that_its_lines_do_not_stand_for_stays(pool: PgPool) {
    let house = in_may(&pool).await;
    let (context, month) = (&house.engine.context, "2026-03-01".parse().unwrap());
    assert!(storage::read_batch(context, month, 1000, &mut Compacted::default()).await.unwrap());
    sqlx::query("insert into runs select * from runs limit 1").execute(&pool).await.unwrap();
    let done = compact(&house).await;
    assert_eq!((done.dropped, done.waiting), (Vec::new(), Vec::new()));
    assert_eq!(house.count("select count(*) from runs").await, 10);
}

#[sqlx::test(migrations = false)]
async fn a_database_whose_default_partitions_hold_rows_is_migrated_with_them(pool: PgPool) {
    empty(&pool).await;
    let mut connection = pool.acquire().await.unwrap();
    for migration in MIGRATIONS.iter().filter(|migration| migration.version < 20_261_123_000_000) {
        connection
            .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(migration.sql.as_str().to_owned())))
            .await
            .unwrap();
    }
    connection
        .execute(
            "insert into events (occurred_at, event_id, kind, actor, detail)
             select at, gen_random_uuid(), 'test', 'test', '{}'
             from unnest(array['2025-12-31 23:59:59+00', '2026-01-01 00:00:00+00', '2026-01-31 12:00:00+00']::timestamptz[]) as at",
        )
        .await
        .unwrap();
    let defaults = MIGRATIONS.iter().find(|migration| migration.version == 20_261_123_000_003).unwrap();
    connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(defaults.sql.as_str().to_owned()))).await.unwrap();
    let rows: Vec<String> = sqlx::query_scalar(
        "select tableoid::regclass || ' ' || count(*) from events group by tableoid order by 1",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    assert_eq!(rows, ["events_2025_12 1", "events_2026_01 2"]);
}

#[sqlx::test(migrator = "MIGRATIONS")]
async fn a_process_with_an_older_configuration_destroys_nothing(pool: PgPool) {
    let house = in_may(&pool).await;
    let before = house.count("select count(*) from runs").await;
    let done = storage::compact(&house.engine.context, &settings(Some(DAY * 31)), &|| false).await.unwrap();
    assert_eq!(done, Compacted::default());
    assert_eq!(house.count("select count(*) from runs").await, before);
    assert!(compact(&house).await.runs > 0, "who may finds something to do");
}

//! Accounts that kill workers: found alone, quarantined, released; the rest flows.

use std::time::Duration;

use sqlx::PgPool;
use tokio::runtime::Runtime;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use watchkeeper::{
    actions::release::release,
    domain::id::{ProcessId, Shard},
    engine::{Engine, Fleet, fleet::Membership, task},
    store::{
        Store,
        leases::Lost,
        processes::{self, Seen},
        strikes,
    },
};

use crate::fixtures::{DAILY, House, Reply, until};

const LEASE: Duration = Duration::from_secs(1);

/// A process of a fleet, that can be killed: a runtime of its own, with its own connections.
struct Worker {
    runtime: Runtime,
    engine: Engine,
}

impl Worker {
    fn start(house: &House) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let options = (*house.pool.connect_options()).clone();
        let _inside = runtime.enter();
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(4).connect_lazy_with(options);
        let mut engine = house.engine.clone();
        engine.context.store = Store::of_pool(pool);
        engine.process = ProcessId(engine.context.new_uuid(Shard(0)));
        engine.fleet = Fleet::joining(LEASE);
        engine.fleet.configure(None, engine.plan.providers.iter().map(|provider| provider.lane));
        let mut settings = (*engine.settings).clone();
        settings.lease_time = LEASE;
        engine.settings = settings.into();
        let worker = Self { runtime, engine };
        let (engine, stop) = (worker.engine.clone(), CancellationToken::new());
        worker.runtime.spawn(async move {
            let now = engine.context.now();
            let process = processes::Process {
                id: engine.process,
                host: "test".to_owned(),
                pid: 1,
                version: "test".to_owned(),
                machine: None,
                machine_process: None,
                started_at: now,
                seen_at: now,
                revision: None,
                leaving: false,
                beat: 0,
                shards: 0,
            };
            let mut connection = engine.context.store.connection().await.unwrap();
            processes::insert(&mut connection, &process).await.unwrap();
            drop(connection);
            let tracker = TaskTracker::new();
            let membership = Membership::new(engine.clone(), LEASE);
            let part = engine.progress.part("fleet");
            tracker.spawn(task::drive(membership, Membership::interval(LEASE), part, stop.clone()));
            engine.start(&tracker, &stop, &stop);
            std::future::pending::<()>().await;
        });
        worker
    }

    fn kill(self) {
        self.runtime.shutdown_background();
    }
}

async fn strikes(house: &House) -> i64 {
    house.count("select coalesce(max(strikes), 0)::bigint from strikes").await
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_that_kills_its_workers_is_quarantined_alone_and_can_be_released(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let names: Vec<String> = (0..40).map(|number| format!("A-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    house.people(&names).await;
    house.people(&["poison"]).await;
    house.scripted.reply_about("Test Person-poison", Reply::Hang);
    let asked = || house.scripted.calls().iter().filter(|call| call.name == "Test Person-poison").count();

    // The first death tells nobody anything, the next three tell more and more.
    for death in 0..4 {
        let worker = Worker::start(&house);
        until("the poison is run", async || asked() > death).await;
        worker.kill();
        assert_eq!(strikes(&house).await, i64::try_from(death).unwrap());
    }
    let worker = Worker::start(&house);
    until("it is quarantined", async || {
        house.count("select count(*) from monitors where state = 'quarantined'").await == 1
    })
    .await;
    until("the others have run", async || {
        house.count("select count(*) from runs where outcome = 'clear'").await == 40
    })
    .await;
    until("nobody is suspect any more", async || {
        house
            .count(
                "select (select count(*) from strikes) + (select count(*) from shard_leases where suspect)",
            )
            .await
            == 0
    })
    .await;
    assert_eq!(asked(), 4, "it was not run again");
    assert_eq!(house.account("poison").await.monitors[0].state, "quarantined");
    assert_eq!(house.events().await.last().unwrap(), "report.quarantined");

    house.scripted.reply_about("Test Person-poison", Reply::Found(Vec::new()));
    let monitor = house.account("poison").await.monitors[0].id.parse().unwrap();
    release(&house.engine.context, "test", monitor).await.unwrap();
    until("it has run", async || house.account("poison").await.runs.len() == 1).await;
    assert!(release(&house.engine.context, "test", monitor).await.is_err(), "it is quarantined no more");
    worker.kill();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_run_that_panics_is_put_off_and_then_quarantined_while_the_rest_flows(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["good", "bad"]).await;
    house.scripted.reply_about("Test Person-bad", Reply::Panic);
    let running = house.start();
    for panics in 1..=3_i64 {
        until("it has panicked", async || {
            house.count("select count(*) from monitors where state = 'quarantined'").await == 1
                || strikes(&house).await == panics
        })
        .await;
        house.clock.advance(Duration::from_mins(1));
    }
    until("it is quarantined", async || house.account("bad").await.monitors[0].state == "quarantined").await;
    until("the other has run", async || house.account("good").await.runs.len() == 1).await;
    running.stop().await;
    assert_eq!(house.scripted.calls().iter().filter(|call| call.name == "Test Person-bad").count(), 3);
    assert_eq!(house.count("select count(*) from strikes").await, 0);
}

/// A process that says that it runs.
async fn process(house: &House) -> ProcessId {
    let (id, now) = (ProcessId(house.engine.context.new_uuid(Shard(0))), house.now());
    let process = processes::Process {
        id,
        host: "test".to_owned(),
        pid: 1,
        version: "test".to_owned(),
        machine: None,
        machine_process: None,
        started_at: now,
        seen_at: now,
        revision: None,
        leaving: false,
        beat: 0,
        shards: 0,
    };
    let mut connection = house.engine.context.store.connection().await.unwrap();
    processes::insert(&mut connection, &process).await.unwrap();
    id
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_process_strikes_once_takes_back_its_own_and_a_panic_counts_once(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let (monitor, lane) = (house.due("p1").await.monitor, house.engine.plan.providers[0].lane);
    let (first, second) = (process(&house).await, process(&house).await);
    let mut connection = house.engine.context.store.connection().await.unwrap();
    let mut strike = async |process, expected: bool| {
        let struck =
            strikes::insert_all(&mut connection, lane, &[monitor], process, house.now()).await.unwrap();
        assert_eq!(struck.contains(&monitor), expected);
    };
    strike(first, true).await;
    strike(first, false).await;
    strike(second, true).await;
    assert_eq!(self::strikes(&house).await, 2);

    // Its run panics: the strike that it got before it is for that; another run has none.
    for (has_one, expected) in [(true, 2), (false, 3)] {
        let counted =
            strikes::add_one(&mut connection, lane, monitor, second, has_one, house.now()).await.unwrap();
        assert_eq!(counted, expected);
    }
    strikes::take_back(&mut connection, first).await.unwrap();
    assert_eq!(self::strikes(&house).await, 3, "they are another's");
    strikes::take_back(&mut connection, second).await.unwrap();
    assert_eq!(self::strikes(&house).await, 2, "that of the first stays");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn who_was_taken_for_dead_and_has_moved_since_is_not_said_to_have_stopped(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let (monitor, lane) = (house.due("p1").await.monitor, house.engine.plan.providers[0].lane);
    let id = process(&house).await;
    let mut connection = house.engine.context.store.connection().await.unwrap();
    strikes::insert_all(&mut connection, lane, &[monitor], id, house.now()).await.unwrap();
    let seen = Seen { recorded_at: None, revision: None, leaving: false };
    processes::save_seen(&mut connection, id, &seen).await.unwrap();
    for (beat, lives) in [(0, true), (1, false)] {
        processes::save_lost(&mut connection, &[Lost { id, beat }], house.now()).await.unwrap();
        let struck = strikes::list(&mut connection, lane, &[monitor.shard()]).await.unwrap();
        assert_eq!(struck[0].may_run, lives);
    }
}

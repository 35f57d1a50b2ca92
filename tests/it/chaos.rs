//! The server and the daemon are killed under load: no slot is lost, none is recorded twice.
//!
//! Three cycles of each; `WATCHKEEPER_CHAOS=N` does as many as one likes.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::HeaderMap, routing::post};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use watchkeeper::app::embedded::{Cluster, Durability, state_folder};

use super::daemon::{Daemon, Place, until};

const MONITORS: i64 = 3000;

/// Calls under way at most; as many runs again may wait for one.
const CONCURRENCY: i64 = 100;

/// How many runs at most have had their call and not yet been recorded: all that a lane takes on.
const UNRECORDED: i64 = CONCURRENCY * 2;

const CONFIGURATION: &str = r#"
[log]
format = "json"
[engine]
drain-deadline = "20s"
[providers.stub]
kind = "http"
url = "http://STUB/ask"
body = { name = "{{name}}" }
concurrency = 100
[providers.stub.answer]
hits = "/hits"
entity = "/id"
[report-templates.watchlist]
type = "watchlist"
provider = "stub"
[schedules.all]
template = "watchlist"
every = "365d"
backfill-per-second = 1000000
accounts = { types = ["individual"] }
on-match = { tags = ["match"], status = "under-review", status-from = ["active"] }
on-clear = { status = "active" }
"#;

#[derive(Default)]
struct Calls {
    by_key: HashMap<String, i64>,
    under_way: i64,
}

/// A provider that answers after some milliseconds and counts what it is asked.
struct Stub {
    calls: Arc<Mutex<Calls>>,
    address: SocketAddr,
    _runtime: Runtime,
}

impl Stub {
    fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let calls = Arc::default();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/ask", post(answer)).with_state(Arc::clone(&calls));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { calls, address, _runtime: runtime }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap()
    }

    fn total(&self) -> i64 {
        self.calls().by_key.values().sum()
    }

    /// Waits until it is in the middle of things: some calls of this load are done, others are not.
    fn until_under_load(&self) {
        let before = self.total();
        until("the provider is under load", || {
            let done = self.total() - before;
            (done > MONITORS / 6 && self.calls().under_way > 0).then_some(())
        });
    }
}

/// The same answer to every repetition of a question: every fourth has a hit.
async fn answer(State(calls): State<Arc<Mutex<Calls>>>, headers: HeaderMap) -> Json<Value> {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let hit = key.ends_with(['0', '4', '8', 'c']);
    {
        let mut calls = calls.lock().unwrap();
        calls.under_way += 1;
        *calls.by_key.entry(key).or_default() += 1;
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    calls.lock().unwrap().under_way -= 1;
    Json(json!({ "hits": if hit { vec![json!({ "id": "entity-1" })] } else { Vec::new() } }))
}

/// One more reason to run for every monitor, as an edit of every account gives: the runs that answer
/// it must have seen the accounts' new version.
const MAKE_DUE: &str = "
    with locked as (select shard, monitor_id from monitor_due order by shard, monitor_id for update)
    update monitor_due as due
        set wanted = wanted + 1, attempts = 0, next_run_at = least(next_run_at, clock_timestamp())
        from locked
        where due.shard = locked.shard and due.monitor_id = locked.monitor_id;
    insert into wakeups (shard, lane, monitor_id, reason, created_at)
        select shard, lane, monitor_id, 'account-change', clock_timestamp() from monitor_due
        on conflict on constraint wakeups_pkey do nothing;
    update accounts set version = version + 1;
";

const STILL_DUE: &str = "
    select (select count(*) from monitor_due where next_run_at <= clock_timestamp())
         + (select count(*) from wakeups) + (select count(*) from enrol_queue)";

/// Monitors whose runs are not one for each slot.
const GAPS_AND_DOUBLES: &str = "
    select count(*)
    from monitor_due as due
    cross join lateral (
        select count(*) as runs, count(distinct slot) as slots, min(slot) as first, max(slot) as last
        from runs
        where runs.monitor_id = due.monitor_id
          and outcome <> 'superseded'
    ) as recorded
    where (recorded.runs, recorded.slots, recorded.first, recorded.last)
        is distinct from (due.slot, due.slot, 0::bigint, due.slot - 1)";

/// Monitors whose last run did not see what it was asked to look at again.
const UNANSWERED: &str = "
    select count(*)
    from monitors as monitor
    join accounts as account using (shard, account_id)
    cross join lateral (
        select account_version
        from runs
        where runs.monitor_id = monitor.monitor_id
          and outcome <> 'superseded'
        order by slot desc
        limit 1
    ) as last
    where last.account_version <> account.version";

/// Monitors whose hits, tags and statuses are not what their last answer said.
const EFFECTS_ASTRAY: &str = "
    select count(*)
    from monitors as monitor
    join accounts as account using (shard, account_id)
    cross join lateral (
        select outcome
        from runs
        where runs.monitor_id = monitor.monitor_id
          and outcome <> 'superseded'
        order by slot desc
        limit 1
    ) as last
    where (last.outcome = 'match') <> exists (
              select from hits where hits.monitor_id = monitor.monitor_id and state = 'open')
       or (last.outcome = 'match') <> exists (
              select from account_tags where account_tags.account_id = account.account_id)
       or (last.outcome = 'match') <> (account.status = 'under-review')";

const RECORDED: &str = "select count(*) from runs where outcome <> 'superseded'";

const SUPERSEDED: &str = "select count(*) from runs where outcome = 'superseded'";

#[test]
fn kills_of_the_server_and_of_the_daemon_lose_no_slot_and_record_none_twice() {
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let cycles: i64 = variable("WATCHKEEPER_CHAOS").map_or(3, |text| text.parse().unwrap());
    let mut cluster = Cluster::start(&state_folder(&variable).unwrap(), "chaos", Durability::Full).unwrap();
    let stub = Stub::start();
    let configuration = CONFIGURATION.replace("STUB", &stub.address.to_string());
    let place = Place::new(&cluster, "watchkeeper_chaos", &configuration);
    import(&place);
    let mut daemon = place.serve();
    until_settled(&place);

    let before = stub.total();
    assert_eq!((before, place.ask::<i64>(RECORDED)), (MONITORS, MONITORS), "one call and one run each");
    for _ in 0..cycles {
        place.tell(MAKE_DUE);
        stub.until_under_load();
        cluster.stop_immediately().unwrap();
        until("the daemon says that the database is away", || (!daemon.is_ready()).then_some(()));
        assert!(daemon.ended().is_none(), "the daemon survives its server");
        cluster.restart().unwrap();
        until("the daemon is ready again", || daemon.is_ready().then_some(()));
    }
    until_settled(&place);
    let (calls, runs) = (stub.total(), place.ask::<i64>(RECORDED));
    println!("server killed {cycles} times: {runs} runs, {} calls too many", calls - runs);
    assert_faultless(&place);
    assert_eq!(place.ask::<i64>(SUPERSEDED), 0, "no run is taken for another's");
    assert_eq!(calls, runs, "what was answered is recorded when the server is back, and not asked again");

    for _ in 0..cycles {
        place.tell(MAKE_DUE);
        stub.until_under_load();
        daemon.kill();
        daemon = place.serve();
    }
    until_settled(&place);
    let (killed_calls, killed_runs) = (stub.total() - calls, place.ask::<i64>(RECORDED) - runs);
    let repeated = killed_calls - killed_runs;
    println!("daemon killed {cycles} times: {killed_runs} runs, {repeated} calls too many");
    assert_faultless(&place);
    assert!((0..=cycles * UNRECORDED).contains(&repeated), "{repeated} repeated calls in {cycles} kills");

    place.tell(MAKE_DUE);
    stub.until_under_load();
    stop_with_an_idle_client(&mut daemon);
    let daemon = place.serve();
    until_settled(&place);
    assert_faultless(&place);
    let repeated = stub.total() - place.ask::<i64>(RECORDED) - repeated;
    println!("daemon told to stop: {repeated} calls too many");
    assert_eq!(repeated, 0, "what was under way was recorded before the end");
    let superseded: i64 = place.ask(SUPERSEDED);
    let matches: i64 = place.ask("select count(*) from runs where outcome = 'match' and changed");
    println!(
        "{cycles} cycles of each: {superseded} superseded, {matches} changed matches, none lost, none twice"
    );
    assert!(matches > 0, "some answers have hits");
    daemon.kill();
}

fn import(place: &Place) {
    use std::fmt::Write;
    let mut file = String::from("reference_id,type,name\n");
    for number in 0..MONITORS {
        writeln!(file, "C-{number},individual,Invented Person{number}").unwrap();
    }
    std::fs::write(place.folder().join("accounts.csv"), file).unwrap();
    let imported = place.run(&["import", "accounts.csv"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
}

fn until_settled(place: &Place) {
    until("every monitor has run", || {
        let enrolled = place.ask::<i64>("select count(*) from monitor_due") == MONITORS;
        (enrolled && place.ask::<i64>(STILL_DUE) == 0).then_some(())
    });
}

fn assert_faultless(place: &Place) {
    assert_eq!(place.ask::<i64>(GAPS_AND_DOUBLES), 0, "a run for every slot, and only one");
    assert_eq!(place.ask::<i64>(UNANSWERED), 0, "every reason to run is answered");
    assert_eq!(place.ask::<i64>(EFFECTS_ASTRAY), 0, "hits, tags and statuses are those of the last answer");
    assert_eq!(place.ask::<i64>("select count(*) from runs where outcome = 'error'"), 0);
}

/// Tells the daemon to stop while a client keeps its connection open without a word.
fn stop_with_an_idle_client(daemon: &mut Daemon) {
    let mut client = TcpStream::connect(daemon.address).unwrap();
    client.write_all(b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut answer = [0; 1024];
    let length = client.read(&mut answer).unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
    daemon.terminate();
    let status = until("the daemon has stopped", || daemon.ended());
    assert!(status.success(), "{status}");
    drop(client);
}

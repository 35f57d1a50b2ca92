//! The network between the daemon and PostgreSQL is cut without a word, under load.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    time::{Duration, Instant},
};

use watchkeeper::{
    app::embedded::{Cluster, Durability, state_folder},
    store,
};

use super::{
    daemon::{Daemon, Place, until},
    proxy::Proxy,
};

const MONITORS: i64 = 2000;

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sample-list");

/// A small list: every run is done in no time, and there is always the next one.
const CONFIGURATION: &str = r#"
[log]
format = "json"
[database]
max-connections = 5
[lists.small]
format = "ofac-csv"
folder = "LIST"
[providers.local]
kind = "local"
lists = ["small"]
rate-per-second = 400
[report-templates.watchlist]
type = "watchlist"
provider = "local"
[schedules.all]
template = "watchlist"
every = "1m"
backfill-per-second = 1000000
accounts = { types = ["individual"] }
"#;

const RECORDED: &str = "select count(*) from runs where outcome <> 'superseded'";

/// Monitors whose runs are not one for each slot.
const GAPS_AND_DOUBLES: &str = "
    select count(*)
    from monitor_due as due
    cross join lateral (
        select count(*) as runs, count(distinct slot) as slots
        from runs
        where runs.monitor_id = due.monitor_id
          and outcome <> 'superseded'
    ) as recorded
    where (recorded.runs, recorded.slots) is distinct from (due.slot, due.slot)";

#[test]
fn a_network_that_swallows_everything_fails_statements_and_loses_nothing() {
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let cluster = Cluster::start(&state_folder(&variable).unwrap(), "network", Durability::None).unwrap();
    let proxy = Proxy::start(cluster.socket().as_path());
    let place = Place::new(&cluster, "watchkeeper_network", &CONFIGURATION.replace("LIST", LIST));
    fill(&place);
    let daemon = place.serve_through(&proxy.url("watchkeeper_network"));
    until_at_work(&place);

    // Longer than every deadline, and shorter than most.
    for cut in [Duration::from_secs(12), Duration::from_secs(3)] {
        let cut_at = Instant::now();
        proxy.cut();
        if cut > store::DEADLINE {
            until("the daemon says that the database is away", || (!daemon.is_ready()).then_some(()));
            println!("not ready {:.1} s after the cut", cut_at.elapsed().as_secs_f64());
            let reasons = daemon.get("/readyz").unwrap();
            assert!(reasons.contains(r#""concern":"database""#), "{reasons}");
        }
        until("the cut has lasted", || (cut_at.elapsed() >= cut).then_some(()));
        assert!(daemon.get("/healthz").unwrap().starts_with("HTTP/1.1 200"), "it lives on");
        let healed_at = Instant::now();
        proxy.heal();
        until("the daemon is ready again", || daemon.is_ready().then_some(()));
        until_at_work(&place);
        println!("at work {:.1} s after a cut of {cut:?} was mended", healed_at.elapsed().as_secs_f64());
    }

    // Connections that end with a reset are an outage of no length.
    proxy.sever();
    until_at_work(&place);
    assert_eq!(place.ask::<i64>("select count(*) from runs where outcome = 'error'"), 0);
    stop(daemon);
    assert_eq!(place.ask::<i64>(GAPS_AND_DOUBLES), 0, "a run for every slot, and only one");
    let busiest = busiest_second(&place);
    println!("the busiest second of the log has {busiest} lines");
    assert!(busiest <= 2, "an outage is told once when it begins and once when it ends");
}

#[test]
fn a_daemon_that_nobody_answers_says_so_and_ends() {
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let cluster = Cluster::start(&state_folder(&variable).unwrap(), "silent", Durability::None).unwrap();
    let proxy = Proxy::start(cluster.socket().as_path());
    let place = Place::new(&cluster, "watchkeeper_silent", "");
    proxy.cut();
    let output = place.run_through(&proxy.url("watchkeeper_silent"), &["serve"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("nobody answers at 127.0.0.1:"), "{said}");
    assert!(said.contains("database watchkeeper_silent"), "{said}");

    drop(cluster);
    let output = place.run(&["status"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("PostgreSQL cannot be reached at "), "{said}");
}

fn fill(place: &Place) {
    let mut accounts = String::from("reference_id,type,name\n");
    for number in 0..MONITORS {
        writeln!(accounts, "C-{number},individual,Invented Person{number}").unwrap();
    }
    fs::write(place.folder().join("accounts.csv"), accounts).unwrap();
    let imported = place.run(&["import", "accounts.csv"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
}

fn until_at_work(place: &Place) {
    let before: i64 = place.ask(RECORDED);
    until("runs are recorded", || (place.ask::<i64>(RECORDED) > before + 100).then_some(()));
}

fn stop(mut daemon: Daemon) {
    daemon.terminate();
    let status = until("the daemon has stopped", || daemon.ended());
    assert!(status.success(), "{status}");
}

/// How many lines the log has in the second in which it has most; start and end apart.
fn busiest_second(place: &Place) -> usize {
    let log = fs::read_to_string(place.folder().join("daemon.log")).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut seconds: BTreeMap<String, usize> = BTreeMap::new();
    let message = |line: &serde_json::Value| line["message"].as_str().unwrap().to_owned();
    let running = lines.iter().position(|line| message(line).contains("is running")).unwrap();
    let stopping = lines.iter().position(|line| message(line).contains("stopping")).unwrap();
    for line in &lines[running + 1..stopping] {
        println!("{line}");
        *seconds.entry(line["timestamp"].as_str().unwrap()[..19].to_owned()).or_default() += 1;
    }
    assert!(!seconds.is_empty(), "the outages are in the log");
    seconds.into_values().max().unwrap()
}

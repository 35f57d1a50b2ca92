//! The configuration of a fleet: numbered, reloaded on SIGHUP, and never undone by who has an older one.

use std::fs;

use serde_json::Value;
use watchkeeper::app::embedded::{Cluster, Durability, state_folder};

use super::daemon::{Daemon, Place, signal, until};

fn configuration(every: &str) -> String {
    format!(
        r#"
[lists.own]
format = "ofac-csv"
folder = "{}/config/sample-list"
[providers.local]
kind = "local"
lists = ["own"]
[report-templates.own]
type = "watchlist"
provider = "local"
[schedules.own]
template = "own"
every = "{every}"
accounts = {{ types = ["individual"] }}
"#,
        env!("CARGO_MANIFEST_DIR")
    )
}

fn place(cluster: &Cluster) -> Place {
    let place = Place::new(cluster, "watchkeeper_reload", &configuration("1d"));
    fs::write(place.folder().join("accounts.csv"), "reference_id,type,name\nC-1,individual,Test Person\n")
        .unwrap();
    assert!(place.run(&["import", "accounts.csv"]).status.success());
    place
}

fn cluster(name: &str) -> Cluster {
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    Cluster::start(&state_folder(&variable).unwrap(), name, Durability::None).unwrap()
}

/// Writes the file anew, and tells the daemon.
fn reload(place: &Place, daemon: &Daemon, from: &str, to: &str) {
    let file = place.folder().join("watchkeeper.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&file, text.replace(from, to)).unwrap();
    signal(daemon.id(), "HUP");
}

fn readyz(daemon: &Daemon) -> Value {
    let answer = daemon.get("/readyz").unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

fn is_behind(daemon: &Daemon) -> bool {
    let reasons = readyz(daemon)["reasons"].to_string();
    reasons.contains("configuration")
}

fn shards(place: &Place, daemon: &Daemon) -> i64 {
    place.ask(sqlx::AssertSqlSafe(format!(
        "select count(*) from shard_leases join processes using (process_id) where pid = {}",
        daemon.id()
    )))
}

fn revision(place: &Place) -> i32 {
    place.ask("select coalesce(max(revision), 0) from config_revisions")
}

#[test]
fn a_reload_takes_a_changed_file_up_and_a_faulty_one_leaves_everything_as_it_was() {
    let cluster = cluster("reload");
    let place = place(&cluster);
    let mut daemon = place.serve();
    until("the account has run", || (place.ask::<i64>("select count(*) from runs") == 1).then_some(()));
    assert_eq!(revision(&place), 1);

    reload(&place, &daemon, "every = \"1d\"", "every = \"2d\"");
    until("the change is published", || (revision(&place) == 2).then_some(()));
    let changed: String =
        place.ask("select difference ->> 'changed' from config_revisions where revision = 2");
    assert_eq!(changed, "[\"schedules.own.cadence\"]");
    until("it works again", || daemon.said().contains("the configuration is reloaded").then_some(()));
    assert!(daemon.is_ready());
    place.tell("update monitor_due set next_run_at = now()");
    until("it runs on", || (place.ask::<i64>("select count(*) from runs") == 2).then_some(()));

    reload(&place, &daemon, "every = \"2d\"", "every = \"2d\"\nsecret-of-a-typo = true");
    until("it says what is wrong", || {
        let refused = readyz(&daemon)["details"]["refused-reload"].as_str()?.to_owned();
        refused.contains("schedules.own.secret-of-a-typo: is not a known key").then_some(())
    });
    assert!(daemon.is_ready(), "what was in force stays so");
    assert_eq!((revision(&place), daemon.ended()), (2, None));
    place.tell("update monitor_due set next_run_at = now()");
    until("it runs on", || (place.ask::<i64>("select count(*) from runs") == 3).then_some(()));

    reload(&place, &daemon, "\nsecret-of-a-typo = true", "");
    until("it says nothing more", || readyz(&daemon)["details"]["refused-reload"].is_null().then_some(()));
}

#[test]
fn who_starts_with_an_older_file_undoes_nothing_and_stands_in_only_when_nobody_else_is_left() {
    let cluster = cluster("revisions");
    let place = place(&cluster);
    let newer = place.serve();
    reload(&place, &newer, "every = \"1d\"", "every = \"2d\"");
    until("the change is published", || (revision(&place) == 2).then_some(()));
    until("it has all shards", || (shards(&place, &newer) == 256).then_some(()));

    let older = place.serve_with(&[("WATCHKEEPER__SCHEDULES__OWN__EVERY", "1d")]);
    until("it says that it is behind", || is_behind(&older).then_some(()));
    assert_eq!(shards(&place, &older), 0);
    let cadence: String = place.ask("select definition ->> 'cadence' from schedules where not by_request");
    assert!(cadence.starts_with("every 2days"), "{cadence}");
    assert!(!is_behind(&newer) && newer.is_ready());

    newer.kill();
    until("somebody does the work", || (shards(&place, &older) == 256).then_some(()));
    assert!(is_behind(&older), "it still says so");
    signal(older.id(), "HUP");
    until("told on purpose, its file is the fleet's", || (revision(&place) == 3).then_some(()));
    until("it is ready", || older.is_ready().then_some(()));
}

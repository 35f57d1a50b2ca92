//! How a fleet divides its work: who joins has a share, who dies is replaced, a database that stalls
//! changes nothing, and the hosts' clocks decide nothing.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use sqlx::AssertSqlSafe;

use super::{
    chaos::{
        checks::{STILL_DUE, Tally},
        stage::{LEASE_TIME, MONITORS, Scene, Stage},
    },
    daemon::until,
};

/// Who holds which shard, by shard.
const HOLDERS: &str = "select array_agg(coalesce(process_id::text, '') order by shard) from shard_leases";

const SHARDS: usize = 256;

/// The process ids of a fleet, as the database knows them.
fn ids(stage: &mut Stage) -> Vec<String> {
    let place = &stage.place;
    let id = |process: u32| {
        let statement = format!(
            "select process_id::text from processes where pid = {process} order by started_at desc limit 1"
        );
        place.ask(AssertSqlSafe(statement))
    };
    stage.fleet.iter_mut().map(|member| id(member.daemon().id())).collect()
}

fn holders(stage: &Stage) -> Vec<String> {
    stage.place.ask(HOLDERS)
}

/// How many shards each of the processes has; none while some shard is somebody else's.
fn shares(stage: &Stage, ids: &[String]) -> Option<Vec<usize>> {
    let holders = holders(stage);
    let count = |id: &String| holders.iter().filter(|holder| *holder == id).count();
    let shares: Vec<usize> = ids.iter().map(count).collect();
    (shares.iter().sum::<usize>() == SHARDS).then_some(shares)
}

/// The shares of the processes, once they are even. Tells how long that took, too.
fn until_even(stage: &Stage, ids: &[String]) -> (Vec<usize>, Duration) {
    let began = Instant::now();
    let fair = SHARDS / ids.len()..=SHARDS.div_ceil(ids.len());
    let shares = until("every process has its share of the shards", || {
        shares(stage, ids).filter(|shares| shares.iter().all(|share| fair.contains(share)))
    });
    (shares, began.elapsed())
}

/// A fleet with the lease time that is shipped.
fn as_shipped(name: &'static str) -> Scene {
    Scene { lease: None, ..Scene::of_three(name) }
}

#[test]
fn who_joins_has_its_share_within_ten_seconds() {
    let mut stage = Stage::set(&as_shipped("watchkeeper_fleet_join"));
    for number in 0..2 {
        stage.fleet[number].launch(&stage.place);
        stage.fleet[number].until_up(&stage.place);
    }
    stage.fleet[2].launch(&stage.place);
    let began = Instant::now();
    stage.until_up();
    let ids = ids(&mut stage);
    let (shares, _) = until_even(&stage, &ids);
    let took = began.elapsed();
    println!("fleet: a joiner has its share after {:.1} s: {shares:?}", took.as_secs_f64());
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn the_shards_of_a_killed_process_are_taken_over_within_fifteen_seconds() {
    let mut stage = Stage::set(&as_shipped("watchkeeper_fleet_kill"));
    stage.start();
    let ids = ids(&mut stage);
    until_even(&stage, &ids);
    stage.fleet[0].kill();
    let (shares, took) = until_even(&stage, &ids[1..]);
    println!(
        "fleet: the shards of a killed process were taken over after {:.1} s: {shares:?}",
        took.as_secs_f64()
    );
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[test]
fn a_database_that_stalls_for_several_lease_times_reshuffles_nothing() {
    let mut stage = Stage::set(&Scene::of_three("watchkeeper_fleet_stall"));
    stage.start();
    let ids = ids(&mut stage);
    until_even(&stage, &ids);
    let before = holders(&stage);
    let stall = stage.stall_server();
    thread::sleep(LEASE_TIME * 4);
    drop(stall);
    stage.until_all(true, "the daemons are ready after the stall");
    // A taker must have seen the lease unrenewed for its time: it would have taken it by now.
    let since = Instant::now();
    while since.elapsed() < LEASE_TIME * 3 {
        assert_eq!(holders(&stage), before, "the shards are whose they were");
        thread::sleep(LEASE_TIME / 10);
    }
    stage.feed();
    Tally::at_checkpoint(&stage);
}

/// Every monitor is to run some seconds from now.
const SOON: &str = "
    create table soon as select clock_timestamp() + interval '5 seconds' as at;
    update monitor_due set next_run_at = soon.at from soon;";

/// Runs of that time whose evidence is not of the time between it and now.
const AT_ODDS: &str = "
    select count(*) from runs, soon
    where slot = 1
      and (due_at <> soon.at or started_at < soon.at or recorded_at < soon.at
          or recorded_at > clock_timestamp() or started_at > recorded_at)";

#[test]
fn a_host_whose_clock_is_wrong_by_an_hour_or_a_day_runs_nothing_early_and_misses_nothing() {
    let Some(library) = faketime() else {
        println!("fleet: wrong clocks left out: libfaketime is not installed (Debian: faketime)");
        return;
    };
    let wrong = |by: &str| {
        let variables =
            [("LD_PRELOAD", library.as_str()), ("FAKETIME", by), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
        variables.map(|(name, value)| (name, value.to_owned())).to_vec()
    };
    let mut stage = Stage::set(&Scene {
        processes: 2,
        environment: vec![wrong("+1h"), wrong("-1d")],
        ..Scene::of_three("watchkeeper_fleet_clocks")
    });
    stage.start();
    let before = stage.stub.total();
    stage.place.tell(SOON);
    until("the time has come", || {
        // Counted first: what comes afterwards is not early.
        let calls = stage.stub.total();
        let early = stage.place.ask::<bool>("select clock_timestamp() < at from soon");
        assert!(!early || calls == before, "{} calls before their time", calls - before);
        (!early).then_some(())
    });
    let tally = Tally::at_end(&stage);
    assert_eq!(tally.runs, MONITORS * 2, "every monitor ran, once");
    assert_eq!(stage.place.ask::<i64>(AT_ODDS), 0, "evidence has the database's times");
    assert_eq!(stage.place.ask::<i64>(STILL_DUE), 0);
}

/// The library that gives a program another time.
fn faketime() -> Option<String> {
    let given = std::env::vars().find(|(name, _)| name == "WATCHKEEPER_FAKETIME").map(|(_, path)| path);
    let libraries = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let installed = libraries.iter().map(|folder| format!("{folder}/faketime/libfaketime.so.1"));
    given.into_iter().chain(installed).find(|path| fs::exists(path).unwrap_or_default())
}

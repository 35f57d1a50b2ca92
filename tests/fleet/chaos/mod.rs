//! Three processes on one database, and everything that can happen to them under load: no slot is lost,
//! none is recorded twice, no call is repeated but those that were under way.
//!
//! One or a few of each fault in `make test`; `make chaos` does as many as one likes, in an order that a
//! seed decides.

pub mod checks;
mod disk;
mod faults;
mod limits;
pub mod stage;
mod stub;

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Instant,
};

use watchkeeper::ambient::Random;

use checks::{Tally, superseded};
use faults::{Counts, Fault, inflict, number};
use stage::{MONITORS, Scene, Stage, UNRECORDED};

/// How many faults happen between two checkpoints.
const CHECKPOINT: usize = 25;

#[test]
fn faults_of_all_kinds_lose_no_slot_and_record_none_twice() {
    let began = Instant::now();
    let mut counts = Counts::of_environment(&Fault::ANYWHERE);
    let (seed, random) = seeded();
    let repeat = Repeat(format!("make chaos N=0 SEED={seed} {counts}"));
    let mut stage = Stage::set(&Scene::of_three("watchkeeper_chaos"));
    stage.start();
    let first = Tally::at_checkpoint(&stage);
    assert_eq!(first.runs, MONITORS, "one run each");
    // Nobody dies for now. Who the machine leaves waiting for longer than its leases stand has lost them all the same.
    let unasked = |stage: &Stage| stage.interruptions() * UNRECORDED;
    assert!(first.repeated <= unasked(&stage), "one call each: {first:?}");

    let harmless = counts.split_off(&Fault::HARMLESS);
    let alive = happen(&harmless, &mut stage, &random);
    let most = unasked(&stage);
    println!("chaos: {harmless}: {} runs, {} repeated calls of at most {most}", alive.runs, alive.repeated);
    assert!(alive.repeated <= most, "who keeps its leases records what was answered, and asks nothing again");
    assert!(superseded(&stage.place) <= most, "no run is taken for another's");

    let most = counts.may_repeat(stage.fleet.len());
    let all = happen(&counts, &mut stage, &random);
    let repeated = all.repeated - alive.repeated;
    println!("chaos: {counts}: {} runs, {repeated} repeated calls of at most {most}", all.runs - alive.runs);
    assert!(repeated <= most, "{repeated} repeated calls, at most {most} were under way");

    let before = unasked(&stage);
    stage.until_under_load();
    stop_with_an_idle_client(&mut stage);
    let end = Tally::at_end(&stage);
    let most = unasked(&stage) - before;
    assert!(
        end.repeated - all.repeated <= most,
        "what was under way was recorded before the end: {all:?}, {end:?}"
    );
    println!(
        "chaos: {} runs, lost {}, doubled {}, superseded {}, repeated calls {}, in {:.1} s ({})",
        end.runs,
        end.lost,
        end.doubled,
        superseded(&stage.place),
        end.repeated,
        began.elapsed().as_secs_f64(),
        repeat.0,
    );
}

/// Lets faults happen, in a random order; checks now and then, and at the end.
fn happen(counts: &Counts, stage: &mut Stage, random: &Random) -> Tally {
    for some in counts.shuffled(random).chunks(CHECKPOINT) {
        let began = Instant::now();
        for fault in some {
            inflict(*fault, stage, random);
        }
        stage.until_up();
        stage.until_all(true, "the daemons are ready again");
        let tally = Tally::at_checkpoint(stage);
        println!(
            "chaos: {} faults in {:.1} s: {} runs so far, {} repeated calls",
            some.len(),
            began.elapsed().as_secs_f64(),
            tally.runs,
            tally.repeated
        );
    }
    Tally::at_checkpoint(stage)
}

/// What decides the order of faults.
fn seeded() -> (u64, Random) {
    let seed = number("_SEED").unwrap_or(1);
    (seed, Random::from_seed(seed))
}

/// Tells a daemon to stop while a client keeps its connection open without a word.
fn stop_with_an_idle_client(stage: &mut Stage) {
    let member = &mut stage.fleet[0];
    let mut client = TcpStream::connect(member.daemon().address).unwrap();
    client.write_all(b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut answer = [0; 1024];
    let length = client.read(&mut answer).unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
    member.restart(&stage.place);
    drop(client);
}

/// How to have the same faults again; said when the test fails.
struct Repeat(String);

impl Drop for Repeat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("chaos: to repeat it: {}", self.0);
        }
    }
}

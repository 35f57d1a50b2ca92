//! A provider that counts: whatever happens to the fleet, it is never asked more than it allows. `make limits`
//! also wants it to be asked about as much as it allows.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    Repeat,
    checks::Tally,
    faults::{Fault, below, inflict, number},
    seeded,
    stage::{Scene, Stage},
};

/// Calls a second that the provider allows. Below what the fleet could do.
const RATE: u32 = 500;

/// Calls at once that it allows after a quiet time.
const BURST: u32 = 100;

/// Calls of `make test`; `make limits N=1000000` makes as many as one likes.
const CALLS: u64 = 10_000;

/// How long the fleet is left in peace between two kills: what the dead had been granted is lost.
const PEACE: Duration = Duration::from_secs(10);

#[test]
fn a_fleet_whose_processes_are_killed_keeps_the_limit_of_a_provider() {
    let began = Instant::now();
    let asked = |name: &str, usual: u32| number(name).map_or(usual, |number| number.try_into().unwrap());
    let (rate, burst) = (asked("_RATE", RATE), asked("_BURST", BURST));
    let wanted = i64::try_from(number("_CALLS").unwrap_or(CALLS)).unwrap();
    let (seed, random) = seeded();
    let _repeat = Repeat(format!("make limits N={wanted} SEED={seed} RATE={rate} BURST={burst}"));
    let mut stage = Stage::set(&Scene {
        limits: format!("rate-per-second = {rate}\nburst = {burst}"),
        processes: number("_PROCESSES").map_or(3, |number| number.try_into().unwrap()),
        ..Scene::of_three("watchkeeper_chaos_limits")
    });
    stage.start();
    let fed_from = usize::try_from(stage.stub.total()).unwrap();
    let (mut kills, mut killed_at) = (0, Instant::now());
    while stage.stub.total() < wanted {
        stage.feed();
        if killed_at.elapsed() > PEACE {
            inflict(Fault::Kill, &mut stage, &random);
            (kills, killed_at) = (kills + 1, Instant::now());
        }
        // There is work for seconds; what matters is only that it never ends.
        thread::sleep(Duration::from_millis(100 + u64::try_from(below(&random, 100)).unwrap()));
    }
    let arrivals = stage.stub.arrivals();
    let judged = judge(&arrivals, rate.into(), burst.into());
    // Before, there was not always something to ask.
    let used = judge(&arrivals[fed_from..], rate.into(), burst.into()).used;
    Tally::at_end(&stage);
    println!(
        "limits: {} calls in {:.1} s, {kills} kills: {} violations (worst: {:.1} calls too many), {:.1} % of the limit used, in {:.1} s",
        judged.calls,
        judged.took.as_secs_f64(),
        judged.violations,
        judged.worst,
        used * 100.0,
        began.elapsed().as_secs_f64(),
    );
    assert_eq!(judged.violations, 0, "in no interval is the provider asked more than it allows");
    // In `make test` other tests take the machine's time too.
    if let Some(least) = number("_USED") {
        assert!(used * 100.0 >= f64::from(u32::try_from(least).unwrap()), "{least} % of the limit is used");
    }
}

/// How a limit was kept.
#[derive(Debug)]
struct Judged {
    calls: usize,
    took: Duration,
    /// Calls with which some interval had more calls than it allows.
    violations: usize,
    /// By how many calls the worst interval had too many.
    worst: f64,
    /// The part of what was allowed that was asked.
    used: f64,
}

/// Looks at every interval from one arrival to another: none may hold more than `burst + rate · t` calls.
///
/// With `k` for a call's number, the calls from the `i`-th to the `j`-th are `j - i + 1`, so the interval is
/// kept if `(j - rate · tj) - (i - rate · ti) + 1 ≤ burst`: the least of the second term decides for all `i`.
fn judge(arrivals: &[Duration], rate: f64, burst: f64) -> Judged {
    let (mut least, mut worst, mut violations) = (f64::INFINITY, 0.0_f64, 0);
    for (number, at) in (0_u32..).zip(arrivals) {
        let ahead = f64::from(number) - rate * at.as_secs_f64();
        least = least.min(ahead);
        let excess = ahead - least + 1.0 - burst;
        // Times of arrival are exact to a nanosecond only.
        if excess > 1e-3 {
            violations += 1;
            worst = worst.max(excess);
        }
    }
    let (begin, end) = (arrivals.first().unwrap(), arrivals.last().unwrap());
    let took = end.checked_sub(*begin).expect("they are in order");
    let calls = arrivals.len();
    let allowed = burst + rate * took.as_secs_f64();
    Judged { calls, took, violations, worst, used: f64::from(u32::try_from(calls).unwrap()) / allowed }
}

#[test]
fn an_interval_with_a_call_too_many_is_found_and_one_that_is_full_is_not() {
    let millis =
        |times: &[u64]| -> Vec<Duration> { times.iter().copied().map(Duration::from_millis).collect() };
    // Ten a second, two at once: full from the first call to the last.
    let full = judge(&millis(&[0, 0, 100, 200, 300, 400, 500, 600, 700, 800]), 10.0, 2.0);
    assert_eq!((full.violations, full.calls), (0, 10));
    assert!((full.used - 1.0).abs() < 1e-9, "{full:?}");
    // Each pair of neighbours is well: from the first of them to the last there is one too many.
    let crept = judge(&millis(&[0, 0, 100, 175, 250, 325]), 10.0, 2.0);
    assert_eq!(crept.violations, 3, "{crept:?}");
    let late = judge(&millis(&[0, 5000, 5001, 5002]), 10.0, 2.0);
    assert_eq!(late.violations, 1, "{late:?}");
    assert!(judge(&millis(&[0, 1000]), 10.0, 2.0).used < 0.2);
}

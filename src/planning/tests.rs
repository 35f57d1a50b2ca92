//! The arithmetic of cohorts, against calculations by hand and against a simulation of every single monitor.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

const HOUR: f64 = 3600.0;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn hours(count: u64) -> Duration {
    Duration::from_hours(count)
}

fn provider(rate: Option<f64>) -> Provider {
    Provider {
        name: "api".to_owned(),
        rate_per_second: rate,
        burst: 1,
        at_once: None,
        calls_per_day: None,
        calls_per_month: None,
        used: (0, 0),
    }
}

fn load(name: &str, every: Duration, routine: u64) -> Load {
    Load {
        schedule: name.to_owned(),
        provider: "api".to_owned(),
        cadence: Cadence::every(every, None).unwrap(),
        objective: None,
        backfill_per_second: 500.0,
        routine,
        placed: Vec::new(),
        new: 0,
    }
}

fn at_pattern(pattern: &str, spread: Option<Duration>) -> Cadence {
    Cadence::cron(pattern.parse().unwrap(), Tz::UTC, spread).unwrap()
}

fn ask(days: u16, provider: Provider, loads: Vec<Load>) -> ProviderForecast {
    let from = at("2026-03-02T00:00:00Z");
    let mut answer = Question { from, days, providers: vec![provider], loads }.answer();
    answer.providers.remove(0)
}

/// The same without proposals, which take many plans.
fn look(days: u16, provider: &Provider, loads: &[Load]) -> ProviderForecast {
    let from = at("2026-03-02T00:00:00Z");
    let question = Question { from, days, providers: Vec::new(), loads: Vec::new() };
    question.look(provider, loads)
}

fn near(found: f64, right: f64, tolerance: f64) {
    assert!((found - right).abs() <= tolerance, "{found} is not {right}, give or take {tolerance}");
}

#[test]
fn ten_million_a_day_are_so_many_an_hour_and_fit_where_the_rate_is_enough() {
    let found = ask(7, provider(Some(120.0)), vec![load("daily", hours(24), 10_000_000)]);
    assert!(found.fits && found.proposals.is_empty());
    near(found.due, 70_000_000.0, 1.0);
    near(found.done, 70_000_000.0, 10_000.0);
    near(found.peak.due, 10_000_000.0 / 24.0, 1.0);
    near(found.utilisation.unwrap(), 10_000_000.0 / (120.0 * 86_400.0), 0.001);
    assert_eq!((found.hours.len(), found.hours[0].capacity), (7 * 24, Some(120.0 * HOUR)));
    assert!(found.schedules[0].lateness_largest < 120.0);
}

#[test]
fn too_small_a_rate_is_late_by_ever_more_and_the_proposals_fit() {
    let loads = vec![load("daily", hours(24), 1_000_000)];
    let found = ask(7, provider(Some(10.0)), loads.clone());
    assert!(!found.fits);
    // 11.574 fall due a second and 10 are done: of what is served after a day, the first was due at 86.4 % of it.
    near(found.hours[23].waiting, 1_000_000.0 - 864_000.0, 100.0);
    near(found.hours[23].lateness, 86_400.0 * (1.0 - 0.864), 120.0);
    let settings: Vec<&str> =
        found.proposals.iter().flat_map(|one| &one.settings).map(String::as_str).collect();
    // Within the week none waits for more than a day, but what waits would grow for ever.
    assert_eq!(settings.len(), 2, "{settings:?}");
    let rate: f64 = settings[0].strip_prefix("providers.api.rate-per-second = ").unwrap().parse().unwrap();
    assert!((11.57..11.8).contains(&rate), "{rate}");
    near(found.long_run.unwrap(), 1.157, 0.001);
    assert!(settings[1].starts_with("schedules.daily.every = \""), "{settings:?}");
    assert!(ask(7, provider(Some(rate)), loads).fits);
}

#[test]
fn a_peak_at_one_time_is_worked_off_at_the_rate_and_a_spread_is_proposed() {
    let nightly = Load {
        cadence: at_pattern("30 2 * * *", None),
        objective: Some(hours(1)),
        ..load("nightly", hours(24), 36_000)
    };
    let found = ask(2, provider(Some(5.0)), vec![nightly]);
    // 36,000 at 5 a second take two hours.
    near(found.schedules[0].lateness_largest, 7_200.0, 2.0);
    near(found.schedules[0].lateness_median, 3_600.0, 200.0);
    near(found.peak.due, 36_000.0, 1e-6);
    assert_eq!(found.peak.at, at("2026-03-02T02:00:00Z"));
    let proposed: Vec<&str> =
        found.proposals.iter().flat_map(|one| &one.settings).map(String::as_str).collect();
    assert!(proposed.contains(&"schedules.nightly.spread = \"1h20m\""), "{proposed:?}");
    let rate = proposed[0].strip_prefix("providers.api.rate-per-second = ").unwrap();
    near(rate.parse().unwrap(), 10.0, 0.25);
}

#[test]
fn a_quota_of_the_day_stops_until_midnight_and_the_one_that_is_needed_is_named() {
    let mut quota = provider(Some(1.0));
    quota.calls_per_day = Some(12_000);
    let found = ask(3, quota, vec![Load { objective: Some(hours(2)), ..load("daily", hours(24), 24_000) }]);
    // A thousand an hour: used up at noon.
    near(found.hours[11].done, 1_000.0, 1.0);
    near(found.hours[13].done, 0.0, 1e-6);
    near(found.hours[13].capacity.unwrap(), 0.0, 1e-6);
    near(found.day_quota.unwrap(), 1.0, 1e-6);
    assert!(!found.fits);
    let quota: u64 = found.proposals[0].settings[0]
        .strip_prefix("providers.api.calls-per-day = ")
        .unwrap_or_else(|| panic!("{:?}", found.proposals))
        .parse()
        .unwrap();
    assert!((24_000..=24_300).contains(&quota), "{quota}");
}

#[test]
fn what_the_day_has_used_already_counts_and_so_does_what_is_under_way_at_most() {
    let mut used = provider(None);
    used.calls_per_day = Some(24_000);
    used.used = (20_000, 20_000);
    let found = ask(1, used, vec![load("daily", hours(24), 24_000)]);
    near(found.done, 4_000.0, 1.0);
    let mut slow = provider(None);
    slow.at_once = Some(AtOnce { concurrency: 4, processes: 2, latency: Duration::from_secs(20) });
    let found = ask(1, slow, vec![load("daily", hours(24), 50_000)]);
    near(found.done, 0.4 * 86_400.0, 1.0);
}

#[test]
fn the_earliest_deadline_goes_first_and_least_lateness_results() {
    let both = |one: Option<Duration>, other: Option<Duration>| {
        let pattern = at_pattern("0 0 * * *", None);
        let first = Load { cadence: pattern.clone(), objective: one, ..load("a", hours(24), 18_000) };
        let second = Load { cadence: pattern, objective: other, ..load("b", hours(24), 18_000) };
        ask(1, provider(Some(5.0)), vec![first, second])
    };
    // An hour of work each: with the right objectives both are met, whichever comes first in the file.
    let found = both(Some(hours(3)), Some(hours(1) + Duration::from_mins(1)));
    assert!(found.fits);
    near(found.schedules[1].lateness_largest, HOUR, 2.0);
    near(found.schedules[0].lateness_largest, 2.0 * HOUR, 2.0);
    assert!(both(Some(hours(1) + Duration::from_mins(1)), Some(hours(3))).fits);
    // Without objectives they go by their time.
    let found = both(None, None);
    near(found.schedules[0].lateness_largest, HOUR, 2.0);
    near(found.schedules[1].lateness_largest, 2.0 * HOUR, 2.0);
}

#[test]
fn first_runs_come_at_their_rate_and_then_by_the_cadence() {
    let new = Load { new: 36_000, routine: 0, backfill_per_second: 2.0, ..load("new", hours(24), 0) };
    let found = ask(1, provider(Some(100.0)), vec![new]);
    // The first runs of the first hour are 7,200; every one of these comes by its place in the rest of the day, too.
    near(found.hours[0].due, 7_200.0 + 150.0, 20.0);
    near(found.hours[4].due, 7_200.0 + 1_350.0, 20.0);
    near(found.hours[5].due, 1_500.0, 20.0);
    let backlog = vec![
        Batch { at: at("2026-03-01T10:00:00Z"), count: 600 },
        Batch { at: at("2026-03-02T03:00:00Z"), count: 60 },
    ];
    let found = ask(1, provider(Some(1.0)), vec![Load { placed: backlog, ..load("placed", hours(24), 0) }]);
    near(found.schedules[0].lateness_largest, 13.5 * HOUR + 600.0, 2.0);
    near(found.hours[3].due, 60.0 + 25.0, 3.0);
}

#[test]
fn first_runs_are_not_made_so_slowly_that_the_plan_does_not_see_their_end() {
    let new = Load { new: 1_000_000, objective: Some(hours(1)), ..load("new", hours(3650 * 24), 0) };
    let proposed = |days| {
        let found = ask(days, provider(Some(1.0)), vec![new.clone()]);
        assert!(!found.fits && found.long_run.unwrap() < 0.01);
        let settings: Vec<String> = found.proposals.into_iter().flat_map(|one| one.settings).collect();
        settings.into_iter().find_map(|one| {
            one.strip_prefix("schedules.new.backfill-per-second = ").map(|rate| rate.parse::<f64>().unwrap())
        })
    };
    // A million at one a second take eleven and a half days.
    assert_eq!(proposed(11), None);
    near(proposed(13).unwrap(), 0.99, 0.03);
}

#[test]
fn every_slot_of_a_short_interval_is_counted_however_far_the_plan_looks() {
    let minutely = load("minutely", Duration::from_mins(1), 60);
    let pattern = Load { cadence: at_pattern("*/2 * * * *", None), ..load("pattern", hours(24), 60) };
    let found = look(200, &provider(Some(10.0)), &[minutely, pattern]);
    assert!(found.fits, "{:?}", found.schedules);
    near(found.schedules[0].due, 200.0 * 1440.0 * 60.0, 61.0);
    near(found.schedules[1].due, 200.0 * 720.0 * 60.0, 61.0);
    near(found.schedules[0].skipped + found.schedules[1].skipped, 0.0, 1e-6);
}

#[test]
fn a_cadence_that_crosses_a_change_of_clocks_and_a_long_spread_lose_nothing() {
    let cadence = Cadence::cron("30 2 * * *".parse().unwrap(), Tz::Europe__Berlin, Some(hours(60))).unwrap();
    let from = at("2026-03-27T00:00:00Z");
    let load = Load { cadence, ..load("berlin", hours(24), 6_000) };
    let found = Question { from, days: 10, providers: vec![provider(None)], loads: vec![load] }.answer();
    // Each monitor has ten days of one slot each, whatever its place.
    near(found.providers[0].due, 60_000.0, 300.0);
    assert!(found.fits);
}

#[test]
fn the_picture_is_whole_and_names_what_it_shows() {
    let from = at("2026-03-02T05:00:00Z");
    for days in [1, 31, 366] {
        let mut other = provider(None);
        other.name = "a<b".to_owned();
        let loads = vec![load("daily", hours(24), 1_000_000)];
        let question = Question { from, days, providers: Vec::new(), loads: Vec::new() };
        let providers = [provider(Some(10.0)), other].map(|provider| question.look(&provider, &loads));
        let forecast = Forecast { from, days, fits: false, providers: providers.into() };
        let picture = picture(&forecast);
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
        assert!(picture.contains("does not fit") && picture.contains("a&lt;b") && !picture.contains("NaN"));
        assert!(picture.len() < 120_000, "{}", picture.len());
    }
}

/// What came of every single monitor: runs, skipped slots, the largest lateness of each schedule.
#[derive(Debug, Default)]
struct Single {
    done: f64,
    skipped: f64,
    largest: f64,
}

/// A monitor, as the simulation of single monitors sees it.
struct Monitor {
    schedule: usize,
    place: u64,
    /// When it is due; a waiting one was.
    due: DateTime<Utc>,
}

/// One call after the other at the rate, the earliest deadline first, every monitor by itself.
fn single(rate: f64, loads: &[Load], from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Single> {
    let mut outcome: Vec<Single> = loads.iter().map(|_| Single::default()).collect();
    let mut monitors: Vec<Monitor> = Vec::new();
    for (schedule, load) in loads.iter().enumerate() {
        for number in 0..load.routine {
            let place = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(schedule as u64);
            let due = load.cadence.next_due(place, from - TimeDelta::milliseconds(1));
            monitors.push(Monitor { schedule, place, due });
        }
    }
    let mut coming: BTreeSet<(DateTime<Utc>, usize)> =
        monitors.iter().enumerate().map(|(index, one)| (one.due, index)).collect();
    let mut waiting: BTreeSet<(DateTime<Utc>, usize)> = BTreeSet::new();
    let between = TimeDelta::from_std(Duration::from_secs_f64(1.0 / rate)).unwrap();
    let mut now = from;
    while now < until {
        while let Some(&(due, index)) = coming.first()
            && due <= now
        {
            coming.pop_first();
            let deadline = due + TimeDelta::from_std(loads[monitors[index].schedule].allowed()).unwrap();
            waiting.insert((deadline, index));
        }
        let Some((_, index)) = waiting.pop_first() else {
            let Some(&(due, _)) = coming.first() else { break };
            now = due.max(now);
            continue;
        };
        now += between;
        let monitor = &mut monitors[index];
        let (load, outcome) = (&loads[monitor.schedule], &mut outcome[monitor.schedule]);
        outcome.done += 1.0;
        outcome.largest = outcome.largest.max((now - monitor.due).as_seconds_f64());
        let mut slot = load.cadence.next_due(monitor.place, monitor.due);
        while slot <= now {
            outcome.skipped += 1.0;
            slot = load.cadence.next_due(monitor.place, slot);
        }
        monitor.due = slot;
        coming.insert((slot, index));
    }
    for (_, index) in &waiting {
        let monitor = &monitors[*index];
        let (load, outcome) = (&loads[monitor.schedule], &mut outcome[monitor.schedule]);
        outcome.largest = outcome.largest.max((until - monitor.due).as_seconds_f64());
        let mut slot = load.cadence.next_due(monitor.place, monitor.due);
        while slot < until {
            outcome.skipped += 1.0;
            slot = load.cadence.next_due(monitor.place, slot);
        }
    }
    outcome
}

#[test]
fn cohorts_come_to_what_every_single_monitor_comes_to() {
    let mut random = StdRng::seed_from_u64(20_260_302);
    let (from, days) = (at("2026-03-02T00:00:00Z"), 4);
    let until = from + TimeDelta::days(i64::from(days));
    let mut judged = [0, 0];
    for case in 0..60 {
        let count = random.random_range(1..=3);
        let loads: Vec<Load> = (0..count)
            .map(|index| {
                let every = Duration::from_mins(30 * random.random_range(4..=96));
                let spread = every.mul_f64([0.0, 0.25, 1.0][random.random_range(0..3)]);
                let cadence = match random.random_range(0..4) {
                    0 => at_pattern("15 */7 * * *", Some(Duration::from_mins(random.random_range(0..600)))),
                    _ => Cadence::every(every, Some(spread)).unwrap(),
                };
                let objective = [None, Some(hours(1)), Some(hours(6))][random.random_range(0..3)];
                Load {
                    cadence,
                    objective,
                    ..load(&index.to_string(), hours(1), random.random_range(200..1500))
                }
            })
            .collect();
        let unlimited = look(days, &provider(None), &loads);
        let demand = unlimited.due / (f64::from(days) * 86_400.0);
        let rate = demand * random.random_range(0.5..3.0);
        let found = look(days, &provider(Some(rate)), &loads);
        let right = single(rate, &loads, from, until);
        for (index, (found, right)) in found.schedules.iter().zip(&right).enumerate() {
            let all = number(&loads[index]);
            // Within two hundredths, a step's work, and the single monitors' scatter over their places.
            let scatter = 3.0 * all.sqrt() + rate * 120.0 + 3.0;
            let context = format!("case {case}, schedule {index}, rate {rate}: {found:?} {right:?}");
            assert!((found.done - right.done).abs() <= right.done * 0.02 + scatter, "done: {context}");
            let late = (found.lateness_largest - right.largest).abs();
            assert!(late <= right.largest * 0.05 + scatter / rate + 180.0, "lateness: {context}");
            assert!(
                (found.skipped - right.skipped).abs() <= right.skipped * 0.05 + 2.0 * scatter,
                "skipped: {context}"
            );
            judged[usize::from(right.skipped > 0.0)] += 1;
        }
    }
    assert!(judged.iter().all(|count| *count > 10), "both kinds were seen: {judged:?}");
}

fn number(load: &Load) -> f64 {
    numbers::number(load.monitors())
}

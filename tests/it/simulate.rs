//! `simulate`: the engine lives through days in seconds, loses nothing, and comes to the same every time.

use std::time::Duration;

use watchkeeper::app::simulate::{Of, Options, Outage, SimulationView, simulate};

use crate::fixtures::settings_of;

const CONFIGURATION: &str = r#"
[lists.none]
format = "ofac-csv"
folder = "none"
[providers.local]
kind = "local"
lists = ["none"]
[providers.api]
kind = "http"
url = "https://api.example.com/screen"
body = { name = "{{name}}" }
rate-per-second = 0.5
burst = 3
concurrency = 4
probe-every = "10m"
answer = { hits = "/hits", entity = "/id", name = "/name" }
[report-templates.watchlist]
type = "watchlist"
provider = "api"
[report-templates.business-watchlist]
type = "business-watchlist"
provider = "local"
[schedules.people]
template = "watchlist"
every = "2h"
objective = "2h"
backfill-per-second = 10
accounts = { types = ["individual"] }
on-match = { tags = ["watchlist-match"], status = "under-review", status-from = ["active"] }
on-clear = { status = "active" }
[schedules.businesses]
template = "business-watchlist"
every = "1d"
objective = "2h"
backfill-per-second = 10
accounts = { types = ["business"], tags-any = ["vip"] }
"#;

/// Fifty accounts for a day, with an outage of five hours.
fn options() -> Options {
    const HOUR: Duration = Duration::from_hours(1);
    Options {
        accounts: 50,
        of: None,
        days: 1,
        from: "2026-06-01T00:00:00Z".parse().unwrap(),
        seed: 7,
        latency: vec![Of { provider: None, value: Duration::from_millis(300) }],
        errors: vec![Of { provider: Some("api".to_owned()), value: 0.1 }],
        outages: vec![Of { provider: None, value: Outage { after: HOUR * 8, lasts: HOUR * 5 } }],
        list_change: Some(HOUR * 4),
        hits: 0.2,
        rest: Duration::from_mins(10),
    }
}

fn simulated(options: &Options) -> SimulationView {
    let url = std::env::vars().find(|(name, _)| name == "DATABASE_URL").unwrap().1;
    let mut days = Vec::new();
    let view = simulate(&settings_of(CONFIGURATION), options, &url, &mut |day| days.push(day)).unwrap();
    assert!(days.iter().copied().eq(1..=options.days), "{days:?}");
    view
}

#[test]
fn days_with_errors_an_outage_and_list_changes_lose_nothing_and_keep_the_budget() {
    let view = simulated(&options());
    assert!(view.proof.holds(), "{:?}", view.proof);
    let [businesses, people] = view.schedules.as_slice() else { panic!("two schedules") };
    assert_eq!((people.schedule.as_str(), people.provider.as_str()), ("people", "api"));
    assert_eq!(people.monitors + businesses.monitors, 50);
    assert_eq!(view.proof.slots, people.slots + businesses.slots);
    // A first run, and by the cadence twelve; two or three of them lie in the outage, and one is made for them.
    assert!((9 * people.monitors..=14 * people.monitors).contains(&people.slots), "{people:?}");
    assert!((businesses.monitors..=7 * businesses.monitors).contains(&businesses.slots), "{businesses:?}");
    assert!(people.matched > 0 && view.list_changes == 5, "{view:?}");

    // Who has to wait for the outage's end waits too long; who asks nobody does not.
    assert!(people.beyond_objective > 0 && people.late_most.unwrap() > 2.0 * 3600.0, "{people:?}");
    assert_eq!((businesses.beyond_objective, businesses.errors), (0, 0));
    let told: Vec<_> = view.objectives.iter().map(|one| (one.schedule.as_str(), one.missed)).collect();
    assert_eq!(told, [("people", true), ("people", false)]);
    assert!(view.objectives[0].at > "2026-06-01T10:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap());

    let [api, local] = view.providers.as_slice() else { panic!("two providers") };
    let count = |what: &str| api.verdicts.iter().find(|one| one.what == what).map_or(0, |one| one.count);
    let calls = count("answered") + count("server-error") + count("timeout") + count("connection");
    assert_eq!(calls, api.calls);
    assert!(count("server-error") > count("timeout") && count("timeout") > 0, "{api:?}");
    // The breaker has it asked once in ten minutes while it is away.
    assert!((25..90).contains(&count("connection")), "{api:?}");
    assert!((3 * 3600..=5 * 3600 + 900).contains(&api.breaker_open_seconds), "{api:?}");
    assert!(api.repeated > 0 && local.breaker_open_seconds == 0);
    assert!(api.rate_used.unwrap() < 0.2 && local.rate_used.is_none());

    let events = |kind: &str| view.events.iter().find(|event| event.kind == kind).map_or(0, |one| one.count);
    assert_eq!(events("account.created"), 50);
    assert!(events("report/watchlist.matched") > 0, "{:?}", view.events);
    assert!(view.notes.iter().any(|note| note.ends_with("though they have conditions: businesses")));
}

#[test]
fn the_same_seed_comes_to_the_same_and_another_seed_to_something_else() {
    let options = options();
    let view = simulated(&options);
    assert_eq!(simulated(&options), view);
    assert_ne!(simulated(&Options { seed: 8, ..options }).schedules, view.schedules);
}

#[test]
fn a_sample_uses_as_much_of_the_budget_as_what_it_stands_for() {
    let options = Options { of: Some(500), outages: Vec::new(), ..options() };
    let view = simulated(&options);
    assert!(view.proof.holds(), "{:?}", view.proof);
    let api = view.providers.iter().find(|provider| provider.provider == "api").unwrap();
    assert_eq!((api.rate_per_second, api.burst), (Some(0.05), 1));
    assert!(api.rate_used.unwrap() > 0.1, "{api:?}");
    assert!(view.notes.iter().any(|note| note.starts_with("50 accounts stand for 500")), "{:?}", view.notes);
}

#[test]
fn an_outage_of_what_is_always_there_is_refused_unless_it_is_named() {
    let local = CONFIGURATION.replace("provider = \"api\"", "provider = \"local\"");
    let refused = simulate(&settings_of(&local), &options(), "postgres://nowhere", &mut |_| {}).unwrap_err();
    assert!(refused.to_string().contains("as --latency local=VALUE"), "{refused}");
}

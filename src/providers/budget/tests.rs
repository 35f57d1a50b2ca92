use chrono::TimeDelta;
use tokio::time::{sleep, timeout};

use super::*;
use crate::providers::{FailureClass, Verdict};

fn budget(rate_per_second: Option<f64>, burst: u32, concurrency: u32) -> Budget {
    Budget::new(Limits { rate_per_second, burst, concurrency }).unwrap()
}

/// A budget of a fleet, which somebody else serves.
fn shared(rate_per_second: Option<f64>, burst: u32, terms: Terms) -> Arc<Budget> {
    let budget = budget(rate_per_second, burst, 100).with_terms(terms);
    budget.share(1);
    assert_eq!(budget.last_errand(), Some(Errand::Introduce));
    budget.done(Errand::Introduce);
    Arc::new(budget)
}

/// Takes `count` permits, each dropped at once, and says when each was handed out.
async fn take(budget: &Budget, count: usize) -> Vec<Instant> {
    let mut times = Vec::new();
    for _ in 0..count {
        let permit = budget.permit(Attempt::First).await.unwrap();
        times.push(Instant::now());
        drop(permit);
    }
    times
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred permits")]
fn assert_within(times: &[Instant], rate: f64, burst: u32) {
    for (first, from) in times.iter().enumerate() {
        for (last, to) in times.iter().enumerate().skip(first) {
            let permits = (last - first + 1) as f64;
            let allowed = f64::from(burst) + rate * (*to - *from).as_secs_f64();
            assert!(permits <= allowed + 1e-9, "{permits} permits where {allowed} are allowed");
        }
    }
}

fn error(class: FailureClass, retry_after: Option<Duration>) -> CallError {
    CallError { verdict: Verdict::Later, class, retry_after, status: None }
}

const START: &str = "2026-03-01T09:00:00Z";

/// A database whose clock shows [`START`] when the test starts, and counts on.
#[derive(Clone, Copy)]
struct Database {
    start: Instant,
}

impl Database {
    fn new() -> Self {
        Self { start: Instant::now() }
    }

    fn told(self) -> Told {
        let now = START.parse::<DateTime<Utc>>().unwrap() + self.start.elapsed();
        Told { now, rest: None, breaker: None, used_today: 0, used_this_month: 0, limits: None }
    }

    fn grant(self, budget: &Budget, wanted: u32, permits: u32, starts_in: f64) {
        let now = Instant::now();
        budget.receive(Granted { wanted, permits, starts_in, told: self.told() }, now, now);
    }

    fn tell(self, budget: &Budget, change: impl FnOnce(&mut Told)) {
        let mut told = self.told();
        change(&mut told);
        budget.learn(told, Instant::now(), Instant::now());
    }
}

/// A caller that waits for its permit.
fn caller(budget: &Arc<Budget>) -> tokio::task::JoinHandle<(Result<Permit, Refused>, Instant)> {
    let budget = Arc::clone(budget);
    #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
    tokio::spawn(async move {
        let permit = budget.permit(Attempt::First).await;
        (permit, Instant::now())
    })
}

/// Makes calls that fail; five are enough to open the breaker.
async fn fail(budget: &Budget, count: usize) {
    for _ in 0..count {
        let permit = budget.permit(Attempt::First).await.unwrap();
        budget.observe(permit, Some(&error(FailureClass::Timeout, None)));
    }
}

#[tokio::test(start_paused = true)]
async fn no_interval_sees_more_than_the_burst_and_the_rate() {
    for (rate, burst) in [(2.5, 3), (3.0, 1), (0.1, 2), (900.0, 50)] {
        let budget = budget(Some(rate), burst, 1);
        let mut times = take(&budget, 40).await;
        // A quiet time earns a burst again, and no more than one burst.
        sleep(Duration::from_hours(3)).await;
        times.extend(take(&budget, 40).await);
        sleep(Duration::from_secs_f64(0.7 / rate)).await;
        times.extend(take(&budget, 40).await);
        assert_within(&times, rate, burst);
    }
}

#[tokio::test(start_paused = true)]
async fn the_burst_comes_at_once_and_the_rest_at_the_rate() {
    let budget = budget(Some(0.5), 3, 1);
    let start = Instant::now();
    let waits: Vec<_> = take(&budget, 6).await.iter().map(|time| (*time - start).as_secs()).collect();
    assert_eq!(waits, [0, 0, 0, 2, 4, 6]);
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_together_stay_within_the_limit_too() {
    let budget = Arc::new(budget(Some(4.0), 2, 16));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let budget = Arc::clone(&budget);
        callers.spawn(async move {
            let _permit = budget.permit(Attempt::First).await;
            Instant::now()
        });
    }
    let mut times = callers.join_all().await;
    times.sort();
    assert_eq!(times.len(), 64);
    assert_within(&times, 4.0, 2);
}

#[tokio::test(start_paused = true)]
async fn a_short_rest_is_waited_for_and_a_shorter_one_does_not_shorten_it() {
    let budget = budget(None, 1, 4);
    let start = Instant::now();
    budget.pause_for(Duration::from_millis(900), RestReason::RetryAfter);
    budget.pause_for(Duration::from_millis(5), RestReason::RetryAfter);
    let first = take(&budget, 1).await;
    assert_eq!((first[0] - start).as_millis(), 900);
}

#[tokio::test(start_paused = true)]
async fn a_long_rest_turns_away_who_waits_and_who_comes_until_it_is_over() {
    let budget = Arc::new(budget(Some(0.05), 1, 4));
    take(&budget, 1).await;
    let waiting = caller(&budget);
    sleep(Duration::from_secs(10)).await;
    budget.pause_for(Duration::from_secs(100), RestReason::RetryAfter);
    assert_eq!(waiting.await.unwrap().0.unwrap_err(), Refused::Resting);
    assert_eq!(budget.permit(Attempt::First).await.unwrap_err(), Refused::Resting);
    assert_eq!(budget.rest(), Some(Duration::from_secs(100)));
    sleep(Duration::from_secs(100)).await;
    take(&budget, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_rest_without_end_is_kept_as_a_year() {
    let budget = budget(None, 1, 1);
    budget.pause_for(Duration::MAX, RestReason::RetryAfter);
    assert!(budget.rest().unwrap() > Duration::from_hours(24 * 365));
}

#[tokio::test(start_paused = true)]
async fn places_are_given_back_by_permits_dropped_and_by_waits_given_up() {
    let budget = budget(Some(0.01), 2, 2);
    let first = budget.permit(Attempt::First).await;
    let second = budget.permit(Attempt::First).await;
    assert_eq!(budget.available(), 0);
    assert!(timeout(Duration::from_hours(1), budget.permit(Attempt::First)).await.is_err());
    drop(first);
    drop(second);
    take(&budget, 2).await;
    assert!(timeout(Duration::from_secs(1), budget.permit(Attempt::First)).await.is_err());
    assert_eq!(budget.available(), 2);
}

#[tokio::test(start_paused = true)]
async fn repetitions_are_turned_away_when_there_were_too_many() {
    let budget = budget(None, 1, 1);
    for _ in 0..10 {
        drop(budget.permit(Attempt::Repeated).await.unwrap());
    }
    assert_eq!(budget.permit(Attempt::Repeated).await.unwrap_err(), Refused::TooManyRetries);
    take(&budget, 10).await;
    drop(budget.permit(Attempt::Repeated).await.unwrap());
    assert_eq!(budget.permit(Attempt::Repeated).await.unwrap_err(), Refused::TooManyRetries);
}

#[tokio::test(start_paused = true)]
async fn a_shared_budget_asks_for_those_who_wait_and_lets_them_pass_at_their_times() {
    let budget = shared(Some(10.0), 21, Terms::default());
    let database = Database::new();
    let callers = [caller(&budget), caller(&budget), caller(&budget)];
    sleep(Duration::from_millis(1)).await;
    assert_eq!(budget.errand().await, Errand::Ask(3));
    let granted_at = Instant::now();
    database.grant(&budget, 3, 3, -0.1);
    let mut waits = Vec::new();
    for caller in callers {
        let (permit, at) = caller.await.unwrap();
        assert!(!permit.unwrap().is_over());
        waits.push((at - granted_at).as_millis());
    }
    assert_eq!(waits, [0, 0, 100]);
    assert!(budget.last_errand().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_permit_lapses_when_its_window_is_over() {
    let budget = shared(Some(10.0), 21, Terms::default());
    let database = Database::new();
    // Half of the slack of a quarter second.
    database.grant(&budget, 2, 2, 0.0);
    assert_eq!(budget.state().permits, 2);
    let permit = budget.permit(Attempt::First).await.unwrap();
    sleep(Duration::from_millis(124)).await;
    assert!(!permit.is_over());
    sleep(Duration::from_millis(2)).await;
    assert!(permit.is_over());
    sleep(Duration::from_millis(100)).await;
    assert_eq!(budget.state().permits, 0);
    let waiting = caller(&budget);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(budget.errand().await, Errand::Ask(1), "the second one was not used in time");
    waiting.abort();
}

#[tokio::test(start_paused = true)]
async fn where_the_next_permit_is_far_the_database_is_asked_again_shortly_before() {
    let budget = shared(Some(0.1), 1, Terms::default());
    let database = Database::new();
    let waiting = caller(&budget);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(budget.errand().await, Errand::Ask(1));
    let asked_at = Instant::now();
    database.grant(&budget, 1, 0, 7.0);
    assert_eq!(budget.errand().await, Errand::Ask(1));
    assert_eq!((Instant::now() - asked_at).as_millis(), 6750);
    database.grant(&budget, 1, 1, 0.25);
    let (permit, at) = waiting.await.unwrap();
    drop(permit.unwrap());
    assert_eq!((at - asked_at).as_millis(), 7000);
}

#[tokio::test(start_paused = true)]
async fn what_was_used_lately_is_asked_for_ahead_but_not_under_a_quota() {
    let quota = Terms { calls_per_day: Some(1_000_000), ..Terms::default() };
    for (terms, expected) in [(Terms::default(), 50 + 1), (quota, 1)] {
        let budget = shared(Some(1000.0), 1000, terms);
        let database = Database::new();
        database.grant(&budget, 100, 100, 0.0);
        for _ in 0..100 {
            sleep(Duration::from_millis(2)).await;
            take(&budget, 1).await;
        }
        let waiting = caller(&budget);
        sleep(Duration::from_millis(1)).await;
        let Errand::Ask(wanted) = budget.errand().await else { panic!("permits are wanted") };
        assert!(wanted.abs_diff(expected) <= 1, "{wanted}");
        waiting.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_fleet_hears_is_obeyed_and_what_we_hear_is_told() {
    let budget = shared(None, 1, Terms::default());
    let database = Database::new();
    let permit = budget.permit(Attempt::First).await.unwrap();
    let minute = Duration::from_mins(1);
    budget.observe(permit, Some(&error(FailureClass::RateLimited, Some(minute))));
    let errand = budget.errand().await;
    assert_eq!(errand, Errand::Rest(Instant::now() + minute, RestReason::RetryAfter));
    budget.done(errand);
    assert!(budget.last_errand().is_none());
    sleep(minute).await;
    take(&budget, 1).await;

    database.tell(&budget, |told| told.rest = Some((told.now + TimeDelta::hours(2), RestReason::Quota)));
    assert_eq!(budget.permit(Attempt::First).await.unwrap_err(), Refused::Resting);
    assert_eq!(budget.state().rest, Some((Duration::from_hours(2), RestReason::Quota)));
    assert!(budget.last_errand().is_none(), "the fleet knows already");
}

#[test]
fn fewer_calls_for_a_long_time_and_a_status_of_its_own_mean_a_used_up_quota() {
    let reason = |class, rest| rest_reason(&error(class, Some(Duration::from_secs(rest))));
    assert_eq!(reason(FailureClass::RateLimited, 300), RestReason::RetryAfter);
    assert_eq!(reason(FailureClass::RateLimited, 301), RestReason::Quota);
    assert_eq!(reason(FailureClass::QuotaExhausted, 1), RestReason::Quota);
    assert_eq!(reason(FailureClass::ServerError, 86400), RestReason::RetryAfter, "maintenance");
}

#[tokio::test(start_paused = true)]
async fn a_used_up_quota_is_a_rest_until_the_next_day() {
    let terms = Terms { calls_per_day: Some(5), ..Terms::default() };
    let budget = shared(None, 1, terms);
    let database = Database::new();
    database.tell(&budget, |told| told.used_today = 5);
    assert_eq!(budget.rest(), Some(Duration::from_hours(15)));
    assert_eq!(budget.state().left_today, Some(0));
    assert_eq!(budget.permit(Attempt::First).await.unwrap_err(), Refused::Resting);
    sleep(Duration::from_hours(15)).await;
    assert_eq!(budget.rest(), None);
    let waiting = caller(&budget);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(budget.errand().await, Errand::Ask(1));
    waiting.abort();
}

#[tokio::test(start_paused = true)]
async fn failures_open_the_breaker_a_granted_probe_passes_alone_and_its_answer_closes_it() {
    let budget = shared(None, 1, Terms::default());
    let database = Database::new();
    fail(&budget, 5).await;
    assert_eq!(budget.errand().await, Errand::Open);
    assert_eq!((budget.rest(), budget.most_at_once()), (Some(Duration::from_secs(30)), 1));
    assert_eq!(budget.permit(Attempt::First).await.unwrap_err(), Refused::Resting);
    database.tell(&budget, |_| ());
    assert!(budget.state().open, "the database does not know yet");
    let asked_at = Instant::now();
    sleep(Duration::from_millis(1)).await;
    budget.done(Errand::Open);
    budget.learn(database.told(), asked_at, Instant::now());
    assert!(budget.state().open, "nor did it when it was asked");
    let opened_at = database.told().now;
    database.tell(&budget, |told| told.breaker = Some((opened_at, opened_at + TimeDelta::seconds(30))));

    sleep(Duration::from_secs(30)).await;
    assert_eq!(budget.rest(), None);
    let callers = [caller(&budget), caller(&budget)];
    sleep(Duration::from_millis(1)).await;
    assert_eq!(budget.errand().await, Errand::Ask(1), "one probe, however many wait");
    let mut told = database.told();
    told.breaker = Some((opened_at, told.now + TimeDelta::seconds(30)));
    let now = Instant::now();
    budget.receive(Granted { wanted: 1, permits: 1, starts_in: 0.0, told }, now, now);
    let [first, second] = callers;
    let probe = first.await.unwrap().0.unwrap();
    assert_eq!(second.await.unwrap().0.unwrap_err(), Refused::Resting);
    budget.observe(probe, None);
    assert_eq!(budget.errand().await, Errand::Close(opened_at));
    assert!(!budget.state().open);
    take(&budget, 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_and_a_late_answer_leave_the_breaker_open() {
    let budget = shared(None, 1, Terms::default());
    let database = Database::new();
    let late = budget.permit(Attempt::First).await.unwrap();
    fail(&budget, 5).await;
    let opened_at = database.told().now;
    let mut told = database.told();
    told.breaker = Some((opened_at, told.now + TimeDelta::seconds(30)));
    let now = Instant::now();
    budget.receive(Granted { wanted: 1, permits: 1, starts_in: 0.0, told }, now, now);
    budget.observe(late, None);
    assert!(budget.state().open, "its call began before");
    let probe = budget.permit(Attempt::First).await.unwrap();
    budget.observe(probe, Some(&error(FailureClass::Connection, None)));
    assert!(budget.state().open);
    assert!(budget.last_errand().is_none());
    // Somebody else's probe was answered.
    database.tell(&budget, |_| ());
    assert!(!budget.state().open);
    take(&budget, 1).await;
}

#[tokio::test(start_paused = true)]
async fn permits_granted_before_the_breaker_opened_are_void() {
    let budget = shared(Some(10.0), 21, Terms::default());
    let database = Database::new();
    database.grant(&budget, 20, 6, 0.0);
    fail(&budget, 1).await;
    let opened_at = database.told().now;
    database.tell(&budget, |told| told.breaker = Some((opened_at, opened_at + TimeDelta::seconds(30))));
    assert_eq!(budget.permit(Attempt::First).await.unwrap_err(), Refused::Resting);
    database.tell(&budget, |_| ());
    assert_eq!(budget.state().permits, 0);
}

#[tokio::test(start_paused = true)]
async fn governor_keeps_a_process_within_the_limit_whatever_is_granted() {
    let budget = shared(Some(4.0), 2, Terms::default());
    let database = Database::new();
    let mut times = Vec::new();
    for hour in 0..40 {
        // The database's clock leaps: each grant is of another hour.
        let mut told = database.told();
        told.now += TimeDelta::hours(hour);
        let now = Instant::now();
        budget.receive(Granted { wanted: 10, permits: 10, starts_in: -9.0, told }, now, now);
        let permit = timeout(Duration::from_millis(100), budget.permit(Attempt::First)).await;
        if permit.is_ok() {
            times.push(Instant::now());
        }
    }
    assert!(times.len() > 10, "{}", times.len());
    assert_within(&times, 4.0, 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_passes_before_it_is_known_how_the_fleet_stands() {
    let budget = Arc::new(budget(None, 1, 100));
    budget.share(1);
    let database = Database::new();
    let waiting = caller(&budget);
    sleep(Duration::from_secs(1)).await;
    assert!(!waiting.is_finished());
    assert_eq!(budget.errand().await, Errand::Introduce);
    database.tell(&budget, |told| {
        told.rest = Some((told.now + TimeDelta::hours(2), RestReason::RetryAfter));
    });
    budget.done(Errand::Introduce);
    assert_eq!(waiting.await.unwrap().0.unwrap_err(), Refused::Resting);

    database.tell(&budget, |_| ());
    take(&budget, 1).await;
    budget.forgotten();
    assert_eq!(budget.last_errand(), Some(Errand::Introduce), "the database lost it");
}

#[tokio::test(start_paused = true)]
async fn who_has_an_older_configuration_keeps_the_limits_of_the_newest() {
    let budget = shared(None, 1, Terms::default());
    let database = Database::new();
    let limits = |revision, rate_per_second, calls_per_day| {
        Some(FleetLimits { revision, rate_per_second, burst: 1, calls_per_day, calls_per_month: None })
    };
    database.tell(&budget, |told| told.limits = limits(0, Some(0.1), None));
    take(&budget, 3).await;
    database.tell(&budget, |told| told.limits = limits(2, Some(0.1), Some(7)));
    let (kept, pace) = budget.kept().unwrap();
    assert_eq!(Some(kept), limits(2, Some(0.1), Some(7)));
    assert!(pace.unwrap().0 >= Duration::from_secs(10));
    assert_eq!(budget.state().left_today, Some(7));
    let waiting = caller(&budget);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(budget.errand().await, Errand::Ask(1), "a call needs a permit now");

    // The limits became others while permits were on their way: those are void.
    let mut told = database.told();
    told.limits = limits(3, Some(0.2), None);
    let now = Instant::now();
    budget.receive(Granted { wanted: 1, permits: 0, starts_in: 0.0, told: told.clone() }, now, now);
    told.limits = limits(2, Some(0.1), Some(7));
    budget.receive(Granted { wanted: 1, permits: 1, starts_in: 0.0, told: told.clone() }, now, now);
    assert_eq!(budget.state().permits, 0);
    assert_eq!(budget.errand().await, Errand::Ask(1));
    told.limits = limits(3, Some(0.2), None);
    budget.receive(Granted { wanted: 1, permits: 1, starts_in: 0.0, told }, now, now);
    drop(waiting.await.unwrap().0.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_permit_under_a_quota_lapses_before_its_day_is_over() {
    let quota = Terms { calls_per_month: Some(1_000_000), ..Terms::default() };
    for (terms, left) in [(Terms::default(), 124), (quota, 79)] {
        let budget = shared(Some(10.0), 21, terms);
        let mut told = Database::new().told();
        told.now = "2026-03-01T23:59:59.670Z".parse().unwrap();
        let now = Instant::now();
        budget.receive(Granted { wanted: 1, permits: 1, starts_in: 0.0, told }, now, now);
        let permit = budget.permit(Attempt::First).await.unwrap();
        sleep(Duration::from_millis(left)).await;
        assert!(!permit.is_over());
        sleep(Duration::from_millis(2)).await;
        assert!(permit.is_over());
    }
}

#[tokio::test(start_paused = true)]
async fn a_rest_that_somebody_ended_is_over_for_who_heard_of_it_too() {
    let budget = shared(None, 1, Terms::default());
    let database = Database::new();
    let before = Instant::now();
    budget.pause_for(Duration::from_hours(700), RestReason::Quota);
    sleep(Duration::from_millis(1)).await;
    let errand = budget.errand().await;
    budget.done(errand);
    assert!(budget.rest().is_some());
    budget.learn(database.told(), before, Instant::now());
    assert!(budget.rest().is_some(), "the database did not know when it was asked");
    sleep(Duration::from_millis(1)).await;
    database.tell(&budget, |told| told.rest = Some((told.now + TimeDelta::hours(700), RestReason::Quota)));
    assert!(budget.rest().is_some());
    database.tell(&budget, |_| ());
    assert_eq!(budget.rest(), None);
    take(&budget, 1).await;
}

#[test]
fn limits_that_mean_nothing_are_refused_by_their_key() {
    let refused = |rate_per_second, burst, concurrency| {
        Budget::new(Limits { rate_per_second, burst, concurrency }).unwrap_err().key
    };
    assert_eq!(refused(None, 1, 0), "concurrency");
    assert_eq!(refused(Some(1.0), 0, 1), "burst");
    assert_eq!(refused(Some(0.000_001), u32::MAX, 1), "burst");
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300, 1e9] {
        assert_eq!(refused(Some(rate), 1, 1), "rate_per_second", "{rate}");
    }
}

//! Budgets of a fleet: several processes, each with its own connections, share what a provider allows.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use watchkeeper::{
    actions::{
        inspect,
        pause::{self, Target},
        run_now,
    },
    domain::rest::RestReason,
    engine::budgets,
    providers::{
        CallError, FailureClass, Verdict,
        budget::{Attempt, Budget, Limits, Refused, Terms},
    },
    store::budgets::{self as rows, BudgetRow},
};

use crate::fixtures::{DAILY, House, IMPATIENT, PATIENCE, Reply, UNLIMITED, until};

/// What one process of a fleet has of budgets. It ends when it is dropped, and its permits with it.
struct Process {
    house: House,
    _stopped: DropGuard,
}

impl Process {
    async fn start(pool: &PgPool, limits: Limits, terms: Terms) -> Self {
        let options = PgPoolOptions::new().max_connections(4);
        let own = options.connect_with((*pool.connect_options()).clone()).await.unwrap();
        let house = House::on_terms(&own, "", limits, terms).await;
        let stop = CancellationToken::new();
        budgets::start(&house.engine, &TaskTracker::new(), &stop, &stop);
        Self { house, _stopped: stop.drop_guard() }
    }

    fn budget(&self) -> &Budget {
        let provider = self.house.engine.plan.providers.iter().find(|one| one.provider.name() == "scripted");
        &provider.unwrap().budget
    }

    async fn take(&self) -> Result<(), Refused> {
        let permit = tokio::time::timeout(PATIENCE, self.budget().permit(Attempt::First)).await;
        self.budget().observe(permit.expect("permitted or refused")?, None);
        Ok(())
    }

    async fn fail(&self, class: FailureClass, retry_after: Option<Duration>) {
        let error = CallError { verdict: Verdict::Later, class, retry_after, status: None };
        let permit = self.budget().permit(Attempt::First).await.unwrap();
        self.budget().observe(permit, Some(&error));
    }

    async fn row(&self) -> BudgetRow {
        let mut connection = self.house.engine.context.store.connection().await.unwrap();
        let rows = rows::list(&mut connection).await.unwrap();
        rows.into_iter().find(|row| row.name == "scripted").expect("the budget has a row")
    }

    /// Lets callers call one after the other, until enough calls were made.
    fn call(self: &Arc<Self>, callers: u32, calls: &Arc<Mutex<Vec<Instant>>>, enough: usize) -> JoinSet<()> {
        let mut all = JoinSet::new();
        for _ in 0..callers {
            let (process, calls) = (Arc::clone(self), Arc::clone(calls));
            all.spawn(async move {
                while calls.lock().unwrap().len() < enough {
                    let budget = process.budget();
                    let permit = budget.permit(Attempt::First).await.unwrap();
                    if permit.is_over() {
                        continue;
                    }
                    calls.lock().unwrap().push(Instant::now());
                    tokio::task::yield_now().await;
                    budget.observe(permit, None);
                }
            });
        }
        all
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand calls")]
#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn processes_that_come_and_are_killed_never_exceed_the_limit(pool: PgPool) {
    const ENOUGH: usize = 3000;
    let (rate, burst) = (400.0, 50);
    let limits = Limits { rate_per_second: Some(rate), burst, concurrency: 16 };
    let calls = Arc::new(Mutex::new(Vec::new()));
    let start = async || Arc::new(Process::start(&pool, limits, IMPATIENT).await);
    let (first, second, third) = (start().await, start().await, start().await);
    let mut callers = [first.call(16, &calls, ENOUGH), second.call(16, &calls, ENOUGH)];
    let mut doomed = third.call(16, &calls, ENOUGH);
    until("a good part of the calls is made", async || calls.lock().unwrap().len() > ENOUGH / 3).await;
    doomed.shutdown().await;
    drop(third);
    let fourth = start().await;
    let mut more = fourth.call(16, &calls, ENOUGH);
    for callers in callers.iter_mut().chain([&mut more]) {
        while let Some(ended) = callers.join_next().await {
            ended.unwrap();
        }
    }

    let mut calls = calls.lock().unwrap().clone();
    calls.sort_unstable();
    for (index, from) in calls.iter().enumerate() {
        for (count, to) in calls[index..].iter().enumerate() {
            let allowed = f64::from(burst) + rate * (*to - *from).as_secs_f64();
            assert!((count + 1) as f64 <= allowed + 1e-6, "{} calls where {allowed} are allowed", count + 1);
        }
    }
    // How much of it they use is a question for `make limits`: it depends on how busy the machine is.
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn quotas_outlive_the_process_that_used_them_up_and_come_back_with_the_day_and_the_month(pool: PgPool) {
    let terms = Terms { calls_per_day: Some(5), calls_per_month: Some(8), ..IMPATIENT };
    let first = Process::start(&pool, UNLIMITED, terms).await;
    for _ in 0..5 {
        first.take().await.unwrap();
    }
    assert_eq!(first.take().await, Err(Refused::Resting));
    assert_eq!((first.row().await.used_today, first.row().await.used_this_month), (5, 5));
    drop(first);

    let second = Process::start(&pool, UNLIMITED, terms).await;
    assert_eq!(second.take().await, Err(Refused::Resting));
    let day = Duration::from_hours(24);
    let state = second.budget().state();
    assert!(state.rest.is_some_and(|(rest, reason)| rest <= day && reason == RestReason::Quota), "{state:?}");
    assert_eq!((state.left_today, state.left_this_month), (Some(0), Some(3)));

    let pass = async |statement: &'static str| sqlx::query(statement).execute(&pool).await.unwrap();
    pass("update provider_budgets set day = day - 1").await;
    until("the day's quota is back", async || second.budget().rest().is_none()).await;
    for _ in 0..3 {
        second.take().await.unwrap();
    }
    assert_eq!(second.take().await, Err(Refused::Resting));
    assert_eq!((second.row().await.used_today, second.row().await.used_this_month), (3, 8));
    pass("update provider_budgets set day = day - 1").await;
    assert_eq!(second.take().await, Err(Refused::Resting), "the month's is used up");
    pass("update provider_budgets set month = month - 1").await;
    until("the month's quota is back", async || second.budget().rest().is_none()).await;
    second.take().await.unwrap();
    assert_eq!((second.row().await.used_today, second.row().await.used_this_month), (1, 1));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_rest_that_one_process_heard_of_is_obeyed_by_all_and_by_those_to_come(pool: PgPool) {
    let first = Process::start(&pool, UNLIMITED, IMPATIENT).await;
    let second = Process::start(&pool, UNLIMITED, IMPATIENT).await;
    second.take().await.unwrap();
    first.fail(FailureClass::RateLimited, Some(Duration::from_mins(2))).await;
    until("the other rests too", async || second.budget().rest().is_some()).await;
    let longest = Duration::from_mins(2);
    assert!(second.budget().rest().unwrap() + PATIENCE > longest);
    assert_eq!(second.take().await, Err(Refused::Resting));
    assert!(matches!(second.row().await.rest, Some((_, RestReason::RetryAfter))));
    drop((first, second));

    let third = Process::start(&pool, UNLIMITED, IMPATIENT).await;
    until("a new one rests", async || third.budget().rest().is_some()).await;
    assert!(third.budget().rest().unwrap() <= longest);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_open_breaker_gives_one_probe_to_one_of_many_and_its_answer_lets_all_call_again(pool: PgPool) {
    let terms = Terms { probe_every: Duration::from_hours(1), ..IMPATIENT };
    let mut fleet = Vec::new();
    for _ in 0..3 {
        fleet.push(Arc::new(Process::start(&pool, UNLIMITED, terms).await));
    }
    for _ in 0..5 {
        fleet[0].fail(FailureClass::ServerError, None).await;
    }
    until("nobody calls", async || fleet.iter().all(|process| process.budget().rest().is_some())).await;
    assert!(fleet[1].row().await.breaker.is_some());
    for outcome in [Some(FailureClass::Timeout), None] {
        sqlx::query("update provider_budgets set probe_at = clock_timestamp() where opened_at is not null")
            .execute(&pool)
            .await
            .unwrap();
        until("a probe is due", async || fleet.iter().all(|process| process.budget().rest().is_none())).await;
        let mut asking = JoinSet::new();
        for process in fleet.iter().flat_map(|process| std::iter::repeat_n(process, 4)) {
            let process = Arc::clone(process);
            asking.spawn(async move {
                let permit = process.budget().permit(Attempt::First).await;
                permit.map(|permit| (process, permit))
            });
        }
        let asked = tokio::time::timeout(PATIENCE, asking.join_all()).await.expect("permitted or refused");
        let mut probes: Vec<_> = asked.into_iter().filter_map(Result::ok).collect();
        assert_eq!(probes.len(), 1);
        let (owner, probe) = probes.remove(0);
        let error = outcome.map(|class| CallError {
            verdict: Verdict::Later,
            class,
            retry_after: None,
            status: None,
        });
        owner.budget().observe(probe, error.as_ref());
        if outcome.is_some() {
            assert!(fleet[2].row().await.breaker.is_some());
        }
    }
    until("all may call", async || fleet.iter().all(|process| !process.budget().state().open)).await;
    for process in &fleet {
        process.take().await.unwrap();
    }
    assert_eq!(fleet[2].row().await.breaker, None);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_provider_that_is_down_is_asked_little_and_all_runs_are_made_once_it_is_back(pool: PgPool) {
    let limits = Limits { concurrency: 2, ..UNLIMITED };
    let house = House::limited(&pool, DAILY, limits).await;
    let names: Vec<String> = (0..200).map(|number| format!("p{number}")).collect();
    house.people(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    house.scripted.reply(Reply::Later);
    let running = house.start();
    let is_open = "select count(*) from provider_budgets where opened_at is not null";
    until("the breaker is open", async || house.count(is_open).await == 1).await;
    // What was under way when it opened, and probes.
    house.scripted.asked(9).await;
    house.scripted.reply(Reply::Found(Vec::new()));
    until("the breaker is closed", async || house.count(is_open).await == 0).await;
    let first_attempts = "select count(*) from monitor_due where slot = 0 and attempts = 0";
    until("all that were not put off are answered", async || house.count(first_attempts).await == 0).await;
    let failed = house.count("select count(*) from monitor_due where attempts = 1").await;
    assert!((8..200).contains(&failed), "{failed}");
    house.clock.advance(Duration::from_secs(10));
    until("so are the others", async || house.count("select count(*) from runs").await == 200).await;
    running.stop().await;
    let calls = i64::try_from(house.scripted.calls().len()).unwrap();
    assert_eq!(calls, 200 + failed);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_used_up_quota_puts_runs_off_until_it_is_back_and_nobody_calls_before(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}[engine]\nmax-attempts = 1\n")).await;
    house.people(&["p1"]).await;
    house.scripted.reply(Reply::QuotaUsedUp(Duration::from_hours(30)));
    let running = house.start();
    let resting = "select count(*) from provider_budgets where rest_reason = 'quota'
                   and not_before > clock_timestamp() + interval '29 hours'";
    until("the provider rests", async || house.count(resting).await == 1).await;
    until("the run is put off", async || house.due("p1").await.at > house.now()).await;
    assert_eq!(house.due("p1").await.attempts, 0, "to rest is no attempt");
    house.clock.advance(Duration::from_hours(1));
    // Even what is wanted at once waits.
    let account = inspect::find_account(&house.engine.context, "p1").await.unwrap();
    run_now::request(&house.engine.context, account.id).await.unwrap();
    house.engine.nudge.send_replace(());
    let provider = &house.engine.plan.providers[0];
    assert!(provider.budget.rest().is_some());
    running.stop().await;
    assert_eq!(house.scripted.calls().len(), 1);
    assert_eq!(house.count("select count(*) from runs").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn repetitions_without_a_token_are_put_off_uncounted_and_unasked(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}[engine]\nmax-attempts = 100\n")).await;
    house.people(&["p1"]).await;
    house.scripted.reply(Reply::Later);
    // A first attempt, and the ten repetitions that there are at the start.
    for attempts in 1..=11 {
        house.run("p1").await;
        assert_eq!(house.due("p1").await.attempts, attempts);
    }
    house.run("p1").await;
    let due = house.due("p1").await;
    assert_eq!((due.slot, due.attempts), (0, 11));
    assert!(due.at > house.now());
    assert_eq!(house.scripted.calls().len(), 11);

    // It waits until its next run is due. That one is new.
    let mut before = due;
    for _ in 0..100 {
        if house.count("select count(*) from runs").await > 0 {
            break;
        }
        before = house.due("p1").await;
        house.clock.advance((before.at - house.now()).to_std().unwrap_or_default());
        house.run("p1").await;
    }
    assert_eq!(house.texts("select outcome || ' ' || failure from runs").await, ["error retries-held-back"]);
    let due = house.due("p1").await;
    assert_eq!((due.slot, due.attempts, house.scripted.calls().len()), (1, 0, 11));
    let schedule = house.engine.plan.schedules.values().find(|one| one.schedule.name == "daily").unwrap();
    assert_eq!(due.at, schedule.next_due(due.monitor, before.at), "at its own time");
    house.run("p1").await;
    assert_eq!((house.scripted.calls().len(), house.due("p1").await.attempts), (12, 1));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_rest_that_was_a_mistake_is_ended_by_resuming_the_provider(pool: PgPool) {
    let first = Process::start(&pool, UNLIMITED, IMPATIENT).await;
    let second = Process::start(&pool, UNLIMITED, IMPATIENT).await;
    first.fail(FailureClass::RateLimited, Some(Duration::from_hours(700))).await;
    let all_rest =
        async |rest: bool| [&first, &second].iter().all(|one| one.budget().rest().is_some() == rest);
    until("both rest", async || all_rest(true).await).await;
    until("the fleet knows", async || first.row().await.rest.is_some()).await;
    let (context, target) = (&first.house.engine.context, Target::Provider("scripted".to_owned()));
    for ended in [true, false] {
        let changed = pause::resume(context, "cli:ops", &target).await.unwrap();
        assert_eq!((changed.changed, changed.rest_ended), (false, ended));
    }
    until("nobody rests", async || all_rest(false).await).await;
    first.take().await.unwrap();
    second.take().await.unwrap();
    let told = "select actor || ' ' || (detail ->> 'provider') from events where kind = 'rest.ended'";
    assert_eq!(first.house.texts(told).await, ["cli:ops scripted"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_clock_set_back_or_a_rate_that_was_lower_does_not_silence_a_provider(pool: PgPool) {
    let limits = Limits { rate_per_second: Some(100.0), burst: 10, concurrency: 4 };
    let process = Process::start(&pool, limits, IMPATIENT).await;
    process.take().await.unwrap();
    sqlx::query(
        "update provider_budgets set earned_at = earned_at + interval '1 day' where earned_at is not null",
    )
    .execute(&pool)
    .await
    .unwrap();
    for _ in 0..10 {
        process.take().await.unwrap();
    }
}

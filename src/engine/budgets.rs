//! Serves the budgets of providers: carries what a process hears to the fleet, and permits back.
//!
//! Each provider has a server, so that none waits for another. It tells the database what was heard (a rest,
//! an outage, a probe's answer) before it asks for permits. A poll reads all budgets several times a second:
//! what one process heard is obeyed by all of them within the second.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Engine, EngineError, PlannedProvider,
    task::{self, Activation, Task},
    vital,
};
use crate::{
    domain::rest::RestReason,
    providers::budget::{AHEAD, Budget, Errand, FleetLimits, Granted, Told},
    store::{
        self,
        budgets::{self, Ask, BudgetRow, LimitsRow},
        providers::Lane,
        rests,
    },
    telemetry::{
        health::Health,
        metrics::{ProviderLabels, QuotaLabels},
    },
};

/// How often the budgets are read.
const EVERY: Duration = Duration::from_millis(250);

/// How long to leave a database alone that failed.
const AWAY: Duration = Duration::from_millis(250);

/// Starts to serve the budgets of all providers of the plan, on `tracker`, until `stop` is cancelled and the
/// calls under way are over.
pub fn start(engine: &Engine, tracker: &TaskTracker, stop: &CancellationToken, daemon: &CancellationToken) {
    start_serving(engine, tracker, stop, daemon);
    let part = engine.progress.part("budgets");
    let poll = task::drive(Budgets::new(engine.clone()), EVERY, part, stop.clone());
    tracker.spawn(vital("budgets", stop, daemon, poll));
}

/// The same without the poll: what other processes hear is not heard.
pub(super) fn start_serving(
    engine: &Engine,
    tracker: &TaskTracker,
    stop: &CancellationToken,
    daemon: &CancellationToken,
) {
    for provider in &engine.plan.providers {
        provider.budget.share(engine.plan.revision.unwrap_or(0));
        let server = serve(engine.clone(), Arc::clone(provider), stop.clone());
        tracker.spawn(vital("budget", stop, daemon, server));
    }
}

/// Reads the fleet's budgets, and shows them as metrics.
pub struct Budgets {
    engine: Engine,
    exhausted: HashSet<Lane>,
}

impl Budgets {
    /// Makes the task.
    pub fn new(engine: Engine) -> Self {
        Self { engine, exhausted: HashSet::new() }
    }

    /// Shows a provider's budget as metrics; says once that its quota is used up, however often it is read.
    fn tell(&mut self, provider: &PlannedProvider) {
        let (name, state) = (provider.provider.name(), provider.budget.state());
        let labels = ProviderLabels { provider: name.to_owned() };
        let metrics = &self.engine.metrics;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let rest = state.rest.map_or(0, |(rest, _)| number(rest.as_secs()));
        metrics.rest.get_or_create(&labels).set(rest);
        metrics.breaker_open.get_or_create(&labels).set(i64::from(state.open));
        metrics.permits_left.get_or_create(&labels).set(number(state.permits as u64));
        let left = [("day", state.left_today), ("month", state.left_this_month)];
        for (period, left) in left.into_iter().filter_map(|(period, left)| Some((period, left?))) {
            let labels = QuotaLabels { provider: name.to_owned(), period };
            metrics.quota_left.get_or_create(&labels).set(number(left));
        }
        if [state.left_today, state.left_this_month].contains(&Some(0)) {
            if self.exhausted.insert(provider.lane) {
                tracing::warn!(provider.name = name, "the configured quota is used up: the provider rests");
            }
        } else if self.exhausted.remove(&provider.lane) {
            tracing::info!(provider.name = name, "there is quota again");
        }
    }
}

impl Task for Budgets {
    const NAME: &'static str = "budgets";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        let plan = Arc::clone(&self.engine.plan);
        let mut connection = self.engine.context.store.connection().await?;
        let asked_at = Instant::now();
        let rows = budgets::list(&mut connection).await?;
        let received_at = Instant::now();
        let missing = |provider: &&Arc<PlannedProvider>| rows.iter().all(|row| row.lane != provider.lane);
        let missing: Vec<Lane> = plan.providers.iter().filter(missing).map(|one| one.lane).collect();
        if !missing.is_empty() {
            budgets::insert_missing(&mut connection, &missing).await?;
        }
        drop(connection);
        for provider in &plan.providers {
            if let Some(row) = rows.iter().find(|row| row.lane == provider.lane) {
                provider.budget.learn(told(row), asked_at, received_at);
            }
            self.tell(provider);
        }
        task::answered(&self.engine.health);
        Ok(Activation::Done)
    }
}

/// Runs the errands of a provider's budget; after `stop`, those of the calls that were under way.
async fn serve(engine: Engine, provider: Arc<PlannedProvider>, stop: CancellationToken) {
    let budget = &provider.budget;
    while let Some(errand) = stop.run_until_cancelled(budget.errand()).await {
        if let Err(error) = store::within(run(&engine, &provider, errand)).await {
            task::report(&engine.health, "budget", &error);
            let _ = stop.run_until_cancelled(tokio::time::sleep(AWAY)).await;
        }
    }
    let _idle = budget.close().await;
    while let Some(errand) = budget.last_errand() {
        if let Err(error) = store::within(run(&engine, &provider, errand)).await {
            task::report(&engine.health, "budget", &error);
            return;
        }
    }
}

async fn run(engine: &Engine, provider: &PlannedProvider, errand: Errand) -> Result<(), EngineError> {
    let (lane, budget) = (provider.lane, &provider.budget);
    let name = provider.provider.name();
    let mut connection = engine.context.store.connection().await?;
    match errand {
        Errand::Introduce => {
            budgets::insert_missing(&mut connection, &[lane]).await?;
            let Some(ask) = ask(budget, 0) else { return Ok(()) };
            budgets::save_limits(&mut connection, lane, &ask).await?;
            let asked_at = Instant::now();
            let rows = budgets::list(&mut connection).await?;
            let received_at = Instant::now();
            // One that somebody removes at this moment is introduced again.
            let Some(row) = rows.iter().find(|row| row.lane == lane) else { return Ok(()) };
            budget.learn(told(row), asked_at, received_at);
        }
        Errand::Rest(until, reason) => {
            let rest = until.saturating_duration_since(Instant::now());
            let is_news = rests::save_rest(&mut connection, lane, rest, reason).await?;
            let rest_seconds = rest.as_secs();
            match reason {
                RestReason::Quota if is_news => {
                    tracing::warn!(
                        provider.name = name,
                        rest_seconds,
                        "the provider says that its quota is used up: leaving it alone"
                    );
                }
                RestReason::Quota | RestReason::RetryAfter => {
                    tracing::debug!(provider.name = name, rest_seconds, "the provider wants to rest");
                }
            }
        }
        Errand::Open => {
            let probe_every = budget.terms().probe_every;
            if rests::save_opened(&mut connection, lane, probe_every).await? {
                let probe_seconds = probe_every.as_secs_f64();
                tracing::warn!(
                    provider.name = name,
                    probe_seconds,
                    "the provider is down: asking it one question now and then"
                );
            }
        }
        Errand::Close(since) => {
            if rests::save_closed(&mut connection, lane, since).await? {
                tracing::info!(provider.name = name, "the provider answers again");
            }
        }
        Errand::Ask(wanted) => {
            let Some(ask) = ask(budget, wanted) else { return Ok(()) };
            let asked_at = Instant::now();
            let grant = budgets::grant(&mut connection, lane, &ask).await?;
            let received_at = Instant::now();
            let Some(grant) = grant else {
                budget.forgotten();
                return Ok(());
            };
            let labels = ProviderLabels { provider: name.to_owned() };
            engine.metrics.permits.get_or_create(&labels).inc_by(grant.permits.into());
            let granted = Granted {
                wanted,
                permits: grant.permits,
                starts_in: grant.starts_in,
                told: told(&grant.row),
            };
            budget.receive(granted, asked_at, received_at);
        }
    }
    budget.done(errand);
    Ok(())
}

/// What a process asks for, by the limits that it holds for the fleet's.
fn ask(budget: &Budget, wanted: u32) -> Option<Ask> {
    let (kept, pace) = budget.kept()?;
    let limits = LimitsRow {
        revision: kept.revision,
        rate_per_second: kept.rate_per_second,
        burst: kept.burst,
        per_day: kept.calls_per_day,
        per_month: kept.calls_per_month,
    };
    Some(Ask { wanted, limits, pace, ahead: AHEAD, probe_every: budget.terms().probe_every })
}

fn told(row: &BudgetRow) -> Told {
    Told {
        now: row.now,
        rest: row.rest,
        breaker: row.breaker,
        used_today: row.used_today.unsigned_abs(),
        used_this_month: row.used_this_month.unsigned_abs(),
        limits: Some(FleetLimits {
            revision: row.limits.revision,
            rate_per_second: row.limits.rate_per_second,
            burst: row.limits.burst,
            calls_per_day: row.limits.per_day,
            calls_per_month: row.limits.per_month,
        }),
    }
}

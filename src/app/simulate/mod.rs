//! `watchkeeper simulate`: what a month will look like with this configuration, by having the engine do it.
//!
//! What enrols, dispatches, keeps budgets, retries, records and rescreens is the engine itself, on a scratch database;
//! simulated are the time, the accounts, the list and the providers. tokio's clock is stopped and jumps from timer to
//! timer, the database shows that time, and while the database works it stands still ([`crate::ambient::virtual_time`]).
//! All of it runs on one thread with one connection, in an order that the seed alone decides.

mod budget;
mod list;
mod provider;
mod report;
mod scene;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{sleep, sleep_until};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use report::{Counted, EventCount, ObjectiveView, Proof, ProviderView, ScheduleView, SimulationView};

use self::{list::InventedList, provider::Simulated, scene::Scene};
use super::AppError;
use crate::{
    actions::{Context, apply::Occasion},
    ambient::{
        Clock, Random,
        virtual_time::{Standstill, VirtualClock},
    },
    config::Settings,
    domain::id::{ProcessId, Shard},
    engine::{
        Engine, Fleet, Plan,
        enrol::Enrol,
        keys::Keys,
        lists::Watch,
        objectives::Objectives,
        pauses::Pauses,
        progress::Progress,
        rescreen::Rescreens,
        task::{Activation, Task},
    },
    providers::local::PublishedList,
    store::{self, Address, Store, databases, partitions, simulation},
    telemetry::{health::Health, metrics::Metrics},
    vault::{Keyring, MasterKey},
};

/// How often enrolment, rescreens and objectives are looked at, which the daemon does every second or so: a month of
/// that would take hours.
const LOOK: Duration = Duration::from_mins(15);

/// How often it is looked whether a breaker is open.
const WATCH: Duration = Duration::from_secs(10);

/// The last shard that accounts lie in. A sample is a small part of a book, and lies in a small part of its shards: the
/// walks are as dense as the book's.
const LAST_SHARD: Shard = Shard(3);

/// The name of the master key, which opens invented data only.
const KEY: &str = "simulation";

/// Something that is said of one provider, or of all that are elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Of<T> {
    /// The provider.
    pub provider: Option<String>,
    /// What is said of it.
    pub value: T,
}

/// A time in which a provider cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// How long after the simulation's beginning it begins.
    pub after: Duration,
    /// How long it lasts.
    pub lasts: Duration,
}

/// What to simulate.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// How many accounts.
    pub accounts: u32,
    /// How many accounts they stand for: budgets are divided by as much; none when they stand for themselves.
    pub of: Option<u64>,
    /// How many days.
    pub days: u16,
    /// When it begins.
    pub from: DateTime<Utc>,
    /// The same seed has the same come of it.
    pub seed: u64,
    /// How long a call takes on average.
    pub latency: Vec<Of<Duration>>,
    /// The share of calls that fail, 0 to 1.
    pub errors: Vec<Of<f64>>,
    /// When providers cannot be reached.
    pub outages: Vec<Of<Outage>>,
    /// How often the list changes.
    pub list_change: Option<Duration>,
    /// The share of accounts that stand on the list, 0 to 1.
    pub hits: f64,
    /// How long a lane rests at least when nothing is due: lateness is exact to that.
    pub rest: Duration,
}

impl Options {
    /// How long a call takes on average where nothing is said of it.
    pub const LATENCY: Duration = Duration::from_millis(200);

    /// The share of calls that fail where nothing is said of it.
    pub const ERRORS: f64 = 0.01;

    /// How many accounts one account stands for.
    fn scale(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "accounts are far below 2^52")]
        self.of.map_or(1.0, |of| of as f64 / f64::from(self.accounts.max(1)))
    }

    fn until(&self) -> DateTime<Utc> {
        self.from + TimeDelta::days(i64::from(self.days))
    }
}

/// Simulates, in a scratch database on the server of `url`, which is dropped afterwards. Tells of each day that is over.
///
/// Takes the thread for as long as it lasts; not to be called within a runtime.
pub fn simulate(
    settings: &Settings,
    options: &Options,
    url: &str,
    day_over: &mut dyn FnMut(u16),
) -> Result<SimulationView, AppError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let scene = Scene::new(settings, options)?;
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("watchkeeper_simulation_{}_{number}", std::process::id());
    let outside = runtime(false)?;
    let scratch = outside.block_on(databases::create(url, &name))?;
    let simulated = outside.block_on(prepare(settings, &scratch)).and_then(|()| {
        let inside = runtime(true)?;
        let simulated = inside.block_on(run(&scene, options, &scratch, day_over));
        // What still waits for a timer is not waited for.
        inside.shutdown_background();
        simulated
    });
    let removed = outside.block_on(databases::remove(url, &name));
    let view = simulated?;
    removed?;
    Ok(view)
}

/// A runtime of one thread, with a stopped clock inside of a simulation. There it looks for answers from outside only
/// when it has nothing else to do: how soon they come decides nothing.
fn runtime(stopped: bool) -> Result<tokio::runtime::Runtime, AppError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all();
    if stopped {
        builder.start_paused(true).event_interval(u32::MAX);
    }
    builder.build().map_err(|source| AppError::System { what: "a runtime", source })
}

/// Brings a new database to the schema, and prepares it to show another time than its own.
async fn prepare(settings: &Settings, scratch: &str) -> Result<(), AppError> {
    let store = Store::new(&Address {
        url: scratch.to_owned(),
        max_connections: 2,
        statement_timeout: settings.database.statement_timeout,
        application_name: settings.database.application_name.clone(),
    })?;
    store.migrate().await?;
    simulation::prepare(&mut *store.connection().await?).await?;
    store.close().await;
    Ok(())
}

/// The whole simulation, in a runtime whose clock is stopped.
async fn run(
    scene: &Scene,
    options: &Options,
    scratch: &str,
    day_over: &mut dyn FnMut(u16),
) -> Result<SimulationView, AppError> {
    let clock = VirtualClock::starting_at(options.from);
    let standstill = Standstill::default();
    let time = simulation::VirtualTime::new(move || clock.now(), move || standstill.hold());
    let context = open(options, Store::of_simulation(scratch, time)?, clock).await?;
    let mut stage = Stage::set(scene, options, context, clock).await?;
    let stop = CancellationToken::new();
    let tracker = TaskTracker::new();
    stage.engine.start_runs(&tracker, &stop, options.rest);
    let open = tracker.spawn(watch_breakers(stage.engine.clone(), stop.clone()));
    let kept = stage.keep(options, &stop, day_over).await;
    let failed = stop.is_cancelled();
    stop.cancel();
    tracker.close();
    tracker.wait().await;
    kept?;
    let open = open.await.map_err(|_| AppError::Fault)?;
    if failed {
        return Err(AppError::Fault);
    }
    let view = report::view(scene, options, &stage, &open).await?;
    stage.engine.context.store.close().await;
    Ok(view)
}

async fn open(options: &Options, store: Store, clock: VirtualClock) -> Result<Context, AppError> {
    let random = Random::from_seed(options.seed);
    let key = MasterKey::from_text(KEY, &"5".repeat(64))?;
    let keyring = Keyring::new(vec![key], KEY, random.clone())?;
    let context = Context::open(store, Arc::new(clock), random, keyring).await?;
    let mut transaction = context.store.transaction().await?;
    partitions::ensure(&mut transaction, context.now()).await?;
    transaction.commit().await.map_err(store::StoreError::from)?;
    Ok(Context { last_shard: LAST_SHARD, ..context })
}

/// How long each provider's breaker was open, in the order of the plan.
async fn watch_breakers(engine: Engine, stop: CancellationToken) -> Vec<Duration> {
    let mut open = vec![Duration::ZERO; engine.plan.providers.len()];
    while stop.run_until_cancelled(sleep(WATCH)).await.is_some() {
        for (open, provider) in open.iter_mut().zip(&engine.plan.providers) {
            if provider.budget.state().open {
                *open += WATCH;
            }
        }
    }
    open
}

/// Everything that moves.
struct Stage {
    clock: VirtualClock,
    engine: Engine,
    providers: Vec<Arc<Simulated>>,
    invented: InventedList,
    published: PublishedList,
    list_changes: u32,
    watch: Watch,
    enrol: Enrol,
    rescreens: Rescreens,
    objectives: Objectives,
}

impl Stage {
    /// Makes accounts, list, providers and engine; at its end every account is enrolled and nothing has run.
    async fn set(
        scene: &Scene,
        options: &Options,
        context: Context,
        clock: VirtualClock,
    ) -> Result<Self, AppError> {
        let settings = &scene.settings;
        let process = ProcessId(context.new_uuid(Shard(0)));
        let applied = super::apply(&context, settings, process, Occasion::Start).await?;
        let invented = scene::fill(&context, options, &applied.types).await?;
        let published = PublishedList::new(list::NAME);
        published.replace(invented.index());
        let (providers, parts) = scene.providers(options, &context, &published)?.into_iter().unzip();
        let templates: Vec<_> = settings.report_templates.values().cloned().collect();
        let mut plan = Plan::new(&applied, settings.schedules.values().cloned(), &templates, parts);
        plan.published = vec![published.clone()];
        let fleet = Fleet::alone_up_to(LAST_SHARD);
        fleet.configure(applied.revision, plan.providers.iter().map(|provider| provider.lane));
        let engine = Engine {
            context,
            plan: Arc::new(plan),
            settings: Arc::new(settings.engine.clone()),
            metrics: Metrics::new(),
            health: Health::default(),
            pauses: Pauses::default(),
            process,
            fleet,
            recorded_at: Arc::default(),
            nudge: tokio::sync::watch::Sender::new(()),
            progress: Progress::default(),
        };
        let mut stage = Self {
            clock,
            watch: Watch::new(engine.clone()),
            enrol: Enrol::new(engine.clone()),
            rescreens: Rescreens::new(engine.clone()),
            objectives: Objectives::new(engine.clone()),
            engine,
            providers,
            invented,
            published,
            list_changes: 0,
        };
        stage.watch.look().await?;
        simulation::analyze(&mut *stage.engine.context.store.connection().await?).await?;
        finish(&mut Keys::new(stage.engine.clone())).await?;
        finish(&mut stage.enrol).await?;
        simulation::analyze(&mut *stage.engine.context.store.connection().await?).await?;
        Ok(stage)
    }

    /// Lets the time pass, and does what a daemon does beside the runs.
    async fn keep(
        &mut self,
        options: &Options,
        stop: &CancellationToken,
        day_over: &mut dyn FnMut(u16),
    ) -> Result<(), AppError> {
        let mut look = options.from + LOOK;
        let mut change = options.list_change.map(|every| options.from + every);
        let mut days = 0;
        loop {
            let next = change.map_or(look, |change| change.min(look)).min(options.until());
            tokio::select! {
                () = sleep_until(self.clock.instant(next)) => {}
                // A part of the engine ended by a fault.
                () = stop.cancelled() => return Ok(()),
            }
            let over = u16::try_from((next - options.from).num_days()).unwrap_or(u16::MAX);
            if over > days {
                days = over;
                day_over(days);
            }
            if next >= options.until() {
                return Ok(());
            }
            if change == Some(next) {
                self.change_list().await?;
                change = options.list_change.map(|every| next + every);
            } else {
                finish(&mut self.enrol).await?;
                finish(&mut self.rescreens).await?;
                finish(&mut self.objectives).await?;
                look += LOOK;
            }
        }
    }

    /// Brings a new version of the list into force, and has those run whom it concerns.
    async fn change_list(&mut self) -> Result<(), AppError> {
        self.invented.change();
        self.list_changes += 1;
        self.published.replace(self.invented.index());
        self.watch.look().await?;
        finish(&mut self.rescreens).await
    }
}

/// Lets a task do all there is to do.
async fn finish(task: &mut impl Task) -> Result<(), AppError> {
    while store::within(task.activate()).await? == Activation::More {}
    Ok(())
}

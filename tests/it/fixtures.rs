//! What the tests share: a house on a database of its own, with a clock that stands still and providers
//! that answer what the test tells them to.

mod client;
mod scripted;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use watchkeeper::{
    actions::{
        Context,
        apply::Occasion,
        decide::{Decision, decide},
        import::{self, ImportOptions, Imported},
        inspect::{self, AccountView},
    },
    ambient::{Clock, ManualClock, Random},
    app,
    config::{self, Settings},
    domain::{
        id::{AccountTypeId, HitId, ProcessId, Shard},
        monitor::Trigger,
    },
    engine::{
        Engine, Fleet, Plan,
        enrol::Enrol,
        progress::Progress,
        record,
        run::{self, Finished, Job},
        task::{Activation, Task},
    },
    providers::{
        ReportProvider,
        budget::{Budget, Limits, Terms},
    },
    store::{
        Store,
        due::{self, Due},
        partitions,
    },
    telemetry::{health::Health, metrics::Metrics},
    vault::{Keyring, MasterKey},
};

pub(crate) use client::{Answered, Client};
pub(crate) use scripted::{Reply, Scripted, finding};

/// Takes the schema out of a test's database: it may come from a template that has it.
pub(crate) async fn empty(pool: &PgPool) {
    for statement in ["drop schema public cascade", "create schema public"] {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
}

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Two providers, a template each, and plain fields to select by.
const BASE: &str = r#"
[lists.none]
format = "ofac-csv"
folder = "none"
[providers.scripted]
kind = "local"
lists = ["none"]
[providers.other]
kind = "local"
lists = ["none"]
[report-templates.watchlist]
type = "watchlist"
provider = "scripted"
[report-templates.elsewhere]
type = "watchlist"
provider = "other"
[account-types.individual.fields]
risk_rating = { type = "choices", pii = false, choices = ["low", "medium", "high"] }
score = { type = "integer", pii = false }
markets = { type = "string-list", pii = false }
"#;

/// Every individual once a day; a match sets a tag and a status, a clear report takes them back.
pub(crate) const DAILY: &str = r#"
[schedules.daily]
template = "watchlist"
every = "1d"
accounts = { types = ["individual"] }
[schedules.daily.on-match]
tags = ["watchlist-match"]
status = "under-review"
status-from = ["active"]
[schedules.daily.on-clear]
status = "active"
"#;

/// As many calls as anybody likes, sixteen at a time.
pub(crate) const UNLIMITED: Limits = Limits { rate_per_second: None, burst: 1, concurrency: 500 };

/// No quota, and no long wait for a provider that was down.
pub(crate) const IMPATIENT: Terms =
    Terms { calls_per_day: None, calls_per_month: None, probe_every: Duration::from_millis(50) };

/// Everything but the running tasks: the engine on a database, with scripted providers.
pub(crate) struct House {
    pub(crate) pool: PgPool,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) engine: Engine,
    pub(crate) scripted: Arc<Scripted>,
    pub(crate) other: Arc<Scripted>,
    limits: Limits,
    terms: Terms,
    types: Vec<(AccountTypeId, watchkeeper::domain::account_type::AccountType)>,
}

impl House {
    /// A house with the settings of `text` besides those that every test has.
    pub(crate) async fn new(pool: &PgPool, text: &str) -> Self {
        Self::limited(pool, text, UNLIMITED).await
    }

    /// A house whose providers have limits.
    pub(crate) async fn limited(pool: &PgPool, text: &str, limits: Limits) -> Self {
        Self::on_terms(pool, text, limits, IMPATIENT).await
    }

    /// A house whose providers have limits that they share with other houses on the same database.
    pub(crate) async fn on_terms(pool: &PgPool, text: &str, limits: Limits, terms: Terms) -> Self {
        let clock = Arc::new(ManualClock::standing_at("2026-03-01T09:00:00Z".parse().unwrap()));
        let store = Store::of_pool(pool.clone());
        let random = Random::from_seed(7);
        let context =
            Context::open(store, clock.clone(), random.clone(), keyring("first", 'a', random)).await.unwrap();
        let mut transaction = context.store.transaction().await.unwrap();
        partitions::ensure(&mut transaction, clock.now()).await.unwrap();
        transaction.commit().await.unwrap();
        let process = ProcessId(context.new_uuid(Shard(0)));
        let engine = Engine {
            context,
            plan: Arc::default(),
            settings: Arc::new(settings("").engine),
            metrics: Metrics::new(),
            health: Health::default(),
            process,
            recorded_at: Arc::default(),
            nudge: tokio::sync::watch::Sender::new(()),
            fleet: Fleet::alone(),
            progress: Progress::default(),
            pauses: watchkeeper::engine::pauses::Pauses::default(),
        };
        let (scripted, other) = (Scripted::new("scripted"), Scripted::new("other"));
        let mut house =
            Self { pool: pool.clone(), clock, engine, scripted, other, limits, terms, types: Vec::new() };
        house.configure(text).await;
        house
    }

    /// Applies other settings, as a restart with a changed configuration does.
    pub(crate) async fn configure(&mut self, text: &str) {
        let settings = settings(text);
        let applied =
            app::apply(&self.engine.context, &settings, self.engine.process, Occasion::Change).await.unwrap();
        let parts = |provider: &Arc<Scripted>| {
            let provider: Arc<dyn ReportProvider> = provider.clone();
            let budget = Budget::new(self.limits).unwrap().with_terms(self.terms);
            (provider, budget, self.limits)
        };
        let providers = vec![parts(&self.scripted), parts(&self.other)];
        let templates: Vec<_> = settings.report_templates.values().cloned().collect();
        let plan = Plan::new(&applied, settings.schedules.values().cloned(), &templates, providers);
        self.engine.plan = Arc::new(plan);
        self.engine.settings = Arc::new(settings.engine);
        self.types = applied.types.into_values().collect();
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The id of an account type.
    pub(crate) fn type_id(&self, name: &str) -> AccountTypeId {
        self.types.iter().find(|(_, one)| one.name == name).unwrap().0
    }

    /// Imports a file that must be without faults.
    pub(crate) async fn import(&self, csv: &str) -> Imported {
        let imported = self.import_as(csv, &ImportOptions::default()).await.unwrap();
        assert_eq!(imported.bad, []);
        imported
    }

    /// Imports a file in some way.
    pub(crate) async fn import_as(
        &self,
        csv: impl AsRef<[u8]>,
        options: &ImportOptions,
    ) -> Result<Imported, watchkeeper::actions::ActionError> {
        let file = std::io::Cursor::new(csv.as_ref().to_vec());
        import::import(&self.engine.context, &self.types, options, "test.csv", file, &mut ()).await
    }

    /// Imports individuals of the names `Test Person-REFERENCE`, and enrols them.
    pub(crate) async fn people(&self, references: &[&str]) {
        let rows =
            references.iter().map(|reference| format!("{reference},individual,Test Person-{reference}\n"));
        self.import(&format!("reference_id,type,name\n{}", rows.collect::<String>())).await;
        self.enrol().await;
    }

    /// Lets enrolment do all there is to do.
    pub(crate) async fn enrol(&self) {
        self.finish(Enrol::new(self.engine.clone())).await;
    }

    /// Lets a task do all there is to do.
    pub(crate) async fn finish(&self, mut task: impl Task) {
        loop {
            match task.activate().await {
                Ok(Activation::More) => {}
                Ok(Activation::Done) => return,
                // Beside a running engine either may lose a lock to the other: done again, as the daemon does.
                Err(error) => assert!(error.is_passing(), "{error}"),
            }
        }
    }

    pub(crate) async fn account(&self, reference: &str) -> AccountView {
        inspect::account(&self.engine.context, reference, 100).await.unwrap()
    }

    /// The due rows of an account.
    pub(crate) async fn all_due(&self, reference: &str) -> Vec<Due> {
        let account = inspect::find_account(&self.engine.context, reference).await.unwrap();
        let mut connection = self.engine.context.store.connection().await.unwrap();
        due::list_of_account(&mut connection, account.id).await.unwrap()
    }

    /// The due row of an account that is watched by one schedule.
    pub(crate) async fn due(&self, reference: &str) -> Due {
        let mut all = self.all_due(reference).await;
        assert_eq!(all.len(), 1, "{reference} has one due row");
        all.remove(0)
    }

    /// Makes the run that a due row asks for, and records nothing.
    pub(crate) async fn perform(&self, due: Due) -> Finished {
        self.perform_for(due, Trigger::Interval).await
    }

    /// The same for another reason.
    pub(crate) async fn perform_for(&self, due: Due, trigger: Trigger) -> Finished {
        let engine = &self.engine;
        let mut connection = engine.context.store.connection().await.unwrap();
        let loaded = due::load(&mut connection, &[due.monitor]).await.unwrap().pop().unwrap();
        let schedule = engine.plan.schedules[&loaded.schedule_id].clone();
        let basis = schedule.basis(&mut connection, engine.process, self.now()).await.unwrap();
        drop(connection);
        let job = Job { due, trigger, loaded, schedule, basis };
        let never = CancellationToken::new();
        run::perform(engine, job, &never).await.expect("a permit is to be had")
    }

    /// Records runs; tells of each whether it counts.
    pub(crate) async fn record(&self, finished: &[Finished]) -> Vec<bool> {
        record::commit(&self.engine, finished, false).await.unwrap()
    }

    /// Makes and records the run of an account that is watched by one schedule, a second later.
    pub(crate) async fn run(&self, reference: &str) -> bool {
        self.clock.advance(Duration::from_secs(1));
        let finished = self.perform(self.due(reference).await).await;
        self.record(&[finished]).await == [true]
    }

    /// Dismisses a hit.
    pub(crate) async fn decide(&self, hit: &HitId) {
        let context = &self.engine.context;
        decide(context, "test", *hit, Decision::Dismissed, None).await.unwrap();
    }

    /// The number that a query counts.
    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap()
    }

    /// The texts that a query lists.
    pub(crate) async fn texts(&self, query: &'static str) -> Vec<String> {
        sqlx::query_scalar(query).fetch_all(&self.pool).await.unwrap()
    }

    /// The kinds of the events since the accounts were made, in order.
    pub(crate) async fn events(&self) -> Vec<String> {
        self.texts("select kind from events where kind <> 'account.created' order by occurred_at, event_id")
            .await
    }

    /// Starts the engine's tasks.
    pub(crate) fn start(&self) -> Running {
        let running = Running { tracker: TaskTracker::new(), stop: CancellationToken::new() };
        self.engine.start(&running.tracker, &running.stop, &running.stop);
        running
    }

    /// Starts lanes and recorders alone.
    pub(crate) fn start_runs(&self) -> Running {
        let running = Running { tracker: TaskTracker::new(), stop: CancellationToken::new() };
        self.engine.start_runs(&running.tracker, &running.stop, Duration::ZERO);
        running
    }
}

/// The engine's running tasks.
pub(crate) struct Running {
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Running {
    /// Stops the tasks and waits for their end.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(PATIENCE, self.tracker.wait()).await.expect("the tasks end");
    }
}

/// A keyring of one key, whose text repeats `digit`.
pub(crate) fn keyring(id: &str, digit: char, random: Random) -> Keyring {
    let text: String = std::iter::repeat_n(digit, 64).collect();
    Keyring::new(vec![MasterKey::from_text(id, &text).unwrap()], id, random).unwrap()
}

/// The settings of a configuration file that begins with [`BASE`].
pub(crate) fn settings(text: &str) -> Settings {
    settings_of(&format!("{BASE}{text}"))
}

/// The settings of a configuration file.
pub(crate) fn settings_of(text: &str) -> Settings {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let file = std::env::temp_dir().join(format!("watchkeeper-it-{}-{number}.toml", std::process::id()));
    std::fs::write(&file, text).unwrap();
    let settings = config::load(Some(&file), std::iter::empty());
    std::fs::remove_file(&file).unwrap();
    settings.unwrap_or_else(|faults| panic!("{faults}"))
}

/// Waits until something of the database holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"));
}

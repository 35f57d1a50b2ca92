//! The database that is measured: accounts sealed under keys of their own, and a monitor for each.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Instant,
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::JoinSet;
use watchkeeper::{
    actions::{
        Context,
        apply::{Applied, Occasion},
    },
    app::{self, commands, demo::people, embedded::Cluster},
    config::{self, Settings},
    domain::id::{AccountId, Shard},
    engine::{
        Engine, Plan,
        enrol::Enrol,
        plan::PlannedParts,
        task::{Activation, Task},
    },
    providers::local::PublishedList,
    screening::{
        list::{EntityKind, List},
        ofac,
    },
    store::{
        Store,
        accounts::{self, NewAccount},
        data_keys, databases,
    },
    telemetry::{health::Health, metrics::Metrics},
    vault::Purpose,
};

use super::{Failure, Report, Sizes, peak, say};

const DATABASE: &str = "watchkeeper_bench";

/// The variable that tells a process to fill the database of the configuration that it names.
pub(crate) const FILL: &str = "WATCHKEEPER_BENCH_FILL";

/// Accounts of one transaction.
const CHUNK: usize = 5000;

/// How many connections fill the accounts.
const FILLERS: usize = 2;

/// What is measured on.
pub(crate) struct Bench {
    pub(crate) settings: Settings,
    pub(crate) context: Context,
    pub(crate) applied: Applied,
    pub(crate) url: String,
    /// Our own small list.
    pub(crate) sample: Arc<List>,
    /// The folder of OFAC's, where it is at hand.
    pub(crate) ofac: Option<PathBuf>,
}

impl Bench {
    /// An engine with the given providers; the schedule's provider is called `local`.
    pub(crate) fn engine(&self, providers: Vec<PlannedParts>) -> Engine {
        self.engine_of(providers, Vec::new())
    }

    /// As [`Self::engine`], with the published lists that the providers answer from, so that their versions are numbered.
    pub(crate) fn engine_of(&self, providers: Vec<PlannedParts>, published: Vec<PublishedList>) -> Engine {
        let templates: Vec<_> = self.settings.report_templates.values().cloned().collect();
        let schedules = self.settings.schedules.values().cloned();
        let context = self.context.clone();
        let process = watchkeeper::domain::id::ProcessId(context.new_uuid(Shard(0)));
        Engine {
            context,
            plan: Arc::new(Plan { published, ..Plan::new(&self.applied, schedules, &templates, providers) }),
            settings: Arc::new(self.settings.engine.clone()),
            metrics: Metrics::new(),
            health: Health::default(),
            process,
            recorded_at: Arc::default(),
            nudge: tokio::sync::watch::Sender::new(()),
            fleet: watchkeeper::engine::Fleet::alone(),
            progress: watchkeeper::engine::progress::Progress::default(),
            pauses: watchkeeper::engine::pauses::Pauses::default(),
        }
    }

    /// A connection without the pool's limits on how long a statement takes.
    pub(crate) async fn patient(&self) -> Result<PgConnection, Failure> {
        Ok(PgConnection::connect(&self.url).await?)
    }

    /// As after a quiet night: no dead rows, fresh statistics, nothing to write back.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        let mut connection = self.patient().await?;
        sqlx::query("vacuum analyze").execute(&mut connection).await?;
        sqlx::query("checkpoint").execute(&mut connection).await?;
        Ok(())
    }
}

/// Makes the database, or takes the one that is kept.
pub(crate) async fn prepare(cluster: &Cluster, sizes: &Sizes) -> Result<Bench, Failure> {
    let key = cluster.folder().join("bench.key");
    if !key.exists() {
        commands::write_key(&key)?;
    }
    let kept = sizes.keep && is_kept(&cluster.url(DATABASE), sizes).await;
    let url = if kept {
        cluster.url(DATABASE)
    } else {
        databases::recreate(&cluster.url("postgres"), DATABASE).await?
    };
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sample-list");
    let file = cluster.folder().join("bench.toml");
    let mut configuration = configuration(&url, &key.to_string_lossy(), sample);
    fs::write(&file, &configuration)?;
    if sizes.plain {
        configuration.push_str(&all_plain(&settings(&file)?));
        fs::write(&file, &configuration)?;
    }
    if kept {
        say("Taking the database that is there.");
    } else {
        let store = Store::new(&app::address(&settings(&file)?)?)?;
        store.migrate().await?;
        store.close().await;
        // In a process of its own, so that what it takes is not counted as the engine's memory.
        let filled = Command::new(std::env::current_exe()?).env(FILL, &file).status()?;
        if !filled.success() {
            return Err("the accounts could not be made".into());
        }
    }
    open(&file, sizes).await
}

/// Fills the database that `file` names, in the process that [`prepare`] starts for it.
pub(crate) async fn fill_in(file: &Path, sizes: &Sizes) -> Result<(), Failure> {
    let (bench, mut report) = (open(file, sizes).await?, Report::default());
    fill(&bench, sizes, &mut report).await?;
    enrol(&bench, sizes, &mut report).await
}

/// Settings of the file, under those of the environment: `WATCHKEEPER__ENGINE__CLAIM_BATCH` and its like.
fn settings(file: &Path) -> Result<Settings, Failure> {
    let environment = std::env::vars().filter(|(name, _)| name.starts_with("WATCHKEEPER__"));
    config::load(Some(file), environment).map_err(|faults| faults.to_string().into())
}

async fn open(file: &Path, sizes: &Sizes) -> Result<Bench, Failure> {
    let settings = settings(file)?;
    let context = app::open(&settings).await?;
    let process = watchkeeper::domain::id::ProcessId(context.new_uuid(Shard(0)));
    let applied = app::apply(&context, &settings, process, Occasion::Change).await?;
    let url = app::address(&settings)?.url;
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sample-list");
    let sample = Arc::new(ofac::read_folder(sample.as_ref())?);
    Ok(Bench { settings, context, applied, url, sample, ofac: sizes.ofac.clone() })
}

async fn is_kept(url: &str, sizes: &Sizes) -> bool {
    let Ok(mut connection) = PgConnection::connect(url).await else { return false };
    let count = "select count(*) from monitor_due";
    let count = sqlx::query_scalar::<_, i64>(count).fetch_one(&mut connection).await;
    count.is_ok_and(|count| usize::try_from(count).is_ok_and(|count| count == sizes.accounts))
}

fn configuration(url: &str, key: &str, list: &str) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let (url, key, list) = (quoted(url), quoted(key), quoted(list));
    format!(
        r#"
[database]
url = {url}
[vault]
current = "bench"
master-keys = [{{ id = "bench", file = {key} }}]
[lists.sample]
format = "ofac-csv"
folder = {list}
[providers.local]
kind = "local"
lists = ["sample"]
[report-templates.watchlist]
type = "watchlist"
provider = "local"
# So seldom that nothing comes due by itself while we measure.
[schedules.all]
template = "watchlist"
every = "365d"
backfill-per-second = 0.2
accounts = {{ types = ["individual", "business"] }}
on-match = {{ tags = ["watchlist-match"], status = "under-review", status-from = ["active"] }}
on-clear = {{ status = "active" }}
"#
    )
}

/// No field of an account is encrypted: what that costs can be seen beside it.
fn all_plain(settings: &Settings) -> String {
    let mut text = String::new();
    for account_type in settings.account_types.values() {
        for field in account_type.fields.iter().filter(|field| field.pii) {
            let (of, key) = (&account_type.name, &field.key);
            text.extend([
                "[account-types.",
                of,
                ".fields.",
                key,
                "]
pii = false
",
            ]);
        }
    }
    text
}

/// Fills in the accounts, from several connections.
async fn fill(bench: &Bench, sizes: &Sizes, report: &mut Report) -> Result<(), Failure> {
    let ofac = bench.ofac.as_deref().map(ofac::read_folder).transpose()?.map(Arc::new);
    let began = Instant::now();
    let mut fillers: JoinSet<Result<(), Failure>> = JoinSet::new();
    for filler in 0..FILLERS {
        let (context, applied, count) = (bench.context.clone(), bench.applied.clone(), sizes.accounts);
        let lists = [Some(Arc::clone(&bench.sample)), ofac.clone()];
        fillers.spawn(async move {
            for chunk in (filler..count.div_ceil(CHUNK)).step_by(FILLERS) {
                let size = CHUNK.min(count - chunk * CHUNK);
                // A few of each chunk stand near somebody on one of the lists.
                let list = lists.iter().flatten().cycle().nth(chunk / FILLERS % lists.len());
                let near: Vec<_> = list.iter().flat_map(|list| &list.entities).map(listed).collect();
                insert(&context, &applied, &near, chunk, size).await?;
            }
            Ok(())
        });
    }
    while let Some(filled) = fillers.join_next().await {
        filled??;
    }
    report.add("seed: accounts sealed and inserted", sizes.accounts, began.elapsed(), &peak());
    bench.settle().await
}

/// One chunk of invented accounts, each sealed under a key of its own.
async fn insert(
    context: &Context,
    applied: &Applied,
    near: &[people::Listed],
    chunk: usize,
    size: usize,
) -> Result<(), Failure> {
    let (mut new, mut keys) = (Vec::with_capacity(size), Vec::with_capacity(size));
    for account in people::generate(size, chunk as u64, near) {
        let (type_id, account_type) =
            applied.types.get(account.account_type).ok_or("the demo's types are configured")?;
        let [shard] = context.random.bytes::<1>();
        let id = AccountId(context.new_uuid(Shard(shard)));
        let (plain, personal) = account_type.split(&account.fields);
        let mut sealed_fields = None;
        if !personal.is_empty() {
            let (key, stored) = context.keyring.new_data_key(id.0);
            sealed_fields = Some(key.seal(Purpose::AccountFields, &personal)?);
            keys.push((id.0, stored));
        }
        new.push(NewAccount {
            id,
            account_type: *type_id,
            reference_id: Some(format!("{chunk}-{}", account.reference_id)),
            status: account_type.default_status.clone(),
            fields: serde_json::Value::Object(plain),
            sealed_fields,
        });
    }
    let mut transaction = context.store.transaction().await?;
    let now = context.now();
    accounts::insert_all(&mut transaction, &new, now).await?;
    data_keys::insert_all(&mut transaction, &keys, now).await?;
    transaction.commit().await?;
    Ok(())
}

fn listed(entity: &watchkeeper::screening::list::ListEntity) -> people::Listed {
    people::Listed {
        person: entity.kind == EntityKind::Individual,
        names: entity.names.iter().map(|name| name.text.clone()).collect(),
        birth_dates: entity.birth_dates.iter().map(ToString::to_string).collect(),
        countries: entity.countries.clone(),
    }
}

/// Makes the monitors as the daemon does: by the walk over all accounts.
async fn enrol(bench: &Bench, sizes: &Sizes, report: &mut Report) -> Result<(), Failure> {
    let parts = app::providers::build(&bench.settings)?.providers;
    let began = Instant::now();
    let mut task = Enrol::new(bench.engine(parts));
    while task.activate().await? == Activation::More {}
    let took = began.elapsed();
    let size = "select pg_database_size(current_database()) / 1048576";
    let size: i64 = sqlx::query_scalar(size).fetch_one(&mut bench.patient().await?).await?;
    report.add("seed: accounts enrolled", sizes.accounts, took, &format!("{}, database {size} MiB", peak()));
    bench.settle().await
}

/// Makes `count` monitors due within the past hour, and no other.
pub(crate) async fn make_due(bench: &Bench, count: usize, urgent: bool) -> Result<(), Failure> {
    let mut connection = bench.patient().await?;
    let statement = format!(
        "update monitor_due as due
         set next_run_at = case when chosen.place <= {count}
                 then clock_timestamp() - random() * interval '1 hour'
                 else clock_timestamp() + interval '1 day' + random() * interval '364 days' end
         from (
             select shard, monitor_id, next_run_at, row_number() over (order by random()) as place from monitor_due
         ) as chosen
         where due.shard = chosen.shard
           and due.monitor_id = chosen.monitor_id
           and (chosen.place <= {count} or chosen.next_run_at < clock_timestamp() + interval '1 hour')"
    );
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    if urgent {
        let wake = "insert into wakeups (shard, lane, monitor_id, reason, created_at)
             select shard, lane, monitor_id, 'account-change', clock_timestamp()
             from monitor_due
             where next_run_at <= clock_timestamp()";
        sqlx::query(wake).execute(&mut connection).await?;
    }
    bench.settle().await
}

/// How many monitors are due.
pub(crate) async fn still_due(bench: &Bench) -> Result<i64, Failure> {
    let mut connection = bench.patient().await?;
    let count = "select count(*) from monitor_due where next_run_at <= clock_timestamp()";
    Ok(sqlx::query_scalar(count).fetch_one(&mut connection).await?)
}

//! What the commands do, apart from reading arguments and printing.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::AppError;
use crate::{
    actions::{
        apply,
        import::{self, ImportOptions, Imported, Listener},
        inspect::{self, AccountView},
        pause,
        retention::{self, Batch},
        run_now,
    },
    ambient::Random,
    config::{self, Settings, Starter},
    domain::{
        id::{MonitorId, Shard},
        monitor::{Outcome, Trigger},
    },
    engine::{self, run::Job, storage},
    http,
    store::{
        Store,
        due::{self, Due},
        revisions,
    },
    telemetry::logs,
    vault::MasterKey,
};

pub use http::evidence::page as evidence_page;
pub use http::export::{archive, certificate_page, files as exported_files};
pub use storage::Compacted;

/// Writes a starter configuration and a master key into a folder; refuses to overwrite either.
///
/// Returns the two files.
pub fn init(folder: &Path, ofac_folder: &Path) -> Result<(PathBuf, PathBuf), AppError> {
    let (file, key_file) = (folder.join("watchkeeper.toml"), folder.join("watchkeeper.key"));
    for path in [&file, &key_file] {
        if path.exists() {
            return Err(AppError::Refused(format!(
                "{} is there already: init overwrites nothing",
                path.display()
            )));
        }
    }
    let written = |path: &Path, source| AppError::File { path: path.display().to_string(), source };
    fs::create_dir_all(folder).map_err(|source| written(folder, source))?;
    write_key(&key_file)?;
    let starter =
        Starter { ofac_folder, master_key_id: "first", master_key_file: Path::new("watchkeeper.key") };
    fs::write(&file, config::starter(starter)).map_err(|source| written(&file, source))?;
    Ok((file, key_file))
}

/// Writes a new master key that only its owner can read; an existing file is an error.
pub fn write_key(path: &Path) -> Result<(), AppError> {
    let mut text = MasterKey::new_text(&Random::from_system());
    text.push('\n');
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        // All data depends on it before long: file and name must outlive the machine.
        file.sync_all()?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|source| AppError::File { path: path.display().to_string(), source })
}

/// The document that describes the API, in lines.
pub fn openapi() -> String {
    format!("{:#}\n", http::openapi())
}

/// Brings the database's schema up to this program's.
pub async fn migrate(settings: &Settings) -> Result<(), AppError> {
    let store = Store::new(&super::address(settings)?)?;
    store.migrate().await?;
    store.close().await;
    Ok(())
}

/// Imports accounts from a file, which a listener hears of.
pub async fn import(
    settings: &Settings,
    path: &Path,
    options: &ImportOptions,
    listener: &mut impl Listener,
) -> Result<Imported, AppError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|source| AppError::File { path: name.clone(), source })?;
    let context = super::open(settings).await?;
    storage::ensure_partitions(&context).await?;
    // Types only: schedules are the daemon's to apply.
    let types = apply::apply_types(&context, settings.account_types.values()).await?;
    let types: Vec<_> = types.into_values().collect();
    let imported = import::import(&context, &types, options, &name, file, listener).await?;
    context.store.close().await;
    Ok(imported)
}

/// Compacts and drops what is older than the settings keep, as the daemon does every night.
pub async fn compact(settings: &Settings) -> Result<Compacted, AppError> {
    let context = super::open(settings).await?;
    let newest = revisions::find_newest(&mut *context.store.connection().await?).await?;
    if newest.is_some_and(|newest| newest.digest != settings.digest()) {
        return Err(AppError::Refused(
            "the fleet goes by another configuration than this file's, which may keep things longer: nothing was compacted. Use the fleet's file, or have a daemon reload this one first".to_owned(),
        ));
    }
    Ok(storage::compact(&context, &settings.storage, &|| true).await?)
}

/// What a sweep of the command line came to.
#[derive(Debug, Default, serde::Serialize)]
pub struct SweptNow {
    /// How many objects and fields were redacted, by policy.
    pub redacted: BTreeMap<String, u64>,
    /// How many could not be redacted.
    pub failed: u64,
}

/// Redacts what is due, here and now; by the policies that the fleet goes by.
pub async fn sweep(settings: &Settings) -> Result<SweptNow, AppError> {
    let context = super::open(settings).await?;
    storage::ensure_partitions(&context).await?;
    let mut all = SweptNow::default();
    // What changed a moment ago is looked at first.
    loop {
        let looked = retention::refresh(&context).await?;
        all.failed += looked.failed;
        if !looked.more {
            break;
        }
    }
    // Two at a time: while the database works for one, this process does for the other.
    let half = |from| sweep_from(&context, from, settings.engine.sweep_batch);
    let (one, other) = tokio::try_join!(half(Shard(0)), half(Shard(128)))?;
    for swept in [one, other] {
        all.failed += swept.failed;
        for (policy, count) in swept.redacted {
            *all.redacted.entry(policy).or_default() += count;
        }
    }
    retention::finish(&context).await?;
    Ok(all)
}

/// Redacts what is due, a batch after the other, from a shard on round about, until nothing is.
async fn sweep_from(
    context: &crate::actions::Context,
    from: Shard,
    batch: u32,
) -> Result<SweptNow, AppError> {
    let (mut all, mut next) = (SweptNow::default(), from);
    loop {
        match retention::batch(context, next, None, batch).await? {
            Batch::Swept(swept) => {
                next = Shard(swept.shard.wrapping_add(1));
                all.failed += swept.failed;
                for (policy, count) in swept.redacted {
                    *all.redacted.entry(policy).or_default() += count;
                }
            }
            Batch::Busy(from) => {
                next = from;
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            // It holds no configuration that could be an older one.
            Batch::Done | Batch::NotMine => return Ok(all),
        }
    }
}

/// How long a sweep of the command line waits for others who are at what is due.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How long `run` waits for a daemon to do what was asked.
const PATIENCE: Duration = Duration::from_mins(2);

/// What came of a run that was asked for.
#[derive(Debug)]
pub struct RanNow {
    /// The account after it.
    pub account: AccountView,
    /// The schedules whose runs were not recorded: they failed and are put off, or were stopped meanwhile.
    pub missing: Vec<String>,
}

/// Runs every monitor of an account now and waits for the results.
///
/// A running daemon does it, within its budgets. Without one this process does it itself.
pub async fn run_now(settings: &Settings, reference: &str) -> Result<RanNow, AppError> {
    let context = super::open(settings).await?;
    let account = inspect::find_account(&context, reference).await?;
    if let Some(pause) = pause::stops(&context, account.id).await? {
        return Err(AppError::Refused(format!("nothing was run: {pause}")));
    }
    let asked = run_now::request(&context, account.id).await?;
    if asked.is_empty() {
        return Err(AppError::Refused(
            "no schedule watches this account now: nothing was run. `watchkeeper account` shows its monitors; a daemon enrols new accounts within a second, so is one running (`watchkeeper serve`)?".to_owned(),
        ));
    }
    if run_now::is_daemon_running(&context).await? {
        let asked: Vec<(MonitorId, i64)> = asked.iter().map(|due| (due.monitor, due.slot)).collect();
        let settled = wait(&context, &asked);
        tokio::time::timeout(PATIENCE, settled).await.map_err(|_| {
            AppError::Refused(format!(
                "not done within {} s; it is still asked for, and `watchkeeper account` shows it once done. `watchkeeper status` says what is paused or behind",
                PATIENCE.as_secs()
            ))
        })??;
    } else {
        let engine = super::engine(context.clone(), settings, engine::Fleet::alone()).await?;
        storage::make_partitions(&engine).await?;
        let never = CancellationToken::new();
        for asked in &asked {
            let mut connection = engine.context.store.connection().await?;
            let now = engine.context.now();
            let Some(loaded) = due::load(&mut connection, &[asked.monitor]).await?.pop() else { continue };
            let Some(schedule) = engine.plan.schedules.get(&loaded.schedule_id).cloned() else { continue };
            let basis = schedule.basis(&mut connection, engine.process, now).await?;
            drop(connection);
            let (due, trigger) = (asked.clone(), Trigger::RunNow);
            let job = Job { due, trigger, loaded, schedule, basis };
            if let Some(finished) = engine::run::perform(&engine, job, &never).await {
                engine::record::commit(&engine, &[finished], false).await?;
            }
        }
    }
    let account = inspect::account(&context, reference, 50).await?;
    let answered = |due: &Due| {
        let report = due.monitor.to_string();
        account.runs.iter().any(|run| {
            run.report == report && run.slot == due.slot && run.outcome != Outcome::Superseded.word()
        })
    };
    let missing = asked.iter().filter(|due| !answered(due)).filter_map(|due| {
        let report = due.monitor.to_string();
        account.monitors.iter().find(|monitor| monitor.id == report).map(|monitor| monitor.schedule.clone())
    });
    let missing = missing.collect();
    Ok(RanNow { account, missing })
}

async fn wait(context: &crate::actions::Context, asked: &[(MonitorId, i64)]) -> Result<(), AppError> {
    for (monitor, slot) in asked {
        while !run_now::is_settled(context, *monitor, *slot).await? {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

/// The file of checkpoints that a daemon with these settings writes; none where it writes none.
pub fn checkpoint_file(settings: &Settings) -> Option<PathBuf> {
    settings.audit.checkpoint_folder.as_deref().map(engine::audit::checkpoint_file)
}

/// What is wrong with the files that the configuration names: lists, keys, secrets.
pub fn check_files(settings: &Settings) -> Vec<String> {
    let mut faults = Vec::new();
    let source = settings
        .files
        .first()
        .map_or_else(|| "the configuration".to_owned(), |file| file.display().to_string());
    if let Err(error) = logs::check(&settings.telemetry) {
        faults.push(format!("{source}: {error}"));
    }
    for list in settings.lists.values() {
        if let Err(error) = super::providers::read_list(list) {
            faults.push(format!("{source}: {error}"));
        }
    }
    if let Err(error) = super::providers::build(settings)
        && faults.is_empty()
    {
        faults.push(format!("{source}: {}", anyhow::Error::from(error)));
    }
    if settings.vault.current.is_some()
        && let Err(error) = super::keyring(settings, Random::from_system())
    {
        faults.push(format!("{source}: vault.master-keys: {:#}", anyhow::Error::from(error)));
    }
    faults
}

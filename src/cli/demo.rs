//! The demo on the terminal.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use super::{arguments::DemoOptions, runtime, say, tables};
use crate::{
    actions::hits,
    app::{
        demo::{self, Demo, ListSource},
        embedded::{self, Cluster, Durability},
        serve::{self, Daemon},
    },
    config::{LogFormat, LogSettings, LogTarget, TelemetrySettings},
    telemetry::logs,
};

/// Hits shown at the end.
const SHOWN: i64 = 60;

pub(super) fn run(options: &DemoOptions) -> anyhow::Result<()> {
    let log = LogSettings { level: "warn".to_owned(), format: LogFormat::Text, to: LogTarget::Stderr };
    let _log = logs::start(&log, &TelemetrySettings::default(), None)?;
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let state = embedded::state_folder(&variable)?;
    // The cluster is started from this thread, which lives as long as the process: the kernel stops
    // the server with it.
    let (cluster, url, folder): (Option<Cluster>, String, PathBuf) = if let Some(url) =
        variable("DATABASE_URL")
    {
        say(
            "Database   the server of DATABASE_URL; the demo makes a database of its own there, watchkeeper_demo",
        )?;
        (None, url, state.join("demo-files"))
    } else {
        let cluster = Cluster::start(&state, "demo", Durability::Full)?;
        say(&format!("Database   an embedded PostgreSQL in {}", cluster.folder().display()))?;
        let (url, folder) = (cluster.url("postgres"), cluster.folder().join("files"));
        (Some(cluster), url, folder)
    };
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let done = runtime()?.block_on(async {
        let stop = serve::stop_signal()?;
        tokio::select! {
            done = show(options, &folder, &url) => done,
            () = stop => say("\nStopped."),
        }
    });
    drop(cluster);
    done
}

async fn show(options: &DemoOptions, folder: &std::path::Path, url: &str) -> anyhow::Result<()> {
    let source = match (&options.list, options.download) {
        (Some(folder), _) => ListSource::Folder(folder.clone()),
        (None, true) => ListSource::Download,
        (None, false) => ListSource::Sample,
    };
    let mut demo = demo::prepare(folder, url, &source).await?;
    let whose = match source {
        ListSource::Sample => ", an invented sample; try --list FOLDER or --download for OFAC's real one",
        ListSource::Folder(_) | ListSource::Download => "",
    };
    say(&format!("Watchlist  {} entities, version {}{whose}", demo.list.entities.len(), demo.list.version))?;
    let begun = Instant::now();
    let imported = demo.fill(options.accounts, options.seed).await?;
    let took = begun.elapsed();
    say(&format!(
        "Accounts   {} invented individuals and businesses imported, personal fields encrypted, in {:.1} s ({:.0} a second)",
        imported.created,
        took.as_secs_f64(),
        per_second(imported.created, took),
    ))?;
    if let Some(bad) = imported.bad.first() {
        anyhow::bail!(
            "{} of the demo's own accounts were refused; the first: {}",
            imported.bad.len(),
            bad.reason
        );
    }
    let daemon = demo.start().await?;
    let watched = watch(&demo, &daemon, imported.created).await;
    if let Err(error) = watched {
        daemon.stop().await;
        return Err(error);
    }
    if options.exit {
        daemon.stop().await;
        return say(&own(&program()));
    }
    say(&next(&demo, &daemon))?;
    say("Watching on: every account is screened again every 5 minutes. Ctrl-C ends it.")?;
    let stop = serve::stop_signal()?;
    stop.await;
    daemon.stop().await;
    Ok(())
}

/// Shows the first round, and what it found.
async fn watch(demo: &Demo, daemon: &Daemon, accounts: u64) -> anyhow::Result<()> {
    let begun = Instant::now();
    let bar = ProgressBar::new(accounts);
    bar.set_style(ProgressStyle::with_template(
        "Screening  {bar:40} {pos}/{len} accounts  {per_sec}  {eta} left",
    )?);
    loop {
        let (done, all) = demo.progress(daemon, accounts).await?;
        bar.set_length(all);
        bar.set_position(done);
        if done >= all {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bar.finish_and_clear();
    let took = begun.elapsed();
    let context = &daemon.engine.context;
    let every = hits::Page { sort: hits::Sort::Newest, after: None, before: None, limit: 100_000 };
    let hits = hits::list(context, &hits::Filter::default(), None, every).await?;
    say(&format!(
        "Screened   {accounts} accounts in {:.1} s ({:.0} a second): {} hits",
        took.as_secs_f64(),
        per_second(accounts, took),
        hits.len(),
    ))?;
    let shown: Vec<_> = hits.into_iter().take(usize::try_from(SHOWN).unwrap_or(usize::MAX)).collect();
    say("")?;
    say(&tables::demo_hits(&shown, &demo.planted))?;
    let tagged: std::collections::BTreeSet<_> = shown.iter().map(|hit| hit.account_id).collect();
    say(&format!(
        "Each of these {} accounts now has the tag watchlist-match and the status under-review.",
        tagged.len()
    ))?;
    io::stdout().flush().context("standard output")
}

fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "watchkeeper".to_owned())
}

/// What can be done without the demo's daemon, which is gone at the end.
fn own(program: &str) -> String {
    format!(
        "Your own data: {program} init, then the commands that it names. A watchlist of your own choice:
{program} demo --list FOLDER
"
    )
}

/// What can be done while the demo's daemon runs.
fn next(demo: &Demo, daemon: &Daemon) -> String {
    let file = demo.settings.files.first().map(|file| file.display().to_string()).unwrap_or_default();
    let account = demo.planted.keys().next().map_or("DEMO-000001", String::as_str);
    let program = program();
    format!(
        "
What to try next, in another terminal:
  {program} --config {file} status
  {program} --config {file} account {account}
  {program} --config {file} run --account {account}
  {program} --config {file} hits --open --json
  curl http://{address}/metrics
{own}",
        own = own(&program),
        address = daemon.address,
    )
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64().max(0.001)
}

//! The command line: reads arguments, calls one function of [`app`], prints what came of it.
//! Tables for people, `--json` for programs; results on standard output, everything else on standard
//! error.

mod arguments;
mod audit;
mod decide;
mod demo;
mod evidence;
mod export;
mod hits;
mod import;
mod key;
mod keys;
mod ledger;
mod lists;
mod objects;
mod pause;
mod plan;
mod rescreens;
mod retention;
mod screen;
mod simulate;
mod tables;
mod times;
mod what_if;

use std::{
    io::{self, IsTerminal, Read, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use arguments::{Arguments, Command};
use clap::Parser;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    actions::{
        Context,
        audit::{Reading, Shown, note_reading},
        decide::Decision,
        inspect, release, rescreen,
    },
    app::{
        self, commands,
        embedded::{self, Cluster, Durability},
        serve,
    },
    config::{self, Settings},
    domain::personal::Personal,
    telemetry::logs,
};

/// Exit code of a command that did its work and has bad news: bad rows, a faulty configuration.
const BAD_NEWS: u8 = 2;

/// The whole program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        // Whoever reads our output has enough: `watchkeeper hits | head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "watchkeeper: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Init { folder, list } => init(folder, list.as_deref()),
        Command::Check => return check(arguments),
        Command::Openapi => say(commands::openapi().trim_end()),
        Command::Demo(options) => demo::run(options),
        Command::WithPostgres { program } => return with_postgres(program),
        Command::Simulate(command) => {
            return match config::load(arguments.config.as_deref(), std::env::vars()) {
                Ok(settings) => simulate::run(&settings, command),
                Err(faults) => refuse(&faults),
            };
        }
        command => {
            let settings = match config::load(arguments.config.as_deref(), std::env::vars()) {
                Ok(settings) => settings,
                Err(faults) => return refuse(&faults),
            };
            let _log = start_log(&settings)?;
            let runtime = runtime()?;
            let done = runtime.block_on(with_settings(command, arguments, &settings));
            // A call that holds its thread for ever must not hold the end.
            runtime.shutdown_timeout(Duration::from_secs(1));
            return done;
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A panic is told by its place: what it says may quote what it stumbled over.
fn tell_panics_by_place() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        tracing::error!(place, "a fault of the program: a panic");
    }));
}

fn start_log(settings: &Settings) -> anyhow::Result<logs::Log> {
    let stream = std::env::vars().find(|(name, _)| name == logs::JOURNAL_STREAM).map(|(_, stream)| stream);
    Ok(logs::start(&settings.log, &settings.telemetry, stream.as_deref())?)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime could be started")
}

async fn with_settings(
    command: &Command,
    arguments: &Arguments,
    settings: &Settings,
) -> anyhow::Result<ExitCode> {
    match command {
        Command::Migrate => {
            commands::migrate(settings).await?;
            say("The database is at this program's schema.")?;
        }
        Command::Import(options) => return import::run(settings, options).await,
        Command::Compact { json } => {
            let compacted = commands::compact(settings).await?;
            show(*json, &compacted, || tables::compacted(&compacted))?;
        }
        Command::Serve => {
            tell_panics_by_place();
            let load = || config::load(arguments.config.as_deref(), std::env::vars());
            serve::serve(settings, load).await?;
        }
        Command::Run { account, json } => {
            let ran = commands::run_now(settings, account).await?;
            note_shown(&app::open(settings).await?, "account.read", vec![ran.account.id.0]).await?;
            show(*json, &ran.account, || tables::run(&ran.account, &ran.missing))?;
            for schedule in &ran.missing {
                writeln!(io::stderr(), "{schedule}: not done; it failed and is put off, or was stopped. `watchkeeper account` shows which").context("standard error")?;
            }
            if !ran.missing.is_empty() {
                return Ok(ExitCode::from(BAD_NEWS));
            }
        }
        Command::Screen(command) => return screen::run(settings, command),
        Command::Lists(command) => return lists::run(settings, command),
        Command::Hits(command) => hits::list(settings, command).await?,
        Command::Assign(command) => hits::assign(settings, command).await?,
        Command::Comment(command) => hits::comment(settings, command).await?,
        Command::ImportDecisions(command) => return hits::import_decisions(settings, command).await,
        Command::Dismiss(options) => return decide::run(settings, options, Decision::Dismissed).await,
        Command::Confirm(options) => return decide::run(settings, options, Decision::Confirmed).await,
        Command::Release { monitor, by } => {
            let context = app::open(settings).await?;
            release::release(&context, &actor(by.as_deref()), *monitor).await?;
            say("Released: enrolment takes it up within a second.")?;
        }
        Command::Pause(command) => return pause::pause(settings, command).await,
        Command::Resume(command) => return pause::resume(settings, command).await,
        Command::Pauses { limit, json } => return pause::list(settings, *limit, *json).await,
        Command::Rescreen { schedules, reopen, by } => {
            let context = app::open(settings).await?;
            let id = rescreen::ask(&context, &by.clone().unwrap_or_else(user), schedules, *reopen).await?;
            say(&format!("{id}: every monitor will run; `watchkeeper rescreens` shows how far it is."))?;
        }
        Command::Rescreens(command) => rescreens::run(settings, command).await?,
        Command::Plan(command) => return plan::run(settings, command).await,
        Command::Evidence(command) => return evidence::of_account(settings, command).await,
        Command::WhatIf(command) => return what_if::run(settings, command).await,
        Command::Coverage(command) => return evidence::coverage(settings, command).await,
        Command::Key(command) => return key::run(settings, command).await,
        Command::Retention(command) => return retention::run(settings, command).await,
        Command::Hold(command) => return retention::hold(settings, command).await,
        Command::Unhold(command) => return retention::unhold(settings, command).await,
        Command::Holds(command) => return retention::holds(settings, command).await,
        Command::ExportSubject(command) => export::run(settings, command).await?,
        Command::Ledger(command) => return ledger::run(settings, command).await,
        Command::Keys(command) => return keys::run(settings, command).await,
        Command::Audit(command) => return audit::run(settings, command).await,
        Command::Account { account, json } => {
            let context = app::open(settings).await?;
            let view = inspect::account(&context, account, 20).await?;
            note_shown(&context, "account.read", vec![view.id.0]).await?;
            show(*json, &view, || tables::account(&view))?;
        }
        Command::Status { json } => {
            let context = app::open(settings).await?;
            let status = inspect::status(&context).await?;
            show(*json, &status, || tables::status(&status))?;
        }
        Command::Init { .. }
        | Command::Check
        | Command::Openapi
        | Command::Demo(_)
        | Command::Simulate(_)
        | Command::WithPostgres { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Notes in the audit log that personal data of accounts is about to be shown; the origin is the user of the host.
async fn note_shown(context: &Context, operation: &str, accounts: Vec<Uuid>) -> anyhow::Result<()> {
    note_all_shown(context, operation, accounts.into_iter().map(|id| ("act", id)).collect()).await
}

/// The same of objects of several kinds.
async fn note_all_shown(context: &Context, operation: &str, objects: Vec<Shown>) -> anyhow::Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let operation = operation.to_owned();
    let reading = Reading { operation, objects, actor: actor(None), detail: serde_json::json!({}) };
    Ok(note_reading(context, reading).await?)
}

/// Who is at the command line.
fn actor(by: Option<&str>) -> String {
    format!("cli:{}", by.map_or_else(user, str::to_owned))
}

/// The user of the system: as the environment has it, or else as the kernel has.
fn user() -> String {
    let said = std::env::vars().find(|(key, name)| key == "USER" && !name.is_empty());
    said.map_or_else(app::user, |(_, name)| name)
}

/// A reason that may be about a person: not an argument, which others could see.
fn reason_from_input() -> anyhow::Result<Personal<String>> {
    if io::stdin().is_terminal() {
        writeln!(io::stderr(), "The reason; Ctrl-D on a line of its own ends it:")
            .context("standard error")?;
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).context("standard input")?;
    Ok(Personal::new(text.trim().to_owned()))
}

fn show<T: Serialize>(json: bool, value: &T, table: impl FnOnce() -> String) -> anyhow::Result<()> {
    if json { say(&serde_json::to_string_pretty(value)?) } else { say(table().trim_end()) }
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{text}").context("standard output")
}

fn refuse(faults: &config::Faults) -> anyhow::Result<ExitCode> {
    writeln!(io::stderr(), "{faults}").context("standard error")?;
    Ok(ExitCode::from(BAD_NEWS))
}

fn init(folder: &Path, list: Option<&Path>) -> anyhow::Result<()> {
    let (file, key) = commands::init(folder, list.unwrap_or(Path::new("ofac")))?;
    say(&format!(
        "Wrote {file} and {key}.

{key} opens all personal data: back it up apart from the database. Whoever loses it loses the data.

Next:
  export DATABASE_URL=postgres://USER@HOST/DATABASE
  watchkeeper --config {file} check
  watchkeeper --config {file} migrate
  watchkeeper --config {file} import customers.csv
  watchkeeper --config {file} serve",
        file = file.display(),
        key = key.display(),
    ))
}

/// Names every fault of the configuration; asks no database.
fn check(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = match config::load(arguments.config.as_deref(), std::env::vars()) {
        Ok(settings) => settings,
        Err(faults) => return refuse(&faults),
    };
    let mut code = ExitCode::SUCCESS;
    for fault in commands::check_files(&settings) {
        writeln!(io::stderr(), "{fault}").context("standard error")?;
        code = ExitCode::from(BAD_NEWS);
    }
    if code == ExitCode::SUCCESS {
        let files: Vec<_> = settings.files.iter().map(|file| file.to_string_lossy()).collect();
        let files = if files.is_empty() { "the defaults".to_owned() } else { files.join(", ") };
        say(&format!(
            "{files}: no faults; {} schedules, {} providers",
            settings.schedules.len(),
            settings.providers.len()
        ))?;
    }
    Ok(code)
}

/// Runs a program beside an embedded cluster that loses everything in a crash, or beside the server of
/// `DATABASE_URL`.
fn with_postgres(program: &[String]) -> anyhow::Result<ExitCode> {
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let (cluster, url) = if let Some(url) = variable("DATABASE_URL") {
        say("Using the PostgreSQL of DATABASE_URL.")?;
        (None, url)
    } else {
        let state = embedded::state_folder(&variable)?;
        let cluster = Cluster::start(&state, "test", Durability::None)?;
        say(&format!("Using an embedded PostgreSQL in {}.", cluster.folder().display()))?;
        runtime()?.block_on(cluster.prepare_template())?;
        let url = cluster.url("postgres");
        (Some(cluster), url)
    };
    let status = embedded::run_beside(&url, program)?;
    drop(cluster);
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

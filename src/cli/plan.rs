//! `plan`.

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::Args;

use super::{BAD_NEWS, show, tables};
use crate::{
    app::{
        self,
        forecast::{Assumed, ByHand, PlanView},
    },
    config::Settings,
    planning,
};

/// What to plan with.
#[derive(Args, Clone, Debug)]
pub(super) struct PlanCommand {
    /// How many days to look ahead.
    #[arg(long, default_value_t = 7, value_name = "N", value_parser = clap::value_parser!(u16).range(i64::from(*planning::DAYS.start())..=i64::from(*planning::DAYS.end())))]
    days: u16,
    /// So many accounts of a type; again for more types. With it no database is asked.
    #[arg(long, value_name = "TYPE=N", value_parser = named::<u64>)]
    accounts: Vec<(String, u64)>,
    /// So many monitors of a schedule, where its conditions leave some accounts out. With it no database is asked.
    #[arg(long, value_name = "SCHEDULE=N", value_parser = named::<u64>)]
    monitors: Vec<(String, u64)>,
    /// How long a call takes, as `api=250ms`: then the number of calls under way is a limit, too.
    #[arg(long, value_name = "PROVIDER=TIME", value_parser = latency)]
    latency: Vec<(String, Duration)>,
    /// How many daemons there are.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    processes: u32,
    /// Leaves out the first runs of new monitors.
    #[arg(long)]
    steady: bool,
    /// Shows every hour, not every day.
    #[arg(long)]
    hourly: bool,
    /// Writes a picture to this file: load against capacity.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// For programs; every hour.
    #[arg(long)]
    json: bool,
}

fn named<T: std::str::FromStr>(text: &str) -> Result<(String, T), String> {
    let parted = text.split_once('=').and_then(|(name, count)| Some((name.to_owned(), count.parse().ok()?)));
    parted.ok_or_else(|| "accepted is a name and a whole number, such as individual=10000000".to_owned())
}

fn latency(text: &str) -> Result<(String, Duration), String> {
    const SHORTEST: Duration = Duration::from_micros(1);
    const LONGEST: Duration = Duration::from_hours(1);
    let parted = text
        .split_once('=')
        .and_then(|(name, time)| Some((name.to_owned(), time.parse::<humantime::Duration>().ok()?.into())));
    parted
        .filter(|(_, time)| (SHORTEST..=LONGEST).contains(time))
        .ok_or_else(|| "accepted is a provider and a duration from 1us to 1h, such as api=250ms".to_owned())
}

/// Plans, prints, draws. The exit code says whether everything fits.
pub(super) async fn run(settings: &Settings, command: &PlanCommand) -> anyhow::Result<ExitCode> {
    let assumed = Assumed {
        days: command.days,
        latencies: command.latency.iter().cloned().collect(),
        processes: command.processes,
        steady: command.steady,
    };
    let plan = if command.accounts.is_empty() && command.monitors.is_empty() {
        anyhow::ensure!(
            settings.database.url.is_some(),
            "no database is configured to count in; give the numbers: --accounts TYPE=N"
        );
        let context = app::open(settings).await?;
        app::forecast::from_database(&context, settings, &assumed).await?
    } else {
        let counts = ByHand {
            accounts: command.accounts.iter().cloned().collect(),
            monitors: command.monitors.iter().cloned().collect(),
        };
        app::forecast::by_hand_now(settings, &counts, &assumed)?
    };
    if let Some(file) = &command.svg {
        fs::write(file, planning::picture(&plan.forecast)).with_context(|| file.display().to_string())?;
    }
    print(command, &plan)?;
    Ok(if plan.forecast.fits { ExitCode::SUCCESS } else { ExitCode::from(BAD_NEWS) })
}

fn print(command: &PlanCommand, plan: &PlanView) -> anyhow::Result<()> {
    show(command.json, plan, || tables::plan(plan, command.hourly))
}

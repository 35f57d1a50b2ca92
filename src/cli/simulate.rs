//! `simulate`.

use std::{process::ExitCode, str::FromStr, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{BAD_NEWS, show, tables};
use crate::{
    app::{
        embedded::{self, Cluster, Durability},
        simulate::{self, Of, Options, Outage},
    },
    config::{LogFormat, LogSettings, LogTarget, Settings, TelemetrySettings},
    telemetry::logs,
};

/// What to simulate.
#[derive(Args, Clone, Debug)]
pub(super) struct SimulateCommand {
    /// How many accounts to invent.
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    accounts: u32,
    /// How many accounts they stand for: the providers' budgets are divided by as much.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    of: Option<u64>,
    /// How many days.
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    /// The day on which it begins; the first is a Monday, and the first of a month.
    #[arg(long, default_value = "2026-06-01", value_name = "DATE", value_parser = from)]
    from: NaiveDate,
    /// The same seed has the same come of it.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// How long a call takes on average; of one provider as `api=250ms`. 200ms without it, 1ms of local ones.
    #[arg(long, value_name = "[PROVIDER=]TIME", value_parser = of::<Latency>)]
    latency: Vec<Of<Latency>>,
    /// Which share of calls fails; of one provider as `api=2%`. 1% without it, 0% of local ones.
    #[arg(long, value_name = "[PROVIDER=]PERCENT", value_parser = of::<Percent>)]
    errors: Vec<Of<Percent>>,
    /// A time in which providers cannot be reached, as `3d+6h`: after three days, for six hours; again for more.
    #[arg(long, value_name = "[PROVIDER=]AFTER+FOR", value_parser = of::<Away>)]
    outage: Vec<Of<Away>>,
    /// How often the list changes, as `1d`, or `never`.
    #[arg(long, default_value = "1d", value_name = "EVERY", value_parser = every)]
    list_change: Every,
    /// Which share of the accounts stands on the list.
    #[arg(long, default_value = "0.5%", value_name = "PERCENT")]
    hits: Percent,
    /// What falls due within this time is begun together: shorter is more exact, and takes longer.
    #[arg(long, default_value = "2m", value_name = "TIME", value_parser = grain)]
    grain: Duration,
    /// A server to make the scratch database on, as `postgres://USER@HOST/postgres`; an embedded one without it.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// How long a call takes.
#[derive(Clone, Copy, Debug)]
struct Latency(Duration);

impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bounds = Duration::from_millis(1)..=Duration::from_mins(5);
        let time = duration(text).filter(|time| bounds.contains(time));
        time.map(Self).ok_or_else(|| "accepted is a duration from 1ms to 5m, such as 250ms".to_owned())
    }
}

/// A share, 0 to 1.
#[derive(Clone, Copy, Debug)]
struct Percent(f64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
        percent
            .map(|percent| Self(percent / 100.0))
            .ok_or_else(|| "accepted is a percentage from 0% to 100%, such as 0.5%".to_owned())
    }
}

/// When a provider is away.
#[derive(Clone, Copy, Debug)]
struct Away(Outage);

impl FromStr for Away {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parted = text
            .split_once('+')
            .and_then(|(after, lasts)| Some((within_a_year(after)?, within_a_year(lasts)?)));
        parted.map(|(after, lasts)| Self(Outage { after, lasts })).ok_or_else(|| {
            "accepted is when it begins and how long it lasts, each at most 366d, such as 3d+6h: after three days, for \
             six hours"
                .to_owned()
        })
    }
}

/// How often; never when none.
#[derive(Clone, Copy, Debug)]
struct Every(Option<Duration>);

fn every(text: &str) -> Result<Every, String> {
    if text == "never" {
        return Ok(Every(None));
    }
    let every = within_a_year(text).filter(|every| *every >= Duration::from_mins(10));
    every
        .map(|every| Every(Some(every)))
        .ok_or_else(|| "accepted is a duration from 10m to 366d, such as 1d, or the word never".to_owned())
}

fn grain(text: &str) -> Result<Duration, String> {
    let bounds = Duration::from_secs(1)..=Duration::from_hours(1);
    let grain = duration(text).filter(|grain| bounds.contains(grain));
    grain.ok_or_else(|| "accepted is a duration from 1s to 1h, such as 2m".to_owned())
}

/// A simulation lasts no longer.
fn within_a_year(text: &str) -> Option<Duration> {
    duration(text).filter(|time| *time <= Duration::from_hours(366 * 24))
}

fn from(text: &str) -> Result<NaiveDate, String> {
    let date = text.parse::<NaiveDate>().ok().filter(|date| (2000..=2200).contains(&date.year()));
    date.ok_or_else(|| "accepted is a day of the years 2000 to 2200, such as 2026-06-01".to_owned())
}

fn duration(text: &str) -> Option<Duration> {
    text.parse::<humantime::Duration>().ok().map(Into::into)
}

fn of<T: FromStr<Err = String>>(text: &str) -> Result<Of<T>, String> {
    let (provider, value) = match text.split_once('=') {
        Some((provider, value)) => (Some(provider.to_owned()), value),
        None => (None, text),
    };
    Ok(Of { provider, value: value.parse()? })
}

impl SimulateCommand {
    fn options(&self) -> anyhow::Result<Options> {
        if let Some(of) = self.of {
            anyhow::ensure!(
                of >= u64::from(self.accounts),
                "--of: accepted is a number no smaller than that of --accounts, which stand for it"
            );
        }
        let from = self.from.and_hms_opt(0, 0, 0).context("--from: a day begins at midnight")?;
        let said = |one: &Of<Latency>| Of { provider: one.provider.clone(), value: one.value.0 };
        let fails = |one: &Of<Percent>| Of { provider: one.provider.clone(), value: one.value.0 };
        let away = |one: &Of<Away>| Of { provider: one.provider.clone(), value: one.value.0 };
        Ok(Options {
            accounts: self.accounts,
            of: self.of,
            days: self.days,
            from: DateTime::<Utc>::from_naive_utc_and_offset(from, Utc),
            seed: self.seed,
            latency: self.latency.iter().map(said).collect(),
            errors: self.errors.iter().map(fails).collect(),
            outages: self.outage.iter().map(away).collect(),
            list_change: self.list_change.0,
            hits: self.hits.0,
            rest: self.grain,
        })
    }
}

/// Simulates and prints. The exit code says whether every objective was met and nothing was lost.
///
/// Not with the server of `DATABASE_URL`: that is the operator's own.
pub(super) fn run(settings: &Settings, command: &SimulateCommand) -> anyhow::Result<ExitCode> {
    let options = command.options()?;
    // What the engine says of outages is what was asked for.
    let log = LogSettings { level: "error".to_owned(), format: LogFormat::Text, to: LogTarget::Stderr };
    let _log = logs::start(&log, &TelemetrySettings::default(), None)?;
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let (cluster, url) = if let Some(url) = &command.server {
        (None, url.clone())
    } else {
        let cluster = Cluster::start(&embedded::state_folder(&variable)?, "simulation", Durability::None)?;
        let url = cluster.url("postgres");
        (Some(cluster), url)
    };
    let bar = ProgressBar::new(u64::from(options.days));
    bar.set_style(ProgressStyle::with_template("Simulating  {bar:40} day {pos} of {len}  {eta} left")?);
    let simulated = simulate::simulate(settings, &options, &url, &mut |day| bar.set_position(u64::from(day)));
    bar.finish_and_clear();
    drop(cluster);
    let view = simulated?;
    show(command.json, &view, || tables::simulation(&view))?;
    Ok(if view.is_good() { ExitCode::SUCCESS } else { ExitCode::from(BAD_NEWS) })
}

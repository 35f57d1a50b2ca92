//! `evidence` and `coverage`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use clap::Args;

use super::{note_shown, show, tables, times};
use crate::{
    actions::{
        evidence::{self, Period},
        inspect,
    },
    app,
    config::Settings,
    domain::{date::moment, id::RunId},
};

/// A period, in UTC.
#[derive(Args, Clone, Debug)]
pub(super) struct PeriodOptions {
    /// From this day or time on, as 2026-03-04 or 2026-03-04T05:06:07Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<DateTime<Utc>>,
    /// Before this day or time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<DateTime<Utc>>,
    /// The whole of this day.
    #[arg(long, value_name = "DAY", value_parser = times::day, conflicts_with_all = ["from", "until"])]
    on: Option<NaiveDate>,
}

impl PeriodOptions {
    /// The period that is asked for; without a beginning or an end, from `from` on, or before `until`.
    pub(super) fn period(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> anyhow::Result<Period> {
        let (from, until) = match self.on {
            Some(day) => (midnight(day), midnight(day.checked_add_days(Days::new(1)).unwrap_or(day))),
            None => (self.from.unwrap_or(from), self.until.unwrap_or(until)),
        };
        anyhow::ensure!(from < until, "the period begins at {from} and ends at {until}: it must end later");
        Ok(Period { from, until })
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// A day, which is the moment with which it begins, or a time.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || text.parse::<NaiveDate>().ok().map(midnight);
    moment(text).or_else(day).ok_or_else(|| "accepted are 2026-03-04 and 2026-03-04T05:06:07Z".to_owned())
}

/// Whose evidence, of when.
#[derive(Args, Clone, Debug)]
pub(super) struct EvidenceCommand {
    /// The account's reference id or id.
    #[arg(value_name = "REF", required_unless_present = "of")]
    account: Option<String>,
    /// The same, as `run` takes it.
    #[arg(long = "account", value_name = "REF", conflicts_with = "account")]
    of: Option<String>,
    #[command(flatten)]
    period: PeriodOptions,
    /// What differs between two runs of one report, by the ids that the evidence names.
    #[arg(long, value_names = ["RUN", "RUN"], num_args = 2, conflicts_with_all = ["from", "until", "on", "html"])]
    between: Option<Vec<RunId>>,
    /// Writes it as a page to read and to file, without scripts, which loads nothing.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// For programs; with all that was asked and answered.
    #[arg(long)]
    json: bool,
}

/// Which period, and where the accounts go that were not screened.
#[derive(Args, Clone, Debug)]
pub(super) struct CoverageCommand {
    #[command(flatten)]
    period: PeriodOptions,
    /// Only this schedule.
    #[arg(long, value_name = "NAME")]
    schedule: Option<String>,
    /// Writes every account that was not screened to this CSV file: account, reference id, schedule, reason.
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

pub(super) async fn of_account(settings: &Settings, command: &EvidenceCommand) -> anyhow::Result<ExitCode> {
    let context = app::open(settings).await?;
    let reference = command.account.as_deref().or(command.of.as_deref()).unwrap_or_default();
    if let Some([from, to]) = command.between.as_deref() {
        let account = inspect::find_account(&context, reference).await?.id;
        let difference = evidence::difference(&context, account, *from, *to).await?;
        note_shown(&context, "account.read", vec![account.0]).await?;
        show(command.json, &difference, || tables::difference(&difference))?;
        return Ok(ExitCode::SUCCESS);
    }
    let period = command.period.period(DateTime::<Utc>::UNIX_EPOCH, context.now() + TimeDelta::seconds(1))?;
    let evidence = evidence::of_account(&context, reference, period, usize::MAX).await?;
    note_shown(&context, "account.read", vec![evidence.account_id.0]).await?;
    if let Some(path) = &command.html {
        let page = app::commands::evidence_page(&evidence, &super::actor(None));
        super::export::write(path, page.as_bytes())?;
        if !command.json {
            return Ok(ExitCode::SUCCESS);
        }
    }
    show(command.json, &evidence, || tables::evidence(&evidence))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn coverage(settings: &Settings, command: &CoverageCommand) -> anyhow::Result<ExitCode> {
    let context = app::open(settings).await?;
    let now = context.now();
    let period = command.period.period(now - TimeDelta::days(30), now)?;
    anyhow::ensure!(
        period.from <= now,
        "the period begins at {}, which is in the future: nobody was to be screened in it yet. It is {now} now",
        period.from
    );
    let mut file = match &command.list {
        Some(path) => Some(csv::Writer::from_path(path).with_context(|| path.display().to_string())?),
        None => None,
    };
    if let Some(file) = &mut file {
        file.write_record(["account", "reference_id", "schedule", "reason"])?;
    }
    let mut written = Ok(());
    let told = evidence::coverage(&context, period, command.schedule.as_deref(), |one| {
        if let (Some(file), Ok(())) = (&mut file, &written) {
            let account = one.account.to_string();
            let reference = one.reference_id.as_deref().unwrap_or_default();
            let schedule = one.schedule.as_deref().unwrap_or_default();
            written = file.write_record([account.as_str(), reference, schedule, one.reason.as_str()]);
        }
    });
    let coverage = told.await?;
    written.context("the list could not be written")?;
    if let Some(file) = &mut file {
        file.flush().context("the list could not be written")?;
    }
    show(command.json, &coverage, || tables::coverage(&coverage))?;
    Ok(ExitCode::SUCCESS)
}

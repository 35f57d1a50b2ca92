//! A plan.

use std::time::Duration;

use super::{line, table};
use crate::{
    app::forecast::PlanView,
    planning::{Forecast, Hour, ProviderForecast},
};

/// What will be asked of the providers, day by day or hour by hour, and what to change.
pub(crate) fn plan(plan: &PlanView, hourly: bool) -> String {
    let forecast = &plan.forecast;
    let mut text = String::new();
    let from = forecast.from.format("%Y-%m-%d %H:%M");
    line(&mut text, format_args!("{} days from {from} UTC", forecast.days));
    line(&mut text, format_args!("{}", schedules(forecast)));
    line(&mut text, format_args!("{}", providers(forecast)));
    for provider in &forecast.providers {
        line(&mut text, format_args!("{}, {}", provider.provider, if hourly { "by hour" } else { "by day" }));
        line(&mut text, format_args!("{}", load(provider, hourly)));
    }
    if forecast.fits {
        line(&mut text, format_args!("Everything is done in time."));
    } else {
        line(&mut text, format_args!("NOT everything is done in time."));
        forecast.providers.iter().filter(|provider| !provider.fits).for_each(|one| advice(&mut text, one));
    }
    for note in &plan.notes {
        line(&mut text, format_args!("Note: {note}."));
    }
    text
}

fn schedules(forecast: &Forecast) -> comfy_table::Table {
    let mut rows = table(&[
        "schedule",
        "how often",
        "monitors",
        "runs due",
        "made",
        "skipped",
        "late: half",
        "99 %",
        "most",
        "objective",
        "",
    ]);
    for schedule in forecast.providers.iter().flat_map(|provider| &provider.schedules) {
        rows.add_row([
            schedule.schedule.clone(),
            schedule.cadence.to_string(),
            whole(schedule.monitors),
            count(schedule.due),
            count(schedule.done),
            count(schedule.skipped),
            late(schedule.lateness_median),
            late(schedule.lateness_99),
            late(schedule.lateness_largest),
            schedule.objective.map_or_else(|| "-".to_owned(), late),
            verdict(schedule.fits),
        ]);
    }
    rows
}

fn providers(forecast: &Forecast) -> comfy_table::Table {
    let mut rows = table(&[
        "provider",
        "runs due",
        "made",
        "wait at the end",
        "budget used",
        "fullest day",
        "fullest month",
        "long run",
        "peak hour (UTC)",
        "due in it",
        "",
    ]);
    for provider in &forecast.providers {
        let part = |part: Option<f64>| part.map_or_else(|| "-".to_owned(), percent);
        rows.add_row([
            provider.provider.clone(),
            count(provider.due),
            count(provider.done),
            count(provider.waiting),
            part(provider.utilisation),
            part(provider.day_quota),
            part(provider.month_quota),
            part(provider.long_run),
            provider.peak.at.format("%Y-%m-%d %H:%M").to_string(),
            count(provider.peak.due),
            verdict(provider.fits),
        ]);
    }
    rows
}

fn load(provider: &ProviderForecast, hourly: bool) -> comfy_table::Table {
    let first = if hourly { "hour (UTC)" } else { "day (UTC)" };
    let mut rows =
        table(&[first, "due", "made", "could be made", "peak hour", "wait at the end", "latest run"]);
    let same = |one: &Hour, other: &Hour| !hourly && one.at.date_naive() == other.at.date_naive();
    for hours in provider.hours.chunk_by(same) {
        let Some((begin, end)) = hours.first().zip(hours.last()) else { continue };
        let sum = |of: fn(&Hour) -> f64| hours.iter().map(of).sum::<f64>();
        let most = |of: fn(&Hour) -> f64| hours.iter().map(of).fold(0.0, f64::max);
        let could: Option<f64> = hours.iter().map(|hour| hour.capacity).sum();
        rows.add_row([
            begin.at.format(if hourly { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d" }).to_string(),
            count(sum(|hour| hour.due)),
            count(sum(|hour| hour.done)),
            could.map_or_else(|| "-".to_owned(), count),
            count(most(|hour| hour.due)),
            count(end.waiting),
            late(most(|hour| hour.lateness)),
        ]);
    }
    rows
}

fn advice(text: &mut String, provider: &ProviderForecast) {
    if provider.proposals.is_empty() {
        line(
            text,
            format_args!(
                "{}: no single change was found that is enough; look at rate, quotas, intervals and objectives together.",
                provider.provider
            ),
        );
        return;
    }
    line(text, format_args!("{}: any one of these would be enough, as this plan counts:", provider.provider));
    for proposal in &provider.proposals {
        line(text, format_args!("- {}:", proposal.what));
        for setting in &proposal.settings {
            line(text, format_args!("    {setting}"));
        }
    }
}

fn verdict(fits: bool) -> String {
    if fits { "fits" } else { "TOO LATE" }.to_owned()
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// A number of monitors in groups of three digits.
pub(super) fn whole(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded, clamped, far below 2^63"
)]
fn count(count: f64) -> String {
    whole(count.round().clamp(0.0, 1e18) as u64)
}

/// How late, to whole minutes; the plan knows no better.
fn late(seconds: f64) -> String {
    const MINUTE: f64 = 60.0;
    if seconds < MINUTE {
        return if seconds < 1.0 { "0s" } else { "< 1m" }.to_owned();
    }
    let minutes = Duration::try_from_secs_f64((seconds / MINUTE).round() * MINUTE).unwrap_or(Duration::MAX);
    humantime::format_duration(minutes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([whole(0), whole(950), whole(10_000_000)], ["0", "950", "10 000 000"]);
        assert_eq!(
            [late(0.2), late(40.0), late(3_660.0), late(93_600.0)],
            ["0s", "< 1m", "1h 1m", "1day 2h"]
        );
        assert_eq!((count(1_234.6), percent(0.9713)), ("1 235".to_owned(), "97.1 %".to_owned()));
    }
}

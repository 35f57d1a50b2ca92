//! What to change where not everything is done in time: each proposal was tried, and fits.

use std::time::Duration;

use serde::Serialize;

use super::{
    Load, Provider, Question,
    numbers::{number, place},
};
use crate::domain::cadence::Cadence;

/// Changes of the configuration that, made together, have everything done in time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Proposal {
    /// In words, what is changed.
    pub what: String,
    /// The settings, as they are to be written: `schedules.daily.every = "36h"`.
    pub settings: Vec<String>,
}

/// How near the least change is sought: a hundredth.
const NEAR: f64 = 1.01;

/// How far changes are sought.
const FARTHEST: f64 = 1024.0;

pub(super) fn proposals(question: &Question, provider: &Provider, loads: &[Load]) -> Vec<Proposal> {
    // What grows for ever need not be gone through step by step.
    let fits = |provider: &Provider, loads: &[Load]| {
        !question.grows(provider, loads) && question.look(provider, loads).fits
    };
    let found = [
        budget(provider, loads, &fits),
        intervals(provider, loads, &fits),
        spreads(provider, loads, &fits),
        backfill(question, provider, loads, &fits),
    ];
    found.into_iter().flatten().collect()
}

/// The least factor above 1 that will do, within a hundredth; none up to the farthest.
fn least(will_do: impl Fn(f64) -> bool) -> Option<f64> {
    let (mut low, mut high) = (1.0_f64, 2.0_f64);
    while !will_do(high) {
        (low, high) = (high, high * 2.0);
        if high > FARTHEST {
            return None;
        }
    }
    while high / low > NEAR {
        let middle = f64::midpoint(low, high);
        if will_do(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// A larger rate, a larger concurrency, larger quotas.
fn budget(
    provider: &Provider,
    loads: &[Load],
    fits: &impl Fn(&Provider, &[Load]) -> bool,
) -> Option<Proposal> {
    let mut wider = provider.clone();
    let (mut settings, name) = (Vec::new(), &provider.name);
    let without_quota =
        |provider: &Provider| Provider { calls_per_day: None, calls_per_month: None, ..provider.clone() };
    if let Some(speed) = provider.speed().filter(|_| !fits(&without_quota(provider), loads)) {
        let factor = least(|factor| fits(&without_quota(&faster(provider, speed * factor)), loads))?;
        let rate = rounded_up(speed * factor);
        wider = faster(provider, rate);
        if provider.rate_per_second.is_some_and(|old| old < rate) {
            settings.push(format!("providers.{name}.rate-per-second = {rate}"));
        }
        if let (Some(old), Some(new)) = (provider.at_once, wider.at_once)
            && new.concurrency > old.concurrency
        {
            settings.push(format!("providers.{name}.concurrency = {}", new.concurrency));
        }
    }
    for (key, of) in [
        ("calls-per-day", (|provider| &mut provider.calls_per_day) as fn(&mut Provider) -> &mut Option<u64>),
        ("calls-per-month", |provider| &mut provider.calls_per_month),
    ] {
        let Some(quota) = *of(&mut wider) else { continue };
        // The day is looked for as if there were no month: that comes next.
        let with = |quota: Option<u64>| {
            let mut with = wider.clone();
            if key == "calls-per-day" {
                with.calls_per_month = None;
            }
            *of(&mut with) = quota;
            with
        };
        if fits(&with(Some(quota)), loads) {
            continue;
        }
        let factor = least(|factor| fits(&with(Some(times(quota, factor))), loads))?;
        let larger = times(quota, factor);
        *of(&mut wider) = Some(larger);
        settings.push(format!("providers.{name}.{key} = {larger}"));
    }
    (!settings.is_empty() && fits(&wider, loads))
        .then(|| Proposal { what: format!("ask {name} for a larger budget"), settings })
}

/// The provider with a rate, and the concurrency that it takes.
fn faster(provider: &Provider, rate: f64) -> Provider {
    let mut faster = provider.clone();
    faster.rate_per_second = provider.rate_per_second.map(|old| old.max(rate));
    if let Some(at_once) = &mut faster.at_once {
        let needed = rate * at_once.latency.as_secs_f64() / f64::from(at_once.processes);
        let needed = u32::try_from(place((needed - 1e-9).ceil())).unwrap_or(u32::MAX);
        at_once.concurrency = at_once.concurrency.max(needed);
    }
    faster
}

/// Longer intervals: of the schedule that asks most, or else of all.
fn intervals(
    provider: &Provider,
    loads: &[Load],
    fits: &impl Fn(&Provider, &[Load]) -> bool,
) -> Option<Proposal> {
    let per_second = |load: &Load| {
        load.cadence.interval().map_or(0.0, |interval| number(load.monitors()) / interval.as_secs_f64())
    };
    let mut order: Vec<usize> = (0..loads.len()).collect();
    let asks = |index: &usize| loads.get(*index).map_or(0.0, per_second);
    order.retain(|index| asks(index) > 0.0);
    order.sort_by(|one, other| asks(other).total_cmp(&asks(one)));
    let all = order.clone();
    let tries = order.into_iter().map(|index| vec![index]).chain((all.len() > 1).then_some(all));
    for some in tries {
        let with = |factor: f64| -> Option<Vec<Load>> {
            let mut changed = loads.to_vec();
            for index in &some {
                let load = changed.get_mut(*index)?;
                let longer = whole(load.cadence.interval()?.mul_f64(factor));
                // A spread that is the interval stays so.
                let is_whole = load.cadence.interval() == Some(load.cadence.spread());
                let spread = (!is_whole).then(|| load.cadence.spread());
                load.cadence = Cadence::every(longer, spread).ok()?;
            }
            Some(changed)
        };
        let will_do = |factor: f64| with(factor).is_some_and(|loads| fits(provider, &loads));
        let Some(changed) = least(will_do).and_then(with) else { continue };
        let of = some.iter().filter_map(|index| changed.get(*index));
        let settings: Vec<String> = of
            .filter_map(|load| {
                let every = humantime::format_duration(load.cadence.interval()?).to_string().replace(' ', "");
                Some(format!("schedules.{}.every = \"{every}\"", load.schedule))
            })
            .collect();
        return Some(Proposal { what: "run less often".to_owned(), settings });
    }
    None
}

/// What falls due at one time, spread over more.
fn spreads(
    provider: &Provider,
    loads: &[Load],
    fits: &impl Fn(&Provider, &[Load]) -> bool,
) -> Option<Proposal> {
    const SHORTEST: Duration = Duration::from_mins(5);
    const LONGEST: Duration = Duration::from_hours(24);
    let longest = |load: &Load| load.cadence.interval().unwrap_or(LONGEST).min(LONGEST);
    let narrow = |load: &Load| load.cadence.spread() < longest(load);
    if !loads.iter().any(narrow) {
        return None;
    }
    let with = |least: Duration| -> Vec<Load> {
        let mut changed = loads.to_vec();
        for load in &mut changed {
            let wider = least.clamp(load.cadence.spread(), longest(load).max(load.cadence.spread()));
            if let Ok(cadence) = load.cadence.spread_over(wider) {
                load.cadence = cadence;
            }
        }
        changed
    };
    let wider = std::iter::successors(Some(SHORTEST), |last| Some(*last * 2));
    let wider = wider.take_while(|spread| *spread < LONGEST).chain([LONGEST]);
    let changed = wider.map(with).find(|loads| fits(provider, loads))?;
    let settings: Vec<String> = changed
        .iter()
        .zip(loads)
        .filter(|(new, old)| new.cadence != old.cadence)
        .map(|(new, _)| {
            let spread = humantime::format_duration(new.cadence.spread()).to_string().replace(' ', "");
            format!("schedules.{}.spread = \"{spread}\"", new.schedule)
        })
        .collect();
    Some(Proposal { what: "spread what falls due at one time".to_owned(), settings })
}

/// First runs more slowly, where what comes after them fits, and where they are all made within the plan: what is never
/// made fits, too.
fn backfill(
    question: &Question,
    provider: &Provider,
    loads: &[Load],
    fits: &impl Fn(&Provider, &[Load]) -> bool,
) -> Option<Proposal> {
    if !loads.iter().any(|load| load.new > 0) {
        return None;
    }
    let with = |factor: f64| -> Vec<Load> {
        let mut changed = loads.to_vec();
        for load in changed.iter_mut().filter(|load| load.new > 0) {
            load.backfill_per_second = rounded_down(load.backfill_per_second / factor);
        }
        changed
    };
    let factor = least(|factor| fits(provider, &with(factor)))?;
    let changed = with(factor);
    let horizon = number(u64::from(question.days)) * 86_400.0;
    if changed.iter().any(|load| number(load.new) > load.backfill_per_second * horizon) {
        return None;
    }
    let settings: Vec<String> = changed
        .iter()
        .filter(|load| load.new > 0)
        .map(|load| format!("schedules.{}.backfill-per-second = {}", load.schedule, load.backfill_per_second))
        .collect();
    Some(Proposal { what: "make the first runs of new schedules more slowly".to_owned(), settings })
}

/// Three digits, rounded up.
fn rounded_up(number: f64) -> f64 {
    let unit = 10_f64.powf(number.log10().floor() - 2.0);
    tidy((number / unit - 1e-9).ceil(), unit)
}

/// Three digits, rounded down.
fn rounded_down(number: f64) -> f64 {
    let unit = 10_f64.powf(number.log10().floor() - 2.0);
    tidy((number / unit + 1e-9).floor(), unit)
}

/// So many units, without the last digits that binary fractions leave.
fn tidy(count: f64, unit: f64) -> f64 {
    let product = count * unit;
    format!("{product:.6}").parse().unwrap_or(product)
}

/// A quota times a factor, rounded up to a whole call.
fn times(quota: u64, factor: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "far below 2^63, and above 0"
    )]
    let product = (number(quota) * factor).ceil() as u64;
    product
}

/// Rounded up to whole hours, or whole minutes below four hours.
fn whole(interval: Duration) -> Duration {
    let unit = if interval >= Duration::from_hours(4) { 3600 } else { 60 };
    let seconds = interval.as_secs() + u64::from(interval.subsec_nanos() > 0);
    Duration::from_secs(seconds.div_ceil(unit) * unit)
}

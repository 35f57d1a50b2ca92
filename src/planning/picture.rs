//! The forecast as a picture: load against capacity over time, a panel for each provider.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Timelike, Utc};

use super::{Forecast, Hour, ProviderForecast, numbers::of_place};

const WIDTH: f64 = 1080.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 74.0;
/// Of one panel: its title and legend, the load, a gap, what waits, the days.
const TITLE: f64 = 52.0;
const LOAD: f64 = 190.0;
const GAP: f64 = 26.0;
const WAITS: f64 = 64.0;
const DAYS: f64 = 50.0;
const PANEL: f64 = TITLE + LOAD + GAP + WAITS + DAYS;
/// The most bars of a panel.
const BARS: usize = 744;

const STYLE: &str = "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:12px;fill:#475569}\
.h{font-size:19px;font-weight:600;fill:#0f172a}.t{font-size:15px;font-weight:600;fill:#0f172a}.e{text-anchor:end}\
.m{text-anchor:middle}.ok{fill:#15803d}.bad{fill:#b91c1c}.g{stroke:#e2e8f0}.due{fill:#93c5fd}.done{fill:#1d4ed8}\
.cap{fill:none;stroke:#b91c1c;stroke-width:1.5}.wait{fill:#fdba74;stroke:#c2410c;stroke-width:1}";

/// An SVG document that needs nothing beside it.
pub fn picture(forecast: &Forecast) -> String {
    let height = TOP + PANEL * of_place(forecast.providers.len()) + 12.0;
    let mut svg = String::new();
    put(
        &mut svg,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\
         <title>Load against capacity</title><style>{STYLE}</style>\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>"
        ),
    );
    let (class, verdict) = if forecast.fits {
        ("ok", "everything is done in time")
    } else {
        ("bad", "not everything is done in time")
    };
    put(
        &mut svg,
        format_args!(
            "<text class=\"h\" x=\"{LEFT}\" y=\"32\">{} days from {} UTC</text><text class=\"t {class}\" x=\"{LEFT}\" y=\"54\">{verdict}</text>",
            forecast.days,
            forecast.from.format("%Y-%m-%d %H:%M"),
        ),
    );
    for (index, provider) in forecast.providers.iter().enumerate() {
        panel(&mut svg, provider, TOP + PANEL * of_place(index));
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, provider: &ProviderForecast, top: f64) {
    let bars = bars(&provider.hours);
    let width = (WIDTH - LEFT - RIGHT) / of_place(bars.len().max(1));
    let x = |index: usize| LEFT + width * of_place(index);
    let (class, verdict) = if provider.fits { ("ok", "fits") } else { ("bad", "does not fit") };
    let used = provider.utilisation.map_or_else(
        || "no limit configured".to_owned(),
        |used| format!("{} of the budget used", percent(used)),
    );
    put(
        svg,
        format_args!(
            "<text class=\"t\" x=\"{LEFT}\" y=\"{}\">{} <tspan class=\"{class}\">{verdict}</tspan></text>\
         <text x=\"{LEFT}\" y=\"{}\">{used}; peak {} runs due in the hour of {}</text>",
            top + 16.0,
            escaped(&provider.provider),
            top + 34.0,
            short(provider.peak.due),
            provider.peak.at.format("%Y-%m-%d %H:%M"),
        ),
    );
    legend(svg, top + 12.0, provider.utilisation.is_some());

    let base = top + TITLE + LOAD;
    let most =
        bars.iter().flat_map(|bar| [bar.due, bar.done, bar.capacity.unwrap_or(0.0)]).fold(1.0, f64::max);
    grid(svg, (top + TITLE, base), most, "runs an hour");
    let y = |count: f64| base - count / most * LOAD;
    for (class, of) in [("due", (|bar| bar.due) as fn(&Hour) -> f64), ("done", |bar| bar.done)] {
        // The one path of a kind: steps, closed along the bottom.
        let mut path = format!("M{LEFT:.1} {base:.1}");
        for (index, bar) in bars.iter().enumerate() {
            put(&mut path, format_args!("V{:.1}H{:.1}", y(of(bar)), x(index + 1)));
        }
        let opacity = if class == "due" { "" } else { " fill-opacity=\".75\"" };
        put(svg, format_args!("<path class=\"{class}\"{opacity} d=\"{path}V{base:.1}Z\"/>"));
    }
    if provider.utilisation.is_some() {
        let mut path = String::new();
        for (index, bar) in bars.iter().enumerate() {
            let at = y(bar.capacity.unwrap_or(0.0));
            put(
                &mut path,
                format_args!(
                    "{}{:.1} {at:.1}H{:.1}",
                    if index == 0 { "M" } else { "L" },
                    x(index),
                    x(index + 1)
                ),
            );
        }
        put(svg, format_args!("<path class=\"cap\" d=\"{path}\"/>"));
    }

    let (begin, end) = (base + GAP, base + GAP + WAITS);
    let most = bars.iter().map(|bar| bar.waiting).fold(1.0, f64::max);
    grid(svg, (begin, end), most, "waiting");
    let mut path = format!("M{LEFT:.1} {end:.1}");
    for (index, bar) in bars.iter().enumerate() {
        put(
            &mut path,
            format_args!("L{:.1} {:.1}", x(index) + width / 2.0, end - bar.waiting / most * WAITS),
        );
    }
    put(svg, format_args!("<path class=\"wait\" d=\"{path}L{:.1} {end:.1}Z\"/>", WIDTH - RIGHT));
    days(svg, &bars, x, (top + TITLE, end));
}

fn legend(svg: &mut String, y: f64, has_capacity: bool) {
    let mut x = WIDTH - RIGHT - 330.0;
    for (class, word, step) in [
        ("due", "due", 62.0),
        ("done", "done", 70.0),
        ("cap", "could be done", 118.0),
        ("wait", "waiting", 0.0),
    ] {
        if class == "cap" && !has_capacity {
            x += step;
            continue;
        }
        let mark = if class == "cap" {
            format!("<path class=\"cap\" d=\"M{x:.1} {:.1}h12\"/>", y - 1.0)
        } else {
            format!("<rect class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"12\" height=\"10\"/>", y - 6.0)
        };
        put(svg, format_args!("{mark}<text x=\"{:.1}\" y=\"{:.1}\">{word}</text>", x + 17.0, y + 3.0));
        x += step;
    }
}

/// Lines at round numbers, and what they count.
fn grid(svg: &mut String, (top, base): (f64, f64), most: f64, what: &str) {
    let lines = if base - top > 100.0 { 5.0 } else { 2.0 };
    let step = round_step(most / lines);
    let mut at = 0.0;
    while at <= most {
        let y = base - at / most * (base - top);
        put(
            svg,
            format_args!(
                "<path class=\"g\" d=\"M{LEFT} {y:.1}H{}\"/><text class=\"e\" x=\"{}\" y=\"{:.1}\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.0,
                short(at),
            ),
        );
        at += step;
    }
    let middle = f64::midpoint(top, base);
    put(
        svg,
        format_args!("<text class=\"m\" transform=\"translate(18 {middle:.1}) rotate(-90)\">{what}</text>"),
    );
}

/// A line and a date at midnights, as many as can be read.
fn days(svg: &mut String, bars: &[Hour], x: impl Fn(usize) -> f64, (top, base): (f64, f64)) {
    let midnights: Vec<(usize, &Hour)> =
        bars.iter().enumerate().filter(|(index, bar)| bar.at.hour() == 0 || *index == 0).collect();
    let every = midnights.len().div_ceil(12).max(1);
    let first = usize::from(bars.first().is_some_and(|bar| bar.at.hour() > 18) && midnights.len() > 1);
    for (index, bar) in midnights.iter().skip(first).step_by(every) {
        let at = x(*index);
        put(
            svg,
            format_args!(
                "<path class=\"g\" d=\"M{at:.1} {top:.1}V{base:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                at + 3.0,
                base + 16.0,
                bar.at.format("%b %-d"),
            ),
        );
    }
}

/// The hours, or so many of them together that the bars can be seen, as hours on average.
fn bars(hours: &[Hour]) -> Vec<Hour> {
    let together = hours.len().div_ceil(BARS).max(1);
    hours
        .chunks(together)
        .map(|some| {
            let count = of_place(some.len());
            let mean = |of: fn(&Hour) -> f64| some.iter().map(of).sum::<f64>() / count;
            let at = some
                .first()
                .map_or(DateTime::<Utc>::UNIX_EPOCH, |hour| nearest_midnight(hour.at, some.len()));
            Hour {
                at,
                due: mean(|hour| hour.due),
                done: mean(|hour| hour.done),
                capacity: some
                    .iter()
                    .all(|hour| hour.capacity.is_some())
                    .then(|| mean(|hour| hour.capacity.unwrap_or(0.0))),
                waiting: mean(|hour| hour.waiting),
                lateness: some.iter().map(|hour| hour.lateness).fold(0.0, f64::max),
            }
        })
        .collect()
}

/// A bar of several hours begins a day if midnight is in it.
fn nearest_midnight(at: DateTime<Utc>, hours: usize) -> DateTime<Utc> {
    let left = (24 - at.hour()) % 24;
    if (left as usize) < hours { at + TimeDelta::hours(i64::from(left)) } else { at }
}

/// 1, 2 or 5 times a power of ten, at least so much.
fn round_step(least: f64) -> f64 {
    let unit = 10_f64.powf(least.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * unit)
        .find(|step| *step >= least)
        .unwrap_or(unit * 10.0)
}

fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

/// A count, short: 950, 12.5k, 3M.
fn short(count: f64) -> String {
    let (scaled, unit) = match count {
        count if count >= 999_500.0 => (count / 1e6, "M"),
        count if count >= 9_995.0 => (count / 1e3, "k"),
        count => (count, ""),
    };
    let text =
        if scaled < 100.0 && !unit.is_empty() { format!("{scaled:.1}") } else { format!("{scaled:.0}") };
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    format!("{text}{unit}")
}

/// Text that XML takes as text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a text takes all");
}

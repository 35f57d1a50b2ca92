//! One provider, step by step: what falls due, what its budget lets through, what waits.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};

use super::{
    Hour, Load, Provider, ProviderForecast, Question, ScheduleForecast,
    cohorts::{Cohorts, NOTHING},
    numbers::number,
};

/// Makes the forecast of a provider with these schedules; without proposals.
pub(super) fn run(question: &Question, provider: &Provider, loads: &[Load]) -> ProviderForecast {
    let step = question.step(loads);
    let seconds = step.as_secs_f64();
    let until = question.until();
    let mut cohorts: Vec<Cohorts<'_>> =
        loads.iter().map(|load| Cohorts::new(load, question.from, until, seconds)).collect();
    let mut budget = Budget::new(provider, question.from);
    let mut hours: Vec<Hour> = Vec::new();
    let mut at = question.from;
    let mut begin = 0.0;
    while at < until {
        let end = begin + seconds;
        if at.minute() == 0 {
            let capacity = budget.speed.map(|_| 0.0);
            hours.push(Hour { at, due: 0.0, done: 0.0, capacity, waiting: 0.0, lateness: 0.0 });
        }
        let due: f64 = cohorts.iter_mut().map(|one| one.arrive(begin, end)).sum();
        let room = budget.open(at, seconds);
        let (done, late) = serve(&mut cohorts, begin, end, room, budget.speed);
        budget.close(done, seconds);
        if let Some(hour) = hours.last_mut() {
            hour.due += due;
            hour.done += done;
            hour.capacity = hour.capacity.map(|capacity| capacity + budget.could(room, seconds));
            hour.waiting = cohorts.iter().map(|one| one.waiting).sum();
            hour.lateness = cohorts.iter().map(|one| one.age(end)).fold(hour.lateness.max(late), f64::max);
        }
        at += TimeDelta::from_std(step).unwrap_or(TimeDelta::MAX);
        begin = end;
    }
    for one in &mut cohorts {
        one.end(begin);
    }
    let schedules: Vec<ScheduleForecast> = cohorts.iter().map(|one| schedule(one, seconds)).collect();
    let long_run = question.long_run(provider, loads);
    summary(provider, &budget, hours, schedules, long_run)
}

fn summary(
    provider: &Provider,
    budget: &Budget<'_>,
    hours: Vec<Hour>,
    schedules: Vec<ScheduleForecast>,
    long_run: Option<f64>,
) -> ProviderForecast {
    let sum = |of: fn(&Hour) -> f64| hours.iter().map(of).sum::<f64>();
    let could: f64 = hours.iter().filter_map(|hour| hour.capacity).sum();
    let done = sum(|hour| hour.done);
    let part = |used: f64, quota: Option<u64>| quota.map(|quota| used / number(quota).max(1.0));
    let peak = hours.iter().copied().reduce(|peak, hour| if hour.due > peak.due { hour } else { peak });
    ProviderForecast {
        provider: provider.name.clone(),
        fits: schedules.iter().all(|schedule| schedule.fits) && !super::is_too_much(long_run),
        long_run,
        due: sum(|hour| hour.due),
        done,
        waiting: hours.last().map_or(0.0, |hour| hour.waiting),
        utilisation: budget.speed.map(|_| if could > 0.0 { done / could } else { 1.0 }),
        peak: peak.unwrap_or(Hour {
            at: budget.now,
            due: 0.0,
            done: 0.0,
            capacity: None,
            waiting: 0.0,
            lateness: 0.0,
        }),
        day_quota: part(budget.fullest_day, provider.calls_per_day),
        month_quota: part(budget.fullest_month, provider.calls_per_month),
        hours,
        schedules,
        proposals: Vec::new(),
    }
}

/// A fit is judged with the tolerance of a step: times are known no better.
fn schedule(cohorts: &Cohorts<'_>, step: f64) -> ScheduleForecast {
    let load = cohorts.load;
    let largest = cohorts.lateness.largest();
    let in_time = largest <= load.allowed().as_secs_f64() + step;
    // Less than one in a million, or less than one, is the arithmetic's doing.
    let none_skipped = cohorts.skipped <= (cohorts.due * 1e-6).max(0.5);
    ScheduleForecast {
        schedule: load.schedule.clone(),
        cadence: load.cadence.clone(),
        monitors: load.monitors(),
        objective: load.objective.map(|objective| objective.as_secs_f64()),
        fits: in_time && none_skipped,
        due: cohorts.due,
        done: cohorts.done,
        skipped: cohorts.skipped,
        lateness_median: cohorts.lateness.quantile(0.5),
        lateness_99: cohorts.lateness.quantile(0.99),
        lateness_largest: largest,
    }
}

/// Serves what waits, the earliest deadline first. Returns how much, and the largest lateness of it.
fn serve(cohorts: &mut [Cohorts<'_>], begin: f64, end: f64, room: f64, speed: Option<f64>) -> (f64, f64) {
    let (mut done, mut late) = (0.0, 0.0_f64);
    while room - done > NOTHING {
        let fronts = cohorts.iter_mut().filter_map(|one| one.front().map(|front| (front, one)));
        let first = fronts.min_by(|(one, _), (other, _)| one.deadline.total_cmp(&other.deadline));
        let Some((front, of)) = first else { break };
        let count = front.count.min(room - done);
        done += count;
        // When the last of them is served.
        let at = speed.map_or(begin, |speed| (begin + done / speed).min(end));
        let lateness = (at - front.due).max(0.0);
        of.serve(count, lateness);
        late = late.max(lateness);
    }
    (done, late)
}

/// What a provider's budget lets through.
struct Budget<'a> {
    provider: &'a Provider,
    speed: Option<f64>,
    /// Calls saved up in a quiet time.
    saved: f64,
    now: DateTime<Utc>,
    today: f64,
    this_month: f64,
    fullest_day: f64,
    fullest_month: f64,
}

impl<'a> Budget<'a> {
    fn new(provider: &'a Provider, from: DateTime<Utc>) -> Self {
        let (today, this_month) = (number(provider.used.0), number(provider.used.1));
        Self {
            provider,
            speed: provider.speed(),
            saved: f64::from(provider.burst),
            now: from,
            today,
            this_month,
            fullest_day: today,
            fullest_month: this_month,
        }
    }

    /// How many calls may be made in the step that begins now.
    fn open(&mut self, now: DateTime<Utc>, step: f64) -> f64 {
        if now.date_naive() != self.now.date_naive() {
            self.today = 0.0;
        }
        if (now.year(), now.month()) != (self.now.year(), self.now.month()) {
            self.this_month = 0.0;
        }
        self.now = now;
        let rate = self.provider.rate_per_second.map_or(f64::INFINITY, |rate| rate * step + self.saved);
        let at_once = self.provider.at_once.map_or(f64::INFINITY, |at_once| at_once.per_second() * step);
        rate.min(at_once).min(self.left())
    }

    /// What the quotas leave.
    fn left(&self) -> f64 {
        let left = |quota: Option<u64>, used: f64| {
            quota.map_or(f64::INFINITY, |quota| (number(quota) - used).max(0.0))
        };
        left(self.provider.calls_per_day, self.today)
            .min(left(self.provider.calls_per_month, self.this_month))
    }

    /// So many were made.
    fn close(&mut self, done: f64, step: f64) {
        if let Some(rate) = self.provider.rate_per_second {
            self.saved = (self.saved + rate * step - done).clamp(0.0, f64::from(self.provider.burst));
        }
        self.today += done;
        self.this_month += done;
        self.fullest_day = self.fullest_day.max(self.today);
        self.fullest_month = self.fullest_month.max(self.this_month);
    }

    /// What a step is worth in the long run, of which there was room for so much.
    fn could(&self, room: f64, step: f64) -> f64 {
        self.speed.map_or(0.0, |speed| (speed * step).min(room))
    }
}

//! The UTC days and months that quotas are counted by.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};

use super::{FleetLimits, Told};

/// When there is quota again, if it is used up: the next UTC day, or the first of the next month.
pub(super) fn quota_until(told: &Told, limits: &FleetLimits) -> Option<DateTime<Utc>> {
    let today = told.now.date_naive();
    let is_used = |used: u64, quota: Option<u64>| quota.is_some_and(|quota| used >= quota);
    let month = is_used(told.used_this_month, limits.calls_per_month)
        .then(|| today.with_day(1)?.checked_add_months(Months::new(1)))
        .flatten()
        .map(midnight);
    let day = is_used(told.used_today, limits.calls_per_day).then(|| end_of_day(told.now));
    month.max(day)
}

/// The UTC midnight after `now`.
pub(super) fn end_of_day(now: DateTime<Utc>) -> DateTime<Utc> {
    midnight(now.date_naive().succ_opt().unwrap_or(NaiveDate::MAX))
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Limits, Terms},
        *,
    };

    #[test]
    fn a_used_up_quota_comes_back_with_the_utc_day_or_month() {
        let told = |now: &str, used_today, used_this_month| Told {
            now: now.parse().unwrap(),
            rest: None,
            breaker: None,
            used_today,
            used_this_month,
            limits: None,
        };
        let terms = Terms { calls_per_day: Some(10), calls_per_month: Some(100), ..Terms::default() };
        let limits = Limits { rate_per_second: None, burst: 1, concurrency: 1 };
        let limits = FleetLimits::own(1, limits, terms);
        let until = |told: &Told| quota_until(told, &limits).map(|until| until.to_rfc3339());
        assert_eq!(until(&told("2026-12-31T23:59:59Z", 9, 99)), None);
        assert_eq!(until(&told("2026-02-28T23:59:59Z", 10, 99)).unwrap(), "2026-03-01T00:00:00+00:00");
        assert_eq!(until(&told("2026-02-03T00:00:00Z", 10, 100)).unwrap(), "2026-03-01T00:00:00+00:00");
        assert_eq!(until(&told("2026-12-31T23:59:59Z", 0, 100)).unwrap(), "2027-01-01T00:00:00+00:00");
    }
}

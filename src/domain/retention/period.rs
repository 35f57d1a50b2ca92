//! How long something is kept: days, or months and years of the calendar.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::date::PartialDate;

/// The longest period, in years.
const LONGEST_YEARS: u32 = 100;

/// A time for which something is kept, of at least a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// So many times 24 hours.
    Days(u32),
    /// So many months of the calendar.
    Months(u32),
    /// So many years of the calendar.
    Years(u32),
}

/// Not a period that we accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("accepted is a whole number with d, mo or y, from 1d to 36500d, 1200mo or 100y")]
pub struct NotAPeriod;

impl Period {
    /// The end of a period that begins at `start`.
    ///
    /// A month that lacks the day ends the period with its own last day, never before that day is over. None beyond
    /// what a calendar holds.
    pub fn end(self, start: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let months = match self {
            Self::Days(days) => return start.checked_add_days(Days::new(u64::from(days))),
            Self::Months(months) => months,
            Self::Years(years) => years.checked_mul(12)?,
        };
        let end = start.checked_add_months(Months::new(months))?;
        if end.day() == start.day() {
            return Some(end);
        }
        Some(end.date_naive().succ_opt()?.and_time(NaiveTime::MIN).and_utc())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(days) => write!(f, "{days}d"),
            Self::Months(months) => write!(f, "{months}mo"),
            Self::Years(years) => write!(f, "{years}y"),
        }
    }
}

impl FromStr for Period {
    type Err = NotAPeriod;

    fn from_str(text: &str) -> Result<Self, NotAPeriod> {
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u32 = number.parse().map_err(|_| NotAPeriod)?;
        let (period, most) = match unit {
            "d" => (Self::Days(number), LONGEST_YEARS * 365),
            "mo" => (Self::Months(number), LONGEST_YEARS * 12),
            "y" => (Self::Years(number), LONGEST_YEARS),
            _ => return Err(NotAPeriod),
        };
        if (1..=most).contains(&number) { Ok(period) } else { Err(NotAPeriod) }
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The moment at which a date is over (UTC): of one without a day, its month or year.
pub fn over(date: PartialDate) -> Option<DateTime<Utc>> {
    let first = NaiveDate::from_ymd_opt(date.year(), date.month().unwrap_or(1), date.day().unwrap_or(1))?;
    let next = match (date.month(), date.day()) {
        (_, Some(_)) => first.succ_opt()?,
        (Some(_), None) => first.checked_add_months(Months::new(1))?,
        (None, None) => first.checked_add_months(Months::new(12))?,
    };
    Some(next.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(period: &str, start: &str) -> String {
        let period: Period = period.parse().unwrap();
        period.end(start.parse().unwrap()).unwrap().to_rfc3339()
    }

    #[test]
    fn months_and_years_are_the_calendars_and_never_end_before_their_last_day_is_over() {
        assert_eq!(end("30d", "2026-02-10T08:00:00Z"), "2026-03-12T08:00:00+00:00");
        assert_eq!(end("1mo", "2026-02-10T08:00:00Z"), "2026-03-10T08:00:00+00:00");
        assert_eq!(end("1mo", "2026-01-31T08:00:00Z"), "2026-03-01T00:00:00+00:00");
        assert_eq!(end("5y", "2024-02-29T08:00:00Z"), "2029-03-01T00:00:00+00:00");
        assert_eq!(end("4y", "2024-02-29T08:00:00Z"), "2028-02-29T08:00:00+00:00");
    }

    #[test]
    fn a_date_is_over_when_its_last_day_is() {
        let over = |text: &str| over(text.parse().unwrap()).unwrap().to_rfc3339();
        assert_eq!(over("2026-12-31"), "2027-01-01T00:00:00+00:00");
        assert_eq!(over("2026-12"), "2027-01-01T00:00:00+00:00");
        assert_eq!(over("2026"), "2027-01-01T00:00:00+00:00");
    }

    #[test]
    fn periods_are_written_as_they_are_read_and_others_are_refused() {
        for text in ["1d", "36500d", "18mo", "1200mo", "5y", "100y"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for text in
            ["", "0d", "36501d", "1201mo", "101y", "5", "5 y", "-1d", "1h", "1.5y", "d", "99999999999d"]
        {
            assert_eq!(text.parse::<Period>(), Err(NotAPeriod), "{text}");
        }
    }
}

//! Dates of birth as people and lists write them: whole, or only a year or a month of a year.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Deserializer, Serialize};

/// A time as RFC 3339 writes it, of the years 1 to 9999: what a database and every client can hold.
pub fn moment(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text.trim()).ok()?.to_utc();
    (1..=9999).contains(&at.year()).then_some(at)
}

/// Reads a [`moment`] that may be absent, or null.
pub fn read_moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let fault =
        || serde::de::Error::custom("must be a time as RFC 3339 writes it, such as 2026-03-04T05:06:07Z");
    moment(&text).map(Some).ok_or_else(fault)
}

/// A date of which the day, or the month and the day, may be unknown.
///
/// Written as ISO 8601: `1970`, `1970-05` or `1970-05-21`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartialDate {
    year: i32,
    month: Option<u32>,
    day: Option<u32>,
}

impl PartialDate {
    /// A year and nothing else.
    pub const fn of_year(year: i32) -> Self {
        Self { year, month: None, day: None }
    }

    /// A month of a year; none when there is no such month.
    pub fn of_month(year: i32, month: u32) -> Option<Self> {
        (1..=12).contains(&month).then_some(Self { year, month: Some(month), day: None })
    }

    /// A whole date; none when the calendar has no such day.
    pub fn of_day(year: i32, month: u32, day: u32) -> Option<Self> {
        NaiveDate::from_ymd_opt(year, month, day)?;
        Some(Self { year, month: Some(month), day: Some(day) })
    }

    /// The year.
    pub const fn year(self) -> i32 {
        self.year
    }

    /// The month, 1 to 12, when it is known.
    pub const fn month(self) -> Option<u32> {
        self.month
    }

    /// The day of the month, when it is known.
    pub const fn day(self) -> Option<u32> {
        self.day
    }
}

/// Not a date that we accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a date; accepted are YYYY-MM-DD, YYYY-MM and YYYY")]
pub struct NotADate;

impl FromStr for PartialDate {
    type Err = NotADate;

    fn from_str(text: &str) -> Result<Self, NotADate> {
        let mut parts = text.trim().split('-');
        let mut next = |length: usize| -> Result<Option<u32>, NotADate> {
            match parts.next() {
                None => Ok(None),
                Some(part) if part.len() == length && part.bytes().all(|b| b.is_ascii_digit()) => {
                    part.parse().map(Some).map_err(|_| NotADate)
                }
                Some(_) => Err(NotADate),
            }
        };
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        if parts.next().is_some() {
            return Err(NotADate);
        }
        let year = i32::try_from(year.ok_or(NotADate)?).map_err(|_| NotADate)?;
        match (month, day) {
            (None, _) => Ok(Self::of_year(year)),
            (Some(month), None) => Self::of_month(year, month).ok_or(NotADate),
            (Some(month), Some(day)) => Self::of_day(year, month, day).ok_or(NotADate),
        }
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        if let Some(month) = self.month {
            write!(f, "-{month:02}")?;
        }
        if let Some(day) = self.day {
            write!(f, "-{day:02}")?;
        }
        Ok(())
    }
}

/// A date of birth is personal, and this type carries them.
impl fmt::Debug for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[date]")
    }
}

impl Serialize for PartialDate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PartialDate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_a_database_cannot_hold_are_none() {
        assert_eq!(moment("2026-03-04T05:06:07+01:00").unwrap().to_rfc3339(), "2026-03-04T04:06:07+00:00");
        for text in
            ["-99999-01-01T00:00:00Z", "+260000-01-01T00:00:00Z", "0000-06-01T00:00:00Z", "2026-03-04", ""]
        {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn whole_and_partial_dates_round_trip() {
        for text in ["1970", "1970-05", "1970-05-21", "2000-02-29"] {
            assert_eq!(text.parse::<PartialDate>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn days_that_the_calendar_lacks_are_refused() {
        for text in ["", "70", "1970-13", "1970-02-30", "1970-2-3", "1970-05-21-1", "21.05.1970", "197x"] {
            assert_eq!(text.parse::<PartialDate>(), Err(NotADate), "{text}");
        }
    }
}

//! Days and lengths of time on the command line. What is refused is told with what is accepted, and an example.

use std::time::Duration;

use chrono::NaiveDate;

/// A day of the calendar.
pub(super) fn day(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| "accepted is a day of the calendar as YYYY-MM-DD, such as 2026-03-31".to_owned())
}

/// A length of time.
pub(super) fn length(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "accepted is a length of time in s, m, h, d or w, such as 90d or 1d12h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_day_and_no_length_is_refused_with_an_example() {
        for text in ["yesterday", "2026-13-40", "2026-02-30", ""] {
            assert!(day(text).unwrap_err().contains("such as 2026-03-31"), "{text}");
        }
        for text in ["yesterday", "90", "-1d", ""] {
            assert!(length(text).unwrap_err().contains("such as 90d"), "{text}");
        }
        assert_eq!(day("2026-03-31").ok(), NaiveDate::from_ymd_opt(2026, 3, 31));
        assert_eq!(length("90d"), Ok(Duration::from_hours(90 * 24)));
        assert_eq!(length("1d12h"), Ok(Duration::from_hours(36)));
    }
}

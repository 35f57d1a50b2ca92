//! How long a provider asks to be left alone: the `Retry-After` header in both its forms.
//!
//! The date form is counted from the answer's own `Date`, so that our host's clock decides nothing.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// The rest when a date is named and nothing says what the time is over there.
const WITHOUT_DATE: Duration = Duration::from_mins(1);

/// The longest rest that is believed: what asks for more (a time in milliseconds, say) is a mistake over
/// there, and shall not silence a provider for years. A month is the longest quota there is.
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// The rest that the headers ask for, at most 31 days; none when they do not say, or not in a known form.
pub(super) fn read(headers: &HeaderMap) -> Option<Duration> {
    Some(asked(headers)?.min(LONGEST))
}

fn asked(headers: &HeaderMap) -> Option<Duration> {
    let text = text(headers, RETRY_AFTER)?;
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // Digits that overflow are still a very long time.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let Some(now) = self::text(headers, DATE).and_then(|text| httpdate::parse_http_date(text).ok()) else {
        return Some(WITHOUT_DATE);
    };
    Some(until.duration_since(now).unwrap_or(Duration::ZERO))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(after: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        read(&headers)
    }

    #[test]
    fn seconds_are_read_and_at_most_a_month_is_believed() {
        assert_eq!(rest("120", None), Some(Duration::from_mins(2)));
        assert_eq!(rest("0", None), Some(Duration::ZERO));
        assert_eq!(rest("99999999999999999999999", None), Some(LONGEST));
    }

    #[test]
    fn a_date_counts_from_the_answers_own_date() {
        let date = Some("Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(rest("Wed, 21 Oct 2015 07:29:30 GMT", date), Some(Duration::from_secs(90)));
        assert_eq!(rest("Wed, 21 Oct 2015 07:00:00 GMT", date), Some(Duration::ZERO));
    }

    #[test]
    fn a_date_without_an_own_date_is_a_fixed_rest() {
        assert_eq!(rest("Wed, 21 Oct 2015 07:29:30 GMT", None), Some(WITHOUT_DATE));
        assert_eq!(rest("Wed, 21 Oct 2015 07:29:30 GMT", Some("today")), Some(WITHOUT_DATE));
    }

    #[test]
    fn what_is_neither_form_asks_for_nothing() {
        for text in ["", "-5", "1.5", "soon"] {
            assert_eq!(rest(text, None), None, "{text}");
        }
        assert_eq!(read(&HeaderMap::new()), None);
    }
}

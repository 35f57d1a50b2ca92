//! Dates of birth as publishers write them.

use crate::domain::date::PartialDate;

/// A range of more years says nothing about a birth.
const LONGEST_RANGE: i32 = 30;

/// What a text says of a date.
pub(in crate::screening) struct Dates {
    /// One date, or the years of a range.
    pub(in crate::screening) dates: Vec<PartialDate>,
    /// Whether it says "about".
    pub(in crate::screening) approximate: bool,
}

/// Reads `21 May 1970`, `May 1970`, `1970`, `1970-05-21`, `21/05/1970` and the like (day before month, as
/// all publishers write it; `00`, `dd` and `mm` stand for what is not known), each perhaps after `circa`, or a
/// range of any of them, which gives its years. None when it is none of these.
pub(in crate::screening) fn read(text: &str) -> Option<Dates> {
    let (text, approximate) = without_about(text);
    if let Some(date) = date(text) {
        return Some(Dates { dates: vec![date], approximate });
    }
    let (first, last) = range(text)?;
    let (first, in_first) = without_about(first);
    let (last, in_last) = without_about(last);
    let (first, last) = (date(first)?.year(), date(last)?.year());
    let fits = first <= last && last - first <= LONGEST_RANGE;
    let dates = (first..=last).map(PartialDate::of_year).collect();
    fits.then_some(Dates { dates, approximate: approximate || in_first || in_last })
}

fn range(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix("between ").or_else(|| text.strip_prefix("Between ")).unwrap_or(text);
    [" to ", " and ", " - ", "-", "\u{2013}", "/"].iter().find_map(|between| text.split_once(between))
}

fn without_about(text: &str) -> (&str, bool) {
    let mut text = text.trim().trim_end_matches('.');
    let before = text.len();
    for about in
        ["circa ", "Circa ", "c. ", "c.", "ca. ", "Approximately ", "approximately ", "about ", "around "]
    {
        text = text.strip_prefix(about).unwrap_or(text).trim_start();
    }
    (text, text.len() != before)
}

fn date(text: &str) -> Option<PartialDate> {
    let text = text.trim();
    // A time of day after the date says nothing.
    let text = text.split_once('T').map_or(text, |(date, time)| {
        if time.starts_with(|first: char| first.is_ascii_digit()) { date } else { text }
    });
    let parts: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || "-/.,".contains(c))
        .filter(|part| !part.is_empty())
        .collect();
    match parts.as_slice() {
        [year] => year_of(year).map(PartialDate::of_year),
        [first, second] => match (year_of(first), year_of(second)) {
            (None, Some(year)) => of_month(year, first),
            (Some(year), None) => of_month(year, second),
            (Some(_), Some(_)) | (None, None) => None,
        },
        [first, second, third] => match (year_of(first), year_of(third)) {
            (Some(year), None) => of_day(year, second, third),
            (None, Some(year)) => of_day(year, second, first).or_else(|| of_day(year, first, second)),
            (Some(_), Some(_)) | (None, None) => None,
        },
        _ => None,
    }
}

fn is_unknown(part: &str) -> bool {
    ["0", "00", "dd", "mm", "xx"].contains(&part.to_lowercase().as_str())
}

fn of_month(year: i32, month: &str) -> Option<PartialDate> {
    if is_unknown(month) {
        Some(PartialDate::of_year(year))
    } else {
        PartialDate::of_month(year, month_of(month)?)
    }
}

fn of_day(year: i32, month: &str, day: &str) -> Option<PartialDate> {
    if is_unknown(month) || is_unknown(day) {
        return of_month(year, month);
    }
    PartialDate::of_day(year, month_of(month)?, day.trim_end_matches(char::is_alphabetic).parse().ok()?)
}

fn year_of(part: &str) -> Option<i32> {
    let year: i32 =
        part.parse().ok().filter(|_| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit()))?;
    (1000..=2999).contains(&year).then_some(year)
}

/// The number of a month that is written as a number, a name or the first letters of one.
fn month_of(part: &str) -> Option<u32> {
    if part.bytes().all(|byte| byte.is_ascii_digit()) {
        return part.parse().ok();
    }
    let months = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let part = part.to_lowercase();
    let is =
        |month: &&str| part.len() >= 3 && month.starts_with(&part) || part == "sept" && *month == "september";
    (1..).zip(months).find(|(_, month)| is(month)).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(text: &str) -> (Vec<String>, bool) {
        read(text).map_or_else(
            || (Vec::new(), false),
            |read| (read.dates.iter().map(ToString::to_string).collect(), read.approximate),
        )
    }

    fn one(date: &str) -> (Vec<String>, bool) {
        (vec![date.to_owned()], false)
    }

    #[test]
    fn dates_are_read_as_publishers_write_them() {
        for text in
            ["21 May 1970", "1970-05-21", "21/05/1970", "1970-05-21T00:00:00", "May 21, 1970", "21.05.1970"]
        {
            assert_eq!(read_as(text), one("1970-05-21"), "{text}");
        }
        for text in ["May 1970", "1970-05", "00/05/1970", "dd/05/1970"] {
            assert_eq!(read_as(text), one("1970-05"), "{text}");
        }
        for text in ["1970", "dd/mm/1970", "00/00/1970"] {
            assert_eq!(read_as(text), one("1970"), "{text}");
        }
        assert_eq!(read_as("Sept 1970"), one("1970-09"));
    }

    #[test]
    fn what_is_about_a_date_is_told_apart() {
        assert_eq!(read_as("circa 1971"), (vec!["1971".to_owned()], true));
        assert_eq!(read_as("c.1971"), (vec!["1971".to_owned()], true));
    }

    #[test]
    fn a_range_is_its_years() {
        assert_eq!(read_as("1960 to 1962").0, ["1960", "1961", "1962"]);
        assert_eq!(read_as("01 Jan 1963 to 31 Dec 1964").0, ["1963", "1964"]);
        assert_eq!(read_as("circa 1979-1982").0.len(), 4);
        assert!(read_as("circa 1979-1982").1);
        assert_eq!(read_as("between 1979 and 1980").0, ["1979", "1980"]);
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in
            ["", "unknown", "31 Feb 1970", "70", "1970-13-01", "1900 to 1999", "1 2 3 4", "13/14/1970"]
        {
            assert!(read(text).is_none(), "{text}");
        }
    }
}

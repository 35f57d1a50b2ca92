//! Dates: whole ones agree, and slips of reading and typing agree in part.

use chrono::NaiveDate;

use super::{Outcome, Reason};
use crate::domain::date::PartialDate;

pub(super) fn compare(one: &str, other: &str) -> Outcome {
    let (Some(one), Some(other)) = (read(one), read(other)) else { return Outcome::none(Reason::NotADate) };
    let (Some(first), Some(second)) = (whole(one), whole(other)) else { return less_precise(one, other) };
    if first == second {
        return Outcome::full(Reason::Same);
    }
    let swapped = (one.year(), one.month(), one.day()) == (other.year(), other.day(), other.month());
    if swapped {
        Outcome::partial(Reason::DayAndMonthSwapped)
    } else if (first - second).num_days().abs() == 1 {
        Outcome::partial(Reason::DayOff)
    } else if is_one_digit(&one.to_string(), &other.to_string()) {
        Outcome::partial(Reason::OneDigitWrong)
    } else {
        Outcome::none(Reason::DateDiffers)
    }
}

/// A date, also where a time of day follows it.
fn read(text: &str) -> Option<PartialDate> {
    text.split('T').next()?.parse().ok()
}

fn whole(date: PartialDate) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(date.year(), date.month()?, date.day()?)
}

/// Where a side does not know the day: what both know must agree, and never makes a whole date.
fn less_precise(one: PartialDate, other: PartialDate) -> Outcome {
    let months_agree = match (one.month(), other.month()) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    if one.year() == other.year() && months_agree {
        Outcome::partial(Reason::LessPrecise)
    } else {
        Outcome::none(Reason::DateDiffers)
    }
}

fn is_one_digit(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one.bytes().zip(other.bytes()).filter(|(one, other)| one != other).count() == 1
}

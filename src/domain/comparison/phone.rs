//! Telephone numbers, in E.164.

use super::{Outcome, Reason};
use crate::names::phone::Phone;

/// The fewest last digits that make two numbers one where a country code is missing.
const LAST_DIGITS: usize = 7;

/// Compares two numbers, each with the country whose customs it follows.
pub(super) fn compare(one: (&str, Option<&str>), other: (&str, Option<&str>)) -> Outcome {
    let (Some(one), Some(other)) = (Phone::read(one.0, one.1), Phone::read(other.0, other.1)) else {
        return Outcome::none(Reason::NotAPhoneNumber);
    };
    if one.is_international == other.is_international && one.digits == other.digits {
        return match (&one.extension, &other.extension) {
            (one, other) if one == other => Outcome::full(Reason::Same),
            _ => Outcome::partial(Reason::ExtensionDiffers),
        };
    }
    if one.is_international && other.is_international {
        return Outcome::none(Reason::NumberDiffers);
    }
    let (short, long) = if one.digits.len() <= other.digits.len() { (&one, &other) } else { (&other, &one) };
    // At home the number may begin with a zero that goes when the country code comes.
    let tail = if short.is_international { &short.digits } else { short.digits.trim_start_matches('0') };
    if tail.len() >= LAST_DIGITS && long.digits.ends_with(tail) {
        Outcome::partial(Reason::CountryCodeLeftOut)
    } else {
        Outcome::none(Reason::NumberDiffers)
    }
}

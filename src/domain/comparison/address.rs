//! Addresses: street and house must agree, and the place by its city or its postal code.

use super::{Outcome, Reason};
use crate::names::{
    address::Address,
    similarity::{Spelling, similarity},
};

/// How alike two names of streets or cities must be spelled to be a slip of each other.
const ALIKE: f64 = 0.82;

pub(super) fn compare(one: &Address, other: &Address) -> Outcome {
    // The worst that is found decides; what one side does not know contradicts nothing.
    let mut partial = None;
    let mut note = |reason| partial = partial.or(Some(reason));
    if differ(&one.country, &other.country) {
        return Outcome::none(Reason::CountryDiffers);
    }
    let postal = postal_codes(one, other);
    let city = same_text(&one.city, &other.city);
    match (city, postal) {
        (Some(false), Some(false) | None) | (None, Some(false)) => {
            return Outcome::none(Reason::PlaceDiffers);
        }
        (Some(false), Some(true)) => note(Reason::CityDiffers),
        (Some(true), Some(false)) => note(Reason::PostalCodeDiffers),
        (Some(true) | None, Some(true) | None) => {}
    }
    if differ(&one.subdivision, &other.subdivision) {
        note(Reason::SubdivisionDiffers);
    }
    match streets(one, other) {
        Ok(None) => {}
        Ok(Some(reason)) => note(reason),
        Err(reason) => return Outcome::none(reason),
    }
    if one.unit != other.unit {
        note(if one.unit.is_empty() || other.unit.is_empty() {
            Reason::UnitLeftOut
        } else {
            Reason::UnitDiffers
        });
    }
    let is_placed = city == Some(true) || postal == Some(true);
    match partial {
        Some(reason) => Outcome::partial(reason),
        // Where neither side knows the place, the streets are the whole of the address.
        None if !(is_placed || is_nowhere(one) && is_nowhere(other)) => {
            Outcome::partial(Reason::PlaceLeftOut)
        }
        None => Outcome::full(Reason::Same),
    }
}

const fn is_nowhere(address: &Address) -> bool {
    address.city.is_empty() && address.postal_code.is_empty()
}

/// What differs in part, or for good, about street and house.
fn streets(one: &Address, other: &Address) -> Result<Option<Reason>, Reason> {
    let (bare, other_bare) =
        (one.street.is_empty() && one.house.is_empty(), other.street.is_empty() && other.house.is_empty());
    if bare && other_bare {
        return Ok(None);
    }
    if bare || other_bare {
        return Ok(Some(Reason::StreetLeftOut));
    }
    if one.house != other.house {
        if !one.house.is_empty() && !other.house.is_empty() {
            return Err(Reason::HouseNumberDiffers);
        }
        return if same_street(one, other) {
            Ok(Some(Reason::HouseNumberLeftOut))
        } else {
            Err(Reason::StreetDiffers)
        };
    }
    if one.street == other.street {
        // `Park Road` and `Park Avenue` are two streets.
        return match (one.sort, other.sort) {
            (Some(one), Some(other)) if one != other => Err(Reason::StreetDiffers),
            _ => Ok(None),
        };
    }
    if same_street(one, other) { Ok(Some(Reason::StreetAlike)) } else { Err(Reason::StreetDiffers) }
}

/// Whether the names of the streets are the same but for slips.
fn same_street(one: &Address, other: &Address) -> bool {
    one.street == other.street || alike(&one.street.concat(), &other.street.concat())
}

fn alike(one: &str, other: &str) -> bool {
    let spelling = |text: &str| Spelling::new(&text.chars().collect::<Vec<_>>());
    similarity(&spelling(one), &spelling(other)) >= ALIKE
}

/// Whether the codes agree; none where a side has none. The nine digits of an American code begin with the five.
fn postal_codes(one: &Address, other: &Address) -> Option<bool> {
    let (one, other) = (one.postal_code.as_str(), other.postal_code.as_str());
    if one.is_empty() || other.is_empty() {
        return None;
    }
    let nine_and_five =
        |long: &str, short: &str| long.len() == 9 && short.len() == 5 && long.starts_with(short);
    Some(one == other || nine_and_five(one, other) || nine_and_five(other, one))
}

fn same_text(one: &str, other: &str) -> Option<bool> {
    (!one.is_empty() && !other.is_empty()).then(|| one == other || alike(one, other))
}

fn differ(one: &str, other: &str) -> bool {
    !one.is_empty() && !other.is_empty() && one != other
}

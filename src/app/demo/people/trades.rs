//! Invented businesses.

use std::collections::HashSet;

use rand::{Rng, RngExt, seq::IndexedRandom};
use serde_json::Map;

use super::{
    Draft, cultures, day_between, first_not_taken,
    trade_tables::{TRADES, Trade},
};

/// A business whose name nobody in `taken` has.
pub(super) fn invent(rng: &mut impl Rng, taken: &mut HashSet<String>) -> Draft {
    let (trade, country, name) = first_not_taken(taken, || try_one(rng), |(_, _, name)| name);
    let incorporated = incorporated(rng);
    account(rng, &name, country, incorporated, trade.number)
}

/// A day on which a business was founded.
pub(super) fn incorporated(rng: &mut impl Rng) -> String {
    day_between(rng, (1965, 1, 1), (2023, 12, 31))
}

/// A business of that name; its number has the pattern's shape, where `#` stands for a digit.
pub(super) fn account(
    rng: &mut impl Rng,
    name: &str,
    country: &str,
    incorporated: String,
    number_pattern: &str,
) -> Draft {
    let mut fields = Map::new();
    fields.insert("business_name".to_owned(), name.into());
    fields.insert("country_code".to_owned(), country.into());
    fields.insert("incorporation_date".to_owned(), incorporated.into());
    fields.insert("registration_number".to_owned(), number(rng, number_pattern).into());
    Draft { account_type: "business", fields, planted: None }
}

fn try_one(rng: &mut impl Rng) -> (&'static Trade, &'static str, String) {
    let trade = TRADES.choose_weighted(rng, |trade| trade.weight).expect("the weights are above zero");
    let (country, form) = *trade.forms.choose(rng).expect("no table is empty");
    let word = format!("{}{}", pick(rng, trade.starts), pick(rng, trade.ends));
    let name = form.replace("{name}", &word).replace("{sector}", &pick(rng, trade.sectors));
    (trade, country, name)
}

/// A word of the table.
fn pick(rng: &mut impl Rng, table: &'static str) -> String {
    let words = cultures::words(table);
    cultures::spellings(words.choose(rng).expect("no table is empty")).0
}

/// A number of the pattern's shape; its first digit is not a zero.
fn number(rng: &mut impl Rng, pattern: &str) -> String {
    let mut least = 1;
    let digit = |mark: char| {
        if mark == '#' {
            let digit = rng.random_range(least..=9);
            least = 0;
            char::from_digit(digit, 10).expect("it is at most 9")
        } else {
            mark
        }
    };
    pattern.chars().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};

    use super::*;

    #[test]
    fn every_form_names_the_business_and_leaves_no_mark_of_the_pattern() {
        let (mut rng, mut taken) = (Xoshiro256PlusPlus::seed_from_u64(1), HashSet::new());
        for trade in TRADES {
            assert!(trade.forms.iter().all(|(country, form)| country.len() == 2 && form.contains("{name}")));
        }
        for _ in 0..2_000 {
            let fields = invent(&mut rng, &mut taken).fields;
            let told = |field: &str| fields[field].as_str().unwrap().to_owned();
            assert!(
                !told("business_name").contains(['{', '}']) && !told("registration_number").contains('#')
            );
        }
    }

    #[test]
    fn a_number_has_the_shape_of_the_pattern_and_starts_with_no_zero() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for _ in 0..100 {
            let number = number(&mut rng, "HRB ###-#");
            let digits: Vec<_> = number.strip_prefix("HRB ").unwrap().chars().collect();
            assert!(digits.len() == 5 && digits[3] == '-' && ('1'..='9').contains(&digits[0]), "{number}");
        }
    }
}

//! The facts inside the remarks of the US Treasury's list.
//!
//! Remarks are sentences parted by semicolons: `DOB 21 May 1970; alt. DOB circa 1971; nationality
//! Iran; a.k.a. 'ABU X'; Linked To: …`. What is understood here are dates, countries and the weak
//! aliases, which stand nowhere else.

use crate::domain::date::PartialDate;

use super::countries;

/// What one entity's remarks say.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) birth_dates: Vec<PartialDate>,
    pub(super) countries: Vec<String>,
    pub(super) weak_names: Vec<String>,
    pub(super) unknown_dates: usize,
    pub(super) unknown_countries: usize,
}

/// A range of more years says nothing about a birth.
const LONGEST_RANGE: i32 = 30;

/// Reads `remarks`; what is neither a date, a country nor an alias is left to the reader.
pub(super) fn read(remarks: &str) -> Facts {
    let mut facts = Facts::default();
    for clause in remarks.split(';') {
        let clause = clause.trim().trim_end_matches('.').trim_end();
        let clause = clause.strip_prefix("alt. ").or_else(|| clause.strip_prefix("Alt. ")).unwrap_or(clause);
        if let Some(date) =
            clause.strip_prefix("DOB ").or_else(|| clause.strip_prefix("Organization Established Date "))
        {
            match dates(date) {
                Some(dates) => facts.birth_dates.extend(dates),
                None => facts.unknown_dates += 1,
            }
        } else if let Some(country) =
            clause.strip_prefix("nationality ").or_else(|| clause.strip_prefix("citizen "))
        {
            let country = country.trim();
            match countries::code(country.strip_prefix("possibly ").unwrap_or(country)) {
                Some(code) => facts.countries.push(code.to_owned()),
                None => facts.unknown_countries += 1,
            }
        } else {
            facts.weak_names.extend(quoted_alias(clause));
        }
    }
    facts
}

/// The alias in `a.k.a. 'ABU X'`, or in the same with `f.k.a.` or `n.k.a.`.
fn quoted_alias(clause: &str) -> Option<String> {
    let rest = ["a.k.a. ", "f.k.a. ", "n.k.a. "].iter().find_map(|lead| clause.strip_prefix(lead))?;
    // A name may hold an apostrophe itself: the last one closes.
    let alias = rest.strip_prefix('\'')?.rsplit_once('\'')?.0.trim();
    (!alias.is_empty()).then(|| alias.to_owned())
}

/// `21 May 1970`, `May 1970`, `1970`, each perhaps after `circa`, or a range of any of them, which
/// gives its years.
fn dates(text: &str) -> Option<Vec<PartialDate>> {
    let text = text.trim();
    let text = text.strip_prefix("circa ").or_else(|| text.strip_prefix("c. ")).unwrap_or(text);
    let range = text.split_once(" to ").or_else(|| text.split_once('-'));
    if let Some((first, last)) = range {
        let (first, last) = (date(first)?.year(), date(last)?.year());
        let years = first..=last;
        return (first <= last && last - first <= LONGEST_RANGE)
            .then(|| years.map(PartialDate::of_year).collect());
    }
    date(text).map(|date| vec![date])
}

fn date(text: &str) -> Option<PartialDate> {
    let text = text.trim();
    let mut words = text.strip_prefix("circa ").unwrap_or(text).split_whitespace().rev();
    let year = words.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let date = match (words.next(), words.next()) {
        (None, _) => PartialDate::of_year(year),
        (Some(name), None) => PartialDate::of_month(year, month(name)?)?,
        (Some(name), Some(day)) => PartialDate::of_day(year, month(name)?, day.parse().ok()?)?,
    };
    words.next().is_none().then_some(date)
}

fn month(name: &str) -> Option<u32> {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    (1..).zip(months).find(|(_, month)| name.starts_with(month)).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn birth_dates(remarks: &str) -> Vec<String> {
        read(remarks).birth_dates.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn dates_are_read_in_every_form_that_the_list_uses() {
        assert_eq!(birth_dates("DOB 21 May 1970; alt. DOB circa 1971."), ["1970-05-21", "1971"]);
        assert_eq!(birth_dates("DOB Aug 1962; DOB 1960 to 1962"), ["1962-08", "1960", "1961", "1962"]);
        assert_eq!(birth_dates("DOB 01 Jan 1963 to 31 Dec 1964"), ["1963", "1964"]);
        assert_eq!(birth_dates("DOB circa 1979-1982").len(), 4);
    }

    #[test]
    fn dates_that_are_not_understood_are_counted() {
        let facts = read("DOB 31 Feb 1970; DOB unknown; nationality Atlantis");
        assert_eq!((facts.unknown_dates, facts.unknown_countries), (2, 1));
        assert!(facts.birth_dates.is_empty());
    }

    #[test]
    fn countries_and_weak_aliases_are_read() {
        let facts = read(
            "nationality Iran; alt. nationality Iraq; citizen possibly Palestinian; a.k.a. 'AL-QA'IM'; Linked To: X.",
        );
        assert_eq!(facts.countries, ["IR", "IQ", "PS"]);
        assert_eq!(facts.weak_names, ["AL-QA'IM"]);
    }
}

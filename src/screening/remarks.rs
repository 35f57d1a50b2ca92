//! The facts inside the remarks of the US Treasury's list.
//!
//! Remarks are sentences parted by semicolons: `DOB 21 May 1970; alt. DOB circa 1971; nationality
//! Iran; Passport A123 (Iran); a.k.a. 'ABU X'; Linked To: …`. What is understood here are dates, countries,
//! gender, documents and the weak aliases, which stand nowhere else.

use crate::domain::date::PartialDate;

use super::countries;
use super::list::{Document, Gender};
use super::parse::dates;

/// What one entity's remarks say.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) birth_dates: Vec<PartialDate>,
    pub(super) approximate_dates: Vec<PartialDate>,
    pub(super) gender: Option<Gender>,
    pub(super) documents: Vec<Document>,
    pub(super) countries: Vec<String>,
    pub(super) weak_names: Vec<String>,
    pub(super) unknown_dates: usize,
    pub(super) unknown_countries: usize,
    pub(super) unknown_genders: usize,
}

/// How clauses begin that give a number.
#[rustfmt::skip]
const NUMBERED: &[&str] = &[
    "Aircraft Construction Number", "Aircraft Manufacturer's Serial Number", "Aircraft Tail Number",
    "Birth Certificate Number", "Business Registration", "C.R. No.", "C.U.I.T.", "C.U.R.P.", "Cedula No.",
    "Cedula de Extranjeria", "Chamber of Commerce Number", "Chinese Commercial Code",
    "Commercial Registry Number", "Company Number", "Credit Information Number", "D-U-N-S Number", "D.N.I.",
    "Digital Currency Address", "Driver's License", "Electoral Registry No.", "Enterprise Number",
    "File Number", "Fiscal Code", "Folio Mercantil No.", "Government Gazette Number", "I.F.E.",
    "Identification Number", "Immigration No.", "Italian Fiscal Code", "Kenyan ID No.", "Legal Entity Number",
    "License", "LE Number", "MMSI", "Matricula Mercantil No", "Military Registration Number", "N.I.E.", "NIT",
    "National Foreign ID Number", "National ID No.", "Paraguayan tax identification number", "Passport",
    "Permit Number", "Personal ID Card", "Public Registration Number", "Public Security and Immigration No.",
    "R.F.C.", "RIF", "RSIN", "RTN", "RUC", "RUN", "Refugee ID Card", "Registered Charity No.",
    "Registration ID", "Registration Number", "Residency Number", "Romanian", "SRE Permit No.", "SSN",
    "SWIFT/BIC", "Serial No.", "Stateless Person ID Card", "Tax ID No.", "Tarjeta de Identidad",
    "Trade License No.", "Tourism License No.", "Travel Document Number", "UAE Identification",
    "UK Company Number", "US FEIN", "USCC", "Unified Social Credit Code", "V.A.T. Number", "VisaNumberID",
    "Vessel Registration Identification", "Voter Identification No.",
];

/// Reads `remarks`; what is none of those facts is left to the reader.
pub(super) fn read(remarks: &str) -> Facts {
    let mut facts = Facts::default();
    for clause in remarks.split(';') {
        let clause = clause.trim().trim_end_matches('.').trim_end();
        let clause = clause.strip_prefix("alt. ").or_else(|| clause.strip_prefix("Alt. ")).unwrap_or(clause);
        if let Some(date) =
            clause.strip_prefix("DOB ").or_else(|| clause.strip_prefix("Organization Established Date "))
        {
            match dates::read(date) {
                Some(dates) => {
                    if dates.approximate {
                        facts.approximate_dates.extend(&dates.dates);
                    }
                    facts.birth_dates.extend(dates.dates);
                }
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
        } else if let Some(gender) = clause.strip_prefix("Gender ") {
            match Gender::from_word(gender) {
                Some(gender) => facts.gender = Some(gender),
                None => facts.unknown_genders += 1,
            }
        } else if let Some(document) = document(clause) {
            facts.documents.push(document);
        } else {
            facts.weak_names.extend(quoted_alias(clause));
        }
    }
    facts
}

/// Short words that say what a number is; others, such as `HRB`, are its first part.
const SORTS: [&str; 12] = ["ID", "IMO", "NIT", "RIF", "RFC", "SSN", "VAT", "INN", "KPP", "DNI", "JMB", "UNP"];

/// The document in `Passport A 123 (Iran) issued 18 Jan 1984`: what it is, its number from the first word with a digit on
/// with the letters of a series before it, and who issued it.
fn document(clause: &str) -> Option<Document> {
    NUMBERED.iter().find(|kind| clause.starts_with(**kind))?;
    let ends = [" issued ", " expires "].iter().filter_map(|word| clause.find(word)).min();
    let clause = clause.get(..ends.unwrap_or(clause.len()))?;
    let (clause, country) = match clause.rsplit_once(" (") {
        Some((rest, country)) if countries::code(country.trim_end_matches(')')).is_some() => {
            (rest, countries::code(country.trim_end_matches(')')))
        }
        _ => (clause, None),
    };
    let has_digit = |word: &&str| word.contains(|c: char| c.is_ascii_digit());
    let words: Vec<&str> = clause.split(' ').collect();
    let mut place = words.iter().position(has_digit)?;
    let is_series = |word: &&str| {
        word.len() <= 3 && word.chars().all(|letter| letter.is_ascii_uppercase()) && !SORTS.contains(word)
    };
    // `Digital Currency Address - XBT 12Q…`: what follows a dash is the sort.
    let is_sort = |place: usize| place > 1 && words.get(place - 2) == Some(&"-");
    while place > 1 && words.get(place - 1).is_some_and(is_series) && !is_sort(place) {
        place -= 1;
    }
    let (kind, number) = words.split_at_checked(place)?;
    let kind = kind.join(" ").trim_end_matches([' ', '-']).to_owned();
    (!kind.is_empty()).then(|| Document {
        kind,
        number: number.join(" "),
        country: country.map(str::to_owned),
    })
}

/// The alias in `a.k.a. 'ABU X'`, or in the same with `f.k.a.` or `n.k.a.`.
fn quoted_alias(clause: &str) -> Option<String> {
    let rest = ["a.k.a. ", "f.k.a. ", "n.k.a. "].iter().find_map(|lead| clause.strip_prefix(lead))?;
    // A name may hold an apostrophe itself: the last one closes.
    let alias = rest.strip_prefix('\'')?.rsplit_once('\'')?.0.trim();
    (!alias.is_empty()).then(|| alias.to_owned())
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
    fn gender_and_documents_are_read() {
        let facts = read(
            "Gender Female; Passport A 123 (Iran); Passport 484824 (Egypt) issued 18 Jan 1984; alt. National ID No. 041-02; Vessel Registration Identification IMO 9187629; Passport (Iran); Website x1.example; National ID No. JMB 0811976181415 (Bosnia and Herzegovina); Digital Currency Address - XBT 12QtD5",
        );
        assert_eq!(facts.gender, Some(Gender::Female));
        let told: Vec<_> = facts
            .documents
            .iter()
            .map(|one| (one.kind.as_str(), one.number.as_str(), one.country.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("Passport", "A 123", Some("IR")),
                ("Passport", "484824", Some("EG")),
                ("National ID No.", "041-02", None),
                ("Vessel Registration Identification IMO", "9187629", None),
                ("National ID No. JMB", "0811976181415", Some("BA")),
                ("Digital Currency Address - XBT", "12QtD5", None),
            ]
        );
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

//! Documents and registrations that have a number, and when two of them are the same.

use serde::{Deserialize, Serialize};

/// What sort of number it is, whatever it is called: two numbers are compared within one sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentKind {
    /// A passport or another document for travelling.
    Passport,
    /// A card or number by which a state knows a person.
    NationalId,
    /// A number of a tax office.
    TaxId,
    /// A driver's licence.
    DriversLicense,
    /// A number in a register of companies, or of legal entities.
    Registration,
    /// The number of a ship with the International Maritime Organization.
    Imo,
}

impl DocumentKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Passport, Self::NationalId, Self::TaxId, Self::DriversLicense, Self::Registration, Self::Imo];

    /// Its word in the configuration and the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passport => "passport",
            Self::NationalId => "national-id",
            Self::TaxId => "tax-id",
            Self::DriversLicense => "drivers-license",
            Self::Registration => "registration",
            Self::Imo => "imo",
        }
    }

    /// Whether who has one keeps it: another number is another bearer's. Passports and licences are renewed.
    pub const fn is_for_life(self) -> bool {
        match self {
            Self::NationalId | Self::TaxId | Self::Registration | Self::Imo => true,
            Self::Passport | Self::DriversLicense => false,
        }
    }

    /// Whether the number, given by one state or by all, tells its bearer under any name: people marry and ships are
    /// renamed. Registers and tax offices number within districts, and theirs are given by whoever fills in a form.
    pub const fn tells_its_bearer(self) -> bool {
        match self {
            Self::Passport | Self::NationalId | Self::Imo => true,
            Self::TaxId | Self::DriversLicense | Self::Registration => false,
        }
    }

    /// The sort that is meant by what a list, a person or a program calls it; none where that does not say.
    pub fn of_words(words: &str) -> Option<Self> {
        let words = words.to_lowercase();
        let has = |one: &str| words.contains(one);
        let is_word = |one: &str| words.split(|c: char| !c.is_alphanumeric()).any(|word| word == one);
        Some(
            if ["passport", "passeport", "pasaporte"].iter().any(|one| has(one))
                || has("travel doc")
                || is_word("pp")
            {
                Self::Passport
            } else if is_word("imo") {
                Self::Imo
            } else if ["tax", "fiscal", "v.a.t", "r.f.c", "c.u.i.t", "social security"]
                .iter()
                .any(|one| has(one))
                || ["ssn", "vat", "inn", "nit", "rfc", "cuit", "tin", "fein"].iter().any(|one| is_word(one))
            {
                Self::TaxId
            } else if has("driver") || has("driving") || is_word("dl") {
                Self::DriversLicense
            } else if [
                "regist",
                "company",
                "incorporation",
                "legal entity",
                "mercantil",
                "uscc",
                "unified social credit",
            ]
            .iter()
            .any(|one| has(one))
                || ["lei", "ogrn", "ruc"].iter().any(|one| is_word(one))
            {
                // A person's place in a register of residents or of voters is no company's.
                if ["residen", "elector", "citizen", "birth"].iter().any(|one| has(one)) {
                    Self::NationalId
                } else {
                    Self::Registration
                }
            } else if [
                "national id",
                "national-id",
                "identity",
                "identification",
                "cedula",
                "personal id",
                "c.u.r.p",
            ]
            .iter()
            .any(|one| has(one))
                || ["nationalid", "id", "curp", "nin", "dni"].iter().any(|one| is_word(one))
            {
                Self::NationalId
            } else {
                return None;
            },
        )
    }
}

/// A document or a registration that has a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Document {
    /// What it is, in the publisher's words, such as `Passport`; `Identifier` where the list does not say.
    pub kind: String,
    /// Its number, as written.
    pub number: String,
    /// Who issued it: an ISO 3166-1 alpha-2 code.
    pub country: Option<String>,
}

/// Shorter numbers are too many people's.
const SHORTEST: usize = 5;

impl Document {
    /// What of the number is compared: capital letters and digits, without what stands before it (`No.`, `IMO`, the code of
    /// its own country before a number of a tax office or register). None where that is too short, or too regular, to
    /// tell anybody: fewer than five, or of fewer than three different ones.
    pub fn comparable(&self) -> Option<String> {
        let letters = without_label(&self.number).chars().filter(|letter| letter.is_alphanumeric());
        let plain: String = letters.flat_map(char::to_uppercase).collect();
        let plain = self.without_own_country(&plain).to_owned();
        let mut different: Vec<char> = plain.chars().collect();
        different.sort_unstable();
        different.dedup();
        let has_digit = plain.bytes().any(|letter| letter.is_ascii_digit());
        (plain.chars().count() >= SHORTEST && different.len() >= 3 && has_digit).then_some(plain)
    }

    /// `NO123456789` is what Norway's own register calls `123456789`; a passport of a series `NO` is another document.
    fn without_own_country<'a>(&self, plain: &'a str) -> &'a str {
        let is_registered = matches!(self.sort(), Some(DocumentKind::TaxId | DocumentKind::Registration));
        let code = self.country.as_deref().filter(|_| is_registered);
        code.and_then(|code| plain.strip_prefix(code)).filter(|rest| begins_with_digit(rest)).unwrap_or(plain)
    }

    /// What it is and whose, without its number.
    pub fn of_which_sort(&self) -> String {
        let country = self.country.iter().map(|country| format!(" ({country})"));
        std::iter::once(self.kind.clone()).chain(country).collect()
    }

    /// What sort of number it is, where its words say so.
    pub fn sort(&self) -> Option<DocumentKind> {
        DocumentKind::of_words(&self.kind)
    }
}

impl std::fmt::Display for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.number)?;
        self.country.iter().try_for_each(|country| write!(f, " ({country})"))
    }
}

/// The number without a word that only says that it is one. `NO` and `NR` are letters of the number itself unless a sign
/// or a space parts them from it; no number begins with `IMO`.
fn without_label(number: &str) -> &str {
    let number = number.trim_start();
    let label = number.find(|letter: char| !letter.is_alphabetic()).unwrap_or(number.len());
    let (label, after) = number.split_at(label);
    let bare = after.trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let is_apart = bare.len() < after.len();
    let is_label = match label.to_uppercase().as_str() {
        "IMO" => true,
        "NO" | "NR" => is_apart,
        _ => false,
    };
    if is_label && begins_with_digit(bare) { bare } else { number }
}

fn begins_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lists_call_a_document_says_its_sort() {
        for (words, sort) in [
            ("Passport", Some(DocumentKind::Passport)),
            ("Diplomatic passport", Some(DocumentKind::Passport)),
            ("National ID No.", Some(DocumentKind::NationalId)),
            ("National Identification Number", Some(DocumentKind::NationalId)),
            ("Cedula No.", Some(DocumentKind::NationalId)),
            ("Tax ID No.", Some(DocumentKind::TaxId)),
            ("SSN", Some(DocumentKind::TaxId)),
            ("Social security number", Some(DocumentKind::TaxId)),
            ("Passeport", Some(DocumentKind::Passport)),
            ("Unified Social Credit Code", Some(DocumentKind::Registration)),
            ("Registration Number", Some(DocumentKind::Registration)),
            ("Electoral Registry No.", Some(DocumentKind::NationalId)),
            ("Vessel Registration Identification IMO", Some(DocumentKind::Imo)),
            ("Driver's License No.", Some(DocumentKind::DriversLicense)),
            ("Identifier", None),
            ("Website", None),
        ] {
            assert_eq!(DocumentKind::of_words(words), sort, "{words}");
        }
        for kind in DocumentKind::ALL {
            assert_eq!(DocumentKind::of_words(kind.word()), Some(kind));
        }
    }

    #[test]
    fn numbers_are_compared_without_what_is_only_their_writing() {
        let comparable =
            |number: &str| Document { number: number.to_owned(), ..Document::default() }.comparable();
        assert_eq!(comparable("a 12-34.56").as_deref(), Some("A123456"));
        assert_eq!(comparable("IMO 9187629"), comparable("9187629"));
        assert_eq!(comparable("No. 041-02/7").as_deref(), Some("041027"));
        assert_eq!(comparable("Nr 12345").as_deref(), Some("12345"));
        assert_eq!(comparable("imo9187629").as_deref(), Some("9187629"));
        // Letters that belong to the number, as in a series `NO` of passports.
        for whole in ["NO123456789", "NR12345", "NOA12345", "IMOLA 12345"] {
            assert_eq!(comparable(whole), Some(whole.replace(' ', "")), "{whole}");
        }
        for little in ["A123", "000000", "1212121", "unknown", ""] {
            assert_eq!(comparable(little), None, "{little}");
        }
    }
    #[test]
    fn a_register_is_asked_by_its_number_with_or_without_the_code_of_its_country() {
        let comparable = |kind: &str, number: &str, country: Option<&str>| {
            let (kind, number) = (kind.to_owned(), number.to_owned());
            Document { kind, number, country: country.map(str::to_owned) }.comparable().unwrap()
        };
        for number in ["NO123456789", "NO 123 456 789", "123456789"] {
            assert_eq!(comparable("registration", number, Some("NO")), "123456789", "{number}");
        }
        assert_eq!(comparable("tax-id", "DE 811569869", Some("DE")), "811569869");
        assert_eq!(comparable("tax-id", "NO123456789", Some("SE")), "NO123456789");
        assert_eq!(comparable("tax-id", "NO123456789", None), "NO123456789");
        assert_eq!(comparable("passport", "NO1234567", Some("NO")), "NO1234567");
    }
}

//! Telephone numbers in one form: E.164, as ITU-T recommends, `+` and at most fifteen digits.
//!
//! A number that is written as at home needs its country: the trunk prefix goes (`030` in Berlin is `+49 30`), the
//! country code comes. What cannot be made international keeps its digits, and compares by its end.

/// A telephone number, its punctuation gone.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone {
    /// All digits, the country code first where it is known.
    pub digits: String,
    /// Whether the country code is known.
    pub is_international: bool,
    /// The extension of a switchboard, if one was written.
    pub extension: Option<String>,
}

/// A number leads to a person.
impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[phone]")
    }
}

/// The fewest digits that can be somebody's number, and the most that E.164 allows.
const FEWEST: usize = 5;
const MOST: usize = 15;

/// Words before an extension.
const EXTENSION: [&str; 6] = ["extension", "ext.", "ext", "durchwahl", "доб.", "доб"];

impl Phone {
    /// Reads a number as people write it; `country` (ISO 3166-1 alpha-2) is whose customs hold where it has no
    /// country code. None when it is no number.
    pub fn read(text: &str, country: Option<&str>) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let text = text.trim_start_matches("tel").trim_start_matches(['.', ':', ' ']);
        let (number, extension) = split_extension(text);
        if !number.chars().all(|c| c.is_numeric() || c.is_whitespace() || "+-–().,/·".contains(c)) {
            return None;
        }
        let extension = extension.map(digits_of).filter(|digits| !digits.is_empty());
        let number = number.trim();
        // `+44 (0)20 …` shows both ways of dialling at once: the zero is for callers at home.
        let has_plus = number.starts_with('+') || number.starts_with("(+");
        let number =
            if has_plus || number.starts_with("00") { number.replace("(0)", "") } else { number.to_owned() };
        let digits = digits_of(&number);
        let plan = country.and_then(|country| plan_of(&country.to_ascii_uppercase()));
        let (digits, is_international) = if has_plus {
            (digits, true)
        } else if let Some(rest) = without_exit_code(&digits, country) {
            (rest.to_owned(), true)
        } else if let Some((code, trunk)) = plan {
            (at_home(&digits, code, trunk), true)
        } else {
            (digits, false)
        };
        (FEWEST..=MOST).contains(&digits.len()).then_some(Self { digits, is_international, extension })
    }
}

fn split_extension(text: &str) -> (&str, Option<&str>) {
    for word in EXTENSION {
        if let Some((number, extension)) = text.split_once(word) {
            return (number, Some(extension));
        }
    }
    match text.split_once(['x', '#', ';']) {
        Some((number, extension)) if digits_of(number).len() >= FEWEST => (number, Some(extension)),
        _ => (text, None),
    }
}

/// The digits in a text; those of other scripts as ours.
fn digits_of(text: &str) -> String {
    text.chars()
        .filter_map(|c| {
            let zero = [0x0030, 0x0660, 0x06F0, 0x0966, 0xFF10]
                .into_iter()
                .find(|zero| (*zero..*zero + 10).contains(&u32::from(c)))?;
            char::from_digit(u32::from(c) - zero, 10)
        })
        .collect()
}

/// The digits after what one dials to call abroad.
fn without_exit_code<'a>(digits: &'a str, country: Option<&str>) -> Option<&'a str> {
    let north_american = country.is_some_and(|country| {
        plan_of(&country.to_ascii_uppercase()).is_some_and(|(code, _)| code.starts_with('1'))
    });
    if north_american {
        return digits.strip_prefix("011").filter(|rest| rest.len() >= 8);
    }
    digits.strip_prefix("00").filter(|rest| !rest.starts_with('0') && rest.len() >= 7)
}

/// A number that was written as at home, or already with its country's code and no sign of it.
fn at_home(digits: &str, code: &str, trunk: &str) -> String {
    if code == "1" {
        // North America: ten digits, or eleven with the leading one.
        return if digits.len() == 11 && digits.starts_with('1') {
            digits.to_owned()
        } else {
            format!("1{digits}")
        };
    }
    if let Some(rest) = digits.strip_prefix(code)
        && rest.len() >= 9
        && (trunk.is_empty() || !digits.starts_with(trunk))
    {
        return digits.to_owned();
    }
    // Italy dials its zero from abroad too, so it has no trunk prefix in the table.
    let national = if trunk.is_empty() { digits } else { digits.strip_prefix(trunk).unwrap_or(digits) };
    format!("{code}{national}")
}

/// The country code, and what callers at home dial before a national number.
fn plan_of(country: &str) -> Option<(&'static str, &'static str)> {
    let at = PLANS.binary_search_by_key(&country, |(country, _, _)| *country).ok()?;
    PLANS.get(at).map(|(_, code, trunk)| (*code, *trunk))
}

/// Country, code, trunk prefix: from ITU-T E.164 (list of assigned country codes) and E.129 (national prefixes).
#[rustfmt::skip]
const PLANS: &[(&str, &str, &str)] = &[
    ("AD", "376", ""), ("AE", "971", "0"), ("AF", "93", "0"), ("AG", "1", ""), ("AI", "1", ""),
    ("AL", "355", "0"), ("AM", "374", "0"), ("AO", "244", ""), ("AR", "54", "0"), ("AS", "1", ""),
    ("AT", "43", "0"), ("AU", "61", "0"), ("AW", "297", ""), ("AZ", "994", "0"), ("BA", "387", "0"),
    ("BB", "1", ""), ("BD", "880", "0"), ("BE", "32", "0"), ("BF", "226", ""), ("BG", "359", "0"),
    ("BH", "973", ""), ("BI", "257", ""), ("BJ", "229", ""), ("BM", "1", ""), ("BN", "673", ""),
    ("BO", "591", "0"), ("BR", "55", "0"), ("BS", "1", ""), ("BT", "975", ""), ("BW", "267", ""),
    ("BY", "375", "8"), ("BZ", "501", ""), ("CA", "1", ""), ("CD", "243", "0"), ("CF", "236", ""),
    ("CG", "242", ""), ("CH", "41", "0"), ("CI", "225", ""), ("CK", "682", ""), ("CL", "56", ""),
    ("CM", "237", ""), ("CN", "86", "0"), ("CO", "57", ""), ("CR", "506", ""), ("CU", "53", "0"),
    ("CV", "238", ""), ("CY", "357", ""), ("CZ", "420", ""), ("DE", "49", "0"), ("DJ", "253", ""),
    ("DK", "45", ""), ("DM", "1", ""), ("DO", "1", ""), ("DZ", "213", "0"), ("EC", "593", "0"),
    ("EE", "372", ""), ("EG", "20", "0"), ("ER", "291", "0"), ("ES", "34", ""), ("ET", "251", "0"),
    ("FI", "358", "0"), ("FJ", "679", ""), ("FK", "500", ""), ("FM", "691", ""), ("FO", "298", ""),
    ("FR", "33", "0"), ("GA", "241", "0"), ("GB", "44", "0"), ("GD", "1", ""), ("GE", "995", "0"),
    ("GF", "594", "0"), ("GG", "44", "0"), ("GH", "233", "0"), ("GI", "350", ""), ("GL", "299", ""),
    ("GM", "220", ""), ("GN", "224", ""), ("GP", "590", "0"), ("GQ", "240", ""), ("GR", "30", ""),
    ("GT", "502", ""), ("GU", "1", ""), ("GW", "245", ""), ("GY", "592", ""), ("HK", "852", ""),
    ("HN", "504", ""), ("HR", "385", "0"), ("HT", "509", ""), ("HU", "36", "06"), ("ID", "62", "0"),
    ("IE", "353", "0"), ("IL", "972", "0"), ("IM", "44", "0"), ("IN", "91", "0"), ("IQ", "964", "0"),
    ("IR", "98", "0"), ("IS", "354", ""), ("IT", "39", ""), ("JE", "44", "0"), ("JM", "1", ""),
    ("JO", "962", "0"), ("JP", "81", "0"), ("KE", "254", "0"), ("KG", "996", "0"), ("KH", "855", "0"),
    ("KI", "686", "0"), ("KM", "269", ""), ("KN", "1", ""), ("KP", "850", "0"), ("KR", "82", "0"),
    ("KW", "965", ""), ("KY", "1", ""), ("KZ", "7", "8"), ("LA", "856", "0"), ("LB", "961", "0"),
    ("LC", "1", ""), ("LI", "423", "0"), ("LK", "94", "0"), ("LR", "231", "0"), ("LS", "266", ""),
    ("LT", "370", "8"), ("LU", "352", ""), ("LV", "371", ""), ("LY", "218", "0"), ("MA", "212", "0"),
    ("MC", "377", ""), ("MD", "373", "0"), ("ME", "382", "0"), ("MG", "261", "0"), ("MH", "692", "1"),
    ("MK", "389", "0"), ("ML", "223", ""), ("MM", "95", "0"), ("MN", "976", "0"), ("MO", "853", ""),
    ("MP", "1", ""), ("MQ", "596", "0"), ("MR", "222", ""), ("MS", "1", ""), ("MT", "356", ""),
    ("MU", "230", ""), ("MV", "960", ""), ("MW", "265", "0"), ("MX", "52", ""), ("MY", "60", "0"),
    ("MZ", "258", ""), ("NA", "264", "0"), ("NC", "687", ""), ("NE", "227", ""), ("NG", "234", "0"),
    ("NI", "505", ""), ("NL", "31", "0"), ("NO", "47", ""), ("NP", "977", "0"), ("NR", "674", ""),
    ("NZ", "64", "0"), ("OM", "968", ""), ("PA", "507", ""), ("PE", "51", "0"), ("PF", "689", ""),
    ("PG", "675", ""), ("PH", "63", "0"), ("PK", "92", "0"), ("PL", "48", ""), ("PR", "1", ""),
    ("PS", "970", "0"), ("PT", "351", ""), ("PW", "680", ""), ("PY", "595", "0"), ("QA", "974", ""),
    ("RE", "262", "0"), ("RO", "40", "0"), ("RS", "381", "0"), ("RU", "7", "8"), ("RW", "250", "0"),
    ("SA", "966", "0"), ("SB", "677", ""), ("SC", "248", ""), ("SD", "249", "0"), ("SE", "46", "0"),
    ("SG", "65", ""), ("SI", "386", "0"), ("SK", "421", "0"), ("SL", "232", "0"), ("SM", "378", ""),
    ("SN", "221", ""), ("SO", "252", "0"), ("SR", "597", "0"), ("SS", "211", "0"), ("ST", "239", ""),
    ("SV", "503", ""), ("SY", "963", "0"), ("SZ", "268", ""), ("TC", "1", ""), ("TD", "235", ""),
    ("TG", "228", ""), ("TH", "66", "0"), ("TJ", "992", ""), ("TL", "670", ""), ("TM", "993", "8"),
    ("TN", "216", ""), ("TO", "676", ""), ("TR", "90", "0"), ("TT", "1", ""), ("TV", "688", ""),
    ("TW", "886", "0"), ("TZ", "255", "0"), ("UA", "380", "0"), ("UG", "256", "0"), ("US", "1", ""),
    ("UY", "598", "0"), ("UZ", "998", ""), ("VA", "39", ""), ("VC", "1", ""), ("VE", "58", "0"),
    ("VG", "1", ""), ("VI", "1", ""), ("VN", "84", "0"), ("VU", "678", ""), ("WS", "685", ""),
    ("XK", "383", "0"), ("YE", "967", "0"), ("YT", "262", "0"), ("ZA", "27", "0"), ("ZM", "260", "0"),
    ("ZW", "263", "0"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn e164(text: &str, country: &str) -> String {
        let phone = Phone::read(text, Some(country).filter(|country| !country.is_empty())).unwrap();
        assert!(phone.is_international, "{text}");
        format!("+{}", phone.digits)
    }

    #[test]
    fn the_table_is_sorted_so_that_a_search_finds_every_country() {
        assert!(PLANS.is_sorted_by_key(|(country, _, _)| *country));
    }

    #[test]
    fn numbers_of_many_customs_come_out_as_e_164() {
        for (text, country, wanted) in [
            ("+1 (415) 555-0123", "", "+14155550123"),
            ("(415) 555-0123", "US", "+14155550123"),
            ("1-415-555-0123", "US", "+14155550123"),
            ("011 44 20 7946 0018", "US", "+442079460018"),
            ("020 7946 0018", "GB", "+442079460018"),
            ("+44 (0)20 7946 0018", "", "+442079460018"),
            ("0044 20 7946 0018", "GB", "+442079460018"),
            ("030/1234567", "DE", "+49301234567"),
            ("8 (495) 123-45-67", "RU", "+74951234567"),
            ("7 495 123 45 67", "RU", "+74951234567"),
            ("06 1 234 5678", "HU", "+3612345678"),
            ("06 1234 5678", "IT", "+390612345678"),
            ("612 345 678", "ES", "+34612345678"),
            ("٠١٠٠ ١٢٣ ٤٥٦٧", "EG", "+201001234567"),
        ] {
            assert_eq!(e164(text, country), wanted, "{text}");
        }
    }

    #[test]
    fn an_extension_is_no_part_of_the_number() {
        let phone = Phone::read("+1 415 555 0123 ext. 42", None).unwrap();
        assert_eq!((phone.digits.as_str(), phone.extension.as_deref()), ("14155550123", Some("42")));
        assert_eq!(Phone::read("4155550123x7", Some("US")).unwrap().extension.as_deref(), Some("7"));
    }

    #[test]
    fn without_a_country_only_the_digits_are_known() {
        let phone = Phone::read("030 1234567", None).unwrap();
        assert!(!phone.is_international);
        assert_eq!(phone.digits, "0301234567");
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "none", "12", "+1234567890123456", "call me"] {
            assert_eq!(Phone::read(text, Some("US")), None, "{text}");
        }
    }
}

//! Country names as lists write them, and their codes.

/// The ISO 3166-1 alpha-2 code of a country, or of the country that a region belongs to; none when
/// the name is unknown. Kosovo is `XK`, as everywhere but in the standard.
pub fn code(name: &str) -> Option<&'static str> {
    let name = name.trim().to_lowercase();
    let at = COUNTRIES.binary_search_by(|(known, _)| (*known).cmp(&name)).ok()?;
    COUNTRIES.get(at).map(|(_, code)| *code)
}

/// The code itself, upper case, when it is the code of a country that is known by a name: `ru`, `RU`.
pub fn of_code(text: &str) -> Option<&'static str> {
    let code = text.trim().to_uppercase();
    COUNTRIES.iter().map(|(_, known)| *known).find(|known| *known == code)
}

/// Whether `text` says that there is no country to name.
pub fn is_no_country(text: &str) -> bool {
    let words = ["undetermined", "unknown", "na", "n/a", "not available", "none", "stateless", "-"];
    words.contains(&text.trim().to_lowercase().as_str())
}

/// Sorted by name, so that a search is quick. Lower case.
#[rustfmt::skip]
const COUNTRIES: &[(&str, &str)] = &[
    ("afghanistan", "AF"), ("albania", "AL"), ("algeria", "DZ"), ("american samoa", "AS"), ("andorra", "AD"),
    ("angola", "AO"), ("anguilla", "AI"), ("antigua & barbuda", "AG"), ("antigua and barbuda", "AG"),
    ("argentina", "AR"), ("armenia", "AM"), ("aruba", "AW"), ("australia", "AU"), ("austria", "AT"),
    ("azerbaijan", "AZ"), ("bahamas", "BS"), ("bahamas (the)", "BS"), ("bahamas, the", "BS"),
    ("bahrain", "BH"), ("bangladesh", "BD"), ("barbados", "BB"), ("belarus", "BY"), ("belgium", "BE"),
    ("belize", "BZ"), ("benin", "BJ"), ("bermuda", "BM"), ("bhutan", "BT"), ("bolivia", "BO"),
    ("bolivia (plurinational state of)", "BO"), ("bonaire, sint eustatius and saba", "BQ"),
    ("bosnia & herzegovina", "BA"), ("bosnia and herzegovina", "BA"), ("bosnia-herzegovina", "BA"),
    ("botswana", "BW"), ("brazil", "BR"), ("british virgin islands", "VG"), ("brunei", "BN"),
    ("brunei darussalam", "BN"), ("bulgaria", "BG"), ("burkina faso", "BF"), ("burma", "MM"),
    ("burma/myanmar", "MM"), ("burundi", "BI"), ("cabo verde", "CV"), ("cambodia", "KH"), ("cameroon", "CM"),
    ("canada", "CA"), ("cape verde", "CV"), ("cayman islands", "KY"), ("central african republic", "CF"),
    ("chad", "TD"), ("chile", "CL"), ("china", "CN"),
    ("china, hong kong special administrative region", "HK"), ("colombia", "CO"), ("comoros", "KM"),
    ("congo", "CG"), ("congo (democratic republic)", "CD"), ("congo (republic)", "CG"),
    ("congo, democratic republic of the", "CD"), ("congo, republic of the", "CG"), ("cook islands", "CK"),
    ("costa rica", "CR"), ("cote d ivoire", "CI"), ("cote d'ivoire", "CI"), ("crimea", "UA"),
    ("croatia", "HR"), ("cuba", "CU"), ("curacao", "CW"), ("curaçao", "CW"), ("cyprus", "CY"),
    ("czech republic", "CZ"), ("czechia", "CZ"), ("côte d'ivoire", "CI"),
    ("democratic people's republic of korea", "KP"), ("democratic people’s republic of korea", "KP"),
    ("democratic republic of congo", "CD"), ("democratic republic of the congo", "CD"), ("denmark", "DK"),
    ("djibouti", "DJ"), ("dominica", "DM"), ("dominican republic", "DO"), ("east timor", "TL"),
    ("ecuador", "EC"), ("egypt", "EG"), ("el salvador", "SV"), ("equatorial guinea", "GQ"), ("eritrea", "ER"),
    ("estonia", "EE"), ("eswatini", "SZ"), ("ethiopia", "ET"), ("falkland islands", "FK"),
    ("faroe islands", "FO"), ("fiji", "FJ"), ("finland", "FI"), ("france", "FR"), ("french guiana", "GF"),
    ("french polynesia", "PF"), ("gabon", "GA"), ("gambia", "GM"), ("gambia (the)", "GM"),
    ("gambia, the", "GM"), ("gaza", "PS"), ("georgia", "GE"), ("germany", "DE"), ("ghana", "GH"),
    ("gibraltar", "GI"), ("great britain", "GB"), ("greece", "GR"), ("greenland", "GL"), ("grenada", "GD"),
    ("guadeloupe", "GP"), ("guam", "GU"), ("guatemala", "GT"), ("guernsey", "GG"), ("guinea", "GN"),
    ("guinea-bissau", "GW"), ("guyana", "GY"), ("haiti", "HT"), ("holy see", "VA"), ("honduras", "HN"),
    ("hong kong", "HK"), ("hong kong sar", "HK"), ("hungary", "HU"), ("iceland", "IS"), ("india", "IN"),
    ("indonesia", "ID"), ("iran", "IR"), ("iran (islamic republic of)", "IR"),
    ("iran, islamic republic of", "IR"), ("iraq", "IQ"), ("ireland", "IE"),
    ("islamic republic of iran", "IR"), ("isle of man", "IM"), ("israel", "IL"), ("italy", "IT"),
    ("ivory coast", "CI"), ("jamaica", "JM"), ("japan", "JP"), ("jersey", "JE"), ("jordan", "JO"),
    ("kazakhstan", "KZ"), ("kenya", "KE"), ("kingdom of saudi arabia", "SA"), ("kiribati", "KI"),
    ("korea, democratic people's republic of", "KP"), ("korea, north", "KP"), ("korea, republic of", "KR"),
    ("korea, south", "KR"), ("kosovo", "XK"), ("kuwait", "KW"), ("kyrgyz republic", "KG"),
    ("kyrgyzstan", "KG"), ("lao people's democratic republic", "LA"), ("laos", "LA"), ("latvia", "LV"),
    ("lebanon", "LB"), ("lesotho", "LS"), ("liberia", "LR"), ("libya", "LY"), ("liechtenstein", "LI"),
    ("lithuania", "LT"), ("luxembourg", "LU"), ("macao", "MO"), ("macau", "MO"), ("macedonia", "MK"),
    ("macedonia, the former yugoslav republic of", "MK"), ("madagascar", "MG"), ("malawi", "MW"),
    ("malaysia", "MY"), ("maldives", "MV"), ("mali", "ML"), ("malta", "MT"), ("man, isle of", "IM"),
    ("marshall islands", "MH"), ("martinique", "MQ"), ("mauritania", "MR"), ("mauritius", "MU"),
    ("mayotte", "YT"), ("mexico", "MX"), ("micronesia", "FM"), ("micronesia, federated states of", "FM"),
    ("moldova", "MD"), ("moldova, republic of", "MD"), ("monaco", "MC"), ("mongolia", "MN"),
    ("montenegro", "ME"), ("montserrat", "MS"), ("morocco", "MA"), ("mozambique", "MZ"), ("myanmar", "MM"),
    ("myanmar (burma)", "MM"), ("namibia", "NA"), ("nauru", "NR"), ("nepal", "NP"), ("netherlands", "NL"),
    ("netherlands antilles", "AN"), ("new caledonia", "NC"), ("new zealand", "NZ"), ("nicaragua", "NI"),
    ("niger", "NE"), ("nigeria", "NG"), ("niue", "NU"), ("north korea", "KP"), ("north korea (dprk)", "KP"),
    ("north macedonia", "MK"), ("north macedonia, the republic of", "MK"), ("northern mariana islands", "MP"),
    ("norway", "NO"), ("occupied palestinian territories", "PS"), ("oman", "OM"), ("pakistan", "PK"),
    ("palau", "PW"), ("palestine", "PS"), ("palestinian", "PS"), ("palestinian territory", "PS"),
    ("palestinian territory, occupied", "PS"), ("panama", "PA"), ("papua new guinea", "PG"),
    ("paraguay", "PY"), ("people's republic of china", "CN"), ("peru", "PE"), ("philippines", "PH"),
    ("poland", "PL"), ("portugal", "PT"), ("puerto rico", "PR"), ("qatar", "QA"), ("region: crimea", "UA"),
    ("region: donetsk", "UA"), ("region: gaza", "PS"), ("region: kafia kingi", "SD"),
    ("region: luhansk", "UA"), ("region: northern mali", "ML"), ("republic of korea", "KR"),
    ("republic of moldova", "MD"), ("republic of north macedonia", "MK"), ("republic of serbia", "RS"),
    ("republic of south sudan", "SS"), ("republic of the congo", "CG"), ("reunion", "RE"), ("romania", "RO"),
    ("russia", "RU"), ("russian federation", "RU"), ("rwanda", "RW"), ("réunion", "RE"),
    ("saint kitts and nevis", "KN"), ("saint lucia", "LC"), ("saint martin", "MF"),
    ("saint vincent and the grenadines", "VC"), ("samoa", "WS"), ("san marino", "SM"),
    ("sao tome and principe", "ST"), ("saudi arabia", "SA"), ("senegal", "SN"), ("serbia", "RS"),
    ("seychelles", "SC"), ("sierra leone", "SL"), ("singapore", "SG"), ("sint maarten", "SX"),
    ("sint maarten (dutch part)", "SX"), ("slovakia", "SK"), ("slovenia", "SI"), ("solomon islands", "SB"),
    ("somalia", "SO"), ("south africa", "ZA"), ("south korea", "KR"), ("south sudan", "SS"), ("spain", "ES"),
    ("sri lanka", "LK"), ("st kitts & nevis", "KN"), ("st lucia", "LC"), ("st vincent", "VC"),
    ("state of palestine", "PS"), ("sudan", "SD"), ("suriname", "SR"), ("swaziland", "SZ"), ("sweden", "SE"),
    ("switzerland", "CH"), ("syria", "SY"), ("syrian arab republic", "SY"), ("são tomé and príncipe", "ST"),
    ("taiwan", "TW"), ("tajikistan", "TJ"), ("tanzania", "TZ"), ("tanzania, united republic of", "TZ"),
    ("thailand", "TH"), ("the bahamas", "BS"), ("the gambia", "GM"), ("timor-leste", "TL"), ("togo", "TG"),
    ("tokelau", "TK"), ("tonga", "TO"), ("trinidad & tobago", "TT"), ("trinidad and tobago", "TT"),
    ("tunisia", "TN"), ("turkey", "TR"), ("turkiye", "TR"), ("turkmenistan", "TM"),
    ("turks & caicos islands", "TC"), ("turks and caicos islands", "TC"), ("tuvalu", "TV"), ("türkiye", "TR"),
    ("uae", "AE"), ("uganda", "UG"), ("uk", "GB"), ("ukraine", "UA"), ("united arab emirates", "AE"),
    ("united kingdom", "GB"), ("united kingdom of great britain and northern ireland", "GB"),
    ("united republic of tanzania", "TZ"), ("united states", "US"), ("united states of america", "US"),
    ("uruguay", "UY"), ("us virgin islands", "VI"), ("usa", "US"), ("uzbekistan", "UZ"), ("vanuatu", "VU"),
    ("vatican", "VA"), ("vatican city", "VA"), ("venezuela", "VE"),
    ("venezuela (bolivarian republic of)", "VE"), ("venezuela, bolivarian republic of", "VE"),
    ("viet nam", "VN"), ("vietnam", "VN"), ("virgin islands, british", "VG"), ("virgin islands, u.s.", "VI"),
    ("west bank", "PS"), ("western sahara", "EH"), ("yemen", "YE"), ("zambia", "ZM"), ("zimbabwe", "ZW"),
    ("åland islands", "AX"),
];

/// The code that is meant by a code in any case, taken as it is, or by an English name.
pub fn of_code_or_name(text: &str) -> Option<String> {
    let text = text.trim();
    let is_code = text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_alphabetic());
    if is_code { Some(text.to_uppercase()) } else { code(text).map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_a_search_finds_every_name() {
        assert!(COUNTRIES.is_sorted());
        assert!(COUNTRIES.iter().all(|(name, expected)| code(name) == Some(expected)));
    }

    #[test]
    fn names_are_known_as_the_treasury_writes_them() {
        assert_eq!(code("Korea, North"), Some("KP"));
        assert_eq!(code("Region: Crimea"), Some("UA"));
        assert_eq!(code("Atlantis"), None);
        assert_eq!((of_code("ru"), of_code("zz")), (Some("RU"), None));
        assert!(is_no_country("undetermined") && !is_no_country("Iran"));
    }
}

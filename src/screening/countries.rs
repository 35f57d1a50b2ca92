//! Country names as lists write them, and their codes.

/// The ISO 3166-1 alpha-2 code of a country, or of the country that a region belongs to; none when
/// the name is unknown. Kosovo is `XK`, as everywhere but in the standard.
pub fn code(name: &str) -> Option<&'static str> {
    let name = name.trim().to_lowercase();
    let at = COUNTRIES.binary_search_by(|(known, _)| (*known).cmp(&name)).ok()?;
    COUNTRIES.get(at).map(|(_, code)| *code)
}

/// Sorted by name, so that a search is quick. Lower case.
#[rustfmt::skip]
const COUNTRIES: &[(&str, &str)] = &[
    ("afghanistan", "AF"), ("albania", "AL"), ("algeria", "DZ"), ("american samoa", "AS"),
    ("andorra", "AD"), ("angola", "AO"), ("anguilla", "AI"), ("antigua and barbuda", "AG"),
    ("argentina", "AR"), ("armenia", "AM"), ("aruba", "AW"), ("australia", "AU"), ("austria", "AT"),
    ("azerbaijan", "AZ"), ("bahamas", "BS"), ("bahamas, the", "BS"), ("bahrain", "BH"),
    ("bangladesh", "BD"), ("barbados", "BB"), ("belarus", "BY"), ("belgium", "BE"), ("belize", "BZ"),
    ("benin", "BJ"), ("bermuda", "BM"), ("bhutan", "BT"), ("bolivia", "BO"),
    ("bosnia and herzegovina", "BA"), ("botswana", "BW"), ("brazil", "BR"), ("brunei", "BN"),
    ("bulgaria", "BG"), ("burkina faso", "BF"), ("burma", "MM"), ("burundi", "BI"), ("cabo verde", "CV"),
    ("cambodia", "KH"), ("cameroon", "CM"), ("canada", "CA"), ("cape verde", "CV"),
    ("cayman islands", "KY"), ("central african republic", "CF"), ("chad", "TD"), ("chile", "CL"),
    ("china", "CN"), ("colombia", "CO"), ("comoros", "KM"), ("congo, democratic republic of the", "CD"),
    ("congo, republic of the", "CG"), ("cook islands", "CK"), ("costa rica", "CR"),
    ("cote d ivoire", "CI"), ("cote d'ivoire", "CI"), ("croatia", "HR"), ("cuba", "CU"), ("curacao", "CW"),
    ("cyprus", "CY"), ("czech republic", "CZ"), ("czechia", "CZ"), ("democratic republic of the congo", "CD"), ("denmark", "DK"), ("djibouti", "DJ"),
    ("dominica", "DM"), ("dominican republic", "DO"), ("east timor", "TL"), ("ecuador", "EC"),
    ("egypt", "EG"), ("el salvador", "SV"), ("equatorial guinea", "GQ"), ("eritrea", "ER"),
    ("estonia", "EE"), ("eswatini", "SZ"), ("ethiopia", "ET"), ("faroe islands", "FO"), ("fiji", "FJ"),
    ("finland", "FI"), ("france", "FR"), ("french guiana", "GF"), ("french polynesia", "PF"),
    ("gabon", "GA"), ("gambia", "GM"), ("gambia, the", "GM"), ("georgia", "GE"), ("germany", "DE"),
    ("ghana", "GH"), ("gibraltar", "GI"), ("greece", "GR"), ("greenland", "GL"), ("grenada", "GD"),
    ("guadeloupe", "GP"), ("guam", "GU"), ("guatemala", "GT"), ("guernsey", "GG"), ("guinea", "GN"),
    ("guinea-bissau", "GW"), ("guyana", "GY"), ("haiti", "HT"), ("honduras", "HN"), ("hong kong", "HK"),
    ("hungary", "HU"), ("iceland", "IS"), ("india", "IN"), ("indonesia", "ID"), ("iran", "IR"),
    ("iraq", "IQ"), ("ireland", "IE"), ("isle of man", "IM"), ("israel", "IL"), ("italy", "IT"),
    ("ivory coast", "CI"), ("jamaica", "JM"), ("japan", "JP"), ("jersey", "JE"), ("jordan", "JO"),
    ("kazakhstan", "KZ"), ("kenya", "KE"), ("kiribati", "KI"), ("korea, north", "KP"),
    ("korea, south", "KR"), ("kosovo", "XK"), ("kuwait", "KW"), ("kyrgyzstan", "KG"), ("laos", "LA"),
    ("latvia", "LV"), ("lebanon", "LB"), ("lesotho", "LS"), ("liberia", "LR"), ("libya", "LY"),
    ("liechtenstein", "LI"), ("lithuania", "LT"), ("luxembourg", "LU"), ("macao", "MO"), ("macau", "MO"),
    ("macedonia, the former yugoslav republic of", "MK"), ("madagascar", "MG"), ("malawi", "MW"),
    ("malaysia", "MY"), ("maldives", "MV"), ("mali", "ML"), ("malta", "MT"), ("man, isle of", "IM"),
    ("marshall islands", "MH"), ("martinique", "MQ"), ("mauritania", "MR"), ("mauritius", "MU"),
    ("mexico", "MX"), ("micronesia", "FM"), ("micronesia, federated states of", "FM"), ("moldova", "MD"),
    ("monaco", "MC"), ("mongolia", "MN"), ("montenegro", "ME"), ("montserrat", "MS"), ("morocco", "MA"),
    ("mozambique", "MZ"), ("myanmar", "MM"), ("namibia", "NA"), ("nauru", "NR"), ("nepal", "NP"),
    ("netherlands", "NL"), ("netherlands antilles", "AN"), ("new caledonia", "NC"), ("new zealand", "NZ"),
    ("nicaragua", "NI"), ("niger", "NE"), ("nigeria", "NG"), ("north korea", "KP"),
    ("north macedonia", "MK"), ("north macedonia, the republic of", "MK"), ("norway", "NO"),
    ("oman", "OM"), ("pakistan", "PK"), ("palau", "PW"), ("palestine", "PS"), ("palestinian", "PS"),
    ("panama", "PA"), ("papua new guinea", "PG"), ("paraguay", "PY"), ("peru", "PE"),
    ("philippines", "PH"), ("poland", "PL"), ("portugal", "PT"), ("puerto rico", "PR"), ("qatar", "QA"),
    ("region: crimea", "UA"), ("region: donetsk", "UA"), ("region: gaza", "PS"),
    ("region: kafia kingi", "SD"), ("region: luhansk", "UA"), ("region: northern mali", "ML"),
    ("republic of the congo", "CG"), ("reunion", "RE"), ("romania", "RO"), ("russia", "RU"), ("rwanda", "RW"),
    ("saint kitts and nevis", "KN"), ("saint lucia", "LC"), ("saint vincent and the grenadines", "VC"),
    ("samoa", "WS"), ("san marino", "SM"), ("sao tome and principe", "ST"), ("saudi arabia", "SA"),
    ("senegal", "SN"), ("serbia", "RS"), ("seychelles", "SC"), ("sierra leone", "SL"), ("singapore", "SG"),
    ("sint maarten", "SX"), ("slovakia", "SK"), ("slovenia", "SI"), ("solomon islands", "SB"),
    ("somalia", "SO"), ("south africa", "ZA"), ("south korea", "KR"), ("south sudan", "SS"),
    ("spain", "ES"), ("sri lanka", "LK"), ("sudan", "SD"), ("suriname", "SR"), ("swaziland", "SZ"),
    ("sweden", "SE"), ("switzerland", "CH"), ("syria", "SY"), ("taiwan", "TW"), ("tajikistan", "TJ"),
    ("tanzania", "TZ"), ("thailand", "TH"), ("the gambia", "GM"), ("timor-leste", "TL"), ("togo", "TG"),
    ("tonga", "TO"), ("trinidad and tobago", "TT"), ("tunisia", "TN"), ("turkey", "TR"), ("turkiye", "TR"),
    ("turkmenistan", "TM"), ("turks and caicos islands", "TC"), ("tuvalu", "TV"), ("uganda", "UG"),
    ("ukraine", "UA"), ("united arab emirates", "AE"), ("united kingdom", "GB"), ("united states", "US"),
    ("uruguay", "UY"), ("uzbekistan", "UZ"), ("vanuatu", "VU"), ("vatican city", "VA"),
    ("venezuela", "VE"), ("vietnam", "VN"), ("virgin islands, british", "VG"),
    ("virgin islands, u.s.", "VI"), ("west bank", "PS"), ("western sahara", "EH"), ("yemen", "YE"),
    ("zambia", "ZM"), ("zimbabwe", "ZW"),
];

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
    }
}

//! What is wrong with a retention policy.

use super::faults::faults;

#[test]
fn what_a_retention_policy_says_fits_what_it_is_about() {
    let found = |changed: &[(&str, &str)]| {
        let mut text = "[[retention]]\nname = 'law'\nobject = 'account'\nrule = 'keep'\nperiod = '5y'\n\
                        from = 'creation'\n"
            .to_owned();
        for (from, to) in changed {
            text = text.replace(from, to);
        }
        faults(&text).join("\n")
    };
    let cases = [
        (("name = 'law'\n", ""), "retention[0].name: is missing"),
        (("'law'", "'The Law'"), "retention[0].name: accepted are names of small letters"),
        (("'account'", "'person'"), "retention[0].object: accepted is \"account\", \"inquiry\""),
        (("'keep'", "'maybe'"), "retention[0].rule: accepted is one of redact, keep"),
        (("'5y'", "'5'"), "retention[0].period: accepted is a whole number with d, mo or y"),
        (("'5y'", "'0d'"), "retention[0].period: accepted is a whole number with d, mo or y"),
        (("'creation'", "'birth'"), "retention[0].from: accepted is \"creation\""),
        (("'creation'", "'completion'"), "only inquiries and reports are completed"),
        (("'creation'", "'date-field'"), "retention[0].date-field: is missing"),
        (("'creation'", "'creation'\nend-statuses = ['closed']"), "end-statuses: is only for policies from"),
        (
            ("'creation'", "'creation'\nstatuses = ['gone']"),
            "retention[0].statuses[0]: accepted is a status of",
        ),
        (("'creation'", "'creation'\ntypes = ['nobody']"), "retention[0].types[0]: accepted is the name of"),
        (("'creation'", "'creation'\nfields = ['country_code']"), "with pii that redaction destroys"),
        (("'account'", "'inquiry'\nfields = ['name']"), "fields: is only for policies on accounts"),
        (
            (
                "'creation'",
                "'creation'\n[[retention]]\nname = 'law'\nobject = 'account'\nrule = 'redact'\nperiod = '6y'\n\
                 from = 'creation'",
            ),
            "retention[1].name: accepted is each name once",
        ),
    ];
    for (change, fault) in cases {
        assert!(found(&[change]).contains(fault), "{fault}: {}", found(&[change]));
    }
}

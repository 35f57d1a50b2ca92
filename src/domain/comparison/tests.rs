//! What agrees, in full or in part, and what does not; each with why.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

fn rule(field: &str, method: Method) -> Rule {
    let any = vec![Alternative { method, level: Level::Partial, with: None }];
    Rule { field: field.to_owned(), requirement: Requirement::Required, any }
}

fn fields(value: Value) -> Map<String, Value> {
    let Value::Object(fields) = value else { panic!("fields are an object") };
    fields
}

/// Compares both ways: who is compared with whom must not matter.
fn compared(method: Method, field: &str, one: Value, other: Value) -> (Likeness, Reason) {
    let (one, other) = (fields(one), fields(other));
    let forth = compare(&rule(field, method), &one, Some(&other));
    let back = compare(&rule(field, method), &other, Some(&one));
    assert_eq!((forth.result, forth.reason), (back.result, back.reason), "{one:?} {other:?}");
    (forth.result, forth.reason)
}

/// `First|Middle|Last`, or a name in one text.
fn name(text: &str) -> Value {
    match text.split('|').collect::<Vec<_>>().as_slice() {
        [first, middle, last] => json!({ "name": { "first": first, "middle": middle, "last": last } }),
        _ => json!({ "name": text }),
    }
}

fn names(one: &str, other: &str) -> (Likeness, Reason) {
    compared(Method::NameFuzzy, "name", name(one), name(other))
}

#[test]
fn names_that_are_the_same_agree_in_full_however_they_are_written() {
    for (one, other, why) in [
        ("Jane||Doe", "Jane||Doe", Reason::Same),
        ("Jane||Doe", "JANE||DOE", Reason::SameWhenNormalised),
        ("José||Núñez", "Jose||Nunez", Reason::SameWhenNormalised),
        ("Anna-Maria||Groß", "Annamaria||Gross", Reason::SameWhenNormalised),
        ("Sean||O'Brien", "Sean||O’Brien", Reason::SameWhenNormalised),
        ("Ludwig||van Beethoven", "Ludwig||Beethoven", Reason::SameWhenNormalised),
        ("Владимир||Путин", "Vladimir||Putin", Reason::SameInOtherScript),
        ("Jane Doe", "Jane||Doe", Reason::Same),
    ] {
        assert_eq!(names(one, other), (Likeness::Full, why), "{one} / {other}");
    }
}

#[test]
fn names_that_a_custom_or_a_slip_explains_agree_in_part() {
    for (one, other, why) in [
        ("William||Smith", "Bill||Smith", Reason::Nickname),
        ("Francisco||García", "Paco||Garcia", Reason::Nickname),
        ("Александр||Иванов", "Sasha||Ivanov", Reason::Nickname),
        ("Evgeniya||Petrova", "Женя||Петрова", Reason::Nickname),
        ("Mohammed||Haddad", "Hamada||Haddad", Reason::Nickname),
        ("Jane||Doe", "Doe||Jane", Reason::Transposed),
        ("Nguyen||Van", "Van||Nguyen", Reason::Transposed),
        ("J.||Doe", "Jane||Doe", Reason::Initial),
        ("Jane|A.|Doe", "Jane|Alice|Doe", Reason::Initial),
        ("Jane||Doe", "Jane|Alice|Doe", Reason::MiddleNameLeftOut),
        ("Katherin||Hepburn", "Katherin||Hepburne", Reason::SpelledAlike),
        ("Jane||Makhlouf", "Jane||Makhlout", Reason::SpelledAlike),
        ("Gabriel||García Márquez", "Gabriel||García", Reason::PartLeftOut),
        ("Mary Jane||Watson", "Mary|Jane|Watson", Reason::DividedOtherwise),
        ("Doe Jane", "Jane Doe", Reason::OtherOrder),
        ("Алексей||Попов", "Alexey||Popov", Reason::Nickname),
    ] {
        assert_eq!(names(one, other), (Likeness::Partial, why), "{one} / {other}");
    }
}

#[test]
fn names_of_other_people_do_not_agree() {
    for (one, other, why) in [
        ("Jane||Doe", "John||Doe", Reason::FirstNameDiffers),
        ("Jane||Doe", "Jane||Smith", Reason::LastNameDiffers),
        ("Jane||Doe", "Robert||Miller", Reason::NameDiffers),
        // Twins, not a slip of the finger.
        ("Mario||Rossi", "Maria||Rossi", Reason::FirstNameDiffers),
        ("Daniel||Weber", "Daniela||Weber", Reason::FirstNameDiffers),
        ("John|Adam|Smith", "John|Brian|Smith", Reason::MiddleNameDiffers),
        ("J.||D.", "Jane||Doe", Reason::NameDiffers),
        ("Jane", "Jane Doe", Reason::NameDiffers),
    ] {
        assert_eq!(names(one, other).0, Likeness::None, "{one} / {other}");
        assert_eq!(names(one, other).1, why, "{one} / {other}");
    }
}

#[test]
fn names_of_organisations_agree_but_for_legal_forms_and_slips() {
    for (one, other, result, why) in [
        ("Acme Trading GmbH", "ACME TRADING GMBH", Likeness::Full, Reason::SameWhenNormalised),
        ("Acme Trading GmbH", "Acme Trading", Likeness::Partial, Reason::LegalFormDiffers),
        ("Makhlouf Trading Ltd", "Makhlouff Trading Ltd", Likeness::Partial, Reason::SpelledAlike),
        ("Acme Trading GmbH", "Zenith Trading GmbH", Likeness::None, Reason::NameDiffers),
    ] {
        let of = |name: &str| json!({ "business_name": name });
        let found = compared(Method::OrganisationName, "business_name", of(one), of(other));
        assert_eq!(found, (result, why), "{one} / {other}");
    }
}

#[test]
fn a_name_may_be_spread_over_fields() {
    let flat = json!({ "name_first": "Jane", "name_last": "Doe" });
    assert_eq!(compared(Method::NameFuzzy, "name", flat, name("Jane||Doe")), (Likeness::Full, Reason::Same));
}

#[test]
fn dates_agree_in_full_in_part_or_not() {
    for (one, other, result, why) in [
        ("1990-05-21", "1990-05-21", Likeness::Full, Reason::Same),
        ("1990-05-21", "1990-05-22", Likeness::Partial, Reason::DayOff),
        ("1999-12-31", "2000-01-01", Likeness::Partial, Reason::DayOff),
        ("1990-05-03", "1990-03-05", Likeness::Partial, Reason::DayAndMonthSwapped),
        ("1990-05-21", "1980-05-21", Likeness::Partial, Reason::OneDigitWrong),
        ("1990-05-21", "1990", Likeness::Partial, Reason::LessPrecise),
        ("1990-05", "1990-05-21", Likeness::Partial, Reason::LessPrecise),
        ("1990", "1990", Likeness::Partial, Reason::LessPrecise),
        ("1990-05-21", "1991", Likeness::None, Reason::DateDiffers),
        ("1990-06", "1990-05-21", Likeness::None, Reason::DateDiffers),
        ("1990-05-21", "1981-05-21", Likeness::None, Reason::DateDiffers),
        ("1990-05-21", "21.05.1990", Likeness::None, Reason::NotADate),
    ] {
        let found =
            compared(Method::Date, "birthdate", json!({ "birthdate": one }), json!({ "birthdate": other }));
        assert_eq!(found, (result, why), "{one} / {other}");
    }
}

fn addresses(one: [&str; 5], other: [&str; 5]) -> (Likeness, Reason) {
    let of = |[street, city, subdivision, postal, country]: [&str; 5]| {
        json!({
            "address_street_1": street, "address_city": city, "address_subdivision": subdivision,
            "address_postal_code": postal, "country_code": country,
        })
    };
    compared(Method::Address, "address", of(one), of(other))
}

#[test]
fn addresses_agree_in_full_in_part_or_not() {
    let main = ["123 Main St, Apt 4", "San Francisco", "CA", "94105", "US"];
    for (other, result, why) in [
        (main, Likeness::Full, Reason::Same),
        (
            ["Apt. 4, 123 MAIN STREET", "San Francisco", "California", "94105-1234", "US"],
            Likeness::Full,
            Reason::Same,
        ),
        (["123 Main St #4", "San Francisco", "", "", ""], Likeness::Full, Reason::Same),
        (["123 Main St", "San Francisco", "CA", "94105", "US"], Likeness::Partial, Reason::UnitLeftOut),
        (
            ["123 Main St, Apt 5", "San Francisco", "CA", "94105", "US"],
            Likeness::Partial,
            Reason::UnitDiffers,
        ),
        (
            ["123 Main St, Apt 4", "San Francisco", "CA", "94107", "US"],
            Likeness::Partial,
            Reason::PostalCodeDiffers,
        ),
        (["123 Main St, Apt 4", "Daly City", "CA", "94105", "US"], Likeness::Partial, Reason::CityDiffers),
        (["", "San Francisco", "CA", "94105", "US"], Likeness::Partial, Reason::StreetLeftOut),
        (
            ["125 Main St, Apt 4", "San Francisco", "CA", "94105", "US"],
            Likeness::None,
            Reason::HouseNumberDiffers,
        ),
        (
            ["123 Main Ave, Apt 4", "San Francisco", "CA", "94105", "US"],
            Likeness::None,
            Reason::StreetDiffers,
        ),
        (["123 Main St, Apt 4", "Boston", "MA", "02108", "US"], Likeness::None, Reason::PlaceDiffers),
        (
            ["123 Main St, Apt 4", "San Francisco", "CA", "94105", "CA"],
            Likeness::None,
            Reason::CountryDiffers,
        ),
    ] {
        assert_eq!(addresses(main, other), (result, why), "{other:?}");
    }
}

#[test]
fn an_address_may_be_one_field_with_parts_and_of_another_country() {
    let whole = json!({ "address": {
        "street_1": "Hauptstr. 12a", "city": "München", "postal_code": "80331", "country_code": "DE",
    } });
    let flat = json!({
        "address_street_1": "Hauptstraße 12 A", "address_city": "Munchen", "address_postal_code": "80331",
        "country_code": "DE",
    });
    assert_eq!(compared(Method::Address, "address", whole, flat), (Likeness::Full, Reason::Same));
}

#[test]
fn phones_agree_when_they_ring_in_the_same_place() {
    for (one, other, result, why) in [
        ("+49 30 1234567", "030 / 12 34 567", Likeness::Full, Reason::Same),
        ("0049 (0)30 1234567", "+49301234567", Likeness::Full, Reason::Same),
        ("+49 30 1234567 ext. 3", "+49 30 1234567", Likeness::Partial, Reason::ExtensionDiffers),
        ("+49 30 1234567", "+49 30 1234568", Likeness::None, Reason::NumberDiffers),
        ("+49 30 1234567", "unknown", Likeness::None, Reason::NotAPhoneNumber),
    ] {
        let of = |phone: &str| json!({ "phone_number": phone, "country_code": "DE" });
        assert_eq!(
            compared(Method::Phone, "phone_number", of(one), of(other)),
            (result, why),
            "{one} / {other}"
        );
    }
    let of = |phone: &str| json!({ "phone_number": phone });
    assert_eq!(
        compared(Method::Phone, "phone_number", of("+49 30 1234567"), of("030 1234567")),
        (Likeness::Partial, Reason::CountryCodeLeftOut),
        "nobody says which country the number is of"
    );
}

#[test]
fn document_numbers_agree_but_for_case_blanks_and_look_alikes() {
    for (one, other, result, why) in [
        ("C01X00T47", "C01X00T47", Likeness::Full, Reason::Same),
        ("c01 x00-t47", "C01X00T47", Likeness::Full, Reason::SameWhenNormalised),
        ("CO1XOOT47", "C01X00T47", Likeness::Partial, Reason::LettersForDigits),
        ("C01X00T48", "C01X00T47", Likeness::None, Reason::NumberDiffers),
    ] {
        let of = |number: &str| json!({ "passport_number": number });
        let found = compared(Method::DocumentNumber, "passport_number", of(one), of(other));
        assert_eq!(found, (result, why), "{one} / {other}");
    }
}

#[test]
fn any_document_of_a_list_will_do() {
    let list = json!({ "identification_numbers": [
        { "identification_class": "pp", "identification_number": "C01X00T47" },
        { "identification_class": "dl", "identification_number": "D123" },
    ] });
    let one = json!({ "identification_numbers": "d-123" });
    let found = compared(Method::DocumentNumber, "identification_numbers", one, list);
    assert_eq!(found, (Likeness::Full, Reason::SameWhenNormalised));
}

#[test]
fn emails_agree_but_for_case_dots_and_tags() {
    for (one, other, result, why) in [
        ("jane@example.com", "jane@EXAMPLE.com", Likeness::Full, Reason::Same),
        ("jane@example.com", "Jane@example.com", Likeness::Partial, Reason::CaseDiffers),
        ("jane.doe@example.com", "janedoe@example.com", Likeness::Partial, Reason::DotsOrPlus),
        ("jane@example.com", "jane+kyc@example.com", Likeness::Partial, Reason::DotsOrPlus),
        ("jane@example.com", "john@example.com", Likeness::None, Reason::EmailDiffers),
        ("jane@example.com", "jane@example.org", Likeness::None, Reason::EmailDiffers),
    ] {
        let of = |email: &str| json!({ "email_address": email });
        assert_eq!(
            compared(Method::Email, "email_address", of(one), of(other)),
            (result, why),
            "{one} / {other}"
        );
    }
}

#[test]
fn exact_means_exact() {
    for (one, other, result, why) in [
        (json!("Zürich"), json!("Zu\u{308}rich "), Likeness::Full, Reason::Same),
        (json!("DE"), json!("de"), Likeness::Partial, Reason::CaseDiffers),
        (json!("DE"), json!("AT"), Likeness::None, Reason::Differs),
        (json!(3), json!(3), Likeness::Full, Reason::Same),
        (json!(["a"]), json!(["a", "b"]), Likeness::None, Reason::Differs),
    ] {
        assert_eq!(
            compared(Method::Exact, "x", json!({ "x": one.clone() }), json!({ "x": other.clone() })),
            (result, why),
            "{one} / {other}"
        );
    }
}

#[test]
fn what_the_account_lacks_is_not_applicable_and_what_the_inquiry_lacks_is_a_mismatch() {
    let rule = rule("birthdate", Method::Date);
    let (full, empty) = (fields(json!({ "birthdate": "1990-05-21" })), Map::new());
    let found = compare(&rule, &full, Some(&empty));
    assert_eq!((found.result, found.status()), (Likeness::Missing, CheckStatus::NotApplicable));
    assert!(!found.fails_inquiry());
    let found = compare(&rule, &full, None);
    assert_eq!((found.reason, found.status()), (Reason::NoAccount, CheckStatus::NotApplicable));
    let found = compare(&rule, &empty, Some(&full));
    assert_eq!((found.reason, found.status()), (Reason::InquiryLacks, CheckStatus::Failed));
    assert!(found.fails_inquiry());
    // Nothing on either side is nothing to fail by.
    assert_eq!(compare(&rule, &empty, Some(&empty)).status(), CheckStatus::NotApplicable);
}

#[test]
fn a_required_level_decides_whether_a_partial_result_passes() {
    let (one, other) = (fields(name("Bill||Smith")), fields(name("William||Smith")));
    let mut rule = rule("name", Method::NameFuzzy);
    assert_eq!(compare(&rule, &one, Some(&other)).status(), CheckStatus::Passed);
    rule.any[0].level = Level::Full;
    assert!(compare(&rule, &one, Some(&other)).fails_inquiry());
    rule.requirement = Requirement::NotRequired;
    let found = compare(&rule, &one, Some(&other));
    assert_eq!((found.status(), found.fails_inquiry()), (CheckStatus::Failed, false));
}

#[test]
fn of_several_alternatives_any_will_do() {
    let known = fields(json!({ "name": "William Smith", "other_names": ["Buster Smith", "Bill the Kid"] }));
    let mut rule = rule("name", Method::Exact);
    rule.any[0].level = Level::Full;
    let with = Some("other_names".to_owned());
    rule.any.push(Alternative { method: Method::NameFuzzy, level: Level::Partial, with: with.clone() });
    let found = compare(&rule, &fields(json!({ "name": "Buster Smith" })), Some(&known));
    assert_eq!((found.status(), found.method, found.with), (CheckStatus::Passed, Method::NameFuzzy, with));
    let found = compare(&rule, &fields(json!({ "name": "William Smith" })), Some(&known));
    assert_eq!((found.method, found.result), (Method::Exact, Likeness::Full));
    let found = compare(&rule, &fields(json!({ "name": "Jane Doe" })), Some(&known));
    assert_eq!(found.status(), CheckStatus::Failed);
}

#[test]
fn what_is_stored_holds_no_value() {
    let (one, other) = (fields(name("Zaphod||Beeblebrox")), fields(name("Zaphod||Prefect")));
    let found = compare(&rule("name", Method::NameFuzzy), &one, Some(&other));
    let stored = serde_json::to_string(&found).unwrap();
    assert!(!stored.contains("Zaphod") && !stored.contains("Prefect"), "{stored}");
    assert_eq!(serde_json::from_str::<Compared>(&stored).unwrap(), found);
}

#[test]
fn each_reason_has_its_own_word_and_text() {
    let words: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.word()).collect();
    let texts: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.text()).collect();
    assert_eq!((words.len(), texts.len()), (Reason::ALL.len(), Reason::ALL.len()));
}

use serde_json::json;

use super::*;
use crate::domain::{
    id::AccountTypeId,
    list::{EmailMatch, ListValue},
};

fn field(key: &str, kind: FieldKind, pii: bool) -> Field {
    Field { pii, ..Field::new(key, kind) }
}

fn check(kind: FieldKind, value: &Value) -> Result<Value, Vec<FieldFault>> {
    field("key", kind, true).check(value)
}

fn refused(kind: FieldKind, value: &Value) -> Vec<String> {
    check(kind, value).unwrap_err().iter().map(FieldFault::to_string).collect()
}

fn choices(words: &[&str]) -> Options {
    Options::plain(words.iter().map(|word| (*word).to_owned()).collect())
}

fn individual() -> AccountType {
    AccountType {
        name: "individual".to_owned(),
        kind: SubjectKind::Person,
        fields: vec![
            field("name", FieldKind::person_name(), true),
            field("other_names", FieldKind::texts(), true),
            field("birthdate", FieldKind::DATE, true),
            field("country_code", FieldKind::TEXT, false),
            field("nationality", FieldKind::TEXT, false),
        ],
        statuses: vec![Status::new("active")],
        default_status: "active".to_owned(),
        screened: Screened {
            names: vec!["name".to_owned(), "other_names".to_owned()],
            birth_date: Some("birthdate".to_owned()),
            countries: vec![
                "country_code".to_owned(),
                "nationality".to_owned(),
                "address.country".to_owned(),
            ],
            gender: Some("gender".to_owned()),
            documents: vec![
                ScreenedDocument {
                    field: "passport_number".to_owned(),
                    kind: Some(DocumentKind::Passport),
                    country: Some("nationality".to_owned()),
                },
                ScreenedDocument { field: "papers".to_owned(), kind: None, country: None },
            ],
            ..Screened::default()
        },
        relations: Vec::new(),
    }
}

#[test]
fn texts_are_trimmed_and_control_characters_are_refused() {
    assert_eq!(check(FieldKind::TEXT, &json!("  Jane ")), Ok(json!("Jane")));
    for value in [json!("a\0b"), json!("a\nb"), json!("x".repeat(1025)), json!(5), json!(["a"])] {
        assert_eq!(
            refused(FieldKind::TEXT, &value),
            ["accepted is a text of at most 1024 characters without control characters"]
        );
    }
    assert_eq!(check(FieldKind::TEXT, &json!("ä".repeat(1024))), Ok(json!("ä".repeat(1024))));
    assert!(check(FieldKind::String { max_char_length: 3 }, &json!("abcd")).is_err());
}

#[test]
fn numbers_and_truths_are_taken_from_json_and_from_texts() {
    assert_eq!(check(FieldKind::Integer, &json!("42")), Ok(json!(42)));
    assert_eq!(check(FieldKind::Integer, &json!(-1)), Ok(json!(-1)));
    assert_eq!(check(FieldKind::Number, &json!(" 4.5 ")), Ok(json!(4.5)));
    assert_eq!(check(FieldKind::Number, &json!("7")), Ok(json!(7)));
    assert_eq!(check(FieldKind::Boolean, &json!("true")), Ok(json!(true)));
    for value in [json!("1.5"), json!(1.5), json!(true), json!("9223372036854775808")] {
        assert!(check(FieldKind::Integer, &value).is_err(), "{value}");
    }
    for value in [json!("inf"), json!("NaN"), json!("1,5"), json!({})] {
        assert!(check(FieldKind::Number, &value).is_err(), "{value}");
    }
    assert!(check(FieldKind::Boolean, &json!(1)).is_err());
}

#[test]
fn dates_may_be_partial_must_exist_and_keep_their_bounds() {
    assert_eq!(check(FieldKind::DATE, &json!(" 1970-05")), Ok(json!("1970-05")));
    assert!(check(FieldKind::DATE, &json!("1970-02-30")).is_err());
    assert!(check(FieldKind::DATE, &json!(1970)).is_err());
    let bounds = FieldKind::Date { min_date: "1900-01-01".parse().ok(), max_date: "2020-12-31".parse().ok() };
    assert_eq!(check(bounds.clone(), &json!("2020-12-31")), Ok(json!("2020-12-31")));
    assert_eq!(
        refused(bounds, &json!("2021-01-01")),
        ["accepted is a date: YYYY-MM-DD, YYYY-MM or YYYY, not before 1900-01-01, not after 2020-12-31"]
    );
}

#[test]
fn moments_and_addresses_are_kept_in_one_form() {
    assert_eq!(
        check(FieldKind::Datetime, &json!("2026-01-31T13:00:00+01:00")),
        Ok(json!("2026-01-31T12:00:00.000Z"))
    );
    assert!(check(FieldKind::Datetime, &json!("2026-01-31")).is_err());
    assert_eq!(check(FieldKind::EmailAddress, &json!(" a.b@mail.invalid ")), Ok(json!("a.b@mail.invalid")));
    for address in ["a", "@b", "a@", "a@b..c", "a@@b", "a b@c"] {
        assert!(check(FieldKind::EmailAddress, &json!(address)).is_err(), "{address}");
    }
}

#[test]
fn a_choice_is_one_of_the_choices_and_its_fault_names_them() {
    let tiers = FieldKind::Choices(choices(&["low", "high"]));
    assert_eq!(check(tiers.clone(), &json!("low")), Ok(json!("low")));
    assert_eq!(refused(tiers, &json!("secret")), ["accepted is one of: low, high"]);
    let several = FieldKind::MultiChoices(choices(&["a", "b"]));
    assert_eq!(check(several.clone(), &json!(["b", "a", "b"])), Ok(json!(["b", "a"])));
    assert_eq!(check(several.clone(), &json!([])), Ok(Value::Null));
    assert!(check(several.clone(), &json!(["c"])).is_err());
    assert!(check(several, &json!("a")).is_err());
}

#[test]
fn lists_and_names_keep_only_what_is_there() {
    assert_eq!(check(FieldKind::texts(), &json!([" a ", ""])), Ok(json!(["a"])));
    assert_eq!(check(FieldKind::texts(), &json!([])), Ok(Value::Null));
    assert!(refused(FieldKind::texts(), &json!(["a", 1]))[0].starts_with("1: accepted is a text"));
    assert_eq!(
        refused(FieldKind::texts(), &json!(vec!["a"; 101])),
        ["accepted is a list of at most 100 texts"]
    );
    let name = json!({"first": " Jane", "middle": null, "last": "Doe"});
    assert_eq!(check(FieldKind::person_name(), &name), Ok(json!({"first": "Jane", "last": "Doe"})));
    assert_eq!(
        refused(FieldKind::person_name(), &json!({"nick/name": "J"})),
        ["nick~1name: is unknown; accepted are: first, middle, last"]
    );
    assert_eq!(
        refused(FieldKind::person_name(), &json!("Jane Doe")),
        ["accepted is an object of: first, middle, last"]
    );
}

#[test]
fn every_fault_of_a_deep_value_is_named_by_its_place() {
    let item = |key: &str, kind: FieldKind, required: bool| Item {
        key: key.to_owned(),
        label: String::new(),
        kind,
        required,
    };
    let number = FieldKind::Hash {
        items: vec![
            item("identification_class", FieldKind::TEXT, true),
            item("identification_number", FieldKind::String { max_char_length: 5 }, false),
        ],
        ignore_unknown_keys: true,
    };
    let numbers = FieldKind::Array { item: Box::new(item("", number, false)) };
    let value =
        json!([{ "identification_number": "123456" }, { "identification_class": "pp", "x": 1 }, "pp"]);
    let faults = check(numbers.clone(), &value).unwrap_err();
    let places: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(places, ["/0/identification_number", "/2"]);
    let value = json!([{ "identification_number": "12345" }]);
    assert_eq!(refused(numbers.clone(), &value), ["0/identification_class: is required"]);
    let value = json!([{ "identification_class": "pp", "x": 1 }, {}]);
    assert_eq!(check(numbers, &value), Ok(json!([{ "identification_class": "pp" }])));
}

#[test]
fn json_is_kept_as_it_is_within_bounds() {
    let value = json!({ "a": [1, { "b": null }] });
    assert_eq!(check(FieldKind::Json, &value), Ok(value));
    assert!(check(FieldKind::Json, &json!({ "a\0": 1 })).is_err());
    assert!(check(FieldKind::Json, &json!(["x".repeat(65_536)])).is_err());
    let deep = (0..20).fold(json!(1), |inner, _| json!([inner]));
    assert!(check(FieldKind::Json, &deep).is_err());
}

#[test]
fn nothing_is_kept_as_null_unless_the_field_is_required() {
    let mut name = field("name", FieldKind::person_name(), true);
    assert_eq!(name.check(&json!("")), Ok(Value::Null));
    assert_eq!(name.check(&json!({"first": " "})), Ok(Value::Null));
    name.required = true;
    for value in [Value::Null, json!(""), json!({})] {
        assert_eq!(name.check(&value), Err(vec![FieldFault::at("", "is required")]), "{value}");
    }
}

#[test]
fn no_fault_quotes_the_value() {
    let kinds = [
        FieldKind::TEXT,
        FieldKind::Integer,
        FieldKind::Number,
        FieldKind::Boolean,
        FieldKind::DATE,
        FieldKind::Datetime,
        FieldKind::Choices(choices(&["low"])),
        FieldKind::MultiChoices(choices(&["low"])),
        FieldKind::texts(),
        FieldKind::person_name(),
        FieldKind::File,
        FieldKind::EmailAddress,
    ];
    for kind in kinds {
        let fault = check(kind, &json!("Zaphod\u{7}")).unwrap_err();
        assert!(!format!("{fault:?}").contains("Zaphod"), "{fault:?}");
    }
}

#[test]
fn a_subject_is_built_from_the_screened_fields() {
    let fields = json!({
        "name": {"last": "Doe", "first": "Jane"}, "other_names": ["J. Doe", "Jane Doe"],
        "birthdate": "1970-05", "country_code": "de", "nationality": "Germany", "unscreened": "x",
        "address": { "city": "Wien", "country": "AT" },
    });
    let subject = individual().subject(fields.as_object().unwrap());
    let names: Vec<&String> = subject.names.iter().map(Personal::reveal).collect();
    assert_eq!(names, ["Jane Doe", "J. Doe"]);
    assert_eq!(subject.birth_date.unwrap().reveal().to_string(), "1970-05");
    assert_eq!(subject.countries, ["DE", "AT"].map(|country| Personal::new(country.to_owned())));
}

#[test]
fn a_subject_of_no_fields_lacks_a_name() {
    let subject = individual().subject(&Map::new());
    assert_eq!(subject.missing(), Some("name"));
    assert_eq!(subject.birth_date, None);
}

#[test]
fn fields_that_are_personal_or_unknown_are_sealed() {
    let fields = json!({"name": {"first": "Jane"}, "country_code": "DE", "retired_field": "x"});
    let (plain, personal) = individual().split(fields.as_object().unwrap());
    assert_eq!(Value::Object(plain), json!({"country_code": "DE"}));
    assert_eq!(Value::Object(personal), json!({"name": {"first": "Jane"}, "retired_field": "x"}));
}

#[test]
fn field_keys_are_snake_case() {
    assert!(is_field_key("country_code") && is_field_key("address_street_1"));
    for key in ["", "Name", "country-code", "1st", "_x", "naïve", &"x".repeat(64)] {
        assert!(!is_field_key(key), "{key}");
    }
}

#[test]
fn what_earlier_versions_wrote_is_read_and_written_in_todays_form() {
    let written = json!({
        "name": "individual", "kind": "person", "default-status": "active",
        "statuses": ["active", "closed"],
        "screened": { "names": ["name"], "birth-date": null, "countries": [] },
        "fields": [
            { "key": "name", "label": "Name", "kind": "person-name", "pii": true, "required": false },
            { "key": "other_names", "label": "Other names", "kind": "string-list", "pii": true, "required": false },
            { "key": "risk", "label": "Risk", "kind": { "choices": ["low"] }, "pii": false, "required": true },
        ],
    });
    let read: AccountType = serde_json::from_value(written).unwrap();
    assert!(read.fields[0].kind.is_person_name() && read.fields[1].kind.is_text_list());
    assert_eq!(read.fields[2].kind, FieldKind::Choices(choices(&["low"])));
    assert_eq!(read.status_names(), ["active", "closed"]);
    let again: AccountType = serde_json::from_value(serde_json::to_value(&read).unwrap()).unwrap();
    assert_eq!(again, read);
}

#[test]
fn a_status_is_set_by_its_name_and_kept_by_its_key() {
    let mut account_type = individual();
    account_type.statuses.push(Status { name: "in review".to_owned(), ..Status::new("review") });
    assert_eq!(account_type.status_key("in review"), Some("review"));
    assert_eq!(account_type.status_key("review"), Some("review"));
    assert_eq!(account_type.status_name("review"), "in review");
    assert_eq!(account_type.status_name("gone"), "gone");
    let id = AccountTypeId(uuid::Uuid::from_u128(7));
    let [first, second] = [0, 1].map(|number| account_type.statuses[number].id(id));
    assert_ne!(first, second);
    assert_eq!(first, Status { name: "x".to_owned(), ..Status::new("active") }.id(id));
}

#[test]
fn a_schema_of_the_api_is_read_and_shown_the_same() {
    let schema = json!({
        "type": "hash", "key": "address", "label": "Address", "default-value": null,
        "config": { "required": false, "item-schemas": [
            { "type": "string", "key": "city", "label": "City", "config": { "required": true, "max-char-length": 80 } },
        ], "ignore-unknown-keys": true, "redaction-policy": "never", "write-policy": "write_once",
        "identifier": false, "unique": false, "case-sensitive": false, "searchable": false, "pii": true,
        "archived-at": null, "deactivated-at": null },
    });
    let mut faults = Vec::new();
    let field = read_field(&schema, "", &mut faults).unwrap();
    assert_eq!(faults, []);
    assert_eq!(written_field(&field), schema);
    let short = json!({ "type": "string", "key": "nick_name", "config": {}, "default-value": " J " });
    let field = read_field(&short, "", &mut faults).unwrap();
    assert_eq!(faults, []);
    assert_eq!((field.label.as_str(), field.default_value), ("Nick name", Some(json!("J"))));
    assert_eq!(field.kind, FieldKind::String { max_char_length: 255 });
}

#[test]
fn every_fault_of_a_schema_is_named_by_its_place() {
    let schema = json!({
        "type": "hash", "key": "Address", "colour": "red", "config": { "unique": "yes", "searchable": true,
        "item-schemas": [
            { "type": "string", "key": "city", "config": { "max-char-length": 5000, "options": [] } },
            { "type": "choices", "key": "city", "config": { "options": ["a", "a"] } },
            { "type": "cloth", "key": "x" }, { "type": "file", "key": "y" }, 7,
        ] },
    });
    let mut faults = Vec::new();
    assert!(read_field(&schema, "/f", &mut faults).is_none());
    let mut places: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    places.sort_unstable();
    assert_eq!(
        places,
        [
            "/f/colour",
            "/f/config/item-schemas/0/config/max-char-length",
            "/f/config/item-schemas/0/config/options",
            "/f/config/item-schemas/1/config/options",
            "/f/config/item-schemas/2/type",
            "/f/config/item-schemas/3/type",
            "/f/config/item-schemas/4",
            "/f/config/unique",
            "/f/key",
        ]
    );
}

#[test]
fn a_narrower_field_refuses_what_it_would_no_longer_keep() {
    let before = individual();
    let mut after = individual();
    after.fields[1].required = true;
    after.fields[3].kind = FieldKind::Choices(choices(&["DE"]));
    after.fields.remove(4);
    let found = narrowed(&before, &after);
    let keys: Vec<&str> = found.iter().map(|one| one.field.key.as_str()).collect();
    assert_eq!(keys, ["other_names", "country_code"]);
    let fields = json!({ "country_code": "AT" });
    assert!(found.iter().all(|one| one.refuses(fields.as_object().unwrap())));
    let fields = json!({ "country_code": "DE", "other_names": ["A"] });
    assert!(!found.iter().any(|one| one.refuses(fields.as_object().unwrap())));
    keep_archived(&before, &mut after, "2026-01-01T00:00:00Z".parse().unwrap());
    assert!(after.field("nationality").is_none());
    assert!(after.any_field("nationality").unwrap().archived_at.is_some());
}

#[test]
fn a_layout_is_checked_against_its_type() {
    let account_type = individual();
    assert_eq!(Layout::of_all(&account_type).faults(&account_type), []);
    let layout: Layout = serde_json::from_value(json!({ "sections": [
        { "title": "Person", "columns": 2, "fields": [
            { "key": "name", "width": 2 }, { "key": "shoe_size" }, { "key": "name", "width": 3 },
        ] },
        { "title": " ", "columns": 9 },
    ] }))
    .unwrap();
    let faults = layout.faults(&account_type);
    let places: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(places, ["/0/fields/1/key", "/0/fields/2/key", "/0/fields/2/width", "/1/title", "/1/columns"]);
}

#[test]
fn values_are_shown_as_trees_of_their_types() {
    let mut account_type = individual();
    account_type.fields.push(field("photo", FieldKind::File, true));
    account_type.fields[3].archived_at = Some("2026-01-01T00:00:00Z".parse().unwrap());
    let fields = json!({
        "name": { "first": "Jane" }, "other_names": ["J."], "photo": { "file-id": "f" },
        "country_code": "DE", "left": { "a": [1] },
    });
    let tree = account_type.tree(fields.as_object().unwrap(), &|_| json!({ "url": "u" }));
    assert_eq!(
        Value::Object(tree),
        json!({
            "name": { "type": "hash", "value": {
                "first": { "type": "string", "value": "Jane" },
                "middle": { "type": "string", "value": null },
                "last": { "type": "string", "value": null },
            } },
            "other_names": { "type": "array", "value": [{ "type": "string", "value": "J." }] },
            "birthdate": { "type": "date", "value": null },
            "country_code": { "type": "string", "value": "DE" },
            "nationality": { "type": "string", "value": null },
            "photo": { "type": "file", "value": { "url": "u" } },
            "left": { "type": "hash", "value": {
                "a": { "type": "array", "value": [{ "type": "number", "value": 1 }] },
            } },
        })
    );
}

#[test]
fn gender_and_documents_of_an_account_are_asked_about() {
    let fields = json!({
        "name": {"first": "Jane", "last": "Doe"}, "nationality": "de", "gender": "Female",
        "passport_number": " C01X00T47 ",
        "papers": [
            {"identification_class": "dl", "identification_number": "D 123456", "issuing_country": "us"},
            {"identification_class": "dl"},
            {"identification_number": "77-88-99"},
        ],
    });
    let subject = individual().subject(fields.as_object().unwrap());
    assert_eq!(subject.gender.as_ref().map(|gender| *gender.reveal()), Some(Gender::Female));
    let documents: Vec<String> = subject.documents.iter().map(|one| one.reveal().to_string()).collect();
    assert_eq!(documents, ["passport C01X00T47 (DE)", "dl D 123456 (US)", "Identifier 77-88-99"]);
    assert_eq!(subject.documents[1].reveal().sort(), Some(DocumentKind::DriversLicense));
    let nothing = json!({"gender": "x", "passport_number": "", "papers": "none"});
    let subject = individual().subject(nothing.as_object().unwrap());
    assert!(subject.gender.is_none());
    assert_eq!(subject.documents.len(), 1, "a text where an array of hashes may be is a number");
}

#[test]
fn contacts_come_from_the_fields_that_are_named_or_called_so_each_once_and_in_one_form() {
    let email = |value: &str| ListValue::Email { value: value.to_owned(), matches: EmailMatch::EmailAddress };
    let phone = |value: &str| ListValue::Phone { value: value.to_owned() };
    let mut account_type = individual();
    account_type.fields.push(field("email_address", FieldKind::TEXT, true));
    account_type.fields.push(field("work", FieldKind::EmailAddress, true));
    account_type.fields.push(field("phone_number", FieldKind::TEXT, true));
    account_type.fields.push(field("seen_from", FieldKind::texts(), true));
    let fields = json!({
        "name": {"first": "Jane"}, "country_code": "de",
        "email_address": "Jane@Mail.invalid", "work": "jane@mail.invalid",
        "phone_number": "030/1234567", "seen_from": ["::ffff:192.0.2.7", "nowhere"],
    });
    let contacts = |account_type: &AccountType| -> Vec<ListValue> {
        let subject = account_type.subject(fields.as_object().unwrap());
        subject.contacts.into_iter().map(Personal::into_revealed).collect()
    };
    let usual = [email("jane@mail.invalid"), phone("+49301234567"), phone("030/1234567")];
    assert_eq!(contacts(&account_type), usual);
    assert_eq!(account_type.contact_paths(ContactKind::EmailAddress), ["email_address", "work"]);
    assert!(account_type.screened_paths().contains(&"phone_number".to_owned()));

    account_type.screened.email_addresses = Some(Vec::new());
    account_type.screened.phone_numbers = Some(Vec::new());
    account_type.screened.ip_addresses = Some(vec!["seen_from".to_owned()]);
    assert_eq!(contacts(&account_type), [ListValue::Ip { value: "192.0.2.7".to_owned() }]);
}

#[test]
fn a_value_is_what_its_field_is_screened_for_or_is_refused_unless_it_stood_there_before() {
    let mut account_type = individual();
    account_type.fields.push(field("email_address", FieldKind::TEXT, true));
    account_type.fields.push(field("phone_number", FieldKind::TEXT, true));
    let meanings = account_type.meanings();
    let today = chrono::NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
    let refused = |key: &str, value: Value, old: Option<&Value>| -> Vec<String> {
        meanings.faults(key, &value, old, today).iter().map(|fault| fault.path.clone()).collect()
    };
    for (key, value, places) in [
        ("country_code", json!("Germany"), vec![""]),
        ("country_code", json!("XX"), vec![""]),
        ("nationality", json!("gb"), vec![]),
        ("address", json!({"city": "Germany", "country": "DEU"}), vec!["/country"]),
        (
            "papers",
            json!([{"issuing_country": "US"}, {"issuing_country": "Utopia"}]),
            vec!["/1/issuing_country"],
        ),
        ("birthdate", json!("2026-03-03"), vec![""]),
        ("birthdate", json!("2026"), vec![]),
        ("email_address", json!("jane.mail.invalid"), vec![""]),
        ("email_address", json!("jane@mail.invalid"), vec![]),
        ("phone_number", json!("call me"), vec![""]),
        ("phone_number", json!("+49 30 1234567"), vec![]),
        ("other_names", json!(["Germany"]), vec![]),
        ("country_code", Value::Null, vec![]),
    ] {
        assert_eq!(refused(key, value.clone(), None), places, "{key} {value}");
        assert_eq!(refused(key, value.clone(), Some(&value)), [""; 0], "{key}: it was taken before");
    }
}

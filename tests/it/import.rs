//! Import: the good rows are taken, each bad one is named by line and reason, and no reason quotes it.

use sqlx::PgPool;
use watchkeeper::actions::import::{BadRow, Format, HeaderMap, ImportOptions, Imported};

use crate::fixtures::{DAILY, House};

/// Created, updated, unchanged, bad.
fn figures(imported: &Imported) -> (u64, u64, u64, usize) {
    (imported.created, imported.updated, imported.unchanged, imported.bad.len())
}

fn bad(rows: &[BadRow]) -> Vec<(u64, &str)> {
    rows.iter().map(|row| (row.line, row.reason.as_str())).collect()
}

fn options(account_type: Option<&str>, headers: &[(&str, &str)]) -> ImportOptions {
    let headers: HeaderMap =
        headers.iter().map(|(header, key)| ((*header).to_owned(), (*key).to_owned())).collect();
    ImportOptions { account_type: account_type.map(str::to_owned), headers, ..ImportOptions::default() }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn good_rows_become_accounts_of_their_types_with_their_own_fields_and_tags(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let imported = house
        .import(
            "reference_id,type,name_first,name_middle,name_last,name,birthdate,country,status,tags,risk_rating,score,markets,other_names\n\
             c-1,individual,Ada,von der,Muster,,1980-02-29,DE,,vip; retail ;,high,7,de;at,A. Muster;Muster A.\n\
             c-2,business,,,,Muster Works,1999,AT,under-review,,,,,\n",
        )
        .await;
    assert_eq!(figures(&imported), (2, 0, 0, 0));

    let person = house.account("c-1").await;
    assert_eq!((person.account_type.as_str(), person.status.as_str()), ("individual", "active"));
    assert_eq!(person.tags, ["retail", "vip"]);
    assert_eq!(
        serde_json::Value::Object(person.fields),
        serde_json::json!({
            "name": { "first": "Ada", "middle": "von der", "last": "Muster" },
            "birthdate": "1980-02-29",
            "country_code": "DE",
            "risk_rating": "high",
            "score": 7,
            "markets": ["de", "at"],
            "other_names": ["A. Muster", "Muster A."],
        })
    );
    let business = house.account("c-2").await;
    assert_eq!((business.account_type.as_str(), business.status.as_str()), ("business", "under-review"));
    assert_eq!(business.fields["business_name"], "Muster Works");
    assert_eq!(business.fields["incorporation_date"], "1999");

    // Only the fields that are not marked pii stand in the plain column.
    let plain = house
        .texts("select string_agg(key, ' ' order by key) from accounts, jsonb_object_keys(fields) as key group by account_id order by 1")
        .await;
    assert_eq!(plain, ["country_code incorporation_date", "country_code markets risk_rating score"]);
    assert_eq!(house.count("select count(*) from accounts where sealed_fields is not null").await, 2);
    let told = house.texts("select distinct kind || ' ' || actor from events order by 1").await;
    assert_eq!(told, ["account.created import", "account.tag-added import"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn each_bad_row_is_named_by_its_line_and_reason_and_the_others_are_taken(pool: PgPool) {
    let mut house = House::new(&pool, "").await;
    house
        .configure(
            "[account-types.business.fields]\nbusiness_name = { type = \"string\", required = true }\n",
        )
        .await;
    let long = "x".repeat(256);
    let text = "accepted is a text of at most 1024 characters without control characters";
    let rows: [(&str, Option<&str>); 18] = [
        ("good-1,individual,Test Secretname,,,,,", None),
        (
            ",individual,Test Secretname,,,,,",
            Some("reference_id: is empty; accepted is a text of 1 to 255 characters"),
        ),
        (
            &format!("{long},individual,Test Secretname,,,,,"),
            Some("reference_id: accepted is a text of 1 to 255 characters without control characters"),
        ),
        ("b-1,secretkind,Test Secretname,,,,,", Some("type: accepted is one of business, individual")),
        ("b-2,,Test Secretname,,,,,", Some("type: is empty, and nothing else says which")),
        (
            "b-3,individual,Test Secretname,secretstatus,,,,",
            Some("status: accepted is one of active, under-review, blocked, closed"),
        ),
        (
            &format!("b-4,individual,Test Secretname,,{long},,,"),
            Some("tags: accepted are texts of 1 to 255 characters, with semicolons between"),
        ),
        (
            "b-5,individual,Test Secretname,,,31.12.1980,,",
            Some("birthdate: accepted is a date: YYYY-MM-DD, YYYY-MM or YYYY"),
        ),
        (
            "b-6,individual,Test Secretname,,,1981-02-29,,",
            Some("birthdate: accepted is a date: YYYY-MM-DD, YYYY-MM or YYYY"),
        ),
        (
            "b-7,individual,Test Secretname,,,,secret,",
            Some("risk_rating: accepted is one of: low, medium, high"),
        ),
        ("b-8,individual,Test Secretname,,,,,secret", Some("score: accepted is a whole number of 64 bits")),
        (
            "b-9,business,Test Secretname,,,,high,",
            Some("risk_rating: accounts of type business have no such field"),
        ),
        ("b-10,business,,,,,,", Some("business_name: is required")),
        ("b-11,individual,Test Secretname,,,,", Some("has 7 cells; accepted are 8, as in the header")),
        ("b-12,individual,Test Secretname,,,,,,", Some("has 9 cells; accepted are 8, as in the header")),
        (
            &format!("b-13,business,{}Secretname,,,,,", "x".repeat(1024)),
            Some(&format!("business_name: {text}")),
        ),
        (
            "GOOD-1,individual,Test Secretname,,,,,",
            Some("reference_id: line 2 of this file has the same; accepted is each once"),
        ),
        ("good-2,business,Test Secretname,,,,,", None),
    ];
    let header = "reference_id,type,name,status,tags,birthdate,risk_rating,score\n";
    let file: String = rows.iter().map(|(row, _)| format!("{row}\n")).collect();
    let mut imported = house.import_as(format!("{header}{file}"), &ImportOptions::default()).await.unwrap();

    imported.bad.sort_by_key(|row| row.line);
    let expected: Vec<(u64, &str)> =
        (2..).zip(&rows).filter_map(|(line, (_, reason))| Some((line, (*reason)?))).collect();
    assert_eq!(bad(&imported.bad), expected);
    assert_eq!(figures(&imported), (2, 0, 0, 16));
    assert!(!format!("{imported:?}").to_lowercase().contains("secret"), "{imported:?}");
    assert_eq!(house.texts("select reference_id from accounts order by 1").await, ["good-1", "good-2"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn bytes_that_are_no_utf8_are_refused_by_row_and_a_byte_order_mark_is_none(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let file =
        b"\xEF\xBB\xBFreference_id,type,name\r\na,individual,Test \xE4\r\nb,individual,Test \xC3\xA4\r\n";
    let imported = house.import_as(file, &ImportOptions::default()).await.unwrap();
    assert_eq!(bad(&imported.bad), [(2, "name: accepted is UTF-8")]);
    assert_eq!(house.account("b").await.fields["name"]["last"], "ä");

    let error = house.import_as(b"reference_id,type,\xFF\n", &ImportOptions::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "test.csv: the header line is not UTF-8");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn lines_are_counted_as_an_editor_counts_them(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let file = "reference_id,type,address_city,name\n\
                a,individual,City,\"Test, A\"\n\
                b,individual,\"two\nlines\",Test B\n\
                \n\n\
                c,nothing,City,\"Test C\"\n\
                d,nothing,City,Test D";
    let text = "address_city: accepted is a text of one line";
    let kind = "type: accepted is one of business, individual";
    for (ending, created) in [("\n", 1), ("\r\n", 0)] {
        let imported = house.import_as(file.replace('\n', ending), &ImportOptions::default()).await.unwrap();
        assert_eq!(bad(&imported.bad), [(3, text), (7, kind), (8, kind)], "{ending:?}");
        assert_eq!(figures(&imported), (created, 0, 1 - created, 3), "{ending:?}");
    }
    assert_eq!(house.account("a").await.fields["name"]["last"], "A");

    // A quotation mark that nobody closes takes the rest of the file with it; its row is the one to look at.
    let file = "reference_id,type,name\na,individual,Test A\nb,individual,\"Test B\nc,individual,Test C\n";
    let imported = house.import_as(file, &ImportOptions::default()).await.unwrap();
    assert_eq!(bad(&imported.bad), [(3, "name: accepted is a text of one line")]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn headers_are_read_in_any_spelling_and_mapped_where_they_are_the_customers_own(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let mapped =
        options(Some("individual"), &[("KdNr", "reference_id"), ("Ort", "address_city"), ("Notiz", "")]);
    let file = "KdNr,Name First,NAME-LAST,Date of Birth,Country Code,Ort,Notiz\nk1,Ada,Muster,1980,DE,Ulm,anything\n";
    assert_eq!(figures(&house.import_as(file, &mapped).await.unwrap()), (1, 0, 0, 0));
    let fields = house.account("k1").await.fields;
    assert_eq!(
        serde_json::Value::Object(fields),
        serde_json::json!({
            "name": { "first": "Ada", "last": "Muster" },
            "birthdate": "1980",
            "country_code": "DE",
            "address": { "city": "Ulm" },
        })
    );
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_file_whose_headers_say_too_little_or_too_much_is_refused_whole(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let fault = async |file: &str, options: &ImportOptions| {
        let error = house.import_as(file, options).await.unwrap_err().to_string();
        assert_eq!(house.count("select count(*) from accounts").await, 0);
        error
    };
    let none = ImportOptions::default();
    let unknown = fault("reference_id,type,shoe_size,Hat\na,individual,1,2\n", &none).await;
    assert!(
        unknown.starts_with("test.csv: unknown headers in columns 3, 4 of the first line; accepted are reference_id, type, name, birthdate, country, tags, status, "),
        "{unknown}"
    );
    assert!(unknown.contains(" name_first, name_middle, name_last, "), "{unknown}");
    assert!(unknown.contains(" risk_rating, "), "{unknown}");
    assert!(
        unknown.ends_with(". Say what a header means with --map 'HEADER=FIELD', or leave its column out with --map 'HEADER='"),
        "{unknown}"
    );
    assert_eq!(
        fault("type,name\nindividual,Test A\n", &none).await,
        "test.csv: no column holds the reference id; accepted is a header reference_id, or --map 'HEADER=reference_id'"
    );
    assert_eq!(
        fault("reference_id,name\na,Test A\n", &none).await,
        "test.csv: no column holds the account type; accepted is a header type, or --type with one of business, individual"
    );
    assert_eq!(
        fault("reference_id,name\na,Test A\n", &options(Some("robot"), &[])).await,
        "test.csv: there is no account type of that name; accepted are business, individual"
    );
    let mapped = fault("reference_id,type,x\na,individual,1\n", &options(None, &[("x", "shoe_size")])).await;
    assert!(
        mapped.starts_with("test.csv: --map names \"shoe_size\", which no account type has; accepted are "),
        "{mapped}"
    );
    assert_eq!(
        fault("reference_id,type\na,individual\n", &options(None, &[("x", "name")])).await,
        "test.csv: --map names the header \"x\", which the file does not have"
    );
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_key_that_is_not_known_is_named_and_another_separator_is_said(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let ndjson = ImportOptions { format: Format::Ndjson, ..options(Some("individual"), &[]) };
    let lines = "{\"reference_id\": \"k1\", \"shoe_size\": 7}\n{\"reference_id\": \"k2\", \"Jane Doe\": 7}\n";
    let imported = house.import_as(lines, &ndjson).await.unwrap();
    let [named, unnamed] = imported.bad.as_slice() else { panic!("{:?}", imported.bad) };
    assert_eq!(named.column.as_deref(), Some("shoe_size"));
    assert!(named.reason.starts_with("shoe_size: is not a known key"), "{named:?}");
    assert!(unnamed.column.is_none() && !unnamed.reason.contains("Jane"), "{unnamed:?}");

    for (separator, said) in [(";", "semicolons"), ("\t", "tabs")] {
        let file = "reference_id,type,name\nk3,individual,Ada Muster\n".replace(',', separator);
        let fault = house.import_as(file, &ImportOptions::default()).await.unwrap_err().to_string();
        assert!(fault.contains(said) && fault.contains("commas"), "{fault}");
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_same_file_again_changes_nothing_and_a_corrected_one_what_it_corrects(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let file = "reference_id,type,name,birthdate,country,tags\nRef-1,individual,Test A,1980,DE,one\nref-2,individual,Test B,,AT,\n";
    assert_eq!(figures(&house.import(file).await), (2, 0, 0, 0));
    let everything = "select kept::text from (
        select accounts::text from accounts union all
        select account_tags::text from account_tags union all
        select events::text from events
    ) as kept order by 1";
    let before = house.texts(everything).await;
    assert_eq!(figures(&house.import(file).await), (0, 0, 2, 0));
    assert_eq!(house.texts(everything).await, before);

    // Another case names the same account; filled cells replace, empty ones leave, tags are added.
    let again = "reference_id,type,name,birthdate,country,tags\nREF-1,individual,,1981,,two\nref-2,individual,Test B,,AT,\n";
    assert_eq!(figures(&house.import(again).await), (0, 1, 1, 0));
    let account = house.account("ref-1").await;
    assert_eq!(account.reference_id.as_deref(), Some("Ref-1"));
    assert_eq!(account.tags, ["one", "two"]);
    assert_eq!(account.version, 2);
    assert_eq!(
        serde_json::Value::Object(account.fields),
        serde_json::json!({ "name": { "first": "Test", "last": "A" }, "birthdate": "1981", "country_code": "DE" })
    );
    assert_eq!(house.account("ref-2").await.version, 1);
    // A reference id is one account a type.
    assert_eq!(
        figures(&house.import("reference_id,type,name\nref-1,business,Test Works\n").await),
        (1, 0, 0, 0)
    );
    assert_eq!(house.count("select count(*) from accounts").await, 3);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_change_of_what_is_screened_wakes_the_account_and_no_other_change_does(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    house.run("p1").await;
    house.run("p2").await;
    let before = house.due("p1").await;

    house.import("reference_id,type,address_city,risk_rating,tags,status\np1,individual,Springfield,low,vip,blocked\n").await;
    assert_eq!(house.account("p1").await.version, 2);
    assert_eq!(house.count("select count(*) from wakeups").await, 0);
    assert_eq!(house.due("p1").await, before);

    for (file, wanted) in [
        ("reference_id,type,birthdate\np1,individual,1980\n", 1),
        ("reference_id,type,country\np1,individual,DE\n", 2),
        ("reference_id,type,name\np1,individual,Test Other\n", 3),
        ("reference_id,type,email_address\np1,individual,a@mail.invalid\n", 4),
        ("reference_id,type,phone_number\np1,individual,+49 30 1234567\n", 5),
    ] {
        house.import(file).await;
        let due = house.due("p1").await;
        assert_eq!((due.wanted, due.at), (before.wanted + wanted, house.now()), "{file}");
    }
    assert_eq!(house.texts("select reason from wakeups").await, ["account-change"]);
    assert!(house.run("p1").await);
    assert_eq!(house.scripted.calls().last().unwrap().name, "Test Other");
    assert_eq!(house.texts("select account_version::text from runs where slot = 1").await, ["7"]);
    assert_eq!(house.count("select count(*) from wakeups").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_file_of_more_than_one_batch_is_taken_whole(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let rows: String = (0..2500).map(|number| format!("r{number},individual,Test Person\n")).collect();
    let file = format!("reference_id,type,name\n{rows}R7,individual,Test Person\n");
    let imported = house.import_as(file, &ImportOptions::default()).await.unwrap();
    assert_eq!(figures(&imported), (2500, 0, 0, 1));
    assert_eq!(imported.bad[0].line, 2502);
    assert_eq!(house.count("select count(*) from accounts").await, 2500);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_quote_that_nobody_closes_ends_a_large_file_and_what_was_read_before_stays_taken(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let rest = "c,individual,Test C\r\n".repeat(100_000);
    let file = format!("reference_id,type,name\r\na,individual,Test A\r\nb,individual,\"Test B\r\n{rest}");
    let error = house.import_as(file, &ImportOptions::default()).await.unwrap_err().to_string();
    let fault = "a quote opened in line 3 is not closed within 1 MiB; rows after that are not read";
    assert_eq!(error, format!("test.csv: {fault}"));
    assert_eq!(house.texts("select reference_id from accounts").await, ["a"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_tag_that_is_retired_is_given_to_nobody_and_the_row_says_so(pool: PgPool) {
    let house = House::new(&pool, "").await;
    house.import("reference_id,type,tags\na,individual,old\n").await;
    sqlx::query("update tags set retired_at = now()").execute(&pool).await.unwrap();
    let file = "reference_id,type,tags\na,individual,old\nb,individual,old;new\nc,individual,new\n";
    let imported = house.import_as(file, &ImportOptions::default()).await.unwrap();
    let reason = "tags: one of them is retired; accepted are tags in use, and new ones";
    assert_eq!(bad(&imported.bad), [(3, reason)]);
    assert_eq!(imported.bad[0].column.as_deref(), Some("tags"));
    assert_eq!(figures(&imported), (1, 0, 1, 1), "who has it keeps it");
    assert_eq!(house.account("a").await.tags, ["old"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn two_columns_of_one_meaning_are_refused_by_their_numbers(pool: PgPool) {
    let house = House::new(&pool, "").await;
    for header in ["reference_id,type,name,tags,name", "reference_id,type,name,tags,NAME"] {
        let file = format!("{header}\na,individual,A,,B\n");
        let error = house.import_as(file, &ImportOptions::default()).await.unwrap_err().to_string();
        assert!(error.contains("the columns 3 and 5 of the first line mean the same"), "{error}");
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_row_whose_screened_values_are_not_what_they_are_said_to_be_is_refused(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let rows = [
        (
            "b-1,individual,Germany,,,",
            "country_code: accepted is an ISO 3166-1 alpha-2 code of a country, such as DE",
        ),
        (
            "b-2,individual,XX,,,",
            "country_code: accepted is an ISO 3166-1 alpha-2 code of a country, such as DE",
        ),
        ("b-3,individual,,2026-03-03,,", "birthdate: accepted is a date that is not in the future"),
        (
            "b-4,individual,,,secret,",
            "email_address: accepted is an e-mail address of at most 254 characters",
        ),
        ("b-5,individual,,,,secret", "phone_number: accepted is a phone number such as +49 30 123456"),
    ];
    let header = "reference_id,type,country,birthdate,email_address,phone_number\n";
    let file: String = rows.iter().map(|(row, _)| format!("{row}\n")).collect();
    let good = "good,individual,gb,2026-03-01,a@mail.invalid,+49 30 1234567\n";
    let file = format!("{header}{file}{good}");
    let imported = house.import_as(file, &ImportOptions::default()).await.unwrap();
    let expected: Vec<(u64, &str)> = (2..).zip(rows.iter().map(|(_, reason)| *reason)).collect();
    assert_eq!(bad(&imported.bad), expected);
    assert_eq!(house.texts("select reference_id from accounts").await, ["good"]);
}

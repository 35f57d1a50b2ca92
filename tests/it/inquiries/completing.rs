//! What completing an inquiry comes to, and what it does to the account.

use serde_json::{Value, json};
use sqlx::PgPool;

use super::{KYC, account, checks, complete, edit, inquiry, jane, opened, template};
use crate::fixtures::{Client, House};

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_agrees_completes_and_the_checks_say_why(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    let id = inquiry(&client, jane.id).await;
    let done = complete(
        &client,
        &id,
        &json!({ "name-first": "DOE", "name-last": "Jane", "birthdate": "1990-05-21", "phone-number": "+49 30 1234567" }),
    )
    .await
    .expect(200);
    assert_eq!(done.attribute("status"), "completed");
    assert_eq!(done.attribute("completed-at"), "2026-03-01T09:00:00.000Z");
    assert_eq!(
        checks(&done),
        [
            "account_birthdate_comparison passed same",
            "account_name_comparison passed first_and_last_name_transposed",
            "account_phone_number_comparison not_applicable no_value_to_compare_with",
        ]
    );
    let name = &done.attribute("checks")[1];
    assert_eq!(
        name["metadata"],
        json!({
            "field": "name", "method": "name-fuzzy", "match-requirement": "partial", "result": "partial",
            "explanation": "first and last name are the other way round",
        })
    );
    assert_eq!(name["requirement"], "required");
    assert_eq!(done.attribute("fields")["name-first"], json!({ "type": "string", "value": "DOE" }));
    assert_eq!(done.attribute("fields")["birthdate"], json!({ "type": "date", "value": "1990-05-21" }));
    // What the account had stays; what it lacked, the first completed inquiry fills.
    let after = opened(&house, jane.id).await;
    assert_eq!(after.fields["name"], json!({ "first": "Jane", "last": "Doe" }));
    assert_eq!(after.fields["phone_number"], "+49 30 1234567");
    let told =
        "select kind from events where kind like 'inquiry.%' or kind like 'account.upd%' order by kind";
    assert_eq!(
        house.texts(told).await,
        ["account.updated-fields", "inquiry.completed", "inquiry.created", "inquiry.started"]
    );
    complete(&client, &id, &json!({})).await.expect(409);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_required_mismatch_fails_and_leaves_the_account_alone(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    let id = inquiry(&client, jane.id).await;
    let values = json!({
        "name": { "first": "Robert", "last": "Miller" }, "birthdate": "1990-05-22", "email-address": "x@example.com",
    });
    let done = complete(&client, &id, &values).await.expect(200);
    assert_eq!(done.attribute("status"), "failed");
    assert!(done.attribute("failed-at").is_string() && done.attribute("completed-at").is_null());
    assert_eq!(
        checks(&done)[..2],
        ["account_birthdate_comparison failed day_off_by_one", "account_name_comparison failed name_differs"],
        "the template wants the whole date"
    );
    assert_eq!(opened(&house, jane.id).await.version, jane.version);
    // No value of either side is stored in what outlives redaction, or told in events.
    let told =
        house.texts("select detail::text from events union all select checks::text from inquiries").await;
    for secret in ["Robert", "Miller", "Jane", "1990", "example.com"] {
        assert!(!told.iter().any(|text| text.contains(secret)), "{secret}: {told:?}");
    }
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_optional_mismatch_is_shown_and_the_field_is_updated_as_the_template_says(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let mut known = jane();
    known["phone_number"] = json!("+49 30 1234567");
    known["country_code"] = json!("DE");
    let jane = account(&house, "c-1", &known).await;
    let first = inquiry(&client, jane.id).await;
    let mut values = super::jane();
    values["phone_number"] = json!("030 / 12 34 567");
    let done = complete(&client, &first, &values).await.expect(200);
    assert_eq!(checks(&done)[2], "account_phone_number_comparison passed same");

    let second = inquiry(&client, jane.id).await;
    values["phone_number"] = json!("+49 40 7654321");
    values["country_code"] = json!("AT");
    let done = complete(&client, &second, &values).await.expect(200);
    assert_eq!(done.attribute("status"), "completed");
    assert_eq!(checks(&done)[2], "account_phone_number_comparison failed number_differs");
    let after = opened(&house, jane.id).await;
    assert_eq!(after.fields["phone_number"], "+49 40 7654321", "the template updates it");
    assert_eq!(after.fields["country_code"], "DE", "and not this one");
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_first_completed_inquiry_fills_an_empty_account_and_an_edit_moves_the_baseline(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let empty = account(&house, "c-1", &json!({})).await;
    let id = inquiry(&client, empty.id).await;
    let done = complete(&client, &id, &jane()).await.expect(200);
    assert_eq!(done.attribute("status"), "completed");
    assert!(checks(&done).iter().all(|check| check.contains("not_applicable")), "{:?}", checks(&done));
    assert_eq!(Value::Object(opened(&house, empty.id).await.fields), jane());

    // Jane marries: her old name contradicts, once the account has the new one; her maiden name is still known.
    edit(&house, empty.id, &json!({ "name": { "first": "Jane", "last": "Smith" } })).await;
    let old = inquiry(&client, empty.id).await;
    let done = complete(&client, &old, &jane()).await.expect(200);
    assert_eq!(done.attribute("status"), "failed");
    assert_eq!(checks(&done)[1], "account_name_comparison failed last_name_differs");
    edit(&house, empty.id, &json!({ "other_names": ["Jane Doe"] })).await;
    let known = inquiry(&client, empty.id).await;
    let done = complete(&client, &known, &jane()).await.expect(200);
    assert_eq!(
        done.attribute("status"),
        "completed",
        "an alternative of the rule agrees: {:?}",
        checks(&done)
    );
    assert_eq!(done.attribute("checks")[1]["metadata"]["with"], "other_names");
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_was_to_be_collected_and_is_missing_is_a_mismatch(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    let id = inquiry(&client, jane.id).await;
    let done =
        complete(&client, &id, &json!({ "name": { "first": "Jane", "last": "Doe" } })).await.expect(200);
    assert_eq!(done.attribute("status"), "failed");
    assert_eq!(checks(&done)[0], "account_birthdate_comparison failed not_collected");

    let body = json!({
        "data": { "attributes": { "inquiry-template-id": template("kyc"), "fields": super::jane() } },
        "meta": { "auto-create-account": false },
    });
    let nobody = client.post("/inquiries", &body).await.expect(201).id();
    let done = complete(&client, &nobody, &json!({})).await.expect(200);
    assert_eq!(done.attribute("status"), "completed");
    assert_eq!(checks(&done)[1], "account_name_comparison not_applicable no_account");
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_last_completed_inquiry_is_compared_with_where_the_template_says_so(pool: PgPool) {
    let text =
        KYC.replace("[inquiry-templates.kyc]\n", "[inquiry-templates.kyc]\ncompare-with-last = true\n");
    let house = House::new(&pool, &text).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    let first = inquiry(&client, jane.id).await;
    complete(&client, &first, &super::jane()).await.expect(200);
    edit(&house, jane.id, &json!({ "birthdate": "1991-06-30" })).await;
    let second = inquiry(&client, jane.id).await;
    let mut values = super::jane();
    values["birthdate"] = json!("1991-06-30");
    let done = complete(&client, &second, &values).await.expect(200);
    assert_eq!(done.attribute("status"), "completed", "only the account decides");
    assert!(
        checks(&done).contains(&"inquiry_birthdate_comparison failed date_differs".to_owned()),
        "{done:?}"
    );
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_inquiry_and_an_edit_at_once_never_compare_with_what_is_no_longer_so(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    for number in 0..10 {
        let id = inquiry(&client, jane.id).await;
        let mut values = super::jane();
        values["email_address"] = json!(format!("jane{number}@example.com"));
        let change = json!({ "score": number });
        let (done, ()) = tokio::join!(complete(&client, &id, &values), edit(&house, jane.id, &change));
        assert_eq!(done.expect(200).attribute("status"), "completed");
    }
    let after = opened(&house, jane.id).await;
    assert_eq!(after.fields["email_address"], "jane9@example.com");
    assert_eq!(after.fields["score"], 9);
    client.stop().await;
}

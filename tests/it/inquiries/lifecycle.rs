//! An inquiry between its creation and its end: submitted, changed, decided on, expired, resumed, redacted.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use watchkeeper::engine::{
    expiry::Expiry,
    task::{Activation, Task},
};

use super::{KYC, account, complete, inquiry, jane};
use crate::fixtures::{Answered, Client, House};

async fn act(client: &Client, inquiry: &str, action: &str) -> Answered {
    client.post(&format!("/inquiries/{inquiry}/{action}"), &json!({})).await
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn fields_are_collected_bit_by_bit_until_it_is_completed(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    let id = inquiry(&client, jane.id).await;
    let path = format!("/inquiries/{id}");
    let body = json!({ "data": { "attributes": { "fields": { "nameFirst": "Jane" }, "note": "called", "tags": ["b", "a"] } } });
    let changed = client.patch(&path, &body).await.expect(200);
    assert_eq!(
        (changed.attribute("status"), changed.attribute("note")),
        (&json!("created"), &json!("called"))
    );
    assert_eq!(changed.attribute("tags"), &json!(["a", "b"]));

    let body =
        json!({ "data": { "attributes": { "fields": { "name-last": "Doe", "birthdate": "1990-05-20" } } } });
    let submitted = client.post(&format!("{path}/submit"), &body).await.expect(200);
    assert_eq!(submitted.attribute("status"), "pending");
    assert_eq!(submitted.attribute("expires-at"), "2026-03-02T09:00:00.000Z", "a day after it was begun");
    let names = submitted.attribute("fields");
    assert_eq!(
        (&names["name-first"]["value"], &names["name-last"]["value"]),
        (&json!("Jane"), &json!("Doe"))
    );

    let body = json!({ "data": { "attributes": { "fields": { "birthdate": null } } } });
    let emptied = client.patch(&path, &body).await.expect(200);
    assert_eq!(emptied.attribute("fields")["birthdate"], Value::Null);
    let done = complete(&client, &id, &json!({ "birthdate": "1990-05-21" })).await.expect(200);
    assert_eq!(done.attribute("status"), "completed");
    // What was compared stays; note and tags are still the customer's.
    let body = json!({ "data": { "attributes": { "fields": { "birthdate": "2000-01-01" } } } });
    client.patch(&path, &body).await.expect(409);
    let body = json!({ "data": { "attributes": { "note": null, "tags": null } } });
    let changed = client.patch(&path, &body).await.expect(200);
    assert_eq!((changed.attribute("note"), changed.attribute("tags")), (&Value::Null, &json!([])));
    let body = json!({ "data": { "attributes": { "colour": "red" } } });
    client.patch(&path, &body).await.expect(400);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_person_decides_and_may_decide_again(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    let id = inquiry(&client, jane.id).await;
    act(&client, &id, "approve").await.expect(409);
    complete(&client, &id, &json!({})).await.expect(200);
    let marked = act(&client, &id, "mark-for-review").await.expect(200);
    assert_eq!(marked.attribute("status"), "needs_review");
    assert!(marked.attribute("marked-for-review-at").is_string());
    let body = json!({ "meta": { "comment": "seen in person" } });
    let approved = client.post(&format!("/inquiries/{id}/approve"), &body).await.expect(200);
    assert_eq!(approved.attribute("status"), "approved");
    assert_eq!(approved.attribute("reviewer-comment"), "seen in person");
    assert_eq!(approved.attribute("reviewer"), "api-key:test");
    let declined = act(&client, &id, "decline").await.expect(200);
    assert_eq!(declined.attribute("status"), "declined");
    let told = "select kind from events where kind like 'inquiry.%' order by kind";
    let wanted = ["approved", "created", "declined", "failed", "marked-for-review", "started"];
    assert_eq!(house.texts(told).await, wanted.map(|kind| format!("inquiry.{kind}")));
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_inquiry_expires_by_time_and_is_resumed(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    let id = inquiry(&client, jane.id).await;
    let mut expiry = Expiry::new(house.engine.clone());
    assert_eq!(expiry.activate().await.unwrap(), Activation::Done);
    house.clock.advance(Duration::from_hours(7 * 24));
    // Its time is over, whether or not anybody has said so.
    complete(&client, &id, &super::jane()).await.expect(409);
    assert_eq!(expiry.activate().await.unwrap(), Activation::Done);
    let expired = client.get(&format!("/inquiries/{id}")).await.expect(200);
    assert_eq!(expired.attribute("status"), "expired");
    assert!(expired.attribute("expired-at").is_string() && expired.attribute("expires-at").is_null());
    act(&client, &id, "expire").await.expect(409);

    let resumed = act(&client, &id, "resume").await.expect(200);
    assert_eq!(resumed.attribute("status"), "pending");
    assert_eq!(resumed.attribute("expires-at"), "2026-03-10T09:00:00.000Z", "two days after it was resumed");
    act(&client, &id, "resume").await.expect(409);
    let done = complete(&client, &id, &super::jane()).await.expect(200);
    assert_eq!(done.attribute("status"), "completed");
    house.clock.advance(Duration::from_hours(30 * 24));
    expiry.activate().await.unwrap();
    assert_eq!(client.get(&format!("/inquiries/{id}")).await.attribute("status"), "completed");
    let told = house.texts("select actor from events where kind = 'inquiry.expired'").await;
    assert_eq!(told, ["daemon"]);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn many_inquiries_expire_page_by_page_and_each_once(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    sqlx::query(
        "insert into inquiries (shard, inquiry_id, template_id, template, status, creator, created_at, updated_at,
                                expires_at)
         select 0, (left(gen_random_uuid()::text, 34) || '00')::uuid, gen_random_uuid(), 'kyc', 'created', 'test', now(), now(), '2026-02-01'
         from generate_series(1, 1200)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let (mut one, mut other) = (Expiry::new(house.engine.clone()), Expiry::new(house.engine.clone()));
    let mut rounds = 0;
    while house.count("select count(*) from inquiries where status = 'created'").await > 0 {
        let (first, second) = tokio::join!(one.activate(), other.activate());
        first.unwrap();
        second.unwrap();
        rounds += 1;
        assert!(rounds < 10, "it makes progress");
    }
    assert_eq!(house.count("select count(*) from events where kind = 'inquiry.expired'").await, 1200);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_redacted_inquiry_has_lost_its_data_and_its_key_and_keeps_its_verdict(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    let id = inquiry(&client, jane.id).await;
    let path = format!("/inquiries/{id}");
    let body = json!({ "data": { "attributes": { "note": "called", "tags": ["vip"] } } });
    client.patch(&path, &body).await.expect(200);
    complete(&client, &id, &super::jane()).await.expect(200);
    let keys = "select count(*) from data_keys join inquiries on object_id = inquiry_id";
    assert_eq!(house.count(keys).await, 1);

    let redacted = client.delete(&path).await.expect(200);
    assert_eq!(
        (redacted.attribute("status"), redacted.attribute("note")),
        (&json!("completed"), &Value::Null)
    );
    assert_eq!((redacted.attribute("fields"), redacted.attribute("tags")), (&json!({}), &json!([])));
    assert_eq!(redacted.attribute("reference-id"), "c-1", "the account is not redacted");
    assert_eq!(redacted.attribute("checks").as_array().unwrap().len(), 3);
    assert_eq!(house.count(keys).await, 0);
    assert_eq!(super::opened(&house, jane.id).await.fields["birthdate"], "1990-05-21");
    let again = client.delete(&path).await.expect(409);
    assert_eq!(again.body["errors"][0]["details"], "Inquiry already redacted");
    act(&client, &id, "approve").await.expect(409);
    act(&client, &id, "resume").await.expect(409);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn tags_are_added_removed_and_set(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    let id = inquiry(&client, jane.id).await;
    let tagged = async |action: &str, tags: Value| {
        let body = json!({ "meta": { "tag-name": tags } });
        client.post(&format!("/inquiries/{id}/{action}"), &body).await.expect(200).attribute("tags").clone()
    };
    assert_eq!(tagged("add-tag", json!("vip")).await, json!(["vip"]));
    assert_eq!(tagged("add-tag", json!("vip")).await, json!(["vip"]));
    assert_eq!(tagged("set-tags", json!(["new", "eu"])).await, json!(["eu", "new"]));
    assert_eq!(tagged("remove-tag", json!("new")).await, json!(["eu"]));
    client
        .post(&format!("/inquiries/{id}/add-tag"), &json!({ "meta": { "tag-name": "" } }))
        .await
        .expect(422);
    assert_eq!(house.count("select count(*) from events where kind = 'inquiry.updated-tags'").await, 3);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_inquiry_is_printed_whole_and_an_old_client_sees_flat_attributes(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    let id = inquiry(&client, jane.id).await;
    complete(
        &client,
        &id,
        &json!({ "name": { "first": "Jane", "last": "<Doe>" }, "birthdate": "1990-05-21" }),
    )
    .await;
    let page = client.get(&format!("/inquiries/{id}/print")).await.expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let text = String::from_utf8(page.bytes).unwrap();
    for part in [&id, "&lt;Doe&gt;", "account name comparison", "both are the same", "c-1"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let shown = client.with_version("2023-01-05").get(&format!("/inquiries/{id}")).await.expect(200);
    assert_eq!(shown.attribute("name-first"), "Jane");
    assert_eq!(shown.attribute("address-city"), &Value::Null);
    assert_eq!(shown.body["included"][0]["type"], "inquiry-template");
    let shown = client.get(&format!("/inquiries/{id}")).await.expect(200);
    assert!(shown.attribute("name-first").is_null() && shown.body.get("included").is_none());
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_an_inquiry_holds_lies_sealed(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    let id = inquiry(&client, jane.id).await;
    let body = json!({ "data": { "attributes": { "note": "Zaphod called" } } });
    client.patch(&format!("/inquiries/{id}"), &body).await.expect(200);
    complete(&client, &id, &super::jane()).await.expect(200);
    let rows =
        house.texts("select inquiries::text from inquiries union all select events::text from events").await;
    for secret in ["Zaphod", "Jane", "1990-05-21"] {
        assert!(!rows.iter().any(|row| row.contains(secret)), "{secret}");
    }
    client.stop().await;
}

//! Searches of inquiries.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use watchkeeper::actions::api_keys::{self, NewKey};

use super::{KYC, account, complete, inquiry, jane, template};
use crate::fixtures::{Client, House};

fn is(attribute: &str, value: impl serde::Serialize) -> Value {
    json!({ "attribute": attribute, "operator": "eq", "value": value })
}

fn at(attribute: &str, operator: &str, value: &str) -> Value {
    json!({ "attribute": attribute, "operator": operator, "value": value })
}

fn pointer(body: &Value) -> &str {
    body["errors"][0]["source"]["pointer"].as_str().unwrap_or_default()
}

/// Four inquiries, a minute after each other: of the accounts `c-1`, `c-2`, `c-1`, and of none. The first is completed, the
/// second has a note.
async fn four(house: &House, client: &Client) -> Vec<String> {
    let one = account(house, "c-1", &jane()).await.id;
    let john = json!({ "name": { "first": "John", "last": "Roe" }, "birthdate": "1980-01-02" });
    let other = account(house, "c-2", &john).await.id;
    let mut ids = Vec::new();
    for account in [one, other, one] {
        house.clock.advance(Duration::from_mins(1));
        ids.push(inquiry(client, account).await);
    }
    house.clock.advance(Duration::from_mins(1));
    let attributes = json!({ "inquiry-template-id": template("kyc") });
    let lone = json!({ "data": { "attributes": attributes }, "meta": { "auto-create-account": false } });
    ids.push(client.post("/inquiries", &lone).await.expect(201).id());
    house.clock.advance(Duration::from_mins(1));
    complete(client, &ids[0], &jane()).await.expect(200);
    let note = json!({ "data": { "attributes": { "note": "called twice" } } });
    client.patch(&format!("/inquiries/{}", ids[1]), &note).await.expect(200);
    ids
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn inquiries_are_searched_by_all_that_they_are_listed_by(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let ids = four(&house, &client).await;
    let owner = house.account("c-1").await.id.to_string();
    let found = async |query: Value| {
        let page = client.post("/inquiries/search", &json!({ "query": query })).await.expect(200);
        let place = |id: &String| ids.iter().position(|one| one == id).unwrap().to_string();
        page.ids().iter().map(place).collect::<String>()
    };
    for (query, expected) in [
        (Value::Null, "3210"),
        (json!({}), "3210"),
        (is("inquiry_id", &ids[2]), "2"),
        (is("account-id", &owner), "20"),
        (is("referenceId", "C-2"), "1"),
        (is("reference_id", "nobody"), ""),
        (is("inquiry_template_id", template("kyc")), "3210"),
        (is("template_id", template("other")), ""),
        (is("status", "completed"), "0"),
        (is("status", "needs-review"), ""),
        (is("note", "called twice"), "1"),
        (is("note", "called"), ""),
        (at("created_at", "gte", "2026-03-01T09:03:00Z"), "32"),
        (at("created_at", "lt", "2026-03-01T09:03:00Z"), "10"),
        (at("createdAt", "gt", "2026-03-02"), ""),
        (at("updated_at", "gte", "2026-03-01T09:05:00Z"), "10"),
        (json!({ "not": is("account_id", &owner) }), "31"),
        (json!({ "not": is("reference_id", "c-1") }), "31"),
        (json!({ "not": is("note", "called twice") }), "320"),
        (json!({ "and": [is("account_id", &owner), { "not": is("status", "completed") }] }), "2"),
        (json!({ "or": [is("status", "completed"), is("note", "called twice")] }), "10"),
    ] {
        assert_eq!(found(query.clone()).await, expected, "{query}");
    }
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_is_found_comes_in_pages_in_both_orders_and_directions(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let mut ids = four(&house, &client).await;
    for direction in ["asc", "desc"] {
        let sort = json!({ "attribute": "createdAt", "direction": direction });
        let search = json!({ "sort": sort, "page": { "size": 3 } });
        let first = client.post("/inquiries/search", &search).await.expect(200);
        assert_eq!(first.ids(), ids[..3], "{direction}");
        assert_eq!(first.body["links"]["prev"], Value::Null);
        let next = first.body["links"]["next"].as_str().unwrap();
        let second = client.post(next, &search).await.expect(200);
        assert_eq!(second.ids(), ids[3..], "{direction}");
        assert_eq!(second.body["links"]["next"], Value::Null);
        let prev = second.body["links"]["prev"].as_str().unwrap();
        let back = client.post(prev, &search).await.expect(200);
        assert_eq!(back.ids(), ids[..3], "{direction}");
        let narrow = prev.replace("size]=3", "size]=1").replace("size%5D=3", "size%5D=1");
        assert_ne!(narrow, prev, "a link keeps the page's size");
        let narrow = client.post(&narrow, &json!({ "sort": sort })).await.expect(200);
        assert_eq!(narrow.ids(), ids[2..3], "the nearest of those before");
        ids.reverse();
    }
    let included = client.post("/inquiries/search?include=account", &json!({})).await.expect(200);
    let included = included.body["included"].as_array().unwrap().clone();
    assert!(included.len() == 2 && included.iter().all(|one| one["type"] == "account"), "{included:?}");
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_cannot_or_must_not_be_asked_is_refused_with_its_place(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let after = |query: Value| json!({ "query": query });
    for (search, place) in [
        (after(is("colour", "Marksdottir")), "/query/attribute"),
        (after(is("fields.name", "Marksdottir")), "/query/attribute"),
        (after(is("account_id", "Marksdottir")), "/query/value"),
        (after(is("status", "Marksdottir")), "/query/value"),
        (after(is("note", 5)), "/query/value"),
        (after(is("created_at", "Marksdottir")), "/query/value"),
        (after(json!({ "attribute": "note", "operator": "gt", "value": "a" })), "/query/operator"),
        (after(json!({ "and": [is("note", "a"), is("colour", "a")] })), "/query/and/1/attribute"),
        (after(json!({ "and": [{ "or": [{ "not": is("note", "a") }] }] })), "/query/and/0/or/0/not"),
        (json!({ "sort": { "attribute": "note" } }), "/sort/attribute"),
    ] {
        let refused = client.post("/inquiries/search", &search).await.expect(422);
        assert_eq!(pointer(&refused.body), place, "{}", refused.body);
        assert!(!refused.body.to_string().contains("Marksdottir"), "{}", refused.body);
    }
    client.post("/inquiries/search", &json!({ "colour": 1 })).await.expect(400);
    client.post("/inquiries/search", &json!({ "page": { "size": 101 } })).await.expect(400);
    client.post("/inquiries/search?page[after]=act_00000000000000000000000000", &json!({})).await.expect(400);

    let other = async |permission: &str, hidden: &[&str]| {
        let new = NewKey {
            name: "other".to_owned(),
            permissions: vec![permission.to_owned()],
            attributes_blocklist: hidden.iter().map(|entry| (*entry).to_owned()).collect(),
            ..NewKey::default()
        };
        let key = api_keys::create(&house.engine.context, "test", new).await.unwrap().1.into_revealed();
        client.with_key(&key)
    };
    other("inquiry.write", &[]).await.post("/inquiries/search", &json!({})).await.expect(403);
    let blind = other("inquiry.read", &["note", "reference-id", "status", "created-at"]).await;
    for attribute in ["note", "referenceId", "status", "created_at"] {
        let search = after(json!({ "not": is(attribute, "x") }));
        let refused = blind.post("/inquiries/search", &search).await.expect(403);
        assert_eq!(pointer(&refused.body), "/query/not/attribute", "{attribute}");
    }
    let sorted = json!({ "sort": { "attribute": "created_at" } });
    assert_eq!(pointer(&blind.post("/inquiries/search", &sorted).await.expect(403).body), "/sort/attribute");
    let of_account = after(is("account_id", "act_00000000000000000000000000"));
    assert_eq!(blind.post("/inquiries/search", &of_account).await.expect(200).ids(), [""; 0]);
    client.stop().await;
}

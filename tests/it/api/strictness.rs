//! What is asked is understood or refused: an ignored filter, or a list taken for an object, would do something else.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::fixtures::{Client, DAILY, House};

fn pointer(body: &Value) -> &str {
    body["errors"][0]["source"]["pointer"].as_str().unwrap_or_default()
}

fn details(body: &Value) -> &str {
    body["errors"][0]["details"].as_str().unwrap_or_default()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_empty_filter_answers_with_nobody(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    let client = Client::start(&house).await;
    for (path, filter) in [
        ("/accounts", "reference-id"),
        ("/accounts", "tag"),
        ("/accounts/by-reference/p1", "account-type"),
        ("/reports", "account-id"),
        ("/reports", "type"),
        ("/hits", "state"),
        ("/hits", "account-id"),
        ("/events", "object-id"),
        ("/inquiries", "reference-id"),
        ("/inquiries", "note"),
        ("/transactions", "reference-id"),
        ("/audit-entries", "object-id"),
        ("/audit-entries", "actor"),
        ("/lists", "status"),
        ("/tags", "retired"),
        ("/legal-holds", "account-id"),
    ] {
        for form in ["=", "", "[]=", "[0]=", "=,", "=%20"] {
            let refused = client.get(&format!("{path}?filter[{filter}]{form}")).await.expect(400);
            let expected = format!("filter[{filter}]");
            assert_eq!(pointer(&refused.body), expected, "{path} {form}");
            assert!(details(&refused.body).contains("is empty; accepted is a value"), "{}", refused.body);
        }
    }
    let one = client.get("/accounts?filter[reference-id]=p1").await.expect(200);
    assert_eq!(one.ids().len(), 1);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_parameter_is_understood_or_refused(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    let client = Client::start(&house).await;
    for (query, place) in [
        ("filter]reference-id[=p1", "filter]reference-id["),
        ("filters[reference-id]=p1", "filters[reference-id]"),
        ("reference-id=p1", "reference-id"),
        ("page[bogus]=2", "page[bogus]"),
        ("page=2", "page"),
        ("fields[account]=bogus", "fields[account]"),
        ("fields=x", "fields"),
        ("fields[]=x", "fields[]"),
        ("fields[bogus]=tags", "fields[bogus]"),
        ("sort=created-at", "sort"),
    ] {
        let refused = client.get(&format!("/accounts?{query}")).await.expect(400);
        assert_eq!(pointer(&refused.body), place);
        assert!(details(&refused.body).contains("accepted is"), "{}", refused.body);
    }
    client.get("/lists?filter[bogus]=x").await.expect(400);
    client.get("/account-types?filter[name]=x").await.expect(400);
    let all = client.get("/accounts?bogus=1").await.expect(200).ids();
    assert_eq!(all.len(), 2);
    let path = format!("/accounts/{}", all[0]);
    client.get(&format!("{path}?page[size]=2")).await.expect(400);
    let shown = client.get(&format!("{path}?fields[account]=tags,fields.name")).await.expect(200);
    let attributes = shown.body["data"]["attributes"].as_object().unwrap();
    assert_eq!(attributes.keys().collect::<Vec<_>>(), ["fields", "tags"]);
    assert_eq!(attributes["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), ["name"]);
    let shown = client.get("/reports?fields[report]=has-match").await.expect(200);
    for report in shown.body["data"].as_array().unwrap() {
        assert_eq!(report["attributes"].as_object().unwrap().len(), 1);
    }
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_list_is_no_object(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    for (body, place) in [
        (json!({ "data": [] }), "/data"),
        (json!({ "data": ["account"] }), "/data"),
        (json!({ "data": { "attributes": [] } }), "/data/attributes"),
        (json!({ "meta": [] }), "/meta"),
    ] {
        let refused = client.post("/accounts", &body).await.expect(400);
        assert_eq!(pointer(&refused.body), place);
        assert_eq!(details(&refused.body), "must be an object, and is a list");
    }
    assert_eq!(house.count("select count(*) from accounts").await, 0);
    let sorted = json!({ "sort": ["created_at", "asc"] });
    let refused = client.post("/accounts/search", &sorted).await.expect(400);
    assert_eq!(
        (pointer(&refused.body), details(&refused.body)),
        ("/sort", "must be an object, and is a list")
    );
    client.post("/accounts", &json!({})).await.expect(201);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_page_asked_for_in_a_body_is_led_on_from_and_pointed_at_there(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2", "p3"]).await;
    let client = Client::start(&house).await;
    let first = json!({ "page": { "size": 1 } });
    let page = client.post("/accounts/search", &first).await.expect(200);
    let next = page.body["links"]["next"].as_str().unwrap();
    assert!(next.contains("page%5Bsize%5D=1"), "{next}");
    let second = client.post(next, &json!({})).await.expect(200);
    assert_eq!(second.ids().len(), 1, "also to whoever sends no body with it");
    assert_ne!(second.ids(), page.ids());
    let back = json!({ "page": { "size": 1, "after": page.ids()[0] } });
    let second = client.post("/accounts/search", &back).await.expect(200);
    let prev = second.body["links"]["prev"].as_str().unwrap();
    assert_eq!(client.post(prev, &back).await.expect(200).ids(), page.ids(), "a link is above the body");
    for (asked, place) in [
        (json!({ "size": 0 }), "/page/size"),
        (json!({ "after": "x" }), "/page/after"),
        (json!({ "after": page.ids()[0], "before": page.ids()[0] }), "/page/before"),
    ] {
        let refused = client.post("/accounts/search", &json!({ "page": asked })).await.expect(400);
        assert_eq!(pointer(&refused.body), place);
    }
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_would_block_nothing_is_no_entry_of_a_block_list(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let make = async |blocked: Value| {
        let new = json!({ "name": "new", "permissions": ["*"], "api-attributes-blocklist": blocked });
        client.post("/api-keys", &json!({ "data": { "attributes": new } })).await
    };
    for nothing in ["", " ", "/data/['", "/name-last", "name.last", "name last"] {
        let refused = make(json!(["birthdate", nothing])).await.expect(422);
        assert_eq!(pointer(&refused.body), "/data/attributes/api-attributes-blocklist/1");
        assert!(details(&refused.body).contains("fields.name.last"), "{}", refused.body);
    }
    let made = make(json!([" NAME-LAST", "name-last ", "fields.name.last", "later_field"])).await.expect(201);
    assert_eq!(made.attribute("api-attributes-blocklist"), &json!(["name-last", "later-field"]));
    let listed = client.get("/api-keys").await.expect(200);
    let kept = &listed.body["data"][0]["attributes"];
    assert_eq!(kept["api-attributes-blocklist"], json!(["name-last", "later-field"]));
    for bound in ["ip-address-allowlist", "requests-per-minute", "expires-at", "owner"] {
        assert!(kept.get(bound).is_some(), "{bound}: {kept}");
    }
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_refusal_says_what_is_accepted_where_it_is(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let is = json!({ "attribute": "tag", "operator": "eq", "value": "x" });
    let both = json!({ "query": { "and": [is], "or": [is] } });
    let refused = client.post("/accounts/search", &both).await.expect(422);
    assert_eq!(pointer(&refused.body), "/query");
    assert!(details(&refused.body).contains("exactly one of and, or, not"), "{}", refused.body);
    let template =
        json!({ "data": { "attributes": { "report-template-id": "rptp_x", "account-id": "act_x" } } });
    let refused = client.post("/reports", &template).await.expect(400);
    assert!(details(&refused.body).contains("is not an id; accepted is rptp_ and 26"), "{}", refused.body);
    let new = json!({ "name": "new", "permissions": ["*"], "expires-at": "yesterday" });
    let refused = client.post("/api-keys", &json!({ "data": { "attributes": new } })).await.expect(400);
    assert_eq!(pointer(&refused.body), "/data/attributes/expires-at");
    assert!(details(&refused.body).contains("2026-03-04T05:06:07Z"), "{}", refused.body);
    let photo = json!({ "data": { "attributes": { "selfie-photo": { "data": "", "filename": "a.png" } } } });
    let refused = client.post("/accounts", &photo).await.expect(422);
    assert_eq!(pointer(&refused.body), "/data/attributes/selfie-photo");
    assert!(details(&refused.body).contains("of 1 to 10000000 bytes"), "{}", refused.body);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_persona_says_of_first_names_on_lists_is_taken_where_it_is_so(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    for (kind, is_fuzzy, status) in [("names", true, 201), ("names", false, 422), ("strings", true, 422)] {
        let attributes = json!({ "name": format!("{kind} {is_fuzzy}"), "allow-fuzzy-name-first": is_fuzzy });
        let body = json!({ "data": { "attributes": attributes } });
        let answer = client.post(&format!("/list/{kind}"), &body).await.expect(status);
        if status == 422 {
            assert_eq!(pointer(&answer.body), "/data/attributes/allow-fuzzy-name-first");
        }
    }
    client.stop().await;
}

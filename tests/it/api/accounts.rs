//! Accounts and their types, as a client sees them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::fixtures::{Client, House};

fn sent(attributes: Value) -> Value {
    json!({ "data": { "attributes": attributes } })
}

fn pointers(body: &Value) -> Vec<&str> {
    let errors = body["errors"].as_array().unwrap();
    errors.iter().map(|error| error["source"]["pointer"].as_str().unwrap_or_default()).collect()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_is_created_read_and_changed_in_personas_shape(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let client = Client::start(&house).await;
    let made = client
        .post(
            "/accounts",
            &sent(json!({
                "reference-id": "abc-123", "name-first": "Jane", "name-last": "Doe", "birthdate": "1994-12-30",
                "country-code": "US", "address-city": "Springfield", "tags": ["tag1"],
                "fields": { "identification_numbers": [{ "identification_class": "visa", "identification_number": "X1" }] },
            })),
        )
        .await
        .expect(201);
    let id = made.id();
    assert_eq!(made.body["meta"]["version"], 1);
    assert_eq!(made.attribute("account-type-name"), "individual");
    assert_eq!(made.attribute("account-status"), "active");
    assert_eq!(made.attribute("tags"), &json!(["tag1"]));
    assert_eq!(made.attribute("created-at"), "2026-03-01T09:00:00.000Z");
    let fields = made.attribute("fields");
    assert_eq!(
        fields["name"],
        json!({ "type": "hash", "value": {
            "first": { "type": "string", "value": "Jane" },
            "middle": { "type": "string", "value": null },
            "last": { "type": "string", "value": "Doe" },
        } })
    );
    assert_eq!(fields["address"]["value"]["country_code"]["value"], "US");
    assert_eq!(fields["country_code"], json!({ "type": "string", "value": "US" }));
    let number = &fields["identification_numbers"]["value"][0]["value"];
    assert_eq!(number["identification_class"], json!({ "type": "string", "value": "visa" }));
    assert_eq!(number["hashed_identification_number"]["value"].as_str().unwrap().len(), 64);
    assert_eq!(fields["selfie_photo"], json!({ "type": "file", "value": null }));
    let related = &made.body["data"]["relationships"]["account-type"]["data"];
    assert_eq!(related["type"], "account-type");

    let changed = client
        .patch(
            &format!("/accounts/{id}"),
            &sent(json!({ "name-middle": "Q.", "address-city": null, "account-status": "under-review", "fields": { "birthdate": null } })),
        )
        .await
        .expect(200);
    let fields = changed.attribute("fields");
    assert_eq!(fields["name"]["value"]["middle"]["value"], "Q.");
    assert_eq!(fields["name"]["value"]["last"]["value"], "Doe");
    assert_eq!(fields["birthdate"]["value"], Value::Null);
    assert_eq!(fields["address"]["value"]["city"]["value"], Value::Null);
    assert_eq!(changed.attribute("account-status"), "under-review");

    let read = client.get(&format!("/accounts/{id}?include=account-type")).await.expect(200);
    assert_eq!(read.body["data"], changed.body["data"]);
    assert_eq!(read.body["included"][0]["attributes"]["name"], "individual");
    let old = client.with_version("2023-01-05").get(&format!("/accounts/{id}")).await.expect(200);
    assert_eq!(old.attribute("name-first"), "Jane");
    assert_eq!(old.attribute("country-code"), "US");
    assert_eq!(old.attribute("identification-numbers")["visa"][0]["identification-number"], "X1");
    assert_eq!(old.body["included"][0]["type"], "account-type");
    assert!(read.attribute("name-first").is_null());

    let found = client.get("/accounts/by-reference/ABC-123").await.expect(200);
    assert_eq!(found.id(), id);
    let history = client.get(&format!("/accounts/{id}/history")).await.expect(200);
    assert_eq!(history.ids().len(), 4, "created, tag, fields, status: {}", history.body);
    client.get("/accounts/act_01h455vb4pex5vsknk084sn02q").await.expect(404);
    client.get("/accounts/rep_01h455vb4pex5vsknk084sn02q").await.expect(404);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_refused_account_says_where_it_is_wrong(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let client = Client::start(&house).await;
    let wrong = json!({ "birthdate": "1994-13-30", "account-status": "asleep", "fields": {
        "address": { "postal_code": 7 }, "shoe_size": 43, "name": "Jane" } });
    let refused = client.post("/accounts", &sent(wrong)).await.expect(422);
    let places = pointers(&refused.body);
    for place in
        ["account-status", "fields/address/postal_code", "birthdate", "fields/name", "fields/shoe_size"]
    {
        assert!(places.contains(&format!("/data/attributes/{place}").as_str()), "{place}: {places:?}");
    }
    let wrong = json!({ "birthdate": "2026-03-03", "country-code": "Germany", "email-address": "jane", "phone-number": "call me",
        "fields": { "nationality": "XX" } });
    let refused = client.post("/accounts", &sent(wrong)).await.expect(422);
    let places = pointers(&refused.body);
    for place in ["birthdate", "country-code", "email-address", "phone-number", "fields/nationality"] {
        assert!(places.contains(&format!("/data/attributes/{place}").as_str()), "{place}: {places:?}");
    }
    let unknown = client.post("/accounts", &sent(json!({ "colour": "red" }))).await.expect(400);
    assert!(pointers(&unknown.body)[0].starts_with("/data/attributes"));
    client.post("/accounts", &sent(json!({ "account-type-id": "acttp_x" }))).await.expect(404);
    let first = client.post("/accounts", &sent(json!({ "reference-id": "r" }))).await.expect(201);
    let taken = client.post("/accounts", &sent(json!({ "reference-id": "R" }))).await.expect(409);
    assert_eq!(taken.body["errors"][0]["title"], "Record not unique");
    let upsert = json!({ "data": { "attributes": { "reference-id": "R", "tags": ["x"] } }, "meta": { "upsert-by": "reference-id" } });
    assert_eq!(client.post("/accounts", &upsert).await.expect(200).id(), first.id());
    let stale = json!({ "data": { "attributes": { "tags": [] } }, "meta": { "expected-version": 1 } });
    let refused = client.patch(&format!("/accounts/{}", first.id()), &stale).await.expect(409);
    assert_eq!(refused.body["errors"][0]["title"], "Stale object error");
    let request = client.request("PATCH", &format!("/accounts/{}", first.id())).header("if-match", "\"2\"");
    let body = sent(json!({ "tags": [] })).to_string();
    client.send(request.header("content-type", "application/json").body(body)).await.expect(200);
    assert_eq!(house.count("select count(*) from accounts").await, 1);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn accounts_are_listed_and_searched_in_pages(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let client = Client::start(&house).await;
    for number in 0..3 {
        house.clock.advance(std::time::Duration::from_secs(1));
        let email = format!("{}@mail.invalid", number % 2);
        let new = json!({ "reference-id": format!("r{number}"), "email-address": email, "tags": ["t"] });
        client.post("/accounts", &sent(new)).await.expect(201);
    }
    let all = client.get("/accounts").await.expect(200).ids();
    assert_eq!(all.len(), 3);
    let page = client.get("/accounts?page[size]=2&filter[tag]=t").await.expect(200);
    assert_eq!(page.ids(), all[..2]);
    let next = client.get(page.body["links"]["next"].as_str().unwrap()).await.expect(200);
    assert_eq!(next.ids(), all[2..]);
    let two = client.get("/accounts?filter[reference-id]=r0,R2").await.expect(200);
    assert_eq!(two.ids(), [all[0].clone(), all[2].clone()]);
    assert_eq!(client.get("/accounts?filter[status]=closed").await.expect(200).ids(), [""; 0]);
    client.get("/accounts?filter[colour]=red").await.expect(400);

    let query = json!({ "query": { "attribute": "fields.email_address", "operator": "eq", "value": "0@MAIL.invalid" },
        "sort": { "attribute": "created_at", "direction": "asc" }, "page": { "size": 5 } });
    let found = client.post("/accounts/search", &query).await.expect(200);
    assert_eq!(found.ids(), [all[2].clone(), all[0].clone()]);
    assert_eq!(client.post("/accounts/search", &json!({})).await.expect(200).ids(), all);
    let wrong = json!({ "query": { "attribute": "colour", "value": "red" } });
    let refused = client.post("/accounts/search", &wrong).await.expect(422);
    assert_eq!(pointers(&refused.body), ["/query/attribute"]);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_file_comes_back_byte_for_byte_and_runs_nowhere(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let client = Client::start(&house).await;
    let content: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    let photo = json!({ "data": { "data": STANDARD.encode(&content), "filename": "fä\"ce.html" } });
    let made = client.post("/accounts", &sent(json!({ "selfie-photo": photo }))).await.expect(201);
    let value = &made.attribute("fields")["selfie_photo"]["value"];
    assert_eq!((&value["filename"], &value["byte-size"]), (&json!("fä\"ce.html"), &json!(3_000_000)));
    let url = value["url"].as_str().unwrap();
    let file = client.get(url).await.expect(200);
    assert_eq!(file.bytes, content);
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert_eq!(file.header("content-disposition"), "attachment; filename*=UTF-8''f%C3%A4%22ce.html");
    client.with_key("").get(url).await.expect(401);
    let gone = sent(json!({ "selfie-photo": { "data": null } }));
    client.patch(&format!("/accounts/{}", made.id()), &gone).await.expect(200);
    client.get(url).await.expect(404);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn account_types_are_made_changed_and_laid_out(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let client = Client::start(&house).await;
    let new = json!({
        "name": "vendor", "kind": "organisation",
        "field-schemas": [
            { "type": "string", "key": "name", "config": { "required": true } },
            { "type": "choices", "key": "tier", "config": { "options": ["low", "high"], "option-labels": ["Low", "High"], "pii": false } },
        ],
        "statuses": [{ "name": "active", "color": "#00aa00" }, { "name": "closed" }],
    });
    let made = client.post("/account-types", &sent(new.clone())).await.expect(201);
    let path = format!("/account-types/{}", made.id());
    assert_eq!(made.attribute("field-schemas")[0]["config"]["max-char-length"], 255);
    assert_eq!(made.attribute("field-schemas")[1]["config"]["option-labels"], json!(["Low", "High"]));
    let statuses = &made.body["data"]["relationships"]["account-statuses"]["data"];
    assert!(statuses[0]["id"].as_str().unwrap().starts_with("actst_"));
    client.post("/account-types", &sent(new)).await.expect(409);
    assert_eq!(client.get("/account-types").await.expect(200).ids().len(), 3);

    let account =
        json!({ "account-type-id": made.id(), "fields": { "name": "Muster Works", "tier": "low" } });
    let account = client.post("/accounts", &sent(account)).await.expect(201);
    assert_eq!(account.attribute("account-type-name"), "vendor");
    let narrower = json!({ "field-schemas": [{ "type": "choices", "key": "tier", "config": { "options": ["high"], "pii": false } }] });
    let refused = client.patch(&path, &sent(narrower)).await.expect(422);
    assert_eq!(pointers(&refused.body), ["/data/attributes/field-schemas/0"]);
    let removed = client.patch(&path, &sent(json!({ "removed-fields": ["tier"] }))).await.expect(200);
    assert!(removed.attribute("field-schemas")[1]["config"]["archived-at"].is_string());
    let read = client.get(&format!("/accounts/{}", account.id())).await.expect(200);
    assert_eq!(read.attribute("fields")["tier"]["value"], "low");

    let layout = client.get(&format!("{path}/layout")).await.expect(200);
    assert_eq!(layout.attribute("version"), 0);
    let sections = json!([{ "title": "Who", "columns": 2, "fields": [{ "key": "name", "width": 2 }] }]);
    let put = async |sections: &Value| {
        let request =
            client.request("PUT", &format!("{path}/layout")).header("content-type", "application/json");
        client.send(request.body(sent(json!({ "sections": sections })).to_string())).await
    };
    assert_eq!(put(&sections).await.expect(200).attribute("version"), 1);
    let wrong = json!([{ "title": "Who", "fields": [{ "key": "shoe_size" }] }]);
    assert_eq!(pointers(&put(&wrong).await.expect(422).body), ["/data/attributes/sections/0/fields/0/key"]);
    put(&json!("x")).await.expect(422);

    let configured = client.get("/account-types?page[size]=100").await.expect(200);
    let mut configured = configured.body["data"].as_array().unwrap().iter();
    let configured = configured.rfind(|one| one["attributes"]["is-configured"] == true).unwrap();
    let path = format!("/account-types/{}", configured["id"].as_str().unwrap());
    let refused = client.patch(&path, &sent(json!({ "removed-fields": ["name"] }))).await.expect(409);
    assert!(refused.body["errors"][0]["details"].as_str().unwrap().contains("configuration"));
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn pages_by_the_last_change_show_every_account_once_also_when_the_last_of_a_page_changes(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let client = Client::start(&house).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        house.clock.advance(std::time::Duration::from_secs(1));
        let new = sent(json!({ "reference-id": format!("r{number}") }));
        ids.push(client.post("/accounts", &new).await.expect(201).id());
    }
    for direction in ["asc", "desc"] {
        let query =
            json!({ "sort": { "attribute": "updatedAt", "direction": direction }, "page": { "size": 2 } });
        let mut page = client.post("/accounts/search", &query).await.expect(200);
        let first = page.ids();
        let mut seen = first.clone();
        house.clock.advance(std::time::Duration::from_secs(1));
        let change = sent(json!({ "name-first": direction }));
        client.patch(&format!("/accounts/{}", first[1]), &change).await.expect(200);
        while let Some(next) = page.body["links"]["next"].as_str().map(str::to_owned) {
            page = client.post(&next, &query).await.expect(200);
            seen.extend(page.ids());
        }
        let moved = usize::from(direction == "asc");
        assert_eq!(seen.len(), 5 + moved, "{direction}: one that moved to the end is shown there again");
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 5, "{direction}");
        let prev = page.body["links"]["prev"].as_str().unwrap();
        assert_eq!(client.post(prev, &query).await.expect(200).ids().len(), 2);
    }
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_says_two_things_or_another_type_is_refused(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let client = Client::start(&house).await;
    let refused = async |body: Value| {
        let refused = client.post("/accounts", &body).await.expect(400);
        pointers(&refused.body).concat()
    };
    assert_eq!(refused(json!({ "data": { "type": "inquiry" } })).await, "/data/type");
    let twice = sent(json!({ "referenceId": "a", "reference-id": "b" }));
    assert_eq!(refused(twice).await, "/data/attributes/reference-id");
    let name = sent(json!({ "name-first": "Jane", "fields": { "name": { "first": "June" } } }));
    assert_eq!(refused(name).await, "/data/attributes/name-first");
    let same = sent(json!({ "name-first": "Jane", "fields": { "name": { "first": "Jane" } } }));
    client.post("/accounts", &same).await.expect(201);
    let null = client.post("/accounts", &json!({ "data": null })).await.expect(400);
    assert_eq!(null.body["errors"][0]["details"], "must be an object, and is null");
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn commas_large_numbers_and_archived_accounts_are_found(pool: PgPool) {
    let points =
        "[account-types.individual.fields.points]\ntype = \"integer\"\npii = false\nsearchable = true\n";
    let house = House::new(&pool, points).await;
    let client = Client::start(&house).await;
    for (reference, points) in [("a, b", 9_007_199_254_740_992_i64), ("c", 9_007_199_254_740_993)] {
        let new =
            sent(json!({ "reference-id": reference, "tags": ["x, y"], "fields": { "points": points } }));
        client.post("/accounts", &new).await.expect(201);
    }
    let found = async |filter: &str| client.get(&format!("/accounts?{filter}")).await.expect(200).ids().len();
    assert_eq!(found(r"filter[reference-id]=a\, b,c").await, 2);
    assert_eq!(found(r"filter[reference-id]=a\, b").await, 1);
    assert_eq!(found(r"filter[tag]=x\, y").await, 2);
    let search = async |attribute: &str, operator: &str, value: Value| {
        let query = json!({ "query": { "attribute": attribute, "operator": operator, "value": value } });
        client.post("/accounts/search", &query).await.expect(200).ids().len()
    };
    assert_eq!(search("fields.points", "gt", json!(9_007_199_254_740_992_i64)).await, 1);
    assert_eq!(search("fields.points", "lte", json!(9_007_199_254_740_992_i64)).await, 1);
    assert_eq!(search("archived", "eq", json!(false)).await, 2);
    assert_eq!(search("archived", "eq", json!(true)).await, 0);
    client.get("/hits?filter[score-from]=NaN").await.expect(400);
    client.get("/hits?include=colour").await.expect(400);
    client.stop().await;
}

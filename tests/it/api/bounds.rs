//! What keys of less than all permissions, and of block-lists, cannot get at by a way round.

use serde_json::{Value, json};
use sqlx::PgPool;
use watchkeeper::actions::api_keys::{self, NewKey};

use crate::fixtures::{Client, DAILY, House, finding};

const PAYMENTS: &str = r#"
[transaction-types.payment]
statuses = ["open", "settled"]
[transaction-types.payment.fields]
amount = { type = "number", pii = false, required = true }
[transaction-types.payment.relations]
payer = { target-types = ["individual"], cardinality = "single", inverse = "payments" }
[account-types.individual.fields.tax_number]
type = "string"
identifier = true
"#;

fn sent(attributes: Value) -> Value {
    json!({ "data": { "attributes": attributes } })
}

fn may(permissions: &[&str]) -> NewKey {
    let permissions = permissions.iter().map(|word| (*word).to_owned()).collect();
    NewKey { permissions, ..NewKey::default() }
}

/// A key of everything but some attributes.
fn blind(entries: &[&str]) -> NewKey {
    let attributes_blocklist = entries.iter().map(|entry| (*entry).to_owned()).collect();
    NewKey { attributes_blocklist, ..may(&["*"]) }
}

async fn with(house: &House, client: &Client, new: NewKey) -> Client {
    let new = NewKey { name: "other".to_owned(), ..new };
    let key = api_keys::create(&house.engine.context, "test", new).await.unwrap().1.into_revealed();
    client.with_key(&key)
}

fn pointer(body: &Value) -> &str {
    body["errors"][0]["source"]["pointer"].as_str().unwrap_or_default()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn relations_show_only_what_the_key_may_read(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{PAYMENTS}")).await;
    house.people(&["p1"]).await;
    let client = Client::start(&house).await;
    let payment = client.get("/transaction-types").await.expect(200).ids().remove(0);
    let new = json!({"transaction-type-id": payment, "reference-id": "t-1", "fields": {"amount": 5}});
    let payment = client.post("/transactions", &sent(new)).await.expect(201).id();
    let account = house.account("p1").await.id;
    let relation = json!({"meta": {"relation-schema-key": "payer", "target-object-id": account}});
    client.post(&format!("/transactions/{payment}/add-relation"), &relation).await.expect(200);

    let payer = format!("/transactions/{payment}/relations?filter[key]=payer");
    let payments = format!("/accounts/{account}/relations?filter[key]=payments");
    let (transactions, accounts) = (
        with(&house, &client, may(&["transaction.read"])).await,
        with(&house, &client, may(&["account.read"])).await,
    );
    let refused = transactions.get(&payer).await.expect(403);
    assert_eq!(refused.body["errors"][0]["details"], "the key lacks the permission account.read");
    let refused = accounts.get(&payments).await.expect(403);
    assert_eq!(refused.body["errors"][0]["details"], "the key lacks the permission transaction.read");
    let both = with(&house, &client, may(&["account.read", "transaction.read"])).await;
    assert_eq!(both.get(&payer).await.expect(200).ids(), [account.to_string()]);
    assert_eq!(both.get(&payments).await.expect(200).ids(), [payment]);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_key_makes_no_key_that_is_bound_by_less(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let bound = NewKey {
        ip_allowlist: vec!["127.0.0.0/8".parse().unwrap()],
        requests_per_minute: Some(100),
        expires_at: Some(house.now() + chrono::TimeDelta::days(1)),
        ..blind(&["name-last", "tags"])
    };
    let maker = with(&house, &client, bound).await;
    let make = async |more: Value| {
        let mut new = json!({"name": "new", "permissions": ["*"]});
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        maker.post("/api-keys", &sent(new)).await
    };
    let made = make(json!({})).await.expect(201);
    assert_eq!(made.attribute("api-attributes-blocklist"), &json!(["name-last", "tags"]));
    assert_eq!(made.attribute("ip-address-allowlist"), &json!(["127.0.0.0/8"]));
    assert_eq!(made.attribute("requests-per-minute"), 100);
    assert_eq!(made.attribute("expires-at"), "2026-03-02T09:00:00.000Z");
    let narrower = make(json!({
        "api-attributes-blocklist": ["birthdate", "tags"], "ip-address-allowlist": ["127.0.0.1"],
        "requests-per-minute": 7, "expires-at": "2026-03-01T10:00:00Z",
    }));
    let narrower = narrower.await.expect(201);
    let all = json!(["birthdate", "tags", "name-last"]);
    assert_eq!(narrower.attribute("api-attributes-blocklist"), &all);
    assert_eq!(narrower.attribute("requests-per-minute"), 7);
    for (wider, place) in [
        (json!({"ip-address-allowlist": ["127.0.0.1", "10.0.0.0/8"]}), "ip-address-allowlist/1"),
        (json!({"ip-address-allowlist": ["0.0.0.0/0"]}), "ip-address-allowlist/0"),
        (json!({"requests-per-minute": 101}), "requests-per-minute"),
        (json!({"expires-at": "2026-03-02T09:00:01Z"}), "expires-at"),
    ] {
        let refused = make(wider).await.expect(422);
        assert_eq!(pointer(&refused.body), format!("/data/attributes/{place}"), "{}", refused.body);
    }
    client.stop().await;
}

/// A house with an account that a run matched, as its id.
async fn matched(pool: &PgPool) -> (House, String) {
    let house = House::new(pool, &format!("{DAILY}{PAYMENTS}")).await;
    house
        .import(
            "reference_id,type,name_first,name_last,birthdate,tags\np1,individual,Jane,Velkorov,1970-01-01,vip\n",
        )
        .await;
    house.enrol().await;
    let mut found = finding("e:1", "A", 0.9);
    "“Velkorov” is the same in both names.".clone_into(&mut found.reasons[0].text);
    house.scripted.find(&[found]);
    house.run("p1").await;
    let account = house.account("p1").await.id.to_string();
    (house, account)
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_a_key_must_not_see_stands_nowhere_in_its_answers(pool: PgPool) {
    let (house, account) = matched(&pool).await;
    let client = Client::start(&house).await;
    let address = json!({"fields": {"address": {"city": "Springfield"}}});
    client.patch(&format!("/accounts/{account}"), &sent(address)).await.expect(200);
    let hit = client.get("/hits").await.expect(200).ids().remove(0);
    let report = client.get("/reports").await.expect(200).ids().remove(0);
    let pages = [
        format!("/accounts/{account}"),
        "/accounts".to_owned(),
        format!("/accounts/{account}/history?page[size]=100"),
        "/hits".to_owned(),
        format!("/hits/{hit}"),
        format!("/reports/{report}?include=account"),
        "/events?page[size]=100".to_owned(),
    ];
    for (entry, secret) in [
        ("name-last", "Velkorov"),
        ("name-*", "Velkorov"),
        ("address-*", "Springfield"),
        ("/data/attributes/fields/name", "Velkorov"),
        ("reference-id", "\"p1\""),
        ("tags", "\"vip\""),
        ("status", "under-review"),
    ] {
        let blind = with(&house, &client, blind(&[entry])).await;
        for page in &pages {
            let body = blind.get(page).await.expect(200).body.to_string();
            assert!(!body.contains(secret), "{entry} {page}: {body}");
        }
        // What statuses a type has is no secret, and older clients are told of types unasked.
        if entry != "status" {
            let old = blind.with_version("2023-01-05").get(&pages[0]).await.expect(200).body.to_string();
            assert!(!old.contains(secret), "{entry}: {old}");
        }
        let told = client.get(&pages[0]).await.expect(200).body.to_string();
        assert!(told.contains(secret), "{entry}: {told}");
    }
    let seeing = client.get(&format!("/hits/{hit}")).await.expect(200);
    assert!(seeing.body.to_string().contains("Velkorov"), "who may see all is told why");
    let blind = with(&house, &client, blind(&["birthdate"])).await;
    let hit = blind.get(&format!("/hits/{hit}")).await.expect(200);
    assert_eq!((hit.attribute("reasons"), hit.attribute("state")), (&Value::Null, &json!("open")));
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_a_key_must_not_see_it_cannot_ask_by(pool: PgPool) {
    let (house, _) = matched(&pool).await;
    let client = Client::start(&house).await;
    let entries = ["tax-number", "name-*", "reference-id", "tags", "status", "score", "updated-at"];
    let blind = with(&house, &client, blind(&entries)).await;
    for path in [
        "/accounts?filter[reference-id]=p1",
        "/accounts?filter[tag]=vip",
        "/accounts?filter[status]=active",
        "/accounts/by-reference/p1",
        "/reports?filter[reference-id]=p1",
        "/transactions?filter[reference-id]=t-1",
        "/inquiries?filter[status]=created",
        "/hits?filter[score-from]=0.5",
        "/hits?sort=score",
    ] {
        client.get(path).await.expect(200);
        let refused = blind.get(path).await.expect(403);
        assert!(refused.body["errors"][0]["details"].as_str().unwrap().contains("must not see"), "{path}");
    }
    let is = |attribute: &str| json!({"attribute": attribute, "operator": "eq", "value": "x"});
    for (query, place) in [
        (is("fields.tax_number"), "/query/attribute"),
        (is("identifiers.tax_number"), "/query/attribute"),
        (json!({"and": [is("type"), is("fields.tax_number")]}), "/query/and/1/attribute"),
        (json!({"not": is("referenceId")}), "/query/not/attribute"),
        (json!({"or": [is("tags")]}), "/query/or/0/attribute"),
        (is("account_status"), "/query/attribute"),
    ] {
        client.post("/accounts/search", &json!({ "query": query })).await.expect(200);
        let refused = blind.post("/accounts/search", &json!({ "query": query })).await.expect(403);
        assert_eq!(pointer(&refused.body), place);
    }
    let sorted = json!({"sort": {"attribute": "updated_at"}});
    client.post("/accounts/search", &sorted).await.expect(200);
    assert_eq!(pointer(&blind.post("/accounts/search", &sorted).await.expect(403).body), "/sort/attribute");
    blind.post("/accounts/search", &json!({ "query": is("type") })).await.expect(200);
    let upsert =
        json!({"data": {"attributes": {"reference-id": "p1"}}, "meta": {"upsert-by": "reference-id"}});
    assert_eq!(pointer(&blind.post("/accounts", &upsert).await.expect(403).body), "/meta/upsert-by");
    let bulk = sent(json!({"reason": "x", "filter": {"score-from": 0.5}}));
    let refused = blind.post("/hits/dismiss", &bulk).await.expect(403);
    assert_eq!(pointer(&refused.body), "/data/attributes/filter/score-from");
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_action_is_defined_by_who_may_do_each_of_its_steps(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let account_type = house.type_id("individual").to_string();
    let new = |name: &str, steps: &Value| {
        sent(json!({"account-type-id": account_type, "name": name, "steps": steps}))
    };
    let steps = [
        (json!({"set-status": "blocked"}), "account.write"),
        (json!({"add-tag": "x"}), "account.write"),
        (json!({"remove-tag": "x"}), "account.write"),
        (json!({"update-fields": {"fields": {"risk_rating": "low"}}}), "account.write"),
        (json!({"add-to-list": {"list": "blocked", "value": "x"}}), "list.write"),
        (json!({"run-report": "watchlist"}), "report.write"),
        (json!("redact"), "account.redact"),
    ];
    client.post("/list/strings", &sent(json!({"name": "blocked"}))).await.expect(201);
    let definer = with(&house, &client, may(&["account-action.write", "account.run-action"])).await;
    for (place, (step, permission)) in steps.iter().enumerate() {
        let name = format!("a{place}");
        let refused = definer.post("/account-actions", &new(&name, &json!([step]))).await.expect(403);
        let word = step.as_str().unwrap_or_else(|| step.as_object().unwrap().keys().next().unwrap());
        let details = refused.body["errors"][0]["details"].as_str().unwrap();
        assert!(details.contains(permission) && details.contains(word), "{details}");
        assert_eq!(pointer(&refused.body), format!("/data/attributes/steps/0/{word}"));
        let enough = with(&house, &client, may(&["account-action.write", permission])).await;
        let made = enough.post("/account-actions", &new(&name, &json!([step]))).await.expect(201);
        let path = format!("/account-actions/{}", made.id());
        definer.patch(&path, &sent(json!({"name": "harmless"}))).await.expect(403);
        definer.patch(&path, &sent(json!({"steps": [step]}))).await.expect(403);
        enough.patch(&path, &sent(json!({"name": format!("b{place}")}))).await.expect(200);
    }
    // Nor is what must not be seen copied to where it may be.
    let blind = with(&house, &client, blind(&["name-last"])).await;
    for copied in ["{{fields.name}}", "{{ fields.name.last }}"] {
        let step = json!({"add-to-list": {"list": "blocked", "value": copied}});
        blind.post("/account-actions", &new("copy", &json!([step]))).await.expect(403);
    }
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_becomes_of_an_action_is_told(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let new = json!({
        "account-type-id": house.type_id("individual").to_string(), "name": "block",
        "steps": [{"set-status": "blocked"}, {"add-tag": "blocked"}],
    });
    let action = client.post("/account-actions", &sent(new)).await.expect(201).id();
    let path = format!("/account-actions/{action}");
    client.patch(&path, &sent(json!({"name": "stop", "steps": ["redact"]}))).await.expect(200);
    client.patch(&path, &sent(json!({"name": ""}))).await.expect(422);
    client.delete(&path).await.expect(200);
    let told = client.get(&format!("/events?filter[object-id]={action}")).await.expect(200);
    let mut told: Vec<Value> = told.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            let attributes = &event["attributes"];
            assert_eq!(attributes["actor"], "api-key:test");
            assert_eq!(attributes["payload"]["data"], json!({"type": "account-action", "id": action}));
            json!([attributes["name"], attributes["context"]["name"], attributes["context"]["steps"]])
        })
        .collect();
    told.sort_by_key(Value::to_string);
    assert_eq!(
        told,
        [
            json!(["account-action.archived", "stop", ["redact"]]),
            json!(["account-action.created", "block", ["set-status", "add-tag"]]),
            json!(["account-action.updated", "stop", ["redact"]]),
        ]
    );
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_reference_id_that_a_key_must_not_see_tells_it_of_no_account(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let client = Client::start(&house).await;
    let blind = with(&house, &client, blind(&["reference-id"])).await;
    let body = json!({ "data": { "attributes": { "inquiry-template-id": "itmpl_x", "reference-id": "p1" } },
                       "meta": { "auto-create-account": false } });
    blind.post("/inquiries", &body).await.expect(403);
    let body = json!({ "data": { "attributes": { "reference-id": "p1" } }, "meta": { "auto-create-account": false } });
    client.post("/reports", &body).await.expect(400);
    let template = client.get("/report-templates").await.expect(200).ids().remove(0);
    let body = json!({ "data": { "attributes": { "report-template-id": template } },
                       "meta": { "auto-create-account-reference-id": "p1" } });
    blind.post("/reports", &body).await.expect(403);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_lies_beyond_all_bounds_is_refused(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let key = sent(json!({ "name": "x", "permissions": ["event.read"], "api-version": "2027-01-01" }));
    client.post("/api-keys", &key).await.expect(422);
    let cursor = "-8000000000000000000.act_00000000000000000000000000";
    let sorted = json!({"sort": {"attribute": "updated_at"}});
    client.post(&format!("/accounts/search?page[after]={cursor}"), &sorted).await.expect(400);
    let long = "x".repeat(60_000);
    let mut form = String::new();
    for part in 0..20 {
        let head = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"data[attributes][mapping][{part}]\"\r\n\r\n"
        );
        form.push_str(&head);
        form.push_str(&long);
        form.push_str("\r\n");
    }
    form.push_str("--XX--\r\n");
    let request = client.request("POST", "/importer/accounts");
    let sent = request.header("content-type", "multipart/form-data; boundary=XX").body(form);
    let refused = client.send(sent).await.expect(400);
    assert!(refused.body["errors"][0]["details"].as_str().unwrap().contains("1 MiB"), "{}", refused.body);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_note_on_a_key_is_kept_sealed_also_one_of_before(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let client = Client::start(&house).await;
    let made = json!({ "data": { "attributes": {
        "name": "new", "permissions": ["account.read"], "note": "for Jane",
    } } });
    let made = client.post("/api-keys", &made).await.expect(201);
    assert_eq!(made.body["data"]["attributes"]["note"], "for Jane");
    let older = "update api_keys set note = 'for John' where name <> 'new' returning api_key_id::text";
    assert_eq!(house.texts(older).await.len(), 1);
    api_keys::seal_notes(&house.engine.context).await.unwrap();
    let listed = client.get("/api-keys").await.expect(200);
    let mut notes: Vec<_> =
        listed.body["data"].as_array().unwrap().iter().map(|key| key["attributes"]["note"].clone()).collect();
    notes.sort_by_key(ToString::to_string);
    assert_eq!(notes, ["for Jane", "for John"]);
    let plain = "select note from api_keys where note is not null";
    assert_eq!(house.texts(plain).await, [""; 0]);
}

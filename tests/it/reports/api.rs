//! Reports and hits as a client of the API sees them.

use serde_json::{Value, json};
use sqlx::PgPool;
use watchkeeper::domain::schedule::ReportTemplate;

use super::{TEMPLATES, account};
use crate::fixtures::{Client, DAILY, House, finding, until};

fn template(name: &str) -> String {
    ReportTemplate::id_of(name).to_string()
}

fn create(attributes: &Value, meta: &Value) -> Value {
    json!({ "data": { "attributes": attributes }, "meta": meta })
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_report_is_asked_for_waited_for_dismissed_printed_and_redacted(pool: PgPool) {
    let house = House::new(&pool, TEMPLATES).await;
    house.people(&["p1"]).await;
    let client = Client::start(&house).await;
    let running = house.start();
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "A", 0.8)]);
    let account = account(&house, "p1").await.to_string();
    let body = create(
        &json!({ "account-id": account, "report-template-id": template("monthly"),
                 "query": { "name-first": "Jane", "name-last": "Doe", "birthdate": "1990-01-01", "address-country-code": "US" } }),
        &json!({ "processing-mode": "sync" }),
    );
    let made = client.post("/reports", &body).await.expect(201);
    assert_eq!(made.body["data"]["type"], "report/watchlist");
    assert_eq!(made.attribute("status"), "ready");
    assert_eq!(made.attribute("has-match"), &json!(true));
    assert_eq!(made.attribute("is-recurring"), &json!(true));
    assert_eq!(made.attribute("is-continuous"), &json!(false));
    assert_eq!(made.attribute("name-first"), "Jane");
    assert_eq!(made.attribute("matched-lists")[0]["entities"].as_array().unwrap().len(), 2);
    assert_eq!(made.body["data"]["relationships"]["account"]["data"]["id"], json!(account));
    let id = made.id();

    let dismissal = |attributes: Value| json!({ "data": { "attributes": attributes } });
    let dismiss = format!("/reports/{id}/dismiss");
    let later = || house.clock.advance(std::time::Duration::from_secs(1));
    later();
    client.post(&dismiss, &dismissal(json!({}))).await.expect(400);
    let dismissed = client
        .post(&dismiss, &dismissal(json!({ "reason": "another Jane", "entity-id": "e:1" })))
        .await
        .expect(200);
    let ignored = dismissed.attribute("ignore-list");
    assert_eq!(ignored[0]["ignore-reason"], "another Jane");
    assert_eq!(ignored[0]["match"]["entities"][0]["entity-id"], "e:1");
    assert_eq!(dismissed.attribute("has-match"), &json!(true));
    later();
    client.post(&dismiss, &dismissal(json!({ "reason": "nor this one" }))).await.expect(200);
    client.post(&dismiss, &dismissal(json!({ "reason": "nor this one" }))).await.expect(409);

    later();
    client.post(&format!("/reports/{id}/pause"), &Value::Null).await.expect(200);
    client.post(&format!("/reports/{id}/run"), &Value::Null).await.expect(409);
    later();
    let resumed = client.post(&format!("/reports/{id}/resume"), &Value::Null).await.expect(200);
    assert_eq!(resumed.attribute("is-recurring"), &json!(true));
    later();
    client.post(&format!("/reports/{id}/run"), &Value::Null).await.expect(200);
    until("it ran again", async || {
        client.get(&format!("/reports/{id}")).await.attribute("is-continuous") == &json!(true)
    })
    .await;

    let history = client.get(&format!("/reports/{id}/history?page[size]=2")).await.expect(200);
    let mut kinds = Vec::new();
    let mut next = Some(history);
    while let Some(page) = next {
        kinds.extend(
            page.body["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["type"].as_str().unwrap().to_owned()),
        );
        next = match page.body["links"]["next"].as_str() {
            None => None,
            Some(link) => Some(client.get(link.trim_start_matches("/api/v1")).await.expect(200)),
        };
    }
    assert_eq!(kinds, ["run", "resume", "pause", "dismiss", "dismiss", "run"]);

    let print = async || {
        let printed = client.get(&format!("/reports/{id}/print")).await.expect(200);
        String::from_utf8(printed.bytes).unwrap()
    };
    let printed = print().await;
    for told in ["Jane", "another Jane", "scripted 1", "e:2", "the names are alike"] {
        assert!(printed.contains(told), "{told}");
    }

    let hit = client.get(&format!("/hits?filter[account-id]={account}")).await.expect(200).ids().remove(0);
    let assign = client.request("POST", &format!("/hits/{hit}/assign")).header("idempotency-key", "assigned");
    let body = dismissal(json!({ "assignee": "ann" })).to_string();
    client.send(assign.header("content-type", "application/json").body(body)).await.expect(200);
    let kept = "select count(*) from idempotency_replies where sealed_body is not null";
    assert_eq!(house.count(kept).await, 1);
    let redacted = client.delete(&format!("/reports/{id}")).await.expect(200);
    assert_eq!(house.count(kept).await, 0, "what was answered about its hits goes with it");
    assert!(redacted.attribute("redacted-at").is_string() && redacted.attribute("name-first").is_null());
    client.delete(&format!("/reports/{id}")).await.expect(409);
    assert!(!print().await.contains("Jane"));
    running.stop().await;
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn accounts_are_made_for_reports_and_legacy_bodies_are_taken(pool: PgPool) {
    let house = House::new(&pool, TEMPLATES).await;
    let client = Client::start(&house).await;
    let legacy = json!({ "report-template-id": template("watchlist"), "term": "Jane Doe", "country-code": "US",
                         "reference-id": "ref-1" });
    let first = client.post("/reports", &json!({ "data": { "attributes": legacy } })).await.expect(201);
    assert_eq!(first.attribute("status"), "pending");
    let account = first.body["data"]["relationships"]["account"]["data"]["id"].clone();
    let with_reference = |meta: Value| create(&json!({ "report-template-id": template("holding") }), &meta);
    let same = client
        .post("/reports", &with_reference(json!({ "auto-create-account-reference-id": "REF-1" })))
        .await
        .expect(201);
    assert_eq!(same.body["data"]["type"], "report/politically-exposed-person");
    assert_eq!(same.body["data"]["relationships"]["account"]["data"]["id"], account);
    let known = |reference: &str| {
        let attributes = json!({ "report-template-id": template("holding"), "reference-id": reference });
        create(&attributes, &json!({ "auto-create-account": false }))
    };
    client.post("/reports", &known("ref-1")).await.expect(201);
    client.post("/reports", &known("ref-2")).await.expect(404);
    assert_eq!(house.count("select count(*) from accounts").await, 1);

    for (attributes, meta, status, pointer) in [
        (
            json!({ "report-template-id": template("watchlist") }),
            json!({ "auto-create-account": false }),
            400,
            "/data/attributes/account-id",
        ),
        (json!({ "report-template-id": template("watchlist") }), json!({}), 422, "/data/attributes/query"),
        (
            json!({ "report-template-id": "itmpl_1", "term": "x" }),
            json!({}),
            400,
            "/data/attributes/report-template-id",
        ),
        (json!({ "term": "x" }), json!({}), 400, "/data/attributes/report-template-id"),
        (
            json!({ "report-template-id": template("watchlist"), "query": { "birthdate": "1990-13-01", "term": "x" } }),
            json!({}),
            422,
            "/data/attributes/query/birthdate",
        ),
        (
            json!({ "report-template-id": template("watchlist"), "query": { "birthdate": "1990-12-01" } }),
            json!({}),
            422,
            "/data/attributes/query",
        ),
        (
            json!({ "report-template-id": template("watchlist"), "query": { "colour": "red" } }),
            json!({}),
            400,
            "/data/attributes/query",
        ),
        (
            json!({ "report-template-id": template("watchlist"), "account-id": "p1" }),
            json!({}),
            400,
            "/data/attributes/account-id",
        ),
    ] {
        let refused = client.post("/reports", &create(&attributes, &meta)).await.expect(status);
        let found = refused.body["errors"][0]["source"]["pointer"].as_str().unwrap_or_default().to_owned();
        assert!(found.starts_with(pointer), "{attributes}: {}", refused.body);
    }
    let unknown = create(&json!({ "report-template-id": template("nothing"), "term": "x" }), &json!({}));
    client.post("/reports", &unknown).await.expect(404);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn reports_are_listed_also_those_of_schedules(pool: PgPool) {
    let house = House::new(&pool, &format!("{TEMPLATES}{DAILY}")).await;
    house.people(&["p1", "p2"]).await;
    let client = Client::start(&house).await;
    let account = account(&house, "p1").await.to_string();
    for _ in 0..3 {
        let body =
            create(&json!({ "account-id": account, "report-template-id": template("holding") }), &json!({}));
        client.post("/reports", &body).await.expect(201);
        house.clock.advance(std::time::Duration::from_secs(1));
    }
    let count = async |query: &str| client.get(&format!("/reports{query}")).await.expect(200).ids().len();
    assert_eq!(count("").await, 5);
    assert_eq!(count("?filter[reference-id]=p1").await, 4);
    assert_eq!(count("?filter[reference-id]=P1,p2").await, 5);
    assert_eq!(count(&format!("?filter[account-id]={account}&filter[type]=report/watchlist")).await, 1);
    assert_eq!(count("?filter[type]=politically-exposed-person").await, 3);
    assert_eq!(count(&format!("?filter[report-template-id]={}", template("watchlist"))).await, 1 + 1);
    assert_eq!(count("?filter[reference-id]=nobody").await, 0);
    client.get("/reports?filter[colour]=red").await.expect(400);

    let first = client.get("/reports?page[size]=2").await.expect(200);
    let mut all = first.ids();
    let mut next = first.body["links"]["next"].as_str().map(str::to_owned);
    while let Some(link) = next {
        let page = client.get(link.trim_start_matches("/api/v1")).await.expect(200);
        all.extend(page.ids());
        next = page.body["links"]["next"].as_str().map(str::to_owned);
    }
    assert_eq!(all.len(), 5);
    assert!(all.is_sorted_by(|one, other| one > other), "the newest first");

    let path =
        format!("/reports?filter[account-id]={account}&filter[type]=watchlist&include=report-template");
    let of_schedule = client.get(&path).await.expect(200);
    assert_eq!(of_schedule.body["data"][0]["attributes"]["schedule"], "daily");
    assert_eq!(of_schedule.body["included"][0]["id"], json!(template("watchlist")));
    let with_account = client.get("/reports?page[size]=1&include=account").await.expect(200);
    assert_eq!(with_account.body["included"][0]["type"], "account");
    let old = client.with_version("2023-01-05").get("/reports").await.expect(200);
    for report in old.body["data"].as_array().unwrap() {
        assert!(report["attributes"]["run-history"].is_array(), "as one report has it: {report}");
    }
    client.get("/reports?include=colour").await.expect(400);
    let templates = client.get("/report-templates").await.expect(200);
    assert_eq!(templates.ids().len(), 4);
    let monthly = client.get(&format!("/report-templates/{}", template("monthly"))).await.expect(200);
    assert_eq!(monthly.attribute("recurrence-interval-days"), &json!(30));
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn hits_are_worked_off_across_accounts(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2", "p3"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    for reference in ["p1", "p2", "p3"] {
        house.run(reference).await;
    }
    let client = Client::start(&house).await;
    let listed = client.get("/hits?filter[state]=open&filter[schedule]=daily&sort=score").await.expect(200);
    let ids = listed.ids();
    assert_eq!(ids.len(), 3);
    let attributes = |attributes: Value| json!({ "data": { "attributes": attributes } });
    let assigned = client
        .post(&format!("/hits/{}/assign", ids[0]), &attributes(json!({ "assignee": "ann" })))
        .await
        .expect(200);
    assert_eq!(assigned.attribute("assignee"), "ann");
    assert_eq!(client.get("/hits?filter[assignee]=ann").await.ids().len(), 1);
    assert_eq!(client.get("/hits?filter[assignee]=none").await.ids().len(), 2);
    let noted = client
        .post(&format!("/hits/{}/comment", ids[0]), &attributes(json!({ "text": "hm" })))
        .await
        .expect(200);
    assert_eq!(noted.attribute("comments")[0]["text"], "hm");
    assert_eq!(noted.attribute("reasons")[0]["text"], "the names are alike");

    client
        .post(&format!("/hits/{}/confirm", ids[0]), &attributes(json!({ "reason": "it is" })))
        .await
        .expect(200);
    let bulk = attributes(json!({ "reason": "they are not", "filter": { "schedule": "daily" } }));
    let done = client.post("/hits/dismiss", &bulk).await.expect(200);
    assert_eq!(done.body["meta"], json!({ "decided": 2, "already-decided": 0, "refused": 0, "more": false }));
    let bulk =
        attributes(json!({ "reason": "again", "hit-ids": [ids[1], "hit_00000000000000000000000000"] }));
    let done = client.post("/hits/dismiss", &bulk).await.expect(200);
    assert_eq!(done.body["data"][1]["attributes"]["result"], "not-found");
    client.post("/hits/dismiss", &attributes(json!({ "reason": "x" }))).await.expect(400);
    client
        .post("/hits/dismiss", &attributes(json!({ "reason": "x", "hit-ids": ["act_1"] })))
        .await
        .expect(400);
    client.get("/hits?filter[score-from]=much").await.expect(400);
    client.get("/hits?filter[schedule]=weekly").await.expect(422);
    client.get("/hits/rep_00000000000000000000000000").await.expect(404);

    let file = "reference_id,entity,decision\np1,e:7,dismissed\nnobody,e:7,dismissed\n";
    let file = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, file);
    let sent = attributes(json!({ "file": { "data": file, "filename": "past.csv" } }));
    let imported = client.post("/importer/decisions", &sent).await.expect(200);
    assert_eq!(
        (imported.body["imported-count"].as_i64(), imported.body["error-count"].as_i64()),
        (Some(1), Some(1))
    );
    assert_eq!(imported.body["errors"][0]["line"], 3);
    client.stop().await;
}

//! Transactions, tags as objects, account actions.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::fixtures::{Client, DAILY, House};

const PAYMENTS: &str = r#"
[transaction-types.payment]
statuses = ["open", "settled"]
[transaction-types.payment.fields]
amount = { type = "number", pii = false, required = true }
note = { type = "string", pii = true }
[transaction-types.payment.relations]
payer = { target-types = ["individual"], cardinality = "single", inverse = "payments" }
"#;

const ACTIONS: &str = r#"
[lists.blocked]
format = "list"
[account-types.individual.actions.block]
steps = [
    { set-status = "blocked" },
    { add-tag = "blocked" },
    { update-fields = { fields = { risk_rating = "{{risk}}" } } },
    { add-to-list = { list = "blocked", name-first = "{{fields.name.first}}", name-last = "{{fields.name.last}}" } },
]
"#;

fn attributes(attributes: Value) -> Value {
    json!({ "data": { "attributes": attributes } })
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_transaction_is_made_changed_tagged_and_redacted(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{PAYMENTS}")).await;
    let client = Client::start(&house).await;
    let types = client.get("/transaction-types").await.expect(200);
    assert_eq!(types.body["data"][0]["attributes"]["field-schemas"][0]["key"], "amount");
    let new = |reference: &str, fields: Value| {
        attributes(
            json!({"transaction-type-id": types.ids()[0], "reference-id": reference, "fields": fields, "tags": ["big"]}),
        )
    };
    let made = client
        .post("/transactions", &new("t-1", json!({"amount": 5, "note": "Marksdottir"})))
        .await
        .expect(201);
    assert_eq!(made.attribute("fields")["note"], json!({"type": "string", "value": "Marksdottir"}));
    assert_eq!((made.attribute("status"), made.attribute("tags")), (&json!("open"), &json!(["big"])));
    client.post("/transactions", &new("T-1", json!({"amount": 5}))).await.expect(409);
    let refused = client.post("/transactions", &new("t-2", json!({"note": "x"}))).await.expect(422);
    assert_eq!(refused.body["errors"][0]["source"]["pointer"], "/data/attributes/fields/amount");
    client.post("/transactions", &new("t-2", json!({"amount": 7}))).await.expect(201);

    let path = format!("/transactions/{}", made.id());
    let changed = client
        .patch(&path, &attributes(json!({"status": "settled", "fields": {"amount": 6}})))
        .await
        .expect(200);
    assert_eq!(changed.attribute("fields")["note"]["value"], "Marksdottir", "other fields stay");
    let refused = client
        .patch(&path, &attributes(json!({"status": "lost", "fields": {"colour": 1}})))
        .await
        .expect(422);
    assert_eq!(refused.body["errors"].as_array().unwrap().len(), 2);
    client.patch(&path, &attributes(json!({"reference-id": "t-2"}))).await.expect(409);
    let tagged =
        client.post(&format!("{path}/add-tag"), &json!({"meta": {"tag-name": "checked"}})).await.expect(200);
    assert_eq!(tagged.attribute("tags"), &json!(["big", "checked"]));
    client.post(&format!("{path}/set-tags"), &json!({"meta": {"tag-name": ["checked"]}})).await.expect(200);
    assert_eq!(
        client.get("/transactions?filter[reference-id]=T-1,none").await.expect(200).ids(),
        [made.id()]
    );
    assert_eq!(client.get("/transactions?page[size]=1").await.expect(200).ids().len(), 1);
    let other = format!("/transactions/{}", made.id().replace("txn_", "act_"));
    client.get(&other).await.expect(404);

    let redacted = client.delete(&path).await.expect(200);
    assert_eq!(redacted.attribute("fields")["note"]["value"], Value::Null);
    assert_eq!(redacted.attribute("fields")["amount"]["value"], 6);
    assert!(redacted.attribute("redacted-at").is_string());
    client.delete(&path).await.expect(409);
    client.patch(&path, &attributes(json!({"fields": {"note": "again"}}))).await.expect(200);
    client.delete(&path).await.expect(200);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn tags_are_made_listed_changed_and_retired(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let made =
        client.post("/tags", &attributes(json!({"name": "vip", "colour": "#1f77b4"}))).await.expect(201);
    assert!(made.id().starts_with("tag_"));
    client.post("/tags", &attributes(json!({"name": "vip"}))).await.expect(409);
    client.post("/tags", &attributes(json!({"name": "x", "colour": "blue"}))).await.expect(422);
    client.post("/tags", &attributes(json!({"label": "x"}))).await.expect(400);
    let path = format!("/tags/{}", made.id());
    let changed = client
        .patch(&path, &attributes(json!({"description": "important", "colour": null})))
        .await
        .expect(200);
    assert_eq!(
        (changed.attribute("color"), changed.attribute("description")),
        (&Value::Null, &json!("important"))
    );
    let second = client.post("/tags", &attributes(json!({"name": "second"}))).await.expect(201);
    let page = client.get("/tags?page[size]=1").await.expect(200);
    assert_eq!(page.ids(), [second.id()]);
    let next = client.get(page.body["links"]["next"].as_str().unwrap()).await.expect(200);
    assert_eq!(next.ids(), [made.id()]);
    let back = client.get(next.body["links"]["prev"].as_str().unwrap()).await.expect(200);
    assert_eq!(back.ids(), [second.id()]);
    client
        .post(&format!("{path}/merge"), &json!({"meta": {"source-tag-ids": [second.id()]}}))
        .await
        .expect(200);
    client.delete(&path).await.expect(200);
    client.delete(&path).await.expect(409);
    assert_eq!(client.get("/tags").await.expect(200).ids(), [""; 0]);
    assert_eq!(client.get("/tags?filter[retired]=true").await.expect(200).ids().len(), 2);
    client.get("/tags/tag_x").await.expect(404);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_action_does_all_of_its_steps_or_none(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{ACTIONS}")).await;
    house
        .import("reference_id,type,name_first,name_last\np1,individual,Jane,Marksdottir\nb1,business,,\n")
        .await;
    let client = Client::start(&house).await;
    let actions = client.get("/account-actions").await.expect(200);
    let action = actions.ids().remove(0);
    assert_eq!(actions.body["data"][0]["attributes"]["parameter-keys"], json!(["risk"]));
    let account = house.account("p1").await.id;
    let path = format!("/accounts/{account}/run-action");
    let run = |parameters: Value| json!({"data": {"account-action-id": action, "parameters": parameters}});
    // There is no list yet: nothing is done.
    client.post(&path, &run(json!({"risk": "high"}))).await.expect(409);
    assert_eq!(
        (house.account("p1").await.status.as_str(), house.account("p1").await.tags.len()),
        ("active", 0)
    );
    let list = client.post("/list/names", &attributes(json!({"name": "blocked"}))).await.expect(201).id();
    for (bad, place) in [
        (json!({}), "risk"),
        (json!({"risk": "purple"}), "risk"),
        (json!({"risk": "high", "colour": 1}), "colour"),
    ] {
        let refused = client.post(&path, &run(bad)).await.expect(422);
        let pointer = &refused.body["errors"][0]["source"]["pointer"];
        assert_eq!(pointer, &json!(format!("/data/parameters/{place}")));
    }
    assert_eq!(house.account("p1").await.status, "active");
    let done = client.post(&path, &run(json!({"risk": "high"}))).await.expect(200);
    let run_id = done.body["meta"]["workflow-run-id"].as_str().unwrap();
    assert_eq!((done.id(), done.attribute("account-status")), (account.to_string(), &json!("blocked")));
    let account = house.account("p1").await;
    assert_eq!((account.status.as_str(), account.tags.as_slice()), ("blocked", &["blocked".to_owned()][..]));
    assert_eq!(account.fields["risk_rating"], "high");
    assert_eq!(client.get(&format!("/lists/{list}/items")).await.expect(200).ids().len(), 1);
    let kept = client.get(&format!("/action-runs/{run_id}")).await.expect(200);
    assert_eq!(kept.attribute("parameters"), &json!({"risk": "high"}));
    assert_eq!(kept.attribute("outcome").as_array().unwrap().len(), 4);
    let business = house.account("b1").await.id;
    client.post(&format!("/accounts/{business}/run-action"), &run(json!({"risk": "high"}))).await.expect(422);
    client.patch(&format!("/account-actions/{action}"), &attributes(json!({"name": "x"}))).await.expect(409);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_action_is_defined_through_the_api_and_checked_against_its_type(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let client = Client::start(&house).await;
    let account_type: uuid::Uuid =
        sqlx::query_scalar("select account_type_id from account_types where name = 'individual'")
            .fetch_one(&pool)
            .await
            .unwrap();
    let account_type = watchkeeper::domain::id::AccountTypeId(account_type).to_string();
    let new =
        |steps: Value| attributes(json!({"account-type-id": account_type, "name": "forget", "steps": steps}));
    let refused = client
        .post(
            "/account-actions",
            &new(json!([{"set-status": "lost"}, {"update-fields": {"fields": {"colour": 1}}}])),
        )
        .await
        .expect(422);
    assert_eq!(
        refused.body["errors"][1]["source"]["pointer"],
        "/data/attributes/steps/1/update-fields/fields/colour"
    );
    client.post("/account-actions", &new(json!([{"dance": 1}]))).await.expect(400);
    client.post("/account-actions", &new(json!([]))).await.expect(422);
    let list = client.post("/list/countries", &attributes(json!({"name": "blocked"}))).await.expect(201).id();
    for (step, place) in [
        (json!({"run-report": "nope"}), "run-report"),
        (json!({"add-to-list": {"list": "nope", "country-code": "KP"}}), "add-to-list/list"),
        (json!({"add-to-list": {"list": "blocked", "value": "KP"}}), "add-to-list/value"),
        (json!({"add-to-list": {"list": "blocked", "country-code": "XX"}}), "add-to-list/country-code"),
    ] {
        let refused = client.post("/account-actions", &new(json!([step]))).await.expect(422);
        assert_eq!(
            refused.body["errors"][0]["source"]["pointer"],
            format!("/data/attributes/steps/0/{place}"),
            "{step}"
        );
    }
    let two = json!([{"add-tag": "a", "remove-tag": "b"}]);
    let refused = client.post("/account-actions", &new(two)).await.expect(400);
    let details = refused.body["errors"][0]["details"].as_str().unwrap();
    assert!(
        details.contains("exactly one key") && details.contains("run-report, update-fields"),
        "{details}"
    );
    let item = json!({"list": "Blocked", "country-code": "{{fields.country_code}}"});
    let steps = json!([{"run-report": "watchlist"}, {"add-to-list": item}]);
    let known = attributes(json!({"account-type-id": account_type, "name": "look", "steps": steps}));
    let known = client.post("/account-actions", &known).await.expect(201).id();
    client.delete(&format!("/lists/{list}")).await.expect(200);
    // What went meanwhile is asked for again by a run; the action can still be renamed.
    client
        .patch(&format!("/account-actions/{known}"), &attributes(json!({"name": "look again"})))
        .await
        .expect(200);
    let made =
        client.post("/account-actions", &new(json!([{"add-tag": "forgotten"}, "redact"]))).await.expect(201);
    client.post("/account-actions", &new(json!(["redact"]))).await.expect(409);
    let run = json!({"data": {"account-action-id": made.id()}});
    let account = house.account("p1").await.id;
    client.post(&format!("/accounts/{account}/run-action"), &run).await.expect(200);
    let account = house.account("p1").await;
    assert!(account.fields.is_empty() && account.tags == ["forgotten"]);
    client.delete(&format!("/account-actions/{}", made.id())).await.expect(200);
    client.post(&format!("/accounts/{}/run-action", account.id), &run).await.expect(422);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_was_redacted_is_in_no_answer_to_a_request_that_is_sent_again(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{PAYMENTS}")).await;
    let client = Client::start(&house).await;
    let kind = client.get("/transaction-types").await.expect(200).ids().remove(0);
    let body =
        attributes(json!({"transaction-type-id": kind, "fields": {"amount": 5, "note": "Marksdottir"}}));
    let post = async || {
        let request = client.request("POST", "/transactions").header("idempotency-key", "one");
        client.send(request.header("content-type", "application/json").body(body.to_string())).await
    };
    let made = post().await.expect(201);
    assert_eq!(post().await.expect(201).id(), made.id());
    client.delete(&format!("/transactions/{}", made.id())).await.expect(200);
    assert_eq!(
        house.count("select count(*) from idempotency_replies where sealed_body is not null").await,
        0
    );
    assert_ne!(post().await.expect(201).id(), made.id(), "the old answer is gone: it is another request");
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_tag_is_renamed_merged_and_retired_wherever_it_is(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{PAYMENTS}")).await;
    house.people(&["p1"]).await;
    house.enrol().await;
    let client = Client::start(&house).await;
    let report = client.get("/reports").await.expect(200).ids().remove(0);
    let account = client.get("/accounts").await.expect(200).ids().remove(0);
    let templates = client.get("/inquiry-templates").await.expect(200).body;
    let of_people = |one: &&Value| one["attributes"]["account-type-name"] == "individual";
    let template = templates["data"].as_array().unwrap().iter().find(of_people).unwrap()["id"].clone();
    let inquiry = attributes(json!({"account-id": account, "inquiry-template-id": template}));
    let inquiry = client.post("/inquiries", &inquiry).await.expect(201).id();
    let kind = client.get("/transaction-types").await.expect(200).ids().remove(0);
    let payment = attributes(json!({"transaction-type-id": kind, "fields": {"amount": 1}}));
    let payment = client.post("/transactions", &payment).await.expect(201).id();
    let paths =
        [format!("/reports/{report}"), format!("/inquiries/{inquiry}"), format!("/transactions/{payment}")];
    let tag = async |name: &str| {
        let made = client.post("/tags", &attributes(json!({"name": name, "color": "#1f77b4"}))).await;
        made.expect(201).id()
    };
    let (vip, gold) = (tag("vip").await, tag("gold").await);
    let tags = async || {
        let mut all = Vec::new();
        for path in &paths {
            all.push(client.get(path).await.expect(200).attribute("tags").clone());
        }
        all
    };
    for path in &paths {
        for name in ["vip", "gold"] {
            let body = json!({"meta": {"tag-name": name}});
            client.post(&format!("{path}/add-tag"), &body).await.expect(200);
        }
    }
    client.patch(&format!("/tags/{vip}"), &attributes(json!({"name": "best"}))).await.expect(200);
    assert_eq!(tags().await, vec![json!(["best", "gold"]); 3]);
    // Names that follow each other lead to the last, also while the first is seen to; and one may come back.
    for name in ["first", "second", "best"] {
        client.patch(&format!("/tags/{vip}"), &attributes(json!({"name": name}))).await.expect(200);
    }
    while watchkeeper::actions::tags::rename_page(&house.engine.context).await.unwrap() {}
    assert_eq!(tags().await, vec![json!(["best", "gold"]); 3]);
    assert_eq!(house.count("select count(*) from tag_renames").await, 0);
    for path in &paths {
        client.post(&format!("{path}/add-tag"), &json!({"meta": {"tag-id": vip}})).await.expect(200);
    }
    assert_eq!(tags().await, vec![json!(["best", "gold"]); 3], "it has it already");

    let merge = json!({"meta": {"source-tag-ids": [vip]}});
    client.post(&format!("/tags/{gold}/merge"), &merge).await;
    while watchkeeper::actions::tags::merge_page(&house.engine.context).await.unwrap() {}
    while watchkeeper::actions::tags::rename_page(&house.engine.context).await.unwrap() {}
    assert_eq!(tags().await, vec![json!(["gold"]); 3]);
    let told = house.texts("select distinct kind from events where actor = 'tag-merge' order by 1").await;
    assert_eq!(told, ["inquiry.updated-tags", "report.updated-tags", "transaction.updated-tags"]);
    for path in &paths {
        client.post(&format!("{path}/add-tag"), &json!({"meta": {"tag-name": "best"}})).await.expect(409);
    }

    let included = async |path: &str| {
        let body = client.get(path).await.expect(200).body;
        let kinds = body["included"].as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap());
        kinds.map(str::to_owned).collect::<Vec<_>>()
    };
    for path in ["/inquiries".to_owned(), format!("/inquiries/{inquiry}")] {
        let kinds = included(&format!("{path}?include=account,inquiry-template,reports")).await;
        assert_eq!(kinds.iter().filter(|kind| *kind == "account").count(), 1);
        client.get(&format!("{path}?include=colour")).await.expect(400);
    }
    assert_eq!(included("/transactions?include=transaction-type").await, ["transaction-type"]);
    assert_eq!(included("/reports?include=account,inquiry").await, ["account"]);
    client.get("/transactions?include=account").await.expect(400);
    let newer = client.with_version("2026-09-29").get("/tags").await.expect(200);
    assert_eq!(newer.body["data"][0]["attributes"]["color"], "#1f77b4");
    let refused = client.post("/list/colours", &attributes(json!({"name": "x"}))).await.expect(404);
    assert!(refused.body["errors"][0]["details"].as_str().unwrap().contains("email-addresses"));
    client.stop().await;
}

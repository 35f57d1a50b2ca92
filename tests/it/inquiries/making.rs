//! Whose an inquiry is: an account that is there, one that is made, nobody's.

use serde_json::{Value, json};
use sqlx::PgPool;
use watchkeeper::actions::inquiries;

use super::{KYC, account, inquiry, jane, opened, template};
use crate::fixtures::{Client, House};

async fn create(client: &Client, attributes: Value, meta: Value) -> crate::fixtures::Answered {
    let mut body = json!({ "data": { "type": "inquiry" } });
    body["data"]["attributes"] = attributes;
    body["data"]["attributes"]["inquiry-template-id"] = json!(template("kyc"));
    body["meta"] = meta;
    client.post("/inquiries", &body).await
}

fn account_of(reply: &crate::fixtures::Answered) -> Value {
    reply.body["data"]["relationships"]["account"]["data"]["id"].clone()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_inquiry_is_of_the_account_that_is_named_found_or_made(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;

    let by_id = create(&client, json!({ "account-id": jane.id }), json!({})).await.expect(201);
    assert_eq!(account_of(&by_id), json!(jane.id));
    assert_eq!(by_id.attribute("status"), "created");
    assert_eq!(by_id.attribute("reference-id"), "c-1");
    assert_eq!(by_id.attribute("expires-at"), "2026-03-08T09:00:00.000Z");

    let by_reference =
        create(&client, json!({}), json!({ "auto-create-account-reference-id": "C-1" })).await.expect(201);
    assert_eq!(account_of(&by_reference), json!(jane.id), "whatever its case");
    let by_old_name = create(&client, json!({ "reference-id": "c-1" }), json!({})).await.expect(201);
    assert_eq!(account_of(&by_old_name), json!(jane.id));

    let made = create(&client, json!({ "reference-id": "c-2" }), json!({})).await.expect(201);
    assert_eq!(made.attribute("reference-id"), "c-2");
    assert_ne!(account_of(&made), json!(jane.id));
    let again = create(&client, json!({ "reference-id": "c-2" }), json!({})).await.expect(201);
    assert_eq!(account_of(&again), account_of(&made), "made once");

    let new = create(&client, json!({}), json!({})).await.expect(201);
    assert!(account_of(&new).is_string(), "without any, an account is made");
    let nobody = create(&client, json!({}), json!({ "auto-create-account": false })).await.expect(201);
    assert_eq!(account_of(&nobody), Value::Null);
    let known = json!({ "auto-create-account": false });
    let found = create(&client, json!({ "reference-id": "c-2" }), known.clone()).await.expect(201);
    assert_eq!(account_of(&found), account_of(&made));
    create(&client, json!({ "reference-id": "c-3" }), known).await.expect(404);
    assert_eq!(house.count("select count(*) from accounts").await, 3);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_contradicts_itself_or_names_nothing_is_refused_and_nothing_is_made(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    let pointer = |reply: &crate::fixtures::Answered| reply.body["errors"][0]["source"]["pointer"].clone();

    let meta = json!({ "auto-create-account": false, "auto-create-account-reference-id": "c-9" });
    let refused = create(&client, json!({}), meta).await.expect(400);
    assert_eq!(pointer(&refused), "/meta/auto-create-account-reference-id");
    let both = json!({ "account-id": jane.id, "reference-id": "c-1" });
    create(&client, both, json!({})).await.expect(400);
    create(&client, json!({ "account-id": "act_01h455vb4pex5vsknk084sn02q" }), json!({})).await.expect(404);
    create(&client, json!({ "account-id": "rep_01h455vb4pex5vsknk084sn02q" }), json!({})).await.expect(400);
    let business = json!({ "auto-create-account-type-id": house.type_id("business") });
    create(&client, json!({}), business).await.expect(422);
    let unknown = create(&client, json!({ "fields": { "shoe-size": 42 } }), json!({})).await.expect(422);
    assert_eq!(pointer(&unknown), "/data/attributes/fields/shoe-size");
    let wrong = create(&client, json!({ "fields": { "birthdate": "soon" } }), json!({})).await.expect(422);
    assert_eq!(pointer(&wrong), "/data/attributes/fields/birthdate");
    assert!(!wrong.body.to_string().contains("soon"));
    let body = json!({ "data": { "attributes": {} } });
    let refused = client.post("/inquiries", &body).await.expect(400);
    assert_eq!(pointer(&refused), "/data/attributes/inquiry-template-id");
    let body = json!({ "data": { "attributes": { "inquiry-template-id": template("no-such") } } });
    client.post("/inquiries", &body).await.expect(422);
    assert_eq!(house.count("select count(*) from inquiries").await, 0);
    assert_eq!(house.count("select count(*) from accounts").await, 1);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_archived_account_gets_no_inquiry_and_its_open_ones_cannot_be_completed(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    let open = inquiry(&client, jane.id).await;
    sqlx::query("update accounts set archived_at = now()").execute(&pool).await.unwrap();
    let refused = create(&client, json!({ "account-id": jane.id }), json!({})).await.expect(409);
    assert_eq!(refused.body["errors"][0]["details"], "Account is archived");
    create(&client, json!({ "reference-id": "c-1" }), json!({})).await.expect(409);
    super::complete(&client, &open, &json!({})).await.expect(409);
    client.get(&format!("/inquiries/{open}")).await.expect(200);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn every_type_has_a_template_without_configuration_and_the_configuration_adds_others(pool: PgPool) {
    let mut house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let listed = client.get("/inquiry-templates").await.expect(200);
    let names = |reply: &crate::fixtures::Answered| {
        let data = reply.body["data"].as_array().unwrap();
        data.iter().map(|one| one["attributes"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&listed), ["business", "individual", "kyc"]);
    let own = client.get(&format!("/inquiry-templates/{}", template("individual"))).await.expect(200);
    assert_eq!(own.attribute("comparisons")[0]["field"], "name");
    assert_eq!(
        own.body["data"]["relationships"]["account-type"]["data"]["id"],
        json!(house.type_id("individual"))
    );

    // It works at once.
    let body = json!({ "data": { "attributes": { "inquiry-template-id": template("individual") } } });
    let made = client.post("/inquiries?include=inquiry-template", &body).await.expect(201);
    assert_eq!(made.body["included"][0]["attributes"]["name"], "individual");
    let done = super::complete(&client, &made.id(), &jane()).await.expect(200);
    assert_eq!(done.attribute("status"), "completed");

    // What the configuration no longer has makes no new inquiries, and completes the old ones.
    let jane = account(&house, "c-1", &jane()).await;
    let open = inquiry(&client, jane.id).await;
    house.configure("").await;
    assert_eq!(names(&client.get("/inquiry-templates").await.expect(200)), ["business", "individual"]);
    let kept = client.get(&format!("/inquiry-templates/{}", template("kyc"))).await.expect(200);
    assert_eq!(kept.attribute("status"), "archived");
    create(&client, json!({}), json!({})).await.expect(422);
    let done = super::complete(&client, &open, &super::jane()).await.expect(200);
    assert_eq!(done.attribute("status"), "completed");
    client.get("/inquiry-templates/itmpl_01h455vb4pex5vsknk084sn02q").await.expect(404);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn inquiries_are_listed_by_every_filter_newest_first(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let (jane, john) = (account(&house, "c-1", &jane()).await, account(&house, "c-2", &json!({})).await);
    let mut ids = Vec::new();
    for (number, of) in [&jane, &john, &jane].into_iter().enumerate() {
        house.clock.advance(std::time::Duration::from_mins(1));
        let attributes = json!({ "account-id": of.id, "note": format!("note {number}") });
        ids.insert(0, create(&client, attributes, json!({})).await.expect(201).id());
    }
    client.post(&format!("/inquiries/{}/expire", ids[1]), &json!({})).await.expect(200);
    let list = async |query: &str| client.get(&format!("/inquiries?{query}")).await.expect(200).ids();
    assert_eq!(list("").await, ids);
    assert_eq!(list(&format!("filter[account-id]={}", jane.id)).await, [ids[0].clone(), ids[2].clone()]);
    assert_eq!(list("filter[reference-id]=C-2").await, ids[1..2]);
    assert_eq!(list("filter[reference-id]=none").await, [""; 0]);
    assert_eq!(list("filter[status]=expired").await, ids[1..2]);
    assert_eq!(list("filter[note]=note%202").await, ids[..1]);
    assert_eq!(list(&format!("filter[inquiry-id]={},{}", ids[0], ids[1])).await, ids[..2]);
    assert_eq!(list(&format!("filter[inquiry-template-id]={}", template("kyc"))).await, ids);
    assert_eq!(list(&format!("filter[inquiry-template-id]={}", template("individual"))).await, [""; 0]);
    assert_eq!(list("filter[created-at-start]=2026-03-01T09:02:00Z").await, ids[..2]);
    assert_eq!(list("filter[created-at-end]=2026-03-01T09:02:00Z").await, ids[2..]);

    for query in ["", &format!("&filter[account-id]={},{}", jane.id, john.id)] {
        let first = client.get(&format!("/inquiries?page[size]=2{query}")).await.expect(200);
        assert_eq!(first.ids(), ids[..2]);
        let second = client.get(first.body["links"]["next"].as_str().unwrap()).await.expect(200);
        assert_eq!((second.ids(), &second.body["links"]["next"]), (ids[2..].to_vec(), &Value::Null));
        let back = client.get(second.body["links"]["prev"].as_str().unwrap()).await.expect(200);
        assert_eq!(back.ids(), ids[..2]);
    }
    client.get("/inquiries?filter[status]=lost").await.expect(400);
    client.get("/inquiries?filter[colour]=red").await.expect(400);
    client.get("/inquiries/inq_01h455vb4pex5vsknk084sn02q").await.expect(404);
    client.get(&format!("/inquiries/{}", jane.id)).await.expect(404);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn inquiries_move_with_a_consolidation_and_go_with_a_redaction(pool: PgPool) {
    let house = House::new(&pool, KYC).await;
    let client = Client::start(&house).await;
    let (jane, other) = (account(&house, "c-1", &jane()).await, account(&house, "c-2", &json!({})).await);
    let moved = inquiry(&client, other.id).await;
    let own = inquiry(&client, jane.id).await;
    let context = &house.engine.context;
    let mut transaction = context.store.transaction().await.unwrap();
    inquiries::move_to(&mut transaction, &[other.id], jane.id).await.unwrap();
    transaction.commit().await.unwrap();
    let found = client.get(&format!("/inquiries?filter[account-id]={}", jane.id)).await.expect(200);
    assert_eq!(found.ids().len(), 2);
    let done = super::complete(&client, &moved, &super::jane()).await.expect(200);
    assert_eq!(done.attribute("status"), "completed");
    assert_eq!(account_of(&done), json!(jane.id));

    let mut transaction = context.store.transaction().await.unwrap();
    inquiries::redact_of_accounts(context, &mut transaction, &[jane.id], true).await.unwrap();
    transaction.commit().await.unwrap();
    for id in [moved, own] {
        let shown = client.get(&format!("/inquiries/{id}")).await.expect(200);
        assert!(shown.attribute("redacted-at").is_string());
        assert_eq!(shown.attribute("fields"), &json!({}));
    }
    let keys = "select count(*) from data_keys join inquiries on object_id = inquiry_id";
    assert_eq!(house.count(keys).await, 0);
    assert_eq!(opened(&house, jane.id).await.fields["birthdate"], "1990-05-21");
    client.stop().await;
}

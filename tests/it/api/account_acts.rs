//! What is done to accounts as a whole: tags, archiving, redaction, relations, consolidation.

use serde_json::{Value, json};
use sqlx::PgPool;
use watchkeeper::{
    actions::api_keys::{self, NewKey},
    engine::{
        chores::Chores,
        task::{Activation, Task},
    },
};

use crate::fixtures::{Client, DAILY, House};

const RELATIONS: &str = r#"
[account-types.business.relations]
owners = { target-types = ["individual"], inverse = "owned_businesses" }
"#;

async fn path(house: &House, reference: &str) -> String {
    format!("/accounts/{}", house.account(reference).await.id)
}

async fn id(house: &House, reference: &str) -> String {
    house.account(reference).await.id.to_string()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn tags_of_an_account_are_added_removed_and_set_by_name_and_by_id(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let client = Client::start(&house).await;
    let account = path(&house, "p1").await;
    let act = async |act: &str, meta: Value| {
        client.post(&format!("{account}/{act}"), &json!({ "meta": meta })).await
    };
    let added = act("add-tag", json!({"tag-name": "vip"})).await.expect(200);
    assert_eq!(added.attribute("tags"), &json!(["vip"]));
    act("add-tag", json!({"tag-name": "vip"})).await.expect(200);
    let new = json!({"data": {"attributes": {"name": "other"}}});
    let tag = client.post("/tags", &new).await.expect(201).id();
    let added = act("add-tag", json!({"tag-id": tag})).await.expect(200);
    assert_eq!(added.attribute("tags"), &json!(["other", "vip"]));
    let set = act("set-tags", json!({"tag-id": [tag]})).await.expect(200);
    assert_eq!(set.attribute("tags"), &json!(["other"]));
    let set = act("set-tags", json!({"tag-name": ["a", "b"]})).await.expect(200);
    assert_eq!(set.attribute("tags"), &json!(["a", "b"]));
    let removed = act("remove-tag", json!({"tag-name": "a"})).await.expect(200);
    assert_eq!(removed.attribute("tags"), &json!(["b"]));
    act("remove-tag", json!({"tag-name": "a"})).await.expect(200);
    for bad in
        [json!({}), json!({"tag-name": "x", "tag-id": tag}), json!({"tag-name": ["x"]}), json!({"name": "x"})]
    {
        act("add-tag", bad).await.expect(400);
    }
    act("add-tag", json!({"tag-id": "tag_x"})).await.expect(422);
    act("add-tag", json!({"tag-name": ""})).await.expect(422);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_is_archived_restored_and_redacted_through_the_api(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let client = Client::start(&house).await;
    let account = path(&house, "p1").await;
    let act = async |act: &str| client.post(&format!("{account}/{act}"), &json!({})).await;
    let archived = act("archive").await.expect(200);
    assert!(archived.attribute("archived-at").is_string());
    let refused = act("archive").await.expect(409);
    assert_eq!(refused.body["errors"][0]["details"], "Account is archived");
    let change = json!({"data": {"attributes": {"fields": {"country_code": "DE"}}}});
    client.patch(&account, &change).await.expect(409);
    client.get(&account).await.expect(200);
    act("restore").await.expect(200);
    act("restore").await.expect(409);
    client.patch(&account, &change).await.expect(200);
    let redacted = client.delete(&account).await.expect(200);
    assert!(redacted.attribute("redacted-at").is_string());
    assert_eq!(redacted.attribute("reference-id"), "p1");
    client.delete(&account).await.expect(409);
    client.delete("/accounts/act_01h455vb4pex5vsknk084sn02q").await.expect(404);
    client.delete("/accounts/rep_01h455vb4pex5vsknk084sn02q").await.expect(404);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn relations_and_consolidations_go_through_the_api(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{RELATIONS}")).await;
    house.people(&["p1", "p2"]).await;
    house.import("reference_id,type,name\nb1,business,Acme\n").await;
    let client = Client::start(&house).await;
    let (p1, p2, business) = (id(&house, "p1").await, id(&house, "p2").await, path(&house, "b1").await);
    let relation =
        |target: &str| json!({"meta": {"relation-schema-key": "owners", "target-object-id": target}});
    client.post(&format!("{business}/add-relation"), &relation(&p1)).await.expect(200);
    client.post(&format!("{business}/add-relation"), &relation(&p1)).await.expect(200);
    client.post(&format!("{business}/add-relation"), &relation("rep_1")).await.expect(422);
    let listed = client.get(&format!("{business}/relations?filter[key]=owners")).await.expect(200);
    assert_eq!(listed.ids(), [p1.clone()]);
    let back = format!("/accounts/{p1}/relations?filter[key]=owned_businesses");
    assert_eq!(client.get(&back).await.expect(200).ids(), [id(&house, "b1").await]);
    client.get(&format!("{business}/relations")).await.expect(400);
    client.get(&format!("{business}/relations?filter[key]=nonsense")).await.expect(422);
    let late =
        format!("{business}/relations?filter[key]=owners&filter[created-at-start]=2100-01-01T00:00:00Z");
    assert_eq!(client.get(&late).await.expect(200).ids(), [""; 0]);

    let sources = |ids: &[&str]| json!({"meta": {"source-account-ids": ids}});
    let consolidate = format!("/accounts/{p2}/consolidate");
    for bad in [sources(&[]), sources(&[&p2]), sources(&["act_x"]), sources(&[&id(&house, "b1").await])] {
        client.post(&consolidate, &bad).await.expect(422);
    }
    let asked = client.post(&consolidate, &sources(&[&p1])).await.expect(202);
    assert_eq!(asked.id(), p2);
    let consolidation = asked.body["meta"]["consolidation-id"].as_str().unwrap().to_owned();
    client.post(&consolidate, &sources(&[&p1])).await.expect(409);
    let mut chores = Chores::new(house.engine.clone());
    while chores.activate().await.unwrap() == Activation::More {}
    let done = client.get(&format!("/consolidations/{consolidation}")).await.expect(200);
    assert_eq!(done.attribute("status"), "done");
    assert_eq!(done.body["data"]["relationships"]["sources"]["data"], json!([{"type": "account", "id": p1}]));
    let source = client.get(&format!("/accounts/{p1}")).await.expect(200);
    assert_eq!(source.attribute("consolidated-into"), &json!(p2));
    let listed = client.get(&format!("{business}/relations?filter[key]=owners")).await.expect(200);
    assert_eq!(listed.ids(), [p2.clone()]);
    client.post(&format!("{business}/remove-relation"), &relation(&p2)).await.expect(200);
    client.post(&format!("{business}/remove-relation"), &relation(&p2)).await.expect(200);
    client.delete(&format!("/accounts/{p1}")).await.expect(409);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_is_archived_is_read_by_keys_that_may_read_it(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    house.enrol().await;
    let client = Client::start(&house).await;
    let (gone, here) = (house.account("p1").await, house.account("p2").await);
    client.post(&format!("/accounts/{}/archive", gone.id), &json!({})).await.expect(200);
    let permissions = ["account.read", "report.read", "event.read", "hit.read", "inquiry.read"];
    let mut new = NewKey {
        permissions: permissions.iter().map(|word| (*word).to_owned()).collect(),
        ..NewKey::default()
    };
    let made = api_keys::create(&house.engine.context, "test", new.clone()).await.unwrap();
    let without = client.with_key(&made.1.into_revealed());
    new.permissions.push("account.archived.read".to_owned());
    let made = api_keys::create(&house.engine.context, "test", new).await.unwrap();
    let with = client.with_key(&made.1.into_revealed());

    let report = &gone.monitors[0].id;
    for path in [
        format!("/accounts/{}", gone.id),
        "/accounts/by-reference/p1".to_owned(),
        format!("/accounts/{}/history", gone.id),
        format!("/reports/{report}"),
        format!("/reports/{report}/history"),
    ] {
        let refused = without.get(&path).await.expect(403);
        let details = refused.body["errors"][0]["details"].as_str().unwrap();
        assert!(details.contains("account.archived.read"), "{path}: {details}");
        with.get(&path).await.expect(200);
    }
    assert_eq!(without.get("/accounts").await.expect(200).ids(), [here.id.to_string()]);
    assert_eq!(with.get("/accounts").await.expect(200).ids().len(), 2);
    let search = json!({ "query": { "attribute": "archived", "operator": "eq", "value": true } });
    assert_eq!(without.post("/accounts/search", &search).await.expect(200).ids(), [""; 0]);
    assert_eq!(with.post("/accounts/search", &search).await.expect(200).ids(), [gone.id.to_string()]);
    let reports = without.get("/reports").await.expect(200);
    assert!(!reports.body.to_string().contains(&gone.id.to_string()), "{}", reports.body);
    assert!(with.get("/reports").await.expect(200).body.to_string().contains(&gone.id.to_string()));
    client.stop().await;
}

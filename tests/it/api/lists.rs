//! Lists of the customer's own, and matching against them.

use serde_json::{Value, json};
use sqlx::PgPool;
use watchkeeper::{
    actions::api_keys::{self, NewKey},
    app::providers,
    domain::subject::{Subject, SubjectKind},
    engine::own_lists,
    providers::Request,
};

use crate::fixtures::{Client, DAILY, House, settings};

fn attributes(attributes: Value) -> Value {
    json!({ "data": { "attributes": attributes } })
}

async fn list(client: &Client, kind: &str, name: &str) -> String {
    client.post(&format!("/list/{kind}"), &attributes(json!({ "name": name }))).await.expect(201).id()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_value_stands_on_a_list_once_is_looked_up_and_archived(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    for (kind, item, again) in [
        (
            "names",
            json!({"name-first": "Jane", "name-last": "Marksdottir"}),
            json!({"name-first": "JANE", "name-last": " Marksdottir"}),
        ),
        (
            "email-addresses",
            json!({"value": "jane@marksdottir.example"}),
            json!({"value": "Jane@Marksdottir.example"}),
        ),
        ("phone-numbers", json!({"value": "+49 30 123456"}), json!({"value": "004930123456"})),
        ("countries", json!({"country-code": "kp"}), json!({"country-code": "KP"})),
        (
            "government-id-numbers",
            json!({"id-class": "pp", "id-number": "C01X-0006"}),
            json!({"id-class": "PP", "id-number": "c01x0006"}),
        ),
        ("ip-addresses", json!({"value": "192.0.2.7/24"}), json!({"value": "192.0.2.0/24"})),
        ("strings", json!({"value": "Marksdottir Trading"}), json!({"value": "marksdottir  trading"})),
    ] {
        let list = list(&client, kind, kind).await;
        let with = |item: &Value| {
            let mut item = item.clone();
            item["list-id"] = json!(list);
            attributes(item)
        };
        let path = format!("/list-item/{kind}");
        let made = client.post(&path, &with(&item)).await.expect(201);
        assert_eq!(made.attribute("status"), "active");
        let refused = client.post(&path, &with(&again)).await.expect(409);
        assert!(refused.body["errors"][0]["details"].is_string());
        let found = client.post(&format!("/lists/{list}/look-up"), &attributes(again)).await.expect(200);
        assert_eq!(found.ids(), [made.id()], "{kind}");
        let listed = client.get(&format!("/lists/{list}/items")).await.expect(200);
        assert_eq!(
            listed.body["data"],
            json!([client.get(&format!("{path}/{}", made.id())).await.expect(200).body["data"]])
        );
        let archived = client.delete(&format!("{path}/{}", made.id())).await.expect(200);
        assert_eq!(archived.attribute("status"), "archived");
        client.delete(&format!("{path}/{}", made.id())).await.expect(409);
        client.post(&path, &with(&item)).await.expect(201);
        client.post(&path, &attributes(json!({"list-id": list, "colour": "x"}))).await.expect(400);
        if kind == "countries" {
            client.post(&path, &with(&json!({"country-code": "XX"}))).await.expect(422);
        }
        let refused = client.post(&path, &attributes(json!({"list-id": list}))).await.expect(422);
        assert!(
            refused.body["errors"][0]["source"]["pointer"].as_str().unwrap().starts_with("/data/attributes/")
        );
    }
    let stored = house
        .texts("select list_items::text from list_items union all select detail::text from events")
        .await;
    assert!(!stored.concat().to_lowercase().contains("marksdottir"), "values are sealed");
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn lists_are_listed_archived_and_their_names_are_free_again(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let one = list(&client, "names", "blocked").await;
    house.clock.advance(std::time::Duration::from_secs(1));
    let older = client.post("/lists/strings", &attributes(json!({ "name": "words" }))).await.expect(201).id();
    client.post("/list/strings", &attributes(json!({ "name": "Blocked" }))).await.expect(409);
    client.post("/list/colours", &attributes(json!({ "name": "x" }))).await.expect(404);
    client.post("/list/names", &attributes(json!({ "name": "" }))).await.expect(422);
    let page = client.get("/lists?page[size]=1").await.expect(200);
    assert_eq!(page.ids(), [older.clone()]);
    let next = client.get(page.body["links"]["next"].as_str().unwrap()).await.expect(200);
    assert_eq!(next.ids(), [one.clone()]);
    client.delete(&format!("/lists/{one}")).await.expect(200);
    client.delete(&format!("/lists/{one}")).await.expect(409);
    assert_eq!(client.get("/lists?filter[status]=active").await.expect(200).ids(), [older]);
    let item = attributes(json!({"list-id": one, "name-last": "Doe"}));
    client.post("/list-item/names", &item).await.expect(409);
    list(&client, "names", "blocked").await;
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_configured_list_is_matched_against_as_it_now_is(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let configured = settings(
        "[lists.blocked]\nformat = \"list\"\n[providers.own]\nkind = \"local\"\nlists = [\"blocked\"]\n",
    );
    // The lists of the fixture's own providers are no files.
    let mut configured = configured;
    configured.providers.retain(|name, _| name == "own");
    configured.lists.retain(|name, _| name == "blocked");
    let built = providers::build(&configured).unwrap();
    let (provider, _, _) = &built.providers[0];
    let context = &house.engine.context;
    let ask = async |name: &str| {
        own_lists::refresh(context, &built.own_lists).await.unwrap();
        let subject = Subject::named(SubjectKind::Person, name);
        let deadline = std::time::Duration::from_secs(1);
        let request = Request { subject, threshold: None, idempotency_key: "5eed".to_owned(), deadline };
        let found = provider.call(&request).await.unwrap().findings;
        found.into_iter().map(|finding| finding.entity).collect::<Vec<_>>()
    };
    assert_eq!(ask("Boris Tarkhanov").await, [""; 0], "a list that nobody made matches nobody");
    let before = provider.basis();
    let list = list(&client, "names", "blocked").await;
    let item = attributes(json!({"list-id": list, "name-first": "Boris", "name-last": "Tarkhanov"}));
    let item = client.post("/list-item/names", &item).await.expect(201).id();
    assert_eq!(ask("Boris Tarkhanov").await, [format!("own:{item}")]);
    assert_ne!(provider.basis(), before, "the version is part of what a run rests on");
    client.delete(&format!("/list-item/names/{item}")).await.expect(200);
    assert_eq!(ask("Boris Tarkhanov").await, [""; 0]);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_list_names_its_newest_active_items(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let made = client.post("/list/strings", &attributes(json!({ "name": "words" }))).await.expect(201);
    assert_eq!(made.body["data"]["relationships"]["list-items"], json!({ "data": [] }));
    let list = made.id();
    let other = self::list(&client, "names", "people").await;
    let mut items = Vec::new();
    for word in ["a", "b", "c"] {
        house.clock.advance(std::time::Duration::from_secs(1));
        let item = attributes(json!({ "list-id": list, "value": word }));
        items.push(client.post("/list-item/strings", &item).await.expect(201).id());
    }
    let named = |ids: &[&String]| {
        let data: Vec<Value> = ids.iter().map(|id| json!({ "type": "list-item/string", "id": id })).collect();
        json!({ "list-items": { "data": data } })
    };
    let shown = client.get(&format!("/lists/{list}")).await.expect(200);
    assert_eq!(shown.body["data"]["relationships"], named(&[&items[2], &items[1], &items[0]]));
    client.delete(&format!("/list-item/strings/{}", items[1])).await.expect(200);
    let listed = client.get("/lists").await.expect(200);
    for one in listed.body["data"].as_array().unwrap() {
        let expected = if one["id"] == other.as_str() { named(&[]) } else { named(&[&items[2], &items[0]]) };
        assert_eq!(one["relationships"], expected);
    }
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_item_is_redacted_by_who_may_once_and_not_while_a_policy_keeps_it(pool: PgPool) {
    let law = "[[retention]]\nname = \"evidence\"\nobject = \"list-item\"\nrule = \"keep\"\nperiod = \"2d\"\n\
               from = \"creation\"\n";
    let house = House::new(&pool, &format!("{DAILY}{law}")).await;
    let client = Client::start(&house).await;
    let list = list(&client, "strings", "watched").await;
    let item = attributes(json!({ "list-id": list, "value": "Marksdottir" }));
    let made = client.post("/list-item/strings", &item).await.expect(201);
    assert_eq!(made.attribute("redacted-at"), &Value::Null);
    let path = format!("/list-item/strings/{}", made.id());
    let redact = format!("{path}/redact");
    let writer = NewKey {
        name: "writer".to_owned(),
        permissions: vec!["list.read".to_owned(), "list.write".to_owned()],
        ..NewKey::default()
    };
    let writer = api_keys::create(&house.engine.context, "test", writer).await.unwrap().1.into_revealed();
    let refused = client.with_key(&writer).post(&redact, &Value::Null).await.expect(403);
    assert_eq!(refused.body["errors"][0]["details"], "the key lacks the permission list.redact");
    let kept = client.post(&redact, &Value::Null).await.expect(409);
    let details = "the retention policy evidence keeps it until 2026-03-03T09:00:00Z";
    assert_eq!(kept.body["errors"][0]["details"], details);
    client.post(&format!("/list-item/names/{}/redact", made.id()), &Value::Null).await.expect(404);
    assert_eq!(client.get(&path).await.expect(200).attribute("value"), "Marksdottir");

    house.clock.advance(std::time::Duration::from_hours(48));
    let send = async || {
        let request = client.request("POST", &redact).header("idempotency-key", "once");
        client.send(request).await.expect(200)
    };
    let gone = send().await;
    assert_eq!(gone.attribute("redacted-at"), "2026-03-03T09:00:00.000Z");
    assert_eq!((gone.attribute("status"), gone.attribute("value")), (&json!("archived"), &Value::Null));
    assert_eq!(send().await.body, gone.body);
    house.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(client.post(&redact, &Value::Null).await.expect(200).body, gone.body, "it stays as it is");
    assert_eq!(client.get(&path).await.expect(200).body, gone.body);
    client.delete(&path).await.expect(409);
    client.post("/list-item/strings", &item).await.expect(201);

    let told = client.get("/events?filter[name]=list-item.redacted").await.expect(200);
    assert_eq!(told.ids().len(), 1);
    let told = &told.body["data"][0]["attributes"];
    assert_eq!(told["actor"], "api-key:test");
    assert_eq!(told["payload"]["data"], json!({ "type": "list-item", "id": made.id() }));
    assert_eq!(told["context"]["counts"], json!({ "list-items": 1 }));
    assert_eq!(told["context"]["keys"].as_array().unwrap().len(), 1);
    let values = "select count(*) from list_items where sealed_value is not null or value_digest <> ''";
    assert_eq!(house.count(values).await, 1, "of the new item");
    let keys = "select count(*) from data_keys join list_items on object_id = list_item_id";
    assert_eq!(house.count(keys).await, 1);
    client.stop().await;
}

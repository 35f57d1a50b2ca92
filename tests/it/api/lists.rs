//! Lists of the customer's own, and matching against them.

use serde_json::{Value, json};
use sqlx::PgPool;
use watchkeeper::{
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

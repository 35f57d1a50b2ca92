//! The matching API, as a client of yente's sees it.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::PgPool;
use watchkeeper::{
    app::providers,
    domain::{
        date::PartialDate,
        subject::{Subject, SubjectKind},
    },
    providers::Request,
    screening::{
        index::Index,
        list::{EntityKind, List, ListEntity, NameQuality, NameUse, ParseFaults},
    },
};

use super::wire::{key, may};
use crate::fixtures::{Client, DAILY, House, settings_of};

fn list(name: &str, version: &str, entities: Vec<ListEntity>) -> Arc<Index> {
    let list =
        List { name: name.to_owned(), version: version.to_owned(), entities, faults: ParseFaults::default() };
    Arc::new(Index::build(&list))
}

fn lists() -> Vec<Arc<Index>> {
    let mut velkorov = ListEntity::new("a:1", EntityKind::Individual);
    velkorov.add_name("Arkadiy Velkorov", NameQuality::Primary, NameUse::Current);
    velkorov.add_name("Arkady Welkorow", NameQuality::Strong, NameUse::Current);
    velkorov.birth_dates.push(PartialDate::of_year(1961));
    velkorov.nationalities.push("RU".to_owned());
    velkorov.topics.push("sanction".to_owned());
    velkorov.former_ids.push("a:0".to_owned());
    velkorov.tidy();
    let mut works = ListEntity::new("b:1", EntityKind::Entity);
    works.add_name("Velkorov Steel Works", NameQuality::Primary, NameUse::Current);
    vec![list("alpha", "7", vec![velkorov]), list("beta", "8", vec![works])]
}

async fn asked(client: &Client, path: &str, queries: Value) -> crate::fixtures::Answered {
    client.post_at(&format!("/match/{path}"), &json!({ "queries": queries })).await
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_client_of_yente_s_matches_searches_and_reads_entities(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start_with(&house, Arc::new(lists)).await;
    let person = |name: &str| json!({ "schema": "Person", "properties": { "name": [name], "birthDate": ["1961-03-04"], "nationality": ["ru"] } });
    let two = json!({ "q1": person("Velkorov, Arkadiy"), "q2": person("Jane Doe") });
    let answered = asked(&client, "default", two.clone()).await.expect(200);
    assert_eq!(answered.header("x-batch-size"), "2");
    let first = &answered.body["responses"]["q1"];
    assert_eq!((&first["status"], &first["total"]["value"]), (&json!(200), &json!(1)));
    assert_eq!(first["query"], two["q1"]);
    let result = &first["results"][0];
    assert_eq!((&result["id"], &result["match"]), (&json!("a:1"), &json!(true)));
    assert_eq!((&result["schema"], &result["caption"]), (&json!("Person"), &json!("Arkadiy Velkorov")));
    assert_eq!(result["properties"]["nationality"], json!(["ru"]));
    assert_eq!((&result["datasets"], &result["referents"]), (&json!(["alpha"]), &json!(["a:0"])));
    assert!(result["score"].as_f64().unwrap() > 0.9);
    assert!(result["explanations"]["birth-date"]["detail"].as_str().unwrap().contains("1961"));
    assert_eq!(answered.body["responses"]["q2"]["results"], json!([]));

    let one = json!({ "q": person("Arkadiy Velkorov") });
    for path in
        ["beta", "default?exclude_dataset=alpha", "default?topics=role.pep", "default?exclude_entity_ids=a:0"]
    {
        let none = asked(&client, path, one.clone()).await.expect(200);
        assert_eq!(none.body["responses"]["q"]["total"]["value"], 0, "{path}");
    }
    let found = client.get_at("/search/default?q=velkorov+steel&limit=1").await.expect(200);
    assert_eq!(found.body["results"][0]["id"], "b:1");
    assert_eq!(client.get_at("/entities/a:0").await.expect(200).body["id"], "a:1", "by its former id too");
    let catalog = client.get_at("/catalog").await.expect(200).body;
    assert_eq!(
        (&catalog["datasets"][0]["name"], &catalog["datasets"][0]["version"]),
        (&json!("alpha"), &json!("7"))
    );
    client.get_at("/algorithms").await.expect(200);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_cannot_be_matched_is_refused_in_yente_s_words(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start_with(&house, Arc::new(lists)).await;
    let good = json!({ "q": { "schema": "Person", "properties": { "name": ["x"] } } });
    asked(&client, "gamma", good.clone()).await.expect(404);
    asked(&client, "alpha?changed_since=2026-01-01", good.clone()).await.expect(400);
    asked(&client, "alpha?threshold=5", good.clone()).await.expect(400);
    asked(&client, "alpha", json!({})).await.expect(400);
    let refused = asked(&client, "alpha", json!({ "q": { "schema": "Dream" } })).await.expect(400);
    assert!(refused.body["detail"].as_str().unwrap().starts_with("queries.q: schema"));
    client.get_at("/search/alpha").await.expect(400);
    client.get_at("/entities/none").await.expect(404);
    let narrow = client.with_key(&key(&house, may(&["account.read"])).await);
    asked(&narrow, "alpha", good.clone()).await.expect(403);
    asked(&client.with_key("nobody"), "alpha", good.clone()).await.expect(401);
    let wide = client.with_key(&key(&house, may(&["match.read"])).await);
    asked(&wide, "alpha", good).await.expect(200);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn our_own_adapter_of_yente_gets_its_answers_from_it(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start_with(&house, Arc::new(lists)).await;
    let secret = std::env::temp_dir().join(format!("watchkeeper-it-match-{}", std::process::id()));
    std::fs::write(&secret, format!("ApiKey {}", key(&house, may(&["match.read"])).await)).unwrap();
    let text = format!(
        "[providers.y]\nkind = \"yente\"\nurl = \"http://{}\"\ndataset = \"alpha\"\nheaders = {{ Authorization = {{ file = {:?} }} }}\n",
        client.address(),
        secret
    );
    let provider = providers::build(&settings_of(&text)).unwrap().providers.remove(0).0;
    std::fs::remove_file(&secret).unwrap();
    let request = Request {
        subject: Subject::named(SubjectKind::Person, "Arkadiy Velkorov"),
        threshold: None,
        idempotency_key: "5eed".to_owned(),
        deadline: std::time::Duration::from_secs(20),
    };
    let findings = provider.call(&request).await.unwrap().findings;
    assert_eq!((findings[0].entity.as_str(), findings[0].list.as_str()), ("a:1", "alpha"));
    client.stop().await;
}

//! `GET /events`.

use sqlx::PgPool;
use watchkeeper::actions::api_keys::{self, NewKey};

use crate::fixtures::{Client, DAILY, House};

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn events_are_listed_newest_first_page_by_page_in_both_directions(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    for reference in ["a", "b", "c", "d", "e"] {
        house.clock.advance(std::time::Duration::from_secs(1));
        house.people(&[reference]).await;
    }
    let client = Client::start(&house).await;
    let all = client.get("/events?filter[name]=account.created&page[size]=100").await.expect(200);
    let ids = all.ids();
    assert_eq!(ids.len(), 5);
    let times: Vec<&str> = all.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["attributes"]["created-at"].as_str().unwrap())
        .collect();
    assert!(times.windows(2).all(|pair| pair[0] > pair[1]), "{times:?}");
    assert_eq!(all.body["links"]["next"], serde_json::Value::Null);

    let first = client.get("/events?filter[name]=account.created&page[size]=2").await.expect(200);
    assert_eq!(first.ids(), ids[..2]);
    let second = client.get(first.body["links"]["next"].as_str().unwrap()).await.expect(200);
    assert_eq!(second.ids(), ids[2..4]);
    let back = client.get(second.body["links"]["prev"].as_str().unwrap()).await.expect(200);
    assert_eq!(back.ids(), ids[..2], "and the first page has none before it");
    assert_eq!(back.body["links"]["prev"], serde_json::Value::Null);
    let third = client.get(second.body["links"]["next"].as_str().unwrap()).await.expect(200);
    assert_eq!(third.ids(), ids[4..]);
    let beyond =
        client.get(&format!("/events?filter[name]=account.created&page[after]={}", ids[4])).await.expect(200);
    assert_eq!(beyond.ids(), Vec::<String>::new(), "a page past the end is empty");
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn events_of_an_object_are_found_by_its_id(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a", "b"]).await;
    let client = Client::start(&house).await;
    let account = house.account("a").await.id;
    let found = client.get(&format!("/events?filter[object-id]={account}")).await.expect(200);
    assert_eq!(found.ids().len(), 1);
    let event = &found.body["data"][0]["attributes"];
    assert_eq!(event["name"], "account.created");
    assert_eq!(event["payload"]["data"], serde_json::json!({"type": "account", "id": account}));
    let one = client.get(&format!("/events/{}", found.ids()[0])).await.expect(200);
    assert_eq!(one.body["data"], found.body["data"][0]);
    let refused = client.get("/events?filter[colour]=red").await.expect(400);
    assert_eq!(refused.body["errors"][0]["source"]["pointer"], "filter[colour]");
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_history_of_an_account_needs_two_permissions_and_its_description_names_both(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a"]).await;
    let client = Client::start(&house).await;
    let path = format!("/accounts/{}/history", house.account("a").await.id);
    let needed = ["account.read", "event.read"];
    for (permissions, status) in [(&needed[..1], 403), (&needed[1..], 403), (&needed[..], 200)] {
        let permissions: Vec<String> = permissions.iter().map(|word| (*word).to_owned()).collect();
        let new = NewKey { name: "other".to_owned(), permissions, ..NewKey::default() };
        let key = api_keys::create(&house.engine.context, "test", new).await.unwrap().1.into_revealed();
        client.with_key(&key).get(&path).await.expect(status);
    }
    let document = client.get("/openapi.json").await.expect(200).body;
    let described =
        document["paths"]["/accounts/{account-id}/history"]["get"]["description"].as_str().unwrap();
    for permission in needed {
        assert!(described.contains(permission), "{described}");
    }
    client.stop().await;
}

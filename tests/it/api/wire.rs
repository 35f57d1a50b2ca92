//! Keys, versions, inflection, limits, replays, refusals: what every operation shares.

use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::task::TaskTracker;
use watchkeeper::actions::api_keys::{self, NewKey};

use crate::fixtures::{Client, DAILY, House, until};

/// A key of a house.
pub(super) async fn key(house: &House, new: NewKey) -> String {
    let new = NewKey { name: "other".to_owned(), ..new };
    api_keys::create(&house.engine.context, "test", new).await.unwrap().1.into_revealed()
}

pub(super) fn may(permissions: &[&str]) -> NewKey {
    let permissions = permissions.iter().map(|word| (*word).to_owned()).collect();
    NewKey { permissions, ..NewKey::default() }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_request_needs_a_key_that_is_valid_and_may_do_it(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let refused = client.with_key("").get("/events").await.expect(401);
    assert!(refused.body["errors"][0]["title"].is_string());
    assert!(refused.header("request-id").starts_with("req_"));
    let refused = client.with_key("watchkeeper_wrong").get("/events").await.expect(401);
    assert_eq!(refused.body, json!({"errors": [{"title": "Token is invalid"}]}));

    let accounts_only = key(&house, may(&["account.*"])).await;
    let refused = client.with_key(&accounts_only).get("/events").await.expect(403);
    assert_eq!(refused.body["errors"][0]["details"], "the key lacks the permission event.read");
    assert_eq!(refused.header("ratelimit-limit"), "60000", "headers of limits also beside a refusal");

    let elsewhere = NewKey { ip_allowlist: vec!["192.0.2.0/24".parse().unwrap()], ..may(&["*"]) };
    client.with_key(&key(&house, elsewhere).await).get("/events").await.expect(403);

    let short = NewKey { expires_at: Some(house.now() + chrono::TimeDelta::seconds(5)), ..may(&["*"]) };
    let short = key(&house, short).await;
    house.clock.advance(std::time::Duration::from_secs(6));
    client.with_key(&short).get("/events").await.expect(401);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_key_is_made_shown_once_and_revoked_through_the_api(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let sent = json!({"data": {"attributes": {"name": "reader", "permissions": ["event.read"]}}});
    let made = client.post("/api-keys", &sent).await.expect(201);
    let secret = made.attribute("value").as_str().unwrap();
    client.with_key(secret).get("/events").await.expect(200);
    let listed = client.get("/api-keys").await.expect(200);
    assert!(!listed.body.to_string().contains(secret), "never again");
    let stored: Vec<String> =
        sqlx::query_scalar("select api_keys::text from api_keys").fetch_all(&pool).await.unwrap();
    assert!(!stored.concat().contains(secret));

    // Nobody gives away more than they have.
    let writer = key(&house, may(&["api-key.write", "event.read"])).await;
    let more = json!({"data": {"attributes": {"name": "more", "permissions": ["event.read", "account.*"]}}});
    let refused = client.with_key(&writer).post("/api-keys", &more).await.expect(422);
    assert_eq!(refused.body["errors"][0]["source"]["pointer"], "/data/attributes/permissions/1");

    client.post(&format!("/api-keys/{}/expire", made.id()), &json!({})).await.expect(200);
    // A key is remembered for a second, by the host's clock.
    crate::fixtures::until("the key is refused", async || {
        client.with_key(secret).get("/events").await.status == 401
    })
    .await;
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn keys_are_read_in_every_inflection_and_written_as_asked(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    for (inflection, sent, shown) in [
        ("camel", "requestsPerMinute", "requestsPerMinute"),
        ("snake_case", "requests_per_minute", "requests_per_minute"),
        ("kebab", "requests-per-minute", "requests-per-minute"),
    ] {
        let body = json!({"data": {"attributes": {"name": "x", "permissions": ["event.read"], sent: 7}}});
        let request = client.request("POST", "/api-keys").header("key-inflection", inflection);
        let request = request.header("content-type", "application/json").body(body.to_string());
        let reply = client.send(request).await.expect(201);
        assert_eq!(reply.attribute(shown), &json!(7), "{}", reply.body);
    }
    let refused = client.send(client.request("GET", "/events").header("key-inflection", "pascal")).await;
    assert_eq!(refused.expect(400).body["errors"][0]["source"]["pointer"], "Key-Inflection");
    let refused = client.send(client.request("GET", "/events").header("persona-version", "1999-01-01")).await;
    assert_eq!(refused.expect(400).body["errors"][0]["source"]["pointer"], "Persona-Version");
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_cannot_be_read_is_refused_with_its_place_and_without_its_value(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let post = async |body: &[u8]| {
        let request = client.request("POST", "/api-keys").header("content-type", "application/json");
        client.send(request.body(body.to_vec())).await
    };
    for body in [&b"{"[..], b"[]", b"\"x\"", b"\xff\xfe", b"{\"data\": 1e999}", b"nul"] {
        post(body).await.expect(400);
    }
    let deep = format!("{}1{}", "{\"a\":".repeat(500), "}".repeat(500));
    post(deep.as_bytes()).await.expect(400);
    let reply = post(br#"{"data": {"attributes": {"name": "a\u0000b"}}}"#).await.expect(400);
    assert_eq!(reply.body["errors"][0]["source"]["pointer"], "/data/attributes/name");
    let reply = post(br#"{"data": {"attributes": {"name": {"jane": "doe"}}}}"#).await.expect(400);
    assert_eq!(reply.body["errors"][0]["source"]["pointer"], "/data/attributes/name");
    assert!(!reply.body.to_string().contains("doe"));
    let reply = post(br#"{"data": {"attributes": {"colour": "x"}}}"#).await.expect(400);
    assert!(reply.body["errors"][0]["details"].as_str().unwrap().contains("colour"));
    post(b"").await.expect(400);

    client.get("/nothing-here").await.expect(404);
    client.get("/api/v2/accounts").await.expect(404);
    let reply = client.delete("/events").await.expect(405);
    assert!(reply.body["errors"][0]["title"].is_string());
    client.get("/events/evt_00000000000000000000000000").await.expect(404);
    client.get("/events/act_00000000000000000000000000").await.expect(404);
    client.get("/events?page[size]=0").await.expect(400);
    client.get("/events?page[after]=x").await.expect(400);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_key_of_few_requests_is_refused_beyond_them_and_told_when_to_come_back(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let slow = key(&house, NewKey { requests_per_minute: Some(2), ..may(&["*"]) }).await;
    let slow = client.with_key(&slow);
    assert_eq!(slow.get("/rate-limits").await.expect(200).body["data"][0]["attributes"]["remaining"], 1);
    slow.get("/rate-limits").await.expect(200);
    let refused = slow.get("/rate-limits").await.expect(429);
    assert_eq!(refused.header("ratelimit-remaining"), "0");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 60);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_documentation_is_served_and_names_every_operation(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let document = client.get("/openapi.json").await.expect(200).body;
    let committed = include_str!("../../../docs/openapi.json");
    assert!(
        document == serde_json::from_str::<Value>(committed).unwrap(),
        "docs/openapi.json is of yore: make openapi"
    );
    assert_eq!(document["openapi"], "3.1.1");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/events/{event-id}"));
    let missing: Vec<&Value> = references(&document)
        .into_iter()
        .filter(|reference| document.pointer(reference.as_str().unwrap().trim_start_matches('#')).is_none())
        .collect();
    assert_eq!(missing, Vec::<&Value>::new());
    client.stop().await;
}

/// Every `$ref` of a document.
fn references(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(object) => object
            .iter()
            .flat_map(|(key, value)| if key == "$ref" { vec![value] } else { references(value) })
            .collect(),
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_key_that_must_not_see_everything_gets_no_pages_and_files(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let blocked = vec!["name-*".to_owned()];
    let blind = key(&house, NewKey { attributes_blocklist: blocked, ..may(&["*"]) }).await;
    let blind = client.with_key(&blind);
    for path in ["/files/file_00000000000000000000000000", "/reports/rep_00000000000000000000000000/print"] {
        client.get(path).await.expect(404);
        blind.get(path).await.expect(403);
    }
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn clients_that_take_their_time_to_send_keep_nobody_waiting(pool: PgPool) {
    use tokio::io::AsyncWriteExt;

    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let secret = key(&house, may(&["*"])).await;
    let head = format!(
        "POST /api/v1/tags HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {secret}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut stream = tokio::net::TcpStream::connect(client.address()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    // Far more than may use the database at the same time, and all of them are still sending.
    for _ in 0..20 {
        client.get("/ping").await.expect(200);
    }
    drop(slow);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_repeated_request_is_answered_as_before_and_what_is_done_is_told(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let post = async |key: &str, name: &str| {
        let body = json!({"data": {"attributes": {"name": name}}});
        let request = client.request("POST", "/tags").header("idempotency-key", key);
        client.send(request.header("content-type", "application/json").body(body.to_string())).await
    };
    let made = post("one", "gold").await.expect(201);
    let again = post("one", "gold").await.expect(201);
    assert_eq!(again.body, made.body);
    post("one", "silver").await.expect(422);
    let refused = post("two", "gold").await.expect(409);
    assert_eq!(post("two", "gold").await.expect(409).body, refused.body, "a refusal is an answer too");
    // The tag is made, and its answer cannot be kept: the client hears of the tag all the same.
    sqlx::raw_sql(
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
         create trigger refuse before update on idempotency_replies for each row execute function refuse()",
    )
    .execute(&pool)
    .await
    .unwrap();
    post("three", "bronze").await.expect(201);
    assert_eq!(house.texts("select name from tags order by 1").await, ["bronze", "gold"]);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_request_whose_client_went_away_is_carried_out_once_and_answered_to_who_asks_again(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    let body = json!({"data": {"attributes": {"name": "gold"}}}).to_string();
    // The tag waits for this lock, and meanwhile its client goes away.
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("lock table tags in exclusive mode").execute(&mut *lock).await.unwrap();
    let request = || {
        let request = client.request("POST", "/tags").header("idempotency-key", "one");
        request.header("content-type", "application/json").body(body.clone())
    };
    let gone = TaskTracker::new().spawn(request().send());
    let waiting = "select count(*) from pg_locks where not granted
        and database = (select oid from pg_database where datname = current_database())";
    until("the tag waits", async || house.count(waiting).await > 0).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    lock.rollback().await.unwrap();
    let kept = "select count(*) from idempotency_replies where status = 201";
    until("the answer is kept", async || house.count(kept).await == 1).await;
    client.send(request()).await.expect(201);
    assert_eq!(house.texts("select name from tags").await, ["gold"]);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_no_database_holds_and_no_url_says_is_refused_in_json(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    for path in [
        "/events?filter[created-at-start]=-99999-01-01T00:00:00Z",
        "/hits?filter[first-seen-at-end]=%2B260000-01-01T00:00:00Z",
        "/inquiries?filter[created-at-end]=0000-01-01T00:00:00Z",
    ] {
        client.get(path).await.expect(400);
    }
    let query =
        json!({"query": {"attribute": "created_at", "operator": "gt", "value": "-200000-01-01T00:00:00Z"}});
    client.post("/accounts/search", &query).await.expect(422);
    assert!(client.get("/accounts/%ff").await.expect(404).body["errors"].is_array());
    client.stop().await;
}

//! Providers of known servers, against servers that behave as theirs do, faults included.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use watchkeeper::{
    app::providers,
    domain::{
        answer::Finding,
        personal::Personal,
        subject::{Subject, SubjectKind},
    },
    providers::{CallError, FailureClass, ReportProvider, Request},
};

use crate::fixtures::{settings_of, until};

/// What a server was asked, and how it is to misbehave.
#[derive(Clone)]
struct Heard {
    bodies: Arc<Mutex<Vec<Value>>>,
    queries: Arc<Mutex<Vec<String>>>,
    /// Answers wait for a permit each.
    gate: Arc<Semaphore>,
    /// How many calls are refused with 429 first.
    busy: Arc<AtomicUsize>,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            bodies: Arc::default(),
            queries: Arc::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            busy: Arc::default(),
        }
    }
}

impl Heard {
    async fn begin(&self, body: Value, query: Option<String>) -> Option<Response> {
        self.bodies.lock().unwrap().push(body);
        self.queries.lock().unwrap().push(query.unwrap_or_default());
        self.gate.acquire().await.unwrap().forget();
        let busy = self.busy.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        busy.ok().map(|_| {
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], Json(json!({"detail": "slow down"})))
                .into_response()
        })
    }

    fn batches(&self) -> Vec<usize> {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().map(|body| body["queries"].as_object().map_or(0, serde_json::Map::len)).collect()
    }
}

/// As yente 5 answers: it knows one entity, and one question that it cannot read spoils the batch.
async fn yente(
    State(heard): State<Heard>,
    Path(dataset): Path<String>,
    RawQuery(query): RawQuery,
    Json(body): Json<Value>,
) -> Response {
    if let Some(refusal) = heard.begin(body.clone(), query).await {
        return refusal;
    }
    if dataset != "sanctions" {
        return (StatusCode::NOT_FOUND, Json(json!({"detail": "No such dataset."}))).into_response();
    }
    let mut responses = serde_json::Map::new();
    for (key, query) in body["queries"].as_object().unwrap() {
        let name = query["properties"]["name"][0].as_str().unwrap();
        if name == "unreadable" {
            return (StatusCode::BAD_REQUEST, Json(json!({"detail": "Cannot parse"}))).into_response();
        }
        let score = if name == "Arkadiy Velkorov" { 0.95 } else { 0.6 };
        let hit = json!({
            "id": "Q1", "caption": "Arkadiy Velkorov", "schema": "Person", "datasets": ["us_ofac_sdn", "eu_fsf"],
            "referents": [], "score": score, "match": score >= 0.7,
            "properties": { "name": ["Arkadiy Velkorov"], "birthDate": ["1961"], "topics": ["sanction"] },
        });
        let results = if name.contains("Velkorov") { vec![hit] } else { Vec::new() };
        let total = json!({ "value": results.len(), "relation": "eq" });
        responses.insert(
            key.clone(),
            json!({ "status": 200, "results": results, "total": total, "query": query }),
        );
    }
    Json(json!({ "responses": responses, "limit": 20 })).into_response()
}

async fn catalog() -> Json<Value> {
    Json(json!({ "datasets": [
        { "name": "other", "version": "1" },
        { "name": "sanctions", "version": "20261120063457-abc", "index_current": true },
    ] }))
}

/// As Watchman answers `GET /v2/search`.
async fn watchman(State(heard): State<Heard>, RawQuery(query): RawQuery) -> Response {
    if let Some(refusal) = heard.begin(Value::Null, query.clone()).await {
        return refusal;
    }
    let query = query.unwrap_or_default();
    if query.contains("Velkorov") {
        let hit = |list: &str, score: f64| {
            json!({ "name": "Arkadiy VELKOROV", "entityType": "person", "sourceList": list, "sourceID": "7",
                    "person": { "birthDate": "1961-01-01" }, "match": score })
        };
        return Json(
            json!({ "query": {}, "entities": [hit("us_ofac", 0.98), hit("eu_csl", 0.97), hit("un", 0.5)] }),
        )
        .into_response();
    }
    if query.contains("broken") {
        return Json(json!({ "error": "index is loading" })).into_response();
    }
    Json(json!({ "query": {}, "entities": null })).into_response()
}

/// As `ComplyAdvantage` answers `POST /searches`.
async fn comply(State(heard): State<Heard>, Json(body): Json<Value>) -> Response {
    if let Some(refusal) = heard.begin(body.clone(), None).await {
        return refusal;
    }
    let doc = json!({ "id": "XY1", "name": "Arkadiy Velkorov", "entity_type": "person", "types": ["sanction"],
                      "sources": ["ofac-sdn"], "aka": [{ "name": "A. Velkorov" }], "fields": [] });
    let hits = if body["search_term"] == "Arkadiy Velkorov" {
        vec![json!({ "doc": doc, "match_types": ["name_exact"], "score": 1.7, "is_whitelisted": false })]
    } else {
        Vec::new()
    };
    let data = json!({ "id": 1, "search_term": body["search_term"], "total_hits": hits.len(), "hits": hits });
    Json(json!({ "code": 200, "status": "success", "content": { "data": data } })).into_response()
}

async fn listinfo() -> Json<Value> {
    Json(json!({ "lists": { "us_ofac": 17_646, "un": 2_100 }, "listHashes": { "us_ofac": "0629eab2" },
                 "startedAt": "2026-11-20T06:00:00Z", "endedAt": "2026-11-20T06:01:00Z", "version": "v0.50.0" }))
}

async fn serve(heard: &Heard) -> String {
    let router = Router::new()
        .route("/match/{dataset}", post(yente))
        .route("/catalog", get(catalog))
        .route("/v2/search", get(watchman))
        .route("/v2/listinfo", get(listinfo))
        .route("/searches", post(comply))
        .with_state(heard.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn provider(text: &str) -> Arc<dyn ReportProvider> {
    providers::build(&settings_of(text)).unwrap().providers.remove(0).0
}

fn about(name: &str, threshold: Option<f64>) -> Request {
    Request {
        subject: Subject {
            birth_date: Some(Personal::new("1961-01-01".parse().unwrap())),
            countries: vec![Personal::new("RU".to_owned())],
            ..Subject::named(SubjectKind::Person, name)
        },
        threshold,
        idempotency_key: "5eed".to_owned(),
        deadline: Duration::from_secs(20),
    }
}

async fn ask(provider: &Arc<dyn ReportProvider>, name: &str) -> Result<Vec<Finding>, CallError> {
    provider.call(&about(name, None)).await.map(|answer| answer.findings)
}

#[tokio::test]
async fn a_yente_server_is_asked_in_batches_and_each_gets_its_own_answer() {
    let heard = Heard { gate: Arc::new(Semaphore::new(0)), ..Heard::default() };
    let url = serve(&heard).await;
    let provider =
        provider(&format!("[providers.y]\nkind = \"yente\"\nurl = \"{url}\"\ndataset = \"sanctions\"\n"));
    let names = ["Arkadiy Velkorov", "Jane Doe", "Arkady Velkorov", "unreadable"];
    let mut asked = tokio::task::JoinSet::new();
    for (number, name) in (0..40).zip(names.into_iter().cycle()) {
        let provider = Arc::clone(&provider);
        asked.spawn(async move { (number, name, ask(&provider, name).await) });
    }
    until("two batches are under way", async || heard.batches().len() == 2).await;
    heard.gate.add_permits(1000);
    let answers = asked.join_all().await;
    for (number, name, answer) in answers {
        match name {
            "Arkadiy Velkorov" => {
                let findings = answer.unwrap();
                assert_eq!(findings.len(), 1, "{number}");
                assert_eq!(findings[0].entity, "Q1");
                assert_eq!(findings[0].list, "eu_fsf, us_ofac_sdn");
                assert!((findings[0].score - 0.95).abs() < 1e-9);
                assert_eq!(findings[0].facts["/properties/birthDate"], json!(["1961"]));
            }
            // 0.6 is below yente's own 0.7.
            "Jane Doe" | "Arkady Velkorov" => assert_eq!(answer, Ok(Vec::new()), "{number}"),
            _ => assert_eq!(answer.unwrap_err().class, FailureClass::Refused, "{number}"),
        }
    }
    let batches = heard.batches();
    assert!(batches.iter().any(|size| *size > 10), "many went together: {batches:?}");
    let query = heard.bodies.lock().unwrap()[0]["queries"]["q0"].clone();
    let expected =
        json!({ "name": [query["properties"]["name"][0]], "birthDate": ["1961-01-01"], "country": ["ru"] });
    assert_eq!(query, json!({ "schema": "Person", "properties": expected }));
    // From a lower threshold on, the lower score counts.
    let low = provider.call(&about("Arkady Velkorov", Some(0.5))).await.unwrap();
    assert_eq!(low.findings.len(), 1);
    let query = heard.queries.lock().unwrap().last().unwrap().clone();
    assert!(query.contains("threshold=0.5&cutoff=0.4900"), "the server's own cutoff is below it: {query}");
    until("the version is known", async || !provider.basis().lists.is_empty()).await;
    assert_eq!(provider.basis().lists[0].version, "20261120063457-abc");
}

#[tokio::test]
async fn what_a_yente_server_refuses_is_told_to_all_who_asked() {
    let heard = Heard::default();
    let url = serve(&heard).await;
    let text = |dataset: &str| {
        format!("[providers.y]\nkind = \"yente\"\nurl = \"{url}\"\ndataset = \"{dataset}\"\n")
    };
    heard.busy.store(1, Ordering::SeqCst);
    let good = provider(&text("sanctions"));
    let busy = ask(&good, "Jane Doe").await.unwrap_err();
    assert_eq!((busy.class, busy.retry_after), (FailureClass::RateLimited, Some(Duration::from_secs(7))));
    assert_eq!(ask(&good, "Jane Doe").await, Ok(Vec::new()));
    let unknown = ask(&provider(&text("unknown")), "Jane Doe").await.unwrap_err();
    assert_eq!((unknown.class, unknown.status), (FailureClass::Refused, Some(404)));
    // A refusal of all is not asked for again one by one.
    let asked_before = heard.bodies.lock().unwrap().len();
    let elsewhere = provider(&text("unknown"));
    let (one, other) = tokio::join!(ask(&elsewhere, "Jane Doe"), ask(&elsewhere, "John Doe"));
    assert_eq!((one.unwrap_err().status, other.unwrap_err().status), (Some(404), Some(404)));
    assert!(heard.bodies.lock().unwrap().len() <= asked_before + 2, "{:?}", heard.batches());
    let nobody = Request { deadline: Duration::from_millis(50), ..about("Jane Doe", None) };
    let silent = Heard { gate: Arc::new(Semaphore::new(0)), ..Heard::default() };
    let url = serve(&silent).await;
    let slow = provider(&format!("[providers.y]\nkind = \"yente\"\nurl = \"{url}\"\n"));
    assert_eq!(slow.call(&nobody).await.unwrap_err().class, FailureClass::Timeout);
}

#[tokio::test]
async fn a_watchman_server_tells_entities_of_several_lists_apart() {
    let heard = Heard::default();
    let url = serve(&heard).await;
    let provider = provider(&format!("[providers.w]\nkind = \"watchman\"\nurl = \"{url}\"\n"));
    let findings = ask(&provider, "Arkadiy Velkorov").await.unwrap();
    let entities: Vec<&str> = findings.iter().map(|finding| finding.entity.as_str()).collect();
    assert_eq!(entities, ["eu_csl:7", "us_ofac:7"], "what scores 0.5 is none");
    assert_eq!(ask(&provider, "Jane Doe").await, Ok(Vec::new()), "null is none");
    assert_eq!(ask(&provider, "broken").await.unwrap_err().class, FailureClass::ServerError);
    let query = heard.queries.lock().unwrap()[0].clone();
    assert_eq!(
        query,
        "type=person&name=Arkadiy+Velkorov&altNames=Arkadiy+Velkorov&birthDate=1961-01-01&minMatch=0.9&limit=20"
    );
    until("the versions of the lists are known", async || !provider.basis().lists.is_empty()).await;
    let lists = provider.basis().lists;
    let versions: Vec<(&str, &str)> =
        lists.iter().map(|list| (list.name.as_str(), list.version.as_str())).collect();
    assert_eq!(versions, [("un", "2026-11-20T06:01:00Z"), ("us_ofac", "0629eab2")]);
    let mut company = about("Velkorov Trading", None);
    company.subject.kind = SubjectKind::Organisation;
    provider.call(&company).await.unwrap();
    let query = heard.queries.lock().unwrap().last().unwrap().clone();
    assert!(query.starts_with("type=business&") && query.contains("&created=1961-01-01&"), "{query}");
    assert!(!query.contains("birthDate"), "{query}");
}

#[tokio::test]
async fn the_example_of_a_commercial_vendor_works_as_it_stands() {
    let heard = Heard::default();
    let url = serve(&heard).await;
    let secret = std::env::temp_dir().join(format!("watchkeeper-it-secret-{}", std::process::id()));
    std::fs::write(&secret, "Token abc\n").unwrap();
    let text = include_str!("../../config/examples/complyadvantage.toml")
        .replace("https://api.complyadvantage.com", &url)
        .replace("secrets/complyadvantage", secret.to_str().unwrap());
    let provider = provider(&text);
    std::fs::remove_file(&secret).unwrap();
    let findings = ask(&provider, "Arkadiy Velkorov").await.unwrap();
    assert_eq!((findings[0].entity.as_str(), findings[0].list.as_str()), ("XY1", "ofac-sdn"));
    assert_eq!(ask(&provider, "Jane Doe").await, Ok(Vec::new()));
    let filters = json!({ "types": ["sanction", "warning", "pep", "adverse-media"], "birth_year": 1961,
                          "country_codes": ["RU"], "entity_type": "person" });
    assert_eq!(heard.bodies.lock().unwrap()[0]["filters"], filters);
    heard.busy.store(1, Ordering::SeqCst);
    assert_eq!(ask(&provider, "Jane Doe").await.unwrap_err().retry_after, Some(Duration::from_secs(7)));
}

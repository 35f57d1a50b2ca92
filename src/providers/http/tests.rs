use serde_json::{Value, json};

use crate::domain::personal::Personal;

use super::super::{FailureClass, Verdict};
use super::misbehaving::{Behaviour, Server, closed_port};
use super::*;

const CLEAR: &str = r#"{"results": []}"#;

fn request() -> Request {
    Request {
        subject: Subject {
            kind: SubjectKind::Person,
            names: vec![Personal::new("Ana Zoë & Co".to_owned()), Personal::new("Anna".to_owned())],
            birth_date: Some(Personal::new("1970-05-21".parse().unwrap())),
            countries: vec![Personal::new("DE".to_owned()), Personal::new("FR".to_owned())],
            gender: None,
            documents: Vec::new(),
            contacts: Vec::new(),
        },
        threshold: Some(0.57),
        idempotency_key: "5eed".to_owned(),
        deadline: Duration::from_mins(1),
    }
}

fn settings(url: &str) -> HttpProviderSettings {
    let mut settings =
        HttpProviderSettings::new("vendor", Method::Post, url, AnswerMapping::new("/results", "/id"));
    settings.body = Some(json!({"name": "{{name}}"}));
    settings
}

async fn call(settings: HttpProviderSettings) -> Result<Answer, CallError> {
    HttpProvider::new(settings).unwrap().call(&request()).await
}

/// The error of a call with plain settings to a server of this behaviour.
async fn failure_of(behaviour: Behaviour) -> CallError {
    let server = Server::start(behaviour).await;
    call(settings(&server.url())).await.unwrap_err()
}

fn judged(error: &CallError) -> (Verdict, FailureClass) {
    (error.verdict, error.class)
}

#[tokio::test]
async fn a_clear_answer_has_no_findings() {
    let server = Server::start(Behaviour::answer(CLEAR)).await;
    assert_eq!(call(settings(&server.url())).await, Ok(Answer::default()));
}

#[tokio::test]
async fn hits_become_findings_as_the_mapping_says() {
    let body = r#"{"status": 200, "results": [
        {"id": 7320, "caption": "B", "match": true, "score": 93, "sets": ["un", "ofac"], "dob": ["1970", "1969"]},
        {"id": 9, "caption": "C", "match": false, "score": 12}
    ]}"#;
    let server = Server::start(Behaviour::answer(body)).await;
    let mut settings = settings(&server.url());
    settings.answer = AnswerMapping {
        list: Some("/sets".to_owned()),
        name: Some("/caption".to_owned()),
        score: Some("/score".to_owned()),
        score_scale: 100.0,
        facts: vec!["/caption".to_owned(), "/dob".to_owned()],
        matched: Some("/match".to_owned()),
        error: Some("/status".to_owned()),
        ..settings.answer
    };
    let findings = call(settings).await.unwrap().findings;
    assert_eq!(findings.len(), 1);
    let finding = &findings[0];
    assert_eq!(
        (finding.entity.as_str(), finding.list.as_str(), finding.name.as_str()),
        ("7320", "ofac, un", "B")
    );
    assert!((finding.score - 0.93).abs() < 1e-12);
    assert_eq!(finding.facts, json!({"/caption": "B", "/dob": ["1969", "1970"]}));
}

#[tokio::test]
async fn the_request_carries_body_key_and_secret() {
    let server = Server::start(Behaviour::answer(CLEAR)).await;
    let mut settings = settings(&server.url());
    settings.answer.score_scale = 100.0;
    settings.body = Some(json!({"q": "{{names}}", "min": "{{threshold}}", "type": "{{kind}}"}));
    settings.headers = vec![
        ("Authorization".to_owned(), HeaderValueSource::Secret(Secret::new("Bearer hush"))),
        ("X-Tenant".to_owned(), HeaderValueSource::Literal("seven".to_owned())),
    ];
    assert!(!format!("{settings:?}").contains("hush"));
    let provider = HttpProvider::new(settings).unwrap();
    assert!(!format!("{provider:?}").contains("hush"));
    assert!(!format!("{:?}", provider.headers).contains("hush"));
    provider.call(&request()).await.unwrap();

    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    for line in [
        "POST /ask HTTP/1.1",
        "authorization: Bearer hush",
        "x-tenant: seven",
        "idempotency-key: 5eed",
        "content-type: application/json",
        "accept: application/json",
        concat!("user-agent: watchkeeper/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(head.lines().any(|sent| sent == line), "{line} is not in {head}");
    }
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, json!({"q": ["Ana Zoë & Co", "Anna"], "min": 57, "type": "person"}));
}

#[tokio::test]
async fn a_query_is_filled_encoded_and_repeated_for_lists() {
    let server = Server::start(Behaviour::answer(CLEAR)).await;
    let mut settings = settings(&format!("{}?v=2", server.url()));
    settings.method = Method::Get;
    settings.body = None;
    settings.idempotency_header = "X-Request".to_owned();
    settings.query = vec![
        ("q".to_owned(), "{{name}}".to_owned()),
        ("country".to_owned(), "{{countries}}".to_owned()),
        ("born".to_owned(), "{{birth_year}}".to_owned()),
    ];
    call(settings).await.unwrap();
    let head = server.requests().remove(0);
    assert!(
        head.starts_with("GET /ask?v=2&q=Ana+Zo%C3%AB+%26+Co&country=DE&country=FR&born=1970 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("x-request: 5eed\r\n"), "{head}");
}

#[tokio::test]
async fn a_server_that_never_answers_or_never_ends_is_given_up() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"results\"";
    for start in ["", half] {
        let server = Server::start(Behaviour::Stall(start.to_owned())).await;
        let mut settings = settings(&server.url());
        settings.timeout = Duration::from_millis(100);
        assert_eq!(judged(&call(settings).await.unwrap_err()), (Verdict::Later, FailureClass::Timeout));
    }
}

#[tokio::test]
async fn the_deadline_of_a_request_shortens_the_timeout() {
    let server = Server::start(Behaviour::Stall(String::new())).await;
    let mut settings = settings(&server.url());
    settings.timeout = Duration::from_hours(1);
    let request = Request { deadline: Duration::from_millis(100), ..request() };
    let error = HttpProvider::new(settings).unwrap().call(&request).await.unwrap_err();
    assert_eq!(judged(&error), (Verdict::Later, FailureClass::Timeout));
}

#[tokio::test]
async fn a_busy_server_says_when_to_come_back_in_seconds() {
    let error = failure_of(Behaviour::status("429 Too Many Requests", "retry-after: 17\r\n", "")).await;
    assert_eq!(judged(&error), (Verdict::Later, FailureClass::RateLimited));
    assert_eq!((error.retry_after, error.status), (Some(Duration::from_secs(17)), Some(429)));
}

#[tokio::test]
async fn a_busy_server_says_when_to_come_back_by_its_own_clock() {
    let headers = "date: Wed, 21 Oct 2015 07:28:00 GMT\r\nretry-after: Wed, 21 Oct 2015 07:28:45 GMT\r\n";
    let error = failure_of(Behaviour::status("429 Too Many Requests", headers, "")).await;
    assert_eq!(error.retry_after, Some(Duration::from_secs(45)));
}

#[tokio::test]
async fn statuses_are_judged_and_a_configured_one_is_tried_again() {
    for (status, expected) in [
        ("500 Internal Server Error", (Verdict::Later, FailureClass::ServerError)),
        ("503 Service Unavailable", (Verdict::Later, FailureClass::ServerError)),
        ("401 Unauthorized", (Verdict::Never, FailureClass::Refused)),
        ("404 Not Found", (Verdict::Never, FailureClass::Refused)),
    ] {
        assert_eq!(judged(&failure_of(Behaviour::status(status, "", CLEAR)).await), expected, "{status}");
    }
    let server = Server::start(Behaviour::status("404 Not Found", "", "")).await;
    let mut settings = settings(&server.url());
    settings.retryable_statuses = vec![404];
    assert_eq!(judged(&call(settings).await.unwrap_err()), (Verdict::Later, FailureClass::Refused));
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let other = Server::start(Behaviour::answer(CLEAR)).await;
    let headers = format!("location: {}\r\n", other.url());
    let error = failure_of(Behaviour::status("307 Temporary Redirect", &headers, "")).await;
    assert_eq!(judged(&error), (Verdict::Never, FailureClass::Refused));
    assert_eq!(other.requests(), [""; 0]);
}

#[tokio::test]
async fn an_unreachable_server_and_a_broken_connection_are_tried_again() {
    let refused = call(settings(&closed_port().await)).await.unwrap_err();
    assert_eq!(judged(&refused), (Verdict::Later, FailureClass::Connection));
    let reset = failure_of(Behaviour::Reset).await;
    assert_eq!(judged(&reset), (Verdict::Later, FailureClass::Connection));
    let short =
        failure_of(Behaviour::Reply("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_owned())).await;
    assert_eq!(judged(&short), (Verdict::Later, FailureClass::Connection));
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_read_whether_announced_or_endless() {
    for behaviour in [Behaviour::Endless, Behaviour::answer(&" ".repeat(20_000))] {
        let server = Server::start(behaviour).await;
        let mut settings = settings(&server.url());
        settings.max_answer_bytes = 10_000;
        assert_eq!(
            judged(&call(settings).await.unwrap_err()),
            (Verdict::Never, FailureClass::AnswerTooLarge)
        );
    }
}

#[tokio::test]
async fn an_answer_of_exactly_the_limit_is_read() {
    let server = Server::start(Behaviour::answer(CLEAR)).await;
    let mut settings = settings(&server.url());
    settings.max_answer_bytes = CLEAR.len();
    assert_eq!(call(settings).await, Ok(Answer::default()));
}

#[tokio::test]
async fn what_cannot_be_read_is_never_clear() {
    for body in
        ["", "<html>login</html>", r#"{"results": ["#, "{}", r#"{"results": null}"#, r#"{"results": 0}"#]
    {
        let error = failure_of(Behaviour::answer(body)).await;
        assert_eq!(judged(&error), (Verdict::Later, FailureClass::UnreadableAnswer), "{body}");
    }
    let error = failure_of(Behaviour::status("204 No Content", "", "")).await;
    assert_eq!(judged(&error), (Verdict::Later, FailureClass::UnreadableAnswer));
}

#[tokio::test]
async fn an_error_inside_a_successful_answer_fails_the_call() {
    for (status, expected) in [
        ("500", (Verdict::Later, FailureClass::ServerError)),
        ("400", (Verdict::Never, FailureClass::Refused)),
        ("\"broken index\"", (Verdict::Later, FailureClass::ServerError)),
    ] {
        let body = format!(r#"{{"responses": {{"q1": {{"status": {status}, "results": []}}}}}}"#);
        let server = Server::start(Behaviour::answer(&body)).await;
        let mut settings = settings(&server.url());
        settings.answer.hits = "/responses/q1/results".to_owned();
        settings.answer.error = Some("/responses/q1/status".to_owned());
        assert_eq!(judged(&call(settings).await.unwrap_err()), expected, "{status}");
    }
}

#[tokio::test]
async fn a_subject_without_a_name_is_never_sent() {
    let server = Server::start(Behaviour::answer(CLEAR)).await;
    let mut request = request();
    request.subject.names = vec![Personal::new("  ".to_owned())];
    let error = HttpProvider::new(settings(&server.url())).unwrap().call(&request).await.unwrap_err();
    assert_eq!(judged(&error), (Verdict::Never, FailureClass::Unscreenable));
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn errors_quote_neither_subject_nor_answer_nor_address() {
    let mut settings = settings(&closed_port().await);
    settings.method = Method::Get;
    settings.body = None;
    settings.query = vec![("q".to_owned(), "{{name}}".to_owned())];
    let unreachable = call(settings).await.unwrap_err();
    let refused = failure_of(Behaviour::status("400 Bad Request", "", "Ana is bad")).await;
    for error in [unreachable, refused] {
        let shown = format!("{error} {error:?}");
        assert!(["Ana", "127.0.0.1", "q="].iter().all(|quoted| !shown.contains(quoted)), "{shown}");
    }
}

#[test]
fn faulty_settings_are_refused_by_their_key_and_quote_no_secret() {
    type Change = fn(&mut HttpProviderSettings);
    let cases: [(&str, Change); 15] = [
        ("name", |s| s.name.clear()),
        ("url", |s| "vendor.example/ask".clone_into(&mut s.url)),
        ("url", |s| "ftp://vendor.example/ask".clone_into(&mut s.url)),
        ("url", |s| "https://user:hush@vendor.example/ask".clone_into(&mut s.url)),
        ("url", |s| "https://vendor.example/{{name}}".clone_into(&mut s.url)),
        ("body", |s| s.method = Method::Get),
        ("body.name", |s| s.body = Some(json!({"name": "{{nmae}}"}))),
        ("query.q", |s| s.query = vec![("q".to_owned(), "{{name".to_owned())]),
        ("headers.Host", |s| {
            s.headers = vec![("Host".to_owned(), HeaderValueSource::Literal("x".to_owned()))];
        }),
        ("headers.idempotency-key", |s| {
            s.headers = vec![("idempotency-key".to_owned(), HeaderValueSource::Literal("x".to_owned()))];
        }),
        ("headers.X-Key", |s| {
            s.headers = vec![("X-Key".to_owned(), HeaderValueSource::Secret(Secret::new("hush\n")))];
        }),
        ("idempotency_header", |s| "no header".clone_into(&mut s.idempotency_header)),
        ("answer.hits", |s| "results".clone_into(&mut s.answer.hits)),
        ("timeout", |s| s.timeout = Duration::ZERO),
        ("retryable_statuses", |s| s.retryable_statuses = vec![200]),
    ];
    for (key, change) in cases {
        let mut settings = settings("https://vendor.example/ask");
        change(&mut settings);
        let fault = HttpProvider::new(settings).unwrap_err();
        assert_eq!(fault.key, key);
        assert!(!fault.to_string().contains("hush"), "{fault}");
    }
}

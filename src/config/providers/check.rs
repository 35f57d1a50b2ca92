//! How providers are checked.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use serde_json::Value;

use super::{
    super::{
        checker::Checker,
        key::Key,
        raw::{Human, RawAnswer, RawProvider, RawProviderKind},
    },
    AnswerSettings, HeaderValue, HttpProviderSettings, KindWords, LocalProviderSettings, Method,
    ProviderKind, ProviderLimits, ProviderSettings, ServerSettings, WatchmanProviderSettings,
    YenteProviderSettings,
};

const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(10);
const MAX_ANSWER_BYTES: u64 = 5 * 1024 * 1024;
const CONCURRENCY: u64 = 16;
const MATCHES: u64 = 20;
const BATCH: u64 = 100;

/// What yente itself takes for a match where nobody says.
const YENTE_THRESHOLD: f64 = 0.7;
const WATCHMAN_THRESHOLD: f64 = 0.9;
const QUOTA_STATUSES: [u16; 1] = [402];
const MOST_CALLS: u64 = 1_000_000_000_000;
const PROBE_EVERY: Duration = Duration::from_secs(30);
const PROBES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);

/// The same for a local provider, whose calls wait for nobody: enough to fill a batch.
const LOCAL_CONCURRENCY: u64 = 1000;

/// The keys that only some kinds of provider have.
const KEYS: [(&str, &[RawProviderKind]); 20] = {
    const LOCAL: &[RawProviderKind] = &[RawProviderKind::Local];
    const HTTP: &[RawProviderKind] = &[RawProviderKind::Http];
    const YENTE: &[RawProviderKind] = &[RawProviderKind::Yente];
    const SERVERS: &[RawProviderKind] = &[RawProviderKind::Yente, RawProviderKind::Watchman];
    const REMOTE: &[RawProviderKind] =
        &[RawProviderKind::Http, RawProviderKind::Yente, RawProviderKind::Watchman];
    const SCORING: &[RawProviderKind] =
        &[RawProviderKind::Local, RawProviderKind::Yente, RawProviderKind::Watchman];
    [
        ("lists", LOCAL),
        ("matching", LOCAL),
        ("threshold", SCORING),
        ("dataset", YENTE),
        ("algorithm", YENTE),
        ("batch", YENTE),
        ("matches", SERVERS),
        ("method", HTTP),
        ("url", REMOTE),
        ("headers", REMOTE),
        ("query", HTTP),
        ("body", HTTP),
        ("answer", HTTP),
        ("kind-words", HTTP),
        ("retryable-statuses", REMOTE),
        ("quota-statuses", REMOTE),
        ("timeout", REMOTE),
        ("connect-timeout", REMOTE),
        ("max-answer-bytes", REMOTE),
        ("idempotency-header", HTTP),
    ]
};

/// Checks `[providers]`; a call must end before the deadline of its run.
pub(in super::super) fn providers(
    check: &mut Checker<'_>,
    raw: BTreeMap<String, RawProvider>,
    run_deadline: Duration,
) -> BTreeMap<String, ProviderSettings> {
    let mut providers = BTreeMap::new();
    for (name, raw) in raw {
        let key = Key::of("providers").at(&name);
        check.name(&key, &name);
        let limits = limits(check, &key, &raw);
        let accepted = "\"local\", \"http\", \"yente\" or \"watchman\"";
        let kind = check.needed(&key.at("kind"), raw.kind, accepted);
        if let Some(kind) = kind {
            refuse_keys(check, &key, kind);
        }
        let kind = match kind {
            Some(RawProviderKind::Local) => local(check, &key, raw).map(ProviderKind::Local),
            Some(RawProviderKind::Http) => {
                http(check, &key, raw, run_deadline).map(|http| ProviderKind::Http(Box::new(http)))
            }
            Some(RawProviderKind::Yente) => {
                yente(check, &key, raw, run_deadline).map(|yente| ProviderKind::Yente(Box::new(yente)))
            }
            Some(RawProviderKind::Watchman) => watchman(check, &key, raw, run_deadline)
                .map(|watchman| ProviderKind::Watchman(Box::new(watchman))),
            None => None,
        };
        if let Some(kind) = kind {
            providers.insert(name.clone(), ProviderSettings { name, kind, limits });
        }
    }
    providers
}

fn refuse_keys(check: &mut Checker<'_>, key: &Key, kind: RawProviderKind) {
    for (name, kinds) in KEYS.into_iter().filter(|(_, kinds)| !kinds.contains(&kind)) {
        let key = key.at(name);
        if check.is_written(&key) {
            let words: Vec<String> = kinds.iter().map(|kind| format!("\"{}\"", kind.word())).collect();
            check.refuse_name(&key, &format!("is only for providers of kind {}", words.join(", ")));
        }
    }
}

fn limits(check: &mut Checker<'_>, key: &Key, raw: &RawProvider) -> ProviderLimits {
    let rate = raw.rate_per_second.map(|rate| check.rate(&key.at("rate-per-second"), rate, 100_000.0));
    if rate.is_none() && raw.burst.is_some() {
        check.refuse(&key.at("burst"), "is only for providers with a rate-per-second");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` stays within u64; bounds follow"
    )]
    let burst = raw.burst.unwrap_or(rate.map_or(1, |rate| rate.clamp(1.0, 100_000.0).ceil() as u64));
    let usual = if raw.kind == Some(RawProviderKind::Local) { LOCAL_CONCURRENCY } else { CONCURRENCY };
    ProviderLimits {
        rate_per_second: rate,
        burst: check.count(&key.at("burst"), burst, 1..=100_000),
        concurrency: check.count(&key.at("concurrency"), raw.concurrency.unwrap_or(usual), 1..=10_000),
        calls_per_day: raw
            .calls_per_day
            .map(|calls| check.count(&key.at("calls-per-day"), calls, 1..=MOST_CALLS)),
        calls_per_month: raw
            .calls_per_month
            .map(|calls| check.count(&key.at("calls-per-month"), calls, 1..=MOST_CALLS)),
        probe_every: check.duration(
            &key.at("probe-every"),
            raw.probe_every.unwrap_or(Human(PROBE_EVERY)),
            PROBES,
        ),
    }
}

fn local(check: &mut Checker<'_>, key: &Key, raw: RawProvider) -> Option<LocalProviderSettings> {
    let threshold = raw.threshold.map(|threshold| check.fraction(&key.at("threshold"), threshold));
    let lists = raw.lists.filter(|lists| !lists.is_empty());
    let lists = check.needed(&key.at("lists"), lists, "a list of the names of lists")?;
    let lists = check.texts(&key.at("lists"), lists);
    let known = check.names("lists");
    for (index, list) in lists.iter().enumerate() {
        check.known(&key.at("lists").item(index), list, "the name of a list", &known);
    }
    Some(LocalProviderSettings { lists, matching: raw.matching.unwrap_or_default(), threshold })
}

fn http(
    check: &mut Checker<'_>,
    key: &Key,
    mut raw: RawProvider,
    deadline: Duration,
) -> Option<HttpProviderSettings> {
    let server = server(check, key, &mut raw, deadline);
    let query = raw.query.unwrap_or_default();
    for name in query.keys().filter(|name| names_a_secret(name)) {
        let text = "accepted is no secret in a URL, which others log: send it as a header from a file";
        check.refuse(&key.at("query").at(name), text);
    }
    let idempotency_header = raw.idempotency_header.unwrap_or_else(|| "Idempotency-Key".to_owned());
    if !is_header_name(&idempotency_header) {
        check.refuse(&key.at("idempotency-header"), "accepted is the name of a header");
    }
    let answer = check.needed(&key.at("answer"), raw.answer, "a table with at least hits and entity");
    let answer = answer.and_then(|answer| self::answer(check, &key.at("answer"), answer));
    let method = raw.method.unwrap_or(Method::Post);
    if method == Method::Get && raw.body.is_some() {
        check.refuse_name(&key.at("body"), "is not sent with GET; use query");
    }
    let (person, organisation) =
        raw.kind_words.map_or((None, None), |words| (words.person, words.organisation));
    let kind_words = KindWords {
        person: person.unwrap_or_else(|| "person".to_owned()),
        organisation: organisation.unwrap_or_else(|| "organisation".to_owned()),
    };
    Some(HttpProviderSettings {
        method,
        server: server?,
        query,
        body: raw.body.map(|body| Value::Object(body.into_iter().collect())),
        kind_words,
        answer: answer?,
        idempotency_header,
    })
}

fn yente(
    check: &mut Checker<'_>,
    key: &Key,
    mut raw: RawProvider,
    deadline: Duration,
) -> Option<YenteProviderSettings> {
    let server = server(check, key, &mut raw, deadline);
    let text = |check: &mut Checker<'_>, name: &str, value: Option<String>, usual: &str| {
        let value = value.unwrap_or_else(|| usual.to_owned());
        let known = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if value.is_empty() || !value.chars().all(known) {
            check.refuse(&key.at(name), "accepted are letters, digits, dashes, underscores and dots");
        }
        value
    };
    Some(YenteProviderSettings {
        dataset: text(check, "dataset", raw.dataset, "default"),
        algorithm: text(check, "algorithm", raw.algorithm, "best"),
        threshold: check.fraction(&key.at("threshold"), raw.threshold.unwrap_or(YENTE_THRESHOLD)),
        matches: check.count(&key.at("matches"), raw.matches.unwrap_or(MATCHES), 1..=500),
        batch: check.count(&key.at("batch"), raw.batch.unwrap_or(BATCH), 1..=100),
        server: server?,
    })
}

fn watchman(
    check: &mut Checker<'_>,
    key: &Key,
    mut raw: RawProvider,
    deadline: Duration,
) -> Option<WatchmanProviderSettings> {
    let server = server(check, key, &mut raw, deadline);
    Some(WatchmanProviderSettings {
        threshold: check.fraction(&key.at("threshold"), raw.threshold.unwrap_or(WATCHMAN_THRESHOLD)),
        matches: check.count(&key.at("matches"), raw.matches.unwrap_or(MATCHES), 1..=100),
        server: server?,
    })
}

/// What every provider behind a server has.
fn server(
    check: &mut Checker<'_>,
    key: &Key,
    raw: &mut RawProvider,
    deadline: Duration,
) -> Option<ServerSettings> {
    let (timeout_key, connect_key) = (key.at("timeout"), key.at("connect-timeout"));
    let timeout = raw.timeout.take().map_or(TIMEOUT.min(deadline / 2), |Human(timeout)| timeout);
    if timeout < SHORTEST_TIMEOUT || timeout >= deadline {
        let deadline = humantime::format_duration(deadline);
        let text =
            format!("accepted is a duration from 10ms to less than engine.run-deadline, which is {deadline}");
        check.refuse(&timeout_key, text);
    }
    let connect_timeout = raw.connect_timeout.take().unwrap_or(Human(CONNECT_TIMEOUT.min(timeout)));
    let connect_timeout =
        check.duration(&connect_key, connect_timeout, SHORTEST_TIMEOUT..=timeout.max(SHORTEST_TIMEOUT));
    let headers = headers(check, &key.at("headers"), raw.headers.take().unwrap_or_default());
    let retryable_statuses = statuses(check, &key.at("retryable-statuses"), raw.retryable_statuses.take());
    let quota_statuses = statuses(check, &key.at("quota-statuses"), raw.quota_statuses.take());
    let max_answer_bytes = raw.max_answer_bytes.unwrap_or(MAX_ANSWER_BYTES);
    let max_answer_bytes =
        check.count(&key.at("max-answer-bytes"), max_answer_bytes, 1024..=64 * 1024 * 1024);
    let url = check.needed(&key.at("url"), raw.url.take(), "a URL that starts with http:// or https://");
    let url = url.filter(|url| {
        let accepted = is_plain_url(url);
        if !accepted {
            check.refuse(
                &key.at("url"),
                "accepted is a URL that starts with http:// or https:// and holds no user, password or placeholder",
            );
        }
        accepted
    });
    Some(ServerSettings {
        url: url?,
        headers,
        retryable_statuses: retryable_statuses.unwrap_or_default(),
        quota_statuses: quota_statuses.unwrap_or_else(|| QUOTA_STATUSES.to_vec()),
        timeout,
        connect_timeout,
        max_answer_bytes,
    })
}

fn statuses(check: &mut Checker<'_>, key: &Key, statuses: Option<Vec<u64>>) -> Option<Vec<u16>> {
    let items = statuses?.into_iter().enumerate();
    Some(items.map(|(index, status)| check.count(&key.item(index), status, 300..=599)).collect())
}

fn headers(
    check: &mut Checker<'_>,
    key: &Key,
    raw: BTreeMap<String, Value>,
) -> BTreeMap<String, HeaderValue> {
    let mut headers = BTreeMap::new();
    for (name, value) in raw {
        let key = key.at(&name);
        if !is_header_name(&name) {
            check.refuse(&key, "accepted are names of headers");
        }
        let file =
            value.as_object().filter(|table| table.len() == 1).and_then(|table| table.get("file")?.as_str());
        let value = match (value.as_str(), file) {
            (Some(_), _) if names_a_secret(&name) => {
                check.refuse(&key, "accepted is { file = \"path\" }, for it holds a secret");
                continue;
            }
            (Some(text), _) if !text.contains(char::is_control) => HeaderValue::Literal(text.to_owned()),
            (None, Some(file)) => HeaderValue::File(check.secret_file(&key.at("file"), file)),
            _ => {
                check.refuse(&key, "accepted is a text or { file = \"path\" }");
                continue;
            }
        };
        headers.insert(name, value);
    }
    headers
}

fn answer(check: &mut Checker<'_>, key: &Key, raw: RawAnswer) -> Option<AnswerSettings> {
    let facts = raw.facts.unwrap_or_default();
    for (index, fact) in facts.iter().enumerate() {
        pointer(check, &key.at("facts").item(index), Some(fact));
    }
    for (name, value) in [
        ("hits", &raw.hits),
        ("entity", &raw.entity),
        ("former-ids", &raw.former_ids),
        ("list", &raw.list),
        ("name", &raw.name),
        ("score", &raw.score),
        ("matched", &raw.matched),
        ("error", &raw.error),
    ] {
        pointer(check, &key.at(name), value.as_ref());
    }
    let hits = check.needed(&key.at("hits"), raw.hits, "a JSON pointer into the answer");
    let entity = check.needed(&key.at("entity"), raw.entity, "a JSON pointer into a hit");
    let score_scale = check.rate(&key.at("score-scale"), raw.score_scale.unwrap_or(1.0), 1e9);
    Some(AnswerSettings {
        hits: hits?,
        null_is_clear: raw.null_is_clear.unwrap_or(false),
        entity: entity?,
        former_ids: raw.former_ids,
        list: raw.list,
        name: raw.name,
        score: raw.score,
        score_scale,
        facts,
        matched: raw.matched,
        error: raw.error,
    })
}

fn pointer(check: &mut Checker<'_>, key: &Key, pointer: Option<&String>) {
    if pointer.is_some_and(|pointer| !(pointer.is_empty() || pointer.starts_with('/'))) {
        check.refuse(key, "accepted is a JSON pointer, such as /results/0");
    }
}

fn is_plain_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let clean = !url.contains(|letter: char| letter.is_control() || letter.is_whitespace());
    clean && !authority.is_empty() && !authority.contains('@') && !url.contains("{{")
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether the name of a header or a parameter says that it holds a secret.
fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let words = ["authorization", "cookie", "api-key", "apikey", "access-key", "token", "secret", "password"];
    words.iter().any(|word| name.contains(word))
}

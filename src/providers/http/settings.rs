//! What the configuration says about a provider of an HTTP API, and the checks of its plain values.

use std::{fmt, time::Duration};

use reqwest::{
    Url,
    header::{ACCEPT, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;

use super::super::{Basis, SettingsFault, mapping::AnswerMapping};

/// The header that tells a repetition from a new question, where the vendor names no other.
pub const IDEMPOTENCY_HEADER: &str = "Idempotency-Key";

/// The largest answer that is read, unless configured otherwise: 5 MiB.
pub const MAX_ANSWER_BYTES: usize = 5 * 1024 * 1024;

/// Headers that the HTTP client writes itself.
const RESERVED: [&str; 4] = ["connection", "content-length", "host", "transfer-encoding"];

/// How the vendor wants to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Everything is in the address and the query.
    Get,
    /// With a body.
    Post,
    /// With a body.
    Put,
}

/// A secret that was read already. Nothing shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `value` from now on.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Where the value of a header comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValueSource {
    /// As it stands in the configuration.
    Literal(String),
    /// From a credential file.
    Secret(Secret),
}

/// All that makes a provider of an HTTP API.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpProviderSettings {
    /// The provider's name, as findings and evidence show it.
    pub name: String,
    /// How to ask.
    pub method: Method,
    /// Whom to ask: `http` or `https`, without user name and password.
    pub url: String,
    /// Sent with each call, besides the idempotency key and what the body needs.
    pub headers: Vec<(String, HeaderValueSource)>,
    /// Added to the address, percent-encoded. Values are templates; a list repeats its name, and
    /// what has no value is left out.
    pub query: Vec<(String, String)>,
    /// A JSON template with `{{name}}`, `{{names}}`, `{{birth_date}}`, `{{birth_year}}`,
    /// `{{country}}`, `{{countries}}`, `{{kind}}` and `{{threshold}}` in its strings.
    pub body: Option<Value>,
    /// The vendor's words for a person and for an organisation, for `{{kind}}`.
    pub kind_words: (String, String),
    /// Where the answer says what.
    pub answer: AnswerMapping,
    /// The header that carries the idempotency key.
    pub idempotency_header: String,
    /// The largest answer that is read.
    pub max_answer_bytes: usize,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a call may take altogether; a request's deadline can only shorten it.
    pub timeout: Duration,
    /// Statuses after which the vendor wants another try, besides the usual ones.
    pub retryable_statuses: Vec<u16>,
    /// Statuses that say that the vendor's quota is used up.
    pub quota_statuses: Vec<u16>,
    /// What is known of the engine and the lists that the vendor compares with.
    pub basis: Basis,
}

impl HttpProviderSettings {
    /// Settings with the usual defaults; what to send is still to be said.
    pub fn new(
        name: impl Into<String>,
        method: Method,
        url: impl Into<String>,
        answer: AnswerMapping,
    ) -> Self {
        Self {
            name: name.into(),
            method,
            url: url.into(),
            headers: Vec::new(),
            query: Vec::new(),
            body: None,
            kind_words: ("person".to_owned(), "organisation".to_owned()),
            answer,
            idempotency_header: IDEMPOTENCY_HEADER.to_owned(),
            max_answer_bytes: MAX_ANSWER_BYTES,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            retryable_statuses: Vec::new(),
            quota_statuses: vec![402],
            basis: Basis { engine: "http".to_owned(), lists: Vec::new() },
        }
    }
}

/// Refuses plain values that no call can be made with.
pub(super) fn check_plain(settings: &HttpProviderSettings) -> Result<(), SettingsFault> {
    let faults = [
        (settings.name.trim().is_empty(), "name", "must not be empty"),
        (
            settings.body.is_some() && settings.method == Method::Get,
            "body",
            "is not sent with GET; use query",
        ),
        (settings.max_answer_bytes == 0, "max_answer_bytes", "must be above 0"),
        (settings.connect_timeout.is_zero(), "connect_timeout", "must be above 0"),
        (settings.timeout.is_zero(), "timeout", "must be above 0"),
        (
            settings.retryable_statuses.iter().any(|status| !(300..=599).contains(status)),
            "retryable_statuses",
            "must be statuses from 300 to 599",
        ),
        (
            settings.quota_statuses.iter().any(|status| !(300..=599).contains(status)),
            "quota_statuses",
            "must be statuses from 300 to 599",
        ),
    ];
    match faults.into_iter().find(|(wrong, ..)| *wrong) {
        Some((_, key, reason)) => Err(SettingsFault::new(key, reason)),
        None => Ok(()),
    }
}

/// Reads an address that may be called.
pub(in super::super) fn read_url(text: &str) -> Result<Url, SettingsFault> {
    let url = Url::parse(text).map_err(|_| SettingsFault::new("url", "is not an address"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(SettingsFault::new("url", "must begin with http:// or https:// and name a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(SettingsFault::new("url", "must not hold a user name or password; send a secret header"));
    }
    if text.contains("{{") {
        return Err(SettingsFault::new("url", "must not hold a placeholder; use query or body"));
    }
    Ok(url)
}

/// Reads the headers that each call carries; secrets are marked, so that no client shows them.
pub(in super::super) fn read_headers(settings: &HttpProviderSettings) -> Result<HeaderMap, SettingsFault> {
    let mut read = HeaderMap::new();
    read.insert(ACCEPT, HeaderValue::from_static("application/json"));
    for (name, source) in &settings.headers {
        let key = format!("headers.{name}");
        let header = read_header_name(&key, name)?;
        if name.eq_ignore_ascii_case(&settings.idempotency_header) {
            return Err(SettingsFault::new(key, "is the header of the idempotency key"));
        }
        let (text, secret) = match source {
            HeaderValueSource::Literal(text) => (text, false),
            HeaderValueSource::Secret(Secret(text)) => (text, true),
        };
        let mut value = HeaderValue::from_str(text)
            .map_err(|_| SettingsFault::new(key, "has a value that no header can carry"))?;
        value.set_sensitive(secret);
        read.insert(header, value);
    }
    Ok(read)
}

/// Reads the name of a header that may be set; `key` names it in a fault.
pub(super) fn read_header_name(key: &str, name: &str) -> Result<HeaderName, SettingsFault> {
    let header: HeaderName =
        name.parse().map_err(|_| SettingsFault::new(key, "is not the name of a header"))?;
    if RESERVED.contains(&header.as_str()) {
        return Err(SettingsFault::new(key, "is a header that belongs to the connection"));
    }
    Ok(header)
}

//! A provider behind any HTTP API, described by configuration.
//!
//! [`HttpProviderSettings`] say what to send ([templates](HttpProviderSettings::body)), where the
//! hits are in the answer ([`AnswerMapping`]) and how long to wait. [`HttpProvider::new`] finds
//! every fault of a template, pointer, header or address; a call then has only the world to fear.
//!
//! A secret travels in headers only: an address ends up in too many logs. Subject data in a query
//! is the vendor's demand (some know nothing but GET) and ends up in the vendor's logs; it never
//! reaches ours, since no error of the HTTP client is kept that knows its address.

use std::{fmt, time::Duration};

use reqwest::{
    Response, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;

use crate::domain::{
    answer::Answer,
    subject::{Subject, SubjectKind},
};

use super::{
    Basis, CallError, CallFuture, ListVersion, ReportProvider, Request, SettingsFault, client,
    mapping::AnswerMapping,
    retry_after,
    template::{JsonTemplate, TextTemplate, Values},
    verdict::{Failure, OwnStatuses},
};

mod settings;

pub use settings::{
    HeaderValueSource, HttpProviderSettings, IDEMPOTENCY_HEADER, MAX_ANSWER_BYTES, Method, Secret,
};
use settings::{check_plain, read_header_name, read_headers, read_url};

/// A provider that asks an HTTP API.
pub struct HttpProvider {
    name: String,
    client: reqwest::Client,
    method: reqwest::Method,
    url: Url,
    headers: HeaderMap,
    query: Vec<(String, TextTemplate)>,
    body: Option<JsonTemplate>,
    kind_words: (String, String),
    answer: AnswerMapping,
    idempotency_header: HeaderName,
    max_answer_bytes: usize,
    timeout: Duration,
    statuses: OwnStatuses,
    basis: Basis,
}

impl fmt::Debug for HttpProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProvider").field("name", &self.name).finish_non_exhaustive()
    }
}

impl HttpProvider {
    /// Builds the provider, or names the first setting that stands in the way.
    pub fn new(settings: HttpProviderSettings) -> Result<Self, SettingsFault> {
        check_plain(&settings)?;
        settings.answer.check()?;
        let headers = read_headers(&settings)?;
        let query = settings.query.into_iter().map(|(name, text)| {
            let template = TextTemplate::new(&format!("query.{name}"), &text)?;
            Ok((name, template))
        });
        let mut lists: Vec<ListVersion> = settings.basis.lists;
        lists.sort();
        Ok(Self {
            client: client::build(settings.connect_timeout, settings.timeout).map_err(|_| {
                SettingsFault::new("url", "cannot be called: the HTTP client found no TLS set-up")
            })?,
            method: match settings.method {
                Method::Get => reqwest::Method::GET,
                Method::Post => reqwest::Method::POST,
                Method::Put => reqwest::Method::PUT,
            },
            url: read_url(&settings.url)?,
            headers,
            query: query.collect::<Result<_, _>>()?,
            body: settings.body.map(|body| JsonTemplate::new("body", &body)).transpose()?,
            kind_words: settings.kind_words,
            answer: settings.answer,
            idempotency_header: read_header_name("idempotency_header", &settings.idempotency_header)?,
            max_answer_bytes: settings.max_answer_bytes,
            timeout: settings.timeout,
            statuses: OwnStatuses { retryable: settings.retryable_statuses, quota: settings.quota_statuses },
            basis: Basis { engine: settings.basis.engine, lists },
            name: settings.name,
        })
    }

    async fn ask(&self, request: &Request) -> Result<Answer, CallError> {
        let response = self.send(request).await.map_err(|failure| self.error(failure, None))?;
        let status = response.status();
        if !status.is_success() {
            let rest = retry_after::read(response.headers());
            return Err(self.error(Failure::Status(status.as_u16()), rest));
        }
        self.read(response).await.map_err(|failure| self.error(failure, None))
    }

    async fn send(&self, request: &Request) -> Result<Response, Failure> {
        let subject = &request.subject;
        if subject.missing().is_some() {
            return Err(Failure::Unscreenable);
        }
        let values = Values {
            subject,
            kind: self.kind_word(subject),
            threshold: request.threshold.map(|threshold| on_scale(threshold, self.answer.score_scale)),
        };
        let key = HeaderValue::from_str(&request.idempotency_key).map_err(|_| Failure::Unscreenable)?;
        let mut call = self
            .client
            .request(self.method.clone(), self.address(&values))
            .headers(self.headers.clone())
            .header(self.idempotency_header.clone(), key)
            .timeout(self.timeout.min(request.deadline));
        if let Some(body) = &self.body {
            call = call.json(&body.fill(&values).ok_or(Failure::Unscreenable)?);
        }
        call.send().await.map_err(|error| self.transport_failure(error))
    }

    fn kind_word(&self, subject: &Subject) -> &str {
        match subject.kind {
            SubjectKind::Person => &self.kind_words.0,
            SubjectKind::Organisation => &self.kind_words.1,
        }
    }

    fn address(&self, values: &Values<'_>) -> Url {
        let mut url = self.url.clone();
        if !self.query.is_empty() {
            let mut pairs = url.query_pairs_mut();
            for (name, template) in &self.query {
                pairs.extend_pairs(template.fill_texts(values).iter().map(|text| (name, text)));
            }
        }
        url
    }

    /// Reads no more than the limit, whatever length the answer announces.
    async fn read(&self, mut response: Response) -> Result<Answer, Failure> {
        let over = |bytes: usize| bytes > self.max_answer_bytes;
        if response.content_length().is_some_and(|bytes| usize::try_from(bytes).map_or(true, over)) {
            return Err(Failure::TooLarge);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport_failure(error))? {
            if over(body.len() + chunk.len()) {
                return Err(Failure::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let answer: Value = serde_json::from_slice(&body).map_err(|_| Failure::Unreadable)?;
        self.answer.read(&self.name, &answer)
    }

    /// The reason goes to the debug log, without the address, since the error text has no room for it.
    fn transport_failure(&self, error: reqwest::Error) -> Failure {
        let failure = Failure::of_transport(&error);
        let error = error.without_url();
        tracing::debug!(
            provider.name = self.name,
            error = &error as &dyn std::error::Error,
            "the call of a provider did not get through"
        );
        failure
    }

    fn error(&self, failure: Failure, retry_after: Option<Duration>) -> CallError {
        failure.into_error(&self.statuses, retry_after)
    }
}

impl ReportProvider for HttpProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn basis(&self) -> Basis {
        self.basis.clone()
    }

    fn call<'a>(&'a self, request: &'a Request) -> CallFuture<'a> {
        Box::pin(self.ask(request))
    }
}

/// 0.57 of 100 is 57 and not 56.99999999999999.
fn on_scale(threshold: f64, scale: f64) -> f64 {
    const DIGITS: f64 = 1e9;
    (threshold * scale * DIGITS).round() / DIGITS
}

#[cfg(test)]
mod misbehaving;
#[cfg(test)]
mod tests;

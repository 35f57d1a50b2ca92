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
    RequestBuilder, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use crate::domain::{
    answer::Answer,
    subject::{Subject, SubjectKind},
};

use super::{
    Basis, CallError, CallFuture, ListVersion, ReportProvider, Request, SettingsFault, client,
    mapping::AnswerMapping,
    template::{JsonTemplate, TextTemplate, Values},
    verdict::{Failure, OwnStatuses},
};

mod settings;
mod wire;

pub use settings::{
    HeaderValueSource, HttpProviderSettings, IDEMPOTENCY_HEADER, MAX_ANSWER_BYTES, Method, Secret,
};
use settings::{check_plain, read_header_name};
pub(super) use settings::{read_headers, read_url};
pub(super) use wire::Wire;

/// A provider that asks an HTTP API.
pub struct HttpProvider {
    wire: Wire,
    method: reqwest::Method,
    url: Url,
    headers: HeaderMap,
    query: Vec<(String, TextTemplate)>,
    body: Option<JsonTemplate>,
    kind_words: (String, String),
    answer: AnswerMapping,
    idempotency_header: HeaderName,
    timeout: Duration,
    basis: Basis,
}

impl fmt::Debug for HttpProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProvider").field("name", &self.wire.name).finish_non_exhaustive()
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
            wire: Wire {
                client: client::build(settings.connect_timeout, settings.timeout).map_err(|_| {
                    SettingsFault::new("url", "cannot be called: the HTTP client found no TLS set-up")
                })?,
                name: settings.name,
                max_answer_bytes: settings.max_answer_bytes,
                statuses: OwnStatuses {
                    retryable: settings.retryable_statuses,
                    quota: settings.quota_statuses,
                },
            },
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
            timeout: settings.timeout,
            basis: Basis { engine: settings.basis.engine, lists },
        })
    }

    async fn ask(&self, request: &Request) -> Result<Answer, CallError> {
        let call = self.request(request).map_err(|failure| self.wire.error(failure, None))?;
        let answer = self.wire.ask(call).await?;
        self.answer.read(&self.wire.name, &answer).map_err(|failure| self.wire.error(failure, None))
    }

    fn request(&self, request: &Request) -> Result<RequestBuilder, Failure> {
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
        let call = self
            .wire
            .client
            .request(self.method.clone(), self.address(&values))
            .headers(self.headers.clone())
            .header(self.idempotency_header.clone(), key)
            .timeout(self.timeout.min(request.deadline));
        Ok(match &self.body {
            Some(body) => call.json(&body.fill(&values).ok_or(Failure::Unscreenable)?),
            None => call,
        })
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
}

impl ReportProvider for HttpProvider {
    fn name(&self) -> &str {
        &self.wire.name
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

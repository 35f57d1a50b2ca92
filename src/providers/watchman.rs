//! A Watchman server: `GET /v2/search`.
//!
//! Which versions of its lists answer is read from `/v2/listinfo` now and then, beside the calls.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use reqwest::{Url, header::HeaderMap};
use serde_json::Value;

use super::{
    Basis, CallError, CallFuture, ListVersion, ReportProvider, Request, SettingsFault,
    beside::Beside,
    client,
    http::{HttpProvider, HttpProviderSettings, Method, Wire, read_headers, read_url},
    mapping::AnswerMapping,
    verdict::OwnStatuses,
};
use crate::domain::answer::Answer;

/// How many matches Watchman tells at most.
pub const MOST_MATCHES: u32 = 100;

/// A provider that asks a Watchman server.
pub struct WatchmanProvider {
    http: HttpProvider,
    threshold: f64,
    lists: Arc<Beside<BTreeMap<String, String>>>,
    info: Arc<ListInfo>,
}

impl std::fmt::Debug for WatchmanProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WatchmanProvider").field("http", &self.http).finish_non_exhaustive()
    }
}

/// Where the versions of the lists are read.
struct ListInfo {
    wire: Wire,
    url: Url,
    headers: HeaderMap,
    timeout: Duration,
}

impl WatchmanProvider {
    /// Builds the provider from name, base address, headers and limits in `http`: what is sent is said here.
    /// `threshold` is the score from which a match counts where a request does not say; of each question `limit`
    /// matches are read. Names the first setting that stands in the way.
    pub fn new(http: HttpProviderSettings, threshold: f64, limit: u32) -> Result<Self, SettingsFault> {
        let url = below(&http.url, "search")?;
        let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let limit = limit.min(MOST_MATCHES).to_string();
        let query = [
            ("type", "{{kind}}"),
            ("name", "{{name}}"),
            ("altNames", "{{names}}"),
            ("birthDate", "{{born}}"),
            ("created", "{{founded}}"),
            ("minMatch", "{{threshold}}"),
            ("limit", limit.as_str()),
        ];
        let facts = ["/sourceList", "/name", "/entityType", "/person", "/business", "/sanctionsInfo"];
        let answer = AnswerMapping {
            // A server written in Go says it so.
            null_is_clear: true,
            scope: Some("/sourceList".to_owned()),
            list: Some("/sourceList".to_owned()),
            name: Some("/name".to_owned()),
            score: Some("/match".to_owned()),
            facts: facts.map(str::to_owned).into(),
            error: Some("/error".to_owned()),
            ..AnswerMapping::new("/entities", "/sourceID")
        };
        let info = ListInfo {
            wire: Wire {
                name: http.name.clone(),
                client: client::build(http.connect_timeout, http.timeout).map_err(|_| {
                    SettingsFault::new("url", "cannot be called: the HTTP client found no TLS set-up")
                })?,
                max_answer_bytes: http.max_answer_bytes,
                statuses: OwnStatuses::default(),
            },
            url: below(&http.url, "listinfo")?,
            headers: read_headers(&http)?,
            timeout: http.timeout,
        };
        let http = HttpProviderSettings {
            method: Method::Get,
            url: url.into(),
            query: query.map(text).into(),
            body: None,
            kind_words: ("person".to_owned(), "business".to_owned()),
            answer,
            basis: Basis { engine: "watchman v2".to_owned(), lists: Vec::new() },
            ..http
        };
        let http = HttpProvider::new(http)?;
        Ok(Self { http, threshold, lists: Beside::new(), info: Arc::new(info) })
    }

    async fn ask(&self, request: &Request) -> Result<Answer, CallError> {
        self.lists.refresh(|| {
            let info = Arc::clone(&self.info);
            async move { info.read().await }
        });
        let threshold = request.threshold.unwrap_or(self.threshold);
        let asked = Request { threshold: Some(threshold), ..request.clone() };
        let mut answer = self.http.call(&asked).await?;
        answer.findings.retain(|finding| finding.score >= threshold);
        Ok(answer)
    }
}

impl ListInfo {
    /// The versions of the lists: the hash of each, or when all of them were loaded.
    async fn read(&self) -> Option<BTreeMap<String, String>> {
        let call = self.wire.client.get(self.url.clone()).headers(self.headers.clone());
        let info = self.wire.ask(call.timeout(self.timeout)).await.ok()?;
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let loaded = info.get("endedAt").and_then(text).unwrap_or_default();
        let lists = info.get("lists")?.as_object()?;
        let version = |name: &String| {
            let hash = info.get("listHashes").and_then(|hashes| hashes.get(name)).and_then(text);
            (name.clone(), hash.unwrap_or_else(|| loaded.clone()))
        };
        Some(lists.keys().map(version).filter(|(_, version)| !version.is_empty()).collect())
    }
}

/// An address of the second version of the API.
fn below(base: &str, last: &str) -> Result<Url, SettingsFault> {
    let mut url = read_url(base)?;
    url.path_segments_mut()
        .map_err(|()| SettingsFault::new("url", "is not an address"))?
        .pop_if_empty()
        .extend(["v2", last]);
    Ok(url)
}

impl ReportProvider for WatchmanProvider {
    fn name(&self) -> &str {
        self.http.name()
    }

    fn basis(&self) -> Basis {
        let lists = self.lists.value().unwrap_or_default();
        let list =
            |(name, version)| ListVersion { name, version, stale: false, number: None, compared: true };
        Basis { lists: lists.into_iter().map(list).collect(), ..self.http.basis() }
    }

    fn threshold(&self) -> Option<f64> {
        Some(self.threshold)
    }

    fn call<'a>(&'a self, request: &'a Request) -> CallFuture<'a> {
        Box::pin(self.ask(request))
    }
}

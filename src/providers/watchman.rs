//! A Watchman server: `GET /v2/search`.

use super::{
    Basis, CallError, CallFuture, ReportProvider, Request, SettingsFault,
    http::{HttpProvider, HttpProviderSettings, Method, read_url},
    mapping::AnswerMapping,
};
use crate::domain::answer::Answer;

/// How many matches Watchman tells at most.
pub const MOST_MATCHES: u32 = 100;

/// A provider that asks a Watchman server.
#[derive(Debug)]
pub struct WatchmanProvider {
    http: HttpProvider,
    threshold: f64,
}

impl WatchmanProvider {
    /// Builds the provider from name, base address, headers and limits in `http`: what is sent is said here.
    /// `threshold` is the score from which a match counts where a request does not say; of each question `limit`
    /// matches are read. Names the first setting that stands in the way.
    pub fn new(http: HttpProviderSettings, threshold: f64, limit: u32) -> Result<Self, SettingsFault> {
        let mut url = read_url(&http.url)?;
        url.path_segments_mut()
            .map_err(|()| SettingsFault::new("url", "is not an address"))?
            .pop_if_empty()
            .extend(["v2", "search"]);
        let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let limit = limit.min(MOST_MATCHES).to_string();
        let query = [
            ("type", "{{kind}}"),
            ("name", "{{name}}"),
            ("altNames", "{{names}}"),
            ("birthDate", "{{birth_date}}"),
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
        Ok(Self { http: HttpProvider::new(http)?, threshold })
    }

    async fn ask(&self, request: &Request) -> Result<Answer, CallError> {
        let threshold = request.threshold.unwrap_or(self.threshold);
        let asked = Request { threshold: Some(threshold), ..request.clone() };
        let mut answer = self.http.call(&asked).await?;
        answer.findings.retain(|finding| finding.score >= threshold);
        Ok(answer)
    }
}

impl ReportProvider for WatchmanProvider {
    fn name(&self) -> &str {
        self.http.name()
    }

    fn basis(&self) -> Basis {
        self.http.basis()
    }

    fn call<'a>(&'a self, request: &'a Request) -> CallFuture<'a> {
        Box::pin(self.ask(request))
    }
}

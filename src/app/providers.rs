//! Providers and watchlists, built from the settings.

use std::{collections::HashMap, fs, path::Path, sync::Arc};

use crate::{
    config::{
        HeaderValue, HttpProviderSettings, ListFormat, ListSettings, Method, ProviderKind, ProviderSettings,
        ServerSettings, Settings,
    },
    engine::plan::PlannedParts,
    providers::{
        Basis, ReportProvider, SettingsFault,
        budget::{Budget, Limits, Terms},
        http::{self, HttpProvider},
        local::{LocalProvider, OwnList},
        mapping::AnswerMapping,
        watchman::WatchmanProvider,
        yente::{YenteProvider, YenteSettings},
    },
    screening::{
        index::Index,
        list::{List, ListError},
        ofac,
    },
};

/// Why a provider cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ProviderFault {
    /// A setting that only the provider itself can judge.
    #[error("providers.{provider}.{fault}")]
    Settings {
        /// The provider.
        provider: String,
        /// The setting and what is wrong with it.
        fault: SettingsFault,
    },
    /// A header's secret could not be read.
    #[error("providers.{provider}.headers.{header}: the file of the secret cannot be read")]
    Secret {
        /// The provider.
        provider: String,
        /// The header.
        header: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A watchlist could not be read.
    #[error("lists.{list}: {fault}")]
    List {
        /// The list.
        list: String,
        /// The file and what is wrong with it.
        fault: ListError,
    },
}

/// What the configuration makes of providers.
pub struct Built {
    /// Every provider, with its budget.
    pub providers: Vec<PlannedParts>,
    /// The lists of the customer's own that they answer from, to be read from the database.
    pub own_lists: Vec<OwnList>,
}

/// Builds every configured provider, with its budget.
pub fn build(settings: &Settings) -> Result<Built, ProviderFault> {
    let mut lists: HashMap<&str, Arc<List>> = HashMap::new();
    let mut own_lists: Vec<OwnList> = Vec::new();
    let mut built = Vec::new();
    for provider in settings.providers.values() {
        let fault = |fault| ProviderFault::Settings { provider: provider.name.clone(), fault };
        let limits = Limits {
            rate_per_second: provider.limits.rate_per_second,
            burst: provider.limits.burst,
            concurrency: provider.limits.concurrency,
        };
        let terms = Terms {
            calls_per_day: provider.limits.calls_per_day,
            calls_per_month: provider.limits.calls_per_month,
            probe_every: provider.limits.probe_every,
        };
        let answering: Arc<dyn ReportProvider> = match &provider.kind {
            ProviderKind::Local(local) => {
                let mut indexes = Vec::with_capacity(local.lists.len());
                let mut own = Vec::new();
                for name in &local.lists {
                    let Some(list) = settings.lists.get(name) else { continue };
                    if list.format == ListFormat::List {
                        let known = own_lists.iter().find(|known| known.name() == name).cloned();
                        own.push(known.unwrap_or_else(|| {
                            let new = OwnList::new(name);
                            own_lists.push(new.clone());
                            new
                        }));
                        continue;
                    }
                    if !lists.contains_key(name.as_str()) {
                        lists.insert(name, Arc::new(read_list(list)?));
                    }
                    if let Some(list) = lists.get(name.as_str()) {
                        indexes.push(Index::build(list));
                    }
                }
                Arc::new(LocalProvider::new(&provider.name, indexes, local.threshold).with_own(own))
            }
            ProviderKind::Http(http) => {
                Arc::new(HttpProvider::new(http_settings(provider, http)?).map_err(fault)?)
            }
            ProviderKind::Yente(yente) => Arc::new(
                YenteProvider::new(YenteSettings {
                    http: server_settings(provider, &yente.server)?,
                    dataset: yente.dataset.clone(),
                    algorithm: yente.algorithm.clone(),
                    threshold: yente.threshold,
                    limit: yente.matches,
                    batch: yente.batch,
                })
                .map_err(fault)?,
            ),
            ProviderKind::Watchman(watchman) => {
                let server = server_settings(provider, &watchman.server)?;
                let made = WatchmanProvider::new(server, watchman.threshold, watchman.matches);
                Arc::new(made.map_err(fault)?)
            }
        };
        let budget = Budget::new(limits).map_err(fault)?.with_terms(terms);
        built.push((answering, budget, limits));
    }
    Ok(Built { providers: built, own_lists })
}

/// Reads a watchlist, and tells what of it was not understood.
pub fn read_list(settings: &ListSettings) -> Result<List, ProviderFault> {
    // A list of the customer's own is in the database, and has no folder.
    let read = ofac::read_folder(settings.folder.as_deref().unwrap_or(Path::new("")));
    let mut list = read.map_err(|fault| ProviderFault::List { list: settings.name.clone(), fault })?;
    list.name.clone_from(&settings.name);
    let faults = list.faults.total();
    tracing::info!(list.name = %list.name, list.version = %list.version, entities = list.entities.len(), faults, "list read");
    Ok(list)
}

/// What every provider behind a server has; what is sent and read is to be added.
fn server_settings(
    provider: &ProviderSettings,
    server: &ServerSettings,
) -> Result<http::HttpProviderSettings, ProviderFault> {
    let mut headers = Vec::new();
    for (header, value) in &server.headers {
        let value = match value {
            HeaderValue::Literal(text) => http::HeaderValueSource::Literal(text.clone()),
            HeaderValue::File(file) => {
                let text = fs::read_to_string(file.path()).map_err(|source| ProviderFault::Secret {
                    provider: provider.name.clone(),
                    header: header.clone(),
                    source,
                })?;
                http::HeaderValueSource::Secret(http::Secret::new(text.trim_end()))
            }
        };
        headers.push((header.clone(), value));
    }
    let nothing = AnswerMapping::new("", "");
    Ok(http::HttpProviderSettings {
        headers,
        max_answer_bytes: server.max_answer_bytes,
        connect_timeout: server.connect_timeout,
        timeout: server.timeout,
        retryable_statuses: server.retryable_statuses.clone(),
        quota_statuses: server.quota_statuses.clone(),
        ..http::HttpProviderSettings::new(&provider.name, http::Method::Post, &server.url, nothing)
    })
}

fn http_settings(
    provider: &ProviderSettings,
    settings: &HttpProviderSettings,
) -> Result<http::HttpProviderSettings, ProviderFault> {
    let answer = &settings.answer;
    Ok(http::HttpProviderSettings {
        method: match settings.method {
            Method::Get => http::Method::Get,
            Method::Post => http::Method::Post,
            Method::Put => http::Method::Put,
        },
        query: settings.query.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        body: settings.body.clone(),
        kind_words: (settings.kind_words.person.clone(), settings.kind_words.organisation.clone()),
        answer: AnswerMapping {
            hits: answer.hits.clone(),
            null_is_clear: answer.null_is_clear,
            entity: answer.entity.clone(),
            scope: None,
            list: answer.list.clone(),
            name: answer.name.clone(),
            score: answer.score.clone(),
            score_scale: answer.score_scale,
            facts: answer.facts.clone(),
            matched: answer.matched.clone(),
            error: answer.error.clone(),
        },
        idempotency_header: settings.idempotency_header.clone(),
        basis: Basis { engine: format!("http {}", settings.server.url), lists: Vec::new() },
        ..server_settings(provider, &settings.server)?
    })
}

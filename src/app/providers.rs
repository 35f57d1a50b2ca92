//! Providers and watchlists, built from the settings.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    config::{
        HeaderValue, HttpProviderSettings, ListFormat, ListSettings, MatchingPreset, Method, ProviderKind,
        ProviderSettings, ServerSettings, Settings,
    },
    engine::plan::PlannedParts,
    providers::{
        Basis, ReportProvider, SettingsFault,
        budget::{Budget, Limits, Terms},
        http::{self, HttpProvider},
        lists::{self, Keeper, Origin},
        local::{LocalProvider, OwnList, PublishedList},
        mapping::AnswerMapping,
        watchman::WatchmanProvider,
        yente::{YenteProvider, YenteSettings},
    },
    screening::{
        list::{List, ListError},
        matching::{Matching, Preset},
        parse::Format,
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
    /// The published lists that they answer from.
    pub lists: Vec<Keeper>,
}

/// Builds every configured provider, with its budget.
pub fn build(settings: &Settings) -> Result<Built, ProviderFault> {
    let mut keepers: Vec<Keeper> = Vec::new();
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
                let mut published = Vec::with_capacity(local.lists.len());
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
                    let known = keepers.iter().find(|known| known.name() == name);
                    published.push(match known {
                        Some(known) => known.published().clone(),
                        None => {
                            let new = open(settings, list)?;
                            let shown = new.published().clone();
                            keepers.push(new);
                            shown
                        }
                    });
                }
                let preset = preset(local.matching);
                let threshold = local.threshold.unwrap_or(Matching::of(preset).threshold);
                let provider = LocalProvider::new(&provider.name, published, threshold).with_preset(preset);
                Arc::new(provider.with_own(own))
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
    // The matching API answers from every list, and so does who looks at them.
    for list in settings.lists.values().filter(|list| list.format != ListFormat::List) {
        if !keepers.iter().any(|known| known.name() == list.name) {
            keepers.push(open(settings, list)?);
        }
    }
    Ok(Built { providers: built, own_lists, lists: keepers })
}

/// The preset of a name in the configuration.
pub(super) const fn preset(configured: MatchingPreset) -> Preset {
    match configured {
        MatchingPreset::Exact => Preset::Exact,
        MatchingPreset::Strict => Preset::Strict,
        MatchingPreset::Standard => Preset::Standard,
        MatchingPreset::Tolerant => Preset::Tolerant,
    }
}

/// How long one fetch of a list may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// The form of a list; none of one in the database.
pub const fn format(list: &ListSettings) -> Option<Format> {
    Some(match list.format {
        ListFormat::OfacCsv => Format::OfacCsv,
        ListFormat::OfacConsolidatedCsv => Format::OfacConsolidatedCsv,
        ListFormat::OfacXml => Format::OfacXml,
        ListFormat::UnXml => Format::UnXml,
        ListFormat::EuXml => Format::EuXml,
        ListFormat::UkCsv => Format::UkCsv,
        ListFormat::OpensanctionsCsv => Format::OpensanctionsCsv,
        ListFormat::OpensanctionsFtm => Format::OpensanctionsFtm,
        ListFormat::Csv => Format::Csv,
        ListFormat::List => return None,
    })
}

/// The folder in which versions of a list are kept, when the configuration has one.
pub fn folder(settings: &Settings, list: &ListSettings) -> Option<PathBuf> {
    settings.storage.folder.as_ref().map(|folder| folder.join("lists").join(&list.name))
}

/// Where a list comes from.
pub fn origin(list: &ListSettings) -> Origin {
    match &list.url {
        Some(url) => Origin::Url(url.clone()),
        None => Origin::Path(list.path().cloned().unwrap_or_default()),
    }
}

/// Takes up a published list, and tells which version of it is in force.
fn open(settings: &Settings, list: &ListSettings) -> Result<Keeper, ProviderFault> {
    // A list of the customer's own is in the database, and is not opened here.
    let format = format(list).unwrap_or(Format::Csv);
    let published = PublishedList::new(&list.name);
    let terms = lists::Terms {
        name: list.name.clone(),
        format,
        origin: origin(list),
        refresh: list.refresh.clone(),
        max_age: list.max_age,
        largest_shrink: list.largest_shrink,
        folder: folder(settings, list),
        patience: PATIENCE,
    };
    let opened = Keeper::open(terms, published);
    let keeper = opened.map_err(|fault| ProviderFault::List { list: list.name.clone(), fault })?;
    let version = keeper.published().version();
    tracing::info!(list.name = %list.name, list.version = version, "list read");
    Ok(keeper)
}

/// Reads the files of a watchlist that is on this host.
pub fn read_list(list: &ListSettings) -> Result<Option<List>, ProviderFault> {
    let (Some(format), Some(path)) = (format(list), list.path()) else { return Ok(None) };
    let read = format.read(&list.name, path);
    read.map(Some).map_err(|fault| ProviderFault::List { list: list.name.clone(), fault })
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
            former_ids: answer.former_ids.clone(),
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

//! Who answers reports: the checked settings of providers.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::sources::SecretFile;

mod check;

pub(super) use check::providers;

/// `[providers.NAME]`: who answers reports.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProviderSettings {
    /// Its name.
    pub name: String,
    /// Where the answers come from.
    pub kind: ProviderKind,
    /// How much may be asked of it.
    pub limits: ProviderLimits,
}

/// Where a provider's answers come from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderKind {
    /// From lists kept here.
    Local(LocalProviderSettings),
    /// From an API.
    Http(Box<HttpProviderSettings>),
    /// From a yente server.
    Yente(Box<YenteProviderSettings>),
    /// From a Watchman server.
    Watchman(Box<WatchmanProviderSettings>),
}

/// How much may be asked of a provider.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProviderLimits {
    /// How many calls a second the fleet makes in the long run; no limit if none.
    pub rate_per_second: Option<f64>,
    /// How many calls may be made at once after a quiet time. Means nothing without a rate.
    pub burst: u32,
    /// How many calls one process has under way at most.
    pub concurrency: u32,
    /// How many calls the fleet makes on a UTC day; no limit if none.
    pub calls_per_day: Option<u64>,
    /// How many calls the fleet makes in a UTC month; no limit if none.
    pub calls_per_month: Option<u64>,
    /// How often the fleet tries a provider that is down.
    pub probe_every: Duration,
}

/// A provider that matches against lists kept here.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LocalProviderSettings {
    /// The names of the lists; at least one.
    pub lists: Vec<String>,
    /// How freely names are compared.
    pub matching: MatchingPreset,
    /// The least score of a finding, 0 to 1, where the template has none; the preset's own when none is given.
    pub threshold: Option<f64>,
}

/// How freely names are compared, the narrowest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatchingPreset {
    /// The same words in any order; alphabet, accents, titles and legal forms aside.
    Exact,
    /// What leaves little doubt: no nicknames, initials, acronyms; strong aliases only.
    Strict,
    /// What an analyst would want to see.
    #[default]
    Standard,
    /// More than that: for a first look at a small stock of accounts.
    Tolerant,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServerSettings {
    /// Where it is, without the path of its API; without user and password.
    pub url: String,
    /// What the requests' headers hold.
    pub headers: BTreeMap<String, HeaderValue>,
    /// Statuses after which the call is tried again, besides the usual ones.
    pub retryable_statuses: Vec<u16>,
    /// Statuses that say that the quota is used up.
    pub quota_statuses: Vec<u16>,
    /// How long a call may take.
    pub timeout: Duration,
    /// How long the connection may take to stand.
    pub connect_timeout: Duration,
    /// How many bytes an answer may have.
    pub max_answer_bytes: usize,
}

/// A yente server.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct YenteProviderSettings {
    /// How it is reached.
    pub server: ServerSettings,
    /// The dataset to match against.
    pub dataset: String,
    /// What compares, in yente's words.
    pub algorithm: String,
    /// The least score of a finding, 0 to 1, where the template has none.
    pub threshold: f64,
    /// How many matches of a subject are read.
    pub matches: u32,
    /// How many subjects are asked about at once.
    pub batch: usize,
}

/// A Watchman server.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct WatchmanProviderSettings {
    /// How it is reached.
    pub server: ServerSettings,
    /// The least score of a finding, 0 to 1, where the template has none.
    pub threshold: f64,
    /// How many matches of a subject are read.
    pub matches: u32,
}

/// A provider behind an API: what to send, and where in the answer things are.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HttpProviderSettings {
    /// The method of the request.
    pub method: Method,
    /// How it is reached; the URL is whole.
    pub server: ServerSettings,
    /// Parameters to add to the URL, with placeholders.
    pub query: BTreeMap<String, String>,
    /// The JSON to send, with placeholders.
    pub body: Option<Value>,
    /// The provider's words for a person and for an organisation.
    pub kind_words: KindWords,
    /// Where in the answer things are.
    pub answer: AnswerSettings,
    /// The header that carries the idempotency key.
    pub idempotency_header: String,
}

/// The methods that providers are asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
}

/// As HTTP writes it.
impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        })
    }
}

/// What `{{kind}}` stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct KindWords {
    /// The provider's word for a person.
    pub person: String,
    /// The provider's word for an organisation.
    pub organisation: String,
}

/// What a header holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeaderValue {
    /// This text.
    Literal(String),
    /// The text in this file: a secret.
    File(SecretFile),
}

/// Where in an answer things are, as JSON pointers: into the whole answer, or into a hit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AnswerSettings {
    /// The array of hits, in the whole answer.
    pub hits: String,
    /// Whether null in that place means no hits.
    pub null_is_clear: bool,
    /// The entity's lasting id, in a hit.
    pub entity: String,
    /// The ids that the entity had before, in a hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former_ids: Option<String>,
    /// The list, in a hit.
    pub list: Option<String>,
    /// The entity's name, in a hit.
    pub name: Option<String>,
    /// The score, in a hit.
    pub score: Option<String>,
    /// What a score is divided by to lie between 0 and 1.
    pub score_scale: f64,
    /// The facts of which a change is news, in a hit.
    pub facts: Vec<String>,
    /// Whether the provider calls it a match, in a hit.
    pub matched: Option<String>,
    /// What there is only in an answer that is an error, in the whole answer.
    pub error: Option<String>,
}

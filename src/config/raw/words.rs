//! Words of which a setting takes one.

use serde::Deserialize;

/// Where a provider's answers come from.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum RawProviderKind {
    Local,
    Http,
    Yente,
    Watchman,
}

impl RawProviderKind {
    /// As the configuration writes it.
    pub(in crate::config) const fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Http => "http",
            Self::Yente => "yente",
            Self::Watchman => "watchman",
        }
    }
}

/// The words for what a field takes.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum RawFieldType {
    String,
    Integer,
    Number,
    Boolean,
    Date,
    Datetime,
    Choices,
    MultiChoices,
    Array,
    Hash,
    Json,
    File,
    EmailAddress,
    StringList,
    PersonName,
}

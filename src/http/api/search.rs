//! What is sent to search for objects.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// A search.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Search {
    /// `{and: […]}`, `{or: […]}`, `{not: …}` or `{attribute, operator, value}`; all objects when empty.
    pub(super) query: Option<Value>,
    sort: Option<Sort>,
    /// `{after, before, size}`, as in a query.
    #[serde(rename = "page")]
    _page: Option<SearchPage>,
}

impl Search {
    /// The attribute by which is sorted, and whether the least comes first.
    pub(super) fn sort(&self) -> Option<(&str, bool)> {
        self.sort.as_ref().map(|sort| (sort.attribute.as_str(), sort.direction == Direction::Asc))
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct SearchPage {
    #[serde(rename = "after")]
    _after: Option<String>,
    #[serde(rename = "before")]
    _before: Option<String>,
    #[serde(rename = "size")]
    _size: Option<u16>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sort {
    /// `created_at`; of accounts `updated_at`, too.
    attribute: String,
    #[serde(default)]
    direction: Direction,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Asc,
    #[default]
    Desc,
}

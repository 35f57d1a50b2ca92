//! Which accounts get which report, how often, and what a match does to them.
//!
//! A schedule's effects are its own: on a match it may set tags and a status, the status only from
//! those that it names; when none of its hits is open or confirmed any more it takes back what it set itself. It
//! never overrides a person.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    cadence::Cadence,
    id::{ReportTemplateId, Shard, stable},
    subject::SubjectKind,
};

/// What a report asks about its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportType {
    /// Sanctions and other watchlists, for a person.
    Watchlist,
    /// Politically exposed persons.
    PoliticallyExposedPerson,
    /// Adverse media.
    AdverseMedia,
    /// Sanctions and other watchlists, for an organisation.
    BusinessWatchlist,
}

impl ReportType {
    /// Every type.
    pub const ALL: [Self; 4] =
        [Self::Watchlist, Self::PoliticallyExposedPerson, Self::AdverseMedia, Self::BusinessWatchlist];

    /// The type of a word, with or without `report/` before it.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.strip_prefix("report/").unwrap_or(word);
        Self::ALL.into_iter().find(|report| report.word() == word)
    }

    /// Whom it asks about.
    pub const fn subject_kind(self) -> SubjectKind {
        match self {
            Self::Watchlist | Self::PoliticallyExposedPerson | Self::AdverseMedia => SubjectKind::Person,
            Self::BusinessWatchlist => SubjectKind::Organisation,
        }
    }

    /// Its word in the configuration, such as `watchlist`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Watchlist => "watchlist",
            Self::PoliticallyExposedPerson => "politically-exposed-person",
            Self::AdverseMedia => "adverse-media",
            Self::BusinessWatchlist => "business-watchlist",
        }
    }
}

/// As the API names it, such as `report/watchlist`.
impl fmt::Display for ReportType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "report/{}", self.word())
    }
}

/// A report that can be asked for: its type, and who answers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReportTemplate {
    /// Its name in the configuration.
    pub name: String,
    /// What it asks.
    pub report: ReportType,
    /// The name of the provider that answers it.
    pub provider: String,
    /// The least score of a finding, 0 to 1; the provider's own when none is given.
    pub threshold: Option<f64>,
    /// After how many days a report that the API asks for is made again; once only when none is given.
    #[serde(default)]
    pub recurrence_days: Option<u16>,
    /// After how many days a decision on a hit expires; never when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions_expire_days: Option<u16>,
    /// What happens to a report that the API asked for after a match.
    #[serde(default)]
    pub on_match: MatchMode,
}

impl ReportTemplate {
    /// How often a report may recur, in days.
    pub const RECURRENCE_DAYS: std::ops::RangeInclusive<u16> = 1..=365;

    /// Its id, which its name alone decides.
    pub fn id(&self) -> ReportTemplateId {
        Self::id_of(&self.name)
    }

    /// The id of the template of a name.
    pub fn id_of(name: &str) -> ReportTemplateId {
        ReportTemplateId(stable("report-template", name, Shard(0)))
    }

    /// The name of the schedule that its reports of the API go by; no schedule of the configuration can have it.
    pub fn schedule_name(&self) -> String {
        format!("reports/{}", self.name)
    }
}

/// Which accounts a schedule is for: those that every condition fits.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Selection {
    /// Accounts of any of these types; at least one.
    pub types: Vec<String>,
    /// Accounts of any of these statuses; all when empty.
    pub statuses: Vec<String>,
    /// Accounts with any of these tags; all when empty.
    pub tags_any: Vec<String>,
    /// Accounts with none of these tags.
    pub tags_none: Vec<String>,
    /// Accounts of which each of these fields (none of them personal) has any of its values.
    pub fields: BTreeMap<String, Vec<Value>>,
}

impl Selection {
    /// The selection in words.
    pub fn describe(&self) -> String {
        let mut words = vec![format!("accounts of type {}", any(&self.types))];
        let conditions = [
            (" with status ", &self.statuses),
            (", tagged ", &self.tags_any),
            (", not tagged ", &self.tags_none),
        ];
        for (condition, values) in conditions.into_iter().filter(|(_, values)| !values.is_empty()) {
            words.extend([condition.to_owned(), any(values)]);
        }
        for (key, values) in &self.fields {
            let values: Vec<String> = values.iter().map(plain).collect();
            words.push(format!(", with {key} {}", any(&values)));
        }
        words.concat()
    }
}

/// What happens to a monitor after a match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatchMode {
    /// It keeps running, and anything new raises an alert.
    #[default]
    Continue,
    /// It stops until a person has decided.
    Hold,
}

/// What a match does to its account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct MatchEffect {
    /// Tags that are set.
    pub tags: Vec<String>,
    /// The status that is set, from one of `status_from` only.
    pub status: Option<String>,
    /// The statuses from which the status may be changed.
    pub status_from: Vec<String>,
}

/// What a clear report, or the dismissal of all that one found, does to its account, besides taking back the tags that
/// the schedule set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClearEffect {
    /// The status that is set where the account still has the status that a match set.
    pub status: Option<String>,
}

/// How long a run may wait where its schedule has no objective: what the order of work, and a plan, go by.
pub const WITHOUT_OBJECTIVE: Duration = Duration::from_hours(24);

/// Which accounts get which report, how often.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Schedule {
    /// Its name in the configuration.
    pub name: String,
    /// The accounts that it is for.
    pub accounts: Selection,
    /// The name of its report template.
    pub template: String,
    /// How often the report repeats; none for reports that the API asks for, each of which has its own beginning.
    pub cadence: Option<Cadence>,
    /// How long after its time a run is recorded at most; none when nothing is promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<Duration>,
    /// How many monitors a second are first made due when the schedule, or many accounts, are new.
    pub backfill_per_second: f64,
    /// After how many days a decision on a hit expires; as the template says when none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions_expire_days: Option<u16>,
    /// What happens to a monitor after a match.
    pub on_match_mode: MatchMode,
    /// What a match does.
    pub on_match: MatchEffect,
    /// What a clear report does.
    pub on_clear: ClearEffect,
}

impl Schedule {
    /// The schedule of the reports that the API makes of a template: it selects no account.
    pub fn by_request(template: &ReportTemplate) -> Self {
        Self {
            name: template.schedule_name(),
            accounts: Selection::default(),
            template: template.name.clone(),
            cadence: None,
            objective: None,
            backfill_per_second: 1.0,
            decisions_expire_days: None,
            on_match_mode: template.on_match,
            on_match: MatchEffect::default(),
            on_clear: ClearEffect::default(),
        }
    }
}

/// `a`, `a or b`, `a, b or c`.
fn any(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// A value without the quotation marks of JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selection_reads_as_words() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let mut selection = Selection { types: words(&["individual"]), ..Selection::default() };
        assert_eq!(selection.describe(), "accounts of type individual");
        selection.types = words(&["individual", "business"]);
        selection.statuses = words(&["active", "under-review", "blocked"]);
        selection.tags_any = words(&["vip"]);
        selection.tags_none = words(&["test", "staff"]);
        selection.fields = BTreeMap::from([("risk".to_owned(), vec![json!("high"), json!(3)])]);
        assert_eq!(
            selection.describe(),
            "accounts of type individual or business with status active, under-review or blocked, \
             tagged vip, not tagged test or staff, with risk high or 3"
        );
    }

    #[test]
    fn a_report_type_appears_as_the_api_names_it() {
        assert_eq!(ReportType::Watchlist.to_string(), "report/watchlist");
        for report in ReportType::ALL {
            assert_eq!(serde_json::to_value(report).unwrap(), report.word());
            assert_eq!(ReportType::from_word(&report.to_string()), Some(report));
        }
    }
}

//! A report as the API shows it: Persona's attributes for its type, and ours beside them.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::{answer::Resource, errors::ApiError, events::time, hits, report_templates};
use crate::{
    actions::{hits::HitView, reports::ReportView},
    domain::{report::Query, schedule::ReportType},
};

/// A report.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "Persona's attributes, and ours beside them")]
pub(super) struct Attributes {
    /// `pending`, `ready` or `errored`.
    status: String,
    /// Why its last run has no answer, such as `unscreenable`: there is nobody to ask about, as of a redacted account.
    failure: Option<String>,
    created_at: String,
    /// When its last run was recorded.
    completed_at: Option<String>,
    redacted_at: Option<String>,
    report_template_version_name: String,
    /// Whether its last answer matched anybody, whatever was decided.
    has_match: bool,
    /// Whether it ran more than once.
    is_continuous: bool,
    /// Whether it is to run again by itself.
    is_recurring: bool,
    tags: Vec<String>,
    /// Whether somebody paused it.
    is_paused: bool,
    /// `active`, `held` by a match, `paused`, `ended` or `quarantined`.
    monitor_state: String,
    /// Why it is in that state.
    monitor_state_reason: Option<String>,
    /// When it runs next.
    next_run_at: Option<String>,
    /// The schedule that keeps it; `reports/` and the template's name for one that was asked for.
    schedule: String,
    /// Who asked for it; null when a schedule did.
    requested_by: Option<String>,
    /// Whom it asks about; null when that is its account as it stands.
    query: Option<Value>,
    /// What else Persona has for the type: `matched-lists`, `ignore-list`, `result`, `related-sources`, …
    #[serde(flatten)]
    by_type: Map<String, Value>,
}

/// The attributes that reports of one type or another have.
pub(in super::super) const BY_TYPE: [&str; 17] = [
    "term",
    "name-first",
    "name-middle",
    "name-last",
    "birthdate",
    "country-code",
    "address-country-code",
    "matched-lists",
    "sanction-list",
    "fitness-probity-list",
    "warning-list",
    "result",
    "related-sources",
    "ignore-list",
    "ignore-list-media",
    "ignore-list-entity",
    "run-history",
];

/// A report.
pub(in super::super) fn resource(view: &ReportView) -> Result<Resource, ApiError> {
    let attributes = Attributes {
        status: view.status.word().to_owned(),
        failure: view.failure.clone(),
        created_at: time(view.created_at),
        completed_at: view.completed_at.map(time),
        redacted_at: view.redacted_at.map(time),
        report_template_version_name: "v1".to_owned(),
        has_match: view.has_match,
        is_continuous: view.is_continuous,
        is_recurring: view.is_recurring,
        tags: view.tags.clone(),
        is_paused: view.is_paused,
        monitor_state: view.monitor.0.word().to_owned(),
        monitor_state_reason: view.monitor.1.clone(),
        next_run_at: view.next_run_at.map(time),
        schedule: view.schedule.clone(),
        requested_by: view.requested_by.clone(),
        query: view.query.as_ref().map(|query| Value::Object(asked(query, view.report))),
        by_type: by_type(view),
    };
    let template = view.template.as_ref().map(report_templates::reference);
    let (kind, template) = template.map_or_else(
        || (format!("report-template/{}", view.report.word()), None),
        |(kind, id)| (kind, Some(id)),
    );
    let none = None::<String>;
    Ok(Resource::new(view.report.to_string(), view.id, &attributes)?
        .to_one("account", "account", Some(view.account))
        .to_one("inquiry", "inquiry", none.clone())
        .to_one("transaction", "transaction", none)
        .to_one("report-template", &kind, template))
}

/// The question in Persona's words for the type.
fn asked(query: &Query, report: ReportType) -> Map<String, Value> {
    let text = |text: &Option<crate::domain::personal::Personal<String>>| {
        text.as_ref().map_or(Value::Null, |text| json!(text.reveal()))
    };
    let birthdate = query.birthdate.as_ref().map_or(Value::Null, |date| json!(date.reveal().to_string()));
    let mut asked = Map::new();
    asked.insert("term".to_owned(), text(&query.term));
    let country = match report {
        ReportType::Watchlist | ReportType::BusinessWatchlist => "address-country-code",
        ReportType::PoliticallyExposedPerson | ReportType::AdverseMedia => "country-code",
    };
    asked.insert(country.to_owned(), text(&query.country_code));
    if report != ReportType::BusinessWatchlist {
        asked.insert("name-first".to_owned(), text(&query.name_first));
        asked.insert("name-middle".to_owned(), text(&query.name_middle));
        asked.insert("name-last".to_owned(), text(&query.name_last));
        asked.insert("birthdate".to_owned(), birthdate);
    }
    asked
}

fn by_type(view: &ReportView) -> Map<String, Value> {
    let empty = Query::default();
    let mut shown = Map::new();
    let ignored: Vec<Value> =
        view.hits.iter().filter(|hit| hit.state == "dismissed").map(|hit| ignored(view, hit)).collect();
    match view.report {
        ReportType::Watchlist => {
            // Persona echoes the question beside what was matched.
            let mut echo = asked(view.query.as_ref().unwrap_or(&empty), view.report);
            if let Some(code) = echo.remove("address-country-code") {
                echo.insert("country-code".to_owned(), code);
            }
            shown.extend(echo);
            shown.insert("matched-lists".to_owned(), matched_lists(&view.hits).into());
            shown.insert("ignore-list".to_owned(), ignored.into());
        }
        ReportType::BusinessWatchlist => {
            shown.extend(asked(view.query.as_ref().unwrap_or(&empty), view.report));
            let slugs = lists(&view.hits);
            shown.insert("matched-lists".to_owned(), json!(slugs));
            shown.insert("sanction-list".to_owned(), matched_lists(&view.hits).into());
            shown.insert("fitness-probity-list".to_owned(), json!([]));
            shown.insert("warning-list".to_owned(), json!([]));
            shown.insert("ignore-list".to_owned(), ignored.into());
        }
        ReportType::PoliticallyExposedPerson => {
            let result: Vec<Value> = view.hits.iter().map(entity).collect();
            shown.insert("result".to_owned(), result.into());
            shown.insert("ignore-list".to_owned(), ignored.into());
        }
        ReportType::AdverseMedia => {
            shown.extend(asked(view.query.as_ref().unwrap_or(&empty), view.report));
            let sources: Vec<Value> = view.hits.iter().map(entity).collect();
            shown.insert("related-sources".to_owned(), sources.into());
            shown.insert("ignore-list-media".to_owned(), json!({}));
            shown.insert("ignore-list-entity".to_owned(), ignored.into());
        }
    }
    shown
}

/// The lists that were matched, each once.
fn lists(hits: &[HitView]) -> Vec<&str> {
    let mut lists: Vec<&str> = hits.iter().map(|hit| hit.list.as_str()).collect();
    lists.sort_unstable();
    lists.dedup();
    lists
}

fn matched_lists(hits: &[HitView]) -> Vec<Value> {
    let of = |list: &str| -> Vec<Value> { hits.iter().filter(|hit| hit.list == list).map(entity).collect() };
    lists(hits).into_iter().map(|list| matched_list(list, &of(list))).collect()
}

fn matched_list(list: &str, entities: &[Value]) -> Value {
    json!({
        "name": list,
        "slug": list,
        "url": null,
        "flag-code": null,
        "list-type": "sanction",
        "list-types": ["sanction"],
        "entities": entities,
    })
}

/// What was matched.
fn entity(hit: &HitView) -> Value {
    let facts = hit.finding.as_ref().map_or(&Value::Null, |finding| &finding.facts);
    let texts = |key: &str| -> Vec<&str> {
        facts.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let name = hit.finding.as_ref().map(|finding| finding.name.as_str());
    let akas: Vec<&str> = texts("names").into_iter().filter(|other| Some(*other) != name).collect();
    json!({
        "entity-id": hit.entity,
        "hit-id": hit.id,
        "name": name,
        "alias-type": "primary_name",
        "akas": akas,
        "birthdates": texts("birth-dates").into_iter().map(birthdate).collect::<Vec<_>>(),
        "locations": texts("countries"),
        "topics": texts("programs"),
        "score": hits::score(hit.score),
        "state": hit.state,
        "match-types": hit.finding.as_ref().map(|finding| {
            let compared = finding.reasons.iter().filter(|reason| reason.is_of_a_comparison());
            let mut kinds: Vec<&str> = compared.map(|reason| reason.fact.as_str()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            kinds
        }),
    })
}

/// `1970-05` is `{"year": 1970, "month": 5, "day": null, "granularity": "month"}`.
fn birthdate(text: &str) -> Value {
    let parts: Vec<Option<u32>> = text.split('-').map(|part| part.parse().ok()).collect();
    let part = |index: usize| parts.get(index).copied().flatten();
    let granularity = match parts.len() {
        1 => "year",
        2 => "month",
        _ => "day",
    };
    json!({ "year": part(0), "month": part(1), "day": part(2), "granularity": granularity })
}

fn ignored(view: &ReportView, hit: &HitView) -> Value {
    json!({
        "ignored-at": hit.decided_at.map(time),
        "run-history-completed-at": view.completed_at.map(time),
        "match": matched_list(&hit.list, &[entity(hit)]),
        "user": hit.decided_by,
        "ignore-reason": hit.reason,
        "is-internal": true,
    })
}

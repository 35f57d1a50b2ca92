//! What happened to a report.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    operation::Operation,
};
use crate::{
    actions::reports::{self, HistoryItem, HistoryKind},
    domain::{
        id::{MonitorId, ReportActionId, RunId},
        monitor::Trigger,
    },
};

/// The most runs that old versions are shown with a report.
const OLD: i64 = 100;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/reports/{report-id}/history", "report.read", "Lists what happened to a report")
            .about(
                "Runs, and what people did, the newest first. Clear runs of long ago are told of month by month \
                 (`run-month`). Pages lead backwards in time only.",
            )
            .lists::<Attributes>("run/*")
            .handled_by(list),
    ]
}

/// A run, an action, or a month of clear runs: the type says which.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Attributes {
    /// Of a run: `manual` when somebody asked for it, else `scheduled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_type: Option<&'static str>,
    /// Of a run: why it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<String>,
    /// Of a run: when it was to be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_date: Option<String>,
    /// Of a run: when it was recorded. Of a month: the last of its runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
    /// Of a run: how many entities matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<i32>,
    /// Of a run: `clear`, `match` or `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    /// Of a run: why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// Of a run: provider, engine, lists with their versions, threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Value>,
    /// Of an action: when.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    /// Of an action: who.
    #[serde(skip_serializing_if = "Option::is_none")]
    creator_name: Option<String>,
    /// Of an action: the entities that were decided on.
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_ids: Option<Vec<String>>,
    /// Of a month: which, such as `2025-03`.
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<String>,
    /// Of a month: how many clear runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<i32>,
    /// Of a month: when the first of them was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_completed_at: Option<String>,
}

const NOTHING: Attributes = Attributes {
    run_type: None,
    trigger: None,
    scheduled_date: None,
    completed_at: None,
    matches: None,
    outcome: None,
    failure: None,
    evidence: None,
    created_at: None,
    creator_name: None,
    entity_ids: None,
    month: None,
    runs: None,
    first_completed_at: None,
};

fn run_type(trigger: &str) -> &'static str {
    if trigger == Trigger::RunNow.word() { "manual" } else { "scheduled" }
}

fn resource(item: &HistoryItem) -> Result<Resource, ApiError> {
    let (kind, id, attributes) = match &item.kind {
        HistoryKind::Run { trigger, due_at, outcome, findings, failure, basis, .. } => (
            "run",
            RunId(item.id).to_string(),
            Attributes {
                run_type: Some(run_type(trigger)),
                trigger: Some(trigger.clone()),
                scheduled_date: Some(time(*due_at)),
                completed_at: Some(time(item.at)),
                matches: Some(*findings),
                outcome: Some(outcome.clone()),
                failure: failure.clone(),
                evidence: Some(basis.clone()),
                ..NOTHING
            },
        ),
        HistoryKind::Month { month, runs, first_at } => (
            "run-month",
            RunId(item.id).to_string(),
            Attributes {
                completed_at: Some(time(item.at)),
                matches: Some(0),
                month: Some(month.clone()),
                runs: Some(*runs),
                first_completed_at: Some(time(*first_at)),
                ..NOTHING
            },
        ),
        HistoryKind::Action { kind, actor, entities } => (
            kind.word(),
            ReportActionId(item.id).to_string(),
            Attributes {
                created_at: Some(time(item.at)),
                creator_name: Some(actor.clone()),
                entity_ids: (!entities.is_empty()).then(|| entities.clone()),
                ..NOTHING
            },
        ),
    };
    Resource::new(kind, id, &attributes)
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let id: MonitorId = call.id("report-id")?;
    let page = call.page()?;
    if page.is_before() {
        let details = "a history leads backwards in time only: page[after]";
        return Err(ApiError::bad_request("page[before]", details));
    }
    let (after, _) = page.read(item_id)?;
    let size = usize::from(page.size);
    let mut items = reports::history(&call.context, id, after, i64::from(page.size) + 1).await?;
    let more = items.len() > size;
    items.truncate(size);
    let resources = items.iter().map(resource).collect::<Result<Vec<_>, _>>()?;
    let next = resources.last().filter(|_| more).map(|last| call.link("page[after]", &last.id));
    Ok(Answer::page_with(resources, None, next))
}

fn item_id(text: &str) -> Option<Uuid> {
    let run = text.parse::<RunId>().ok().map(|id| id.0);
    run.or_else(|| text.parse::<ReportActionId>().ok().map(|id| id.0))
}

/// The runs of a report in the form that versions before 2025-12-08 have with it.
pub(super) async fn of_old(call: &Call, id: MonitorId) -> Result<Value, ApiError> {
    let items = reports::history(&call.context, id, None, OLD).await?;
    let runs = items.iter().filter_map(|item| match &item.kind {
        HistoryKind::Run { trigger, due_at, findings, .. } => Some(json!({
            "id": RunId(item.id),
            "run-type": run_type(trigger),
            "scheduled-date": time(*due_at),
            "completed-at": time(item.at),
            "matches": findings,
        })),
        HistoryKind::Month { .. } | HistoryKind::Action { .. } => None,
    });
    Ok(runs.collect())
}

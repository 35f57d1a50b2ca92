//! Reports: asked for, read, paused, decided on, redacted. Those that schedules keep are reports too.

mod history;
mod print;
mod request;
pub(super) mod shown;
mod tags;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use self::shown::{Attributes, resource};
use super::{
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    includes,
    operation::{Document, Operation},
    report_templates,
};
use crate::{
    actions::{
        decide::Decision,
        reports::{self, Listed, PageOf, ReportView},
    },
    domain::{
        id::{AccountId, MonitorId, ReportTemplateId},
        personal::Personal,
        schedule::ReportType,
    },
};

pub(super) fn operations() -> Vec<Operation> {
    let one = |operation: Operation| operation.answers::<Attributes>(200, "report/*");
    let mut all = vec![
        Operation::get("/reports", "report.read", "Lists reports, the newest first")
            .about("Reports that schedules keep are among them.")
            .query("filter[reference-id]", "reference ids of accounts, with commas between")
            .query("filter[account-id]", "ids of accounts, with commas between")
            .query("filter[type]", "what they ask, such as `report/watchlist`")
            .query("filter[report-template-id]", "the id of their template")
            .query("include", "`account`, `report-template`")
            .lists::<Attributes>("report/*")
            .handled_by(list),
        one(Operation::get("/reports/{report-id}", "report.read", "Retrieves a report"))
            .query("include", "`account`, `report-template`")
            .handled_by(retrieve),
        one(Operation::post("/reports/{report-id}/pause", "report.write", "Pauses a report until it is resumed"))
            .handled_by(pause),
        one(Operation::post("/reports/{report-id}/resume", "report.write", "Resumes a paused report"))
            .handled_by(resume),
        one(Operation::post("/reports/{report-id}/run", "report.write", "Runs a report now, outside its rhythm"))
            .about("One that was made once is made again.")
            .handled_by(run),
        one(Operation::post(
            "/reports/{report-id}/dismiss",
            "report.dismiss",
            "Finds that matches of a report are somebody else",
        ))
        .about(
            "With `entity-id` that entity, otherwise all matches that nobody has decided on. The decision holds for \
             all reports of the account, until the entity's facts change.",
        )
        .body::<Document<Decide>>()
        .handled_by(dismiss),
        one(Operation::post(
            "/reports/{report-id}/confirm",
            "report.dismiss",
            "Finds that matches of a report are the account",
        ))
        .body::<Document<Decide>>()
        .handled_by(confirm),
        one(Operation::delete(
            "/reports/{report-id}",
            "report.redact",
            "Redacts a report: what it holds about its account is destroyed",
        ))
        .about("It never runs again. Its account, and the account's other reports, stay as they are.")
        .handled_by(redact),
    ];
    all.extend(request::operations());
    all.extend(history::operations());
    all.extend(print::operations());
    all.extend(tags::operations());
    all
}

/// A decision.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Decide {
    /// Why.
    #[schemars(length(min = 1, max = 10000))]
    reason: Option<String>,
    /// `entity`; `media` decides on the entity whose media it is.
    dismiss_type: Option<DismissType>,
    /// Which entity; all that nobody has decided on when not given.
    entity_id: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum DismissType {
    Entity,
    Media,
}

/// A reason that must be there.
pub(super) fn reason(reason: Option<String>) -> Result<Personal<String>, ApiError> {
    let pointer = "/data/attributes/reason";
    let reason = reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    let reason =
        reason.ok_or_else(|| ApiError::bad_request(pointer, "`data.attributes.reason` must be filled"))?;
    if reason.chars().count() > 10_000 || reason.contains('\0') {
        return Err(ApiError::unprocessable(pointer, "accepted is a text of at most 10000 characters"));
    }
    Ok(Personal::new(reason))
}

async fn decide(call: &Call, decision: Decision) -> Result<Answer, ApiError> {
    let id = call.id("report-id")?;
    let sent = call.body::<Document<Decide>>()?.data.attributes;
    let reason = reason(sent.reason)?;
    let entity = sent.entity_id.as_deref();
    reports::decide(&call.context, &call.actor(), id, entity, decision, &reason).await?;
    show(call, id).await
}

async fn dismiss(call: Call) -> Result<Answer, ApiError> {
    decide(&call, Decision::Dismissed).await
}

async fn confirm(call: Call) -> Result<Answer, ApiError> {
    decide(&call, Decision::Confirmed).await
}

async fn pause(call: Call) -> Result<Answer, ApiError> {
    let id = call.id("report-id")?;
    reports::pause(&call.context, &call.actor(), id).await?;
    show(&call, id).await
}

async fn resume(call: Call) -> Result<Answer, ApiError> {
    let id = call.id("report-id")?;
    reports::resume(&call.context, &call.actor(), id).await?;
    show(&call, id).await
}

async fn run(call: Call) -> Result<Answer, ApiError> {
    let id = call.id("report-id")?;
    reports::run(&call.context, &call.actor(), id).await?;
    show(&call, id).await
}

async fn redact(call: Call) -> Result<Answer, ApiError> {
    let id = call.id("report-id")?;
    reports::redact(&call.context, &call.actor(), id).await?;
    show(&call, id).await
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    let id = call.id("report-id")?;
    show(&call, id).await
}

async fn show(call: &Call, id: MonitorId) -> Result<Answer, ApiError> {
    let view = reports::get(&call.context, id).await?;
    answer(call, StatusCode::OK, &view).await
}

/// One report.
async fn answer(call: &Call, status: StatusCode, view: &ReportView) -> Result<Answer, ApiError> {
    let report = with_history(call, view).await?;
    included(call, Answer::one(status, report), std::slice::from_ref(view)).await
}

/// A report; for old versions with its history.
async fn with_history(call: &Call, view: &ReportView) -> Result<Resource, ApiError> {
    let mut report = resource(view)?;
    if call.version().has_run_history() {
        report.attributes.insert("run-history".to_owned(), history::of_old(call, view.id).await?);
    }
    Ok(report)
}

async fn included(call: &Call, answer: Answer, views: &[ReportView]) -> Result<Answer, ApiError> {
    // No report has an inquiry or a transaction: the relations are there, and lead nowhere.
    let known = ["account", "report-template", "inquiry", "transaction"];
    let names = call.includes(&known, &["report-template"])?;
    let mut included = Vec::new();
    if names.contains(&"report-template") {
        let templates = reports::templates(&call.context).await?;
        let used = templates.iter().filter(|of| {
            views.iter().any(|view| view.template.as_ref().is_some_and(|template| template.id() == of.id))
        });
        included.extend(used.map(report_templates::resource).collect::<Result<Vec<_>, _>>()?);
    }
    if names.contains(&"account") {
        included.extend(includes::accounts(call, views.iter().map(|view| view.account)).await?);
    }
    Ok(if names.is_empty() { answer } else { answer.include(included) })
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let page = call.page()?;
    let (after, before) = page.ids::<MonitorId>()?;
    let report = match call.filter("type")? {
        None => None,
        Some(word) => Some(ReportType::from_word(word).ok_or_else(|| {
            let known: Vec<String> = ReportType::ALL.iter().map(ToString::to_string).collect();
            ApiError::bad_request("filter[type]", format!("accepted is one of: {}", known.join(", ")))
        })?),
    };
    let template =
        match call.filter_of::<ReportTemplateId>("report-template-id", "the id of a report template")? {
            None => None,
            Some(id) => {
                let known = reports::templates(&call.context).await?;
                // A template that is not there has no reports.
                Some(
                    known
                        .into_iter()
                        .find(|view| view.id == id)
                        .map_or_else(String::new, |view| view.template.name),
                )
            }
        };
    let listed = Listed { accounts: accounts_asked_for(&call).await?, template, report };
    let size = usize::from(page.size);
    let wanted = PageOf {
        after: after.map(|id| id.0),
        before: before.map(|id| id.0),
        limit: i64::from(page.size) + 1,
    };
    let mut views = reports::list(&call.context, &listed, wanted).await?;
    let more = views.len() > size;
    if more {
        if before.is_some() { drop(views.remove(0)) } else { views.truncate(size) }
    }
    let mut resources = Vec::with_capacity(views.len());
    for view in &views {
        resources.push(with_history(&call, view).await?);
    }
    let answer = Answer::page(&call, resources, more)?;
    included(&call, answer, &views).await
}

/// The accounts whose reports are asked for.
async fn accounts_asked_for(call: &Call) -> Result<Option<Vec<AccountId>>, ApiError> {
    let (ids, references) = (call.filters("account-id"), call.filters("reference-id"));
    if ids.is_empty() && references.is_empty() {
        return Ok(None);
    }
    if ids.len() + references.len() > 100 {
        return Err(ApiError::bad_request("filter", "accepted are at most 100 accounts"));
    }
    let mut accounts = ids
        .iter()
        .map(|id| id.parse::<AccountId>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| ApiError::bad_request("filter[account-id]", format!("`account-id` {error}")))?;
    if !references.is_empty() {
        let of = reports::accounts_of_references(&call.context, &references).await?;
        if ids.is_empty() {
            accounts = of;
        } else {
            accounts.retain(|account| of.contains(account));
        }
    }
    Ok(Some(accounts))
}

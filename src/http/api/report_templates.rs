//! Report templates, as the configuration has them.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    operation::Operation,
};
use crate::{
    actions::reports::{self, TemplateView},
    domain::{
        id::ReportTemplateId,
        schedule::{MatchMode, ReportTemplate},
    },
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/report-templates", "report.read", "Lists report templates, by name")
            .lists::<Attributes>("report-template/*")
            .handled_by(list),
        Operation::get(
            "/report-templates/{report-template-id}",
            "report.read",
            "Retrieves a report template",
        )
        .about(
            "Templates are part of the configuration. A template keeps its id as long as it keeps its name.",
        )
        .answers::<Attributes>(200, "report-template/*")
        .handled_by(retrieve),
    ]
}

/// A report template.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Attributes {
    /// Its name in the configuration.
    name: String,
    /// What its reports ask, such as `report/watchlist`.
    report_type: String,
    /// Who answers them.
    provider: String,
    /// The least score of a match; null when the provider has its own.
    threshold: Option<f64>,
    /// After how many days a report is made again; null when it is made once.
    recurrence_interval_days: Option<u16>,
    /// Whether a report goes on recurring after a match: `continue` or `hold`.
    on_match: String,
    created_at: String,
    updated_at: String,
}

/// The type and id by which reports refer to a template.
pub(super) fn reference(template: &ReportTemplate) -> (String, ReportTemplateId) {
    (format!("report-template/{}", template.report.word()), template.id())
}

/// A template.
pub(super) fn resource(view: &TemplateView) -> Result<Resource, ApiError> {
    let template = &view.template;
    let attributes = Attributes {
        name: template.name.clone(),
        report_type: template.report.to_string(),
        provider: template.provider.clone(),
        threshold: template.threshold,
        recurrence_interval_days: template.recurrence_days,
        on_match: match template.on_match {
            MatchMode::Continue => "continue",
            MatchMode::Hold => "hold",
        }
        .to_owned(),
        created_at: time(view.created_at),
        updated_at: time(view.updated_at),
    };
    let (kind, id) = reference(template);
    Resource::new(kind, id, &attributes)
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let page = call.page()?;
    let (after, before) = page.ids::<ReportTemplateId>()?;
    // There are a few.
    let all = reports::templates(&call.context).await?;
    let place = |id: ReportTemplateId| all.iter().position(|view| view.id == id);
    let size = usize::from(page.size);
    let (from, to) = match (after, before) {
        (Some(after), _) => {
            let from = place(after).map_or(all.len(), |place| place + 1);
            (from, (from + size).min(all.len()))
        }
        (None, Some(before)) => {
            let to = place(before).unwrap_or(0);
            (to.saturating_sub(size), to)
        }
        (None, None) => (0, size.min(all.len())),
    };
    let more = if before.is_some() { from > 0 } else { to < all.len() };
    let shown = all.get(from..to).unwrap_or_default().iter().map(resource).collect::<Result<_, _>>()?;
    Answer::page(&call, shown, more)
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    let id: ReportTemplateId = call.id("report-template-id")?;
    let all = reports::templates(&call.context).await?;
    let view = all.iter().find(|view| view.id == id).ok_or_else(ApiError::not_found)?;
    Ok(Answer::one(StatusCode::OK, resource(view)?))
}

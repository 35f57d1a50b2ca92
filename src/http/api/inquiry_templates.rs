//! Inquiry templates: what the configuration says, and what each account type has without it.

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
use crate::actions::inquiries::{self, Shown};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/inquiry-templates", "inquiry.read", "Lists inquiry templates, by name")
            .about("Those of the configuration, and one of its own name for every account type. All of them, in one page.")
            .lists::<Attributes>("inquiry-template")
            .handled_by(list),
        Operation::get(
            "/inquiry-templates/{inquiry-template-id}",
            "inquiry.read",
            "Retrieves an inquiry template",
        )
        .answers::<Attributes>(200, "inquiry-template")
        .handled_by(retrieve),
    ]
}

/// An inquiry template.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Attributes {
    /// Its name.
    name: String,
    /// `active`, or `archived` when the configuration no longer has it.
    status: &'static str,
    /// The type of its accounts.
    account_type_name: String,
    /// What it collects.
    collected_fields: Vec<String>,
    /// What every completed inquiry writes into the account.
    updated_fields: Vec<String>,
    /// How what was collected is compared with the account.
    comparisons: Vec<Comparison>,
    /// Whether it is also compared with the last inquiry that was completed.
    compare_with_last: bool,
    /// Seconds after which an inquiry expires that nobody has begun.
    expiration_after_create_interval_seconds: Option<u32>,
    /// Seconds after which an inquiry expires that was begun.
    expiration_after_start_interval_seconds: Option<u32>,
    /// Seconds after which an inquiry expires that was resumed.
    expiration_after_resume_interval_seconds: Option<u32>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

/// How one field is compared.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Comparison {
    /// The field.
    field: String,
    /// `required` or `not_required`.
    requirement: &'static str,
    /// The ways; any that agrees will do.
    any: Vec<Way>,
}

/// One way of comparing.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Way {
    /// How.
    method: &'static str,
    /// How much must agree: `full` or `partial`.
    match_requirement: &'static str,
    /// The field of the account, when it has another key.
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<String>,
}

pub(super) fn resource(shown: &Shown) -> Result<Resource, ApiError> {
    let template = &shown.template;
    let comparisons = template.compare.iter().map(|rule| Comparison {
        field: rule.field.clone(),
        requirement: rule.requirement.word(),
        any: rule
            .any
            .iter()
            .map(|way| Way {
                method: way.method.word(),
                match_requirement: way.level.word(),
                with: way.with.clone(),
            })
            .collect(),
    });
    let attributes = Attributes {
        name: template.name.clone(),
        status: if shown.is_removed { "archived" } else { "active" },
        account_type_name: template.account_type.clone(),
        collected_fields: template.fields.clone(),
        updated_fields: template.updates.clone(),
        comparisons: comparisons.collect(),
        compare_with_last: template.compare_with_last,
        expiration_after_create_interval_seconds: template.expiration.after_create,
        expiration_after_start_interval_seconds: template.expiration.after_start,
        expiration_after_resume_interval_seconds: template.expiration.after_resume,
        created_at: shown.created_at.map(time),
        updated_at: shown.updated_at.map(time),
    };
    let resource = Resource::new("inquiry-template", template.id(), &attributes)?;
    Ok(resource.to_one("account-type", "account-type", Some(shown.type_id)))
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let shown = inquiries::list_templates(&call.context).await?;
    let resources: Vec<Resource> = shown.iter().map(resource).collect::<Result<_, _>>()?;
    Answer::whole(&call, resources)
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    let id = call.id("inquiry-template-id")?;
    let found = inquiries::find_template(&call.context, id).await?.ok_or_else(ApiError::not_found)?;
    Ok(Answer::one(StatusCode::OK, resource(&found)?))
}

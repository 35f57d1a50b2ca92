//! Account actions: their definitions and their runs.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    account_acts,
    account_bodies::Attributes as Account,
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    operation::{Document, Operation},
};
use crate::{
    actions::account_actions::{self, OpenRun},
    domain::{
        account_action::{AccountAction, Step},
        id::{AccountActionId, AccountId},
    },
    store::account_actions::ActionRow,
};

pub(super) fn operations() -> Vec<Operation> {
    let about = "`steps` are done in order, all of them or none: {\"run-report\": TEMPLATE}, {\"update-fields\": \
                 {\"fields\": {…}}}, {\"set-status\": STATUS}, {\"add-tag\": TAG}, {\"remove-tag\": TAG}, \
                 {\"add-to-list\": {\"list\": NAME, …}} and \"redact\". A text \"{{KEY}}\" stands for a parameter of \
                 the call, \"{{fields.KEY}}\" or \"{{fields.KEY.PART}}\" for what the account has. Templates and lists \
                 that a step names must be there already. Who defines an action needs the permission that each of its steps takes.";
    vec![
        Operation::get("/account-actions", "account-action.read", "Lists the account actions in use, the newest first")
            .about("Types have few: one page has them all.")
            .query("filter[account-type-id]", "the id of an account type")
            .lists::<Attributes>("account-action")
            .handled_by(list),
        Operation::post("/account-actions", "account-action.write", "Creates an account action")
            .about(about)
            .body::<Document<Change>>()
            .answers::<Attributes>(201, "account-action")
            .handled_by(create),
        Operation::get(
            "/account-actions/{account-action-id}",
            "account-action.read",
            "Retrieves an account action",
        )
        .answers::<Attributes>(200, "account-action")
        .handled_by(retrieve),
        Operation::patch(
            "/account-actions/{account-action-id}",
            "account-action.write",
            "Changes an account action's name or steps",
        )
        .about(about)
        .body::<Document<Change>>()
        .answers::<Attributes>(200, "account-action")
        .handled_by(change),
        Operation::delete(
            "/account-actions/{account-action-id}",
            "account-action.write",
            "Archives an account action",
        )
        .about("It can be retrieved, and run no more.")
        .answers::<Attributes>(200, "account-action")
        .handled_by(archive),
        Operation::post("/accounts/{account-id}/run-action", "account.run-action", "Runs an action on an account")
            .about(
                "What its steps change and the reports that they ask for are there together, or nothing is. What came \
                 of it is told by `/action-runs/{action-run-id}`, of which `meta.workflow-run-id` is the id.",
            )
            .body::<Run>()
            .answers::<Account>(200, "account")
            .handled_by(run),
        Operation::get("/action-runs/{action-run-id}", "account.read", "Retrieves a run of an account action")
            .answers::<RunAttributes>(200, "action-run")
            .handled_by(retrieve_run),
    ]
}

/// What an action is to be; what is not given stays as it is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Change {
    /// The type whose accounts it is for; cannot be changed.
    account_type_id: Option<String>,
    /// Its name, unique within the type.
    name: Option<String>,
    /// What it does.
    #[schemars(with = "Option<Vec<Value>>")]
    steps: Option<Vec<Step>>,
}

/// An account action.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Attributes {
    /// Its name.
    name: String,
    /// What it does.
    steps: Value,
    /// The keys of its parameters.
    parameter_keys: Vec<String>,
    /// Whether the configuration says it: then only the configuration changes it.
    is_configured: bool,
    /// When it was made.
    created_at: String,
    /// When it last changed.
    updated_at: String,
    /// Since when it can be run no more.
    archived_at: Option<String>,
}

/// Asks for a run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Run {
    data: RunData,
}

/// Which action, with what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RunData {
    /// The action.
    account_action_id: String,
    /// What its steps name.
    #[serde(default)]
    parameters: Map<String, Value>,
}

/// A run of an action.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct RunAttributes {
    /// `completed`: a run whose steps cannot all be done is refused, and changes nothing.
    status: &'static str,
    /// The name of the action.
    account_action_name: String,
    /// What each step did.
    outcome: Value,
    /// What was handed in; null when the account was redacted since.
    parameters: Option<Map<String, Value>>,
    /// Who ran it.
    creator_name: String,
    /// When.
    created_at: String,
}

fn resource(row: &ActionRow) -> Result<Resource, ApiError> {
    let attributes = Attributes {
        name: row.definition.name.clone(),
        steps: json!(row.definition.steps),
        parameter_keys: row.definition.parameters().into_iter().collect(),
        is_configured: row.is_configured,
        created_at: time(row.created_at),
        updated_at: time(row.updated_at),
        archived_at: row.archived_at.map(time),
    };
    let resource = Resource::new("account-action", row.id, &attributes)?;
    Ok(resource.to_one("account-type", "account-type", Some(row.account_type)))
}

fn run_resource(run: OpenRun) -> Result<Resource, ApiError> {
    let attributes = RunAttributes {
        status: "completed",
        account_action_name: run.action_name,
        outcome: run.outcome,
        parameters: run.parameters,
        creator_name: run.actor,
        created_at: time(run.created_at),
    };
    let resource = Resource::new("action-run", run.id, &attributes)?;
    Ok(resource.to_one("account", "account", Some(run.account)).to_one(
        "account-action",
        "account-action",
        Some(run.action),
    ))
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let account_type = call.filter_of("account-type-id", "the id of an account type")?;
    let found = account_actions::list(&call.context, account_type).await?;
    Answer::whole(&call, found.iter().map(resource).collect::<Result<_, _>>()?)
}

/// Who may not do a step must not have others do it, nor have it copy what the key must not see.
fn may_define(call: &Call, steps: &[Step]) -> Result<(), ApiError> {
    for (place, step) in steps.iter().enumerate() {
        let (word, permission) = (step.word(), step.permission());
        let pointer = format!("/data/attributes/steps/{place}/{word}");
        if !call.caller.key.may(permission) {
            let details = format!(
                "who has the step {word} done needs the permission {permission}, which the key lacks"
            );
            return Err(ApiError::forbidden(&pointer, details));
        }
        for path in step.fields_read() {
            call.blocklist.must_not_hide(&format!("fields.{path}"), &pointer)?;
        }
    }
    Ok(())
}

/// Refuses a step of no key or of several, which is no step for the reader of bodies, either.
fn one_key_each(call: &Call) -> Result<(), ApiError> {
    let steps = call.body.pointer("/data/attributes/steps").and_then(Value::as_array);
    for (place, step) in steps.into_iter().flatten().enumerate() {
        if step.as_object().is_some_and(|step| step.len() != 1) {
            let pointer = format!("/data/attributes/steps/{place}");
            let known = Step::WORDS.join(", ");
            let details = format!("a step has exactly one key; accepted are {known}");
            return Err(ApiError::bad_request(&pointer, details));
        }
    }
    Ok(())
}

async fn create(call: Call) -> Result<Answer, ApiError> {
    const POINTER: &str = "/data/attributes/account-type-id";
    one_key_each(&call)?;
    let body: Document<Change> = call.body()?;
    let new = body.data.attributes;
    let account_type = new.account_type_id.ok_or_else(|| ApiError::bad_request(POINTER, "is required"))?;
    let account_type =
        account_type.parse().map_err(|error| ApiError::unprocessable(POINTER, format!("{error}")))?;
    let action = AccountAction { name: new.name.unwrap_or_default(), steps: new.steps.unwrap_or_default() };
    may_define(&call, &action.steps)?;
    let made = account_actions::create(&call.context, &call.actor(), account_type, &action).await?;
    Ok(Answer::one(StatusCode::CREATED, resource(&made)?))
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    let found = account_actions::find(&call.context, call.id("account-action-id")?).await?;
    Ok(Answer::one(StatusCode::OK, resource(&found)?))
}

async fn change(call: Call) -> Result<Answer, ApiError> {
    let id = call.id("account-action-id")?;
    one_key_each(&call)?;
    let body: Document<Change> = call.body()?;
    let change = body.data.attributes;
    if change.account_type_id.is_some() {
        return Err(ApiError::unprocessable("/data/attributes/account-type-id", "cannot be changed"));
    }
    let steps = match &change.steps {
        Some(steps) => steps.clone(),
        // Under another name it would do the same.
        None => account_actions::find(&call.context, id).await?.definition.steps,
    };
    may_define(&call, &steps)?;
    let changed =
        account_actions::change(&call.context, &call.actor(), id, change.name, change.steps).await?;
    Ok(Answer::one(StatusCode::OK, resource(&changed)?))
}

async fn archive(call: Call) -> Result<Answer, ApiError> {
    let id = call.id("account-action-id")?;
    let archived = account_actions::archive(&call.context, &call.actor(), id).await?;
    Ok(Answer::one(StatusCode::OK, resource(&archived)?))
}

async fn run(call: Call) -> Result<Answer, ApiError> {
    const POINTER: &str = "/data/account-action-id";
    let account: AccountId = call.id("account-id")?;
    let body: Run = call.body()?;
    let action: AccountActionId = body
        .data
        .account_action_id
        .parse()
        .map_err(|error| ApiError::unprocessable(POINTER, format!("{error}")))?;
    let parameters = &body.data.parameters;
    let run = account_actions::run(&call.context, &call.actor(), account, action, parameters).await?;
    let account = account_acts::shown(&call.context, call.version(), account).await?;
    Ok(Answer::one(StatusCode::OK, account).meta(json!({ "workflow-run-id": run })))
}

async fn retrieve_run(call: Call) -> Result<Answer, ApiError> {
    let run = account_actions::find_run(&call.context, call.id("action-run-id")?).await?;
    Ok(Answer::one(StatusCode::OK, run_resource(run)?))
}

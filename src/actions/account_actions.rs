//! Account actions: defined by the configuration or through the API, and run by one call.
//!
//! A run is one transaction: what it changes and the reports that it asks for are there together or not at all. The
//! reports' answers come later. What was handed in is kept sealed, with what each step did.

mod blame;
mod named;

use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use self::{
    blame::blamed,
    named::{check_named, given},
};
use super::{
    ActionError, Context, Invalid,
    accounts::{self, Edit},
    erasure, lists, redact,
    reports::{self, NewReport},
    retire,
};
use crate::{
    domain::{
        account_action::{AccountAction, ListStep, Step, resolved},
        account_type::AccountType,
        id::{AccountActionId, AccountId, AccountTypeId, ActionRunId, Shard},
        list::ListValue,
        schedule::ReportTemplate,
    },
    store::{
        account_actions::{self, ActionRow, NewRun},
        account_types, data_keys, events, lists as list_rows,
    },
    vault::Purpose,
};

const ACTION: &str = "account action of that id";

/// A run of an action, opened.
#[derive(Clone)]
pub struct OpenRun {
    /// Its id.
    pub id: ActionRunId,
    /// The account.
    pub account: AccountId,
    /// The action.
    pub action: AccountActionId,
    /// The action's name.
    pub action_name: String,
    /// Who ran it.
    pub actor: String,
    /// What each step did.
    pub outcome: Value,
    /// What was handed in; none when the account was redacted since. Personal data.
    pub parameters: Option<Map<String, Value>>,
    /// When.
    pub created_at: chrono::DateTime<chrono::Utc>,
}

/// Writes the actions that the configuration says, by account type; archives those that it no longer has.
pub async fn apply(
    context: &Context,
    conn: &mut PgConnection,
    configured: &[(AccountTypeId, AccountAction)],
) -> Result<(), ActionError> {
    let now = context.now();
    let names: Vec<(AccountTypeId, String)> =
        configured.iter().map(|(id, action)| (*id, action.name.clone())).collect();
    account_actions::save_unconfigured(conn, &names, now).await?;
    for (account_type, action) in configured {
        let new_id = AccountActionId(context.new_uuid(Shard(0)));
        account_actions::save_configured(conn, new_id, *account_type, action, now).await?;
    }
    Ok(())
}

/// Makes an action.
pub async fn create(
    context: &Context,
    actor: &str,
    account_type: AccountTypeId,
    action: &AccountAction,
) -> Result<ActionRow, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let known = account_types::find(&mut transaction, account_type).await?;
    let known = known.ok_or_else(|| invalid("/data/attributes/account-type-id", "is not found"))?;
    check(action, &known)?;
    check_named(&mut transaction, &action.steps).await?;
    let id = AccountActionId(context.new_uuid(Shard(0)));
    if !account_actions::insert(&mut transaction, id, account_type, action, context.now()).await? {
        return Err(taken());
    }
    let made = get(&mut transaction, id).await?;
    tell(context, &mut transaction, actor, "account-action.created", &made).await?;
    transaction.commit().await?;
    Ok(made)
}

/// The action of an id.
pub async fn find(context: &Context, id: AccountActionId) -> Result<ActionRow, ActionError> {
    let mut connection = context.store.connection().await?;
    get(&mut connection, id).await
}

/// The actions in use, those of a type or all, the newest first.
pub async fn list(
    context: &Context,
    account_type: Option<AccountTypeId>,
) -> Result<Vec<ActionRow>, ActionError> {
    let mut connection = context.store.connection().await?;
    Ok(account_actions::list(&mut connection, None, account_type).await?)
}

/// Changes an action's name or steps.
pub async fn change(
    context: &Context,
    actor: &str,
    id: AccountActionId,
    name: Option<String>,
    steps: Option<Vec<Step>>,
) -> Result<ActionRow, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let row = lock(&mut transaction, id).await?;
    if let Some(steps) = &steps {
        check_named(&mut transaction, steps).await?;
    }
    let action = AccountAction {
        name: name.unwrap_or(row.definition.name),
        steps: steps.unwrap_or(row.definition.steps),
    };
    check(&action, &account_types::get(&mut transaction, row.account_type).await?)?;
    if !account_actions::save(&mut transaction, id, &action, context.now()).await? {
        return Err(taken());
    }
    let changed = get(&mut transaction, id).await?;
    tell(context, &mut transaction, actor, "account-action.updated", &changed).await?;
    transaction.commit().await?;
    Ok(changed)
}

/// Archives an action: it can be read, and run no more.
pub async fn archive(context: &Context, actor: &str, id: AccountActionId) -> Result<ActionRow, ActionError> {
    let mut transaction = context.store.transaction().await?;
    lock(&mut transaction, id).await?;
    account_actions::save_archived(&mut transaction, id, context.now()).await?;
    let archived = get(&mut transaction, id).await?;
    tell(context, &mut transaction, actor, "account-action.archived", &archived).await?;
    transaction.commit().await?;
    Ok(archived)
}

/// Runs an action on an account: all of its steps, or, with an error, none.
pub async fn run(
    context: &Context,
    actor: &str,
    account: AccountId,
    id: AccountActionId,
    parameters: &Map<String, Value>,
) -> Result<ActionRunId, ActionError> {
    let mut tries = 1;
    loop {
        let mut transaction = context.store.transaction().await?;
        match run_in(context, &mut transaction, actor, account, id, parameters).await {
            Ok(run) => {
                // One of its steps may be a redaction.
                erasure::commit(context, transaction).await?;
                return Ok(run);
            }
            Err(ActionError::Store(error)) if error.is_lost_lock() && tries < retire::TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn run_in(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    account: AccountId,
    id: AccountActionId,
    parameters: &Map<String, Value>,
) -> Result<ActionRunId, ActionError> {
    const POINTER: &str = "/data/account-action-id";
    let row = account_actions::list(conn, Some(id), None).await?.pop();
    let row = row.filter(|row| row.archived_at.is_none()).ok_or_else(|| invalid(POINTER, "is not found"))?;
    let opened = accounts::open(context, conn, account).await?;
    if opened.type_id != row.account_type {
        return Err(invalid(POINTER, "is an action of another account type"));
    }
    if opened.archived_at.is_some() {
        return Err(ActionError::Archived);
    }
    check_parameters(&row.definition, parameters)?;
    let mut outcome = Vec::with_capacity(row.definition.steps.len());
    for step in &row.definition.steps {
        let mut done = step_in(context, conn, actor, account, step, (parameters, &opened.fields)).await?;
        done.insert("step".to_owned(), json!(step.word()));
        outcome.push(Value::Object(done));
    }
    // After a redaction there is nothing personal to be kept, and no key.
    let is_redacted = row.definition.steps.contains(&Step::Redact);
    let sealed_parameters = if parameters.is_empty() || is_redacted {
        None
    } else {
        let mut keys = data_keys::get_or_insert(conn, &context.keyring, &[account.0], context.now()).await?;
        let key = keys.remove(&account.0).expect("`get_or_insert` makes what is missing");
        Some(key.seal(Purpose::ActionParameters, parameters)?)
    };
    let run = ActionRunId(context.new_uuid(account.shard()));
    let new = NewRun {
        id: run,
        account,
        action: id,
        actor: actor.to_owned(),
        outcome: Value::Array(outcome),
        sealed_parameters,
    };
    account_actions::insert_run(conn, &new, context.now()).await?;
    let detail = json!({ "account-action": id, "name": row.definition.name });
    let mut event = context.event(account, "workflow-run.created", actor, detail);
    event.object = Some(run.0);
    events::insert_all(conn, &[event], context.now()).await?;
    Ok(run)
}

/// Does one step. What it did is told in ids and plain words.
async fn step_in(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    account: AccountId,
    step: &Step,
    (parameters, fields): (&Map<String, Value>, &Map<String, Value>),
) -> Result<Map<String, Value>, ActionError> {
    let edit = match step {
        Step::SetStatus(status) => Edit { status: Some(status.clone()), ..Edit::default() },
        Step::AddTag(tag) => Edit { tags_add: vec![tag.clone()], ..Edit::default() },
        Step::RemoveTag(tag) => Edit { tags_remove: vec![tag.clone()], ..Edit::default() },
        Step::UpdateFields(step) => {
            let resolved = |value: &Value| resolved(value, parameters, fields);
            let fields = step.fields.iter().map(|(key, value)| (key.clone(), resolved(value))).collect();
            Edit { fields, ..Edit::default() }
        }
        Step::AddToList(step) => {
            let added = add_to_list(context, conn, actor, step, (parameters, fields)).await?;
            return Ok(object(json!({ "changed": added.is_some(), "list-item": added })));
        }
        Step::RunReport(template) => {
            let new = NewReport { account, template: ReportTemplate::id_of(template), query: None };
            let asked = reports::create_in(context, conn, actor, &new).await;
            let report = asked.map_err(|error| match error {
                ActionError::NotFound(_) => {
                    ActionError::Conflict(format!("there is no report template {template}"))
                }
                error => error,
            })?;
            return Ok(object(json!({ "changed": true, "report": report })));
        }
        Step::Redact => {
            redact::redact_in(context, conn, actor, account).await?;
            return Ok(object(json!({ "changed": true })));
        }
    };
    let edited = accounts::edit(context, conn, actor, account, &edit).await;
    let edited = edited.map_err(|error| blamed(step, error))?;
    Ok(object(json!({ "changed": edited.changed, "fields": edited.fields })))
}

async fn add_to_list(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    step: &ListStep,
    (parameters, fields): (&Map<String, Value>, &Map<String, Value>),
) -> Result<Option<crate::domain::id::ListItemId>, ActionError> {
    let list = list_rows::list_by_names(conn, std::slice::from_ref(&step.list)).await?.pop();
    let list = list.ok_or_else(|| ActionError::Conflict(format!("there is no list {}", step.list)))?;
    let given = given(step, |text| resolved(&json!(text), parameters, fields).as_str().map(str::to_owned));
    let value = ListValue::of(list.kind, &given).map_err(|(attribute, details)| {
        ActionError::Conflict(format!("the item for list {} has no good {attribute}: {details}", step.list))
    })?;
    lists::add_in(context, conn, actor, (None, list.id), &value).await
}

/// A run, and what came of it.
pub async fn find_run(context: &Context, id: ActionRunId) -> Result<OpenRun, ActionError> {
    let mut connection = context.store.connection().await?;
    let row = account_actions::find_run(&mut connection, id).await?;
    let row = row.ok_or(ActionError::NotFound("action run of that id"))?;
    let parameters = match (&row.key, &row.run.sealed_parameters) {
        (Some(key), Some(sealed)) => {
            let key = context.keyring.unwrap(row.run.account.0, key)?;
            Some(key.open(Purpose::ActionParameters, sealed)?)
        }
        _ => None,
    };
    Ok(OpenRun {
        id,
        account: row.run.account,
        action: row.run.action,
        action_name: row.action_name,
        actor: row.run.actor,
        outcome: row.run.outcome,
        parameters,
        created_at: row.created_at,
    })
}

async fn get(conn: &mut PgConnection, id: AccountActionId) -> Result<ActionRow, ActionError> {
    account_actions::list(conn, Some(id), None).await?.pop().ok_or(ActionError::NotFound(ACTION))
}

/// Tells what became of an action, with the words of its steps.
async fn tell(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    kind: &'static str,
    row: &ActionRow,
) -> Result<(), ActionError> {
    let steps: Vec<&str> = row.definition.steps.iter().map(Step::word).collect();
    let detail = json!({ "name": row.definition.name, "account-type": row.account_type, "steps": steps });
    let mut event = context.event_of_all(kind, actor, detail);
    event.object = Some(row.id.0);
    events::insert_all(conn, &[event], context.now()).await?;
    Ok(())
}

/// Locks an action that is to be changed through the API.
async fn lock(conn: &mut PgConnection, id: AccountActionId) -> Result<ActionRow, ActionError> {
    let row = account_actions::lock(conn, id).await?.ok_or(ActionError::NotFound(ACTION))?;
    if row.is_configured {
        return Err(ActionError::Refused("the configuration says what the action does"));
    }
    if row.archived_at.is_some() {
        return Err(ActionError::Refused("the action is archived"));
    }
    Ok(row)
}

fn check(action: &AccountAction, account_type: &AccountType) -> Result<(), ActionError> {
    let faults: Vec<Invalid> = action
        .faults(account_type)
        .into_iter()
        .map(|(pointer, details)| Invalid::at(format!("/data/attributes{pointer}"), details))
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(ActionError::Invalid(faults)) }
}

/// Refuses parameters that are missing, or that no step names.
fn check_parameters(action: &AccountAction, given: &Map<String, Value>) -> Result<(), ActionError> {
    let wanted = action.parameters();
    let missing = wanted.iter().filter(|key| !given.contains_key(*key)).map(|key| (key, "is required"));
    let unknown =
        given.keys().filter(|key| !wanted.contains(*key)).map(|key| (key, "is no parameter of the action"));
    let faults: Vec<Invalid> = missing
        .chain(unknown)
        .map(|(key, details)| Invalid::at(format!("/data/parameters/{key}"), details))
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(ActionError::Invalid(faults)) }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

fn invalid(pointer: &str, details: &str) -> ActionError {
    ActionError::Invalid(vec![Invalid::at(pointer, details)])
}

fn taken() -> ActionError {
    ActionError::Conflict("there is an action of that name for the account type".to_owned())
}

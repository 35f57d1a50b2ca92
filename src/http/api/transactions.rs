//! Transactions and their types.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    operation::{Document, Meta, Operation},
    paging,
    tags::{OneTag, SomeTags, given},
};
use crate::{
    actions::{
        Context, transaction_types,
        transactions::{self, OpenTransaction, TransactionEdit},
    },
    domain::{
        account_type::written_field,
        id::{TransactionId, TransactionTypeId},
    },
    store::{transaction_types::TypeRow, transactions::Wanted},
};

pub(super) fn operations() -> Vec<Operation> {
    let tag = |path, summary| {
        Operation::post(path, "transaction.write", summary).answers::<Attributes>(200, "transaction")
    };
    vec![
        Operation::get("/transactions", "transaction.read", "Lists transactions, the newest first")
            .query("filter[reference-id]", "reference ids, with commas between")
            .query("filter[transaction-type-id]", "the id of a transaction type")
            .query("include", "`transaction-type`")
            .lists::<Attributes>("transaction")
            .handled_by(list),
        Operation::post("/transactions", "transaction.write", "Creates a transaction")
            .about("A reference id is unique within the type, whatever its case.")
            .body::<Document<Create>>()
            .answers::<Attributes>(201, "transaction")
            .handled_by(create),
        Operation::get("/transactions/{transaction-id}", "transaction.read", "Retrieves a transaction")
            .query("include", "`transaction-type`")
            .answers::<Attributes>(200, "transaction")
            .handled_by(retrieve),
        Operation::patch("/transactions/{transaction-id}", "transaction.write", "Changes a transaction")
            .about("Fields are changed one by one; null removes one.")
            .body::<Document<Change>>()
            .answers::<Attributes>(200, "transaction")
            .handled_by(change),
        Operation::delete("/transactions/{transaction-id}", "transaction.redact", "Redacts a transaction")
            .about("Its personal data is destroyed for good; fields that are not marked pii stay.")
            .answers::<Attributes>(200, "transaction")
            .handled_by(redact),
        tag("/transactions/{transaction-id}/add-tag", "Adds a tag to a transaction")
            .body::<Meta<OneTag>>()
            .handled_by(add_tag),
        tag("/transactions/{transaction-id}/remove-tag", "Removes a tag from a transaction")
            .body::<Meta<OneTag>>()
            .handled_by(remove_tag),
        tag("/transactions/{transaction-id}/set-tags", "Has a transaction have these tags and no others")
            .body::<Meta<SomeTags>>()
            .handled_by(set_tags),
        Operation::get("/transaction-types", "transaction-type.read", "Lists transaction types, by name")
            .about("They are said in the configuration (`[transaction-types.NAME]`), and few: one page has them all.")
            .lists::<TypeAttributes>("transaction-type")
            .handled_by(list_types),
        Operation::get(
            "/transaction-types/{transaction-type-id}",
            "transaction-type.read",
            "Retrieves a transaction type",
        )
        .answers::<TypeAttributes>(200, "transaction-type")
        .handled_by(retrieve_type),
    ]
}

/// A transaction to create.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Create {
    /// Its type.
    transaction_type_id: Option<String>,
    /// The customer's own id of it.
    reference_id: Option<String>,
    /// Its status; the type's default when not given.
    status: Option<String>,
    /// Names of tags.
    tags: Option<Vec<String>>,
    /// Fields by key.
    fields: Option<Map<String, Value>>,
}

/// What to change about a transaction; what is not given stays as it is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(clippy::option_option, reason = "not given, null, or a value")]
struct Change {
    /// The customer's own id of it; null takes it away.
    #[serde(default, deserialize_with = "given")]
    reference_id: Option<Option<String>>,
    /// Its status.
    status: Option<String>,
    /// Names of tags: exactly those to have.
    tags: Option<Vec<String>>,
    /// Fields by key, each with its whole new value; null removes it.
    fields: Option<Map<String, Value>>,
}

/// A transaction.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Attributes {
    /// The customer's own id of it.
    reference_id: Option<String>,
    /// The name of its type.
    transaction_type_name: String,
    /// Its status.
    status: String,
    /// Names of its tags.
    tags: Vec<String>,
    /// Its fields by key: type and value.
    fields: Map<String, Value>,
    /// When it was made.
    created_at: String,
    /// When it last changed.
    updated_at: String,
    /// When its personal data was last destroyed.
    redacted_at: Option<String>,
}

/// A transaction type.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct TypeAttributes {
    /// Its name.
    name: String,
    /// Its fields.
    field_schemas: Vec<Value>,
    /// The names of the statuses that its transactions may have.
    statuses: Vec<String>,
    /// The name of the status of a new one.
    default_status: String,
    /// When it was made.
    created_at: String,
    /// When it last changed.
    updated_at: String,
}

pub(super) fn resource(open: &OpenTransaction) -> Result<Resource, ApiError> {
    let schema = open.transaction_type.definition.as_schema();
    let attributes = Attributes {
        reference_id: open.reference_id.clone(),
        transaction_type_name: schema.name.clone(),
        status: open.status.clone(),
        tags: open.tags.clone(),
        fields: schema.tree(&open.fields, &|_| Value::Null),
        created_at: time(open.created_at),
        updated_at: time(open.updated_at),
        redacted_at: open.redacted_at.map(time),
    };
    let resource = Resource::new("transaction", open.id, &attributes)?;
    Ok(resource.to_one("transaction-type", "transaction-type", Some(open.transaction_type.id)))
}

fn type_resource(row: &TypeRow) -> Result<Resource, ApiError> {
    let definition = row.definition.as_schema();
    let attributes = TypeAttributes {
        name: definition.name.clone(),
        field_schemas: definition.fields.iter().map(written_field).collect(),
        statuses: definition.status_names().into_iter().map(str::to_owned).collect(),
        default_status: definition.status_name(&definition.default_status).to_owned(),
        created_at: time(row.created_at),
        updated_at: time(row.updated_at),
    };
    Resource::new("transaction-type", row.id, &attributes)
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let page = call.page()?;
    let (after, before) = page.ids::<TransactionId>()?;
    let (below, above, lowest) = paging::bounds(after.map(|id| id.0), before.map(|id| id.0));
    let wanted = Wanted {
        transaction_type: call.filter_of("transaction-type-id", "the id of a transaction type")?,
        references: call.filters("reference-id"),
        below,
        above,
        lowest,
        limit: paging::limit(&page),
    };
    let (found, more) = paging::cut(transactions::list(&call.context, &wanted).await?, &page);
    let resources = found.iter().map(resource).collect::<Result<_, _>>()?;
    let answer = Answer::page(&call, resources, more)?;
    included(&call, answer, &found)
}

fn shown(call: &Call, status: StatusCode, open: &OpenTransaction) -> Result<Answer, ApiError> {
    included(call, Answer::one(status, resource(open)?), std::slice::from_ref(open))
}

/// The answer with what is to be included.
fn included(call: &Call, answer: Answer, open: &[OpenTransaction]) -> Result<Answer, ApiError> {
    if call.includes(&["transaction-type"], &[])?.is_empty() {
        return Ok(answer);
    }
    let types = open.iter().map(|one| type_resource(&one.transaction_type));
    Ok(answer.include(types.collect::<Result<Vec<_>, _>>()?))
}

async fn create(call: Call) -> Result<Answer, ApiError> {
    const POINTER: &str = "/data/attributes/transaction-type-id";
    let body: Document<Create> = call.body()?;
    let new = body.data.attributes;
    let type_id = match new.transaction_type_id {
        Some(text) => text.parse().map_err(|error| ApiError::unprocessable(POINTER, format!("{error}")))?,
        None => {
            only_type(&call.context).await?.ok_or_else(|| ApiError::bad_request(POINTER, "is required"))?
        }
    };
    let edit = TransactionEdit {
        reference_id: Some(new.reference_id),
        status: new.status,
        tags: new.tags,
        fields: new.fields.unwrap_or_default(),
    };
    let made = transactions::create(&call.context, &call.actor(), type_id, &edit).await?;
    shown(&call, StatusCode::CREATED, &made)
}

/// The type that is meant when there is no other.
async fn only_type(context: &Context) -> Result<Option<TransactionTypeId>, ApiError> {
    let types = transaction_types::list(context).await?;
    Ok(match types.as_slice() {
        [only] => Some(only.id),
        _ => None,
    })
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    let open = transactions::open(&call.context, call.id("transaction-id")?).await?;
    shown(&call, StatusCode::OK, &open)
}

async fn change(call: Call) -> Result<Answer, ApiError> {
    let id = call.id("transaction-id")?;
    let body: Document<Change> = call.body()?;
    let change = body.data.attributes;
    let edit = TransactionEdit {
        reference_id: change.reference_id,
        status: change.status,
        tags: change.tags,
        fields: change.fields.unwrap_or_default(),
    };
    let open = transactions::change(&call.context, &call.actor(), id, &edit).await?;
    shown(&call, StatusCode::OK, &open)
}

async fn redact(call: Call) -> Result<Answer, ApiError> {
    let open = transactions::redact(&call.context, &call.actor(), call.id("transaction-id")?).await?;
    shown(&call, StatusCode::OK, &open)
}

async fn add_tag(call: Call) -> Result<Answer, ApiError> {
    let body: Meta<OneTag> = call.body()?;
    let name = body.meta.name(&call.context).await?;
    tag(call, move |mut tags| {
        if !tags.contains(&name) {
            tags.push(name);
        }
        tags
    })
    .await
}

async fn remove_tag(call: Call) -> Result<Answer, ApiError> {
    let body: Meta<OneTag> = call.body()?;
    let name = body.meta.name(&call.context).await?;
    tag(call, move |mut tags| {
        tags.retain(|tag| *tag != name);
        tags
    })
    .await
}

async fn set_tags(call: Call) -> Result<Answer, ApiError> {
    let body: Meta<SomeTags> = call.body()?;
    let names = body.meta.names(&call.context).await?;
    tag(call, move |_| names).await
}

async fn tag(call: Call, make: impl FnOnce(Vec<String>) -> Vec<String> + Send) -> Result<Answer, ApiError> {
    let id = call.id("transaction-id")?;
    let open = transactions::tag(&call.context, &call.actor(), id, make).await?;
    shown(&call, StatusCode::OK, &open)
}

async fn list_types(call: Call) -> Result<Answer, ApiError> {
    let types = transaction_types::list(&call.context).await?;
    Answer::whole(&call, types.iter().map(type_resource).collect::<Result<_, _>>()?)
}

async fn retrieve_type(call: Call) -> Result<Answer, ApiError> {
    let found = transaction_types::find(&call.context, call.id("transaction-type-id")?).await?;
    Ok(Answer::one(StatusCode::OK, type_resource(&found)?))
}

//! Imports of accounts: a file is taken in, and worked off by a daemon.

use axum::http::StatusCode;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    operation::{Described, Document, Operation},
    upload::{self, Upload},
};
use crate::{
    actions::{
        Context, account_types,
        import::ImportOptions,
        importers::{self, Incoming},
    },
    domain::id::ImporterId,
    store::importers::Importer,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::post("/importer/accounts", "importer.write", "Imports accounts from a file; answers before it is done")
            .about(
                "The file is CSV (columns `reference_id, name_first, name_middle, name_last, birthdate, \
                 social_security_number, tags`, and every field of the account type) or NDJSON. It comes as JSON \
                 (`file: {data, filename}`, base 64), as a multipart form (`data[attributes][file]`), or as the body \
                 itself (`text/csv`, `application/x-ndjson`), of any size. A row whose reference id is there updates \
                 that account. What is said of the file (`account-type`, `mapping`, `format`, `dry-run`) stands beside \
                 it, in attributes or parts of the form, or in the query. Of a file that is sent again under its \
                 `Idempotency-Key`, path and query are compared, and not what it says.",
            )
            .stream(FORMS)
            .query("account-type", "the type of rows that do not say, by name")
            .query("mapping", "what headers mean, as a JSON object of headers and fields; an empty field leaves a column out")
            .query("format", "`csv` or `ndjson`")
            .query("dry-run", "`true` to be told only what would be done")
            .answers::<Attributes>(201, "importer/account")
            .handled_by(create),
        Operation::get("/importers", "importer.read", "Lists imports, the newest first")
            .lists::<Attributes>("importer/account")
            .handled_by(list),
        Operation::get("/importers/{importer-id}", "importer.read", "Retrieves an import")
            .answers::<Attributes>(200, "importer/account")
            .handled_by(retrieve),
        Operation::get("/importers/{importer-id}/rejects", "importer.read", "Lists the rows that an import did not take")
            .query("after", "only rows after this line")
            .answers_document::<Rejects>(200)
            .handled_by(rejects),
    ]
}

/// An import.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Attributes {
    /// `pending`, `ready` or `errored`.
    status: String,
    /// What is wrong with the file as a whole.
    fault: Option<String>,
    created_at: String,
    completed_at: Option<String>,
    /// Accounts made or changed.
    successful_count: i64,
    /// Rows whose account was as they say already.
    duplicate_count: i64,
    /// Rows that were not taken.
    error_count: i64,
    /// Accounts made.
    created_count: i64,
    /// Accounts changed.
    updated_count: i64,
    /// Whether nothing was written, and it is only told what would be.
    dry_run: bool,
}

/// Rows that were not taken.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Rejects {
    data: Vec<Reject>,
}

/// A row that was not taken.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Reject {
    /// Its line in the file.
    line: i64,
    /// The column at fault.
    column: Option<String>,
    /// Why, and what is accepted.
    reason: String,
}

fn resource(importer: &Importer) -> Result<Resource, ApiError> {
    let attributes = Attributes {
        status: importer.status.word().to_owned(),
        fault: importer.fault.clone(),
        created_at: time(importer.created_at),
        completed_at: importer.completed_at.map(time),
        successful_count: importer.created + importer.updated,
        duplicate_count: importer.unchanged,
        error_count: importer.errors,
        created_count: importer.created,
        updated_count: importer.updated,
        dry_run: importer.options.get("dry-run").and_then(Value::as_bool).unwrap_or(false),
    };
    Resource::new("importer/account", importer.id, &attributes)
}

/// What may be said of a file of accounts.
const KNOWN: &[&str] = &["account-type", "mapping", "format", "dry-run"];

/// A file and what is said of it, as the parts of a form. Parts may also be named without `data[attributes]`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the form to the documentation")]
struct Form {
    /// The file.
    #[schemars(rename = "data[attributes][file]")]
    file: String,
    /// The type of rows that do not say, by name.
    #[schemars(rename = "data[attributes][account-type]")]
    account_type: Option<String>,
    /// What headers mean, as a JSON object: field keys, or nothing to leave a column out.
    #[schemars(rename = "data[attributes][mapping]")]
    mapping: Option<String>,
    /// `csv` or `ndjson`; told by the file's name when not given.
    #[schemars(rename = "data[attributes][format]")]
    format: Option<String>,
    /// Whether it is only to be told what would be done.
    #[schemars(rename = "data[attributes][dry-run]")]
    dry_run: Option<bool>,
}

const FORMS: &[(&str, Described)] = &upload::media_types(
    SchemaGenerator::subschema_for::<Document<upload::Attributes>>,
    SchemaGenerator::subschema_for::<Form>,
);

async fn create(mut call: Call) -> Result<Answer, ApiError> {
    let (context, actor) = (call.context.clone(), call.actor());
    let mut upload = Upload::open(&mut call, KNOWN).await?;
    let incoming = take_in(&context, &actor, &mut upload).await?;
    // Rows of Persona's own files do not say their type.
    let account_type = match upload.said.account_type.take() {
        Some(name) => name,
        None => account_types::get_default(&context).await?.account_type.name,
    };
    let options = ImportOptions {
        account_type: Some(account_type),
        headers: std::mem::take(&mut upload.said.mapping),
        format: upload.format(),
        dry_run: upload.said.dry_run,
        ..ImportOptions::default()
    };
    let importer = incoming.finish(&options).await?;
    Ok(Answer::one(StatusCode::CREATED, resource(&importer)?))
}

/// Takes a file in to its end, or keeps nothing of it.
async fn take_in<'c>(
    context: &'c Context,
    actor: &str,
    upload: &mut Upload,
) -> Result<Incoming<'c>, ApiError> {
    let mut incoming = None;
    loop {
        match upload.piece().await {
            Ok(None) => return incoming.ok_or_else(upload::empty),
            Ok(Some(piece)) if piece.is_empty() => {}
            Ok(Some(piece)) => {
                let incoming = match &mut incoming {
                    Some(incoming) => incoming,
                    none => none.insert(importers::begin(context, actor).await?),
                };
                incoming.add(&piece).await?;
            }
            Err(error) => {
                if let Some(incoming) = incoming {
                    incoming.abandon().await?;
                }
                return Err(error);
            }
        }
    }
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let page = call.page()?;
    let (found, more) = importers::list(&call.context, page.ids::<ImporterId>()?, page.size).await?;
    let resources = found.iter().map(resource).collect::<Result<_, _>>()?;
    Answer::page(&call, resources, more)
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    let importer = importers::find(&call.context, call.id("importer-id")?).await?;
    Ok(Answer::one(StatusCode::OK, resource(&importer)?))
}

async fn rejects(call: Call) -> Result<Answer, ApiError> {
    let importer = importers::find(&call.context, call.id("importer-id")?).await?;
    let after = match call.query_value("after") {
        None => 0,
        Some(text) => {
            text.parse().map_err(|_| ApiError::bad_request("after", "after must be the number of a line"))?
        }
    };
    let found = importers::rejects(&call.context, importer.id, after, 1000).await?;
    let data: Vec<Value> = found
        .iter()
        .map(|reject| json!({ "line": reject.line, "column": reject.column, "reason": reject.reason }))
        .collect();
    Ok(Answer::json(StatusCode::OK, json!({ "data": data })))
}

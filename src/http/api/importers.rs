//! Imports of accounts: a file is taken in, and worked off by a daemon.

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    operation::{Document, Operation},
    request,
};
use crate::{
    actions::{
        ActionError, Context, account_types,
        import::{Format, HeaderMap as Headers, ImportOptions},
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
                 that account.",
            )
            .stream(&["application/json", "multipart/form-data", "text/csv", "application/x-ndjson"])
            .query("account-type", "the type of rows that do not say, by name")
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
    };
    Resource::new("importer/account", importer.id, &attributes)
}

/// A file in JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Create {
    file: File,
    /// The type of rows that do not say.
    account_type: Option<String>,
    /// What headers mean.
    mapping: Headers,
    /// `csv` or `ndjson`; told by the file's name when not given.
    format: Option<Format>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct File {
    data: String,
    filename: Option<String>,
}

async fn create(mut call: Call) -> Result<Answer, ApiError> {
    let body = call.take_stream().ok_or_else(ApiError::internal)?;
    let (context, actor, headers) = (call.context.clone(), call.actor(), call.headers.clone());
    // The file may come slowly, and uses a connection only now and then.
    call.place = None;
    let media_type = media_type(&headers);
    // Rows of Persona's own files do not say their type.
    let account_type = match call.query_value("account-type") {
        Some(name) => Some(name.to_owned()),
        None => Some(account_types::get_default(&context).await?.account_type.name),
    };
    let options =
        |format| ImportOptions { account_type: account_type.clone(), format, ..ImportOptions::default() };
    let importer = match media_type.as_str() {
        "text/csv" | "application/csv" => whole((&context, &actor), body, &options(Format::Csv)).await?,
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => {
            whole((&context, &actor), body, &options(Format::Ndjson)).await?
        }
        "multipart/form-data" => form((&context, &actor), &headers, body, &options(Format::Csv)).await?,
        _ => {
            call.body = request::json(&headers, body).await?;
            let sent = call.body::<Document<Create>>()?.data.attributes;
            let data = STANDARD.decode(sent.file.data.trim()).map_err(|_| {
                ApiError::bad_request("/data/attributes/file/data", "accepted is the file in base 64")
            })?;
            if data.is_empty() {
                return Err(ApiError::bad_request("/data/attributes/file/data", "must be filled"));
            }
            let name = sent.file.filename.unwrap_or_default();
            let format = sent.format.unwrap_or_else(|| Format::of_name(&name));
            let options = ImportOptions {
                account_type: sent.account_type.or(account_type.clone()),
                headers: sent.mapping,
                ..options(format)
            };
            let mut incoming = importers::begin(&context, &actor, &options).await?;
            incoming.add(&data).await?;
            incoming.finish().await?
        }
    };
    Ok(Answer::one(StatusCode::CREATED, resource(&importer)?))
}

fn media_type(headers: &HeaderMap) -> String {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Takes a body in as the file.
async fn whole(
    (context, actor): (&Context, &str),
    body: Body,
    options: &ImportOptions,
) -> Result<Importer, ApiError> {
    let mut incoming = importers::begin(context, actor, options).await?;
    let mut pieces = body.into_data_stream();
    let mut bytes = 0;
    while let Some(piece) = pieces.next().await {
        let Ok(piece) = piece else { return Err(cut_off(incoming).await) };
        bytes += piece.len();
        incoming.add(&piece).await?;
    }
    finished(incoming, bytes).await
}

/// Takes the file of a multipart form in.
async fn form(
    (context, actor): (&Context, &str),
    headers: &HeaderMap,
    body: Body,
    options: &ImportOptions,
) -> Result<Importer, ApiError> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let malformed =
        || ApiError::bad_request("", "the body is no multipart form with a file data[attributes][file]");
    let boundary = multer::parse_boundary(sent).map_err(|_| malformed())?;
    let mut form = multer::Multipart::new(body.into_data_stream(), boundary);
    while let Some(mut field) = form.next_field().await.map_err(|_| malformed())? {
        let is_file = matches!(field.name(), Some("data[attributes][file]" | "file"));
        if !is_file {
            continue;
        }
        let format = field.file_name().map_or(options.format, Format::of_name);
        let options = ImportOptions { format, ..options.clone() };
        let mut incoming = importers::begin(context, actor, &options).await?;
        let mut bytes = 0;
        loop {
            match field.chunk().await {
                Ok(Some(piece)) => {
                    bytes += piece.len();
                    incoming.add(&piece).await?;
                }
                Ok(None) => return finished(incoming, bytes).await,
                Err(_) => return Err(cut_off(incoming).await),
            }
        }
    }
    Err(malformed())
}

async fn finished(incoming: Incoming<'_>, bytes: usize) -> Result<Importer, ApiError> {
    if bytes == 0 {
        incoming.abandon().await?;
        return Err(ApiError::bad_request("/data/attributes/file", "must be filled"));
    }
    Ok(incoming.finish().await?)
}

async fn cut_off(incoming: Incoming<'_>) -> ApiError {
    let abandoned: Result<(), ActionError> = incoming.abandon().await;
    match abandoned {
        Ok(()) => ApiError::bad_request("", "the file was not sent to its end; nothing of it was kept"),
        Err(error) => error.into(),
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

//! Past decisions from elsewhere: so that a book of customers that was worked off there does not alert again.

use std::io::Cursor;

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    answer::Answer,
    call::Call,
    errors::ApiError,
    operation::{Document, Operation},
};
use crate::actions::import::decisions;

/// The most rows that are named as bad.
const MOST_BAD: usize = 1000;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::post("/importer/decisions", "importer.write", "Imports past decisions")
            .about(
                "A file of CSV with the headers `reference_id`, `entity`, `decision` (`dismissed` or `confirmed`) and, \
                 if you like, `type`, `reason`, `reviewer`, `date`; or of JSON objects with these keys, one a line. \
                 A decision is kept for its account and entity before any run has found the entity: the first that \
                 does raises no alert. Of two decisions on one entity the younger stands. Larger files are for \
                 `watchkeeper import-decisions`.",
            )
            .body::<Document<Create>>()
            .answers_document::<Imported>(200)
            .handled_by(import),
    ]
}

/// A file of decisions.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Create {
    file: File,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct File {
    /// The file, in base 64.
    data: String,
    filename: Option<String>,
}

/// What was done.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_field_names, reason = "as importers say it")]
struct Imported {
    /// Decisions that hold from now on.
    imported_count: u64,
    /// Decisions that a younger one outdoes.
    unchanged_count: u64,
    /// Open hits that they closed.
    closed_hit_count: u64,
    error_count: usize,
    /// The first rows that were not taken.
    errors: Vec<Bad>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Bad {
    line: u64,
    column: Option<String>,
    reason: String,
}

async fn import(call: Call) -> Result<Answer, ApiError> {
    let sent = call.body::<Document<Create>>()?.data.attributes.file;
    let pointer = "/data/attributes/file/data";
    let file = STANDARD
        .decode(sent.data.trim())
        .map_err(|_| ApiError::bad_request(pointer, "accepted is the file in base 64"))?;
    if file.is_empty() {
        return Err(ApiError::bad_request(pointer, "`data.attributes.file.data` must be filled"));
    }
    let name = sent.filename.unwrap_or_else(|| "the file".to_owned());
    let actor = call.actor();
    let done = decisions::import(&call.context, &actor, &name, Cursor::new(file), |_| ()).await?;
    let errors = done.bad.iter().take(MOST_BAD).map(|bad| Bad {
        line: bad.line,
        column: bad.column.map(str::to_owned),
        reason: bad.reason.clone(),
    });
    let imported = Imported {
        imported_count: done.imported,
        unchanged_count: done.unchanged,
        closed_hit_count: done.closed_hits,
        error_count: done.bad.len(),
        errors: errors.collect(),
    };
    Ok(Answer::json(StatusCode::OK, json!(imported)))
}

//! Past decisions from elsewhere: so that a book of customers that was worked off there does not alert again.

use std::io::Cursor;

use axum::http::StatusCode;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    answer::Answer,
    call::Call,
    errors::ApiError,
    operation::{Described, Document, Operation},
    upload::{self, Upload},
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
                 does raises no alert. Of two decisions on one entity the younger stands. The file comes as JSON \
                 (`file: {data, filename}`, base 64), as a multipart form (`data[attributes][file]`), or as the body \
                 itself. Files of more than 16 MiB are for `watchkeeper import-decisions`.",
            )
            .stream(FORMS)
            .answers_document::<Imported>(200)
            .handled_by(import),
    ]
}

/// A file of decisions.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Create {
    file: upload::File,
}

/// A file of decisions, as the part of a form.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the form to the documentation")]
struct Form {
    /// The file.
    #[schemars(rename = "data[attributes][file]")]
    file: String,
}

const FORMS: &[(&str, Described)] = &upload::media_types(
    SchemaGenerator::subschema_for::<Document<Create>>,
    SchemaGenerator::subschema_for::<Form>,
);

/// The largest file.
const LARGEST: usize = 16 << 20;

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

async fn import(mut call: Call) -> Result<Answer, ApiError> {
    let mut upload = Upload::open(&mut call, &[]).await?;
    let bodies = call.bodies.clone();
    let _room = bodies.room_of(LARGEST).await?;
    let mut file = Vec::new();
    while let Some(piece) = upload.piece().await? {
        if file.len() + piece.len() > LARGEST {
            let details =
                "the file is larger than 16 MiB: larger ones are for `watchkeeper import-decisions`";
            return Err(ApiError::other(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large", details));
        }
        file.extend_from_slice(&piece);
    }
    if file.is_empty() {
        return Err(upload::empty());
    }
    let name = upload.filename().unwrap_or("the file");
    let actor = call.actor();
    let done = decisions::import(&call.context, &actor, name, Cursor::new(file), |_| ()).await?;
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

//! `GET /audit-entries`: who did what to which object, when, from where; the newest first.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    operation::Operation,
};
use crate::{
    actions::audit::{self, EntryView},
    domain::{audit::Chained, id},
    store::audit::Wanted,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/audit-entries", "audit.read", "Lists entries of the audit log, the newest first")
            .about(
                "Every change, and every read of personal data. Entries are numbered within a second of what they \
                 tell of, and never change.",
            )
            .query("filter[object-id]", "the id of an object that entries are about")
            .query("filter[operation]", "what was done, such as `account.created`; `account.*` for all of accounts")
            .query("filter[actor]", "who did it: an actor, the id of a key, a user")
            .query("filter[created-at-start]", "entries from this time on (RFC 3339)")
            .query("filter[created-at-end]", "entries before this time (RFC 3339)")
            .lists::<Attributes>("audit-entry")
            .handled_by(list),
        Operation::get("/audit-entries/{sequence}", "audit.read", "Retrieves an entry of the audit log")
            .answers::<Attributes>(200, "audit-entry")
            .handled_by(retrieve),
        Operation::get("/audit-certificates/{of}", "audit.read", "Certifies a redaction")
            .about(
                "Of the newest redaction of an object, by its id, or of the redaction that an entry tells of, by its \
                 number. `watchkeeper audit verify --certificate FILE` proves it.",
            )
            .answers_document::<Value>(200)
            .handled_by(certify),
        Operation::get("/audit-certificates/{of}/print", "audit.read", "Prints the certificate of a redaction")
            .answers_bytes("text/html")
            .handled_by(print),
        Operation::get("/audit-checkpoint", "audit.read", "Tells how the audit log stands now")
            .about("Keep it elsewhere: `watchkeeper audit verify --checkpoint FILE` finds with it what was cut off.")
            .answers_document::<CheckpointDocument>(200)
            .handled_by(checkpoint),
    ]
}

/// An entry of the audit log.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Attributes {
    /// Its number: 1 for the first, and none is left out.
    sequence: i64,
    /// When.
    created_at: String,
    /// What was done.
    operation: String,
    /// The account that it is about.
    account_id: Option<String>,
    /// What it is about when that is not the account.
    object_id: Option<String>,
    /// All objects that it is about; of a read, all that it showed.
    object_ids: Vec<String>,
    /// Who did it.
    actor: String,
    /// By what means: `system`, `user` or `api-key`.
    origin: String,
    /// The key, or the user of the daemon's host.
    origin_id: Option<String>,
    /// From where.
    address: Option<String>,
    /// More about it: ids, names of fields, counts.
    detail: Value,
    /// Its keyed hash, in hexadecimal digits.
    mac: String,
}

/// How the audit log stands.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct CheckpointDocument {
    /// The database.
    environment: String,
    /// The last entry.
    sequence: i64,
    /// Its keyed hash, in hexadecimal digits.
    mac: String,
    /// When.
    taken_at: String,
}

fn resource(chained: &Chained) -> Result<Resource, ApiError> {
    let view = EntryView::from(chained);
    let attributes = Attributes {
        sequence: view.sequence,
        created_at: time(view.occurred_at),
        operation: view.operation,
        account_id: view.account,
        object_id: view.object,
        object_ids: view.objects,
        actor: view.actor,
        origin: view.origin,
        origin_id: view.origin_id,
        address: view.address,
        detail: view.detail,
        mac: view.mac,
    };
    Resource::new("audit-entry", chained.sequence, &attributes)
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let page = call.page()?;
    let (after, before) = page.ids::<i64>()?;
    let object = call.filter("object-id")?.map(|text| {
        id::uuid_of(text).ok_or_else(|| {
            ApiError::bad_request("filter[object-id]", "filter[object-id] must be the id of an object")
        })
    });
    let wanted = Wanted {
        object: object.transpose()?,
        operation: call.filter("operation")?.map(str::to_owned),
        actor: call.filter("actor")?.map(str::to_owned),
        since: call.filter_of_time("created-at-start")?,
        until: call.filter_of_time("created-at-end")?,
        after,
        before,
    };
    let (found, more) = audit::list(&call.context, &wanted, page.size).await?;
    let resources = found.iter().map(resource).collect::<Result<_, _>>()?;
    Answer::page(&call, resources, more)
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    let found = audit::find(&call.context, call.id("sequence")?).await?.ok_or_else(ApiError::not_found)?;
    Ok(Answer::one(axum::http::StatusCode::OK, resource(&found)?))
}

async fn certify(call: Call) -> Result<Answer, ApiError> {
    let made = audit::certificate(&call.context, call.parameter("of")).await?;
    let document = serde_json::to_value(made).map_err(|_| ApiError::internal())?;
    Ok(Answer::json(axum::http::StatusCode::OK, document))
}

async fn print(call: Call) -> Result<Answer, ApiError> {
    let made = audit::certificate(&call.context, call.parameter("of")).await?;
    Ok(Answer::bytes("text/html; charset=utf-8", crate::http::export::certificate_page(&made)))
}

async fn checkpoint(call: Call) -> Result<Answer, ApiError> {
    let taken = audit::checkpoint(&call.context).await?;
    let document = CheckpointDocument {
        environment: taken.environment,
        sequence: taken.sequence,
        mac: taken.mac,
        taken_at: time(taken.taken_at),
    };
    let document = serde_json::to_value(document).map_err(|_| ApiError::internal())?;
    Ok(Answer::json(axum::http::StatusCode::OK, document))
}

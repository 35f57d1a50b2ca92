//! `GET /events`: what happened, the newest first.

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    operation::Operation,
};
use crate::{
    actions::events::{self, Wanted},
    domain::id::EventId,
    store::events::Happened,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/events", "event.read", "Lists events, the newest first")
            .query("filter[name]", "names of events, such as `account.created`, with commas between")
            .query("filter[object-id]", "ids of the objects that events are about, with commas between")
            .query("filter[id]", "ids of events, with commas between")
            .query("filter[created-at-start]", "events from this time on (RFC 3339)")
            .query("filter[created-at-end]", "events before this time (RFC 3339)")
            .lists::<Attributes>("event")
            .handled_by(list),
        Operation::get("/events/{event-id}", "event.read", "Retrieves an event")
            .answers::<Attributes>(200, "event")
            .handled_by(retrieve),
    ]
}

/// An event.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Attributes {
    /// What happened, such as `account.created`.
    name: String,
    /// When.
    created_at: String,
    /// What it is about: a reference. What the object is now, its own address tells.
    payload: Value,
    /// More about it, in ids and plain words.
    context: Value,
    /// Who did it: a key of the API, a schedule, an import, a person at the command line.
    actor: String,
}

/// A time as the API writes it.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn resource(happened: &Happened) -> Result<Resource, ApiError> {
    let object = object(happened);
    let attributes = Attributes {
        name: happened.kind.clone(),
        created_at: time(happened.occurred_at),
        payload: object
            .map_or(Value::Null, |(kind, id)| serde_json::json!({"data": {"type": kind, "id": id}})),
        context: happened.detail.clone(),
        actor: happened.actor.clone(),
    };
    Resource::new("event", happened.id, &attributes)
}

/// Types of objects that events are about, by the first word of an event's name, with the prefix of their ids.
const OBJECTS: [(&str, &str, &str); 10] = [
    ("account", "account", "act"),
    ("account-action", "account-action", "accac"),
    ("account-type", "account-type", "acttp"),
    ("api-key", "api-key", "api"),
    ("inquiry", "inquiry", "inq"),
    ("list", "list", "lst"),
    ("list-item", "list-item", "li"),
    ("tag", "tag", "tag"),
    ("transaction", "transaction", "txn"),
    ("importer", "importer", "mprt"),
];

/// Type and id of what an event is about.
fn object(happened: &Happened) -> Option<(String, String)> {
    let first = happened.kind.split('.').next().unwrap_or_default();
    if first.starts_with("report") {
        let report = happened.detail.get("report").and_then(Value::as_str)?;
        return Some((first.to_owned(), report.to_owned()));
    }
    let known = OBJECTS.iter().find(|(word, _, _)| *word == first);
    match (known, happened.object, happened.account) {
        (Some(("account", kind, _)), _, Some(account)) => Some(((*kind).to_owned(), account.to_string())),
        (Some((_, kind, prefix)), Some(object), _) => {
            Some(((*kind).to_owned(), crate::domain::id::with_prefix(prefix, object)))
        }
        (_, _, Some(account)) => Some(("account".to_owned(), account.to_string())),
        _ => None,
    }
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let page = call.page()?;
    let (after, before) = page.ids::<EventId>()?;
    let ids = call.filters("id");
    let ids = ids.iter().map(|id| id.parse()).collect::<Result<Vec<EventId>, _>>();
    let wanted = Wanted {
        names: call.filters("name"),
        objects: call.filters("object-id"),
        ids: ids.map_err(|error| ApiError::bad_request("filter[id]", error.to_string()))?,
        from: call.filter_of_time("created-at-start")?,
        until: call.filter_of_time("created-at-end")?,
        after,
        before,
        size: page.size,
    };
    let (found, more) = events::list(&call.context, &wanted).await?;
    let resources = found.iter().map(resource).collect::<Result<_, _>>()?;
    Answer::page(&call, resources, more)
}

/// The events of one object, as a page.
pub(super) async fn of_object(call: Call, id: &str) -> Result<Answer, ApiError> {
    let page = call.page()?;
    let (after, before) = page.ids::<EventId>()?;
    let objects = vec![id.to_owned()];
    let wanted = Wanted { objects, after, before, size: page.size, ..Wanted::default() };
    let (found, more) = events::list(&call.context, &wanted).await?;
    let resources = found.iter().map(resource).collect::<Result<_, _>>()?;
    Answer::page(&call, resources, more)
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    let found = events::find(&call.context, call.id("event-id")?).await?.ok_or_else(ApiError::not_found)?;
    Ok(Answer::one(axum::http::StatusCode::OK, resource(&found)?))
}

//! The REST API: Persona's wire format over the account store.
//!
//! A request goes through one place: its key is judged (permission, address, rate), its version and inflection are
//! read, its body is brought to kebab-case, a repeated one is answered as before; then the handler of its
//! [`Operation`] carries it out with an action; the answer is stripped, inflected and written. Handlers know none
//! of that. Every answer is JSON, unless an operation says otherwise.

mod account_actions;
mod account_acts;
mod account_bodies;
mod account_types;
mod account_view;
mod accounts;
mod answer;
mod api_keys;
mod archived;
mod audit_entries;
mod auth;
mod blocklist;
mod call;
mod conditions;
mod decisions;
mod docs;
mod errors;
mod events;
mod evidence;
mod forms;
mod hits;
mod idempotency;
mod importers;
mod includes;
mod inflection;
mod inquiries;
mod inquiry_templates;
mod lists;
mod openapi;
mod operation;
mod paging;
mod parameters;
mod reads;
mod relations;
mod report_templates;
mod reports;
mod request;
mod rescreens;
mod retention;
mod reverifications;
mod search;
mod sparse;
mod strict;
mod tags;
mod transactions;
mod upload;
mod version;
mod wording;

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{RawPathParams, State, rejection::RawPathParamsRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header},
    response::Response,
    routing::{MethodFilter, MethodRouter, get, on},
};
use futures_util::FutureExt;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use self::{
    answer::{Answer, Content},
    archived::Withheld,
    auth::{Caller, Quota},
    blocklist::Blocklist,
    call::Call,
    errors::ApiError,
    inflection::Inflection,
    operation::{Operation, Sent},
    reads::Read,
    request::Bodies,
    sparse::Kinds,
};
pub(super) use self::{auth::Doorkeeper, reads::Reads};
use crate::{
    actions::{Context, audit},
    domain::{
        audit::Origin,
        id::{EnvironmentId, OrganizationId, RequestId, Shard},
    },
};

/// Where the API lies.
const ROOT: &str = "/api/v1";

/// How long a request may take, whatever it waits for.
const DEADLINE: Duration = Duration::from_mins(1);

/// How long a request may take whose body is taken in as it comes, a file of any size.
const STREAM_DEADLINE: Duration = Duration::from_hours(1);

/// Everything that can be asked for.
fn operations() -> Vec<Operation> {
    [
        account_actions::operations(),
        account_acts::operations(),
        account_types::operations(),
        accounts::operations(),
        api_keys::operations(),
        audit_entries::operations(),
        decisions::operations(),
        events::operations(),
        evidence::operations(),
        hits::operations(),
        importers::operations(),
        inquiries::operations(),
        inquiry_templates::operations(),
        lists::operations(),
        relations::operations(),
        report_templates::operations(),
        reports::operations(),
        rescreens::operations(),
        retention::operations(),
        reverifications::operations(),
        tags::operations(),
        transactions::operations(),
    ]
    .concat()
}

/// The document that describes the API (`OpenAPI` 3.1).
pub(super) fn document() -> Value {
    openapi::document(&operations())
}

/// The parts of a path, or that they are no UTF-8.
type PathParts = Result<RawPathParams, RawPathParamsRejection>;

/// What requests are answered from.
struct Api {
    context: Context,
    door: Arc<Doorkeeper>,
    /// How many requests may use the database at the same time: the engine needs connections too.
    room: Arc<Semaphore>,
    environment: EnvironmentId,
    organization: OrganizationId,
    /// The attributes that objects have.
    kinds: Kinds,
    /// The memory that large bodies may take.
    bodies: Bodies,
    tasks: TaskTracker,
    reads: Reads,
}

/// The routes of the API, its documentation among them.
pub(super) fn router(context: Context, door: Arc<Doorkeeper>, tasks: TaskTracker, reads: Reads) -> Router {
    let operations = operations();
    let document = Arc::new(openapi::document(&operations));
    let page = Arc::new(docs::page(&operations));
    let room = (context.store.pool().most / 2).max(2) as usize;
    let id = |what: &[u8]| uuid::Uuid::from_slice(&context.digest_key.digest(what)[..16]).unwrap_or_default();
    let (environment, organization) = (audit::environment(&context), OrganizationId(id(b"organization")));
    let api = Arc::new(Api {
        door,
        room: Arc::new(Semaphore::new(room)),
        environment,
        organization,
        kinds: Kinds::of(&operations),
        bodies: Bodies::default(),
        tasks,
        reads,
        context,
    });
    let mut routes: Vec<(&'static str, MethodRouter<Arc<Api>>)> = Vec::new();
    for operation in operations {
        let path = operation.path;
        let filter = MethodFilter::try_from(operation.method.clone()).expect("operations have known methods");
        let operation = Arc::new(operation);
        let handler = move |State(api): State<Arc<Api>>, parameters: PathParts, request: Request<Body>| {
            answer(api, Arc::clone(&operation), parameters, request)
        };
        match routes.iter_mut().find(|(known, _)| *known == path) {
            Some((_, methods)) => *methods = std::mem::take(methods).on(filter, handler),
            None => routes.push((path, on(filter, handler))),
        }
    }
    let mut router = Router::new();
    for (path, methods) in routes {
        router = router.route(&format!("{ROOT}{path}"), methods);
    }
    router
        .with_state(api)
        .route(&format!("{ROOT}/openapi.json"), get(move || openapi::served(Arc::clone(&document))))
        .route("/docs", get(move || docs::served(Arc::clone(&page))))
}

/// Answers a request: whatever happens, in JSON, with an id under which the log knows it.
async fn answer(
    api: Arc<Api>,
    operation: Arc<Operation>,
    parameters: PathParts,
    request: Request<Body>,
) -> Response {
    let id = RequestId(api.context.new_uuid(Shard(0)));
    let mut told = Told::default();
    let judged =
        AssertUnwindSafe(carry_out(&api, &operation, &parameters, request, &mut told)).catch_unwind();
    let deadline = if matches!(operation.sent, Sent::Stream(_)) { STREAM_DEADLINE } else { DEADLINE };
    let answered = match tokio::time::timeout(deadline, judged).await {
        Ok(Ok(answered)) => answered,
        // The hook of panics has told where.
        Ok(Err(_)) => Err(ApiError::internal()),
        Err(_) => Err(ApiError::late()),
    };
    let mut response = match answered {
        Ok(answer) => written(answer, told.inflection.unwrap_or(Inflection::Kebab)),
        Err(error) => {
            if error.status.is_server_error() {
                tracing::warn!(request.id = %id, http.status = error.status.as_u16(), "a request was not answered");
            }
            refusal(&error)
        }
    };
    let headers = response.headers_mut();
    put(headers, "request-id", &id.to_string());
    put(headers, "x-request-id", &id.to_string());
    if let Some(quota) = told.quota {
        put(headers, "ratelimit-limit", &quota.limit.to_string());
        put(headers, "ratelimit-remaining", &quota.remaining.to_string());
        put(headers, "ratelimit-reset", &quota.reset.to_string());
        put(headers, "persona-environment-id", &api.environment.to_string());
        put(headers, "persona-organization-id", &api.organization.to_string());
    }
    response
}

/// What is known of a request by the time it is answered or refused.
#[derive(Default)]
struct Told {
    quota: Option<Quota>,
    inflection: Option<Inflection>,
}

async fn carry_out(
    api: &Api,
    operation: &Operation,
    parameters: &PathParts,
    request: Request<Body>,
    told: &mut Told,
) -> Result<Answer, ApiError> {
    let (head, body) = request.into_parts();
    let peer = head.extensions.get::<super::server::Peer>().map(|peer| peer.0.ip());
    let place = || async { Arc::clone(&api.room).acquire_owned().await.map_err(|_| ApiError::internal()) };
    // A place is had while the database is asked, and not while a client takes its time to send a body.
    let asking = place().await?;
    let (key, address) = api.door.authenticate(&api.context, &head.headers, peer).await?;
    drop(asking);
    let quota = match api.door.count(&key) {
        Ok(quota) => quota,
        Err((quota, error)) => {
            told.quota = Some(quota);
            return Err(error);
        }
    };
    told.quota = Some(quota);
    let caller: Caller = auth::shape(key, &head.headers)?;
    told.inflection = Some(caller.inflection);
    if !caller.key.may(operation.permission) {
        let details = format!("the key lacks the permission {}", operation.permission);
        return Err(ApiError::forbidden("", details));
    }
    if operation.answers_with_bytes() && !caller.key.attributes_blocklist.is_empty() {
        let details = "the key must not see every attribute, and of a page or a file none can be left out";
        return Err(ApiError::forbidden("", details));
    }
    let query = request::query(head.uri.query().unwrap_or_default())?;
    parameters::check(operation, &api.kinds, &query)?;
    let (body, stream) = request::body(operation, &head.headers, body, &api.bodies).await?;
    request::of_type(operation, &body)?;
    let place = place().await?;
    let blocklist = Blocklist::of(&api.context, &caller.key.attributes_blocklist).await?;
    let origin = Origin::ApiKey { id: caller.key.id, address };
    let call = Call {
        context: api.context.clone().by(origin.clone()),
        caller,
        blocklist: Arc::clone(&blocklist),
        quota,
        path: head.uri.path().to_owned(),
        parameters: request::parameters(parameters)?,
        query,
        headers: head.headers,
        body,
        stream: Mutex::new(stream),
        bodies: api.bodies.clone(),
        tasks: api.tasks.clone(),
        place: Some(place),
    };
    conditions::of_listing(&call)?;
    let withheld = Withheld::of(operation, &call.caller.key);
    withheld.refuse(&call.context, &call.parameters).await?;
    let fieldsets = sparse::Fieldsets::of(&call);
    let handler = operation.handler.clone().ok_or_else(ApiError::internal)?;
    let (asked_by, named) = ((call.actor(), origin), call.parameters.clone());
    let (mut answer, is_repeated) = idempotency::replayed(operation, call, handler).await?;
    withheld.apply(&api.context, &mut answer).await?;
    if let Some(read) = Read::of(operation, asked_by, &named, (&answer, is_repeated)) {
        api.reads.note(read).await?;
    }
    if let Content::Json(document) = &mut answer.content {
        fieldsets.apply(document);
        blocklist.apply(document);
    }
    Ok(answer)
}

fn written(answer: Answer, inflection: Inflection) -> Response {
    let mut response = match answer.content {
        Content::Json(document) => json(answer.status, &inflection.outward(document)),
        Content::Bytes(headers, body) => {
            let mut response = Response::new(body);
            response.headers_mut().extend(headers);
            *response.status_mut() = answer.status;
            response
        }
    };
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-store"));
    response
}

/// A refusal in the envelope.
fn refusal(error: &ApiError) -> Response {
    let mut response = json(error.status, &error.body());
    if let Some(seconds) = error.retry_after {
        put(response.headers_mut(), "retry-after", &seconds.to_string());
    }
    if error.status == StatusCode::UNAUTHORIZED {
        put(response.headers_mut(), "www-authenticate", "Bearer");
    }
    response
}

fn json(status: StatusCode, document: &Value) -> Response {
    let mut response = Response::new(Body::from(document.to_string()));
    *response.status_mut() = status;
    put(response.headers_mut(), "content-type", "application/json");
    response
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::api_key::PERMISSIONS;

    #[test]
    fn every_operation_needs_a_permission_that_keys_can_have_and_stands_once() {
        let mut seen = BTreeSet::new();
        for operation in operations() {
            let name = format!("{} {}", operation.method, operation.path);
            assert!(operation.permission == "*" || PERMISSIONS.contains(&operation.permission), "{name}");
            assert!(operation.handler.is_some() && !operation.answers.is_empty(), "{name}");
            assert!(seen.insert(name.clone()), "{name} stands twice");
        }
    }
}

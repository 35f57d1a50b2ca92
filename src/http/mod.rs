//! Work with a request: health, readiness, metrics and the state of the whole.
//!
//! What this file answers needs no login, so nothing of it is about a person. `/healthz`, `/readyz` and
//! `/metrics` are answered from memory; what asks the database has a deadline. The API is behind keys.

mod api;
pub mod evidence;
pub mod export;
mod html;
mod matching;
mod server;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

pub use matching::Lists;
pub use server::{GRACE, ListenFault, listen, serve};

use crate::{
    actions::{Context, overview},
    config::HttpSettings,
    telemetry::{
        health::Health,
        metrics::{ConnectionLabels, Form, Metrics},
    },
};

/// The document that describes the API (`OpenAPI` 3.1), as the daemon serves it.
pub fn openapi() -> Value {
    api::document()
}

/// How long an answer that asks the database may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// How many answers may ask the database at the same time: its connections are for the work.
const AT_ONCE: usize = 2;

/// What requests are answered from.
#[derive(Clone)]
pub struct Served {
    health: Health,
    metrics: Metrics,
    context: Context,
    lists: Lists,
    /// What goes on although its client went away.
    tasks: TaskTracker,
    /// What was read, for the audit log.
    reads: api::Reads,
    asking: Arc<Semaphore>,
}

impl Served {
    /// Answers of a daemon; the matching API knows no list.
    pub fn new(health: Health, metrics: Metrics, context: Context) -> Self {
        let lists: Lists = Arc::new(Vec::new);
        let tasks = TaskTracker::new();
        let reads = api::Reads::new(context.clone());
        Self { health, metrics, context, lists, tasks, reads, asking: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The same, whose matching API answers from `lists`.
    #[must_use]
    pub fn with_lists(self, lists: Lists) -> Self {
        Self { lists, ..self }
    }
}

fn router(served: Served, settings: &HttpSettings) -> Router {
    let door = Arc::new(api::Doorkeeper::new(settings.requests_per_minute, settings.trusted_proxies.clone()));
    let (context, tasks) = (served.context.clone(), served.tasks.clone());
    let api = api::router(context, Arc::clone(&door), tasks, served.reads.clone());
    let matching =
        matching::router(served.context.clone(), door, Arc::clone(&served.lists), Arc::clone(&served.asking));
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .with_state(served)
        .merge(api)
        .merge(matching)
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
}

/// The process lives. Asks nothing else, so that a database that is away restarts nobody.
async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Whether the daemon is to be relied on, with the reasons why not, and what else is to be known: a daemon
/// that somebody paused is ready.
async fn readyz(State(served): State<Served>) -> (StatusCode, Json<Value>) {
    let readiness = readiness(&served.health);
    let code = if is_ready(&served.health) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(readiness))
}

fn is_ready(health: &Health) -> bool {
    health.reasons().is_empty()
}

fn readiness(health: &Health) -> Value {
    let reasons: Vec<_> = health
        .reasons()
        .into_iter()
        .map(|(concern, reason)| json!({ "concern": concern.word(), "reason": reason }))
        .collect();
    let status = if reasons.is_empty() { "ready" } else { "not-ready" };
    json!({ "status": status, "reasons": reasons, "details": health.details() })
}

async fn metrics(State(served): State<Served>, headers: HeaderMap) -> Response {
    observe(&served);
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = Form::accepted(accepted);
    let headers = [(header::CONTENT_TYPE, form.media_type()), (header::VARY, "accept")];
    (headers, served.metrics.encode(form)).into_response()
}

/// Sets what is known at any moment.
fn observe(served: &Served) {
    let metrics = &served.metrics;
    metrics.ready.set(i64::from(is_ready(&served.health)));
    let pool = served.context.store.pool();
    let state = |state| ConnectionLabels { state };
    metrics.connections.get_or_create(&state("idle")).set(i64::from(pool.idle));
    metrics.connections.get_or_create(&state("used")).set(i64::from(pool.open.saturating_sub(pool.idle)));
    metrics.most_connections.set(i64::from(pool.most));
    // Counted by the store: taken over as they stand.
    metrics.acquires.inner().store(pool.acquires, Ordering::Relaxed);
    metrics.acquire_timeouts.inner().store(pool.timeouts, Ordering::Relaxed);
    metrics.acquire_wait.inner().store(pool.waited.as_secs_f64().to_bits(), Ordering::Relaxed);
}

/// The state of the whole: this process's readiness, and what a few rows of the database tell.
async fn status(State(served): State<Served>) -> (StatusCode, Json<Value>) {
    let mut told = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "this-process": readiness(&served.health),
    });
    let asked = async {
        let _turn = served.asking.acquire().await.expect("nothing closes the semaphore");
        overview::overview(&served.context).await
    };
    let (code, fault) = match tokio::time::timeout(DEADLINE, asked).await {
        Ok(Ok(overview)) => match (&mut told, serde_json::to_value(overview)) {
            (Value::Object(told), Ok(Value::Object(overview))) => {
                told.extend(overview);
                (StatusCode::OK, None)
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, Some("the state cannot be shown")),
        },
        Ok(Err(error)) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "the state could not be asked for");
            (StatusCode::SERVICE_UNAVAILABLE, Some("the database did not answer"))
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, Some("the database did not answer in time")),
    };
    if let (Value::Object(told), Some(fault)) = (&mut told, fault) {
        told.insert("errors".to_owned(), json!([{ "title": fault }]));
    }
    (code, Json(told))
}

async fn not_found() -> (StatusCode, Json<Value>) {
    (StatusCode::NOT_FOUND, Json(json!({ "errors": [{ "title": "Record not found" }] })))
}

async fn not_allowed() -> (StatusCode, Json<Value>) {
    (StatusCode::METHOD_NOT_ALLOWED, Json(json!({ "errors": [{ "title": "Method not allowed" }] })))
}

//! Work with a request: health, readiness and metrics.

mod server;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

pub use server::{GRACE, ListenFault, listen, serve};

use crate::telemetry::{health::Health, metrics::Metrics};

/// What requests are answered from.
#[derive(Clone, Debug)]
pub struct Served {
    /// Whether the daemon is to be relied on.
    pub health: Health,
    /// The metrics.
    pub metrics: Metrics,
}

fn router(served: Served) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(not_found)
        .with_state(served)
}

/// The process lives. Asks nothing else, so that a database that is away restarts nobody.
async fn healthz() -> Json<serde_json::Value> {
    Json(json!({ "status": "ok" }))
}

/// Whether the daemon is to be relied on, with the reasons why not.
async fn readyz(State(served): State<Served>) -> (StatusCode, Json<serde_json::Value>) {
    let reasons: Vec<_> = served
        .health
        .reasons()
        .into_iter()
        .map(|(concern, reason)| json!({ "concern": concern.word(), "reason": reason }))
        .collect();
    let (code, status) = if reasons.is_empty() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not-ready")
    };
    (code, Json(json!({ "status": status, "reasons": reasons })))
}

async fn metrics(State(served): State<Served>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    (kind, served.metrics.encode()).into_response()
}

async fn not_found() -> (StatusCode, Json<serde_json::Value>) {
    (StatusCode::NOT_FOUND, Json(json!({ "errors": [{ "title": "Record not found" }] })))
}

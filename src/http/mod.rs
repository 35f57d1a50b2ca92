//! Work with a request: health, readiness and metrics.

use std::net::SocketAddr;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::telemetry::{health::Health, metrics::Metrics};

/// What requests are answered from.
#[derive(Clone, Debug)]
pub struct Served {
    /// Whether the daemon is to be relied on.
    pub health: Health,
    /// The metrics.
    pub metrics: Metrics,
}

/// The daemon cannot listen where it was told to.
#[derive(Debug, thiserror::Error)]
#[error("http.listen: cannot listen on {address}")]
pub struct ListenFault {
    address: SocketAddr,
    #[source]
    source: std::io::Error,
}

/// Takes the address.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenFault> {
    TcpListener::bind(address).await.map_err(|source| ListenFault { address, source })
}

/// Answers requests until `stop` is cancelled, and then those under way. A client that keeps an idle
/// connection open is waited for: the caller sets a deadline.
pub async fn serve(listener: TcpListener, served: Served, stop: CancellationToken) {
    let router = router(served);
    let ended = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = ended {
        tracing::error!(error = &error as &dyn std::error::Error, "the HTTP server ended");
    }
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

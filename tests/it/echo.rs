//! A provider that repeats whom it is asked about in whatever it says: in hits, in errors, in answers
//! that are none.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

#[derive(Default)]
struct Counts {
    calls: AtomicUsize,
    failures: AtomicUsize,
    broken: AtomicUsize,
}

/// The provider, on a runtime of its own.
pub struct Echo {
    counts: Arc<Counts>,
    address: SocketAddr,
    _runtime: Runtime,
}

impl Echo {
    pub fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let (counts, address) = (Arc::default(), listener.local_addr().unwrap());
        let router = Router::new().route("/ask", post(answer)).with_state(Arc::clone(&counts));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { counts, address, _runtime: runtime }
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// How many calls it refused or failed.
    pub fn failures(&self) -> usize {
        self.counts.failures.load(Ordering::Relaxed)
    }

    /// How many answers were not JSON.
    pub fn broken(&self) -> usize {
        self.counts.broken.load(Ordering::Relaxed)
    }
}

async fn answer(State(counts): State<Arc<Counts>>, body: String) -> Response {
    let asked: Value = serde_json::from_str(&body).unwrap();
    let echo = asked.to_string();
    match counts.calls.fetch_add(1, Ordering::Relaxed) % 5 {
        0 | 1 => {
            let hit = json!({ "id": "vendor-1", "caption": asked["names"], "quote": echo });
            json!({ "hits": [hit] }).to_string().into_response()
        }
        2 => {
            counts.failures.fetch_add(1, Ordering::Relaxed);
            (StatusCode::INTERNAL_SERVER_ERROR, [("x-asked", "again")], echo).into_response()
        }
        3 => {
            counts.failures.fetch_add(1, Ordering::Relaxed);
            (StatusCode::UNPROCESSABLE_ENTITY, format!("{{\"problem\": {echo}}}")).into_response()
        }
        _ => {
            counts.broken.fetch_add(1, Ordering::Relaxed);
            format!("{{\"hits\": [{{\"id\": {echo}").into_response()
        }
    }
}

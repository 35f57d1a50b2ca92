//! The provider of the tests of faults: answers after some milliseconds, counts what it is asked, and
//! keeps when.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::HeaderMap, routing::post};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// How long it thinks.
const THINKS: Duration = Duration::from_millis(10);

struct Calls {
    begun: Instant,
    total: i64,
    under_way: i64,
    keeps_arrivals: bool,
    arrivals: Vec<Duration>,
}

/// A provider on a runtime of its own.
pub struct Stub {
    calls: Arc<Mutex<Calls>>,
    address: SocketAddr,
    _runtime: Runtime,
}

impl Stub {
    /// Starts it. `keeps_arrivals` says whether it keeps when each call arrived.
    pub fn start(keeps_arrivals: bool) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (begun, arrivals) = (Instant::now(), Vec::new());
        let calls = Calls { begun, total: 0, under_way: 0, keeps_arrivals, arrivals };
        let calls = Arc::new(Mutex::new(calls));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/ask", post(answer)).with_state(Arc::clone(&calls));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { calls, address, _runtime: runtime }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many calls arrived.
    pub fn total(&self) -> i64 {
        self.calls().total
    }

    /// How many calls it is at work on.
    pub fn under_way(&self) -> i64 {
        self.calls().under_way
    }

    /// When each call arrived, in order, if it keeps that.
    pub fn arrivals(&self) -> Vec<Duration> {
        self.calls().arrivals.clone()
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap()
    }
}

/// A call under way; it no longer is when its client is gone either.
struct UnderWay(Arc<Mutex<Calls>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().unwrap().under_way -= 1;
    }
}

/// The same answer to every repetition of a question: every fourth has a hit.
async fn answer(State(calls): State<Arc<Mutex<Calls>>>, headers: HeaderMap) -> Json<Value> {
    {
        let mut calls = calls.lock().unwrap();
        calls.total += 1;
        calls.under_way += 1;
        if calls.keeps_arrivals {
            let at = calls.begun.elapsed();
            calls.arrivals.push(at);
        }
    }
    let under_way = UnderWay(calls);
    let key = headers["idempotency-key"].to_str().unwrap();
    let hit = key.ends_with(['0', '4', '8', 'c']);
    tokio::time::sleep(THINKS).await;
    drop(under_way);
    Json(json!({ "hits": if hit { vec![json!({ "id": "entity-1" })] } else { Vec::new() } }))
}

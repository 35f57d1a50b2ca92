//! The connections: so many at once, none of which can hold up the daemon.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use super::{Served, router};
use crate::config::HttpSettings;

/// How long requests under way may take once the server stops.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long to wait after the system refused a connection: it lacks files or memory.
const REFUSED: Duration = Duration::from_secs(1);

/// Where a request's connection comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// The daemon cannot listen where it was told to.
#[derive(Debug, thiserror::Error)]
#[error("http.listen: cannot listen on {address}")]
pub struct ListenFault {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// Takes the address.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenFault> {
    TcpListener::bind(address).await.map_err(|source| ListenFault { address, source })
}

/// Answers requests until `stop` is cancelled. Then idle connections are closed at once, and requests
/// under way are answered if that takes no longer than [`GRACE`].
pub async fn serve(listener: TcpListener, served: Served, settings: HttpSettings, stop: CancellationToken) {
    let tasks = served.tasks.clone();
    let (audit, audited) = (TaskTracker::new(), CancellationToken::new());
    audit.spawn(served.reads.clone().keep_writing(audited.clone()));
    let router = router(served, &settings);
    let room = Arc::new(Semaphore::new(settings.max_connections as usize));
    let (connections, cut) = (TaskTracker::new(), CancellationToken::new());
    loop {
        let accept = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place.expect("nothing closes the semaphore"), listener.accept().await)
        };
        let (place, stream, peer) = match stop.run_until_cancelled(accept).await {
            None => break,
            Some((place, Ok((stream, peer)))) => (place, stream, Peer(peer)),
            Some((_, Err(error))) if is_of_one_client(&error) => continue,
            Some((_, Err(error))) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a connection cannot be accepted");
                tokio::time::sleep(REFUSED).await;
                continue;
            }
        };
        let connection = answer(stream, peer, router.clone(), settings.client_timeout, stop.clone());
        let cut = cut.clone();
        connections.spawn(async move {
            cut.run_until_cancelled(connection).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    tasks.close();
    let ended = async { tokio::join!(connections.wait(), tasks.wait()) };
    if tokio::time::timeout(GRACE, ended).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests under way are cut off");
        cut.cancel();
        connections.wait().await;
    }
    audited.cancel();
    audit.close();
    audit.wait().await;
}

/// Whether the client is the reason: it went away before it was accepted.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}

/// Answers the requests of one connection.
async fn answer(stream: TcpStream, peer: Peer, router: Router, patience: Duration, stop: CancellationToken) {
    // An answer is one piece: nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    // Whoever takes nothing in ends by this; whoever sends nothing by the deadline for the head, which
    // also runs while the connection is idle.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(patience));
    let asked = Arc::new(AtomicBool::new(false));
    let (router, ask) = (TowerToHyperService::new(router), Arc::clone(&asked));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        ask.store(true, Ordering::Relaxed);
        let span = tracing::debug_span!("request", http.method = %request.method(), http.path = request.uri().path());
        router.call(request).instrument(span)
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .serve_connection(TokioIo::new(Box::pin(stream)), service)
    );
    // A client that breaks off, or is too slow, is its own affair.
    if stop.run_until_cancelled(connection.as_mut()).await.is_some() {
        return;
    }
    // Hyper would wait for the first request of a connection that has had none.
    if asked.load(Ordering::Relaxed) {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

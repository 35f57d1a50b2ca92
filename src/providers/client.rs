//! The one place that builds HTTP clients.
//!
//! No client that carries a subject follows a redirect (a vendor's redirect would carry subject data and secrets to an
//! address that nobody configured); none takes a proxy from the environment, or repeats a call of its
//! own accord. Certificates are checked against the system's store.

use std::time::Duration;

/// What we call ourselves.
pub const USER_AGENT: &str = concat!("watchkeeper/", env!("CARGO_PKG_VERSION"));

/// How long an unused connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(30);

/// How long a silent connection lives before the kernel asks whether the other end is there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// A client that gives up connecting after `connect_timeout`, and on a whole call after `timeout`.
pub fn build(connect_timeout: Duration, timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    builder(connect_timeout, timeout).redirect(reqwest::redirect::Policy::none()).build()
}

/// A client for published files, which carries nothing of anybody and so may follow a few redirects.
pub fn for_downloads(
    connect_timeout: Duration,
    timeout: Duration,
) -> Result<reqwest::Client, reqwest::Error> {
    builder(connect_timeout, timeout).redirect(reqwest::redirect::Policy::limited(5)).build()
}

fn builder(connect_timeout: Duration, timeout: Duration) -> reqwest::ClientBuilder {
    // Fails when a provider is installed already: then TLS works just as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(connect_timeout)
        .timeout(timeout)
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(KEEPALIVE)
        .retry(reqwest::retry::never())
        .no_proxy()
}

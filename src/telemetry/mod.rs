//! What the program tells of itself: logs, metrics, readiness. Personal data cannot be told, because
//! its type has no `Display`.

mod asked;
pub mod health;
mod journal;
pub mod logs;
pub mod metrics;
#[cfg(feature = "opentelemetry")]
mod spans;

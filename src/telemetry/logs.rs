//! Logs: tracing to standard error, as text for people or JSON for machines.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFormat, LogSettings};

/// The filter of the log is not one.
#[derive(Debug, thiserror::Error)]
#[error(
    "log.level: {text:?} is not a filter; accepted are error, warn, info, debug, trace and target=level, with commas between"
)]
pub struct FilterFault {
    text: String,
}

/// Starts the log; once a process.
pub fn start(settings: &LogSettings) -> Result<(), FilterFault> {
    // sqlx says of every connection that an outage ends that it ended, and of slow statements what they
    // are: noise, asked for by name only.
    let directives = format!("warn,watchkeeper={level},sqlx=error", level = settings.level);
    let filter = if settings.level.contains([',', '=']) {
        EnvFilter::try_new(&settings.level)
    } else {
        EnvFilter::try_new(directives)
    };
    let filter = filter.map_err(|_| FilterFault { text: settings.level.clone() })?;
    let registry = tracing_subscriber::registry().with(filter);
    let started = match settings.format {
        LogFormat::Text => registry
            .with(
                fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_target(false),
            )
            .try_init(),
        LogFormat::Json => {
            registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init()
        }
    };
    // A second start in one process (a test) keeps the first log.
    drop(started);
    Ok(())
}

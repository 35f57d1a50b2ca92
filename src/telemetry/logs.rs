//! Logs: tracing to standard error, as text for people or JSON for machines, or to journald.

use std::{
    fs::File,
    io::{self, IsTerminal},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::Path,
};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, fmt, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

#[cfg(feature = "opentelemetry")]
use super::spans::Export;
use super::{
    asked::Asked,
    journal::{self, Journal},
};
use crate::config::{LogFormat, LogSettings, LogTarget, TelemetrySettings};

/// The variable in which systemd says which file it connects to the journal: device and inode.
pub const JOURNAL_STREAM: &str = "JOURNAL_STREAM";

/// Why the log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// The filter is not one.
    #[error(
        "log.level: {0:?} is not a filter; accepted are error, warn, info, debug, trace and target=level, with commas between"
    )]
    Filter(String),
    /// Journald is not there.
    #[error("log.to: journald does not answer at {}", journal::SOCKET)]
    Journald(#[source] io::Error),
    /// The program cannot export spans.
    #[error("telemetry.otlp-endpoint: this program was built without the feature opentelemetry")]
    WithoutExport,
    /// The collector's address is not one.
    #[cfg(feature = "opentelemetry")]
    #[error("telemetry.otlp-endpoint: spans cannot be exported")]
    Export(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// The running log; its end sends the last spans.
#[must_use = "spans are sent only while it is there"]
pub struct Log {
    #[cfg(feature = "opentelemetry")]
    _export: Option<Export>,
}

/// Starts the log, and the export of spans; once a process. `journal_stream` is the value of
/// [`JOURNAL_STREAM`], if it is set.
pub fn start(
    settings: &LogSettings,
    telemetry: &TelemetrySettings,
    journal_stream: Option<&str>,
) -> Result<Log, LogFault> {
    let lines = layer(settings, journal_stream)?.with_filter(Asked(filter(&settings.level)?));
    let log = tracing_subscriber::registry().with(lines);
    #[cfg(feature = "opentelemetry")]
    {
        let export = telemetry.otlp_endpoint.as_deref().map(Export::to).transpose()?;
        // A second start in one process (a test) keeps the first log.
        drop(log.with(export.as_ref().map(Export::layer)).try_init());
        Ok(Log { _export: export })
    }
    #[cfg(not(feature = "opentelemetry"))]
    {
        check(telemetry)?;
        drop(log.try_init());
        Ok(Log {})
    }
}

/// Whether this program can do what the settings ask.
pub fn check(telemetry: &TelemetrySettings) -> Result<(), LogFault> {
    if telemetry.otlp_endpoint.is_some() && !cfg!(feature = "opentelemetry") {
        return Err(LogFault::WithoutExport);
    }
    Ok(())
}

fn filter(level: &str) -> Result<EnvFilter, LogFault> {
    // sqlx says of every connection that an outage ends that it ended, and of slow statements what they
    // are: noise, asked for by name only.
    let directives = format!("warn,watchkeeper={level},sqlx=error");
    let directives = if level.contains([',', '=']) { level } else { &directives };
    EnvFilter::try_new(directives).map_err(|_| LogFault::Filter(level.to_owned()))
}

fn layer<S>(
    settings: &LogSettings,
    journal_stream: Option<&str>,
) -> Result<Box<dyn Layer<S> + Send + Sync>, LogFault>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let journal = || Journal::connect(Path::new(journal::SOCKET));
    match settings.to {
        LogTarget::Journald => return Ok(journal().map_err(LogFault::Journald)?.boxed()),
        // Where journald cannot be reached in spite of it, systemd takes standard error there.
        LogTarget::Auto if journal_stream.is_some_and(|stream| is_of(stream, io::stderr())) => {
            if let Ok(journal) = journal() {
                return Ok(journal.boxed());
            }
        }
        LogTarget::Auto | LogTarget::Stderr => {}
    }
    Ok(match settings.format {
        LogFormat::Text => fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(io::stderr).boxed(),
    })
}

/// Whether `stream`, written `device:inode`, is this file. A parent may have set the variable for a
/// standard error that this process no longer has.
fn is_of(stream: &str, file: impl AsFd) -> bool {
    let same = || {
        let (device, inode) = stream.split_once(':')?;
        let file: OwnedFd = file.as_fd().try_clone_to_owned().ok()?;
        let about = File::from(file).metadata().ok()?;
        Some(device.parse() == Ok(about.dev()) && inode.parse() == Ok(about.ino()))
    };
    same().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_stream_is_known_by_device_and_inode() {
        let (one, other) = UnixStream::pair().unwrap();
        let about = File::from(one.as_fd().try_clone_to_owned().unwrap()).metadata().unwrap();
        let stream = format!("{}:{}", about.dev(), about.ino());
        assert!(is_of(&stream, &one));
        assert!(!is_of(&stream, &other));
        assert!(!is_of("", &one) && !is_of("1:x", &one));
    }
}

//! The log in journald's own protocol: each line with its level, its place in the code and its fields, by
//! which `journalctl WATCHKEEPER_MONITOR_ID=…` finds it.
//!
//! Ours, because what is ready-made leaves the causes of an error out.

use std::{
    error::Error,
    fmt::{self, Write},
    io,
    os::unix::net::UnixDatagram,
    path::Path,
    time::Duration,
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

/// Where journald listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// How long a line may wait for a journald that does not read; then it is lost, and not the daemon held up.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends lines to journald.
pub(super) struct Journal(UnixDatagram);

impl Journal {
    /// Connects to journald; an error where there is none.
    pub(super) fn connect(socket: &Path) -> io::Result<Self> {
        let journal = UnixDatagram::unbound()?;
        journal.connect(socket)?;
        journal.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(journal))
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let about = event.metadata();
        let priority = match *about.level() {
            Level::ERROR => "3",
            Level::WARN => "4",
            Level::INFO => "6",
            Level::DEBUG | Level::TRACE => "7",
        };
        let mut line = Line::default();
        event.record(&mut line);
        let mut entry = Vec::with_capacity(256);
        put(&mut entry, "MESSAGE", &line.message());
        put(&mut entry, "PRIORITY", priority);
        put(&mut entry, "SYSLOG_IDENTIFIER", "watchkeeper");
        put(&mut entry, "CODE_MODULE", about.target());
        if let (Some(file), Some(number)) = (about.file(), about.line()) {
            put(&mut entry, "CODE_FILE", file);
            put(&mut entry, "CODE_LINE", &number.to_string());
        }
        for (name, value) in &line.fields {
            put(&mut entry, name, value);
        }
        // There is no other place to say that it failed.
        let _ = self.0.send(&entry);
    }
}

/// A field in the protocol's form: the length before the value, so that the value may hold anything.
fn put(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend_from_slice(name.as_bytes());
    entry.push(b'\n');
    entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

/// What an event says.
#[derive(Default)]
struct Line {
    sentence: String,
    /// Why something failed.
    why: String,
    /// By the names that they have in the code.
    others: String,
    fields: Vec<(String, String)>,
}

impl Line {
    /// All of it: `journalctl` shows nothing else.
    fn message(&self) -> String {
        format!("{}{}{}", self.sentence, self.why, self.others)
    }

    fn keep(&mut self, field: &Field, value: String) {
        let name = field.name();
        if name == "message" {
            self.sentence = value;
            return;
        }
        // A text takes every write.
        let _ = match name {
            "error" | "reason" => write!(self.why, ": {value}"),
            _ => write!(self.others, " {name}={value}"),
        };
        let name = name.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        self.fields.push((format!("WATCHKEEPER_{name}"), value));
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut chain = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            let _ = write!(chain, ": {error}");
            cause = error.source();
        }
        self.keep(field, chain);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.keep(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// The fields of an entry, as journald reads them.
    fn read(mut entry: &[u8]) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        while let Some(end) = entry.iter().position(|byte| *byte == b'\n') {
            let name = String::from_utf8(entry[..end].to_vec()).unwrap();
            let (length, rest) = entry[end + 1..].split_first_chunk::<8>().unwrap();
            let (value, rest) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).unwrap());
            fields.insert(name, String::from_utf8(value.to_vec()).unwrap());
            entry = rest.strip_prefix(b"\n").unwrap();
        }
        fields
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the database did not do it")]
    struct Failed(#[source] io::Error);

    #[test]
    fn a_line_has_its_level_its_fields_and_the_causes_of_its_error() {
        let socket = std::env::temp_dir().join(format!("watchkeeper-journal-{}", std::process::id()));
        let _ = std::fs::remove_file(&socket);
        let journald = UnixDatagram::bind(&socket).unwrap();
        let subscriber = tracing_subscriber::registry().with(Journal::connect(&socket).unwrap());
        std::fs::remove_file(&socket).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let error = Failed(io::Error::other("line one\nline two"));
            tracing::error!(monitor.id = %7, runs = 3, error = &error as &dyn Error, "a batch failed");
        });
        let mut entry = [0; 4096];
        let length = journald.recv(&mut entry).unwrap();
        let fields = read(&entry[..length]);
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        assert_eq!(
            field("MESSAGE"),
            "a batch failed: the database did not do it: line one\nline two monitor.id=7 runs=3"
        );
        assert_eq!((field("PRIORITY"), field("SYSLOG_IDENTIFIER")), ("3", "watchkeeper"));
        assert_eq!((field("WATCHKEEPER_MONITOR_ID"), field("WATCHKEEPER_RUNS")), ("7", "3"));
        assert_eq!(field("WATCHKEEPER_ERROR"), "the database did not do it: line one\nline two");
        assert!(field("CODE_FILE").ends_with("journal.rs"), "{fields:?}");
    }
}

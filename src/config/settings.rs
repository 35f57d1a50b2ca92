//! The checked settings of the process itself, and how each of its sections is checked.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{
    checker::{Checker, is_name},
    key::Key,
    raw::{RawAudit, RawDatabase, RawEngine, RawHttp, RawLog, RawStorage, RawTelemetry, RawVault},
    sources::SecretFile,
};
use crate::domain::{api_key, cadence::CronPattern, personal::Personal};

/// `[database]`: the PostgreSQL that keeps everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DatabaseSettings {
    /// Where it is, if it is not to be a cluster of our own. A secret.
    #[serde(skip)]
    pub url: Option<Personal<String>>,
    /// How many connections the process opens at most.
    pub max_connections: u32,
    /// How long one statement may take.
    pub statement_timeout: Duration,
    /// The name under which the server lists the connections.
    pub application_name: String,
}

/// `[vault]`: the master keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct VaultSettings {
    /// The key that seals; always one of `master_keys`, and none only where there are none.
    pub current: Option<String>,
    /// The files of all keys that still open something, by key id.
    pub master_keys: BTreeMap<String, SecretFile>,
}

/// `[http]`: the way in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HttpSettings {
    /// Where the API and the dashboard listen.
    pub listen: SocketAddr,
    /// How many clients may be connected.
    pub max_connections: u32,
    /// How long a client may take to send or to take in.
    pub client_timeout: Duration,
    /// How many requests a minute a key of the API may make of this process, unless the key says it.
    pub requests_per_minute: u32,
    /// Proxies whose word on where a request comes from is believed.
    pub trusted_proxies: Vec<IpNet>,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Where the log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogTarget {
    /// To journald where systemd connects standard error to it, else to standard error.
    Auto,
    /// To standard error.
    Stderr,
    /// To journald, in its own protocol.
    Journald,
}

/// `[log]`: what is said about the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogSettings {
    /// A filter such as `info,watchkeeper::engine=debug`.
    pub level: String,
    /// How a line is written.
    pub format: LogFormat,
    /// Where it goes.
    pub to: LogTarget,
}

/// `[telemetry]`: what is told to other programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TelemetrySettings {
    /// Where spans go, if anywhere.
    pub otlp_endpoint: Option<String>,
}

/// `[engine]`: how much at once, how long, how often.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EngineSettings {
    /// How many due monitors one statement takes.
    pub claim_batch: u32,
    /// How many answers one transaction records.
    pub record_batch: u32,
    /// How long an answer waits for company.
    pub record_linger: Duration,
    /// How many runs the process has under way at most.
    pub max_in_flight: u32,
    /// How long one run may take.
    pub run_deadline: Duration,
    /// How many attempts a run has.
    pub max_attempts: u32,
    /// How long the first retry waits.
    pub retry_base: Duration,
    /// How long a retry waits at most.
    pub retry_max: Duration,
    /// When every account is compared with the schedules, in UTC.
    pub reconcile: CronPattern,
    /// How long runs under way may take to finish at the end.
    pub drain_deadline: Duration,
    /// How often the process looks for due monitors while there are none.
    pub walk_interval: Duration,
    /// How long a writing transaction takes at most.
    pub longest_write_transaction: Duration,
    /// When partitions are made, in UTC.
    pub partitions: CronPattern,
    /// How long a process must be seen to stand still before its shards are taken from it.
    pub lease_time: Duration,
    /// When what is due is redacted, in UTC.
    pub sweep: CronPattern,
    /// Which share of the time a sweep may work.
    pub sweep_load: f64,
    /// How many objects one transaction of a sweep looks at.
    pub sweep_batch: u32,
}

/// `[storage]`: how long things are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StorageSettings {
    /// When old months are compacted and dropped, in UTC.
    pub compact: CronPattern,
    /// How long a clear run is kept whole.
    pub keep_clear_runs: Duration,
    /// How long events are kept; for ever when none.
    pub keep_events: Option<Duration>,
    /// The folder of what the daemon keeps on this host: versions of lists.
    pub folder: Option<PathBuf>,
}

/// `[audit]`: what proves what was done, outside the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AuditSettings {
    /// When it is noted how the audit log stands, in UTC.
    pub checkpoint: CronPattern,
    /// The folder that this is noted in; nowhere when none.
    pub checkpoint_folder: Option<PathBuf>,
    /// The folder of the erasure ledger; there is none when none.
    pub ledger_folder: Option<PathBuf>,
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn database(check: &mut Checker<'_>, raw: RawDatabase) -> DatabaseSettings {
    let key = Key::of("database");
    if let Some(url) = &raw.url
        && !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme))
    {
        check.refuse(&key.at("url"), "accepted is a URL that starts with postgres://");
    }
    let name = &raw.application_name;
    if !(1..=63).contains(&name.len()) || name.contains(char::is_control) {
        check.refuse(&key.at("application-name"), "accepted is a text of 1 to 63 characters");
    }
    let (least, most) = (Duration::from_millis(100), Duration::from_mins(10));
    DatabaseSettings {
        url: raw.url.map(Personal::new),
        max_connections: check.count(&key.at("max-connections"), raw.max_connections, 2..=1000),
        statement_timeout: check.duration(&key.at("statement-timeout"), raw.statement_timeout, least..=most),
        application_name: raw.application_name,
    }
}

pub(super) fn vault(check: &mut Checker<'_>, raw: RawVault) -> VaultSettings {
    let (section, mut master_keys, written) = (Key::of("vault"), BTreeMap::new(), raw.master_keys.len());
    for (index, raw) in raw.master_keys.into_iter().enumerate() {
        let key = section.at("master-keys").item(index);
        let id = check.needed(&key.at("id"), raw.id, "the key's id");
        let file = check.needed(&key.at("file"), raw.file, "a path to a file of 64 hexadecimal digits");
        let file = file.map(|file| check.secret_file(&key.at("file"), &file));
        let (Some(id), Some(file)) = (id, file) else { continue };
        if !is_name(&id) {
            check.refuse(&key.at("id"), "accepted is an id of small letters, digits and dashes, at most 64");
        } else if master_keys.insert(id, file).is_some() {
            check.refuse(&key.at("id"), "accepted is each id once");
        }
    }
    let current = section.at("current");
    match &raw.current {
        Some(id) if master_keys.len() == written && !check.is_broken(&section.at("master-keys")) => {
            let ids: Vec<&str> = master_keys.keys().map(String::as_str).collect();
            check.known(&current, id, "the id of a master key", &ids);
        }
        None if !master_keys.is_empty() => {
            check.needed::<()>(&current, None, "the id of a master key");
        }
        Some(_) | None => {}
    }
    VaultSettings { current: raw.current, master_keys }
}

pub(super) fn http(check: &mut Checker<'_>, raw: &RawHttp) -> Option<HttpSettings> {
    let key = Key::of("http");
    let refused = "accepted is an IP address and a port, such as 127.0.0.1:8470";
    let listen = raw.listen.parse().map_err(|_| check.refuse(&key.at("listen"), refused));
    let (least, most) = (Duration::from_secs(1), Duration::from_mins(10));
    let max_connections = check.count(&key.at("max-connections"), raw.max_connections, 1..=65_536);
    let client_timeout = check.duration(&key.at("client-timeout"), raw.client_timeout, least..=most);
    let requests = &key.at("requests-per-minute");
    let requests_per_minute = check.count(requests, raw.requests_per_minute, 1..=100_000_000);
    let key = key.at("trusted-proxies");
    let mut trusted_proxies = Vec::new();
    for text in &raw.trusted_proxies {
        match api_key::network(text) {
            Some(network) => trusted_proxies.push(network),
            None => check.refuse(&key, "accepted are addresses and networks, such as 10.0.0.0/8"),
        }
    }
    Some(HttpSettings {
        listen: listen.ok()?,
        max_connections,
        client_timeout,
        requests_per_minute,
        trusted_proxies,
    })
}

pub(super) fn log(check: &mut Checker<'_>, raw: RawLog) -> LogSettings {
    let accepted = |part: &str| {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level).trim().to_lowercase();
        LEVELS.contains(&level.as_str())
    };
    if !raw.level.split(',').all(accepted) {
        let levels = LEVELS.join(", ");
        let text = format!(
            "accepted is a level ({levels}) or levels by module, such as info,watchkeeper::engine=debug"
        );
        check.refuse(&Key::of("log").at("level"), text);
    }
    LogSettings { level: raw.level, format: raw.format, to: raw.to }
}

pub(super) fn telemetry(check: &mut Checker<'_>, raw: RawTelemetry) -> TelemetrySettings {
    let key = Key::of("telemetry").at("otlp-endpoint");
    if let Some(endpoint) = &raw.otlp_endpoint {
        let host = endpoint.strip_prefix("http://").unwrap_or_default();
        if host.is_empty() || host.contains(['@', '?', '#']) || host.contains(char::is_whitespace) {
            check.refuse(&key, "accepted is a URL that starts with http:// and holds neither user nor query");
        }
    }
    TelemetrySettings { otlp_endpoint: raw.otlp_endpoint }
}

pub(super) fn engine(check: &mut Checker<'_>, raw: &RawEngine) -> Option<EngineSettings> {
    let section = Key::of("engine");
    let key = |name: &str| section.at(name);
    let (millis, secs, mins) = (Duration::from_millis, Duration::from_secs, Duration::from_mins);
    let retry_base = check.duration(&key("retry-base"), raw.retry_base, millis(100)..=mins(60));
    let reconcile = check.pattern(&key("reconcile"), &raw.reconcile);
    let partitions = check.pattern(&key("partitions"), &raw.partitions);
    let sweep = check.pattern(&key("sweep"), &raw.sweep);
    let settings = EngineSettings {
        claim_batch: check.count(&key("claim-batch"), raw.claim_batch, 1..=10_000),
        record_batch: check.count(&key("record-batch"), raw.record_batch, 1..=10_000),
        record_linger: check.duration(&key("record-linger"), raw.record_linger, Duration::ZERO..=secs(1)),
        max_in_flight: check.count(&key("max-in-flight"), raw.max_in_flight, 1..=100_000),
        run_deadline: check.duration(&key("run-deadline"), raw.run_deadline, secs(1)..=mins(10)),
        max_attempts: check.count(&key("max-attempts"), raw.max_attempts, 1..=100),
        retry_base,
        retry_max: check.duration(&key("retry-max"), raw.retry_max, retry_base..=mins(7 * 24 * 60)),
        drain_deadline: check.duration(&key("drain-deadline"), raw.drain_deadline, secs(1)..=mins(10)),
        walk_interval: check.duration(&key("walk-interval"), raw.walk_interval, millis(10)..=mins(1)),
        longest_write_transaction: check.duration(
            &key("longest-write-transaction"),
            raw.longest_write_transaction,
            secs(1)..=mins(5),
        ),
        lease_time: check.duration(&key("lease-time"), raw.lease_time, secs(1)..=mins(10)),
        sweep_load: check.rate(&key("sweep-load"), raw.sweep_load, 1.0),
        sweep_batch: check.count(&key("sweep-batch"), raw.sweep_batch, 1..=1000),
        // Last, so that everything else has been checked.
        reconcile: reconcile?,
        partitions: partitions?,
        sweep: sweep?,
    };
    Some(settings)
}

pub(super) fn storage(check: &mut Checker<'_>, raw: &RawStorage) -> Option<StorageSettings> {
    let section = Key::of("storage");
    let day = Duration::from_hours(24);
    // A month is over, and its last commits are certain, long before it is compacted.
    let bounds = day * 31..=day * 36_500;
    let keep_clear_runs = check.duration(&section.at("keep-clear-runs"), raw.keep_clear_runs, bounds.clone());
    let keep_events =
        raw.keep_events.map(|keep| check.duration(&section.at("keep-events"), keep, bounds.clone()));
    let compact = check.pattern(&section.at("compact"), &raw.compact)?;
    let folder = raw.folder.as_ref().map(|folder| check.path(&section.at("folder"), folder));
    Some(StorageSettings { compact, keep_clear_runs, keep_events, folder })
}

pub(super) fn audit(check: &mut Checker<'_>, raw: &RawAudit) -> Option<AuditSettings> {
    let section = Key::of("audit");
    let mut folder = |key: &str, folder: &Option<String>| {
        folder.as_ref().map(|folder| check.path(&section.at(key), folder))
    };
    let checkpoint_folder = folder("checkpoint-folder", &raw.checkpoint_folder);
    let ledger_folder = folder("ledger-folder", &raw.ledger_folder);
    let checkpoint = check.pattern(&section.at("checkpoint"), &raw.checkpoint)?;
    Some(AuditSettings { checkpoint, checkpoint_folder, ledger_folder })
}

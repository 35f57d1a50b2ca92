//! Metrics by Prometheus' conventions: base units, `_total`, no label without bound.
//!
//! One table below names each metric, its unit, and its help. Gauges of the whole database
//! (`accounts_to_enrol`, `hits_open` and the like) are the same in every process of a fleet: take their
//! maximum; so are those of schedules. Gauges of what is due cover the shards that the process holds: take their sum. Whatever would need
//! a full count of a large table is counted up to a bound, and stays there when there is more.

mod plain;
mod process;

use std::sync::{Arc, atomic::AtomicU64};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

/// Labels of a run.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RunLabels {
    /// The schedule.
    pub schedule: String,
    /// What the run ended with.
    pub outcome: &'static str,
}

/// Labels of a call to a provider.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct CallLabels {
    /// The provider.
    pub provider: String,
    /// `answered`, or the class of failure.
    pub verdict: &'static str,
}

/// One provider.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ProviderLabels {
    /// The provider.
    pub provider: String,
}

/// Labels of a provider's quota.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct QuotaLabels {
    /// The provider.
    pub provider: String,
    /// `day` or `month`.
    pub period: &'static str,
}

/// One schedule.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ScheduleLabels {
    /// The schedule.
    pub schedule: String,
}

/// Labels of a change to hits.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct HitLabels {
    /// The schedule.
    pub schedule: String,
    /// `opened`, `changed`, `gone` or `back`.
    pub change: &'static str,
}

/// One policy of retention.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct PolicyLabels {
    /// Its name.
    pub policy: String,
}

/// Why somebody is not screened.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct BlindSpotLabels {
    /// `in-no-schedule`, `never-run`, `overdue` or `unscreenable`.
    pub reason: &'static str,
}

/// What a pause stops.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ScopeLabels {
    /// `everything`, `provider`, `schedule` or `account`.
    pub scope: &'static str,
}

/// One list in the version that is in use.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ListVersionLabels {
    /// The list.
    pub list: String,
    /// Its version.
    pub version: String,
}

/// One list.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ListLabels {
    /// The list.
    pub list: String,
}

/// The state of connections.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ConnectionLabels {
    /// `idle` or `used`.
    pub state: &'static str,
}

/// The program.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct BuildLabels {
    /// Its version.
    pub version: &'static str,
}

/// A gauge that is no whole number.
pub type Fraction = Gauge<f64, AtomicU64>;
/// Histograms by labels.
pub type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The prefix of all metrics but those of the process.
pub const PREFIX: &str = "watchkeeper";

/// Makes of one table the struct, its registration, and the list of names.
macro_rules! metrics {
    ($($field:ident: $kind:ty = $make:expr, $name:literal, $unit:expr, $help:literal;)*) => {
        /// All metrics of the process.
        #[derive(Clone, Debug)]
        pub struct Metrics {
            registry: Arc<Registry>,
            $(#[doc = concat!($help, ".")] pub $field: $kind,)*
        }

        /// The name and unit of each metric, without prefix and `_total`.
        pub const NAMES: &[(&str, Option<Unit>)] = &[$(($name, $unit)),*];

        impl Metrics {
            /// Registers all metrics.
            pub fn new() -> Self {
                let mut root = Registry::default();
                root.register_collector(Box::new(process::Process::started_now()));
                let registry = root.sub_registry_with_prefix(PREFIX);
                $(
                    let $field: $kind = $make;
                    match $unit {
                        None => registry.register($name, $help, $field.clone()),
                        Some(unit) => registry.register_with_unit($name, $help, unit, $field.clone()),
                    }
                )*
                let metrics = Self { registry: Arc::new(root), $($field),* };
                let version = env!("CARGO_PKG_VERSION");
                metrics.build.get_or_create(&BuildLabels { version }).set(1);
                metrics
            }
        }
    };
}

const SECONDS: Option<Unit> = Some(Unit::Seconds);

metrics! {
    runs: Family<RunLabels, Counter> = Family::default(), "runs", None,
        "Runs recorded, by schedule and outcome";
    lateness: Histograms<ScheduleLabels> = Family::new_with_constructor(of_lateness), "run_lateness", SECONDS,
        "How long after their time runs began";
    beyond_objective: Family<ScheduleLabels, Counter> = Family::default(), "runs_beyond_objective", None,
        "Runs recorded longer after their time than the schedule's objective";
    objective: Family<ScheduleLabels, Fraction> = Family::default(), "schedule_objective", SECONDS,
        "How long after its time a run is recorded at most, as the configuration says";
    objective_missed: Family<ScheduleLabels, Gauge> = Family::default(), "schedule_objective_missed", None,
        "Whether a monitor of the schedule waits for longer than the objective (1)";
    longest_wait: Family<ScheduleLabels, Fraction> = Family::default(), "schedule_oldest_due_age", SECONDS,
        "How long the longest waiting monitor of a schedule with an objective has been due, 0 when none is";
    in_flight: Family<ProviderLabels, Gauge> = Family::default(), "runs_in_flight", None,
        "Runs between dispatch and record";
    postponed: Family<ProviderLabels, Counter> = Family::default(), "runs_postponed", None,
        "Runs put off because an attempt failed";
    due: Family<ProviderLabels, Gauge> = Family::default(), "monitors_due", None,
        "Monitors whose time has come, in the shards of this process, counted up to 100 a shard";
    overdue: Family<ProviderLabels, Gauge> = Family::default(), "monitors_overdue", None,
        "Monitors whose time came more than a minute ago, counted as monitors_due is";
    oldest_due_age: Family<ProviderLabels, Fraction> = Family::default(), "oldest_due_age", SECONDS,
        "How long the longest waiting monitor has been due, 0 when none is";
    urgent: Gauge = Gauge::default(), "urgent_runs_waiting", None,
        "Urgent runs waiting in the database, counted up to 10000";
    quarantined: Gauge = Gauge::default(), "monitors_quarantined", None,
        "Monitors set aside because their runs killed processes or panicked, counted up to 10000";
    enrolled: Family<ScheduleLabels, Counter> = Family::default(), "monitors_enrolled", None,
        "Monitors enrolled";
    enrol_queue: Gauge = Gauge::default(), "accounts_to_enrol", None,
        "Changed accounts that enrolment has not looked at, counted up to 10000";
    retention_redacted: Family<PolicyLabels, Counter> = Family::default(), "retention_redacted", None,
        "Objects and fields that sweeps redacted, by policy";
    retention_failed: Counter = Counter::default(), "retention_failed", None,
        "Times that something due could not be redacted, and was put off";
    retention_due: Gauge = Gauge::default(), "retention_due", None,
        "Objects and fields that are due to be redacted, counted up to 400 a shard";
    retention_oldest_due_age: Fraction = Fraction::default(), "retention_oldest_due_age", SECONDS,
        "How long the oldest of what is due to be redacted has been due, 0 when nothing is";
    hits: Family<HitLabels, Counter> = Family::default(), "hit_changes", None,
        "Hits opened, changed and gone";
    open_hits: Gauge = Gauge::default(), "hits_open", None,
        "Hits that nobody has decided on, counted up to 10000";
    blind_spots: Family<BlindSpotLabels, Gauge> = Family::default(), "blind_spots", None,
        "Who is not screened, in the shards of this process: accounts in no schedule, or without a name to screen; \
         monitors that never ran, or are overdue; counted whole every ten minutes";
    pauses: Family<ScopeLabels, Gauge> = Family::default(), "pauses", None,
        "What somebody paused, by scope; accounts are counted up to 1000";
    calls: Family<CallLabels, Counter> = Family::default(), "provider_calls", None,
        "Calls to providers, by verdict";
    call_duration: Histograms<ProviderLabels> = Family::new_with_constructor(of_calls),
        "provider_call_duration", SECONDS, "How long providers took to answer";
    places_left: Family<ProviderLabels, Gauge> = Family::default(), "provider_places_left", None,
        "Calls that could be under way besides those that are, the rate aside";
    permits: Family<ProviderLabels, Counter> = Family::default(), "provider_permits", None,
        "Permits granted to this process";
    permits_left: Family<ProviderLabels, Gauge> = Family::default(), "provider_permits_left", None,
        "Permits granted and not used yet";
    retries_held_back: Family<ProviderLabels, Counter> = Family::default(), "provider_retries_held_back", None,
        "Repeated attempts put off because there were too many";
    rest: Family<ProviderLabels, Gauge> = Family::default(), "provider_rest", SECONDS,
        "How much longer the provider is left alone, 0 when it is not";
    breaker_open: Family<ProviderLabels, Gauge> = Family::default(), "provider_breaker_open", None,
        "Whether the provider's circuit breaker is open (1)";
    quota_left: Family<QuotaLabels, Gauge> = Family::default(), "provider_quota_left", None,
        "Calls left of the provider's quota, by period";
    shards_held: Gauge = Gauge::default(), "shards_held", None,
        "Shards that this process works on, of 256 in the fleet";
    reloads_refused: Counter = Counter::default(), "reloads_refused", None,
        "Reloads of the configuration that were refused";
    revision: Gauge = Gauge::default(), "configuration_revision", None,
        "Number of the configuration that this process runs, 0 while it has none";
    lists: Family<ListVersionLabels, Gauge> = Family::default(), "list_info", None,
        "The version of each list that is in use, always 1";
    list_loaded_at: Family<ListLabels, Fraction> = Family::default(), "list_loaded_timestamp", SECONDS,
        "When the version of the list that is in use came into use";
    list_age: Family<ListLabels, Fraction> = Family::default(), "list_age", SECONDS,
        "How long ago the source of each published list last confirmed it, or its files were written";
    list_stale: Family<ListLabels, Gauge> = Family::default(), "list_stale", None,
        "Whether the list is older than its max-age (1)";
    list_refused: Family<ListLabels, Gauge> = Family::default(), "list_refused", None,
        "Whether a newer version of the list is refused (1)";
    list_entities: Family<ListLabels, Gauge> = Family::default(), "list_entities", None,
        "Entities of the list in the version that is in use";
    list_refusals: Family<ListLabels, Counter> = Family::default(), "list_refusals", None,
        "Versions of lists that were refused";
    list_failures: Family<ListLabels, Counter> = Family::default(), "list_fetch_failures", None,
        "Looks at the sources of lists that failed";
    record_batch: Histogram = Histogram::new(exponential_buckets(1.0, 2.0, 12)), "record_batch_runs", None,
        "Runs that were recorded in one transaction";
    record_duration: Histogram = Histogram::new(exponential_buckets(0.001, 2.0, 14)),
        "record_commit_duration", SECONDS, "How long transactions of the recorder took that committed";
    record_retries: Counter = Counter::default(), "record_retries", None,
        "Transactions of the recorder tried again";
    partition_months_ahead: Gauge = Gauge::default(), "partition_months_ahead", None,
        "Months after this one whose partitions are made; below 2 somebody should look";
    connections: Family<ConnectionLabels, Gauge> = Family::default(), "database_connections", None,
        "Open connections to PostgreSQL, by state";
    most_connections: Gauge = Gauge::default(), "database_connections_max", None,
        "Connections to PostgreSQL that the process may open";
    acquires: Counter = Counter::default(), "database_acquires", None,
        "Connections asked of the pool";
    acquire_wait: Counter<f64, AtomicU64> = Counter::default(), "database_acquire_wait", SECONDS,
        "How long the pool let those wait who asked for a connection, in all";
    acquire_timeouts: Counter = Counter::default(), "database_acquire_timeouts", None,
        "Connections that the pool could not give in time";
    clock_skew: Fraction = Gauge::default(), "database_clock_skew", SECONDS,
        "How far the database's clock is ahead of this host's, which decides nothing";
    sampled_at: Fraction = Gauge::default(), "sample_timestamp", SECONDS,
        "When the gauges that are read from the database were last read, by the database's clock";
    sample_failures: Counter = Counter::default(), "sample_failures", None,
        "Readings of those gauges given up because they took too long";
    ready: Gauge = Gauge::default(), "ready", None,
        "1 when /readyz says that the daemon is to be relied on, else 0";
    build: Family<BuildLabels, Gauge> = Family::default(), "build_info", None,
        "The program's version, always 1";
}

fn of_calls() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 4.0, 10))
}

fn of_lateness() -> Histogram {
    Histogram::new([0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 21600.0, 86400.0])
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The form of an exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// Prometheus' own text format, which every scraper reads.
    Plain,
}

impl Form {
    /// The form that an `Accept` header asks for: the better of the two; plain when it names neither.
    pub fn accepted(header: &str) -> Self {
        let quality = |kind: &str| {
            let wanted = header.split(',').filter(|one| one.trim().starts_with(kind));
            let qualities = wanted.map(|one| {
                let quality = one.split(';').find_map(|part| part.trim().strip_prefix("q="));
                quality.and_then(|text| text.trim().parse::<f64>().ok()).unwrap_or(1.0)
            });
            qualities.fold(0.0, f64::max)
        };
        let open = quality("application/openmetrics-text");
        if open > 0.0 && open >= quality("text/plain") { Self::OpenMetrics } else { Self::Plain }
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl Metrics {
    /// Forgets the gauges of providers and lists: a configuration without some of them may be about to run, and
    /// those that it has are set again within a second. What was counted stays.
    pub fn forget_providers(&self) {
        for gauges in [
            &self.in_flight,
            &self.due,
            &self.overdue,
            &self.places_left,
            &self.permits_left,
            &self.rest,
            &self.breaker_open,
        ] {
            gauges.clear();
        }
        self.objective.clear();
        self.objective_missed.clear();
        self.longest_wait.clear();
        self.oldest_due_age.clear();
        self.quota_left.clear();
        self.lists.clear();
        self.list_loaded_at.clear();
        self.list_age.clear();
        for gauges in [&self.list_stale, &self.list_refused, &self.list_entities] {
            gauges.clear();
        }
    }

    /// The metrics as text.
    pub fn encode(&self, form: Form) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes all");
        match form {
            Form::OpenMetrics => text,
            Form::Plain => plain::of(&text),
        }
    }
}

#[cfg(test)]
mod tests;

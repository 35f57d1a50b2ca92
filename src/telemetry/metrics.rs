//! Metrics by Prometheus' conventions: base units, `_total`, no label without bound.

use std::sync::Arc;

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

/// All metrics of the process.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Runs recorded.
    pub runs: Family<RunLabels, Counter>,
    /// Calls to providers.
    pub calls: Family<CallLabels, Counter>,
    /// How long providers took to answer, seconds.
    pub call_duration: Family<ProviderLabels, Histogram, fn() -> Histogram>,
    /// How long after their time runs began, seconds.
    pub lateness: Family<ScheduleLabels, Histogram, fn() -> Histogram>,
    /// Changes to hits.
    pub hits: Family<HitLabels, Counter>,
    /// Runs between dispatch and record.
    pub in_flight: Family<ProviderLabels, Gauge>,
    /// Runs put off because an attempt failed.
    pub postponed: Family<ProviderLabels, Counter>,
    /// Monitors enrolled.
    pub enrolled: Family<ScheduleLabels, Counter>,
    /// Transactions of the recorder that had to be tried again.
    pub record_retries: Counter,
    /// Months ahead that have their partitions.
    pub partition_months_ahead: Gauge,
    /// Connections to PostgreSQL.
    pub connections: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers all metrics.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("watchkeeper");
        let runs = Family::default();
        registry.register("runs", "Runs recorded, by schedule and outcome", runs.clone());
        let calls = Family::default();
        registry.register("provider_calls", "Calls to providers, by verdict", calls.clone());
        let call_duration: Family<ProviderLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_1, 4.0, 10)));
        registry.register_with_unit(
            "provider_call_duration",
            "How long providers took to answer",
            Unit::Seconds,
            call_duration.clone(),
        );
        let lateness: Family<ScheduleLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| {
                Histogram::new([0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 21600.0, 86400.0])
            });
        registry.register_with_unit(
            "run_lateness",
            "How long after their time runs began",
            Unit::Seconds,
            lateness.clone(),
        );
        let hits = Family::default();
        registry.register("hit_changes", "Hits opened, changed and gone", hits.clone());
        let in_flight = Family::default();
        registry.register("runs_in_flight", "Runs between dispatch and record", in_flight.clone());
        let postponed = Family::default();
        registry.register("runs_postponed", "Runs put off because an attempt failed", postponed.clone());
        let enrolled = Family::default();
        registry.register("monitors_enrolled", "Monitors enrolled", enrolled.clone());
        let record_retries = Counter::default();
        registry.register(
            "record_retries",
            "Transactions of the recorder tried again",
            record_retries.clone(),
        );
        let partition_months_ahead = Gauge::default();
        registry.register(
            "partition_months_ahead",
            "Months after this one whose partitions are made; below 2 somebody should look",
            partition_months_ahead.clone(),
        );
        let connections = Gauge::default();
        registry.register("database_connections", "Open connections to PostgreSQL", connections.clone());
        Self {
            registry: Arc::new(registry),
            runs,
            calls,
            call_duration,
            lateness,
            hits,
            in_flight,
            postponed,
            enrolled,
            record_retries,
            partition_months_ahead,
            connections,
        }
    }

    /// The metrics in the text format of `OpenMetrics`.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes all");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_carry_the_prefix_units_and_total() {
        let metrics = Metrics::new();
        metrics.runs.get_or_create(&RunLabels { schedule: "daily".to_owned(), outcome: "clear" }).inc();
        let text = metrics.encode();
        assert!(text.contains(r#"watchkeeper_runs_total{schedule="daily",outcome="clear"} 1"#), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}

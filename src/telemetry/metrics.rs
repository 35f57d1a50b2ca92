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
    /// Repetitions held back because there were too many.
    pub retries_held_back: Family<ProviderLabels, Counter>,
    /// Permits that the fleet granted to this process.
    pub permits: Family<ProviderLabels, Counter>,
    /// Permits granted that nobody has used yet.
    pub permits_left: Family<ProviderLabels, Gauge>,
    /// Calls left of quotas.
    pub quota_left: Family<QuotaLabels, Gauge>,
    /// How much longer providers rest, seconds.
    pub rest: Family<ProviderLabels, Gauge>,
    /// Circuit breakers: 1 while open.
    pub breaker_open: Family<ProviderLabels, Gauge>,
    /// Monitors enrolled.
    pub enrolled: Family<ScheduleLabels, Counter>,
    /// Transactions of the recorder that had to be tried again.
    pub record_retries: Counter,
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
        let retries_held_back = Family::default();
        registry.register(
            "provider_retries_held_back",
            "Repeated attempts put off because there were too many",
            retries_held_back.clone(),
        );
        let permits = Family::default();
        registry.register("provider_permits", "Permits granted to this process", permits.clone());
        let permits_left = Family::default();
        registry.register("provider_permits_left", "Permits granted and not used yet", permits_left.clone());
        let quota_left = Family::default();
        registry.register("provider_quota_left", "Calls left of the fleet's quota", quota_left.clone());
        let rest = Family::default();
        registry.register_with_unit(
            "provider_rest",
            "How much longer the provider is left alone",
            Unit::Seconds,
            rest.clone(),
        );
        let breaker_open = Family::default();
        registry.register(
            "provider_breaker_open",
            "Whether the circuit breaker is open (1)",
            breaker_open.clone(),
        );
        let enrolled = Family::default();
        registry.register("monitors_enrolled", "Monitors enrolled", enrolled.clone());
        let record_retries = Counter::default();
        registry.register(
            "record_retries",
            "Transactions of the recorder tried again",
            record_retries.clone(),
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
            retries_held_back,
            permits,
            permits_left,
            quota_left,
            rest,
            breaker_open,
            enrolled,
            record_retries,
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

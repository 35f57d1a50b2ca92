//! Spans of runs, batches and requests, for a collector: OpenTelemetry over HTTP.
//!
//! They are made at the level `debug`, which the log's filter leaves out: where nothing is exported they
//! cost a look at a flag. Nothing in them but ids, names and numbers.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

/// How long the collector may take for a batch.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends spans in the background until it is dropped, which sends the last ones.
pub(super) struct Export(SdkTracerProvider);

impl Export {
    /// Begins to export to the collector at `endpoint`.
    pub(super) fn to(endpoint: &str) -> Result<Self, ExporterBuildError> {
        // The exporter makes its own client, and takes the provider of the process. It exists already where
        // something else has set it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(PATIENCE)
            .build()?;
        let about = Resource::builder().with_service_name("watchkeeper").build();
        Ok(Self(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(about).build()))
    }

    /// What takes the spans, whatever the log's filter says.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let ours = Targets::new().with_target("watchkeeper", LevelFilter::DEBUG);
        tracing_opentelemetry::layer().with_tracer(self.0.tracer("watchkeeper")).with_filter(ours)
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::debug!(error = &error as &dyn std::error::Error, "the last spans were not sent");
        }
    }
}

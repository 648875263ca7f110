//! Logs and metrics of the process.

use std::io::IsTerminal as _;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::shared::traces::Traces;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people, coloured on a terminal.
    #[default]
    Pretty,
    /// One JSON object a line, for collectors.
    Json,
}

/// Starts logging to standard error. `filter` is in the syntax of `RUST_LOG`, which wins where it is set.
/// Traces go the same way, whatever is logged. A second call changes nothing.
pub fn start_logging(format: LogFormat, filter: &str, traces: Option<&Traces>) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    // It logs what it cannot read, and that may be what a candidate said.
    let filter = match "async_openai=off".parse() {
        Ok(quiet) => filter.add_directive(quiet),
        Err(_) => filter,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Pretty => lines.with_ansi(std::io::stderr().is_terminal()).compact().boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let both = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(traces.map(Traces::layer));
    // An error means that logging runs already, as in tests.
    let _ = both.try_init();
}

/// Starts collecting metrics; the handle renders them for Prometheus.
///
/// # Errors
/// When metrics are collected already.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    buckets()?.install_recorder()
}

/// A handle that collects nothing; for routers in tests, where one process holds many.
pub fn idle_metrics() -> PrometheusHandle {
    PrometheusBuilder::new().build_recorder().handle()
}

/// From the candidate's last word to Emma's first, in seconds.
pub const TURN_LATENCY: &str = "emma_turn_latency_seconds";

fn buckets() -> Result<PrometheusBuilder, BuildError> {
    /// From a database lookup to a slow upload.
    const SECONDS: [f64; 10] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];
    /// Finest where a difference is felt in talk.
    const TURN_SECONDS: [f64; 12] = [0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0];
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Full(TURN_LATENCY.to_owned()), &TURN_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: OPS-2
    #[test]
    fn the_delay_of_a_turn_is_told_finely_where_it_is_felt() {
        let recorder = buckets().expect("some").build_recorder();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!(TURN_LATENCY).record(0.7);
            metrics::histogram!("emma_other_seconds").record(0.7);
        });
        let told = recorder.handle().render();
        for line in [
            "emma_turn_latency_seconds_bucket{le=\"0.65\"} 0",
            "emma_turn_latency_seconds_bucket{le=\"0.8\"} 1",
            "emma_other_seconds_bucket{le=\"0.5\"} 0",
            "emma_other_seconds_bucket{le=\"1\"} 1",
        ] {
            assert!(told.contains(line), "{line} in\n{told}");
        }
    }
}

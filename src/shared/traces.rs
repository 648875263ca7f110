//! Traces: the spans of requests, jobs and calls, sent to a collector over OTLP.
//!
//! Only names, ids, numbers and times leave: spans of Emma's own, without what was logged inside them. A thread of its
//! own sends them. While the collector is slow or gone they wait in a bounded queue, and those for which there is no
//! room are dropped: nobody in a call waits for a collector.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Level, Span, Subscriber, debug, warn};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// What the spans say they are of, where `OTEL_SERVICE_NAME` says nothing else.
const SERVICE: &str = "emma";
/// Spans that wait to be sent; when full the newest is dropped. A call makes some five a turn.
const QUEUE: usize = 4096;
const BATCH: usize = 256;
/// How long a span waits for others to go with it.
const GATHERING: Duration = Duration::from_secs(2);
/// A collector that takes longer has lost this batch.
const SENDING: Duration = Duration::from_secs(5);
/// How long the process waits for the last spans to go.
const FLUSHING: Duration = Duration::from_secs(5);
/// What a collector answers is a handful of bytes; more is not read.
const MAX_ANSWER: usize = 64 * 1024;

/// The way to the collector.
pub struct Traces {
    provider: SdkTracerProvider,
}

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    #[error("HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    #[error("OTLP: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

impl Traces {
    /// Sends to the collector at this address, `http://host:4318`; `/v1/traces` is added. Headers it wants are read from
    /// `OTEL_EXPORTER_OTLP_HEADERS`. Nothing is connected yet: a collector may come and go.
    ///
    /// # Errors
    /// When the address is none.
    pub fn open(endpoint: &str) -> Result<Self, TracesError> {
        let courier = Courier {
            client: reqwest::Client::builder().timeout(SENDING).build()?,
            runtime: Handle::current(),
            failing: AtomicBool::new(false),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(courier)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(SENDING)
            .build()?;
        let queue = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(GATHERING)
            .build();
        let resource = Resource::builder();
        let resource = if std::env::var_os("OTEL_SERVICE_NAME").is_some() {
            resource
        } else {
            resource.with_service_name(SERVICE)
        };
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(queue).build())
            .with_resource(resource.build())
            .build();
        Ok(Self { provider })
    }

    /// What turns spans into traces, for the subscriber.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            // No log lines, and nothing of libraries: what sends the spans would trace itself.
            .with_filter(filter_fn(|metadata| {
                let of_emma = metadata.target() == SERVICE || metadata.target().starts_with("emma::");
                metadata.is_span() && of_emma && *metadata.level() <= Level::INFO
            }))
    }

    /// Sends what waits, for five seconds at most, and sends nothing any more.
    pub async fn shut_down(self) {
        let flushed = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(FLUSHING));
        match tokio::time::timeout(FLUSHING * 2, flushed).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => warn!(%error, "the last traces could not be sent"),
            Ok(Err(_)) | Err(_) => warn!("the last traces could not be sent in time"),
        }
    }
}

/// Makes a request's span part of the trace its sender named in `traceparent` (W3C Trace Context). To be called before
/// the span is entered; what cannot be read is passed over.
pub fn continue_from(headers: &HeaderMap, span: &Span) {
    if headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // An error means that no traces are sent.
        let _ = span.set_parent(parent);
    }
}

/// Carries batches, on the runtime's client from the exporter's thread.
#[derive(Debug)]
struct Courier {
    client: reqwest::Client,
    runtime: Handle,
    /// The last batch did not arrive: that is said once.
    failing: AtomicBool,
}

#[async_trait]
impl HttpClient for Courier {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move { send(&client, request).await }).await;
        let answer = sent
            .map_err(HttpError::from)
            .and_then(|answer| answer.map_err(HttpError::from));
        let failed = !answer.as_ref().is_ok_and(|answer| answer.status().is_success());
        match (failed, self.failing.swap(failed, Ordering::Relaxed)) {
            (true, false) => warn!("the collector does not take traces; they are dropped until it does"),
            (false, true) => debug!("the collector takes traces again"),
            _ => {}
        }
        metrics::counter!("emma_trace_batches_total", "outcome" => if failed { "failed" } else { "ok" }).increment(1);
        answer
    }
}

async fn send(client: &reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let sending = client
        .request(parts.method, parts.uri.to_string())
        .headers(parts.headers)
        .body(body);
    let mut answer = sending.send().await?;
    let mut read = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if read.len() + piece.len() > MAX_ANSWER {
            break;
        }
        read.extend_from_slice(&piece);
    }
    let mut response = Response::new(Bytes::from(read));
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}

//! What every response passes through: its id, its log line, time limit, panics, protective headers.

use std::any::Any;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use opentelemetry::trace::Status;
use tokio::time::Instant;
use tracing::{Instrument as _, debug, error, info, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::shared::http::problem::{Problem, ProblemKind};
use crate::shared::ids::fresh_hex;
use crate::shared::traces;

/// A handler that takes longer is given up.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; media-src 'self' blob:; worker-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// Gives the request an id, a span, a log line and metrics. Only the route's pattern is logged, never its
/// path: that of an interview holds the secret of the invitation.
pub async fn observe(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str)
        .to_owned();
    let method = request.method().clone();
    let method_reads = method.is_safe();
    let id = fresh_hex();
    let started = Instant::now();
    let span = info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.method = %method,
        http.route = route,
        request.id = id
    );
    traces::continue_from(request.headers(), &span);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    span.set_attribute("http.response.status_code", i64::from(status));
    if status >= 500 {
        span.set_status(Status::error(""));
    }
    // What only reads is the bulk and tells an operator little.
    let only_reads = method_reads && status < 400;
    span.in_scope(|| {
        if only_reads {
            return debug!(
                http.status = status,
                elapsed_ms = elapsed.as_millis() as u64,
                "request answered"
            );
        }
        info!(
            http.status = status,
            elapsed_ms = elapsed.as_millis() as u64,
            "request answered"
        );
    });
    let labels = [
        ("method", method.to_string()),
        ("route", route),
        ("status", status.to_string()),
    ];
    metrics::counter!("emma_http_requests_total", &labels).increment(1);
    metrics::histogram!("emma_http_request_duration_seconds", &labels).record(elapsed.as_secs_f64());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Gives a request up after 30 s.
pub async fn limit_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(ProblemKind::Unavailable, "the request took too long").into_response(),
    }
}

/// Keeps browsers from guessing, framing, leaking links or running foreign code.
pub async fn harden(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let may_cache = path.starts_with("/static/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_POLICY),
    );
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if !may_cache {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Answers a request whose handler panicked.
#[expect(clippy::needless_pass_by_value, reason = "the shape tower-http asks for")]
pub fn answer_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    error!(panic = message.unwrap_or("unknown"), "a request handler panicked");
    Problem::from(ProblemKind::Internal).into_response()
}

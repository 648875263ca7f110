//! Asking a service over HTTP: bounded in time and size, and once more where that may help.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, StatusCode, Url, redirect};

use crate::shared::errors::UpstreamError;

/// How long a service may ask to be left alone; more is cut.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two tries, with up to as much again at random.
const PAUSE: Duration = Duration::from_millis(150);

/// How much a service is given.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For one try, from the first byte sent to the last one received.
    pub timeout: Duration,
    /// Further tries after a timeout, a broken connection or a 5xx.
    pub retries: u32,
    /// Size of an answer.
    pub max_bytes: usize,
}

/// An answer that came whole. Its status is not 429 and not 5xx.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    /// Empty where it does not say.
    pub content_type: String,
    pub body: Vec<u8>,
}

/// A client for one service.
///
/// # Errors
/// When no TLS configuration can be made.
pub fn client(base: &Url, user_agent: &str) -> reqwest::Result<Client> {
    // Whoever comes first installs it; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(user_agent)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(redirect::Policy::limited(3));
    // A server on this machine is not reached through a proxy.
    let local = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if local { builder.no_proxy() } else { builder }.build()
}

/// Sends the request, which must be fit to be sent twice, and reads the whole answer.
///
/// # Errors
/// When no answer came, or one that says the service failed; of several tries the last one's.
pub async fn ask(request: &RequestBuilder, limits: Limits) -> Result<Reply, UpstreamError> {
    let mut tries = 0;
    loop {
        let once = async {
            let request = request
                .try_clone()
                .ok_or_else(|| failed("the request cannot be sent again"))?;
            once(request, limits.max_bytes).await
        };
        let result = tokio::time::timeout(limits.timeout, once).await;
        let error = match result.unwrap_or(Err(UpstreamError::TimedOut)) {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        if tries >= limits.retries || !may_pass(&error) {
            return Err(error);
        }
        tries += 1;
        tokio::time::sleep(PAUSE.mul_f64(1.0 + rand::random::<f64>())).await;
    }
}

/// Whether the same request may succeed a moment later. Who says when to come back is not asked before.
fn may_pass(error: &UpstreamError) -> bool {
    match error {
        UpstreamError::TimedOut | UpstreamError::Unreachable | UpstreamError::Failed(_) => true,
        UpstreamError::Overloaded { retry_after } => retry_after.is_none(),
        UpstreamError::TooLarge(_) => false,
    }
}

async fn once(request: RequestBuilder, max_bytes: usize) -> Result<Reply, UpstreamError> {
    let mut answer = request.send().await.map_err(|e| sending(&e))?;
    let status = answer.status();
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            // Without a time a rate limit is not asked again at once either.
            let retry_after = wait(answer.headers()).or(Some(Duration::from_secs(5)));
            return Err(UpstreamError::Overloaded { retry_after });
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            let retry_after = wait(answer.headers());
            return Err(UpstreamError::Overloaded { retry_after });
        }
        StatusCode::GATEWAY_TIMEOUT => return Err(UpstreamError::TimedOut),
        status if status.is_server_error() => return Err(failed(format!("it answered {}", status.as_u16()))),
        _ => {}
    }
    let content_type = answer.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|_| failed("its answer broke off"))? {
        if body.len() + piece.len() > max_bytes {
            return Err(UpstreamError::TooLarge(max_bytes));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Reply {
        status,
        content_type,
        body,
    })
}

fn sending(error: &reqwest::Error) -> UpstreamError {
    if error.is_timeout() {
        UpstreamError::TimedOut
    } else if error.is_connect() {
        UpstreamError::Unreachable
    } else {
        failed("the connection broke")
    }
}

fn failed(what: impl Into<String>) -> UpstreamError {
    UpstreamError::Failed(what.into())
}

/// `Retry-After` in seconds; a date counts as not said.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

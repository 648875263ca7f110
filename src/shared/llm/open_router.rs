//! Any OpenAI-compatible server, hosted or local, told apart by its base URL: `OpenRouter`, `OpenAI`, vLLM, Ollama, llama.cpp.

use std::error::Error as _;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_openai::Client;
use async_openai::config::Config as OpenAiConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_trait::async_trait;
use futures::{Stream, StreamExt as _};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::shared::llm::assemble::ToolCalls;
use crate::shared::llm::wire::{self, Dialect};
use crate::shared::llm::{ChatEvent, ChatModel, ChatRequest, FinishReason, LlmError, Usage};

/// A server that takes longer to connect to is not there.
const CONNECT: Duration = Duration::from_secs(5);
/// After the last word the count of tokens may still come; nobody waits longer for it.
const USAGE_WAIT: Duration = Duration::from_millis(500);
/// An error page or an answer in one piece is read up to this, bytes.
const MOST_BODY: usize = 512 * 1024;
/// Requests with something left out, before a refusal stands.
const ADAPTATIONS: usize = 6;

type Events = Pin<Box<dyn Stream<Item = Result<Value, OpenAIError>> + Send>>;

/// A chat model behind an OpenAI-compatible HTTP interface.
pub struct OpenRouterLlmAdapter {
    client: Client<Endpoint>,
    http: reqwest::Client,
    endpoint: Endpoint,
    model: String,
    /// Learnt from refusals, so that a request is refused once and not every time.
    dialect: Mutex<Dialect>,
}

/// Where the server is and how it is told who asks.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Without a slash at its end, e.g. `https://openrouter.ai/api/v1`.
    base: String,
    key: SecretString,
}

impl Endpoint {
    pub fn new(base_url: &str, key: Option<SecretString>) -> Self {
        Self {
            base: base_url.trim().trim_end_matches('/').to_owned(),
            key: key.unwrap_or_default(),
        }
    }

    /// The server's host, for logs and the record of a call; no path, no credentials.
    pub fn host(&self) -> String {
        let host = reqwest::Url::parse(&self.base).ok();
        host.and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default()
    }

    fn is_local(&self) -> bool {
        let host = self.host();
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|ip| ip.is_loopback())
    }

    fn tells_prices(&self) -> bool {
        self.host().ends_with("openrouter.ai")
    }
}

impl OpenAiConfig for Endpoint {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let key = self.key.expose_secret();
        if !key.is_empty()
            && let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {key}"))
        {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if self.tells_prices() {
            headers.insert(HeaderName::from_static("x-title"), HeaderValue::from_static("Emma"));
        }
        headers
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

impl OpenRouterLlmAdapter {
    /// A model on this server.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(endpoint: Endpoint, model: impl Into<String>) -> Result<Self, LlmError> {
        // A redirect would take the key's owner and the candidate's words to a host that nobody configured.
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none());
        if endpoint.is_local() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|e| LlmError::Unavailable(e.to_string()))?;
        let sender = http.clone();
        // The library's own service retries behind our back and hides Retry-After: requests go out here instead.
        let service = tower::service_fn(move |request: HttpRequestFactory| {
            let http = sender.clone();
            async move {
                let request = request.build().await?;
                let response = http.execute(request).await.map_err(|e| boxed(unreachable(&e)))?;
                checked(response).await.map_err(boxed)
            }
        });
        Ok(Self {
            client: Client::build(http.clone(), endpoint.clone()).with_http_service(service),
            http,
            endpoint,
            model: model.into(),
            dialect: Mutex::default(),
        })
    }

    /// The server's host.
    pub fn host(&self) -> String {
        self.endpoint.host()
    }

    /// Whether the server answers and takes the key. Costs nothing: it asks for the list of models.
    ///
    /// # Errors
    /// As a request for an answer would fail.
    pub async fn ping(&self, timeout: Duration) -> Result<(), LlmError> {
        let request = self
            .http
            .get(self.endpoint.url("/models"))
            .headers(self.endpoint.headers());
        let asked = request.timeout(timeout).send().await.map_err(|e| unreachable(&e))?;
        match asked.status() {
            // Not every server lists its models; it is there all the same.
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(refusal(asked).await),
        }
    }

    fn dialect(&self) -> Dialect {
        *self.dialect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the request; one that the server does not understand is sent again without what it refused.
    async fn open(&self, request: &ChatRequest) -> Result<Events, LlmError> {
        let mut dialect = self.dialect();
        for _ in 0..ADAPTATIONS {
            let body = wire::body(&self.model, request, dialect, self.endpoint.tells_prices());
            match self.client.chat().create_stream_byot::<_, Value>(body).await {
                Ok(events) => {
                    *self.dialect.lock().unwrap_or_else(PoisonError::into_inner) = dialect;
                    return Ok(events);
                }
                Err(error) => {
                    let error = mapped(error);
                    let LlmError::Rejected(message) = &error else {
                        return Err(error);
                    };
                    let Some(next) = dialect.after_refusal(message, request) else {
                        return Err(error);
                    };
                    debug!(?next, "the language model's server refused a part of the request");
                    dialect = next;
                }
            }
        }
        Err(LlmError::Rejected("whatever is left out".to_owned()))
    }
}

#[async_trait]
impl ChatModel for OpenRouterLlmAdapter {
    async fn stream(&self, request: ChatRequest) -> Result<mpsc::Receiver<Result<ChatEvent, LlmError>>, LlmError> {
        let deadline = Instant::now() + request.timeout;
        let opened = timeout_at(deadline, self.open(&request)).await;
        let source = opened.unwrap_or(Err(LlmError::TimedOut))?;
        // Bounded: the model waits for a slow reader.
        let (events, receiver) = mpsc::channel(64);
        let pump = Pump {
            source,
            events,
            deadline,
            most_text: request.max_tokens as usize * 16 + 1_024,
        };
        tokio::spawn(pump.run());
        Ok(receiver)
    }

    fn model(&self) -> &str {
        &self.model
    }
}

/// Reads one answer.
struct Pump {
    source: Events,
    events: mpsc::Sender<Result<ChatEvent, LlmError>>,
    deadline: Instant,
    /// A server that does not hold to `max_tokens` is cut off here, bytes.
    most_text: usize,
}

impl Pump {
    async fn run(mut self) {
        let last = self.read().await;
        let Some(last) = last else { return };
        // A closed channel means that nobody wants the answer any more.
        let _ = self.events.send(last).await;
    }

    /// Hands on all events but the last, which it returns; `None` when the reader is gone.
    async fn read(&mut self) -> Option<Result<ChatEvent, LlmError>> {
        let mut calls = ToolCalls::default();
        let (mut finish, mut usage, mut read) = (None, Usage::default(), 0);
        let mut deadline = self.deadline;
        loop {
            let next = tokio::select! {
                biased;
                () = self.events.closed() => return None,
                next = timeout_at(deadline, self.source.next()) => next,
            };
            let event = match next {
                Ok(Some(Ok(event))) => event,
                // The words are complete: a count of tokens that is late or broken changes nothing.
                Ok(Some(Err(_)) | None) | Err(_) if finish.is_some() => break,
                Ok(Some(Err(error))) => return Some(Err(mapped(error))),
                Ok(None) => return Some(Err(LlmError::Unavailable("the stream ended early".to_owned()))),
                Err(_) => return Some(Err(LlmError::TimedOut)),
            };
            let piece = wire::read(&event);
            if let Some(error) = piece.error {
                return Some(Err(error));
            }
            read += piece.text.len() + piece.fragments.iter().map(|f| f.arguments.len() + 16).sum::<usize>();
            usage = piece.usage.unwrap_or(usage);
            piece.fragments.into_iter().for_each(|f| calls.push(f));
            if !piece.text.is_empty() && self.events.send(Ok(ChatEvent::Text(piece.text))).await.is_err() {
                return None;
            }
            if read > self.most_text {
                finish = Some(FinishReason::Length);
                break;
            }
            if piece.finish.is_some() && finish.is_none() {
                finish = piece.finish;
                deadline = deadline.min(Instant::now() + USAGE_WAIT);
            }
        }
        let reason = finish.unwrap_or(FinishReason::Stop);
        let calls = calls.finish();
        // Some servers end with "stop" although tools were called.
        let reason = match reason {
            FinishReason::Stop if !calls.is_empty() => FinishReason::ToolCalls,
            reason => reason,
        };
        for call in calls {
            if self.events.send(Ok(ChatEvent::ToolCall(call))).await.is_err() {
                return None;
            }
        }
        Some(Ok(ChatEvent::Finished { reason, usage }))
    }
}

/// Takes a response that holds a stream of events; an answer in one piece is made one.
async fn checked(response: Response) -> Result<Response, LlmError> {
    if !response.status().is_success() {
        return Err(refusal(response).await);
    }
    let kind = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    if kind.starts_with("application/json") {
        let body = bounded_body(response).await?;
        let one_line = serde_json::from_str::<Value>(&body).map_err(|e| LlmError::Malformed(e.to_string()))?;
        return Ok(Response::from(axum::http::Response::new(format!(
            "data: {one_line}\n\ndata: [DONE]\n\n"
        ))));
    }
    if kind.starts_with("text/html") {
        return Err(LlmError::Malformed("a web page in place of an answer".to_owned()));
    }
    Ok(response)
}

async fn refusal(response: Response) -> LlmError {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let body = bounded_body(response).await.unwrap_or_default();
    let message = serde_json::from_str::<Value>(&body)
        .ok()
        .and_then(|v| {
            let error = v.get("error")?;
            error.get("message").unwrap_or(error).as_str().map(str::to_owned)
        })
        .unwrap_or(body);
    let message = format!("status {}: {}", status.as_u16(), wire::shortened(&message));
    match status.as_u16() {
        401 | 403 => LlmError::Unauthorized,
        408 | 504 => LlmError::TimedOut,
        429 | 503 | 529 => LlmError::Overloaded { retry_after },
        400..=499 => LlmError::Rejected(message),
        // llama.cpp's Python server answers 500 to a field that it does not know.
        500 if message.contains("validation error") => LlmError::Rejected(message),
        _ => LlmError::Unavailable(message),
    }
}

/// Seconds, or a date; a date is taken for "a while".
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().to_owned();
    let seconds: f64 = text.parse().unwrap_or(30.0);
    Duration::try_from_secs_f64(seconds.clamp(0.0, 3_600.0)).ok()
}

async fn bounded_body(mut response: Response) -> Result<String, LlmError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| unreachable(&e))? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BODY {
            return Err(LlmError::Malformed("an answer without end".to_owned()));
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn unreachable(error: &reqwest::Error) -> LlmError {
    if error.is_timeout() {
        return LlmError::TimedOut;
    }
    let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    LlmError::Unavailable(wire::shortened(&cause))
}

fn boxed(error: LlmError) -> OpenAIError {
    OpenAIError::Boxed(Box::new(error))
}

fn mapped(error: OpenAIError) -> LlmError {
    match error {
        OpenAIError::Boxed(error) => match error.downcast::<LlmError>() {
            Ok(own) => *own,
            Err(other) => LlmError::Unavailable(wire::shortened(&other.to_string())),
        },
        OpenAIError::Reqwest(error) => unreachable(&error),
        OpenAIError::StreamError(_) => LlmError::Unavailable("the stream broke".to_owned()),
        OpenAIError::JSONDeserialize(..) => LlmError::Malformed("an event that is no JSON".to_owned()),
        other => LlmError::Unavailable(wire::shortened(&other.to_string())),
    }
}

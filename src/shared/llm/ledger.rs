//! Keeps a record of every request: tokens, cost, times, how it ended. Nothing of what was said.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span, warn};

use crate::shared::errors::StoreError;
use crate::shared::llm::{ChatEvent, ChatModel, ChatRequest, LlmError, Purpose, Usage};

/// Where records are kept.
#[async_trait]
pub trait RequestLog: Send + Sync {
    async fn put(&self, record: Record) -> Result<(), StoreError>;
    /// What was spent, by purpose and model; of one subject, or of all.
    async fn costs(&self, subject: Option<&str>) -> Result<Vec<CostLine>, StoreError>;
}

/// One request and how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub purpose: Purpose,
    /// Id of the call or job offer it was for.
    pub subject: Option<String>,
    /// Prompt and version, e.g. `interviewer.v1`.
    pub prompt: String,
    pub model: String,
    /// `ok`, `cancelled` (nobody wanted the rest), `cached` (answered from what was kept) or the kind of the error.
    pub outcome: &'static str,
    pub usage: Usage,
    pub first_token: Option<Duration>,
    pub latency: Duration,
}

/// What one model cost for one purpose.
#[derive(Debug, Clone, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct CostLine {
    #[schema(example = "interview")]
    pub purpose: String,
    pub model: String,
    pub requests: u64,
    /// Requests that brought no whole answer; those that nobody wanted any more are not among them.
    pub failed: u64,
    /// Requests given up because the candidate went on speaking.
    pub cancelled: u64,
    /// Requests answered from what was kept, for nothing.
    pub cached: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Millionths of a US dollar; null where no price is known.
    pub cost_micro_usd: Option<u64>,
    pub first_token_ms_mean: Option<f64>,
    pub first_token_ms_max: Option<u64>,
    pub latency_ms_mean: f64,
}

/// Price of a model where its server does not tell it, US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    pub prompt: f64,
    pub completion: f64,
}

impl Price {
    /// Dollars per million tokens are millionths of a dollar per token.
    fn of(self, usage: Usage) -> u64 {
        (self.prompt * usage.prompt_tokens as f64 + self.completion * usage.completion_tokens as f64).round() as u64
    }
}

/// A model whose requests are recorded.
pub struct Ledger {
    pub model: Arc<dyn ChatModel>,
    pub log: Arc<dyn RequestLog>,
    pub price: Option<Price>,
}

#[async_trait]
impl ChatModel for Ledger {
    async fn stream(&self, request: ChatRequest) -> Result<mpsc::Receiver<Result<ChatEvent, LlmError>>, LlmError> {
        let mut entry = Entry {
            record: Some(Record {
                purpose: request.purpose,
                subject: request.subject.clone(),
                prompt: request.prompt.clone(),
                model: self.model.model().to_owned(),
                outcome: "cancelled",
                usage: Usage::default(),
                first_token: None,
                latency: Duration::ZERO,
            }),
            began: Instant::now(),
            log: self.log.clone(),
            price: self.price,
            span: info_span!(
                "llm",
                otel.kind = "client",
                llm.purpose = request.purpose.as_str(),
                llm.model = self.model.model(),
                llm.prompt = request.prompt,
                llm.prompt_tokens = Empty,
                llm.completion_tokens = Empty,
                first_token_ms = Empty,
                outcome = Empty
            ),
        };
        let asked = self.model.stream(request).instrument(entry.span.clone());
        let mut source = match asked.await {
            Ok(source) => source,
            Err(error) => {
                entry.ended(error.kind());
                return Err(error);
            }
        };
        // Bounded: the model waits for a slow reader.
        let (events, receiver) = mpsc::channel(64);
        tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    biased;
                    () = events.closed() => return,
                    event = source.recv() => event,
                };
                let Some(event) = event else {
                    return entry.ended("malformed");
                };
                match &event {
                    Ok(ChatEvent::Finished { usage, .. }) => {
                        entry.counted(*usage);
                        entry.ended("ok");
                    }
                    Ok(ChatEvent::Text(_) | ChatEvent::ToolCall(_)) => entry.first_token(),
                    Ok(ChatEvent::AnsweredBy(_)) => {}
                    Err(error) => entry.ended(error.kind()),
                }
                if events.send(event).await.is_err() {
                    return;
                }
                if entry.record.is_none() {
                    return;
                }
            }
        });
        Ok(receiver)
    }

    fn model(&self) -> &str {
        self.model.model()
    }
}

/// A record being made; dropped before its end it says that nobody wanted the rest.
struct Entry {
    record: Option<Record>,
    began: Instant,
    log: Arc<dyn RequestLog>,
    price: Option<Price>,
    /// From the request to the end of its answer.
    span: Span,
}

impl Entry {
    fn first_token(&mut self) {
        let elapsed = self.began.elapsed();
        if let Some(record) = &mut self.record {
            record.first_token.get_or_insert(elapsed);
        }
    }

    fn counted(&mut self, usage: Usage) {
        let price = self.price;
        if let Some(record) = &mut self.record {
            let known = usage.prompt_tokens + usage.completion_tokens > 0;
            let own = price.filter(|_| known).map(|price| price.of(usage));
            record.usage = Usage {
                cost_micro_usd: usage.cost_micro_usd.or(own),
                ..usage
            };
        }
    }

    fn ended(&mut self, outcome: &'static str) {
        if let Some(record) = &mut self.record {
            record.outcome = outcome;
        }
        self.store();
    }

    fn store(&mut self) {
        let Some(mut record) = self.record.take() else { return };
        record.latency = self.began.elapsed();
        let span = std::mem::replace(&mut self.span, Span::none());
        span.record("outcome", record.outcome)
            .record("llm.prompt_tokens", record.usage.prompt_tokens)
            .record("llm.completion_tokens", record.usage.completion_tokens);
        if let Some(first) = record.first_token {
            span.record("first_token_ms", first.as_millis() as u64);
        }
        metrics::counter!("emma_llm_requests_total", "purpose" => record.purpose.as_str(), "outcome" => record.outcome)
            .increment(1);
        metrics::counter!("emma_llm_tokens_total", "kind" => "prompt").increment(record.usage.prompt_tokens);
        metrics::counter!("emma_llm_tokens_total", "kind" => "completion").increment(record.usage.completion_tokens);
        if let Some(first) = record.first_token {
            metrics::histogram!("emma_llm_first_token_seconds").record(first.as_secs_f64());
        }
        let log = self.log.clone();
        // The answer does not wait for its record.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = log.put(record).await {
                warn!(%error, "a request to the language model could not be recorded");
            }
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.store();
    }
}

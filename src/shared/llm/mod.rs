//! The language model as a port: a conversation and tools go in, text and tool calls stream out.
//!
//! What a model says is data. Nothing it returns is believed without a check by the caller.

pub mod cached;
pub mod costs;
pub mod ledger;
pub mod open_router;
pub mod replies;
pub mod resilient;

mod assemble;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::mpsc;

/// A chat model, local or hosted. Retries, fallbacks and the record of costs are adapters around another one.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// Starts an answer. Its events come in order and end with [`ChatEvent::Finished`] or an error. Dropping the
    /// receiver cancels the request. The channel holds 64 events; the model waits for a slow reader.
    async fn stream(&self, request: ChatRequest) -> Result<mpsc::Receiver<Result<ChatEvent, LlmError>>, LlmError>;
    /// The model's name as its server knows it.
    fn model(&self) -> &str;
}

/// What one request is for; costs are told apart by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Emma's next words in a call.
    Interview,
    /// The interview plan of a job offer.
    Plan,
    /// Finding evidence in a transcript.
    Evidence,
    /// Rating a criterion from its evidence.
    Scoring,
    /// A summary of what no longer fits into the history.
    Summary,
}

#[derive(Debug, Clone)]
pub struct ChatRequest {
    pub purpose: Purpose,
    /// Id of the call or job offer it is for; costs are kept under it.
    pub subject: Option<String>,
    /// Name and version of the prompt it was made with, e.g. `interviewer.v1`.
    pub prompt: String,
    pub messages: Vec<ChatMessage>,
    /// Empty where the model may only speak.
    pub tools: Vec<ToolSpec>,
    /// Where set, the answer is to be JSON of this schema. Servers differ in how strictly they hold to it: check.
    pub schema: Option<AnswerSchema>,
    pub max_tokens: u32,
    /// 0 is the most deterministic.
    pub temperature: f32,
    pub seed: Option<i64>,
    /// Time for the whole answer.
    pub timeout: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ChatMessage {
    System(String),
    User(String),
    /// What the model said before, and the tools it called.
    Assistant {
        text: String,
        calls: Vec<ToolCall>,
    },
    /// What a tool gave back.
    Tool {
        call_id: String,
        content: String,
    },
}

/// A tool the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// The shape an answer must have.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerSchema {
    pub name: String,
    pub schema: Value,
}

/// A tool call as the model made it. The arguments are text: they may be no JSON at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ChatEvent {
    /// Comes first, where another model answers than [`ChatModel::model`] names: a fallback.
    AnsweredBy(String),
    Text(String),
    /// Whole: its fragments were put together.
    ToolCall(ToolCall),
    Finished {
        reason: FinishReason,
        usage: Usage,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    Stop,
    ToolCalls,
    /// `max_tokens` was reached.
    Length,
    /// The server withheld the rest.
    Filtered,
}

/// Tokens of one request, as the server counted them; zero where it did not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Millionths of a US dollar, where the server tells the price (`OpenRouter` does).
    pub cost_micro_usd: Option<u64>,
}

/// Why there is no answer, or no rest of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    #[error("the language model did not answer in time")]
    TimedOut,
    #[error("the language model is overloaded")]
    Overloaded { retry_after: Option<Duration> },
    #[error("the language model's server refused the key")]
    Unauthorized,
    #[error("the language model's server refused the request: {0}")]
    Rejected(String),
    #[error("the language model's server failed: {0}")]
    Unavailable(String),
    #[error("the language model's answer could not be read: {0}")]
    Malformed(String),
}

impl Purpose {
    /// The word it is stored under.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interview => "interview",
            Self::Plan => "plan",
            Self::Evidence => "evidence",
            Self::Scoring => "scoring",
            Self::Summary => "summary",
        }
    }
}

impl LlmError {
    /// One word for logs and the record of costs. The message itself may echo what was sent: it stays out of logs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TimedOut => "timed_out",
            Self::Overloaded { .. } => "overloaded",
            Self::Unauthorized => "unauthorized",
            Self::Rejected(_) => "rejected",
            Self::Unavailable(_) => "unavailable",
            Self::Malformed(_) => "malformed",
        }
    }

    /// Whether the same request may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Overloaded { .. } | Self::Unavailable(_))
    }
}

/// An answer in one piece.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub usage: Usage,
    /// The model that gave it, as its server knows it.
    pub model: String,
}

/// Waits for the whole answer.
///
/// # Errors
/// As the model's; [`LlmError::TimedOut`] when the request's own timeout runs out first, [`LlmError::Malformed`] when
/// the stream ends without its last event.
pub async fn complete(model: &dyn ChatModel, request: ChatRequest) -> Result<Answer, LlmError> {
    let timeout = request.timeout;
    let whole = async {
        let mut events = model.stream(request).await?;
        let mut answer = Answer {
            model: model.model().to_owned(),
            ..Answer::default()
        };
        while let Some(event) = events.recv().await {
            match event? {
                ChatEvent::AnsweredBy(model) => answer.model = model,
                ChatEvent::Text(text) => answer.text.push_str(&text),
                ChatEvent::ToolCall(call) => answer.calls.push(call),
                ChatEvent::Finished { usage, .. } => {
                    answer.usage = usage;
                    return Ok(answer);
                }
            }
        }
        Err(LlmError::Unavailable("the stream ended early".to_owned()))
    };
    tokio::time::timeout(timeout, whole)
        .await
        .unwrap_or(Err(LlmError::TimedOut))
}

/// Reads JSON from an answer. Models wrap it in Markdown fences or a sentence now and then: the outermost object counts.
///
/// # Errors
/// [`LlmError::Malformed`] where there is none of this shape.
pub fn json_of<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, LlmError> {
    let whole = serde_json::from_str(text.trim());
    let found = whole.or_else(|error| match (text.find('{'), text.rfind('}')) {
        (Some(first), Some(last)) if first < last => serde_json::from_str(&text[first..=last]),
        _ => Err(error),
    });
    found.map_err(|error| LlmError::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_found_inside_fences_and_sentences() {
        for text in [
            r#"{"a": 1}"#,
            "```json\n{\"a\": 1}\n```",
            "Here it is: {\"a\": 1} Anything else?",
        ] {
            let value: Value = json_of(text).expect("json");
            assert_eq!(value["a"], 1, "{text}");
        }
        assert_eq!(json_of::<Value>("no { json").expect_err("none").kind(), "malformed");
    }
}

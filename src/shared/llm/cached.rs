//! Answers kept for prompts that come again: a job that is delivered twice, or that crashed after it had paid, asks the
//! same and gets the same. Only for work in the background; what is said in a call is never taken from here.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use crate::shared::errors::StoreError;
use crate::shared::llm::ledger::{Record, RequestLog};
use crate::shared::llm::{
    ChatEvent, ChatMessage, ChatModel, ChatRequest, FinishReason, LlmError, Purpose, ToolCall, Usage, json_of,
};
use crate::shared::secrets::sha256_hex;

/// A store that is slower is done without.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longer answers are not kept, bytes.
const LONGEST: usize = 256 * 1024;

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptReply {
    pub text: String,
    pub calls: Vec<KeptCall>,
    /// The model that gave it, where it was not the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCall {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

/// Where answers are kept. Bounded: the oldest make room.
#[async_trait]
pub trait ReplyStore: Send + Sync {
    async fn find(&self, key: &str) -> Result<Option<KeptReply>, StoreError>;
    async fn keep(
        &self,
        key: &str,
        purpose: Purpose,
        subject: Option<&str>,
        reply: &KeptReply,
    ) -> Result<(), StoreError>;
    /// Deletes what was kept for a call or a job offer.
    async fn forget(&self, subject: &str) -> Result<(), StoreError>;
}

/// A model whose answers are kept.
pub struct Cached {
    pub model: Arc<dyn ChatModel>,
    pub replies: Arc<dyn ReplyStore>,
    /// Where answers that cost nothing are recorded.
    pub log: Arc<dyn RequestLog>,
    /// The server and the models that may answer: those of another configuration answer differently.
    pub origin: String,
}

type Events = mpsc::Receiver<Result<ChatEvent, LlmError>>;

#[async_trait]
impl ChatModel for Cached {
    async fn stream(&self, request: ChatRequest) -> Result<Events, LlmError> {
        if !is_kept(request.purpose) {
            return self.model.stream(request).await;
        }
        let began = Instant::now();
        let key = key_of(&self.origin, &request);
        match timeout(PATIENCE, self.replies.find(&key)).await {
            Ok(Ok(Some(reply))) => {
                self.record(&request, began.elapsed());
                return Ok(replayed(reply));
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => warn!(%error, "kept answers cannot be read"),
            Err(_) => warn!("kept answers cannot be read in time"),
        }
        let entry = Entry {
            key,
            purpose: request.purpose,
            subject: request.subject.clone(),
            is_json: request.schema.is_some(),
            replies: self.replies.clone(),
        };
        let source = self.model.stream(request).await?;
        Ok(entry.listen(source))
    }

    fn model(&self) -> &str {
        self.model.model()
    }
}

impl Cached {
    fn record(&self, request: &ChatRequest, latency: Duration) {
        let record = Record {
            purpose: request.purpose,
            subject: request.subject.clone(),
            prompt: request.prompt.clone(),
            model: self.model.model().to_owned(),
            outcome: "cached",
            usage: Usage {
                cost_micro_usd: Some(0),
                ..Usage::default()
            },
            first_token: None,
            latency,
        };
        metrics::counter!("emma_llm_requests_total", "purpose" => record.purpose.as_str(), "outcome" => "cached")
            .increment(1);
        let log = self.log.clone();
        // The answer does not wait for its record.
        tokio::spawn(async move {
            if let Err(error) = log.put(record).await {
                warn!(%error, "a kept answer could not be recorded");
            }
        });
    }
}

/// What a candidate hears is made for them each time.
const fn is_kept(purpose: Purpose) -> bool {
    match purpose {
        Purpose::Plan | Purpose::Evidence | Purpose::Scoring | Purpose::Summary => true,
        Purpose::Interview => false,
    }
}

/// Says the same for requests that would be answered alike. Answers about a candidate belong to one subject, so that
/// they can go with it.
fn key_of(origin: &str, request: &ChatRequest) -> String {
    let subject = match request.purpose {
        Purpose::Plan => None,
        Purpose::Interview | Purpose::Evidence | Purpose::Scoring | Purpose::Summary => request.subject.as_deref(),
    };
    let messages: Vec<Value> = request.messages.iter().map(message).collect();
    let tools: Vec<Value> = request
        .tools
        .iter()
        .map(|tool| json!([tool.name, tool.description, tool.parameters]))
        .collect();
    let schema = request.schema.as_ref().map(|s| json!([s.name, s.schema]));
    let whole = json!({
        "origin": origin, "purpose": request.purpose.as_str(), "subject": subject, "messages": messages,
        "tools": tools, "schema": schema, "max_tokens": request.max_tokens, "temperature": request.temperature,
        "seed": request.seed,
    });
    sha256_hex(whole.to_string().as_bytes())
}

fn message(message: &ChatMessage) -> Value {
    match message {
        ChatMessage::System(text) => json!(["system", text]),
        ChatMessage::User(text) => json!(["user", text]),
        ChatMessage::Assistant { text, calls } => {
            let calls: Vec<Value> = calls.iter().map(|c| json!([c.id, c.name, c.arguments])).collect();
            json!(["assistant", text, calls])
        }
        ChatMessage::Tool { call_id, content } => json!(["tool", call_id, content]),
    }
}

/// The events of an answer that is known.
fn replayed(reply: KeptReply) -> Events {
    // Bounded: whoever reads gets everything at the pace they read at.
    let (events, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        let reason = if reply.calls.is_empty() {
            FinishReason::Stop
        } else {
            FinishReason::ToolCalls
        };
        let text = (!reply.text.is_empty()).then_some(ChatEvent::Text(reply.text));
        let calls = reply.calls.into_iter().map(|call| {
            ChatEvent::ToolCall(ToolCall {
                id: call.id,
                name: call.name,
                arguments: call.arguments,
            })
        });
        let end = ChatEvent::Finished {
            reason,
            usage: Usage::default(),
        };
        let by = reply.model.map(ChatEvent::AnsweredBy);
        for event in by.into_iter().chain(text).chain(calls).chain([end]) {
            if events.send(Ok(event)).await.is_err() {
                return;
            }
        }
    });
    receiver
}

/// An answer on its way that may be kept.
struct Entry {
    key: String,
    purpose: Purpose,
    subject: Option<String>,
    is_json: bool,
    replies: Arc<dyn ReplyStore>,
}

impl Entry {
    /// Passes the events on, and keeps the answer before its last one: who has it has it for good.
    fn listen(self, mut source: Events) -> Events {
        // Bounded: the model waits for a slow reader.
        let (events, receiver) = mpsc::channel(64);
        tokio::spawn(async move {
            let mut reply = KeptReply {
                text: String::new(),
                calls: Vec::new(),
                model: None,
            };
            loop {
                let event = tokio::select! {
                    biased;
                    () = events.closed() => return,
                    event = source.recv() => event,
                };
                let Some(event) = event else { return };
                match &event {
                    Ok(ChatEvent::AnsweredBy(model)) => reply.model = Some(model.clone()),
                    Ok(ChatEvent::Text(text)) => reply.text.push_str(text),
                    Ok(ChatEvent::ToolCall(call)) => reply.calls.push(KeptCall {
                        id: call.id.clone(),
                        name: call.name.clone(),
                        arguments: call.arguments.clone(),
                    }),
                    Ok(ChatEvent::Finished { reason, .. }) => self.keep(*reason, &reply).await,
                    Err(_) => {}
                }
                let over = matches!(event, Ok(ChatEvent::Finished { .. }) | Err(_));
                if events.send(event).await.is_err() || over {
                    return;
                }
            }
        });
        receiver
    }

    /// Only whole answers of the right shape: a bad one is asked for anew.
    async fn keep(&self, reason: FinishReason, reply: &KeptReply) {
        let whole = matches!(reason, FinishReason::Stop | FinishReason::ToolCalls);
        let empty = reply.text.trim().is_empty() && reply.calls.is_empty();
        let shaped = !self.is_json || json_of::<Value>(&reply.text).is_ok_and(|value| value.is_object());
        if !whole || empty || !shaped || reply.text.len() > LONGEST {
            debug!(purpose = self.purpose.as_str(), "an answer is not kept");
            return;
        }
        let kept = self
            .replies
            .keep(&self.key, self.purpose, self.subject.as_deref(), reply);
        match timeout(PATIENCE, kept).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "an answer could not be kept"),
            Err(_) => warn!("an answer could not be kept in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::llm::AnswerSchema;

    fn request() -> ChatRequest {
        ChatRequest {
            purpose: Purpose::Evidence,
            subject: Some("call_1".to_owned()),
            prompt: "evidence.v1".to_owned(),
            messages: vec![ChatMessage::User("Find it.".to_owned())],
            tools: Vec::new(),
            schema: Some(AnswerSchema {
                name: "found".to_owned(),
                schema: json!({ "type": "object" }),
            }),
            max_tokens: 100,
            temperature: 0.0,
            seed: Some(1),
            timeout: Duration::from_secs(5),
        }
    }

    // spec: EMMA-8
    #[test]
    fn the_key_changes_with_everything_the_answer_depends_on_and_with_nothing_else() {
        let key = key_of("here/m", &request());
        let same = ChatRequest {
            timeout: Duration::from_secs(9),
            ..request()
        };
        assert_eq!(key, key_of("here/m", &same));
        assert_ne!(key, key_of("here/other", &request()));
        let changed: [fn(&mut ChatRequest); 7] = [
            |r| r.seed = Some(2),
            |r| r.temperature = 0.3,
            |r| r.max_tokens = 50,
            |r| r.schema = None,
            |r| r.subject = Some("call_2".to_owned()),
            |r| r.messages.push(ChatMessage::User("And more.".to_owned())),
            |r| r.messages = vec![ChatMessage::System("Find it.".to_owned())],
        ];
        for change in changed {
            let mut other = request();
            change(&mut other);
            assert_ne!(key, key_of("here/m", &other), "{other:?}");
        }
    }

    #[test]
    fn two_offers_with_the_same_text_share_a_plan_and_no_two_calls_share_anything() {
        let plan = |subject: &str| ChatRequest {
            purpose: Purpose::Plan,
            subject: Some(subject.to_owned()),
            ..request()
        };
        assert_eq!(key_of("m", &plan("job_1")), key_of("m", &plan("job_2")));
    }
}

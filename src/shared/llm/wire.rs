//! Requests and answers as an OpenAI-compatible server writes them. Read leniently: servers drift.

use serde_json::{Map, Value, json};

use crate::shared::llm::assemble::Fragment;
use crate::shared::llm::{ChatMessage, ChatRequest, FinishReason, LlmError, ToolCall, Usage};

/// What a server was found not to understand. Learnt from its refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a server may lack any of these")]
pub struct Dialect {
    pub schema: SchemaSupport,
    /// No `stream_options`: tokens are then not counted.
    pub no_usage: bool,
    /// Newer hosted models take `max_completion_tokens` in place of `max_tokens`.
    pub completion_limit: bool,
    /// Some models take no temperature but their own.
    pub no_temperature: bool,
    pub no_seed: bool,
    pub no_tools: bool,
}

/// How far a server goes to hold an answer to a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SchemaSupport {
    #[default]
    Schema,
    /// The older form: a JSON object, with its schema beside it (llama.cpp, Together, Anyscale); also put into words, for
    /// servers that take the field and do nothing with it.
    ObjectOf,
    /// Only "some JSON object"; the schema is put into words.
    Object,
    /// Not even that.
    Words,
}

impl Dialect {
    /// What to leave out next after the server refused a request; `None` where nothing explains the refusal.
    pub fn after_refusal(self, message: &str, request: &ChatRequest) -> Option<Self> {
        let message = message.to_lowercase();
        let about = |words: &[&str]| words.iter().any(|w| message.contains(w));
        let next = if !self.completion_limit && about(&["max_tokens", "max_completion_tokens"]) {
            Self {
                completion_limit: true,
                ..self
            }
        } else if !self.no_usage && about(&["stream_options", "include_usage"]) {
            Self { no_usage: true, ..self }
        } else if !self.no_temperature && about(&["temperature"]) {
            Self {
                no_temperature: true,
                ..self
            }
        } else if !self.no_seed && request.seed.is_some() && about(&["seed"]) {
            Self { no_seed: true, ..self }
        } else if !self.no_tools && !request.tools.is_empty() && about(&["tool", "function"]) {
            Self { no_tools: true, ..self }
        } else if request.schema.is_some() && self.schema != SchemaSupport::Words {
            let schema = match self.schema {
                SchemaSupport::Schema => SchemaSupport::ObjectOf,
                SchemaSupport::ObjectOf => SchemaSupport::Object,
                SchemaSupport::Object | SchemaSupport::Words => SchemaSupport::Words,
            };
            Self { schema, ..self }
        } else if !self.no_usage && message.is_empty() {
            Self { no_usage: true, ..self }
        } else {
            return None;
        };
        Some(next)
    }
}

/// The body of a request.
pub fn body(model: &str, request: &ChatRequest, dialect: Dialect, ask_price: bool) -> Value {
    let mut messages: Vec<Value> = request.messages.iter().map(message).collect();
    let mut body = Map::new();
    body.insert("model".to_owned(), model.into());
    body.insert("stream".to_owned(), true.into());
    if !dialect.no_usage {
        body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
    }
    if ask_price {
        body.insert("usage".to_owned(), json!({ "include": true }));
    }
    let limit = if dialect.completion_limit {
        "max_completion_tokens"
    } else {
        "max_tokens"
    };
    body.insert(limit.to_owned(), request.max_tokens.into());
    if !dialect.no_temperature {
        // As it is written, not as the nearest double: some servers echo it.
        let rounded = (f64::from(request.temperature) * 1_000.0).round() / 1_000.0;
        body.insert("temperature".to_owned(), rounded.into());
    }
    if let Some(seed) = request.seed.filter(|_| !dialect.no_seed) {
        body.insert("seed".to_owned(), seed.into());
    }
    if !request.tools.is_empty() && !dialect.no_tools {
        let tools = request.tools.iter().map(|tool| {
            json!({ "type": "function", "function": {
                "name": tool.name, "description": tool.description, "parameters": tool.parameters } })
        });
        body.insert("tools".to_owned(), tools.collect());
    }
    if let Some(schema) = &request.schema {
        let format = match dialect.schema {
            SchemaSupport::Schema => Some(json!({ "type": "json_schema", "json_schema": {
                "name": schema.name, "schema": schema.schema, "strict": true } })),
            SchemaSupport::ObjectOf => Some(json!({ "type": "json_object", "schema": schema.schema })),
            SchemaSupport::Object => Some(json!({ "type": "json_object" })),
            SchemaSupport::Words => None,
        };
        if let Some(format) = format {
            body.insert("response_format".to_owned(), format);
        }
        if dialect.schema != SchemaSupport::Schema {
            let words = format!(
                "Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{}",
                schema.schema
            );
            messages.push(json!({ "role": "system", "content": words }));
        }
    }
    body.insert("messages".to_owned(), messages.into());
    Value::Object(body)
}

fn message(message: &ChatMessage) -> Value {
    match message {
        ChatMessage::System(text) => json!({ "role": "system", "content": text }),
        ChatMessage::User(text) => json!({ "role": "user", "content": text }),
        ChatMessage::Assistant { text, calls } if calls.is_empty() => json!({ "role": "assistant", "content": text }),
        ChatMessage::Assistant { text, calls } => {
            let content = if text.is_empty() {
                Value::Null
            } else {
                text.as_str().into()
            };
            json!({ "role": "assistant", "content": content, "tool_calls": calls.iter().map(call).collect::<Vec<_>>() })
        }
        ChatMessage::Tool { call_id, content } => {
            json!({ "role": "tool", "tool_call_id": call_id, "content": content })
        }
    }
}

fn call(call: &ToolCall) -> Value {
    // A server that parses arguments refuses the whole request for broken ones: the model sees the error anyway.
    let arguments = if serde_json::from_str::<Value>(&call.arguments).is_ok() {
        call.arguments.as_str()
    } else {
        "{}"
    };
    json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": arguments } })
}

/// What one event of the stream holds.
#[derive(Debug, Default)]
pub struct Piece {
    pub text: String,
    pub fragments: Vec<Fragment>,
    pub finish: Option<FinishReason>,
    pub usage: Option<Usage>,
    pub error: Option<LlmError>,
}

/// Reads one event; what is missing or of another type counts as absent.
pub fn read(event: &Value) -> Piece {
    let mut piece = Piece::default();
    if let Some(error) = event.get("error").filter(|e| !e.is_null()) {
        piece.error = Some(error_of(error));
        return piece;
    }
    piece.usage = event.get("usage").filter(|u| u.is_object()).map(usage);
    let Some(choice) = event.get("choices").and_then(|c| c.get(0)) else {
        return piece;
    };
    if let Some(error) = choice.get("error").filter(|e| !e.is_null()) {
        piece.error = Some(error_of(error));
        return piece;
    }
    // A server that does not stream sends `message` in place of `delta`.
    let delta = choice.get("delta").filter(|d| d.is_object()).or(choice.get("message"));
    if let Some(delta) = delta {
        piece.text = content(delta.get("content"));
        let calls = delta.get("tool_calls").and_then(Value::as_array);
        piece.fragments = calls.into_iter().flatten().map(fragment).collect();
    }
    piece.finish = choice
        .get("finish_reason")
        .and_then(Value::as_str)
        .map(|reason| match reason {
            "tool_calls" | "function_call" => FinishReason::ToolCalls,
            "length" => FinishReason::Length,
            "content_filter" => FinishReason::Filtered,
            _ => FinishReason::Stop,
        });
    piece
}

fn content(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|p| p.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

fn fragment(call: &Value) -> Fragment {
    let function = call.get("function").unwrap_or(&Value::Null);
    let text = |value: Option<&Value>| {
        value
            .and_then(Value::as_str)
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
    };
    let arguments = match function.get("arguments") {
        Some(Value::String(text)) => text.clone(),
        Some(object @ Value::Object(_)) => object.to_string(),
        _ => String::new(),
    };
    Fragment {
        index: call.get("index").and_then(Value::as_u64),
        id: text(call.get("id")),
        name: text(function.get("name")),
        arguments,
    }
}

fn usage(usage: &Value) -> Usage {
    let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
    let cost = usage
        .get("cost")
        .and_then(Value::as_f64)
        .filter(|c| c.is_finite() && *c >= 0.0);
    Usage {
        prompt_tokens: count("prompt_tokens"),
        completion_tokens: count("completion_tokens"),
        cost_micro_usd: cost.map(|usd| (usd * 1_000_000.0).round() as u64),
    }
}

/// An error that arrives inside a stream that began well.
fn error_of(error: &Value) -> LlmError {
    let code = error
        .get("code")
        .and_then(|c| c.as_u64().or_else(|| c.as_str()?.parse().ok()));
    let message = error.get("message").and_then(Value::as_str).or(error.as_str());
    let message = shortened(message.unwrap_or_default());
    match code {
        Some(429) => LlmError::Overloaded { retry_after: None },
        Some(401 | 403) => LlmError::Unauthorized,
        Some(408 | 504) => LlmError::TimedOut,
        Some(400..=499) => LlmError::Rejected(message),
        _ => LlmError::Unavailable(message),
    }
}

/// A server's message, no longer than anybody reads.
pub fn shortened(message: &str) -> String {
    message.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drifting_shapes_are_read_for_what_they_hold() {
        let text = |v: &Value| read(v).text;
        assert_eq!(text(&json!({"choices": [{"delta": {"content": "a"}}]})), "a");
        assert_eq!(
            text(&json!({"choices": [{"delta": {"content": [{"type": "text", "text": "b"}]}}]})),
            "b"
        );
        assert_eq!(text(&json!({"choices": [{"message": {"content": "c"}}]})), "c");
        for empty in [
            json!(null),
            json!([]),
            json!({"choices": []}),
            json!({"choices": [{"delta": null}]}),
            json!({"choices": "x"}),
        ] {
            assert_eq!(text(&empty), "", "{empty}");
        }
        let call = read(
            &json!({"choices": [{"delta": {"tool_calls": [{"function": {"name": "x", "arguments": {"a": 1}}}]}}]}),
        );
        assert_eq!(call.fragments[0].arguments, "{\"a\":1}");
    }

    // spec: EMMA-8
    #[test]
    fn the_price_is_kept_in_millionths() {
        let piece =
            read(&json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 2, "cost": 0.00123}}));
        let usage = piece.usage.expect("usage");
        assert_eq!(
            (usage.prompt_tokens, usage.completion_tokens, usage.cost_micro_usd),
            (10, 2, Some(1230))
        );
    }

    #[test]
    fn an_error_in_the_stream_is_an_error() {
        let piece = read(&json!({"error": {"code": 429, "message": "slow down"}}));
        assert_eq!(piece.error.expect("an error").kind(), "overloaded");
    }
}

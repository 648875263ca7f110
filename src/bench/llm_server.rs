//! `emma bench llm-server`: an OpenAI-compatible server with a script in place of a mind. It holds a whole interview in
//! the mode `ok` and misbehaves in every other one, so that delays and faults can be measured without a model.
//!
//! The model's name in a request is the mode. `GET /v1/models` lists the modes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream;
use serde_json::{Value, json};
use tokio::time::sleep;

/// Requests remembered.
const REMEMBERED: usize = 500;

/// Every mode and what it does.
pub const MODES: [(&str, &str); 24] = [
    ("ok", "acknowledges, looks up, goes on; a whole interview can be held"),
    ("words", "speaks and calls no tool"),
    ("clarify", "asks a follow-up of its own whenever it may"),
    ("interleaved", "two tool calls in interleaved fragments without ids"),
    ("malformed-args", "broken arguments at first, good ones once it is told"),
    ("always-malformed", "broken arguments in every round"),
    ("partial-call", "a tool call that is cut off by the length limit"),
    ("unknown-tool", "calls a tool that does not exist, in every round"),
    ("slow", "first token after 10 s"),
    ("hang", "never says anything"),
    ("429", "too many requests, always"),
    ("429-once", "too many requests, then ok"),
    ("500", "fails, always"),
    ("500-once", "fails, then ok"),
    ("401", "refuses the key"),
    ("html", "a web page with status 200"),
    ("garbage", "events that are no JSON"),
    ("cut", "breaks the connection in the middle of a sentence"),
    (
        "interrupted",
        "ends an answer in the middle, as a server does that turns to another request",
    ),
    ("endless", "never stops"),
    ("empty", "an answer without words and calls"),
    ("prohibited", "says what no interviewer may say"),
    ("no-schema", "refuses schemas of any form and stream_options"),
    ("old-schema", "takes a schema only beside json_object"),
];

/// How fast it answers.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub first_token: Duration,
    pub per_token: Duration,
}

impl Default for Pace {
    /// As a hosted model does: first token after 300 ms, then 40 tokens a second.
    fn default() -> Self {
        Self {
            first_token: Duration::from_millis(300),
            per_token: Duration::from_millis(25),
        }
    }
}

/// A port to listen on.
#[derive(Debug, Clone, clap::Args)]
pub struct LlmServerArgs {
    /// Port on the loopback address.
    #[arg(long, default_value_t = 8090)]
    pub port: u16,
    /// Milliseconds before the first token.
    #[arg(long, default_value_t = 300)]
    pub first_token_ms: u64,
    /// Milliseconds between tokens.
    #[arg(long, default_value_t = 25)]
    pub token_ms: u64,
}

/// A running server; it stops when dropped.
pub struct ScriptedLlm {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    pace: Pace,
    requests: Mutex<Vec<Value>>,
    asked: Mutex<BTreeMap<String, u32>>,
}

impl ScriptedLlm {
    /// Starts on the loopback address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(port: u16, pace: Pace) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            pace,
            requests: Mutex::default(),
            asked: Mutex::default(),
        });
        let router = Router::new()
            .route("/v1/models", get(models))
            .route("/v1/chat/completions", post(complete))
            .with_state(shared.clone());
        let task = tokio::spawn(async move {
            // It ends with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, shared, task })
    }

    /// The base URL a client is given.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The bodies of the requests so far.
    pub fn requests(&self) -> Vec<Value> {
        self.shared
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for ScriptedLlm {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves until the process is stopped; `say` tells people how it is reached.
///
/// # Errors
/// When the port is taken.
pub async fn serve(args: &LlmServerArgs, say: impl FnOnce(&str)) -> anyhow::Result<()> {
    let pace = Pace {
        first_token: Duration::from_millis(args.first_token_ms),
        per_token: Duration::from_millis(args.token_ms),
    };
    let server = ScriptedLlm::start(args.port, pace).await?;
    let mut text = format!(
        "A scripted language model listens. Start Emma with\n  LLM_BASE_URL={} LLM_MODEL=ok emma serve --demo\nModels:\n",
        server.base_url()
    );
    for (mode, what) in MODES {
        text.push_str(&format!("  {mode:<18} {what}\n"));
    }
    say(&text);
    tokio::signal::ctrl_c().await?;
    Ok(())
}

async fn models() -> Json<Value> {
    let data: Vec<Value> = MODES
        .iter()
        .map(|(id, _)| json!({ "id": id, "object": "model" }))
        .collect();
    Json(json!({ "object": "list", "data": data }))
}

async fn complete(State(shared): State<Arc<Shared>>, Json(request): Json<Value>) -> Response {
    let mode = request["model"].as_str().unwrap_or_default().to_owned();
    {
        let mut requests = shared.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() == REMEMBERED {
            requests.remove(0);
        }
        requests.push(request.clone());
    }
    let before = {
        let mut asked = shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let count = asked.entry(mode.clone()).or_default();
        *count += 1;
        *count - 1
    };
    let failure = |status: u16, message: &str| {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = Json(json!({ "error": { "message": message, "type": "scripted", "code": status.as_u16() } }));
        (status, [(header::RETRY_AFTER, "1")], body).into_response()
    };
    match (mode.as_str(), before) {
        ("429", _) | ("429-once", 0) => return failure(429, "slow down"),
        ("500", _) | ("500-once", 0) => return failure(500, "out of order"),
        ("401", _) => return failure(401, "no such key"),
        ("html", _) => return axum::response::Html("<html>a proxy's page</html>").into_response(),
        ("no-schema", _) if request.get("stream_options").is_some() => {
            return failure(400, "unknown field: stream_options");
        }
        ("no-schema" | "old-schema", _) if request["response_format"]["type"] == "json_schema" => {
            return failure(400, "response_format json_schema is not supported");
        }
        ("no-schema", _) if request["response_format"].get("schema").is_some() => {
            return failure(400, "unknown field: response_format.schema");
        }
        _ => {}
    }
    stream_of(script(&mode, &request), shared.pace)
}

/// What is sent, piece by piece.
enum Step {
    Event(Value),
    Raw(&'static str),
    Wait(Duration),
    Abort,
}

type Steps = Box<dyn Iterator<Item = Step> + Send>;

fn stream_of(steps: Steps, pace: Pace) -> Response {
    let events = stream::unfold((steps, true), move |(mut steps, first)| async move {
        let step = steps.next()?;
        let (bytes, more) = match step {
            Step::Wait(time) => {
                sleep(time).await;
                (Ok(String::new()), true)
            }
            Step::Abort => (Err(std::io::Error::other("cut")), true),
            Step::Raw(text) => (Ok(text.to_owned()), true),
            Step::Event(event) => {
                sleep(if first { pace.first_token } else { pace.per_token }).await;
                (Ok(format!("data: {event}\n\n")), false)
            }
        };
        Some((bytes, (steps, first && more)))
    });
    let body = Body::from_stream(events);
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

fn delta(delta: &Value) -> Step {
    Step::Event(json!({ "id": "scripted", "choices": [{ "index": 0, "delta": delta }] }))
}

fn words(text: &str) -> impl Iterator<Item = Step> + Send + use<> {
    let tokens: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
    tokens.into_iter().map(|token| delta(&json!({ "content": token })))
}

/// A tool call whose arguments come in two fragments.
fn call(name: &str, arguments: &str) -> impl Iterator<Item = Step> + Send + use<> {
    let half = (0..=arguments.len() / 2)
        .rev()
        .find(|at| arguments.is_char_boundary(*at))
        .unwrap_or(0);
    let (head, tail) = arguments.split_at(half);
    let first = json!({ "tool_calls": [{ "index": 0, "id": "call_s", "type": "function",
        "function": { "name": name, "arguments": head } }] });
    let second = json!({ "tool_calls": [{ "index": 0, "function": { "arguments": tail } }] });
    [delta(&first), delta(&second)].into_iter()
}

fn end(reason: &str) -> impl Iterator<Item = Step> + Send + use<> {
    let finish = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] });
    let usage =
        json!({ "choices": [], "usage": { "prompt_tokens": 400, "completion_tokens": 24, "total_tokens": 424 } });
    [Step::Event(finish), Step::Event(usage), Step::Raw("data: [DONE]\n\n")].into_iter()
}

fn script(mode: &str, request: &Value) -> Steps {
    let talk = Talk::of(request);
    let thanks = "I see, thank you for telling me about that. ";
    match mode {
        "words" => Box::new(words(thanks).chain(end("stop"))),
        "clarify" if talk.may("ask_to_clarify") => {
            let arguments = json!({ "question": "Which part of it did you do yourself?" }).to_string();
            Box::new(
                words("Okay. ")
                    .chain(call("ask_to_clarify", &arguments))
                    .chain(end("tool_calls")),
            )
        }
        "interleaved" if talk.may("next_question") => {
            let piece = |index: u64, name: Option<&str>, arguments: &str| {
                let mut function = json!({ "arguments": arguments });
                if let Some(name) = name {
                    function["name"] = name.into();
                }
                delta(&json!({ "tool_calls": [{ "index": index, "function": function }] }))
            };
            let said = talk.last_user.clone();
            let quote: String = said.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
            let arguments = json!({ "quote": quote }).to_string();
            let at = (0..=arguments.len() / 2)
                .rev()
                .find(|at| arguments.is_char_boundary(*at))
                .unwrap_or(0);
            let (head, tail) = arguments.split_at(at);
            let pieces = [
                piece(0, Some("note_answer"), ""),
                piece(1, Some("next_question"), "{"),
                piece(0, None, head),
                piece(1, None, "}"),
                piece(0, None, tail),
            ];
            Box::new(words(thanks).chain(pieces).chain(end("tool_calls")))
        }
        "malformed-args" if !talk.told => Box::new(call("next_question", "{\"now\": tr").chain(end("tool_calls"))),
        "always-malformed" => Box::new(call("look_up_role", "{\"question").chain(end("tool_calls"))),
        "unknown-tool" => Box::new(call("end_the_call", "{}").chain(end("tool_calls"))),
        "partial-call" => {
            let start = json!({ "tool_calls": [{ "index": 0, "id": "c", "function": { "name": "next_question", "arguments": "{\"wh" } }] });
            Box::new(words(thanks).chain([delta(&start)]).chain(end("length")))
        }
        "slow" => Box::new(
            std::iter::once(Step::Wait(Duration::from_secs(10)))
                .chain(words(thanks))
                .chain(end("stop")),
        ),
        "hang" => Box::new(std::iter::once(Step::Wait(Duration::from_mins(10)))),
        "garbage" => Box::new([Step::Raw("data: {\"choices\": [{\"del\n\n"), Step::Raw("data: ???\n\n")].into_iter()),
        "cut" => Box::new(words("I see, thank you for telling").chain([Step::Abort])),
        "interrupted" => Box::new(words("I see, thank you for telling")),
        "endless" => Box::new(std::iter::repeat_with(|| {
            delta(&json!({ "content": "and so on and on " }))
        })),
        "empty" => Box::new(end("stop")),
        "prohibited" => {
            Box::new(words("Thank you for that. And your age is what, roughly speaking. ").chain(end("stop")))
        }
        _ if request.get("response_format").is_some() || talk.wants_json => {
            Box::new(words("{\"ok\": true}").chain(end("stop")))
        }
        _ => interviewer(&talk),
    }
}

/// What a well-behaved model does with the talk.
fn interviewer(talk: &Talk) -> Steps {
    if talk.told {
        let text = match &talk.found {
            Some(found) => format!("The posting says this: {found}"),
            None => "The posting does not say that, so I will pass your question on. ".to_owned(),
        };
        return Box::new(words(&text).chain(end("stop")));
    }
    let asks = talk.last_user.contains('?');
    if asks && talk.may("look_up_role") {
        let question: String = talk.last_user.chars().take(200).collect();
        let arguments = json!({ "question": question }).to_string();
        return Box::new(call("look_up_role", &arguments).chain(end("tool_calls")));
    }
    let count = talk.last_user.split_whitespace().count();
    let thanks = if count > 12 {
        "I see, thank you for walking me through that. "
    } else {
        "Okay, thank you. "
    };
    let next = if count < 12 && talk.may("ask_to_clarify") {
        call(
            "ask_to_clarify",
            &json!({ "question": "Could you tell me a little more about that?" }).to_string(),
        )
    } else if talk.may("next_question") {
        call("next_question", "{}")
    } else {
        call("propose_end", "{}")
    };
    Box::new(words(thanks).chain(next).chain(end("tool_calls")))
}

/// What the script needs to know of a request.
struct Talk {
    tools: Vec<String>,
    last_user: String,
    /// The last message is what a tool gave back.
    told: bool,
    /// The first passage a look-up brought.
    found: Option<String>,
    wants_json: bool,
}

impl Talk {
    fn of(request: &Value) -> Self {
        let messages = request["messages"].as_array().cloned().unwrap_or_default();
        let content = |message: &Value| message["content"].as_str().unwrap_or_default().to_owned();
        let users = messages.iter().filter(|m| m["role"] == "user");
        let last = messages.iter().rfind(|m| m["role"] != "system");
        let result = last.filter(|m| m["role"] == "tool").map(content);
        Self {
            tools: request["tools"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|tool| tool["function"]["name"].as_str().map(str::to_owned))
                .collect(),
            last_user: unfenced(&users.map(content).next_back().unwrap_or_default()),
            told: result.is_some(),
            found: result
                .filter(|r| r.contains("<data"))
                .map(|r| unfenced(r.lines().next().unwrap_or_default())),
            wants_json: messages
                .iter()
                .any(|m| content(m).contains("It must fit this JSON Schema")),
        }
    }

    fn may(&self, tool: &str) -> bool {
        self.tools.iter().any(|name| name == tool)
    }
}

/// The text inside the last fence.
fn unfenced(text: &str) -> String {
    let inside = text.rsplit_once("<data").and_then(|(_, rest)| rest.split_once('>'));
    let inside = inside.map_or(text, |(_, rest)| rest);
    inside.replace("</data>", "").trim().to_owned()
}

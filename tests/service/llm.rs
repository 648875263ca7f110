//! Language models over HTTP: a server that behaves and misbehaves, what it costs, and what recruiters see of that.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use chrono::TimeDelta;
use emma::bench::llm_server::{Pace, ScriptedLlm};
use emma::shared::llm::cached::{Cached, KeptReply, ReplyStore};
use emma::shared::llm::costs::SqliteRequestLog;
use emma::shared::llm::ledger::{Ledger, Price, RequestLog};
use emma::shared::llm::open_router::{Endpoint, OpenRouterLlmAdapter};
use emma::shared::llm::replies::SqliteReplies;
use emma::shared::llm::resilient::{Patience, Resilient};
use emma::shared::llm::{
    AnswerSchema, ChatEvent, ChatMessage, ChatModel, ChatRequest, FinishReason, LlmError, Purpose, ToolSpec, complete,
    json_of,
};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::app::{App, RECRUITER, TestDb};

/// As fast as the machine goes.
pub const AT_ONCE: Pace = Pace {
    first_token: Duration::ZERO,
    per_token: Duration::ZERO,
};

fn tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub fn adapter(base_url: &str, model: &str) -> OpenRouterLlmAdapter {
    tls();
    OpenRouterLlmAdapter::new(Endpoint::new(base_url, None), model).expect("a client")
}

fn request(tools: &[&str]) -> ChatRequest {
    ChatRequest {
        purpose: Purpose::Interview,
        subject: Some("call_x".to_owned()),
        prompt: "interviewer.v1".to_owned(),
        messages: vec![ChatMessage::User(
            "I led the migration of all twelve services.".to_owned(),
        )],
        tools: tools
            .iter()
            .map(|name| ToolSpec {
                name: (*name).to_owned(),
                description: String::new(),
                parameters: json!({ "type": "object" }),
            })
            .collect(),
        schema: None,
        max_tokens: 100,
        temperature: 0.2,
        seed: None,
        timeout: Duration::from_secs(5),
    }
}

// spec: EMMA-2, CALL-10
#[tokio::test]
async fn words_and_tool_calls_stream_in_order_and_tokens_are_counted() {
    let server = ScriptedLlm::start(0, AT_ONCE).await.expect("a port");
    let model = adapter(&server.base_url(), "ok");
    let mut events = model.stream(request(&["next_question"])).await.expect("a stream");
    let (mut texts, mut calls, mut end) = (Vec::new(), Vec::new(), None);
    while let Some(event) = events.recv().await {
        match event.expect("no fault") {
            ChatEvent::AnsweredBy(model) => panic!("no fallback: {model}"),
            ChatEvent::Text(text) => texts.push(text),
            ChatEvent::ToolCall(call) => calls.push((call.name, call.arguments)),
            ChatEvent::Finished { reason, usage } => end = Some((reason, usage.prompt_tokens, usage.completion_tokens)),
        }
    }
    assert!(texts.len() > 2, "token by token: {texts:?}");
    assert_eq!(calls, [("next_question".to_owned(), "{}".to_owned())]);
    assert_eq!(end, Some((FinishReason::ToolCalls, 400, 24)));
}

// spec: EMMA-2
#[tokio::test]
async fn interleaved_fragments_without_ids_become_whole_calls() {
    let server = ScriptedLlm::start(0, AT_ONCE).await.expect("a port");
    let answer = complete(
        &adapter(&server.base_url(), "interleaved"),
        request(&["next_question", "note_answer"]),
    )
    .await;
    let calls = answer.expect("an answer").calls;
    let names: Vec<&str> = calls.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["note_answer", "next_question"]);
    let quote: Value = serde_json::from_str(&calls[0].arguments).expect("whole arguments");
    assert_eq!(quote["quote"], "I led the");
    assert_ne!(calls[0].id, calls[1].id);
}

// spec: EMMA-8
#[tokio::test]
async fn every_way_to_fail_has_its_error_and_none_hangs() {
    let server = ScriptedLlm::start(0, AT_ONCE).await.expect("a port");
    for (mode, kind) in [
        ("429", "overloaded"),
        ("500", "unavailable"),
        ("401", "unauthorized"),
        ("html", "malformed"),
        ("garbage", "malformed"),
        ("cut", "unavailable"),
        ("interrupted", "unavailable"),
        ("hang", "timed_out"),
    ] {
        let mut request = request(&[]);
        request.timeout = Duration::from_millis(if mode == "hang" { 300 } else { 5_000 });
        let error = complete(&adapter(&server.base_url(), mode), request)
            .await
            .expect_err(mode);
        assert_eq!(error.kind(), kind, "{mode}: {error}");
        if let LlmError::Overloaded { retry_after } = error {
            assert_eq!(retry_after, Some(Duration::from_secs(1)));
        }
    }
    let nobody = complete(&adapter("http://127.0.0.1:9/v1", "x"), request(&[])).await;
    assert_eq!(nobody.expect_err("nobody listens").kind(), "unavailable");
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let server = ScriptedLlm::start(0, AT_ONCE).await.expect("a port");
    let answer = complete(&adapter(&server.base_url(), "endless"), request(&[]))
        .await
        .expect("cut off");
    assert!(answer.text.len() < 100 * 16 + 1_100, "{}", answer.text.len());
}

// spec: CALL-10
#[tokio::test]
async fn a_server_is_asked_in_the_strictest_form_it_knows_and_only_refuses_once() {
    let schema = json!({ "type": "object", "properties": { "ok": { "type": "boolean" } } });
    let forms = [
        ("old-schema", 1, json!({ "type": "json_object", "schema": schema })),
        ("no-schema", 3, json!({ "type": "json_object" })),
    ];
    for (mode, refusals, form) in forms {
        let server = ScriptedLlm::start(0, AT_ONCE).await.expect("a port");
        let model = adapter(&server.base_url(), mode);
        for _ in 0..2 {
            let mut request = request(&[]);
            request.schema = Some(AnswerSchema {
                name: "answer".to_owned(),
                schema: schema.clone(),
            });
            let answer = complete(&model, request).await.expect("an answer");
            assert_eq!(json_of::<Value>(&answer.text).expect("json")["ok"], true);
        }
        assert_eq!(
            server.requests().len(),
            refusals + 2,
            "{mode}: refused once, then known"
        );
        let last = server.requests().pop().expect("a request");
        assert_eq!(last["response_format"], form, "{mode}");
        assert!(last["messages"].to_string().contains("JSON Schema"), "{mode}");
    }
}

// spec: CALL-10
#[tokio::test]
async fn an_answer_in_one_piece_is_taken_too_and_the_key_is_sent() {
    tls();
    let server = MockServer::start().await;
    let body = json!({ "choices": [{ "message": { "role": "assistant", "content": "Hello.", "tool_calls": [
        { "id": "c1", "function": { "name": "next_question", "arguments": {} } }] }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 1, "cost": 0.000_5 } });
    Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .and(header("authorization", "Bearer secret-key"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .expect(1)
        .mount(&server)
        .await;
    let endpoint = Endpoint::new(&format!("{}/v1/", server.uri()), Some("secret-key".to_owned().into()));
    let model = OpenRouterLlmAdapter::new(endpoint, "m").expect("a client");
    let answer = complete(&model, request(&[])).await.expect("an answer");
    assert_eq!((answer.text.as_str(), answer.calls.len()), ("Hello.", 1));
    assert_eq!(answer.usage.cost_micro_usd, Some(500));
}

// spec: CALL-10
#[tokio::test]
async fn a_server_that_sends_the_talk_elsewhere_is_not_followed() {
    tls();
    let (configured, other) = (MockServer::start().await, MockServer::start().await);
    for status in [302, 307, 308] {
        configured.reset().await;
        let elsewhere = format!("{}/v1/chat/completions", other.uri());
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(status).insert_header("location", elsewhere))
            .expect(1)
            .mount(&configured)
            .await;
        let model = adapter(&format!("{}/v1", configured.uri()), "m");
        let error = complete(&model, request(&[])).await.expect_err("nobody answered");
        assert_eq!(error.kind(), "unavailable", "{status}: {error}");
        configured.verify().await;
    }
    assert_eq!(other.received_requests().await.expect("recorded").len(), 0);
}

// spec: EMMA-8
#[tokio::test]
async fn an_answer_of_the_fallback_is_kept_under_its_own_name() {
    let base = TestDb::open().await;
    let server = ScriptedLlm::start(0, AT_ONCE).await.expect("a port");
    let log: Arc<dyn RequestLog> = Arc::new(SqliteRequestLog {
        db: base.db.clone(),
        clock: base.clock.clone(),
    });
    let model = Cached {
        model: Arc::new(Resilient {
            model: Arc::new(adapter(&server.base_url(), "html")),
            fallback: Some(Arc::new(adapter(&server.base_url(), "ok"))),
            patience: Patience::default(),
        }),
        replies: kept(&base, 10),
        log,
        origin: "here".to_owned(),
    };
    for _ in 0..2 {
        let answer = complete(&model, evidence("Find it.")).await.expect("an answer");
        assert_eq!((answer.model.as_str(), model.model()), ("ok", "html"));
    }
    assert_eq!(server.requests().len(), 2, "one of each; then it was kept");
}

// spec: EMMA-8
#[tokio::test]
async fn costs_are_kept_per_purpose_and_model_and_recruiters_see_them() {
    let app = App::start().await;
    let server = ScriptedLlm::start(0, AT_ONCE).await.expect("a port");
    let log: Arc<dyn RequestLog> = Arc::new(SqliteRequestLog {
        db: app.base.db.clone(),
        clock: app.base.clock.clone(),
    });
    let recorded = |mode: &str| Ledger {
        model: Arc::new(adapter(&server.base_url(), mode)),
        log: log.clone(),
        price: Some(Price {
            prompt: 0.5,
            completion: 2.0,
        }),
    };
    for mode in ["ok", "ok", "500"] {
        let _ = complete(&recorded(mode), request(&[])).await;
    }
    // Somebody went on speaking: nobody wants the rest.
    drop(recorded("endless").stream(request(&[])).await.expect("a stream"));
    wait_for_rows(&app.base, 4).await;

    let costs = app.get("/api/v1/costs?subject=call_x").await.json();
    let line = |model: &str| {
        let items = costs["items"].as_array().expect("items");
        items.iter().find(|l| l["model"] == model).cloned().expect(model)
    };
    assert_eq!(line("ok")["requests"], 2);
    assert_eq!(line("ok")["prompt_tokens"], 800);
    assert_eq!(line("ok")["cost_micro_usd"], 2 * (200 + 48));
    assert_eq!(
        (&line("500")["failed"], &line("500")["cost_micro_usd"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(
        (&line("endless")["cancelled"], &line("endless")["failed"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(costs["cost_micro_usd"], 496);
    assert_eq!(app.get("/api/v1/costs?subject=other").await.json()["requests"], 0);

    app.anyone(Method::GET, "/api/v1/costs", None)
        .await
        .is_problem(401, "unauthorized");
    app.get("/api/v1/costs?subjekt=x").await.is_problem(400, "bad-request");
    let unknown = format!("/api/v1/calls/call_{}/costs", "0".repeat(32));
    app.get(&unknown).await.is_problem(404, "call-not-found");
    assert!(!costs.to_string().contains(RECRUITER));
}

fn evidence(text: &str) -> ChatRequest {
    ChatRequest {
        purpose: Purpose::Evidence,
        messages: vec![ChatMessage::User(text.to_owned())],
        ..request(&[])
    }
}

/// What a server with this database keeps.
fn kept(base: &TestDb, entries: u32) -> Arc<SqliteReplies> {
    Arc::new(SqliteReplies {
        db: base.db.clone(),
        clock: base.clock.clone(),
        entries,
    })
}

fn cached(base: &TestDb, server: &ScriptedLlm, mode: &str, replies: Arc<SqliteReplies>) -> Cached {
    let log: Arc<dyn RequestLog> = Arc::new(SqliteRequestLog {
        db: base.db.clone(),
        clock: base.clock.clone(),
    });
    Cached {
        model: Arc::new(Ledger {
            model: Arc::new(adapter(&server.base_url(), mode)),
            log: log.clone(),
            price: Some(Price {
                prompt: 0.5,
                completion: 2.0,
            }),
        }),
        replies,
        log,
        origin: mode.to_owned(),
    }
}

// spec: EMMA-8
#[tokio::test]
async fn an_answer_is_paid_for_once_also_after_a_restart_and_its_record_says_so() {
    let base = TestDb::open().await;
    let dir = base.temporary.clone().expect("its own directory");
    let server = ScriptedLlm::start(0, AT_ONCE).await.expect("a port");
    let model = cached(&base, &server, "ok", kept(&base, 10));
    let first = complete(&model, evidence("Find it.")).await.expect("an answer");
    assert!(!first.text.is_empty() || !first.calls.is_empty());
    wait_for_rows(&base, 1).await;
    base.db.close().await;

    let base = TestDb::reopen(dir).await;
    let model = cached(&base, &server, "ok", kept(&base, 10));
    let again = complete(&model, evidence("Find it.")).await.expect("an answer");
    assert_eq!((&again.text, &again.calls), (&first.text, &first.calls));
    assert_eq!(again.usage.prompt_tokens, 0);
    assert_eq!(server.requests().len(), 1);
    complete(&model, evidence("Find something else."))
        .await
        .expect("an answer");
    assert_eq!(server.requests().len(), 2);
    wait_for_rows(&base, 3).await;
    let log = SqliteRequestLog {
        db: base.db.clone(),
        clock: base.clock.clone(),
    };
    let line = log.costs(Some("call_x")).await.expect("costs").remove(0);
    assert_eq!((line.requests, line.cached, line.failed), (3, 1, 0));
    assert_eq!(line.cost_micro_usd, Some(2 * (200 + 48)), "two were paid for");
}

// spec: EMMA-8
#[tokio::test]
async fn only_whole_answers_of_the_right_shape_are_kept_and_never_those_of_a_call() {
    let base = TestDb::open().await;
    let server = ScriptedLlm::start(0, AT_ONCE).await.expect("a port");
    let asked_twice = async |mode: &str, request: ChatRequest| {
        let before = server.requests().len();
        for _ in 0..2 {
            let _ = complete(&cached(&base, &server, mode, kept(&base, 10)), request.clone()).await;
        }
        server.requests().len() - before
    };
    assert_eq!(asked_twice("ok", request(&[])).await, 2, "in a call");
    assert_eq!(asked_twice("cut", evidence("Find it.")).await, 2, "cut off");
    assert_eq!(asked_twice("500", evidence("Find it.")).await, 2, "failed");
    assert_eq!(asked_twice("empty", evidence("Find it.")).await, 2, "empty");
    let schema = AnswerSchema {
        name: "found".to_owned(),
        schema: json!({ "type": "object" }),
    };
    let shaped = ChatRequest {
        schema: Some(schema),
        ..evidence("Find it.")
    };
    assert_eq!(asked_twice("words", shaped).await, 2, "no JSON");
    assert_eq!(
        asked_twice("words", evidence("Find it.")).await,
        1,
        "words were asked for"
    );
}

// spec: EMMA-8
#[tokio::test]
async fn kept_answers_are_bounded_grow_old_and_go_with_their_subject() {
    let base = TestDb::open().await;
    let replies = kept(&base, 2);
    let reply = |text: &str| KeptReply {
        text: text.to_owned(),
        calls: Vec::new(),
        model: None,
    };
    for key in ["a", "b", "c"] {
        let subject = format!("call_{key}");
        let reply = reply(key);
        let kept = replies.keep(key, Purpose::Evidence, Some(&subject), &reply);
        kept.await.expect("kept");
        base.clock.turn(TimeDelta::seconds(1));
    }
    let found = async |key: &str| replies.find(key).await.expect("readable");
    assert_eq!((found("a").await, found("b").await), (None, Some(reply("b"))));
    replies.forget("call_b").await.expect("forgotten");
    assert_eq!((found("b").await, found("c").await), (None, Some(reply("c"))));
    base.clock.turn(TimeDelta::days(8));
    assert_eq!(found("c").await, None);
    // What cannot be read is done without.
    let server = ScriptedLlm::start(0, AT_ONCE).await.expect("a port");
    let model = cached(&base, &server, "ok", replies.clone());
    base.db.close().await;
    assert!(complete(&model, evidence("Find it.")).await.is_ok());
}

/// The record is written beside the answer: waits for it by asking, not by sleeping.
async fn wait_for_rows(base: &TestDb, rows: i64) {
    for _ in 0..10_000 {
        let count: (i64,) = sqlx::query_as("SELECT COUNT(*) FROM llm_requests")
            .fetch_one(base.db.reader())
            .await
            .expect("a count");
        if count.0 == rows {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the requests were not recorded");
}

//! Traces, as a collector gets them: the spans of a call, nothing that was said, and nobody who waits for a collector.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use emma::shared::traces::Traces;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::json;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::app::{App, RECRUITER};
use crate::engines::ANSWER;
use crate::ws_call::Invited;

/// What a collector does with what it gets.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Takes,
    Refuses,
    NeverAnswers,
}

/// A collector on this machine.
#[derive(Clone)]
struct Collector {
    manner: Manner,
    spans: Arc<Mutex<Vec<Span>>>,
    services: Arc<Mutex<BTreeSet<String>>>,
}

impl Collector {
    async fn start(manner: Manner) -> (Self, String) {
        let collector = Self {
            manner,
            spans: Arc::default(),
            services: Arc::default(),
        };
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(collector.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (collector, address)
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("unpoisoned").clone()
    }
}

async fn take(State(collector): State<Collector>, body: Bytes) -> StatusCode {
    match collector.manner {
        Manner::NeverAnswers => std::future::pending().await,
        Manner::Refuses => return StatusCode::INTERNAL_SERVER_ERROR,
        Manner::Takes => {}
    }
    let request = ExportTraceServiceRequest::decode(body).expect("protobuf");
    for group in request.resource_spans {
        for (key, value) in attributes(&group.resource.expect("a resource").attributes) {
            if key == "service.name" {
                collector.services.lock().expect("unpoisoned").insert(value);
            }
        }
        let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
        collector.spans.lock().expect("unpoisoned").extend(spans);
    }
    StatusCode::OK
}

/// Traces what this test's thread does.
fn trace_to(address: &str) -> (Traces, DefaultGuard) {
    // Another test of this process may have chosen it.
    rustls::crypto::ring::default_provider().install_default().ok();
    let traces = Traces::open(address).expect("an address");
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    (traces, tracing::subscriber::set_default(subscriber))
}

fn attributes(all: &[opentelemetry_proto::tonic::common::v1::KeyValue]) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(yes) => yes.to_string(),
        other => format!("{other:?}"),
    };
    all.iter()
        .map(|pair| {
            let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
            (pair.key.clone(), value.map(text).unwrap_or_default())
        })
        .collect()
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = attributes(&span.attributes).into_iter().find(|(name, _)| name == key);
    found.map(|(_, value)| value)
}

// spec: OPS-2
#[tokio::test]
async fn a_call_is_traced_to_its_turns_and_the_work_in_them_without_a_word() {
    let (collector, address) = Collector::start(Manner::Takes).await;
    let (traces, guard) = trace_to(&address);
    let at = Invited::consented().await;
    let mut client = at.join("").await;
    client.control("listening").await;
    client.speak(16_000).await;
    client.until(|m| m["type"] == "turn").await;
    client.send(&json!({"type": "end"})).await;
    client.control("call_ended").await;
    let call_id = at.call().await["id"].as_str().expect("an id").to_owned();
    at.app.jobs.run_due().await.expect("a queue");
    at.app.interviews.shut_down(Duration::from_secs(10)).await;
    traces.shut_down().await;
    drop(guard);

    assert_eq!(
        *collector.services.lock().expect("unpoisoned"),
        BTreeSet::from(["emma".to_owned()])
    );
    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let calls = named("call");
    assert_eq!(calls.len(), 1);
    let call = calls[0];
    assert_eq!(attribute(call, "call.id"), Some(call_id));
    assert!(
        call.parent_span_id.is_empty(),
        "a call outlives the request that began it"
    );
    let turns = named("turn");
    let answered = turns
        .iter()
        .find(|turn| attribute(turn, "total_ms").is_some())
        .expect("an answered turn");
    let number = |key: &str| attribute(answered, key).expect(key).parse::<u64>().expect("a number");
    let parts = ["end_of_turn_ms", "transcription_ms", "reply_ms", "first_audio_ms"];
    assert_eq!(parts.map(number).iter().sum::<u64>(), number("total_ms"));
    assert!(
        turns
            .iter()
            .all(|turn| turn.parent_span_id == call.span_id && turn.trace_id == call.trace_id)
    );
    for work in ["stt", "judge", "reply", "tts"] {
        let done = named(work).into_iter().filter(|span| {
            span.parent_span_id == answered.span_id
                && attribute(span, "outcome").as_deref() == Some("done")
                && span.end_time_unix_nano >= span.start_time_unix_nano
                && span.end_time_unix_nano <= answered.end_time_unix_nano
        });
        assert!(done.count() > 0, "{work} in the turn: {spans:#?}");
    }
    let greeting = |span: &&&Span| attribute(span, "total_ms").is_none();
    let greeting = turns
        .iter()
        .find(greeting)
        .expect("what Emma says before anybody spoke");
    assert!(named("tts").iter().any(|span| span.parent_span_id == greeting.span_id));
    let consent = named("POST /api/v1/interviews/{token}/consent");
    assert_eq!(consent.len(), 1);
    assert_eq!(consent[0].kind, SpanKind::Server as i32);
    assert_eq!(
        attribute(consent[0], "http.response.status_code").as_deref(),
        Some("200")
    );
    let analysed = named("job")
        .into_iter()
        .any(|job| attribute(job, "job.subscriber").as_deref() == Some("analyse-call"));
    assert!(analysed);

    for span in &spans {
        assert!(span.events.is_empty(), "{span:?}");
        let text = format!("{} {:?}", span.name, attributes(&span.attributes));
        for secret in [ANSWER, "payments", "Ana", "Engineer", RECRUITER, at.token.as_str()] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

// spec: OPS-2
#[tokio::test]
async fn a_request_goes_on_with_the_trace_of_its_sender() {
    let (collector, address) = Collector::start(Manner::Takes).await;
    let (traces, guard) = trace_to(&address);
    let app = App::start().await;
    let get = async |traceparent: &str| {
        let request = Request::builder()
            .uri("/api/v1/health")
            .header("traceparent", traceparent);
        let answer = app.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    };
    get("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").await;
    for rubbish in [
        "",
        "nonsense",
        "00-00000000000000000000000000000000-0000000000000000-01",
        &"0".repeat(4000),
    ] {
        get(rubbish).await;
    }
    traces.shut_down().await;
    drop(guard);
    let spans = collector.spans();
    assert_eq!(spans.len(), 5, "{spans:#?}");
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    };
    let continued = |span: &&Span| hex(&span.trace_id) == "0af7651916cd43dd8448eb211c80319c";
    let ours: Vec<_> = spans.iter().filter(continued).collect();
    assert_eq!(ours.len(), 1);
    assert_eq!(hex(&ours[0].parent_span_id), "b7ad6b7169203331");
    assert!(
        spans
            .iter()
            .filter(|span| !continued(span))
            .all(|span| span.parent_span_id.is_empty())
    );
}

// spec: OPS-2
#[tokio::test]
async fn a_collector_that_hangs_refuses_or_is_gone_holds_nobody_up() {
    let (_, hangs) = Collector::start(Manner::NeverAnswers).await;
    let (_, refuses) = Collector::start(Manner::Refuses).await;
    // A port that was free a moment ago.
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a free port")
        .local_addr()
        .expect("bound");
    for address in [hangs, refuses, format!("http://{gone}")] {
        let (traces, guard) = trace_to(&address);
        let app = App::start().await;
        for _ in 0..20_000 {
            drop(tracing::info_span!(target: "emma::test", "work", number = 1));
        }
        let request = Request::builder()
            .uri("/api/v1/health")
            .body(Body::empty())
            .expect("a request");
        let answered = tokio::time::timeout(Duration::from_secs(5), app.send(request));
        assert_eq!(answered.await.expect("at once").status, StatusCode::OK);
        drop(guard);
        let stopped = tokio::time::timeout(Duration::from_secs(15), traces.shut_down());
        assert!(stopped.await.is_ok(), "the process can end: {address}");
    }
    assert!(Traces::open("no address at all").is_err());
}

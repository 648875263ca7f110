//! The protocols, against a server that keeps to them and one that does not.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{ElevenLabs, ElevenLabsSpeechAdapter, ElevenLabsTranscriptionAdapter};
use crate::screening::calls::domain::ports::{
    Priority, SpeechChunk, SpeechError, SpeechRequest, SpeechToText, TextToSpeech, Transcript, TranscriptionJob,
};

/// What the server does with every connection.
#[derive(Clone)]
enum Script {
    /// Refuses the handshake.
    Refuse(u16, Option<&'static str>),
    /// Says hello where the client expects it, reads to the end of the request, sends these, and hangs up or waits.
    Answer(Vec<Message>, After),
}

#[derive(Clone, Copy, PartialEq)]
enum After {
    HangUp,
    Wait,
}

/// What the server saw.
#[derive(Debug)]
enum Seen {
    /// Path with query, and the key.
    Connection(String, String),
    Message(Value),
    Gone,
}

struct Server {
    url: reqwest::Url,
    seen: mpsc::Receiver<Seen>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        // Bounded: no test says more than this.
        let (sender, seen) = mpsc::channel(64);
        let router = Router::new().fallback(answer).with_state((Arc::new(script), sender));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, seen }
    }

    fn service(&self, patience_ms: u64) -> ElevenLabs {
        ElevenLabs {
            base_url: self.url.clone(),
            api_key: "the-key".to_owned().into(),
            patience: Duration::from_millis(patience_ms),
        }
    }

    async fn transcribe(&self, job: TranscriptionJob, patience_ms: u64) -> Result<Transcript, SpeechError> {
        let model = "scribe_v2_realtime".to_owned();
        let adapter = ElevenLabsTranscriptionAdapter::new(self.service(patience_ms), model, TaskTracker::new());
        adapter.transcribe(job).await
    }

    async fn speak(&self, patience_ms: u64) -> (Vec<SpeechChunk>, Option<SpeechError>) {
        let model = "eleven_flash_v2_5".to_owned();
        let adapter = ElevenLabsSpeechAdapter::new(self.service(patience_ms), model, TaskTracker::new());
        let mut receiver = match adapter.speak(request()).await {
            Ok(receiver) => receiver,
            Err(error) => return (Vec::new(), Some(error)),
        };
        let mut chunks = Vec::new();
        while let Some(chunk) = receiver.recv().await {
            match chunk {
                Ok(chunk) => chunks.push(chunk),
                Err(error) => return (chunks, Some(error)),
            }
        }
        (chunks, None)
    }

    async fn messages(&mut self, count: usize) -> Vec<Value> {
        let mut messages = Vec::new();
        while messages.len() < count {
            if let Seen::Message(message) = self.seen.recv().await.expect("the server runs") {
                messages.push(message);
            }
        }
        messages
    }
}

async fn answer(
    State((script, seen)): State<(Arc<Script>, mpsc::Sender<Seen>)>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
    request: Request,
) -> Response {
    let key = request
        .headers()
        .get("xi-api-key")
        .map_or("", |k| k.to_str().unwrap())
        .to_owned();
    let uri = request.uri().to_string();
    let _ = seen.send(Seen::Connection(uri.clone(), key)).await;
    match (&*script, upgrade) {
        (Script::Refuse(status, retry_after), _) => {
            let mut response = StatusCode::from_u16(*status).unwrap().into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert("retry-after", seconds.parse().unwrap());
            }
            response
        }
        (Script::Answer(messages, after), Ok(upgrade)) => {
            let (messages, after) = (messages.clone(), *after);
            upgrade.on_upgrade(move |socket| act(socket, uri, messages, after, seen))
        }
        (_, Err(rejection)) => rejection.into_response(),
    }
}

async fn act(mut socket: WebSocket, uri: String, messages: Vec<Message>, after: After, seen: mpsc::Sender<Seen>) {
    let hears = uri.contains("speech-to-text");
    if hears
        && socket
            .send(Message::text(json!({"message_type": "session_started"}).to_string()))
            .await
            .is_err()
    {
        return;
    }
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let message: Value = serde_json::from_str(&text).unwrap();
        let last = if hears {
            message["commit"] == true
        } else {
            message["text"] == ""
        };
        let _ = seen.send(Seen::Message(message)).await;
        if last {
            break;
        }
    }
    for message in messages {
        if socket.send(message).await.is_err() {
            return;
        }
    }
    if after == After::Wait {
        while let Some(Ok(_)) = socket.recv().await {}
        let _ = seen.send(Seen::Gone).await;
    }
}

fn job(seconds: f32, context: &str) -> TranscriptionJob {
    TranscriptionJob {
        audio: vec![0.25; (16_000.0 * seconds) as usize].into(),
        priority: Priority::Live,
        language: "en-US".to_owned(),
        context: context.to_owned(),
        speech_ms: None,
        cancel: CancellationToken::new(),
    }
}

fn request() -> SpeechRequest {
    SpeechRequest {
        text: "Hello there.".to_owned(),
        voice: "voice1".to_owned(),
        speed: 1.0,
        priority: Priority::Live,
    }
}

fn says(message: &Value) -> Message {
    Message::text(message.to_string())
}

/// `ms` of a tone as the service sends it, with the times of `text` spread over it.
fn audio(ms: usize, text: &str) -> Message {
    let samples: Vec<f32> = (0..ms * 24).map(|i| 0.5 * (i as f32 * 0.05).cos()).collect();
    let chars: Vec<String> = text.chars().map(String::from).collect();
    let each = ms / chars.len().max(1);
    says(&json!({
        "audio": STANDARD.encode(crate::screening::calls::infrastructure::remote::pcm::to_bytes(&samples)),
        "isFinal": null,
        "alignment": {
            "charStartTimesMs": (0..chars.len()).map(|i| i * each).collect::<Vec<_>>(),
            "charsDurationsMs": vec![each; chars.len()],
            "chars": chars,
        },
    }))
}

fn the_end() -> Message {
    says(&json!({"isFinal": true}))
}

// spec: CALL-10
#[tokio::test]
async fn a_stretch_is_sent_in_pieces_committed_once_and_comes_back_as_words() {
    let words = json!([
        {"text": "Hello", "start": 0.1, "end": 0.4, "type": "word", "logprob": -0.105_360_5},
        {"text": " ", "start": 0.4, "end": 0.5, "type": "spacing"},
        {"text": "there.", "start": 0.5, "end": 0.9, "type": "word"},
    ]);
    let mut server = Server::start(Script::Answer(
        vec![
            says(&json!({"message_type": "partial_transcript", "text": "Hello"})),
            says(&json!({"message_type": "committed_transcript", "text": "Hello there."})),
            says(&json!({"message_type": "committed_transcript_with_timestamps", "text": "Hello there.", "words": words})),
        ],
        After::Wait,
    ))
    .await;
    let context = "Some words that were said a good while before this stretch began.";
    let transcript = server.transcribe(job(2.5, context), 5_000).await.unwrap();
    assert_eq!(transcript.text, "Hello there.");
    let times: Vec<_> = transcript
        .words
        .iter()
        .map(|w| (w.text.as_str(), w.start_ms, w.end_ms))
        .collect();
    assert_eq!(times, [("Hello", 100, 400), ("there.", 500, 900)]);
    assert!((transcript.words[0].confidence - 0.9).abs() < 0.001);

    let Some(Seen::Connection(uri, key)) = server.seen.recv().await else {
        panic!("no connection")
    };
    assert_eq!(key, "the-key");
    assert!(uri.starts_with("/v1/speech-to-text/realtime?"), "{uri}");
    let asked = [
        "model_id=scribe_v2_realtime",
        "audio_format=pcm_16000",
        "commit_strategy=manual",
        "language_code=en",
    ];
    assert!(asked.iter().all(|part| uri.contains(part)), "{uri}");
    let sent = server.messages(3).await;
    let commits: Vec<_> = sent.iter().map(|m| m["commit"].as_bool().unwrap()).collect();
    assert_eq!(commits, [false, false, true]);
    assert_eq!(
        sent[0]["previous_text"],
        "were said a good while before this stretch began."
    );
    assert!(sent[1].get("previous_text").is_none());
    let bytes: usize = sent
        .iter()
        .map(|m| STANDARD.decode(m["audio_base_64"].as_str().unwrap()).unwrap().len())
        .sum();
    assert_eq!(bytes, 2 * 40_000);
}

// spec: CALL-10
#[tokio::test]
async fn what_is_too_short_to_commit_is_filled_up_and_silence_is_no_failure() {
    let nobody = says(&json!({"message_type": "insufficient_audio_activity", "error": "no speech"}));
    let mut server = Server::start(Script::Answer(vec![nobody], After::Wait)).await;
    let transcript = server.transcribe(job(0.1, ""), 5_000).await;
    assert_eq!(transcript, Ok(Transcript::default()));
    let sent = server.messages(1).await;
    let bytes = STANDARD.decode(sent[0]["audio_base_64"].as_str().unwrap()).unwrap();
    assert_eq!(bytes.len(), 16_000, "half a second");
}

// spec: CALL-10
#[tokio::test]
async fn a_transcriber_that_misbehaves_is_told_apart() {
    let error = |kind: &str| Script::Answer(vec![says(&json!({"message_type": kind, "error": "x"}))], After::Wait);
    let limited = |seconds: Option<u64>| SpeechError::RateLimited {
        retry_after: seconds.map(Duration::from_secs),
    };
    let cases = [
        (Script::Refuse(401, None), SpeechError::KeyRefused),
        (error("auth_error"), SpeechError::KeyRefused),
        (Script::Refuse(429, Some("7")), limited(Some(7))),
        (error("rate_limited"), limited(None)),
        (
            Script::Refuse(500, None),
            SpeechError::Failed("the service answered 500".to_owned()),
        ),
        (
            Script::Answer(vec![], After::HangUp),
            SpeechError::Failed("the service hung up".to_owned()),
        ),
        (
            Script::Answer(vec![Message::text("{{{")], After::Wait),
            SpeechError::Failed("the service sent something unreadable".to_owned()),
        ),
        (
            Script::Answer(vec![Message::binary(vec![1, 2, 3])], After::Wait),
            SpeechError::Failed("the service sent something unreadable".to_owned()),
        ),
        (Script::Answer(vec![], After::Wait), SpeechError::TimedOut),
    ];
    for (script, expected) in cases {
        let patience_ms = if expected == SpeechError::TimedOut { 150 } else { 5_000 };
        let server = Server::start(script).await;
        assert_eq!(server.transcribe(job(0.5, ""), patience_ms).await, Err(expected));
    }
}

/// An adapter at a server with these routes, and its tasks.
async fn transcribing_at(router: Router) -> (ElevenLabsTranscriptionAdapter, TaskTracker) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let service = ElevenLabs {
        base_url,
        api_key: "the-key".to_owned().into(),
        patience: Duration::from_secs(5),
    };
    let tasks = TaskTracker::new();
    let adapter = ElevenLabsTranscriptionAdapter::new(service, "m".to_owned(), tasks.clone());
    (adapter, tasks)
}

// spec: CALL-10
#[tokio::test]
async fn a_session_opened_ahead_saves_the_handshake_and_one_that_was_closed_meanwhile_costs_nothing() {
    let (opened, mut sessions) = mpsc::channel(16);
    let router = Router::new().fallback(move |upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(async move |mut socket: WebSocket| {
            let number = 16 - opened.capacity();
            let hello = json!({"message_type": "session_started"});
            if socket.send(says(&hello)).await.is_err() || opened.send(number).await.is_err() || number == 2 {
                // The third session is closed before it is used.
                return;
            }
            while let Some(Ok(Message::Text(text))) = socket.recv().await {
                if text.contains("\"commit\":true") {
                    let text = format!("in session {number}");
                    let answer = json!({"message_type": "committed_transcript_with_timestamps", "text": text});
                    let _ = socket.send(says(&answer)).await;
                }
            }
        })
    });
    let (adapter, tasks) = transcribing_at(router).await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(adapter.transcribe(job(0.5, "")).await.unwrap().text);
        tasks.close();
        tasks.wait().await;
        tasks.reopen();
    }
    assert_eq!(heard, ["in session 0", "in session 1", "in session 3"]);
    sessions.close();
}

// spec: CALL-10
#[tokio::test]
async fn a_session_opened_ahead_is_closed_when_nobody_speaks() {
    let (gone, mut closed) = mpsc::channel(16);
    let router = Router::new().fallback(move |upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(async move |mut socket: WebSocket| {
            let _ = socket.send(says(&json!({"message_type": "session_started"}))).await;
            let mut used = false;
            while let Some(Ok(Message::Text(text))) = socket.recv().await {
                used = true;
                if text.contains("\"commit\":true") {
                    let answer = json!({"message_type": "committed_transcript_with_timestamps", "text": "yes"});
                    let _ = socket.send(says(&answer)).await;
                }
            }
            let _ = gone.send(used).await;
        })
    });
    let (adapter, tasks) = transcribing_at(router).await;
    adapter.transcribe(job(0.5, "")).await.unwrap();
    assert_eq!(closed.recv().await, Some(true), "the session that was used");
    tasks.close();
    tasks.wait().await;
    tokio::task::yield_now().await;
    assert!(closed.try_recv().is_err(), "the next one is kept for a while");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(10)).await;
    tokio::time::resume();
    assert_eq!(closed.recv().await, Some(false));
}

// spec: CALL-10
#[tokio::test]
async fn a_sentence_is_asked_for_and_comes_back_as_audio_with_its_words() {
    let script = Script::Answer(
        vec![audio(400, "Hello th"), audio(200, "ere. "), the_end()],
        After::Wait,
    );
    let mut server = Server::start(script).await;
    let (chunks, error) = server.speak(5_000).await;
    assert_eq!(error, None);
    let samples: usize = chunks.iter().map(|chunk| chunk.pcm.len()).sum();
    assert_eq!(samples, 48 * 600);
    let words: Vec<_> = chunks.iter().flat_map(|chunk| &chunk.words).collect();
    let times: Vec<_> = words.iter().map(|w| (w.text.as_str(), w.start_ms, w.end_ms)).collect();
    assert_eq!(times, [("Hello", 0, 250), ("there.", 300, 560)]);

    let Some(Seen::Connection(uri, key)) = server.seen.recv().await else {
        panic!("no connection")
    };
    assert_eq!(key, "the-key");
    assert!(uri.starts_with("/v1/text-to-speech/voice1/stream-input?"), "{uri}");
    assert!(
        uri.contains("model_id=eleven_flash_v2_5") && uri.contains("output_format=pcm_24000"),
        "{uri}"
    );
    let sent = server.messages(3).await;
    let texts: Vec<_> = sent.iter().map(|m| m["text"].as_str().unwrap()).collect();
    assert_eq!(texts, [" ", "Hello there. ", ""]);
    assert_eq!(sent[0]["voice_settings"]["speed"], 1.0);
}

// spec: CALL-10
#[tokio::test]
async fn a_voice_that_misbehaves_is_told_apart() {
    let failed = |what: &str| SpeechError::Failed(what.to_owned());
    let bad_audio = says(&json!({"audio": "%%%"}));
    let quota = says(&json!({"message": "You have used it all", "error": "quota_exceeded", "code": 1008}));
    let key = says(&json!({"message": "Invalid API key", "error": "invalid_api_key", "code": 1008}));
    let slow = Script::Answer(vec![audio(100, "Hello ")], After::Wait);
    let cases = [
        (Script::Refuse(403, None), 0, SpeechError::KeyRefused),
        (Script::Answer(vec![key], After::HangUp), 0, SpeechError::KeyRefused),
        (
            Script::Answer(vec![audio(100, "Hello "), quota], After::HangUp),
            1,
            SpeechError::RateLimited {
                retry_after: Some(Duration::from_mins(10)),
            },
        ),
        (
            Script::Answer(vec![audio(100, "Hello ")], After::HangUp),
            1,
            failed("the service hung up"),
        ),
        (
            Script::Answer(vec![audio(100, "Hello "), bad_audio], After::Wait),
            1,
            failed("the service sent unreadable audio"),
        ),
        (
            Script::Answer(vec![Message::text("[]")], After::Wait),
            0,
            failed("the service sent something unreadable"),
        ),
        (slow, 1, SpeechError::TimedOut),
    ];
    for (script, heard, expected) in cases {
        let patience_ms = if expected == SpeechError::TimedOut { 150 } else { 5_000 };
        let server = Server::start(script).await;
        let (chunks, error) = server.speak(patience_ms).await;
        assert_eq!((chunks.len(), error), (heard, Some(expected)));
    }
}

// spec: CALL-10
#[tokio::test]
async fn a_sentence_nobody_listens_to_any_more_is_hung_up_on() {
    let mut server = Server::start(Script::Answer(vec![audio(100, "Hello ")], After::Wait)).await;
    let model = "m".to_owned();
    let adapter = ElevenLabsSpeechAdapter::new(server.service(60_000), model, TaskTracker::new());
    let mut receiver = adapter.speak(request()).await.unwrap();
    assert!(receiver.recv().await.is_some());
    drop(receiver);
    while !matches!(server.seen.recv().await, Some(Seen::Gone)) {}
}

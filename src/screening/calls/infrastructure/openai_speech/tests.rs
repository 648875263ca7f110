//! The protocol, against a server that keeps to it and one that does not.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{OpenAiAudio, OpenAiSpeechAdapter, OpenAiTranscriptionAdapter};
use crate::screening::calls::domain::ports::{
    Priority, SpeechChunk, SpeechError, SpeechRequest, SpeechToText, TextToSpeech, Transcript, TranscriptionJob,
};
use crate::screening::calls::infrastructure::remote::pcm;

fn service(url: &str, patience_ms: u64) -> OpenAiAudio {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{url}/v1").parse().unwrap();
    OpenAiAudio::new(
        url,
        Some("the-key".to_owned().into()),
        Duration::from_millis(patience_ms),
    )
    .unwrap()
}

async fn transcribe(url: &str, model: &str, patience_ms: u64) -> Result<Transcript, SpeechError> {
    let adapter = OpenAiTranscriptionAdapter::new(service(url, patience_ms), model.to_owned());
    let job = TranscriptionJob {
        audio: (0..16_000).map(|i| 0.3 * (i as f32 * 0.3).sin()).collect(),
        priority: Priority::Live,
        language: "en".to_owned(),
        context: "Acme, Rust".to_owned(),
        speech_ms: None,
        cancel: CancellationToken::new(),
    };
    adapter.transcribe(job).await
}

async fn speak(url: &str, patience_ms: u64) -> (Vec<SpeechChunk>, Option<SpeechError>) {
    let adapter = OpenAiSpeechAdapter::new(service(url, patience_ms), "tts-1".to_owned(), TaskTracker::new());
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

fn request() -> SpeechRequest {
    SpeechRequest {
        text: "Hello there.".to_owned(),
        voice: "alloy".to_owned(),
        speed: 1.0,
        priority: Priority::Live,
    }
}

fn tone(ms: usize) -> Vec<u8> {
    let samples: Vec<f32> = (0..ms * 24).map(|i| 0.5 * (i as f32 * 0.05).cos()).collect();
    pcm::to_bytes(&samples)
}

// spec: CALL-10
#[tokio::test]
async fn a_stretch_is_sent_as_a_file_and_comes_back_as_words() {
    let server = MockServer::start().await;
    let answer = json!({"text": "Hello, there.", "words": [
        {"word": "Hello", "start": 0.1, "end": 0.4}, {"word": "there", "start": 0.5, "end": 0.9}]});
    Mock::given(method("POST"))
        .and(path("/v1/audio/transcriptions"))
        .and(header("authorization", "Bearer the-key"))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .mount(&server)
        .await;
    let transcript = transcribe(&server.uri(), "whisper-1", 5_000).await.unwrap();
    let times: Vec<_> = transcript
        .words
        .iter()
        .map(|w| (w.text.as_str(), w.start_ms, w.end_ms))
        .collect();
    assert_eq!(times, [("Hello,", 100, 400), ("there.", 500, 900)]);
    let requests = server.received_requests().await.unwrap();
    let body = String::from_utf8_lossy(&requests[0].body).into_owned();
    for part in [
        "name=\"file\"; filename=\"speech.wav\"",
        "RIFF",
        "whisper-1",
        "verbose_json",
        "Acme, Rust",
        "[]\"\r\n\r\nword",
    ] {
        assert!(body.contains(part), "{part}");
    }
}

// spec: CALL-10
#[tokio::test]
async fn a_model_that_tells_no_times_is_not_asked_for_them_and_they_are_estimated() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({"text": " Hello there. "}));
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    let transcript = transcribe(&server.uri(), "gpt-4o-transcribe", 5_000).await.unwrap();
    assert_eq!((transcript.text.as_str(), transcript.words.len()), ("Hello there.", 2));
    assert_eq!(transcript.words[1].end_ms, 1_000);
    let requests = server.received_requests().await.unwrap();
    assert!(!String::from_utf8_lossy(&requests[0].body).contains("timestamp_granularities"));
}

// spec: CALL-10
#[tokio::test]
async fn a_service_that_misbehaves_is_told_apart() {
    let limited = |retry_after| SpeechError::RateLimited { retry_after };
    let five = Some(Duration::from_secs(5));
    let garbage = SpeechError::Failed("the service sent something unreadable".to_owned());
    let cases = [
        (ResponseTemplate::new(401), SpeechError::KeyRefused),
        (
            ResponseTemplate::new(429).insert_header("retry-after", "5"),
            limited(five),
        ),
        (ResponseTemplate::new(503), limited(None)),
        (ResponseTemplate::new(504), SpeechError::TimedOut),
        (
            ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/"),
            SpeechError::Failed("the service answered 302".to_owned()),
        ),
        (ResponseTemplate::new(200).set_body_string("<html>"), garbage.clone()),
        (ResponseTemplate::new(200).set_body_json(json!({"words": []})), garbage),
        (
            ResponseTemplate::new(200).set_body_string("x".repeat(2 * 1024 * 1024)),
            SpeechError::Failed("the service sent too much".to_owned()),
        ),
        (
            ResponseTemplate::new(200).set_delay(Duration::from_secs(30)),
            SpeechError::TimedOut,
        ),
    ];
    for (answer, expected) in cases {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(answer).mount(&server).await;
        let patience_ms = if expected == SpeechError::TimedOut { 150 } else { 5_000 };
        assert_eq!(transcribe(&server.uri(), "whisper-1", patience_ms).await, Err(expected));
    }
    let nobody = transcribe("http://127.0.0.1:1", "whisper-1", 5_000).await;
    assert_eq!(
        nobody,
        Err(SpeechError::Failed("the service cannot be reached".to_owned()))
    );
}

// spec: CALL-10
#[tokio::test]
async fn a_sentence_comes_back_as_audio_with_estimated_words() {
    let server = MockServer::start().await;
    let asked = json!({"model": "tts-1", "input": "Hello there.", "voice": "alloy", "response_format": "pcm"});
    Mock::given(method("POST"))
        .and(path("/v1/audio/speech"))
        .and(header("authorization", "Bearer the-key"))
        .and(body_partial_json(asked))
        .respond_with(ResponseTemplate::new(200).set_body_raw(tone(500), "audio/pcm"))
        .mount(&server)
        .await;
    let (chunks, error) = speak(&server.uri(), 5_000).await;
    assert_eq!(error, None);
    assert_eq!(chunks.iter().map(|c| c.pcm.len()).sum::<usize>(), 48 * 500);
    let words: Vec<_> = chunks
        .iter()
        .flat_map(|c| &c.words)
        .map(|w| (w.text.as_str(), w.end_ms))
        .collect();
    assert_eq!(words.last(), Some(&("there.", 500)));
}

// spec: CALL-10
#[tokio::test]
async fn a_voice_that_answers_with_text_is_not_heard() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({"error": "no"}));
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    let (chunks, error) = speak(&server.uri(), 5_000).await;
    assert_eq!(
        (chunks.len(), error),
        (
            0,
            Some(SpeechError::Failed("the service answered with text".to_owned()))
        )
    );
}

// spec: CALL-10
#[tokio::test]
async fn a_voice_that_dies_or_stalls_in_the_middle_is_noticed_after_what_it_said() {
    for dies in [true, false] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Notify::new());
        let was_heard = heard.clone();
        let router = Router::new().fallback(move || async move {
            let first = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(tone(300)))]);
            let then = futures::stream::once(async move {
                was_heard.notified().await;
                if !dies {
                    std::future::pending::<()>().await;
                }
                Err(std::io::Error::other("dies"))
            });
            Response::new(Body::from_stream(futures::StreamExt::chain(first, then)))
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        let patience_ms = if dies { 5_000 } else { 300 };
        let adapter = OpenAiSpeechAdapter::new(service(&url, patience_ms), "tts-1".to_owned(), TaskTracker::new());
        let mut receiver = adapter.speak(request()).await.unwrap();
        assert!(matches!(receiver.recv().await, Some(Ok(_))), "what came is heard");
        heard.notify_one();
        let error = loop {
            match receiver.recv().await.expect("an error") {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        let expected = if dies {
            SpeechError::Failed("the exchange with the service broke".to_owned())
        } else {
            SpeechError::TimedOut
        };
        assert_eq!(error, expected);
    }
}

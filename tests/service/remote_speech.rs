//! Remote speech services that fail in every way there is, under a whole call: it goes on with the embedded engines.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use emma::screening::calls::application::session::Engines;
use emma::screening::calls::infrastructure::elevenlabs::{
    ElevenLabs, ElevenLabsSpeechAdapter, ElevenLabsTranscriptionAdapter,
};
use emma::screening::calls::infrastructure::openai_speech::{
    OpenAiAudio, OpenAiSpeechAdapter, OpenAiTranscriptionAdapter,
};
use emma::screening::calls::infrastructure::remote::{
    Circuit, FallbackSpeech, FallbackTranscription, RemoteEars, RemoteVoice,
};
use serde_json::json;
use tokio_util::task::TaskTracker;

use crate::engines::{ANSWER, Pace, engines};
use crate::ws_call::Invited;

/// How long a service is waited for; one that never answers costs this twice.
const PATIENCE: Duration = Duration::from_millis(400);

/// The address of a server that does the same to everybody.
async fn server(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Both services in front of the embedded engines.
fn remote_engines(url: &str) -> Engines {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tasks = TaskTracker::new();
    let elevenlabs = ElevenLabs {
        base_url: url.parse().expect("an address"),
        api_key: "key".to_owned().into(),
        patience: PATIENCE,
    };
    let openai = OpenAiAudio::new(url.parse().expect("an address"), None, PATIENCE).expect("a client");
    let circuit = |name| Arc::new(Circuit::new(name));
    let model = || "model".to_owned();
    let ears = vec![
        RemoteEars {
            stt: Arc::new(ElevenLabsTranscriptionAdapter::new(
                elevenlabs.clone(),
                model(),
                tasks.clone(),
            )),
            circuit: circuit("elevenlabs transcription"),
            patience: PATIENCE,
        },
        RemoteEars {
            stt: Arc::new(OpenAiTranscriptionAdapter::new(openai.clone(), model())),
            circuit: circuit("openai transcription"),
            patience: PATIENCE,
        },
    ];
    let voices = vec![
        RemoteVoice {
            tts: Arc::new(ElevenLabsSpeechAdapter::new(elevenlabs, model(), tasks.clone())),
            voice: "voice".to_owned(),
            circuit: circuit("elevenlabs voice"),
            patience: PATIENCE,
        },
        RemoteVoice {
            tts: Arc::new(OpenAiSpeechAdapter::new(openai, model(), tasks.clone())),
            voice: "voice".to_owned(),
            circuit: circuit("openai voice"),
            patience: PATIENCE,
        },
    ];
    let embedded = engines(Pace::Spoken);
    Engines {
        speech_to_text: Arc::new(FallbackTranscription::new(ears, embedded.speech_to_text)),
        text_to_speech: Arc::new(FallbackSpeech::new(voices, embedded.text_to_speech, tasks)),
        ..embedded
    }
}

// spec: CALL-10
#[tokio::test]
async fn a_call_survives_services_that_fail() {
    let refuses = server(Router::new().fallback(|| async { StatusCode::UNAUTHORIZED })).await;
    let limits = server(
        Router::new().fallback(|| async { (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")]).into_response() }),
    )
    .await;
    let answers_nonsense = server(Router::new().fallback(|| async { "nonsense" })).await;
    let never_answers = server(Router::new().fallback(std::future::pending::<StatusCode>)).await;
    let nobody = "http://127.0.0.1:1".to_owned();
    let calls = [refuses, limits, answers_nonsense, never_answers, nobody].map(|url| async move {
        let at = Invited::with(remote_engines(&url)).await;
        let mut client = at.join("").await;
        client.control("emma_speaking").await;
        client.control("listening").await;
        client.speak(16_000).await;
        let said = client
            .until(|m| m["type"] == "caption" && m["speaker"] == "candidate")
            .await;
        assert_eq!(said["text"], ANSWER, "{url}");
        client.control("emma_speaking").await;
        client.send(&json!({"type": "end"})).await;
        client.control("call_ended").await;
    });
    futures::future::join_all(calls).await;
}

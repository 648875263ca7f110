//! Connections without a network, and an embedder without a model.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use emma::screening::calls::domain::audio::VOICE_FRAME;
use emma::screening::calls::domain::ports::{
    Accepted, IceCandidate, MediaError, MediaEvent, MediaGateway, MediaLink, MediaSink, SdpOffer,
};
use emma::screening::shared::ids::ConnectionId;
use emma::shared::embeddings::{EmbedError, EmbeddingModel, TextEmbedder, TextRole};
use emma::shared::media::sdp;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Nothing in these tests takes this long unless it is broken.
const SOON: Duration = Duration::from_secs(20);

/// Hands its connections to the test.
#[derive(Default)]
pub struct FakeGateway {
    made: Mutex<VecDeque<Caller>>,
}

/// A candidate's end of a connection.
pub struct Caller {
    pub events: mpsc::Sender<MediaEvent>,
    messages: mpsc::UnboundedReceiver<Value>,
    closed: Arc<AtomicBool>,
}

struct FakeSink {
    messages: mpsc::UnboundedSender<Value>,
    closed: Arc<AtomicBool>,
}

impl FakeGateway {
    /// The connection made last.
    pub fn caller(&self) -> Caller {
        self.made.lock().expect("unpoisoned").pop_back().expect("a connection")
    }
}

#[async_trait]
impl MediaGateway for FakeGateway {
    fn check(&self, offer: &SdpOffer) -> Result<(), MediaError> {
        sdp::screen(&offer.0)
            .map(drop)
            .map_err(|e| MediaError::BadSdp(e.to_string()))
    }

    async fn accept(&self, _: SdpOffer) -> Result<Accepted, MediaError> {
        let (events, received) = mpsc::channel(64);
        let (messages, told) = mpsc::unbounded_channel();
        let closed = Arc::new(AtomicBool::new(false));
        let sink = FakeSink {
            messages,
            closed: closed.clone(),
        };
        self.made.lock().expect("unpoisoned").push_back(Caller {
            events,
            messages: told,
            closed,
        });
        Ok(Accepted {
            connection: ConnectionId::generate(),
            answer: "v=0\r\n".to_owned(),
            link: MediaLink {
                events: received,
                sink: Arc::new(sink),
            },
        })
    }

    async fn add_candidates(&self, _: &ConnectionId, _: Vec<IceCandidate>) -> Result<(), MediaError> {
        Err(MediaError::UnknownConnection)
    }

    async fn close(&self, _: &ConnectionId) {}
}

#[async_trait]
impl MediaSink for FakeSink {
    fn send_audio(&self, _: &[i16; VOICE_FRAME]) {}

    fn send_message(&self, message: String) {
        // A test that looks no more at the page has dropped it.
        let _ = self.messages.send(serde_json::from_str(&message).expect("JSON"));
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

impl Caller {
    pub async fn connects(&self) {
        self.events.send(MediaEvent::Connected).await.expect("a session");
    }

    pub async fn sends(&self, message: Value) {
        self.events
            .send(MediaEvent::Message(message.to_string()))
            .await
            .expect("a session");
    }

    pub async fn types(&self, text: &str) {
        self.sends(json!({ "type": "text", "text": text })).await;
    }

    /// The next message that fits; those before it are passed over.
    pub async fn hears(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let search = async {
            loop {
                let message = self.messages.recv().await.expect("the connection is open");
                if fits(&message) {
                    return message;
                }
            }
        };
        tokio::time::timeout(SOON, search)
            .await
            .unwrap_or_else(|_| panic!("never heard {what}"))
    }

    /// Waits until Emma has said this to its end.
    pub async fn hears_emma_say(&mut self, text: &str) {
        let fits = |m: &Value| {
            m["type"] == "caption" && m["speaker"] == "emma" && m["text"].as_str().unwrap_or("").contains(text)
        };
        self.hears(text, fits).await;
    }

    pub async fn hears_listening(&mut self) {
        self.hears("listening", |m| m["type"] == "state" && m["state"] == "listening")
            .await;
    }

    pub async fn hears_the_end(&mut self) -> Value {
        self.hears("the end", |m| m["type"] == "ended").await
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

/// Waits until something holds in the store.
pub async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let search = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, search)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

/// Words in common are nearness.
#[derive(Default)]
pub struct FakeEmbedder {
    pub broken: AtomicBool,
    pub panics: AtomicBool,
    /// Every text that was given to it.
    pub seen: Mutex<Vec<String>>,
}

#[async_trait]
impl TextEmbedder for FakeEmbedder {
    async fn embed(&self, texts: &[String], _: TextRole) -> Result<Vec<Vec<f32>>, EmbedError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(EmbedError::Failed("the model broke".to_owned()));
        }
        assert!(!self.panics.load(Ordering::SeqCst), "this model is worse than broken");
        self.seen.lock().expect("unpoisoned").extend_from_slice(texts);
        Ok(texts.iter().map(|text| vector(text)).collect())
    }

    fn model(&self) -> EmbeddingModel {
        EmbeddingModel {
            name: "words".to_owned(),
            dimension: 64,
        }
    }
}

fn vector(text: &str) -> Vec<f32> {
    let mut all = vec![0.0_f32; 64];
    for word in text
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.len() > 3)
    {
        let place = word
            .bytes()
            .fold(7_usize, |hash, b| hash.wrapping_mul(31).wrapping_add(b.into()));
        all[place % 64] += 1.0;
    }
    let length = all.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
    all.iter().map(|x| x / length).collect()
}

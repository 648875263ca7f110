use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use crate::screening::calls::domain::ports::{
    HeardWord, Priority, SpeechChunk, SpeechError, SpeechRequest, TextToSpeech,
};
use crate::screening::calls::infrastructure::voice::queue::{Engine, VoiceQueue, WAITING_MAX};
use crate::screening::calls::infrastructure::voice::stop::{Stop, Unfinished};

/// Renders one piece per word. Each render is announced and then waits to be let on; it ends early when stopped.
struct Scripted {
    begun: mpsc::UnboundedSender<String>,
    go: Arc<Mutex<std_mpsc::Receiver<()>>>,
}

impl Engine for Scripted {
    type Piece = String;
    const RESTARTABLE: bool = true;

    fn plan(&mut self, request: &SpeechRequest) -> Result<Vec<String>, SpeechError> {
        Ok(request.text.split_whitespace().map(str::to_owned).collect())
    }

    fn render(&mut self, piece: &String, stop: &Stop, emit: &mut dyn FnMut(SpeechChunk)) -> Result<(), Unfinished> {
        assert_ne!(piece, "panic", "as told");
        self.begun.send(piece.clone()).unwrap();
        loop {
            stop.check()?;
            if self.go.lock().unwrap().try_recv().is_ok() {
                break;
            }
            std::thread::yield_now();
        }
        let word = HeardWord {
            text: piece.clone(),
            start_ms: 0,
            end_ms: 10,
            confidence: 1.0,
        };
        emit(SpeechChunk {
            pcm: vec![1; 480].into(),
            words: vec![word],
        });
        Ok(())
    }
}

struct Stage {
    voice: VoiceQueue,
    begun: mpsc::UnboundedReceiver<String>,
    go: std_mpsc::Sender<()>,
}

type Heard = mpsc::Receiver<Result<SpeechChunk, SpeechError>>;

impl Stage {
    fn new() -> Self {
        let (begun_sender, begun) = mpsc::unbounded_channel();
        let (go, wait) = std_mpsc::channel();
        let engine = Scripted {
            begun: begun_sender,
            go: Arc::new(Mutex::new(wait)),
        };
        Self {
            voice: VoiceQueue::start("test-voice", engine).unwrap(),
            begun,
            go,
        }
    }

    async fn ask(&self, text: &str, priority: Priority) -> Heard {
        self.voice
            .speak(SpeechRequest {
                text: text.into(),
                voice: "v".into(),
                speed: 1.0,
                priority,
            })
            .await
            .unwrap()
    }

    async fn begins(&mut self, piece: &str) {
        assert_eq!(self.begun.recv().await.as_deref(), Some(piece));
    }

    fn go_on(&self) {
        self.go.send(()).unwrap();
    }
}

async fn words(mut heard: Heard) -> Vec<(String, u64)> {
    let mut words = Vec::new();
    while let Some(chunk) = heard.recv().await {
        words.extend(chunk.unwrap().words.into_iter().map(|w| (w.text, w.start_ms)));
    }
    words
}

fn at(words: &[(&str, u64)]) -> Vec<(String, u64)> {
    words.iter().map(|(w, t)| ((*w).to_owned(), *t)).collect()
}

#[tokio::test]
async fn live_goes_first_and_the_one_that_made_room_begins_anew() {
    let mut stage = Stage::new();
    let prepared = stage.ask("one two", Priority::Background).await;
    stage.begins("one").await;
    stage.go_on();
    stage.begins("two").await;
    let live = stage.ask("now", Priority::Live).await;
    stage.begins("now").await;
    stage.go_on();
    assert_eq!(words(live).await, at(&[("now", 0)]));
    stage.begins("two").await;
    stage.go_on();
    assert_eq!(words(prepared).await, at(&[("one", 0), ("two", 10)]));
}

#[tokio::test]
async fn a_hold_stops_background_work_only() {
    let mut stage = Stage::new();
    let gate = stage.voice.gate();
    let prepared = stage.ask("one", Priority::Background).await;
    stage.begins("one").await;
    let (first, second) = (gate.hold(), gate.hold());
    let guess = stage.ask("guess", Priority::Speculative).await;
    stage.begins("guess").await;
    stage.go_on();
    assert_eq!(words(guess).await, at(&[("guess", 0)]));
    drop(first);
    let live = stage.ask("now", Priority::Live).await;
    stage.begins("now").await;
    stage.go_on();
    assert_eq!(words(live).await, at(&[("now", 0)]));
    drop(second);
    stage.begins("one").await;
    stage.go_on();
    assert_eq!(words(prepared).await, at(&[("one", 0)]));
}

#[tokio::test]
async fn dropping_the_receiver_stops_the_work() {
    let mut stage = Stage::new();
    let unwanted = stage.ask("long text", Priority::Live).await;
    stage.begins("long").await;
    let waiting = stage.ask("never", Priority::Live).await;
    drop((unwanted, waiting));
    let next = stage.ask("next", Priority::Background).await;
    stage.begins("next").await;
    stage.go_on();
    assert_eq!(words(next).await, at(&[("next", 0)]));
}

#[tokio::test]
async fn the_same_text_is_rendered_once_and_moves_up_with_its_most_urgent_listener() {
    let mut stage = Stage::new();
    let guess = stage.ask("a b", Priority::Speculative).await;
    stage.begins("a").await;
    stage.go_on();
    stage.begins("b").await;
    let live = stage.ask("a b", Priority::Live).await;
    // Another live request does not push it aside any more.
    let other = stage.ask("c", Priority::Live).await;
    stage.go_on();
    assert_eq!(words(live).await, at(&[("a", 0), ("b", 10)]));
    assert_eq!(words(guess).await, at(&[("a", 0), ("b", 10)]));
    stage.begins("c").await;
    stage.go_on();
    assert_eq!(words(other).await, at(&[("c", 0)]));
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let mut stage = Stage::new();
    let mut kept = vec![stage.ask("running", Priority::Background).await];
    stage.begins("running").await;
    for i in 0..WAITING_MAX {
        kept.push(stage.ask(&format!("w{i}"), Priority::Background).await);
    }
    let refused = stage.voice.speak(SpeechRequest {
        text: "more".into(),
        voice: "v".into(),
        speed: 1.0,
        priority: Priority::Background,
    });
    assert_eq!(refused.await.err(), Some(SpeechError::Overloaded));
}

#[tokio::test]
async fn an_engine_that_panics_fails_the_request_and_goes_on() {
    let mut stage = Stage::new();
    let mut broken = stage.ask("panic", Priority::Live).await;
    assert!(matches!(broken.recv().await, Some(Err(SpeechError::Failed(_)))));
    let next = stage.ask("fine", Priority::Live).await;
    stage.begins("fine").await;
    stage.go_on();
    assert_eq!(words(next).await, at(&[("fine", 0)]));
}

#[tokio::test]
async fn closing_the_voice_ends_what_waits() {
    let mut stage = Stage::new();
    let mut running = stage.ask("one", Priority::Live).await;
    stage.begins("one").await;
    drop(stage.voice);
    assert_eq!(running.recv().await, Some(Err(SpeechError::Cancelled)));
}

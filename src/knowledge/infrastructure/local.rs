//! A model on this machine, on a thread of its own: who waits for an answer goes before what is made ahead.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use crate::shared::embeddings::{EmbedError, EmbeddingModel, TextEmbedder, TextRole};
use crate::shared::onnx::OnnxError;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Requests that wait in the queue, and as many again beside the thread.
const WAITING: usize = 64;

/// Makes the vector of one text; its length does not matter.
pub trait Encoder: Send + 'static {
    fn encode(&mut self, text: &str, role: TextRole) -> Result<Vec<f32>, EmbedError>;
}

/// An encoder behind its queue.
pub struct LocalEmbedder {
    /// Bounded: what does not fit is refused as overloaded.
    requests: mpsc::Sender<Request>,
    model: EmbeddingModel,
}

struct Request {
    texts: VecDeque<String>,
    role: TextRole,
    made: Vec<Vec<f32>>,
    answer: oneshot::Sender<Result<Vec<Vec<f32>>, EmbedError>>,
}

impl LocalEmbedder {
    /// Tries the encoder once, so that the first text is not slow, and starts its thread.
    ///
    /// # Errors
    /// When the encoder fails or there is no thread.
    pub fn start(model: EmbeddingModel, thread: &str, mut encoder: impl Encoder) -> Result<Self, OnnxError> {
        let tried = encoder.encode("warm", TextRole::Query);
        let tried = tried.map_err(|e| OnnxError::Runtime(e.to_string()))?;
        if tried.len() != model.dimension {
            let found = tried.len();
            return Err(OnnxError::Runtime(format!(
                "{} gives vectors of {found} numbers",
                model.name
            )));
        }
        let (requests, received) = mpsc::channel(WAITING);
        std::thread::Builder::new()
            .name(thread.to_owned())
            .spawn(move || serve(encoder, received))
            .map_err(|e| OnnxError::Runtime(format!("no thread: {e}")))?;
        Ok(Self { requests, model })
    }
}

#[async_trait]
impl TextEmbedder for LocalEmbedder {
    async fn embed(&self, texts: &[String], role: TextRole) -> Result<Vec<Vec<f32>>, EmbedError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, result) = oneshot::channel();
        let request = Request {
            texts: texts.iter().cloned().collect(),
            role,
            made: Vec::with_capacity(texts.len()),
            answer,
        };
        let full = |_| EmbedError::Overloaded { retry_after: None };
        self.requests.try_send(request).map_err(full)?;
        match tokio::time::timeout(TIMEOUT, result).await {
            Ok(Ok(vectors)) => vectors,
            Ok(Err(_)) => Err(EmbedError::Failed("the embedding thread is gone".to_owned())),
            Err(_) => Err(EmbedError::TimedOut),
        }
    }

    fn model(&self) -> EmbeddingModel {
        self.model.clone()
    }
}

/// One text at a time: batching gains nothing on a CPU, and a question gets between two passages.
fn serve(mut encoder: impl Encoder, mut received: mpsc::Receiver<Request>) {
    let mut waiting: VecDeque<Request> = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match received.blocking_recv() {
                Some(request) => waiting.push_back(request),
                None => return,
            }
        }
        while waiting.len() < WAITING
            && let Ok(request) = received.try_recv()
        {
            waiting.push_back(request);
        }
        waiting.retain(|request| !request.answer.is_closed());
        let urgent = waiting.iter().position(|request| request.role == TextRole::Query);
        let Some(mut request) = waiting.remove(urgent.unwrap_or(0)) else {
            continue;
        };
        let made = request.texts.pop_front().map(|text| {
            // A bug in the model or in what it is built on fails this request and must not end all later ones.
            std::panic::catch_unwind(AssertUnwindSafe(|| encoder.encode(&text, request.role)))
                .unwrap_or_else(|_| Err(EmbedError::Failed("the embedding model panicked".to_owned())))
        });
        // Whoever does not wait any more takes no answer.
        match made {
            Some(Err(error)) => drop(request.answer.send(Err(error))),
            Some(Ok(vector)) => {
                request.made.push(unit(vector));
                if request.texts.is_empty() {
                    let _ = request.answer.send(Ok(request.made));
                } else {
                    waiting.push_front(request);
                }
            }
            None => drop(request.answer.send(Ok(request.made))),
        }
    }
}

/// The vector brought to length 1.
fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    for value in &mut vector {
        *value /= length;
    }
    vector
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as std_mpsc;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Takes a text only when it is let to, and writes down the order.
    struct Slow {
        may: std_mpsc::Receiver<()>,
        order: Arc<Mutex<Vec<String>>>,
    }

    impl Encoder for Slow {
        fn encode(&mut self, text: &str, _: TextRole) -> Result<Vec<f32>, EmbedError> {
            self.may.recv().expect("let to");
            self.order.lock().expect("unpoisoned").push(text.to_owned());
            if text == "bad" {
                return Err(EmbedError::Failed("bad".to_owned()));
            }
            assert_ne!(text, "broken", "this text is too much for the model");
            Ok(vec![3.0, 4.0])
        }
    }

    fn model() -> EmbeddingModel {
        EmbeddingModel {
            name: "slow".to_owned(),
            dimension: 2,
        }
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    // spec: KNOW-4, EMMA-3
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_question_goes_before_the_rest_of_a_batch() {
        let (let_go, may) = std_mpsc::channel();
        let order = Arc::new(Mutex::new(Vec::new()));
        let slow = Slow {
            may,
            order: order.clone(),
        };
        let_go.send(()).expect("the trial");
        let embedder = Arc::new(LocalEmbedder::start(model(), "slow", slow).expect("started"));
        let batch = tokio::spawn({
            let embedder = embedder.clone();
            async move { embedder.embed(&owned(&["p1", "p2", "p3"]), TextRole::Passage).await }
        });
        let_go.send(()).expect("a text");
        while order.lock().expect("unpoisoned").len() < 2 {
            tokio::task::yield_now().await;
        }
        let mut question = std::pin::pin!(async { embedder.embed(&owned(&["q"]), TextRole::Query).await });
        // It is in the queue once it was polled; the thread has begun p2 at most.
        assert!(futures::poll!(&mut question).is_pending());
        for _ in 0..3 {
            let_go.send(()).expect("a text");
        }
        assert_eq!(question.await, Ok(vec![vec![0.6, 0.8]]));
        assert_eq!(batch.await.expect("ran"), Ok(vec![vec![0.6, 0.8]; 3]));
        let order = order.lock().expect("unpoisoned");
        let place = |text: &str| order.iter().position(|done| done == text);
        assert!(place("q") < place("p3"), "{order:?}");
    }

    #[tokio::test]
    async fn one_bad_text_fails_its_request_and_no_other() {
        let (let_go, may) = std_mpsc::channel();
        for _ in 0..5 {
            let_go.send(()).expect("open");
        }
        let slow = Slow {
            may,
            order: Arc::default(),
        };
        let embedder = LocalEmbedder::start(model(), "slow", slow).expect("started");
        let bad = embedder.embed(&owned(&["good", "bad"]), TextRole::Passage).await;
        assert_eq!(bad, Err(EmbedError::Failed("bad".to_owned())));
        let broken = embedder.embed(&owned(&["broken"]), TextRole::Passage).await;
        assert_eq!(
            broken,
            Err(EmbedError::Failed("the embedding model panicked".to_owned()))
        );
        assert_eq!(
            embedder.embed(&owned(&["good"]), TextRole::Passage).await,
            Ok(vec![vec![0.6, 0.8]])
        );
        assert_eq!(embedder.embed(&[], TextRole::Passage).await, Ok(vec![]));
    }
}

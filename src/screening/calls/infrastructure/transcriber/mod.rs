//! Speech to text on this machine: one queue and one thread for all calls, whichever model listens.

pub mod guard;
mod queue;
mod second;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::screening::calls::domain::audio::EAR_RATE_HZ;
use crate::screening::calls::domain::ports::{HeardWord, SpeechError, SpeechToText, Transcript, TranscriptionJob};
use crate::screening::calls::infrastructure::transcriber::queue::{JobQueue, Waiting};
pub use crate::screening::calls::infrastructure::transcriber::second::{PATIENCE, SecondOpinion};

/// The longest stretch the models can hear at once.
const LONGEST: usize = 30 * EAR_RATE_HZ as usize;

/// A model that hears, on the transcriber's own thread.
pub trait Listener: Send {
    /// Hears one stretch. `stop` fires when nobody wants it any more.
    ///
    /// # Errors
    /// When it was stopped or the model fails; hearing nothing is no error.
    fn listen(&mut self, job: &TranscriptionJob, stop: &CancellationToken) -> Result<Heard, SpeechError>;
}

/// What a model heard.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heard {
    pub words: Vec<HeardWord>,
    /// Mean natural logarithm of the tokens' probabilities; 0 is certain.
    pub avg_logprob: f32,
    /// The model's own probability, 0 to 1, that there is no speech; 0 where it has no opinion.
    pub no_speech: f32,
}

/// How much may wait, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Jobs that may wait. When it is full, a more urgent job takes the place of the least urgent one, and what
    /// has no place is refused with [`SpeechError::Overloaded`].
    pub queue: usize,
    /// How long a caller waits for its words at most, the time in the queue included.
    pub timeout: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            queue: 32,
            timeout: Duration::from_secs(20),
        }
    }
}

/// A listener behind its queue.
pub struct LocalTranscriber {
    queue: Arc<JobQueue>,
    timeout: Duration,
    thread: Option<JoinHandle<()>>,
}

impl LocalTranscriber {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(mut listener: impl Listener + 'static, patience: Patience) -> std::io::Result<Self> {
        let queue = Arc::new(JobQueue::new(patience.queue));
        let source = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("emma-ears".to_owned())
            .spawn(move || serve(&mut listener, &source))?;
        Ok(Self {
            queue,
            timeout: patience.timeout,
            thread: Some(thread),
        })
    }
}

impl Drop for LocalTranscriber {
    /// Waits for the thread: a process that ends under whisper.cpp's feet crashes. Nobody waits for the job at hand
    /// any more, so that it stops soon.
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[async_trait]
impl SpeechToText for LocalTranscriber {
    async fn transcribe(&self, job: TranscriptionJob) -> Result<Transcript, SpeechError> {
        if job.audio.len() > LONGEST {
            return Err(SpeechError::Failed("more than 30 s of audio".to_owned()));
        }
        let cancelled = job.cancel.clone();
        // Fires also when this future is dropped: work nobody waits for is skipped or stopped.
        let stop = job.cancel.child_token();
        let _stop_when_dropped = stop.clone().drop_guard();
        let (reply, answer) = oneshot::channel();
        self.queue.push(Waiting { job, stop, reply })?;
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or_else(|_| Err(SpeechError::Failed("the transcriber has stopped".to_owned()))),
            () = cancelled.cancelled() => Err(SpeechError::Cancelled),
            () = tokio::time::sleep(self.timeout) => Err(SpeechError::TimedOut),
        }
    }
}

/// The thread's loop: works until the queue is closed.
fn serve(listener: &mut impl Listener, queue: &JobQueue) {
    while let Some(waiting) = queue.take() {
        // A bug in the model or in what it is built on must not make the server deaf: the next stretch may be heard.
        let result = catch_unwind(AssertUnwindSafe(|| listener.listen(&waiting.job, &waiting.stop)))
            .unwrap_or_else(|_| Err(SpeechError::Failed("the transcriber panicked".to_owned())))
            .map(transcript);
        if let Err(SpeechError::Failed(error)) = &result {
            tracing::error!(%error, "transcription failed");
        }
        // Nobody receives it where the caller gave up meanwhile.
        let _ = waiting.reply.send(result);
    }
}

fn transcript(heard: Heard) -> Transcript {
    let texts: Vec<&str> = heard.words.iter().map(|word| word.text.as_str()).collect();
    Transcript {
        text: texts.join(" "),
        words: heard.words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::calls::domain::ports::Priority;

    /// Breaks over the first stretch.
    struct Fragile {
        heard: usize,
    }

    impl Listener for Fragile {
        fn listen(&mut self, _: &TranscriptionJob, _: &CancellationToken) -> Result<Heard, SpeechError> {
            self.heard += 1;
            assert!(self.heard > 1, "the model breaks");
            Ok(Heard::default())
        }
    }

    // spec: CALL-10
    #[tokio::test]
    async fn a_model_that_breaks_over_one_stretch_hears_the_next() {
        let ears = LocalTranscriber::start(Fragile { heard: 0 }, Patience::default()).expect("a thread");
        let job = || TranscriptionJob {
            audio: [].into(),
            priority: Priority::Live,
            language: "en".to_owned(),
            context: String::new(),
            speech_ms: None,
            cancel: CancellationToken::new(),
        };
        let broken = ears.transcribe(job()).await;
        assert!(
            matches!(&broken, Err(SpeechError::Failed(why)) if why.contains("panicked")),
            "{broken:?}"
        );
        assert_eq!(ears.transcribe(job()).await, Ok(Transcript::default()));
    }
}

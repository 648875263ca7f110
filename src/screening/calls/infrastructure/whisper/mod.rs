//! Speech to text by whisper.cpp: one model, one thread, one queue for all calls.

mod engine;
mod guard;
mod queue;
mod window;
mod words;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;

use crate::screening::calls::domain::audio::EAR_RATE_HZ;
use crate::screening::calls::domain::ports::{SpeechError, SpeechToText, Transcript, TranscriptionJob};
use crate::screening::calls::infrastructure::whisper::engine::Engine;
use crate::screening::calls::infrastructure::whisper::queue::{JobQueue, Waiting};
pub use crate::screening::calls::infrastructure::whisper::window::WindowPolicy;

/// The longest stretch whisper can hear at once.
const LONGEST: usize = 30 * EAR_RATE_HZ as usize;

/// How whisper is run.
#[derive(Debug, Clone)]
pub struct WhisperConfig {
    /// A whisper.cpp model file, e.g. `ggml-base-q8_0.bin`.
    pub model: PathBuf,
    /// Threads of one decoding, for all calls together. Whisper's threads spin while they wait for each other,
    /// so more than the machine has cores make it many times slower; it is cut down to the cores.
    pub threads: usize,
    /// Jobs that may wait. When it is full, a more urgent job takes the place of the least urgent one, and what
    /// has no place is refused with [`SpeechError::Overloaded`].
    pub queue: usize,
    /// How long a caller waits for its words at most, the time in the queue included.
    pub timeout: Duration,
    /// How much of the encoder is used for a clip.
    pub window: WindowPolicy,
    /// Tokens of `context` given to the decoder as its prompt; 0 leaves it out.
    pub context_tokens: usize,
}

impl WhisperConfig {
    /// The defaults for a model file.
    pub fn new(model: PathBuf) -> Self {
        Self {
            model,
            threads: 2,
            queue: 32,
            timeout: Duration::from_secs(20),
            window: WindowPolicy::default(),
            context_tokens: 0,
        }
    }
}

/// Why whisper could not be started.
#[derive(Debug, thiserror::Error)]
pub enum WhisperError {
    #[error("whisper model {path} cannot be loaded: {reason}")]
    Model { path: PathBuf, reason: String },
    #[error("whisper thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// Whisper behind its queue.
pub struct WhisperSpeech {
    queue: Arc<JobQueue>,
    timeout: Duration,
}

impl WhisperSpeech {
    /// Loads the model, decodes a second of silence so that the first call is not slow, and starts the thread.
    ///
    /// # Errors
    /// When the model cannot be loaded.
    pub fn start(config: &WhisperConfig) -> Result<Self, WhisperError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut engine = Engine::load(&config.model, config.threads.clamp(1, cores), config.context_tokens)?;
        engine.warm_up();
        let queue = Arc::new(JobQueue::new(config.queue));
        let (source, window) = (Arc::clone(&queue), config.window);
        std::thread::Builder::new()
            .name("emma-whisper".to_owned())
            .spawn(move || worker::serve(&mut engine, &source, window))
            .map_err(WhisperError::Thread)?;
        Ok(Self {
            queue,
            timeout: config.timeout,
        })
    }
}

impl Drop for WhisperSpeech {
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[async_trait]
impl SpeechToText for WhisperSpeech {
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
            answer = answer => answer.unwrap_or_else(|_| Err(SpeechError::Failed("whisper's thread has stopped".to_owned()))),
            () = cancelled.cancelled() => Err(SpeechError::Cancelled),
            () = tokio::time::sleep(self.timeout) => Err(SpeechError::TimedOut),
        }
    }
}

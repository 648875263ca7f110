//! Emma's voice, remembered: what is known beforehand is rendered ahead and comes back at once.

pub mod format;
pub mod store;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::screening::calls::domain::ports::{Priority, SpeechChunk, SpeechError, SpeechRequest, TextToSpeech};
use crate::screening::calls::infrastructure::voice_cache::format::Clause;
use crate::screening::calls::infrastructure::voice_cache::store::{Key, Limits, Store};

/// Chunks between the engine and a listener. The engine's own channel holds the rest: a slow listener loses nothing here.
const AHEAD: usize = 8;

/// A text to speech that renders a text once. What was prepared stays on disk; what was improvised in a call, and may
/// hold what a candidate said, stays in memory only.
pub struct CachedVoice {
    inner: Arc<dyn TextToSpeech>,
    engine: String,
    store: Arc<Store>,
    tasks: TaskTracker,
}

/// How far a preparation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Ready, those that had been ready before included.
    pub done: usize,
    pub failed: usize,
    pub total: usize,
}

impl Progress {
    pub const fn is_over(self) -> bool {
        self.done + self.failed == self.total
    }
}

/// Rendering ahead that is under way; it stops when this is dropped.
pub struct Preparation {
    progress: watch::Receiver<Progress>,
    _cancel: DropGuard,
}

impl Preparation {
    pub fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Waits until all is rendered, has failed, or the server shuts down.
    pub async fn finished(&mut self) -> Progress {
        // The sender goes when the work stops early: then this is how far it came.
        let _ = self.progress.wait_for(|progress| progress.is_over()).await;
        self.progress()
    }
}

impl CachedVoice {
    /// Wraps `inner`. `engine` names what makes the sound and its version: another model has another cache.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn open(
        inner: Arc<dyn TextToSpeech>,
        engine: impl Into<String>,
        dir: &Path,
        limits: Limits,
        tasks: TaskTracker,
    ) -> std::io::Result<Self> {
        Ok(Self {
            inner,
            engine: engine.into(),
            store: Arc::new(Store::open(dir, limits)?),
            tasks,
        })
    }

    /// Whether a text comes back at once.
    pub fn is_ready(&self, text: &str, voice: &str, speed: f32) -> bool {
        self.store.has(&self.key(text, voice, speed))
    }

    /// Removes texts from memory and disk, e.g. those that held a name which must be forgotten. Blocks on the disk.
    pub fn forget(&self, texts: &[String], voice: &str, speed: f32) {
        for text in texts {
            self.store.forget(&self.key(text, voice, speed));
        }
    }

    /// Renders texts ahead, one after the other, at background priority, and keeps them on disk. What is ready is
    /// not rendered again.
    #[must_use = "it stops when dropped"]
    pub fn prepare(self: &Arc<Self>, texts: Vec<String>, voice: &str, speed: f32) -> Preparation {
        let cancel = CancellationToken::new();
        let (sender, progress) = watch::channel(Progress {
            total: texts.len(),
            ..Progress::default()
        });
        let (this, voice, cancelled) = (self.clone(), voice.to_owned(), cancel.clone());
        self.tasks.spawn(async move {
            let work = async {
                for text in texts {
                    let request = SpeechRequest {
                        text,
                        voice: voice.clone(),
                        speed,
                        priority: Priority::Background,
                    };
                    let outcome = this.prepare_one(request).await;
                    if let Err(error) = &outcome {
                        warn!(%error, "a line could not be prepared");
                    }
                    sender.send_modify(|p| *if outcome.is_ok() { &mut p.done } else { &mut p.failed } += 1);
                }
            };
            cancelled.run_until_cancelled(work).await;
        });
        Preparation {
            progress,
            _cancel: cancel.drop_guard(),
        }
    }

    async fn prepare_one(&self, request: SpeechRequest) -> Result<(), SpeechError> {
        let key = self.key(&request.text, &request.voice, request.speed);
        if self.store.is_kept(&key) {
            return Ok(());
        }
        let clause = if let Some(clause) = self.store.recall(&key) {
            clause
        } else {
            let mut receiver = self.inner.speak(request).await?;
            let mut chunks = Vec::new();
            while let Some(chunk) = receiver.recv().await {
                chunks.push(chunk?);
            }
            Clause::from_chunks(&chunks)
        };
        let store = self.store.clone();
        on_disk(move || store.keep(&key, &clause))
            .await?
            .map_err(|e| SpeechError::Failed(format!("voice cache: {e}")))
    }

    fn key(&self, text: &str, voice: &str, speed: f32) -> Key {
        let mut digest = Sha256::new();
        for part in [self.engine.as_str(), voice, &format!("{speed:.3}")] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        // White space makes no sound.
        for word in text.split_whitespace() {
            digest.update(word);
            digest.update(b" ");
        }
        let figure = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
        digest
            .finalize()
            .iter()
            .flat_map(|byte| [figure(byte >> 4), figure(byte & 15)])
            .collect()
    }
}

#[async_trait]
impl TextToSpeech for CachedVoice {
    async fn speak(
        &self,
        request: SpeechRequest,
    ) -> Result<mpsc::Receiver<Result<SpeechChunk, SpeechError>>, SpeechError> {
        let key = self.key(&request.text, &request.voice, request.speed);
        let mut known = self.store.recall(&key);
        if known.is_none() && self.store.has(&key) {
            let (store, key) = (self.store.clone(), key.clone());
            known = on_disk(move || store.load(&key)).await?;
        }
        if let Some(clause) = known {
            return Ok(play(&clause));
        }
        let source = self.inner.speak(request).await?;
        let (sender, receiver) = mpsc::channel(AHEAD);
        let store = self.store.clone();
        self.tasks
            .spawn(async move { pass_on(source, &sender, &store, &key).await });
        Ok(receiver)
    }
}

/// Gives a known clause, all of it at once.
fn play(clause: &Clause) -> mpsc::Receiver<Result<SpeechChunk, SpeechError>> {
    let chunks: Vec<_> = clause.chunks().collect();
    let (sender, receiver) = mpsc::channel(chunks.len().max(1));
    for chunk in chunks {
        // The channel holds them all.
        let _ = sender.try_send(Ok(chunk));
    }
    receiver
}

/// Hands chunks on as they come and remembers the whole. When the listener goes, the source is dropped with it.
async fn pass_on(
    mut source: mpsc::Receiver<Result<SpeechChunk, SpeechError>>,
    sender: &mpsc::Sender<Result<SpeechChunk, SpeechError>>,
    store: &Store,
    key: &str,
) {
    let mut chunks = Vec::new();
    loop {
        let next = tokio::select! {
            next = source.recv() => next,
            () = sender.closed() => return,
        };
        match next {
            Some(Ok(chunk)) => {
                chunks.push(chunk.clone());
                if sender.send(Ok(chunk)).await.is_err() {
                    return;
                }
            }
            Some(Err(error)) => {
                // A listener that has gone needs no reason.
                let _ = sender.send(Err(error)).await;
                return;
            }
            None => return store.remember(key, Clause::from_chunks(&chunks)),
        }
    }
}

async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SpeechError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| SpeechError::Failed(format!("voice cache: {e}")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use tokio::sync::mpsc;
    use tokio_util::task::TaskTracker;

    use super::{CachedVoice, Progress};
    use crate::screening::calls::domain::ports::{
        HeardWord, Priority, SpeechChunk, SpeechError, SpeechRequest, TextToSpeech,
    };
    use crate::screening::calls::infrastructure::voice_cache::store::Limits;

    /// Gives one chunk a word; "bad" fails after its first chunk and "never" does not end.
    #[derive(Default)]
    struct Fake {
        rendered: AtomicUsize,
    }

    #[async_trait]
    impl TextToSpeech for Fake {
        async fn speak(
            &self,
            request: SpeechRequest,
        ) -> Result<mpsc::Receiver<Result<SpeechChunk, SpeechError>>, SpeechError> {
            self.rendered.fetch_add(1, Ordering::SeqCst);
            let (sender, receiver) = mpsc::channel(64);
            for (i, word) in request.text.split_whitespace().enumerate() {
                let start_ms = i as u64 * 10;
                let word = HeardWord {
                    text: word.into(),
                    start_ms,
                    end_ms: start_ms + 10,
                    confidence: 1.0,
                };
                sender
                    .try_send(Ok(SpeechChunk {
                        pcm: vec![7; 480].into(),
                        words: vec![word],
                    }))
                    .unwrap();
            }
            match request.text.as_str() {
                "bad" => sender.try_send(Err(SpeechError::TimedOut)).unwrap(),
                "never" => sender.closed().await,
                _ => {}
            }
            Ok(receiver)
        }
    }

    fn open(fake: &Arc<Fake>, dir: &Path) -> (Arc<CachedVoice>, TaskTracker) {
        let tasks = TaskTracker::new();
        let voice = CachedVoice::open(fake.clone(), "fake 1", dir, Limits::default(), tasks.clone()).unwrap();
        (Arc::new(voice), tasks)
    }

    fn request(text: &str) -> SpeechRequest {
        SpeechRequest {
            text: text.into(),
            voice: "v".into(),
            speed: 1.0,
            priority: Priority::Live,
        }
    }

    async fn hear(voice: &CachedVoice, text: &str) -> Result<(usize, Vec<String>), SpeechError> {
        let mut receiver = voice.speak(request(text)).await?;
        let (mut samples, mut words) = (0, Vec::new());
        while let Some(chunk) = receiver.recv().await {
            let chunk = chunk?;
            samples += chunk.pcm.len();
            words.extend(chunk.words.into_iter().map(|w| w.text));
        }
        Ok((samples, words))
    }

    /// Waits until what has been passed on is remembered too.
    async fn settle(tasks: &TaskTracker) {
        tasks.close();
        tasks.wait().await;
        tasks.reopen();
    }

    #[tokio::test]
    async fn what_was_said_once_is_not_rendered_again_but_stays_in_memory_only() {
        let (fake, dir) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
        let (voice, tasks) = open(&fake, dir.path());
        let first = hear(&voice, "Hello Ana").await.unwrap();
        assert_eq!(first, (960, vec!["Hello".into(), "Ana".into()]));
        settle(&tasks).await;
        assert!(voice.is_ready(" Hello  Ana ", "v", 1.0) && !voice.is_ready("Hello Ana", "w", 1.0));
        assert_eq!(hear(&voice, "Hello Ana").await.unwrap(), first);
        assert_eq!(fake.rendered.load(Ordering::SeqCst), 1);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_was_prepared_is_there_after_a_restart() {
        let (fake, dir) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
        let (voice, _tasks) = open(&fake, dir.path());
        let lines = vec![
            "One line".to_owned(),
            "bad".to_owned(),
            "Two".to_owned(),
            "One line".to_owned(),
        ];
        let progress = voice.prepare(lines.clone(), "v", 1.0).finished().await;
        assert_eq!(
            progress,
            Progress {
                done: 3,
                failed: 1,
                total: 4
            }
        );
        assert_eq!(
            fake.rendered.load(Ordering::SeqCst),
            3,
            "the same line is rendered once"
        );
        let (voice, _tasks) = open(&fake, dir.path());
        assert!(voice.is_ready("One line", "v", 1.0) && !voice.is_ready("bad", "v", 1.0));
        assert_eq!(hear(&voice, "One line").await.unwrap().1, ["One", "line"]);
        assert_eq!(voice.prepare(vec!["Two".into()], "v", 1.0).finished().await.done, 1);
        assert_eq!(fake.rendered.load(Ordering::SeqCst), 3);
        voice.forget(&lines, "v", 1.0);
        assert!(!voice.is_ready("One line", "v", 1.0));
    }

    #[tokio::test]
    async fn a_damaged_file_is_rendered_again() {
        let (fake, dir) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
        let (voice, _tasks) = open(&fake, dir.path());
        voice.prepare(vec!["One".into()], "v", 1.0).finished().await;
        let file = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xFF;
        std::fs::write(&file, bytes).unwrap();
        let (voice, _tasks) = open(&fake, dir.path());
        assert_eq!(hear(&voice, "One").await.unwrap(), (480, vec!["One".to_owned()]));
        assert_eq!(fake.rendered.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_error_is_passed_on_and_a_half_clause_not_kept() {
        let (fake, dir) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
        let (voice, tasks) = open(&fake, dir.path());
        assert_eq!(hear(&voice, "bad").await, Err(SpeechError::TimedOut));
        settle(&tasks).await;
        assert!(!voice.is_ready("bad", "v", 1.0));
    }

    #[tokio::test]
    async fn dropping_a_preparation_stops_it() {
        let (fake, dir) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
        let (voice, tasks) = open(&fake, dir.path());
        let preparation = voice.prepare(vec!["never".into(), "after".into()], "v", 1.0);
        tokio::task::yield_now().await;
        drop(preparation);
        settle(&tasks).await;
        assert!(!voice.is_ready("after", "v", 1.0));
    }
}

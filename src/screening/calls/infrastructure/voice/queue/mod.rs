//! One engine on one thread, and the queue in front of it: who is waited for goes first.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use async_trait::async_trait;
use futures::future::{Either, join_all, select};
use tokio::sync::{Notify, mpsc};

use crate::screening::calls::domain::ports::{Priority, SpeechChunk, SpeechError, SpeechRequest, TextToSpeech};
use crate::screening::calls::infrastructure::voice::stop::{Stop, Unfinished};

/// Requests that may wait, per priority. One more is refused as overloaded: whoever waits behind 64 sentences has hung up.
const WAITING_MAX: usize = 64;
/// Chunks a listener may leave unread. A listener that falls further behind is dropped: a clause has a few chunks.
const UNREAD_MAX: usize = 256;

/// A model that turns text into audio, piece by piece.
pub trait Engine: Send + 'static {
    /// What is rendered in one go: a sentence or a clause.
    type Piece: Send;

    /// Whether a render can be thrown away and begun anew when something more urgent comes. One that gives
    /// audio before it is done cannot.
    const RESTARTABLE: bool;

    /// Cuts a request into pieces.
    ///
    /// # Errors
    /// When the text cannot be read or the voice is unknown.
    fn plan(&mut self, request: &SpeechRequest) -> Result<Vec<Self::Piece>, SpeechError>;

    /// Renders one piece; its chunks go to `emit` with word times from the start of the piece.
    ///
    /// # Errors
    /// [`Unfinished::Stopped`] when `stop` was fired.
    fn render(&mut self, piece: &Self::Piece, stop: &Stop, emit: &mut dyn FnMut(SpeechChunk))
    -> Result<(), Unfinished>;
}

/// A voice: an engine on its own thread, fed by priority. Equal requests that wait or run at the same time are
/// rendered once. Work of lower priority stops when more urgent work arrives and begins anew later.
pub struct VoiceQueue {
    shared: Arc<Shared>,
}

impl VoiceQueue {
    /// Starts the engine's thread.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start<E: Engine>(name: &str, mut engine: E) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let work = shared.clone();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work.run(&mut engine))?;
        Ok(Self { shared })
    }

    /// Holds background work back.
    pub fn gate(&self) -> BackgroundGate {
        BackgroundGate {
            shared: self.shared.clone(),
        }
    }
}

impl Drop for VoiceQueue {
    fn drop(&mut self) {
        self.shared.change(|state| state.closed = true);
    }
}

#[async_trait]
impl TextToSpeech for VoiceQueue {
    async fn speak(
        &self,
        request: SpeechRequest,
    ) -> Result<mpsc::Receiver<Result<SpeechChunk, SpeechError>>, SpeechError> {
        let (sender, receiver) = mpsc::channel(UNREAD_MAX);
        self.shared.submit(request, sender)?;
        Ok(receiver)
    }
}

/// Keeps background work off the processor while somebody speaks or a turn is being decided.
#[derive(Clone)]
pub struct BackgroundGate {
    shared: Arc<Shared>,
}

impl BackgroundGate {
    /// Background work stands still until every hold is dropped; what runs is stopped and begins anew later.
    #[must_use = "the hold ends when it is dropped"]
    pub fn hold(&self) -> GateHold {
        self.shared.change(|state| state.holds += 1);
        GateHold {
            shared: self.shared.clone(),
        }
    }
}

/// Keeps background work back until dropped.
pub struct GateHold {
    shared: Arc<Shared>,
}

impl Drop for GateHold {
    fn drop(&mut self) {
        self.shared.change(|state| state.holds -= 1);
    }
}

type ChunkSender = mpsc::Sender<Result<SpeechChunk, SpeechError>>;

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Something changed that the worker may wait for.
    work: Condvar,
    /// Something changed that the watcher of the running render must look at.
    watch: Notify,
}

#[derive(Default)]
struct State {
    waiting: [VecDeque<Arc<Job>>; 3],
    running: Option<Arc<Job>>,
    holds: usize,
    closed: bool,
}

struct Job {
    request: SpeechRequest,
    inner: Mutex<Listeners>,
}

/// How far a job has come.
enum Step {
    Done,
    More,
    Stopped,
}

/// Who wants a job's audio, and what they have got already, for those who come later.
struct Listeners {
    priority: Priority,
    senders: Vec<ChunkSender>,
    sent: Vec<SpeechChunk>,
    /// Pieces done, and the audio of those, in samples of 48 kHz.
    pieces: usize,
    samples: usize,
}

impl Job {
    fn lock(&self) -> MutexGuard<'_, Listeners> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn priority(&self) -> Priority {
        self.lock().priority
    }

    fn same_sound(&self, request: &SpeechRequest) -> bool {
        self.request.text == request.text
            && self.request.voice == request.voice
            && self.request.speed.to_bits() == request.speed.to_bits()
    }

    fn unwanted(&self) -> bool {
        let mut listeners = self.lock();
        listeners.senders.retain(|sender| !sender.is_closed());
        listeners.senders.is_empty()
    }

    /// `start` is where the piece begins, in samples.
    fn send(&self, mut chunk: SpeechChunk, start: usize) {
        let mut listeners = self.lock();
        let start_ms = start as u64 / 48;
        for word in &mut chunk.words {
            word.start_ms += start_ms;
            word.end_ms += start_ms;
        }
        listeners.samples += chunk.pcm.len();
        listeners.senders.retain(|sender| {
            // The last place is for the reason: an end without one would look like the end of the clause.
            let room = sender.capacity() > 1;
            let item = if room {
                Ok(chunk.clone())
            } else {
                Err(SpeechError::Overloaded)
            };
            sender.try_send(item).is_ok() && room
        });
        listeners.sent.push(chunk);
    }

    fn fail(&self, error: &SpeechError) {
        for sender in self.lock().senders.drain(..) {
            // A listener that is full or gone needs no reason.
            let _ = sender.try_send(Err(error.clone()));
        }
    }
}

impl State {
    /// The most urgent job that may run now.
    fn next(&mut self) -> Option<Arc<Job>> {
        let held = self.holds > 0;
        let lowest = usize::from(held);
        self.waiting[lowest..].iter_mut().rev().find_map(VecDeque::pop_front)
    }

    /// Whether a running job of this priority should make room.
    fn outranks(&self, priority: Priority) -> bool {
        (priority == Priority::Background && self.holds > 0)
            || self.waiting[priority as usize + 1..]
                .iter()
                .any(|queue| !queue.is_empty())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, edit: impl FnOnce(&mut State) -> T) -> T {
        let result = edit(&mut self.lock());
        self.work.notify_all();
        self.watch.notify_one();
        result
    }

    fn submit(&self, request: SpeechRequest, sender: ChunkSender) -> Result<(), SpeechError> {
        self.change(|state| {
            if state.closed {
                return Err(SpeechError::Failed("the voice has stopped".into()));
            }
            let same = state
                .running
                .iter()
                .chain(state.waiting.iter().flatten())
                .find(|job| job.same_sound(&request))
                .cloned();
            if let Some(job) = same {
                state.join(&job, request.priority, sender);
                return Ok(());
            }
            let queue = &mut state.waiting[request.priority as usize];
            if queue.len() >= WAITING_MAX {
                return Err(SpeechError::Overloaded);
            }
            let listeners = Listeners {
                priority: request.priority,
                senders: vec![sender],
                sent: Vec::new(),
                pieces: 0,
                samples: 0,
            };
            queue.push_back(Arc::new(Job {
                request,
                inner: Mutex::new(listeners),
            }));
            Ok(())
        })
    }

    fn run<E: Engine>(&self, engine: &mut E) {
        while let Some(job) = self.take() {
            // A bug in the engine or in what it is built on must not end the voice of every call.
            let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| self.render_next(engine, &job)))
                .unwrap_or_else(|_| Err(SpeechError::Failed("the voice engine panicked".into())));
            let mut state = self.lock();
            state.running = None;
            // Decided under the lock: a listener may have joined up to now.
            match outcome {
                Ok(Step::Done) => job.lock().senders.clear(),
                Ok(Step::Stopped) if job.unwanted() => {}
                Ok(Step::Stopped) if !E::RESTARTABLE => job.fail(&SpeechError::Cancelled),
                Ok(Step::More | Step::Stopped) => {
                    let queue = &mut state.waiting[job.priority() as usize];
                    queue.push_front(job);
                }
                Err(error) => job.fail(&error),
            }
        }
    }

    /// Waits for a job; none when the voice is closed.
    fn take(&self) -> Option<Arc<Job>> {
        let mut state = self.lock();
        loop {
            if state.closed {
                let left: Vec<_> = state.waiting.iter_mut().flat_map(|queue| queue.drain(..)).collect();
                for job in left {
                    job.fail(&SpeechError::Cancelled);
                }
                return None;
            }
            if let Some(job) = state.next() {
                if job.unwanted() {
                    continue;
                }
                state.running = Some(job.clone());
                return Some(job);
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Renders the next piece of a job.
    fn render_next<E: Engine>(&self, engine: &mut E, job: &Arc<Job>) -> Result<Step, SpeechError> {
        // Planning costs milliseconds and is repeatable, so that a job that makes room keeps nothing but a number.
        let pieces = engine.plan(&job.request)?;
        let (done, start) = {
            let listeners = job.lock();
            (listeners.pieces, listeners.samples)
        };
        let Some(piece) = pieces.get(done) else {
            return Ok(Step::Done);
        };
        let stop = Stop::default();
        let finished = Notify::new();
        let rendered = thread::scope(|scope| {
            scope.spawn(|| futures::executor::block_on(self.watch(job, &stop, &finished, E::RESTARTABLE)));
            let guard = NotifyOnDrop(&finished);
            let rendered = engine.render(piece, &stop, &mut |chunk| job.send(chunk, start));
            drop(guard);
            rendered
        });
        match rendered {
            Ok(()) => {
                job.lock().pieces += 1;
                Ok(if done + 1 < pieces.len() {
                    Step::More
                } else {
                    Step::Done
                })
            }
            Err(Unfinished::Stopped) => Ok(Step::Stopped),
            Err(Unfinished::Failed(reason)) => Err(SpeechError::Failed(reason)),
        }
    }

    /// Fires `stop` when nobody listens any more, when something more urgent waits, or when the voice closes.
    async fn watch(&self, job: &Job, stop: &Stop, finished: &Notify, restartable: bool) {
        let finished = finished.notified();
        let mut finished = std::pin::pin!(finished);
        loop {
            let changed = std::pin::pin!(self.watch.notified());
            let make_room = {
                let state = self.lock();
                state.closed || (restartable && state.outranks(job.priority()))
            };
            if make_room || job.unwanted() {
                return stop.fire();
            }
            let senders = job.lock().senders.clone();
            let abandoned = join_all(senders.iter().map(mpsc::Sender::closed));
            if let Either::Left(_) = select(&mut finished, select(changed, abandoned)).await {
                return;
            }
        }
    }
}

impl State {
    /// Adds a listener to a job that waits or runs, and moves the job up when the listener is in more of a hurry.
    fn join(&mut self, job: &Arc<Job>, priority: Priority, sender: ChunkSender) {
        let mut listeners = job.lock();
        for chunk in &listeners.sent {
            // The channel is new and holds more than a job's chunks.
            let _ = sender.try_send(Ok(chunk.clone()));
        }
        listeners.senders.push(sender);
        if priority <= listeners.priority {
            return;
        }
        let before = std::mem::replace(&mut listeners.priority, priority);
        drop(listeners);
        let queue = &mut self.waiting[before as usize];
        if let Some(at) = queue.iter().position(|waiting| Arc::ptr_eq(waiting, job)) {
            queue.remove(at);
            self.waiting[priority as usize].push_back(job.clone());
        }
    }
}

/// Ends the watcher even when the render panics: its thread is joined before the panic goes on.
struct NotifyOnDrop<'a>(&'a Notify);

impl Drop for NotifyOnDrop<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[cfg(test)]
mod tests;

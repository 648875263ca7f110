//! The one queue in front of the model: the most urgent first, the oldest of those, nothing nobody waits for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::screening::calls::domain::ports::{SpeechError, Transcript, TranscriptionJob};

/// A job and who waits for it.
pub struct Waiting {
    pub job: TranscriptionJob,
    /// Fires when nobody waits any more.
    pub stop: CancellationToken,
    pub reply: oneshot::Sender<Result<Transcript, SpeechError>>,
}

/// Bounded. When it is full, a job that is more urgent than the least urgent one waiting takes its place (the
/// youngest of those is refused instead); any other newcomer is refused with [`SpeechError::Overloaded`].
pub struct JobQueue {
    capacity: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// In order of arrival.
    jobs: Vec<Waiting>,
    closed: bool,
}

impl JobQueue {
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Adds a job.
    ///
    /// # Errors
    /// When there is no place for it, or the queue is closed.
    pub fn push(&self, newcomer: Waiting) -> Result<(), SpeechError> {
        let mut state = self.lock();
        if state.closed {
            return Err(SpeechError::Failed("the transcriber is shut down".to_owned()));
        }
        state.jobs.retain(|waiting| !waiting.stop.is_cancelled());
        if state.jobs.len() >= self.capacity {
            // `rev`: among equals `min_by_key` takes the first it sees, which is the youngest.
            let least = state
                .jobs
                .iter()
                .enumerate()
                .rev()
                .min_by_key(|(_, w)| w.job.priority)
                .map(|(i, _)| i);
            match least {
                Some(i) if state.jobs[i].job.priority < newcomer.job.priority => {
                    let _ = state.jobs.remove(i).reply.send(Err(SpeechError::Overloaded));
                }
                _ => return Err(SpeechError::Overloaded),
            }
        }
        state.jobs.push(newcomer);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes the next job, waiting for one; `None` when the queue is closed.
    pub fn take(&self) -> Option<Waiting> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            state.jobs.retain(|waiting| !waiting.stop.is_cancelled());
            // `rev`: among equals `max_by_key` takes the last it sees, which is the oldest.
            let next = state
                .jobs
                .iter()
                .enumerate()
                .rev()
                .max_by_key(|(_, w)| w.job.priority)
                .map(|(i, _)| i);
            if let Some(i) = next {
                return Some(state.jobs.remove(i));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends [`JobQueue::take`]; whoever still waits gets an error.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.jobs.clear();
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::calls::domain::ports::Priority;

    type Answer = oneshot::Receiver<Result<Transcript, SpeechError>>;

    fn waiting(name: &str, priority: Priority) -> (Waiting, Answer, CancellationToken) {
        let (reply, answer) = oneshot::channel();
        let stop = CancellationToken::new();
        let job = TranscriptionJob {
            audio: [].into(),
            priority,
            language: "en".to_owned(),
            context: name.to_owned(),
            speech_ms: None,
            cancel: stop.clone(),
        };
        (
            Waiting {
                job,
                stop: stop.clone(),
                reply,
            },
            answer,
            stop,
        )
    }

    fn names(queue: &JobQueue, count: usize) -> Vec<String> {
        (0..count)
            .map(|_| queue.take().expect("a job waits").job.context)
            .collect()
    }

    #[test]
    fn the_urgent_go_first_and_equals_keep_their_order() {
        let queue = JobQueue::new(8);
        let arrivals = [
            ("b1", Priority::Background),
            ("s1", Priority::Speculative),
            ("l1", Priority::Live),
            ("s2", Priority::Speculative),
            ("l2", Priority::Live),
        ];
        for (name, priority) in arrivals {
            queue.push(waiting(name, priority).0).expect("there is a place");
        }
        assert_eq!(names(&queue, 5), ["l1", "l2", "s1", "s2", "b1"]);
    }

    #[test]
    fn when_full_the_urgent_take_the_place_of_the_youngest_least_urgent() {
        let queue = JobQueue::new(2);
        let (old, mut old_answer, _) = waiting("old", Priority::Background);
        let (young, mut young_answer, _) = waiting("young", Priority::Background);
        queue.push(old).expect("there is a place");
        queue.push(young).expect("there is a place");
        assert_eq!(
            queue.push(waiting("same", Priority::Background).0),
            Err(SpeechError::Overloaded)
        );
        queue
            .push(waiting("live", Priority::Live).0)
            .expect("it is more urgent");
        assert_eq!(young_answer.try_recv(), Ok(Err(SpeechError::Overloaded)));
        assert!(old_answer.try_recv().is_err(), "the older one still waits");
        assert_eq!(names(&queue, 2), ["live", "old"]);
    }

    #[test]
    fn what_nobody_waits_for_is_skipped_and_takes_no_place() {
        let queue = JobQueue::new(1);
        let (job, _answer, stop) = waiting("given up", Priority::Live);
        queue.push(job).expect("there is a place");
        stop.cancel();
        queue
            .push(waiting("next", Priority::Background).0)
            .expect("the place is free again");
        assert_eq!(names(&queue, 1), ["next"]);
    }

    #[test]
    fn a_closed_queue_gives_and_takes_nothing() {
        let queue = JobQueue::new(2);
        let (job, mut answer, _) = waiting("late", Priority::Live);
        queue.push(job).expect("there is a place");
        queue.close();
        assert!(queue.take().is_none());
        assert!(answer.try_recv().is_err());
        assert!(queue.push(waiting("later", Priority::Live).0).is_err());
    }
}

//! What is to be sent to a client: the session never waits for its network.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::wire;
use crate::screening::calls::domain::audio::VOICE_FRAME;
use crate::screening::calls::domain::ports::MediaSink;

/// Messages that wait; above that the oldest goes.
const MESSAGES: usize = 256;
/// Frames that wait, two seconds; above that the oldest goes.
const FRAMES: usize = 100;
/// Frames of digital silence sent after sound: a pause inside a sentence stays as long as it is.
const TRAILING_SILENCE: usize = 15;

/// The queue. Full policies: the oldest message, the oldest audio.
#[derive(Debug)]
pub struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug)]
struct Waiting {
    messages: VecDeque<String>,
    audio: VecDeque<Box<[i16; VOICE_FRAME]>>,
    silent: usize,
    close: Option<(u16, &'static str)>,
    dropped: u64,
}

/// What goes out next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    Message(String),
    Audio(Box<[i16; VOICE_FRAME]>),
    Ping,
    Close(u16, &'static str),
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                messages: VecDeque::new(),
                audio: VecDeque::new(),
                silent: TRAILING_SILENCE,
                close: None,
                dropped: 0,
            }),
            changed: Notify::new(),
        }
    }
}

impl Outbox {
    /// The next thing to send; messages before audio, the goodbye after the messages.
    pub async fn next(&self) -> Outgoing {
        loop {
            let changed = self.changed.notified();
            if let Some(outgoing) = self.take() {
                return outgoing;
            }
            changed.await;
        }
    }

    pub fn put_message(&self, message: String) {
        let control = wire::control(&message);
        {
            let mut waiting = self.lock();
            for message in [Some(message), control].into_iter().flatten() {
                if waiting.messages.len() == MESSAGES {
                    waiting.messages.pop_front();
                    waiting.dropped += 1;
                }
                waiting.messages.push_back(message);
            }
        }
        self.changed.notify_one();
    }

    pub fn close(&self, code: u16, reason: &'static str) {
        // The first reason is the one that counts.
        self.lock().close.get_or_insert((code, reason));
        self.changed.notify_one();
    }

    /// Messages and frames that a slow client never got.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn put_audio(&self, pcm: &[i16; VOICE_FRAME]) {
        {
            let mut waiting = self.lock();
            if pcm.iter().any(|sample| *sample != 0) {
                waiting.silent = 0;
            } else if waiting.silent < TRAILING_SILENCE {
                waiting.silent += 1;
            } else {
                return;
            }
            if waiting.audio.len() == FRAMES {
                waiting.audio.pop_front();
                waiting.dropped += 1;
            }
            waiting.audio.push_back(Box::new(*pcm));
        }
        self.changed.notify_one();
    }

    fn take(&self) -> Option<Outgoing> {
        let mut waiting = self.lock();
        if let Some(message) = waiting.messages.pop_front() {
            return Some(Outgoing::Message(message));
        }
        if let Some((code, reason)) = waiting.close {
            return Some(Outgoing::Close(code, reason));
        }
        waiting.audio.pop_front().map(Outgoing::Audio)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing under the lock can leave the queues half-changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MediaSink for Outbox {
    fn send_audio(&self, pcm: &[i16; VOICE_FRAME]) {
        self.put_audio(pcm);
    }

    fn send_message(&self, message: String) {
        self.put_message(message);
    }

    async fn close(&self) {
        Self::close(self, 1000, "the call is over");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: CALL-2
    #[tokio::test]
    async fn a_client_that_takes_nothing_costs_a_bounded_queue_and_the_oldest_goes() {
        let outbox = Outbox::default();
        for i in 0..500_i16 {
            outbox.send_audio(&[i + 1; VOICE_FRAME]);
            outbox.send_message(format!("{{\"type\":\"caption\",\"n\":{i}}}"));
        }
        assert_eq!(outbox.dropped(), (500 - FRAMES + 500 - MESSAGES) as u64);
        assert!(matches!(outbox.next().await, Outgoing::Message(first) if first.contains(":244}")));
        let rest: Vec<_> = std::iter::from_fn(|| outbox.take()).collect();
        assert!(matches!(&rest[MESSAGES - 1], Outgoing::Audio(frame) if frame[0] == 401));
    }

    // spec: CALL-2
    #[tokio::test]
    async fn silence_is_not_sent_and_the_goodbye_comes_after_the_messages() {
        let outbox = Outbox::default();
        outbox.send_audio(&[0; VOICE_FRAME]);
        assert!(outbox.take().is_none());
        outbox.send_audio(&[7; VOICE_FRAME]);
        for _ in 0..100 {
            outbox.send_audio(&[0; VOICE_FRAME]);
        }
        assert_eq!(std::iter::from_fn(|| outbox.take()).count(), 1 + TRAILING_SILENCE);
        MediaSink::close(&outbox).await;
        outbox.send_message("{\"type\":\"ended\"}".to_owned());
        assert!(matches!(outbox.next().await, Outgoing::Message(_)));
        assert!(matches!(outbox.next().await, Outgoing::Message(last) if last.contains("call_ended")));
        assert_eq!(outbox.next().await, Outgoing::Close(1000, "the call is over"));
    }
}

//! One connection's clock: every 20 ms one frame of the candidate's audio goes to the session.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until, timeout};

use super::Connection;
use crate::screening::calls::domain::audio::EAR_FRAME;
use crate::screening::calls::domain::ports::{MediaError, MediaEvent};
use crate::shared::media::codec::DecodeRate;
use crate::shared::media::peer::{PeerMessage, PeerState, PeerStreams};
use crate::shared::media::receiver::AudioReceiver;

/// The candidate's audio comes in frames of this length.
const FRAME: Duration = Duration::from_millis(20);
/// A connection that is not up by then never will be.
const CONNECTING: Duration = Duration::from_secs(30);
/// Frames that wait for a session that is behind, besides those in its channel: two seconds. Then the oldest goes.
const WAITING_AUDIO: usize = 100;
/// Messages taken before the session has read them; above it the data channel's flow control slows the candidate.
const WAITING_MESSAGES: usize = 64;
/// How long a session that is behind is waited for at the end.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// Runs one connection.
pub(super) struct Link {
    connection: Arc<Connection>,
    streams: PeerStreams,
    ears: AudioReceiver,
    state: PeerState,
    waiting: Waiting,
}

impl Link {
    pub(super) fn new(connection: Arc<Connection>, streams: PeerStreams) -> Result<Self, MediaError> {
        let ears = AudioReceiver::new(DecodeRate::Ears).map_err(|e| MediaError::Internal(e.to_string()))?;
        Ok(Self {
            connection,
            streams,
            ears,
            state: PeerState::Connecting,
            waiting: Waiting::default(),
        })
    }

    /// Feeds the session until either side ends it; leaves no task and no socket behind.
    pub(super) async fn run(mut self, events: mpsc::Sender<MediaEvent>) {
        // A late tick is made up for at once: the session counts its time by these frames.
        let mut clock = interval(FRAME);
        let given_up = Instant::now() + CONNECTING;
        while self.state != PeerState::Closed {
            tokio::select! {
                () = self.connection.hang_up.cancelled() => break,
                () = events.closed() => break,
                () = sleep_until(given_up), if self.state == PeerState::Connecting => break,
                permit = events.reserve(), if !self.waiting.is_empty() => {
                    if let (Ok(permit), Some(event)) = (permit, self.waiting.pop()) {
                        permit.send(event);
                    }
                }
                changed = self.streams.state.changed() => {
                    let next = if changed.is_ok() { *self.streams.state.borrow_and_update() } else { PeerState::Closed };
                    self.enter(next);
                }
                Some(message) = self.streams.messages.recv(), if self.waiting.takes_messages() => self.take(message),
                _ = clock.tick() => self.hear(),
            }
        }
        self.connection.peer.close().await;
        self.waiting.push(MediaEvent::Closed);
        let rest = async {
            while let Some(event) = self.waiting.pop() {
                if events.send(event).await.is_err() {
                    return;
                }
            }
        };
        if timeout(LAST_EVENTS, rest).await.is_err() {
            tracing::warn!("the session did not read the end of its connection");
        }
        tracing::debug!(stats = ?self.ears.stats(), "connection closed");
    }

    fn enter(&mut self, next: PeerState) {
        self.state = next;
        match next {
            PeerState::Connected => self.waiting.push(MediaEvent::Connected),
            PeerState::Interrupted => self.waiting.push(MediaEvent::Interrupted),
            PeerState::Connecting | PeerState::Closed => {}
        }
    }

    /// One tick: what arrived goes in, 20 ms come out.
    fn hear(&mut self) {
        while let Ok(packet) = self.streams.audio.try_recv() {
            self.ears.push(&packet);
        }
        if self.state == PeerState::Connected {
            let mut pcm = Box::new([0.0; EAR_FRAME]);
            let received = self.ears.next_frame(pcm.as_mut_slice());
            self.waiting.push(MediaEvent::Audio { pcm, received });
        }
    }

    fn take(&mut self, message: PeerMessage) {
        let refuse = |code: &str, why: &str| {
            let error = serde_json::json!({"type": "error", "code": code, "message": why});
            self.connection.peer.send_message(error.to_string());
        };
        match message {
            PeerMessage::Text(text) => self.waiting.push(MediaEvent::Message(text)),
            PeerMessage::TooLong => refuse("message_too_long", "A message may have at most 16 KiB."),
            PeerMessage::TooMany => refuse("too_many_messages", "Messages come too fast; some are dropped."),
        }
    }
}

/// Events the session has no room for yet, in order.
#[derive(Default)]
struct Waiting {
    events: VecDeque<MediaEvent>,
    audio: usize,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    fn takes_messages(&self) -> bool {
        self.events.len() - self.audio < WAITING_MESSAGES
    }

    /// Adds an event; when too much audio waits, its oldest goes.
    fn push(&mut self, event: MediaEvent) {
        if matches!(event, MediaEvent::Audio { .. }) {
            if self.audio >= WAITING_AUDIO
                && let Some(oldest) = self.events.iter().position(|e| matches!(e, MediaEvent::Audio { .. }))
            {
                self.events.remove(oldest);
            } else {
                self.audio += 1;
            }
        }
        self.events.push_back(event);
    }

    fn pop(&mut self) -> Option<MediaEvent> {
        let event = self.events.pop_front();
        if matches!(event, Some(MediaEvent::Audio { .. })) {
            self.audio -= 1;
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(level: f32) -> MediaEvent {
        MediaEvent::Audio {
            pcm: Box::new([level; EAR_FRAME]),
            received: true,
        }
    }

    #[test]
    fn only_audio_gives_way_to_a_slow_session_and_the_oldest_first() {
        let mut waiting = Waiting::default();
        waiting.push(MediaEvent::Connected);
        for i in 0..150 {
            waiting.push(frame(i as f32));
        }
        waiting.push(MediaEvent::Message("hello".to_owned()));
        assert!(matches!(waiting.pop(), Some(MediaEvent::Connected)));
        assert!(matches!(waiting.pop(), Some(MediaEvent::Audio { pcm, .. }) if (pcm[0] - 50.0).abs() < 0.5));
        let rest: Vec<_> = std::iter::from_fn(|| waiting.pop()).collect();
        assert_eq!(rest.len(), WAITING_AUDIO);
        assert!(matches!(rest.last(), Some(MediaEvent::Message(_))));
        assert_eq!(waiting.audio, 0);
    }
}

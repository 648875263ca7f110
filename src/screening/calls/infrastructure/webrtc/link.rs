//! One connection's clock: every 20 ms one frame of the candidate's audio goes to the session.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until, timeout};

use super::Connection;
use crate::screening::calls::application::messages;
use crate::screening::calls::domain::audio::EAR_FRAME;
use crate::screening::calls::domain::ports::{MediaError, MediaEvent};
use crate::screening::calls::infrastructure::waiting::{LAST_EVENTS, Waiting};
use crate::shared::media::codec::DecodeRate;
use crate::shared::media::peer::{PeerMessage, PeerState, PeerStreams};
use crate::shared::media::receiver::AudioReceiver;

/// The candidate's audio comes in frames of this length.
const FRAME: Duration = Duration::from_millis(20);
/// A connection that is not up by then never will be.
const CONNECTING: Duration = Duration::from_secs(30);

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
        if timeout(LAST_EVENTS, self.waiting.empty_into(&events)).await.is_err() {
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
        match message {
            PeerMessage::Text(text) => self.waiting.push(MediaEvent::Message(text)),
            PeerMessage::TooLong => self.connection.peer.send_message(messages::too_long()),
            PeerMessage::TooMany => self.connection.peer.send_message(messages::too_many()),
        }
    }
}

//! What comes from a candidate faster than the session takes it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::screening::calls::domain::ports::MediaEvent;

/// Frames that wait for a session that is behind, besides those in its channel: two seconds. Then the oldest goes.
const WAITING_AUDIO: usize = 100;
/// Messages taken before the session has read them.
const WAITING_MESSAGES: usize = 64;
/// How long a session that is behind is waited for at the end.
pub const LAST_EVENTS: Duration = Duration::from_secs(1);

/// Events the session has no room for yet, in order.
#[derive(Default)]
pub struct Waiting {
    events: VecDeque<MediaEvent>,
    audio: usize,
}

impl Waiting {
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whether messages may be taken; above it the connection's flow control slows the candidate.
    pub fn takes_messages(&self) -> bool {
        self.events.len() - self.audio < WAITING_MESSAGES
    }

    /// Adds an event; when too much audio waits, its oldest goes.
    pub fn push(&mut self, event: MediaEvent) {
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

    pub fn pop(&mut self) -> Option<MediaEvent> {
        let event = self.events.pop_front();
        if matches!(event, Some(MediaEvent::Audio { .. })) {
            self.audio -= 1;
        }
        event
    }

    /// Gives everything to a session that is at its end, in order.
    pub async fn empty_into(&mut self, events: &mpsc::Sender<MediaEvent>) {
        while let Some(event) = self.pop() {
            if events.send(event).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::calls::domain::audio::EAR_FRAME;

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

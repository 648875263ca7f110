//! The loudspeaker of a call over a WebSocket: what came in order, as steady 20 ms frames with the time each came.

use std::collections::VecDeque;

use crate::talk::At;
use crate::talk::receiver::{DEPTH, Played};
use crate::talk::{FRAME, FRAME_TIME};

/// Two seconds, what the server keeps for a slow client; above it the oldest goes.
const MOST: usize = 100 * FRAME;

/// Audio that waits to be heard. A stretch of it begins [`DEPTH`] after its first piece came.
#[derive(Debug, Default)]
pub struct PcmReceiver {
    samples: VecDeque<f32>,
    /// Where in all samples ever taken in a piece begins, and when it came.
    pieces: VecDeque<(u64, At)>,
    /// All samples that were played or skipped.
    gone: u64,
    /// When the next frame is due; none while nothing comes.
    due: Option<At>,
    received: u64,
}

impl PcmReceiver {
    /// Takes samples at 48 kHz as they come.
    pub fn push(&mut self, samples: &[f32], arrived: At) {
        self.received += 1;
        self.due.get_or_insert(arrived + DEPTH);
        self.pieces.push_back((self.gone + self.samples.len() as u64, arrived));
        self.samples.extend(samples);
        let surplus = self.samples.len().saturating_sub(MOST);
        self.skip(surplus);
    }

    /// The frame to be heard at `now`; call it every 20 ms.
    pub fn frame(&mut self, now: At) -> Played {
        let mut played = Played {
            samples: vec![0.0; FRAME],
            arrived: None,
        };
        if self.due.is_none_or(|due| now + FRAME_TIME / 2 < due) {
            return played;
        }
        if self.samples.is_empty() {
            self.due = None;
            return played;
        }
        played.arrived = self.pieces.front().map(|(_, at)| *at);
        let count = self.samples.len().min(FRAME);
        for (slot, sample) in played.samples.iter_mut().zip(&self.samples) {
            *slot = *sample;
        }
        self.skip(count);
        played
    }

    /// Pieces that came.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Forgets what waits: a new connection follows.
    pub fn restart(&mut self) {
        *self = Self {
            received: self.received,
            ..Self::default()
        };
    }

    fn skip(&mut self, count: usize) {
        self.samples.drain(..count);
        self.gone += count as u64;
        while self.pieces.get(1).is_some_and(|(begins, _)| *begins <= self.gone) {
            self.pieces.pop_front();
        }
        if self.samples.is_empty() {
            self.pieces.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ms(ms: u64) -> At {
        Duration::from_millis(ms)
    }

    // spec: CALL-2
    #[test]
    fn pieces_of_any_length_are_played_in_order_each_with_its_arrival() {
        let mut ears = PcmReceiver::default();
        assert_eq!(ears.frame(ms(0)).arrived, None);
        for piece in 0..4_u64 {
            // 30 ms each.
            ears.push(&vec![piece as f32 / 10.0; 1440], ms(100 + 30 * piece));
        }
        assert_eq!(ears.frame(ms(140)).arrived, None, "60 ms of buffer");
        let played: Vec<_> = (0..7).map(|n| ears.frame(ms(160 + 20 * n))).collect();
        let arrived: Vec<_> = played.iter().map(|frame| frame.arrived).collect();
        let came = |at| Some(ms(at));
        assert_eq!(
            arrived,
            [came(100), came(100), came(130), came(160), came(160), came(190), None]
        );
        assert!((played[1].samples[479]).abs() < 1e-6 && (played[1].samples[480] - 0.1).abs() < 1e-6);
        ears.push(&[0.5; 100], ms(1000));
        let last = ears.frame(ms(1060));
        assert_eq!(
            (last.arrived, last.samples.len(), last.samples[100]),
            (came(1000), FRAME, 0.0)
        );
        assert_eq!(ears.received(), 5);
    }

    #[test]
    fn what_comes_too_fast_loses_its_oldest() {
        let mut ears = PcmReceiver::default();
        for piece in 0..300_u64 {
            ears.push(&vec![piece as f32; FRAME], ms(0));
        }
        assert!((ears.frame(ms(60)).samples[0] - 200.0).abs() < f32::EPSILON);
    }
}

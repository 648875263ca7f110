//! When Emma is heard: finds the first audible sample of what she says in the audio received.
//!
//! Levels are those of 10 ms windows. Emma is audible while at least three of the last five windows are at
//! [`AUDIBLE_DBFS`] or over; a single window is a click or a codec's artefact. An *onset* is the first loud window of
//! such a stretch after at least [`SILENCE_MS`] without one, and its time is the arrival of the packet it came in: what
//! a receiver's jitter buffer adds afterwards is not part of it.

use std::collections::VecDeque;

use crate::talk::At;
use crate::talk::speech_edges::dbfs;

/// What counts as audible, dB under full scale.
pub const AUDIBLE_DBFS: f32 = -50.0;
/// Silence after which Emma has stopped speaking.
pub const SILENCE_MS: u64 = 300;

const WINDOW: usize = 480;
const WINDOW_MS: u64 = 10;
const RUN: usize = 5;
const LOUD_IN_RUN: usize = 3;

/// What 20 ms of Emma's audio say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// She is audible now.
    pub audible: bool,
    /// She has begun to speak: when the packet with her first audible sample arrived.
    pub onset: Option<At>,
}

/// Follows Emma's audio frame by frame.
#[derive(Default)]
pub struct EmmaAudio {
    recent: VecDeque<(bool, Option<At>)>,
    silent_ms: Option<u64>,
}

impl EmmaAudio {
    /// Takes the next samples at 48 kHz and when their packet arrived (`None`: made up to fill a gap).
    pub fn frame(&mut self, samples: &[f32], arrived: Option<At>) -> Heard {
        let mut heard = Heard::default();
        for window in samples.chunks(WINDOW) {
            if self.recent.len() == RUN {
                self.recent.pop_front();
            }
            self.recent.push_back((dbfs(window) >= AUDIBLE_DBFS, arrived));
            let audible = self.recent.iter().filter(|(loud, _)| *loud).count() >= LOUD_IN_RUN;
            let was_silent = self.silent_ms.is_none_or(|ms| ms >= SILENCE_MS);
            if audible {
                heard.audible = true;
                let first = self.recent.iter().find_map(|(loud, at)| loud.then_some(*at).flatten());
                if was_silent && first.is_none() {
                    // Concealment alone is no speech; the onset waits for a packet that did arrive.
                    continue;
                }
                if was_silent {
                    heard.onset = first;
                }
                self.silent_ms = Some(0);
            } else if let Some(ms) = &mut self.silent_ms {
                *ms += WINDOW_MS;
            }
        }
        heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{FRAME, signals};
    use std::time::Duration;

    /// Feeds 20 ms packets, each arriving at its own index in milliseconds x 20; gives the onsets.
    fn onsets(audio: &[f32]) -> Vec<u64> {
        let mut emma = EmmaAudio::default();
        audio
            .chunks(FRAME)
            .enumerate()
            .filter_map(|(n, frame)| emma.frame(frame, Some(Duration::from_millis(20 * n as u64))).onset)
            .map(|at| at.as_millis() as u64)
            .collect()
    }

    #[test]
    fn the_onset_is_the_arrival_of_the_packet_with_the_first_audible_sample() {
        let mut audio = signals::noise(1000, -65.0, 1);
        audio.extend(signals::voiced(400, -25.0));
        assert_eq!(onsets(&audio), [1000]);
    }

    #[test]
    fn a_pause_between_sentences_is_a_new_onset_and_a_short_gap_is_none() {
        let mut audio = signals::voiced(400, -25.0);
        audio.extend(vec![0.0; 48 * 200]);
        audio.extend(signals::voiced(400, -25.0));
        assert_eq!(onsets(&audio), [0], "200 ms is a breath");
        audio.extend(vec![0.0; 48 * 500]);
        audio.extend(signals::voiced(400, -25.0));
        assert_eq!(onsets(&audio), [0, 1500]);
    }

    #[test]
    fn clicks_and_what_is_too_soft_are_not_heard() {
        let mut audio = signals::noise(500, -55.0, 2);
        audio.extend(signals::voiced(10, -20.0));
        audio.extend(signals::noise(500, -55.0, 3));
        assert_eq!(onsets(&audio), Vec::<u64>::new());
    }

    #[test]
    fn concealment_is_never_an_onset() {
        let mut emma = EmmaAudio::default();
        let loud = signals::voiced(20, -20.0);
        for _ in 0..5 {
            assert_eq!(emma.frame(&loud, None).onset, None);
        }
        let arrived = Duration::from_millis(140);
        assert_eq!(emma.frame(&loud, Some(arrived)).onset, Some(arrived));
    }
}

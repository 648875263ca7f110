//! The microphone: one 20 ms frame for every 20 ms of the clock, whether anything is said or not.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Interval, MissedTickBehavior};

use crate::talk::files::{Answer, Content};
use crate::talk::{FRAME, FRAME_TIME, RATE_HZ};

/// How much of an answer's leading silence is kept before its first speech.
const LEAD_IN: Duration = Duration::from_millis(100);

/// Ticks every 20 ms on absolute deadlines: a late tick is made up for, so the stream never drifts.
pub fn clock() -> Interval {
    let mut interval = tokio::time::interval(FRAME_TIME);
    interval.set_missed_tick_behavior(MissedTickBehavior::Burst);
    interval
}

/// What is sent in one packet.
#[derive(Debug, Clone, PartialEq)]
pub struct MicFrame {
    /// [`FRAME`] mono samples at 48 kHz.
    pub samples: Vec<f32>,
    /// The first speech of the answer is in it.
    pub first_speech: bool,
    /// The last speech of the answer is in it.
    pub last_speech: bool,
    /// The answer's recording ends in it.
    pub end: bool,
}

/// A live microphone: the answer being played, silence (or noise) otherwise.
pub struct Microphone {
    playing: Option<(Arc<Answer>, usize)>,
    noise: Option<Noise>,
}

impl Microphone {
    /// A microphone in a silent room, or with noise at a level in dBFS.
    pub fn new(noise_dbfs: Option<f32>, seed: u64) -> Self {
        Self {
            playing: None,
            noise: noise_dbfs.map(|level| Noise::new(level, seed)),
        }
    }

    /// Plays a spoken answer from shortly before its first speech; what was playing stops.
    pub fn play(&mut self, answer: Arc<Answer>) {
        self.playing = match &answer.content {
            Content::Spoken { speech, .. } => {
                let lead_in = (LEAD_IN.as_millis() as usize) * RATE_HZ as usize / 1000;
                let from = speech.first.saturating_sub(lead_in);
                Some((answer, from))
            }
            Content::Typed(_) => None,
        };
    }

    /// Stops what is playing.
    pub fn stop(&mut self) {
        self.playing = None;
    }

    /// The next 20 ms.
    pub fn frame(&mut self) -> MicFrame {
        let mut frame = MicFrame {
            samples: vec![0.0; FRAME],
            first_speech: false,
            last_speech: false,
            end: false,
        };
        if let Some((answer, at)) = &mut self.playing
            && let Content::Spoken { samples, speech } = &answer.content
        {
            let range = *at..(*at + FRAME).min(samples.len());
            frame.samples[..range.len()].copy_from_slice(&samples[range.clone()]);
            frame.first_speech = range.contains(&speech.first);
            frame.last_speech = range.contains(&speech.last);
            frame.end = range.end == samples.len();
            *at = range.end;
        }
        if frame.end {
            self.playing = None;
        }
        if let Some(noise) = &mut self.noise {
            noise.add_to(&mut frame.samples);
        }
        frame
    }
}

/// Room noise: white noise through a one-pole low-pass at about 1 kHz.
struct Noise {
    random: SmallRng,
    gain: f32,
    state: f32,
}

/// Pole of the low-pass, `exp(-2 pi 1000 / 48000)`.
const POLE: f32 = 0.877;

impl Noise {
    fn new(dbfs: f32, seed: u64) -> Self {
        // White noise on -1..1 has a power of 1/3; the filter leaves (1 - p) / (1 + p) of it.
        let filtered_rms = ((1.0 - POLE) / (1.0 + POLE) / 3.0).sqrt();
        Self {
            random: SmallRng::seed_from_u64(seed),
            gain: 10_f32.powf(dbfs / 20.0) / filtered_rms,
            state: 0.0,
        }
    }

    fn add_to(&mut self, samples: &mut [f32]) {
        for sample in samples {
            self.state = POLE * self.state + (1.0 - POLE) * self.random.random_range(-1.0..1.0);
            *sample = (*sample + self.gain * self.state).clamp(-1.0, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::speech_edges::{SpeechEdges, dbfs};
    use tokio::time::Instant;

    fn answer(len: usize, first: usize, last: usize) -> Arc<Answer> {
        let samples = (0..len).map(|n| n as f32 / len as f32).collect();
        let content = Content::Spoken {
            samples,
            speech: SpeechEdges { first, last },
        };
        Arc::new(Answer {
            name: "a.wav".to_owned(),
            stem: "a".to_owned(),
            content,
        })
    }

    #[test]
    fn an_answer_starts_shortly_before_its_speech_and_is_followed_by_silence() {
        let mut microphone = Microphone::new(None, 1);
        assert!(microphone.frame().samples.iter().all(|s| *s == 0.0));
        microphone.play(answer(48_000, 24_000, 40_000));
        let frames: Vec<MicFrame> = (0..60).map(|_| microphone.frame()).collect();
        let marks = |mark: fn(&MicFrame) -> bool| (0..60).filter(|&n| mark(&frames[n])).collect::<Vec<_>>();
        assert_eq!(marks(|f| f.first_speech), [5], "100 ms of lead-in");
        assert_eq!(marks(|f| f.last_speech), [5 + (40_000 - 24_000) / FRAME]);
        assert_eq!(marks(|f| f.end), [5 + 25 - 1]);
        assert!(frames[30].samples.iter().all(|s| *s == 0.0), "silence after the file");
    }

    #[test]
    fn noise_has_the_level_that_was_asked_for() {
        let mut microphone = Microphone::new(Some(-50.0), 7);
        let sent: Vec<f32> = (0..200).flat_map(|_| microphone.frame().samples).collect();
        assert!((dbfs(&sent) + 50.0).abs() < 1.0, "{} dBFS", dbfs(&sent));
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_tick_is_made_up_for() {
        let mut clock = clock();
        let start = clock.tick().await;
        tokio::time::advance(Duration::from_millis(70)).await;
        for n in 1..=5_u32 {
            clock.tick().await;
            let at = Instant::now() - start;
            let due = FRAME_TIME * n;
            assert!(
                at >= due && (n <= 3 || at < due + Duration::from_millis(2)),
                "tick {n} at {at:?}"
            );
        }
    }
}

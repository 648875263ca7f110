//! How much of whisper's encoder a clip gets.
//!
//! The encoder works on 30 s whatever the clip; cutting it to the clip makes the model four to six times faster.
//! Cut too close, the decoder loses the end of the audio and repeats itself for ever.

use crate::screening::calls::domain::audio::EAR_RATE_HZ;

/// Positions of the whole encoder: 30 s, 50 a second.
pub const WHOLE: usize = 1500;
/// Samples of one encoder position.
const POSITION: usize = EAR_RATE_HZ as usize / 50;
/// The shortest audio whisper.cpp takes well: under 0.1 s it hears nothing, under a second little.
const SHORTEST: usize = EAR_RATE_HZ as usize;

/// How the encoder is cut to a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowPolicy {
    /// Positions after the end of the audio.
    pub margin: usize,
    /// The fewest positions, whatever the clip.
    pub floor: usize,
}

impl Default for WindowPolicy {
    fn default() -> Self {
        Self {
            margin: 128,
            floor: 384,
        }
    }
}

impl WindowPolicy {
    /// Encoder positions for a clip: its length, the margin, rounded up to 64 so that the matrices stay aligned.
    pub fn positions(self, samples: usize) -> usize {
        (samples.div_ceil(POSITION) + self.margin)
            .max(self.floor)
            .next_multiple_of(64)
            .min(WHOLE)
    }
}

/// The clip as whisper gets it: numbers only, at least a second long.
pub fn prepare(audio: &[f32]) -> Vec<f32> {
    let mut clip: Vec<f32> = audio
        .iter()
        .map(|&s| if s.is_finite() { s.clamp(-1.0, 1.0) } else { 0.0 })
        .collect();
    clip.resize(clip.len().max(SHORTEST), 0.0);
    clip
}

/// The most tokens a clip of this length can fill: fast speech has about 7 a second, and a decoder that writes
/// more has lost the audio. Bounds the time a loop can take.
pub fn most_tokens(samples: usize) -> usize {
    24 + samples * 10 / EAR_RATE_HZ as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_holds_the_clip_and_its_margin_and_never_more_than_the_encoder_has() {
        let policy = WindowPolicy {
            margin: 128,
            floor: 256,
        };
        assert_eq!(policy.positions(0), 256);
        assert_eq!(policy.positions(16_000), 256);
        assert_eq!(policy.positions(5 * 16_000), 384);
        assert_eq!(policy.positions(30 * 16_000), WHOLE);
        for tenths in 0..300 {
            let samples = tenths * 1600;
            let positions = policy.positions(samples);
            assert!(positions == WHOLE || positions >= samples / POSITION + policy.margin);
        }
    }

    #[test]
    fn a_short_clip_is_filled_up_and_broken_samples_become_silence() {
        let clip = prepare(&[f32::NAN, 0.5, f32::INFINITY, -7.0]);
        assert_eq!(clip.len(), SHORTEST);
        assert_eq!(&clip[..5], &[0.0, 0.5, 0.0, -1.0, 0.0]);
        assert_eq!(prepare(&vec![0.1; 40_000]).len(), 40_000);
    }
}

//! The call's audio as the ears need it: on the call's clock, cut into voice-activity frames, kept for a while.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::screening::calls::domain::audio::{CallTime, EAR_FRAME, Span, VAD_FRAME};

/// Audio kept for transcription: a stretch is 24 s at most, and its result may be asked for a little later.
const KEPT_SAMPLES: usize = 60 * 16_000;
/// When the audio lags this far behind the clock, the gap is filled with silence, samples.
const MAX_LAG: u64 = 200 * 16;

/// The last minute of the candidate's audio.
#[derive(Debug)]
pub struct EarBuffer {
    samples: VecDeque<f32>,
    /// Index in the call of the sample after the last one.
    end: u64,
    /// Index of the first sample of the next voice-activity frame.
    vad_next: u64,
}

impl EarBuffer {
    pub fn new(now: CallTime) -> Self {
        Self {
            samples: VecDeque::new(),
            end: now.ear_sample(),
            vad_next: now.ear_sample(),
        }
    }

    /// Appends 20 ms that arrived at `now`.
    pub fn push(&mut self, pcm: &[f32; EAR_FRAME], now: CallTime) {
        let due = now.ear_sample();
        if due > self.end + MAX_LAG {
            let missing = due - self.end - EAR_FRAME as u64;
            self.extend(std::iter::repeat_n(
                0.0,
                usize::try_from(missing).unwrap_or(KEPT_SAMPLES).min(KEPT_SAMPLES),
            ));
            // A gap longer than what is kept: only its end remains.
            self.end = self.end.max(due - EAR_FRAME as u64);
            self.vad_next = self.vad_next.max(self.end.saturating_sub(VAD_FRAME as u64));
        }
        self.extend(pcm.iter().copied());
    }

    /// The moment behind the last sample.
    pub fn end(&self) -> CallTime {
        CallTime::from_ear_samples(self.end)
    }

    /// The next complete voice-activity frame and the moment it ends.
    pub fn next_vad_frame(&mut self) -> Option<([f32; VAD_FRAME], CallTime)> {
        let end = self.vad_next + VAD_FRAME as u64;
        if end > self.end {
            return None;
        }
        let mut frame = [0.0; VAD_FRAME];
        self.copy(self.vad_next, &mut frame);
        self.vad_next = end;
        Some((frame, CallTime::from_ear_samples(end)))
    }

    /// The audio of a stretch of the call; what is not kept is silence.
    pub fn stretch(&self, span: Span) -> Arc<[f32]> {
        let from = span.start.ear_sample();
        let to = span.end.ear_sample().max(from);
        let mut out = vec![0.0; usize::try_from(to - from).unwrap_or(0).min(KEPT_SAMPLES)];
        self.copy(from, &mut out);
        out.into()
    }

    fn extend(&mut self, samples: impl Iterator<Item = f32>) {
        for sample in samples {
            if self.samples.len() == KEPT_SAMPLES {
                self.samples.pop_front();
            }
            self.samples.push_back(sample);
            self.end += 1;
        }
    }

    fn copy(&self, from: u64, out: &mut [f32]) {
        let start = self.end - self.samples.len() as u64;
        for (slot, index) in out.iter_mut().zip(from..) {
            *slot = index
                .checked_sub(start)
                .and_then(|i| self.samples.get(i as usize))
                .copied()
                .unwrap_or(0.0);
        }
    }
}

/// Root mean square level of a frame, dB relative to full scale.
pub fn level_dbfs(frame: &[f32]) -> f32 {
    let mean_square = frame.iter().map(|s| s * s).sum::<f32>() / frame.len().max(1) as f32;
    10.0 * mean_square.max(1e-12).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_found_by_its_time() {
        let mut ears = EarBuffer::new(CallTime::from_ms(1000));
        for i in 0..10u16 {
            ears.push(&[f32::from(i); EAR_FRAME], CallTime::from_ms(1020 + 20 * u64::from(i)));
        }
        let stretch = ears.stretch(Span {
            start: CallTime::from_ms(1040),
            end: CallTime::from_ms(1060),
        });
        assert!(stretch.iter().all(|&s| (s - 2.0).abs() < f32::EPSILON));
        let before = ears.stretch(Span {
            start: CallTime::from_ms(980),
            end: CallTime::from_ms(1000),
        });
        assert!(before.iter().all(|&s| s == 0.0) && before.len() == EAR_FRAME);
    }

    #[test]
    fn a_gap_on_the_clock_is_silence_in_the_audio() {
        let mut ears = EarBuffer::new(CallTime::ZERO);
        ears.push(&[1.0; EAR_FRAME], CallTime::from_ms(20));
        ears.push(&[2.0; EAR_FRAME], CallTime::from_ms(1020));
        let stretch = ears.stretch(Span {
            start: CallTime::from_ms(1000),
            end: CallTime::from_ms(1020),
        });
        assert!(stretch.iter().all(|&s| (s - 2.0).abs() < f32::EPSILON));
        assert!(
            ears.stretch(Span {
                start: CallTime::from_ms(500),
                end: CallTime::from_ms(520)
            })
            .iter()
            .all(|&s| s == 0.0)
        );
    }

    #[test]
    fn voice_frames_follow_each_other() {
        let mut ears = EarBuffer::new(CallTime::ZERO);
        for i in 1..=5 {
            ears.push(&[0.1; EAR_FRAME], CallTime::from_ms(20 * i));
        }
        let ends: Vec<_> = std::iter::from_fn(|| ears.next_vad_frame())
            .map(|(_, end)| end.ms())
            .collect();
        assert_eq!(ends, [32, 64, 96]);
    }
}

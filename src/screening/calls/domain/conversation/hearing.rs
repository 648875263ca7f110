//! From the probability of speech in each frame to "began to speak" and "fell silent".

use crate::screening::calls::domain::audio::CallTime;

/// A frame above this begins speech (Silero's own default).
const ON: f32 = 0.5;
/// A frame above this continues it (Silero's default: `ON` - 0.15).
const OFF: f32 = 0.35;
/// Speech must last this long to be speech: a click is shorter.
const ONSET_MS: u64 = 96;
/// One VAD frame.
const FRAME_MS: u64 = 32;

/// Follows the candidate's voice.
#[derive(Debug, Clone, Default)]
pub struct Hearing {
    /// Length of the current run of speech frames, ms.
    run_ms: u64,
    /// Start of the current run.
    run_start: CallTime,
    speaking: bool,
    last_voice: Option<CallTime>,
    loudest_dbfs: Option<f32>,
}

/// What a frame told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Speech began at this moment and has lasted long enough to be believed.
    Onset(CallTime),
    /// Speech goes on.
    Voice,
    /// No speech.
    Silence,
}

impl Hearing {
    /// Takes the frame that ends `now`.
    pub fn frame(&mut self, speech: f32, level_dbfs: f32, now: CallTime) -> Heard {
        self.loudest_dbfs = Some(self.loudest_dbfs.map_or(level_dbfs, |loudest| loudest.max(level_dbfs)));
        let threshold = if self.run_ms > 0 { OFF } else { ON };
        if speech < threshold {
            self.run_ms = 0;
            self.speaking = false;
            return Heard::Silence;
        }
        if self.run_ms == 0 {
            self.run_start = now.minus(FRAME_MS);
        }
        self.run_ms += FRAME_MS;
        if self.run_ms < ONSET_MS {
            return Heard::Silence;
        }
        self.last_voice = Some(now);
        if self.speaking {
            Heard::Voice
        } else {
            self.speaking = true;
            Heard::Onset(self.run_start)
        }
    }

    /// Whether the candidate is speaking right now.
    pub fn is_speaking(&self) -> bool {
        self.speaking
    }

    /// Whether any sound at all, not only speech, has come from the microphone: a muted or broken one gives digital
    /// silence, a live one the noise of its room.
    pub fn has_sound(&self) -> bool {
        self.loudest_dbfs.is_some_and(|loudest| loudest > -75.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(probabilities: &[f32]) -> Vec<Heard> {
        let mut hearing = Hearing::default();
        probabilities
            .iter()
            .zip(1u64..)
            .map(|(&p, i)| hearing.frame(p, -30.0, CallTime::from_ms(i * FRAME_MS)))
            .collect()
    }

    #[test]
    fn a_click_is_no_speech() {
        assert_eq!(heard(&[0.9, 0.9, 0.1]), [Heard::Silence; 3]);
    }

    #[test]
    fn speech_is_dated_from_its_first_frame() {
        assert_eq!(
            heard(&[0.1, 0.9, 0.6, 0.4, 0.4, 0.2]),
            [
                Heard::Silence,
                Heard::Silence,
                Heard::Silence,
                Heard::Onset(CallTime::from_ms(32)),
                Heard::Voice,
                Heard::Silence
            ]
        );
    }

    #[test]
    fn digital_silence_is_told_from_a_quiet_room() {
        let mut hearing = Hearing::default();
        hearing.frame(0.0, -100.0, CallTime::from_ms(32));
        assert!(!hearing.has_sound());
        hearing.frame(0.0, -62.0, CallTime::from_ms(64));
        assert!(hearing.has_sound());
    }
}

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
/// Speech less certain than this is weak.
const SURE: f32 = 0.7;
/// Speech this much quieter than the candidate's usual voice is weak, dB: what is left of an echo is quieter still.
const WEAKER_DB: f32 = 14.0;
/// The same where the candidate's voice is not known yet, dB of full scale.
const WEAK_DBFS: f32 = -46.0;
/// Whatever the candidate's voice is like, louder than the second is never weak and quieter than the first always.
const WEAK_RANGE_DBFS: (f32, f32) = (-60.0, -30.0);
/// How fast the usual voice follows: half of it in about 14 frames.
const USUAL_SHARE: f32 = 0.05;

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
    /// How loud the candidate's voice usually is.
    usual_dbfs: Option<f32>,
    /// Since when there has been weak speech that was not believed.
    weak_since: Option<CallTime>,
}

/// What a beginning of speech may be taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// The candidate's voice.
    Open,
    /// Perhaps an echo of Emma's: weak speech is not believed.
    AgainstEcho,
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
    pub fn frame(&mut self, speech: f32, level_dbfs: f32, care: Care, now: CallTime) -> Heard {
        self.loudest_dbfs = Some(self.loudest_dbfs.map_or(level_dbfs, |loudest| loudest.max(level_dbfs)));
        let threshold = if self.run_ms > 0 { OFF } else { ON };
        if speech < threshold {
            self.run_ms = 0;
            self.speaking = false;
            self.weak_since = None;
            return Heard::Silence;
        }
        if self.run_ms == 0 {
            // A quiet voice that outlasts the care was one all along.
            self.run_start = self.weak_since.unwrap_or(now.minus(FRAME_MS));
        }
        if care == Care::AgainstEcho && !self.speaking && self.is_weak(speech, level_dbfs) {
            self.weak_since = Some(self.run_start);
            self.run_ms = 0;
            return Heard::Silence;
        }
        self.run_ms += FRAME_MS;
        if self.run_ms < ONSET_MS {
            return Heard::Silence;
        }
        self.last_voice = Some(now);
        self.weak_since = None;
        if level_dbfs.is_finite() {
            let usual = self.usual_dbfs.unwrap_or(level_dbfs);
            self.usual_dbfs = Some(usual + USUAL_SHARE * (level_dbfs - usual));
        }
        if self.speaking {
            Heard::Voice
        } else {
            self.speaking = true;
            Heard::Onset(self.run_start)
        }
    }

    fn is_weak(&self, speech: f32, level_dbfs: f32) -> bool {
        let (least, most) = WEAK_RANGE_DBFS;
        let floor = self
            .usual_dbfs
            .map_or(WEAK_DBFS, |usual| (usual - WEAKER_DB).clamp(least, most));
        speech < SURE || level_dbfs < floor
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
            .map(|(&p, i)| hearing.frame(p, -30.0, Care::Open, CallTime::from_ms(i * FRAME_MS)))
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
        hearing.frame(0.0, -100.0, Care::Open, CallTime::from_ms(32));
        assert!(!hearing.has_sound());
        hearing.frame(0.0, -62.0, Care::Open, CallTime::from_ms(64));
        assert!(hearing.has_sound());
    }
    /// Frames of one level and what each told; onsets by their start.
    fn onset(hearing: &mut Hearing, frames: std::ops::Range<u64>, speech: f32, level: f32, care: Care) -> Option<u64> {
        let mut onset = None;
        for i in frames {
            if let Heard::Onset(at) = hearing.frame(speech, level, care, CallTime::from_ms((i + 1) * FRAME_MS)) {
                onset = onset.or(Some(at.ms() / FRAME_MS));
            }
        }
        onset
    }

    // spec: CONV-8
    #[test]
    fn weak_speech_is_not_believed_where_it_may_be_an_echo() {
        let heard = |speech, level, care| onset(&mut Hearing::default(), 0..10, speech, level, care);
        assert_eq!(heard(0.9, -52.0, Care::Open), Some(0));
        assert_eq!(heard(0.9, -52.0, Care::AgainstEcho), None, "too quiet");
        assert_eq!(heard(0.6, -30.0, Care::AgainstEcho), None, "too uncertain");
        assert_eq!(heard(0.9, -40.0, Care::AgainstEcho), Some(0));
    }

    // spec: CONV-8
    #[test]
    fn what_is_weak_depends_on_the_candidates_voice() {
        for (voice, echo, believed) in [(-20.0, -40.0, false), (-20.0, -32.0, true), (-50.0, -55.0, true)] {
            let mut hearing = Hearing::default();
            assert!(onset(&mut hearing, 0..60, 0.9, voice, Care::Open).is_some());
            assert_eq!(onset(&mut hearing, 60..70, 0.1, -80.0, Care::Open), None);
            let heard = onset(&mut hearing, 70..80, 0.9, echo, Care::AgainstEcho);
            assert_eq!(heard.is_some(), believed, "{voice} {echo}");
        }
    }

    // spec: CONV-8
    #[test]
    fn a_quiet_voice_that_goes_on_is_heard_from_its_first_word() {
        let mut hearing = Hearing::default();
        assert_eq!(onset(&mut hearing, 0..12, 0.9, -55.0, Care::AgainstEcho), None);
        assert_eq!(onset(&mut hearing, 12..20, 0.9, -55.0, Care::Open), Some(0));
    }

    // spec: CONV-8
    #[test]
    fn speech_that_has_begun_is_not_doubted() {
        let mut hearing = Hearing::default();
        onset(&mut hearing, 0..5, 0.9, -30.0, Care::Open);
        assert_eq!(
            hearing.frame(0.9, -60.0, Care::AgainstEcho, CallTime::from_ms(6 * FRAME_MS)),
            Heard::Voice
        );
    }
}

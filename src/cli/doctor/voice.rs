//! The voice: which one this machine gets, and why.

use super::{Check, ok, warn};
use crate::bootstrap::engines::voice_threads;
use crate::config::{Config, VoiceEngine};
use crate::screening::calls::infrastructure::voice::choice;
use crate::screening::calls::infrastructure::voice::verdict::{self, Verdict};
use crate::shared::models::{ModelDir, ModelFile};

pub(super) fn voice(config: &Config, models: &ModelDir) -> Check {
    let known = verdict::read(&config.server.data_dir, &verdict::machine(models, voice_threads()));
    let has_piper = models.locate(ModelFile::PiperJoe).is_file();
    of(config.speech.voice, known.as_ref(), has_piper)
}

fn of(configured: VoiceEngine, known: Option<&Verdict>, has_piper: bool) -> Check {
    let speed = |verdict: &Verdict| {
        let factor = verdict.measured.real_time_factor();
        format!("kokoro takes {factor:.2} of the time it speaks")
    };
    match (configured, known) {
        (VoiceEngine::Kokoro, None) => ok("voice", "kokoro, as configured"),
        (VoiceEngine::Kokoro, Some(verdict)) => ok("voice", format!("kokoro, as configured; {}", speed(verdict))),
        (VoiceEngine::Piper, _) => ok("voice", "piper, as configured"),
        (VoiceEngine::Auto, None) => ok("voice", "auto: measured and chosen at the next start"),
        (VoiceEngine::Auto, Some(verdict)) if verdict.engine == choice::VoiceEngine::Piper && !has_piper => warn(
            "voice",
            format!("auto: {}, and piper is not there", speed(verdict)),
            "run `emma models pull --profile small`",
        ),
        (VoiceEngine::Auto, Some(verdict)) => {
            ok("voice", format!("auto: {}, since {}", verdict.engine, speed(verdict)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::screening::calls::infrastructure::voice::choice::Measured;

    // spec: OPS-3
    #[test]
    fn the_voice_and_the_reason_for_it_are_told() {
        let verdict = |engine, all_ms| Verdict {
            machine: String::new(),
            engine,
            measured: Measured {
                first_audio_ms: 0,
                all_ms,
                audio_ms: 1000,
            },
        };
        let slow = verdict(choice::VoiceEngine::Piper, 2500);
        let told = of(VoiceEngine::Auto, Some(&slow), true);
        assert_eq!(told.state, State::Ok);
        assert_eq!(told.found, "auto: piper, since kokoro takes 2.50 of the time it speaks");
        assert_eq!(of(VoiceEngine::Auto, Some(&slow), false).state, State::Warn);
        assert!(of(VoiceEngine::Auto, None, false).found.contains("measured"));
    }
}

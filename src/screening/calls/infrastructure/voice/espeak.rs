//! Phonemes from the `espeak-ng` program, as a process of its own: it is GPL and is never linked.

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The program answers within 30 ms; one that hangs must not silence a call.
const PATIENCE: Duration = Duration::from_millis(1_500);
const POLL: Duration = Duration::from_millis(2);
/// Texts kept with their phonemes; when full, all are forgotten: words come back quickly.
const CACHED_MAX: usize = 8_192;
const TEXT_MAX: usize = 2_000;

/// Why there are no phonemes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EspeakError {
    #[error("espeak-ng could not be started: {0}")]
    Missing(String),
    #[error("espeak-ng took too long")]
    TimedOut,
    #[error("espeak-ng failed: {0}")]
    Failed(String),
}

/// The program, its dialect, and what it has said before.
pub struct Espeak {
    program: PathBuf,
    voice: &'static str,
    known: Mutex<HashMap<String, String>>,
}

impl Espeak {
    /// `voice` is a dialect of the program, e.g. `en-us`, `en-gb`.
    pub fn new(program: PathBuf, voice: &'static str) -> Self {
        Self {
            program,
            voice,
            known: Mutex::new(HashMap::new()),
        }
    }

    /// IPA of a word or text, lines joined by a space.
    ///
    /// # Errors
    /// When the program is missing, hangs or fails.
    pub fn ipa(&self, text: &str) -> Result<String, EspeakError> {
        let text: String = text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect();
        if let Some(ipa) = self.known().get(&text) {
            return Ok(ipa.clone());
        }
        let ipa = self.ask(&text)?;
        let mut known = self.known();
        if known.len() >= CACHED_MAX {
            known.clear();
        }
        known.insert(text, ipa.clone());
        Ok(ipa)
    }

    fn ask(&self, text: &str) -> Result<String, EspeakError> {
        let mut child = Command::new(&self.program)
            .args(["-q", "--ipa", "-v", self.voice, "--"])
            .arg(text)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| EspeakError::Missing(error.to_string()))?;
        // What it prints is bounded with the text and fits in the pipe, so it can be read after the end.
        let mut waited = Duration::ZERO;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if waited < PATIENCE => {
                    thread::sleep(POLL);
                    waited += POLL;
                }
                outcome => {
                    // Both fail only when it has ended by itself just now.
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(outcome.map_or_else(|e| EspeakError::Failed(e.to_string()), |_| EspeakError::TimedOut));
                }
            }
        };
        let mut out = String::new();
        if let Some(mut pipe) = child.stdout.take() {
            pipe.read_to_string(&mut out)
                .map_err(|error| EspeakError::Failed(error.to_string()))?;
        }
        if !status.success() {
            return Err(EspeakError::Failed(status.to_string()));
        }
        Ok(out.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Espeak, EspeakError};

    #[test]
    fn a_missing_program_is_told() {
        let espeak = Espeak::new("/nonexistent/espeak-ng".into(), "en-us");
        assert!(matches!(espeak.ipa("hello"), Err(EspeakError::Missing(_))));
    }

    #[test]
    fn a_failing_program_is_told() {
        assert!(matches!(
            Espeak::new("false".into(), "en-us").ipa("hello"),
            Err(EspeakError::Failed(_))
        ));
    }

    #[test]
    fn text_is_an_argument_and_not_an_option() {
        // `echo` prints its arguments: the text arrives as one of them, whatever it looks like.
        let echoed = Espeak::new("echo".into(), "en-us").ipa("--stdin; rm \n-f").unwrap();
        assert!(echoed.ends_with("-- --stdin; rm -f"), "{echoed}");
    }
}

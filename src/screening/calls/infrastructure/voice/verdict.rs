//! What was measured of the voice on this machine, kept so that the next start need not measure again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::screening::calls::infrastructure::voice::choice::{Measured, VoiceEngine};
use crate::shared::models::{ModelDir, ModelFile};

/// The outcome of the measurement, and where it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Processor, cores, threads and model file: on another machine or with another model it says nothing.
    pub machine: String,
    pub engine: VoiceEngine,
    pub measured: Measured,
}

/// Where the verdict is kept.
pub fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("voice-choice.json")
}

/// The verdict for this machine; none where it was never measured, or measured under other conditions.
pub fn read(data_dir: &Path, machine: &str) -> Option<Verdict> {
    let text = std::fs::read_to_string(file(data_dir)).ok()?;
    let verdict: Verdict = serde_json::from_str(&text).ok()?;
    (verdict.machine == machine).then_some(verdict)
}

/// Keeps the verdict. Whole or not at all: a start that is cut off leaves the one before.
///
/// # Errors
/// When the directory cannot be written.
pub fn write(data_dir: &Path, verdict: &Verdict) -> std::io::Result<()> {
    let text = serde_json::to_string_pretty(verdict)?;
    let unfinished = data_dir.join(format!(".voice-choice-{}", std::process::id()));
    std::fs::write(&unfinished, text)?;
    std::fs::rename(unfinished, file(data_dir))
}

/// What the speed of a voice hangs on here.
pub fn machine(models: &ModelDir, threads: usize) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or(std::env::consts::ARCH, |(_, name)| name.trim());
    let model = std::fs::metadata(models.locate(ModelFile::Kokoro)).map_or(0, |about| about.len());
    format!("{processor}, {cores} cores, {threads} threads, {model} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_holds_for_the_machine_it_was_made_on() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path(), "this one"), None);
        let verdict = Verdict {
            machine: "this one".to_owned(),
            engine: VoiceEngine::Piper,
            measured: Measured {
                first_audio_ms: 1,
                all_ms: 2,
                audio_ms: 3,
            },
        };
        write(dir.path(), &verdict).unwrap();
        assert_eq!(read(dir.path(), "this one"), Some(verdict));
        assert_eq!(read(dir.path(), "another"), None);
        std::fs::write(file(dir.path()), "{").unwrap();
        assert_eq!(read(dir.path(), "this one"), None, "damaged is as good as none");
    }
}

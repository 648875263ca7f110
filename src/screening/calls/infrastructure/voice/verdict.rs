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

/// Whether a measurement holds for later starts: not where the voice was too slow while others used the processor, for it
/// may be fast enough without them. One that was fast enough all the same is.
pub fn holds(measured: Measured, others: Option<f32>) -> bool {
    measured.is_fast_enough() || others.is_none_or(|share| share < DISTURBED)
}

/// The share of the machine's processor time from which other programs make a measurement worthless.
const DISTURBED: f32 = 0.15;

/// Processor time that was used up to now, in the system's ticks (Linux).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticks {
    all: u64,
    idle: u64,
    /// Of this process and of the programs it has run.
    own: u64,
}

impl Ticks {
    /// `None` where the system does not tell.
    pub fn now() -> Option<Self> {
        let read = |path| std::fs::read_to_string(path).ok();
        Self::parse(&read("/proc/stat")?, &read("/proc/self/stat")?)
    }

    fn parse(machine: &str, process: &str) -> Option<Self> {
        // user nice system idle iowait irq softirq steal; what follows is part of the first two.
        let machine = numbers(machine.lines().next()?.strip_prefix("cpu ")?);
        // The program's name, in brackets, may hold anything. After it: state, ten fields, then own and children's time.
        let process = numbers(process.rsplit_once(") ")?.1.get(2..)?);
        Some(Self {
            all: machine.get(..8)?.iter().sum(),
            idle: machine[3] + machine[4],
            own: process.get(10..14)?.iter().sum(),
        })
    }

    /// The share of the machine, 0 to 1, that others have used from then to now.
    pub fn others_since(self, before: Self) -> f32 {
        let of = |now: u64, then: u64| now.saturating_sub(then);
        let all = of(self.all, before.all);
        let used = of(all, of(self.idle, before.idle) + of(self.own, before.own));
        used as f32 / all.max(1) as f32
    }
}

fn numbers(text: &str) -> Vec<u64> {
    // Some fields of a process are negative; none of those is asked for.
    text.split_whitespace().map(|n| n.parse().unwrap_or_default()).collect()
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

    // spec: CALL-10
    #[test]
    fn a_slow_voice_on_a_busy_machine_is_measured_again() {
        let took = |all_ms| Measured {
            first_audio_ms: 1,
            all_ms,
            audio_ms: 1000,
        };
        let (fast, slow) = (took(900), took(3000));
        assert!(holds(slow, Some(0.02)) && !holds(slow, Some(0.4)));
        assert!(holds(fast, Some(0.4)), "without the load it is only faster");
        assert!(holds(slow, None), "where nothing is known it is not measured for ever");
    }

    #[test]
    fn what_others_use_is_neither_idle_nor_ours() {
        let at = |machine: &str, process: &str| Ticks::parse(machine, process);
        let before = at(
            "cpu  100 0 50 800 50 0 0 0 7 0\ncpu0 1 2 3",
            "7 (a b) c) S 1 2 3 -1 4 0 0 0 0 0 10 5 0 0 20 0",
        );
        let after = at(
            "cpu  160 0 60 900 50 0 0 30 9 0\n",
            "7 (a b) c) R 1 2 3 -1 4 0 0 0 0 0 50 10 3 2 20 0",
        );
        let (before, after) = (before.unwrap(), after.unwrap());
        assert_eq!((before.all, before.idle, before.own), (1000, 850, 15));
        // 200 went by, 100 idle, 50 ours.
        assert!((after.others_since(before) - 0.25).abs() < 1e-6);
        assert!(
            (before.others_since(after)).abs() < 1e-6,
            "a clock that runs back is no load"
        );
        for broken in ["", "cpu 1 2", "intr 1 2 3 4 5 6 7 8 9"] {
            assert_eq!(Ticks::parse(broken, "7 (emma) S 1"), None);
        }
    }
}

//! The machine: processor, memory, disk, clock, model files and the programs Emma calls.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::{Check, TIMEOUT, fail, ok, warn};
use crate::cli::models::needed;
use crate::config::Config;
use crate::shared::clock::Clock;
use crate::shared::models::catalog::entry;
use crate::shared::models::verify::{Condition, examine};
use crate::shared::models::{ModelDir, ModelFile};
use crate::shared::onnx::OnnxRuntime;

const GIB: u64 = 1 << 30;
/// A call with all models loaded takes about this much memory.
const MEMORY_NEEDED: u64 = GIB * 3 / 2;
/// The database, the voice cache and recordings of some days.
const DISK_NEEDED: u64 = 2 * GIB;

pub(super) fn processor() -> Check {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    #[cfg(target_arch = "x86_64")]
    let vectors = if !is_x86_feature_detected!("avx2") || !is_x86_feature_detected!("fma") {
        None
    } else if is_x86_feature_detected!("avx512vnni") {
        Some("AVX2, AVX-512 VNNI")
    } else {
        Some("AVX2")
    };
    #[cfg(not(target_arch = "x86_64"))]
    let vectors = Some(std::env::consts::ARCH);
    match vectors {
        None => fail(
            "processor",
            format!("{cores} cores, no AVX2"),
            "speech recognition needs AVX2 to keep up; use a processor from 2014 or later",
        ),
        Some(vectors) if cores < 2 => warn(
            "processor",
            format!("1 core, {vectors}"),
            "two cores or more keep answers quick; with one, set EMMA_WHISPER=tiny-en and EMMA_VOICE=piper",
        ),
        Some(vectors) => ok("processor", format!("{cores} cores, {vectors}")),
    }
}

pub(super) fn memory() -> Check {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let Some(available) = memory_available(&text) else {
        return warn("memory", "unknown", "make sure that 2 GiB are free");
    };
    // A container may have less than the machine.
    let limit = |name: &str| std::fs::read_to_string(name).ok()?.trim().parse::<u64>().ok();
    let free = match (
        limit("/sys/fs/cgroup/memory.max"),
        limit("/sys/fs/cgroup/memory.current"),
    ) {
        (Some(most), Some(used)) => available.min(most.saturating_sub(used)),
        _ => available,
    };
    if free < MEMORY_NEEDED {
        fail(
            "memory",
            format!("{} free", gib(free)),
            format!("the models need about {}; free some", gib(MEMORY_NEEDED)),
        )
    } else {
        ok("memory", format!("{} free", gib(free)))
    }
}

/// `MemAvailable` of `/proc/meminfo`, in bytes.
fn memory_available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

pub(super) fn disk(name: &'static str, path: &Path) -> Check {
    let place = existing_parent(path);
    match rustix::fs::statvfs(&place) {
        Ok(volume) => {
            let free = volume.f_bavail.saturating_mul(volume.f_frsize);
            let found = format!("{} free at {}", gib(free), place.display());
            if free < DISK_NEEDED / 8 {
                fail(name, found, "free some space, or set EMMA_DATA_DIR to a larger volume")
            } else if free < DISK_NEEDED {
                warn(
                    name,
                    found,
                    "recordings and the voice cache may fill it; set EMMA_DATA_DIR to a larger volume",
                )
            } else {
                ok(name, found)
            }
        }
        Err(error) => warn(name, format!("{}: {error}", place.display()), "check the path"),
    }
}

/// The nearest folder upwards that exists.
fn existing_parent(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute
        .ancestors()
        .find(|part| part.is_dir())
        .unwrap_or(Path::new("/"))
        .to_owned()
}

pub(super) fn writable(name: &'static str, folder: &Path) -> Check {
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    let tried = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, b"emma"))
        .and_then(|()| std::fs::remove_file(&probe));
    match tried {
        Ok(()) => ok(name, format!("{} can be written", folder.display())),
        Err(error) => fail(
            name,
            format!("{}: {error}", folder.display()),
            "make it writable for this user, or set EMMA_DATA_DIR to a folder that is",
        ),
    }
}

/// Links expire and certificates are checked by the calendar: it must not lie before this program was built.
pub(super) fn clock(clock: &dyn Clock) -> Check {
    let now = clock.now();
    let built = std::env::current_exe()
        .and_then(|program| program.metadata()?.modified())
        .unwrap_or(SystemTime::UNIX_EPOCH);
    let built = DateTime::<Utc>::from(built);
    let shown = now.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    if now + chrono::Duration::days(1) < built {
        fail(
            "clock",
            format!("{shown}, before this program was built"),
            "set the time; timesyncd or chrony keep it right",
        )
    } else {
        ok("clock", shown)
    }
}

pub(super) async fn model_files(models: &ModelDir, config: &Config) -> Check {
    let files = needed(config);
    let count = files.len();
    let dir = models.clone();
    // Reading some hundred MB takes a moment.
    let bad = tokio::task::spawn_blocking(move || {
        let problem = |file: &ModelFile| match examine(&dir, *file) {
            Ok(Condition::Whole) => None,
            Ok(Condition::Missing) => Some(format!("{} is missing", file.file_name())),
            Ok(Condition::WrongSize { .. } | Condition::Damaged) => Some(format!("{} is damaged", file.file_name())),
            Err(error) => Some(format!("{}: {error}", file.file_name())),
        };
        files.iter().filter_map(problem).collect::<Vec<_>>()
    })
    .await
    .unwrap_or_else(|error| vec![error.to_string()]);
    let place = models.path().display();
    if bad.is_empty() {
        let bytes: u64 = needed(config).iter().map(|file| entry(*file).bytes).sum();
        ok(
            "models",
            format!("{count} files, {} MB, all whole, in {place}", bytes / 1_000_000),
        )
    } else {
        let advice = if bad.iter().any(|problem| problem.ends_with("damaged")) {
            format!("delete what is damaged in {place} and run `emma models pull`")
        } else {
            "run `emma models pull`".to_owned()
        };
        fail("models", bad.join(", "), advice)
    }
}

pub(super) async fn onnx_runtime(models: &ModelDir) -> Check {
    let dir = models.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let runtime = OnnxRuntime::load(&dir)?;
        let model = dir.require(ModelFile::SileroVad)?;
        runtime.open(&model, 1).map(|_| ())
    })
    .await;
    match opened {
        Ok(Ok(())) => ok("onnx", "ONNX Runtime loads and opens a model"),
        Ok(Err(error)) => fail(
            "onnx",
            error.to_string(),
            "run `emma models pull`; glibc 2.28 or later is needed",
        ),
        Err(error) => fail("onnx", error.to_string(), "run `emma models verify`"),
    }
}

pub(super) async fn espeak() -> Check {
    let run = tokio::process::Command::new("espeak-ng")
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(TIMEOUT, run).await {
        Ok(Ok(output)) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            ok(
                "espeak-ng",
                said.split("  ").next().unwrap_or_default().trim().to_owned(),
            )
        }
        _ => warn(
            "espeak-ng",
            "the program is not there or does not run",
            "install it (Debian: apt-get install espeak-ng); without it Emma spells words she does not know",
        ),
    }
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / GIB as f64)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::shared::clock::SystemClock;

    struct Frozen(DateTime<Utc>);

    impl Clock for Frozen {
        fn now(&self) -> DateTime<Utc> {
            self.0
        }
    }

    #[test]
    fn reads_available_memory_in_bytes() {
        let text = "MemTotal:       24000000 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(memory_available(text), Some(2 * 1024 * 1024));
        assert_eq!(memory_available("MemTotal: 1 kB"), None);
    }

    #[test]
    fn a_clock_before_the_build_is_a_failure() {
        assert_eq!(clock(&Frozen(DateTime::UNIX_EPOCH)).state, State::Fail);
        assert_eq!(clock(&SystemClock).state, State::Ok);
    }

    #[test]
    fn a_data_folder_below_a_file_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(writable("data", &folder.path().join("new")).state, State::Ok);
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert_eq!(writable("data", &file.join("data")).state, State::Fail);
        assert_eq!(existing_parent(&folder.path().join("a/b/c")), folder.path());
    }

    // spec: OPS-3
    #[tokio::test]
    async fn missing_models_are_a_failure_that_names_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let dir = ModelDir::new(folder.path().to_owned());
        let check = model_files(&dir, &Config::default()).await;
        assert_eq!(check.state, State::Fail);
        assert!(check.found.contains("silero_vad.onnx is missing"), "{}", check.found);
        assert_eq!(check.advice.as_deref(), Some("run `emma models pull`"));
    }
}

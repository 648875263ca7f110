//! `emma doctor`: checks the machine and the configuration, and says what to do about each problem.

use std::io::{Write as _, stdout};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;

use crate::cli::models::{directory, needed};
use crate::config::{Config, Media, Speech};
use crate::shared::clock::{Clock, SystemClock};
use crate::shared::models::catalog::entry;
use crate::shared::models::verify::{Condition, examine};
use crate::shared::models::{ModelDir, ModelFile};
use crate::shared::onnx::OnnxRuntime;

const GIB: u64 = 1 << 30;
/// A call with all models loaded takes about this much memory.
const MEMORY_NEEDED: u64 = GIB * 3 / 2;
/// The database, the voice cache and recordings of some days.
const DISK_NEEDED: u64 = 2 * GIB;
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(5);

/// Check this machine and the configuration.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// How one check came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do; absent where nothing needs doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    Warn,
    Fail,
}

/// Runs `emma doctor`: exit code 1 when a check failed.
///
/// # Errors
/// When standard output is closed.
pub async fn run(args: DoctorArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let checks = examine_all(config).await;
    let worst = checks.iter().map(|check| check.state).max().unwrap_or(State::Ok);
    let mut out = stdout().lock();
    if args.json {
        let report = serde_json::json!({ "state": worst, "checks": checks });
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        for check in &checks {
            let state = match check.state {
                State::Ok => "ok  ",
                State::Warn => "warn",
                State::Fail => "FAIL",
            };
            writeln!(out, "{state}  {:<12} {}", check.name, check.found)?;
            if let Some(advice) = &check.advice {
                writeln!(out, "{:>20}-> {advice}", "")?;
            }
        }
    }
    Ok(if worst == State::Fail {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// All checks, in the order in which a start would meet the problems.
pub async fn examine_all(config: &Config) -> Vec<Check> {
    let server = &config.server;
    let models = directory(&config.speech);
    vec![
        processor(),
        memory(),
        disk("disk", &server.data_dir),
        writable("data", &server.data_dir),
        clock(&SystemClock),
        model_files(&models, &config.speech).await,
        onnx_runtime(&models).await,
        espeak().await,
        port(server.bind, server.port).await,
        udp_ports(server.bind, &config.media),
        advertised(server.bind, config.media.advertised_ip),
    ]
}

fn ok(name: &'static str, found: impl Into<String>) -> Check {
    Check {
        name,
        state: State::Ok,
        found: found.into(),
        advice: None,
    }
}

fn warn(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Check {
    Check {
        name,
        state: State::Warn,
        found: found.into(),
        advice: Some(advice.into()),
    }
}

fn fail(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Check {
    Check {
        state: State::Fail,
        ..warn(name, found, advice)
    }
}

fn processor() -> Check {
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

fn memory() -> Check {
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

fn disk(name: &'static str, path: &Path) -> Check {
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

fn writable(name: &'static str, folder: &Path) -> Check {
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
fn clock(clock: &dyn Clock) -> Check {
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

async fn model_files(models: &ModelDir, speech: &Speech) -> Check {
    let files = needed(speech);
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
        let bytes: u64 = needed(speech).iter().map(|file| entry(*file).bytes).sum();
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

async fn onnx_runtime(models: &ModelDir) -> Check {
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

async fn espeak() -> Check {
    let run = tokio::process::Command::new("espeak-ng")
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(PROGRAM_TIMEOUT, run).await {
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

async fn port(bind: IpAddr, port: u16) -> Check {
    let address = SocketAddr::new(bind, port);
    match TcpListener::bind(address) {
        Ok(_) => ok("port", format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            if emma_answers(bind, port).await {
                ok("port", format!("Emma is running at {address}"))
            } else {
                fail(
                    "port",
                    format!("{address} is taken"),
                    "choose another with --port or EMMA_PORT",
                )
            }
        }
        Err(error) => fail(
            "port",
            format!("{address}: {error}"),
            "choose another address with --bind or --port",
        ),
    }
}

/// Whether what listens there answers as Emma does.
async fn emma_answers(bind: IpAddr, port: u16) -> bool {
    let host = if bind.is_unspecified() {
        IpAddr::from([127, 0, 0, 1])
    } else {
        bind
    };
    let url = format!("http://{}/api/v1/health", SocketAddr::new(host, port));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Ok(client) = reqwest::Client::builder().timeout(PROGRAM_TIMEOUT).no_proxy().build() else {
        return false;
    };
    let Ok(answer) = client.get(url).send().await else {
        return false;
    };
    answer
        .json::<serde_json::Value>()
        .await
        .is_ok_and(|health| health.get("status").is_some())
}

fn udp_ports(bind: IpAddr, media: &Media) -> Check {
    let (first, last) = (media.udp_port_min, media.udp_port_max);
    if first == 0 {
        return match UdpSocket::bind(SocketAddr::new(bind, 0)) {
            Ok(_) => ok(
                "udp",
                "the system chooses ports for audio; a firewall must let them through",
            ),
            Err(error) => fail("udp", error.to_string(), "check EMMA_BIND"),
        };
    }
    let free = (first..=last)
        .filter(|port| UdpSocket::bind(SocketAddr::new(bind, *port)).is_ok())
        .count();
    let all = usize::from(last.saturating_sub(first)) + 1;
    let found = format!("{free} of {all} ports free in {first}-{last}");
    if free == 0 {
        fail(
            "udp",
            found,
            "choose another range with EMMA_UDP_PORT_MIN and EMMA_UDP_PORT_MAX",
        )
    } else if free < media.max_calls {
        warn(
            "udp",
            found,
            format!("{} calls at once need as many; widen the range", media.max_calls),
        )
    } else {
        ok("udp", found)
    }
}

fn advertised(bind: IpAddr, advertised: Option<IpAddr>) -> Check {
    let name = "address";
    match advertised {
        Some(ip) if ip.is_unspecified() || ip.is_multicast() => fail(
            name,
            format!("candidates would be told to send audio to {ip}"),
            "set EMMA_ADVERTISED_IP to the address candidates reach this server at",
        ),
        Some(ip) if ip.is_loopback() && !bind.is_loopback() => warn(
            name,
            format!("candidates are told to send audio to {ip}"),
            "only this machine can; set EMMA_ADVERTISED_IP to an address others reach",
        ),
        Some(ip) => ok(name, format!("candidates send audio to {ip}")),
        None if bind.is_loopback() => ok(
            name,
            format!("{bind}: calls from this machine only; --bind 0.0.0.0 opens it"),
        ),
        None if Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists() => warn(
            name,
            "inside a container, with an address only its host may reach",
            "set EMMA_ADVERTISED_IP to the host's address and publish the UDP ports",
        ),
        None => match outward_address() {
            Some(ip) => ok(
                name,
                format!("candidates send audio to {ip}; set EMMA_ADVERTISED_IP behind NAT"),
            ),
            None => warn(
                name,
                "this machine has no route outwards",
                "only this machine can call; check the network",
            ),
        },
    }
}

/// The address this machine would send from; connecting a UDP socket sends nothing.
fn outward_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // TEST-NET-1 (RFC 5737): never assigned, routed like any other.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / GIB as f64)
}

#[cfg(test)]
#[path = "doctor_tests.rs"]
mod tests;

//! The headless candidate: `emma talk` joins an interview through its link, over the same HTTP and WebRTC a browser
//! uses or over a WebSocket, gives recorded answers and measures what a candidate would experience.
//!
//! **Latency.** `voice_to_voice_ms` runs from the moment the packet with an answer's last *speech* sample left
//! ([`speech_edges`]) to the moment the packet with the first audible sample of Emma's reply arrived
//! ([`emma_audio::AUDIBLE_DBFS`], sustained). Encoding and packetising here are in it; this side's own jitter buffer
//! ([`receiver::DEPTH`]) is not.
//!
//! [`call`] is the only live loop; [`turn_tracker`] decides, and like [`emma_audio`] and [`pacing`] it knows no clock.

use std::process::ExitCode;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub mod args;
pub mod call;
pub mod console;
pub mod emma_audio;
pub mod error;
pub mod files;
pub mod http;
pub mod line;
pub mod pacing;
pub mod pcm_receiver;
pub mod peer;
pub mod protocol;
pub mod receiver;
pub mod recording;
pub mod report;
pub mod settings;
#[cfg(test)]
mod signals;
pub mod socket;
pub mod speech_edges;
pub mod transcript;
pub mod trickle;
pub mod trickling;
pub mod turn_tracker;
pub mod wer;

pub use args::TalkArgs;

use console::Console;
use report::CallReport;
use settings::Settings;

/// Everything here works at this rate, Hz.
pub const RATE_HZ: u32 = 48_000;
/// Samples in one packet.
pub const FRAME: usize = 960;
/// Time since the call's clock started.
pub type At = Duration;
/// What one packet lasts.
pub const FRAME_TIME: Duration = Duration::from_millis(20);

const FAILED: u8 = 1;
const USAGE: u8 = 2;

/// Makes the calls. Exit codes: 0 all calls ended in order, 1 one failed, 2 the arguments make no sense.
///
/// # Errors
/// When the report cannot be written.
pub async fn run(args: TalkArgs) -> anyhow::Result<ExitCode> {
    let cancel = CancellationToken::new();
    let on_interrupt = cancel.clone();
    let listener = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            on_interrupt.cancel();
        }
    });
    let exit = run_until(args, cancel).await;
    listener.abort();
    exit
}

/// [`run`], hanging up politely when `cancel` is cancelled.
///
/// # Errors
/// When the report cannot be written.
pub async fn run_until(args: TalkArgs, cancel: CancellationToken) -> anyhow::Result<ExitCode> {
    // Another part of the process may have chosen one already; the first choice stands.
    rustls::crypto::ring::default_provider().install_default().ok();
    let (args, settings) = tokio::task::spawn_blocking(move || {
        let settings = Settings::load(&args);
        (args, settings)
    })
    .await?;
    let settings = match settings {
        Ok(settings) => std::sync::Arc::new(settings),
        Err(problem) => {
            complain(&problem);
            return Ok(ExitCode::from(USAGE));
        }
    };
    let calls = usize::from(args.calls);
    let stagger = Duration::from_millis(args.stagger);
    let mut running = JoinSet::new();
    for number in 0..calls {
        let (settings, cancel) = (std::sync::Arc::clone(&settings), cancel.clone());
        running.spawn(async move {
            tokio::time::sleep(stagger * number as u32).await;
            (
                number,
                Box::pin(call::run(&settings, number, Console::new(number, calls), cancel)).await,
            )
        });
    }
    let mut reports: Vec<(usize, CallReport)> = running.join_all().await;
    reports.sort_by_key(|(number, _)| *number);
    let reports: Vec<CallReport> = reports.into_iter().map(|(_, report)| report).collect();
    show(&reports);
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report::json(&args.url, &reports))?;
        std::fs::write(path, text + "\n").map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
    }
    let failed = reports.iter().any(|report| report.error.is_some());
    Ok(if failed {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

fn show(reports: &[CallReport]) {
    for (number, report) in reports.iter().enumerate() {
        if reports.len() > 1 {
            console::print(&format!("\ncall {}\n", number + 1));
        }
        if !report.turns.is_empty() || report.error.is_none() {
            console::print(&report::table(report));
        }
        if let Some(error) = &report.error {
            complain(error);
        }
    }
    if reports.len() > 1 {
        console::print(&format!(
            "\nall calls: {}",
            report::line(&report::Summary::of_calls(reports))
        ));
    }
}

fn complain(problem: &str) {
    use std::io::Write as _;
    writeln!(std::io::stderr(), "emma talk: {problem}").ok();
}

//! `emma doctor`: checks the machine and the configuration, and says what to do about each problem.

mod data;
mod llm;
mod machine;
mod network;
mod remote;
mod services;
mod voice;

use std::io::{Write as _, stdout};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use self::llm::language_model;
use self::machine::{clock, disk, espeak, memory, model_files, onnx_runtime, processor, writable};
use self::network::{advertised, port, udp_ports};
use self::remote::remote_speech;
use self::services::{embeddings, torre};
use crate::bootstrap::database_path;
use crate::cli::models::directory;
use crate::config::Config;
use crate::shared::clock::SystemClock;

/// For what another program or server is asked.
const TIMEOUT: Duration = Duration::from_secs(5);

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

/// All checks: the machine, the services, then what this server keeps and reads.
pub async fn examine_all(config: &Config) -> Vec<Check> {
    let server = &config.server;
    let models = directory(&config.speech);
    let mut checks = vec![
        processor(),
        memory(),
        disk("disk", &server.data_dir),
        writable("data", &server.data_dir),
        clock(&SystemClock),
        model_files(&models, config).await,
        onnx_runtime(&models).await,
        espeak().await,
        voice::voice(config, &models),
        language_model(&config.llm).await,
        port(server.bind, server.port).await,
        udp_ports(server.bind, &config.media),
        advertised(server.bind, config.media.advertised_ip),
        torre(&config.torre).await,
        embeddings(&config.embeddings).await,
    ];
    checks.extend(remote_speech(&config.speech).await);
    checks.extend(data::database(&database_path(server), &config.embeddings).await);
    checks.extend([
        data::agent(config.interview.agent.as_deref()),
        data::prompts(config.llm.prompts.as_deref()),
        data::certificate(server),
        data::traces(&config.telemetry),
    ]);
    checks.extend(data::unused());
    checks
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

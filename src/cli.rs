//! The command line.

pub mod bench;
pub mod doctor;
pub mod embeddings;
pub mod models;
pub mod serve;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tracing::warn;

use crate::config::{self, Config};
use crate::shared::telemetry;
use crate::shared::traces::Traces;
use crate::talk;

/// Emma, the open voice screening interviewer.
#[derive(Debug, Parser)]
#[command(name = "emma", version, about, long_about = LONG_ABOUT, propagate_version = true)]
pub struct Cli {
    /// Configuration file (TOML); `emma.toml` here where it exists [env: `EMMA_CONFIG`]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

/// How long work on blocking threads is waited for at the end.
const LEAVING: Duration = Duration::from_millis(500);

const LONG_ABOUT: &str =
    "Emma holds spoken screening interviews in the browser and gives recruiters an assessment whose \
every statement points at what was said.

Start with `emma serve --demo` and open the printed link. Configuration: defaults, then the file, then the environment \
(EMMA_SECTION__KEY, e.g. EMMA_SERVER__PORT), then the command line.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve interviews.
    Serve(serve::ServeArgs),
    /// Check this machine and say what to mend.
    Doctor(doctor::DoctorArgs),
    /// Fetch, list and verify model files.
    Models(models::ModelsArgs),
    /// Hold an interview as a headless candidate that plays sound files.
    Talk(talk::TalkArgs),
    /// Measure words, turn ends, silence and voice on this machine.
    Bench(bench::BenchArgs),
    /// Print the `OpenAPI` description.
    Openapi,
    /// Look at stored vectors, and make them anew with another model.
    Embeddings(embeddings::EmbeddingsArgs),
    /// Bring the database up to date and stop.
    Migrate,
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    // Two of our libraries bring a TLS provider of their own; rustls wants to be told which one to use.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("error: TLS was set up twice");
        return ExitCode::FAILURE;
    }
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    };
    // A model that is still being loaded, or a lookup that hangs, keeps nobody waiting.
    runtime.shutdown_timeout(LEAVING);
    code
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let file = cli
        .config
        .or_else(|| config::variable("EMMA_CONFIG").map(PathBuf::from));
    let mut config = Config::load(file.as_deref())?;
    match cli.command {
        Command::Serve(args) => {
            args.apply(&mut config);
            config.validate()?;
            let endpoint = config.telemetry.otlp_endpoint.as_ref().filter(|url| !url.is_empty());
            let traces = endpoint.map(|url| Traces::open(url)).transpose()?;
            telemetry::start_logging(config.log.format, &config.log.filter, traces.as_ref());
            if let Some(told) = config::ignored() {
                warn!("{told}");
            }
            let served = serve::run(config).await;
            if let Some(traces) = traces {
                traces.shut_down().await;
            }
            served
        }
        Command::Doctor(args) => doctor::run(args, &config).await,
        Command::Models(args) => models::run(args, &config).await,
        Command::Talk(args) => talk::run(args).await,
        Command::Bench(args) => {
            telemetry::start_logging(config.log.format, &config.log.filter, None);
            bench::run(args, &config).await
        }
        Command::Embeddings(args) => embeddings::run(args, &config).await,
        Command::Openapi => serve::print_openapi(),
        Command::Migrate => serve::migrate(&config).await,
    }
}

/// Prints what a command is for on standard output.
#[expect(clippy::print_stdout, reason = "the result of a command belongs on standard output")]
pub fn print(text: &str) {
    println!("{}", text.trim_end());
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}

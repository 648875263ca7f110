//! The `emma` program.

use std::process::ExitCode;

use clap::Parser;
use emma::cli::{doctor, models};
use emma::config::Config;

#[derive(Parser)]
enum Cli {
    Models(models::ModelsArgs),
    Doctor(doctor::DoctorArgs),
    Talk(emma::talk::TalkArgs),
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let config = Config::load(None)?;
    match Cli::parse() {
        Cli::Models(args) => models::run(args, &config.speech).await,
        Cli::Doctor(args) => doctor::run(args, &config).await,
        Cli::Talk(args) => emma::talk::run(args).await,
    }
}

//! `emma bench`: how well and how fast Emma hears on this machine.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::bench::{analysis, guardrails, llm_server, memory, noise, retrieval, segments, turns, words};
use crate::bootstrap::engines::{model_dir, open_ears};
use crate::bootstrap::outside::embedder;
use crate::config::Config;
use crate::shared::onnx::OnnxRuntime;

/// Measure words, turn ends and silence with the configured engines.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Word error rate and real-time factor on recordings with references.
    Words(words::WordsArgs),
    /// How attacks and harmless words are told apart, and what Emma answers to them.
    Guardrails(guardrails::GuardrailsArgs),
    /// A scripted language model to try and measure with.
    LlmServer(llm_server::LlmServerArgs),
    /// False cut-offs and delays of the end-of-turn decision.
    Turns(turns::TurnsArgs),
    /// Words heard in silence, noise and music; there must be none.
    Noise(noise::NoiseArgs),
    /// Memory each model takes, loaded and after it has worked.
    Memory,
    /// Time from a finished 15-minute call to its assessment, by rules and by a language model of usual speed.
    Analysis(analysis::AnalysisArgs),
    /// How well questions find their texts, by meaning, by words and by both.
    Retrieval(retrieval::RetrievalArgs),
    /// Word error rate and tail latency for ways to cut long answers.
    Segments(segments::SegmentsArgs),
}

/// Loads what is needed, measures and prints the report.
pub async fn run(args: BenchArgs, config: &Config) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::LlmServer(args) => {
            llm_server::serve(args, crate::cli::print).await?;
            return Ok(ExitCode::SUCCESS);
        }
        What::Guardrails(args) => {
            let models = model_dir(&config.speech);
            let runtime = OnnxRuntime::load(&models).map_err(anyhow::Error::from);
            let embedder = match runtime.and_then(|runtime| embedder(&config.embeddings, &runtime, &models)) {
                Ok(model) => Some(model),
                Err(error) => {
                    warn!(%error, "no embeddings: the rules are measured alone");
                    None
                }
            };
            crate::cli::print(&guardrails::run(args, config, embedder).await?);
            return Ok(ExitCode::SUCCESS);
        }
        What::Memory => {
            let models = model_dir(&config.speech);
            crate::cli::print(&memory::memory(config, &models).await?);
            return Ok(ExitCode::SUCCESS);
        }
        What::Words(_)
        | What::Turns(_)
        | What::Noise(_)
        | What::Segments(_)
        | What::Analysis(_)
        | What::Retrieval(_) => {}
    }
    let models = model_dir(&config.speech);
    let speech = config.speech.clone();
    if let What::Analysis(args) = &args.what {
        let runtime = OnnxRuntime::load(&models)?;
        let embedder = embedder(&config.embeddings, &runtime, &models)?;
        crate::cli::print(&analysis::analysis(&*embedder, args).await?);
        return Ok(ExitCode::SUCCESS);
    }
    if let What::Retrieval(args) = &args.what {
        let runtime = OnnxRuntime::load(&models)?;
        let embedder = embedder(&config.embeddings, &runtime, &models)?;
        crate::cli::print(&retrieval::retrieval(&*embedder, args).await?);
        return Ok(ExitCode::SUCCESS);
    }
    let ears = tokio::task::spawn_blocking(move || {
        let runtime = OnnxRuntime::load(&models)?;
        open_ears(&speech, &models, &runtime, &CancellationToken::new())
    })
    .await??;
    let report = match args.what {
        What::Words(args) => words::words(&ears, &args).await?,
        What::Turns(args) => turns::turns(&ears, &args).await?,
        What::Noise(args) => noise::noise(&ears, &args).await?,
        What::Analysis(_) | What::Retrieval(_) => return Ok(ExitCode::SUCCESS),
        What::Segments(args) => segments::segments(&ears, &args).await?,
        What::Guardrails(_) | What::LlmServer(_) | What::Memory => String::new(),
    };
    crate::cli::print(&report);
    Ok(ExitCode::SUCCESS)
}

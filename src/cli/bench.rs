//! `emma bench`: how well and how fast Emma hears, speaks and judges on this machine.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::bench::{analysis, guardrails, llm_server, memory, noise, retrieval, segments, turns, voice, words};
use crate::bootstrap::engines::{Ears, model_dir, open_ears};
use crate::bootstrap::outside::embedder;
use crate::config::Config;
use crate::shared::embeddings::TextEmbedder;
use crate::shared::models::ModelDir;
use crate::shared::onnx::OnnxRuntime;

/// Measure hearing, speaking, judging and searching with the configured engines.
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
    /// How soon each voice is heard, fresh and from its cache.
    Voice(voice::VoiceArgs),
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
    let models = model_dir(&config.speech);
    let report = match args.what {
        What::Words(args) => words::words(&hear(config).await?, &args).await?,
        What::Turns(args) => turns::turns(&hear(config).await?, &args).await?,
        What::Noise(args) => noise::noise(&hear(config).await?, &args).await?,
        What::Segments(args) => segments::segments(&hear(config).await?, &args).await?,
        What::Voice(args) => speak(&args, &models).await?,
        What::Memory => memory::memory(config, &models).await?,
        What::Guardrails(args) => {
            let embedder = mean(config).inspect_err(|error| {
                warn!(%error, "no embeddings: the rules are measured alone");
            });
            guardrails::run(&args, config, embedder.ok()).await?
        }
        What::Analysis(args) => analysis::analysis(&*mean(config)?, &args).await?,
        What::Retrieval(args) => retrieval::retrieval(&*mean(config)?, &args).await?,
        What::LlmServer(args) => {
            llm_server::serve(&args, crate::cli::print).await?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    crate::cli::print(&report);
    Ok(ExitCode::SUCCESS)
}

async fn hear(config: &Config) -> anyhow::Result<Ears> {
    let (models, speech) = (model_dir(&config.speech), config.speech.clone());
    let opening = tokio::task::spawn_blocking(move || {
        let runtime = OnnxRuntime::load(&models)?;
        open_ears(&speech, &models, &runtime, &CancellationToken::new())
    });
    opening.await?
}

fn mean(config: &Config) -> anyhow::Result<Arc<dyn TextEmbedder>> {
    let models = model_dir(&config.speech);
    embedder(&config.embeddings, &OnnxRuntime::load(&models)?, &models)
}

async fn speak(args: &voice::VoiceArgs, models: &ModelDir) -> anyhow::Result<String> {
    let scratch = std::env::temp_dir().join(format!("emma-bench-voice-{}", std::process::id()));
    let measured = voice::voice(&OnnxRuntime::load(models)?, models, args, &scratch).await;
    // What is left of a cache harms nobody.
    std::fs::remove_dir_all(&scratch).ok();
    Ok(measured?.to_string())
}

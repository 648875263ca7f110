//! `emma embeddings`: which models stored vectors are of, and making them anew with the configured one.

use std::io::{IsTerminal as _, stderr};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::bootstrap::engines::model_dir;
use crate::bootstrap::outside::embedder;
use crate::bootstrap::{database_file, open_database};
use crate::cli::print;
use crate::config::Config;
use crate::screening::applications::application::rebuild_embeddings::{RebuildEmbeddings, Rebuilt};
use crate::screening::applications::infrastructure::store::SqliteApplicationStore;
use crate::shared::clock::SystemClock;
use crate::shared::db::Db;
use crate::shared::embeddings::set::EmbeddingStore as _;
use crate::shared::embeddings::store::SqliteEmbeddingStore;
use crate::shared::onnx::OnnxRuntime;

/// Vectors of job offers and candidates.
#[derive(Debug, Args)]
pub struct EmbeddingsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show how many sets of vectors are stored of each model.
    Status,
    /// Make the vectors of all job offers and candidates with the configured model. It may be interrupted: begun again,
    /// it goes on where it stopped.
    Rebuild,
}

/// Runs `emma embeddings …`.
///
/// # Errors
/// When the database or the model cannot be used.
pub async fn run(args: EmbeddingsArgs, config: &Config) -> anyhow::Result<ExitCode> {
    config.validate()?;
    let db = open_database(&database_file(config)?).await?;
    let code = match args.command {
        Command::Status => status(&db).await,
        Command::Rebuild => rebuild(&db, config).await,
    };
    db.close().await;
    code
}

async fn status(db: &Db) -> anyhow::Result<ExitCode> {
    let models = SqliteEmbeddingStore(db.clone()).models().await?;
    let lines = models.iter().map(|(model, sets)| {
        let (name, dimension) = (&model.name, model.dimension);
        format!("{sets:>7}  {name}, {dimension} numbers")
    });
    let lines: Vec<String> = lines.collect();
    print(
        if lines.is_empty() {
            "no vectors are stored".to_owned()
        } else {
            lines.join("\n")
        }
        .as_str(),
    );
    Ok(ExitCode::SUCCESS)
}

async fn rebuild(db: &Db, config: &Config) -> anyhow::Result<ExitCode> {
    let models = model_dir(&config.speech);
    let runtime = OnnxRuntime::load(&models)?;
    let rebuilding = RebuildEmbeddings {
        store: Arc::new(SqliteApplicationStore::new(db.clone())),
        embedder: embedder(&config.embeddings, &runtime, &models)?,
        vectors: Arc::new(SqliteEmbeddingStore(db.clone())),
        clock: Arc::new(SystemClock),
    };
    let stop = CancellationToken::new();
    let interrupted = stop.clone();
    let listening = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    let done = rebuilding.run(&stop, show()).await;
    listening.abort();
    let model = rebuilding.embedder.model().name;
    match done {
        Ok(done) if done.is_whole() => {
            let Rebuilt { made, passed_over, .. } = done;
            print(&format!("{model}: {made} made, {passed_over} were there already"));
            Ok(ExitCode::SUCCESS)
        }
        Ok(done) => {
            let (did, all) = (done.made + done.passed_over, done.owners);
            print(&format!(
                "{model}: interrupted after {did} of {all}; run it again to go on"
            ));
            Ok(ExitCode::FAILURE)
        }
        Err(error) => anyhow::bail!("{error}; what was made is kept: run `emma embeddings rebuild` again to go on"),
    }
}

/// On a terminal one line that changes, else a line for every hundredth.
fn show() -> impl FnMut(Rebuilt) {
    let terminal = stderr().is_terminal();
    move |done| {
        let (did, all) = (done.made + done.passed_over, done.owners);
        let last = did == all;
        if terminal {
            eprint!("\rvectors: {did} of {all}{}", if last { "\n" } else { "" });
        } else if last || did % 100 == 0 {
            eprintln!("vectors: {did} of {all}");
        }
    }
}

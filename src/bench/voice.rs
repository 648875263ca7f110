//! How soon each voice is heard, how fast it renders, and how soon a cached line comes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::screening::calls::domain::ports::TextToSpeech;
use crate::screening::calls::infrastructure::voice::choice::{Measured, VoiceEngine, VoiceSettings, open, render};
use crate::screening::calls::infrastructure::voice_cache::CachedVoice;
use crate::shared::models::ModelDir;
use crate::shared::onnx::OnnxRuntime;

/// Sentences of 5, 10 and 25 words.
const SENTENCES: [(usize, &str); 3] = [
    (5, "What would you do differently?"),
    (10, "Could you tell me a little more about your work?"),
    (
        25,
        "In your last position you worked with a large team on a payments platform, so how did you decide together what had to be tested?",
    ),
];
const VOICE: &str = "af_heart";

/// What was measured of one sentence: medians.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub engine: VoiceEngine,
    pub words: usize,
    pub rendered: Measured,
    /// Until the first chunk of the same sentence comes from memory, and from disk.
    pub cached_first_us: (u64, u64),
}

/// All sentences by all engines that could be opened, and why others could not.
#[derive(Debug, Default)]
pub struct VoiceReport {
    pub rows: Vec<Row>,
    pub missing: Vec<String>,
}

impl fmt::Display for VoiceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "engine  words  first audio  all audio   length    RTF  cached: memory    disk"
        )?;
        for Row {
            engine,
            words,
            rendered: r,
            cached_first_us: (memory, disk),
        } in &self.rows
        {
            let rtf = r.real_time_factor();
            writeln!(
                f,
                "{:<7} {words:>5} {:>9} ms {:>7} ms {:>5} ms {rtf:>6.2} {:>11.2} ms {:>4.2} ms",
                engine.to_string(),
                r.first_audio_ms,
                r.all_ms,
                r.audio_ms,
                *memory as f64 / 1000.0,
                *disk as f64 / 1000.0,
            )?;
        }
        self.missing.iter().try_for_each(|reason| writeln!(f, "{reason}"))
    }
}

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct VoiceArgs {
    /// How often each sentence is rendered; the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Threads of one rendering
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    threads: u8,
}

/// Renders each sentence with each engine. `scratch` is an empty directory for the cache.
///
/// # Errors
/// When an engine that could be opened fails to speak, or the directory cannot be used.
pub async fn voice(
    runtime: &OnnxRuntime,
    models: &ModelDir,
    args: &VoiceArgs,
    scratch: &Path,
) -> anyhow::Result<VoiceReport> {
    let (rounds, threads) = (usize::from(args.rounds), usize::from(args.threads));
    let mut report = VoiceReport::default();
    for engine in [VoiceEngine::Kokoro, VoiceEngine::Piper] {
        let settings = VoiceSettings {
            threads,
            ..VoiceSettings::new(scratch.to_owned())
        };
        let queue = match open(runtime.clone(), models.clone(), settings.clone(), engine).await {
            Ok(queue) => Arc::new(queue),
            Err(error) => {
                report.missing.push(format!("{engine}: {error}"));
                continue;
            }
        };
        render(queue.as_ref(), VOICE, "Hello there.").await?;
        for (words, text) in SENTENCES {
            let mut runs = Vec::new();
            for _ in 0..rounds {
                runs.push(render(queue.as_ref(), VOICE, text).await?);
            }
            runs.sort_by_key(|run| run.all_ms);
            let rendered = runs[runs.len() / 2];
            let cached_first_us = cached(queue.clone(), engine, &settings, text, rounds).await?;
            report.rows.push(Row {
                engine,
                words,
                rendered,
                cached_first_us,
            });
        }
    }
    Ok(report)
}

/// Microseconds until the first chunk from memory and from disk, medians.
async fn cached(
    queue: Arc<dyn TextToSpeech>,
    engine: VoiceEngine,
    settings: &VoiceSettings,
    text: &str,
    rounds: usize,
) -> anyhow::Result<(u64, u64)> {
    let open = || {
        CachedVoice::open(
            queue.clone(),
            engine.to_string(),
            &settings.cache_dir,
            settings.cache,
            TaskTracker::new(),
        )
        .map(Arc::new)
    };
    open()?.prepare(vec![text.to_owned()], VOICE, 1.0).finished().await;
    let (mut memory, mut disk) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        // Nothing is in the memory of a cache that has just been opened.
        let voice = open()?;
        disk.push(first_chunk_us(&voice, text).await?);
        memory.push(first_chunk_us(&voice, text).await?);
    }
    memory.sort_unstable();
    disk.sort_unstable();
    Ok((memory[memory.len() / 2], disk[disk.len() / 2]))
}

async fn first_chunk_us(voice: &CachedVoice, text: &str) -> anyhow::Result<u64> {
    use crate::screening::calls::domain::ports::{Priority, SpeechRequest};
    let started = tokio::time::Instant::now();
    let request = SpeechRequest {
        text: text.to_owned(),
        voice: VOICE.to_owned(),
        speed: 1.0,
        priority: Priority::Live,
    };
    let first = voice.speak(request).await?.recv().await;
    anyhow::ensure!(matches!(first, Some(Ok(_))), "a cached line did not come back");
    Ok(started.elapsed().as_micros() as u64)
}

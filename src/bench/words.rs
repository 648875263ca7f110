//! `emma bench words`: how many words are heard wrong, and how long it takes.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Context;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bench::audio::{load_set, percentile, sets};
use crate::bootstrap::engines::Ears;
use crate::screening::calls::domain::audio::EAR_RATE_HZ;
use crate::screening::calls::domain::ports::{Priority, TranscriptionJob};
use crate::shared::memory;
use crate::shared::word_errors::Errors;
use crate::shared::word_errors::normalizer::Normalizer;

/// What to measure on.
#[derive(Debug, Clone, clap::Args)]
pub struct WordsArgs {
    /// Folder with ref.tsv (id, tab, text) and the WAV or FLAC files (16 kHz mono), or a folder of such folders.
    pub folder: PathBuf,
    /// Shows every utterance that was not heard right.
    #[arg(long)]
    pub show: bool,
}

/// Transcribes every utterance as a whole and compares it with its reference.
pub async fn words(ears: &Ears, args: &WordsArgs) -> anyhow::Result<String> {
    let normalizer = Normalizer::new()?;
    let mut report = String::from("set                  files  words    WER   sub  del  ins    RTF  p50 s  p95 s\n");
    let mut wrong = String::new();
    let (mut all, mut all_spent, mut all_audio, mut all_files) = (Errors::default(), Vec::new(), 0.0, 0);
    for set in sets(&args.folder)? {
        let name = set
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        let (mut errors, mut spent, mut audio, mut files) = (Errors::default(), Vec::new(), 0.0, 0);
        for utterance in load_set(&set)? {
            let job = TranscriptionJob {
                audio: utterance.samples.as_slice().into(),
                priority: Priority::Live,
                language: "en".to_owned(),
                context: String::new(),
                speech_ms: None,
                cancel: CancellationToken::new(),
            };
            let begin = Instant::now();
            let heard = ears
                .speech_to_text
                .transcribe(job)
                .await
                .with_context(|| utterance.id.clone())?;
            spent.push(begin.elapsed().as_secs_f64());
            audio += utterance.samples.len() as f64 / f64::from(EAR_RATE_HZ);
            files += 1;
            let (said, got) = (
                normalizer.normalize(&utterance.reference),
                normalizer.normalize(&heard.text),
            );
            let found = Errors::between(&said, &got);
            errors += found;
            if args.show && found.count() > 0 {
                writeln!(
                    wrong,
                    "{} {:.0} %\n  said  {said}\n  heard {got}",
                    utterance.id,
                    found.percent()
                )?;
            }
        }
        row(&mut report, &name, files, errors, &spent, audio)?;
        all += errors;
        all_spent.extend(spent);
        all_audio += audio;
        all_files += files;
    }
    row(&mut report, "total", all_files, all, &all_spent, all_audio)?;
    if let Some(peak) = memory::peak_mib() {
        writeln!(report, "peak memory of the process: {peak} MiB")?;
    }
    Ok(report + &wrong)
}

fn row(out: &mut String, name: &str, files: usize, e: Errors, spent: &[f64], audio: f64) -> std::fmt::Result {
    let Errors {
        substitutions,
        deletions,
        insertions,
        words,
    } = e;
    let (wer, rtf) = (e.percent(), spent.iter().sum::<f64>() / audio.max(1e-9));
    let (median, slow) = (percentile(spent, 0.5), percentile(spent, 0.95));
    writeln!(
        out,
        "{name:<20} {files:>5} {words:>6} {wer:>5.1}% {substitutions:>5} {deletions:>4} {insertions:>4} {rtf:>6.3} {median:>6.2} {slow:>6.2}"
    )
}

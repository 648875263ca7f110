//! Sound files and reference texts of a measurement.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::bootstrap::engines::Ears;
use crate::screening::calls::domain::audio::{EAR_RATE_HZ, VAD_FRAME};

/// One utterance with its reference.
pub struct Utterance {
    pub id: String,
    pub reference: String,
    pub samples: Vec<f32>,
}

/// The utterances of a folder: `ref.tsv` holds id and text, `id.flac` or `id.wav` lies beside it.
pub fn load_set(folder: &Path) -> anyhow::Result<Vec<Utterance>> {
    let list = folder.join("ref.tsv");
    let text = std::fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let (id, reference) = line.split_once('\t').with_context(|| format!("no tab in {line:?}"))?;
            let path = ["flac", "wav"]
                .map(|e| folder.join(format!("{id}.{e}")))
                .into_iter()
                .find(|p| p.is_file());
            let path = path.with_context(|| format!("no sound file for {id} in {}", folder.display()))?;
            Ok(Utterance {
                id: id.to_owned(),
                reference: reference.to_owned(),
                samples: load(&path)?,
            })
        })
        .collect()
}

/// The folders under `folder` that hold a `ref.tsv`, or `folder` itself; sorted.
pub fn sets(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if folder.join("ref.tsv").is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.join("ref.tsv").is_file())
        .collect();
    found.sort();
    if found.is_empty() {
        bail!("no ref.tsv in {} or its folders", folder.display());
    }
    Ok(found)
}

/// Reads a mono 16 kHz WAV (16-bit or float) or FLAC file.
pub fn load(path: &Path) -> anyhow::Result<Vec<f32>> {
    let shown = path.display();
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("flac")) {
        let mut reader = claxon::FlacReader::open(path).with_context(|| format!("cannot read {shown}"))?;
        let info = reader.streaminfo();
        if info.sample_rate != EAR_RATE_HZ || info.channels != 1 {
            bail!("{shown} is not 16 kHz mono");
        }
        let scale = 1.0 / (1_u64 << (info.bits_per_sample - 1)) as f32;
        return reader.samples().map(|s| Ok(s? as f32 * scale)).collect();
    }
    let mut reader = hound::WavReader::open(path).with_context(|| format!("cannot read {shown}"))?;
    let spec = reader.spec();
    if spec.sample_rate != EAR_RATE_HZ || spec.channels != 1 {
        bail!("{shown} is not 16 kHz mono");
    }
    match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().map(|s| Ok(s?)).collect(),
        hound::SampleFormat::Int => {
            let scale = 1.0 / (1_u64 << (spec.bits_per_sample - 1)) as f32;
            reader.samples::<i32>().map(|s| Ok(s? as f32 * scale)).collect()
        }
    }
}

/// Probability of speech of every 32 ms of `samples`; the last frame is filled with silence.
pub async fn voice(ears: &Ears, samples: &[f32]) -> anyhow::Result<Vec<f32>> {
    let mut stream = ears.voice_activity.open();
    let mut scores = Vec::with_capacity(samples.len() / VAD_FRAME + 1);
    for piece in samples.chunks(VAD_FRAME) {
        let mut frame = [0.0; VAD_FRAME];
        frame[..piece.len()].copy_from_slice(piece);
        scores.push(stream.score(&frame).await?);
    }
    Ok(scores)
}

/// The value below which `share` of the values lie; 0 for none.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * share).round() as usize)
        .copied()
        .unwrap_or(0.0)
}

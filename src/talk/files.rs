//! Recorded answers: WAV of any rate, depth and channel count, and FLAC, as 48 kHz mono.

use std::path::{Path, PathBuf};

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use crate::talk::RATE_HZ;
use crate::talk::speech_edges::{self, SpeechEdges};

/// One answer the candidate gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The file's name, or the text itself.
    pub name: String,
    /// The file's name without its extension: the key of an expected text.
    pub stem: String,
    pub content: Content,
}

/// How an answer is given.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Mono samples at 48 kHz, -1 to 1.
    Spoken {
        samples: Vec<f32>,
        speech: SpeechEdges,
    },
    Typed(String),
}

/// Why a file is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct UnusableFile {
    pub path: PathBuf,
    pub problem: String,
}

/// Reads one answer file.
///
/// # Errors
/// When it cannot be read, is neither WAV nor FLAC, or nothing is said in it.
pub fn load(path: &Path) -> Result<Answer, UnusableFile> {
    let unusable = |problem: String| UnusableFile {
        path: path.to_owned(),
        problem,
    };
    let sound = decode(path).map_err(unusable)?;
    let samples = to_48k(&sound.mono(), sound.rate).map_err(unusable)?;
    let speech = speech_edges::find(&samples, RATE_HZ).ok_or_else(|| unusable("nothing is said in it".to_owned()))?;
    let text = |part: Option<&std::ffi::OsStr>| part.map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Answer {
        name: text(path.file_name()),
        stem: text(path.file_stem()),
        content: Content::Spoken { samples, speech },
    })
}

/// A typed answer.
pub fn typed(text: &str) -> Answer {
    Answer {
        name: format!("text:{text}"),
        stem: text.to_owned(),
        content: Content::Typed(text.to_owned()),
    }
}

/// What a file holds: interleaved samples, -1 to 1.
struct Sound {
    samples: Vec<f32>,
    channels: usize,
    rate: u32,
}

impl Sound {
    fn mono(&self) -> Vec<f32> {
        if self.channels <= 1 {
            return self.samples.clone();
        }
        self.samples
            .chunks_exact(self.channels)
            .map(|frame| frame.iter().sum::<f32>() / self.channels as f32)
            .collect()
    }
}

fn decode(path: &Path) -> Result<Sound, String> {
    let mut magic = [0_u8; 4];
    let mut file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    std::io::Read::read_exact(&mut file, &mut magic).map_err(|_| "neither WAV nor FLAC".to_owned())?;
    match &magic {
        b"RIFF" | b"RIFX" | b"RF64" => decode_wav(path),
        b"fLaC" => decode_flac(path),
        _ => Err("neither WAV nor FLAC".to_owned()),
    }
}

fn decode_wav(path: &Path) -> Result<Sound, String> {
    let mut reader = hound::WavReader::open(path).map_err(|e| e.to_string())?;
    let spec = reader.spec();
    let samples: Result<Vec<f32>, hound::Error> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().collect(),
        hound::SampleFormat::Int => {
            let scale = full_scale(u32::from(spec.bits_per_sample));
            reader
                .samples::<i32>()
                .map(|sample| sample.map(|s| s as f32 / scale))
                .collect()
        }
    };
    let samples = samples.map_err(|e| e.to_string())?;
    Ok(Sound {
        samples,
        channels: usize::from(spec.channels),
        rate: spec.sample_rate,
    })
}

fn decode_flac(path: &Path) -> Result<Sound, String> {
    let mut reader = claxon::FlacReader::open(path).map_err(|e| e.to_string())?;
    let info = reader.streaminfo();
    let scale = full_scale(info.bits_per_sample);
    let samples: Result<Vec<f32>, _> = reader
        .samples()
        .map(|sample| sample.map(|s| s as f32 / scale))
        .collect();
    let samples = samples.map_err(|e| e.to_string())?;
    Ok(Sound {
        samples,
        channels: info.channels as usize,
        rate: info.sample_rate,
    })
}

/// The value of full scale for signed samples of `bits` bits.
fn full_scale(bits: u32) -> f32 {
    (1_i64 << bits.clamp(1, 32).saturating_sub(1)) as f32
}

fn to_48k(mono: &[f32], rate: u32) -> Result<Vec<f32>, String> {
    if rate == RATE_HZ || mono.is_empty() {
        return Ok(mono.to_vec());
    }
    let failed = |e: &dyn std::fmt::Display| format!("cannot resample from {rate} Hz: {e}");
    let input = InterleavedSlice::new(mono, 1, mono.len()).map_err(|e| failed(&e))?;
    let mut resampler =
        Fft::<f32>::new(rate as usize, RATE_HZ as usize, 1024, 1, FixedSync::Both).map_err(|e| failed(&e))?;
    let output = resampler
        .process_all(&input, mono.len(), None)
        .map_err(|e| failed(&e))?;
    Ok(output.take_data())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::signals;

    fn write(spec: hound::WavSpec, mono_16k: &[f32]) -> tempfile::NamedTempFile {
        let file = tempfile::Builder::new().suffix(".wav").tempfile().expect("temp file");
        let mut writer = hound::WavWriter::create(file.path(), spec).expect("writer");
        for &sample in mono_16k {
            for _ in 0..spec.channels {
                match spec.sample_format {
                    hound::SampleFormat::Float => writer.write_sample(sample).expect("write"),
                    hound::SampleFormat::Int => {
                        let scale = full_scale(u32::from(spec.bits_per_sample)) - 1.0;
                        writer.write_sample((sample * scale) as i32).expect("write");
                    }
                }
            }
        }
        writer.finalize().expect("finalize");
        file
    }

    #[test]
    fn any_wav_becomes_the_same_answer_at_48_khz() {
        let mut audio = vec![0.0; 8_000];
        audio.extend(signals::voiced_at(16_000, 1000, -20.0));
        audio.extend(vec![0.0; 16_000]);
        for (channels, bits_per_sample, sample_format) in [
            (1, 16, hound::SampleFormat::Int),
            (2, 24, hound::SampleFormat::Int),
            (1, 8, hound::SampleFormat::Int),
            (2, 32, hound::SampleFormat::Float),
        ] {
            let spec = hound::WavSpec {
                channels,
                sample_rate: 16_000,
                bits_per_sample,
                sample_format,
            };
            let answer = load(write(spec, &audio).path()).expect("loads");
            let Content::Spoken { samples, speech } = answer.content else {
                panic!("spoken")
            };
            assert_eq!(samples.len(), audio.len() * 3);
            assert!(
                (speech.last / 48).abs_diff(1500 + speech_edges::MARGIN_MS) <= 20,
                "{bits_per_sample} bits: {speech:?}"
            );
            let level = speech_edges::dbfs(&samples[24_000..72_000]);
            assert!(
                (level + 20.0).abs() < 1.0,
                "{bits_per_sample} bits, {channels} channels: {level} dBFS"
            );
        }
    }

    #[test]
    fn silence_and_other_files_are_refused_with_their_name() {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let silent = load(write(spec, &vec![0.0; 16_000]).path())
            .expect_err("refused")
            .to_string();
        assert!(silent.contains("nothing is said"), "{silent}");
        let other = tempfile::NamedTempFile::new().expect("temp file");
        std::fs::write(other.path(), "no audio here").expect("written");
        assert!(
            load(other.path())
                .expect_err("refused")
                .to_string()
                .contains("neither WAV nor FLAC")
        );
        assert!(load(Path::new("/nowhere/a.wav")).is_err());
    }
}

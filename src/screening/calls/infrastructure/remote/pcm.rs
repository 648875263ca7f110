//! 16-bit audio as services send and take it.

use crate::screening::calls::domain::audio::EAR_RATE_HZ;
use crate::screening::calls::domain::ports::SpeechError;
use crate::screening::calls::infrastructure::voice::polish::{Upsampler, to_i16};

/// Nothing quieter than this is speech (-50 dB of full scale).
const SILENT: f32 = 0.003;
/// Silence kept in front of the first sound, ms.
const LEAD_MS: usize = 15;

/// A voice as it arrives: little-endian samples at any rate in, 48 kHz out, without the silence in front.
pub struct VoiceBytes {
    rate_hz: usize,
    /// Half a sample whose other half has not come.
    half: Option<u8>,
    /// The silence so far, while nothing has been heard.
    lead: Option<Vec<f32>>,
    trimmed: usize,
    taken: usize,
    upsampler: Upsampler,
}

impl VoiceBytes {
    /// # Errors
    /// When the rate does not fit the resampler.
    pub fn new(rate_hz: usize) -> Result<Self, SpeechError> {
        Ok(Self {
            rate_hz,
            half: None,
            lead: Some(Vec::new()),
            trimmed: 0,
            taken: 0,
            upsampler: Upsampler::new(rate_hz).map_err(SpeechError::Failed)?,
        })
    }

    /// Takes bytes, cut anywhere, and gives the audio that is complete.
    ///
    /// # Errors
    /// When the resampler refuses.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<i16>, SpeechError> {
        let mut samples = Vec::with_capacity(bytes.len() / 2 + 1);
        for &byte in bytes {
            match self.half.take() {
                None => self.half = Some(byte),
                Some(low) => samples.push(f32::from(i16::from_le_bytes([low, byte])) / 32_768.0),
            }
        }
        self.taken += samples.len();
        if let Some(lead) = &mut self.lead {
            lead.extend(samples);
            let Some(first) = lead.iter().position(|s| s.abs() > SILENT) else {
                return Ok(Vec::new());
            };
            self.trimmed = first.saturating_sub(self.rate_hz * LEAD_MS / 1000);
            samples = lead.split_off(self.trimmed);
            self.lead = None;
        }
        Ok(to_i16(&self.upsampler.push(&samples).map_err(SpeechError::Failed)?))
    }

    /// Gives what is left.
    ///
    /// # Errors
    /// When the resampler refuses.
    pub fn finish(self) -> Result<Vec<i16>, SpeechError> {
        Ok(to_i16(&self.upsampler.finish().map_err(SpeechError::Failed)?))
    }

    /// Milliseconds taken in, the silence in front included.
    pub fn taken_ms(&self) -> u64 {
        (self.taken * 1000 / self.rate_hz) as u64
    }

    /// Milliseconds of silence that were cut.
    pub fn trimmed_ms(&self) -> u64 {
        (self.trimmed * 1000 / self.rate_hz) as u64
    }
}

/// Little-endian 16-bit samples.
pub fn to_bytes(samples: &[f32]) -> Vec<u8> {
    to_i16(samples).into_iter().flat_map(i16::to_le_bytes).collect()
}

/// What the candidate said as a WAV file: 16 kHz, mono, 16 bits.
///
/// # Errors
/// Never in practice: the file is made in memory.
pub fn to_wav(samples: &[f32]) -> Result<Vec<u8>, SpeechError> {
    let failed = |e: hound::Error| SpeechError::Failed(e.to_string());
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: EAR_RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).map_err(failed)?;
    for sample in to_i16(samples) {
        writer.write_sample(sample).map_err(failed)?;
    }
    writer.finalize().map_err(failed)?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_cut_anywhere_become_the_same_audio_and_leading_silence_goes() {
        let mut samples = vec![0.0; 2_400];
        samples.extend((0..4_800).map(|i| 0.5 * (i as f32 * 0.1).cos()));
        let bytes = to_bytes(&samples);
        let render = |size: usize| {
            let mut voice = VoiceBytes::new(24_000).unwrap();
            let mut out = Vec::new();
            for part in bytes.chunks(size) {
                out.extend(voice.push(part).unwrap());
            }
            assert_eq!((voice.taken_ms(), voice.trimmed_ms()), (300, 85));
            out.extend(voice.finish().unwrap());
            out
        };
        let whole = render(bytes.len());
        assert_eq!(whole, render(7));
        assert_eq!(whole.len(), 48 * 215);
    }

    #[test]
    fn a_wav_file_can_be_read_again() {
        let wav = to_wav(&[0.0, 0.5, -0.5]).unwrap();
        let mut reader = hound::WavReader::new(&wav[..]).unwrap();
        assert_eq!(reader.spec().sample_rate, 16_000);
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert_eq!(samples, [0, 16_384, -16_384]);
    }
}

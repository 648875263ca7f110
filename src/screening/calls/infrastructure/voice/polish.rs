//! Rendered audio made fit to be heard: silence at its ends cut, an even loudness, 48 kHz.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler};

use crate::screening::calls::domain::audio::VOICE_RATE_HZ;

/// The loudness of speech, root mean square over the frames that hold speech: -20 dB of full scale.
pub const SPEECH_RMS: f32 = 0.1;
/// No sample goes beyond this: -0.45 dB of full scale leaves room for the overshoot of the codec.
const PEAK: f32 = 0.95;
/// Where loud samples begin to be bent.
const KNEE: f32 = 0.75;
/// Silence kept in front of the first sound.
const LEAD_MS: usize = 15;
/// A frame is silent when it is this much quieter than the loudest one (-40 dB).
const SILENT_RATIO: f32 = 0.01;
/// Nothing quieter than this is speech (-60 dB of full scale).
const SILENT_FLOOR: f32 = 0.001;
const FRAME_MS: usize = 10;
/// Ramps at both ends, so that a cut does not click.
const FADE_MS: usize = 4;

/// Where in some audio the speech is, in samples, with a little silence in front and `tail_ms` behind it.
/// `end` may lie behind the audio: the rest is silence to be added. None when all is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voiced {
    pub start: usize,
    pub end: usize,
}

/// Finds the speech in mono audio, 1.0 being full scale.
pub fn voiced(samples: &[f32], rate_hz: usize, tail_ms: usize) -> Option<Voiced> {
    let frame = rate_hz * FRAME_MS / 1000;
    let levels: Vec<f32> = samples.chunks(frame).map(rms).collect();
    let loudest = levels.iter().copied().fold(0.0, f32::max);
    let threshold = (loudest * SILENT_RATIO).max(SILENT_FLOOR);
    let first = levels.iter().position(|level| *level > threshold)?;
    let last = levels.iter().rposition(|level| *level > threshold)?;
    let start = (first * frame).saturating_sub(rate_hz * LEAD_MS / 1000);
    let end = ((last + 1) * frame).min(samples.len()) + rate_hz * tail_ms / 1000;
    Some(Voiced { start, end })
}

/// The factor that brings speech to [`SPEECH_RMS`] without clipping.
pub fn gain(samples: &[f32], rate_hz: usize) -> f32 {
    let levels: Vec<f32> = samples.chunks(rate_hz * FRAME_MS / 1000).map(rms).collect();
    let loudest = levels.iter().copied().fold(0.0, f32::max);
    // Pauses inside a sentence do not count as quiet speech: frames 20 dB below the loudest are left out.
    let (sum, count) = levels
        .iter()
        .filter(|level| **level > loudest * 0.1)
        .fold((0.0, 0.0), |(sum, n), level| (sum + level * level, n + 1.0));
    let peak = samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
    if count == 0.0 || peak < SILENT_FLOOR {
        1.0
    } else {
        (SPEECH_RMS / f32::sqrt(sum / count)).min(PEAK / peak)
    }
}

/// Cuts `samples` to the speech in it, applies `gain` and fades the ends.
pub fn trim(samples: &[f32], rate_hz: usize, part: Voiced, gain: f32) -> Vec<f32> {
    let spoken = &samples[part.start.min(samples.len())..part.end.min(samples.len())];
    let mut out: Vec<f32> = spoken.iter().map(|s| s * gain).collect();
    fade(&mut out, rate_hz * FADE_MS / 1000);
    out.resize(part.end - part.start, 0.0);
    out
}

/// Bends what is louder than [`KNEE`] so that it stays under [`PEAK`]: for speech whose gain had to be chosen before all
/// of it was known. Quieter samples stay as they are.
pub fn soften(samples: &mut [f32]) {
    for sample in samples.iter_mut().filter(|s| s.abs() > KNEE) {
        let over = (sample.abs() - KNEE) / (PEAK - KNEE);
        *sample = (KNEE + (PEAK - KNEE) * over.tanh()).copysign(*sample);
    }
}

/// 16-bit samples; what is beyond full scale is clipped.
pub fn to_i16(samples: &[f32]) -> Vec<i16> {
    samples
        .iter()
        .map(|s| (s.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16)
        .collect()
}

/// Brings one stretch of mono audio to 48 kHz, all at once.
///
/// # Errors
/// When the rates do not fit the resampler.
pub fn to_48k(samples: &[f32], rate_hz: usize) -> Result<Vec<f32>, String> {
    let mut resampler = resampler(rate_hz)?;
    let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|e| e.to_string())?;
    Ok(resampler
        .process_all(&input, samples.len(), None)
        .map_err(|e| e.to_string())?
        .take_data())
}

/// Brings mono audio to another rate, 48 kHz where none is named, as it comes.
pub struct Upsampler {
    resampler: Fft<f32>,
    pending: Vec<f32>,
    /// Output samples still to drop: the filter's delay.
    skip: usize,
    taken: usize,
    given: usize,
    ratio: f64,
}

impl Upsampler {
    /// # Errors
    /// When the rates do not fit the resampler.
    pub fn new(rate_hz: usize) -> Result<Self, String> {
        Self::between(rate_hz, VOICE_RATE_HZ as usize, 512)
    }

    /// Brings `from_hz` to `to_hz`, about `frames` samples at a time: fewer of them delay less.
    ///
    /// # Errors
    /// When the rates do not fit the resampler.
    pub fn between(from_hz: usize, to_hz: usize, frames: usize) -> Result<Self, String> {
        let resampler = Fft::new(from_hz, to_hz, frames, 1, FixedSync::Input).map_err(|e| e.to_string())?;
        let skip = resampler.output_delay();
        let ratio = to_hz as f64 / from_hz as f64;
        Ok(Self {
            resampler,
            pending: Vec::new(),
            skip,
            taken: 0,
            given: 0,
            ratio,
        })
    }

    /// Takes more audio and gives what is complete at the new rate.
    ///
    /// # Errors
    /// When the resampler refuses.
    pub fn push(&mut self, samples: &[f32]) -> Result<Vec<f32>, String> {
        self.taken += samples.len();
        self.pending.extend_from_slice(samples);
        let mut out = Vec::new();
        loop {
            let need = self.resampler.input_frames_next();
            if self.pending.len() < need {
                return Ok(out);
            }
            let head: Vec<f32> = self.pending.drain(..need).collect();
            self.step(&head, None, &mut out)?;
        }
    }

    /// Gives what is left, so that the whole is as long as what went in.
    ///
    /// # Errors
    /// When the resampler refuses.
    pub fn finish(mut self) -> Result<Vec<f32>, String> {
        let total = (self.taken as f64 * self.ratio).round() as usize;
        let mut out = Vec::new();
        let mut rest = std::mem::take(&mut self.pending);
        while self.given < total {
            let len = rest.len();
            rest.resize(self.resampler.input_frames_next(), 0.0);
            self.step(&rest, Some(len), &mut out)?;
            rest.clear();
        }
        out.truncate(out.len() - (self.given - total));
        Ok(out)
    }

    fn step(&mut self, input: &[f32], partial_len: Option<usize>, out: &mut Vec<f32>) -> Result<(), String> {
        let frames = input.len();
        let input = InterleavedSlice::new(input, 1, frames).map_err(|e| e.to_string())?;
        let indexing = Indexing {
            partial_len,
            ..Indexing::default()
        };
        let made = self
            .resampler
            .process(&input, Some(&indexing))
            .map_err(|e| e.to_string())?
            .take_data();
        let dropped = self.skip.min(made.len());
        self.skip -= dropped;
        self.given += made.len() - dropped;
        out.extend_from_slice(&made[dropped..]);
        Ok(())
    }
}

fn resampler(rate_hz: usize) -> Result<Fft<f32>, String> {
    Fft::new(rate_hz, VOICE_RATE_HZ as usize, 512, 1, FixedSync::Input).map_err(|e| e.to_string())
}

fn rms(frame: &[f32]) -> f32 {
    (frame.iter().map(|s| s * s).sum::<f32>() / frame.len().max(1) as f32).sqrt()
}

fn fade(samples: &mut [f32], ramp: usize) {
    let ramp = ramp.min(samples.len() / 2);
    let len = samples.len();
    for i in 0..ramp {
        let level = i as f32 / ramp as f32;
        samples[i] *= level;
        samples[len - 1 - i] *= level;
    }
}

#[cfg(test)]
mod tests {
    use super::{SPEECH_RMS, Upsampler, Voiced, gain, rms, soften, to_48k, to_i16, trim, voiced};

    fn tone(rate: usize, hz: f32, seconds: f32, level: f32) -> Vec<f32> {
        (0..(rate as f32 * seconds) as usize)
            .map(|i| level * (i as f32 / rate as f32 * hz * std::f32::consts::TAU).sin())
            .collect()
    }

    #[test]
    fn keeps_little_silence_in_front_and_the_asked_tail_behind() {
        let mut audio = vec![0.0; 24_000 / 2];
        audio.extend(tone(24_000, 200.0, 1.0, 0.3));
        audio.extend(vec![0.0; 24_000 / 50]);
        let part = voiced(&audio, 24_000, 160).unwrap();
        assert_eq!(
            part,
            Voiced {
                start: 12_000 - 360,
                end: 36_000 + 3_840
            }
        );
        let cut = trim(&audio, 24_000, part, 1.0);
        assert_eq!(cut.len(), 24_000 + 360 + 3_840, "missing tail is added");
        assert_eq!(voiced(&vec![0.0; 24_000], 24_000, 160), None);
        assert_eq!(voiced(&[], 24_000, 160), None);
    }

    #[test]
    fn brings_loud_and_quiet_speech_to_the_same_level_and_never_clips() {
        for level in [0.01, 0.05, 0.5, 1.0] {
            let mut audio = tone(24_000, 200.0, 1.0, level);
            audio.extend(vec![0.0; 24_000]);
            let factor = gain(&audio, 24_000);
            let out: Vec<f32> = audio.iter().map(|s| s * factor).collect();
            assert!((rms(&out[..24_000]) - SPEECH_RMS).abs() < 0.005, "level {level}");
        }
        let mut spiky = tone(24_000, 200.0, 1.0, 0.02);
        spiky[5_000] = 1.0;
        let factor = gain(&spiky, 24_000);
        assert!(spiky.iter().all(|s| (s * factor).abs() <= 0.951));
        assert!(gain(&[0.0; 480], 24_000).is_finite());
    }

    #[test]
    fn resampling_keeps_length_pitch_and_place() {
        for rate in [24_000, 22_050] {
            let audio = tone(rate, 440.0, 0.73, 0.5);
            let whole = to_48k(&audio, rate).unwrap();
            let mut streamed = Vec::new();
            let mut up = Upsampler::new(rate).unwrap();
            for part in audio.chunks(777) {
                streamed.extend(up.push(part).unwrap());
            }
            streamed.extend(up.finish().unwrap());
            let expected = tone(48_000, 440.0, 0.73, 0.5);
            for out in [&whole, &streamed] {
                assert!(
                    out.len().abs_diff(expected.len()) <= 4,
                    "{} {}",
                    out.len(),
                    expected.len()
                );
                let error: Vec<f32> = out
                    .iter()
                    .zip(&expected)
                    .map(|(a, b)| a - b)
                    .skip(2_000)
                    .take(28_000)
                    .collect();
                assert!(rms(&error) < 0.005, "rate {rate}: {}", rms(&error));
            }
        }
    }

    #[test]
    fn loud_peaks_are_bent_and_nothing_else() {
        let mut samples = [0.0, 0.5, -0.7, 0.8, 1.2, -3.0];
        soften(&mut samples);
        assert_eq!(&samples[..3], &[0.0, 0.5, -0.7]);
        assert!(samples[3] > 0.78 && samples[3] < 0.8 && samples[4] > samples[3]);
        assert!(samples.iter().all(|s| s.abs() <= 0.95), "{samples:?}");
    }

    #[test]
    fn full_scale_fits_sixteen_bits() {
        assert_eq!(
            to_i16(&[0.0, 1.0, -1.0, 2.0, -2.0]),
            [0, 32_767, -32_767, 32_767, -32_767]
        );
    }
}

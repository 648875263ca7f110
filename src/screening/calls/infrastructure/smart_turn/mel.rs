//! The log-mel spectrogram Smart Turn v3 was trained on: Whisper's, over exactly 8 s, of a normalised waveform.
//!
//! Source of the formulas: `WhisperFeatureExtractor(chunk_length=8, do_normalize=True)`: reflect padding, 400-sample
//! periodic Hann window every 160 samples, power spectrum, 80 Slaney mel bands from 0 to 8 kHz, log10, floor 8 under
//! the maximum, `(x + 4) / 4`.

use std::f64::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// Samples the model hears: 8 s at 16 kHz.
pub const WINDOW: usize = 128_000;
/// Mel bands, the first axis of the features.
pub const BANDS: usize = 80;
/// Frames of 10 ms, the second axis of the features.
pub const FRAMES: usize = 800;

const N_FFT: usize = 400;
const HOP: usize = 160;
const BINS: usize = N_FFT / 2 + 1;

/// Computes features; keeps its tables and buffers.
pub struct LogMel {
    fft: Arc<dyn RealToComplex<f64>>,
    hann: Vec<f64>,
    bands: Vec<Band>,
    padded: Vec<f64>,
    frame: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

/// One mel band: its weights over the bins it covers.
struct Band {
    first_bin: usize,
    weights: Vec<f64>,
}

impl LogMel {
    pub fn new() -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(N_FFT);
        Self {
            hann: (0..N_FFT)
                .map(|i| 0.5 - 0.5 * (2.0 * PI * i as f64 / N_FFT as f64).cos())
                .collect(),
            bands: mel_bands(),
            padded: vec![0.0; WINDOW + N_FFT],
            frame: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            fft,
        }
    }

    /// The features, `BANDS` rows of `FRAMES`, of the last 8 s of `audio`; shorter audio gets silence in front.
    pub fn features(&mut self, audio: &[f32]) -> Vec<f32> {
        self.fill_window(audio);
        let mut features = vec![0.0_f64; BANDS * FRAMES];
        let mut loudest = f64::NEG_INFINITY;
        for t in 0..FRAMES {
            for (i, slot) in self.frame.iter_mut().enumerate() {
                *slot = self.padded[t * HOP + i] * self.hann[i];
            }
            // It fails on wrong buffer lengths only, and these are the plan's own.
            if self
                .fft
                .process_with_scratch(&mut self.frame, &mut self.spectrum, &mut self.scratch)
                .is_err()
            {
                continue;
            }
            for (b, band) in self.bands.iter().enumerate() {
                let bins = &self.spectrum[band.first_bin..];
                let power: f64 = band.weights.iter().zip(bins).map(|(w, c)| w * c.norm_sqr()).sum();
                let value = power.max(1e-10).log10();
                loudest = loudest.max(value);
                features[b * FRAMES + t] = value;
            }
        }
        features
            .iter()
            .map(|&v| ((v.max(loudest - 8.0) + 4.0) / 4.0) as f32)
            .collect()
    }

    /// Lays the last 8 s of `audio` into the padded buffer: silence in front, zero mean and unit variance over the
    /// whole window, both ends mirrored by half a frame.
    fn fill_window(&mut self, audio: &[f32]) {
        const HALF: usize = N_FFT / 2;
        let audio = &audio[audio.len().saturating_sub(WINDOW)..];
        let silence = WINDOW - audio.len();
        let finite = |s: f32| if s.is_finite() { f64::from(s) } else { 0.0 };
        let mean = audio.iter().map(|&s| finite(s)).sum::<f64>() / WINDOW as f64;
        let spread = audio.iter().map(|&s| (finite(s) - mean).powi(2)).sum::<f64>() + silence as f64 * mean * mean;
        let scale = 1.0 / (spread / WINDOW as f64 + 1e-7).sqrt();
        for (i, slot) in self.padded[HALF..HALF + WINDOW].iter_mut().enumerate() {
            let sample = if i < silence { 0.0 } else { finite(audio[i - silence]) };
            *slot = (sample - mean) * scale;
        }
        for i in 0..HALF {
            self.padded[i] = self.padded[2 * HALF - i];
            self.padded[HALF + WINDOW + i] = self.padded[HALF + WINDOW - 2 - i];
        }
    }
}

/// The Slaney filterbank: triangles evenly spaced in mel, each with unit area.
fn mel_bands() -> Vec<Band> {
    let top = hertz_to_mel(8000.0);
    let edges: Vec<f64> = (0..BANDS + 2)
        .map(|i| mel_to_hertz(top * i as f64 / (BANDS + 1) as f64))
        .collect();
    let bin_hertz = 8000.0 / (BINS - 1) as f64;
    (0..BANDS)
        .map(|b| {
            let (low, centre, high) = (edges[b], edges[b + 1], edges[b + 2]);
            let weight = |bin: usize| {
                let hertz = bin as f64 * bin_hertz;
                let triangle = ((hertz - low) / (centre - low))
                    .min((high - hertz) / (high - centre))
                    .max(0.0);
                triangle * 2.0 / (high - low)
            };
            let first_bin = (0..BINS).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
            let weights = (first_bin..BINS).map(weight).take_while(|&w| w > 0.0).collect();
            Band { first_bin, weights }
        })
        .collect()
}

/// Slaney's mel scale: linear to 1 kHz, logarithmic above.
fn hertz_to_mel(hertz: f64) -> f64 {
    if hertz < 1000.0 {
        3.0 * hertz / 200.0
    } else {
        15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4_f64.ln()
    }
}

fn mel_to_hertz(mel: f64) -> f64 {
    if mel < 15.0 {
        200.0 * mel / 3.0
    } else {
        1000.0 * (6.4_f64.ln() / 27.0 * (mel - 15.0)).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    /// The signal the reference values were computed of: a chirp that comes and goes, noise, an offset.
    fn signal(samples: usize) -> Vec<f32> {
        let mut seed = 0x2545_F491_u32;
        (0..samples)
            .map(|i| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = f64::from(seed >> 8) / f64::from(1 << 24) - 0.5;
                let t = i as f64 / 16_000.0;
                let gain = if (i / 4000) % 3 == 0 { 0.02 } else { 1.0 };
                (0.3 * (2.0 * PI * (150.0 + 400.0 * t) * t).sin() * gain + 0.02 * noise + 0.01) as f32
            })
            .collect()
    }

    /// Values of `compute_whisper_log_mel_features` (numpy, pipecat-ai 1.14.0) for [`signal`].
    #[test]
    fn features_equal_the_reference_implementation() {
        type Points = [(usize, usize, f32); 12];
        let short: Points = [
            (0, 0, 0.87277),
            (0, 799, 0.97821),
            (5, 500, 0.78017),
            (10, 620, 0.49265),
            (20, 700, 0.58459),
            (33, 799, 0.53632),
            (40, 511, 0.35024),
            (60, 640, 0.56748),
            (79, 500, 0.41828),
            (79, 798, 0.51417),
            (3, 0, -0.17192),
            (12, 797, 0.56897),
        ];
        let long: Points = [
            (0, 0, 1.03197),
            (0, 799, 0.44416),
            (5, 500, 0.43263),
            (10, 620, 0.3107),
            (20, 700, 0.34191),
            (33, 799, 0.50912),
            (40, 511, 0.4221),
            (60, 640, 0.2138),
            (79, 500, 0.4271),
            (79, 798, 1.51929),
            (3, 0, 1.04269),
            (12, 797, 0.09301),
        ];
        let mut mel = LogMel::new();
        for (samples, points, mean) in [(48_000, short, 0.113_448), (150_000, long, 0.414_072)] {
            let features = mel.features(&signal(samples));
            assert_eq!(features.len(), BANDS * FRAMES);
            for (band, frame, expected) in points {
                let got = features[band * FRAMES + frame];
                assert!(
                    (got - expected).abs() < 1e-3,
                    "{samples} samples, band {band}, frame {frame}: {got}, expected {expected}"
                );
            }
            let got = features.iter().sum::<f32>() / features.len() as f32;
            assert!((got - mean).abs() < 1e-4, "mean {got}, expected {mean}");
        }
    }

    #[test]
    fn silence_and_broken_samples_give_finite_features() {
        let mut mel = LogMel::new();
        for audio in [
            vec![],
            vec![0.0; 500],
            vec![f32::NAN; 20_000],
            vec![f32::INFINITY; 200_000],
        ] {
            assert!(mel.features(&audio).iter().all(|v| v.is_finite()));
        }
    }
}

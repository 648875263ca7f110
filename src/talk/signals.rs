//! Signals made for tests.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// `ms` milliseconds of something voice-like at 48 kHz and the given level: harmonics of 120 Hz.
pub fn voiced(ms: usize, dbfs: f32) -> Vec<f32> {
    voiced_at(48_000, ms, dbfs)
}

/// [`voiced`] at another rate.
pub fn voiced_at(rate: usize, ms: usize, dbfs: f32) -> Vec<f32> {
    let wave = |n: usize| {
        let t = n as f32 / rate as f32;
        (1..=5)
            .map(|h| (std::f32::consts::TAU * 120.0 * h as f32 * t).sin() / h as f32)
            .sum::<f32>()
    };
    levelled((0..rate * ms / 1000).map(wave).collect(), dbfs)
}

/// `ms` milliseconds of white noise at 48 kHz and the given level.
pub fn noise(ms: usize, dbfs: f32, seed: u64) -> Vec<f32> {
    let mut random = SmallRng::seed_from_u64(seed);
    levelled((0..48 * ms).map(|_| random.random_range(-1.0..1.0)).collect(), dbfs)
}

fn levelled(mut samples: Vec<f32>, dbfs: f32) -> Vec<f32> {
    let gain = 10_f32.powf((dbfs - crate::talk::speech_edges::dbfs(&samples)) / 20.0);
    for sample in &mut samples {
        *sample *= gain;
    }
    samples
}

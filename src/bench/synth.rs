//! Sounds without speech, made by formula: the same every time.

use std::f32::consts::TAU;

const RATE: f32 = 16_000.0;

/// What kind of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    Silence,
    WhiteNoise,
    PinkNoise,
    BrownNoise,
    MainsHum,
    Keyboard,
    Music,
}

impl Sound {
    pub const ALL: [Self; 7] = [
        Self::Silence,
        Self::WhiteNoise,
        Self::PinkNoise,
        Self::BrownNoise,
        Self::MainsHum,
        Self::Keyboard,
        Self::Music,
    ];

    /// `seconds` of it at 16 kHz; `level` is about its root mean square, 1 being full scale.
    pub fn make(self, seconds: usize, level: f32) -> Vec<f32> {
        let samples = seconds * RATE as usize;
        let mut dice = Dice(0x9E37_79B9);
        let raw = match self {
            Self::Silence => return vec![0.0; samples],
            Self::WhiteNoise => (0..samples).map(|_| dice.signed()).collect(),
            Self::PinkNoise => pink(samples, &mut dice),
            Self::BrownNoise => brown(samples, &mut dice),
            Self::MainsHum => (0..samples).map(hum).collect(),
            Self::Keyboard => keyboard(samples, &mut dice),
            Self::Music => music(samples, &mut dice),
        };
        at_level(raw, level)
    }
}

/// Scales to a root mean square.
fn at_level(mut samples: Vec<f32>, level: f32) -> Vec<f32> {
    let power = samples.iter().map(|s| s * s).sum::<f32>() / samples.len().max(1) as f32;
    let gain = level / power.sqrt().max(1e-9);
    for sample in &mut samples {
        *sample = (*sample * gain).clamp(-1.0, 1.0);
    }
    samples
}

/// Voss's sum of noises that change ever more slowly: power falls by 3 dB an octave.
fn pink(samples: usize, dice: &mut Dice) -> Vec<f32> {
    let mut rows = [0.0_f32; 12];
    (0..samples)
        .map(|i| {
            for (k, row) in rows.iter_mut().enumerate() {
                if i % (1 << k) == 0 {
                    *row = dice.signed();
                }
            }
            rows.iter().sum()
        })
        .collect()
}

/// A random walk pulled back to zero: power falls by 6 dB an octave.
fn brown(samples: usize, dice: &mut Dice) -> Vec<f32> {
    let mut at = 0.0_f32;
    (0..samples)
        .map(|_| {
            at = 0.995 * at + dice.signed();
            at
        })
        .collect()
}

/// 50 Hz with its odd harmonics, as bad cables have it.
fn hum(i: usize) -> f32 {
    let t = i as f32 / RATE;
    [(50.0, 1.0), (150.0, 0.5), (250.0, 0.3), (350.0, 0.15)]
        .iter()
        .map(|(f, a)| a * (TAU * f * t).sin())
        .sum()
}

/// Five to nine strokes a second, each 8 ms of falling noise, with pauses.
fn keyboard(samples: usize, dice: &mut Dice) -> Vec<f32> {
    let mut out = vec![0.0; samples];
    let mut at = 0;
    while at < samples {
        for (i, slot) in out[at..].iter_mut().take(400).enumerate() {
            *slot += dice.signed() * (-(i as f32) / 60.0).exp();
        }
        let pause = if dice.unit() < 0.06 { 16_000.0 } else { 0.0 };
        at += (RATE * (0.11 + 0.09 * dice.unit()) + pause) as usize;
    }
    out
}

/// Chords of six harmonics with a falling envelope, a bass and a melody, two chords a second.
fn music(samples: usize, dice: &mut Dice) -> Vec<f32> {
    const CHORDS: [[f32; 3]; 4] = [
        [261.6, 329.6, 392.0],
        [220.0, 261.6, 329.6],
        [174.6, 220.0, 261.6],
        [196.0, 246.9, 293.7],
    ];
    let beat = RATE as usize / 2;
    let mut out = Vec::with_capacity(samples);
    let mut melody = 523.3;
    for i in 0..samples {
        let (bar, within) = (i / (2 * beat), (i % beat) as f32 / RATE);
        if i % (beat / 2) == 0 {
            melody = CHORDS[bar % 4][(dice.unit() * 3.0) as usize % 3] * 2.0;
        }
        let t = i as f32 / RATE;
        let tone = |f: f32| {
            (1..=6)
                .map(|h| (TAU * f * h as f32 * t).sin() / (h * h) as f32)
                .sum::<f32>()
        };
        let chord: f32 = CHORDS[bar % 4].iter().map(|&f| tone(f)).sum();
        let bass = tone(CHORDS[bar % 4][0] / 4.0);
        out.push((chord + bass) * (-2.5 * within).exp() + 0.8 * tone(melody));
    }
    out
}

/// A linear congruential generator.
struct Dice(u32);

impl Dice {
    /// 0 to 1.
    fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1_u32 << 24) as f32
    }

    /// -1 to 1.
    fn signed(&mut self) -> f32 {
        2.0 * self.unit() - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_have_their_length_and_level_and_are_the_same_every_time() {
        for sound in Sound::ALL {
            let made = sound.make(2, 0.05);
            assert_eq!(made.len(), 32_000);
            assert_eq!(made, sound.make(2, 0.05));
            let level = (made.iter().map(|s| s * s).sum::<f32>() / 32_000.0).sqrt();
            let expected = if sound == Sound::Silence { 0.0 } else { 0.05 };
            assert!((level - expected).abs() < 0.01, "{sound:?} {level}");
        }
    }
}

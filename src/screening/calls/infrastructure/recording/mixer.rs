//! Two sides of a call on one clock: frames of 20 ms, each side in its place, silence where nothing came.

use std::collections::BTreeMap;

use crate::screening::calls::domain::audio::{CallTime, EAR_FRAME, VOICE_FRAME};

const FRAME_MS: u64 = 20;
/// A frame waits this long for the other side, frames: half a second.
const PATIENCE: u64 = 25;
/// Frames of one side follow each other; a jitter of up to this many frames moves none of them.
const JITTER: u64 = 8;
/// Coefficients of the filter before Emma's 48 kHz become 16 kHz.
const TAPS: usize = 49;
/// Its corner, as a share of 48 kHz.
const CORNER: f32 = 7_200.0 / 48_000.0;

/// 20 ms of one side that begin at a moment of the call.
pub enum Frame {
    Candidate(CallTime, Box<[f32; EAR_FRAME]>),
    Emma(CallTime, Box<[i16; VOICE_FRAME]>),
}

/// 20 ms of both sides: left and right in turn.
pub type Stereo = [f32; 2 * EAR_FRAME];

/// Puts both sides together.
pub struct Mixer {
    waiting: BTreeMap<u64, Stereo>,
    /// The next frame to give.
    next: u64,
    candidate: Side,
    emma: Side,
    decimator: Decimator,
    late: u64,
}

/// Where one side's next frame belongs.
#[derive(Default)]
struct Side {
    next: Option<u64>,
}

impl Side {
    fn place(&mut self, at: CallTime) -> u64 {
        let due = at.ms() / FRAME_MS;
        let place = self.next.filter(|next| next.abs_diff(due) <= JITTER).unwrap_or(due);
        self.next = Some(place + 1);
        place
    }
}

impl Mixer {
    /// Begins behind the frames that are written already.
    pub fn starting_at(frame: u64) -> Self {
        Self {
            waiting: BTreeMap::new(),
            next: frame,
            candidate: Side::default(),
            emma: Side::default(),
            decimator: Decimator::default(),
            late: 0,
        }
    }

    pub fn add(&mut self, frame: Frame) {
        let (place, side, samples) = match frame {
            Frame::Candidate(at, pcm) => (self.candidate.place(at), 0, *pcm),
            Frame::Emma(at, pcm) => (self.emma.place(at), 1, self.decimator.push(&pcm)),
        };
        if place < self.next {
            self.late += 1;
            return;
        }
        let stereo = self.waiting.entry(place).or_insert([0.0; 2 * EAR_FRAME]);
        for (pair, sample) in stereo.chunks_exact_mut(2).zip(samples) {
            pair[side] = sample;
        }
    }

    /// The frames that have waited long enough, in order, with silence between them.
    pub fn ready(&mut self) -> Vec<Stereo> {
        let newest = self.waiting.last_key_value().map_or(0, |(place, _)| *place);
        self.give(newest.saturating_sub(PATIENCE))
    }

    /// All frames.
    pub fn all(&mut self) -> Vec<Stereo> {
        let end = self.waiting.last_key_value().map_or(0, |(place, _)| place + 1);
        self.give(end)
    }

    /// Frames that came after their place was given.
    pub fn late(&self) -> u64 {
        self.late
    }

    fn give(&mut self, until: u64) -> Vec<Stereo> {
        let mut given = Vec::new();
        while self.next < until {
            given.push(self.waiting.remove(&self.next).unwrap_or([0.0; 2 * EAR_FRAME]));
            self.next += 1;
        }
        given
    }
}

/// 48 kHz to 16 kHz: a low-pass filter, then every third sample.
struct Decimator {
    taps: [f32; TAPS],
    history: [f32; TAPS - 1],
}

impl Default for Decimator {
    fn default() -> Self {
        let middle = (TAPS - 1) as f32 / 2.0;
        let mut taps = [0.0; TAPS];
        for (i, tap) in taps.iter_mut().enumerate() {
            let x = (i as f32 - middle) * 2.0 * CORNER * std::f32::consts::PI;
            let sinc = if x == 0.0 { 1.0 } else { x.sin() / x };
            let window = 0.54 - 0.46 * (std::f32::consts::TAU * i as f32 / (TAPS - 1) as f32).cos();
            *tap = sinc * window;
        }
        let sum: f32 = taps.iter().sum();
        for tap in &mut taps {
            *tap /= sum;
        }
        Self {
            taps,
            history: [0.0; TAPS - 1],
        }
    }
}

impl Decimator {
    fn push(&mut self, pcm: &[i16; VOICE_FRAME]) -> [f32; EAR_FRAME] {
        let mut samples = self.history.to_vec();
        samples.extend(pcm.iter().map(|s| f32::from(*s) / 32_768.0));
        let mut out = [0.0; EAR_FRAME];
        for (i, slot) in out.iter_mut().enumerate() {
            let window = &samples[3 * i..3 * i + TAPS];
            *slot = window.iter().zip(&self.taps).map(|(s, t)| s * t).sum();
        }
        self.history.copy_from_slice(&samples[VOICE_FRAME..]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(ms: u64, level: f32) -> Frame {
        Frame::Candidate(CallTime::from_ms(ms), Box::new([level; EAR_FRAME]))
    }

    // spec: CALL-9
    #[test]
    fn both_sides_stand_where_they_were_heard() {
        let mut mixer = Mixer::starting_at(0);
        for i in 0..50 {
            // The candidate from 40 ms on, with jitter; Emma from 400 ms on.
            mixer.add(candidate(40 + 20 * i + i % 3 * 7, 0.5));
            if i >= 20 {
                mixer.add(Frame::Emma(CallTime::from_ms(20 * i), Box::new([16_384; VOICE_FRAME])));
            }
        }
        let frames: Vec<_> = mixer.ready().into_iter().chain(mixer.all()).collect();
        assert_eq!(frames.len(), 52);
        let side = |frame: &Stereo, side: usize| frame[2 * 160 + side] > 0.4;
        let left: Vec<_> = (0..52).filter(|i| side(&frames[*i], 0)).collect();
        let right: Vec<_> = (0..52).filter(|i| side(&frames[*i], 1)).collect();
        assert_eq!((left[0], left.len(), right[0], right.len()), (2, 50, 20, 30));
    }

    // spec: CALL-9
    #[test]
    fn a_gap_is_silence_and_a_call_that_goes_on_keeps_its_time() {
        let mut mixer = Mixer::starting_at(100);
        mixer.add(candidate(1_000, 0.5));
        assert_eq!(mixer.late(), 1, "that second is written already");
        mixer.add(candidate(10_000, 0.5));
        let frames = mixer.all();
        assert_eq!(frames.len(), 401);
        assert!(frames[..400].iter().flatten().all(|s| *s == 0.0) && frames[400][0] > 0.4);
    }

    #[test]
    fn speech_passes_the_filter_and_what_would_alias_does_not() {
        for (hz, passes) in [(1_000.0, true), (4_000.0, true), (12_000.0, false)] {
            let mut decimator = Decimator::default();
            let tone = |i: usize| ((i as f32 / 48_000.0 * hz * std::f32::consts::TAU).sin() * 16_384.0) as i16;
            let mut loudest = 0.0_f32;
            for frame in 0..10 {
                let pcm = std::array::from_fn(|i| tone(frame * VOICE_FRAME + i));
                let out = decimator.push(&pcm);
                if frame > 0 {
                    loudest = out.iter().fold(loudest, |loudest, s| loudest.max(s.abs()));
                }
            }
            assert_eq!(loudest > 0.45, passes, "{hz} {loudest}");
            assert!(passes || loudest < 0.01, "{hz} {loudest}");
        }
    }
}

//! From audio that comes in gusts to 20 ms every 20 ms. TCP loses nothing and reorders nothing, but it stalls.

use std::collections::VecDeque;

use crate::screening::calls::domain::audio::EAR_FRAME;

/// Milliseconds of 16 kHz audio in samples.
const fn ms(ms: usize) -> usize {
    ms * 16
}

/// Audio collected before the first frame goes out.
const TARGET: usize = ms(60);
/// It grows by this each time it was too little, up to the most.
const STEP: usize = ms(20);
const MOST_TARGET: usize = ms(160);
/// Above this the candidate would be heard late: silences are skipped until it is less.
const CALM: usize = ms(240);
/// Above this the oldest goes.
const CAPACITY: usize = ms(2_000);
/// Quieter frames are silence (-54 dB of full scale).
const SILENT_RMS: f32 = 0.002;

/// The buffer. Pure: the caller asks for a frame every 20 ms.
#[derive(Debug)]
pub struct Jitter {
    samples: VecDeque<f32>,
    target: usize,
    flowing: bool,
    stats: Stats,
}

/// What became of the audio, in samples, and how often it ran out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    pub taken: u64,
    pub dropped: u64,
    pub skipped: u64,
    pub dry: u64,
}

impl Default for Jitter {
    fn default() -> Self {
        Self {
            samples: VecDeque::new(),
            target: TARGET,
            flowing: false,
            stats: Stats::default(),
        }
    }
}

impl Jitter {
    pub fn push(&mut self, samples: &[f32]) {
        self.stats.taken += samples.len() as u64;
        // Only the end of a gust that is too long is kept.
        let excess = (self.samples.len() + samples.len()).saturating_sub(CAPACITY);
        self.stats.dropped += excess as u64;
        let old = excess.min(self.samples.len());
        self.samples.drain(..old);
        self.samples.extend(&samples[excess - old..]);
    }

    /// Fills the next 20 ms; false, and silence, where nothing came for it.
    pub fn next_frame(&mut self, frame: &mut [f32; EAR_FRAME]) -> bool {
        frame.fill(0.0);
        self.flowing = self.flowing || self.samples.len() >= self.target;
        if !self.flowing {
            return false;
        }
        while self.samples.len() > CALM && self.next_is_silent() {
            self.samples.drain(..EAR_FRAME);
            self.stats.skipped += EAR_FRAME as u64;
        }
        let ready = self.samples.len().min(EAR_FRAME);
        for (slot, sample) in frame.iter_mut().zip(self.samples.drain(..ready)) {
            *slot = sample;
        }
        if ready < EAR_FRAME {
            self.flowing = false;
            self.target = (self.target + STEP).min(MOST_TARGET);
            self.stats.dry += 1;
        }
        ready > 0
    }

    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn next_is_silent(&self) -> bool {
        let energy: f32 = self.samples.iter().take(EAR_FRAME).map(|s| s * s).sum();
        energy < SILENT_RMS * SILENT_RMS * EAR_FRAME as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(jitter: &mut Jitter, frames: usize) -> Vec<bool> {
        (0..frames).map(|_| jitter.next_frame(&mut [0.0; EAR_FRAME])).collect()
    }

    // spec: CALL-2
    #[test]
    fn uneven_audio_comes_out_evenly_and_silence_where_nothing_came() {
        let mut jitter = Jitter::default();
        assert_eq!(take(&mut jitter, 2), [false; 2]);
        jitter.push(&[0.5; ms(40)]);
        assert_eq!(take(&mut jitter, 1), [false], "a little is collected first");
        jitter.push(&[0.5; ms(70)]);
        assert_eq!(take(&mut jitter, 7), [true, true, true, true, true, true, false]);
        assert_eq!(jitter.stats().dry, 1);
        jitter.push(&[0.5; ms(60)]);
        assert_eq!(
            take(&mut jitter, 1),
            [false],
            "it ran dry once: a little more is collected now"
        );
        jitter.push(&[0.5; ms(20)]);
        assert_eq!(take(&mut jitter, 1), [true]);
    }

    // spec: CALL-2
    #[test]
    fn after_a_stall_silences_are_skipped_and_no_word() {
        let mut jitter = Jitter::default();
        let mut gust = vec![0.3; ms(200)];
        gust.extend(vec![0.0; ms(1_000)]);
        gust.extend(vec![0.4; ms(300)]);
        jitter.push(&gust);
        let mut heard = Vec::new();
        while {
            let mut frame = [0.0; EAR_FRAME];
            let received = jitter.next_frame(&mut frame);
            heard.extend(frame);
            received
        } {}
        let loud = |level: f32| heard.iter().filter(|s| (**s - level).abs() < 0.01).count();
        assert_eq!((loud(0.3), loud(0.4)), (ms(200), ms(300)));
        assert!(heard.len() < ms(800), "{}", heard.len() / ms(1));
    }

    // spec: CALL-2
    #[test]
    fn a_client_that_sends_too_much_loses_the_oldest() {
        let mut jitter = Jitter::default();
        for second in 0..10u8 {
            jitter.push(&vec![f32::from(second); ms(1_000)]);
        }
        let mut frame = [0.0; EAR_FRAME];
        assert!(jitter.next_frame(&mut frame));
        assert!((frame[0] - 8.0).abs() < 0.1);
        assert_eq!(jitter.stats().dropped, ms(8_000) as u64);
        jitter.push(&vec![1.0; ms(60_000)]);
        assert!(jitter.samples.len() <= CAPACITY);
    }
}

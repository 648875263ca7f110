//! From packets to steady audio: jitter buffer and decoder, asked for 20 ms at a time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::shared::media::codec::{CodecError, DecodeRate, OpusDecoder};
use crate::shared::media::jitter::{Correction, Frame, JitterBuffer, JitterStats};
use crate::shared::media::peer::AudioPacket;

/// Below this level (root mean square, about -50 dB) a frame more or less is not heard.
const QUIET_RMS: f32 = 0.003;
/// The gain at the end of each concealed frame: 60 ms fade to nothing.
const FADE: [f32; 4] = [1.0, 0.8, 0.4, 0.0];

/// Hears one peer.
pub struct AudioReceiver {
    jitter: JitterBuffer,
    decoder: OpusDecoder,
    ready: VecDeque<f32>,
    started: Option<Instant>,
}

impl AudioReceiver {
    /// # Errors
    /// When libopus has no memory.
    pub fn new(rate: DecodeRate) -> Result<Self, CodecError> {
        let decoder = OpusDecoder::new(rate)?;
        Ok(Self {
            jitter: JitterBuffer::new(),
            decoder,
            ready: VecDeque::new(),
            started: None,
        })
    }

    /// Takes a packet as it arrives.
    pub fn push(&mut self, packet: &AudioPacket) {
        let started = *self.started.get_or_insert(packet.arrival);
        let arrival: Duration = packet.arrival.saturating_duration_since(started);
        self.jitter.push(
            packet.ssrc,
            packet.sequence,
            packet.timestamp,
            packet.payload.clone(),
            arrival,
        );
    }

    /// Fills `out`, 20 ms at this receiver's rate, -1 to 1. True where any of it was received rather than made up.
    pub fn next_frame(&mut self, out: &mut [f32]) -> bool {
        let mut received = !self.ready.is_empty();
        while self.ready.len() < out.len() {
            received |= self.refill();
        }
        let wanted = out.len();
        for (slot, sample) in out.iter_mut().zip(self.ready.drain(..wanted)) {
            *slot = sample;
        }
        received
    }

    pub fn stats(&self) -> JitterStats {
        self.jitter.stats()
    }

    /// Decodes the next piece; true where it was received.
    fn refill(&mut self) -> bool {
        let frame = self.decoder.rate().frame();
        let (decoded, received, fade) = match self.jitter.pop() {
            Frame::Packet(packet) => (self.decoder.decode(&packet), true, None),
            Frame::Fec(next) => (self.decoder.decode_fec(&next), true, None),
            Frame::Conceal(run) => (self.decoder.conceal(), false, Some(run as usize)),
            Frame::Silence => {
                self.ready.extend(std::iter::repeat_n(0.0, frame));
                return false;
            }
            Frame::Restart => {
                if let Err(error) = self.decoder.reset() {
                    tracing::warn!(%error, "the decoder keeps the state of the stream before");
                }
                return false;
            }
        };
        match decoded {
            Ok(pcm) if received && is_quiet(pcm) => match self.jitter.correct() {
                Correction::Keep => {
                    self.ready.extend(pcm);
                    true
                }
                Correction::Skip => false,
                Correction::Stretch => {
                    self.ready
                        .extend(pcm.iter().copied().chain(std::iter::repeat_n(0.0, frame)));
                    true
                }
            },
            Ok(pcm) if !pcm.is_empty() => {
                let (from, to) = fade.map_or((1.0, 1.0), |run| (FADE[(run - 1).min(3)], FADE[run.min(3)]));
                let step = (to - from) / pcm.len() as f32;
                self.ready.extend(
                    pcm.iter()
                        .enumerate()
                        .map(|(i, sample)| sample * (from + step * i as f32)),
                );
                received
            }
            Ok(_) | Err(_) => {
                self.ready.extend(std::iter::repeat_n(0.0, frame));
                false
            }
        }
    }
}

/// Whether nobody would notice if this were left out.
fn is_quiet(pcm: &[f32]) -> bool {
    let energy: f32 = pcm.iter().map(|sample| sample * sample).sum();
    energy <= QUIET_RMS * QUIET_RMS * pcm.len() as f32
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;
    use crate::shared::media::codec::{Encoded, FRAME_48K, OpusEncoder};

    /// 20 ms of a voice that says "ma ma ma": a buzz of 130 Hz and its harmonics, three syllables a second.
    fn voice(index: u32) -> [i16; FRAME_48K] {
        std::array::from_fn(|i| {
            let t = (index as usize * FRAME_48K + i) as f32 / 48_000.0;
            let loudness = (t * 3.0 * TAU).sin().max(0.05);
            let buzz: f32 = (1..=14).map(|h| (t * 130.0 * h as f32 * TAU).sin() / h as f32).sum();
            (buzz * loudness * 9000.0) as i16
        })
    }

    /// What is heard of 20 s of it: every frame's level (root mean square), where `lost` packets never arrive.
    fn heard(lost: impl Fn(u32) -> bool) -> (Vec<f32>, JitterStats) {
        let start = Instant::now();
        let mut encoder = OpusEncoder::new().unwrap();
        let mut ears = AudioReceiver::new(DecodeRate::Ears).unwrap();
        let mut levels = Vec::new();
        for index in 0..1000_u32 {
            let Encoded::Packet(payload) = encoder.encode(&voice(index)).unwrap() else {
                panic!("a voice is no silence")
            };
            if !lost(index) {
                ears.push(&AudioPacket {
                    ssrc: 1,
                    sequence: index as u16,
                    timestamp: index * 960,
                    payload: payload.into(),
                    arrival: start + Duration::from_millis(u64::from(index) * 20),
                });
            }
            let mut frame = [9.0; 320];
            ears.next_frame(&mut frame);
            assert!(frame.iter().all(|s| s.abs() <= 1.0));
            levels.push((frame.iter().map(|s| s * s).sum::<f32>() / 320.0).sqrt());
        }
        (levels, ears.stats())
    }

    // spec: CALL-3
    #[test]
    fn speech_survives_the_loss_of_one_packet_in_twenty_and_of_one_in_five() {
        let (whole, stats) = heard(|_| false);
        assert_eq!((stats.recovered, stats.concealed), (0, 0));
        for percent in [5, 20] {
            // A fixed scramble: the same packets are lost in every run, some of them in a row.
            let mut scramble = 7_u64;
            let fate: Vec<bool> = (0..1000)
                .map(|_| {
                    scramble = scramble
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    (scramble >> 33) % 100 < percent
                })
                .collect();
            let (damaged, stats) = heard(|index| fate[index as usize]);
            assert!(stats.recovered > percent * 5, "{percent} %: {stats:?}");
            // A loss the next packet could not mend delays what follows by a frame or two.
            let loud: Vec<usize> = (0..990).filter(|i| whole[*i] > 0.05).collect();
            let hole = |i: &&usize| damaged[**i..**i + 4].iter().all(|level| *level < whole[**i] / 2.0);
            let (holes, all) = (loud.iter().filter(hole).count(), loud.len());
            assert!(
                holes * 100 < all * percent as usize / 4,
                "{percent} %: {holes} holes in {all} frames, {stats:?}"
            );
        }
    }

    #[test]
    fn without_packets_there_is_silence_and_it_is_not_received() {
        let mut ears = AudioReceiver::new(DecodeRate::Full).unwrap();
        let mut frame = [1.0; 960];
        assert!(!ears.next_frame(&mut frame));
        assert!(frame.iter().all(|s| *s == 0.0));
    }
}

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

    /// The delay the jitter buffer aims for, and what waits in it now, milliseconds.
    pub fn delay_ms(&self) -> (u64, u64) {
        (self.jitter.target_ms(), self.jitter.depth_ms())
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

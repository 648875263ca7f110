//! The candidate's loudspeaker: received packets as steady 20 ms frames, each with the time its packet arrived.
//!
//! A fixed jitter buffer on the RTP clock. A gap in the sequence numbers is loss (the next packet's FEC, else
//! concealment); a gap in the timestamps alone is a sender that was silent (DTX).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use opus::{Channels, Decoder};

use crate::talk::At;
use crate::talk::{FRAME, FRAME_TIME, RATE_HZ};

/// How long the first packet of a stretch of audio waits. Not part of any measured delay.
pub const DEPTH: Duration = Duration::from_millis(60);
/// More than this in the buffer is skipped: the sender's clock is ahead.
const MOST: usize = 20;
/// Made-up frames in a row, after which the sender is taken to be silent.
const MOST_CONCEALED: u32 = 5;
/// 20 ms on the RTP clock.
const STEP: i64 = 960;
/// 120 ms, the longest Opus packet.
const LONGEST: usize = 6 * FRAME;

/// One received packet.
#[derive(Debug, Clone)]
pub struct Packet {
    pub sequence: u16,
    pub timestamp: u32,
    pub payload: Bytes,
    pub arrived: At,
}

/// 20 ms to be heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// [`FRAME`] samples at 48 kHz.
    pub samples: Vec<f32>,
    /// When the packet arrived; `None` for silence and concealment.
    pub arrived: Option<At>,
}

/// Counts of what came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reception {
    pub received: u64,
    /// Sequence numbers that never came, or came too late to be played.
    pub missing: u64,
}

/// The receiving side of one call.
pub struct Receiver {
    decoder: Decoder,
    /// By timestamp, without wrap-around.
    packets: BTreeMap<i64, Packet>,
    /// Timestamp of the next frame and when it is due; `None` while nothing comes.
    next: Option<(i64, At)>,
    last_timestamp: i64,
    last_sequence: Option<u16>,
    concealed: u32,
    /// What a packet of more than 20 ms left over.
    rest: Vec<f32>,
    reception: Reception,
}

impl Receiver {
    /// # Errors
    /// When libopus has no memory.
    pub fn new() -> Result<Self, opus::Error> {
        Ok(Self {
            decoder: Decoder::new(RATE_HZ, Channels::Mono)?,
            packets: BTreeMap::new(),
            next: None,
            last_timestamp: 0,
            last_sequence: None,
            concealed: 0,
            rest: Vec::new(),
            reception: Reception::default(),
        })
    }

    pub fn reception(&self) -> Reception {
        self.reception
    }

    /// Forgets what was received, but not how much: a new connection follows.
    ///
    /// # Errors
    /// When libopus has no memory.
    pub fn restart(&mut self) -> Result<(), opus::Error> {
        *self = Self {
            reception: self.reception,
            ..Self::new()?
        };
        Ok(())
    }

    /// Takes a packet as it comes.
    pub fn push(&mut self, packet: Packet) {
        self.reception.received += 1;
        // The nearest timestamp to the last one that has these low 32 bits.
        let step = packet.timestamp.wrapping_sub(self.last_timestamp as u32).cast_signed();
        let timestamp = self.last_timestamp + i64::from(step);
        match self.next {
            Some((next, _)) if timestamp < next => return,
            Some(_) => {}
            None => self.next = Some((timestamp, packet.arrived + DEPTH)),
        }
        self.last_timestamp = timestamp;
        self.packets.insert(timestamp, packet);
        while self.packets.len() > MOST {
            self.packets.pop_first();
            self.next = self.packets.first_key_value().map(|(&first, _)| (first, At::ZERO));
        }
    }

    /// The frame to be heard at `now`; call it every 20 ms.
    pub fn frame(&mut self, now: At) -> Played {
        let silence = Played {
            samples: vec![0.0; FRAME],
            arrived: None,
        };
        let Some((due, at)) = self.next else { return silence };
        if now + FRAME_TIME / 2 < at {
            return silence;
        }
        if !self.rest.is_empty() {
            return self.take(None);
        }
        self.next = Some((due + STEP, At::ZERO));
        if let Some(packet) = self.packets.remove(&due) {
            self.concealed = 0;
            self.count_missing(packet.sequence);
            return self.decode(&packet);
        }
        let Some((&later, packet)) = self.packets.first_key_value() else {
            return self.conceal(None);
        };
        let nothing_lost = self
            .last_sequence
            .is_none_or(|last| packet.sequence == last.wrapping_add(1));
        if nothing_lost {
            // A timestamp off the 20 ms grid would never be met.
            if later < due + STEP {
                self.next = Some((later, At::ZERO));
            }
            return silence;
        }
        let next = (later == due + STEP).then(|| packet.payload.clone());
        self.conceal(next.as_deref())
    }

    fn count_missing(&mut self, sequence: u16) {
        if let Some(last) = self.last_sequence.replace(sequence) {
            let step = sequence.wrapping_sub(last).cast_signed();
            self.reception.missing += u64::from(step.saturating_sub(1).max(0).cast_unsigned());
        }
    }

    fn decode(&mut self, packet: &Packet) -> Played {
        let mut pcm = vec![0.0; LONGEST];
        // A payload that is no Opus is silence: the server's fault is heard, the call goes on.
        let samples = self
            .decoder
            .decode_float(&packet.payload, &mut pcm, false)
            .unwrap_or(FRAME);
        pcm.truncate(samples);
        self.rest = pcm;
        self.take(Some(packet.arrived))
    }

    /// 20 ms from `next`'s redundancy, or made up. After too many the buffer waits for the sender to speak again.
    fn conceal(&mut self, next: Option<&[u8]>) -> Played {
        self.concealed += 1;
        let mut samples = vec![0.0; FRAME];
        if self.concealed > MOST_CONCEALED {
            self.next = self.packets.first_key_value().map(|(&first, _)| (first, At::ZERO));
            self.concealed = 0;
        } else if self.last_sequence.is_some() {
            let made = self
                .decoder
                .decode_float(next.unwrap_or_default(), &mut samples, next.is_some());
            if made.is_err() {
                samples.fill(0.0);
            }
        }
        Played { samples, arrived: None }
    }

    fn take(&mut self, arrived: Option<At>) -> Played {
        let taken = self.rest.len().min(FRAME);
        let mut samples: Vec<f32> = self.rest.drain(..taken).collect();
        samples.resize(FRAME, 0.0);
        if arrived.is_none()
            && let Some((due, _)) = self.next
        {
            self.next = Some((due + STEP, At::ZERO));
        }
        Played { samples, arrived }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::signals;
    use crate::talk::speech_edges::dbfs;
    use opus::{Application, Encoder};

    fn ms(ms: u64) -> At {
        Duration::from_millis(ms)
    }

    /// 20 ms packets of a voice, numbered from `sequence`, arriving on time from 0 ms.
    fn packets(count: u16, sequence: u16, timestamp: u32) -> Vec<Packet> {
        let mut encoder = Encoder::new(RATE_HZ, Channels::Mono, Application::Voip).expect("encoder");
        encoder.set_inband_fec(true).expect("fec");
        encoder.set_packet_loss_perc(20).expect("loss");
        let voice = signals::voiced(20 * usize::from(count), -20.0);
        (0..count)
            .zip(voice.chunks(FRAME))
            .map(|(n, pcm)| Packet {
                sequence: sequence.wrapping_add(n),
                timestamp: timestamp.wrapping_add(u32::from(n) * FRAME as u32),
                payload: encoder.encode_vec_float(pcm, 1275).expect("encodes").into(),
                arrived: ms(20 * u64::from(n)),
            })
            .collect()
    }

    /// Plays `until` ms of packets given in order of arrival.
    fn play(packets: Vec<Packet>, until: u64) -> (Receiver, Vec<Played>) {
        let mut receiver = Receiver::new().expect("decoder");
        let mut packets = packets.into_iter().peekable();
        let mut played = Vec::new();
        for now in (0..until).step_by(20) {
            while let Some(packet) = packets.next_if(|packet| packet.arrived <= ms(now)) {
                receiver.push(packet);
            }
            played.push(receiver.frame(ms(now)));
        }
        (receiver, played)
    }

    #[test]
    fn packets_are_played_after_the_depth_with_their_arrival_across_both_wraps() {
        let (receiver, played) = play(packets(50, u16::MAX - 10, u32::MAX - 5_000), 1060);
        assert_eq!(played[2].arrived, None, "60 ms of buffer");
        for (n, frame) in (0..).zip(&played[3..]) {
            assert_eq!(frame.arrived, Some(ms(20 * n)).filter(|_| n < 50), "frame {n}");
        }
        assert_eq!(
            receiver.reception(),
            Reception {
                received: 50,
                missing: 0
            }
        );
    }

    // spec: CALL-3
    #[test]
    fn what_comes_out_of_order_is_put_in_order_and_what_is_lost_is_concealed() {
        let mut sent = packets(50, 0, 0);
        let late = sent[20].arrived + ms(30);
        sent[20].arrived = late;
        sent.remove(30);
        sent.sort_by_key(|packet| packet.arrived);
        let (receiver, played) = play(sent, 1000);
        assert_eq!(played[23].arrived, Some(late));
        assert_eq!(played[33].arrived, None);
        assert!(
            dbfs(&played[33].samples) > -40.0,
            "concealed at {} dBFS",
            dbfs(&played[33].samples)
        );
        assert_eq!(played[34].arrived, Some(ms(31 * 20)));
        assert_eq!(
            receiver.reception(),
            Reception {
                received: 49,
                missing: 1
            }
        );
    }

    #[test]
    fn a_silent_sender_is_silence_and_is_heard_again_at_once() {
        let mut sent = packets(40, 0, 0);
        // 400 ms in which nothing is sent: timestamps go on, sequence numbers do not.
        for packet in &mut sent[20..] {
            packet.timestamp += 20 * FRAME as u32;
            packet.arrived += ms(400);
        }
        let (receiver, played) = play(sent, 1300);
        assert_eq!(played[35].arrived, None);
        assert!(dbfs(&played[35].samples) < -60.0);
        assert_eq!(played[43].arrived, Some(ms(800)));
        assert_eq!(receiver.reception().missing, 0);
    }

    #[test]
    fn rubbish_is_silence() {
        let mut sent = packets(10, 0, 0);
        sent[5].payload = Bytes::from_static(&[0xff, 63, 1, 2, 3]);
        let (_, played) = play(sent, 300);
        assert!(played[8].samples.iter().all(|s| *s == 0.0));
    }
}

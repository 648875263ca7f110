//! Opus as a call uses it: 20 ms of mono at 48 kHz out, and back in at the rate the listener works on.

use opus::{Application, Bitrate, Channels, Decoder, Encoder};

/// The RTP clock of Opus, whatever the audio inside was sampled at (RFC 7587, section 4.1).
pub const RTP_CLOCK_HZ: u32 = 48_000;
/// Samples in 20 ms at 48 kHz; also what an RTP timestamp advances per packet.
pub const FRAME_48K: usize = 960;
/// The longest packet Opus allows: 120 ms at 48 kHz (RFC 6716, section 3.2.5).
const MAX_PACKET_SAMPLES: usize = 5760;
/// More than 20 ms of Opus at any bitrate used here ever takes.
const MAX_ENCODED: usize = 1275;
/// Packets this short carry no audio: the encoder says "nothing has changed" (discontinuous transmission).
const DTX_BYTES: usize = 2;
/// Around this rate Opus speech is transparent in mono, and the redundancy of FEC still fits.
const BITRATE: i32 = 32_000;
/// The loss the encoder prepares for: it decides how much of each packet repeats the one before.
const EXPECTED_LOSS_PERCENT: i32 = 10;
/// Half the encoder's effort; at this bitrate speech above it sounds the same and costs twice the time.
const COMPLEXITY: i32 = 5;

/// Why audio could not be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Opus: {0}")]
pub struct CodecError(String);

impl From<opus::Error> for CodecError {
    fn from(error: opus::Error) -> Self {
        Self(error.to_string())
    }
}

/// What one 20 ms frame became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoded {
    Packet(Vec<u8>),
    /// Silence goes on: nothing need be sent, the RTP timestamp advances all the same.
    Nothing,
}

/// Samples within this of zero are silence, and only those: libopus alone would take any steady sound for it.
const SILENT_PEAK: u16 = 2;

/// Encodes one stream of 20 ms frames.
pub struct OpusEncoder {
    encoder: Encoder,
    /// Whether the last frame was already announced as silence.
    silent: bool,
}

impl OpusEncoder {
    /// 48 kHz mono for speech, with in-band FEC and discontinuous transmission.
    ///
    /// # Errors
    /// When libopus has no memory.
    pub fn new() -> Result<Self, CodecError> {
        let mut encoder = Encoder::new(RTP_CLOCK_HZ, Channels::Mono, Application::Voip)?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE))?;
        encoder.set_inband_fec(true)?;
        encoder.set_packet_loss_perc(EXPECTED_LOSS_PERCENT)?;
        encoder.set_complexity(COMPLEXITY)?;
        Ok(Self { encoder, silent: false })
    }

    /// Encodes 20 ms. Of a silence the first 200 ms and then one frame in 20 are packets, as browsers do.
    ///
    /// # Errors
    /// When libopus fails; the frame is then lost, the stream goes on.
    pub fn encode(&mut self, pcm: &[i16; FRAME_48K]) -> Result<Encoded, CodecError> {
        self.encoder
            .set_dtx(pcm.iter().all(|sample| sample.unsigned_abs() <= SILENT_PEAK))?;
        let packet = self.encoder.encode_vec(pcm, MAX_ENCODED)?;
        let silent = packet.len() <= DTX_BYTES;
        let repeats = silent && self.silent;
        self.silent = silent;
        Ok(if repeats {
            Encoded::Nothing
        } else {
            Encoded::Packet(packet)
        })
    }
}

/// The rate a listener wants its audio at; libopus decodes straight to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeRate {
    /// 16 kHz, what speech models hear.
    Ears,
    /// 48 kHz, everything that was sent.
    Full,
}

impl DecodeRate {
    /// Samples per second.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Ears => 16_000,
            Self::Full => RTP_CLOCK_HZ,
        }
    }

    /// Samples in 20 ms.
    pub const fn frame(self) -> usize {
        self.hz() as usize / 50
    }
}

/// Decodes one stream to mono f32 in -1 to 1.
pub struct OpusDecoder {
    decoder: Decoder,
    rate: DecodeRate,
    buffer: Vec<f32>,
}

impl OpusDecoder {
    /// # Errors
    /// When libopus has no memory.
    pub fn new(rate: DecodeRate) -> Result<Self, CodecError> {
        let decoder = Decoder::new(rate.hz(), Channels::Mono)?;
        Ok(Self {
            decoder,
            rate,
            buffer: vec![0.0; MAX_PACKET_SAMPLES],
        })
    }

    pub fn rate(&self) -> DecodeRate {
        self.rate
    }

    /// The audio of a packet, 2.5 to 120 ms.
    ///
    /// # Errors
    /// When the packet is no Opus.
    pub fn decode(&mut self, packet: &[u8]) -> Result<&[f32], CodecError> {
        let samples = self.decoder.decode_float(packet, &mut self.buffer, false)?;
        Ok(&self.buffer[..samples])
    }

    /// The 20 ms before `next`, which was lost, from the redundancy in `next` where it has any, else concealed.
    ///
    /// # Errors
    /// When the packet is no Opus.
    pub fn decode_fec(&mut self, next: &[u8]) -> Result<&[f32], CodecError> {
        let samples = self
            .decoder
            .decode_float(next, &mut self.buffer[..self.rate.frame()], true)?;
        Ok(&self.buffer[..samples])
    }

    /// 20 ms made up from what came before.
    ///
    /// # Errors
    /// When libopus fails.
    pub fn conceal(&mut self) -> Result<&[f32], CodecError> {
        let samples = self
            .decoder
            .decode_float(&[], &mut self.buffer[..self.rate.frame()], false)?;
        Ok(&self.buffer[..samples])
    }

    /// Forgets what was decoded so far: the next packet begins another stream.
    ///
    /// # Errors
    /// When libopus fails.
    pub fn reset(&mut self) -> Result<(), CodecError> {
        Ok(self.decoder.reset_state()?)
    }
}

/// How long a packet lasts in 48 kHz samples, from its first bytes; none where it is no Opus packet.
pub fn packet_samples(packet: &[u8]) -> Option<u32> {
    if packet.is_empty() {
        return None;
    }
    let samples = opus::packet::get_nb_samples(packet, RTP_CLOCK_HZ).ok()?;
    (samples > 0 && samples <= MAX_PACKET_SAMPLES).then_some(samples as u32)
}

/// Whether a packet only says that silence goes on.
pub fn is_dtx(packet: &[u8]) -> bool {
    packet.len() <= DTX_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 ms of a tone at `hz`, the `index`th frame of it.
    fn tone(hz: f32, index: usize) -> [i16; FRAME_48K] {
        std::array::from_fn(|i| {
            let t = (index * FRAME_48K + i) as f32 / 48_000.0;
            ((t * hz * std::f32::consts::TAU).sin() * 12_000.0) as i16
        })
    }

    fn packets(count: usize) -> Vec<Vec<u8>> {
        let mut encoder = OpusEncoder::new().unwrap();
        (0..count)
            .map(|i| match encoder.encode(&tone(440.0, i)).unwrap() {
                Encoded::Packet(packet) => packet,
                Encoded::Nothing => panic!("a tone is not silence"),
            })
            .collect()
    }

    fn rms(pcm: &[f32]) -> f32 {
        (pcm.iter().map(|s| s * s).sum::<f32>() / pcm.len() as f32).sqrt()
    }

    #[test]
    fn a_tone_comes_back_at_its_level_at_both_rates() {
        for rate in [DecodeRate::Ears, DecodeRate::Full] {
            let mut decoder = OpusDecoder::new(rate).unwrap();
            let mut last = 0.0;
            for packet in packets(25) {
                let pcm = decoder.decode(&packet).unwrap();
                assert_eq!(pcm.len(), rate.frame());
                last = rms(pcm);
            }
            let sent = 12_000.0 / 32_768.0 / std::f32::consts::SQRT_2;
            assert!((last / sent - 1.0).abs() < 0.15, "{rate:?}: {last} for {sent}");
        }
    }

    #[test]
    fn silence_stops_being_sent_and_speech_starts_again_at_once() {
        let mut encoder = OpusEncoder::new().unwrap();
        let sent = (0..100)
            .filter(|_| encoder.encode(&[0; FRAME_48K]).unwrap() != Encoded::Nothing)
            .count();
        assert!(sent < 30, "{sent} of 100 silent frames were sent");
        assert!(matches!(encoder.encode(&tone(300.0, 0)).unwrap(), Encoded::Packet(p) if p.len() > 20));
    }

    #[test]
    fn a_steady_sound_is_not_taken_for_silence() {
        assert!(packets(300).iter().all(|packet| packet.len() > 20));
    }

    // spec: CALL-3
    #[test]
    fn a_lost_frame_comes_back_from_the_next_packet() {
        let packets = packets(30);
        let mut decoder = OpusDecoder::new(DecodeRate::Ears).unwrap();
        for packet in &packets[..20] {
            decoder.decode(packet).unwrap();
        }
        let rebuilt = rms(decoder.decode_fec(&packets[21]).unwrap());
        assert!(rebuilt > 0.1, "level {rebuilt}");
    }

    #[test]
    fn concealment_fades() {
        let packets = packets(20);
        let mut decoder = OpusDecoder::new(DecodeRate::Ears).unwrap();
        for packet in &packets {
            decoder.decode(packet).unwrap();
        }
        let first = rms(decoder.conceal().unwrap());
        let mut later = first;
        for _ in 0..20 {
            later = rms(decoder.conceal().unwrap());
        }
        assert!(first > 0.1 && later < first / 4.0, "{first} then {later}");
    }

    #[test]
    fn what_is_no_opus_is_refused() {
        let mut decoder = OpusDecoder::new(DecodeRate::Ears).unwrap();
        // Code 3 with a frame count of 63 twenty-millisecond frames: longer than 120 ms.
        assert!(decoder.decode(&[0xff, 63, 1, 2, 3]).is_err());
        assert_eq!(packet_samples(&[]), None);
        assert_eq!(packet_samples(&[0xff, 63, 1, 2, 3]), None);
        assert_eq!(packets(1).first().and_then(|p| packet_samples(p)), Some(960));
    }
}

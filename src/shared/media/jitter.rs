//! The jitter buffer: packets go in as they arrive, playable pieces come out one at a time.
//!
//! Pure: [`JitterBuffer::pop`] is called whenever the listener needs the next piece (its caller runs on a 20 ms
//! clock), and arrival times are arguments. Sequence numbers tell loss from order; timestamps tell loss from a silence
//! that was not sent. The delay kept follows the jitter seen; it is corrected in silence, where nobody hears it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::shared::media::codec;

/// Timestamp units, of 48 kHz, in a millisecond.
const UNITS_PER_MS: i64 = 48;
/// 20 ms.
const FRAME: i64 = 20 * UNITS_PER_MS;
/// The delay kept when packets come evenly: one packet waits while the one before is played.
const MIN_TARGET: i64 = 2 * FRAME;
/// The longest delay kept for a bad network.
const MAX_TARGET: i64 = 10 * FRAME;
/// What may wait at all: two seconds. A network that stalls delivers in one burst what was said meanwhile, and it is
/// better heard late than lost; the delay goes again in the next pause. Above it the oldest packet goes.
const MAX_DEPTH: i64 = 100 * FRAME;
/// Concealed frames in a row before silence: past 60 ms made-up speech is noise.
const MAX_CONCEALED: u32 = 3;
/// Peaks of jitter fade by this part with each packet: to a half in 2.8 s.
const PEAK_DECAY: f64 = 0.005;
/// Packets among which the fastest is looked for, twice: five to ten seconds back. A path that becomes longer, and
/// clocks that drift, are followed within that.
const FLOOR_PACKETS: u32 = 250;
/// Packets of a stream that had ended before they make it the current one again.
const REVIVAL: u32 = 10;
/// Pieces over which depths are watched before the delay is corrected: a second.
const WINDOW: u32 = 50;
/// A sequence number this far off is another stream under the same name, not a late or early packet.
const MAX_DISORDER: i64 = 500;
/// A silence longer than this between two packets in hand is skipped: the sender's clock jumped.
const MAX_GAP: i64 = 100 * FRAME;

/// The next piece to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Decode this.
    Packet(Bytes),
    /// The 20 ms before this packet were lost: decode its redundancy. The packet itself comes with the next `pop`.
    Fec(Bytes),
    /// 20 ms were lost; the number counts up from 1 within one loss.
    Conceal(u32),
    /// 20 ms nobody sent.
    Silence,
    /// Another stream begins with the next packet: the decoder starts afresh. Lasts no time.
    Restart,
}

/// What to do with a frame that is too quiet for anybody to notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    Keep,
    /// Leave it out: the delay is longer than it need be.
    Skip,
    /// Put 20 ms of silence behind it: the delay is too short for the jitter.
    Stretch,
}

/// What a buffer has seen and done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JitterStats {
    pub received: u64,
    /// Came after their turn.
    pub late: u64,
    pub duplicates: u64,
    /// Were no Opus packets.
    pub invalid: u64,
    pub recovered: u64,
    pub concealed: u64,
    /// Pushed out by newer packets.
    pub dropped: u64,
    /// Quiet frames left out to catch up.
    pub skipped: u64,
    /// Silences put in to gain delay.
    pub stretched: u64,
}

struct Waiting {
    timestamp: i64,
    duration: i64,
    payload: Bytes,
}

/// Orders one sender's packets. Times are kept in units of 1/48000 s.
#[derive(Default)]
pub struct JitterBuffer {
    packets: BTreeMap<i64, Waiting>,
    stream: Option<Stream>,
    /// The stream before this one, and packets of it since the last of this one: stragglers are no third stream.
    retired: Option<u32>,
    stragglers: u32,
    restart: bool,
    playing: bool,
    /// Pieces asked for since packets began to wait while not playing.
    waited: i64,
    concealed_run: u32,
    /// The last packet played was, or announced, silence.
    dtx: bool,
    jitter: JitterEstimate,
    window: u32,
    shallowest: i64,
    deepest: i64,
    /// Frames to leave out (positive) or put in.
    correction: i64,
    stats: JitterStats,
}

/// Where a stream is: the reference for unwrapping its counters, and what is due.
struct Stream {
    ssrc: u32,
    newest_sequence: i64,
    newest_timestamp: i64,
    /// The first sequence number not played yet, and the media time that is due.
    next_sequence: Option<i64>,
    next_timestamp: i64,
    /// A packet far from the others; a second one beside it makes it the stream.
    stray: Option<u16>,
}

/// How much later than the fastest ones packets come.
#[derive(Default)]
struct JitterEstimate {
    /// The shortest transits of the last full round and of this one.
    before: Option<i64>,
    floor: Option<i64>,
    observed: u32,
    peak: f64,
}

impl JitterEstimate {
    /// Takes a packet's transit (arrival less timestamp, on no common zero).
    fn observe(&mut self, transit: i64) {
        if self.observed >= FLOOR_PACKETS {
            self.before = self.floor.take();
            self.observed = 0;
        }
        self.observed += 1;
        let floor = self.floor.map_or(transit, |floor| floor.min(transit));
        self.floor = Some(floor);
        let fastest = self.before.map_or(floor, |before| floor.min(before));
        self.peak = (self.peak * (1.0 - PEAK_DECAY)).max((transit - fastest).min(MAX_TARGET) as f64);
    }

    fn target(&self) -> i64 {
        (FRAME + self.peak as i64).clamp(MIN_TARGET, MAX_TARGET)
    }
}

impl JitterBuffer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a packet. `arrival` counts from any fixed moment.
    pub fn push(&mut self, ssrc: u32, sequence: u16, timestamp: u32, payload: Bytes, arrival: Duration) {
        let Some(duration) = codec::packet_samples(&payload).map(i64::from) else {
            self.stats.invalid += 1;
            return;
        };
        let Some((sequence, timestamp)) = self.place(ssrc, sequence, timestamp) else {
            return;
        };
        let transit = arrival.as_micros() as i64 * UNITS_PER_MS / 1000 - timestamp;
        self.jitter.observe(transit);
        if self
            .stream
            .as_ref()
            .and_then(|s| s.next_sequence)
            .is_some_and(|next| sequence < next)
        {
            self.stats.late += 1;
            return;
        }
        if self.packets.contains_key(&sequence) {
            self.stats.duplicates += 1;
            return;
        }
        self.stats.received += 1;
        self.packets.insert(
            sequence,
            Waiting {
                timestamp,
                duration,
                payload,
            },
        );
        while self.depth() > MAX_DEPTH {
            self.drop_oldest();
        }
    }

    /// The next piece.
    pub fn pop(&mut self) -> Frame {
        if std::mem::take(&mut self.restart) {
            return Frame::Restart;
        }
        let depth = self.depth();
        if !self.playing {
            if !self.may_start(depth) {
                return self.nothing();
            }
            self.start();
        }
        self.watch_depth(depth);
        let Some(stream) = &mut self.stream else {
            return Frame::Silence;
        };
        let Some((&sequence, first)) = self.packets.first_key_value() else {
            self.playing = false;
            self.waited = 0;
            return self.nothing();
        };
        let missing = first.timestamp - stream.next_timestamp;
        let in_order = stream.next_sequence.is_none_or(|next| next == sequence);
        if in_order || missing <= 0 {
            // Nothing was lost before it: what is missing was not sent. It lasts as long as it did for the sender,
            // unless there is delay to make up.
            if in_order && (FRAME..=MAX_GAP).contains(&missing) && depth <= self.jitter.target() {
                stream.next_timestamp += FRAME;
                return Frame::Silence;
            }
            return self.play(sequence);
        }
        if missing <= FRAME {
            let payload = first.payload.clone();
            stream.next_sequence = Some(sequence);
            stream.next_timestamp = first.timestamp;
            self.concealed_run = 0;
            self.stats.recovered += 1;
            return Frame::Fec(payload);
        }
        if missing > MAX_GAP {
            stream.next_timestamp = first.timestamp - FRAME;
        } else {
            stream.next_timestamp += FRAME;
        }
        // Later packets are here, so these are lost or very late; one number passes with each 20 ms.
        if let Some(next) = stream.next_sequence.as_mut().filter(|next| **next + 1 < sequence) {
            *next += 1;
        }
        self.nothing()
    }

    /// What to do with the packet just popped, which turned out to be quiet.
    pub fn correct(&mut self) -> Correction {
        if self.correction > 0 && self.depth() >= 2 * FRAME {
            self.correction -= 1;
            self.stats.skipped += 1;
            Correction::Skip
        } else if self.correction < 0 {
            self.correction += 1;
            self.stats.stretched += 1;
            Correction::Stretch
        } else {
            Correction::Keep
        }
    }

    /// Audio that waits, in milliseconds.
    #[cfg(test)]
    pub fn depth_ms(&self) -> u64 {
        (self.depth() / UNITS_PER_MS) as u64
    }

    /// The delay aimed for, in milliseconds.
    #[cfg(test)]
    pub fn target_ms(&self) -> u64 {
        (self.jitter.target() / UNITS_PER_MS) as u64
    }

    pub fn stats(&self) -> JitterStats {
        self.stats
    }

    /// Unwraps a packet's counters against the newest seen; none where it is not to be used.
    fn place(&mut self, ssrc: u32, sequence: u16, timestamp: u32) -> Option<(i64, i64)> {
        let Some(stream) = self.stream.as_mut().filter(|stream| stream.ssrc == ssrc) else {
            if self.retired == Some(ssrc) && self.stragglers < REVIVAL {
                self.stragglers += 1;
                self.stats.late += 1;
                return None;
            }
            return Some(self.begin(ssrc, sequence, timestamp));
        };
        self.stragglers = 0;
        let ahead = i64::from(sequence.wrapping_sub(stream.newest_sequence as u16).cast_signed());
        if ahead.abs() > MAX_DISORDER {
            let follows = stream.stray.is_some_and(|stray| sequence.wrapping_sub(stray) <= 2);
            stream.stray = Some(sequence);
            if !follows {
                self.stats.late += 1;
                return None;
            }
            return Some(self.begin(ssrc, sequence, timestamp));
        }
        stream.stray = None;
        let later = i64::from(timestamp.wrapping_sub(stream.newest_timestamp as u32).cast_signed());
        let place = (stream.newest_sequence + ahead, stream.newest_timestamp + later);
        if ahead > 0 {
            (stream.newest_sequence, stream.newest_timestamp) = place;
        }
        Some(place)
    }

    /// Forgets the stream before and starts with this packet.
    fn begin(&mut self, ssrc: u32, sequence: u16, timestamp: u32) -> (i64, i64) {
        if let Some(old) = self.stream.take() {
            self.restart = true;
            self.retired = (old.ssrc != ssrc).then_some(old.ssrc);
        }
        self.packets.clear();
        self.playing = false;
        self.waited = 0;
        self.jitter = JitterEstimate {
            peak: self.jitter.peak,
            ..JitterEstimate::default()
        };
        let place = (i64::from(sequence), i64::from(timestamp));
        self.stream = Some(Stream {
            ssrc,
            newest_sequence: place.0,
            newest_timestamp: place.1,
            next_sequence: None,
            next_timestamp: place.1,
            stray: None,
        });
        place
    }

    fn depth(&self) -> i64 {
        self.packets.values().map(|packet| packet.duration).sum()
    }

    /// Whether enough waits to begin, or it has waited as long as enough would have taken.
    fn may_start(&mut self, depth: i64) -> bool {
        if depth == 0 {
            self.waited = 0;
            return false;
        }
        self.waited += 1;
        let target = self.jitter.target();
        depth >= target || (self.waited - 1) * FRAME >= target
    }

    /// Begins, after a start or an interval in which nothing was there, with the first packet in hand.
    fn start(&mut self) {
        self.playing = true;
        self.correction = 0;
        self.begin_window();
        if let (Some(stream), Some((&sequence, first))) = (&mut self.stream, self.packets.first_key_value()) {
            // A gap in the numbers is a loss while it is short; what is longer ago is not made up for.
            let lost = stream.next_sequence.map_or(0, |next| sequence - next);
            if lost == 0 || lost > i64::from(MAX_CONCEALED) || self.concealed_run > 0 {
                stream.next_sequence = Some(sequence);
                stream.next_timestamp = first.timestamp;
            } else {
                stream.next_timestamp = first.timestamp - FRAME;
            }
        }
    }

    /// What stands for 20 ms of which nothing is there.
    fn nothing(&mut self) -> Frame {
        let began = self
            .stream
            .as_ref()
            .is_some_and(|stream| stream.next_sequence.is_some());
        if !began || self.dtx || self.concealed_run >= MAX_CONCEALED {
            return Frame::Silence;
        }
        self.concealed_run += 1;
        self.stats.concealed += 1;
        Frame::Conceal(self.concealed_run)
    }

    fn play(&mut self, sequence: i64) -> Frame {
        let (Some(packet), Some(stream)) = (self.packets.remove(&sequence), &mut self.stream) else {
            return Frame::Silence;
        };
        stream.next_sequence = Some(sequence + 1);
        stream.next_timestamp = packet.timestamp + packet.duration;
        self.concealed_run = 0;
        self.dtx = codec::is_dtx(&packet.payload);
        Frame::Packet(packet.payload)
    }

    fn drop_oldest(&mut self) {
        if let (Some((sequence, packet)), Some(stream)) = (self.packets.pop_first(), &mut self.stream) {
            stream.next_sequence = Some(sequence + 1);
            stream.next_timestamp = packet.timestamp + packet.duration;
            self.stats.dropped += 1;
        }
    }

    /// Once a second, decides how far the delay is off. The most that waited is the delay as it is; the least is what
    /// was to spare when it mattered.
    fn watch_depth(&mut self, depth: i64) {
        self.shallowest = self.shallowest.min(depth);
        self.deepest = self.deepest.max(depth);
        self.window += 1;
        if self.window < WINDOW {
            return;
        }
        let target = self.jitter.target();
        let spare = (self.shallowest - 2 * FRAME).min(self.deepest - FRAME - target) / FRAME;
        let lacking = (target - self.deepest) / FRAME;
        self.correction = if spare > 0 { spare } else { -lacking.max(0) };
        self.begin_window();
    }

    fn begin_window(&mut self) {
        self.window = 0;
        self.shallowest = i64::MAX;
        self.deepest = 0;
    }
}

#[cfg(test)]
#[path = "jitter_tests.rs"]
mod tests;

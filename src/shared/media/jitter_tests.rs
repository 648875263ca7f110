use proptest::prelude::*;

use super::*;

/// A 20 ms Opus packet (SILK, wideband) that carries its number.
fn packet(number: u16) -> Bytes {
    let [high, low] = number.to_be_bytes();
    Bytes::from(vec![0x48, high, low, 1, 2, 3])
}

fn number(packet: &Bytes) -> u16 {
    packet
        .get(1..3)
        .map_or(u16::MAX, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// A sender and a clock: packets are sent every 20 ms and arrive when told.
struct Bench {
    buffer: JitterBuffer,
    first_sequence: u16,
    first_timestamp: u32,
    now: i64,
}

impl Bench {
    fn new() -> Self {
        Self::starting(1000, 5_000_000)
    }

    fn starting(first_sequence: u16, first_timestamp: u32) -> Self {
        Self {
            buffer: JitterBuffer::new(),
            first_sequence,
            first_timestamp,
            now: 0,
        }
    }

    /// The `index`th packet arrives `now` milliseconds after the start.
    fn arrive(&mut self, index: u16, now: i64) {
        self.arrive_at(index, u32::from(index), now);
    }

    /// The same, where its audio is the `frame`th of the stream: after silences that were not sent.
    fn arrive_at(&mut self, index: u16, frame: u32, now: i64) {
        self.buffer.push(
            7,
            self.first_sequence.wrapping_add(index),
            self.first_timestamp.wrapping_add(frame * 960),
            packet(index),
            Duration::from_millis(now.unsigned_abs()),
        );
    }

    /// Plays packets 0..`count`; each comes `delay(index)` after it was sent, or never. The listener's clock ticks
    /// every 20 ms, 7 ms after the sender's.
    fn run(&mut self, count: u16, delay: impl Fn(u16) -> Option<i64>) -> Vec<Frame> {
        let mut arrivals: Vec<(i64, u16)> = (0..count)
            .filter_map(|i| Some((i64::from(i) * 20 + delay(i)?, i)))
            .collect();
        arrivals.sort_unstable();
        let mut arrivals = arrivals.into_iter().peekable();
        let mut frames = Vec::new();
        let end = i64::from(count) * 20 + 400;
        while self.now < end {
            self.now += 20;
            let tick = self.now + 7;
            while let Some((at, index)) = arrivals.next_if(|(at, _)| *at <= tick) {
                self.arrive(index, at);
            }
            frames.push(self.buffer.pop());
        }
        frames
    }
}

fn played(frames: &[Frame]) -> Vec<u16> {
    frames
        .iter()
        .filter_map(|f| {
            if let Frame::Packet(p) = f {
                Some(number(p))
            } else {
                None
            }
        })
        .collect()
}

fn count(frames: &[Frame], wanted: impl Fn(&Frame) -> bool) -> usize {
    frames.iter().filter(|f| wanted(f)).count()
}

#[test]
fn an_even_stream_is_played_whole_with_little_delay() {
    let mut bench = Bench::new();
    let frames = bench.run(200, |_| Some(0));
    assert_eq!(played(&frames), (0..200).collect::<Vec<_>>());
    // The first packet arrives at 0 and ticks come at 27, 47, ...: it is played 47 ms after it was sent at the latest.
    let silence_before = frames.iter().position(|f| matches!(f, Frame::Packet(_))).unwrap();
    assert!(silence_before <= 1, "{silence_before} frames of delay");
    assert_eq!(
        count(&frames[..200], |f| matches!(f, Frame::Conceal(_) | Frame::Fec(_))),
        0
    );
    assert_eq!(bench.buffer.target_ms(), 40);
}

// spec: CALL-3
#[test]
fn packets_out_of_order_are_played_in_order() {
    let mut bench = Bench::new();
    let frames = bench.run(200, |i| Some(if i % 5 == 3 { 25 } else { 0 }));
    let order = played(&frames);
    assert!(order.windows(2).all(|pair| pair[0] < pair[1]), "{order:?}");
    // Once the buffer knows the jitter nothing is missed.
    assert!(order.len() >= 198, "{} of 200", order.len());
}

// spec: CALL-3
#[test]
fn one_lost_packet_comes_from_the_next() {
    let mut bench = Bench::new();
    let frames = bench.run(100, |i| (i != 50).then_some(0));
    let at = frames.iter().position(|f| matches!(f, Frame::Fec(_))).unwrap();
    assert!(matches!(&frames[at], Frame::Fec(next) if number(next) == 51));
    assert!(matches!(&frames[at + 1], Frame::Packet(p) if number(p) == 51));
    assert!(matches!(&frames[at - 1], Frame::Packet(p) if number(p) == 49));
    assert_eq!(bench.buffer.stats().recovered, 1);
}

// spec: CALL-3
#[test]
fn a_long_loss_is_concealed_and_then_silent() {
    let mut bench = Bench::new();
    let frames = bench.run(100, |i| (!(40..52).contains(&i)).then_some(0));
    let run: Vec<u32> = frames[..90]
        .iter()
        .filter_map(|f| if let Frame::Conceal(n) = f { Some(*n) } else { None })
        .collect();
    assert_eq!(run, [1, 2, 3]);
    assert!(count(&frames[40..60], |f| matches!(f, Frame::Silence)) >= 7);
    assert_eq!(played(&frames).len(), 88);
}

#[test]
fn loss_of_one_in_twenty_and_one_in_five_keeps_the_time() {
    for (percent, fec_at_least) in [(5, 60), (20, 180)] {
        let mut bench = Bench::new();
        // A fixed scramble: the same packets are lost in every run.
        let lost = |i: u16| u32::from(i).wrapping_mul(2_654_435_761) >> 16 & 0xff;
        let frames = bench.run(2000, |i| (lost(i) * 100 / 256 >= percent).then_some(i64::from(i % 3)));
        let stats = bench.buffer.stats();
        assert!(stats.recovered >= fec_at_least, "{percent} %: {stats:?}");
        assert!(
            played(&frames).len() as u64 + stats.dropped == stats.received,
            "{stats:?}"
        );
        // 2000 frames of time went in; what came out is as long, to within the delay.
        let ended = frames.iter().rposition(|f| matches!(f, Frame::Packet(_))).unwrap();
        assert!((1995..2010).contains(&ended), "{percent} %: ended after {ended} frames");
    }
}

// spec: CALL-3
#[test]
fn a_silence_that_was_not_sent_is_silence_and_speech_after_it_is_whole() {
    let mut bench = Bench::new();
    let mut frames = Vec::new();
    for tick in 0..200_i64 {
        // Frames 0..50 are speech, then a packet that announces silence, then nothing until frame 120.
        if tick < 50 {
            bench.arrive(tick as u16, tick * 20);
        } else if tick == 50 {
            let (sequence, timestamp) = (1050, 5_000_000 + 50 * 960);
            bench.buffer.push(
                7,
                sequence,
                timestamp,
                Bytes::from_static(&[0x48]),
                Duration::from_secs(1),
            );
        } else if tick >= 120 {
            bench.arrive_at((tick - 69) as u16, tick as u32, tick * 20);
        }
        frames.push(bench.buffer.pop());
    }
    assert_eq!(count(&frames, |f| matches!(f, Frame::Conceal(_) | Frame::Fec(_))), 0);
    assert!((65..75).contains(&count(&frames[48..125], |f| *f == Frame::Silence)));
    let after: Vec<u16> = played(&frames).into_iter().filter(|n| (51..1000).contains(n)).collect();
    assert_eq!(after.first(), Some(&51));
    assert!(after.len() >= 76);
}

#[test]
fn counters_that_wrap_are_no_loss() {
    let mut bench = Bench::starting(65_500, u32::MAX - 40 * 960);
    let frames = bench.run(120, |_| Some(0));
    assert_eq!(played(&frames), (0..120).collect::<Vec<_>>());
    assert_eq!(count(&frames[2..118], |f| !matches!(f, Frame::Packet(_))), 0);
}

#[test]
fn duplicates_and_stragglers_are_ignored() {
    let mut bench = Bench::new();
    let mut frames = Vec::new();
    for i in 0..50_u16 {
        bench.arrive(i, i64::from(i) * 20);
        bench.arrive(i, i64::from(i) * 20);
        bench.arrive(i.saturating_sub(10), i64::from(i) * 20);
        frames.push(bench.buffer.pop());
    }
    let order = played(&frames);
    assert_eq!(order, (0..order.len() as u16).collect::<Vec<_>>());
    let stats = bench.buffer.stats();
    assert_eq!(stats.received, 50);
    assert!(stats.duplicates >= 50 && stats.late >= 30, "{stats:?}");
}

#[test]
fn another_stream_takes_over_and_its_predecessor_does_not_come_between() {
    let mut buffer = JitterBuffer::new();
    let mut frames = Vec::new();
    for i in 0..40_u16 {
        let at = Duration::from_millis(u64::from(i) * 20);
        if i < 20 {
            buffer.push(1, 100 + i, 960 * u32::from(i), packet(i), at);
        } else {
            buffer.push(2, 40_000 + i, 77_000_000 + 960 * u32::from(i), packet(i), at);
            buffer.push(1, 100 + i - 10, 960 * u32::from(i - 10), packet(i - 10), at);
        }
        frames.push(buffer.pop());
    }
    assert_eq!(count(&frames, |f| *f == Frame::Restart), 1);
    let restart = frames.iter().position(|f| *f == Frame::Restart).unwrap();
    assert!(played(&frames[..restart]).iter().all(|n| *n < 20));
    assert!(played(&frames[restart..]).iter().all(|n| *n >= 20));
    // Should the first stream go on alone it is heard again.
    for i in 0..40_u16 {
        buffer.push(
            1,
            200 + i,
            960 * u32::from(200 + i),
            packet(200 + i),
            Duration::from_millis(900 + u64::from(i) * 20),
        );
        frames.push(buffer.pop());
    }
    assert!(played(&frames).contains(&230));
}

#[test]
fn a_counter_that_jumps_begins_anew() {
    let mut buffer = JitterBuffer::new();
    let mut frames = Vec::new();
    for i in 0..60_u16 {
        let sequence = if i < 30 { 100 + i } else { 30_000 + i };
        buffer.push(
            1,
            sequence,
            960 * u32::from(i),
            packet(i),
            Duration::from_millis(u64::from(i) * 20),
        );
        frames.push(buffer.pop());
    }
    let order = played(&frames);
    assert!(
        order.contains(&27) && order.contains(&33) && order.contains(&57),
        "{order:?}"
    );
    assert!(order.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn what_is_no_opus_never_comes_out() {
    let mut bench = Bench::new();
    for (i, junk) in [vec![], vec![0xff, 63, 1], vec![0xff]].into_iter().enumerate() {
        bench
            .buffer
            .push(7, 1000 + i as u16, 5_000_000, Bytes::from(junk), Duration::ZERO);
    }
    assert_eq!(bench.buffer.stats().invalid, 3);
    assert_eq!(bench.buffer.pop(), Frame::Silence);
    assert_eq!(played(&bench.run(50, |_| Some(0))).len(), 50);
}

#[test]
fn jitter_raises_the_delay_and_calm_lowers_it_again() {
    let mut bench = Bench::new();
    bench.run(200, |i| Some(i64::from(i.wrapping_mul(37) % 90)));
    let raised = bench.buffer.target_ms();
    assert!((90..=130).contains(&raised), "{raised} ms");
    // Calm, but by a longer way: only what varies counts.
    for i in 200..1200_u16 {
        bench.arrive(i, i64::from(i) * 20 + 400);
        bench.buffer.pop();
    }
    assert_eq!(bench.buffer.target_ms(), 40);
}

/// Plays a stream whose every frame is quiet, the sender's clock off by `ppm`.
fn drift(ppm: i64) -> (u64, JitterStats, usize) {
    let mut bench = Bench::new();
    let (mut sent, mut concealed) = (0_u16, 0);
    for tick in 0..15_000_i64 {
        let now = tick * 20;
        while i64::from(sent) * (20_000_000 + ppm * 20) <= now * 1_000_000 && sent < 15_000 {
            bench.arrive(sent, now);
            sent += 1;
        }
        let mut frame = bench.buffer.pop();
        while matches!(frame, Frame::Packet(_)) && bench.buffer.correct() == Correction::Skip {
            frame = bench.buffer.pop();
        }
        concealed += usize::from(tick > 100 && matches!(frame, Frame::Conceal(_)));
    }
    (bench.buffer.depth_ms(), bench.buffer.stats(), concealed)
}

#[test]
fn a_fast_sender_does_not_pile_up_and_a_slow_one_does_not_run_dry() {
    // Five minutes; 200 ppm is more than two crystals differ by.
    let (depth, stats, _) = drift(-200);
    assert!(depth <= 80, "{depth} ms wait after {stats:?}");
    assert!((1..=6).contains(&stats.skipped), "{stats:?}");
    let (_, stats, concealed) = drift(200);
    assert!(concealed <= 6, "{concealed} concealed, {stats:?}");
}

#[test]
fn what_a_stall_delivered_at_once_is_heard_and_the_delay_goes_in_the_next_pause() {
    let mut bench = Bench::new();
    // Packets 100..140 all come when the network wakes up, 800 ms late.
    let frames = bench.run(160, |i| {
        Some(if (100..140).contains(&i) {
            (140 - i64::from(i)) * 20
        } else {
            0
        })
    });
    assert_eq!(
        played(&frames),
        (0..played(&frames).len() as u16).collect::<Vec<_>>(),
        "nothing was left out"
    );
    let late = bench.buffer.depth_ms();
    assert!(late > 300, "{late} ms");
    let mut quiet_frames = 0;
    for i in 160..460_u16 {
        bench.arrive(i, i64::from(i) * 20 + 400);
        while matches!(bench.buffer.pop(), Frame::Packet(_)) && bench.buffer.correct() == Correction::Skip {
            quiet_frames += 1;
        }
    }
    assert!(
        quiet_frames > 10 && bench.buffer.depth_ms() < 200,
        "{} ms left",
        bench.buffer.depth_ms()
    );
}

proptest! {
    /// Whatever comes in: nothing panics, audio comes out in order and once, and what waits is bounded.
    #[test]
    fn any_packets_in_any_order(
        packets in prop::collection::vec((0_u32..3, any::<u16>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..40), 0_u64..60, 0_u8..4), 0..400)
    ) {
        let mut buffer = JitterBuffer::new();
        let mut now = 0;
        for (ssrc, sequence, timestamp, payload, later, pops) in packets {
            now += later;
            // Mostly one plausible stream, sometimes anything.
            let (sequence, timestamp) = if ssrc < 2 { (sequence % 300, u32::from(sequence % 300) * 960) } else { (sequence, timestamp) };
            buffer.push(ssrc, sequence, timestamp, Bytes::from(payload), Duration::from_millis(now));
            for _ in 0..pops {
                let frame = buffer.pop();
                if let Frame::Conceal(run) = frame {
                    prop_assert!((1..=3).contains(&run));
                }
            }
            prop_assert!(buffer.depth_ms() <= 2000 + 120);
            prop_assert!((40..=200).contains(&buffer.target_ms()));
        }
    }

    /// A stream with any loss and any delay up to 100 ms: packets are played in order, none twice.
    #[test]
    fn order_holds_under_any_delay(delays in prop::collection::vec(prop::option::weighted(0.85, 0_i64..100), 50..250)) {
        let mut bench = Bench::new();
        let frames = bench.run(delays.len() as u16, |i| delays[usize::from(i)]);
        let order = played(&frames);
        prop_assert!(order.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", order);
        let stats = bench.buffer.stats();
        prop_assert_eq!(order.len() as u64, stats.received);
    }
}

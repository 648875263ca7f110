//! Two real peers over 127.0.0.1: what one sends the other hears, and nothing is left when they part.

use std::f32::consts::TAU;
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use emma::screening::calls::domain::audio::{EAR_FRAME, VOICE_FRAME};
use emma::screening::calls::domain::ports::{
    Accepted, IceCandidate, MediaError, MediaEvent, MediaGateway, MediaLink, SdpOffer,
};
use emma::screening::calls::infrastructure::webrtc::{WebRtcAdapter, WebRtcConfig};
use emma::screening::shared::ids::ConnectionId;
use emma::shared::media::codec::DecodeRate;
use emma::shared::media::peer::{MAX_MESSAGE_BYTES, Peer, PeerConfig, PeerMessage, PeerState, PeerStreams};
use emma::shared::media::receiver::AudioReceiver;
use emma::shared::media::sdp;
use tokio::time::{Instant, interval, timeout};
use tokio_util::sync::CancellationToken;

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
/// Nothing on one machine takes this long unless it is broken.
const SOON: Duration = Duration::from_secs(15);

fn adapter() -> WebRtcAdapter {
    WebRtcAdapter::new(WebRtcConfig {
        listen: vec![LOOPBACK],
        ..WebRtcConfig::default()
    })
}

fn candidate_config() -> PeerConfig {
    PeerConfig {
        addresses: vec![LOOPBACK],
        ..PeerConfig::default()
    }
}

/// A candidate who sends a tone every 20 ms until told to stop.
struct Candidate {
    peer: Arc<Peer>,
    streams: PeerStreams,
    stop: CancellationToken,
}

impl Candidate {
    fn start(peer: Peer, streams: PeerStreams, hz: f32) -> Self {
        let (peer, stop) = (Arc::new(peer), CancellationToken::new());
        let (sender, stopped) = (Arc::clone(&peer), stop.clone());
        tokio::spawn(async move {
            let mut clock = interval(Duration::from_millis(20));
            for index in 0.. {
                tokio::select! {
                    () = stopped.cancelled() => return,
                    _ = clock.tick() => sender.send_audio(&tone(hz, index)),
                }
            }
        });
        Self { peer, streams, stop }
    }

    async fn reaches(&mut self, wanted: PeerState) {
        timeout(SOON, self.streams.state.wait_for(|state| *state == wanted))
            .await
            .expect("in time")
            .expect("a state");
    }

    async fn message(&mut self) -> String {
        match timeout(SOON, self.streams.messages.recv()).await.expect("in time") {
            Some(PeerMessage::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    async fn leave(self) {
        self.stop.cancel();
        self.peer.close().await;
    }
}

async fn call(adapter: &WebRtcAdapter, hz: f32) -> (Candidate, ConnectionId, MediaLink) {
    let (peer, streams, offer) = Peer::offer(candidate_config()).await.expect("an offer");
    let Accepted {
        connection,
        answer,
        link,
    } = adapter.accept(SdpOffer(offer)).await.expect("an answer");
    peer.accept_answer(&answer).await.expect("accepted");
    (Candidate::start(peer, streams, hz), connection, link)
}

/// 20 ms of a tone at a quarter of full scale.
fn tone(hz: f32, index: usize) -> [i16; VOICE_FRAME] {
    std::array::from_fn(|i| {
        let t = (index * VOICE_FRAME + i) as f64 / 48_000.0;
        ((t * f64::from(hz) * f64::from(TAU)).sin() * 8192.0) as i16
    })
}

async fn next(link: &mut MediaLink) -> MediaEvent {
    timeout(SOON, link.events.recv())
        .await
        .expect("in time")
        .expect("an event")
}

async fn until(link: &mut MediaLink, wanted: impl Fn(&MediaEvent) -> bool) -> MediaEvent {
    let search = async {
        loop {
            let event = link.events.recv().await.expect("the link is still open");
            if wanted(&event) {
                return event;
            }
        }
    };
    timeout(SOON, search).await.expect("in time")
}

/// Level of one frequency in a signal, as the amplitude of its sine (Goertzel).
fn amplitude(pcm: &[f32], rate: f32, hz: f32) -> f32 {
    let w = TAU * hz / rate;
    let (mut a, mut b) = (0.0_f32, 0.0_f32);
    for sample in pcm {
        (a, b) = (sample + 2.0 * w.cos() * a - b, a);
    }
    (a * a + b * b - 2.0 * w.cos() * a * b).sqrt() * 2.0 / pcm.len() as f32
}

// spec: CALL-1
#[tokio::test]
async fn a_tone_and_messages_go_both_ways() {
    let adapter = adapter();
    let (mut candidate, _, mut link) = call(&adapter, 440.0).await;
    until(&mut link, |event| matches!(event, MediaEvent::Connected)).await;
    candidate.reaches(PeerState::Connected).await;

    candidate.peer.send_message("typed by the candidate".to_owned());
    link.sink.send_message("said by Emma".to_owned());
    assert_eq!(candidate.message().await, "said by Emma");
    let event = until(&mut link, |event| matches!(event, MediaEvent::Message(_))).await;
    assert!(matches!(event, MediaEvent::Message(text) if text == "typed by the candidate"));

    // What the ears hear: a second of it, once the stream runs.
    let mut heard = Vec::new();
    while heard.len() < 16_000 {
        if let MediaEvent::Audio { pcm, received } = next(&mut link).await
            && (received || !heard.is_empty())
        {
            heard.extend_from_slice(pcm.as_slice());
        }
    }
    let late = &heard[8_000..];
    let at_440 = amplitude(late, 16_000.0, 440.0);
    assert!((0.2..0.3).contains(&at_440), "level {at_440}, sent 0.25");
    assert!(amplitude(late, 16_000.0, 700.0) < at_440 / 20.0);

    // And what the candidate hears of Emma.
    let sink = Arc::clone(&link.sink);
    let speaking = tokio::spawn(async move {
        let mut clock = interval(Duration::from_millis(20));
        for index in 0..100 {
            clock.tick().await;
            sink.send_audio(&tone(700.0, index));
        }
    });
    let mut ears = AudioReceiver::new(DecodeRate::Full).expect("a decoder");
    let (mut clock, mut heard) = (interval(Duration::from_millis(20)), Vec::new());
    while heard.len() < 48_000 {
        clock.tick().await;
        while let Ok(packet) = candidate.streams.audio.try_recv() {
            ears.push(&packet);
        }
        let mut frame = [0.0; VOICE_FRAME];
        if ears.next_frame(&mut frame) || !heard.is_empty() {
            heard.extend_from_slice(&frame);
        }
    }
    let at_700 = amplitude(&heard[24_000..], 48_000.0, 700.0);
    assert!((0.2..0.3).contains(&at_700), "level {at_700}, sent 0.25");
    speaking.await.expect("spoken");
    candidate.leave().await;
    adapter.shut_down().await;
}

// spec: CALL-1
#[tokio::test]
async fn there_is_one_frame_for_every_20_ms_whatever_arrives() {
    let adapter = adapter();
    let (candidate, _, mut link) = call(&adapter, 300.0).await;
    until(&mut link, |event| matches!(event, MediaEvent::Connected)).await;
    let started = Instant::now();
    let mut frames = 0_u32;
    let mut received_frames = 0_u32;
    while frames < 150 {
        // The candidate falls silent in the middle without a word.
        if frames == 75 {
            candidate.stop.cancel();
        }
        if let MediaEvent::Audio { received, pcm } = next(&mut link).await {
            assert_eq!(pcm.len(), EAR_FRAME);
            frames += 1;
            received_frames += u32::from(received);
        }
    }
    let took = started.elapsed();
    assert!(
        (Duration::from_millis(2800)..Duration::from_millis(3400)).contains(&took),
        "150 frames took {took:?}"
    );
    assert!(
        (50..100).contains(&received_frames),
        "{received_frames} of 150 received"
    );
    candidate.leave().await;
}

#[tokio::test]
async fn a_candidate_who_says_goodbye_is_gone_at_once() {
    let adapter = adapter();
    let (mut candidate, _, mut link) = call(&adapter, 300.0).await;
    candidate.reaches(PeerState::Connected).await;
    until(&mut link, |event| matches!(event, MediaEvent::Connected)).await;
    let left = Instant::now();
    candidate.leave().await;
    until(&mut link, |event| matches!(event, MediaEvent::Closed)).await;
    assert!(left.elapsed() < Duration::from_secs(2), "{:?}", left.elapsed());
}

// spec: CALL-4
#[test]
fn a_candidate_who_vanishes_is_missed_within_six_seconds() {
    let server = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let away = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let adapter = adapter();
    let (peer, _streams, offer) = away.block_on(async { Peer::offer(candidate_config()).await.expect("an offer") });
    let mut link = server.block_on(async {
        let Accepted { answer, link, .. } = adapter.accept(SdpOffer(offer)).await.expect("an answer");
        peer.accept_answer(&answer).await.expect("accepted");
        link
    });
    server.block_on(until(&mut link, |event| matches!(event, MediaEvent::Connected)));
    // Its machine stops: no goodbye, nothing answers any more.
    away.shutdown_background();
    let vanished = Duration::from_secs(6);
    server.block_on(async {
        timeout(
            vanished,
            until(&mut link, |event| matches!(event, MediaEvent::Interrupted)),
        )
        .await
        .expect("in time");
    });
    drop(link);
    server.block_on(adapter.shut_down());
}

/// Sockets this process has open.
fn sockets() -> usize {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else {
        return 0;
    };
    open.flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

#[tokio::test]
async fn nothing_is_left_of_a_connection() {
    let adapter = adapter();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = (tasks(), sockets());
    for how in 0..4 {
        let (mut candidate, connection, mut link) = call(&adapter, 300.0).await;
        until(&mut link, |event| matches!(event, MediaEvent::Connected)).await;
        candidate.reaches(PeerState::Connected).await;
        match how {
            0 => link.sink.close().await,
            1 => adapter.close(&connection).await,
            2 => candidate.peer.close().await,
            _ => {}
        }
        if how < 3 {
            until(&mut link, |event| matches!(event, MediaEvent::Closed)).await;
        }
        // In the last round only the link is dropped.
        drop(link);
        candidate.reaches(PeerState::Closed).await;
        candidate.leave().await;
    }
    adapter.shut_down().await;
    assert_eq!(adapter.open_connections(), 0);
    let settled = async {
        while (tasks(), sockets()) != before {
            tokio::task::yield_now().await;
        }
    };
    assert!(
        timeout(Duration::from_secs(5), settled).await.is_ok(),
        "{:?} became {:?}",
        before,
        (tasks(), sockets())
    );
}

#[tokio::test]
async fn candidates_come_later_and_bad_ones_are_refused() {
    let adapter = adapter();
    let (peer, streams, offer) = Peer::offer(candidate_config()).await.expect("an offer");
    let (bare, candidates) = sdp::split_candidates(&offer);
    assert!(!candidates.is_empty() && !bare.contains("candidate:"));
    let Accepted {
        connection,
        answer,
        mut link,
    } = adapter.accept(SdpOffer(bare)).await.expect("an answer");
    let candidate = |text: &str| IceCandidate {
        candidate: text.to_owned(),
        sdp_mid: Some("0".to_owned()),
        sdp_mline_index: Some(0),
    };
    for bad in [
        "candidate:nonsense",
        "candidate:1 1 udp 1 not-an-address 5 typ host",
        &"x".repeat(5000),
    ] {
        let refused = adapter.add_candidates(&connection, vec![candidate(bad)]).await;
        assert!(matches!(refused, Err(MediaError::BadCandidate(_))), "{refused:?}");
    }
    let browser_name = "candidate:1 1 udp 2122260223 5e2ba13a-6b21-4f6d-9cf0-2f8cf4e4e0a1.local 46154 typ host";
    let good = candidates
        .iter()
        .map(String::as_str)
        .chain([browser_name, ""])
        .map(candidate)
        .collect();
    adapter
        .add_candidates(&connection, good)
        .await
        .expect("good candidates");
    peer.accept_answer(&answer).await.expect("accepted");
    until(&mut link, |event| matches!(event, MediaEvent::Connected)).await;

    let flood: Vec<_> = (0..100)
        .map(|i| candidate(&format!("candidate:{i} 1 udp 1 192.0.2.1 {} typ host", 1000 + i)))
        .collect();
    assert!(matches!(
        adapter.add_candidates(&connection, flood).await,
        Err(MediaError::BadCandidate(_))
    ));
    link.sink.close().await;
    until(&mut link, |event| matches!(event, MediaEvent::Closed)).await;
    adapter.shut_down().await;
    let gone = adapter.add_candidates(&connection, vec![candidate("")]).await;
    assert_eq!(gone, Err(MediaError::UnknownConnection));
    drop(streams);
    peer.close().await;
}

#[tokio::test]
async fn garbage_on_the_wire_changes_nothing() {
    let adapter = adapter();
    let (peer, streams, offer) = Peer::offer(candidate_config()).await.expect("an offer");
    let Accepted { answer, mut link, .. } = adapter.accept(SdpOffer(offer)).await.expect("an answer");
    peer.accept_answer(&answer).await.expect("accepted");
    let candidate = Candidate::start(peer, streams, 440.0);
    let port: u16 = answer
        .lines()
        .find_map(|line| line.strip_prefix("a=candidate:")?.split(' ').nth(5)?.parse().ok())
        .expect("a candidate");
    until(&mut link, |event| matches!(event, MediaEvent::Connected)).await;
    let stranger = UdpSocket::bind((LOOPBACK, 0)).expect("a socket");
    let mut state = 1_u32;
    for i in 0..3000_usize {
        let mut datagram: Vec<u8> = (0..i % 200)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        // First bytes of STUN, DTLS handshake and alert, RTP and RTCP (RFC 7983).
        if let Some(first) = datagram.first_mut() {
            *first = [0, 1, 22, 21, 23, 128, 129, 200][i % 8];
        }
        if datagram.len() > 8 && i % 8 < 2 {
            datagram[4..8].copy_from_slice(&0x2112_A442_u32.to_be_bytes());
        }
        stranger.send_to(&datagram, (LOOPBACK, port)).expect("sent");
    }
    let mut heard = Vec::new();
    while heard.len() < 32_000 {
        match next(&mut link).await {
            MediaEvent::Audio { pcm, .. } => heard.extend_from_slice(pcm.as_slice()),
            MediaEvent::Closed | MediaEvent::Interrupted => panic!("garbage ended the call"),
            _ => {}
        }
    }
    assert!(amplitude(&heard[16_000..], 16_000.0, 440.0) > 0.2);
    candidate.leave().await;
    adapter.shut_down().await;
}

#[tokio::test]
async fn a_flood_of_messages_is_told_once_and_ends_nothing() {
    let adapter = WebRtcAdapter::new(WebRtcConfig {
        listen: vec![LOOPBACK],
        messages_per_second: 10,
        ..WebRtcConfig::default()
    });
    let (mut candidate, _, mut link) = call(&adapter, 300.0).await;
    candidate.reaches(PeerState::Connected).await;
    candidate.peer.send_message("x".repeat(MAX_MESSAGE_BYTES + 1));
    assert!(candidate.message().await.contains("message_too_long"));
    for i in 0..200 {
        candidate.peer.send_message(format!("{i}"));
    }
    assert!(candidate.message().await.contains("too_many_messages"));
    // The flood over, the call goes on and no second complaint has come.
    let mut messages = 0;
    let mut frames = 0;
    while frames < 100 {
        match next(&mut link).await {
            MediaEvent::Message(_) => messages += 1,
            MediaEvent::Audio { .. } => frames += 1,
            MediaEvent::Connected => {}
            other => panic!("{other:?}"),
        }
    }
    assert!((10..60).contains(&messages), "{messages} of 200 were taken");
    assert!(candidate.streams.messages.try_recv().is_err());
    candidate.leave().await;
    adapter.shut_down().await;
}

//! Descriptions and limits: what offers are answered, with what, and which are refused.

use std::net::{IpAddr, UdpSocket};

use emma::screening::calls::domain::ports::{Accepted, MediaError, MediaGateway, MediaLink, SdpOffer};
use emma::screening::calls::infrastructure::webrtc::{WebRtcAdapter, WebRtcConfig};

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn adapter() -> WebRtcAdapter {
    WebRtcAdapter::new(WebRtcConfig {
        listen: vec![LOOPBACK],
        ..WebRtcConfig::default()
    })
}

#[tokio::test]
async fn what_is_no_offer_is_an_error_and_nothing_else() {
    let adapter = adapter();
    let chrome = include_str!("data/sdp/chrome.sdp");
    let binary: String = (0..2000_u32)
        .filter_map(|i| char::from_u32(i * 7919 % 0xd7ff))
        .collect();
    let cases = [
        String::new(),
        "v=0".to_owned(),
        "hello".to_owned(),
        binary,
        "v=0\r\n".repeat(20_000),
        chrome.replace("a=ice-ufrag", "a=nothing"),
        chrome.replace("a=fingerprint:sha-256 30:B8", "a=fingerprint:sha-256 zz"),
        chrome.replace("a=fingerprint:sha-256", "a=fingerprint:rot13"),
        chrome.replace("a=mid:0", "a=mid:"),
        chrome.replace("m=audio 9", "m=audio 999999999999"),
        chrome.replace("opus/48000/2", "opus/-1/2"),
    ];
    for case in cases {
        let refused = adapter.accept(SdpOffer(case.clone())).await.err();
        let known = matches!(refused, Some(MediaError::BadSdp(_) | MediaError::NoAudio));
        assert!(known, "{refused:?} for {:?}", case.chars().take(60).collect::<String>());
    }
    let refused = adapter
        .accept(SdpOffer(chrome.replace("opus/48000/2", "speex/16000")))
        .await
        .err();
    assert_eq!(refused, Some(MediaError::NoAudio));

    // Cut off anywhere, with a character changed anywhere: an error or a connection that never comes up, no panic.
    for cut in (0..chrome.len()).step_by(61) {
        let mut changed = chrome.to_owned();
        changed.replace_range(cut..=cut, "\u{fc}");
        for text in [chrome[..cut].to_owned(), changed] {
            match adapter.accept(SdpOffer(text)).await {
                Ok(accepted) => accepted.link.sink.close().await,
                Err(MediaError::BadSdp(_) | MediaError::NoAudio) => {}
                Err(other) => panic!("{other:?} when cut at {cut}"),
            }
        }
    }
    adapter.shut_down().await;
    assert_eq!(adapter.open_connections(), 0);
}

#[tokio::test]
async fn ports_and_places_are_limited_and_come_back() {
    let free = UdpSocket::bind((LOOPBACK, 0))
        .and_then(|s| s.local_addr())
        .expect("a port")
        .port();
    let adapter = WebRtcAdapter::new(WebRtcConfig {
        listen: vec![LOOPBACK],
        advertised: vec!["203.0.113.5".parse().expect("an address")],
        udp_ports: Some(free..=free),
        ..WebRtcConfig::default()
    });
    let offer = || SdpOffer(include_str!("data/sdp/firefox.sdp").to_owned());
    let first = adapter.accept(offer()).await.expect("an answer");
    assert!(
        first.answer.contains(&format!(" 127.0.0.1 {free} typ host")),
        "{}",
        first.answer
    );
    assert!(
        first.answer.contains(&format!(" 203.0.113.5 {free} typ host")),
        "{}",
        first.answer
    );
    assert_eq!(
        adapter.accept(offer()).await.err(),
        Some(MediaError::TooManyConnections)
    );
    is_closed(first.link).await;
    let second = adapter.accept(offer()).await.expect("the port is free again");
    is_closed(second.link).await;
    adapter.shut_down().await;

    let adapter = WebRtcAdapter::new(WebRtcConfig {
        listen: vec![LOOPBACK],
        max_connections: 1,
        ..WebRtcConfig::default()
    });
    let _first = adapter.accept(offer()).await.expect("an answer");
    assert_eq!(
        adapter.accept(offer()).await.err(),
        Some(MediaError::TooManyConnections)
    );
    adapter.shut_down().await;
}

/// Closes a link and waits until nothing of it is left.
async fn is_closed(mut link: MediaLink) {
    link.sink.close().await;
    while link.events.recv().await.is_some() {}
}

/// The lines of the section whose `m=` line begins with `kind`.
fn section<'a>(sdp: &'a str, kind: &str) -> Vec<&'a str> {
    let start = format!("m={kind}");
    sdp.lines()
        .skip_while(|line| !line.starts_with(&start))
        .enumerate()
        .take_while(|(i, line)| *i == 0 || !line.starts_with("m="))
        .map(|(_, line)| line)
        .collect()
}

// spec: CALL-1
#[tokio::test]
async fn the_answer_suits_every_browser() {
    let adapter = adapter();
    for (name, offer, opus, audio_mid, data_mid, bundle) in [
        ("chrome", include_str!("data/sdp/chrome.sdp"), 111, 0, 1, "0 1"),
        ("firefox", include_str!("data/sdp/firefox.sdp"), 109, 0, 1, "0 1"),
        ("safari", include_str!("data/sdp/safari.sdp"), 111, 0, 1, "0 1"),
        (
            "chrome with a camera",
            include_str!("data/sdp/chrome_video.sdp"),
            111,
            0,
            2,
            "0 2",
        ),
        (
            "video first",
            include_str!("data/sdp/video_first.sdp"),
            111,
            1,
            2,
            "1 2",
        ),
    ] {
        let Accepted { answer, link, .. } = adapter.accept(SdpOffer(offer.to_owned())).await.expect(name);
        let audio = section(&answer, "audio");
        let has = |line: &str| assert!(audio.contains(&line), "{name}: no {line} in\n{answer}");
        has(&format!("m=audio 9 UDP/TLS/RTP/SAVPF {opus}"));
        has(&format!("a=rtpmap:{opus} opus/48000/2"));
        has(&format!("a=fmtp:{opus} minptime=10;useinbandfec=1"));
        has(&format!("a=mid:{audio_mid}"));
        has("a=sendrecv");
        has("a=rtcp-mux");
        has("a=setup:active");
        has("a=end-of-candidates");
        assert!(
            audio
                .iter()
                .any(|line| line.starts_with("a=candidate:") && line.contains("127.0.0.1")),
            "{name}\n{answer}"
        );
        let data = section(&answer, "application");
        assert_eq!(data.first(), Some(&"m=application 9 UDP/DTLS/SCTP webrtc-datachannel"));
        assert!(data.contains(&format!("a=mid:{data_mid}").as_str()) && data.contains(&"a=sctp-port:5000"));
        assert!(
            answer.contains(&format!("a=group:BUNDLE {bundle}\r\n")),
            "{name}\n{answer}"
        );
        assert!(!answer.contains("ice-lite"));
        assert_eq!(answer.matches("a=end-of-candidates").count(), 1);
        let kinds = |sdp: &str| {
            sdp.lines()
                .filter_map(|l| l.strip_prefix("m=")?.split(' ').next())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            kinds(&answer),
            kinds(offer),
            "{name}: one section for each offered, in order"
        );
        for video in answer.lines().filter(|line| line.starts_with("m=video")) {
            assert!(video.starts_with("m=video 0 "), "{name}: {video}");
        }
        link.sink.close().await;
    }
    adapter.shut_down().await;
}

#[tokio::test]
async fn a_candidate_without_a_microphone_is_spoken_to() {
    let adapter = adapter();
    for (offered, wanted) in [("recvonly", "a=sendonly"), ("sendrecv", "a=sendrecv")] {
        let offer = include_str!("data/sdp/chrome.sdp").replace("a=sendrecv", &format!("a={offered}"));
        let accepted = adapter.accept(SdpOffer(offer)).await.expect("an answer");
        let audio = section(&accepted.answer, "audio");
        assert!(audio.contains(&wanted), "{offered}:\n{}", accepted.answer);
        accepted.link.sink.close().await;
    }
    adapter.shut_down().await;
}

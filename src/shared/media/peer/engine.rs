//! What the WebRTC stack is told to support: Opus, reports, nothing else.

use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use webrtc::error::Error;
use webrtc::peer_connection::{MediaEngine, Registry, SettingEngine, SettingEngineBuilder, configure_rtcp_reports};

/// Without an answer to our checks for this long a peer counts as interrupted.
const DISCONNECTED: Duration = Duration::from_secs(4);
/// And this much later as gone: it would have to make a new connection.
const FAILED: Duration = Duration::from_secs(20);
/// How often a quiet path is checked.
const KEEPALIVE: Duration = Duration::from_secs(1);
/// Below every path's limit once IPv6, UDP and DTLS have taken their part of 1280.
const SCTP_MTU: u32 = 1191;
/// Opus's number in our own offers; an answer uses the offer's.
const OPUS_PAYLOAD_TYPE: u8 = 111;
/// Tells streams apart that share one port, for peers that do not announce their SSRC.
const MID_EXTENSION: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// Opus as every browser writes it.
pub(super) fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: "audio/opus".to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

/// Opus and the interceptors that write RTCP reports: by them a browser learns how much redundancy to send.
pub(super) fn audio_only() -> Result<(MediaEngine, Registry), Error> {
    let mut media = MediaEngine::default();
    let parameters = RTCRtpCodecParameters {
        rtp_codec: opus(),
        payload_type: OPUS_PAYLOAD_TYPE,
    };
    media.register_codec(parameters, RtpCodecKind::Audio)?;
    let mid = RTCRtpHeaderExtensionCapability {
        uri: MID_EXTENSION.to_owned(),
    };
    media.register_header_extension(mid, RtpCodecKind::Audio, None)?;
    Ok((media, configure_rtcp_reports(Registry::new())))
}

/// Timeouts of the connection. Names of the peer's local network are not resolved: its checks reach us anyway.
pub(super) fn settings() -> SettingEngine {
    SettingEngineBuilder::new()
        .with_lite(false)
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_ice_timeouts(Some(DISCONNECTED), Some(FAILED), Some(KEEPALIVE))
        .with_sctp_mtu(SCTP_MTU)
        .build()
}

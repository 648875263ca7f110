//! A WebRTC peer that keeps to nothing: any packet, any message.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use emma::shared::media::codec::FRAME_48K;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use serde_json::Value;
use tokio::time::timeout;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
    RTCPeerConnectionState, RTCSessionDescription, Registry,
};

const PATIENCE: Duration = Duration::from_secs(40);
const PAYLOAD_TYPE: u8 = 111;

pub struct RawPeer {
    _connection: Box<dyn PeerConnection>,
    channel: Arc<dyn DataChannel>,
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    frames: u32,
}

struct Handler(tokio::sync::watch::Sender<bool>);

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if state == RTCPeerConnectionState::Connected {
            self.0.send_replace(true);
        }
    }
}

impl RawPeer {
    /// Connects; `exchange` gets the answer to the offer.
    pub async fn join(exchange: impl AsyncFnOnce(String) -> String) -> Self {
        let codec = RTCRtpCodec {
            mime_type: "audio/opus".to_owned(),
            clock_rate: 48_000,
            channels: 2,
            sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
            rtcp_feedback: vec![],
        };
        let mut media = MediaEngine::default();
        let parameters = RTCRtpCodecParameters {
            rtp_codec: codec.clone(),
            payload_type: PAYLOAD_TYPE,
        };
        media.register_codec(parameters, RtpCodecKind::Audio).expect("Opus");
        let (up, mut connected) = tokio::sync::watch::channel(false);
        let builder = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().build())
            .with_media_engine(media)
            .with_interceptor_registry(Registry::new())
            .with_handler(Arc::new(Handler(up)))
            .with_udp_addrs(vec!["127.0.0.1:0"]);
        let connection = Box::pin(builder.build()).await.expect("a connection");
        let ssrc = rand::random();
        let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            "raw".to_owned(),
            "raw-voice".to_owned(),
            "raw-voice".to_owned(),
            RtpCodecKind::Audio,
            vec![RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters {
                    ssrc: Some(ssrc),
                    ..Default::default()
                },
                codec,
                ..Default::default()
            }],
        )));
        connection
            .add_track(Arc::clone(&track) as Arc<dyn TrackLocal>)
            .await
            .expect("a track");
        let channel = connection.create_data_channel("emma", None).await.expect("a channel");
        let offer = connection.create_offer(None).await.expect("an offer");
        connection.set_local_description(offer).await.expect("an offer");
        let offer = connection.local_description().await.expect("an offer").sdp;
        let answer = exchange(offer).await;
        let answer = RTCSessionDescription::answer(answer).expect("an answer");
        connection.set_remote_description(answer).await.expect("an answer");
        let peer = Self {
            _connection: Box::new(connection),
            channel,
            track,
            ssrc,
            frames: 0,
        };
        timeout(PATIENCE, connected.wait_for(|up| *up))
            .await
            .expect("in time")
            .expect("connected");
        let open =
            async { while !matches!(peer.channel.poll().await.expect("a channel"), DataChannelEvent::OnOpen) {} };
        timeout(PATIENCE, open).await.expect("the channel opens");
        peer
    }

    /// The header of an orderly packet.
    pub fn header(&self) -> rtp::Header {
        rtp::Header {
            version: 2,
            payload_type: PAYLOAD_TYPE,
            ssrc: self.ssrc,
            ..Default::default()
        }
    }

    /// Sends a packet; what the stack refuses to send is not sent.
    pub async fn send(&self, header: rtp::Header, payload: Vec<u8>) {
        let packet = rtp::Packet {
            header,
            payload: Bytes::from(payload),
        };
        timeout(PATIENCE, self.track.write_rtp(packet))
            .await
            .expect("in time")
            .ok();
    }

    pub async fn say(&self, text: &str) {
        timeout(PATIENCE, self.channel.send_text(text))
            .await
            .expect("in time")
            .ok();
    }

    pub async fn say_bytes(&self, bytes: &[u8]) {
        timeout(PATIENCE, self.channel.send(BytesMut::from(bytes)))
            .await
            .expect("in time")
            .ok();
    }

    /// The next message that fits.
    pub async fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let search = async {
            loop {
                if let DataChannelEvent::OnMessage(message) = self.channel.poll().await.expect("an open channel")
                    && let Ok(message) = serde_json::from_slice::<Value>(&message.data)
                    && fits(&message)
                {
                    return message;
                }
            }
        };
        timeout(PATIENCE, search)
            .await
            .unwrap_or_else(|_| panic!("never: {what}"))
    }

    /// [`until`](Self::until), sending silence meanwhile: `whole` frames of it, or only those that are sent of a
    /// silence that is not transmitted.
    pub async fn until_in_silence(&mut self, what: &str, whole: bool, fits: impl Fn(&Value) -> bool) {
        let mut clock = tokio::time::interval(Duration::from_millis(20));
        let channel = Arc::clone(&self.channel);
        let search = async {
            loop {
                tokio::select! {
                    _ = clock.tick() => self.send_silence(whole).await,
                    event = channel.poll() => {
                        if let DataChannelEvent::OnMessage(message) = event.expect("an open channel")
                            && serde_json::from_slice::<Value>(&message.data).is_ok_and(|m| fits(&m))
                        {
                            return;
                        }
                    }
                }
            }
        };
        timeout(PATIENCE, search)
            .await
            .unwrap_or_else(|_| panic!("never: {what}"));
    }

    async fn send_silence(&mut self, whole: bool) {
        self.frames += 1;
        let mut header = self.header();
        header.sequence_number = self.frames as u16;
        header.timestamp = self.frames * FRAME_48K as u32;
        // Silence as libopus writes it, and a frame of DTX: a table of contents alone.
        let payload = match (whole, self.frames % 20) {
            (true, _) => vec![0xf8, 0xff, 0xfe],
            (false, 0) => vec![0xf8],
            (false, _) => return,
        };
        self.send(header, payload).await;
    }
}

//! The candidate's end of the WebRTC connection: offers, sends numbered Opus packets, hands on what comes in.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::MIME_TYPE_OPUS;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
    RTCIceGatheringState, RTCIceServer, RTCPeerConnectionIceEvent, RTCPeerConnectionState, RTCSessionDescription,
    Registry, register_default_interceptors,
};
use webrtc::rtp_transceiver::RtpSender;

use crate::talk::http::IceServer;
use crate::talk::protocol::CHANNEL;
use crate::talk::{FRAME, RATE_HZ};

/// What the browser would offer; the answer may number it otherwise.
const OPUS_PAYLOAD_TYPE: u8 = 111;
/// For everything that only waits for the connection's own driver.
const STEP: Duration = Duration::from_secs(5);

/// Why the connection could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    #[error("WebRTC: {0}")]
    WebRtc(#[from] webrtc::error::Error),
    #[error("WebRTC: {0} took too long")]
    Stuck(&'static str),
    #[error("the server did not accept Opus")]
    NoCodec,
}

/// What happens to the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerEvent {
    Connected,
    /// The connection is gone for good.
    Failed,
    /// A message on the data channel.
    Message(String),
    ChannelClosed,
    /// The server does not take this candidate now; its words.
    Refused(String),
}

/// A packet and when it was received.
#[derive(Debug, Clone)]
pub struct Received {
    pub packet: rtp::Packet,
    pub at: Instant,
}

/// A candidate of ours, as `candidate:...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gathered {
    Candidate(String),
    Done,
}

/// What a connection gives, to be read continuously.
pub struct Streams {
    /// 256 events; when full, messages wait in SCTP and state changes are dropped.
    pub events: mpsc::Receiver<PeerEvent>,
    /// 5 s of packets; when full, new ones are dropped.
    pub packets: mpsc::Receiver<Received>,
    /// 64 candidates; when full, new ones are dropped.
    gathered: Option<mpsc::Receiver<Gathered>>,
}

impl Streams {
    /// The candidates, for who sends them; once.
    pub fn take_gathered(&mut self) -> Option<mpsc::Receiver<Gathered>> {
        self.gathered.take()
    }
}

/// One connection.
pub struct Peer {
    connection: Box<dyn PeerConnection>,
    channel: Arc<dyn DataChannel>,
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
    ssrc: u32,
    payload_type: u8,
}

impl Peer {
    /// Prepares a connection and its offer. `local` adds the loopback address, for a server on this machine.
    ///
    /// # Errors
    /// When WebRTC refuses the configuration or no address can be used.
    pub async fn offer(ice_servers: Vec<IceServer>, local: bool) -> Result<(Self, Streams, String), PeerError> {
        let (event_sender, events) = mpsc::channel(256);
        let (packet_sender, packets) = mpsc::channel(256);
        let (gathered_sender, gathered) = mpsc::channel(64);
        let handler = Handler {
            events: event_sender.clone(),
            packets: packet_sender,
            gathered: gathered_sender,
        };
        let mut media = MediaEngine::default();
        media.register_codec(opus_parameters(), RtpCodecKind::Audio)?;
        let interceptors = register_default_interceptors(Registry::new(), &mut media)?;
        let addresses = if local {
            vec!["127.0.0.1:0", "0.0.0.0:0"]
        } else {
            vec!["0.0.0.0:0"]
        };
        let builder = PeerConnectionBuilder::new()
            .with_configuration(
                RTCConfigurationBuilder::new()
                    .with_ice_servers(servers(ice_servers))
                    .build(),
            )
            .with_media_engine(media)
            .with_interceptor_registry(interceptors)
            .with_handler(Arc::new(handler))
            .with_udp_addrs(addresses);
        let connection = Box::pin(builder.build()).await?;
        let ssrc = rand::random();
        let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            "candidate".to_owned(),
            "candidate-voice".to_owned(),
            "candidate-voice".to_owned(),
            RtpCodecKind::Audio,
            vec![RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters {
                    ssrc: Some(ssrc),
                    ..Default::default()
                },
                codec: opus_parameters().rtp_codec,
                ..Default::default()
            }],
        )));
        let sender = connection.add_track(Arc::clone(&track) as Arc<dyn TrackLocal>).await?;
        let channel = connection.create_data_channel(CHANNEL, None).await?;
        tokio::spawn(read_channel(Arc::clone(&channel), event_sender));
        let offer = connection.create_offer(None).await?;
        connection.set_local_description(offer).await?;
        let offer = connection
            .local_description()
            .await
            .ok_or(PeerError::Stuck("the offer"))?
            .sdp;
        let peer = Self {
            connection: Box::new(connection),
            channel,
            track,
            sender,
            ssrc,
            payload_type: OPUS_PAYLOAD_TYPE,
        };
        Ok((
            peer,
            Streams {
                events,
                packets,
                gathered: Some(gathered),
            },
            offer,
        ))
    }

    /// Takes the server's answer; the connection comes up by itself after it.
    ///
    /// # Errors
    /// When it is no answer to the offer, or has no Opus in it.
    pub async fn accept(&mut self, answer: String) -> Result<(), PeerError> {
        let answer = RTCSessionDescription::answer(answer)?;
        timeout(STEP, self.connection.set_remote_description(answer))
            .await
            .map_err(|_| PeerError::Stuck("the answer"))??;
        let codecs = self.sender.get_parameters().await?.rtp_parameters.codecs;
        self.payload_type = codecs.first().ok_or(PeerError::NoCodec)?.payload_type;
        Ok(())
    }

    /// Sends the `index`th packet of 20 ms of Opus.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn send(&self, index: u64, payload: Vec<u8>) -> Result<(), PeerError> {
        let header = rtp::Header {
            version: 2,
            marker: index == 0,
            payload_type: self.payload_type,
            sequence_number: index as u16,
            timestamp: (index * FRAME as u64) as u32,
            ssrc: self.ssrc,
            ..Default::default()
        };
        let packet = rtp::Packet {
            header,
            payload: Bytes::from(payload),
        };
        timeout(STEP, self.track.write_rtp(packet))
            .await
            .map_err(|_| PeerError::Stuck("a packet"))??;
        Ok(())
    }

    /// Sends a message on the data channel.
    ///
    /// # Errors
    /// When the channel is closed.
    pub async fn say(&self, message: &serde_json::Value) -> Result<(), PeerError> {
        let text = message.to_string();
        timeout(STEP, self.channel.send_text(&text))
            .await
            .map_err(|_| PeerError::Stuck("a message"))??;
        Ok(())
    }

    /// Closes the connection.
    pub async fn close(&self) {
        if !matches!(timeout(STEP, self.connection.close()).await, Ok(Ok(()))) {
            tracing::debug!("the connection did not close by itself");
        }
    }
}

fn opus_parameters() -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: MIME_TYPE_OPUS.to_owned(),
            clock_rate: RATE_HZ,
            channels: 2,
            sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
            rtcp_feedback: vec![],
        },
        payload_type: OPUS_PAYLOAD_TYPE,
    }
}

fn servers(servers: Vec<IceServer>) -> Vec<RTCIceServer> {
    let server = |s: IceServer| RTCIceServer {
        urls: s.urls.into_vec(),
        username: s.username,
        credential: s.credential,
    };
    servers.into_iter().map(server).collect()
}

async fn read_channel(channel: Arc<dyn DataChannel>, events: mpsc::Sender<PeerEvent>) {
    while let Some(event) = channel.poll().await {
        match event {
            DataChannelEvent::OnMessage(message) => {
                let text = String::from_utf8_lossy(&message.data).into_owned();
                if events.send(PeerEvent::Message(text)).await.is_err() {
                    return;
                }
            }
            DataChannelEvent::OnClose | DataChannelEvent::OnError => break,
            _ => {}
        }
    }
    // Nobody listens any more when this fails: the call is over.
    events.send(PeerEvent::ChannelClosed).await.ok();
}

struct Handler {
    events: mpsc::Sender<PeerEvent>,
    packets: mpsc::Sender<Received>,
    gathered: mpsc::Sender<Gathered>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if let Ok(candidate) = event.candidate.to_json() {
            self.gathered.try_send(Gathered::Candidate(candidate.candidate)).ok();
        }
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.try_send(Gathered::Done).ok();
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        tracing::debug!(state = %state, "the connection's state changed");
        let event = match state {
            RTCPeerConnectionState::Connected => PeerEvent::Connected,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => PeerEvent::Failed,
            _ => return,
        };
        self.events.try_send(event).ok();
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let packets = self.packets.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    packets
                        .try_send(Received {
                            packet,
                            at: Instant::now(),
                        })
                        .ok();
                }
            }
        });
    }
}

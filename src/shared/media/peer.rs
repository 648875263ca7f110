//! One WebRTC connection: Opus both ways and the data channel `emma`.
//!
//! What arrives is read by the caller from [`PeerStreams`]; nothing here decodes or paces. Every task and socket of
//! a connection ends with [`Peer::close`], or when the [`Peer`] is dropped.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rtc::media_stream::MediaStreamTrack;
use rtc::rtp_transceiver::rtp_sender::{RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, RTCConfigurationBuilder, RTCIceServer, RTCSessionDescription,
};
use webrtc::rtp_transceiver::RtpSender;

use crate::shared::media::codec::{CodecError, Encoded, FRAME_48K, OpusEncoder};
use crate::shared::media::sdp::{self, SdpError};
use crate::shared::media::sockets::{PortLease, PortsExhausted, UdpPorts, local_addresses};

mod engine;
mod events;
mod messages;

use events::Handler;
use messages::Outbox;
pub use messages::{MAX_MESSAGE_BYTES, PeerMessage};

/// The label of the data channel, which the offering side creates.
pub const CHANNEL_LABEL: &str = "emma";
/// Host addresses are known at once; only a STUN server could take longer, and is not worth more of the caller's time.
const GATHERING: Duration = Duration::from_secs(2);
/// Saying goodbye takes one packet; the rest is local.
const CLOSING: Duration = Duration::from_secs(2);
/// Outgoing packets that may wait for the connection's own loop: a second. When full the newest is dropped; the
/// loop has then been stuck for a second and the audio is late anyway.
const OUTGOING_PACKETS: usize = 50;
/// Incoming packets that may wait for the listener. When full the newest is dropped, as a network would.
const INCOMING_PACKETS: usize = 128;
/// Incoming messages that may wait; when full the data channel's own flow control slows the sender.
const INCOMING_MESSAGES: usize = 64;

/// How a connection is set up.
#[derive(Clone)]
pub struct PeerConfig {
    /// Local addresses to listen on.
    pub addresses: Vec<IpAddr>,
    /// Addresses under which this machine is reachable from outside, told to the peer besides its own.
    pub advertised: Vec<IpAddr>,
    pub ports: UdpPorts,
    /// STUN or TURN servers, `stun:host:port`.
    pub ice_servers: Vec<String>,
    /// Messages taken per second, with twice as many at once; what is above is dropped.
    pub messages_per_second: u32,
}

impl Default for PeerConfig {
    fn default() -> Self {
        Self {
            addresses: local_addresses(),
            advertised: Vec::new(),
            ports: UdpPorts::any(),
            ice_servers: Vec::new(),
            messages_per_second: 200,
        }
    }
}

/// How a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerState {
    Connecting,
    /// Encrypted and open: audio flows.
    Connected,
    /// Nothing has been heard of the peer for some seconds; it may come back.
    Interrupted,
    /// Over for good.
    Closed,
}

/// One packet of the peer's audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioPacket {
    pub ssrc: u32,
    pub sequence: u16,
    /// 48 kHz.
    pub timestamp: u32,
    /// Opus.
    pub payload: bytes::Bytes,
    /// When it came in, on the runtime's clock.
    pub arrival: tokio::time::Instant,
}

/// What arrives over a connection.
pub struct PeerStreams {
    pub state: watch::Receiver<PeerState>,
    pub audio: mpsc::Receiver<AudioPacket>,
    pub messages: mpsc::Receiver<PeerMessage>,
}

/// Why a connection could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    #[error(transparent)]
    Sdp(#[from] SdpError),
    #[error(transparent)]
    Ports(#[from] PortsExhausted),
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("WebRTC: {0}")]
    Stack(String),
}

impl From<webrtc::error::Error> for PeerError {
    fn from(error: webrtc::error::Error) -> Self {
        Self::Stack(error.to_string())
    }
}

/// A connection, from our side.
pub struct Peer {
    connection: Arc<dyn PeerConnection>,
    sender: Arc<dyn RtpSender>,
    state: Arc<watch::Sender<PeerState>>,
    voice: Mutex<Voice>,
    outgoing: mpsc::Sender<rtc::rtp::Packet>,
    outbox: Arc<Outbox>,
    advertised: Vec<IpAddr>,
    candidates: Arc<Mutex<Vec<String>>>,
    remote_candidates: std::sync::atomic::AtomicUsize,
    tasks: TaskTracker,
    cancel: CancellationToken,
    lease: Mutex<Option<PortLease>>,
    closed: AtomicBool,
}

/// The outgoing stream: its encoder and where it is in RTP.
struct Voice {
    encoder: OpusEncoder,
    payload_type: Option<u8>,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// The next packet is the first after a silence.
    begins: bool,
}

impl Peer {
    /// Answers an offer. The answer carries all our candidates and the end of them.
    ///
    /// # Errors
    /// When the offer cannot be used, or no socket can be had.
    pub async fn answer(config: PeerConfig, offer: &str) -> Result<(Self, PeerStreams, String), PeerError> {
        let offer = sdp::screen(offer)?;
        let (peer, streams, gathered) = Box::pin(Self::open(config)).await?;
        let refused = |error: webrtc::error::Error| SdpError::Malformed(error.to_string());
        let description = RTCSessionDescription::offer(offer).map_err(refused)?;
        peer.connection
            .set_remote_description(description)
            .await
            .map_err(refused)?;
        let answer = peer.connection.create_answer(None).await.map_err(refused)?;
        let text = answer.sdp.clone();
        peer.connection.set_local_description(answer).await?;
        let answer = peer.completed(&text, gathered).await;
        peer.adopt_payload_type().await?;
        Ok((peer, streams, answer))
    }

    /// Makes an offer with the data channel, all our candidates in it. [`sdp::split_candidates`] takes them out again
    /// for trickling.
    ///
    /// # Errors
    /// When no socket can be had.
    pub async fn offer(config: PeerConfig) -> Result<(Self, PeerStreams, String), PeerError> {
        let (peer, streams, gathered) = Box::pin(Self::open(config)).await?;
        let channel = peer.connection.create_data_channel(CHANNEL_LABEL, None).await?;
        peer.outbox.adopt(channel);
        let offer = peer.connection.create_offer(None).await?;
        let text = offer.sdp.clone();
        peer.connection.set_local_description(offer).await?;
        let offer = peer.completed(&text, gathered).await;
        Ok((peer, streams, offer))
    }

    /// Takes the answer to our offer.
    ///
    /// # Errors
    /// When it does not fit the offer.
    pub async fn accept_answer(&self, answer: &str) -> Result<(), PeerError> {
        let answer = sdp::screen(answer)?;
        let refused = |error: webrtc::error::Error| SdpError::Malformed(error.to_string());
        let description = RTCSessionDescription::answer(answer).map_err(refused)?;
        self.connection
            .set_remote_description(description)
            .await
            .map_err(refused)?;
        self.adopt_payload_type().await
    }

    /// Tries another address of the peer: a `candidate:...` line, empty for the end of them. Names of the peer's
    /// network and TCP are passed over; the peer is found without them.
    ///
    /// # Errors
    /// When it cannot be read, or too many came.
    pub async fn add_candidate(&self, candidate: &str) -> Result<(), PeerError> {
        let Some(candidate) = sdp::read_candidate(candidate)? else {
            return Ok(());
        };
        if self.remote_candidates.fetch_add(1, Ordering::Relaxed) >= sdp::MAX_CANDIDATES {
            return Err(SdpError::BadCandidate("too many candidates".to_owned()).into());
        }
        let init = webrtc::peer_connection::RTCIceCandidateInit {
            candidate,
            ..Default::default()
        };
        self.connection
            .add_ice_candidate(init)
            .await
            .map_err(|e| SdpError::BadCandidate(e.to_string()).into())
    }

    /// Encodes and sends 20 ms. To be called every 20 ms, silence included; before the connection is up it only
    /// keeps the time. Never waits.
    pub fn send_audio(&self, pcm: &[i16; FRAME_48K]) {
        let mut voice = self.voice.lock().unwrap_or_else(PoisonError::into_inner);
        let timestamp = voice.timestamp;
        voice.timestamp = timestamp.wrapping_add(FRAME_48K as u32);
        let (true, Some(payload_type)) = (self.is_up(), voice.payload_type) else {
            return;
        };
        let payload = match voice.encoder.encode(pcm) {
            Ok(Encoded::Packet(payload)) => payload,
            Ok(Encoded::Nothing) => {
                voice.begins = true;
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "a frame could not be encoded");
                return;
            }
        };
        let header = rtc::rtp::Header {
            version: 2,
            // RFC 3551, section 4.1: set on the first packet after a silence that was not sent.
            marker: std::mem::take(&mut voice.begins),
            payload_type,
            sequence_number: voice.sequence,
            timestamp,
            ssrc: voice.ssrc,
            ..Default::default()
        };
        voice.sequence = voice.sequence.wrapping_add(1);
        if self
            .outgoing
            .try_send(rtc::rtp::Packet {
                header,
                payload: payload.into(),
            })
            .is_err()
        {
            tracing::debug!("the connection does not take packets; one is dropped");
        }
    }

    /// Queues a text message for the data channel; it is sent when the channel is open. When 256 wait the oldest is
    /// dropped.
    pub fn send_message(&self, message: String) {
        self.outbox.push(message);
    }

    /// Ends the connection and everything it runs. Later calls do nothing.
    pub async fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let ended = async {
            if let Err(error) = self.connection.close().await {
                tracing::debug!(%error, "closing a connection");
            }
            self.cancel.cancel();
            self.tasks.close();
            self.tasks.wait().await;
        };
        if tokio::time::timeout(CLOSING, ended).await.is_err() {
            tracing::warn!("a connection did not end in time");
        }
        self.cancel.cancel();
        self.state.send_replace(PeerState::Closed);
        self.lease.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn is_up(&self) -> bool {
        matches!(*self.state.borrow(), PeerState::Connected | PeerState::Interrupted)
    }

    /// Opens the sockets and adds our audio track.
    async fn open(config: PeerConfig) -> Result<(Self, PeerStreams, watch::Receiver<bool>), PeerError> {
        let lease = config.ports.lease(&config.addresses)?;
        let listen: Vec<SocketAddr> = config
            .addresses
            .iter()
            .map(|ip| SocketAddr::new(*ip, lease.port))
            .collect();
        let state = Arc::new(watch::Sender::new(PeerState::Connecting));
        let (audio_in, audio) = mpsc::channel(INCOMING_PACKETS);
        let (messages_in, messages) = mpsc::channel(INCOMING_MESSAGES);
        let (outgoing, to_send) = mpsc::channel(OUTGOING_PACKETS);
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let outbox = Arc::new(Outbox::new(
            tasks.clone(),
            cancel.clone(),
            messages_in,
            config.messages_per_second,
        ));
        let candidates = Arc::<Mutex<Vec<String>>>::default();
        let (handler, gathered) = Handler::new(
            Arc::clone(&state),
            Arc::clone(&candidates),
            audio_in,
            Arc::clone(&outbox),
            tasks.clone(),
            cancel.clone(),
        );
        let ice_servers = config
            .ice_servers
            .iter()
            .map(|url| RTCIceServer {
                urls: vec![url.clone()],
                ..Default::default()
            })
            .collect();
        let (media, interceptors) = engine::audio_only()?;
        let build = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().with_ice_servers(ice_servers).build())
            .with_media_engine(media)
            .with_interceptor_registry(interceptors)
            .with_setting_engine(engine::settings())
            .with_handler(Arc::new(handler))
            .with_udp_addrs(listen)
            .with_data_channel_send_buffer_limit(messages::SEND_BUFFER_BYTES)
            .build();
        let connection: Arc<dyn PeerConnection> = Arc::new(Box::pin(build).await?);
        let ssrc = rand::random();
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                ..Default::default()
            },
            codec: engine::opus(),
            ..Default::default()
        };
        let name = || CHANNEL_LABEL.to_owned();
        let track: Arc<dyn TrackLocal> = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            name(),
            format!("{CHANNEL_LABEL}-voice"),
            name(),
            RtpCodecKind::Audio,
            vec![encoding],
        )));
        let sender = connection.add_track(Arc::clone(&track)).await?;
        tasks.spawn(events::send_packets(track, to_send, cancel.clone()));
        tasks.spawn(events::watch_for_goodbye(
            Arc::clone(&sender),
            Arc::clone(&state),
            cancel.clone(),
        ));
        let voice = Voice {
            encoder: OpusEncoder::new()?,
            payload_type: None,
            ssrc,
            sequence: rand::random(),
            timestamp: rand::random(),
            begins: true,
        };
        let streams = PeerStreams {
            state: state.subscribe(),
            audio,
            messages,
        };
        let peer = Self {
            connection,
            sender,
            state,
            voice: Mutex::new(voice),
            outgoing,
            outbox,
            advertised: config.advertised,
            candidates,
            remote_candidates: std::sync::atomic::AtomicUsize::new(0),
            tasks,
            cancel,
            lease: Mutex::new(Some(lease)),
            closed: AtomicBool::new(false),
        };
        Ok((peer, streams, gathered))
    }

    /// `text` with our candidates, as many as were found in time.
    async fn completed(&self, text: &str, mut gathered: watch::Receiver<bool>) -> String {
        if tokio::time::timeout(GATHERING, gathered.wait_for(|done| *done))
            .await
            .is_err()
        {
            tracing::warn!("not all local addresses were found in time");
        }
        let candidates = self.candidates.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sdp::complete(text, &candidates, &self.advertised)
    }

    /// Opus goes out under the number both sides agreed on.
    async fn adopt_payload_type(&self) -> Result<(), PeerError> {
        let parameters = self.sender.get_parameters().await?;
        let opus = parameters
            .rtp_parameters
            .codecs
            .iter()
            .find(|c| c.rtp_codec.mime_type.eq_ignore_ascii_case("audio/opus"));
        let number = opus.ok_or(SdpError::NoAudio)?.payload_type;
        self.voice.lock().unwrap_or_else(PoisonError::into_inner).payload_type = Some(number);
        Ok(())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.state.send_replace(PeerState::Closed);
    }
}

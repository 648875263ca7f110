//! What the WebRTC stack reports, turned into streams.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rtc::peer_connection::transport::RTCDtlsTransportState;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webrtc::data_channel::DataChannel;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceGatheringState, RTCPeerConnectionIceEvent, RTCPeerConnectionState,
};

use webrtc::rtp_transceiver::RtpSender;

use crate::shared::media::peer::messages::Outbox;
use crate::shared::media::peer::{AudioPacket, PeerState};
use crate::shared::media::sdp;

/// How often the encryption's state is looked at.
const GOODBYE_CHECK: Duration = Duration::from_millis(500);

/// Receives the stack's callbacks. They run on the connection's own loop, so none of them waits.
pub(super) struct Handler {
    state: Arc<watch::Sender<PeerState>>,
    candidates: Arc<Mutex<Vec<String>>>,
    gathered: watch::Sender<bool>,
    audio: mpsc::Sender<AudioPacket>,
    outbox: Arc<Outbox>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Handler {
    pub(super) fn new(
        state: Arc<watch::Sender<PeerState>>,
        candidates: Arc<Mutex<Vec<String>>>,
        audio: mpsc::Sender<AudioPacket>,
        outbox: Arc<Outbox>,
        tasks: TaskTracker,
        cancel: CancellationToken,
    ) -> (Self, watch::Receiver<bool>) {
        let (gathered, receiver) = watch::channel(false);
        (
            Self {
                state,
                candidates,
                gathered,
                audio,
                outbox,
                tasks,
                cancel,
            },
            receiver,
        )
    }

    fn enter(&self, next: PeerState) {
        self.state.send_if_modified(|state| {
            let moves = *state != next && *state != PeerState::Closed;
            if moves {
                *state = next;
            }
            moves
        });
    }
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let Ok(init) = event.candidate.to_json() else { return };
        if let Ok(Some(candidate)) = sdp::read_candidate(&init.candidate) {
            self.candidates
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(candidate);
        }
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.send_replace(true);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        match state {
            RTCPeerConnectionState::Connected => self.enter(PeerState::Connected),
            RTCPeerConnectionState::Disconnected => self.enter(PeerState::Interrupted),
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => self.enter(PeerState::Closed),
            _ => {}
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let state = Arc::clone(&self.state);
        self.tasks
            .spawn(receive_packets(track, self.audio.clone(), state, self.cancel.clone()));
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        self.outbox.adopt(channel);
    }
}

/// Reads a track for as long as it lives: the stack drops what is not read.
async fn receive_packets(
    track: Arc<dyn TrackRemote>,
    audio: mpsc::Sender<AudioPacket>,
    state: Arc<watch::Sender<PeerState>>,
    cancel: CancellationToken,
) {
    loop {
        let event = tokio::select! {
            () = cancel.cancelled() => return,
            event = track.poll() => event,
        };
        match event {
            Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                let packet = AudioPacket {
                    ssrc: packet.header.ssrc,
                    sequence: packet.header.sequence_number,
                    timestamp: packet.header.timestamp,
                    payload: packet.payload,
                    arrival: tokio::time::Instant::now(),
                };
                if let Err(mpsc::error::TrySendError::Closed(_)) = audio.try_send(packet) {
                    return;
                }
            }
            Some(_) => {}
            // The stack ends a track only with the whole connection.
            None => {
                state.send_replace(PeerState::Closed);
                return;
            }
        }
    }
}

/// Notices that the peer said goodbye: the stack ends the encryption then, but counts the connection as connected
/// until its checks fail, which takes much longer.
pub(super) async fn watch_for_goodbye(
    sender: Arc<dyn RtpSender>,
    state: Arc<watch::Sender<PeerState>>,
    cancel: CancellationToken,
) {
    let mut checks = tokio::time::interval(GOODBYE_CHECK);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = checks.tick() => {}
        }
        let Ok(Some(transport)) = sender.transport().await else {
            continue;
        };
        if transport
            .state()
            .await
            .is_ok_and(|state| state == RTCDtlsTransportState::Closed)
        {
            state.send_replace(PeerState::Closed);
            return;
        }
    }
}

/// Hands our packets to the connection's loop.
pub(super) async fn send_packets(
    track: Arc<dyn TrackLocal>,
    mut packets: mpsc::Receiver<rtc::rtp::Packet>,
    cancel: CancellationToken,
) {
    loop {
        let packet = tokio::select! {
            () = cancel.cancelled() => return,
            packet = packets.recv() => packet,
        };
        let Some(packet) = packet else { return };
        let written = tokio::select! {
            () = cancel.cancelled() => return,
            written = track.write_rtp(packet) => written,
        };
        if let Err(error) = written {
            tracing::debug!(%error, "a packet was not sent");
        }
    }
}

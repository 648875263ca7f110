//! Candidates over WebRTC: [`WebRtcAdapter`] answers their offers, and each connection's link keeps the clock.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::screening::calls::domain::audio::VOICE_FRAME;
use crate::screening::calls::domain::ports::{
    Accepted, IceCandidate, MediaError, MediaGateway, MediaLink, MediaSink, SdpOffer,
};
use crate::screening::shared::ids::ConnectionId;
use crate::shared::media::peer::{Peer, PeerConfig, PeerError};
use crate::shared::media::sdp::{self, SdpError};
use crate::shared::media::sockets::{UdpPorts, local_addresses};

mod link;

/// Events that wait for the session; what is above waits in the link, which drops its oldest audio.
const EVENTS: usize = 64;
/// The longest an offer may take to answer.
const ANSWERING: Duration = Duration::from_secs(5);

/// How candidates reach this server.
#[derive(Debug, Clone)]
pub struct WebRtcConfig {
    /// Local addresses to listen on; all of this machine's where empty.
    pub listen: Vec<IpAddr>,
    /// Addresses under which candidates reach this machine where they are not its own: behind a router, in a container.
    pub advertised: Vec<IpAddr>,
    /// UDP ports to use, one for each connection; any where none are named.
    pub udp_ports: Option<RangeInclusive<u16>>,
    /// STUN or TURN servers, `stun:host:port`; none are needed where candidates reach this machine directly.
    pub ice_servers: Vec<String>,
    /// Connections at the same time.
    pub max_connections: usize,
    /// Data channel messages taken per second and connection.
    pub messages_per_second: u32,
}

impl Default for WebRtcConfig {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            advertised: Vec::new(),
            udp_ports: None,
            ice_servers: Vec::new(),
            max_connections: 64,
            messages_per_second: 20,
        }
    }
}

/// Answers candidates' offers.
pub struct WebRtcAdapter {
    config: WebRtcConfig,
    ports: UdpPorts,
    slots: Arc<Semaphore>,
    connections: Connections,
    tasks: TaskTracker,
}

/// The connections that are open, for candidates that come later and for hanging up.
type Connections = Arc<Mutex<HashMap<ConnectionId, Arc<Connection>>>>;

/// One candidate's connection, as the session holds it.
struct Connection {
    peer: Peer,
    hang_up: CancellationToken,
}

impl WebRtcAdapter {
    pub fn new(config: WebRtcConfig) -> Self {
        let ports = config.udp_ports.clone().map_or_else(UdpPorts::any, UdpPorts::within);
        let slots = Arc::new(Semaphore::new(config.max_connections));
        Self {
            config,
            ports,
            slots,
            connections: Arc::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// The places for connections, for other kinds of them to share.
    pub fn slots(&self) -> Arc<Semaphore> {
        self.slots.clone()
    }

    /// Connections that are open.
    pub fn open_connections(&self) -> usize {
        self.lock().len()
    }

    /// Ends all connections and waits until nothing of them is left.
    pub async fn shut_down(&self) {
        for connection in self.lock().values() {
            connection.hang_up.cancel();
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn peer_config(&self) -> PeerConfig {
        let listen = if self.config.listen.is_empty() {
            local_addresses()
        } else {
            self.config.listen.clone()
        };
        PeerConfig {
            addresses: listen,
            advertised: self.config.advertised.clone(),
            ports: self.ports.clone(),
            ice_servers: self.config.ice_servers.clone(),
            messages_per_second: self.config.messages_per_second,
        }
    }

    fn find(&self, id: &ConnectionId) -> Option<Arc<Connection>> {
        self.lock().get(id).map(Arc::clone)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ConnectionId, Arc<Connection>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MediaGateway for WebRtcAdapter {
    fn check(&self, offer: &SdpOffer) -> Result<(), MediaError> {
        sdp::screen(&offer.0).map(drop).map_err(|e| PeerError::Sdp(e).into())
    }

    async fn accept(&self, offer: SdpOffer) -> Result<Accepted, MediaError> {
        let slot = Arc::clone(&self.slots)
            .try_acquire_owned()
            .map_err(|_| MediaError::TooManyConnections)?;
        let answering = tokio::time::timeout(ANSWERING, Box::pin(Peer::answer(self.peer_config(), &offer.0)));
        let (peer, streams, answer) = answering
            .await
            .map_err(|_| MediaError::Internal("answering took too long".to_owned()))??;
        let id = ConnectionId::generate();
        let connection = Arc::new(Connection {
            peer,
            hang_up: CancellationToken::new(),
        });
        let link = link::Link::new(Arc::clone(&connection), streams)?;
        self.lock().insert(id.clone(), Arc::clone(&connection));
        let (events, receiver) = mpsc::channel(EVENTS);
        let (connections, listed) = (Arc::clone(&self.connections), id.clone());
        self.tasks.spawn(async move {
            let _slot = slot;
            link.run(events).await;
            connections
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&listed);
        });
        Ok(Accepted {
            connection: id,
            answer,
            link: MediaLink {
                events: receiver,
                sink: connection,
            },
        })
    }

    async fn add_candidates(&self, connection: &ConnectionId, candidates: Vec<IceCandidate>) -> Result<(), MediaError> {
        let connection = self.find(connection).ok_or(MediaError::UnknownConnection)?;
        for candidate in candidates {
            connection.peer.add_candidate(&candidate.candidate).await?;
        }
        Ok(())
    }

    async fn close(&self, connection: &ConnectionId) {
        if let Some(connection) = self.find(connection) {
            MediaSink::close(&*connection).await;
        }
    }
}

#[async_trait]
impl MediaSink for Connection {
    fn send_audio(&self, pcm: &[i16; VOICE_FRAME]) {
        self.peer.send_audio(pcm);
    }

    fn send_message(&self, message: String) {
        self.peer.send_message(message);
    }

    /// The link does it, so that nobody waits for a candidate who is gone.
    async fn close(&self) {
        self.hang_up.cancel();
    }
}

impl From<PeerError> for MediaError {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Sdp(SdpError::Malformed(why)) => {
                Self::BadSdp(format!("not a usable session description: {why}"))
            }
            PeerError::Sdp(SdpError::NoAudio) => Self::NoAudio,
            PeerError::Sdp(error @ SdpError::BadCandidate(_)) => Self::BadCandidate(error.to_string()),
            PeerError::Ports(_) => Self::TooManyConnections,
            error @ (PeerError::Codec(_) | PeerError::Stack(_)) => Self::Internal(error.to_string()),
        }
    }
}

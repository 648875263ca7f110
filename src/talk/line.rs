//! The connection of a call, over WebRTC or a WebSocket: frames of audio and messages, both ways.

use opus::{Application, Bitrate, Channels, Encoder};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::talk::At;
use crate::talk::error::CallError;
use crate::talk::http::{Connection, IceServer, Interview};
use crate::talk::pcm_receiver::PcmReceiver;
use crate::talk::peer::{Peer, PeerEvent, Received, Streams};
use crate::talk::receiver::{Packet, Played, Receiver};
use crate::talk::settings::Settings;
use crate::talk::socket::{Piece, Socket};
use crate::talk::{RATE_HZ, trickling};

const BITRATE: i32 = 32_000;
const MAX_PACKET: usize = 1275;
/// Messages that wait; when full they wait in the network.
const EVENTS: usize = 256;
/// 5 s of Emma's audio that wait for the call's clock; when full new audio is dropped.
const PIECES: usize = 256;

/// How much went and came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    pub sent: u64,
    /// Lost on purpose.
    pub lost: u64,
    pub received: u64,
    pub missing: u64,
}

/// A candidate's connection.
pub enum Line {
    WebRtc(Box<RtcLine>),
    WebSocket(Box<SocketLine>),
}

/// Opus over WebRTC.
pub struct RtcLine {
    ice_servers: Vec<IceServer>,
    connection: Connection,
    peer: Peer,
    streams: Streams,
    encoder: Encoder,
    receiver: Receiver,
    lossy: SmallRng,
    /// Shares of packets lost on the way out and in, 0 to 1.
    loss: (f64, f64),
    traffic: Traffic,
}

/// PCM over a WebSocket.
pub struct SocketLine {
    socket: Option<Socket>,
    events: mpsc::Receiver<PeerEvent>,
    pieces: mpsc::Receiver<Piece>,
    receiver: PcmReceiver,
    sent: u64,
}

impl Line {
    /// Makes the first connection.
    ///
    /// # Errors
    /// When the server refuses it or cannot be reached.
    pub async fn join(
        interview: &Interview,
        ice_servers: Vec<IceServer>,
        settings: &Settings,
        seed: u64,
    ) -> Result<Self, CallError> {
        if settings.web_socket {
            let (socket, events, pieces) = dial(interview, false).await?;
            return Ok(Self::WebSocket(Box::new(SocketLine {
                socket: Some(socket),
                events,
                pieces,
                receiver: PcmReceiver::default(),
                sent: 0,
            })));
        }
        let local = interview.is_local();
        let (mut peer, mut streams, offer) = Box::pin(Peer::offer(ice_servers.clone(), local)).await?;
        let connection = interview.offer(offer.clone()).await?;
        peer.accept(connection.answer_sdp.clone()).await?;
        trickling::start(interview.clone(), connection.clone(), offer, streams.take_gathered());
        Ok(Self::WebRtc(Box::new(RtcLine {
            ice_servers,
            connection,
            peer,
            streams,
            encoder: encoder(settings.loss)?,
            receiver: Receiver::new()?,
            lossy: SmallRng::seed_from_u64(seed),
            loss: (settings.loss, settings.loss_in),
            traffic: Traffic::default(),
        })))
    }

    /// What happens next to the connection; none when it is gone.
    pub async fn event(&mut self) -> Option<PeerEvent> {
        match self {
            Self::WebRtc(line) => line.streams.events.recv().await,
            Self::WebSocket(line) => line.events.recv().await,
        }
    }

    /// Loses the connection without a word.
    pub async fn cut(&mut self) {
        match self {
            Self::WebRtc(line) => line.peer.close().await,
            Self::WebSocket(line) => line.socket = None,
        }
    }

    /// Makes another connection for the same call.
    ///
    /// # Errors
    /// As with [`join`](Self::join).
    pub async fn rejoin(&mut self, interview: &Interview) -> Result<(), CallError> {
        match self {
            Self::WebRtc(line) => line.rejoin(interview).await,
            Self::WebSocket(line) => {
                let (socket, events, pieces) = dial(interview, true).await?;
                line.receiver.restart();
                (line.socket, line.events, line.pieces) = (Some(socket), events, pieces);
                Ok(())
            }
        }
    }

    /// Sends the next 20 ms.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn send(&mut self, samples: &[f32]) -> Result<(), CallError> {
        match self {
            Self::WebRtc(line) => line.send(samples).await,
            Self::WebSocket(line) => {
                line.sent += 1;
                match &mut line.socket {
                    // A goodbye of the server's that is on the way tells more than this.
                    Some(socket) => socket.send(samples).await.or_else(unless_closed),
                    None => Ok(()),
                }
            }
        }
    }

    /// The next 20 ms of Emma; `started` is when the call's clock was 0.
    pub fn hear(&mut self, now: At, started: Instant) -> Played {
        match self {
            Self::WebRtc(line) => {
                line.take_packets(started);
                line.receiver.frame(now)
            }
            Self::WebSocket(line) => {
                while let Ok(Piece { samples, at }) = line.pieces.try_recv() {
                    line.receiver.push(&samples, at.saturating_duration_since(started));
                }
                line.receiver.frame(now)
            }
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn say(&mut self, message: &Value) -> Result<(), CallError> {
        match self {
            Self::WebRtc(line) => Ok(line.peer.say(message).await?),
            Self::WebSocket(line) => match &mut line.socket {
                Some(socket) => Ok(socket.say(message).await?),
                None => Ok(()),
            },
        }
    }

    /// Tells the server that the candidate leaves.
    pub async fn hang_up(&mut self, interview: &Interview) {
        let told = match self {
            Self::WebRtc(line) => interview.hang_up(&line.connection).await.map_err(CallError::from),
            Self::WebSocket(_) => self.say(&json!({"type": "end"})).await,
        };
        if let Err(error) = told {
            tracing::debug!(%error, "hanging up was not heard");
        }
    }

    /// Closes the connection.
    pub async fn close(&mut self) {
        match self {
            Self::WebRtc(line) => line.peer.close().await,
            Self::WebSocket(line) => {
                if let Some(socket) = &mut line.socket {
                    socket.close().await;
                }
            }
        }
    }

    pub fn traffic(&self) -> Traffic {
        match self {
            Self::WebRtc(line) => {
                let reception = line.receiver.reception();
                Traffic {
                    received: reception.received,
                    missing: reception.missing,
                    ..line.traffic
                }
            }
            Self::WebSocket(line) => Traffic {
                sent: line.sent,
                received: line.receiver.received(),
                ..Traffic::default()
            },
        }
    }
}

impl RtcLine {
    async fn rejoin(&mut self, interview: &Interview) -> Result<(), CallError> {
        let local = interview.is_local();
        let (mut peer, mut streams, offer) = Box::pin(Peer::offer(self.ice_servers.clone(), local)).await?;
        self.connection = interview.resume(offer.clone()).await?;
        peer.accept(self.connection.answer_sdp.clone()).await?;
        let gathered = streams.take_gathered();
        trickling::start(interview.clone(), self.connection.clone(), offer, gathered);
        self.receiver.restart()?;
        (self.peer, self.streams) = (peer, streams);
        Ok(())
    }

    async fn send(&mut self, samples: &[f32]) -> Result<(), CallError> {
        let payload = self.encoder.encode_vec_float(samples, MAX_PACKET)?;
        let index = self.traffic.sent;
        self.traffic.sent += 1;
        if self.lossy.random_bool(self.loss.0) {
            self.traffic.lost += 1;
            return Ok(());
        }
        Ok(self.peer.send(index, payload).await?)
    }

    fn take_packets(&mut self, started: Instant) {
        while let Ok(Received { packet, at }) = self.streams.packets.try_recv() {
            if self.lossy.random_bool(self.loss.1) {
                continue;
            }
            self.receiver.push(Packet {
                sequence: packet.header.sequence_number,
                timestamp: packet.header.timestamp,
                payload: packet.payload,
                arrived: at.saturating_duration_since(started),
            });
        }
    }
}

type Dialled = (Socket, mpsc::Receiver<PeerEvent>, mpsc::Receiver<Piece>);

async fn dial(interview: &Interview, resume: bool) -> Result<Dialled, CallError> {
    let (event_sender, events) = mpsc::channel(EVENTS);
    let (piece_sender, pieces) = mpsc::channel(PIECES);
    let socket = Box::pin(Socket::open(interview, resume, event_sender, piece_sender)).await?;
    Ok((socket, events, pieces))
}

/// Audio for a socket that is closed is lost; the reader tells how the connection ended.
fn unless_closed(error: crate::talk::socket::SocketError) -> Result<(), CallError> {
    match error {
        crate::talk::socket::SocketError::WebSocket(_) => Ok(()),
        other => Err(other.into()),
    }
}

/// An encoder like a browser's, without DTX: a packet every 20 ms, silence included.
fn encoder(loss: f64) -> Result<Encoder, opus::Error> {
    let mut encoder = Encoder::new(RATE_HZ, Channels::Mono, Application::Voip)?;
    encoder.set_bitrate(Bitrate::Bits(BITRATE))?;
    encoder.set_inband_fec(true)?;
    encoder.set_packet_loss_perc((loss * 100.0).round().clamp(5.0, 30.0) as i32)?;
    Ok(encoder)
}

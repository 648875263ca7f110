//! Why a call fails.

use std::time::Duration;

use crate::talk::http::InterviewError;
use crate::talk::peer::PeerError;
use crate::talk::socket::SocketError;

/// From the answer to a connection that carries media.
pub const CONNECT: Duration = Duration::from_secs(20);

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error(transparent)]
    Interview(#[from] InterviewError),
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The server's words.
    #[error("the connection was refused: {0}")]
    Refused(String),
    #[error("Opus: {0}")]
    Codec(#[from] opus::Error),
    #[error("cannot record: {0}")]
    Recording(String),
    #[error("no connection within {} s: the server's media address cannot be reached", CONNECT.as_secs())]
    NotConnected,
    #[error("the connection was lost")]
    Lost,
    #[error("the call did not end within {} s", .0.as_secs())]
    Timeout(Duration),
}

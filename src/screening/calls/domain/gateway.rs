//! Where candidates' connections come in.

use async_trait::async_trait;

use crate::define_id;
use crate::screening::calls::domain::ports::MediaLink;

define_id!(
    /// One connection of a candidate.
    ConnectionId, "conn"
);

/// Accepts the connections candidates offer.
#[async_trait]
pub trait MediaGateway: Send + Sync {
    /// Answers an SDP offer. The answer carries every candidate of this side.
    async fn accept(&self, offer: &str) -> Result<Accepted, MediaError>;
    async fn add_candidates(&self, connection: &ConnectionId, candidates: Vec<Candidate>) -> Result<(), MediaError>;
    async fn close(&self, connection: &ConnectionId);
}

/// An accepted connection.
pub struct Accepted {
    pub connection: ConnectionId,
    /// The SDP answer.
    pub answer: String,
    pub link: MediaLink,
}

/// An ICE candidate of the other side; an empty text says there are no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub candidate: String,
    pub sdp_mid: Option<String>,
    pub sdp_m_line_index: Option<u16>,
}

/// Why a connection cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    #[error("the SDP offer cannot be used: {0}")]
    BadOffer(String),
    #[error("a candidate cannot be used: {0}")]
    BadCandidate(String),
    #[error("there is no such connection")]
    UnknownConnection,
    #[error("too many calls at once")]
    Full,
    #[error("the connection could not be made: {0}")]
    Failed(String),
}

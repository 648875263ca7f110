//! What a call needs from outside, named for the need. Adapters live in `infrastructure`, fakes in `tests/support`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::screening::calls::domain::audio::{CallTime, EAR_FRAME, VAD_FRAME, VOICE_FRAME};
use crate::screening::shared::ids::{CallId, ConnectionId, JobOfferId};
use crate::shared::errors::StoreError;

/// Why a speech engine could not do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    #[error("cancelled")]
    Cancelled,
    #[error("overloaded")]
    Overloaded,
    #[error("timed out")]
    TimedOut,
    /// A remote service does not take our key: asking again changes nothing.
    #[error("the service refused the key")]
    KeyRefused,
    /// A remote service asks for a pause, as long as it says where it does.
    #[error("the service asks for a pause")]
    RateLimited { retry_after: Option<Duration> },
    #[error("{0}")]
    Failed(String),
}

// ---------------------------------------------------------------- media link

/// What comes from the candidate over one connection.
#[derive(Debug)]
pub enum MediaEvent {
    /// Audio flows both ways now.
    Connected,
    /// 20 ms of 16 kHz mono, one every 20 ms for as long as the link is connected: losses are
    /// concealed and gaps are silence by then. `received` is false where nothing arrived for it.
    Audio { pcm: Box<[f32; EAR_FRAME]>, received: bool },
    /// A text message of the data channel.
    Message(String),
    /// Nothing arrives any more, the peer may come back on this link.
    Interrupted,
    /// The link is gone for good.
    Closed,
}

/// The way back to the candidate.
#[async_trait]
pub trait MediaSink: Send + Sync {
    /// Sends 20 ms of 48 kHz mono. Called every 20 ms by the playout clock, silence included.
    fn send_audio(&self, pcm: &[i16; VOICE_FRAME]);
    /// Queues a text message; when 256 wait the oldest is dropped.
    fn send_message(&self, message: String);
    /// Ends the connection, without waiting for it; its link reports `Closed`. Later calls do nothing.
    async fn close(&self);
}

/// One candidate's connection.
pub struct MediaLink {
    /// Bounded; the link drops its oldest audio when the session falls behind.
    pub events: mpsc::Receiver<MediaEvent>,
    pub sink: Arc<dyn MediaSink>,
}

/// Lets candidates connect.
#[async_trait]
pub trait MediaGateway: Send + Sync {
    /// Whether an offer can be used at all; costs nothing and waits for nobody.
    ///
    /// # Errors
    /// When it is no description of an encrypted Opus stream.
    fn check(&self, offer: &SdpOffer) -> Result<(), MediaError>;
    /// Answers an offer. The answer carries every address of ours: nothing is trickled from this side.
    async fn accept(&self, offer: SdpOffer) -> Result<Accepted, MediaError>;
    /// Tries further addresses of the candidate's machine.
    async fn add_candidates(&self, connection: &ConnectionId, candidates: Vec<IceCandidate>) -> Result<(), MediaError>;
    /// Ends a connection; its link reports `Closed`. Nothing happens where it is over already.
    async fn close(&self, connection: &ConnectionId);
}

/// An SDP offer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdpOffer(pub String);

/// A connection that is being set up.
pub struct Accepted {
    pub connection: ConnectionId,
    /// The SDP answer.
    pub answer: String,
    pub link: MediaLink,
}

/// One address to try, as RFC 8839 writes it: `candidate:1 1 udp 2113937151 192.0.2.7 50001 typ host`. An empty
/// `candidate` means that there are no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IceCandidate {
    pub candidate: String,
    #[serde(default)]
    pub sdp_mid: Option<String>,
    #[serde(default, rename = "sdpMLineIndex")]
    pub sdp_mline_index: Option<u16>,
}

/// Why a connection could not be made or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    #[error("{0}")]
    BadSdp(String),
    #[error("the offer has no audio stream with Opus")]
    NoAudio,
    #[error("{0}")]
    BadCandidate(String),
    #[error("no such connection")]
    UnknownConnection,
    #[error("too many connections")]
    TooManyConnections,
    #[error("media: {0}")]
    Internal(String),
}

// ---------------------------------------------------------------- recordings

/// Keeps the sound of calls whose candidates agreed to that.
#[async_trait]
pub trait Recordings: Send + Sync {
    /// Begins the recording of a call, or goes on with it. What fails later fails for the recording alone.
    fn open(&self, call: &CallId) -> Arc<dyn Recorder>;
    /// The file of a call, Ogg/Opus, also while it is still being written.
    async fn find(&self, call: &CallId) -> Result<Option<PathBuf>, StoreError>;
    /// Deletes what was recorded of a call. A recorder that is still at work writes nothing that could be found.
    async fn purge(&self, call: &CallId) -> Result<(), StoreError>;
}

/// The recording of one call; it ends when this is dropped. Neither method waits for anything.
pub trait Recorder: Send + Sync {
    /// Adds 20 ms of the candidate that begin at this moment of the call.
    fn candidate(&self, pcm: &[f32; EAR_FRAME], at: CallTime);
    /// Adds 20 ms of Emma that begin at this moment of the call.
    fn emma(&self, pcm: &[i16; VOICE_FRAME], at: CallTime);
}

// ---------------------------------------------------------------- ears

/// Opens one voice-activity stream per call.
pub trait VoiceActivity: Send + Sync {
    fn open(&self) -> Box<dyn VoiceStream>;
}

/// The voice activity of one call; keeps the model's state between frames.
#[async_trait]
pub trait VoiceStream: Send {
    /// Probability of speech, 0 to 1, in the next 32 ms of 16 kHz audio.
    async fn score(&mut self, frame: &[f32; VAD_FRAME]) -> Result<f32, SpeechError>;
}

/// Judges whether somebody who fell silent has finished.
#[async_trait]
pub trait TurnJudge: Send + Sync {
    /// Probability, 0 to 1, that the turn is complete, from its last 8 s or less (16 kHz, the silence included).
    async fn judge(&self, audio: Arc<[f32]>) -> Result<f32, SpeechError>;
}

/// Turns speech into words.
#[async_trait]
pub trait SpeechToText: Send + Sync {
    async fn transcribe(&self, job: TranscriptionJob) -> Result<Transcript, SpeechError>;
}

/// One stretch of audio to transcribe.
#[derive(Debug, Clone)]
pub struct TranscriptionJob {
    /// 16 kHz mono, at most 30 s.
    pub audio: Arc<[f32]>,
    pub priority: Priority,
    /// BCP 47, e.g. `en`.
    pub language: String,
    /// What was said just before, to carry names and style over; may be empty.
    pub context: String,
    /// Milliseconds of speech that voice activity found in the audio; `None` where nobody looked. Little of it
    /// makes the transcriber doubt what it hears.
    pub speech_ms: Option<u64>,
    /// Fired when nobody wants the result any more: it is then skipped in the queue, or stopped.
    pub cancel: CancellationToken,
}

/// The order in which work is taken from a model's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Prepared ahead; gives way to everything.
    Background,
    /// May be thrown away.
    Speculative,
    /// Somebody is waiting for it.
    Live,
}

/// What was heard in one stretch of audio. Empty text means no speech in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transcript {
    pub text: String,
    pub words: Vec<HeardWord>,
}

/// One word, in milliseconds from the start of the audio it was heard in (or spoken in).
#[derive(Debug, Clone, PartialEq)]
pub struct HeardWord {
    pub text: String,
    pub start_ms: u64,
    pub end_ms: u64,
    /// 0 to 1.
    pub confidence: f32,
}

// ---------------------------------------------------------------- voice

/// Turns text into Emma's voice.
#[async_trait]
pub trait TextToSpeech: Send + Sync {
    /// Renders one sentence or clause; chunks arrive as they are ready. Dropping the receiver cancels.
    /// The text is as written; the adapter's caller has already made it speakable (see `speakable.rs`).
    async fn speak(
        &self,
        request: SpeechRequest,
    ) -> Result<mpsc::Receiver<Result<SpeechChunk, SpeechError>>, SpeechError>;
}

#[derive(Debug, Clone, PartialEq)]
pub struct SpeechRequest {
    pub text: String,
    /// A voice of the engine, e.g. `af_heart`.
    pub voice: String,
    /// 1.0 is the voice's own pace.
    pub speed: f32,
    pub priority: Priority,
}

/// A piece of Emma's voice: 48 kHz mono, leading silence trimmed from the first chunk.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeechChunk {
    pub pcm: Arc<[i16]>,
    /// Words that begin in this chunk, in milliseconds from the start of the whole clause.
    pub words: Vec<HeardWord>,
}

/// Work in the background that can be told to hold still while somebody is being listened to.
pub trait BackgroundWork: Send + Sync {
    /// Holds the work until the returned value is dropped.
    fn hold(&self) -> Box<dyn Send>;
}

// ---------------------------------------------------------------- knowledge

/// Finds what the posting says about something.
#[async_trait]
pub trait RoleKnowledge: Send + Sync {
    /// The best matching passages of the job offer, best first; empty when nothing is relevant.
    async fn search(&self, job_offer: &JobOfferId, question: &str, limit: usize) -> Result<Vec<RoleFact>, SpeechError>;
}

/// Something the job offer states.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleFact {
    /// Where it stands, e.g. `benefits[0]`.
    pub field: String,
    pub text: String,
    /// 0 to 1, comparable within one search.
    pub score: f32,
}

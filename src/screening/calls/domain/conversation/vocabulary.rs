//! What the conversation hears ([`Input`]) and what it wants done ([`Output`]): its whole vocabulary on one page.

use crate::screening::calls::domain::audio::Span;
use crate::screening::calls::domain::coverage::Coverage;
use crate::screening::calls::domain::interviewer::{Dialogue, Flag, Phase, Reply, SpeechPart, TalkHistory};
use crate::screening::calls::domain::ports::{HeardWord, Transcript};
use crate::screening::calls::domain::segment::{TranscriptSegment, TurnLatency};
use crate::screening::calls::domain::status::EndReason;
use crate::screening::shared::ids::SegmentId;

/// Which state of which turn a piece of work belongs to. Results for another state are stale and dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    pub turn: u32,
    /// Goes up whenever the candidate goes on after a pause.
    pub revision: u32,
}

/// One sentence of Emma's on its way to the candidate's ear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtteranceId(pub u64);

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The candidate is connected, for the first time or again.
    Connected,
    /// The connection is gone; it may come back.
    Disconnected,
    /// 32 ms of the candidate's audio. `received` is false where the network delivered nothing.
    Frame {
        speech: f32,
        level_dbfs: f32,
        received: bool,
    },
    /// The result of [`Output::Transcribe`]; `None` where it failed.
    Transcribed { tag: Tag, transcript: Option<Transcript> },
    /// The result of [`Output::JudgeTurn`]: probability that the turn is complete.
    TurnJudged {
        tag: Tag,
        silence_ms: u64,
        probability: f32,
    },
    /// The language model began to answer an [`Output::Reply`].
    FirstToken { tag: Tag },
    /// A part of the result of [`Output::Reply`] that may be said before the rest of it is decided.
    ReplyPart { tag: Tag, part: SpeechPart },
    /// The result of [`Output::Reply`], without the parts that came before.
    ReplyReady { tag: Tag, reply: Reply },
    /// A sentence has been rendered: its words, in milliseconds from its start, and its length.
    Rendered {
        utterance: UtteranceId,
        words: Vec<HeardWord>,
        duration_ms: u64,
    },
    /// A sentence could not be rendered; it is skipped.
    RenderFailed { utterance: UtteranceId },
    /// The playout clock: this much of a sentence has been sent.
    Played { utterance: UtteranceId, upto_ms: u64 },
    /// A sentence has been sent to its end.
    PlayedOut { utterance: UtteranceId },
    /// The candidate typed something.
    Typed { text: String },
    /// The candidate pressed "repeat the question".
    RepeatRequested,
    /// The candidate pressed "give me a moment".
    MoreTimeRequested,
    /// The candidate pressed "talk with a person instead" and confirmed it.
    HumanRequested,
    /// The candidate muted or unmuted the microphone.
    Muted(bool),
    /// The candidate, a recruiter or the server ends the call.
    EndRequested(EndReason),
    /// A deadline has come.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Transcribe this stretch of the candidate's audio, of which `speech_ms` is speech.
    Transcribe {
        tag: Tag,
        audio: Span,
        speech_ms: u64,
        context: String,
        certain: bool,
    },
    /// Judge whether the turn is complete from this stretch, which ends with `silence_ms` of silence.
    JudgeTurn {
        tag: Tag,
        audio: Span,
        silence_ms: u64,
    },
    /// Nobody wants the results of work with a lower revision of this turn any more.
    Discard {
        tag: Tag,
    },
    /// Decide what to say.
    Reply {
        tag: Tag,
        request: ReplyRequest,
    },
    /// Render this sentence and play it after those before it.
    Speak {
        utterance: UtteranceId,
        text: String,
    },
    PausePlayout,
    ResumePlayout,
    /// Forget every sentence that is playing or waiting.
    StopPlayout,
    /// Show what was said; the same id again replaces the line.
    Caption {
        id: SegmentId,
        text: String,
        by_emma: bool,
        last: bool,
        interrupted: bool,
    },
    /// Store what was said; the same id again replaces it.
    Store(TranscriptSegment),
    /// Coverage changed.
    Covered(Coverage),
    /// Show what Emma is doing.
    Show(EmmaState),
    /// Show how far the interview is.
    Progress {
        topic: usize,
        of: usize,
        label: String,
    },
    /// The candidate hears the answer to a turn now.
    Answered {
        turn: u32,
        answer: Option<SegmentId>,
        segment: SegmentId,
        latency: TurnLatency,
    },
    /// Something a human should look at.
    Flag(Flag),
    /// The candidate asked for a moment: Emma waits.
    PauseBegan,
    /// The talk goes on.
    PauseEnded,
    /// The call is over.
    End(EndReason),
}

/// What Emma is doing, as the candidate sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmmaState {
    Listening,
    Thinking,
    Speaking,
    Paused,
    Ended,
}

/// Everything the interviewer needs to decide what to say.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplyRequest {
    pub cause: Cause,
    pub phase: Phase,
    pub question_id: Option<String>,
    /// All the candidate has said to the current question, this turn included.
    pub answer_so_far: String,
    pub coverage: Coverage,
    /// What was used of acknowledgements and the like, so that nothing is said twice in a row.
    pub history: TalkHistory,
    /// What both sides said before this turn, as far as it was heard.
    pub dialogue: Dialogue,
    pub elapsed_ms: u64,
    pub time_limit_ms: u64,
    pub typed: bool,
}

/// Why Emma is to speak.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// The call begins.
    Opening,
    /// The candidate said this.
    Said(String),
    /// The candidate has been silent for long, for the n-th time in a row.
    Silence { times: u32 },
    /// Not a single sound has come from the candidate's microphone, for the n-th time in a row.
    NoAudio { times: u32 },
    /// The candidate is back after a lost connection.
    Return,
    /// The candidate asked for the question again.
    RepeatRequested,
    /// The time for the call is up.
    TimeUp,
}

/// What the next deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    EndOfTurn,
    FalseInterruption,
    Silence,
    TimeLimit,
    MissingResult,
}

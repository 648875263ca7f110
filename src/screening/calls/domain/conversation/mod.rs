//! One call as a pure state machine: no IO, no clock, no async.
//!
//! Two verbs: [`Conversation::handle`] takes what happened and when, [`Conversation::poll`] gives what is to be done.
//! After every `handle` the caller polls until `None`; then it sleeps until [`Conversation::deadline`] at most.
//! Nothing here fails and nothing waits: work that takes time is asked for by an output and comes back as an input that
//! carries the [`Tag`] it was asked under. A result for a state that is gone is dropped.

mod agenda;
mod candidate;
mod early;
mod emma;
mod hearing;
mod speech;
mod turn;
mod vocabulary;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::screening::calls::domain::audio::CallTime;
use crate::screening::calls::domain::conversation::agenda::Agenda;
use crate::screening::calls::domain::conversation::emma::EmmaSpeech;
use crate::screening::calls::domain::conversation::hearing::Hearing;
use crate::screening::calls::domain::conversation::turn::Turn;
use crate::screening::calls::domain::coverage::Coverage;
use crate::screening::calls::domain::interviewer::{self, Dialogue, Reply, SpeechPart, TalkHistory};
use crate::screening::calls::domain::segment::TranscriptSegment;
use crate::screening::calls::domain::status::EndReason;
use crate::screening::calls::domain::turn_policy::{PauseStats, TurnPolicy};
use crate::screening::shared::plan::InterviewPlan;

pub use vocabulary::{Cause, EmmaState, Input, Output, ReplyRequest, Tag, UtteranceId, Why};

/// Numbers an agent's file may change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// When a silence is the end of a turn.
    pub policy: TurnPolicy,
    /// Length of the whole call, ms.
    pub call_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            policy: TurnPolicy::default(),
            call_ms: 25 * 60_000,
        }
    }
}

/// Silences in a row after which a candidate who says nothing at all is taken for gone.
const MAX_SILENCES: u32 = 6;
/// A result that has not come after this is not waited for, ms.
const MISSING_RESULT_MS: u64 = 20_000;
/// How long an ending call waits for the words that were just said, ms.
const LAST_WORDS_MS: u64 = 4_000;
/// How long Emma's own last sentence may take when somebody else ends the call, ms.
const GOODBYE_MS: u64 = 15_000;

/// One call.
#[derive(Debug)]
pub struct Conversation {
    now: CallTime,
    limits: Limits,
    outputs: VecDeque<Output>,
    agenda: Agenda,
    history: TalkHistory,
    hearing: Hearing,
    turn: Option<Turn>,
    speech: Option<EmmaSpeech>,
    /// A reply that no turn of the candidate asked for.
    awaited: Option<(Tag, CallTime)>,
    /// Parts of that reply that came before the rest of it.
    early: Vec<SpeechPart>,
    /// A reply whose first words were cut short before the rest of it came.
    cut_reply: Option<Tag>,
    /// What both sides said, as far as it was heard.
    dialogue: Dialogue,
    turns: u32,
    utterances: u64,
    /// Since when neither side has spoken.
    quiet_since: CallTime,
    connected: bool,
    connected_at: CallTime,
    /// When Emma's voice was last sent.
    emma_sounded: Option<CallTime>,
    opened: bool,
    /// The greeting, or the welcome after a break, is on its way or being said.
    opening: bool,
    muted: bool,
    /// Questions in a row that were talked over before they were heard.
    cut_questions: u32,
    /// How this candidate pauses inside answers.
    pauses: PauseStats,
    time_up: bool,
    /// Why the call is about to end, and when it does at the latest.
    ending: Option<(EndReason, CallTime)>,
    /// The candidate asked for a moment and has not spoken since.
    on_break: bool,
    ended: bool,
    shown: Option<EmmaState>,
}

impl Conversation {
    /// A call about to begin, or, with a coverage that is not empty, one that goes on after an interruption at `now`.
    pub fn new(plan: Arc<InterviewPlan>, coverage: Coverage, limits: Limits, resumed: bool, now: CallTime) -> Self {
        Self {
            now,
            limits,
            outputs: VecDeque::new(),
            agenda: Agenda::new(plan, coverage),
            history: TalkHistory::default(),
            hearing: Hearing::default(),
            turn: None,
            speech: None,
            awaited: None,
            early: Vec::new(),
            cut_reply: None,
            dialogue: Dialogue::default(),
            turns: 0,
            utterances: 0,
            quiet_since: now,
            connected: false,
            connected_at: now,
            emma_sounded: None,
            opened: resumed,
            opening: false,
            muted: false,
            cut_questions: 0,
            pauses: PauseStats::default(),
            time_up: false,
            ending: None,
            on_break: false,
            ended: false,
            shown: None,
        }
    }

    /// Takes what happened at `now`. Time never goes back: an earlier `now` counts as the last one.
    pub fn handle(&mut self, input: Input, now: CallTime) {
        self.now = self.now.max(now);
        if self.ended {
            return;
        }
        match input {
            Input::Connected => self.connected(),
            Input::Disconnected => self.disconnected(),
            Input::Frame {
                speech,
                level_dbfs,
                received,
            } => {
                self.frame(speech, if received { level_dbfs } else { f32::NEG_INFINITY });
            }
            Input::Transcribed { tag, transcript } => self.transcribed(tag, transcript.unwrap_or_default()),
            Input::TurnJudged {
                tag,
                silence_ms,
                probability,
            } => self.judged(tag, silence_ms, probability),
            Input::FirstToken { tag } => self.first_token(tag),
            Input::ReplyPart { tag, part } => self.reply_part(tag, part),
            Input::ReplyReady { tag, reply } => self.reply_ready(tag, reply),
            Input::Rendered {
                utterance,
                words,
                duration_ms,
            } => self.rendered(utterance, words, duration_ms),
            Input::Played { utterance, upto_ms } => self.played(utterance, upto_ms),
            Input::RenderFailed { utterance } | Input::PlayedOut { utterance } => self.played_out(utterance),
            Input::Typed { text } => self.typed(&text),
            Input::RepeatRequested => self.repeat_requested(),
            Input::MoreTimeRequested => self.more_time(),
            Input::HumanRequested => self.end_politely(interviewer::hand_over(), EndReason::HumanRequested),
            Input::Muted(muted) => self.muted = muted,
            Input::EndRequested(reason) => self.end_requested(reason),
            Input::Tick => {}
        }
        self.check_deadlines();
    }

    /// The next thing to do, in order.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call `handle` with [`Input::Tick`] if nothing else happens, and what for.
    pub fn deadline(&self) -> Option<(CallTime, Why)> {
        if self.ended {
            return None;
        }
        let silence = self.silence_deadline().map(|at| (at, Why::Silence));
        let missing = self.missing_deadline().map(|at| (at, Why::MissingResult));
        let turn = self.turn_deadline().map(|at| (at, Why::EndOfTurn));
        let interruption = self.interruption_deadline().map(|at| (at, Why::FalseInterruption));
        let limit = self
            .may_run_out()
            .then_some((CallTime::from_ms(self.limits.call_ms), Why::TimeLimit));
        [silence, missing, turn, interruption, limit]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    /// What was said before a restart, so that Emma does not begin anew.
    pub fn remember(&mut self, said: &[TranscriptSegment]) {
        self.history = TalkHistory::of_transcript(said);
        for segment in said {
            self.dialogue.heard(segment);
        }
    }

    /// What was said in earlier attempts of this interview: the interviewer may come back to it, but in this call it was
    /// not said. Comes before [`Self::remember`].
    pub fn recall(&mut self, earlier: &[TranscriptSegment]) {
        for segment in earlier {
            self.dialogue.heard(segment);
        }
    }

    /// Whether the candidate is speaking or waits for an answer.
    pub fn candidate_has_the_floor(&self) -> bool {
        self.turn.is_some()
    }

    /// Coverage as it stands.
    pub fn coverage(&self) -> &Coverage {
        &self.agenda.coverage
    }

    fn connected(&mut self) {
        self.connected = true;
        self.connected_at = self.now;
        self.quiet_since = self.now;
        let cause = if self.opened { Cause::Return } else { Cause::Opening };
        self.opened = true;
        self.opening = true;
        self.show_progress();
        self.ask_unprompted(cause);
    }

    fn disconnected(&mut self) {
        self.connected = false;
        self.opening = false;
        self.on_break = false;
        self.awaited = None;
        self.interrupt_emma();
        self.commit_turn();
        self.show(EmmaState::Paused);
    }

    fn check_deadlines(&mut self) {
        if self.ended {
            return;
        }
        if self.turn_deadline().is_some_and(|at| at <= self.now) {
            self.end_of_turn_check();
        }
        if self.interruption_deadline().is_some_and(|at| at <= self.now) {
            self.resume_emma();
        }
        if self.missing_deadline().is_some_and(|at| at <= self.now) {
            self.give_up_waiting();
        }
        if self.may_run_out() && self.now.ms() >= self.limits.call_ms {
            self.time_up = true;
            self.ask_unprompted(Cause::TimeUp);
        }
        if self.silence_deadline().is_some_and(|at| at <= self.now) {
            self.break_silence();
        }
    }

    /// Whether the end of the call's time is something to act on now: nobody is cut short by it.
    fn may_run_out(&self) -> bool {
        !self.time_up && self.connected && self.floor_is_free()
    }

    /// Nobody speaks and nothing is on its way.
    fn floor_is_free(&self) -> bool {
        self.turn.is_none() && self.speech.is_none() && self.awaited.is_none() && self.ending.is_none()
    }

    fn silence_deadline(&self) -> Option<CallTime> {
        (self.connected && self.floor_is_free()).then(|| self.quiet_since.plus(self.agenda.patience_ms(self.muted)))
    }

    fn break_silence(&mut self) {
        self.agenda.silences += 1;
        let times = self.agenda.silences;
        self.quiet_since = self.now;
        if times > MAX_SILENCES {
            let reason = if self.hearing.has_sound() {
                EndReason::DisconnectTimeout
            } else {
                EndReason::NoAudio
            };
            return self.end(reason);
        }
        if self.hearing.has_sound() || self.muted {
            self.ask_unprompted(Cause::Silence { times });
        } else {
            self.ask_unprompted(Cause::NoAudio { times });
        }
    }

    fn missing_deadline(&self) -> Option<CallTime> {
        let ending = self.ending.map(|(_, at_last)| at_last);
        let awaited = self.awaited.map(|(_, since)| since.plus(MISSING_RESULT_MS));
        let turn = self
            .turn
            .as_ref()
            .and_then(|t| t.committed)
            .map(|since| since.plus(MISSING_RESULT_MS));
        let open = self.speech.as_ref().and_then(|s| s.open.as_ref());
        let open = open.map(|open| open.since.plus(MISSING_RESULT_MS));
        [ending, awaited, turn, open].into_iter().flatten().min()
    }

    fn give_up_waiting(&mut self) {
        if let Some((reason, _)) = self.ending {
            return self.end(reason);
        }
        if let Some(open) = self.speech.as_mut().and_then(|s| s.open.take()) {
            self.close_early(&open);
            return self.finish_if_done();
        }
        self.awaited = None;
        self.opening = false;
        self.quiet_since = self.now;
        if let Some(turn) = self.turn.take() {
            self.keep_answer(&turn, false);
            self.outputs.push_back(Output::Discard { tag: turn.tag });
            self.ask_unprompted(Cause::RepeatRequested);
        }
    }

    fn end_requested(&mut self, reason: EndReason) {
        if reason == EndReason::RecruiterCancelled && self.connected {
            return self.end_politely(interviewer::call_off(), reason);
        }
        self.interrupt_emma();
        self.awaited = None;
        self.ending = Some((reason, self.now.plus(LAST_WORDS_MS)));
        self.commit_turn();
        if self.turn.is_none() {
            self.end(reason);
        }
    }

    /// Emma says a last sentence, which nothing interrupts, and the call ends. What is being said now is kept.
    fn end_politely(&mut self, goodbye: Reply, reason: EndReason) {
        if self.ending.is_some() {
            return;
        }
        if !self.connected {
            return self.end_requested(reason);
        }
        self.interrupt_emma();
        self.awaited = None;
        self.ending = Some((reason, self.now.plus(GOODBYE_MS)));
        self.say(Vec::new(), goodbye, None);
        self.commit_turn();
    }

    fn end(&mut self, reason: EndReason) {
        if let Some(turn) = self.turn.take() {
            self.keep_answer(&turn, true);
        }
        self.outputs.push_back(Output::StopPlayout);
        self.show(EmmaState::Ended);
        self.outputs.push_back(Output::End(reason));
        self.ended = true;
    }

    fn show(&mut self, state: EmmaState) {
        if self.shown != Some(state) {
            self.shown = Some(state);
            self.outputs.push_back(Output::Show(state));
        }
    }

    fn show_progress(&mut self) {
        if let Some((topic, of, label)) = self.agenda.progress() {
            self.outputs.push_back(Output::Progress { topic, of, label });
        }
    }
}

#[cfg(test)]
mod tests;

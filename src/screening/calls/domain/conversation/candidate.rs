//! The candidate's side: voice, pauses, words, and when a turn is over.

use crate::screening::calls::domain::audio::{CallTime, Span};
use crate::screening::calls::domain::conversation::hearing::{Care, Heard};
use crate::screening::calls::domain::conversation::turn::Turn;
use crate::screening::calls::domain::conversation::{Cause, Conversation, EmmaState, Output, Tag};
use crate::screening::calls::domain::interviewer::places_of;
use crate::screening::calls::domain::ports::Transcript;
use crate::screening::calls::domain::segment::{SegmentKind, Speaker, TranscriptSegment, Word};
use crate::screening::calls::domain::turn_policy::{Judgement, Patience, Silence, TurnDecision, ending_of};
use crate::screening::shared::ids::SegmentId;
use crate::screening::shared::plan::QuestionKind;

/// Silence after which the words so far are transcribed on the guess that the turn ends here, ms.
const FIRST_LOOK_MS: u64 = 192;
/// Speech over Emma's voice that lasts this long takes the floor at once, ms; shorter sounds are looked at first.
const TAKES_FLOOR_MS: u64 = 500;
/// Smart Turn hears the last 8 s.
const JUDGED_MS: u64 = 8_000;
/// "Give me a moment": silence granted on top, ms.
const MORE_TIME_MS: u64 = 30_000;

/// From the connection, the time in which a browser's echo canceller learns the room, ms.
const ECHO_LEARNING_MS: u64 = 3_000;
/// From the last packet of Emma's voice, the time in which its echo may come back: the way there and back, the
/// browser's buffers and the room, ms.
const ECHO_TAIL_MS: u64 = 400;

/// What a listener says without wanting the floor.
const BACKCHANNELS: [&str; 16] = [
    "mhm", "mm", "mmhmm", "hmm", "hm", "uh huh", "uhhuh", "yeah", "yes", "yep", "ok", "okay", "right", "sure", "i see",
    "ah",
];

impl Conversation {
    pub(super) fn frame(&mut self, speech: f32, level_dbfs: f32) {
        match self.hearing.frame(speech, level_dbfs, self.care(), self.now) {
            Heard::Onset(start) => self.voice_begins(start),
            Heard::Voice => self.voice_goes_on(),
            Heard::Silence => self.silence(),
        }
    }

    /// Where what sounds like the candidate may be Emma's echo: while the browser's echo canceller is still learning, and
    /// as long as her last words may hang in the room. In a turn that is open the candidate is not doubted.
    fn care(&self) -> Care {
        let learning = self.now < self.connected_at.plus(ECHO_LEARNING_MS);
        let hanging = self.speech.is_none() && self.emma_sounded.is_some_and(|at| self.now < at.plus(ECHO_TAIL_MS));
        if self.turn.is_none() && (learning || hanging) {
            Care::AgainstEcho
        } else {
            Care::Open
        }
    }

    fn voice_begins(&mut self, onset: CallTime) {
        // The first words say who is speaking and what happens to the answers: they are said to their end.
        if self.ending.is_some() || self.opening {
            return;
        }
        self.awaited = None;
        self.end_break();
        let now = self.now;
        if let Some(turn) = self.turn.as_mut() {
            let pause_ms = onset.since(turn.last_voice);
            if pause_ms >= FIRST_LOOK_MS {
                self.pauses.note(pause_ms);
            }
            let stale = turn.go_on(onset, now);
            if let Some(tag) = stale {
                self.outputs.push_back(Output::Discard { tag });
            }
        } else {
            self.turns += 1;
            self.turn = Some(Turn::open(self.turns, onset, now));
        }
        if self.speech.is_some() {
            self.pause_emma();
        } else {
            self.show(EmmaState::Listening);
        }
    }

    fn voice_goes_on(&mut self) {
        if self.ending.is_some() {
            return;
        }
        let now = self.now;
        if self.turn.is_none() && !self.opening {
            // Speech that began over the first words goes on after them.
            return self.voice_begins(now);
        }
        let Some(turn) = self.turn.as_mut() else { return };
        turn.voice(now);
        let takes_floor = turn.burst_ms >= TAKES_FLOOR_MS;
        let speech_ms = turn.speech_ms;
        if let Some((tag, audio)) = turn.cut_long(now) {
            let context = turn.context();
            self.outputs.push_back(Output::Transcribe {
                tag,
                audio,
                speech_ms,
                context,
                certain: true,
            });
        }
        if takes_floor {
            self.interrupt_emma();
        }
    }

    fn silence(&mut self) {
        let now = self.now;
        let Some(turn) = self.turn.as_mut().filter(|t| t.committed.is_none() && !t.typed) else {
            return;
        };
        let silence_ms = turn.silence_ms(now);
        if silence_ms < FIRST_LOOK_MS {
            return;
        }
        if let Some(audio) = turn.cut_tail(now) {
            let context = turn.context();
            self.outputs.push_back(Output::Transcribe {
                tag: turn.tag,
                audio,
                speech_ms: turn.speech_ms,
                context,
                certain: false,
            });
        }
        let looks = self
            .limits
            .policy
            .judge_at_ms
            .iter()
            .filter(|&&at| at <= silence_ms)
            .count();
        if looks > turn.looks {
            turn.looks = looks;
            let audio = Span {
                start: now.minus(JUDGED_MS).max(turn.started.minus(JUDGED_MS / 16)),
                end: now,
            };
            self.outputs.push_back(Output::JudgeTurn {
                tag: turn.tag,
                audio,
                silence_ms,
            });
        }
        self.end_of_turn_check();
    }

    pub(super) fn judged(&mut self, tag: Tag, silence_ms: u64, probability: f32) {
        if let Some(turn) = self.turn.as_mut().filter(|t| t.tag == tag) {
            turn.judgements.push(Judgement {
                silent_ms: silence_ms,
                probability,
            });
            self.end_of_turn_check();
        }
    }

    pub(super) fn transcribed(&mut self, tag: Tag, transcript: Transcript) {
        let now = self.now;
        let Some(turn) = self.turn.as_mut() else { return };
        if !turn.transcribed(tag, transcript, now) {
            return;
        }
        let text = turn.text();
        // A goodbye is not interrupted.
        if self.speech.is_some() && turn.is_transcribed() && self.ending.is_none() {
            if text.is_empty() || is_backchannel(&text) {
                return self.resume_emma();
            }
            self.interrupt_emma();
        }
        let Some(turn) = self.turn.as_ref() else { return };
        if !text.is_empty() {
            let id = turn.segment_id.clone();
            self.outputs.push_back(Output::Caption {
                id,
                text: text.clone(),
                by_emma: false,
                last: false,
                interrupted: false,
            });
        }
        if turn.has_fixed_text() {
            let segment = self.segment_of(turn, SegmentKind::Answer, true);
            self.outputs.push_back(Output::Store(segment));
        }
        self.ask_for_reply();
        self.end_of_turn_check();
        self.answer_if_ready();
    }

    /// Prepares the reply as soon as the words are known, before the turn is decided to be over.
    fn ask_for_reply(&mut self) {
        let Some(turn) = self.turn.as_mut() else { return };
        let text = turn.text();
        if !turn.is_transcribed() || turn.reply_requested || text.is_empty() || !self.connected || self.ending.is_some()
        {
            return;
        }
        turn.reply_requested = true;
        let (tag, typed) = (turn.tag, turn.typed);
        let answer = join(&self.agenda.answer, &text);
        let request = self.request(Cause::Said(text), answer, typed);
        self.outputs.push_back(Output::Reply { tag, request });
    }

    /// Asks the policy whether the turn is over.
    pub(super) fn end_of_turn_check(&mut self) {
        // While Emma holds her breath it is not yet known whether this is a turn at all.
        if self.speech.is_some() || self.hearing.is_speaking() {
            return;
        }
        if self.decision() == Some(TurnDecision::Commit) {
            self.commit_turn();
        }
    }

    fn decision(&self) -> Option<TurnDecision> {
        let turn = self.turn.as_ref().filter(|t| t.committed.is_none())?;
        let patience = match self.agenda.question().map(|q| q.kind) {
            _ if turn.needs_time => Patience::Long,
            Some(QuestionKind::Logistics) => Patience::Short,
            Some(QuestionKind::Behavioral | QuestionKind::Situational | QuestionKind::Knowledge) | None => {
                Patience::Normal
            }
        };
        Some(self.limits.policy.decide(Silence {
            silent_ms: turn.silence_ms(self.now),
            judgements: &turn.judgements,
            ending: turn.is_transcribed().then(|| ending_of(&turn.text())),
            patience,
            pauses: self.pauses,
        }))
    }

    pub(super) fn turn_deadline(&self) -> Option<CallTime> {
        if self.speech.is_some() || self.hearing.is_speaking() {
            return None;
        }
        match self.decision()? {
            TurnDecision::Commit => Some(self.now),
            // A fresh judgement is asked for when a frame shows that the silence has lasted.
            TurnDecision::Wait { judge: true, .. } => None,
            TurnDecision::Wait { until_ms, judge: false } => self.turn.as_ref().map(|t| t.last_voice.plus(until_ms)),
        }
    }

    /// The turn is over: from now on the candidate waits for Emma.
    pub(super) fn commit_turn(&mut self) {
        let now = self.now;
        let Some(turn) = self.turn.as_mut().filter(|t| t.committed.is_none()) else {
            return;
        };
        turn.committed = Some(now);
        if let Some(audio) = turn.cut_tail(now) {
            let context = turn.context();
            self.outputs.push_back(Output::Transcribe {
                tag: turn.tag,
                audio,
                speech_ms: turn.speech_ms,
                context,
                certain: true,
            });
        }
        self.answer_if_ready();
        if self
            .turn
            .as_ref()
            .is_some_and(|t| !t.text().is_empty() || t.awaits_transcript())
            && self.connected
        {
            self.show(EmmaState::Thinking);
        }
    }

    /// Answers once the turn is over, its words are known and the reply is there.
    pub(super) fn answer_if_ready(&mut self) {
        let Some(turn) = self.turn.take_if(|t| t.committed.is_some() && t.is_transcribed()) else {
            return;
        };
        if let Some((reason, _)) = self.ending {
            self.keep_answer(&turn, true);
            if self.speech.is_none() {
                self.end(reason);
            }
            return;
        }
        if turn.text().is_empty() {
            // A cough: nobody has said anything, and the silence goes on as before.
            return self.show(EmmaState::Listening);
        }
        if !self.connected {
            self.keep_answer(&turn, true);
            return;
        }
        let committed = turn.committed.unwrap_or(self.now);
        if let Some((reply, replied)) = turn.reply.clone() {
            self.answer(turn, reply, replied, committed);
        } else if let Some(replied) = turn.early_at {
            self.begin_answer(turn, replied, committed);
        } else {
            self.turn = Some(turn);
            self.ask_for_reply();
        }
    }

    /// Stores what the candidate said and adds it to the answer; says under which id.
    pub(super) fn keep_answer(&mut self, turn: &Turn, last: bool) -> Option<SegmentId> {
        let text = turn.text();
        if text.is_empty() {
            return None;
        }
        // Without a reply that took it for something else it is an answer: nothing said is lost to the evidence.
        let kind = turn
            .reply
            .as_ref()
            .map_or(SegmentKind::Answer, |(reply, _)| reply.turn_kind(self.agenda.phase));
        let mut segment = self.segment_of(turn, kind, false);
        if let Some((reply, _)) = &turn.reply {
            segment.set_aside = places_of(&reply.suspected(), &text);
        }
        let id = segment.id.clone();
        self.outputs.push_back(Output::Caption {
            id: id.clone(),
            text: text.clone(),
            by_emma: false,
            last,
            interrupted: false,
        });
        self.store(segment);
        if kind == SegmentKind::Answer {
            self.agenda.answer = join(&self.agenda.answer, &text);
        }
        Some(id)
    }

    /// Stores a turn whose reply has only begun: as an answer until the rest of it says otherwise.
    pub(super) fn store_open_turn(&mut self, turn: &Turn) -> Option<SegmentId> {
        let segment = self.segment_of(turn, SegmentKind::Answer, false);
        let id = segment.id.clone();
        if segment.text.is_empty() {
            return None;
        }
        self.outputs.push_back(Output::Caption {
            id: id.clone(),
            text: segment.text.clone(),
            by_emma: false,
            last: true,
            interrupted: false,
        });
        self.store(segment);
        Some(id)
    }

    /// Stores what was said; it is part of the talk from now on.
    pub(super) fn store(&mut self, segment: TranscriptSegment) {
        self.dialogue.heard(&segment);
        self.outputs.push_back(Output::Store(segment));
    }

    fn segment_of(&self, turn: &Turn, kind: SegmentKind, open: bool) -> TranscriptSegment {
        let words: Vec<Word> = turn.words();
        let start_ms = words.first().map_or(turn.started, |w| w.start_ms);
        let end_ms = words.last().map_or(turn.last_voice, |w| w.end_ms).max(start_ms);
        TranscriptSegment {
            id: turn.segment_id.clone(),
            speaker: Speaker::Candidate,
            text: turn.text(),
            start_ms,
            end_ms: if open { end_ms } else { end_ms.max(turn.last_voice) },
            words,
            question_id: self.agenda.question_id(),
            kind,
            interrupted: false,
            typed: turn.typed,
            source_refs: Vec::new(),
            set_aside: Vec::new(),
            latency: None,
        }
    }

    pub(super) fn typed(&mut self, text: &str) {
        let text = text.trim().to_owned();
        if text.is_empty() || self.ending.is_some() {
            return;
        }
        self.interrupt_emma();
        self.awaited = None;
        self.end_break();
        if let Some(spoken) = self.turn.take() {
            self.keep_answer(&spoken, true);
            self.outputs.push_back(Output::Discard { tag: spoken.tag });
        }
        self.turns += 1;
        self.turn = Some(Turn::typed(self.turns, text, self.now));
        self.ask_for_reply();
        self.commit_turn();
    }

    pub(super) fn repeat_requested(&mut self) {
        if self.ending.is_none() && self.turn.is_none() {
            self.interrupt_emma();
            self.ask_unprompted(Cause::RepeatRequested);
        }
    }

    pub(super) fn more_time(&mut self) {
        if let Some(turn) = self.turn.as_mut() {
            turn.needs_time = true;
        }
        self.quiet_since = self.now.plus(MORE_TIME_MS);
        if self.ending.is_none() && self.connected && !self.on_break {
            self.on_break = true;
            self.outputs.push_back(Output::PauseBegan);
            if self.speech.is_none() {
                self.show(EmmaState::Paused);
            }
        }
    }

    /// Somebody speaks again.
    pub(super) fn end_break(&mut self) {
        if self.on_break {
            self.on_break = false;
            self.quiet_since = self.quiet_since.min(self.now);
            self.outputs.push_back(Output::PauseEnded);
        }
    }
}

fn is_backchannel(text: &str) -> bool {
    let plain: String = text
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == ' ')
        .collect();
    BACKCHANNELS.contains(&plain.trim())
}

fn join(before: &str, after: &str) -> String {
    if before.is_empty() {
        after.to_owned()
    } else {
        format!("{before} {after}")
    }
}

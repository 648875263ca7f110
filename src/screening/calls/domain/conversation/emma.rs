//! Emma's side: what she is about to say, what the playout clock tells, how she is interrupted.

use crate::screening::calls::domain::audio::CallTime;
use crate::screening::calls::domain::conversation::agenda::Moved;
use crate::screening::calls::domain::conversation::early::OpenReply;
use crate::screening::calls::domain::conversation::speech::{Sentence, SpokenPart};
use crate::screening::calls::domain::conversation::turn::Turn;
use crate::screening::calls::domain::conversation::{
    Cause, Conversation, EmmaState, Output, ReplyRequest, Tag, UtteranceId,
};
use crate::screening::calls::domain::interviewer::{Action, Reply, SpeechPart};
use crate::screening::calls::domain::ports::HeardWord;
use crate::screening::calls::domain::segment::TurnLatency;
use crate::screening::shared::ids::SegmentId;

/// A question of which this share was heard counts as asked: candidates begin to answer over its last words.
const ENOUGH_HEARD: f32 = 0.6;
/// A question that was talked over this often counts as asked.
const MAX_CUT_QUESTIONS: u32 = 2;
/// A pause of Emma's after which she goes on if no words have come, ms (`LiveKit`'s false-interruption timeout).
const FALSE_INTERRUPTION_MS: u64 = 2_000;

/// What Emma is saying or is about to say.
#[derive(Debug)]
pub struct EmmaSpeech {
    pub parts: Vec<SpokenPart>,
    /// Takes effect when its words were heard.
    pub action: Option<Action>,
    /// The reply is not complete yet: more words and what they mean are still to come.
    pub open: Option<OpenReply>,
    /// The turn this answers, until its first audio is out.
    answers: Option<AnsweredTurn>,
    /// Since when she holds her breath because the candidate made a sound.
    pub paused: Option<CallTime>,
}

/// The moments from which a turn's latency is made up.
#[derive(Debug, Clone)]
pub(super) struct AnsweredTurn {
    turn: u32,
    segment: Option<SegmentId>,
    last_voice: CallTime,
    committed: CallTime,
    transcribed: CallTime,
    first_token: Option<CallTime>,
    replied: CallTime,
}

impl Conversation {
    /// Asks for something to say without a turn of the candidate's.
    pub(super) fn ask_unprompted(&mut self, cause: Cause) {
        self.turns += 1;
        let tag = Tag {
            turn: self.turns,
            revision: 0,
        };
        self.awaited = Some((tag, self.now));
        let request = self.request(cause, self.agenda.answer.clone(), false);
        self.outputs.push_back(Output::Reply { tag, request });
    }

    pub(super) fn request(&self, cause: Cause, answer_so_far: String, typed: bool) -> ReplyRequest {
        ReplyRequest {
            cause,
            phase: self.agenda.phase,
            question_id: self.agenda.question_id(),
            answer_so_far,
            coverage: self.agenda.coverage.clone(),
            history: self.history.clone(),
            dialogue: self.dialogue.clone(),
            elapsed_ms: self.now.ms(),
            time_limit_ms: self.limits.call_ms,
            typed,
        }
    }

    pub(super) fn reply_ready(&mut self, tag: Tag, reply: Reply) {
        if self.awaited.is_some_and(|(awaited, _)| awaited == tag) {
            self.awaited = None;
            let early = std::mem::take(&mut self.early);
            return self.say(early, reply, None);
        }
        if self.reply_completed(tag, &reply) {
            return;
        }
        let now = self.now;
        if let Some(turn) = self.turn.as_mut().filter(|turn| turn.tag == tag) {
            turn.needs_time = reply.action == Action::Wait;
            turn.reply = Some((reply, now));
            self.answer_if_ready();
        }
    }

    /// Answers a turn that is over, transcribed and has its reply.
    pub(super) fn answer(&mut self, mut turn: Turn, reply: Reply, replied: CallTime, committed: CallTime) {
        let early = std::mem::take(&mut turn.early);
        if let Some((whole, _)) = turn.reply.as_mut() {
            whole.parts = [early.clone(), std::mem::take(&mut whole.parts)].concat();
        }
        let segment = self.keep_answer(&turn, true);
        self.agenda.silences = 0;
        let answers = answered(&turn, segment, turn.early_at.unwrap_or(replied), committed);
        self.say(early, reply, Some(answers));
    }

    /// Begins to answer a turn that is over and transcribed with the parts of the reply that are there.
    pub(super) fn begin_answer(&mut self, mut turn: Turn, replied: CallTime, committed: CallTime) {
        let early = std::mem::take(&mut turn.early);
        let segment = self.store_open_turn(&turn);
        self.agenda.silences = 0;
        let answers = answered(&turn, segment, replied, committed);
        self.speech = Some(EmmaSpeech {
            parts: Vec::new(),
            action: None,
            open: Some(OpenReply {
                turn,
                said: early.clone(),
                since: self.now,
            }),
            answers: Some(answers),
            paused: None,
        });
        for part in early {
            self.append_early(part);
        }
    }

    /// Says what came early and then the rest of the reply.
    pub(super) fn say(&mut self, early: Vec<SpeechPart>, reply: Reply, answers: Option<AnsweredTurn>) {
        let whole = Reply {
            parts: [early.clone(), reply.parts.clone()].concat(),
            ..reply.clone()
        };
        self.end_break();
        self.history.note(&whole);
        self.raise(&reply);
        self.speech = Some(EmmaSpeech {
            parts: Vec::new(),
            action: Some(reply.action),
            open: None,
            answers,
            paused: None,
        });
        for part in early {
            self.append_early(part);
        }
        for part in reply.parts {
            self.add_part(part);
        }
        self.finish_if_done();
    }

    pub(super) fn add_part(&mut self, part: SpeechPart) {
        let sentences = self.speak(&part.text);
        if sentences.is_empty() {
            return;
        }
        if let Some(speech) = self.speech.as_mut() {
            speech.parts.push(SpokenPart {
                segment_id: SegmentId::generate(),
                part,
                sentences,
                latency: None,
            });
        }
    }

    pub(super) fn rendered(&mut self, utterance: UtteranceId, words: Vec<HeardWord>, duration_ms: u64) {
        if let Some((_, sentence)) = self.sentence(utterance) {
            sentence.rendered(words, duration_ms);
        }
    }

    pub(super) fn played(&mut self, utterance: UtteranceId, upto_ms: u64) {
        let now = self.now;
        let Some((part, sentence)) = self.sentence(utterance) else {
            return;
        };
        let first = sentence.started().is_none();
        sentence.played(upto_ms, now);
        self.emma_sounded = Some(now);
        if first {
            self.show(EmmaState::Speaking);
            self.report_latency(part);
        }
        self.caption_part(part);
        self.apply_if_heard();
    }

    pub(super) fn played_out(&mut self, utterance: UtteranceId) {
        let Some((part, sentence)) = self.sentence(utterance) else {
            return;
        };
        sentence.done = true;
        let done_part = self.speech.as_ref().and_then(|s| s.parts.get(part));
        if let Some(segment) = done_part.and_then(|p| p.segment(false)) {
            self.store(segment);
        }
        self.caption_part(part);
        self.apply_if_heard();
        self.finish_if_done();
    }

    fn sentence(&mut self, utterance: UtteranceId) -> Option<(usize, &mut Sentence)> {
        let parts = self.speech.as_mut()?.parts.iter_mut().enumerate();
        parts
            .flat_map(|(i, part)| part.sentences.iter_mut().map(move |s| (i, s)))
            .find(|(_, s)| s.utterance == utterance)
    }

    fn report_latency(&mut self, part: usize) {
        let now = self.now;
        let Some(speech) = self.speech.as_mut() else { return };
        let Some(answers) = speech.answers.take() else { return };
        // The steps overlap when work was prepared ahead: each part counts only what came after the step before it.
        let transcribed = answers.transcribed.max(answers.committed);
        let replied = answers.replied.max(transcribed);
        let first_token = answers
            .first_token
            .map_or(transcribed, |at| at.max(transcribed).min(replied));
        let latency = TurnLatency {
            end_of_turn_ms: answers.committed.since(answers.last_voice),
            transcription_ms: transcribed.since(answers.committed),
            first_token_ms: first_token.since(transcribed),
            reply_ms: replied.since(first_token),
            first_audio_ms: now.since(replied),
            total_ms: now.since(answers.last_voice),
        };
        let Some(spoken) = speech.parts.get_mut(part) else {
            return;
        };
        spoken.latency = Some(latency);
        let segment = spoken.segment_id.clone();
        self.outputs.push_back(Output::Answered {
            turn: answers.turn,
            answer: answers.segment,
            segment,
            latency,
        });
    }

    fn caption_part(&mut self, index: usize) {
        let Some(part) = self.speech.as_ref().and_then(|s| s.parts.get(index)) else {
            return;
        };
        if let Some(segment) = part.segment(false) {
            let last = part.is_done();
            self.outputs.push_back(Output::Caption {
                id: segment.id,
                text: segment.text,
                by_emma: true,
                last,
                interrupted: false,
            });
        }
    }

    /// The action stands once enough of the words that carry it, the last part's, was heard.
    fn apply_if_heard(&mut self) {
        let Some(speech) = self.speech.as_mut() else { return };
        let heard = speech
            .parts
            .last()
            .is_none_or(|p| p.is_done() || p.heard_share(true) >= ENOUGH_HEARD);
        if !heard {
            return;
        }
        // The end of a call waits for the last word.
        if matches!(speech.action, Some(Action::Close { .. })) && !speech.parts.iter().all(SpokenPart::is_done) {
            return;
        }
        if let Some(action) = speech.action.take() {
            self.apply(&action);
        }
    }

    fn apply(&mut self, action: &Action) {
        match self.agenda.apply(action, self.now) {
            Moved::Nowhere | Moved::ToCandidateQuestions => {}
            Moved::ToQuestion => self.show_progress(),
            Moved::ToTheEnd(reason) => {
                self.outputs.push_back(Output::Covered(self.agenda.coverage.clone()));
                return self.end(reason);
            }
        }
        self.outputs.push_back(Output::Covered(self.agenda.coverage.clone()));
    }

    pub(super) fn finish_if_done(&mut self) {
        if !self
            .speech
            .as_ref()
            .is_some_and(|s| s.open.is_none() && s.parts.iter().all(SpokenPart::is_done))
        {
            return;
        }
        self.apply_if_heard();
        self.speech = None;
        self.opening = false;
        if self.ended {
            return;
        }
        self.agenda.question_heard();
        self.cut_questions = 0;
        self.quiet_since = self.quiet_since.max(self.now);
        self.show(if self.on_break {
            EmmaState::Paused
        } else {
            EmmaState::Listening
        });
    }

    /// The candidate made a sound: hold the breath, decide later.
    pub(super) fn pause_emma(&mut self) {
        let now = self.now;
        let Some(speech) = self.speech.as_mut().filter(|s| s.paused.is_none()) else {
            return;
        };
        speech.paused = Some(now);
        self.outputs.push_back(Output::PausePlayout);
    }

    pub(super) fn resume_emma(&mut self) {
        let Some(speech) = self.speech.as_mut() else { return };
        if speech.paused.take().is_some() {
            self.outputs.push_back(Output::ResumePlayout);
            if let Some(turn) = self.turn.take() {
                self.outputs.push_back(Output::Discard { tag: turn.tag });
            }
        }
    }

    pub(super) fn interruption_deadline(&self) -> Option<CallTime> {
        let paused = self.speech.as_ref()?.paused?;
        let last_voice = self.turn.as_ref().map_or(paused, |t| t.last_voice);
        Some(last_voice.max(paused).plus(FALSE_INTERRUPTION_MS))
    }

    /// The candidate takes the floor: what was not heard was not said.
    pub(super) fn interrupt_emma(&mut self) {
        let Some(mut speech) = self.speech.take() else { return };
        self.opening = false;
        self.outputs.push_back(Output::StopPlayout);
        for part in &speech.parts {
            let cut = !part.is_done();
            if let Some(segment) = part.segment(cut) {
                let (id, text) = (segment.id.clone(), segment.text.clone());
                self.outputs.push_back(Output::Caption {
                    id,
                    text,
                    by_emma: true,
                    last: true,
                    interrupted: cut,
                });
                self.store(segment);
            }
        }
        if let Some(open) = speech.open.take() {
            self.close_early(&open);
        }
        let heard = speech.parts.last().is_none_or(|p| p.heard_share(true) >= ENOUGH_HEARD);
        // Somebody who talks over the same question again and again has heard what it is about.
        let enough = heard || self.cut_questions >= MAX_CUT_QUESTIONS;
        match speech.action.take() {
            Some(action) if enough => {
                self.cut_questions = 0;
                self.apply(&action);
            }
            Some(Action::Ask { .. }) => self.cut_questions += 1,
            _ => {}
        }
        self.quiet_since = self.now;
        if !self.ended {
            self.show(EmmaState::Listening);
        }
    }
}

/// What the latency of a turn is made up from.
fn answered(turn: &Turn, segment: Option<SegmentId>, replied: CallTime, committed: CallTime) -> AnsweredTurn {
    AnsweredTurn {
        turn: turn.tag.turn,
        segment,
        last_voice: turn.last_voice,
        committed,
        transcribed: turn.transcribed_at.unwrap_or(committed),
        first_token: turn.first_token_at,
        replied,
    }
}

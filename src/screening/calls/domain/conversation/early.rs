//! A reply that arrives in parts: what is there is said, and what it means follows with its end.

use crate::screening::calls::domain::audio::CallTime;
use crate::screening::calls::domain::conversation::speech::Sentence;
use crate::screening::calls::domain::conversation::turn::Turn;
use crate::screening::calls::domain::conversation::{Conversation, Output, Tag, UtteranceId};
use crate::screening::calls::domain::interviewer::{Action, Reply, SpeechPart};
use crate::screening::calls::domain::segment::SegmentKind;
use crate::screening::calls::domain::speakable::clauses::sentences;

/// A reply whose first parts are being said while the rest is still to come.
#[derive(Debug)]
pub struct OpenReply {
    /// The turn it answers.
    pub turn: Turn,
    pub said: Vec<SpeechPart>,
    pub since: CallTime,
}

impl Conversation {
    /// The next part of a reply that is not complete yet. One for a state that is gone is dropped.
    pub(super) fn reply_part(&mut self, tag: Tag, part: SpeechPart) {
        if self.awaited.is_some_and(|(awaited, _)| awaited == tag) {
            return self.early.push(part);
        }
        let now = self.now;
        if let Some(open) = self.open_reply(tag) {
            open.said.push(part.clone());
            return self.append_early(part);
        }
        if let Some(turn) = self.turn.as_mut().filter(|t| t.tag == tag && t.reply.is_none()) {
            turn.early_at.get_or_insert(now);
            turn.early.push(part);
            self.answer_if_ready();
        }
    }

    pub(super) fn first_token(&mut self, tag: Tag) {
        let now = self.now;
        if let Some(turn) = self.turn.as_mut().filter(|t| t.tag == tag) {
            turn.first_token_at.get_or_insert(now);
        }
    }

    /// The rest of a reply that is being said already. False where none of this tag is.
    pub(super) fn reply_completed(&mut self, tag: Tag, reply: &Reply) -> bool {
        if self.cut_reply == Some(tag) {
            // Its words were cut short and mean nothing any more; what a human should look at stays.
            self.cut_reply = None;
            self.raise(reply);
            return true;
        }
        if self.open_reply(tag).is_none() {
            return false;
        }
        let Some(open) = self.speech.as_mut().and_then(|s| s.open.take()) else {
            return false;
        };
        let whole = Reply {
            parts: [open.said, reply.parts.clone()].concat(),
            ..reply.clone()
        };
        self.history.note(&whole);
        self.raise(reply);
        let mut turn = open.turn;
        turn.reply = Some((whole, self.now));
        self.keep_answer(&turn, true);
        for part in reply.parts.clone() {
            self.add_part(part);
        }
        if let Some(speech) = self.speech.as_mut() {
            speech.action = Some(reply.action.clone());
        }
        self.finish_if_done();
        true
    }

    /// Emma was cut short, or the rest never came: what the candidate said before counts as an answer.
    pub(super) fn close_early(&mut self, open: &OpenReply) {
        self.cut_reply = Some(open.turn.tag);
        self.history.note(&Reply {
            parts: open.said.clone(),
            action: Action::Wait,
            flags: Vec::new(),
        });
        self.keep_answer(&open.turn, true);
    }

    /// Adds sentences to the part before, where it is of the same kind: one thought is one segment.
    pub(super) fn append_early(&mut self, part: SpeechPart) {
        let last = self.speech.as_ref().and_then(|s| s.parts.last());
        let same = last.is_some_and(|last| {
            last.part.kind == part.kind
                && last.part.source_refs == part.source_refs
                && last.part.question_id == part.question_id
                && matches!(part.kind, SegmentKind::Meta | SegmentKind::RoleAnswer)
        });
        if !same {
            return self.add_part(part);
        }
        let more = self.speak(&part.text);
        if let Some(last) = self.speech.as_mut().and_then(|s| s.parts.last_mut()) {
            last.part.text = format!("{} {}", last.part.text, part.text);
            last.sentences.extend(more);
        }
    }

    /// Asks for the sentences of a text to be said.
    pub(super) fn speak(&mut self, text: &str) -> Vec<Sentence> {
        let mut spoken = Vec::new();
        for text in sentences(text) {
            self.utterances += 1;
            let utterance = UtteranceId(self.utterances);
            self.outputs.push_back(Output::Speak {
                utterance,
                text: text.to_owned(),
            });
            spoken.push(Sentence::new(utterance, text.to_owned()));
        }
        spoken
    }

    pub(super) fn raise(&mut self, reply: &Reply) {
        for flag in &reply.flags {
            self.outputs.push_back(Output::Flag(flag.clone()));
        }
    }

    fn open_reply(&mut self, tag: Tag) -> Option<&mut OpenReply> {
        let open = self.speech.as_mut()?.open.as_mut()?;
        (open.turn.tag == tag).then_some(open)
    }
}

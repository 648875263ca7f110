//! Where a language model may speak, what it may propose, and what the rules of the interview make of it. The model
//! words acknowledgements and answers; which question comes, and when the interview ends, is decided here.

use std::ops::Range;

use crate::screening::calls::domain::interviewer::grounding::Ground;
use crate::screening::calls::domain::interviewer::intent::{self, Intent};
use crate::screening::calls::domain::interviewer::phrases;
use crate::screening::calls::domain::interviewer::pick::pick;
use crate::screening::calls::domain::interviewer::steering::Suspicion;
use crate::screening::calls::domain::interviewer::{
    Action, Flag, Phase, Reply, ReplyContext, SpeechPart, answer, flow, grounding, guards, meta, part, reply, role,
};
use crate::screening::calls::domain::segment::SegmentKind;
use crate::screening::calls::domain::status::EndReason;

/// A shorter quotation says nothing by itself, words.
const LEAST_NOTED: usize = 3;
/// Longest stretch of a turn that is noted, characters.
const LONGEST_NOTED: usize = 600;

/// What a language model wants to happen after its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposal {
    NextQuestion,
    /// A follow-up in the model's own words.
    Clarify(String),
    /// The candidate would rather talk with a person.
    Human,
    End,
}

/// What may be proposed at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    pub next_question: bool,
    pub clarify: bool,
    pub end: bool,
}

/// What a language model said and found in one turn.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Said already, or on its way.
    pub spoken: Vec<SpeechPart>,
    pub proposal: Option<Proposal>,
    /// A question it put into its words; it stands for a follow-up where one is allowed.
    pub question: Option<String>,
    /// Whether the posting was searched.
    pub looked_up: bool,
    /// What the candidate asked and is not told, in their own words.
    pub unanswered: Option<String>,
    /// Words of the candidate's it found worth noting.
    pub notes: Vec<String>,
}

/// Whether a language model may word the reply to this turn. What needs care, confirmations, requests about the talk
/// itself and questions about the process have fixed words, and what is wrong with a turn is no model's business.
pub fn suits_a_model(ctx: &ReplyContext<'_>) -> bool {
    if guards::concerns(ctx.utterance) != guards::Concerns::default()
        || ctx.suspicion != Suspicion::None
        || reply::awaits_confirmation(ctx)
        || reply::is_worn_out(ctx)
    {
        return false;
    }
    let asks = role::lookup_query(ctx.utterance, ctx.phase).is_some();
    let words = ctx.utterance.split_whitespace().count();
    match (ctx.phase, intent::of(ctx.utterance)) {
        (Phase::Closing, _) => false,
        (Phase::Greeting, Intent::Answer) => asks || words > 6,
        (Phase::Questions, Intent::Done | Intent::MayI)
        | (Phase::Questions | Phase::CandidateQuestions, Intent::Answer | Intent::SmallTalk | Intent::OffTopic) => true,
        (Phase::Questions, Intent::Yes | Intent::No) => ctx.question.is_some(),
        (Phase::Greeting | Phase::Questions | Phase::CandidateQuestions, _) => asks,
    }
}

/// What a language model may propose now.
pub fn allowed(ctx: &ReplyContext<'_>) -> Allowed {
    Allowed {
        next_question: matches!(ctx.phase, Phase::Greeting | Phase::Questions),
        clarify: ctx.phase == Phase::Questions
            && ctx
                .question
                .is_some_and(|q| answer::may_probe(ctx, q) && flow::time_for_probe(ctx)),
        end: ctx.phase == Phase::CandidateQuestions,
    }
}

/// Makes a reply of what a model said and proposed. Its parts are those still to be said. What the rules do not allow
/// is left out, and the interview goes on as it would have without a model.
pub fn settle(ctx: &ReplyContext<'_>, draft: &Draft) -> Reply {
    let mut flags: Vec<Flag> = draft.unanswered.iter().cloned().map(Flag::UnansweredQuestion).collect();
    flags.extend(draft.notes.iter().cloned().map(Flag::Noted));
    let silent = draft.spoken.is_empty();
    // A turn that only asked or remarked something answered nothing: the open question waits, whatever is proposed.
    let asked = role::lookup_query(ctx.utterance, ctx.phase).is_some();
    let aside = (draft.looked_up || asked || is_aside(ctx)) && !guards::is_mostly_answer(ctx.utterance);
    let may = if aside && ctx.phase == Phase::Questions {
        Allowed {
            next_question: false,
            clarify: false,
            end: false,
        }
    } else {
        allowed(ctx)
    };
    let follow_up = match &draft.proposal {
        Some(Proposal::Clarify(question)) => Some(question.clone()),
        None => draft.question.clone().filter(|_| !draft.looked_up),
        Some(Proposal::NextQuestion | Proposal::Human | Proposal::End) => None,
    };
    if let (Some(text), Some(question), true) = (follow_up, ctx.question, may.clarify) {
        let mut parts = Vec::new();
        if silent {
            parts.push(meta(pick(phrases::ACKNOWLEDGE_SHORT, ctx.history)));
        }
        parts.push(part(text, SegmentKind::Probe, Some(question)));
        // Past the bank: it is the model's own.
        let (question_id, index) = (question.id.clone(), question.probes.len());
        return Reply {
            parts,
            action: Action::Probe { question_id, index },
            flags,
        };
    }
    match &draft.proposal {
        // The offer is the model's; it is the candidate's request once they take it, see `note_request`.
        Some(Proposal::Human) => return reply::offer_human(ctx, flags),
        Some(Proposal::NextQuestion) if may.next_question => {
            let mut parts = Vec::new();
            if silent {
                parts.push(meta(pick(phrases::ACKNOWLEDGE, ctx.history)));
            }
            return flow::onward(ctx, parts, flags);
        }
        // Whether that was all is the candidate's to say: they are asked, and their "no" closes the call.
        Some(Proposal::NextQuestion | Proposal::Clarify(_) | Proposal::End) | None => {}
    }
    if aside {
        return flow::back(ctx, Vec::new(), flags);
    }
    match (ctx.phase, ctx.question) {
        (Phase::Questions, Some(question)) => {
            let reply = reply::answered(ctx, question, intent::of(ctx.utterance), draft.spoken.clone(), flags);
            rest(&draft.spoken, reply)
        }
        (Phase::Greeting | Phase::Questions, _) => flow::onward(ctx, Vec::new(), flags),
        (Phase::CandidateQuestions, _) => flow::back(ctx, Vec::new(), flags),
        (Phase::Closing, _) => flow::goodbye(ctx, Vec::new(), flags),
    }
}

/// The guided reply after words that were said already: nothing is acknowledged twice.
pub fn after_words(mut guided: Reply) -> Reply {
    let moves = matches!(guided.action, Action::Ask { .. } | Action::Probe { .. });
    while moves && guided.parts.len() > 1 && guided.parts[0].kind == SegmentKind::Meta {
        guided.parts.remove(0);
    }
    guided
}

/// Flags the request for a person where the candidate has just taken the offer of one.
pub fn note_request(reply: &mut Reply) {
    let taken = reply.action
        == Action::Close {
            reason: EndReason::HumanRequested,
        };
    if taken && !reply.flags.contains(&Flag::HumanRequested) {
        reply.flags.push(Flag::HumanRequested);
    }
}

/// A sentence of an answer about the role, with what it is taken from. The first one that tells something names the
/// posting: `named` says whether that was done.
pub fn about_role(sentence: &str, ground: &Ground<'_>, named: bool) -> SpeechPart {
    match grounding::kind_of(sentence, ground) {
        grounding::Kind::Aside => meta(sentence),
        grounding::Kind::PassesOn => part(sentence, SegmentKind::RoleAnswer, None),
        grounding::Kind::Answer => {
            let found = grounding::sources(sentence, ground.facts);
            let text = if named || grounding::names_source(sentence) {
                sentence.to_owned()
            } else {
                role::with_source(sentence)
            };
            SpeechPart {
                source_refs: found.into_iter().map(|fact| fact.field.clone()).collect(),
                ..part(text, SegmentKind::RoleAnswer, None)
            }
        }
    }
}

/// The clauses of a turn that a quotation of it stands in, as the candidate said them: whole, so that no "not" is cut off.
/// None where it is no quotation, says too little, or stands where nothing may be evidence.
pub fn noted(quote: &str, utterance: &str) -> Option<String> {
    let chars: Vec<char> = utterance.chars().collect();
    let (said, wanted) = (words_with_places(utterance), words_with_places(quote));
    if wanted.len() < LEAST_NOTED {
        return None;
    }
    let at = said
        .windows(wanted.len())
        .position(|window| window.iter().zip(&wanted).all(|(a, b)| a.0 == b.0))?;
    let (mut start, mut end) = (said[at].1.start, said[at + wanted.len() - 1].1.end);
    let ends_clause = |i: usize| {
        matches!(chars[i], ',' | ';' | ':' | '.' | '!' | '?' | '–' | '—' | '\n')
            && chars.get(i + 1).is_none_or(|next| next.is_whitespace())
    };
    while start > 0 && !ends_clause(start - 1) {
        start -= 1;
    }
    while end < chars.len() && !ends_clause(end) {
        end += 1;
    }
    let barred = guards::not_evidence(utterance);
    if end - start > LONGEST_NOTED || barred.iter().any(|span| span.start < end && start < span.end) {
        return None;
    }
    let text: String = chars[start..end].iter().collect();
    Some(text.trim().to_owned())
}

/// The words of a text as they are compared, and the characters each came from.
fn words_with_places(text: &str) -> Vec<(String, Range<usize>)> {
    let mut words: Vec<(String, Range<usize>)> = Vec::new();
    let mut inside = false;
    for (i, c) in text.chars().enumerate() {
        let joins = matches!(c, '\'' | '’');
        if c.is_alphanumeric() {
            if !inside {
                words.push((String::new(), i..i));
            }
            if let Some((word, place)) = words.last_mut() {
                word.extend(c.to_lowercase());
                place.end = i + 1;
            }
        }
        inside = c.is_alphanumeric() || (inside && joins);
    }
    words
}

/// A remark to the candidate that belongs to no question.
pub fn remark(text: &str) -> SpeechPart {
    meta(text)
}

/// Something besides the interview; the open question still waits.
fn is_aside(ctx: &ReplyContext<'_>) -> bool {
    matches!(
        intent::of(ctx.utterance),
        Intent::SmallTalk | Intent::OffTopic | Intent::MayI
    )
}

/// A reply without the parts that were said already; what was added to the last of them is a part of its own.
fn rest(spoken: &[SpeechPart], mut reply: Reply) -> Reply {
    let at = spoken.len().min(reply.parts.len());
    let mut rest = reply.parts.split_off(at);
    if let (Some(before), Some(after)) = (spoken.last(), reply.parts.last())
        && let Some(lead) = after.text.strip_prefix(&before.text)
        && !lead.trim().is_empty()
    {
        rest.insert(0, meta(lead.trim()));
    }
    reply.parts = rest;
    reply
}

#[cfg(test)]
mod tests;

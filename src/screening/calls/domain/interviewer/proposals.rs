//! Where a language model may speak, what it may propose, and what the rules of the interview make of it. The model
//! words acknowledgements and answers; which question comes, and when the interview ends, is decided here.

use crate::screening::calls::domain::interviewer::intent::{self, Intent};
use crate::screening::calls::domain::interviewer::phrases;
use crate::screening::calls::domain::interviewer::steering::Suspicion;
use crate::screening::calls::domain::interviewer::{
    Action, Flag, Phase, Reply, ReplyContext, SpeechPart, answer, flow, guards, meta, part, reply, role,
};
use crate::screening::calls::domain::ports::RoleFact;
use crate::screening::calls::domain::segment::SegmentKind;

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
    /// Searched for and not found.
    pub unanswered: Vec<String>,
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

/// The follow-ups the plan has for the open question.
pub fn planned_probes<'a>(ctx: &ReplyContext<'a>) -> &'a [String] {
    ctx.question.map_or(&[], |q| q.probes.as_slice())
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
            parts.push(meta(phrases::pick(phrases::ACKNOWLEDGE_SHORT, ctx.history)));
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
        Some(Proposal::Human) => {
            flags.push(Flag::HumanRequested);
            return reply::offer_human(ctx, flags);
        }
        Some(Proposal::End) if may.end => return flow::goodbye(ctx, Vec::new(), flags),
        Some(Proposal::NextQuestion) if may.next_question => {
            let mut parts = Vec::new();
            if silent {
                parts.push(meta(phrases::pick(phrases::ACKNOWLEDGE, ctx.history)));
            }
            return flow::onward(ctx, parts, flags);
        }
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

/// The part that says what was found in the posting.
pub fn role_answer(text: &str, facts: &[RoleFact]) -> SpeechPart {
    SpeechPart {
        source_refs: facts.iter().map(|fact| fact.field.clone()).collect(),
        ..part(text, SegmentKind::RoleAnswer, None)
    }
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

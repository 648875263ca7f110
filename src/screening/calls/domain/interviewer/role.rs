//! Questions the candidate asks about the role: recognising them, and answering from the posting with the source named.

use std::sync::LazyLock;

use regex::Regex;

use crate::screening::calls::domain::interviewer::answer::plain;
use crate::screening::calls::domain::interviewer::intent::{self, Intent, without_openers};
use crate::screening::calls::domain::interviewer::phrases::NOT_IN_POSTING;
use crate::screening::calls::domain::interviewer::pick::pick;
use crate::screening::calls::domain::interviewer::{Flag, Phase, ReplyContext, SpeechPart, meta, part};
use crate::screening::calls::domain::ports::RoleFact;
use crate::screening::calls::domain::segment::SegmentKind;
use crate::screening::calls::domain::speakable::clauses::sentences;

/// A second statement is said too when it fits nearly as well as the first.
const NEARLY_AS_GOOD: f32 = 0.92;

static ASKS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:what|which|how|who|where|why) (?:is|are|was|were|do|does|did|can|could|will|would|kind|many|much|long|often|big|about|type|sort|time|hours|benefits|technolog\w+|languages|team|tools|shifts?|equipment|else|happens|large|far|flexible|soon|old|exactly)\b",
        r"|^(?:whats|hows|wheres|whos|whens|what about|how about|any)\b|^when (?:is|are|do|does|will|would|can|could|should)\b|^what [a-z]+ (?:is|are|do|does|will|would|can)\b",
        r"|^(?:is|are|do|does|did|can|could|will|would|may|should|has|have|am) (?:it|there|this|that|the|they|you|i|we|your|any|people|employees|new|he|she|everyone|a)\b",
        r"|\b(?:id|i would|i) (?:like|love|want|wanted|need) to (?:know|ask|hear|find out|learn)\b|\bi (?:was|am) (?:just )?(?:wondering|curious|interested)\b|\bim (?:just )?(?:wondering|curious|interested)\b|\bi wonder\b|\bmy question (?:is|would be)\b",
        r"|\b(?:can|could|would) you (?:please )?(?:tell|say|explain|share|describe|give)(?: me| us)?\b|^tell me (?:more |something |a bit )?about\b|\bdo you (?:know|happen to know|offer|have|provide|pay|use|allow|support|require|expect)\b|\b(?:ive got|i have|i had) (?:a |one |another |some |two )?questions? (?:about|on|regarding|concerning)\b",
    ))
    .expect("fixed pattern")
});
static ROLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\b(?:salar(?:y|ies)|pay|paid|pays|compensation|wages?|bonus(?:es)?|equity|stock|shares|benefits?|perks|holidays?|vacations?|days off|time off|leave|insurance|health ?care|pension|retirement|401k|allowance|budget|",
        r"remote(?:ly)?|home ?office|work(?:ing)? from home|on ?site|office|hybrid|location|located|based|relocat\w+|commut\w+|city|hours|schedule|shifts?|overtime|weekends?|nights?|full ?time|part ?time|flexible|flexibility|start date|notice|",
        r"contract|permanent|temporary|probation\w*|trial period|freelance|team|teams|colleagues|report(?:s|ing)? to|boss|supervisor|manager|company|organi[sz]ation|employer|employees|culture|position|role|job|vacancy|duties|responsibilit\w+|tasks|day to day|typical day|",
        r"equipment|laptop|computer|phone|car|uniform|training|onboarding|learning|education|conferences?|grow(?:th)?|promotion|career|travel\w*|visa|sponsor\w*|work permit|tech stack|stack|technolog\w+|tools|programming languages?|languages?|",
        r"hiring process|interviews?|stages|rounds|next steps?|on ?call|dress code|parking|meals|food|lunch|gym|childcare|customers|clients|product|mission|requirements?|qualifications?|certificates?|deadline)\b",
    ))
    .expect("fixed pattern")
});
/// In a long turn only a question that is clearly put to the employer counts: stories hold questions of their own.
static TO_EMPLOYER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:you|your|the (?:role|position|job|company|team|salary|pay|office|contract|benefits)|this (?:role|position|job|company)|salary|benefits|remote(?:ly)?)\b")
        .expect("fixed pattern")
});

/// The part of the turn that asks about the role, to be looked up in the posting.
pub fn lookup_query(utterance: &str, phase: Phase) -> Option<String> {
    let words = plain(utterance).split_whitespace().count();
    let said = sentences(utterance);
    if words == 0 {
        return None;
    }
    if words <= 25 {
        match intent::of(utterance) {
            Intent::NextSteps => return Some(utterance.trim().to_owned()),
            Intent::Answer | Intent::MayI | Intent::Duration | Intent::SmallTalk => {}
            _ => return None,
        }
    }
    let open = phase == Phase::CandidateQuestions;
    // The question mostly comes last: "Sounds good. What is the salary?"
    let candidates: Vec<&str> = if words <= 25 {
        said.iter().rev().copied().collect()
    } else {
        said.iter().rev().take(2).copied().collect()
    };
    for sentence in candidates {
        let marked = sentence.trim_end().ends_with('?');
        // "Before I answer, what are the hours?": the question may begin after a comma.
        let starts = std::iter::once(0).chain(sentence.match_indices(", ").map(|(at, _)| at + 2));
        for start in starts {
            let clause = plain(&sentence[start..]);
            let core = without_openers(&clause);
            let asks = ASKS.is_match(core) || (marked && open && start == 0);
            let about_role = ROLE.is_match(core);
            let fits = if open {
                about_role || marked || words <= 25
            } else if words > 25 {
                marked && about_role && TO_EMPLOYER.is_match(core)
            } else {
                // Without a question mark, a question inside a sentence is mostly a part of a story.
                about_role && (marked || start == 0)
            };
            if asks && fits {
                return Some(sentence.trim().to_owned());
            }
        }
    }
    // "The salary?", "About the team, please."
    let topic = plain(utterance);
    let bare = open && words <= 8 && ROLE.is_match(&topic) && intent::of(utterance) == Intent::Answer;
    bare.then(|| utterance.trim().to_owned())
}

/// What of a text tells something, and what asks.
pub fn told_and_asked(text: &str, phase: Phase) -> (String, String) {
    let asks = |sentence: &&str| sentence.trim_end().ends_with('?') || lookup_query(sentence, phase).is_some();
    let (asked, told): (Vec<&str>, Vec<&str>) = sentences(text).into_iter().partition(asks);
    (told.join(" "), asked.join(" "))
}

/// What the posting says to the question, or that it will be passed on.
pub(super) fn answer(ctx: &ReplyContext<'_>, question: &str) -> (Vec<SpeechPart>, Vec<Flag>) {
    let Some(best) = ctx.facts.first() else {
        let parts = vec![part(pick(NOT_IN_POSTING, ctx.history), SegmentKind::RoleAnswer, None)];
        return (parts, vec![Flag::UnansweredQuestion(question.to_owned())]);
    };
    let facts = ctx
        .facts
        .iter()
        .take(2)
        .filter(|fact| fact.score >= best.score * NEARLY_AS_GOOD);
    let parts = facts
        .map(|fact| SpeechPart {
            text: statement(fact),
            kind: SegmentKind::RoleAnswer,
            question_id: None,
            source_refs: vec![fact.field.clone()],
        })
        .collect();
    (parts, Vec::new())
}

/// A statement of the posting as Emma says it.
pub(super) fn statement(fact: &RoleFact) -> String {
    let text = fact.text.trim().trim_end_matches(['.', ';', ',']);
    let lead = match fact.field.split(['[', '.']).next().unwrap_or_default() {
        "benefits" => "The posting lists this among the benefits",
        "responsibilities" => "The posting names this as part of the work",
        "requirements" => "The posting asks for this",
        _ => "The posting says",
    };
    // One sentence, so that it can be rendered ahead: inner full stops would cut it.
    format!("{lead}: {}.", text.replace(". ", ", "))
}

/// A statement about the role that does not say where it comes from, made one that does.
pub(super) fn with_source(sentence: &str) -> String {
    let agreeing = ["Yes, ", "Sure, ", "Certainly, ", "Of course, "];
    let said = agreeing.iter().find_map(|word| sentence.strip_prefix(word));
    format!("The posting says: {}", said.unwrap_or(sentence))
}

/// Words about the process itself, which need no posting.
pub(super) fn fixed(intent: Intent, ctx: &ReplyContext<'_>) -> Option<SpeechPart> {
    use crate::screening::calls::domain::interviewer::phrases as p;
    let family = match intent {
        Intent::Score => p::SCORE,
        Intent::Decision => p::DECISION,
        Intent::Recording => p::RECORDING,
        Intent::Identity => p::IDENTITY,
        Intent::Duration => p::DURATION,
        Intent::NextSteps => p::NEXT_STEPS,
        _ => return None,
    };
    Some(meta(pick(family, ctx.history)))
}

//! The decision what to say to a turn: care first, then confirmations, requests, questions, and last the answer.

use crate::screening::calls::domain::interviewer::answer::{self, Wants};
use crate::screening::calls::domain::interviewer::guards::{self, Concerns};
use crate::screening::calls::domain::interviewer::intent::{self, Intent};
use crate::screening::calls::domain::interviewer::phrases;
use crate::screening::calls::domain::interviewer::pick::pick;
use crate::screening::calls::domain::interviewer::steering::Suspicion;
use crate::screening::calls::domain::interviewer::{
    Action, Flag, Phase, Reply, ReplyContext, SpeechPart, flow, meta, part, plain, role, stay,
};
use crate::screening::calls::domain::segment::SegmentKind;
use crate::screening::calls::domain::status::EndReason;
use crate::screening::shared::plan::{Question, QuestionKind};

/// Replies to one question after which whatever is said counts as the answer: nobody is kept in a loop.
const MOST_REPLIES: u32 = 7;
/// The same before the first question.
const MOST_GREETINGS: u32 = 4;
/// Words beside what is protected that make an answer of a turn.
const ENOUGH_BESIDE: usize = 5;
/// Digressions after which the topics still to come are named.
const MOST_OFF_TOPIC: usize = 2;
/// Questions of the candidate after which the goodbye comes.
const MOST_CANDIDATE_QUESTIONS: u32 = 8;

/// Decides what to say to the candidate's turn.
pub fn reply(ctx: &ReplyContext<'_>) -> Reply {
    let mut concerns = guards::concerns(ctx.utterance);
    concerns.injection |= ctx.suspicion == Suspicion::Clear;
    let intent = intent::of(ctx.utterance);
    if let Some(reply) = careful(ctx, concerns, intent) {
        return reply;
    }
    if let Some(reply) = confirmed(ctx, intent) {
        return reply;
    }
    let mut flags = Vec::new();
    let mut before = Vec::new();
    // In doubt a person is told, and the turn counts as what it is otherwise.
    if concerns.injection || ctx.suspicion != Suspicion::None {
        flags.push(Flag::InjectionSuspected);
    }
    if concerns.protected {
        flags.push(Flag::ProtectedTopic);
    }
    let whole_answer =
        guards::is_mostly_answer(ctx.utterance) || (concerns.protected && !concerns.injection && answers_beside(ctx));
    if let Some(reply) = request(ctx, intent, &flags) {
        return reply;
    }
    if concerns.protected {
        before.push(meta(pick(phrases::PROTECTED, ctx.history)));
    } else if concerns.injection && !whole_answer {
        before.push(meta(pick(phrases::REDIRECT, ctx.history)));
    }
    if (concerns.protected || concerns.injection) && !whole_answer && !worn_out(ctx) {
        return flow::back(ctx, before, flags);
    }
    match ctx.phase {
        Phase::Greeting => greeting(ctx, intent, before, flags),
        Phase::Questions => in_question(ctx, intent, before, flags),
        Phase::CandidateQuestions => candidate_questions(ctx, intent, before, flags),
        Phase::Closing => flow::goodbye(ctx, before, flags),
    }
}

/// Danger, abuse, somebody else at the microphone.
fn careful(ctx: &ReplyContext<'_>, concerns: Concerns, intent: Intent) -> Option<Reply> {
    if concerns.crisis {
        let helpline = phrases::helpline(&ctx.plan.language);
        let text = format!("{} {helpline} {}", phrases::CRISIS, phrases::CLOSE_WELLBEING);
        return Some(close(
            text,
            EndReason::WellbeingStop,
            vec![Flag::Distress, Flag::Crisis],
        ));
    }
    if concerns.abuse {
        let flags = vec![Flag::Abuse];
        if ctx.history.times_said(phrases::BOUNDARY) > 0 {
            return Some(close(phrases::CLOSE_CONDUCT, EndReason::ConductStop, flags));
        }
        return Some(flow::back(ctx, vec![meta(phrases::BOUNDARY)], flags));
    }
    if concerns.minor {
        // A number may have been misheard, so that one question comes first.
        let asked = ctx.history.times_said(phrases::CONFIRM_ADULT);
        if ctx.history.ends_with(phrases::CONFIRM_ADULT) || asked > 1 {
            return Some(minor());
        }
        return Some(ask_back(ctx, phrases::CONFIRM_ADULT, vec![Flag::Minor]));
    }
    if concerns.wrong_person && intent != Intent::Yes {
        if ctx.history.times_said(phrases::CONFIRM_PERSON) > 0 {
            return Some(close(
                phrases::CLOSE_WRONG_PERSON,
                EndReason::CandidateEnded,
                vec![Flag::WrongPerson],
            ));
        }
        return Some(ask_back(ctx, phrases::CONFIRM_PERSON, vec![Flag::WrongPerson]));
    }
    if concerns.distress {
        if ctx.history.times_said(phrases::OFFER_BREAK) > 0 {
            return Some(close(
                phrases::CLOSE_WELLBEING,
                EndReason::WellbeingStop,
                vec![Flag::Distress],
            ));
        }
        return Some(ask_back(ctx, phrases::OFFER_BREAK, vec![Flag::Distress]));
    }
    None
}

/// The answer to something Emma wanted confirmed.
fn confirmed(ctx: &ReplyContext<'_>, intent: Intent) -> Option<Reply> {
    let said = answer::plain(ctx.utterance);
    let has = |words: &[&str]| words.iter().any(|w| said.split(' ').any(|s| s == *w));
    let short = said.split_whitespace().count() <= 12;
    let yes =
        intent == Intent::Yes || (short && has(&["yes", "yeah", "please", "sure"]) && !has(&["no", "not", "dont"]));
    let no = intent == Intent::No || (short && has(&["no", "continue", "not", "dont"]));
    let go_on = |ctx: &ReplyContext<'_>| flow::again(ctx, meta(pick(phrases::GO_ON_THEN, ctx.history)), Vec::new());
    if ctx.history.ends_with(phrases::OFFER_BREAK) {
        return Some(
            if has(&["stop", "end", "quit", "leave"]) || matches!(intent, Intent::Stop | Intent::Human) {
                close(phrases::CLOSE_WELLBEING, EndReason::WellbeingStop, vec![Flag::Distress])
            } else if has(&["break", "moment", "minute", "pause", "wait"]) || intent == Intent::Think {
                plain(vec![meta(phrases::BREAK_GIVEN)], Action::Wait)
            } else {
                go_on(ctx)
            },
        );
    }
    for (question, closing, reason, again) in [
        (
            phrases::OFFER_HUMAN,
            phrases::CLOSE_HUMAN,
            EndReason::HumanRequested,
            Intent::Human,
        ),
        (
            phrases::OFFER_ACCOMMODATION,
            phrases::CLOSE_ACCOMMODATION,
            EndReason::AccommodationRequested,
            Intent::Accommodation,
        ),
        (
            phrases::CONFIRM_STOP,
            phrases::CLOSE_STOPPED,
            EndReason::CandidateEnded,
            Intent::Stop,
        ),
        (
            phrases::CONFIRM_WITHDRAW,
            phrases::CLOSE_WITHDRAWN,
            EndReason::ConsentWithdrawn,
            Intent::WithdrawConsent,
        ),
    ] {
        if ctx.history.ends_with(question) {
            let agreed = (yes && !no) || intent == again || intent == Intent::Stop;
            let unclear_but_long = !short;
            return if agreed {
                Some(close(closing, reason, Vec::new()))
            } else if unclear_but_long {
                // Somebody who goes on answering has decided.
                None
            } else {
                Some(go_on(ctx))
            };
        }
    }
    if ctx.history.ends_with(phrases::CONFIRM_ADULT) {
        // "No, I said sixty" and "I'm not a minor" set right what was misheard; who tells such an age again was met before.
        let brief = said.split(' ').count() <= 3;
        let sets_right = has(&["minor", "child", "kid", "misheard", "wrong"])
            || said.split(' ').any(|w| w.ends_with("teen") || w.parse::<u32>().is_ok());
        let denies = no && !sets_right && (brief || has(&["yet", "under", "younger"]));
        return Some(if denies { minor() } else { go_on(ctx) });
    }
    if ctx.history.ends_with(phrases::OFFER_REPHRASE)
        && let Some(question) = ctx.question
    {
        // Whatever is more than a yes or a no may be the answer.
        let brief = ctx.utterance.split_whitespace().count() <= 4;
        if matches!(intent, Intent::Rephrase | Intent::Repeat) || (brief && yes && !no) {
            return Some(rephrased(ctx, question, Vec::new(), Vec::new()));
        }
        return (intent == Intent::Skip || (brief && no)).then(|| skipped(ctx, question, Vec::new(), Vec::new()));
    }
    if ctx.history.ends_with(phrases::CONFIRM_PERSON) {
        return if no && !yes {
            Some(close(
                phrases::CLOSE_WRONG_PERSON,
                EndReason::CandidateEnded,
                vec![Flag::WrongPerson],
            ))
        } else {
            Some(go_on(ctx))
        };
    }
    None
}

/// Requests that are the same everywhere in the interview.
fn request(ctx: &ReplyContext<'_>, intent: Intent, flags: &[Flag]) -> Option<Reply> {
    let with = |more: Flag| [flags, &[more]].concat();
    Some(match intent {
        Intent::Human => ask_back(ctx, phrases::OFFER_HUMAN, with(Flag::HumanRequested)),
        Intent::Accommodation => ask_back(ctx, phrases::OFFER_ACCOMMODATION, with(Flag::AccommodationRequested)),
        Intent::HelpInCall => {
            let parts = vec![meta(pick(phrases::IN_CALL_HELP, ctx.history))];
            flow::back(ctx, parts, with(Flag::AccommodationRequested))
        }
        Intent::Stop => ask_back(ctx, phrases::CONFIRM_STOP, flags.to_vec()),
        Intent::WithdrawConsent => ask_back(ctx, phrases::CONFIRM_WITHDRAW, flags.to_vec()),
        Intent::CanYouHear => flow::back(ctx, vec![meta(pick(phrases::I_HEAR_YOU, ctx.history))], flags.to_vec()),
        Intent::SoundTrouble if !worn_out(ctx) => {
            flow::again(ctx, meta(pick(phrases::SOUND_TROUBLE, ctx.history)), flags.to_vec())
        }
        Intent::MayIAsk if !worn_out(ctx) => {
            let mut reply = stay(ctx.question, vec![meta(pick(phrases::GO_AHEAD, ctx.history))]);
            reply.flags = flags.to_vec();
            reply
        }
        Intent::Score
        | Intent::Decision
        | Intent::Recording
        | Intent::Identity
        | Intent::Duration
        | Intent::NextSteps
            if !worn_out(ctx) && (intent != Intent::NextSteps || ctx.facts.is_empty()) =>
        {
            let parts = role::fixed(intent, ctx).into_iter().collect();
            flow::back(ctx, parts, flags.to_vec())
        }
        Intent::OffTopic if !worn_out(ctx) => {
            let mut parts = vec![meta(pick(phrases::OFF_TOPIC, ctx.history))];
            let times: usize = phrases::OFF_TOPIC.iter().map(|line| ctx.history.times_said(line)).sum();
            if times >= MOST_OFF_TOPIC
                && ctx.phase == Phase::Questions
                && let Some(question) = ctx.question
            {
                parts.push(meta(flow::still_ahead(ctx.plan, question)));
            }
            flow::back(ctx, parts, flags.to_vec())
        }
        _ => return None,
    })
    .filter(|_| !exhausted(ctx))
}

fn greeting(ctx: &ReplyContext<'_>, intent: Intent, mut parts: Vec<SpeechPart>, mut flags: Vec<Flag>) -> Reply {
    if ctx.history.replies_since_question() < MOST_GREETINGS {
        match intent {
            Intent::Think | Intent::No => {
                parts.push(meta(format!(
                    "{} {}",
                    pick(phrases::TAKE_YOUR_TIME, ctx.history),
                    phrases::READY[2]
                )));
                let mut reply = plain(parts, Action::Wait);
                reply.flags = flags;
                return reply;
            }
            Intent::Repeat | Intent::Rephrase => {
                parts.push(meta(pick(phrases::REPEATING, ctx.history)));
                parts.push(part(ctx.plan.greeting.clone(), SegmentKind::Greeting, None));
                let mut reply = stay(None, parts);
                reply.flags = flags;
                return reply;
            }
            _ => {}
        }
        if let Some(question) = role::lookup_query(ctx.utterance, ctx.phase) {
            let (answers, unanswered) = role::answer(ctx, &question);
            parts.extend(answers);
            flags.extend(unanswered);
            return flow::back(ctx, parts, flags);
        }
    }
    if intent == Intent::SmallTalk && answer::plain(ctx.utterance).contains("how") {
        parts.push(meta(pick(phrases::SMALL_TALK, ctx.history)));
    }
    parts.push(meta(pick(phrases::LET_US_BEGIN, ctx.history)));
    flow::onward(ctx, parts, flags)
}

fn candidate_questions(
    ctx: &ReplyContext<'_>,
    intent: Intent,
    mut parts: Vec<SpeechPart>,
    mut flags: Vec<Flag>,
) -> Reply {
    if ctx.history.replies_since_question() >= MOST_CANDIDATE_QUESTIONS {
        return flow::goodbye(ctx, parts, flags);
    }
    if let Some(question) = role::lookup_query(ctx.utterance, ctx.phase) {
        let (answers, unanswered) = role::answer(ctx, &question);
        parts.extend(answers);
        flags.extend(unanswered);
        return flow::back(ctx, parts, flags);
    }
    match intent {
        Intent::Yes | Intent::MayI => parts.push(meta(pick(phrases::GO_AHEAD, ctx.history))),
        Intent::Think => {
            parts.push(meta(pick(phrases::TAKE_YOUR_TIME, ctx.history)));
            let mut reply = plain(parts, Action::Wait);
            reply.flags = flags;
            return reply;
        }
        Intent::Repeat | Intent::Rephrase => {
            return flow::again(ctx, meta(pick(phrases::REPEATING, ctx.history)), flags);
        }
        Intent::Answer if said_much(ctx) && ctx.history.since_question(phrases::REMARK_NOTED) == 0 => {
            parts.push(meta(pick(phrases::REMARK_NOTED, ctx.history)));
            return flow::back(ctx, parts, flags);
        }
        _ => return flow::goodbye(ctx, parts, flags),
    }
    let mut reply = stay(None, parts);
    reply.flags = flags;
    reply
}

fn in_question(ctx: &ReplyContext<'_>, intent: Intent, mut parts: Vec<SpeechPart>, mut flags: Vec<Flag>) -> Reply {
    let Some(question) = ctx.question else {
        return flow::onward(ctx, parts, flags);
    };
    if worn_out(ctx) {
        parts.push(meta(pick(phrases::LEAVE_IT, ctx.history)));
        return flow::onward(ctx, parts, flags);
    }
    match intent {
        Intent::Repeat if ctx.history.since_question(phrases::REPEATING) < 2 => {
            return flow::again(ctx, meta(pick(phrases::REPEATING, ctx.history)), flags);
        }
        Intent::Repeat | Intent::Rephrase => return rephrased(ctx, question, parts, flags),
        Intent::Think => {
            parts.push(meta(pick(phrases::TAKE_YOUR_TIME, ctx.history)));
            return Reply {
                parts,
                action: Action::Wait,
                flags,
            };
        }
        Intent::MayI => {
            parts.push(meta(pick(phrases::ANY_EXAMPLE, ctx.history)));
            return with_flags(stay(Some(question), parts), flags);
        }
        Intent::SmallTalk => {
            parts.push(meta(pick(phrases::SMALL_TALK, ctx.history)));
            return flow::back(ctx, parts, flags);
        }
        Intent::Skip => {
            let offered = ctx.history.times_said(phrases::OFFER_REPHRASE) > 0;
            let heard = ctx.history.said_since_question(&question.rephrased);
            if offered || heard || asks_to_go_on(ctx.utterance) {
                return skipped(ctx, question, parts, flags);
            }
            parts.push(meta(phrases::OFFER_REPHRASE));
            return with_flags(stay(Some(question), parts), flags);
        }
        _ => {}
    }
    if let Some(asked) = role::lookup_query(ctx.utterance, ctx.phase) {
        let (answers, unanswered) = role::answer(ctx, &asked);
        flags.extend(unanswered);
        parts.extend(answers);
        if !guards::is_mostly_answer(ctx.utterance) {
            return flow::back(ctx, parts, flags);
        }
        // The turn answered the question and asked one of its own at the end.
        return flow::onward(ctx, parts, flags);
    }
    answered(ctx, question, intent, parts, flags)
}

/// The question in other words.
fn rephrased(ctx: &ReplyContext<'_>, question: &Question, mut parts: Vec<SpeechPart>, flags: Vec<Flag>) -> Reply {
    parts.push(meta(pick(phrases::REPHRASING, ctx.history)));
    parts.push(part(question.rephrased.clone(), SegmentKind::Meta, Some(question)));
    let question_id = question.id.clone();
    Reply {
        parts,
        action: Action::Rephrase { question_id },
        flags,
    }
}

/// Whether a turn that tells of protected facts also answers; to a question about dates or permits a yes is enough.
fn answers_beside(ctx: &ReplyContext<'_>) -> bool {
    let is_logistics = ctx.question.is_some_and(|q| q.kind == QuestionKind::Logistics);
    let enough = if is_logistics { 1 } else { ENOUGH_BESIDE };
    guards::words_beside_protected(ctx.utterance) >= enough
}

/// Who wants the next question needs no other words for this one.
fn asks_to_go_on(refusal: &str) -> bool {
    answer::plain(refusal)
        .split(' ')
        .any(|word| matches!(word, "next" | "skip" | "pass" | "move"))
}

/// On without an answer.
fn skipped(ctx: &ReplyContext<'_>, question: &Question, mut parts: Vec<SpeechPart>, mut flags: Vec<Flag>) -> Reply {
    parts.push(meta(pick(phrases::ACCEPT_SKIP, ctx.history)));
    flags.push(Flag::Skipped(question.id.clone()));
    flow::onward(ctx, parts, flags)
}

/// An answer: a follow-up where it is short or off the point and there is time, else the next question.
pub(super) fn answered(
    ctx: &ReplyContext<'_>,
    question: &Question,
    intent: Intent,
    mut parts: Vec<SpeechPart>,
    flags: Vec<Flag>,
) -> Reply {
    let probes = ctx.coverage.get(&question.id).map_or(0, |c| c.probes);
    let probe = answer::next_probe(ctx, question).filter(|_| flow::time_for_probe(ctx));
    if intent == Intent::DontKnow {
        let easier = phrases::EASIER
            .iter()
            .all(|line| !ctx.history.said_since_question(line));
        let scored = question.kind != QuestionKind::Logistics;
        if probes == 0 && probe.is_some() && easier && scored {
            parts.push(meta(phrases::ACCEPT_UNKNOWN[1]));
            parts.push(part(
                pick(phrases::EASIER, ctx.history),
                SegmentKind::Probe,
                Some(question),
            ));
            let (question_id, index) = (question.id.clone(), question.probes.len());
            return Reply {
                parts,
                action: Action::Probe { question_id, index },
                flags,
            };
        }
        parts.push(meta(phrases::ACCEPT_UNKNOWN[0]));
        return flow::onward(ctx, parts, flags);
    }
    let wants = match intent {
        Intent::Done => Wants::Nothing,
        _ => answer::judge(question, ctx.plan, ctx.answer_so_far, probes),
    };
    if let (Wants::More | Wants::Point, Some(index)) = (wants, probe) {
        let family = if wants == Wants::Point {
            phrases::BACK_TO_THE_POINT
        } else {
            phrases::ACKNOWLEDGE_SHORT
        };
        if parts.is_empty() {
            parts.push(meta(pick(family, ctx.history)));
        }
        parts.push(part(question.probes[index].clone(), SegmentKind::Probe, Some(question)));
        let question_id = question.id.clone();
        return Reply {
            parts,
            action: Action::Probe { question_id, index },
            flags,
        };
    }
    if parts.is_empty() {
        let line =
            answer::skill_acknowledgement(ctx).unwrap_or_else(|| pick(phrases::ACKNOWLEDGE, ctx.history).to_owned());
        parts.push(meta(line));
    }
    flow::onward(ctx, parts, flags)
}

/// Asks whether the candidate would rather be contacted by a person.
pub(super) fn offer_human(ctx: &ReplyContext<'_>, flags: Vec<Flag>) -> Reply {
    ask_back(ctx, phrases::OFFER_HUMAN, flags)
}

/// Whether Emma's last words asked for a yes or no that has an effect.
pub(super) fn awaits_confirmation(ctx: &ReplyContext<'_>) -> bool {
    [
        phrases::OFFER_BREAK,
        phrases::OFFER_HUMAN,
        phrases::OFFER_ACCOMMODATION,
        phrases::CONFIRM_STOP,
        phrases::CONFIRM_WITHDRAW,
        phrases::CONFIRM_PERSON,
        phrases::CONFIRM_ADULT,
        phrases::OFFER_REPHRASE,
    ]
    .iter()
    .any(|line| ctx.history.ends_with(line))
}

/// Whether so much was said around the open question that whatever comes now counts as its answer.
pub(super) fn is_worn_out(ctx: &ReplyContext<'_>) -> bool {
    worn_out(ctx) || exhausted(ctx)
}

fn minor() -> Reply {
    close(phrases::CLOSE_MINOR, EndReason::CandidateEnded, vec![Flag::Minor])
}

fn ask_back(ctx: &ReplyContext<'_>, question: &str, flags: Vec<Flag>) -> Reply {
    with_flags(stay(ctx.question, vec![meta(question)]), flags)
}

fn close(text: impl Into<String>, reason: EndReason, flags: Vec<Flag>) -> Reply {
    with_flags(
        plain(vec![part(text, SegmentKind::Closing, None)], Action::Close { reason }),
        flags,
    )
}

fn with_flags(mut reply: Reply, flags: Vec<Flag>) -> Reply {
    reply.flags = flags;
    reply
}

fn said_much(ctx: &ReplyContext<'_>) -> bool {
    ctx.utterance.split_whitespace().count() > 5
}

/// So much was said around this question that it is time to go on.
fn worn_out(ctx: &ReplyContext<'_>) -> bool {
    ctx.phase == Phase::Questions && ctx.history.replies_since_question() >= MOST_REPLIES
}

/// The same for requests that are otherwise always granted.
fn exhausted(ctx: &ReplyContext<'_>) -> bool {
    let most = match ctx.phase {
        Phase::Questions => MOST_REPLIES + 3,
        Phase::Greeting => MOST_GREETINGS + 3,
        Phase::CandidateQuestions | Phase::Closing => MOST_CANDIDATE_QUESTIONS,
    };
    ctx.history.replies_since_question() >= most
}

//! Where the interview goes next: the next question, the invitation to ask, the goodbye.

use crate::screening::calls::domain::coverage::CoverageState;
use crate::screening::calls::domain::interviewer::phrases;
use crate::screening::calls::domain::interviewer::pick::pick;
use crate::screening::calls::domain::interviewer::{
    Action, Flag, Phase, Reply, ReplyContext, SpeechPart, meta, part, stay,
};
use crate::screening::calls::domain::segment::SegmentKind;
use crate::screening::calls::domain::status::EndReason;
use crate::screening::shared::plan::{CriterionKind, InterviewPlan, Question};

/// Kept for the candidate's own questions and the goodbye.
const CLOSING_MS: u64 = 60_000;
/// Topics named at once: more are not remembered.
const MOST_NAMED: usize = 3;
/// Share of a topic's budget that a topic takes on average.
const TYPICAL_SHARE: f32 = 0.6;
/// Importance of a practical question among scored ones: a human needs its answer.
const GATE_WEIGHT: f32 = 1.5;

/// The next question, after `parts`; without one the invitation to ask, or the goodbye when time is short.
pub fn onward(ctx: &ReplyContext<'_>, mut parts: Vec<SpeechPart>, flags: Vec<Flag>) -> Reply {
    let open: Vec<&Question> = open_questions(ctx);
    let Some(next) = choose(ctx, &open) else {
        return invite_or_close(ctx, parts, flags);
    };
    let last = open.len() == 1 && ctx.plan.questions.len() > 1;
    let changes = ctx.question.is_none_or(|q| q.kind != next.kind);
    let leads_over_itself = next.text.starts_with("Let's ") && !last;
    let lead = if ctx.phase == Phase::Greeting || ctx.question.is_none() || leads_over_itself {
        None
    } else if last {
        Some(phrases::LAST_QUESTION)
    } else {
        let over = phrases::transition(next.kind);
        let fresh = changes && ctx.history.times_said(over) == 0;
        Some(if fresh { over } else { pick(phrases::NEXT, ctx.history) })
    };
    if let Some(lead) = lead {
        match parts.last_mut().filter(|p| p.kind == SegmentKind::Meta) {
            Some(before) => before.text = format!("{} {lead}", before.text),
            None => parts.push(meta(lead)),
        }
    }
    parts.push(part(next.text.clone(), SegmentKind::Question, Some(next)));
    Reply {
        parts,
        action: Action::Ask {
            question_id: next.id.clone(),
        },
        flags,
    }
}

/// The question that is open, once more; outside the questions what fits there.
pub fn again(ctx: &ReplyContext<'_>, before: SpeechPart, flags: Vec<Flag>) -> Reply {
    let mut parts = vec![before];
    let mut reply = match (ctx.phase, ctx.question) {
        (Phase::Questions, Some(question)) => {
            parts.push(part(question.text.clone(), SegmentKind::Meta, Some(question)));
            let question_id = question.id.clone();
            Reply {
                parts,
                action: Action::Repeat { question_id },
                flags: Vec::new(),
            }
        }
        (Phase::Questions, None) => onward(ctx, parts, Vec::new()),
        (Phase::Greeting, _) => {
            parts.push(meta(pick(phrases::READY, ctx.history)));
            stay(None, parts)
        }
        (Phase::CandidateQuestions, _) => {
            parts.push(meta(phrases::invitation(&ctx.plan.organization)));
            stay(None, parts)
        }
        (Phase::Closing, _) => goodbye(ctx, parts, Vec::new()),
    };
    reply.flags.extend(flags);
    reply
}

/// Back to the open question in fewer words, after something else was dealt with.
pub fn back(ctx: &ReplyContext<'_>, mut parts: Vec<SpeechPart>, flags: Vec<Flag>) -> Reply {
    let mut reply = match (ctx.phase, ctx.question) {
        (Phase::Questions, Some(question)) => {
            parts.push(meta(pick(phrases::BACK, ctx.history)));
            parts.push(part(question.rephrased.clone(), SegmentKind::Meta, Some(question)));
            stay(Some(question), parts)
        }
        (Phase::Questions, None) => onward(ctx, parts, Vec::new()),
        (Phase::Greeting, _) => {
            parts.push(meta(pick(phrases::READY, ctx.history)));
            stay(None, parts)
        }
        (Phase::CandidateQuestions, _) => {
            parts.push(meta(pick(phrases::ANYTHING_ELSE, ctx.history)));
            stay(None, parts)
        }
        (Phase::Closing, _) => goodbye(ctx, parts, Vec::new()),
    };
    reply.flags.extend(flags);
    reply
}

/// Thanks, next steps, goodbye.
pub fn goodbye(ctx: &ReplyContext<'_>, mut parts: Vec<SpeechPart>, flags: Vec<Flag>) -> Reply {
    let left = !open_questions(ctx).is_empty();
    parts.push(part(ctx.plan.closing.clone(), SegmentKind::Closing, None));
    let reason = if left {
        EndReason::TimeLimit
    } else {
        EndReason::AgendaCompleted
    };
    Reply {
        parts,
        action: Action::Close { reason },
        flags,
    }
}

/// Names the topic of the open question and of those after it.
pub fn still_ahead(plan: &InterviewPlan, open: &Question) -> String {
    let ahead = plan.questions.iter().skip_while(|q| q.id != open.id);
    let mut topics: Vec<&str> = Vec::new();
    for question in ahead {
        if !topics.contains(&question.topic.as_str()) && topics.len() < MOST_NAMED {
            topics.push(&question.topic);
        }
    }
    phrases::still_to_come(&topics)
}

/// Whether there is time for a follow-up without losing a question that matters.
pub fn time_for_probe(ctx: &ReplyContext<'_>) -> bool {
    let needed: u64 = open_questions(ctx).iter().map(|q| cost_ms(q)).sum();
    ctx.elapsed_ms + needed + CLOSING_MS + 20_000 < ctx.time_limit_ms
}

fn open_questions<'a>(ctx: &ReplyContext<'a>) -> Vec<&'a Question> {
    let current = ctx.question.map(|q| q.id.as_str());
    ctx.plan
        .questions
        .iter()
        .filter(|q| Some(q.id.as_str()) != current)
        .filter(|q| {
            ctx.coverage
                .get(&q.id)
                .is_none_or(|c| c.state == CoverageState::NotReached)
        })
        .collect()
}

/// The first of the questions there is still time for; the least important ones are dropped first.
fn choose<'a>(ctx: &ReplyContext<'_>, open: &[&'a Question]) -> Option<&'a Question> {
    let left = ctx.time_limit_ms.saturating_sub(ctx.elapsed_ms + CLOSING_MS);
    let mut by_weight: Vec<&Question> = open.to_vec();
    by_weight.sort_by(|a, b| weight(ctx.plan, b).total_cmp(&weight(ctx.plan, a)));
    let mut spent = 0;
    let kept: Vec<&str> = by_weight
        .iter()
        .filter(|q| {
            let fits = spent + cost_ms(q) <= left;
            spent += if fits { cost_ms(q) } else { 0 };
            fits
        })
        .map(|q| q.id.as_str())
        .collect();
    open.iter().find(|q| kept.contains(&q.id.as_str())).copied()
}

fn cost_ms(question: &Question) -> u64 {
    (question.time_budget_s as f32 * 1_000.0 * TYPICAL_SHARE) as u64
}

fn weight(plan: &InterviewPlan, question: &Question) -> f32 {
    let criteria = question.criterion_ids.iter().filter_map(|id| plan.criterion(id));
    criteria
        .map(|c| {
            if c.kind == CriterionKind::Gate {
                GATE_WEIGHT
            } else {
                c.weight
            }
        })
        .fold(0.0, f32::max)
}

fn invite_or_close(ctx: &ReplyContext<'_>, mut parts: Vec<SpeechPart>, flags: Vec<Flag>) -> Reply {
    let time = ctx.elapsed_ms + CLOSING_MS / 2 < ctx.time_limit_ms;
    if !time || matches!(ctx.phase, Phase::CandidateQuestions | Phase::Closing) {
        return goodbye(ctx, parts, flags);
    }
    let text = format!("{} {}", phrases::INVITE, phrases::invitation(&ctx.plan.organization));
    parts.push(meta(text));
    Reply {
        parts,
        action: Action::InviteQuestions,
        flags,
    }
}

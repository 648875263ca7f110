//! What Emma says when the candidate says nothing: a reassurance, a rephrase, then on. Never a penalty.

use crate::screening::calls::domain::interviewer::phrases;
use crate::screening::calls::domain::interviewer::pick::pick;
use crate::screening::calls::domain::interviewer::{
    Action, Flag, Phase, Reply, ReplyContext, flow, meta, part, plain, stay,
};
use crate::screening::calls::domain::segment::SegmentKind;

/// The candidate has been silent for long, for the `times`-th time in a row (from 1).
pub fn on_silence(ctx: &ReplyContext<'_>, times: u32) -> Reply {
    match ctx.phase {
        Phase::Greeting => flow::onward(ctx, vec![meta(pick(phrases::LET_US_BEGIN, ctx.history))], Vec::new()),
        Phase::CandidateQuestions if times < 2 => stay(None, vec![meta(pick(phrases::ANYTHING_ELSE, ctx.history))]),
        Phase::CandidateQuestions | Phase::Closing => flow::goodbye(ctx, Vec::new(), Vec::new()),
        Phase::Questions => in_question(ctx, times),
    }
}

/// Not a single sound has come from the candidate's microphone, for the `times`-th time in a row (from 1).
pub fn on_no_audio(ctx: &ReplyContext<'_>, times: u32) -> Reply {
    let index = usize::try_from(times.max(1) - 1)
        .unwrap_or(usize::MAX)
        .min(phrases::NO_SOUND.len() - 1);
    let line = phrases::NO_SOUND[index];
    let line = if ctx.history.was_just_said(line) {
        phrases::YOU_CAN_TYPE
    } else {
        line
    };
    stay(ctx.question, vec![meta(line)])
}

fn in_question(ctx: &ReplyContext<'_>, times: u32) -> Reply {
    let Some(question) = ctx.question else {
        return flow::onward(ctx, Vec::new(), Vec::new());
    };
    let begun = !ctx.answer_so_far.trim().is_empty();
    match times {
        0 | 1 => {
            let mut text = pick(phrases::REASSURE, ctx.history).to_owned();
            if ctx.typed {
                text = format!("{text} {}", phrases::YOU_CAN_TYPE);
            }
            stay(Some(question), vec![meta(text)])
        }
        2 if !begun => {
            let parts = vec![
                meta(pick(phrases::REPHRASING, ctx.history)),
                part(question.rephrased.clone(), SegmentKind::Meta, Some(question)),
            ];
            let question_id = question.id.clone();
            plain(parts, Action::Rephrase { question_id })
        }
        _ => {
            let parts = vec![meta(pick(phrases::LEAVE_IT, ctx.history))];
            let flags = if begun {
                Vec::new()
            } else {
                vec![Flag::Skipped(question.id.clone())]
            };
            flow::onward(ctx, parts, flags)
        }
    }
}

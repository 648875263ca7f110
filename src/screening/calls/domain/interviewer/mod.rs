//! placeholder, replaced by the interviewer branch
use crate::screening::calls::domain::coverage::{Coverage, CoverageState};
use crate::screening::calls::domain::ports::RoleFact;
use crate::screening::calls::domain::segment::SegmentKind;
use crate::screening::calls::domain::status::EndReason;
use crate::screening::shared::plan::{InterviewPlan, Question};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Greeting,
    Questions,
    CandidateQuestions,
    Closing,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub parts: Vec<SpeechPart>,
    pub action: Action,
    pub flags: Vec<Flag>,
}
#[derive(Debug, Clone, PartialEq)]
pub struct SpeechPart {
    pub text: String,
    pub kind: SegmentKind,
    pub question_id: Option<String>,
    pub source_refs: Vec<String>,
}
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Ask { question_id: String },
    Probe { question_id: String, index: usize },
    Repeat { question_id: String },
    Rephrase { question_id: String },
    StayOn { question_id: String },
    Wait,
    InviteQuestions,
    Close { reason: EndReason },
}
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub enum Flag {
    InjectionSuspected,
    UnansweredQuestion(String),
}
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TalkHistory;
impl TalkHistory {
    pub fn note(&mut self, _: &Reply) {}
}
pub struct ReplyContext<'a> {
    pub plan: &'a InterviewPlan,
    pub coverage: &'a Coverage,
    pub phase: Phase,
    pub question: Option<&'a Question>,
    pub answer_so_far: &'a str,
    pub utterance: &'a str,
    pub facts: &'a [RoleFact],
    pub history: &'a TalkHistory,
    pub elapsed_ms: u64,
    pub time_limit_ms: u64,
    pub typed: bool,
}
fn part(text: &str, kind: SegmentKind, q: Option<&str>) -> SpeechPart {
    SpeechPart {
        text: text.to_owned(),
        kind,
        question_id: q.map(str::to_owned),
        source_refs: vec![],
    }
}
pub fn open(plan: &InterviewPlan) -> Reply {
    Reply {
        parts: vec![part(&plan.greeting, SegmentKind::Greeting, None)],
        action: Action::Wait,
        flags: vec![],
    }
}
pub fn needs_lookup(_: &str, _: Phase) -> bool {
    false
}
pub fn reply(c: &ReplyContext<'_>) -> Reply {
    let next = c
        .coverage
        .0
        .iter()
        .find(|q| q.state == CoverageState::NotReached)
        .and_then(|q| c.plan.question(&q.question_id));
    match next {
        Some(q) => Reply {
            parts: vec![
                part("Thank you.", SegmentKind::Meta, None),
                part(&q.text, SegmentKind::Question, Some(&q.id)),
            ],
            action: Action::Ask {
                question_id: q.id.clone(),
            },
            flags: vec![],
        },
        None => time_up(c),
    }
}
pub fn on_silence(_: &ReplyContext<'_>, _: u32) -> Reply {
    Reply {
        parts: vec![part("Take your time.", SegmentKind::Meta, None)],
        action: Action::Wait,
        flags: vec![],
    }
}
pub fn on_no_audio(c: &ReplyContext<'_>, t: u32) -> Reply {
    on_silence(c, t)
}
pub fn resume(c: &ReplyContext<'_>) -> Reply {
    repeat(c)
}
pub fn repeat(c: &ReplyContext<'_>) -> Reply {
    let t = c.question.map_or(c.plan.greeting.as_str(), |q| q.text.as_str());
    Reply {
        parts: vec![part(t, SegmentKind::Question, c.question.map(|q| q.id.as_str()))],
        action: Action::Wait,
        flags: vec![],
    }
}
pub fn time_up(c: &ReplyContext<'_>) -> Reply {
    Reply {
        parts: vec![part(&c.plan.closing, SegmentKind::Closing, None)],
        action: Action::Close {
            reason: EndReason::AgendaCompleted,
        },
        flags: vec![],
    }
}
pub fn lines(plan: &InterviewPlan) -> Vec<String> {
    plan.questions.iter().map(|q| q.text.clone()).collect()
}

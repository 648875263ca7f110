//! placeholder, replaced by the interviewer branch
use crate::screening::calls::domain::segment::SegmentKind;
use crate::screening::calls::domain::status::EndReason;
use crate::screening::shared::plan::InterviewPlan;

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
pub fn unused(_: &InterviewPlan) {}

//! placeholder, replaced by the ears branch
use crate::screening::shared::plan::QuestionKind;
#[derive(Debug, Clone, Copy)]
pub struct Pause<'a> {
    pub silence_ms: u64,
    pub judged: &'a [(u64, f32)],
    pub transcript: Option<&'a str>,
    pub patience_ms: u64,
    pub question: Option<QuestionKind>,
    pub needs_time: bool,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Wait { until_ms: u64 },
    Commit,
}
pub fn decide(pause: &Pause<'_>) -> Verdict {
    let sure = pause.judged.iter().any(|(_, p)| *p > 0.5);
    let until = if pause.needs_time {
        4000
    } else if sure {
        250
    } else {
        pause.patience_ms
    };
    if pause.silence_ms >= until {
        Verdict::Commit
    } else {
        Verdict::Wait { until_ms: until }
    }
}

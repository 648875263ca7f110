//! Which of several wordings is said.

use crate::screening::calls::domain::interviewer::history::TalkHistory;

/// The wording of a family that was used least, and not just now.
pub fn pick<'a>(family: &[&'a str], history: &TalkHistory) -> &'a str {
    let just_now = family.iter().position(|line| history.was_just_said(line));
    let best = family
        .iter()
        .enumerate()
        .filter(|(i, _)| Some(*i) != just_now || family.len() == 1)
        .min_by_key(|(i, line)| (history.times_said(line), *i));
    best.map_or("", |(_, line)| line)
}

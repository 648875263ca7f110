//! Whose turn it is: decides when the candidate speaks and measures how Emma answers. Pure; time is an argument.

use std::time::Duration;

use crate::talk::At;
use crate::talk::emma_audio::SILENCE_MS;
use crate::talk::protocol::{EmmaState, Parts};

/// Without any state message, this much of Emma's silence is taken for listening.
const STATELESS_SILENCE: Duration = Duration::from_secs(2);
const SILENCE: Duration = Duration::from_millis(SILENCE_MS);

/// How the candidate behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habits {
    /// Pause before an answer.
    pub think: Duration,
    /// How long to wait for a reply before going on.
    pub patience: Duration,
    pub barge_in: Option<BargeIn>,
    /// Hang up after this many turns.
    pub hang_up_after: Option<usize>,
}

/// Answers that start while Emma speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BargeIn {
    /// After she began.
    pub after: Duration,
    /// On every n-th turn.
    pub every: usize,
}

/// What the candidate does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Gives the answer of turn `turn`, counted from 0.
    Answer { turn: usize },
    /// Ends the call.
    HangUp,
}

/// One answer and what followed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Turn {
    pub barge_in: bool,
    /// When the packet with the first speech left.
    pub first_speech: Option<At>,
    /// When the packet with the last speech left.
    pub last_speech: Option<At>,
    /// When the packet with the first audible sample of the reply arrived.
    pub reply: Option<At>,
    /// Emma began to speak while the candidate still did.
    pub interrupted: bool,
    /// After a barge-in: when Emma was last audible.
    pub yielded: Option<At>,
    /// What the server says about its part of the delay.
    pub parts: Option<Parts>,
    /// Emma spoke at the moment of the last speech, so there is no pause to measure.
    pub spoke_over: bool,
}

impl Turn {
    /// From the last speech sent to the first sample of the reply received.
    pub fn voice_to_voice(&self) -> Option<Duration> {
        Some(self.reply?.saturating_sub(self.last_speech?))
    }

    /// From the first speech of a barge-in to Emma's silence.
    pub fn yield_time(&self) -> Option<Duration> {
        self.barge_in
            .then_some(self.yielded?.saturating_sub(self.first_speech?))
    }

    fn has_reply(&self) -> bool {
        self.reply.is_some() || (self.spoke_over && !self.barge_in)
    }
}

/// Follows one call.
pub struct TurnTracker {
    habits: Habits,
    state: Option<EmmaState>,
    /// The answer's recording is being played.
    answering: bool,
    hanging_up: bool,
    /// Playout time at which Emma began the stretch of speech she is in.
    emma_began: Option<At>,
    /// Playout and arrival time of the last audible frame.
    last_audible: Option<(At, At)>,
    ready_since: Option<At>,
    /// When a lost connection was made again.
    came_back: Option<At>,
    /// The parts of the turn came before its answer was over.
    parts_early: bool,
    turns: Vec<Turn>,
}

impl TurnTracker {
    pub fn new(habits: Habits) -> Self {
        Self {
            habits,
            state: None,
            answering: false,
            hanging_up: false,
            emma_began: None,
            last_audible: None,
            ready_since: None,
            came_back: None,
            parts_early: false,
            turns: Vec::new(),
        }
    }

    /// The turns so far.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// Looks at the clock; at most one action comes of it.
    pub fn tick(&mut self, now: At) -> Option<Action> {
        self.note_yield(now);
        if self.answering || self.hanging_up || self.state == Some(EmmaState::Ended) {
            return None;
        }
        if self.time_to_barge_in(now) {
            return Some(self.next(true));
        }
        if !self.may_answer(now) {
            self.ready_since = None;
            return None;
        }
        let since = *self.ready_since.get_or_insert(now);
        (now.saturating_sub(since) >= self.habits.think).then(|| self.next(false))
    }

    /// Emma's state, as the server tells it.
    pub fn state(&mut self, state: EmmaState) {
        self.state = Some(state);
    }

    /// Emma is audible in what is played at `now`; its packet came at `arrived`.
    pub fn audible(&mut self, now: At, arrived: At) {
        self.last_audible = Some((now, arrived));
    }

    /// Emma began to speak: her first audible packet came at `arrived` and is played at `now`.
    pub fn onset(&mut self, now: At, arrived: At) {
        self.emma_began = Some(now);
        self.last_audible = Some((now, arrived));
        let Some(turn) = self.turns.last_mut() else { return };
        let Some(first) = turn.first_speech else { return };
        match turn.last_speech {
            Some(last) if arrived >= last => {
                if !turn.has_reply() {
                    turn.reply = Some(arrived);
                }
            }
            // A jitter buffer may show what arrived before the last speech only after it.
            Some(_) => {
                turn.interrupted |= arrived > first;
                turn.spoke_over = true;
            }
            None => turn.interrupted |= arrived > first,
        }
    }

    /// The packet with the first speech of the answer has left.
    pub fn first_speech_sent(&mut self, at: At) {
        if let Some(turn) = self.turns.last_mut() {
            turn.first_speech.get_or_insert(at);
        }
    }

    /// The packet with the last speech of the answer has left.
    pub fn last_speech_sent(&mut self, at: At) {
        let speaking = self.is_speaking(at);
        if let Some(turn) = self.turns.last_mut() {
            turn.last_speech = Some(at);
            turn.spoke_over = speaking;
        }
    }

    /// The answer's recording is over.
    pub fn answer_done(&mut self) {
        self.answering = false;
    }

    /// A lost connection was made again; what was being said is lost with it.
    pub fn came_back(&mut self, now: At) {
        self.answering = false;
        self.ready_since = None;
        self.state = None;
        self.came_back = Some(now);
    }

    /// The server's account of the delay before its reply.
    pub fn server_turn(&mut self, parts: Parts) {
        if let Some(turn) = self.turns.last_mut()
            && (turn.parts.is_none() || self.parts_early)
        {
            turn.parts = Some(parts);
            self.parts_early = turn.last_speech.is_none();
        }
    }

    fn next(&mut self, barge_in: bool) -> Action {
        self.ready_since = None;
        if self.habits.hang_up_after.is_some_and(|most| self.turns.len() >= most) {
            self.hanging_up = true;
            return Action::HangUp;
        }
        self.answering = true;
        self.came_back = None;
        self.turns.push(Turn {
            barge_in,
            ..Turn::default()
        });
        Action::Answer {
            turn: self.turns.len() - 1,
        }
    }

    fn may_answer(&self, now: At) -> bool {
        let silent_for = |least: Duration| self.last_audible.is_none_or(|(at, _)| now.saturating_sub(at) >= least);
        let listening = match self.state {
            Some(state) => state == EmmaState::Listening,
            None => silent_for(STATELESS_SILENCE) && now >= STATELESS_SILENCE,
        };
        let waited = |since: At| now.saturating_sub(since) >= self.habits.patience;
        let had_her_say = match (self.turns.last(), self.came_back) {
            (Some(turn), None) => turn.has_reply() || turn.last_speech.is_some_and(waited),
            // She greets, and greets again after a loss.
            (_, start) => {
                let start = start.unwrap_or_default();
                self.emma_began.is_some_and(|at| at >= start) || waited(start)
            }
        };
        listening && had_her_say && silent_for(SILENCE)
    }

    fn time_to_barge_in(&self, now: At) -> bool {
        let Some(barge_in) = self.habits.barge_in else {
            return false;
        };
        let replied = self.turns.last().is_none_or(Turn::has_reply);
        let due = (self.turns.len() + 1).is_multiple_of(barge_in.every.max(1));
        let over = self.habits.hang_up_after.is_some_and(|most| self.turns.len() >= most);
        let long_enough = self
            .emma_began
            .is_some_and(|at| now.saturating_sub(at) >= barge_in.after);
        due && replied && !over && long_enough && self.is_speaking(now)
    }

    fn is_speaking(&self, now: At) -> bool {
        self.last_audible
            .is_some_and(|(at, _)| now.saturating_sub(at) < SILENCE)
    }

    fn note_yield(&mut self, now: At) {
        let speaking = self.is_speaking(now);
        if let Some(turn) = self.turns.last_mut()
            && turn.barge_in
            && turn.yielded.is_none()
            && turn.first_speech.is_some()
            && !speaking
        {
            turn.yielded = self.last_audible.map(|(_, arrived)| arrived);
        }
    }
}

#[cfg(test)]
#[path = "turn_tracker_tests.rs"]
mod tests;

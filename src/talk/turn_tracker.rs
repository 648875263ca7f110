//! Whose turn it is: decides when the candidate speaks and measures how Emma answers. Pure; time is an argument.

use std::time::Duration;

use crate::talk::emma_audio::SILENCE_MS;
use crate::talk::protocol::{EmmaState, Parts};

/// Time since the call's clock started.
pub type At = Duration;

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
        let had_her_say = match self.turns.last() {
            None => self.emma_began.is_some() || waited(At::ZERO),
            Some(turn) => turn.has_reply() || turn.last_speech.is_some_and(waited),
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
mod tests {
    use super::*;

    const HABITS: Habits = Habits {
        think: Duration::from_millis(300),
        patience: Duration::from_secs(20),
        barge_in: None,
        hang_up_after: None,
    };

    fn ms(ms: u64) -> At {
        Duration::from_millis(ms)
    }

    /// Runs a call in virtual time, tick by tick.
    struct Script {
        tracker: TurnTracker,
        now: u64,
        actions: Vec<(u64, Action)>,
    }

    impl Script {
        fn new(habits: Habits) -> Self {
            Self {
                tracker: TurnTracker::new(habits),
                now: 0,
                actions: Vec::new(),
            }
        }

        fn until(&mut self, end: u64) -> &mut Self {
            while self.now < end {
                if let Some(action) = self.tracker.tick(ms(self.now)) {
                    self.actions.push((self.now, action));
                }
                self.now += 20;
            }
            self
        }

        fn state(&mut self, state: EmmaState) -> &mut Self {
            self.tracker.state(state);
            self
        }

        /// Emma speaks up to `end`; every packet is played 60 ms after it came.
        fn emma_until(&mut self, end: u64) -> &mut Self {
            let mut began = self.tracker.is_speaking(ms(self.now));
            while self.now < end {
                let (now, arrived) = (ms(self.now), ms(self.now.saturating_sub(60)));
                if began {
                    self.tracker.audible(now, arrived);
                } else {
                    self.tracker.onset(now, arrived);
                    began = true;
                }
                self.until(self.now + 20);
            }
            self
        }

        /// The candidate's recording: speech from now to `last`.
        fn answer_until(&mut self, last: u64) -> &mut Self {
            self.tracker.first_speech_sent(ms(self.now));
            self.until(last);
            self.tracker.last_speech_sent(ms(last));
            self.tracker.answer_done();
            self
        }
    }

    fn greeted(habits: Habits) -> Script {
        let mut call = Script::new(habits);
        call.until(500)
            .state(EmmaState::Speaking)
            .emma_until(3000)
            .state(EmmaState::Listening)
            .until(3600);
        call
    }

    #[test]
    fn answers_after_her_silence_and_a_moments_thought() {
        let call = greeted(HABITS);
        // Last audible at 2980, silent for 300 ms at 3280, then 300 ms of thought.
        assert_eq!(call.actions, [(3580, Action::Answer { turn: 0 })]);
    }

    #[test]
    fn never_starts_before_she_spoke_or_while_she_speaks_or_thinks() {
        let mut call = Script::new(HABITS);
        call.state(EmmaState::Listening).until(5000).emma_until(8000);
        assert_eq!(call.actions, [], "listening was announced early, but she speaks");
        call.state(EmmaState::Thinking).until(10_000);
        assert_eq!(call.actions, [], "silent, but not listening");
    }

    #[test]
    fn latency_runs_from_last_speech_sent_to_first_audio_received() {
        let mut call = greeted(HABITS);
        call.answer_until(6000)
            .until(7000)
            .state(EmmaState::Speaking)
            .emma_until(9000);
        let parts = Parts {
            end_of_turn_ms: 400.0,
            transcription_ms: 100.0,
            reply_ms: 200.0,
            first_audio_ms: 150.0,
        };
        call.tracker.server_turn(parts);
        let turn = &call.tracker.turns()[0];
        assert_eq!(
            turn.voice_to_voice(),
            Some(ms(940)),
            "the jitter buffer's 60 ms are not counted"
        );
        assert_eq!(turn.parts, Some(parts));
        assert!(!turn.interrupted);
        call.state(EmmaState::Listening).until(9700);
        assert_eq!(call.actions.last(), Some(&(9580, Action::Answer { turn: 1 })));
    }

    #[test]
    fn cutting_in_is_recorded_and_has_no_latency_when_she_goes_on() {
        let mut call = greeted(HABITS);
        call.tracker.first_speech_sent(ms(3600));
        call.until(5000).emma_until(6000);
        call.tracker.last_speech_sent(ms(6000));
        call.tracker.answer_done();
        call.emma_until(7000).state(EmmaState::Listening).until(8000);
        let turn = &call.tracker.turns()[0];
        assert!(turn.interrupted);
        assert_eq!(turn.voice_to_voice(), None);
        assert_eq!(call.actions.len(), 2, "her words count as the reply");
    }

    #[test]
    fn cutting_in_and_yielding_still_gives_a_latency() {
        let mut call = greeted(HABITS);
        call.tracker.first_speech_sent(ms(3600));
        call.until(4000).emma_until(4500).until(6000);
        call.tracker.last_speech_sent(ms(6000));
        call.tracker.answer_done();
        call.until(6860).emma_until(8000);
        let turn = &call.tracker.turns()[0];
        assert!(turn.interrupted);
        assert_eq!(turn.voice_to_voice(), Some(ms(800)));
    }

    #[test]
    fn audio_that_arrived_before_the_last_speech_but_is_seen_later_is_an_interruption() {
        let mut call = greeted(HABITS);
        call.answer_until(6000);
        call.tracker.onset(ms(6020), ms(5960));
        assert!(call.tracker.turns()[0].interrupted);
        assert_eq!(call.tracker.turns()[0].voice_to_voice(), None);
    }

    #[test]
    fn without_a_reply_the_candidate_goes_on_when_patience_ends() {
        let mut call = greeted(HABITS);
        call.answer_until(6000).until(27_000);
        assert_eq!(call.actions.last(), Some(&(26_300, Action::Answer { turn: 1 })));
        assert_eq!(call.tracker.turns()[0].voice_to_voice(), None);
    }

    #[test]
    fn barges_in_on_every_second_turn_and_measures_the_yield() {
        let barge_in = Some(BargeIn {
            after: ms(1000),
            every: 2,
        });
        let mut call = greeted(Habits { barge_in, ..HABITS });
        assert_eq!(call.actions.len(), 1, "the first turn waits");
        call.answer_until(6000)
            .until(7000)
            .state(EmmaState::Speaking)
            .emma_until(8000);
        assert_eq!(call.actions.len(), 1);
        call.emma_until(8020);
        assert_eq!(call.actions[1], (8000, Action::Answer { turn: 1 }));
        call.tracker.first_speech_sent(ms(8100));
        call.emma_until(8500).state(EmmaState::Listening).until(10_000);
        call.tracker.last_speech_sent(ms(10_000));
        call.tracker.answer_done();
        call.until(10_800).emma_until(11_000);
        let turn = &call.tracker.turns()[1];
        assert!(turn.barge_in && !turn.interrupted);
        assert_eq!(turn.yield_time(), Some(ms(8480 - 60 - 8100)));
        assert_eq!(turn.voice_to_voice(), Some(ms(740)));
    }

    #[test]
    fn a_short_barge_in_is_not_answered_by_the_sentence_it_cut_off() {
        let barge_in = Some(BargeIn {
            after: ms(1000),
            every: 1,
        });
        let mut call = Script::new(Habits { barge_in, ..HABITS });
        call.state(EmmaState::Speaking).emma_until(1020);
        assert_eq!(call.actions, [(1000, Action::Answer { turn: 0 })]);
        call.tracker.first_speech_sent(ms(1020));
        call.emma_until(1200);
        call.tracker.last_speech_sent(ms(1200));
        call.tracker.answer_done();
        call.emma_until(1400).state(EmmaState::Listening).until(4000);
        assert_eq!(call.actions.len(), 1, "she has not replied yet");
        call.emma_until(6000).until(7000);
        assert_eq!(call.tracker.turns()[0].voice_to_voice(), Some(ms(4000 - 60 - 1200)));
    }

    #[test]
    fn hangs_up_only_after_the_reply_to_the_last_answer() {
        let mut call = greeted(Habits {
            hang_up_after: Some(1),
            ..HABITS
        });
        call.answer_until(6000).until(7000);
        assert_eq!(call.actions.len(), 1);
        call.emma_until(9000).until(10_000);
        assert_eq!(call.actions[1..], [(9580, Action::HangUp)]);
        call.until(20_000);
        assert_eq!(call.actions.len(), 2, "once");
    }

    #[test]
    fn silent_state_messages_do_not_stop_the_call() {
        let mut call = Script::new(HABITS);
        call.until(500).emma_until(3000).until(6000);
        assert_eq!(call.actions, [(2980 + 2000 + 300, Action::Answer { turn: 0 })]);
    }

    #[test]
    fn the_account_of_a_cut_in_reply_gives_way_to_that_of_the_real_one() {
        let mut call = greeted(HABITS);
        call.tracker.first_speech_sent(ms(3600));
        let early = Parts {
            end_of_turn_ms: 1.0,
            ..Parts::default()
        };
        let real = Parts {
            end_of_turn_ms: 2.0,
            ..Parts::default()
        };
        call.tracker.server_turn(early);
        call.tracker.last_speech_sent(ms(6000));
        call.tracker.server_turn(real);
        call.tracker.server_turn(early);
        assert_eq!(call.tracker.turns()[0].parts, Some(real));
    }
}

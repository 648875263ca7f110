//! Calls in virtual time: who speaks when, and what is measured.

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
        first_token_ms: 0.0,
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
fn after_a_lost_connection_the_candidate_waits_for_her_and_goes_on() {
    let mut call = greeted(HABITS);
    call.tracker.first_speech_sent(ms(3600));
    call.until(5000);
    call.tracker.came_back(ms(8000));
    call.now = 8000;
    call.state(EmmaState::Listening).until(10_000);
    assert_eq!(call.actions.len(), 1, "she has not spoken since");
    call.emma_until(12_000).until(13_000);
    assert_eq!(call.actions[1..], [(12_580, Action::Answer { turn: 1 })]);
    assert_eq!(call.tracker.turns()[0].voice_to_voice(), None);
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

//! Conversations as timelines in virtual time: who makes a sound when, what the engines answer, what came of it.

mod anything_goes;
mod early;
mod echo;

use super::*;
use crate::screening::calls::domain::coverage::CoverageState;
use crate::screening::calls::domain::interviewer::{Action, Flag, Reply, SpeechPart};
use crate::screening::calls::domain::ports::Transcript;
use crate::screening::calls::domain::segment::{SegmentKind, Speaker, TranscriptSegment, TurnLatency};
use crate::screening::shared::plan::{Anchors, Criterion, CriterionKind, MadeBy, Question, QuestionKind};

/// A spoken word takes this long in these scenes, ms.
const WORD_MS: u64 = 300;

fn plan() -> Arc<InterviewPlan> {
    let question = |id: &str, text: &str| Question {
        id: id.to_owned(),
        kind: QuestionKind::Behavioral,
        topic: format!("Topic {id}"),
        text: text.to_owned(),
        rephrased: text.to_owned(),
        criterion_ids: vec!["c1".to_owned()],
        probes: vec![],
        time_budget_s: 120,
        think_time_ms: 8_000,
    };
    Arc::new(InterviewPlan {
        version: 1,
        language: "en".to_owned(),
        job_title: "Engineer".to_owned(),
        organization: "Acme".to_owned(),
        greeting: "Hello.".to_owned(),
        questions: vec![
            question("q1", "What did you build?"),
            question("q2", "What did you break?"),
        ],
        criteria: vec![Criterion {
            id: "c1".to_owned(),
            name: "Building".to_owned(),
            job_field: "requirements[0]".to_owned(),
            kind: CriterionKind::Scored,
            weight: 1.0,
            anchors: Anchors {
                one: String::new(),
                three: String::new(),
                five: String::new(),
            },
            keywords: vec![],
        }],
        closing: "Goodbye.".to_owned(),
        made_by: MadeBy::default(),
    })
}

/// The engines around a conversation, and a candidate with a script.
struct Scene {
    conversation: Conversation,
    now: u64,
    /// (start, end, words) of what the candidate says.
    speech: Vec<(u64, u64, &'static str)>,
    /// What the turn model answers.
    complete: f32,
    /// How loud the candidate is, dB of full scale.
    level_dbfs: f32,
    transcribe_ms: u64,
    /// Results on their way: (when, what).
    due: Vec<(u64, Input)>,
    /// Sentences in the playout: id, length, sent.
    playing: Vec<(UtteranceId, u64, u64)>,
    paused: bool,
    stored: Vec<TranscriptSegment>,
    latencies: Vec<TurnLatency>,
    log: Vec<(u64, String)>,
    causes: Vec<Cause>,
    end: Option<EndReason>,
}

impl Scene {
    fn new(speech: Vec<(u64, u64, &'static str)>) -> Self {
        let plan = plan();
        let coverage = Coverage::of_plan(&plan);
        let conversation = Conversation::new(plan, coverage, Limits::default(), false, CallTime::ZERO);
        let mut scene = Self {
            conversation,
            now: 0,
            speech,
            complete: 0.9,
            level_dbfs: -40.0,
            transcribe_ms: 300,
            due: vec![],
            playing: vec![],
            paused: false,
            stored: vec![],
            latencies: vec![],
            log: vec![],
            causes: vec![],
            end: None,
        };
        scene.feed(Input::Connected);
        scene
    }

    fn feed(&mut self, input: Input) {
        self.conversation.handle(input, CallTime::from_ms(self.now));
        while let Some(output) = self.conversation.poll() {
            self.perform(output);
        }
    }

    fn perform(&mut self, output: Output) {
        let now = self.now;
        match output {
            Output::PauseBegan => self.log.push((now, "pause".to_owned())),
            Output::PauseEnded => self.log.push((now, "go on".to_owned())),
            Output::Transcribe { tag, audio, .. } => {
                let heard = self
                    .speech
                    .iter()
                    .filter(|(start, end, _)| *end > audio.start.ms() && *start < audio.end.ms());
                let text = heard.map(|(_, _, words)| *words).collect::<Vec<_>>().join(" ");
                let transcript = Some(Transcript { text, words: vec![] });
                self.due
                    .push((now + self.transcribe_ms, Input::Transcribed { tag, transcript }));
            }
            Output::JudgeTurn { tag, silence_ms, .. } => {
                self.due.push((
                    now + 50,
                    Input::TurnJudged {
                        tag,
                        silence_ms,
                        probability: self.complete,
                    },
                ));
            }
            Output::Reply { tag, request } => {
                self.causes.push(request.cause.clone());
                self.due.push((
                    now,
                    Input::ReplyReady {
                        tag,
                        reply: reply_to(&request),
                    },
                ));
            }
            Output::Speak { utterance, text } => {
                let duration_ms = text.split_whitespace().count() as u64 * WORD_MS;
                self.log.push((now, format!("speak {text}")));
                self.due.push((
                    now,
                    Input::Rendered {
                        utterance,
                        words: vec![],
                        duration_ms,
                    },
                ));
                self.playing.push((utterance, duration_ms, 0));
            }
            Output::PausePlayout => {
                self.paused = true;
                self.log.push((now, "pause".to_owned()));
            }
            Output::ResumePlayout => {
                self.paused = false;
                self.log.push((now, "resume".to_owned()));
            }
            Output::StopPlayout => {
                self.playing.clear();
                self.paused = false;
                self.log.push((now, "stop".to_owned()));
            }
            Output::Store(segment) => {
                self.stored.retain(|s| s.id != segment.id);
                self.stored.push(segment);
            }
            Output::Answered { latency, .. } => {
                // spec: CONV-7
                let sum = latency.end_of_turn_ms
                    + latency.transcription_ms
                    + latency.first_token_ms
                    + latency.reply_ms
                    + latency.first_audio_ms;
                assert_eq!(sum, latency.total_ms, "the parts add up");
                self.latencies.push(latency);
                self.log.push((now, format!("answered after {}", latency.total_ms)));
            }
            Output::End(reason) => self.end = Some(reason),
            Output::Discard { .. }
            | Output::Caption { .. }
            | Output::Covered(_)
            | Output::Show(_)
            | Output::Progress { .. }
            | Output::Flag(_) => {}
        }
    }

    /// Runs 20 ms at a time, with a voice-activity frame every 32 ms.
    fn run_to(&mut self, until: u64) {
        while self.now < until && self.end.is_none() {
            self.now += 4;
            let due: Vec<_> = self.due.extract_if(.., |(at, _)| *at <= self.now).collect();
            for (_, input) in due {
                self.feed(input);
            }
            if self.now.is_multiple_of(20) && !self.paused && !self.playing.is_empty() {
                let (utterance, length, sent) = &mut self.playing[0];
                *sent += 20;
                let (utterance, sent, done) = (*utterance, *sent, *sent >= *length);
                if done {
                    self.playing.remove(0);
                }
                self.feed(Input::Played {
                    utterance,
                    upto_ms: sent,
                });
                if done {
                    self.feed(Input::PlayedOut { utterance });
                }
            }
            if self.now.is_multiple_of(32) {
                let speaking = self
                    .speech
                    .iter()
                    .any(|(start, end, _)| (*start..*end).contains(&self.now));
                let speech = if speaking { 0.95 } else { 0.02 };
                self.feed(Input::Frame {
                    speech,
                    level_dbfs: self.level_dbfs,
                    received: true,
                });
            }
        }
    }

    fn said_by(&self, speaker: Speaker) -> Vec<&str> {
        self.stored
            .iter()
            .filter(|s| s.speaker == speaker)
            .map(|s| s.text.as_str())
            .collect()
    }

    fn logged(&self, what: &str) -> Option<u64> {
        self.log
            .iter()
            .find(|(_, entry)| entry.starts_with(what))
            .map(|(at, _)| *at)
    }
}

/// An interviewer without wits: the next question for whatever is said, goodbye after the last.
fn reply_to(request: &ReplyRequest) -> Reply {
    let part = |text: &str, kind, question: Option<&str>| SpeechPart {
        text: text.to_owned(),
        kind,
        question_id: question.map(str::to_owned),
        source_refs: vec![],
    };
    let ask = |id: &str| Action::Ask {
        question_id: id.to_owned(),
    };
    let open = request
        .coverage
        .0
        .iter()
        .find(|q| q.state == CoverageState::NotReached)
        .map(|q| q.question_id.clone());
    let (parts, action) = match (&request.cause, open.as_deref()) {
        (Cause::Opening, _) => (
            vec![part("Hello there are you ready?", SegmentKind::Greeting, None)],
            Action::Wait,
        ),
        (Cause::Silence { .. } | Cause::NoAudio { .. }, _) => {
            (vec![part("Take your time.", SegmentKind::Meta, None)], Action::Wait)
        }
        (_, Some("q1")) => (
            vec![part("What did you build?", SegmentKind::Question, Some("q1"))],
            ask("q1"),
        ),
        (_, Some(id)) => (
            vec![part("What did you break?", SegmentKind::Question, Some(id))],
            ask(id),
        ),
        (_, None) => {
            let close = Action::Close {
                reason: EndReason::AgendaCompleted,
            };
            (vec![part("Thanks and goodbye.", SegmentKind::Closing, None)], close)
        }
    };
    Reply {
        parts,
        action,
        flags: vec![],
    }
}

// spec: CONV-1, CONV-4, CONV-6, EMMA-1
#[test]
fn an_interview_runs_from_hello_to_goodbye() {
    let mut scene = Scene::new(vec![
        (3_000, 4_000, "Yes I am ready."),
        (8_000, 12_000, "I built a bridge of wood."),
        (16_000, 19_000, "I broke the bridge."),
    ]);
    scene.run_to(40_000);
    assert_eq!(scene.end, Some(EndReason::AgendaCompleted));
    assert_eq!(
        scene.said_by(Speaker::Emma),
        [
            "Hello there are you ready?",
            "What did you build?",
            "What did you break?",
            "Thanks and goodbye."
        ]
    );
    assert_eq!(
        scene.said_by(Speaker::Candidate),
        ["Yes I am ready.", "I built a bridge of wood.", "I broke the bridge."]
    );
    let states: Vec<_> = scene
        .conversation
        .coverage()
        .0
        .iter()
        .map(|q| (q.state, q.heard))
        .collect();
    assert_eq!(states, [(CoverageState::Answered, true); 2]);
}

// spec: CONV-1
#[test]
fn a_sure_end_is_answered_as_soon_as_the_words_are_known() {
    let mut scene = Scene::new(vec![(3_000, 4_000, "Yes I am ready.")]);
    scene.run_to(6_000);
    let asked = scene.logged("speak What did you build?").expect("asked");
    assert!(
        (4_700..4_850).contains(&asked),
        "asked at {asked}: 700 ms of silence, in which the words became known"
    );
}

// spec: CONV-1
#[test]
fn an_unfinished_sentence_is_given_time() {
    let mut scene = Scene::new(vec![(3_000, 4_000, "Well I"), (5_000, 6_000, "am ready.")]);
    scene.complete = 0.05;
    scene.run_to(5_900);
    assert_eq!(
        scene.logged("speak What did you build?"),
        None,
        "Emma waits through the pause"
    );
    scene.complete = 0.9;
    scene.run_to(9_000);
    assert_eq!(scene.said_by(Speaker::Candidate), ["Well I am ready."]);
}

// spec: CONV-3, CALL-6
#[test]
fn who_takes_the_floor_hears_nothing_more_and_the_segment_ends_there() {
    // Emma asks from about 4.5 s; the candidate talks over her and goes on.
    let mut scene = Scene::new(vec![
        (3_000, 4_000, "Yes."),
        (5_000, 8_000, "Sorry one thing before that."),
    ]);
    scene.run_to(7_000);
    let paused = scene.logged("pause").expect("she holds her breath");
    assert!((5_050..5_200).contains(&paused), "paused at {paused}");
    assert!(scene.logged("stop").is_some_and(|at| at < 5_700));
    let question = scene
        .stored
        .iter()
        .find(|s| s.kind == SegmentKind::Question)
        .expect("a part was heard");
    assert!(question.interrupted);
    assert!(
        "What did you build?".starts_with(question.text.trim_end_matches('—')),
        "{}",
        question.text
    );
    assert_ne!(question.text, "What did you build?");
}

// spec: CONV-6
#[test]
fn a_question_that_was_not_heard_is_asked_again() {
    let mut scene = Scene::new(vec![
        (3_000, 4_000, "Yes."),
        (4_900, 7_000, "Sorry one thing before that."),
    ]);
    scene.run_to(7_050);
    let state = scene.conversation.coverage().get("q1").map(|q| q.state);
    assert_eq!(state, Some(CoverageState::NotReached));
    scene.run_to(12_000);
    let asked = scene
        .log
        .iter()
        .filter(|(_, entry)| entry == "speak What did you build?")
        .count();
    assert_eq!(asked, 2);
}

// spec: CONV-6
#[test]
fn a_question_that_is_talked_over_again_and_again_is_not_asked_for_ever() {
    let over = |i: u64| {
        (
            4_700 + i * 5_000,
            7_000 + i * 5_000,
            "And another thing I wanted to say.",
        )
    };
    let mut scene = Scene::new(
        std::iter::once((3_000, 4_000, "Yes."))
            .chain((0..8).map(over))
            .collect(),
    );
    scene.run_to(60_000);
    let asked = scene
        .log
        .iter()
        .filter(|(_, entry)| entry == "speak What did you build?")
        .count();
    assert!(asked <= 3, "asked {asked} times");
}

// spec: CONV-3
#[test]
fn a_listeners_murmur_does_not_take_the_floor() {
    let mut scene = Scene::new(vec![(3_000, 4_000, "Yes."), (4_900, 5_200, "Mhm.")]);
    scene.run_to(9_000);
    assert!(scene.logged("pause").is_some());
    assert!(scene.logged("resume").is_some());
    assert!(
        scene
            .stored
            .iter()
            .any(|s| s.text == "What did you build?" && !s.interrupted)
    );
    assert_eq!(scene.said_by(Speaker::Candidate), ["Yes."]);
}

// spec: CONV-3
#[test]
fn a_noise_over_emmas_voice_is_waited_out() {
    let mut scene = Scene::new(vec![(3_000, 4_000, "Yes."), (4_900, 5_200, "")]);
    scene.run_to(9_000);
    assert!(scene.logged("resume").is_some_and(|at| at < 7_300));
    assert!(
        scene
            .stored
            .iter()
            .any(|s| s.text == "What did you build?" && !s.interrupted)
    );
}

#[test]
fn a_cough_is_no_answer() {
    let mut scene = Scene::new(vec![(3_000, 3_300, "")]);
    scene.run_to(6_000);
    assert_eq!(scene.said_by(Speaker::Candidate), Vec::<&str>::new());
    assert_eq!(scene.causes, [Cause::Opening]);
}

// spec: CONV-5
#[test]
fn silence_is_met_with_patience_and_never_ends_a_question_by_itself() {
    let mut scene = Scene::new(vec![(3_000, 4_000, "Yes.")]);
    scene.run_to(30_000);
    let silences: Vec<_> = scene
        .causes
        .iter()
        .filter(|c| matches!(c, Cause::Silence { .. }))
        .collect();
    assert_eq!(silences, [&Cause::Silence { times: 1 }, &Cause::Silence { times: 2 }]);
    assert_eq!(scene.end, None);
}

// spec: CONV-5
#[test]
fn a_dead_microphone_is_told_from_a_silent_candidate() {
    let mut scene = Scene::new(vec![]);
    while scene.now < 12_000 {
        scene.run_to(scene.now + 28);
        scene.now += 4;
        scene.feed(Input::Frame {
            speech: 0.0,
            level_dbfs: -120.0,
            received: false,
        });
        if scene.now > 400 && scene.causes.len() > 1 {
            break;
        }
    }
    // The scene's own frames carry the noise of a room; a fresh conversation with none of them:
    let plan = plan();
    let coverage = Coverage::of_plan(&plan);
    let mut deaf = Conversation::new(plan, coverage, Limits::default(), true, CallTime::ZERO);
    deaf.handle(Input::Connected, CallTime::ZERO);
    let mut causes = vec![];
    for i in 1..600u64 {
        let now = CallTime::from_ms(i * 32);
        deaf.handle(
            Input::Frame {
                speech: 0.0,
                level_dbfs: -10.0,
                received: false,
            },
            now,
        );
        while let Some(output) = deaf.poll() {
            if let Output::Reply { tag, request } = output {
                causes.push(request.cause.clone());
                let reply = Reply {
                    parts: vec![],
                    action: Action::Wait,
                    flags: vec![],
                };
                deaf.handle(Input::ReplyReady { tag, reply }, now);
            }
        }
    }
    assert!(causes.contains(&Cause::NoAudio { times: 1 }), "{causes:?}");
}

// spec: CALL-11
#[test]
fn a_typed_answer_counts_as_a_spoken_one() {
    let mut scene = Scene::new(vec![(3_000, 4_000, "Yes.")]);
    scene.run_to(7_000);
    scene.feed(Input::Typed {
        text: " I built a boat. ".to_owned(),
    });
    scene.run_to(9_000);
    let answer = scene.stored.iter().find(|s| s.typed).expect("stored");
    assert_eq!(
        (answer.text.as_str(), answer.question_id.as_deref()),
        ("I built a boat.", Some("q1"))
    );
    assert!(scene.logged("speak What did you break?").is_some());
}

// spec: CALL-6
#[test]
fn an_ended_call_keeps_the_last_words() {
    let mut scene = Scene::new(vec![(3_000, 6_000, "I have to go now")]);
    scene.run_to(5_000);
    scene.feed(Input::EndRequested(EndReason::CandidateEnded));
    scene.run_to(8_000);
    assert_eq!(scene.end, Some(EndReason::CandidateEnded));
    assert_eq!(scene.said_by(Speaker::Candidate), ["I have to go now"]);
}

#[test]
fn a_lost_connection_loses_no_words_and_the_talk_goes_on() {
    let mut scene = Scene::new(vec![(3_000, 4_000, "Yes."), (7_000, 9_000, "I built a")]);
    scene.run_to(8_500);
    scene.feed(Input::Disconnected);
    scene.speech.truncate(1);
    scene.speech.push((7_000, 8_500, "I built a"));
    scene.run_to(10_000);
    assert_eq!(scene.said_by(Speaker::Candidate), ["Yes.", "I built a"]);
    assert_eq!(
        scene.causes.last(),
        Some(&Cause::Said("Yes.".to_owned())),
        "nobody is spoken to who is not there"
    );
    scene.feed(Input::Connected);
    assert_eq!(scene.causes.last(), Some(&Cause::Return));
}

#[test]
fn missing_results_do_not_hang_the_call() {
    let mut scene = Scene::new(vec![(3_000, 4_000, "Yes.")]);
    scene.transcribe_ms = 1_000_000;
    scene.run_to(30_000);
    assert!(scene.causes.len() > 1, "Emma says something: {:?}", scene.causes);
}

//! Replies that arrive in parts.

use super::*;

fn remark(text: &str) -> SpeechPart {
    SpeechPart {
        text: text.to_owned(),
        kind: SegmentKind::Meta,
        question_id: None,
        source_refs: vec![],
    }
}

fn asks(id: &str, text: &str) -> Reply {
    Reply {
        parts: vec![SpeechPart {
            kind: SegmentKind::Question,
            question_id: Some(id.to_owned()),
            ..remark(text)
        }],
        action: Action::Ask {
            question_id: id.to_owned(),
        },
        flags: vec![],
    }
}

/// A scene in which replies to turns are given by hand; gives the tag of the one that is asked for.
struct ByHand(Scene);

impl ByHand {
    /// The candidate has typed the answer to the first question.
    fn answered() -> (Self, Tag) {
        let mut scene = Scene::new(vec![]);
        scene.run_to(4_000);
        scene.feed(Input::Typed {
            text: "Yes.".to_owned(),
        });
        scene.run_to(8_000);
        assert_eq!(scene.said_by(Speaker::Emma).last(), Some(&"What did you build?"));
        let mut by_hand = Self(scene);
        by_hand.0.conversation.handle(
            Input::Typed {
                text: "A bridge of wood.".to_owned(),
            },
            CallTime::from_ms(by_hand.0.now),
        );
        let tag = by_hand.tag();
        (by_hand, tag)
    }

    /// Performs what is asked for but the reply, whose tag it gives.
    fn tag(&mut self) -> Tag {
        let mut asked = None;
        while let Some(output) = self.0.conversation.poll() {
            match output {
                Output::Reply { tag, .. } => asked = Some(tag),
                other => self.0.perform(other),
            }
        }
        asked.expect("a reply is asked for")
    }
}

// spec: EMMA-7, EMMA-2
#[test]
fn the_first_sentence_is_said_before_the_reply_is_complete() {
    let (ByHand(mut scene), tag) = ByHand::answered();
    scene.feed(Input::ReplyPart {
        tag,
        part: remark("I see."),
    });
    scene.feed(Input::ReplyPart {
        tag,
        part: remark("A bridge of wood it was."),
    });
    scene.run_to(scene.now + 4_000);
    assert_eq!(
        scene.said_by(Speaker::Emma).last(),
        Some(&"I see. A bridge of wood it was.")
    );
    assert_eq!(
        scene.conversation.coverage().0[0].state,
        CoverageState::Asked,
        "nothing moves before the end of it"
    );
    scene.feed(Input::ReplyReady {
        tag,
        reply: asks("q2", "What did you break?"),
    });
    scene.run_to(scene.now + 3_000);
    assert_eq!(scene.said_by(Speaker::Emma).last(), Some(&"What did you break?"));
    let states: Vec<_> = scene.conversation.coverage().0.iter().map(|q| q.state).collect();
    assert_eq!(states, [CoverageState::Answered, CoverageState::Asked]);
}

// spec: CONV-7
#[test]
fn the_models_first_token_is_a_part_of_the_delay() {
    let (ByHand(mut scene), tag) = ByHand::answered();
    let before = scene.latencies.len();
    scene.run_to(scene.now + 300);
    scene.feed(Input::FirstToken { tag });
    scene.run_to(scene.now + 100);
    // A second request of the same turn began as well: the candidate has been waiting since the first.
    scene.feed(Input::FirstToken { tag });
    scene.run_to(scene.now + 400);
    scene.feed(Input::ReplyPart {
        tag,
        part: remark("I see."),
    });
    scene.run_to(scene.now + 1_000);
    let latency = scene.latencies[before];
    assert_eq!((latency.first_token_ms, latency.reply_ms), (300, 500));
}

// spec: CONV-3, CONV-4
#[test]
fn a_reply_that_is_cut_short_before_its_end_moves_nothing() {
    let (ByHand(mut scene), tag) = ByHand::answered();
    scene.feed(Input::ReplyPart {
        tag,
        part: remark("I see, so you have built a bridge of wood over there."),
    });
    scene.run_to(scene.now + 900);
    let now = scene.now;
    scene.speech = vec![(now, now + 1_600, "And a tower of stone.")];
    scene.run_to(now + 800);
    assert!(scene.logged("stop").is_some(), "the candidate has the floor");
    let mut reply = asks("q2", "What did you break?");
    reply.flags = vec![Flag::InjectionSuspected];
    scene.feed(Input::ReplyReady { tag, reply });
    scene.run_to(scene.now + 500);
    assert_eq!(scene.conversation.coverage().0[1].state, CoverageState::NotReached);
    assert!(!scene.said_by(Speaker::Emma).contains(&"What did you break?"));
    let heard: Vec<&str> = scene.said_by(Speaker::Emma);
    assert!(
        heard
            .last()
            .is_some_and(|text| text.starts_with("I see,") && text.ends_with('—')),
        "{heard:?}"
    );
    assert!(
        scene.said_by(Speaker::Candidate).contains(&"A bridge of wood."),
        "the answer is kept"
    );
}

// spec: CONV-2
#[test]
fn parts_for_words_that_went_on_are_dropped() {
    let (ByHand(mut scene), tag) = ByHand::answered();
    let stale = Tag {
        revision: tag.revision + 7,
        ..tag
    };
    scene.feed(Input::ReplyPart {
        tag: stale,
        part: remark("Nobody hears this."),
    });
    scene.run_to(scene.now + 2_000);
    assert!(!scene.said_by(Speaker::Emma).contains(&"Nobody hears this."));
}

#[test]
fn a_reply_whose_rest_never_comes_does_not_hang_the_call() {
    let (ByHand(mut scene), tag) = ByHand::answered();
    scene.feed(Input::ReplyPart {
        tag,
        part: remark("I see."),
    });
    scene.run_to(scene.now + 60_000);
    assert!(
        scene.end.is_some()
            || scene
                .causes
                .iter()
                .any(|c| matches!(c, Cause::Silence { .. } | Cause::NoAudio { .. }))
    );
}

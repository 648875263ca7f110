//! Random orders of events: none of them breaks a call.

use proptest::prelude::*;

use super::*;

fn input() -> impl Strategy<Value = Input> {
    let tag = (0u32..4, 0u32..3).prop_map(|(turn, revision)| Tag { turn, revision });
    prop_oneof![
        6 => (0.0f32..1.0, -90.0f32..0.0, any::<bool>())
            .prop_map(|(speech, level_dbfs, received)| Input::Frame { speech, level_dbfs, received }),
        1 => Just(Input::Connected),
        1 => Just(Input::Disconnected),
        2 => (tag.clone(), "[a-z ]{0,20}").prop_map(|(tag, text)| Input::Transcribed {
            tag,
            transcript: Some(Transcript { text, words: vec![] })
        }),
        1 => (tag.clone(), "[a-z ]{1,12}").prop_map(|(tag, text)| Input::ReplyPart {
            tag,
            part: SpeechPart { text, kind: SegmentKind::Meta, question_id: None, source_refs: vec![] }
        }),
        1 => tag.clone().prop_map(|tag| Input::FirstToken { tag }),
        1 => (tag, 0.0f32..1.0).prop_map(|(tag, probability)| Input::TurnJudged { tag, silence_ms: 200, probability }),
        1 => (0u64..6, 0u64..3000).prop_map(|(u, upto_ms)| Input::Played { utterance: UtteranceId(u), upto_ms }),
        1 => (0u64..6).prop_map(|u| Input::PlayedOut { utterance: UtteranceId(u) }),
        1 => "[a-z ]{0,20}".prop_map(|text| Input::Typed { text }),
        1 => Just(Input::RepeatRequested),
        1 => Just(Input::MoreTimeRequested),
        1 => any::<bool>().prop_map(Input::Muted),
        1 => Just(Input::Tick),
    ]
}

proptest! {
    // spec: CONV-6
    #[test]
    fn no_order_of_events_breaks_a_call(
        inputs in prop::collection::vec((input(), 0u64..900), 1..300),
        // In half of the calls the time is up before the events are.
        call_ms in prop_oneof![Just(20_000), Just(Limits::default().call_ms)],
    ) {
        let plan = plan();
        let coverage = Coverage::of_plan(&plan);
        let limits = Limits { call_ms, ..Limits::default() };
        let mut conversation = Conversation::new(plan, coverage, limits, false, CallTime::ZERO);
        let mut now = 0;
        let mut ends = 0;
        for (input, gap) in inputs {
            now += gap;
            conversation.handle(input, CallTime::from_ms(now));
            let mut outputs = 0;
            while let Some(output) = conversation.poll() {
                outputs += 1;
                prop_assert!(outputs < 200, "it never stops talking");
                match output {
                    Output::Reply { tag, request } => {
                        let mut reply = reply_to(&request);
                        // Every other reply comes in parts, and some of those never end.
                        if tag.turn % 2 == 0 {
                            let part = reply.parts.remove(0);
                            conversation.handle(Input::ReplyPart { tag, part }, CallTime::from_ms(now));
                            if tag.turn % 6 == 0 {
                                continue;
                            }
                        }
                        conversation.handle(Input::ReplyReady { tag, reply }, CallTime::from_ms(now));
                    }
                    Output::End(_) => ends += 1,
                    Output::Store(segment) => prop_assert!(segment.start_ms <= segment.end_ms && !segment.text.is_empty()),
                    _ => {}
                }
            }
            if let Some((at, _)) = conversation.deadline() {
                prop_assert!(at > CallTime::from_ms(now), "a deadline that has come is dealt with: {at:?} at {now}");
            }
        }
        prop_assert!(ends <= 1);
    }
}

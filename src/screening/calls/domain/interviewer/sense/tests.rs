//! Replies as models give them, weak ones and good ones.

use serde::Deserialize;

use super::*;
use crate::screening::calls::domain::interviewer::speech_guard;
use crate::screening::calls::domain::interviewer::{Phase, told_and_asked};
use crate::screening::calls::domain::ports::RoleFact;

const REPLIES: &str = include_str!("../../../../../../tests/data/replies/replies.json");

#[derive(Deserialize)]
struct Situation {
    question: String,
    heard: String,
    #[serde(default)]
    looked_up: bool,
    #[serde(default)]
    facts: Vec<String>,
    good: Vec<String>,
    bad: Vec<String>,
    good_questions: Vec<String>,
    bad_questions: Vec<String>,
}

#[derive(Debug, Default)]
struct Count {
    texts: usize,
    by_guard: usize,
    by_both: usize,
    wrong: Vec<String>,
}

impl Count {
    fn add(&mut self, text: &str, guard: Result<(), Breach>, sense: Result<(), Breach>, good: bool) {
        self.texts += 1;
        self.by_guard += usize::from(guard.is_err());
        let dropped = guard.is_err() || sense.is_err();
        self.by_both += usize::from(dropped);
        if dropped == good {
            self.wrong.push(format!("{text} ({guard:?}, {sense:?})"));
        }
    }
}

fn count(pick: impl Fn(&Situation) -> (&[String], &[String])) -> (Count, Count) {
    let situations: Vec<Situation> = serde_json::from_str(REPLIES).expect("replies");
    let (mut bad, mut good) = (Count::default(), Count::default());
    for situation in &situations {
        let facts: Vec<RoleFact> = situation
            .facts
            .iter()
            .map(|text| RoleFact {
                field: "posting".to_owned(),
                text: text.clone(),
                score: 0.8,
            })
            .collect();
        let others: Vec<&str> = situations
            .iter()
            .map(|s| s.question.as_str())
            .filter(|q| *q != situation.question)
            .collect();
        let known = format!("Backend engineer Acme {}", situation.question);
        let (told, asked) = told_and_asked(&situation.heard, Phase::Questions);
        let sense = Sense {
            ground: Ground {
                facts: &facts,
                looked_up: situation.looked_up,
                heard: &told,
                asked: &asked,
                known: &known,
            },
            question: &situation.question,
            planned: &others,
            said: &[],
            instructions: "After an answer: one short sentence that shows what you understood, in plain words.",
        };
        let (bads, goods) = pick(situation);
        for (texts, tally, is_good) in [(bads, &mut bad, false), (goods, &mut good, true)] {
            for text in texts {
                let (guard, own) = if text.ends_with('?') {
                    (
                        speech_guard::check_question(text, &sense.ground),
                        check_question(text, &sense),
                    )
                } else {
                    (speech_guard::check(text, &sense.ground), check(text, &sense))
                };
                tally.add(text, guard, own, is_good);
            }
        }
    }
    (bad, good)
}

// spec: EMMA-5
#[test]
fn what_weak_models_say_is_left_out_and_what_good_ones_say_is_not() {
    let (bad, good) = count(|s| (&s.bad, &s.good));
    assert!(bad.texts >= 50 && bad.by_both * 100 >= bad.texts * 90, "{bad:#?}");
    assert!(
        bad.by_guard * 2 < bad.by_both,
        "most of it breaks no rule of what may be said: {bad:#?}"
    );
    assert!(good.texts >= 35 && good.by_both * 10 <= good.texts, "{good:#?}");
}

// spec: EMMA-5, EMMA-2
#[test]
fn follow_ups_are_about_what_was_said() {
    let (bad, good) = count(|s| (&s.bad_questions, &s.good_questions));
    assert!(bad.texts >= 12 && bad.by_both * 100 >= bad.texts * 85, "{bad:#?}");
    assert!(good.texts >= 10 && good.by_both * 10 <= good.texts, "{good:#?}");
}

fn sense<'a>(said: &'a [&'a str], instructions: &'a str) -> Sense<'a> {
    Sense {
        ground: Ground {
            facts: &[],
            looked_up: false,
            heard: "I led the migration and I wrote all the scripts myself.",
            asked: "",
            known: "",
        },
        question: "Tell me about a migration.",
        planned: &[],
        said,
        instructions,
    }
}

// spec: EMMA-5
#[test]
fn nothing_is_said_twice_or_read_out() {
    let line = "Thank you, you led the migration and wrote the scripts.";
    assert_eq!(check(line, &sense(&[], "")), Ok(()));
    assert_eq!(check(line, &sense(&["I see.", line], "")), Err(Breach::Repeats));
    assert_eq!(
        check("Thank you.", &sense(&["Thank you."], "")),
        Ok(()),
        "short ones may come again"
    );
    assert_eq!(
        check("Led the migration and I wrote all the scripts myself.", &sense(&[], "")),
        Err(Breach::AsCandidate)
    );
    assert_eq!(
        check(
            "So you word what comes between the questions of the migration.",
            &sense(&[], "You word what comes between the questions: an acknowledgement.")
        ),
        Err(Breach::Script)
    );
}

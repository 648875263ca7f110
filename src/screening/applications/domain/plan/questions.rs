//! The wording of questions, probes and anchors.

use crate::screening::applications::domain::plan::Draft;
use crate::screening::applications::domain::plan::bank_office::MARKETING_AND_GENERAL;
use crate::screening::applications::domain::plan::bank_people::CARE_SALES_WAREHOUSE;
use crate::screening::applications::domain::plan::bank_technology::{Prepared, TECHNOLOGY};
use crate::screening::applications::domain::plan::keywords::{keywords_of, mentions};
use crate::screening::applications::domain::plan::phrase::{brief, capitalized, label, number_word};
use crate::screening::applications::domain::plan::subjects::Subject;
use crate::screening::shared::plan::{Anchors, Criterion, CriterionKind, QuestionKind};

/// Weights relative to each other.
const MUST_HAVE: f32 = 2.0;
const SITUATION: f32 = 1.5;
const NICE_TO_HAVE: f32 = 1.0;

/// The first question: what the candidate has done that comes closest to the main work.
pub fn opening(title: &str, duty: Option<&Subject>) -> Draft {
    let (field, about, topic) = match duty {
        Some(duty) => (duty.field.clone(), duty.text.clone(), label(&duty.text)),
        None => (
            "title".to_owned(),
            format!("the work of a {title}"),
            "Your experience".to_owned(),
        ),
    };
    let text = match duty {
        Some(_) => format!(
            "A big part of this role is {about}. Please tell me about the work you have done that comes closest to it. \
             What was your own part, and how did it turn out?"
        ),
        None => format!(
            "Please tell me about the work you have done that comes closest to the {title} role. \
             What was your own part, and how did it turn out?"
        ),
    };
    let rephrased = match duty {
        Some(_) => format!(
            "Which job or project of yours was most like {}, and what did you do there?",
            brief(&about)
        ),
        None => {
            format!("Which job or project of yours is most useful for the {title} role, and what did you do there?")
        }
    };
    let name = duty.map_or_else(|| format!("Experience for the {title} role"), |d| capitalized(&d.text));
    Draft {
        kind: QuestionKind::Behavioral,
        topic,
        text,
        rephrased,
        probes: vec![
            "What exactly did you do yourself, and what did others do?".to_owned(),
            "What was the result in the end?".to_owned(),
            "Can you give me one concrete example from that work?".to_owned(),
            "What was the hardest part of it?".to_owned(),
        ],
        criteria: vec![scored(
            name,
            field,
            MUST_HAVE,
            story_anchors(&about),
            opening_keywords(&about),
        )],
    }
}

/// A question on a skill or requirement: a prepared one where there is one, else one by turns.
pub fn on_subject(subject: &Subject, turn: usize, asked: &[Draft]) -> Draft {
    let fresh = |prepared: &Prepared| {
        let text = filled(prepared.text, &subject.text);
        !asked.iter().any(|draft| draft.text == text)
    };
    match prepared_for(&subject.text).filter(|p| fresh(p)) {
        Some(prepared) => prepared_draft(subject, prepared),
        None => worded_draft(subject, turn),
    }
}

/// A situation out of the daily work.
pub fn situation(duty: &Subject) -> Draft {
    let about = brief(&duty.text);
    Draft {
        kind: QuestionKind::Situational,
        topic: label(about),
        text: format!(
            "Imagine that you are busy with {about}, and then two other things become urgent at the same time. \
             What do you do, and in which order?"
        ),
        rephrased: format!("What would you do if other urgent things came up while you were busy with {about}?"),
        probes: vec![
            "What would you do first?".to_owned(),
            "Who would you tell, and what would you say?".to_owned(),
            "Has something like this happened to you, and what did you do?".to_owned(),
        ],
        criteria: vec![scored(
            capitalized(about),
            duty.field.clone(),
            SITUATION,
            Anchors {
                one: format!("Has no way to choose when other things interrupt {about}, or waits for others."),
                three: format!("Names a sensible order between {about} and the rest, and tells the people concerned."),
                five: format!(
                    "Judges what matters most besides {about}, acts in a clear order, tells the right people early, weighs \
                     options, and learns from it."
                ),
            },
            with(
                keywords_of(about),
                &[
                    "first", "tell", "priority", "deadline", "plan", "ask", "help", "team", "manager",
                ],
            ),
        )],
    }
}

/// Questions for postings that say little.
pub fn general(title: &str) -> Vec<Draft> {
    let field = || "title".to_owned();
    let work = format!("the work of a {title}");
    vec![
        Draft {
            kind: QuestionKind::Behavioral,
            topic: "A hard problem".to_owned(),
            text: "Tell me about a problem at work that was hard to solve. What did you do, and how did it end?"
                .to_owned(),
            rephrased: "Which difficult problem at work did you get to the bottom of, and how?".to_owned(),
            probes: vec![
                "What did you try first?".to_owned(),
                "What was the result in the end?".to_owned(),
                "What would you do differently today?".to_owned(),
            ],
            criteria: vec![scored(
                "Solving problems".to_owned(),
                field(),
                MUST_HAVE,
                story_anchors("solving a problem at work"),
                with(
                    vec![],
                    &[
                        "problem", "cause", "solution", "solved", "tried", "result", "decided", "because",
                    ],
                ),
            )],
        },
        Draft {
            kind: QuestionKind::Situational,
            topic: "Priorities".to_owned(),
            text: format!(
                "Imagine your first month as a {title}. Three people ask you for something urgent at the same time. What do you do?"
            ),
            rephrased: "Three people want something urgent from you at once. How do you decide what comes first?"
                .to_owned(),
            probes: vec![
                "How do you find out what is really urgent?".to_owned(),
                "What do you say to the person who has to wait?".to_owned(),
            ],
            criteria: vec![scored(
                "Setting priorities".to_owned(),
                field(),
                SITUATION,
                Anchors {
                    one: "Has no way to choose.".to_owned(),
                    three: "Names an order of work and tells the people who wait.".to_owned(),
                    five: format!(
                        "Finds out what matters most for {work}, decides with reasons, tells everybody, and gets help."
                    ),
                },
                with(
                    vec![],
                    &[
                        "urgent",
                        "important",
                        "ask",
                        "priority",
                        "deadline",
                        "tell",
                        "help",
                        "manager",
                        "first",
                    ],
                ),
            )],
        },
        Draft {
            kind: QuestionKind::Behavioral,
            topic: "Working together".to_owned(),
            text: "Tell me about a time when you and a colleague disagreed about the work. What did you do?".to_owned(),
            rephrased: "When did you disagree with a colleague, and how did you solve it?".to_owned(),
            probes: vec![
                "What was your colleague's view?".to_owned(),
                "How did it end?".to_owned(),
            ],
            criteria: vec![scored(
                "Working with others".to_owned(),
                field(),
                SITUATION,
                story_anchors("working with somebody of another opinion"),
                with(
                    vec![],
                    &[
                        "colleague",
                        "team",
                        "disagree",
                        "listen",
                        "talk",
                        "agree",
                        "solution",
                        "compromise",
                    ],
                ),
            )],
        },
    ]
}

fn prepared_for(subject: &str) -> Option<&'static Prepared> {
    let subject = subject.to_lowercase();
    let all = || {
        TECHNOLOGY
            .iter()
            .chain(CARE_SALES_WAREHOUSE)
            .chain(MARKETING_AND_GENERAL)
    };
    // The longest name that fits is the most specific one.
    all()
        .filter_map(|p| {
            let longest = p
                .names
                .iter()
                .filter(|name| mentions(&subject, name))
                .map(|name| name.len())
                .max()?;
            // A subject that is mostly about something else needs its own question.
            (longest * 3 >= subject.len()).then_some((longest, p))
        })
        .max_by_key(|(longest, _)| *longest)
        .map(|(_, p)| p)
}

fn prepared_draft(subject: &Subject, prepared: &Prepared) -> Draft {
    let x = &subject.text;
    let [one, three, five] = prepared.anchors.map(|anchor| filled(anchor, x));
    Draft {
        kind: prepared.kind,
        topic: label(x),
        text: filled(prepared.text, x),
        rephrased: filled(prepared.rephrased, x),
        probes: prepared.probes.iter().map(|p| filled(p, x)).collect(),
        criteria: vec![scored(
            x.clone(),
            subject.field.clone(),
            weight(subject),
            Anchors { one, three, five },
            with(keywords_of(x), prepared.keywords),
        )],
    }
}

fn worded_draft(subject: &Subject, turn: usize) -> Draft {
    let x = &subject.text;
    let needs = match subject.years {
        Some(n) => format!(
            "The posting asks for at least {} {} of {x}.",
            number_word(n),
            if n == 1 { "year" } else { "years" }
        ),
        None => format!("One thing this role needs is {x}."),
    };
    let (kind, text, rephrased, probes): (_, _, _, [&str; 3]) = match turn % 3 {
        0 => (
            QuestionKind::Behavioral,
            format!(
                "{needs} Tell me about a time when that really mattered in your work. What was the situation, and what did you do?"
            ),
            format!("When did you need {x} at work, and what did you do?"),
            [
                "What was your own part in that?",
                "What was the result in the end?",
                "What would you do differently today?",
            ],
        ),
        1 => (
            QuestionKind::Knowledge,
            format!(
                "{needs} Suppose a new colleague knows little about it. What would you teach them first, and which mistakes would you warn them about?"
            ),
            format!("What should a beginner know about {x}, and what often goes wrong?"),
            [
                "Why is that so important?",
                "Can you give me an example from your own work?",
                "Which mistake have you seen most often?",
            ],
        ),
        _ => (
            QuestionKind::Situational,
            format!(
                "{needs} Imagine that you start here next week, and on the first day something goes wrong with it. How do you go about it?"
            ),
            format!("Something goes wrong with {x} on your first day. What do you do?"),
            [
                "What would you do first?",
                "Who would you ask or tell?",
                "Has something like this happened to you?",
            ],
        ),
    };
    Draft {
        kind,
        topic: label(x),
        text,
        rephrased,
        probes: probes.map(str::to_owned).to_vec(),
        criteria: vec![scored(
            x.clone(),
            subject.field.clone(),
            weight(subject),
            story_anchors(x),
            keywords_of(x),
        )],
    }
}

fn weight(subject: &Subject) -> f32 {
    if subject.must_have { MUST_HAVE } else { NICE_TO_HAVE }
}

fn scored(name: String, job_field: String, weight: f32, anchors: Anchors, keywords: Vec<String>) -> Criterion {
    Criterion {
        id: String::new(),
        name,
        job_field,
        kind: CriterionKind::Scored,
        weight,
        anchors,
        keywords,
    }
}

fn story_anchors(about: &str) -> Anchors {
    Anchors {
        one: format!("Names no own work with {about}, or speaks only in general terms."),
        three: format!("Describes one concrete case of {about} with some detail of the own part."),
        five: format!(
            "Describes {about} in detail: the situation, own decisions with reasons, difficulties, and a result that can be checked."
        ),
    }
}

/// Words of a story about the main work: its own, and those of telling what one did.
fn opening_keywords(about: &str) -> Vec<String> {
    with(
        keywords_of(about),
        &[
            "built",
            "led",
            "project",
            "responsible",
            "result",
            "team",
            "improved",
            "decided",
        ],
    )
}

fn with(mut words: Vec<String>, more: &[&str]) -> Vec<String> {
    for word in more {
        if !words.iter().any(|w| w == word) {
            words.push((*word).to_owned());
        }
    }
    words
}

fn filled(text: &str, subject: &str) -> String {
    text.replace("{x}", subject)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::applications::domain::plan::validate::is_fit;

    // spec: APP-7
    #[test]
    fn every_prepared_question_may_be_asked() {
        for prepared in TECHNOLOGY
            .iter()
            .chain(CARE_SALES_WAREHOUSE)
            .chain(MARKETING_AND_GENERAL)
        {
            let subject = Subject {
                field: "skills[0]".to_owned(),
                text: prepared.names[0].to_owned(),
                must_have: true,
                years: None,
            };
            assert!(
                is_fit(&prepared_draft(&subject, prepared), "Clerk"),
                "{:?}",
                prepared.names
            );
        }
        for turn in 0..3 {
            let subject = Subject {
                field: "skills[0]".to_owned(),
                text: "keeping bees".to_owned(),
                must_have: true,
                years: Some(3),
            };
            assert!(is_fit(&worded_draft(&subject, turn), "Clerk"));
        }
    }
}

//! Every sentence of an interview that is known before it begins, so that the voice can render it ahead.

use crate::screening::calls::domain::interviewer::answer::skill_lines;
use crate::screening::calls::domain::interviewer::flow::still_ahead;
use crate::screening::calls::domain::interviewer::phrases::{self, PREPARED};
use crate::screening::calls::domain::interviewer::role::statement;
use crate::screening::calls::domain::ports::RoleFact;
use crate::screening::calls::domain::speakable::clauses::sentences;
use crate::screening::shared::plan::{InterviewPlan, QuestionKind};

/// The sentences of this interview, most urgent first, each once.
pub fn lines(plan: &InterviewPlan) -> Vec<String> {
    let mut all = Lines::default();
    all.add(&plan.greeting);
    all.family(phrases::LET_US_BEGIN);
    let mut questions = plan.questions.iter();
    if let Some(first) = questions.next() {
        all.add(&first.text);
        all.family(phrases::ACKNOWLEDGE);
        all.family(phrases::ACKNOWLEDGE_SHORT);
        all.family(&first.probes.iter().map(String::as_str).collect::<Vec<_>>());
    }
    for kind in [
        QuestionKind::Behavioral,
        QuestionKind::Situational,
        QuestionKind::Knowledge,
        QuestionKind::Logistics,
    ] {
        all.add(phrases::transition(kind));
    }
    for question in questions {
        all.add(&question.text);
        all.family(&question.probes.iter().map(String::as_str).collect::<Vec<_>>());
    }
    all.add(phrases::LAST_QUESTION);
    all.add(phrases::INVITE);
    all.add(&phrases::invitation(&plan.organization));
    all.add(&plan.closing);
    for line in skill_lines(plan) {
        all.add(&line);
    }
    for question in &plan.questions {
        all.add(&question.rephrased);
    }
    for family in PREPARED {
        all.family(family);
    }
    all.add(phrases::helpline(&plan.language));
    for question in &plan.questions {
        all.add(&still_ahead(plan, question));
    }
    all.0
}

/// How Emma says what the posting states, one sentence per statement, in the same words as in a reply.
pub fn role_lines(facts: &[RoleFact]) -> Vec<String> {
    let mut all = Lines::default();
    for fact in facts {
        all.add(&statement(fact));
    }
    all.0
}

#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn add(&mut self, text: &str) {
        for sentence in sentences(text) {
            if !self.0.iter().any(|line| line == sentence) {
                self.0.push(sentence.to_owned());
            }
        }
    }

    fn family(&mut self, family: &[&str]) {
        for line in family {
            self.add(line);
        }
    }
}

//! Which statements of a job offer answer a question: what the question is about, its words, and its meaning together.
//!
//! Likeness of meaning alone does not tell "is there a company car" from "two company weeks a year": a question that
//! names a subject is answered only by statements about that subject, unless one is very close.

use crate::knowledge::domain::concepts::{CONCEPTS, Concept};

/// Score of a statement about the question's subject; more for each further subject, its likeness and shared words.
const ON_SUBJECT: f32 = 0.45;
const PER_SUBJECT: f32 = 0.15;
const OF_LIKENESS: f32 = 0.4;
const PER_SUBJECT_WORD: f32 = 0.03;
/// Likeness from which a statement answers although it does not name the subject.
const VERY_CLOSE: f32 = 0.62;
/// The same where the posting is silent about one of several subjects asked about.
const CLOSE: f32 = 0.5;
/// Score from which a statement answers a question about no known subject, and what a shared word adds.
const RELEVANT: f32 = 0.42;
const PER_WORD: f32 = 0.07;
/// The same for a question in another script: the subjects are known under their English names, so most of what can be
/// asked comes here. Found on the Greek questions of `tests/role_search.rs`.
const RELEVANT_IN_ANOTHER_SCRIPT: f32 = 0.36;

/// Words that say nothing about what is asked.
const STOP: &str = "a an the is are was were be do does did can could would will should i you we they it me my your our their \
    this that these there here to of in on at for from with by about as and or but so if what which who how when \
    where why much many any some have has had get like tell know please just also more job role position work \
    one want need after before long big day days year years company team people \
    και το τα τη την τον του της των ο η οι θα να με σε για από στο στη στην στον είναι έχω έχει υπάρχει που πού τι πόσο πόσα \
    πόσες πόσους ποιος ποια ποιο μου σας";
/// Words that may stand beside a broad subject without naming another one.
const FILLERS: &str = "does there something anything tell about more could would your they have what which where who kind exactly \
    maybe really will give sell made make little with into currently actually offer offers provide first mean \
    good large small main";

/// One statement and how well it answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    pub index: usize,
    /// 0 to 1, comparable within one question.
    pub score: f32,
}

/// The statements that answer the question, best first. `alike[i]` is how like the
/// question `statements[i]` is, a (field, text) pair (`shared/embeddings/likeness.rs`).
pub fn rank(question: &str, statements: &[(String, String)], alike: &[f32]) -> Vec<Ranked> {
    let asked = Asked::about(question);
    let known: Vec<Known<'_>> = statements
        .iter()
        .zip(alike)
        .map(|((field, text), alike)| Known {
            field,
            text: plain(text),
            alike: *alike,
        })
        .collect();
    let silent = asked
        .subjects
        .iter()
        .any(|subject| !known.iter().any(|s| s.is_about(subject)));
    let mut ranked: Vec<Ranked> = known
        .iter()
        .enumerate()
        .filter_map(|(index, statement)| {
            let score = asked.score(statement, silent)?.clamp(0.0, 1.0);
            Some(Ranked { index, score })
        })
        .collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    ranked
}

/// A question taken apart.
struct Asked {
    words: Vec<String>,
    subjects: Vec<&'static Concept>,
    /// It is broad, and names something else besides.
    strays: bool,
    /// It has Latin letters.
    latin: bool,
}

/// A statement made ready for comparison.
struct Known<'a> {
    field: &'a str,
    /// As [`plain`] gives it.
    text: String,
    alike: f32,
}

impl Asked {
    fn about(question: &str) -> Self {
        let text = plain(question);
        let cued: Vec<&Concept> = CONCEPTS
            .iter()
            .filter(|c| c.cues().any(|cue| holds(&text, cue)))
            .collect();
        let mut narrow: Vec<&Concept> = cued.iter().copied().filter(|c| !c.broad).collect();
        if narrow.len() > 1 && holds(&text, "pay for") {
            // What is paid for is asked about, not the salary.
            narrow.retain(|c| c.fields().all(|field| field != "compensation"));
        }
        let is_cue = |word: &str| {
            cued.iter()
                .any(|c| c.cues().any(|cue| cue.split(' ').any(|w| w == word)))
        };
        let stray = |word: &str| word.len() > 3 && !listed(STOP, word) && !listed(FILLERS, word) && !is_cue(word);
        let strays = narrow.is_empty() && cued.iter().any(|c| c.loose) && text.split_whitespace().any(stray);
        let words = text
            .split_whitespace()
            .filter(|w| !listed(STOP, w))
            .map(str::to_owned)
            .collect();
        let subjects = if narrow.is_empty() { cued } else { narrow };
        Self {
            words,
            subjects,
            strays,
            latin: text.bytes().any(|b| b.is_ascii_alphabetic()),
        }
    }

    /// How well a statement answers; none where it does not. `silent`: no statement is about one of the subjects.
    fn score(&self, statement: &Known<'_>, silent: bool) -> Option<f32> {
        let shared = self.words.iter().filter(|word| holds(&statement.text, word)).count();
        if self.subjects.is_empty() {
            let score = statement.alike + PER_WORD * shared.min(3) as f32;
            let least = if self.latin {
                RELEVANT
            } else {
                RELEVANT_IN_ANOTHER_SCRIPT
            };
            return (score >= least).then_some(score);
        }
        if self.strays && statement.alike < RELEVANT {
            return None;
        }
        let about = self
            .subjects
            .iter()
            .filter(|subject| statement.is_about(subject))
            .count();
        if about > 0 && (!silent || statement.alike >= CLOSE) {
            let subjects = PER_SUBJECT * about.min(2) as f32;
            return Some(
                ON_SUBJECT + subjects + OF_LIKENESS * statement.alike + PER_SUBJECT_WORD * shared.min(2) as f32,
            );
        }
        (statement.alike >= VERY_CLOSE).then_some(statement.alike)
    }
}

impl Known<'_> {
    fn is_about(&self, subject: &Concept) -> bool {
        let head = self.field.split('[').next().unwrap_or(self.field);
        subject.fields().any(|f| f == self.field || f == head) || subject.marks().any(|m| holds(&self.text, m))
    }
}

/// Lower-case words between single spaces, with one at both ends; apostrophes are dropped.
fn plain(text: &str) -> String {
    let mut out = String::from(" ");
    for c in text
        .chars()
        .flat_map(char::to_lowercase)
        .filter(|c| !matches!(c, '\'' | '’'))
    {
        if c.is_alphanumeric() || c == '+' || c == '#' {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    if !out.ends_with(' ') {
        out.push(' ');
    }
    out
}

/// Whether the plain text holds these words in a row.
fn holds(text: &str, words: &str) -> bool {
    let edge = |at: usize| text.as_bytes().get(at) == Some(&b' ');
    text.match_indices(words)
        .any(|(at, _)| at > 0 && edge(at - 1) && edge(at + words.len()))
}

fn listed(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_beats_a_vague_likeness() {
        let statements = [
            ("compensation".to_owned(), "The pay is 4,000 euros a month.".to_owned()),
            ("tagline".to_owned(), "We make money move.".to_owned()),
        ];
        let ranked = rank("What is the salary?", &statements, &[0.3, 0.35]);
        assert_eq!(ranked.first().map(|r| r.index), Some(0));
        assert_eq!(ranked.len(), 1);
    }

    #[test]
    fn what_the_posting_does_not_say_is_not_found() {
        let statements = [(
            "benefits[0]".to_owned(),
            "Two company weeks a year by the sea.".to_owned(),
        )];
        assert_eq!(rank("Is there a company car?", &statements, &[0.45]), []);
        assert_eq!(rank("Do you allow dogs in the kitchen?", &statements, &[0.12]), []);
    }

    #[test]
    fn words_are_found_whole() {
        assert!(holds(&plain("Full-time, 38 hours"), "full time"));
        assert!(!holds(&plain("A parking place"), "park"));
    }
}

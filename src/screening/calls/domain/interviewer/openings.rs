//! How a reply that nobody knew beforehand begins: with a few words the voice has ready, under which the rest is rendered.

use crate::screening::calls::domain::interviewer::TalkHistory;
use crate::screening::calls::domain::interviewer::pick::pick;

/// Prepared words that fit in front of anything the candidate may have told.
const NEUTRAL: &[&str] = &["I see.", "Okay.", "Mhm, okay."];
/// How models like to begin, and the prepared words that stand for it.
const HEADS: &[(&str, &str)] = &[
    ("i see,", "I see."),
    ("okay,", "Okay."),
    ("ok,", "Okay."),
    ("alright,", "All right."),
    ("all right,", "All right."),
    ("understood,", "Understood."),
    ("thank you,", "Thank you."),
];
/// A sentence this short is rendered about as fast as its opening is said.
const SHORT: usize = 2;

/// The opening of a reply whose first sentence this is, and what is left of the sentence. Without one where words that were
/// chosen with care would follow a careless one.
pub fn opening(sentence: &str, history: &TalkHistory) -> (Option<&'static str>, String) {
    let sentence = sentence.trim();
    if sentence.split_whitespace().count() <= SHORT || sentence.to_lowercase().contains("sorry") {
        return (None, sentence.to_owned());
    }
    for (head, ready) in HEADS {
        let begins = sentence
            .get(..head.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(head));
        if begins {
            let rest = sentence[head.len()..].trim_start();
            return (Some(ready), capitalised(rest));
        }
    }
    (Some(pick(NEUTRAL, history)), sentence.to_owned())
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::calls::domain::interviewer::phrases::PREPARED;

    fn opened(sentence: &str) -> (Option<&'static str>, String) {
        opening(sentence, &TalkHistory::default())
    }

    // spec: EMMA-7
    #[test]
    fn an_unknown_sentence_begins_with_words_that_are_ready() {
        let (ready, rest) = opened("You moved the ledger without a day of downtime.");
        assert_eq!(ready, Some("I see."));
        assert_eq!(rest, "You moved the ledger without a day of downtime.");
        for ready in NEUTRAL.iter().chain(HEADS.iter().map(|(_, ready)| ready)) {
            assert!(
                PREPARED.iter().any(|family| family.contains(ready)),
                "{ready} is not rendered ahead"
            );
        }
    }

    #[test]
    fn an_opening_of_the_models_own_is_not_doubled() {
        assert_eq!(
            opened("I see, thank you for walking me through that."),
            (Some("I see."), "Thank you for walking me through that.".to_owned())
        );
        assert_eq!(opened("Alright, über all that time.").1, "Über all that time.");
    }

    #[test]
    fn short_and_careful_sentences_stand_alone() {
        for sentence in [
            "Thank you.",
            "I see.",
            "I am sorry to hear that about your father.",
            "Okay,",
            "",
        ] {
            assert_eq!(opened(sentence), (None, sentence.to_owned()));
        }
    }
}

//! Whether what a language model would have Emma say makes sense where it is said. A weak model speaks as the candidate,
//! lectures, invents, asks questions of its own or falls into another language; none of that is forbidden as such, so
//! `speech_guard` lets it pass. Here a sentence has to show what it is about: the candidate's own words, the open
//! question, or what the posting says. What does not is left out, and the guided interviewer's wording stands there.
//!
//! The model has two things to do between planned questions: to acknowledge and to answer. So the check may be strict: a
//! good sentence that is left out costs a variation, a bad one that is said costs the candidate's trust.

pub(super) mod words;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::screening::calls::domain::interviewer::answer::plain;
use crate::screening::calls::domain::interviewer::breach::Breach;
use crate::screening::calls::domain::interviewer::grounding::Ground;
use crate::screening::calls::domain::interviewer::grounding::{
    gives_back, is_about_candidate, is_courtesy, is_found, passes_on,
};
use crate::screening::calls::domain::interviewer::sense::words::{is_frame, is_function, is_question_word, is_term};

/// Share of a remark's content words that must come from what was said or asked.
const SUPPORTED: f32 = 0.45;
/// Words in a row that are no accident.
const QUOTED: usize = 7;
/// A shorter sentence may come again: "Thank you for that."
const MAY_REPEAT: usize = 4;
/// Share of a planned question's content words in a follow-up that makes it that question.
const SAME_QUESTION: f32 = 0.6;

/// What a sentence is held against.
#[derive(Debug, Clone, Copy)]
pub struct Sense<'a> {
    pub ground: Ground<'a>,
    /// The open question.
    pub question: &'a str,
    /// The other questions of the plan.
    pub planned: &'a [&'a str],
    /// What Emma said of late.
    pub said: &'a [&'a str],
    /// What the model was told to do.
    pub instructions: &'a str,
}

macro_rules! pattern {
    ($name:ident, $($text:expr),+ $(,)?) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new(concat!("(?:", $($text),+, ")")).expect("fixed pattern"));
    };
}

pattern!(
    // An interviewer's "I": it hears, understands, notes and passes on, and did nothing else.
    OWN_PART,
    r"^(?:i|im|ive|ill|id) (?:am |have |will |would |do |can |also |now |just |see|not )*(?:see|understand|understood|hear|heard|appreciate|follow|get|got|take|took|note|noted|thank|listen|listening|pass|passed|am sorry|sorry|an? ai|emma|know what you mean|have it|a clear|a good picture|a clearer|doing well|fine|well|repeat|wait|dont have that|not have that|dont know|not know|cant say|cannot say|afraid|(?:could not|couldnt|cannot|cant) find|gather|catch|caught|mentioned|wrote that down|written that down|written it down)\b",
);
pattern!(
    // Leads where the program leads, or tells the candidate what to do.
    LEADS,
    r"^(?:(?:please|now|so|then|first|next|okay|ok|well|alright|all right|great|sure|thank you|thanks|and|also|finally) )*(?:(?:lets|let us|let me|we will|well now|well start|well move|tell|describe|explain|share|give|provide|consider|remember|make|try|keep|start|begin|answer|write|read|note|imagine|think|focus|say|use|ask|choose|select|list|introduce|discuss|elaborate|walk me|talk|feel free|click|type|follow|call|repeat|show|state|do|be)\b|(?:the |my |our |your |here is the |here is your |this is the )?(?:next|first|second|third|last|following) (?:question|topic|point|part)\b)",
    r"|\b(?:id like to (?:ask|know|hear|talk|discuss|move)|i would like to (?:ask|know|hear|talk|discuss|move)|i want to (?:ask|know|hear)|please (?:tell|describe|explain|share|provide|answer|give|let me know)|(?:move|moving|go|going) on to|you (?:should|must|need to|have to|ought to|had better)|make sure|dont forget|remember to|it is (?:important|essential|crucial|necessary|recommended))\b",
);
pattern!(
    // About the interview instead of to the candidate.
    SCRIPT,
    r"\b(?:the|this|a) (?:candidate|interviewer|interviewee|applicant|user|assistant|speaker)(?:s)?\b|^(?:emma|interviewer|candidate|assistant|user|me|you|answer|question|response|note|system) (?:says?|said|asks?|asked)\b",
);
static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^\W*(?:emma|interviewer|candidate|assistant|user|answer|question|response|reply|note|system|summary)\s*:",
    )
    .expect("fixed pattern")
});
pattern!(
    RATES,
    r"^(?:yes |okay |ok )?(?:that is|thats|that was|you are|youre|this is) (?:absolutely |completely |exactly |quite |very )*(?:correct|right|true|accurate|the right|the correct|the best|a good (?:point|idea|answer|choice))\b|\bi (?:\w+ )?agree\b",
);
pattern!(
    // Says yes or no to something: what the candidate tells needs none, and what they ask is not Emma's to confirm.
    AGREES,
    r"^(?:yes|right|correct|exactly|indeed) (?:(?:it|there|they|that|this) (?:is|are|was|will|can|does)|its|thats|theres|theyre)\b|^(?:(?:yes|yeah|yep|no|right|correct|exactly|indeed|absolutely|certainly|definitely|of course|sure|it is|it does|there is|they do|that is so) ?)+$",
);
pattern!(
    ACKNOWLEDGES,
    r"^(?:thank|thanks|i see|i understand|understood|okay|ok|got it|all right|alright|right|so|noted|of course|sure|yes|no problem|i hear|i have noted|ive noted|i appreciate|it (?:helps|sounds|seems|is clear)|that (?:helps|makes|gives|shows|tells|is clear|is helpful|explains|sounds|was)|thats (?:clear|helpful)|mhm|i am sorry|im sorry|take your time|go ahead|no rush|no hurry|sorry|good to know)\b",
);

/// Checks a remark or an answer: a sentence that is no question.
///
/// # Errors
/// Says why it is better not said.
pub fn check(sentence: &str, sense: &Sense<'_>) -> Result<(), Breach> {
    let said = plain(sentence);
    let words: Vec<&str> = said.split_whitespace().collect();
    well_formed(sentence, &words)?;
    spoken_by_emma(sentence, &said, &words)?;
    if LEADS.is_match(&said) {
        return Err(Breach::Leads);
    }
    if RATES.is_match(&said) || AGREES.is_match(&said) {
        return Err(Breach::Judgement);
    }
    repeats(&said, &words, sense)?;
    if passes_on(sentence, &sense.ground) {
        return Ok(());
    }
    if sense.ground.looked_up && !gives_back(&said) {
        // An answer about the role says what was found, and nothing beside it.
        let fits = is_courtesy(&said) || is_found(&words, &sense.ground);
        return if fits { Ok(()) } else { Err(Breach::Unsupported) };
    }
    let content = Content::of(&words, sense, is_frame);
    if content.unknown.iter().any(|word| is_term(word)) {
        return Err(Breach::Unsupported);
    }
    // Pay and terms that the candidate spoke of are theirs to want, not Emma's to confirm.
    let confirms = words.iter().any(|word| is_term(word)) && words.iter().any(|word| is_state(word));
    if confirms && !is_about_candidate(&said) {
        return Err(Breach::OffPoint);
    }
    let to_candidate = words.iter().any(|word| is_you(word)) || ACKNOWLEDGES.is_match(&said);
    if !to_candidate || content.share() < SUPPORTED {
        return Err(Breach::OffPoint);
    }
    Ok(())
}

/// Checks a follow-up: it asks about what the candidate said, and is none of the plan's own questions.
///
/// # Errors
/// Says why it is better not asked.
pub fn check_question(question: &str, sense: &Sense<'_>) -> Result<(), Breach> {
    let said = plain(question);
    let words: Vec<&str> = said.split_whitespace().collect();
    well_formed(question, &words)?;
    spoken_by_emma(question, &said, &words)?;
    repeats(&said, &words, sense)?;
    let stems: BTreeSet<String> = words.iter().map(|word| stem(word)).collect();
    let is_planned = std::iter::once(&sense.question).chain(sense.planned).any(|planned| {
        let planned = plain(planned);
        let content: Vec<&str> = planned
            .split(' ')
            .filter(|w| !w.is_empty() && !is_function(w) && !is_question_word(w))
            .collect();
        let shared = content.iter().filter(|word| stems.contains(&stem(word))).count();
        content.len() > 1 && shared as f32 >= content.len() as f32 * SAME_QUESTION
    });
    if is_planned {
        return Err(Breach::Repeats);
    }
    let content = Content::of(&words, sense, is_question_word);
    if content.unknown.iter().any(|word| is_term(word)) {
        return Err(Breach::OffPoint);
    }
    let points_back = words.iter().any(|word| {
        matches!(
            *word,
            "that" | "it" | "this" | "they" | "them" | "there" | "these" | "those" | "her" | "him" | "she" | "he"
        )
    });
    let own = points_back || content.known > 1 || words.iter().any(|word| is_you(word));
    let about_it = content.known > 0 || points_back || content.unknown.is_empty();
    let fits = content.unknown.len() <= 1 || content.share() >= SUPPORTED;
    if own && about_it && fits {
        Ok(())
    } else {
        Err(Breach::OffPoint)
    }
}

/// A sentence at all: whole, in English, not stuck.
fn well_formed(sentence: &str, words: &[&str]) -> Result<(), Breach> {
    let ends = sentence.trim_end().trim_end_matches(['"', '\'', '”', '’', ')']);
    let whole = ends.ends_with(['.', '!', '?', '…']);
    let hangs = words.last().is_some_and(|last| {
        matches!(
            *last,
            "the"
                | "a"
                | "an"
                | "and"
                | "or"
                | "of"
                | "with"
                | "to"
                | "for"
                | "but"
                | "because"
                | "your"
                | "is"
                | "are"
        )
    });
    if words.is_empty() || (!whole && hangs) {
        return Err(Breach::Garbled);
    }
    let different: BTreeSet<&&str> = words.iter().collect();
    let stuck = words.len() >= 8 && different.len() * 2 < words.len();
    if stuck || words.windows(3).any(|w| w[0] == w[1] && w[1] == w[2]) {
        return Err(Breach::Garbled);
    }
    // Every English sentence of some length has small words in it; a language that is not English has others.
    let small = words.iter().filter(|word| is_function(word) || is_frame(word)).count();
    if words.len() >= 5 && small * 6 < words.len() {
        return Err(Breach::Language);
    }
    Ok(())
}

/// Emma speaks, to the candidate, and for nobody else.
fn spoken_by_emma(sentence: &str, said: &str, words: &[&str]) -> Result<(), Breach> {
    if LABEL.is_match(sentence) || SCRIPT.is_match(said) {
        return Err(Breach::Script);
    }
    let of_others = |word: &&str| {
        matches!(
            *word,
            "my" | "mine" | "myself" | "we" | "us" | "our" | "ours" | "were" | "weve" | "wed"
        ) && (*word != "were" || sentence.contains("e're") || sentence.contains("e’re"))
    };
    if words.iter().any(of_others) {
        return Err(Breach::AsCandidate);
    }
    for (at, word) in words.iter().enumerate() {
        let speaks = matches!(*word, "i" | "im" | "ive" | "ill" | "id");
        if speaks && !OWN_PART.is_match(&words[at..].join(" ")) {
            return Err(Breach::AsCandidate);
        }
    }
    Ok(())
}

/// Nothing that was just said, nothing read out.
fn repeats(said: &str, words: &[&str], sense: &Sense<'_>) -> Result<(), Breach> {
    if words.len() > MAY_REPEAT && sense.said.iter().any(|line| holds(&plain(line), said)) {
        return Err(Breach::Repeats);
    }
    let candidates = [sense.ground.heard, sense.ground.asked];
    if words.len() > MAY_REPEAT && candidates.iter().any(|line| holds(&plain(line), said)) {
        return Err(Breach::Repeats);
    }
    let instructions = plain(sense.instructions);
    if words.windows(QUOTED).any(|w| holds(&instructions, &w.join(" "))) {
        return Err(Breach::Script);
    }
    Ok(())
}

fn holds(text: &str, words: &str) -> bool {
    format!(" {text} ").contains(&format!(" {words} "))
}

/// The words of a sentence that mean something, told apart by where they come from.
struct Content<'a> {
    known: usize,
    unknown: Vec<&'a str>,
}

impl<'a> Content<'a> {
    fn of(words: &[&'a str], sense: &Sense<'_>, is_free: fn(&str) -> bool) -> Self {
        let facts: String = sense.ground.facts.iter().map(|fact| plain(&fact.text) + " ").collect();
        let sources = [
            plain(sense.ground.heard),
            plain(sense.ground.known),
            plain(sense.question),
            facts,
        ];
        let known: BTreeSet<String> = sources
            .iter()
            .flat_map(|text| text.split(' '))
            .filter(|word| !word.is_empty())
            .map(stem)
            .collect();
        let (mut found, mut unknown) = (0, Vec::new());
        for word in words.iter().filter(|word| !is_function(word)) {
            if known.contains(&stem(word)) {
                found += 1;
            } else if !is_free(word) {
                unknown.push(*word);
            }
        }
        Self { known: found, unknown }
    }

    fn share(&self) -> f32 {
        let all = self.known + self.unknown.len();
        if all == 0 { 1.0 } else { self.known as f32 / all as f32 }
    }
}

/// Tells how things are or may be.
fn is_state(word: &str) -> bool {
    matches!(
        word,
        "is" | "are" | "its" | "thats" | "theres" | "will" | "can" | "may" | "would" | "possible"
    )
}

fn is_you(word: &str) -> bool {
    matches!(
        word,
        "you" | "your" | "yours" | "yourself" | "youre" | "youve" | "youd" | "youll"
    )
}

/// Enough of a word to know its other forms by.
fn stem(word: &str) -> String {
    word.chars().take(4).collect()
}

#[cfg(test)]
mod tests;

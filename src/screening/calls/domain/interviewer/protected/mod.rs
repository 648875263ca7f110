//! What a person says of themselves that plays no part in hiring, found to the character. The patterns work on
//! lower-case words without punctuation, as transcripts are imperfect; what could go on harmlessly ("I have kids' apps")
//! counts only where the statement ends.

mod patterns;

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Match, Regex};

use crate::screening::calls::domain::interviewer::protected::patterns::{CATEGORIES, Category, FRAGMENTS};

/// Where a text tells of such things about its speaker, as character ranges, in no particular order.
pub fn spans(text: &str) -> Vec<Range<usize>> {
    let (said, places) = plain_with_places(text);
    let chars: Vec<char> = text.chars().collect();
    let place = |byte: usize| places.get(byte).copied().unwrap_or(chars.len());
    // The last byte's own place, and on to the end of its word.
    let range = |found: Match<'_>| place(found.start())..place(found.end().saturating_sub(1)) + 1;
    let anywhere = PATTERNS.anywhere.find_iter(&said).map(range);
    let ending = PATTERNS.ending.find_iter(&said).map(range);
    let named = PATTERNS.named.find_iter(&said).map(range);
    anywhere
        .filter(|span| !wished_for(&chars, span.end))
        .chain(ending.filter(|span| ends_at(&chars, span.end)))
        .chain(named.filter(|span| a_name_follows(&chars, span.end)))
        .collect()
}

/// Words before which a statement has come to its end.
const FOLLOWS: &[&str] = &[
    "and", "but", "so", "then", "while", "because", "although", "though", "since", "after", "before", "now", "too",
    "already", "myself", "who", "in", "at", "with", "as", "this", "next", "last", "if", "by", "when", "where", "which",
    "that", "for", "right", "i", "im", "we",
];

struct Patterns {
    anywhere: Regex,
    ending: Regex,
    named: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let of = |list: fn(&Category) -> &'static [&'static str]| {
        let all: Vec<&str> = CATEGORIES.iter().flat_map(|category| list(category)).copied().collect();
        let text = format!(r"(?-u:\b)(?:{})(?-u:\b)", all.join("|"));
        Regex::new(&filled(text)).expect("fixed pattern")
    };
    Patterns {
        anywhere: of(|category| category.anywhere),
        ending: of(|category| category.ending),
        named: of(|category| category.named),
    }
});

/// A pattern with its fragments put in.
fn filled(mut pattern: String) -> String {
    let capitals = Regex::new("[A-Z]+").expect("fixed pattern");
    // Fragments hold fragments, to this depth.
    for _ in 0..4 {
        let meaning = |found: &Captures<'_>| {
            let known = FRAGMENTS.iter().find(|(name, _)| *name == &found[0]);
            known.map_or_else(String::new, |(_, meaning)| (*meaning).to_owned())
        };
        pattern = capitals.replace_all(&pattern, meaning).into_owned();
    }
    pattern
}

/// Whether a statement ends before this character.
pub fn ends_at(chars: &[char], at: usize) -> bool {
    let rest = chars.get(at..).unwrap_or_default();
    match rest {
        // "34,500" and "3.5" go on.
        [',' | '.' | ':', next, ..] if next.is_alphanumeric() => false,
        []
        | [
            ',' | ';' | ':' | '.' | '!' | '?' | '…' | '–' | '—' | '(' | ')' | '"' | '”' | '\n',
            ..,
        ] => true,
        _ => {
            let word: String = rest
                .iter()
                .skip_while(|c| c.is_whitespace())
                .take_while(|c| c.is_alphanumeric())
                .flat_map(|c| c.to_lowercase())
                .collect();
            let nothing = rest.iter().all(|c| c.is_whitespace());
            nothing || FOLLOWS.contains(&word.as_str())
        }
    }
}

/// Whether what was named is what somebody hopes for: "my current salary expectation".
fn wished_for(chars: &[char], at: usize) -> bool {
    let rest: String = chars.get(at..).unwrap_or_default().iter().take(16).collect();
    let next = rest.trim_start().to_lowercase();
    ["expectation", "expected", "requirement", "target", "range", "goal"]
        .iter()
        .any(|word| next.starts_with(word))
}

/// Whether a word with a capital, but not one of capitals, comes next.
fn a_name_follows(chars: &[char], at: usize) -> bool {
    let mut rest = chars.iter().skip(at).skip_while(|c| c.is_whitespace());
    rest.next().is_some_and(|c| c.is_uppercase()) && rest.next().is_some_and(|c| c.is_lowercase())
}

/// The text as the patterns want it, and for each byte of it the character it came from.
pub fn plain_with_places(text: &str) -> (String, Vec<usize>) {
    let (mut said, mut places) = (String::new(), Vec::new());
    for (place, c) in text.chars().enumerate() {
        if c.is_alphanumeric() {
            for lower in c.to_lowercase() {
                said.push(lower);
                places.resize(said.len(), place);
            }
        } else if c != '\'' && c != '’' && !said.ends_with(' ') && !said.is_empty() {
            said.push(' ');
            places.push(place);
        }
    }
    (said, places)
}

#[cfg(test)]
mod tests;

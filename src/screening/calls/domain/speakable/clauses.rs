//! Where a text may be cut: into sentences, and long sentences into clauses that are short enough to be
//! rendered while the one before them is heard.

/// The most words a clause has, except where a stretch of text has no place to cut.
pub const CLAUSE_WORDS: usize = 20;
/// A clause is not cut shorter than this on either side: a voice sounds chopped otherwise.
const SHORTEST_CLAUSE_WORDS: usize = 4;

/// Abbreviations after which a sentence never ends.
const TITLES: &[&str] = &[
    "dr", "mr", "mrs", "ms", "prof", "st", "e.g", "i.e", "vs", "cf", "approx", "no", "fig", "dept", "est", "gen",
    "hon", "rev", "mt", "resp", "incl", "excl", "ca", "al",
];
/// Abbreviations that may also end a sentence; then a capital follows.
const SUFFIXES: &[&str] = &[
    "etc", "a.m", "p.m", "inc", "ltd", "co", "corp", "jr", "sr", "u.s", "u.k", "e.u", "ph.d", "b.sc", "m.sc",
];
/// Words a long clause may be cut in front of.
const JOINTS: &[&str] = &[
    "and", "but", "or", "so", "because", "which", "that", "while", "when", "where", "if", "although", "whereas",
    "since", "until", "before", "after", "unless", "than", "rather", "with", "for", "to", "in", "on", "from", "about",
];

/// The sentences of a text, trimmed, none of them empty. Abbreviations, initials, decimals and dotted names do not end one.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(end) = sentence_end(&text[start..]) {
        push_trimmed(&mut found, &text[start..start + end]);
        start += end;
    }
    push_trimmed(&mut found, &text[start..]);
    found
}

/// The sentences of a text, the long ones cut into clauses of at most [`CLAUSE_WORDS`] words: after a comma,
/// semicolon, colon or dash where there is one, else before a joining word, else anywhere between words.
pub fn clauses(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for sentence in sentences(text) {
        let mut rest = sentence;
        while let Some(at) = clause_end(rest) {
            push_trimmed(&mut found, &rest[..at]);
            rest = rest[at..].trim_start();
        }
        push_trimmed(&mut found, rest);
    }
    found
}

fn push_trimmed<'a>(found: &mut Vec<&'a str>, piece: &'a str) {
    let piece = piece.trim();
    if piece.chars().any(char::is_alphanumeric) {
        found.push(piece);
    }
}

/// The byte behind the first sentence of `text`, when another may follow it.
fn sentence_end(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\n' {
            if text[..at].trim().is_empty() {
                continue;
            }
            return Some(at + 1);
        }
        if !matches!(c, '.' | '!' | '?' | '…') {
            continue;
        }
        let mut end = at + c.len_utf8();
        while let Some(&(next_at, next)) = chars.peek() {
            if !matches!(next, '.' | '!' | '?' | '…' | '"' | '\'' | '”' | '’' | ')' | ']') {
                break;
            }
            end = next_at + next.len_utf8();
            chars.next();
        }
        let after = &text[end..];
        let Some(next) = after.chars().next() else {
            return Some(end);
        };
        if !next.is_whitespace() || (c == '.' && end == at + 1 && is_abbreviation(&text[..at], after)) {
            continue;
        }
        return Some(end);
    }
    None
}

/// Whether the full stop behind `before` belongs to its last word.
fn is_abbreviation(before: &str, after: &str) -> bool {
    let word = before
        .rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '"' | '“'))
        .next()
        .unwrap_or_default();
    let lower = word.to_lowercase();
    let capital_follows = after.trim_start().chars().next().is_some_and(char::is_uppercase);
    let initial = word.chars().count() == 1 && word.chars().all(|c| c.is_uppercase() && c != 'I');
    let numbered =
        before.trim_start() == word && word.len() <= 2 && word.bytes().all(|b| b.is_ascii_digit()) && !word.is_empty();
    // "No." in front of a number; a plain "no." ends its sentence.
    if lower == "no" {
        return after.trim_start().starts_with(|c: char| c.is_ascii_digit());
    }
    initial || numbered || TITLES.contains(&lower.as_str()) || (SUFFIXES.contains(&lower.as_str()) && !capital_follows)
}

/// The byte behind the first clause of `text` when it is longer than [`CLAUSE_WORDS`].
fn clause_end(text: &str) -> Option<usize> {
    let words = word_spans(text);
    if words.len() <= CLAUSE_WORDS {
        return None;
    }
    let latest = CLAUSE_WORDS.min(words.len() - SHORTEST_CLAUSE_WORDS);
    let cut_at = |wanted: &dyn Fn(usize) -> bool| (SHORTEST_CLAUSE_WORDS..=latest).rev().find(|n| wanted(*n));
    // n words in front of the cut.
    let strong = |n: usize| {
        text[..words[n - 1].1].ends_with([';', ':', '—', '–'])
            || matches!(&text[words[n].0..words[n].1], "—" | "–" | "-")
    };
    let comma = |n: usize| text[..words[n - 1].1].ends_with(',');
    let joint = |n: usize| JOINTS.contains(&text[words[n].0..words[n].1].to_lowercase().as_str());
    let best = cut_at(&strong)
        .or_else(|| cut_at(&comma))
        .or_else(|| cut_at(&joint))
        .unwrap_or(latest);
    Some(words[best].0)
}

fn word_spans(text: &str) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        match (c.is_whitespace(), start) {
            (false, None) => start = Some(at),
            (true, Some(from)) => {
                spans.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    spans.extend(start.map(|from| (from, text.len())));
    spans
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CLAUSE_WORDS, clauses, sentences};

    #[test]
    fn splits_where_a_sentence_ends() {
        let cases: &[(&str, &[&str])] = &[
            ("Hello there. How are you?", &["Hello there.", "How are you?"]),
            (
                "You used queues, e.g. Kafka. Why?",
                &["You used queues, e.g. Kafka.", "Why?"],
            ),
            (
                "Dr. Smith met J. Doe. They talked.",
                &["Dr. Smith met J. Doe.", "They talked."],
            ),
            ("It takes 3.5 years. Or 4.", &["It takes 3.5 years.", "Or 4."]),
            (
                "We use Node.js and .NET here. Fine!",
                &["We use Node.js and .NET here.", "Fine!"],
            ),
            ("Wait... what?! Really?", &["Wait...", "what?!", "Really?"]),
            (
                "She said \"yes.\" Then she left.",
                &["She said \"yes.\"", "Then she left."],
            ),
            (
                "At 9 a.m. we start. At 5 p.m. We stop.",
                &["At 9 a.m. we start.", "At 5 p.m.", "We stop."],
            ),
            (
                "Tools, teams, etc. Then the rest.",
                &["Tools, teams, etc.", "Then the rest."],
            ),
            ("One\n\nTwo\n", &["One", "Two"]),
            (
                "Is it no. 5 or not? No. It is 4.",
                &["Is it no. 5 or not?", "No.", "It is 4."],
            ),
            ("So do I. You too.", &["So do I.", "You too."]),
            ("1. First thing", &["1. First thing"]),
            ("   ", &[]),
            ("", &[]),
            ("... !!", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(sentences(text), *expected, "{text}");
        }
    }

    #[test]
    fn cuts_a_long_sentence_at_a_comma() {
        let text = "Before we begin I would like to tell you a little about the role, which is a senior position in the payments \
                    team, and then I will ask you about your own work on distributed systems over the last few years.";
        let cut = clauses(text);
        assert_eq!(
            cut[0],
            "Before we begin I would like to tell you a little about the role,"
        );
        assert!(
            cut.iter().all(|c| c.split_whitespace().count() <= CLAUSE_WORDS),
            "{cut:?}"
        );
    }

    proptest! {
        #[test]
        fn loses_no_word(text in "[a-zA-Z0-9,.;:!?'\" \n-]{0,400}") {
            let spoken = |t: &str| t.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
            prop_assert_eq!(spoken(&clauses(&text).concat()), spoken(&text));
            for clause in clauses(&text) {
                prop_assert!(clause.split_whitespace().count() <= CLAUSE_WORDS);
            }
        }
    }
}

//! The clause a quotation stands in: a few words cut out of "I never used it in production" say the opposite.

use std::ops::Range;

/// Words that begin a clause of their own: what is denied before them is not denied after them.
const TURNS: [&str; 14] = [
    "but", "so", "then", "while", "because", "although", "though", "since", "after", "before", "however", "yet",
    "instead", "until",
];
/// Words that go on with the clause, unless a subject follows.
const JOINS: [&str; 2] = ["and", "or"];
/// What a clause begins with after a comma or a joining word; without one, its subject and its denial are those before.
const SUBJECTS: [&str; 31] = [
    "i", "we", "you", "he", "she", "it", "they", "this", "that", "these", "those", "there", "the", "my", "our", "your",
    "his", "her", "its", "their", "a", "an", "one", "which", "who", "when", "where", "if", "as", "what", "how",
];

/// Grows a character range to its clause. `walls` are ranges it does not grow into.
pub fn around(text: &[char], span: &Range<usize>, walls: &[Range<usize>]) -> Range<usize> {
    let words = words(text);
    let begins = |n: usize| begins_clause(text, &words, n);
    let from_wall = walls.iter().map(|w| w.end).filter(|end| *end <= span.start).max();
    let to_wall = walls.iter().map(|w| w.start).filter(|start| *start >= span.end).min();
    let start = (0..words.len())
        .filter(|n| words[*n].start <= span.start && begins(*n))
        .map(|n| words[n].start)
        .next_back();
    let end = (0..words.len())
        .find(|n| words[*n].start >= span.end && begins(*n))
        .map(|n| words[n].start);
    let start = start.unwrap_or(0).max(from_wall.unwrap_or(0));
    let end = end.unwrap_or(text.len()).min(to_wall.unwrap_or(text.len()));
    start..end
}

/// Where the words stand; a word is what stands between spaces.
fn words(text: &[char]) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (i, c) in text.iter().enumerate() {
        match (c.is_whitespace(), start) {
            (false, None) => start = Some(i),
            (true, Some(first)) => {
                words.push(first..i);
                start = None;
            }
            _ => {}
        }
    }
    words.extend(start.map(|first| first..text.len()));
    words
}

fn begins_clause(text: &[char], words: &[Range<usize>], n: usize) -> bool {
    let Some(before) = n.checked_sub(1).map(|n| &words[n]) else {
        return true;
    };
    let is_subject = |n: usize| {
        let word = words.get(n).map(|word| plain(&text[word.clone()]));
        word.is_some_and(|word| SUBJECTS.contains(&word.split('\'').next().unwrap_or_default()))
    };
    let word = plain(&text[words[n].clone()]);
    match text[before.end - 1] {
        '.' | '!' | '?' | ';' | '…' => true,
        _ if text[before.end..words[n].start].contains(&'\n') || TURNS.contains(&word.as_str()) => true,
        _ if JOINS.contains(&word.as_str()) => is_subject(n + 1),
        ',' | ':' | ')' | '–' | '—' => is_subject(n),
        _ => false,
    }
}

/// In lower case, without marks around it.
fn plain(word: &[char]) -> String {
    let word: String = word.iter().map(|c| if *c == '’' { '\'' } else { *c }).collect();
    word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: ANA-2
    #[test]
    fn a_quotation_grows_to_the_clause_that_may_deny_it() {
        for (text, quote, expected) in [
            (
                "I never used Kubernetes in production.",
                "used Kubernetes in production",
                "I never used Kubernetes in production.",
            ),
            (
                "Well. I have never, to be honest, used Kubernetes and deployed it. We did well.",
                "deployed it",
                "I have never, to be honest, used Kubernetes and deployed it.",
            ),
            (
                "I built the API in Python, Go and Rust, but I never used Java.",
                "built the API in Python, Go",
                "I built the API in Python, Go and Rust,",
            ),
            (
                "I tuned our cluster, and the slowest report took 3.5 seconds then.",
                "slowest report took 3.5 seconds",
                "and the slowest report took 3.5 seconds",
            ),
            (
                "We couldn’t scale it, so I split the tables",
                "split the tables",
                "so I split the tables",
            ),
            (
                "Ναι. Δεν έχω γράψει Python ποτέ.",
                "γράψει Python",
                "Δεν έχω γράψει Python ποτέ.",
            ),
            (
                "I wrote it. We shipped it.",
                "wrote it. We shipped",
                "I wrote it. We shipped it.",
            ),
        ] {
            let chars: Vec<char> = text.chars().collect();
            let first = text[..text.find(quote).expect("there")].chars().count();
            let grown = around(&chars, &(first..first + quote.chars().count()), &[]);
            assert_eq!(chars[grown].iter().collect::<String>().trim(), expected, "{text}");
        }
    }

    // spec: EMMA-5
    #[test]
    fn it_does_not_grow_into_what_must_not_be_evidence() {
        let chars: Vec<char> = "I have two kids and reviewed every change".chars().collect();
        let grown = around(&chars, &(20..41), std::slice::from_ref(&(0..15)));
        assert_eq!(
            chars[grown].iter().collect::<String>().trim(),
            "and reviewed every change"
        );
    }
}

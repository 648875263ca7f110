//! A line of a posting without what is written and not spoken.

use std::sync::LazyLock;

use regex::Regex;

/// A longer phrase is hard to follow by ear.
const MAX_WORDS: usize = 14;

static CUT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\s*(?:\(|;|:\s|\s[-–—|•]\s|[.!?](?:\s|$)|,?\s*\be\.?g\.?\b|,?\s*\bi\.e\.|,?\s+(?:including|such as|preferably|ideally|so that|in order to|ensuring that|as well as)\s)")
        .expect("fixed pattern")
});
static MARKUP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"<[^>]*>|\([^)]*\)|\[[^\]]*\]|[*_#`>•·▪]+|^\s*(?:[-–—+]|\d{1,2}[.)])\s+").expect("fixed pattern")
});

/// One line without markup, leading bullets, bracketed asides, second clauses and closing punctuation.
pub fn tidy(line: &str) -> String {
    let line = MARKUP.replace_all(line.trim(), " ");
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut = CUT
        .find(&line)
        .filter(|m| m.start() > 0)
        .map_or(line.len(), |m| m.start());
    let text = line[..cut].trim_matches(|c: char| c.is_whitespace() || ".,;:!?-–—\"'".contains(c));
    shorten(text)
}

/// At most [`MAX_WORDS`] words, cut where a clause ends.
fn shorten(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() <= MAX_WORDS {
        return words.join(" ");
    }
    let clause = (5..=MAX_WORDS).rev().find(|&i| {
        words[i - 1].ends_with(',')
            || ["and", "to", "while", "that", "which", "for", "across", "by"].contains(&words[i])
    });
    let text = words[..clause.unwrap_or(MAX_WORDS)].join(" ");
    text.trim_end_matches(',').to_owned()
}

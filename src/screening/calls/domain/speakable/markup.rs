//! What is written for the eye only: markdown, HTML, emoji, bullets.

use std::sync::LazyLock;

use regex::{Captures, Regex};

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is fixed and tested")
}

static FENCE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?s)```.*?(?:```|$)|~~~.*?(?:~~~|$)"));
static COMMENT: LazyLock<Regex> = LazyLock::new(|| regex(r"(?s)<!--.*?-->"));
static TAG: LazyLock<Regex> = LazyLock::new(|| regex(r"</?[A-Za-z][^<>]{0,200}>"));
static IMAGE: LazyLock<Regex> = LazyLock::new(|| regex(r"!\[([^\]]*)\]\([^)]*\)"));
static LINK: LazyLock<Regex> = LazyLock::new(|| regex(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])"));
static FOOTNOTE: LazyLock<Regex> = LazyLock::new(|| regex(r"\[\^?[0-9]+\]"));
static RULE: LazyLock<Regex> = LazyLock::new(|| regex(r"^\s*(?:[-*_=]\s*){3,}$|^\s*\|?(?:\s*:?-{2,}:?\s*\|?)+\s*$"));
static HEADING: LazyLock<Regex> = LazyLock::new(|| regex(r"^\s{0,3}#{1,6}\s+|\s+#+\s*$"));
static QUOTE: LazyLock<Regex> = LazyLock::new(|| regex(r"^\s*(?:>\s*)+"));
static BULLET: LazyLock<Regex> = LazyLock::new(|| regex(r"^\s*(?:[-*+•◦▪‣·–]\s+)(?:\[[ xX]\]\s+)?"));
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| regex(r"^\s*\(?[0-9]{1,2}[.)]\s+"));
static STRONG: LazyLock<Regex> = LazyLock::new(|| regex(r"\*{1,3}([^*\s](?:[^*\n]*[^*\s])?)\*{1,3}|~~([^~\n]+)~~"));
static UNDERSCORED: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(^|[\s(])_{1,3}([^_\s](?:[^_\n]*[^_\s])?)_{1,3}([\s.,;:!?)]|$)"));
static CODE: LazyLock<Regex> = LazyLock::new(|| regex(r"`+([^`\n]*)`+"));

/// The text without markup, a line of it a sentence of its own where a list or heading made it one.
pub fn stripped(text: &str) -> String {
    let text = FENCE.replace_all(text, " ");
    let text = COMMENT.replace_all(&text, " ");
    let text = TAG.replace_all(&text, " ");
    let text = IMAGE.replace_all(&text, "$1");
    let text = LINK.replace_all(&text, "$1");
    let text = FOOTNOTE.replace_all(&text, "");
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        if RULE.is_match(line) {
            continue;
        }
        let unquoted = QUOTE.replace(line, "");
        let item = BULLET.is_match(&unquoted) || HEADING.is_match(&unquoted) || NUMBERED.is_match(&unquoted);
        let bare = HEADING.replace_all(&unquoted, "");
        let bare = NUMBERED.replace(&bare, "");
        let bare = BULLET.replace(&bare, "");
        let bare = bare.replace('|', " ");
        lines.push(if item {
            ended(bare.trim())
        } else {
            bare.trim().to_owned()
        });
    }
    let text = lines.join("\n");
    let text = CODE.replace_all(&text, "$1");
    let text = STRONG.replace_all(&text, |c: &Captures<'_>| {
        c.get(1).or_else(|| c.get(2)).map_or("", |m| m.as_str()).to_owned()
    });
    let text = UNDERSCORED.replace_all(&text, "$1$2$3");
    text.chars().filter(|c| !is_picture(*c)).collect()
}

/// An item of a list is heard as a sentence.
fn ended(item: &str) -> String {
    if item.is_empty() || item.ends_with(['.', '!', '?', ':', ';', ',', '…']) {
        item.to_owned()
    } else {
        format!("{item}.")
    }
}

/// Emoji, dingbats, arrows and what only joins or colours them.
fn is_picture(c: char) -> bool {
    matches!(u32::from(c),
        0x200B..=0x200F | 0x2060 | 0xFEFF | 0x20E3
        | 0x2190..=0x21FF | 0x2300..=0x23FF | 0x2460..=0x24FF | 0x25A0..=0x27BF | 0x2900..=0x297F | 0x2B00..=0x2BFF
        | 0xFE00..=0xFE0F | 0xE0000..=0xE007F | 0x1F000..=0x1FAFF)
}

#[cfg(test)]
mod tests {
    use super::stripped;
    use crate::screening::calls::domain::speakable::tests::check;

    #[test]
    fn leaves_what_is_said() {
        check(
            stripped,
            &[
                ("**Great** and *fine* and ***both***", "Great and fine and both"),
                ("use `cargo test` here", "use cargo test here"),
                ("# About the role", "About the role."),
                ("- first\n- second.\n* third", "first.\nsecond.\nthird."),
                ("1. One\n2) Two", "One.\nTwo."),
                ("see [our site](https://example.com/a)", "see our site"),
                ("![logo](a.png) hello", "logo hello"),
                ("Nice 👍🏽 work 🎉!", "Nice  work !"),
                ("a <b>bold</b> word", "a  bold  word"),
                ("snake_case stays, _this_ goes", "snake_case stays, this goes"),
                ("2 * 3 * 4", "2 * 3 * 4"),
                ("> quoted", "quoted"),
                ("above\n---\nbelow", "above\nbelow"),
                ("before ```let x = 1;``` after", "before   after"),
                ("- [x] done", "done."),
                ("It works[1].", "It works."),
                ("if a < b and c > d", "if a < b and c > d"),
                ("", ""),
            ],
        );
    }
}

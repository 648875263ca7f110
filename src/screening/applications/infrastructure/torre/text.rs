//! Texts that may be HTML, or lines with bullets, as plain lines.

/// Lines taken of one text, and bytes of one line.
const MAX_LINES: usize = 100;
const MAX_LINE: usize = 2_000;

/// Names of the tags that end a line.
const BLOCKS: [&str; 16] = [
    "p", "br", "li", "ul", "ol", "div", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "table", "section", "hr",
];

/// The lines of a text without markup and bullets; a lone dash is none.
pub(super) fn lines(text: &str) -> Vec<String> {
    let plain = plain(text);
    plain
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .map(|line| cut(line.trim_start_matches(['-', '•', '*', '·', '–', '‣']).trim(), MAX_LINE))
        .filter(|line| line.chars().any(char::is_alphanumeric))
        .take(MAX_LINES)
        .collect()
}

/// The text as one line of at most `max` bytes.
pub(super) fn line(text: &str, max: usize) -> Option<String> {
    let joined = lines(text).join(" ");
    let line = cut(&joined, max);
    (!line.is_empty()).then_some(line)
}

fn cut(text: &str, max: usize) -> String {
    text.get(..text.floor_char_boundary(max))
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}

/// Tags become line breaks or nothing; scripts and styles are left out whole.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let is_tag = after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        let Some(end) = after.find('>').filter(|_| is_tag) else {
            out.push('<');
            rest = after;
            continue;
        };
        let name: String = after[..end]
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if BLOCKS.contains(&name.as_str()) {
            out.push('\n');
        }
        rest = &after[end + 1..];
        if matches!(name.as_str(), "script" | "style") && !after.starts_with('/') {
            rest = rest.find("</").map_or("", |close| &rest[close..]);
        }
    }
    out.push_str(rest);
    unescape(&out)
}

/// The character references that editors write; others stay as they are.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let reference = rest.find(';').filter(|end| *end <= 10).map(|end| &rest[1..end]);
        if let Some((length, character)) = reference.and_then(|name| Some((name.len() + 2, meaning(name)?))) {
            out.push(character);
            rest = &rest[length..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

fn meaning(name: &str) -> Option<char> {
    if let Some(code) = name.strip_prefix('#') {
        let code = match code.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => code.parse(),
        };
        return char::from_u32(code.ok()?).filter(|c| !c.is_control());
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" | "rsquo" | "lsquo" => '\'',
        "nbsp" => ' ',
        "ndash" | "mdash" => '–',
        "bull" => '•',
        "hellip" => '…',
        "euro" => '€',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_plain_lines() {
        let html = "<p>Own the <b>payments</b>&nbsp;API</p>\n<ul><li>On-call one week in six</li><li>R&amp;D</li></ul>";
        assert_eq!(lines(html), ["Own the payments API", "On-call one week in six", "R&D"]);
        assert_eq!(lines("• one\n- two\n-\n\n  three "), ["one", "two", "three"]);
        assert_eq!(lines("<script>steal()</script>after<style>p{}</style>"), ["after"]);
        assert_eq!(lines("fewer than 3 < 5 & more"), ["fewer than 3 < 5 & more"]);
        assert_eq!(lines("&lt;b&gt; &#233; &unknown; &"), ["<b> é &unknown; &"]);
        assert_eq!(lines("-"), Vec::<String>::new());
    }

    #[test]
    fn nothing_makes_it_panic_or_grow() {
        for odd in [
            "<",
            "<p",
            "</",
            "<script>",
            "&#x110000;",
            "&#;",
            "a<é>b",
            "&é;",
            "<!--",
            ">",
        ] {
            assert!(lines(odd).iter().all(|line| line.len() <= odd.len()), "{odd}");
        }
        let long = "é".repeat(5_000);
        assert!(lines(&long)[0].len() <= MAX_LINE);
        assert_eq!(lines(&"line\n".repeat(500)).len(), MAX_LINES);
    }
}

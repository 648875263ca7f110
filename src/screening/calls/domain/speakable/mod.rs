//! Written text made speakable, and where it may be cut. Pure: text in, text out. What belongs to one voice (how a
//! word is pronounced) is with that voice.

mod addresses;
pub mod alignment;
mod amounts;
pub mod clauses;
mod markup;
mod moments;
mod numbers;
mod terms;

pub use clauses::{clauses, sentences};

/// Writes a text as it is to be said: numbers, dates, money, addresses and terms in words; markup and pictures gone.
/// Text that is speakable already comes back unchanged.
pub fn speakable(text: &str) -> String {
    let text = markup::stripped(text);
    let text = addresses::said(&text);
    let text = moments::said(&text);
    // Terms hold figures and slashes of their own (24/7, EC2), money holds slashes (/month).
    let text = amounts_and_terms(&text);
    let text = symbols(&text);
    tidy(&text)
}

fn amounts_and_terms(text: &str) -> String {
    amounts::said(&terms::said(text))
}

/// Signs that are said as words; what no voice can say goes.
fn symbols(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str(" and "),
            '@' => out.push_str(" at "),
            '=' => out.push_str(" equals "),
            '+' => out.push_str(" plus "),
            '%' => out.push_str(" percent "),
            '€' => out.push_str(" euros "),
            '£' => out.push_str(" pounds "),
            '$' => out.push_str(" dollars "),
            '×' => out.push_str(" times "),
            '§' => out.push_str(" section "),
            '/' | '\\' | '|' | '_' | '*' | '~' | '^' | '<' | '>' | '{' | '}' | '[' | ']' | '#' | '`' | '«' | '»' => {
                out.push(' ');
            }
            '‘' | '’' => out.push('\''),
            '\u{a0}' | '\u{202f}' => out.push(' '),
            '‐' | '‑' => out.push('-'),
            '−' | '―' => out.push('–'),
            c if c.is_alphanumeric() || c.is_whitespace() => out.push(c),
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '"' | '“' | '”' | '(' | ')' | '-' | '–' | '—' | '…' => {
                out.push(c);
            }
            // Accents that stand on the letter before them.
            '\u{300}'..='\u{36f}' => out.push(c),
            _ => {}
        }
    }
    out
}

/// Paragraphs become sentences, white space single, and no mark stands alone.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut paragraph_ended = false;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.is_empty() {
            paragraph_ended = true;
            continue;
        }
        if !out.is_empty() {
            if std::mem::take(&mut paragraph_ended) && !out.ends_with(['.', '!', '?', ':', ';', ',', '…']) {
                out.push('.');
            }
            out.push(' ');
        }
        paragraph_ended = false;
        for (i, word) in words.iter().enumerate() {
            let mark = word
                .chars()
                .all(|c| matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | ')' | '…'));
            let dash = word.chars().all(|c| matches!(c, '-' | '–' | '—'));
            if i > 0 && !mark {
                out.push(' ');
            }
            out.push_str(if dash { "—" } else { word });
        }
    }
    out
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::speakable;

    /// Checks all cases of a table before it fails.
    ///
    /// # Panics
    /// When a case is not said as expected.
    pub fn check(said: impl Fn(&str) -> String, cases: &[(&str, &str)]) {
        let wrong: Vec<String> = cases
            .iter()
            .map(|(written, expected)| (written, expected, said(written)))
            .filter(|(_, expected, got)| *expected != got)
            .map(|(written, expected, got)| format!("{written:?}\n  expected {expected:?}\n  got      {got:?}"))
            .collect();
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }

    /// Written, said.
    const CASES: &[(&str, &str)] = &[
        (
            "$3,000-4,500 / month",
            "three thousand to four thousand five hundred dollars per month",
        ),
        (
            "**Salary**: €45k–55k/yr, 25 days off 🎉!",
            "Salary: forty-five thousand to fifty-five thousand euros per year, twenty-five days off!",
        ),
        (
            "We need 5+ years of C++/C# (or .NET), CI/CD & AWS.",
            "We need five plus years of C plus plus C sharp (or dot net), CI CD and AWS.",
        ),
        (
            "- Node.js\n- PostgreSQL 16\n- Kubernetes",
            "Node JS. PostgreSQL sixteen. Kubernetes.",
        ),
        (
            "Interview on 2026-11-21 at 14:30.",
            "Interview on November twenty-first, twenty twenty-six at two thirty PM.",
        ),
        (
            "Reach us at hr@acme.io, 24/7",
            "Reach us at hr at acme dot IO, twenty-four seven",
        ),
        ("Tools, e.g. Docker, etc.", "Tools, for example, Docker, et cetera."),
        (
            "It's 50% remote — 2-3 days/week.",
            "It's fifty percent remote — two to three days or week.",
        ),
        ("Hello", "Hello"),
        ("What's your name?", "What's your name?"),
        (
            "First paragraph\n\nSecond one\nwrapped",
            "First paragraph. Second one wrapped",
        ),
        ("I’d say “yes”", "I'd say “yes”"),
        ("Your score: 4/5 ⭐", "Your score: four out of five"),
        ("iOS 17 & Android", "iOS seventeen and Android"),
        ("", ""),
        ("🎉🎉", ""),
    ];

    // spec: EMMA-7
    #[test]
    fn says_what_a_recruiter_writes() {
        check(speakable, CASES);
    }

    #[test]
    fn what_is_speakable_stays() {
        check(
            speakable,
            &CASES.iter().map(|(_, said)| (*said, *said)).collect::<Vec<_>>(),
        );
    }

    proptest! {
        #[test]
        fn never_fails_and_leaves_no_figures(text in "\\PC{0,200}") {
            let said = speakable(&text);
            prop_assert!(!said.contains(|c: char| c.is_ascii_digit()), "{:?} -> {:?}", text, said);
            prop_assert!(!said.contains(['*', '`', '#', '|', '<']));
        }

        #[test]
        fn words_are_changed_once_at_most(text in "[a-zA-Z ,.?!'-]{0,120}") {
            let once = speakable(&text);
            prop_assert_eq!(speakable(&once), once.clone());
        }
    }
}

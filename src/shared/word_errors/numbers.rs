//! Number words as digits, so that "twenty one percent" and "21%" are the same.

/// Rewrites the number words among `words` as digits.
pub fn to_digits(words: &[&str]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let mut number = Number::default();
        let mut taken = 0;
        while let Some(&word) = words.get(at + taken) {
            let next = words.get(at + taken + 1).copied();
            let links = word == "and" && number.can_continue() && next.and_then(value_of).is_some_and(|v| v < 100);
            if !links && !number.push(word) {
                break;
            }
            taken += 1;
        }
        if taken == 0 {
            out.push(words[at].to_owned());
            at += 1;
            continue;
        }
        at += taken;
        let mut text = number.text();
        match words.get(at).copied() {
            Some("percent") => text.push('%'),
            Some("dollar" | "dollars") => text.insert(0, '$'),
            Some("pound" | "pounds") => text.insert(0, '£'),
            Some("euro" | "euros") => text.insert(0, '€'),
            _ => {
                out.push(text);
                continue;
            }
        }
        at += 1;
        out.push(text);
    }
    out
}

/// A number while its words are read.
#[derive(Default)]
struct Number {
    /// What was complete before: "nineteen eighty" is 19, then 80.
    before: String,
    total: u64,
    current: Option<u64>,
    /// The last word was `hundred`, `thousand`, ...: "and" may follow.
    scaled: bool,
    suffix: &'static str,
}

impl Number {
    /// Takes a word that continues the number; false when it does not.
    fn push(&mut self, word: &str) -> bool {
        if !self.suffix.is_empty() {
            return false;
        }
        let started = self.current.is_some() || self.total > 0;
        if let Some(scale) = scale_of(word) {
            if !started {
                return false;
            }
            let current = self.current.take();
            if scale == 100 {
                self.current = Some(current.unwrap_or(1).saturating_mul(100));
            } else {
                self.total = self.total.saturating_add(current.unwrap_or(1).saturating_mul(scale));
            }
            self.scaled = true;
            return true;
        }
        if let Some((value, suffix)) = ordinal_of(word) {
            if !started && value < 10 && self.before.is_empty() && word.ends_with("second") {
                // "second" is a unit of time as often as a rank.
                return false;
            }
            self.add(value);
            self.suffix = suffix;
            return true;
        }
        let Some(value) = value_of(word) else { return false };
        self.add(value);
        self.scaled = false;
        true
    }

    fn add(&mut self, value: u64) {
        self.current = match self.current {
            None => Some(value),
            Some(c) if c % 100 == 0 && c > 0 && value < 100 => Some(c + value),
            Some(c) if (20..100).contains(&(c % 100)) && c % 10 == 0 && (1..10).contains(&value) => Some(c + value),
            Some(c) => {
                self.before.push_str(&self.total.saturating_add(c).to_string());
                self.total = 0;
                Some(value)
            }
        };
    }

    fn can_continue(&self) -> bool {
        self.scaled
    }

    fn text(&self) -> String {
        format!(
            "{}{}{}",
            self.before,
            self.total.saturating_add(self.current.unwrap_or(0)),
            self.suffix
        )
    }
}

fn value_of(word: &str) -> Option<u64> {
    const ONES: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = [
        "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    ];
    if let Some(i) = ONES.iter().position(|&w| w == word) {
        return Some(i as u64);
    }
    if let Some(i) = TENS.iter().position(|&w| w == word) {
        return Some((i as u64 + 2) * 10);
    }
    if word.len() <= 12 && word.bytes().all(|b| b.is_ascii_digit()) {
        word.parse().ok()
    } else {
        None
    }
}

fn scale_of(word: &str) -> Option<u64> {
    match word {
        "hundred" => Some(100),
        "thousand" => Some(1000),
        "million" => Some(1_000_000),
        "billion" => Some(1_000_000_000),
        _ => None,
    }
}

/// `third` is 3 and `rd`.
fn ordinal_of(word: &str) -> Option<(u64, &'static str)> {
    const IRREGULAR: [(&str, u64, &str); 8] = [
        ("first", 1, "st"),
        ("second", 2, "nd"),
        ("third", 3, "rd"),
        ("fifth", 5, "th"),
        ("eighth", 8, "th"),
        ("ninth", 9, "th"),
        ("twelfth", 12, "th"),
        ("hundredth", 100, "th"),
    ];
    if let Some(&(_, value, suffix)) = IRREGULAR.iter().find(|(w, _, _)| *w == word) {
        return Some((value, suffix));
    }
    if let Some(tens) = word.strip_suffix("ieth") {
        return value_of(&format!("{tens}y")).map(|v| (v, "th"));
    }
    let stem = word.strip_suffix("th")?;
    if stem.bytes().all(|b| b.is_ascii_digit()) {
        None
    } else {
        value_of(stem).map(|v| (v, "th"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_words_become_digits() {
        let cases = [
            ("twenty one percent of it", "21% of it"),
            ("one hundred and five people", "105 people"),
            ("two thousand dollars", "$2000"),
            ("in nineteen eighty four", "in 1984"),
            ("the twenty third", "the 23rd"),
            ("3 million users", "3000000 users"),
            ("bread and two eggs", "bread and 2 eggs"),
            ("wait a second", "wait a second"),
            ("zero", "0"),
            ("hundred reasons", "hundred reasons"),
            ("the fortieth", "the 40th"),
        ];
        for (text, expected) in cases {
            let words: Vec<&str> = text.split(' ').collect();
            assert_eq!(to_digits(&words).join(" "), expected);
        }
    }
}

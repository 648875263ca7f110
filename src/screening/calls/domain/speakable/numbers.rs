//! Numbers in words.

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
const TENS: [&str; 10] = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];
const SCALES: [(u64, &str); 5] = [
    (1_000_000_000_000_000, "quadrillion"),
    (1_000_000_000_000, "trillion"),
    (1_000_000_000, "billion"),
    (1_000_000, "million"),
    (1_000, "thousand"),
];

/// 4500 is "four thousand five hundred".
pub fn cardinal(n: u64) -> String {
    if n < 20 {
        return ONES[n as usize].to_owned();
    }
    if n < 100 {
        let tens = TENS[(n / 10) as usize];
        return if n.is_multiple_of(10) {
            tens.to_owned()
        } else {
            format!("{tens}-{}", ONES[(n % 10) as usize])
        };
    }
    if n < 1_000 {
        return joined(&format!("{} hundred", ONES[(n / 100) as usize]), n % 100);
    }
    // Beyond quadrillions figures are read one by one.
    if n >= 1_000_000_000_000_000_000 {
        return digits(&n.to_string());
    }
    for (scale, name) in SCALES {
        if n >= scale {
            return joined(&format!("{} {name}", cardinal(n / scale)), n % scale);
        }
    }
    digits(&n.to_string())
}

/// 21 is "twenty-first".
pub fn ordinal(n: u64) -> String {
    let words = cardinal(n);
    let cut = words.rfind([' ', '-']).map_or(0, |at| at + 1);
    let (head, last) = words.split_at(cut);
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        tens if tens.ends_with('y') => format!("{}ieth", &tens[..tens.len() - 1]),
        other => format!("{other}th"),
    };
    format!("{head}{last}")
}

/// 1998 is "nineteen ninety-eight", 2004 "two thousand four", 2026 "twenty twenty-six".
pub fn year(n: u64) -> String {
    let (century, rest) = (n / 100, n % 100);
    match (century, rest) {
        (20, 0..=9) | (10, 0) | (0..=9 | 100.., _) => cardinal(n),
        (_, 0) => format!("{} hundred", cardinal(century)),
        (_, 1..=9) => format!("{} oh {}", cardinal(century), cardinal(rest)),
        _ => format!("{} {}", cardinal(century), cardinal(rest)),
    }
}

/// Figures one by one: "90" is "nine zero".
pub fn digits(figures: &str) -> String {
    let words: Vec<&str> = figures
        .bytes()
        .filter(u8::is_ascii_digit)
        .map(|b| ONES[(b - b'0') as usize])
        .collect();
    words.join(" ")
}

/// A number as it is written, with a sign, commas and a fraction: "-1,234.50" is "minus one thousand two hundred
/// thirty-four point five zero". None when it is no number.
pub fn spoken(written: &str) -> Option<String> {
    let (sign, unsigned) = match written.strip_prefix(['-', '−', '–']) {
        Some(rest) => ("minus ", rest),
        None => ("", written.strip_prefix('+').unwrap_or(written)),
    };
    let (whole, fraction) = unsigned.split_once('.').map_or((unsigned, None), |(w, f)| (w, Some(f)));
    let whole = value(whole)?;
    match fraction {
        None => Some(format!("{sign}{}", cardinal(whole))),
        Some(f) if !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()) => {
            Some(format!("{sign}{} point {}", cardinal(whole), digits(f)))
        }
        Some(_) => None,
    }
}

/// The value of figures that may be grouped by commas.
pub fn value(figures: &str) -> Option<u64> {
    figures.replace(',', "").parse().ok()
}

/// The plural of a number's last word: "nineties", "twenty twenties".
pub fn plural(words: &str) -> String {
    match words.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if words.ends_with("six") => format!("{words}es"),
        None => format!("{words}s"),
    }
}

fn joined(head: &str, rest: u64) -> String {
    if rest == 0 {
        head.to_owned()
    } else {
        format!("{head} {}", cardinal(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::{cardinal, digits, ordinal, plural, spoken, year};

    #[test]
    fn counts() {
        let cases = [
            (0, "zero"),
            (13, "thirteen"),
            (20, "twenty"),
            (42, "forty-two"),
            (100, "one hundred"),
            (110, "one hundred ten"),
            (999, "nine hundred ninety-nine"),
            (1_000, "one thousand"),
            (4_500, "four thousand five hundred"),
            (12_007, "twelve thousand seven"),
            (1_000_000, "one million"),
            (2_300_001, "two million three hundred thousand one"),
            (7_000_000_000, "seven billion"),
        ];
        for (n, words) in cases {
            assert_eq!(cardinal(n), words);
        }
        assert!(cardinal(u64::MAX).starts_with("one eight four"));
    }

    #[test]
    fn orders() {
        let cases = [
            (1, "first"),
            (2, "second"),
            (3, "third"),
            (5, "fifth"),
            (8, "eighth"),
            (9, "ninth"),
            (11, "eleventh"),
            (12, "twelfth"),
            (20, "twentieth"),
            (21, "twenty-first"),
            (30, "thirtieth"),
            (42, "forty-second"),
            (100, "one hundredth"),
            (101, "one hundred first"),
        ];
        for (n, words) in cases {
            assert_eq!(ordinal(n), words);
        }
    }

    #[test]
    fn names_years() {
        let cases = [
            (1998, "nineteen ninety-eight"),
            (1900, "nineteen hundred"),
            (1905, "nineteen oh five"),
            (2000, "two thousand"),
            (2004, "two thousand four"),
            (2010, "twenty ten"),
            (2026, "twenty twenty-six"),
            (1066, "ten sixty-six"),
        ];
        for (n, words) in cases {
            assert_eq!(year(n), words);
        }
    }

    #[test]
    fn reads_written_numbers() {
        assert_eq!(
            spoken("-1,234.50").as_deref(),
            Some("minus one thousand two hundred thirty-four point five zero")
        );
        assert_eq!(spoken("3.5").as_deref(), Some("three point five"));
        assert_eq!(spoken("0.05").as_deref(), Some("zero point zero five"));
        assert_eq!(spoken("1.2.3"), None);
        assert_eq!(spoken("99999999999999999999"), None);
        assert_eq!(digits("90"), "nine zero");
        assert_eq!(
            (plural("ninety").as_str(), plural("ten").as_str()),
            ("nineties", "tens")
        );
    }
}

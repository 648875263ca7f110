//! Money, percentages, measures, ranges, and every other number.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::screening::calls::domain::speakable::numbers::{cardinal, digits, ordinal, plural, spoken, value, year};

/// Symbol or code, one, many, a hundredth.
const CURRENCIES: &[(&[&str], &str, &str, &str)] = &[
    (&["US$", "$", "USD"], "dollar", "dollars", "cent"),
    (&["CA$", "C$", "CAD"], "Canadian dollar", "Canadian dollars", "cent"),
    (&["AU$", "A$", "AUD"], "Australian dollar", "Australian dollars", "cent"),
    (&["€", "EUR"], "euro", "euros", "cent"),
    (&["£", "GBP"], "pound", "pounds", "penny"),
    (&["¥", "JPY"], "yen", "yen", "sen"),
    (&["₹", "INR"], "rupee", "rupees", "paisa"),
    (&["CHF"], "Swiss franc", "Swiss francs", "centime"),
    (&["BRL", "R$"], "Brazilian real", "Brazilian reais", "centavo"),
    (&["COP"], "Colombian peso", "Colombian pesos", "centavo"),
    (&["MXN"], "Mexican peso", "Mexican pesos", "centavo"),
    (&["ARS"], "Argentine peso", "Argentine pesos", "centavo"),
    (&["SEK"], "Swedish krona", "Swedish kronor", "öre"),
    (&["PLN"], "zloty", "zloty", "grosz"),
];
/// Written, one, many.
const UNITS: &[(&[&str], &str, &str)] = &[
    (&["ms"], "millisecond", "milliseconds"),
    (&["sec", "secs"], "second", "seconds"),
    (&["min", "mins"], "minute", "minutes"),
    (&["h", "hr", "hrs"], "hour", "hours"),
    (&["km"], "kilometer", "kilometers"),
    (&["cm"], "centimeter", "centimeters"),
    (&["mm"], "millimeter", "millimeters"),
    (&["kg"], "kilogram", "kilograms"),
    (&["KB", "kB"], "kilobyte", "kilobytes"),
    (&["MB"], "megabyte", "megabytes"),
    (&["GB"], "gigabyte", "gigabytes"),
    (&["TB"], "terabyte", "terabytes"),
    (&["PB"], "petabyte", "petabytes"),
    (&["Mbps"], "megabit per second", "megabits per second"),
    (&["Gbps"], "gigabit per second", "gigabits per second"),
    (&["Hz"], "hertz", "hertz"),
    (&["kHz"], "kilohertz", "kilohertz"),
    (&["MHz"], "megahertz", "megahertz"),
    (&["GHz"], "gigahertz", "gigahertz"),
    (&["°C"], "degree Celsius", "degrees Celsius"),
    (&["°F"], "degree Fahrenheit", "degrees Fahrenheit"),
    (&["°"], "degree", "degrees"),
    (&["px"], "pixel", "pixels"),
    (&["fps"], "frame per second", "frames per second"),
    (&["rps", "req/s"], "request per second", "requests per second"),
    (&["x", "×"], "times", "times"),
    (&["yr", "yrs", "y/o"], "year", "years"),
    (&["mo", "mos"], "month", "months"),
    (&["wk", "wks"], "week", "weeks"),
];

const NUMBER: &str = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?";
const SCALE: &str = r"(?:\s?(?:million|billion|thousand|mln|bn|mn)\b|[kKmMB]\b)";
const DASH: &str = r"\s?(?:-|–|—|−|to)\s?";

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is fixed and tested")
}

fn any<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut words: Vec<&str> = words.collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
        .iter()
        .map(|word| regex::escape(word))
        .collect::<Vec<_>>()
        .join("|")
}

static MONEY: LazyLock<Regex> = LazyLock::new(|| {
    let signs = any(CURRENCIES.iter().flat_map(|c| c.0.iter().copied()));
    let per = r"(?:\s?/\s?|\s+per\s+|\s+a\s+|\s+)(month|mo|year|yr|annum|hour|hr|h|week|wk|day)\b\.?";
    regex(&format!(
        r"(?P<sign>(?:{signs}))?\s?(?P<a>{NUMBER})(?P<as>{SCALE})?(?:{DASH}(?P<sign2>(?:{signs}))?\s?(?P<b>{NUMBER})(?P<bs>{SCALE})?)?(?P<plus>\+)?(?:\s?(?P<code>(?:{signs})))?(?P<per>{per})?"
    ))
});
static PERCENT: LazyLock<Regex> = LazyLock::new(|| regex(&format!(r"(?:({NUMBER})%?{DASH})?(-?(?:{NUMBER}))\s?%")));
static UNIT: LazyLock<Regex> = LazyLock::new(|| {
    let units = any(UNITS.iter().flat_map(|u| u.0.iter().copied()));
    regex(&format!(r"\b(?:({NUMBER}){DASH})?({NUMBER})(?:\s?|-)({units})(\W|$)"))
});
static DECADE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?:['’]|\b)((?:1[5-9]|20)?[0-9]0)['’]?s\b"));
static ORDINAL: LazyLock<Regex> = LazyLock::new(|| regex(r"\b([0-9]{1,6})(?:st|nd|rd|th)\b"));
static FRACTION: LazyLock<Regex> = LazyLock::new(|| regex(r"\b([0-9]{1,3})/([0-9]{1,3})\b"));
static YEARS: LazyLock<Regex> = LazyLock::new(|| regex(r"\b((?:19|20)[0-9]{2})\s?[-–—]\s?((?:19|20)?[0-9]{2})\b"));
static RANGE: LazyLock<Regex> = LazyLock::new(|| regex(&format!(r"(^|[^\w.,-])({NUMBER})\s?[-–—]\s?({NUMBER})(\W|$)")));
static VERSION: LazyLock<Regex> = LazyLock::new(|| regex(r"\b[0-9]+(?:\.[0-9]+){2,}\b"));
static SCALED: LazyLock<Regex> = LazyLock::new(|| regex(&format!(r"\b({NUMBER})({SCALE})")));
static PLAIN: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"(?P<mark>[~≈≥≤<>#+−-])?(?P<n>{NUMBER})(?P<plus>\+)?")));

/// Writes numbers, and what is counted with them, as they are said.
pub fn said(text: &str) -> String {
    let text = MONEY.replace_all(text, |c: &Captures<'_>| money(c).unwrap_or_else(|| c[0].to_owned()));
    let text = PERCENT.replace_all(&text, |c: &Captures<'_>| {
        let from = c
            .get(1)
            .and_then(|m| spoken(m.as_str()))
            .map(|from| from + " to ")
            .unwrap_or_default();
        spoken(&c[2]).map_or_else(|| c[0].to_owned(), |n| format!("{from}{n} percent"))
    });
    let text = UNIT.replace_all(&text, |c: &Captures<'_>| measure(c).unwrap_or_else(|| c[0].to_owned()));
    let text = DECADE.replace_all(&text, |c: &Captures<'_>| {
        value(&c[1]).map_or_else(
            || c[0].to_owned(),
            |n| plural(&if n > 100 { year(n) } else { cardinal(n) }),
        )
    });
    let text = ORDINAL.replace_all(&text, |c: &Captures<'_>| {
        value(&c[1]).map_or_else(|| c[0].to_owned(), ordinal)
    });
    let text = FRACTION.replace_all(&text, |c: &Captures<'_>| fraction(&c[1], &c[2]));
    let text = YEARS.replace_all(&text, |c: &Captures<'_>| {
        let (from, to) = (value(&c[1]).unwrap_or(0), value(&c[2]).unwrap_or(0));
        format!(
            "{} to {}",
            year(from),
            year(if to < 100 { from / 100 * 100 + to } else { to })
        )
    });
    // Both sides of a range share the mark between two ranges: "1-2 3-4" needs a second look.
    let ranged = |text: &str| RANGE.replace_all(text, "$1$2 to $3$4").into_owned();
    let text = ranged(&ranged(&text));
    let text = VERSION.replace_all(&text, |c: &Captures<'_>| {
        c[0].split('.')
            .filter_map(|part| value(part).map(cardinal))
            .collect::<Vec<_>>()
            .join(" point ")
    });
    let text = SCALED.replace_all(&text, |c: &Captures<'_>| {
        scaled(&c[1], &c[2]).unwrap_or_else(|| c[0].to_owned())
    });
    plain(&text)
}

fn money(c: &Captures<'_>) -> Option<String> {
    let group = |name: &str| c.name(name).map(|m| m.as_str());
    let sign = group("sign").or_else(|| group("code")).or_else(|| group("sign2"))?;
    let (_, one, many, cent) = CURRENCIES.iter().find(|(signs, ..)| signs.contains(&sign))?;
    let (a, b) = (group("a")?, group("b"));
    let scale_b = group("bs").unwrap_or_default();
    // "$3-4.5k" means thousands twice.
    let scale_a = group("as").unwrap_or(if b.is_some() { scale_b } else { "" });
    let a = thousands(a);
    let plus = if group("plus").is_some() { " or more" } else { "" };
    let mut said = match b {
        Some(b) => format!(
            "{} to {} {many}{plus}",
            scaled(&a, scale_a)?,
            scaled(&thousands(b), scale_b)?
        ),
        None => match (a.split_once('.'), scale_a.is_empty()) {
            (Some((whole, cents)), true) if cents.len() == 2 => {
                let (whole, cents) = (value(whole)?, value(cents)?);
                let unit = if whole == 1 { one } else { many };
                match cents {
                    0 => format!("{} {unit}", cardinal(whole)),
                    1 => format!("{} {unit} and one {cent}", cardinal(whole)),
                    _ if *cent == "penny" => format!("{} {unit} and {} pence", cardinal(whole), cardinal(cents)),
                    _ => format!("{} {unit} and {} {cent}s", cardinal(whole), cardinal(cents)),
                }
            }
            _ => format!(
                "{} {}{plus}",
                scaled(&a, scale_a)?,
                if a == "1" && scale_a.is_empty() { one } else { many }
            ),
        },
    };
    // The white space that stood in front of the figure belongs to the sentence.
    if c[0].starts_with(char::is_whitespace) {
        said.insert(0, ' ');
    }
    if let Some(per) = c.name("per") {
        let written = per.as_str().trim_start().trim_start_matches('/').trim_start();
        let word = written
            .trim_start_matches("per ")
            .trim_start_matches("a ")
            .trim()
            .trim_end_matches('.');
        let word = match word {
            "mo" => "month",
            "yr" | "annum" => "year",
            "hr" | "h" => "hour",
            "wk" => "week",
            other => other,
        };
        said.push_str(" per ");
        said.push_str(word);
        // The full stop of the sentence, not of an abbreviation.
        if written.ends_with('.') {
            said.push('.');
        }
    }
    Some(said)
}

/// "3.000" in an amount of money is three thousand: no currency has thousandths in speech.
fn thousands(figures: &str) -> String {
    match figures.split_once('.') {
        Some((whole, rest)) if rest.len() == 3 && !whole.contains(',') && whole.len() <= 3 => format!("{whole}{rest}"),
        _ => figures.to_owned(),
    }
}

/// A number with "k", "M", "million" and the like behind it.
fn scaled(figures: &str, scale: &str) -> Option<String> {
    let (name, zeros) = match scale.trim() {
        "" => return spoken(figures),
        "k" | "K" | "thousand" => ("thousand", 3),
        "m" | "M" | "mn" | "mln" | "million" => ("million", 6),
        "B" | "bn" | "billion" => ("billion", 9),
        _ => return None,
    };
    // 4.5k is four thousand five hundred; 1.5M stays one point five million.
    if zeros == 3 {
        let (whole, fraction) = figures.split_once('.').unwrap_or((figures, ""));
        if fraction.len() <= 3 {
            return value(&format!("{whole}{fraction:0<3}")).map(cardinal);
        }
    }
    Some(format!("{} {name}", spoken(figures)?))
}

fn measure(c: &Captures<'_>) -> Option<String> {
    let (_, one, many) = UNITS.iter().find(|(written, ..)| written.contains(&&c[3]))?;
    let from = c
        .get(1)
        .and_then(|m| spoken(m.as_str()))
        .map(|from| from + " to ")
        .unwrap_or_default();
    let unit = if &c[2] == "1" && from.is_empty() { one } else { many };
    Some(format!("{from}{} {unit}{}", spoken(&c[2])?, &c[4]))
}

fn fraction(a: &str, b: &str) -> String {
    let (Some(n), Some(d)) = (value(a), value(b)) else {
        return format!("{a} {b}");
    };
    match (n, d) {
        (1, 2) => "one half".to_owned(),
        (1, 3) => "one third".to_owned(),
        (2, 3) => "two thirds".to_owned(),
        (1, 4) => "one quarter".to_owned(),
        (3, 4) => "three quarters".to_owned(),
        _ if n <= d => format!("{} out of {}", cardinal(n), cardinal(d)),
        _ => format!("{} over {}", cardinal(n), cardinal(d)),
    }
}

/// The numbers that are left.
fn plain(text: &str) -> String {
    PLAIN
        .replace_all(text, |c: &Captures<'_>| {
            let whole = c.get(0).map_or((0, 0), |m| (m.start(), m.end()));
            let (before, after) = (&text[..whole.0], &text[whole.1..]);
            let glued = before.ends_with(char::is_alphanumeric);
            let figures = &c["n"];
            let mark = c.name("mark").map_or("", |m| m.as_str());
            let mark = match mark {
                "~" | "≈" => "about ",
                "≥" => "at least ",
                "≤" => "at most ",
                ">" => "more than ",
                "<" => "less than ",
                "#" => "number ",
                "+" => "plus ",
                // A hyphen behind a word only joins.
                "-" | "−" if glued || before.ends_with('-') => "-",
                "-" | "−" => "minus ",
                _ => "",
            };
            let plus = if c.name("plus").is_some() { " plus" } else { "" };
            let words = if is_year(figures, before, after) && mark.is_empty() {
                value(figures).map(year)
            } else {
                number(figures)
            };
            let Some(words) = words else { return c[0].to_owned() };
            // "PS5" and "5G" are two words each.
            let front = if glued && mark.is_empty() { " " } else { "" };
            let back = if plus.is_empty() && after.starts_with(char::is_alphabetic) {
                " "
            } else {
                ""
            };
            format!("{front}{mark}{words}{plus}{back}")
        })
        .into_owned()
}

fn number(figures: &str) -> Option<String> {
    // A code, not a count: a leading zero, or more figures than anybody counts.
    let bare = !figures.contains(['.', ',']);
    if bare && ((figures.len() > 1 && figures.starts_with('0')) || figures.len() > 12) {
        return Some(digits(figures));
    }
    spoken(figures)
}

/// Whether four figures name a year.
fn is_year(figures: &str, before: &str, after: &str) -> bool {
    if figures.len() != 4 || !matches!(figures.parse::<u64>(), Ok(1900..=2099)) {
        return false;
    }
    let last = before.split_whitespace().next_back().unwrap_or_default().to_lowercase();
    if matches!(
        last.as_str(),
        "in" | "since" | "from" | "until" | "till" | "by" | "year" | "during" | "before" | "after" | "early" | "late"
    ) {
        return true;
    }
    // Things are counted: "over 2026 users".
    let next = after
        .strip_prefix(' ')
        .and_then(|rest| rest.split(|c: char| !c.is_alphabetic()).next())
        .unwrap_or_default();
    !(next.len() > 2 && next.ends_with('s') && next.chars().all(char::is_lowercase) && next != "was")
}

#[cfg(test)]
mod tests {
    use super::said;
    use crate::screening::calls::domain::speakable::tests::check;

    #[test]
    fn says_money() {
        check(
            said,
            &[
                (
                    "$3,000-4,500 / month",
                    "three thousand to four thousand five hundred dollars per month",
                ),
                (
                    "$3,000 - $4,500/month",
                    "three thousand to four thousand five hundred dollars per month",
                ),
                ("€50-60k per year.", "fifty thousand to sixty thousand euros per year."),
                (
                    "$3k–4.5k a month",
                    "three thousand to four thousand five hundred dollars per month",
                ),
                ("pays $12.50/hr", "pays twelve dollars and fifty cents per hour"),
                ("£1.00", "one pound"),
                ("£2.30", "two pounds and thirty pence"),
                ("$1", "one dollar"),
                ("$1.5M in funding", "one point five million dollars in funding"),
                ("1,500 EUR", "one thousand five hundred euros"),
                ("80k USD", "eighty thousand dollars"),
                ("€3.000", "three thousand euros"),
                ("$100,000+ yr", "one hundred thousand dollars or more per year"),
                ("It costs $20. Fine", "It costs twenty dollars. Fine"),
                ("USD 2 billion", "two billion dollars"),
                ("$0.99", "zero dollars and ninety-nine cents"),
            ],
        );
    }

    #[test]
    fn says_percentages_and_measures() {
        check(
            said,
            &[
                ("99.9% uptime", "ninety-nine point nine percent uptime"),
                ("10-15 %", "ten to fifteen percent"),
                ("-3%", "minus three percent"),
                ("200ms", "two hundred milliseconds"),
                ("1 GB or 16 GB", "one gigabyte or sixteen gigabytes"),
                ("40h/week", "forty hours/week"),
                ("10x faster", "ten times faster"),
                ("20°C", "twenty degrees Celsius"),
                ("3-5 km", "three to five kilometers"),
                ("30 min.", "thirty minutes."),
            ],
        );
    }

    #[test]
    fn says_ranges_years_and_orders() {
        check(
            said,
            &[
                ("3-5 years", "three to five years"),
                ("from 2019-2024", "from twenty nineteen to twenty twenty-four"),
                ("2019–21", "twenty nineteen to twenty twenty-one"),
                ("since 2016", "since twenty sixteen"),
                ("over 2048 users", "over two thousand forty-eight users"),
                ("the 1990s and the '80s", "the nineteen nineties and the eighties"),
                ("the 2nd and 21st", "the second and twenty-first"),
                ("3/4 of them, 4/5", "three quarters of them, four out of five"),
                ("10-person team", "ten-person team"),
            ],
        );
    }

    #[test]
    fn says_other_numbers() {
        check(
            said,
            &[
                ("5+ years", "five plus years"),
                (
                    "1,234,567 rows",
                    "one million two hundred thirty-four thousand five hundred sixty-seven rows",
                ),
                ("100k users, 5M rows", "one hundred thousand users, five million rows"),
                (
                    "Python 3.11 and 3.11.4",
                    "Python three point one one and three point eleven point four",
                ),
                ("#1 choice", "number one choice"),
                ("~10 people", "about ten people"),
                (">100", "more than one hundred"),
                ("code 007", "code zero zero seven"),
                ("COVID-19", "COVID-nineteen"),
                ("it is -5 today", "it is minus five today"),
                ("5G", "five G"),
                ("12 minutes.", "twelve minutes."),
                ("no numbers", "no numbers"),
                (
                    "99999999999999999999999",
                    "nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine nine",
                ),
            ],
        );
    }
}

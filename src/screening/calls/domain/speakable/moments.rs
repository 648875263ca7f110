//! Dates and times of day. Neutral between British and American: months are named, hours are said with AM and PM.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::screening::calls::domain::speakable::numbers::{cardinal, ordinal, year};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

const MONTH: &str = r"(Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?\.?|July?\.?|Aug(?:ust|\.)?|Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)";
const CLOCK: &str = r"([0-9]{1,2})(?:[:.]([0-9]{2}))?(?::[0-9]{2})?\s?([aApP]\.?[mM]\b\.?)";
const COLON: &str = r"([0-9]{1,2}):([0-9]{2})(?::[0-9]{2})?";

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is fixed and tested")
}

static ISO: LazyLock<Regex> = LazyLock::new(|| regex(r"\b([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T|\b)"));
static SLASHES: LazyLock<Regex> = LazyLock::new(|| regex(r"\b([0-9]{1,2})[/.]([0-9]{1,2})[/.]([0-9]{4})\b"));
static MONTH_DAY: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"\b{MONTH}\s+([0-9]{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+([0-9]{{4}})\b)?"
    ))
});
static DAY_MONTH: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"\b([Tt]he\s+)?([0-9]{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{MONTH}\b(?:,?\s+([0-9]{{4}})\b)?"
    ))
});
static MONTH_YEAR: LazyLock<Regex> = LazyLock::new(|| regex(&format!(r"\b{MONTH},?\s+((?:19|20)[0-9]{{2}})\b")));
static DAY_NAME: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\b(\.?)(\s?[-–—]\s?(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\b)?")
});
static CLOCK_RANGE: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"\b(?:{CLOCK}|{COLON}|([0-9]{{1,2}}))\s?[-–—]\s?(?:{CLOCK}|{COLON})"
    ))
});
static CLOCK_TIME: LazyLock<Regex> = LazyLock::new(|| regex(&format!(r"\b{CLOCK}")));
static COLON_TIME: LazyLock<Regex> = LazyLock::new(|| regex(&format!(r"\b{COLON}(?:\s?(?:h|hrs|Uhr)\b)?")));

/// Writes dates and times as they are said.
pub fn said(text: &str) -> String {
    let text = ISO.replace_all(text, |c: &Captures<'_>| {
        let t = if c[0].ends_with('T') { ", " } else { "" };
        date(number(c, 3), number(c, 2), Some(number(c, 1))).map_or_else(|| c[0].to_owned(), |date| date + t)
    });
    let text = SLASHES.replace_all(&text, |c: &Captures<'_>| {
        let (a, b, y) = (number(c, 1), number(c, 2), number(c, 3));
        // Day or month first: only one of them above twelve tells; else the figures are said in the order they stand.
        let known = if a > 12 {
            date(a, b, Some(y))
        } else if b > 12 {
            date(b, a, Some(y))
        } else {
            None
        };
        known.unwrap_or_else(|| format!("{} {} {}", cardinal(a), cardinal(b), year(y)))
    });
    let text = DAY_MONTH.replace_all(&text, |c: &Captures<'_>| {
        let the = c.get(1).map_or("the ", |the| the.as_str());
        let year = c
            .get(4)
            .map(|_| format!(", {}", year(number(c, 4))))
            .unwrap_or_default();
        match month(&c[3]) {
            Some(name) if (1..=31).contains(&number(c, 2)) => format!("{the}{} of {name}{year}", ordinal(number(c, 2))),
            _ => c[0].to_owned(),
        }
    });
    let text = MONTH_DAY.replace_all(&text, |c: &Captures<'_>| {
        let year = c
            .get(3)
            .map(|_| format!(", {}", year(number(c, 3))))
            .unwrap_or_default();
        match month(&c[1]) {
            Some(name) if (1..=31).contains(&number(c, 2)) => format!("{name} {}{year}", ordinal(number(c, 2))),
            _ => c[0].to_owned(),
        }
    });
    let text = MONTH_YEAR.replace_all(&text, |c: &Captures<'_>| {
        format!("{} {}", month(&c[1]).unwrap_or(&c[1]), year(number(c, 2)))
    });
    let text = DAY_NAME.replace_all(&text, |c: &Captures<'_>| match c.get(4) {
        Some(last) => format!("{} to {}", day(&c[1]), day(last.as_str())),
        // "Sun" and "Sat" alone are words too; a full stop or a comma behind tells an abbreviation.
        None if c[2].is_empty() && matches!(&c[1], "Sun" | "Sat" | "Wed" | "Mon") => c[0].to_owned(),
        None => day(&c[1]).to_owned(),
    });
    let text = CLOCK_RANGE.replace_all(&text, |c: &Captures<'_>| {
        let from = if c.get(6).is_some() {
            cardinal(number(c, 6))
        } else {
            time(c, 1, 3).or_else(|| time(c, 4, 0)).unwrap_or_default()
        };
        match time(c, 7, 9).or_else(|| time(c, 10, 0)) {
            Some(to) if !from.is_empty() => format!("{from} to {to}"),
            _ => c[0].to_owned(),
        }
    });
    let text = CLOCK_TIME.replace_all(&text, |c: &Captures<'_>| {
        time(c, 1, 3).unwrap_or_else(|| c[0].to_owned())
    });
    COLON_TIME
        .replace_all(&text, |c: &Captures<'_>| {
            time(c, 1, 0).unwrap_or_else(|| c[0].to_owned())
        })
        .into_owned()
}

/// The time at group `hour` and the one behind it; `half` is the group of am or pm, 0 when there is none.
fn time(c: &Captures<'_>, hour: usize, half: usize) -> Option<String> {
    c.get(hour)?;
    let (h, m) = (number(c, hour), number(c, hour + 1));
    if h > 23 || m > 59 {
        return None;
    }
    let written = (half > 0).then(|| c.get(half)).flatten().map(|m| m.as_str());
    let half = match written {
        Some(half) if half.starts_with(['a', 'A']) => " AM",
        Some(_) => " PM",
        None if h > 12 => " PM",
        None if h == 0 => " AM",
        None => "",
    };
    let hour = cardinal(match h {
        0 => 12,
        13.. => h - 12,
        _ => h,
    });
    Some(match m {
        0 if half.is_empty() => format!("{hour} o'clock"),
        0 => format!("{hour}{half}"),
        1..=9 => format!("{hour} oh {}{half}", cardinal(m)),
        _ => format!("{hour} {}{half}", cardinal(m)),
    })
}

fn date(d: u64, m: u64, y: Option<u64>) -> Option<String> {
    let name = MONTHS.get(usize::try_from(m.checked_sub(1)?).ok()?)?;
    if !(1..=31).contains(&d) {
        return None;
    }
    let year = y.map(|y| format!(", {}", year(y))).unwrap_or_default();
    Some(format!("{name} {}{year}", ordinal(d)))
}

fn month(written: &str) -> Option<&'static str> {
    let start = written.get(..3)?;
    MONTHS.iter().find(|name| name.starts_with(start)).copied()
}

fn day(written: &str) -> &'static str {
    DAYS.iter()
        .find(|name| name.starts_with(&written[..3]))
        .copied()
        .unwrap_or("")
}

fn number(c: &Captures<'_>, group: usize) -> u64 {
    c.get(group).and_then(|m| m.as_str().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::said;
    use crate::screening::calls::domain::speakable::tests::check;

    #[test]
    fn says_dates() {
        check(
            said,
            &[
                ("on 2026-11-21", "on November twenty-first, twenty twenty-six"),
                ("Nov. 3, 2025", "November third, twenty twenty-five"),
                ("March 5th", "March fifth"),
                (
                    "on 21 November 2026",
                    "on the twenty-first of November, twenty twenty-six",
                ),
                ("the 1st of May", "the first of May"),
                ("Start: Sept 2024", "Start: September twenty twenty-four"),
                ("25/12/2025", "December twenty-fifth, twenty twenty-five"),
                ("12/25/2025", "December twenty-fifth, twenty twenty-five"),
                ("5/6/2025", "five six twenty twenty-five"),
                ("Mon-Fri", "Monday to Friday"),
                ("next Thu or Fri.", "next Thursday or Friday"),
                ("The Sun is up", "The Sun is up"),
                ("May I ask", "May I ask"),
                ("2026-99-99", "2026-99-99"),
                ("I may 5 times", "I may 5 times"),
            ],
        );
    }

    #[test]
    fn says_times() {
        check(
            said,
            &[
                ("at 14:30", "at two thirty PM"),
                ("at 9:00", "at nine o'clock"),
                ("9:05 am", "nine oh five AM"),
                ("10 a.m. sharp", "ten AM sharp"),
                ("5pm", "five PM"),
                ("00:15", "twelve fifteen AM"),
                ("12:00 pm", "twelve PM"),
                ("9am-5pm", "nine AM to five PM"),
                ("9-5pm", "nine to five PM"),
                ("09:00 – 17:30", "nine o'clock to five thirty PM"),
                ("25:99", "25:99"),
                ("3 amazing teams", "3 amazing teams"),
            ],
        );
    }
}

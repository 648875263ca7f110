//! The lines of a posting as words that fit into a spoken sentence.

use std::sync::LazyLock;

use regex::Regex;

use crate::screening::applications::domain::plan::tidy::tidy;

/// Verbs postings begin their lines with.
const VERBS: &str = "achieve act adapt administer advise advocate align analyse analyze answer apply arrange assemble assess \
    assign assist attend audit automate bake balance bring build call care carry champion check clean close \
    coach code collaborate collect communicate compile complete conduct configure consult contact contribute \
    control convert cook coordinate count cover craft create cut deal debug decide define deliver demonstrate \
    deploy design detect develop diagnose direct discover disinfect dispatch distribute document draft dress \
    drive edit educate embed enable encourage enforce engage enhance ensure escalate establish estimate evaluate \
    examine execute expand explain explore facilitate feed file fill find fix follow foster frame gather \
    generate give greet grow guide hand handle help hire host identify implement improve influence inform \
    inspect inspire install integrate interpret interview investigate issue join keep launch lead learn liaise \
    lift listen load log maintain make manage market measure meet mentor migrate model monitor move negotiate \
    nurture observe obtain offer onboard open operate optimise optimize order organise organize oversee own pack \
    participate partner pay perform photograph pick pitch place plan post prepare present prioritise prioritize \
    process produce program promote propose prospect protect provide publish purchase pursue qualify raise reach \
    receive recommend reconcile record recruit reduce refer refine register repair replace report represent \
    research resolve respond restock restore retain review run scale schedule secure seek select sell serve set \
    shape share ship sign simplify solve sort source speak spot stack start steer stock store streamline \
    strengthen structure study submit supervise support tailor take teach tend test track train transfer \
    translate transport treat troubleshoot tune turn understand unload update upgrade upsell use validate verify \
    visit wash watch weigh welcome win work write";

/// Verbs that are nouns as often: in the middle of a line they are left alone.
const ALSO_NOUNS: &str = "act answer audit balance call care champion check close coach code contact control cook count cover craft \
    cut deal design document draft dress drive feed file fill fix frame guide hand help host influence interview \
    issue launch lead lift log market measure model monitor move offer order pack partner pay pick pitch place \
    plan post present process produce program prospect purchase reach record repair report research review run \
    scale schedule set shape share ship sign sort source spot stack start stock store structure study support \
    test track train transfer transport treat turn update upgrade use visit wash watch welcome win work";

/// What follows a verb and not a noun.
const OBJECTS: &str = "it them the a an our your their its on all each every new us";

/// Verbs that double their last letter.
const DOUBLING: &[&str] = &[
    "cut", "win", "embed", "spot", "control", "debug", "log", "plan", "program", "refer", "run", "set", "ship",
    "submit", "transfer",
];

/// What may follow a leading word that is a noun after all ("Support for ...").
const AFTER_NOUNS: &[&str] = &[
    "experience",
    "for",
    "in",
    "knowledge",
    "management",
    "of",
    "skills",
    "to",
    "tools",
    "work",
    "ability",
    "and",
];

static LEAD_IN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)^(?:(?:you(?:['’]ll| will|['’]re| are| have|['’]ve| can)?|the (?:ideal |successful )?candidate(?: will| has| is)?|we expect you to|",
        r"will|must(?: have| be)?|should(?: have| be)?|responsible for|responsibilities include|duties include|",
        r"(?:your )?(?:main )?(?:tasks?|duties) (?:is|are|include)|be responsible for|be able to|the ability to|ability to|able to|",
        r"willing(?:ness)? to|ready to|proven|demonstrated|demonstrable|solid|strong|excellent|great|good|deep|hands[- ]on|",
        r"advanced|basic|some|previous|prior|relevant|professional|practical|working|at least|minimum(?: of)?|a minimum of|an?|the|preferably)\s+)+",
    ))
    .expect("fixed pattern")
});
static YEARS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:at least |minimum (?:of )?|over |more than )?(\d{1,2})\s*(?:\+|-?plus-?)?\s*(?:(?:-|–|to)\s*\d{1,2}\s*\+?\s*)?-?(?:years?|yrs?)['’]?(?: of)?(?: (?:professional|relevant|proven|hands[- ]on|work|working|practical))*(?: experience)?\s*(?:in|with|of|as|using|building|doing)?\b\s*",
    )
    .expect("fixed pattern")
});
static EXPERIENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)^(?:work(?:ing)? |professional |practical |hands[- ]on )*(?:experience|experienced|knowledge|knowledgeable|understanding|background|expertise|",
        r"proficien(?:cy|t)|familiar(?:ity)?|skilled|skills?|competen(?:ce|t)|command|track record|comfortable)\s+",
        r"(?:(?:working|in|with|of|as|using|at|about|on)\s+)+",
    ))
    .expect("fixed pattern")
});
static TRAILING_EXPERIENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\s+(?:skills?|experience|knowledge|proficiency|expertise|required|preferred|is a (?:plus|must)|a plus|a must|or similar|or equivalent)$")
        .expect("fixed pattern")
});
/// What somebody does, to stand after "is" or "busy with": a gerund phrase or a noun phrase. None for a line that is
/// a sentence of its own.
pub fn activity(line: &str) -> Option<String> {
    let text = tidy(line);
    let text = LEAD_IN.replace(&text, "").into_owned();
    let text = text
        .strip_prefix("be ")
        .map_or(text.clone(), |rest| format!("being {rest}"));
    let first = text.split_whitespace().next()?.to_lowercase();
    let sentence = [
        "we", "you", "this", "it", "there", "our", "if", "they", "who", "i", "do", "are", "is", "what",
    ];
    if sentence.contains(&first.as_str()) || text.len() < 4 {
        return None;
    }
    Some(impersonal(&gerunds(&text.replace(" & ", " and "))))
}

/// What somebody knows or has, without "experience with" and the years around it.
pub fn thing(line: &str) -> Option<String> {
    let mut text = tidy(line);
    for _ in 0..3 {
        let before = text.clone();
        let without_years = YEARS.replace(&text, "").into_owned();
        text = LEAD_IN.replace(without_years.trim(), "").into_owned();
        text = EXPERIENCE.replace(&text, "").into_owned();
        if text == before {
            break;
        }
    }
    let bare = TRAILING_EXPERIENCE.replace(&text, "").into_owned();
    let text = if bare.is_empty() { text } else { bare };
    let text = text.trim_matches(|c: char| c.is_whitespace() || ".,;:".contains(c));
    if text.len() < 2
        || text
            .split_whitespace()
            .next()
            .is_some_and(|w| ["we", "you", "if"].contains(&w.to_lowercase().as_str()))
    {
        return None;
    }
    Some(impersonal(&gerunds(text)))
}

/// The number of years a line asks for.
pub fn years(line: &str) -> Option<u32> {
    YEARS
        .captures(line)
        .and_then(|c| c[1].parse().ok())
        .filter(|years| (1..=40).contains(years))
}

/// A small number as a word.
pub fn number_word(number: u32) -> String {
    const WORDS: [&str; 13] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    ];
    usize::try_from(number)
        .ok()
        .and_then(|n| WORDS.get(n))
        .map_or_else(|| number.to_string(), |w| (*w).to_owned())
}

/// Two or three words for a progress display.
pub fn label(text: &str) -> String {
    let dull = [
        "the", "a", "an", "our", "your", "of", "with", "and", "for", "to", "in", "new", "all", "on", "or", "as", "at",
        "their", "its",
    ];
    let mut words: Vec<&str> = text
        .split_whitespace()
        .map(|w| w.trim_matches(|c: char| ",.;:".contains(c)))
        .collect();
    // "owning the payments API" is about the payments API.
    while words.len() > 2 && words.first().is_some_and(|w| w.ends_with("ing") || *w == "and") {
        words.remove(0);
    }
    if let Some(clause) = words
        .iter()
        .skip(1)
        .position(|w| ["that", "which", "who", "from", "where"].contains(w))
    {
        words.truncate(clause + 1);
    }
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        let lower = word.to_lowercase();
        // A label ends where the next thing begins: "loading trucks with a forklift" is about trucks.
        if !kept.is_empty()
            && [
                "with", "in", "for", "to", "on", "as", "at", "from", "by", "across", "using",
            ]
            .contains(&lower.as_str())
        {
            break;
        }
        if dull.contains(&lower.as_str()) || word.is_empty() {
            if kept.len() >= 2 {
                break;
            }
            continue;
        }
        kept.push(word.to_owned());
        if kept.len() == 3 {
            break;
        }
    }
    capitalized(&kept.join(" "))
}

/// The head of a phrase, without the clauses that follow it; at least three words.
pub fn brief(text: &str) -> &str {
    [
        ", ",
        " that ",
        " which ",
        " who ",
        " from ",
        " so that ",
        " for ",
        " in order to ",
    ]
    .iter()
    .filter_map(|mark| text.find(mark))
    .filter(|&at| text[..at].split_whitespace().count() >= 3)
    .min()
    .map_or(text, |at| &text[..at])
}

/// The text with its first letter in upper case.
pub fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Words joined as a person would: `a, b and c`.
pub fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

fn gerunds(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    let mut chain = true;
    for (i, word) in words.iter().enumerate() {
        let (core, tail) = split_tail(word);
        let lower = core.to_lowercase();
        let verb = base_verb(&lower, i == 0);
        let next = words.get(i + 1).map(|w| w.to_lowercase());
        let after_and = i > 0 && (words[i - 1].eq_ignore_ascii_case("and") || words[i - 1].ends_with(','));
        let plain_noun = |v: &str| ALSO_NOUNS.split_whitespace().any(|n| n == v);
        let noun_here = verb.is_some_and(|v| plain_noun(v) && i == 0)
            && next.as_deref().is_none_or(|n| {
                AFTER_NOUNS.contains(&n)
                    && !(n == "and"
                        && words
                            .get(i + 2)
                            .is_some_and(|w| base_verb(&w.to_lowercase(), false).is_some()))
            });
        let started = out
            .first()
            .is_some_and(|w| w.ends_with("ing") || w.trim_end_matches(',').ends_with("ing"));
        let convert = match verb {
            Some(_) if i == 0 => !noun_here,
            Some(_) if chain && after_and => started && next.is_some(),
            Some(v) if after_and => {
                // "and document it": what follows shows that it is a verb.
                let object = next
                    .as_deref()
                    .is_some_and(|n| OBJECTS.split_whitespace().any(|o| o == n));
                started && next.is_some() && (object || !plain_noun(v))
            }
            _ => false,
        };
        if convert {
            out.push(format!("{}{tail}", gerund(verb.unwrap_or(&lower))));
        } else {
            if lower != "and" && lower != "or" {
                chain = false;
            }
            out.push(if i == 0 {
                lower_first(word, next.as_deref())
            } else {
                (*word).to_owned()
            });
        }
    }
    out.join(" ")
}

fn split_tail(word: &str) -> (&str, &str) {
    let end = word.trim_end_matches([',', '.', ';']).len();
    word.split_at(end)
}

/// The table's form of a verb; a leading one may stand in the third person ("Manages the team").
fn base_verb(word: &str, leading: bool) -> Option<&'static str> {
    let find = |w: &str| VERBS.split_whitespace().find(|v| *v == w);
    find(word).or_else(|| {
        if !leading {
            return None;
        }
        let stem = word.strip_suffix('s')?;
        // "Sales", "Tests", "Plans" at the start of a line are mostly nouns.
        find(stem)
            .or_else(|| stem.strip_suffix("ie").and_then(|s| find(&format!("{s}y"))))
            .filter(|v| !ALSO_NOUNS.split_whitespace().any(|n| n == *v))
    })
}

fn gerund(verb: &str) -> String {
    if DOUBLING.contains(&verb) {
        let last = verb.chars().last().unwrap_or('g');
        return format!("{verb}{last}ing");
    }
    match verb.strip_suffix('e') {
        Some(stem) if !verb.ends_with("ee") => format!("{stem}ing"),
        _ => format!("{verb}ing"),
    }
}

/// Lower case for an ordinary first word; names, acronyms and mixed case stay.
fn lower_first(word: &str, next: Option<&str>) -> String {
    let name = word.chars().skip(1).any(|c| c.is_uppercase() || c.is_ascii_digit())
        || word.chars().count() == 1
        || crate::screening::applications::domain::plan::keywords::is_name(&word.to_lowercase());
    let ordinary = next.is_none_or(|n| n.chars().next().is_some_and(char::is_alphabetic));
    if name || !ordinary {
        word.to_owned()
    } else {
        word.to_lowercase()
    }
}

/// Emma speaks about the employer, not as it.
fn impersonal(text: &str) -> String {
    text.split(' ')
        .map(|word| match word.to_lowercase().as_str() {
            "our" | "your" => "the",
            "us" => "the company",
            "&" => "and",
            _ => word,
        })
        .collect::<Vec<_>>()
        .join(" ")
        .replace("the the ", "the ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_any_shape_become_activities() {
        for (line, expected) in [
            ("Own the payments API", "owning the payments API"),
            (
                "Design, build and operate our payment services.",
                "designing, building and operating the payment services",
            ),
            (
                "You will plan and run A/B tests (weekly)",
                "planning and running A/B tests",
            ),
            (
                "You'll win new business in the Nordic market",
                "winning new business in the Nordic market",
            ),
            (
                "Administer medication and document it",
                "administering medication and documenting it",
            ),
            (
                "Plan and run paid campaigns & report on them",
                "planning and running paid campaigns and reporting on them",
            ),
            (
                "Able to lift and move patients with aids",
                "lifting and moving patients with aids",
            ),
            ("Responsible for managing key accounts", "managing key accounts"),
            ("Customer onboarding and support", "customer onboarding and support"),
            (
                "Manages the ward's medication rounds; reports to the matron",
                "managing the ward's medication rounds",
            ),
            ("- Pick and pack orders", "picking and packing orders"),
            ("Mentor juniors and review code", "mentoring juniors and review code"),
            ("Support for enterprise customers", "support for enterprise customers"),
            ("Ability to write clear reports", "writing clear reports"),
            ("SEO strategy for our blog", "SEO strategy for the blog"),
            (
                "**Develop** new business in the DACH region",
                "developing new business in the DACH region",
            ),
        ] {
            assert_eq!(activity(line).as_deref(), Some(expected), "{line}");
        }
        assert_eq!(activity("We are a team of twelve"), None);
    }

    #[test]
    fn requirements_lose_their_wrapping() {
        for (line, expected) in [
            ("3+ years Python", "Python"),
            ("At least 5 years of experience in B2B sales", "B2B sales"),
            ("Experience with PostgreSQL", "PostgreSQL"),
            ("Strong communication skills", "communication"),
            ("Proven experience working with CRM tools (e.g. HubSpot)", "CRM tools"),
            (
                "You have 2-4 years of experience as a registered nurse",
                "registered nurse",
            ),
            ("Excellent knowledge of infection control.", "infection control"),
            ("Proficient in Excel", "Excel"),
            ("Ability to work independently", "working independently"),
        ] {
            assert_eq!(thing(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn years_are_found_in_any_form() {
        for (line, expected) in [
            ("3+ years Python", Some(3)),
            ("3-plus-years", Some(3)),
            ("2 to 4 years in sales", Some(2)),
            ("24/7 operations", None),
        ] {
            assert_eq!(years(line), expected, "{line}");
        }
    }

    #[test]
    fn labels_are_two_or_three_words() {
        assert_eq!(label("owning the payments API"), "Payments API");
        assert_eq!(label("PostgreSQL"), "PostgreSQL");
        assert_eq!(label("loading trucks with a forklift"), "Trucks");
        assert_eq!(label("owning the payments API that marinas use"), "Payments API");
        assert_eq!(label("designing and running the booking service"), "Booking service");
        assert_eq!(label("picking and packing orders"), "Packing orders");
    }
}

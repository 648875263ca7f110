//! Reads the text of a job posting: finds its headings and puts what stands under them where it belongs.

use crate::screening::applications::domain::job_offer::{
    Commitment, LanguageNeed, Organization, Place, Posting, Section, Skill,
};

/// Longest line taken for a heading, characters.
const MAX_HEADING: usize = 60;
/// Lines kept per list, and characters per line; more is no posting.
const MAX_LINES: usize = 100;
const MAX_LINE: usize = 2_000;

/// What a heading announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    About,
    Responsibilities,
    Requirements,
    NiceToHave,
    Benefits,
    Skills,
    Languages,
}

/// Words that open a heading, longest first where one contains another.
const HEADINGS: &[(&str, Part)] = &[
    ("about us", Part::About),
    ("about the company", Part::About),
    ("the company", Part::About),
    ("who we are", Part::About),
    ("company description", Part::About),
    ("responsibilities", Part::Responsibilities),
    ("key responsibilities", Part::Responsibilities),
    ("your responsibilities", Part::Responsibilities),
    ("what you will do", Part::Responsibilities),
    ("what you'll do", Part::Responsibilities),
    ("what you will be doing", Part::Responsibilities),
    ("your tasks", Part::Responsibilities),
    ("tasks", Part::Responsibilities),
    ("duties", Part::Responsibilities),
    ("your role", Part::Responsibilities),
    ("requirements", Part::Requirements),
    ("qualifications", Part::Requirements),
    ("minimum qualifications", Part::Requirements),
    ("what we are looking for", Part::Requirements),
    ("what we're looking for", Part::Requirements),
    ("what you bring", Part::Requirements),
    ("who you are", Part::Requirements),
    ("your profile", Part::Requirements),
    ("must have", Part::Requirements),
    ("nice to have", Part::NiceToHave),
    ("nice-to-have", Part::NiceToHave),
    ("preferred qualifications", Part::NiceToHave),
    ("bonus", Part::NiceToHave),
    ("benefits", Part::Benefits),
    ("perks", Part::Benefits),
    ("what we offer", Part::Benefits),
    ("we offer", Part::Benefits),
    ("why join", Part::Benefits),
    ("skills", Part::Skills),
    ("required skills", Part::Skills),
    ("key skills", Part::Skills),
    ("tech stack", Part::Skills),
    ("technologies", Part::Skills),
    ("languages", Part::Languages),
];

/// Reads a posting from text, Markdown or what a PDF or DOCX was turned into. What no heading announces as
/// something else is kept as a section. The title may stay empty.
pub fn read_posting(text: &str) -> Posting {
    let mut posting = Posting::default();
    let mut part: Option<Part> = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let line = clipped(line, MAX_LINE);
        if let Some((label, value)) = labelled(line)
            && take_label(&mut posting, label, value)
        {
            continue;
        }
        match heading(line) {
            Some(title) if posting.title.is_empty() && part_of(title).is_none() => title.clone_into(&mut posting.title),
            Some(title) => {
                part = part_of(title);
                if part.is_none() && posting.sections.len() < MAX_LINES {
                    posting.sections.push(Section {
                        heading: title.to_owned(),
                        text: String::new(),
                    });
                }
            }
            None if posting.title.is_empty() => clipped(bare(line), 120).clone_into(&mut posting.title),
            None => put(&mut posting, part, bare(line), is_item(line)),
        }
    }
    posting.sections.retain(|section| !section.text.is_empty());
    posting
}

/// Puts a line where its heading says. A line that is no list item goes on with the item before it when that one
/// does not look finished: PDFs break items over lines.
fn put(posting: &mut Posting, part: Option<Part>, line: &str, item: bool) {
    let list = match part {
        Some(Part::Responsibilities) => &mut posting.responsibilities,
        Some(Part::Requirements) => &mut posting.requirements,
        Some(Part::Benefits) => &mut posting.benefits,
        Some(Part::About) => return join(&mut posting.organization.about, " ", line),
        Some(Part::Skills | Part::NiceToHave) => return put_skills(posting, line, part == Some(Part::Skills)),
        Some(Part::Languages) => {
            return posting
                .languages
                .extend(words(line).take(MAX_LINES).map(|name| LanguageNeed {
                    code: String::new(),
                    name: name.to_owned(),
                    fluency: None,
                }));
        }
        None => {
            return match posting.sections.last_mut() {
                Some(section) => join(&mut section.text, "\n", line),
                None if posting.tagline.is_empty() => line.clone_into(&mut posting.tagline),
                None => posting.sections.push(Section {
                    heading: "About the role".to_owned(),
                    text: line.to_owned(),
                }),
            };
        }
    };
    let goes_on = |before: &String| !item && line.starts_with(char::is_lowercase) && !before.ends_with(['.', '!', ';']);
    let full = list.len() >= MAX_LINES;
    match list.last_mut() {
        Some(before) if goes_on(before) => join(before, " ", line),
        _ if !full => list.push(line.to_owned()),
        _ => {}
    }
}

/// A short line lists names of skills; a long one is a sentence and reads as a requirement.
fn put_skills(posting: &mut Posting, line: &str, must_have: bool) {
    let names: Vec<&str> = words(line).collect();
    if names.iter().any(|name| name.split_whitespace().count() > 6) {
        if posting.requirements.len() < MAX_LINES {
            let line = if must_have {
                line.to_owned()
            } else {
                format!("Nice to have: {line}")
            };
            posting.requirements.push(line);
        }
        return;
    }
    for name in names.into_iter().take(MAX_LINES.saturating_sub(posting.skills.len())) {
        posting.skills.push(Skill {
            name: name.to_owned(),
            must_have,
            ..Skill::default()
        });
    }
}

/// Lines such as `Location: Athens` at any place of the posting. False when the label is not known.
fn take_label(posting: &mut Posting, label: &str, value: &str) -> bool {
    match label.to_lowercase().as_str() {
        "title" | "position" | "job title" | "role" => value.clone_into(&mut posting.title),
        "company" | "organization" | "organisation" | "employer" => {
            posting.organization = Organization {
                name: value.to_owned(),
                ..posting.organization.clone()
            };
        }
        "location" | "place" | "work location" => {
            let lower = value.to_lowercase();
            let remote = lower.contains("remote");
            let locations = if remote { Vec::new() } else { vec![value.to_owned()] };
            let timezone = (remote && lower != "remote").then(|| value.to_owned());
            posting.place = Some(Place {
                remote,
                anywhere: lower.contains("anywhere"),
                locations,
                timezone,
            });
        }
        "type" | "employment type" | "job type" | "commitment" | "employment" => {
            posting.commitment = Some(Commitment {
                kind: value.to_lowercase(),
                hours: None,
            });
        }
        // A pay line is free text: it is told as it stands, not taken apart.
        "salary" | "pay" | "compensation" => {
            posting.sections.push(Section {
                heading: "Pay".to_owned(),
                text: format!("The pay: {value}"),
            });
        }
        _ => return false,
    }
    true
}

/// `Label: value` with a label of one to three words.
fn labelled(line: &str) -> Option<(&str, &str)> {
    let (label, value) = bare(line).split_once(':')?;
    let (label, value) = (label.trim_matches(['*', ' ']), value.trim_matches(['*', ' ']));
    (!value.is_empty() && label.split_whitespace().count() <= 3).then_some((label, value))
}

/// The text of a heading: marked as one, in bold, ending with a colon, or made of known words.
fn heading(line: &str) -> Option<&str> {
    if line.chars().count() > MAX_HEADING || is_item(line) {
        return None;
    }
    let plain = bare(line).trim_end_matches(':').trim();
    let marked = line.starts_with('#')
        || (line.starts_with("**") && line.trim_end_matches(':').ends_with("**"))
        || line.ends_with(':')
        || part_of(plain).is_some();
    (marked && !plain.is_empty()).then_some(plain)
}

fn part_of(heading: &str) -> Option<Part> {
    let heading = heading.to_lowercase().replace('\u{2019}', "'");
    let known = |words: &str| {
        heading.strip_prefix(words).is_some_and(|rest| {
            // `Requirements` and `Benefits & perks`, but not `Requirements gathering is fun`.
            rest.is_empty() || rest.starts_with([' ', '/', ',', '&', '?', '(']) && rest.split_whitespace().count() <= 3
        })
    };
    HEADINGS.iter().find(|(words, _)| known(words)).map(|(_, part)| *part)
}

fn is_item(line: &str) -> bool {
    line.starts_with(['-', '•', '·', '▪', '●', '–', '‣'])
        || (line.starts_with('*') && !line.starts_with("**"))
        || line.split_once(['.', ')']).is_some_and(|(number, rest)| {
            rest.starts_with(' ')
                && !number.is_empty()
                && number.len() <= 2
                && number.bytes().all(|b| b.is_ascii_digit())
        })
}

/// The line without its mark.
fn bare(line: &str) -> &str {
    let mut text = line;
    if is_item(line) {
        let numbered = line.starts_with(|c: char| c.is_ascii_digit());
        text = if numbered {
            line.split_once(['.', ')']).map_or(line, |(_, rest)| rest)
        } else {
            line
        };
    }
    text.trim_start_matches(['#', '-', '•', '·', '▪', '●', '–', '‣', '*', ' ', '\t'])
        .trim_end_matches(['*', '#', ' '])
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split([',', ';', '|'])
        .map(|word| word.trim().trim_end_matches('.'))
        .filter(|word| !word.is_empty())
}

fn join(text: &mut String, with: &str, more: &str) {
    if !text.is_empty() {
        text.push_str(with);
    }
    text.push_str(more);
}

/// The first `max` characters.
fn clipped(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: APP-3, APP-4
    #[test]
    fn headings_decide_where_lines_go() {
        let posting = read_posting(
            "# Backend Engineer\nWe move money for small shops.\n\n**Company:** Acme Labs\nLocation: Remote (EU)\n\
             Employment type: Full-time\n\n## What you'll do\n- Own the payments API\n- Be on call one week\n  in six\n\n\
             Requirements:\n1. Three years of Python\n2. PostgreSQL\n\nBENEFITS & PERKS\n* Four weeks of holiday\n\n\
             Skills: \nRust, SQL; Kafka\n\n### The team\nEight people in three countries.",
        );
        assert_eq!(posting.title, "Backend Engineer");
        assert_eq!(posting.tagline, "We move money for small shops.");
        assert_eq!(posting.organization.name, "Acme Labs");
        assert_eq!(
            posting.responsibilities,
            ["Own the payments API", "Be on call one week in six"]
        );
        assert_eq!(posting.requirements, ["Three years of Python", "PostgreSQL"]);
        assert_eq!(posting.benefits, ["Four weeks of holiday"]);
        let skills: Vec<_> = posting.skills.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(skills, ["Rust", "SQL", "Kafka"]);
        assert!(posting.place.as_ref().is_some_and(|place| place.remote));
        assert_eq!(posting.commitment.as_ref().map(|c| c.kind.as_str()), Some("full-time"));
        assert_eq!(posting.sections.len(), 1);
        assert_eq!(posting.sections[0].heading, "The team");
    }

    #[test]
    fn a_sentence_under_skills_is_a_requirement() {
        let posting = read_posting("Clerk\nSkills\nYou can explain a spreadsheet to anybody who asks you to\n");
        assert_eq!(posting.requirements.len(), 1);
        assert!(posting.skills.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(?s).{0,400}", marks in "[-#*:.0-9 \n\u{2022}a-z]{0,200}") {
            read_posting(&text);
            read_posting(&marks);
        }
    }
}

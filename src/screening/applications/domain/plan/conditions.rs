//! The practical side: place, hours, start, licences, languages. Conditions are gates a human confirms.

use crate::screening::applications::domain::job_offer::{Commitment, Place, Posting};
use crate::screening::applications::domain::plan::Draft;
use crate::screening::applications::domain::plan::keywords::keywords_of;
use crate::screening::applications::domain::plan::lines::{LineKind, kind_of, language_in};
use crate::screening::applications::domain::plan::phrase::{activity, capitalized, listed, thing};
use crate::screening::applications::domain::plan::tidy::tidy;
use crate::screening::calls::domain::interviewer::prohibited::prohibited_in;
use crate::screening::shared::plan::{Anchors, Criterion, CriterionKind, QuestionKind};

/// Things one question asks about: more cannot be kept in mind by ear.
const PER_QUESTION: usize = 3;

/// Language of the interview: who answers in it needs no question about it.
const INTERVIEW_LANGUAGE: &str = "english";

/// One or two questions: what the candidate must have, and place, hours and start.
pub fn drafts(posting: &Posting) -> Vec<Draft> {
    let held = held(posting);
    let mut drafts = Vec::new();
    if !held.is_empty() {
        drafts.push(held_draft(&held));
    }
    drafts.push(terms_draft(posting));
    drafts
}

struct Condition {
    field: String,
    /// What the candidate is asked to have, as a noun phrase.
    text: String,
}

/// Licences, permits and languages, most binding first.
fn held(posting: &Posting) -> Vec<Condition> {
    let mut found: Vec<(u8, Condition)> = Vec::new();
    for (i, line) in posting.requirements.iter().enumerate() {
        let field = format!("requirements[{i}]");
        let named = match kind_of(line) {
            LineKind::WorkPermit => Some((0, permit(line))),
            LineKind::Credential => thing(line).map(|text| (1, with_article(&text))),
            LineKind::Language => language_in(line)
                .filter(|l| l.to_lowercase() != INTERVIEW_LANGUAGE)
                .map(|l| (2, format!("enough {l} to work in it"))),
            LineKind::Subject | LineKind::Physical | LineKind::Availability | LineKind::Prohibited => None,
        };
        if let Some((rank, text)) = named {
            found.push((rank, Condition { field, text }));
        }
    }
    for (i, language) in posting.languages.iter().enumerate() {
        let name = if language.name.is_empty() {
            &language.code
        } else {
            &language.name
        };
        let known = found.iter().any(|(_, c)| c.text.contains(name.as_str()));
        if !known && !name.is_empty() && name.to_lowercase() != INTERVIEW_LANGUAGE && name != "en" {
            let text = format!("enough {name} to work in it");
            found.push((
                2,
                Condition {
                    field: format!("languages[{i}]"),
                    text,
                },
            ));
        }
    }
    found.retain(|(_, c)| prohibited_in(&c.text).is_none());
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, c)| c).take(PER_QUESTION).collect()
}

fn held_draft(held: &[Condition]) -> Draft {
    let those = ["that", "both", "all of these"][held.len().clamp(1, PER_QUESTION) - 1];
    let all = listed(&held.iter().map(|c| c.text.clone()).collect::<Vec<_>>());
    Draft {
        kind: QuestionKind::Logistics,
        topic: "Requirements".to_owned(),
        text: format!("The posting asks for {all}. Do you have {those}, or is anything still open?"),
        rephrased: format!("Could you tell me whether you have {all}?"),
        probes: vec![
            "Could you tell me a little more about that?".to_owned(),
            "By when would you have it?".to_owned(),
        ],
        criteria: held
            .iter()
            .map(|c| gate(capitalized(&c.text), c.field.clone(), keywords_of(&c.text), &c.text))
            .collect(),
    }
}

/// Place, hours and start. Without anything in the posting: the start alone.
fn terms_draft(posting: &Posting) -> Draft {
    let mut said: Vec<String> = Vec::new();
    let mut criteria = Vec::new();
    if let Some(text) = posting.commitment.as_ref().and_then(hours) {
        criteria.push(gate(
            "Hours".to_owned(),
            "commitment".to_owned(),
            words(&["hours", "full-time", "part-time", "week", "available"]),
            &text,
        ));
        said.push(format!("The position is {text}."));
    }
    if let Some(text) = posting.place.as_ref().and_then(place) {
        criteria.push(gate(
            "Place of work".to_owned(),
            "place".to_owned(),
            words(&["remote", "office", "home", "commute", "move", "live", "time zone"]),
            &text,
        ));
        said.push(format!("The work is {text}."));
    }
    for (field, line) in numbered(posting) {
        let kind = kind_of(line);
        if said.len() >= PER_QUESTION || !matches!(kind, LineKind::Availability | LineKind::Physical) {
            continue;
        }
        let Some(text) = activity(line).filter(|t| prohibited_in(t).is_none()) else {
            continue;
        };
        criteria.push(gate(capitalized(&text), field, with_start(keywords_of(&text)), &text));
        let also = if said.is_empty() { "The work" } else { "It also" };
        said.push(if kind == LineKind::Physical {
            format!("{also} includes {}, with or without adjustments.", physical(&text))
        } else {
            format!("{also} means {text}.")
        });
    }
    if criteria.is_empty() {
        criteria.push(gate(
            "Start".to_owned(),
            "title".to_owned(),
            words(&["start", "notice", "available", "month", "week"]),
            "a start date that fits",
        ));
    }
    let (text, rephrased) = if said.is_empty() {
        (
            "If things work out, when could you start, and how many hours a week would you like to work?".to_owned(),
            "From when could you work, and how much?".to_owned(),
        )
    } else {
        (
            format!("{} Would that work for you, and when could you start?", said.join(" ")),
            "Do the place and the hours suit you, and from when could you work?".to_owned(),
        )
    };
    Draft {
        kind: QuestionKind::Logistics,
        topic: "Place and start".to_owned(),
        text,
        rephrased,
        probes: vec![
            "And from when could you start?".to_owned(),
            "Is there anything you would like to know about the place or the hours?".to_owned(),
        ],
        criteria,
    }
}

fn numbered(posting: &Posting) -> impl Iterator<Item = (String, &String)> {
    let required = posting
        .requirements
        .iter()
        .enumerate()
        .map(|(i, line)| (format!("requirements[{i}]"), line));
    required.chain(
        posting
            .responsibilities
            .iter()
            .enumerate()
            .map(|(i, line)| (format!("responsibilities[{i}]"), line)),
    )
}

fn hours(commitment: &Commitment) -> Option<String> {
    let kind = tidy(&commitment.kind.replace('_', "-"));
    match (kind.as_str(), commitment.hours.filter(|h| (1.0..=80.0).contains(h))) {
        ("", None) => None,
        ("", Some(hours)) => Some(format!("for {hours} hours a week")),
        (kind, None) => Some(kind.to_owned()),
        (kind, Some(hours)) => Some(format!("{kind}, {hours} hours a week")),
    }
}

fn place(place: &Place) -> Option<String> {
    let locations: Vec<String> = place
        .locations
        .iter()
        .map(|l| tidy(l))
        .filter(|l| !l.is_empty())
        .take(3)
        .collect();
    let mut text = match (place.remote, place.anywhere, locations.is_empty()) {
        (true, true, _) => "remote, from anywhere".to_owned(),
        (true, false, true) => "remote".to_owned(),
        (true, false, false) => format!("remote, from {}", listed(&locations).replace(" and ", " or ")),
        (false, _, false) => format!("in {}", listed(&locations).replace(" and ", " or ")),
        (false, _, true) => return None,
    };
    if let Some(zone) = place.timezone.as_deref().map(tidy).filter(|z| !z.is_empty()) {
        text = format!("{text}, with {zone}");
    }
    Some(text)
}

/// The duty, without a judgement on anybody's body.
fn physical(text: &str) -> String {
    if text.split_whitespace().next().is_some_and(|w| w.ends_with("ing")) {
        text.to_owned()
    } else {
        format!("work where this matters: {text}")
    }
}

fn permit(line: &str) -> String {
    let line = tidy(line);
    let place = line
        .rsplit_once(" in ")
        .map(|(_, place)| place.trim())
        .filter(|p| p.split_whitespace().count() <= 4);
    place.map_or_else(
        || "a right to work where the job is".to_owned(),
        |place| format!("a right to work in {place}"),
    )
}

fn with_article(text: &str) -> String {
    let first = text.split_whitespace().next().unwrap_or_default().to_lowercase();
    let bare = ["a", "an", "the", "being", "some", "valid"].contains(&first.as_str())
        || first.ends_with("ing")
        || text.ends_with('s');
    if bare && first != "valid" {
        return text.to_owned();
    }
    // Letters said by their names: an NMC registration, an RN licence.
    let acronym = text.chars().take(2).all(char::is_uppercase);
    let vowel = if acronym {
        "AEFHILMNORSX".contains(&text[..1])
    } else {
        "aeio".contains(&first[..first.len().min(1)])
    };
    format!("{} {text}", if vowel { "an" } else { "a" })
}

fn gate(name: String, job_field: String, keywords: Vec<String>, condition: &str) -> Criterion {
    Criterion {
        id: String::new(),
        name,
        job_field,
        kind: CriterionKind::Gate,
        weight: 0.0,
        anchors: Anchors {
            one: format!("Says that this is not possible or not there: {condition}."),
            three: format!("Leaves it open or says it with conditions: {condition}."),
            five: format!("Confirms it: {condition}."),
        },
        keywords,
    }
}

fn with_start(mut keywords: Vec<String>) -> Vec<String> {
    keywords.extend(words(&["fine", "possible", "problem", "available"]));
    keywords
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|w| (*w).to_owned()).collect()
}

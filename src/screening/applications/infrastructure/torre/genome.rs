//! A person's genome as what the candidate brings. Picture, place, popularity (weight, recommendations, hits, views,
//! verifications) and the dates of education are never read.

use std::fmt::Write as _;

use serde_json::Value;

use super::fields::{as_text, first_text, list, text};
use super::text::{line, lines};
use crate::screening::applications::domain::directory::{Bio, Username};

const MAX_WORD: usize = 200;
const MAX_ITEMS: usize = 100;
const MAX_PROFILE: usize = 100_000;

/// # Errors
/// When there is no person in it.
pub(super) fn bio(asked: &Username, value: &Value) -> Result<Bio, &'static str> {
    let person = value
        .get("person")
        .filter(|p| p.is_object())
        .ok_or("it has no person")?;
    let username = first_text(person, &["publicId", "username"])
        .and_then(|name| Username::parse(&name).ok())
        .unwrap_or_else(|| asked.clone());
    let name = text(person, "name").and_then(|name| line(&name, MAX_WORD));
    let profile = profile(person, value);
    let profile = match &name {
        Some(name) => profile.replace(name.as_str(), "the candidate"),
        None => profile,
    };
    Ok(Bio {
        name: name.unwrap_or_else(|| username.as_str().to_owned()),
        username: username.as_str().to_owned(),
        headline: text(person, "professionalHeadline").and_then(|h| line(&h, MAX_WORD)),
        profile: (!profile.is_empty()).then_some(profile),
    })
}

fn profile(person: &Value, value: &Value) -> String {
    let mut all: Vec<String> = text(person, "summaryOfBio").map(|s| lines(&s)).unwrap_or_default();
    all.extend(named("Skills", list(value, "strengths"), "proficiency"));
    for (category, kind) in [("jobs", "Work"), ("projects", "Project"), ("education", "Education")] {
        all.extend(
            experiences(value, category)
                .into_iter()
                .filter_map(|e| experience(kind, e)),
        );
    }
    for (category, kind) in [("awards", "Award"), ("publications", "Publication")] {
        let names = experiences(value, category).into_iter();
        all.extend(names.filter_map(|e| Some(format!("{kind}: {}", line(&text(e, "name")?, MAX_WORD)?))));
    }
    all.extend(named("Languages", list(value, "languages"), "fluency"));
    let mut whole = all.join("\n");
    whole.truncate(whole.floor_char_boundary(MAX_PROFILE));
    whole
}

/// `Skills: SQL (proficient), Python.`
fn named(heading: &str, items: &[Value], level: &str) -> Option<String> {
    let names = items.iter().filter_map(|item| {
        let name = as_text(item).or_else(|| first_text(item, &["name", "language"]))?;
        let name = line(&name, MAX_WORD)?;
        Some(match text(item, level).and_then(|l| line(&l, MAX_WORD)) {
            Some(level) => format!("{name} ({})", level.replace('-', " ")),
            None => name,
        })
    });
    let names: Vec<String> = names.take(MAX_ITEMS).collect();
    (!names.is_empty()).then(|| format!("{heading}: {}.", names.join(", ")))
}

/// Either all are under `experiences`, each with its category, or each category has a list of its own.
fn experiences<'a>(value: &'a Value, category: &str) -> Vec<&'a Value> {
    let together = list(value, "experiences").iter();
    let mut found: Vec<&Value> = together
        .filter(|e| text(e, "category").as_deref() == Some(category))
        .collect();
    if found.is_empty() {
        found.extend(list(value, category));
    }
    found.truncate(MAX_ITEMS);
    found
}

fn experience(kind: &str, value: &Value) -> Option<String> {
    let name = text(value, "name").and_then(|n| line(&n, MAX_WORD));
    let at = list(value, "organizations")
        .iter()
        .find_map(|o| line(&text(o, "name")?, MAX_WORD));
    let mut told = match (name, at) {
        (Some(name), Some(at)) => format!("{kind}: {name}, {at}"),
        (Some(one), None) | (None, Some(one)) => format!("{kind}: {one}"),
        (None, None) => return None,
    };
    // How long somebody worked is about the work; when somebody studied tells their age.
    if kind != "Education"
        && let Some(from) = text(value, "fromYear").and_then(|y| line(&y, 20))
    {
        let to = text(value, "toYear").and_then(|y| line(&y, 20));
        let _ = write!(told, ", {from} to {}", to.as_deref().unwrap_or("now"));
    }
    told.push('.');
    let done = list(value, "responsibilities").iter().filter_map(as_text);
    let done = done.take(MAX_ITEMS).flat_map(|r| lines(&r));
    let more = text(value, "additionalInfo")
        .map(|info| lines(&info))
        .unwrap_or_default();
    for sentence in done.chain(more) {
        told.push(' ');
        told.push_str(&sentence);
        if !sentence.ends_with(['.', '!', '?']) {
            told.push('.');
        }
    }
    Some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked() -> Username {
        Username::parse("Ana-Example").expect("plain")
    }

    // spec: APP-2, APP-8
    #[test]
    fn a_genome_becomes_what_the_candidate_brings() {
        let bio = bio(&asked(), &json!({
            "person": { "publicId": "ana-example", "name": "Ana Example", "professionalHeadline": "Backend engineer",
                        "summaryOfBio": "<p>Ana Example builds ledgers</p>", "picture": "https://x/p.png", "weight": 99,
                        "location": { "name": "Cali" } },
            "strengths": [{ "name": "SQL", "proficiency": "proficient", "weight": 7, "recommendations": 12 }],
            "experiences": [
                { "category": "jobs", "name": "Backend Engineer", "organizations": [{ "name": "Example Pay" }],
                  "responsibilities": ["Built ledger service"], "fromYear": "2021", "verifications": 3 },
                { "category": "education", "name": "Computing", "organizations": [{ "name": "Example University" }],
                  "fromYear": "1987", "toYear": "1991" }
            ],
            "languages": [{ "code": "es", "language": "Spanish", "fluency": "fully-fluent" }]
        }))
        .expect("usable");
        assert_eq!(
            (bio.username.as_str(), bio.name.as_str()),
            ("ana-example", "Ana Example")
        );
        assert_eq!(
            bio.profile.as_deref(),
            Some(
                "the candidate builds ledgers\nSkills: SQL (proficient).\n\
                 Work: Backend Engineer, Example Pay, 2021 to now. Built ledger service.\n\
                 Education: Computing, Example University.\nLanguages: Spanish (fully fluent)."
            )
        );
    }

    // spec: APP-2
    #[test]
    fn drift_loses_the_field_and_not_the_person() {
        let bio = bio(&asked(), &json!({
            "person": { "publicId": 7, "name": null, "subjectId": "x" }, "stats": null, "strengths": { "0": "x" },
            "experiences": [], "jobs": [{ "name": "Cook", "responsibilities": "none", "organizations": null }, null],
            "languages": ["Greek", { "language": null }]
        }))
        .expect("usable");
        assert_eq!((bio.username.as_str(), bio.name.as_str()), ("7", "7"));
        assert_eq!(bio.profile.as_deref(), Some("Work: Cook.\nLanguages: Greek."));
        let bare = super::bio(&asked(), &json!({ "person": {} })).expect("usable");
        assert_eq!((bare.username.as_str(), bare.profile), ("Ana-Example", None));
    }

    #[test]
    fn what_holds_no_person_is_refused() {
        for odd in [
            json!(null),
            json!([]),
            json!({}),
            json!({ "person": null }),
            json!({ "person": "Ana" }),
        ] {
            assert!(bio(&asked(), &odd).is_err(), "{odd}");
        }
    }
}

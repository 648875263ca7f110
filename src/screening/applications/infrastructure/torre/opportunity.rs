//! An opportunity as a posting. Who posted it, pictures and numbers of applicants are left out.

use serde_json::Value;

use super::fields::{as_text, first_text, flag, list, number, text};
use super::text::{line, lines};
use crate::screening::applications::domain::directory::Opportunity;
use crate::screening::applications::domain::job_offer::{
    Commitment, Compensation, JobOfferStatus, LanguageNeed, Organization, Place, Posting, Section, Skill,
};

const MAX_ITEMS: usize = 100;
const MAX_TITLE: usize = 200;
const MAX_WORD: usize = 120;

/// # Errors
/// When it is no opportunity, or does not say what the position is.
pub(super) fn opportunity(value: &Value) -> Result<Opportunity, &'static str> {
    if !value.is_object() {
        return Err("it is not an opportunity");
    }
    let title = first_text(value, &["objective", "title"]).or_else(|| text(value.get("serpTags")?, "title"));
    let title = title
        .and_then(|title| line(&title, MAX_TITLE))
        .ok_or("it has no objective")?;
    let mut posting = Posting {
        title,
        tagline: text(value, "tagline").and_then(|t| line(&t, 500)).unwrap_or_default(),
        organization: organization(value),
        skills: skills(value),
        languages: languages(value),
        compensation: compensation(value),
        commitment: commitment(value),
        place: value.get("place").and_then(place),
        ..Posting::default()
    };
    details(value, &mut posting);
    Ok(Opportunity {
        status: status(value),
        posting,
    })
}

/// A status nobody knows does not close an offer.
fn status(value: &Value) -> JobOfferStatus {
    match text(value, "status").map(|s| s.to_ascii_lowercase()).as_deref() {
        Some("closed" | "filled" | "archived" | "expired") => JobOfferStatus::Closed,
        Some("paused" | "on-hold") => JobOfferStatus::Paused,
        _ => JobOfferStatus::Open,
    }
}

fn details(value: &Value, posting: &mut Posting) {
    for detail in list(value, "details").iter().take(MAX_ITEMS) {
        let said = first_text(detail, &["content", "body"])
            .map(|c| lines(&c))
            .unwrap_or_default();
        if said.is_empty() {
            continue;
        }
        let code = text(detail, "code").unwrap_or_default();
        match code.as_str() {
            "responsibilities" => posting.responsibilities.extend(said),
            "requirements" | "qualifications" => posting.requirements.extend(said),
            "benefits" => posting.benefits.extend(said),
            _ => posting.sections.push(Section {
                heading: heading(&code),
                text: said.join("\n"),
            }),
        }
    }
    let described = value.get("serpTags").and_then(|tags| text(tags, "description"));
    if posting.responsibilities.is_empty() && posting.sections.is_empty() {
        posting.sections.extend(described.map(|text| Section {
            heading: "Description".to_owned(),
            text: lines(&text).join("\n"),
        }));
    }
    for list in [
        &mut posting.responsibilities,
        &mut posting.requirements,
        &mut posting.benefits,
    ] {
        list.truncate(MAX_ITEMS);
    }
}

/// A code such as `team-structure` as a heading.
fn heading(code: &str) -> String {
    let words = line(code, MAX_WORD).unwrap_or_default().replace(['-', '_'], " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => "Details".to_owned(),
    }
}

fn organization(value: &Value) -> Organization {
    let Some(first) = list(value, "organizations").iter().find(|o| text(o, "name").is_some()) else {
        return Organization::default();
    };
    Organization {
        name: text(first, "name").and_then(|n| line(&n, MAX_WORD)).unwrap_or_default(),
        size: number(first, "size")
            .filter(|size| (1.0..=1e7).contains(size))
            .map(|size| size as u32),
        about: text(first, "about")
            .map(|about| lines(&about).join(" "))
            .unwrap_or_default(),
    }
}

/// Called `strengths` where one opportunity is asked for and `skills` in lists.
fn skills(value: &Value) -> Vec<Skill> {
    let given = match list(value, "strengths") {
        [] => list(value, "skills"),
        strengths => strengths,
    };
    let word = |text: String| line(&text, MAX_WORD);
    given
        .iter()
        .filter_map(|skill| {
            let name = as_text(skill).or_else(|| first_text(skill, &["name", "term"]))?;
            let proficiency = text(skill, "proficiency").and_then(word);
            let must_have = matches!(proficiency.as_deref(), Some("proficient" | "expert" | "master"));
            Some(Skill {
                name: word(name)?,
                proficiency,
                experience: text(skill, "experience").and_then(word),
                must_have,
            })
        })
        .take(MAX_ITEMS)
        .collect()
}

fn languages(value: &Value) -> Vec<LanguageNeed> {
    let word = |text: String| line(&text, MAX_WORD);
    list(value, "languages")
        .iter()
        .filter_map(|need| {
            let inner = need.get("language").filter(|l| l.is_object()).unwrap_or(need);
            let name = first_text(inner, &["name", "language"]).and_then(word);
            let code = text(inner, "code").and_then(word);
            (name.is_some() || code.is_some()).then(|| LanguageNeed {
                code: code.unwrap_or_default(),
                name: name.unwrap_or_default(),
                fluency: text(need, "fluency").and_then(word),
            })
        })
        .take(MAX_ITEMS)
        .collect()
}

/// Flat where one opportunity is asked for, under `data` in lists. Not visible unless it says so.
fn compensation(value: &Value) -> Option<Compensation> {
    let outer = value.get("compensation")?;
    let pay = outer.get("data").filter(|data| data.is_object()).unwrap_or(outer);
    let amount = |key| number(pay, key).filter(|amount| *amount > 0.0);
    let (min, max) = (amount("minAmount"), amount("maxAmount"));
    if min.is_none() && max.is_none() {
        return None;
    }
    let currency: String = text(pay, "currency")?
        .chars()
        .filter(char::is_ascii_alphabetic)
        .take(3)
        .collect();
    Some(Compensation {
        currency: currency.to_ascii_uppercase(),
        min,
        max,
        periodicity: text(pay, "periodicity")
            .and_then(|p| line(&p, MAX_WORD))
            .unwrap_or_default(),
        visible: flag(pay, "visible").or_else(|| flag(outer, "visible")).unwrap_or(false),
        negotiable: flag(pay, "negotiable").unwrap_or(false),
    })
}

fn commitment(value: &Value) -> Option<Commitment> {
    let given = value.get("commitment")?;
    let kind = as_text(given)
        .or_else(|| text(given, "code"))
        .and_then(|k| line(&k, MAX_WORD));
    let hours = number(given, "hours").filter(|hours| (1.0..=168.0).contains(hours));
    (kind.is_some() || hours.is_some()).then(|| Commitment {
        kind: kind.unwrap_or_default(),
        hours: hours.map(|hours| hours as f32),
    })
}

fn place(value: &Value) -> Option<Place> {
    let places = list(value, "location").iter();
    let named = places.filter_map(|place| as_text(place).or_else(|| first_text(place, &["id", "name", "countryCode"])));
    let kind = text(value, "locationType").unwrap_or_default();
    let place = Place {
        remote: flag(value, "remote").unwrap_or(kind.starts_with("remote")),
        anywhere: flag(value, "anywhere").unwrap_or(kind == "remote_anywhere"),
        locations: named.filter_map(|name| line(&name, MAX_WORD)).take(MAX_ITEMS).collect(),
        // Elsewhere a flag or a number of hours: only words can be told to anybody.
        timezone: value
            .get("timezone")
            .filter(|zone| zone.is_string())
            .and_then(as_text)
            .and_then(|z| line(&z, MAX_WORD)),
    };
    (place != Place::default()).then_some(place)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(value: &Value) -> Posting {
        opportunity(value).expect("usable").posting
    }

    // spec: APP-2, APP-4
    #[test]
    fn an_opportunity_becomes_a_posting() {
        let posting = taken(&json!({
            "objective": "Backend Engineer (Python)", "status": "open",
            "details": [
                { "code": "responsibilities", "content": "<p>Own the payments API</p>\n<p>On-call one week in six</p>" },
                { "code": "requirements", "content": "3+ years Python\nPostgreSQL" },
                { "code": "benefits", "content": "-" },
                { "code": "team-structure", "content": "Five engineers" }
            ],
            "strengths": [{ "id": "s1", "name": "SQL", "proficiency": "proficient", "experience": "3-plus-years" }],
            "languages": [{ "language": { "code": "en", "name": "English" }, "fluency": "fully-fluent" }],
            "organizations": [{ "id": 1, "name": "Acme Labs", "size": 40, "picture": null }],
            "place": { "remote": true, "anywhere": false, "timezone": false, "location": [{ "id": "Colombia" }] },
            "compensation": { "currency": "USD$", "minAmount": 3000, "maxAmount": 4500, "periodicity": "monthly",
                              "visible": true, "negotiable": false },
            "commitment": { "code": "full-time", "hours": 40 }
        }));
        assert_eq!(posting.title, "Backend Engineer (Python)");
        assert_eq!(
            posting.responsibilities,
            ["Own the payments API", "On-call one week in six"]
        );
        assert_eq!(posting.requirements, ["3+ years Python", "PostgreSQL"]);
        assert!(posting.benefits.is_empty());
        assert_eq!(
            (posting.sections[0].heading.as_str(), posting.sections[0].text.as_str()),
            ("Team structure", "Five engineers")
        );
        assert!(posting.skills[0].must_have);
        assert_eq!(posting.languages[0].fluency.as_deref(), Some("fully-fluent"));
        assert_eq!(posting.organization.size, Some(40));
        let pay = posting.compensation.as_ref().expect("told");
        assert_eq!(
            (pay.currency.as_str(), pay.min, pay.max),
            ("USD", Some(3000.0), Some(4500.0))
        );
        let place = posting.place.as_ref().expect("told");
        assert_eq!((place.remote, place.timezone.as_deref()), (true, None));
        assert_eq!(place.locations, ["Colombia"]);
    }

    // spec: APP-2
    #[test]
    fn drift_loses_the_field_and_not_the_offer() {
        let posting = taken(&json!({
            "title": "  Nurse ", "status": 7, "tagline": null, "details": "none", "unknown": [1, { "a": 2 }],
            "skills": ["Triage", { "term": "Wound care", "proficiency": null }, 5, null, {}],
            "languages": [{ "language": "Greek", "code": "el" }, null, "x"],
            "organizations": [null, { "name": 42, "size": "120" }],
            "compensation": { "data": { "currency": "EUR", "minAmount": "2,000", "maxAmount": "0", "visible": "true" } },
            "commitment": "part-time", "place": { "locationType": "remote_anywhere", "location": "none" }
        }));
        assert_eq!(posting.title, "Nurse");
        assert_eq!(
            posting.skills.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(),
            ["Triage", "Wound care", "5"]
        );
        assert_eq!(
            (posting.languages[0].name.as_str(), posting.languages.len()),
            ("Greek", 1)
        );
        assert_eq!(
            (posting.organization.name.as_str(), posting.organization.size),
            ("42", Some(120))
        );
        let pay = posting.compensation.as_ref().expect("told");
        assert_eq!((pay.min, pay.max, pay.visible), (Some(2000.0), None, true));
        assert_eq!(posting.commitment.as_ref().expect("told").kind, "part-time");
        assert!(posting.place.as_ref().expect("told").anywhere);
        posting.check().expect("of a size that is taken");
    }

    #[test]
    fn what_names_no_position_is_refused() {
        for odd in [
            json!(null),
            json!([]),
            json!("x"),
            json!({}),
            json!({ "objective": null }),
            json!({ "objective": "<p> </p>" }),
        ] {
            assert!(opportunity(&odd).is_err(), "{odd}");
        }
        assert_eq!(
            opportunity(&json!({ "objective": "a", "status": "CLOSED" }))
                .expect("usable")
                .status,
            JobOfferStatus::Closed
        );
        assert_eq!(
            opportunity(&json!({ "objective": "a", "status": "brand-new" }))
                .expect("usable")
                .status,
            JobOfferStatus::Open
        );
    }

    #[test]
    fn endless_lists_are_cut_to_what_is_taken() {
        let detail = json!({ "code": "responsibilities", "content": "do it\n".repeat(90) });
        let posting = taken(&json!({
            "objective": "x".repeat(5_000), "details": vec![detail; 50],
            "strengths": vec![json!({ "name": "y".repeat(9_000) }); 500]
        }));
        posting.check().expect("of a size that is taken");
    }
}

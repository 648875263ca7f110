//! The demo interview's job offer: an invented company, rich enough to try everything.

use crate::screening::applications::domain::job_offer::{
    Commitment, Compensation, LanguageNeed, Organization, Place, Posting, Section, Skill,
};

/// A backend engineer at a company that does not exist.
pub fn demo_posting() -> Posting {
    let lines = |all: &[&str]| all.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let skill = |name: &str, proficiency: &str, experience: &str, must_have: bool| Skill {
        name: name.to_owned(),
        proficiency: Some(proficiency.to_owned()),
        experience: Some(experience.to_owned()),
        must_have,
    };
    let section = |heading: &str, text: &str| Section {
        heading: heading.to_owned(),
        text: text.to_owned(),
    };
    Posting {
        title: "Backend Engineer".to_owned(),
        tagline: "Help small harbours run on time with software that does not fail at sea.".to_owned(),
        organization: Organization {
            name: "Halcyon Harbour".to_owned(),
            size: Some(45),
            about: "Halcyon Harbour makes booking and payment software for marinas in eleven countries.".to_owned(),
        },
        responsibilities: lines(&[
            "Own the payments API that marinas and boat owners use every day",
            "Design and run the booking service, from the data model to its operation",
            "Find and fix what makes our services slow or unreliable",
            "Review code and help two junior engineers grow",
            "Take part in the on-call rota one week in six",
        ]),
        requirements: lines(&[
            "At least three years of building backend services in Python or Rust",
            "Solid experience with PostgreSQL",
            "Experience with designing REST APIs that others depend on",
            "Clear written and spoken English",
            "Kubernetes is a plus",
        ]),
        benefits: lines(&[
            "Twenty-eight days of paid holiday a year, plus public holidays",
            "Private health insurance from the first day",
            "A learning budget of 1,500 euros a year",
            "A laptop of your choice and a home office allowance of 600 euros",
            "Two company weeks a year in Thessaloniki, travel paid",
        ]),
        skills: vec![
            skill("Python", "proficient", "3-plus-years", true),
            skill("PostgreSQL", "proficient", "3-plus-years", true),
            skill("REST APIs", "expert", "3-plus-years", true),
            skill("Kubernetes", "novice", "1-plus-years", false),
        ],
        languages: vec![LanguageNeed {
            code: "en".to_owned(),
            name: "English".to_owned(),
            fluency: Some("fully-fluent".to_owned()),
        }],
        compensation: Some(Compensation {
            currency: "EUR".to_owned(),
            min: Some(52_000.0),
            max: Some(68_000.0),
            periodicity: "yearly".to_owned(),
            visible: true,
            negotiable: false,
        }),
        commitment: Some(Commitment {
            kind: "full-time".to_owned(),
            hours: Some(38.0),
        }),
        place: Some(Place {
            remote: true,
            anywhere: false,
            locations: lines(&["Greece", "Portugal", "Germany"]),
            timezone: Some("at least four hours of overlap with Athens".to_owned()),
        }),
        sections: vec![
            section(
                "The team",
                "The backend team has six engineers and a product manager.\nThe team lead is also an engineer and reports to the head of technology.",
            ),
            section(
                "How we work",
                "The services are written in Python and Rust and run on Kubernetes.\nThe team releases several times a day and has no meetings on Wednesdays.",
            ),
            section(
                "Hiring process",
                "After this interview there is a talk with two engineers and a small paid exercise.\nCandidates hear back within five working days.",
            ),
            section(
                "Contract",
                "The contract is permanent, with a trial period of three months.",
            ),
        ],
    }
}

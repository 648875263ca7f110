//! A position a recruiter wants to fill, and what it states.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::screening::shared::ids::JobOfferId;

/// A position a recruiter wants to fill. Everything but the title may be empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobOffer {
    pub id: JobOfferId,
    pub status: JobOfferStatus,
    /// Where it was imported from; none when a recruiter wrote it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalRef>,
    #[serde(flatten)]
    pub posting: Posting,
}

/// What a posting says, whether typed in, read from a file or imported.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Posting {
    /// The objective: what the position is, e.g. `Backend Engineer (Python)`.
    pub title: String,
    /// One sentence that sums the position up.
    pub tagline: String,
    pub organization: Organization,
    pub responsibilities: Vec<String>,
    pub requirements: Vec<String>,
    pub benefits: Vec<String>,
    pub skills: Vec<Skill>,
    pub languages: Vec<LanguageNeed>,
    pub compensation: Option<Compensation>,
    pub commitment: Option<Commitment>,
    pub place: Option<Place>,
    /// Further headed texts, e.g. the team, the hiring process.
    pub sections: Vec<Section>,
}

/// Whether candidates can still be interviewed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobOfferStatus {
    #[default]
    Open,
    Paused,
    Closed,
}

/// The same position in another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExternalRef {
    /// E.g. `torre`.
    pub source: String,
    pub id: String,
}

/// Who is hiring.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Organization {
    pub name: String,
    /// Number of people.
    pub size: Option<u32>,
    pub about: String,
}

/// Something the work needs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Skill {
    pub name: String,
    /// E.g. `novice`, `proficient`, `expert`.
    pub proficiency: Option<String>,
    /// E.g. `3-plus-years` or `3+ years`.
    pub experience: Option<String>,
    pub must_have: bool,
}

/// A language the work needs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct LanguageNeed {
    /// BCP 47, e.g. `en`.
    pub code: String,
    /// E.g. `English`.
    pub name: String,
    /// E.g. `fully-fluent`, `conversational`, `reading`.
    pub fluency: Option<String>,
}

/// What is paid.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Compensation {
    /// ISO 4217, e.g. `EUR`.
    pub currency: String,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// E.g. `monthly`, `yearly`, `hourly`.
    pub periodicity: String,
    /// Candidates are told only when this is true.
    pub visible: bool,
    pub negotiable: bool,
}

/// How much of the week it takes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Commitment {
    /// E.g. `full-time`, `part-time`, `freelance`.
    pub kind: String,
    /// Hours a week.
    pub hours: Option<f32>,
}

/// Where the work is done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Place {
    pub remote: bool,
    /// From any country.
    pub anywhere: bool,
    pub locations: Vec<String>,
    /// E.g. `at least four hours of overlap with Athens`.
    pub timezone: Option<String>,
}

/// A headed piece of text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Section {
    pub heading: String,
    pub text: String,
}

/// One thing a job offer states, as a sentence that can be said aloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Where it stands, e.g. `benefits[0]`.
    pub field: String,
    pub text: String,
}

impl JobOffer {
    /// A new open position.
    pub fn new(posting: Posting) -> Self {
        Self {
            id: JobOfferId::generate(),
            status: JobOfferStatus::Open,
            external: None,
            posting,
        }
    }
}

impl Posting {
    /// Whether this can be stored: it names a position, and is of a size people write.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(&self) -> Result<(), String> {
        const MAX_TITLE: usize = 200;
        const MAX_ITEMS: usize = 100;
        const MAX_TEXT: usize = 20_000;
        if self.title.is_empty() || self.title.chars().count() > MAX_TITLE {
            return Err(format!("the title takes 1 to {MAX_TITLE} characters"));
        }
        let lists = [
            self.responsibilities.len(),
            self.requirements.len(),
            self.benefits.len(),
            self.skills.len(),
        ];
        if lists
            .into_iter()
            .chain([self.languages.len(), self.sections.len()])
            .any(|len| len > MAX_ITEMS)
        {
            return Err(format!("a list takes at most {MAX_ITEMS} entries"));
        }
        if self
            .statements()
            .iter()
            .any(|statement| statement.text.len() > MAX_TEXT)
        {
            return Err(format!("a text takes at most {MAX_TEXT} bytes"));
        }
        Ok(())
    }

    /// Everything a candidate may be told, one statement a line of the posting, in reading order.
    /// Pay that is not visible is left out.
    pub fn statements(&self) -> Vec<Statement> {
        let mut all = Vec::new();
        let mut state = |field: String, text: String| {
            if !text.trim().is_empty() {
                all.push(Statement { field, text });
            }
        };
        let role = match (self.title.as_str(), self.organization.name.as_str()) {
            ("", _) => String::new(),
            (title, "") => format!("The position is {title}."),
            (title, organization) => format!("The position is {title} at {organization}."),
        };
        state("title".to_owned(), role);
        state("tagline".to_owned(), self.tagline.clone());
        state("organization.about".to_owned(), self.organization.about.clone());
        if let Some(size) = self.organization.size {
            state(
                "organization.size".to_owned(),
                format!("{} has about {size} people.", self.employer()),
            );
        }
        for (field, lines) in [
            ("responsibilities", &self.responsibilities),
            ("requirements", &self.requirements),
            ("benefits", &self.benefits),
        ] {
            for (i, line) in lines.iter().enumerate() {
                state(format!("{field}[{i}]"), line.clone());
            }
        }
        for (i, skill) in self.skills.iter().enumerate() {
            state(format!("skills[{i}]"), skill.sentence());
        }
        for (i, language) in self.languages.iter().enumerate() {
            state(format!("languages[{i}]"), language.sentence());
        }
        if let Some(pay) = self.compensation.as_ref().filter(|pay| pay.visible) {
            state("compensation".to_owned(), pay.sentence());
        }
        if let Some(commitment) = &self.commitment {
            state("commitment".to_owned(), commitment.sentence());
        }
        if let Some(place) = &self.place {
            state("place".to_owned(), place.sentence());
        }
        for (i, section) in self.sections.iter().enumerate() {
            for paragraph in section.text.split('\n').map(str::trim).filter(|p| !p.is_empty()) {
                state(format!("sections[{i}]"), paragraph.to_owned());
            }
        }
        all
    }

    fn employer(&self) -> &str {
        if self.organization.name.is_empty() {
            "The organization"
        } else {
            &self.organization.name
        }
    }
}

impl Skill {
    fn sentence(&self) -> String {
        let need = if self.must_have { "is required" } else { "is asked for" };
        let mut text = format!("{} {need}", self.name);
        if let Some(proficiency) = &self.proficiency {
            let _ = write!(text, ", at the level {}", spaced(proficiency));
        }
        if let Some(experience) = &self.experience {
            let _ = write!(
                text,
                ", with {} of experience",
                spaced(experience).replace(" plus years", "+ years")
            );
        }
        text + "."
    }
}

impl LanguageNeed {
    fn sentence(&self) -> String {
        let name = if self.name.is_empty() { &self.code } else { &self.name };
        match &self.fluency {
            Some(fluency) => format!("The work needs {name}, {}.", spaced(fluency)),
            None => format!("The work needs {name}."),
        }
    }
}

impl Compensation {
    /// Empty when no amount is known; a bound of 0 counts as unknown.
    fn sentence(&self) -> String {
        let known = |bound: Option<f64>| bound.filter(|amount| *amount > 0.0).map(grouped);
        let amount = match (known(self.min), known(self.max)) {
            (None, None) => return String::new(),
            (Some(min), Some(max)) if min != max => format!("between {min} and {max}"),
            (Some(min), None) => format!("from {min}"),
            (_, Some(max)) => max,
        };
        let mut text = format!("The pay is {amount} {}", self.currency);
        if !self.periodicity.is_empty() {
            let _ = write!(text, ", {}", spaced(&self.periodicity));
        }
        if self.negotiable {
            text.push_str(", and it is negotiable");
        }
        text + "."
    }
}

impl Commitment {
    fn sentence(&self) -> String {
        match (self.kind.as_str(), self.hours) {
            ("", None) => String::new(),
            ("", Some(hours)) => format!("The work takes {hours} hours a week."),
            (kind, None) => format!("The position is {kind}."),
            (kind, Some(hours)) => format!("The position is {kind}, {hours} hours a week."),
        }
    }
}

impl Place {
    fn sentence(&self) -> String {
        let mut text = match (self.remote, self.anywhere, self.locations.join(", ")) {
            (true, true, _) => "The work is remote, from anywhere".to_owned(),
            (true, false, places) if places.is_empty() => "The work is remote".to_owned(),
            (true, false, places) => format!("The work is remote, from {places}"),
            (false, _, places) if places.is_empty() => return self.timezone.clone().unwrap_or_default(),
            (false, _, places) => format!("The work is done in {places}"),
        };
        if let Some(timezone) = &self.timezone {
            let _ = write!(text, ", {timezone}");
        }
        text + "."
    }
}

/// A code such as `3-plus-years` in words.
fn spaced(code: &str) -> String {
    code.replace(['-', '_'], " ")
}

/// A whole amount with its thousands separated.
fn grouped(amount: f64) -> String {
    let digits = format!("{amount:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Posting {
        Posting {
            title: "Backend Engineer".to_owned(),
            organization: Organization {
                name: "Acme Labs".to_owned(),
                size: Some(40),
                about: String::new(),
            },
            benefits: vec!["Four weeks of holiday".to_owned()],
            skills: vec![Skill {
                name: "SQL".to_owned(),
                proficiency: Some("proficient".to_owned()),
                experience: Some("3-plus-years".to_owned()),
                must_have: true,
            }],
            compensation: Some(Compensation {
                currency: "USD".to_owned(),
                min: Some(3000.0),
                max: Some(4500.0),
                periodicity: "monthly".to_owned(),
                visible: true,
                negotiable: false,
            }),
            ..Posting::default()
        }
    }

    fn said(posting: &Posting, field: &str) -> Option<String> {
        posting
            .statements()
            .into_iter()
            .find(|s| s.field == field)
            .map(|s| s.text)
    }

    // spec: APP-4
    #[test]
    fn every_field_becomes_a_sentence_with_its_place() {
        let posting = offer();
        assert_eq!(
            said(&posting, "title").as_deref(),
            Some("The position is Backend Engineer at Acme Labs.")
        );
        assert_eq!(said(&posting, "benefits[0]").as_deref(), Some("Four weeks of holiday"));
        assert_eq!(
            said(&posting, "skills[0]").as_deref(),
            Some("SQL is required, at the level proficient, with 3+ years of experience.")
        );
        assert_eq!(
            said(&posting, "compensation").as_deref(),
            Some("The pay is between 3,000 and 4,500 USD, monthly.")
        );
    }

    #[test]
    fn pay_that_is_not_visible_is_never_told() {
        let mut posting = offer();
        posting.compensation.as_mut().expect("set above").visible = false;
        assert_eq!(said(&posting, "compensation"), None);
    }

    #[test]
    fn unknown_amounts_are_not_read_as_zero() {
        let mut posting = offer();
        let pay = posting.compensation.as_mut().expect("set above");
        (pay.min, pay.max) = (Some(0.0), Some(0.0));
        assert_eq!(said(&posting, "compensation"), None);
    }
}

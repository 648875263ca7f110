//! Candidates and positions that another system knows, and what of them is taken over.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::screening::applications::domain::candidate::Candidate;
use crate::screening::applications::domain::job_offer::{ExternalRef, JobOffer, JobOfferStatus, Posting};
use crate::screening::shared::ids::{CandidateId, JobOfferId};
use crate::shared::errors::UpstreamError;

/// Where positions and people were taken over from, also while it is turned off.
pub const TORRE: &str = "torre";

/// A system where people have a profile and organizations publish opportunities, such as Torre.
#[async_trait]
pub trait TalentDirectory: Send + Sync {
    /// Its name, e.g. [`TORRE`].
    fn source(&self) -> &'static str;
    async fn bio(&self, username: &Username) -> Result<Bio, DirectoryError>;
    async fn opportunity(&self, id: &OpportunityId) -> Result<Opportunity, DirectoryError>;
}

/// What is taken over of a person. What says nothing about the work (picture, place, popularity, dates of education) is
/// not in here, so that nobody can use it.
#[derive(Clone, PartialEq, Eq)]
pub struct Bio {
    /// As the directory writes it, which may differ in case from what was asked for.
    pub username: String,
    /// Only to greet the candidate.
    pub name: String,
    /// What the candidate does, in one line.
    pub headline: Option<String>,
    /// Skills, work, projects, education, languages, one a line; without the name.
    pub profile: Option<String>,
}

/// What is taken over of a position.
#[derive(Debug, Clone, PartialEq)]
pub struct Opportunity {
    pub status: JobOfferStatus,
    pub posting: Posting,
}

/// Why a directory gave nothing that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    #[error("it is not there")]
    NotFound,
    /// It would not take the name or id.
    #[error("the directory does not take this name or id")]
    Rejected,
    /// There is something, but not what an interview can be made of.
    #[error("{0}")]
    Unusable(String),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// A name or id that no directory would know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadReference {
    #[error("a username has 1 to 100 letters, digits, dots, dashes and underscores")]
    Username,
    #[error("an opportunity's id has 1 to 40 letters and digits")]
    Opportunity,
}

/// The name of a person in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

/// The id of a position in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpportunityId(String);

impl Username {
    /// # Errors
    /// When it has characters no username has.
    pub fn parse(text: &str) -> Result<Self, BadReference> {
        let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        let sound = (1..=100).contains(&text.chars().count()) && text.chars().all(plain) && !text.starts_with('.');
        sound.then(|| Self(text.to_owned())).ok_or(BadReference::Username)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OpportunityId {
    /// # Errors
    /// When it is not made of letters and digits.
    pub fn parse(text: &str) -> Result<Self, BadReference> {
        let sound = (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        sound.then(|| Self(text.to_owned())).ok_or(BadReference::Opportunity)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This position as another one's origin.
    pub fn at(&self, source: &str) -> ExternalRef {
        ExternalRef {
            source: source.to_owned(),
            id: self.0.clone(),
        }
    }
}

impl Bio {
    /// The person as a candidate here.
    pub fn candidate(&self, source: &str, now: DateTime<Utc>) -> Candidate {
        Candidate {
            id: CandidateId::generate(),
            username: Some(self.username.clone()),
            name: self.name.clone(),
            email: None,
            headline: self.headline.clone(),
            resume_text: self.profile.clone(),
            source: Some(source.to_owned()),
            created_at: now,
        }
    }
}

impl Opportunity {
    /// The position as a job offer here.
    pub fn job_offer(&self, origin: ExternalRef) -> JobOffer {
        JobOffer {
            id: JobOfferId::generate(),
            status: self.status,
            external: Some(origin),
            posting: self.posting.clone(),
        }
    }
}

/// Personal data stays out of logs, also by accident.
impl std::fmt::Debug for Bio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bio").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: APP-2
    #[test]
    fn names_and_ids_that_lead_elsewhere_are_refused() {
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a b",
            "ana?x=1",
            "ana#",
            "a%2fb",
            "ana\n",
            &"a".repeat(101),
        ] {
            assert_eq!(Username::parse(bad), Err(BadReference::Username), "{bad:?}");
        }
        for bad in ["", "..", "AbCd1234-slug", "a/b", "job_1", &"a".repeat(41)] {
            assert_eq!(OpportunityId::parse(bad), Err(BadReference::Opportunity), "{bad:?}");
        }
        for good in ["ana-example", "Ana.Example_2", "élodie"] {
            assert_eq!(Username::parse(good).expect("plain").as_str(), good);
        }
        assert_eq!(OpportunityId::parse("AbCd1234").expect("plain").as_str(), "AbCd1234");
    }
}

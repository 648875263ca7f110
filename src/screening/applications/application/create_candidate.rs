//! A recruiter adds a candidate.

use crate::screening::applications::application::{ApplicationError, ApplicationService};
use crate::screening::applications::domain::candidate::Candidate;
use crate::screening::shared::ids::CandidateId;
use crate::shared::errors::StoreError;

const MAX_CHARS: usize = 200;
const MAX_RESUME_CHARS: usize = 200_000;

/// A candidate to add.
#[derive(Clone, Default)]
pub struct NewCandidate {
    pub username: Option<String>,
    pub name: String,
    pub email: Option<String>,
    pub headline: Option<String>,
    pub resume_text: Option<String>,
}

impl ApplicationService {
    /// Stores a candidate; a résumé file is read first and its text kept.
    ///
    /// # Errors
    /// When the name is missing, something is too long, the username is taken or the file cannot be read.
    pub async fn create_candidate(
        &self,
        new: NewCandidate,
        resume: Option<Vec<u8>>,
    ) -> Result<Candidate, ApplicationError> {
        let given = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        let resume_text = match resume {
            Some(file) => Some(self.documents.read(file).await?),
            None => given(new.resume_text),
        };
        let candidate = Candidate {
            id: CandidateId::generate(),
            username: given(new.username),
            name: new.name.trim().to_owned(),
            email: given(new.email),
            headline: given(new.headline),
            resume_text,
            source: None,
            created_at: self.clock.now(),
        };
        check(&candidate).map_err(|problem| ApplicationError::Invalid(problem.to_owned()))?;
        match self.store.insert_candidate(&candidate).await {
            Err(StoreError::Conflict(_)) => Err(ApplicationError::Conflict("the username is taken".to_owned())),
            other => Ok(other.map(|()| candidate)?),
        }
    }
}

fn check(candidate: &Candidate) -> Result<(), &'static str> {
    let long = |text: Option<&String>| text.is_some_and(|t| t.chars().count() > MAX_CHARS);
    let mail = candidate.email.as_ref().is_none_or(|mail| {
        mail.split_once('@')
            .is_some_and(|(who, place)| !who.is_empty() && !place.is_empty() && !mail.contains(' '))
    });
    match candidate {
        c if c.name.is_empty() => Err("a candidate needs a name"),
        c if long(Some(&c.name))
            || long(c.username.as_ref())
            || long(c.email.as_ref())
            || long(c.headline.as_ref()) =>
        {
            Err("names, addresses and headlines take at most 200 characters")
        }
        c if c
            .resume_text
            .as_ref()
            .is_some_and(|t| t.chars().count() > MAX_RESUME_CHARS) =>
        {
            Err("the résumé is too long")
        }
        _ if !mail => Err("the e-mail address is not one"),
        _ => Ok(()),
    }
}

//! One candidate applying to one job offer, and how far that has come.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::screening::shared::ids::{ApplicationId, CallId, CandidateId, JobOfferId};

/// One candidate applying to one job offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreeningApplication {
    pub id: ApplicationId,
    pub candidate_id: CandidateId,
    pub job_offer_id: JobOfferId,
    status: ApplicationStatus,
    /// As it was when it was read. A store refuses to write over what somebody else changed since.
    read: ApplicationStatus,
    pub created_at: DateTime<Utc>,
}

/// How far an application has come. Only people move it past `screened`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationStatus {
    Applied,
    Invited,
    InScreening,
    Screened,
    InReview,
    Advanced,
    Declined,
    Withdrawn,
    Erased,
}

impl ApplicationStatus {
    /// As it is written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Invited => "invited",
            Self::InScreening => "in_screening",
            Self::Screened => "screened",
            Self::InReview => "in_review",
            Self::Advanced => "advanced",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Erased => "erased",
        }
    }
}

/// A move the application's status does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an application that is {} cannot become {}", from.as_str(), to.as_str())]
pub struct IllegalMove {
    pub from: ApplicationStatus,
    pub to: ApplicationStatus,
}

/// Published with every new application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobOfferApplied {
    pub application_id: ApplicationId,
    pub candidate_id: CandidateId,
    pub job_offer_id: JobOfferId,
}

/// Published when everything personal about an application was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationErased {
    pub application_id: ApplicationId,
    /// Its calls, whose recordings go too.
    pub call_ids: Vec<CallId>,
}

impl ApplicationErased {
    /// The name under which it is published.
    pub const NAME: &'static str = "ApplicationErased";
}

impl JobOfferApplied {
    /// The name under which it is published.
    pub const NAME: &'static str = "JobOfferApplied";
}

impl ScreeningApplication {
    /// A new application and what to publish with it.
    pub fn submit(candidate_id: CandidateId, job_offer_id: JobOfferId, now: DateTime<Utc>) -> (Self, JobOfferApplied) {
        let id = ApplicationId::generate();
        let applied = JobOfferApplied {
            application_id: id.clone(),
            candidate_id: candidate_id.clone(),
            job_offer_id: job_offer_id.clone(),
        };
        (
            Self {
                id,
                candidate_id,
                job_offer_id,
                status: ApplicationStatus::Applied,
                read: ApplicationStatus::Applied,
                created_at: now,
            },
            applied,
        )
    }

    /// Rebuilds a stored application.
    #[must_use]
    pub fn restore(
        id: ApplicationId,
        candidate_id: CandidateId,
        job_offer_id: JobOfferId,
        status: ApplicationStatus,
        created_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            candidate_id,
            job_offer_id,
            status,
            read: status,
            created_at,
        }
    }

    /// The status it had when it was read.
    pub fn read_status(&self) -> ApplicationStatus {
        self.read
    }

    pub fn status(&self) -> ApplicationStatus {
        self.status
    }

    /// Whether somebody decided that there will be no interview, or no further one.
    pub fn is_called_off(&self) -> bool {
        use ApplicationStatus::{
            Advanced, Applied, Declined, Erased, InReview, InScreening, Invited, Screened, Withdrawn,
        };
        match self.status {
            Declined | Withdrawn | Erased => true,
            Applied | Invited | InScreening | Screened | InReview | Advanced => false,
        }
    }

    /// A link was sent. Another link for somebody already invited or in screening moves nothing.
    pub fn invite(&mut self) -> Result<(), IllegalMove> {
        match self.status {
            ApplicationStatus::Invited | ApplicationStatus::InScreening => Ok(()),
            _ => self.advance(ApplicationStatus::Invited),
        }
    }

    /// The candidate gave consent. Coming back after a break moves nothing.
    pub fn begin_screening(&mut self) -> Result<(), IllegalMove> {
        match self.status {
            ApplicationStatus::InScreening => Ok(()),
            _ => self.advance(ApplicationStatus::InScreening),
        }
    }

    /// The interview is over.
    pub fn end_screening(&mut self) -> Result<(), IllegalMove> {
        self.advance(ApplicationStatus::Screened)
    }

    /// The candidate no longer wants to take part.
    pub fn withdraw(&mut self) -> Result<(), IllegalMove> {
        self.advance(ApplicationStatus::Withdrawn)
    }

    /// A person looks at the results.
    pub fn review(&mut self) -> Result<(), IllegalMove> {
        self.advance(ApplicationStatus::InReview)
    }

    /// A person decided for the candidate.
    pub fn promote(&mut self) -> Result<(), IllegalMove> {
        self.advance(ApplicationStatus::Advanced)
    }

    /// A person decided against the candidate.
    pub fn decline(&mut self) -> Result<(), IllegalMove> {
        self.advance(ApplicationStatus::Declined)
    }

    /// Everything personal was deleted.
    pub fn erase(&mut self) -> Result<(), IllegalMove> {
        self.advance(ApplicationStatus::Erased)
    }

    fn advance(&mut self, to: ApplicationStatus) -> Result<(), IllegalMove> {
        use ApplicationStatus::{
            Advanced, Applied, Declined, Erased, InReview, InScreening, Invited, Screened, Withdrawn,
        };
        let legal = match self.status {
            Applied => matches!(to, Invited | Declined | Withdrawn | Erased),
            Invited => matches!(to, InScreening | Declined | Withdrawn | Erased),
            InScreening => matches!(to, Screened | Declined | Withdrawn | Erased),
            Screened => matches!(to, InReview | Advanced | Declined | Withdrawn | Erased),
            InReview => matches!(to, Advanced | Declined | Withdrawn | Erased),
            Advanced => matches!(to, Declined | Withdrawn | Erased),
            Declined | Withdrawn => matches!(to, Erased),
            Erased => false,
        };
        if !legal {
            return Err(IllegalMove { from: self.status, to });
        }
        self.status = to;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied() -> ScreeningApplication {
        ScreeningApplication::submit(CandidateId::generate(), JobOfferId::generate(), DateTime::UNIX_EPOCH).0
    }

    // spec: APP-10
    #[test]
    fn an_application_goes_its_way_and_not_another() {
        let mut application = applied();
        assert!(
            application.begin_screening().is_err(),
            "nobody is screened without an invitation"
        );
        application.invite().expect("applied");
        application.invite().expect("a second link is fine");
        application.begin_screening().expect("invited");
        assert!(
            application.promote().is_err(),
            "nobody is advanced before the interview is over"
        );
        application.end_screening().expect("in screening");
        application.review().expect("screened");
        application.promote().expect("in review");
        application.erase().expect("always possible");
        let gone = IllegalMove {
            from: ApplicationStatus::Erased,
            to: ApplicationStatus::Invited,
        };
        assert_eq!(application.invite(), Err(gone));
    }

    #[test]
    fn somebody_who_withdrew_is_not_interviewed() {
        let mut application = applied();
        application.invite().expect("applied");
        application.withdraw().expect("invited");
        assert!(application.begin_screening().is_err());
        assert!(application.invite().is_err());
    }
}

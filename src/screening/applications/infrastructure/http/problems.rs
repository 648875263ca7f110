//! Errors of applications as problems.

use crate::screening::applications::application::{ApplicationError, Thing};
use crate::screening::applications::domain::invitation::Unusable;
use crate::screening::applications::domain::ports::DocumentError;
use crate::shared::http::problem::{Problem, ProblemKind};

impl From<ApplicationError> for Problem {
    fn from(error: ApplicationError) -> Self {
        let kind = match &error {
            ApplicationError::NotFound(Thing::JobOffer) => return ProblemKind::JobOfferNotFound.into(),
            ApplicationError::NotFound(Thing::Candidate) => return ProblemKind::CandidateNotFound.into(),
            ApplicationError::NotFound(Thing::Application) => return ProblemKind::ApplicationNotFound.into(),
            ApplicationError::NotFound(Thing::Invitation) => return ProblemKind::InvitationNotFound.into(),
            ApplicationError::Invitation(Unusable::Expired) => return ProblemKind::InvitationExpired.into(),
            ApplicationError::Invitation(Unusable::Revoked) => return ProblemKind::InvitationRevoked.into(),
            ApplicationError::Invitation(Unusable::Used) => return ProblemKind::InvitationUsed.into(),
            ApplicationError::ConsentRequired => return ProblemKind::ConsentRequired.into(),
            ApplicationError::NoSuchPlan => return ProblemKind::PlanNotFound.into(),
            ApplicationError::BadReference(_) => ProblemKind::BadId,
            ApplicationError::Invalid(_) | ApplicationError::NoPlan(_) | ApplicationError::BadPlan(_) => {
                ProblemKind::Invalid
            }
            ApplicationError::Conflict(_) => ProblemKind::Conflict,
            ApplicationError::ConsentVersion { .. } => ProblemKind::ConsentVersion,
            ApplicationError::Document(DocumentError::TooLarge(_)) => ProblemKind::TooLarge,
            ApplicationError::Document(DocumentError::UnknownKind) => ProblemKind::UnsupportedMediaType,
            ApplicationError::Document(
                DocumentError::NotUtf8 | DocumentError::Unreadable(_) | DocumentError::NoText,
            ) => ProblemKind::UnreadableDocument,
            ApplicationError::Document(DocumentError::Busy) => ProblemKind::Unavailable,
            ApplicationError::Store(_) | ApplicationError::Upstream(_) => ProblemKind::Internal,
        };
        match error {
            ApplicationError::Store(error) => error.into(),
            ApplicationError::Upstream(error) => error.into(),
            error => Self::new(kind, error.to_string()),
        }
    }
}

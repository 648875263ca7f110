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
            ApplicationError::Invalid(_) | ApplicationError::NoPlan(_) => ProblemKind::Invalid,
            ApplicationError::Conflict(_) => ProblemKind::Conflict,
            ApplicationError::ConsentVersion { .. } => ProblemKind::ConsentVersion,
            ApplicationError::Document(DocumentError::TooLarge(_)) => ProblemKind::TooLarge,
            ApplicationError::Document(DocumentError::UnknownKind) => ProblemKind::UnsupportedMediaType,
            ApplicationError::Document(DocumentError::Unreadable(_) | DocumentError::NoText) => {
                ProblemKind::UnreadableDocument
            }
            ApplicationError::Document(DocumentError::Busy) => ProblemKind::Unavailable,
            ApplicationError::Store(_) => ProblemKind::Internal,
        };
        if let ApplicationError::Store(error) = error {
            return error.into();
        }
        Self::new(kind, error.to_string())
    }
}

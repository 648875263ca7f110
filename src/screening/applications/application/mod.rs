//! Use cases: one file each, as methods of [`ApplicationService`].

pub mod create_candidate;
pub mod create_job_offer;
pub mod edit_plan;
pub mod embed;
pub mod enter_interview;
pub mod erase;
pub mod give_consent;
pub mod invite;
pub mod look_up;
pub mod make_plan;
pub mod move_on;
pub mod plan_interview;
pub mod react;
pub mod rebuild_embeddings;
pub mod submit_application;
pub mod withdraw_consent;

use std::sync::Arc;

use crate::screening::applications::application::invite::LinkTerms;
use crate::screening::applications::domain::application::IllegalMove;
use crate::screening::applications::domain::directory::{BadReference, TalentDirectory};
use crate::screening::applications::domain::invitation::Unusable;
use crate::screening::applications::domain::ports::{
    ApplicationStore, DocumentError, DocumentReader, Eraser, InterviewCalls, PlanMaker,
};
use crate::shared::clock::Clock;
use crate::shared::errors::{StoreError, UpstreamError};

/// Somebody may move an application at the same moment; how often it is read again and the same tried once more.
const TRIES: u32 = 3;

/// Applications, from job offer to consent.
pub struct ApplicationService {
    pub store: Arc<dyn ApplicationStore>,
    pub calls: Arc<dyn InterviewCalls>,
    pub eraser: Arc<dyn Eraser>,
    pub documents: Arc<dyn DocumentReader>,
    pub plans: Arc<dyn PlanMaker>,
    /// Where who and what is not here is looked up.
    pub directory: Option<Arc<dyn TalentDirectory>>,
    pub clock: Arc<dyn Clock>,
    /// How long and how often a link can be used where nobody says otherwise.
    pub link_terms: LinkTerms,
    /// Whether candidates can agree to have their sound recorded.
    pub offers_recording: bool,
}

/// Why something about an application cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    #[error("no such {0}")]
    NotFound(Thing),
    /// What was given is no name or id of anything.
    #[error("{0}")]
    BadReference(String),
    /// What was given cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// The present state does not allow it.
    #[error("{0}")]
    Conflict(String),
    #[error(transparent)]
    Invitation(#[from] Unusable),
    #[error("the consent text in force is version {in_force}")]
    ConsentVersion { in_force: &'static str },
    #[error("the candidate has not given consent")]
    ConsentRequired,
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// No plan can be made from the job offer.
    #[error("no interview can be planned: {0}")]
    NoPlan(String),
    /// The plan breaks a rule.
    #[error("the plan cannot be used: {0}")]
    BadPlan(String),
    /// There is no such version of the plan.
    #[error("there is no such plan")]
    NoSuchPlan,
    /// The directory gave no usable answer.
    #[error("the directory failed: {0}")]
    Upstream(UpstreamError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    JobOffer,
    Candidate,
    Application,
    Invitation,
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::JobOffer => "job offer",
            Self::Candidate => "candidate",
            Self::Application => "application",
            Self::Invitation => "invitation",
        })
    }
}

impl From<BadReference> for ApplicationError {
    fn from(error: BadReference) -> Self {
        Self::BadReference(error.to_string())
    }
}

impl From<IllegalMove> for ApplicationError {
    fn from(error: IllegalMove) -> Self {
        Self::Conflict(error.to_string())
    }
}

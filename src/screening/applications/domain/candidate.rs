//! The person being interviewed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::screening::shared::ids::CandidateId;

/// The person being interviewed. Nothing here but the résumé's text is ever shown to a scorer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Candidate {
    pub id: CandidateId,
    /// The name under which another system knows the candidate.
    pub username: Option<String>,
    pub name: String,
    pub email: Option<String>,
    /// What the candidate does, in one line.
    pub headline: Option<String>,
    pub resume_text: Option<String>,
    /// Where it was taken over from, e.g. `torre`; none when a recruiter wrote it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub created_at: DateTime<Utc>,
}

/// Personal data stays out of logs, also by accident.
impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Candidate")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

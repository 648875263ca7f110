//! Links that let candidates into an interview.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::screening::shared::ids::{ApplicationId, InvitationId, JobOfferId};

/// A link that lets a candidate into an interview. Its secret is known to the link alone; only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    pub id: InvitationId,
    pub target: InvitationTarget,
    pub job_offer_id: JobOfferId,
    /// SHA-256 of the link's secret, hex.
    pub token_hash: String,
    /// Attempts at the interview since the link was made, those after a technical break included.
    pub max_attempts: u32,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Whom a link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvitationTarget {
    /// One application; made by a recruiter, or by consenting through the open link `parent`.
    Personal {
        application_id: ApplicationId,
        parent: Option<InvitationId>,
    },
    /// Anybody, for a demo: each consent makes a new candidate with a personal link.
    Open,
}

/// The kinds of link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationKind {
    Personal,
    Open,
}

/// Why a link no longer lets anybody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("the invitation has expired")]
    Expired,
    #[error("the invitation was revoked")]
    Revoked,
    /// The interview was held, or all attempts are spent.
    #[error("the invitation has been used")]
    Used,
}

impl Invitation {
    /// Whether the link still opens its page.
    ///
    /// # Errors
    /// When it was revoked or has expired.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), Unusable> {
        match self.revoked_at {
            Some(_) => Err(Unusable::Revoked),
            None if now >= self.expires_at => Err(Unusable::Expired),
            None => Ok(()),
        }
    }

    pub fn kind(&self) -> InvitationKind {
        match self.target {
            InvitationTarget::Personal { .. } => InvitationKind::Personal,
            InvitationTarget::Open => InvitationKind::Open,
        }
    }
}

//! Links that let candidates in: sent, revoked, and the open one of a demo.

use chrono::{DateTime, TimeDelta, Utc};

use crate::screening::applications::application::{ApplicationError, ApplicationService, TRIES, Thing};
use crate::screening::applications::domain::invitation::{Invitation, InvitationTarget};
use crate::screening::shared::ids::{ApplicationId, InvitationId, JobOfferId};
use crate::shared::errors::StoreError;
use crate::shared::secrets::{random_token, sha256_hex};

/// A link that was made. Its token is shown this once and not kept.
pub struct NewLink {
    pub id: InvitationId,
    pub token: String,
    pub expires_at: DateTime<Utc>,
}

/// How long and how often a link can be used.
#[derive(Debug, Clone, Copy)]
pub struct LinkTerms {
    pub valid_for: TimeDelta,
    pub max_attempts: u32,
}

impl Default for LinkTerms {
    fn default() -> Self {
        Self {
            valid_for: TimeDelta::days(7),
            max_attempts: 3,
        }
    }
}

const LONGEST: TimeDelta = TimeDelta::days(90);
const MOST_ATTEMPTS: u32 = 10;

impl ApplicationService {
    /// Makes a link for the candidate of an application.
    ///
    /// # Errors
    /// When there is no such application, it is past its interview, or the terms are out of range.
    pub async fn invite(&self, id: &ApplicationId, terms: LinkTerms) -> Result<NewLink, ApplicationError> {
        check(terms)?;
        let mut tries = 1;
        loop {
            let mut application = self.application(id).await?;
            application.invite()?;
            let target = InvitationTarget::Personal {
                application_id: id.clone(),
                parent: None,
            };
            let (invitation, link) = self.new_link(target, application.job_offer_id.clone(), terms);
            match self.store.insert_invitation(&invitation, Some(&application)).await {
                // Invited twice at once, as likely as not.
                Err(StoreError::Conflict(_)) if tries < TRIES => tries += 1,
                stored => return Ok(stored.map(|()| link)?),
            }
        }
    }

    /// Makes a link for anybody, for a demo: each consent through it makes a new candidate.
    ///
    /// # Errors
    /// When there is no such offer, or the terms are out of range.
    pub async fn open_link(&self, offer: &JobOfferId, terms: LinkTerms) -> Result<NewLink, ApplicationError> {
        check(terms)?;
        let offer = self.job_offer(offer).await?;
        let (invitation, link) = self.new_link(InvitationTarget::Open, offer.id, terms);
        self.store.insert_invitation(&invitation, None).await?;
        Ok(link)
    }

    /// Makes a link for anybody useless. Whoever consented through it before goes on with a link of their own.
    ///
    /// # Errors
    /// When the job offer has no such link.
    pub async fn revoke_open_link(&self, offer: &JobOfferId, id: &InvitationId) -> Result<(), ApplicationError> {
        let known = self.store.open_invitations(offer).await?;
        if !known.iter().any(|invitation| invitation.id == *id) {
            return Err(ApplicationError::NotFound(Thing::Invitation));
        }
        Ok(self.store.revoke_invitation(id, self.clock.now()).await?)
    }

    /// Makes a link useless. Doing it again changes nothing.
    ///
    /// # Errors
    /// When the application has no such invitation.
    pub async fn revoke(&self, application: &ApplicationId, id: &InvitationId) -> Result<(), ApplicationError> {
        let known = self.store.invitations_of(application).await?;
        if !known.iter().any(|invitation| invitation.id == *id) {
            return Err(ApplicationError::NotFound(Thing::Invitation));
        }
        Ok(self.store.revoke_invitation(id, self.clock.now()).await?)
    }

    pub(super) fn new_link(
        &self,
        target: InvitationTarget,
        job_offer_id: JobOfferId,
        terms: LinkTerms,
    ) -> (Invitation, NewLink) {
        let (token, now) = (random_token(), self.clock.now());
        let invitation = Invitation {
            id: InvitationId::generate(),
            target,
            job_offer_id,
            token_hash: sha256_hex(token.as_bytes()),
            max_attempts: terms.max_attempts,
            created_at: now,
            expires_at: now + terms.valid_for,
            revoked_at: None,
        };
        let link = NewLink {
            id: invitation.id.clone(),
            token,
            expires_at: invitation.expires_at,
        };
        (invitation, link)
    }
}

fn check(terms: LinkTerms) -> Result<(), ApplicationError> {
    if terms.valid_for <= TimeDelta::zero() || terms.valid_for > LONGEST {
        return Err(ApplicationError::Invalid(
            "a link is valid for 1 hour to 90 days".to_owned(),
        ));
    }
    if !(1..=MOST_ATTEMPTS).contains(&terms.max_attempts) {
        return Err(ApplicationError::Invalid("a link takes 1 to 10 attempts".to_owned()));
    }
    Ok(())
}

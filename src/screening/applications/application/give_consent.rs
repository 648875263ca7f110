//! A candidate answers the consent text.

use crate::screening::applications::application::invite::LinkTerms;
use crate::screening::applications::application::submit_application::check_open;
use crate::screening::applications::application::{ApplicationError, ApplicationService, TRIES};
use crate::screening::applications::domain::application::{JobOfferApplied, ScreeningApplication};
use crate::screening::applications::domain::candidate::Candidate;
use crate::screening::applications::domain::consent::{CONSENT, Consent, ConsentState};
use crate::screening::applications::domain::invitation::{Invitation, InvitationTarget, Unusable};
use crate::screening::applications::domain::ports::Admission;
use crate::screening::shared::ids::{ApplicationId, CallId, CandidateId};
use crate::shared::errors::StoreError;
use crate::shared::events::Event;

/// What a candidate answered.
#[derive(Debug, Clone)]
pub struct ConsentAnswer {
    /// Version of the text that was shown.
    pub version: String,
    pub accepted: bool,
    /// Whether sound may be recorded; counts only where recording is offered.
    pub recording: bool,
}

/// How it goes on.
pub enum ConsentOutcome {
    /// The call can be entered, from now on with this token.
    Ready {
        token: String,
        application_id: ApplicationId,
        call_id: CallId,
    },
    /// A human will take over.
    Declined { token: String },
}

impl ApplicationService {
    /// Writes the answer down. Consent through an open link makes a candidate with a personal link; consent through a
    /// personal one opens the call. Who declines after having consented withdraws consent.
    ///
    /// # Errors
    /// When the link is unknown, expired, revoked or used, the text is not the one in force, or the job offer takes no
    /// new applications.
    pub async fn give_consent(&self, token: &str, answer: &ConsentAnswer) -> Result<ConsentOutcome, ApplicationError> {
        let invitation = self.invitation_of(token).await?;
        if answer.version != CONSENT.version {
            return Err(ApplicationError::ConsentVersion {
                in_force: CONSENT.version,
            });
        }
        let consent = Consent {
            version: answer.version.clone(),
            accepted: answer.accepted,
            recording: answer.accepted && answer.recording && self.offers_recording,
            given_at: self.clock.now(),
            withdrawn_at: None,
        };
        match &invitation.target {
            // Nobody is known yet who declined.
            InvitationTarget::Open if !answer.accepted => Ok(ConsentOutcome::Declined {
                token: token.to_owned(),
            }),
            InvitationTarget::Open => self.admit(&invitation, consent).await,
            InvitationTarget::Personal { application_id, .. } => {
                let mut tries = 1;
                loop {
                    let application = self.application(application_id).await?;
                    match self.note(token, &invitation, application, &consent).await {
                        // Answered twice at once, as likely as not.
                        Err(ApplicationError::Store(StoreError::Conflict(_))) if tries < TRIES => tries += 1,
                        noted => return noted,
                    }
                }
            }
        }
    }

    async fn note(
        &self,
        token: &str,
        invitation: &Invitation,
        mut application: ScreeningApplication,
        consent: &Consent,
    ) -> Result<ConsentOutcome, ApplicationError> {
        let token = token.to_owned();
        if !consent.accepted {
            let before = self.store.consent(&application.id).await?;
            if ConsentState::of(before.as_ref()) == ConsentState::Given {
                self.forget(&application.id).await?;
            }
            self.store.put_consent(&application, consent).await?;
            return Ok(ConsentOutcome::Declined { token });
        }
        // Before anything is stored: a link that is used up takes no consent.
        if application.begin_screening().is_err() {
            return Err(Unusable::Used.into());
        }
        let (call_id, _) = self.open_call(invitation, &application).await?;
        self.store.put_consent(&application, consent).await?;
        Ok(ConsentOutcome::Ready {
            token,
            application_id: application.id,
            call_id,
        })
    }

    /// Makes everything somebody who came through an open link needs.
    async fn admit(&self, open: &Invitation, consent: Consent) -> Result<ConsentOutcome, ApplicationError> {
        check_open(self.job_offer(&open.job_offer_id).await?.status)?;
        let now = self.clock.now();
        let number = self.store.children(&open.id).await? + 1;
        let candidate = Candidate {
            id: CandidateId::generate(),
            username: None,
            name: format!("Demo candidate {number}"),
            email: None,
            headline: None,
            resume_text: None,
            source: None,
            created_at: now,
        };
        let (mut application, applied) =
            ScreeningApplication::submit(candidate.id.clone(), open.job_offer_id.clone(), now);
        application.invite()?;
        application.begin_screening()?;
        let target = InvitationTarget::Personal {
            application_id: application.id.clone(),
            parent: Some(open.id.clone()),
        };
        let terms = LinkTerms {
            max_attempts: open.max_attempts,
            ..self.link_terms
        };
        let (invitation, link) = self.new_link(target, open.job_offer_id.clone(), terms);
        let admission = Admission {
            applied: Event::new(JobOfferApplied::NAME, application.id.as_str(), now, &applied),
            candidate,
            application: application.clone(),
            invitation: invitation.clone(),
            consent,
        };
        self.store.admit(&admission).await?;
        let (call_id, _) = self.open_call(&invitation, &application).await?;
        Ok(ConsentOutcome::Ready {
            token: link.token,
            application_id: application.id,
            call_id,
        })
    }
}

//! What a link opens: where its interview stands, and the call to enter.

use chrono::TimeDelta;

use crate::screening::applications::application::{ApplicationError, ApplicationService, Thing};
use crate::screening::applications::domain::application::ScreeningApplication;
use crate::screening::applications::domain::consent::{Consent, ConsentState};
use crate::screening::applications::domain::invitation::{Invitation, InvitationKind, InvitationTarget, Unusable};
use crate::screening::applications::domain::ports::{OpenError, Progress, Stage};
use crate::screening::shared::ids::{ApplicationId, CallId};
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::secrets::sha256_hex;

/// How long an open link still tells of an interview that ended.
const OPEN_LINK_REMEMBERS: TimeDelta = TimeDelta::minutes(10);

/// Who opens a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitor {
    /// A browser: through an open link always somebody new, as it goes on with its personal link.
    Browser,
    /// A program: through an open link it means the interview it last consented to.
    Program,
}

/// Where an interview stands.
#[derive(Debug, Clone)]
pub struct InterviewState {
    pub kind: InvitationKind,
    pub status: InterviewStatus,
    pub progress: Option<Progress>,
    pub candidate_name: Option<String>,
    pub plan: InterviewPlan,
}

/// What the candidate can do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InterviewStatus {
    /// Consent is asked for.
    Waiting,
    /// The call can be entered.
    Ready,
    Live,
    Reconnecting,
    Finished,
    Declined,
}

/// A call that can be entered.
#[derive(Debug, Clone)]
pub struct Entered {
    pub application_id: ApplicationId,
    pub call_id: CallId,
    pub plan: InterviewPlan,
    /// Whether the candidate agreed to be recorded.
    pub recording: bool,
}

impl ApplicationService {
    /// Where the interview of a link stands.
    ///
    /// # Errors
    /// When the link is unknown, expired or revoked.
    pub async fn interview(&self, token: &str, visitor: Visitor) -> Result<InterviewState, ApplicationError> {
        let invitation = self.invitation_of(token).await?;
        let kind = invitation.kind();
        let plan = self.plan_of_offer(&invitation.job_offer_id).await?;
        let somebody_new = kind == InvitationKind::Open && visitor == Visitor::Browser;
        let application = if somebody_new {
            None
        } else {
            self.application_behind(&invitation).await?
        };
        let Some(application) = application else {
            let status = InterviewStatus::Waiting;
            return Ok(InterviewState {
                kind,
                status,
                progress: None,
                candidate_name: None,
                plan,
            });
        };
        let consent = self.store.consent(&application.id).await?;
        let progress = self.calls.progress(&application.id).await?;
        let status = status(consent.as_ref(), &progress);
        let long_over = progress
            .ended_at
            .is_some_and(|ended| self.clock.now() - ended > OPEN_LINK_REMEMBERS);
        if kind == InvitationKind::Open && status == InterviewStatus::Finished && long_over {
            let status = InterviewStatus::Waiting;
            return Ok(InterviewState {
                kind,
                status,
                progress: None,
                candidate_name: None,
                plan,
            });
        }
        let plan = self.plan_to_hold(&application.id, &progress).await?;
        let candidate_name = match kind {
            InvitationKind::Personal => Some(self.candidate(&application.candidate_id).await?.name),
            InvitationKind::Open => None,
        };
        Ok(InterviewState {
            kind,
            status,
            progress: Some(progress),
            candidate_name,
            plan,
        })
    }

    /// The call that the candidate of a link enters, made where there is none. Consent must have been given.
    ///
    /// # Errors
    /// When the link is unknown, expired, revoked or used, or consent is missing.
    pub async fn enter(&self, token: &str) -> Result<Entered, ApplicationError> {
        let invitation = self.invitation_of(token).await?;
        let application = self
            .application_behind(&invitation)
            .await?
            .ok_or(ApplicationError::ConsentRequired)?;
        let consent = self.store.consent(&application.id).await?;
        let Some(consent) = consent.filter(|c| ConsentState::of(Some(c)) == ConsentState::Given) else {
            return Err(ApplicationError::ConsentRequired);
        };
        // Who is in the middle of it may finish; nobody else begins what was called off.
        if application.is_called_off() && !self.is_live(&application.id).await? {
            return Err(Unusable::Revoked.into());
        }
        let (call_id, plan) = self.open_call(&invitation, &application).await?;
        Ok(Entered {
            application_id: application.id,
            call_id,
            plan,
            recording: consent.recording,
        })
    }

    /// The application that a link means now; none behind an open link nobody consented through yet.
    ///
    /// # Errors
    /// When the link is unknown, expired or revoked.
    pub async fn application_of(&self, token: &str) -> Result<Option<ScreeningApplication>, ApplicationError> {
        let invitation = self.invitation_of(token).await?;
        self.application_behind(&invitation).await
    }

    pub(super) async fn invitation_of(&self, token: &str) -> Result<Invitation, ApplicationError> {
        // The hash is looked up, so how long that takes says nothing about the secret.
        let found = self.store.invitation_by_hash(&sha256_hex(token.as_bytes())).await?;
        let invitation = found.ok_or(ApplicationError::NotFound(Thing::Invitation))?;
        match invitation.check(self.clock.now()) {
            // Somebody whose interview runs is not thrown out by the calendar.
            Err(Unusable::Expired) if self.is_running(&invitation).await? => Ok(invitation),
            checked => Ok(checked.map(|()| invitation)?),
        }
    }

    pub(super) async fn open_call(
        &self,
        invitation: &Invitation,
        application: &ScreeningApplication,
    ) -> Result<(CallId, InterviewPlan), ApplicationError> {
        let progress = self.calls.progress(&application.id).await?;
        let plan = self.plan_to_hold(&application.id, &progress).await?;
        let is_new_attempt = match progress.stage {
            Stage::None | Stage::Over => true,
            Stage::Ready => progress.ended_at.is_some(),
            Stage::Live | Stage::Reconnecting => false,
        };
        // A fresh link gives its attempts anew.
        let spent = progress
            .attempts
            .iter()
            .filter(|at| **at >= invitation.created_at)
            .count();
        if is_new_attempt && spent >= invitation.max_attempts as usize {
            return Err(Unusable::Used.into());
        }
        match self.calls.open(&application.id, &plan).await {
            Ok(call) => Ok((call, plan)),
            Err(OpenError::Over) => Err(Unusable::Used.into()),
            Err(OpenError::Store(error)) => Err(error.into()),
        }
    }

    /// The plan of the call that runs, goes on or was held, also where another one is in force by now; else that one.
    async fn plan_to_hold(
        &self,
        application: &ApplicationId,
        progress: &Progress,
    ) -> Result<InterviewPlan, ApplicationError> {
        if let Some(version) = progress.plan_version
            && let Some(plan) = self.plan_version(application, version).await?
        {
            return Ok(plan);
        }
        self.plan_of(application).await
    }

    /// Whose consent is withdrawn. Only an unknown link is refused: the right outlives the link.
    pub(super) async fn application_for_withdrawal(
        &self,
        token: &str,
    ) -> Result<Option<ScreeningApplication>, ApplicationError> {
        let found = self.store.invitation_by_hash(&sha256_hex(token.as_bytes())).await?;
        self.application_behind(&found.ok_or(ApplicationError::NotFound(Thing::Invitation))?)
            .await
    }

    async fn application_behind(
        &self,
        invitation: &Invitation,
    ) -> Result<Option<ScreeningApplication>, ApplicationError> {
        let child;
        let target = match &invitation.target {
            InvitationTarget::Open => match self.store.latest_child(&invitation.id).await? {
                Some(latest) => {
                    child = latest;
                    &child.target
                }
                None => return Ok(None),
            },
            personal @ InvitationTarget::Personal { .. } => personal,
        };
        match target {
            InvitationTarget::Personal { application_id, .. } => self.application(application_id).await.map(Some),
            InvitationTarget::Open => Ok(None),
        }
    }

    async fn is_running(&self, invitation: &Invitation) -> Result<bool, ApplicationError> {
        let InvitationTarget::Personal { application_id, .. } = &invitation.target else {
            return Ok(false);
        };
        self.is_live(application_id).await
    }

    async fn is_live(&self, application: &ApplicationId) -> Result<bool, ApplicationError> {
        let stage = self.calls.progress(application).await?.stage;
        Ok(matches!(stage, Stage::Live | Stage::Reconnecting))
    }
}

fn status(consent: Option<&Consent>, progress: &Progress) -> InterviewStatus {
    match (ConsentState::of(consent), progress.stage) {
        (ConsentState::Missing, _) => InterviewStatus::Waiting,
        (ConsentState::Declined, _) => InterviewStatus::Declined,
        (ConsentState::Withdrawn, _) | (ConsentState::Given, Stage::Over) => InterviewStatus::Finished,
        (ConsentState::Given, Stage::None | Stage::Ready) => InterviewStatus::Ready,
        (ConsentState::Given, Stage::Live) => InterviewStatus::Live,
        (ConsentState::Given, Stage::Reconnecting) => InterviewStatus::Reconnecting,
    }
}

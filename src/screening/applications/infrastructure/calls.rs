//! Where applications and calls meet.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::screening::applications::application::ApplicationService;
use crate::screening::applications::domain::consent::ConsentState;
use crate::screening::applications::domain::ports::{InterviewCalls, OpenError, Progress, Stage};
use crate::screening::calls::application::interviewing::Talk;
use crate::screening::calls::application::open::{OpenCallError, goes_on, open_call};
use crate::screening::calls::application::service::Interviews;
use crate::screening::calls::application::withdraw::{CallEnder, call_off, forget_calls};
use crate::screening::calls::domain::attempt::{Entry, entry};
use crate::screening::calls::domain::call::ScreeningCall;
use crate::screening::calls::domain::coverage::{CoverageState, QuestionCoverage};
use crate::screening::calls::domain::status::CallStatus;
use crate::screening::calls::domain::store::CallStore;
use crate::screening::shared::ids::{ApplicationId, CallId};
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::clock::Clock;
use crate::shared::db::to_word;
use crate::shared::errors::StoreError;

/// The calls of applications.
pub struct ApplicationCalls {
    pub store: Arc<dyn CallStore>,
    pub ender: Arc<dyn CallEnder>,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl InterviewCalls for ApplicationCalls {
    async fn open(&self, application: &ApplicationId, plan: &InterviewPlan) -> Result<CallId, OpenError> {
        match open_call(&*self.store, application, plan, self.clock.now()).await {
            Ok(call) => Ok(call.id),
            Err(OpenCallError::Over) => Err(OpenError::Over),
            Err(OpenCallError::Store(error)) => Err(error.into()),
        }
    }

    async fn progress(&self, application: &ApplicationId) -> Result<Progress, StoreError> {
        let calls = self.store.of_application(application).await?;
        let entry = entry(&calls, self.clock.now());
        let plan_version = match &entry {
            Entry::First => None,
            Entry::Resume(call) => goes_on(call).then_some(call.plan_version),
            Entry::Current(call) | Entry::Over(call) => Some(call.plan_version),
        };
        let stage = match entry {
            Entry::First => Stage::None,
            Entry::Resume(_) => Stage::Ready,
            Entry::Over(_) => Stage::Over,
            Entry::Current(call) => match call.status() {
                CallStatus::Reconnecting => Stage::Reconnecting,
                status if status.is_live() => Stage::Live,
                _ => Stage::Ready,
            },
        };
        let last = calls.last();
        let is_done = |q: &&QuestionCoverage| matches!(q.state, CoverageState::Answered | CoverageState::Skipped);
        Ok(Progress {
            topics_done: last.map_or(0, |call| call.coverage.0.iter().filter(is_done).count()),
            elapsed_ms: last.map_or(0, |call| call.media_ms),
            stage,
            plan_version,
            attempts: calls.iter().map(|call| call.created_at).collect(),
            call_id: last.map(|call| call.id.clone()),
            end_reason: last
                .and_then(ScreeningCall::end_reason)
                .as_ref()
                .map(to_word)
                .transpose()?,
            ended_at: last.and_then(|call| call.ended_at),
        })
    }

    async fn call_off(&self, application: &ApplicationId) -> Result<(), StoreError> {
        call_off(&*self.store, &*self.ender, application).await
    }

    async fn forget(&self, application: &ApplicationId, until: DateTime<Utc>) -> Result<(), StoreError> {
        forget_calls(&*self.store, &*self.ender, application, until, &*self.clock).await
    }
}

/// What calls ask of applications.
#[async_trait]
impl Interviews for ApplicationService {
    async fn talk_of(&self, application: &ApplicationId, plan_version: u32) -> Result<Option<Talk>, StoreError> {
        let Some(found) = self.store.application(application).await? else {
            return Ok(None);
        };
        let plan = self.plan_version(application, plan_version).await?;
        Ok(plan.map(|plan| Talk {
            job_offer_id: found.job_offer_id,
            plan: Arc::new(plan),
            call_id: None,
        }))
    }

    async fn is_recorded(&self, application: &ApplicationId) -> Result<bool, StoreError> {
        let consent = self.store.consent(application).await?;
        let given = ConsentState::of(consent.as_ref()) == ConsentState::Given;
        Ok(given && consent.is_some_and(|consent| consent.recording))
    }

    async fn open_until(&self, application: &ApplicationId) -> Result<Option<DateTime<Utc>>, StoreError> {
        let links = self.store.invitations_of(application).await?;
        let usable = links.into_iter().filter(|link| link.revoked_at.is_none());
        Ok(usable.map(|link| link.expires_at).max())
    }
}

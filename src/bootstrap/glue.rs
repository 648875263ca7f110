//! Where contexts meet: what one asks for, answered by another.

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;

use crate::knowledge::infrastructure::role_search::RoleStatements;
use crate::screening::analysis::infrastructure::http::{ApplicationLookup, Presence};
use crate::screening::applications::application::ApplicationService;
use crate::screening::applications::domain::application::ApplicationStatus;
use crate::screening::applications::domain::ports::ApplicationStore;
use crate::screening::calls::application::service::CallService;
use crate::screening::calls::application::withdraw::CallEnder;
use crate::screening::calls::domain::ports::BackgroundWork;
use crate::screening::calls::domain::status::EndReason;
use crate::screening::calls::infrastructure::http::door::Doorkeeper;
use crate::screening::calls::infrastructure::voice::queue::BackgroundGate;
use crate::screening::shared::ids::{ApplicationId, JobOfferId};
use crate::shared::errors::StoreError;
use crate::shared::http::problem::{Problem, ProblemKind};

/// Links open the calls of their applications.
pub struct Door(pub Arc<ApplicationService>);

#[async_trait]
impl Doorkeeper for Door {
    async fn application_of(&self, token: &str) -> Result<ApplicationId, Problem> {
        let application = self.0.application_of(token).await?;
        application
            .map(|a| a.id)
            .ok_or_else(|| ProblemKind::ConsentRequired.into())
    }

    async fn enter(&self, token: &str) -> Result<ApplicationId, Problem> {
        Ok(self.0.enter(token).await?.application_id)
    }
}

/// Calls and applications know each other; this breaks the circle of their making.
#[derive(Default)]
pub struct LateEnder(pub OnceLock<Weak<CallService>>);

#[async_trait]
impl CallEnder for LateEnder {
    async fn end(&self, application: &ApplicationId, reason: EndReason) -> Result<(), StoreError> {
        match self.0.get().and_then(Weak::upgrade) {
            Some(calls) => calls.end(application, reason).await.map(drop),
            None => Ok(()),
        }
    }
}

/// What job offers state, for questions about the role.
pub struct Statements(pub Arc<dyn ApplicationStore>);

#[async_trait]
impl RoleStatements for Statements {
    async fn of(&self, job_offer: &JobOfferId) -> Result<Vec<(String, String)>, StoreError> {
        let offer = self.0.job_offer(job_offer).await?;
        Ok(offer
            .map(|o| o.posting.statements().into_iter().map(|s| (s.field, s.text)).collect())
            .unwrap_or_default())
    }
}

/// Whether there is such an application.
pub struct Lookup(pub Arc<dyn ApplicationStore>);

#[async_trait]
impl ApplicationLookup for Lookup {
    async fn presence(&self, application: &ApplicationId) -> Result<Presence, StoreError> {
        Ok(match self.0.application(application).await? {
            None => Presence::Unknown,
            Some(found) if found.status() == ApplicationStatus::Erased => Presence::Erased,
            Some(_) => Presence::Known,
        })
    }
}

/// Rendering ahead gives way to listening.
pub struct Gate(pub BackgroundGate);

impl BackgroundWork for Gate {
    fn hold(&self) -> Box<dyn Send> {
        Box::new(self.0.hold())
    }
}

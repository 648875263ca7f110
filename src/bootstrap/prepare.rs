//! Renders what Emma will say before she says it.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::bootstrap::engines::EmmaVoice;
use crate::screening::applications::application::{ApplicationError, ApplicationService};
use crate::screening::applications::domain::application::JobOfferApplied;
use crate::screening::applications::domain::ports::InterviewPlanEdited;
use crate::screening::calls::domain::interviewer::{lines, role_lines};
use crate::screening::calls::domain::ports::RoleFact;
use crate::screening::calls::domain::speakable::clauses::sentences;
use crate::screening::calls::domain::speakable::speakable;
use crate::screening::shared::ids::JobOfferId;
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::events::Event;
use crate::shared::jobs::{EventHandler, HandlerError};

/// On `JobOfferApplied` and `InterviewPlanEdited`: has the voice ready when the candidate comes.
pub struct PrepareVoice {
    pub applications: Arc<ApplicationService>,
    /// Empty until the voice is loaded.
    pub voice: watch::Receiver<Option<Arc<EmmaVoice>>>,
    pub speed: f32,
    pub stopping: CancellationToken,
}

#[async_trait]
impl EventHandler for PrepareVoice {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let unreadable = |e: serde_json::Error| HandlerError::Fail(e.to_string());
        let (offer, plan) = if event.name == InterviewPlanEdited::NAME {
            let edited: InterviewPlanEdited = event.read().map_err(unreadable)?;
            let plan = match &edited.application_id {
                Some(application) => self.applications.plan_of(application).await?,
                None => self.applications.plan_of_offer(&edited.job_offer_id).await?,
            };
            (edited.job_offer_id, plan)
        } else {
            let applied: JobOfferApplied = event.read().map_err(unreadable)?;
            let plan = self.applications.plan_of(&applied.application_id).await?;
            (applied.job_offer_id, plan)
        };
        let mut voice = self.voice.clone();
        let loaded = tokio::select! {
            () = self.stopping.cancelled() => None,
            loaded = voice.wait_for(Option::is_some) => loaded.ok().and_then(|voice| voice.clone()),
        };
        let Some(voice) = loaded else {
            return Err(HandlerError::Retry("the voice is not loaded".to_owned()));
        };
        let facts = facts_of(&self.applications, &offer).await?;
        prepare(&voice, &plan, &facts, self.speed, &self.stopping);
        Ok(())
    }
}

/// Starts rendering every sentence of an interview that is known beforehand, most urgent first, until the server stops.
pub fn prepare(voice: &EmmaVoice, plan: &InterviewPlan, facts: &[RoleFact], speed: f32, stopping: &CancellationToken) {
    let texts: Vec<String> = lines(plan)
        .iter()
        .chain(&role_lines(facts))
        .flat_map(|line| sentences(line).into_iter().map(speakable).collect::<Vec<_>>())
        .collect();
    let waiting = texts
        .iter()
        .filter(|text| !voice.cached.is_ready(text, &voice.voice, speed))
        .count();
    if waiting == 0 {
        return;
    }
    info!(
        sentences = texts.len(),
        to_render = waiting,
        "preparing what Emma will say"
    );
    let mut preparation = voice.cached.prepare(texts, &voice.voice, speed);
    let stopping = stopping.clone();
    tokio::spawn(async move {
        let Some(progress) = stopping.run_until_cancelled(preparation.finished()).await else {
            return;
        };
        if progress.failed > 0 {
            warn!(
                failed = progress.failed,
                "some sentences could not be prepared; they are rendered when they are said"
            );
        }
        info!(done = progress.done, total = progress.total, "voice prepared");
    });
}

/// What the posting states, as it may be asked about.
pub async fn facts_of(
    applications: &ApplicationService,
    offer: &JobOfferId,
) -> Result<Vec<RoleFact>, ApplicationError> {
    let statements = applications.job_offer(offer).await?.posting.statements();
    Ok(statements
        .into_iter()
        .map(|s| RoleFact {
            field: s.field,
            text: s.text,
            score: 1.0,
        })
        .collect())
}

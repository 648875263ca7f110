//! What a language model answered about a call is kept for the case that its analysis is tried again. It goes when the
//! analysis is done, and when consent is withdrawn: it may quote the candidate.

use std::sync::Arc;

use async_trait::async_trait;

use crate::screening::analysis::domain::analysis::{AnalysisCompleted, ScreeningAnalysis};
use crate::screening::applications::domain::consent::ConsentWithdrawn;
use crate::screening::calls::domain::store::CallStore;
use crate::shared::errors::StoreError;
use crate::shared::events::Event;
use crate::shared::jobs::{EventHandler, HandlerError};
use crate::shared::llm::cached::ReplyStore;

/// On `AnalysisCompleted` and `ConsentWithdrawn`.
pub struct ForgetReplies {
    pub calls: Arc<dyn CallStore>,
    pub replies: Arc<dyn ReplyStore>,
}

#[async_trait]
impl EventHandler for ForgetReplies {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        if event.name == ScreeningAnalysis::COMPLETED {
            let completed: AnalysisCompleted = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
            return Ok(self.replies.forget(&completed.call_id.to_string()).await?);
        }
        let withdrawn: ConsentWithdrawn = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
        let calls: Result<_, StoreError> = self.calls.of_application(&withdrawn.application_id).await;
        for call in calls? {
            self.replies.forget(&call.id.to_string()).await?;
        }
        Ok(())
    }
}

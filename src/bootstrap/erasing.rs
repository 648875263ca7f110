//! Erasing an application: every context's part in one transaction, then the files.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::screening::analysis::infrastructure::store as analyses;
use crate::screening::applications::domain::application::{ApplicationErased, ScreeningApplication};
use crate::screening::applications::domain::ports::Eraser;
use crate::screening::applications::infrastructure::erasing;
use crate::screening::calls::domain::ports::Recordings;
use crate::screening::calls::infrastructure::store as calls;
use crate::screening::shared::ids::CallId;
use crate::shared::db::Db;
use crate::shared::embeddings::store as embeddings;
use crate::shared::erased;
use crate::shared::errors::StoreError;
use crate::shared::events::Event;
use crate::shared::http::idempotency::Idempotency;
use crate::shared::llm::replies;
use crate::shared::outbox;

/// Erases from the embedded database and the directory of recordings.
pub struct EmbeddedEraser {
    pub db: Db,
    pub recordings: Arc<dyn Recordings>,
    /// Kept answers may repeat what was sent.
    pub answers: Idempotency,
}

#[async_trait]
impl Eraser for EmbeddedEraser {
    async fn erase(&self, application: &ScreeningApplication, now: DateTime<Utc>) -> Result<Vec<CallId>, StoreError> {
        let mut write = self.db.write().await?;
        let call_ids = calls::erase(&mut write, &application.id).await?;
        let analysis_ids = analyses::erase(&mut write, &application.id).await?;
        erasing::erase_application(&mut write, application).await?;
        erased::mark(&mut write, application.id.as_str(), now).await?;
        if erasing::erase_candidate(&mut write, application).await? {
            embeddings::erase(&mut write, application.candidate_id.as_str()).await?;
            erased::mark(&mut write, application.candidate_id.as_str(), now).await?;
        }
        for call in &call_ids {
            replies::erase(&mut write, call.as_str()).await?;
            erased::mark(&mut write, call.as_str(), now).await?;
        }
        let calls = call_ids.iter().map(CallId::as_str);
        let told: Vec<&str> = calls.clone().chain(analysis_ids.iter().map(String::as_str)).collect();
        outbox::erase(&mut write, &told).await?;
        let named: Vec<&str> = calls
            .chain([application.id.as_str(), application.candidate_id.as_str()])
            .collect();
        self.answers.erase(&mut write, &named).await?;
        let event = ApplicationErased {
            application_id: application.id.clone(),
            call_ids: call_ids.clone(),
        };
        let event = Event::new(ApplicationErased::NAME, application.id.as_str(), now, &event);
        outbox::append(&mut write, &event).await?;
        write.commit().await?;
        self.db.new_events().notify_one();
        Ok(call_ids)
    }

    async fn wipe(&self, calls: &[CallId]) -> Result<(), StoreError> {
        for call in calls {
            self.recordings.purge(call).await?;
        }
        self.db.wipe_deleted().await
    }
}

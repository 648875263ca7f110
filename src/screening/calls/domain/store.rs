//! Where calls and their transcripts are kept.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::screening::calls::domain::audio::CallTime;
use crate::screening::calls::domain::call::{CallFinished, ScreeningCall};
use crate::screening::calls::domain::interviewer::Flag;
use crate::screening::calls::domain::segment::TranscriptSegment;
use crate::screening::shared::ids::{ApplicationId, CallId};
use crate::shared::errors::StoreError;

/// Calls and what was said in them.
#[async_trait]
pub trait CallStore: Send + Sync {
    async fn insert(&self, call: &ScreeningCall) -> Result<(), StoreError>;
    async fn find(&self, id: &CallId) -> Result<Option<ScreeningCall>, StoreError>;
    /// All attempts of an application, oldest first.
    async fn of_application(&self, application: &ApplicationId) -> Result<Vec<ScreeningCall>, StoreError>;
    /// Calls whose status is not final, of all applications. One that cannot be read is left out and logged.
    async fn unfinished(&self) -> Result<Vec<ScreeningCall>, StoreError>;
    /// Stores status, coverage, times; refuses (Conflict) to change a call that is final in the store.
    async fn save(&self, call: &ScreeningCall) -> Result<(), StoreError>;
    /// Stores a segment, or replaces the one with the same id.
    async fn put_segment(&self, call: &CallId, segment: &TranscriptSegment) -> Result<(), StoreError>;
    /// What was said, in order of start time.
    async fn transcript(&self, call: &CallId) -> Result<Vec<TranscriptSegment>, StoreError>;
    /// Stores the ended call and its event in one transaction. False, and nothing stored, when the
    /// call was final already: the event is published exactly once.
    async fn finish(&self, call: &ScreeningCall, event: &CallFinished) -> Result<bool, StoreError>;
    /// Notes something a human should look at, as JSON.
    async fn put_flag(&self, call: &CallId, flag: &Flag, at: CallTime) -> Result<(), StoreError>;
    /// Deletes everything that was said in a call, its recording too. Once it ended for that reason nothing more is taken.
    async fn purge_transcript(&self, call: &CallId) -> Result<(), StoreError>;
    /// The call's log, oldest first: changes of status as `status`, flags as `flag`.
    async fn log_of(&self, call: &CallId) -> Result<Vec<CallEvent>, StoreError>;
}

/// Something that happened in a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CallEvent {
    pub time: DateTime<Utc>,
    pub kind: String,
    #[schema(value_type = Object)]
    pub data: Value,
}

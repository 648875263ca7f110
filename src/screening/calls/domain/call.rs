//! One attempt at an interview, from consent to its end.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::screening::calls::domain::coverage::{Coverage, CoverageSummary};
use crate::screening::calls::domain::status::{CallStatus, EndReason, IllegalTransition};
use crate::screening::shared::ids::{ApplicationId, CallId};

/// One attempt at an interview.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScreeningCall {
    pub id: CallId,
    pub application_id: ApplicationId,
    /// Counts up from 1 within the application.
    pub attempt: u32,
    pub plan_version: u32,
    status: CallStatus,
    end_reason: Option<EndReason>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    /// The call's media clock when it was last stored.
    pub media_ms: u64,
    pub coverage: Coverage,
    /// Names and versions of engines, agent and prompts used.
    pub engine: serde_json::Value,
}

/// Published exactly once per call, in the transaction that ends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallFinished {
    pub application_id: ApplicationId,
    pub call_id: CallId,
    pub attempt: u32,
    pub status: CallStatus,
    pub end_reason: EndReason,
    pub duration_ms: u64,
    pub plan_version: u32,
    pub coverage: CoverageSummary,
    pub transcript_sha256: String,
}

impl ScreeningCall {
    /// The name under which [`CallFinished`] is published.
    pub const FINISHED: &'static str = "CallFinished";

    /// A call whose candidate has consented.
    pub fn ready(
        application_id: ApplicationId,
        attempt: u32,
        plan_version: u32,
        coverage: Coverage,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: CallId::generate(),
            application_id,
            attempt,
            plan_version,
            status: CallStatus::Ready,
            end_reason: None,
            created_at: now,
            started_at: None,
            ended_at: None,
            media_ms: 0,
            coverage,
            engine: serde_json::Value::Null,
        }
    }

    /// Rebuilds a stored call.
    #[must_use]
    pub fn restore(mut self, status: CallStatus, end_reason: Option<EndReason>) -> Self {
        self.status = status;
        self.end_reason = end_reason;
        self
    }

    pub fn status(&self) -> CallStatus {
        self.status
    }

    pub fn end_reason(&self) -> Option<EndReason> {
        self.end_reason
    }

    /// The call is held, or goes on, with these engines. What it was held with before stays on record.
    pub fn held_with(&mut self, engine: &serde_json::Value) {
        let mut before = std::mem::take(&mut self.engine);
        let earlier = before.as_object_mut().and_then(|fields| fields.remove("before"));
        self.engine = engine.clone();
        let mut earlier: Vec<serde_json::Value> = match earlier {
            Some(serde_json::Value::Array(earlier)) => earlier,
            _ => Vec::new(),
        };
        if !before.is_null() && before != *engine {
            earlier.push(before);
        }
        if let Some(fields) = self.engine.as_object_mut().filter(|_| !earlier.is_empty()) {
            fields.insert("before".to_owned(), earlier.into());
        }
    }

    /// The candidate is connected and Emma may speak.
    pub fn start(&mut self, now: DateTime<Utc>) -> Result<(), IllegalTransition> {
        self.status = self.status.advance(CallStatus::InProgress)?;
        self.started_at.get_or_insert(now);
        Ok(())
    }

    /// The candidate asked for a moment.
    pub fn pause(&mut self) -> Result<(), IllegalTransition> {
        self.status = self.status.advance(CallStatus::Paused)?;
        Ok(())
    }

    /// The connection is gone; the candidate has time to come back.
    pub fn lose_connection(&mut self) -> Result<(), IllegalTransition> {
        self.status = self.status.advance(CallStatus::Reconnecting)?;
        Ok(())
    }

    /// Ends the call and says what to publish.
    ///
    /// # Errors
    /// When it is over already.
    pub fn finish(
        &mut self,
        reason: EndReason,
        transcript_sha256: String,
        now: DateTime<Utc>,
    ) -> Result<CallFinished, IllegalTransition> {
        let to = match (self.status, reason.status()) {
            // Nothing was said yet: there is nothing to complete or abandon.
            (CallStatus::Created | CallStatus::Ready, CallStatus::Completed) => CallStatus::Cancelled,
            (_, to) => to,
        };
        self.status = self.status.advance(to)?;
        self.end_reason = Some(reason);
        self.ended_at = Some(now);
        Ok(CallFinished {
            application_id: self.application_id.clone(),
            call_id: self.id.clone(),
            attempt: self.attempt,
            status: self.status,
            end_reason: reason,
            duration_ms: self.media_ms,
            plan_version: self.plan_version,
            coverage: self.coverage.summary(),
            transcript_sha256,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // spec: EMMA-6
    #[test]
    fn what_a_call_was_held_with_stays_on_record() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        let mut call = ScreeningCall::ready(ApplicationId::generate(), 1, 1, Coverage(Vec::new()), now);
        let (first, second) = (json!({"llm": "a"}), json!({"llm": "b"}));
        call.held_with(&first);
        call.held_with(&first);
        assert_eq!(call.engine, first);
        call.held_with(&second);
        call.held_with(&second);
        assert_eq!(call.engine, json!({"llm": "b", "before": [{"llm": "a"}]}));
    }
}

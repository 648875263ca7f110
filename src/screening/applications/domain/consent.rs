//! What candidates agree to before anything is recorded.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::screening::shared::ids::ApplicationId;

/// The text candidates agree to. A changed text gets a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ConsentText {
    #[schema(example = "2026-11.1")]
    pub version: &'static str,
    pub paragraphs: &'static [&'static str],
}

/// The text in force.
pub const CONSENT: ConsentText = ConsentText {
    version: "2026-11.1",
    paragraphs: &[
        "Emma is an AI. You will be talking with a computer program, not with a person.",
        "Emma listens to you, turns your words into text, and stores that text together with the time it was said. \
         Sound is recorded only if you agree to that as well.",
        "After the interview a program compares what you said with what the position needs and writes a summary that \
         quotes you. It looks at the content of your answers only: your voice, accent, pauses or feelings are not rated.",
        "The summary is advice. A person reads it and decides. You can ask that person to explain or to correct it.",
        "You may pause, skip a question, type instead of speaking, ask for more time or for an interview with a human \
         at any moment. None of this counts against you.",
        "You can withdraw your consent at any time, also during the interview. What you said is then deleted.",
    ],
};

/// What a candidate answered to the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Consent {
    /// Version of the text that was shown.
    pub version: String,
    pub accepted: bool,
    /// Whether sound may be recorded.
    pub recording: bool,
    pub given_at: DateTime<Utc>,
    pub withdrawn_at: Option<DateTime<Utc>>,
}

/// Published in the transaction that marks consent as withdrawn: whoever keeps something of what was said until then
/// deletes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentWithdrawn {
    pub application_id: ApplicationId,
}

impl ConsentWithdrawn {
    /// The name under which it is published.
    pub const NAME: &'static str = "ConsentWithdrawn";
}

/// Where a candidate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentState {
    Missing,
    Given,
    Declined,
    Withdrawn,
}

impl ConsentState {
    /// Where a candidate with this last answer stands.
    pub fn of(last: Option<&Consent>) -> Self {
        match last {
            None => Self::Missing,
            Some(consent) if !consent.accepted => Self::Declined,
            Some(consent) if consent.withdrawn_at.is_some() => Self::Withdrawn,
            Some(_) => Self::Given,
        }
    }
}

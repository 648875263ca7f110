//! The life of a call. Changes are methods that refuse an illegal move.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    Created,
    /// Consent given; waiting for the candidate's connection.
    Ready,
    InProgress,
    Paused,
    Reconnecting,
    Completed,
    Abandoned,
    Failed,
    Expired,
    Cancelled,
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    AgendaCompleted,
    TimeLimit,
    CandidateEnded,
    HumanRequested,
    AccommodationRequested,
    ConsentDeclined,
    ConsentWithdrawn,
    WellbeingStop,
    ConductStop,
    DisconnectTimeout,
    NoAudio,
    SystemError,
    RecruiterCancelled,
    InviteExpired,
}

/// A move the call's status does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a call that is {from:?} cannot become {to:?}")]
pub struct IllegalTransition {
    pub from: CallStatus,
    pub to: CallStatus,
}

impl CallStatus {
    /// Whether the call is over.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Abandoned | Self::Failed | Self::Expired | Self::Cancelled
        )
    }

    /// Whether a candidate is, or may at any moment be, in the call.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::InProgress | Self::Paused | Self::Reconnecting)
    }

    /// Moves to `to`.
    ///
    /// # Errors
    /// When `to` does not follow from this status.
    pub fn advance(self, to: Self) -> Result<Self, IllegalTransition> {
        let legal = match self {
            Self::Created => matches!(to, Self::Ready | Self::Expired | Self::Cancelled | Self::Failed),
            Self::Ready => matches!(
                to,
                Self::InProgress | Self::Expired | Self::Cancelled | Self::Failed | Self::Abandoned
            ),
            Self::InProgress | Self::Paused | Self::Reconnecting => {
                to != self
                    && (to.is_live()
                        || matches!(to, Self::Completed | Self::Abandoned | Self::Failed | Self::Cancelled))
            }
            Self::Completed | Self::Abandoned | Self::Failed | Self::Expired | Self::Cancelled => false,
        };
        if legal {
            Ok(to)
        } else {
            Err(IllegalTransition { from: self, to })
        }
    }

    /// The status as it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Ready => "ready",
            Self::InProgress => "in_progress",
            Self::Paused => "paused",
            Self::Reconnecting => "reconnecting",
            Self::Completed => "completed",
            Self::Abandoned => "abandoned",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

impl EndReason {
    /// The final status a call ends in for this reason.
    pub const fn status(self) -> CallStatus {
        match self {
            Self::AgendaCompleted | Self::TimeLimit => CallStatus::Completed,
            Self::CandidateEnded
            | Self::HumanRequested
            | Self::AccommodationRequested
            | Self::WellbeingStop
            | Self::ConductStop
            | Self::DisconnectTimeout
            | Self::NoAudio => CallStatus::Abandoned,
            Self::ConsentDeclined | Self::ConsentWithdrawn | Self::RecruiterCancelled => CallStatus::Cancelled,
            Self::InviteExpired => CallStatus::Expired,
            Self::SystemError => CallStatus::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_call_never_moves_again() {
        for from in [
            CallStatus::Completed,
            CallStatus::Abandoned,
            CallStatus::Failed,
            CallStatus::Expired,
            CallStatus::Cancelled,
        ] {
            assert_eq!(
                from.advance(CallStatus::InProgress),
                Err(IllegalTransition {
                    from,
                    to: CallStatus::InProgress
                })
            );
        }
    }

    #[test]
    fn a_dropped_call_comes_back_or_is_abandoned() {
        let dropped = CallStatus::InProgress.advance(CallStatus::Reconnecting).expect("legal");
        assert_eq!(dropped.advance(CallStatus::InProgress), Ok(CallStatus::InProgress));
        assert_eq!(dropped.advance(CallStatus::Abandoned), Ok(CallStatus::Abandoned));
    }

    #[test]
    fn nobody_skips_consent() {
        assert!(CallStatus::Created.advance(CallStatus::InProgress).is_err());
    }
}

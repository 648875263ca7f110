//! What both ways into a call have in common: who may enter, whose seat is taken, and why somebody is turned away.

use std::sync::Arc;

use async_trait::async_trait;

use crate::screening::calls::application::service::{CallService, ConnectError, Seating};
use crate::screening::calls::domain::ports::MediaError;
use crate::screening::calls::infrastructure::websocket::WebSocketAdapter;
use crate::screening::shared::ids::ApplicationId;
use crate::shared::http::problem::{Problem, ProblemKind};

/// Which application a link's secret stands for; kept by the applications module.
#[async_trait]
pub trait Doorkeeper: Send + Sync {
    /// # Errors
    /// 404 for an unknown secret, 410 for one that no longer opens anything.
    async fn application_of(&self, token: &str) -> Result<ApplicationId, Problem>;
    /// The application whose call the candidate enters; the call is made where there is none.
    ///
    /// # Errors
    /// As above, and 403 where consent is missing.
    async fn enter(&self, token: &str) -> Result<ApplicationId, Problem>;
}

/// What the routes need.
#[derive(Clone)]
pub struct InterviewsState {
    pub calls: Arc<CallService>,
    pub door: Arc<dyn Doorkeeper>,
    pub sockets: WebSocketAdapter,
}

/// What the `resume` of a query asks for.
pub(super) fn seating(resume: Option<&str>) -> Seating {
    match resume {
        Some("1" | "true") => Seating::TakeOver,
        _ => Seating::OnlyIfFree,
    }
}

pub(super) fn connect_problem(error: ConnectError) -> Problem {
    match error {
        ConnectError::ConsentRequired => ProblemKind::ConsentRequired.into(),
        ConnectError::Over => ProblemKind::InvitationUsed.into(),
        ConnectError::AlreadyLive => ProblemKind::CallAlreadyLive.into(),
        ConnectError::Stopping => Problem::new(
            ProblemKind::Unavailable,
            "the server is being restarted; try again shortly",
        ),
        ConnectError::Loading => Problem::new(
            ProblemKind::Unavailable,
            "Emma is still warming up; try again in some seconds",
        ),
        ConnectError::Media(error) => media_problem(error),
        ConnectError::Store(error) => error.into(),
    }
}

pub(super) fn media_problem(error: MediaError) -> Problem {
    match error {
        MediaError::BadSdp(_) | MediaError::NoAudio => Problem::new(ProblemKind::BadSdp, error.to_string()),
        MediaError::BadCandidate(_) => Problem::new(ProblemKind::BadRequest, error.to_string()),
        MediaError::UnknownConnection => ProblemKind::ConnectionNotFound.into(),
        MediaError::TooManyConnections => Problem::new(
            ProblemKind::Unavailable,
            "too many interviews are being held right now; try again in a minute",
        ),
        MediaError::Internal(what) => {
            tracing::error!(%what, "a connection could not be made");
            ProblemKind::Internal.into()
        }
    }
}

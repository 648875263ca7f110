//! Errors as RFC 9457 problems: the one place that decides their type, status and title.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::shared::errors::{StoreError, UpstreamError};

macro_rules! problem_kinds {
    ($($name:ident => $status:literal, $slug:literal, $title:literal;)*) => {
        /// What went wrong, as clients can tell it apart.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemKind { $($name,)* }

        impl ProblemKind {
            /// Every kind, for the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// HTTP status, last part of the type, title.
            const fn parts(self) -> (u16, &'static str, &'static str) {
                match self { $(Self::$name => ($status, $slug, $title),)* }
            }
        }
    };
}

problem_kinds! {
    BadJson => 400, "bad-json", "The body is not valid JSON.";
    BadRequest => 400, "bad-request", "The request is not as it should be.";
    BadId => 400, "bad-id", "That is not an identifier of the right kind.";
    BadSdp => 400, "bad-sdp", "The session description cannot be read.";
    Unauthorized => 401, "unauthorized", "The recruiter token is missing or wrong.";
    LinkTokenMissing => 401, "link-token-missing", "The token of the interview's link is missing.";
    ConsentRequired => 403, "consent-required", "The candidate has not given consent.";
    NotFound => 404, "not-found", "There is nothing at this address.";
    JobOfferNotFound => 404, "job-offer-not-found", "There is no such job offer.";
    CandidateNotFound => 404, "candidate-not-found", "There is no such candidate.";
    ApplicationNotFound => 404, "application-not-found", "There is no such application.";
    InvitationNotFound => 404, "invitation-not-found", "There is no such invitation.";
    PlanNotFound => 404, "plan-not-found", "There is no interview plan yet.";
    CallNotFound => 404, "call-not-found", "There is no such call.";
    RecordingNotFound => 404, "recording-not-found", "There is no recording of this call.";
    ConnectionNotFound => 404, "connection-not-found", "There is no such connection.";
    AnalysisNotFound => 404, "analysis-not-found", "There is no analysis yet.";
    JobNotFound => 404, "dead-letter-not-found", "There is no such dead letter.";
    MethodNotAllowed => 405, "method-not-allowed", "This address does not take that method.";
    Conflict => 409, "conflict", "The present state does not allow it.";
    ConsentVersion => 409, "consent-version", "The consent text has another version by now.";
    CallAlreadyLive => 409, "call-already-live", "The interview is going on elsewhere.";
    IdempotencyBusy => 409, "idempotency-in-progress", "The first request with this key is still at work.";
    InvitationExpired => 410, "invitation-expired", "This invitation has expired.";
    InvitationRevoked => 410, "invitation-revoked", "This invitation was withdrawn.";
    InvitationUsed => 410, "invitation-used", "This invitation has been used.";
    ApplicationErased => 410, "application-erased", "The data of this application was erased.";
    PreconditionFailed => 412, "precondition-failed", "It was changed meanwhile.";
    TooLarge => 413, "too-large", "The body is too large.";
    UnsupportedMediaType => 415, "unsupported-media-type", "This kind of content is not taken here.";
    Invalid => 422, "invalid", "The content cannot be used.";
    UnreadableDocument => 422, "unreadable-document", "The document cannot be read.";
    IdempotencyKeyReused => 422, "idempotency-key-reused", "This key was used for another request.";
    TooManyRequests => 429, "too-many-requests", "Too many requests.";
    Internal => 500, "internal", "Something went wrong on our side.";
    UpstreamFailed => 502, "upstream-failed", "A service Emma depends on failed.";
    Unavailable => 503, "unavailable", "Emma cannot take this right now.";
    UpstreamTimeout => 504, "upstream-timeout", "A service Emma depends on took too long.";
}

impl ProblemKind {
    /// Last part of the problem's type, stable for clients.
    pub const fn slug(self) -> &'static str {
        self.parts().1
    }

    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.parts().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// An error response. `detail` is for people and holds nothing internal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    pub detail: Option<String>,
    /// Seconds after which another try makes sense; the kind's own where it is not said.
    pub retry_after_s: Option<u64>,
}

/// A problem as it is sent, with media type `application/problem+json`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `/problems/` and a stable word.
    #[serde(rename = "type")]
    #[schema(example = "/problems/application-not-found")]
    pub kind: String,
    #[schema(example = "There is no such application.")]
    pub title: &'static str,
    #[schema(example = 404)]
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Problem {
    /// A problem that explains what exactly is wrong.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: Some(detail.into()),
            retry_after_s: None,
        }
    }
}

impl From<ProblemKind> for Problem {
    fn from(kind: ProblemKind) -> Self {
        Self {
            kind,
            detail: None,
            retry_after_s: None,
        }
    }
}

/// The same everywhere: too late is 504, wrong is 502, overloaded or gone is 503 with the time to wait.
impl From<UpstreamError> for Problem {
    fn from(error: UpstreamError) -> Self {
        let kind = match &error {
            UpstreamError::TimedOut => ProblemKind::UpstreamTimeout,
            UpstreamError::TooLarge(_) | UpstreamError::Failed(_) => ProblemKind::UpstreamFailed,
            UpstreamError::Overloaded { .. } | UpstreamError::Unreachable => ProblemKind::Unavailable,
        };
        let retry_after_s = match error {
            UpstreamError::Overloaded { retry_after } => retry_after.map(|wait| wait.as_secs().max(1)),
            _ => None,
        };
        Self {
            kind,
            detail: Some(format!("a service Emma depends on failed: {error}")),
            retry_after_s,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(what) => Self::new(ProblemKind::Conflict, what),
            StoreError::Database(_) => {
                tracing::error!(%error, "the database failed");
                ProblemKind::Unavailable.into()
            }
            StoreError::Damaged(_) => {
                tracing::error!(%error, "stored data cannot be read");
                ProblemKind::Internal.into()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, slug, title) = self.kind.parts();
        let body = ProblemBody {
            kind: format!("/problems/{slug}"),
            title,
            status,
            detail: self.detail,
        };
        let mut response = (self.kind.status(), axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        match self.kind {
            ProblemKind::Unauthorized => {
                headers.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"emma\""),
                );
            }
            ProblemKind::Unavailable => {
                headers.insert(header::RETRY_AFTER, self.retry_after_s.unwrap_or(5).into());
            }
            ProblemKind::IdempotencyBusy | ProblemKind::TooManyRequests => {
                headers.insert(header::RETRY_AFTER, self.retry_after_s.unwrap_or(1).into());
            }
            _ => {}
        }
        response
    }
}

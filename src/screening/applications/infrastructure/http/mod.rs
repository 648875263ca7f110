//! Routes of job offers, candidates, applications, invitations and the candidate's way in.

pub mod applications;
pub mod candidates;
pub mod interviews;
pub mod job_offers;
pub mod links;
pub mod plans;
pub mod problems;
pub mod upload;

use std::sync::Arc;

use axum::extract::FromRef;
use utoipa_axum::router::OpenApiRouter;

use crate::screening::applications::application::ApplicationService;
use crate::screening::applications::domain::ports::{Slice, Verdicts};
use crate::shared::http::auth::RecruiterToken;
use crate::shared::http::page::PageParams;

/// What the handlers here need.
#[derive(Clone)]
pub struct ApplicationsState {
    pub service: Arc<ApplicationService>,
    /// Base of the links candidates get, without a slash at its end, e.g. `https://emma.example.com`.
    pub public_url: Arc<str>,
    /// Handed to browsers as they are, e.g. `{"urls": "stun:stun.example.com"}`.
    pub ice_servers: Arc<[serde_json::Value]>,
    /// What lists show of the analyses.
    pub verdicts: Arc<dyn Verdicts>,
}

/// All routes of applications, relative to `/api/v1`.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    ApplicationsState: FromRef<S>,
    RecruiterToken: FromRef<S>,
{
    OpenApiRouter::new()
        .merge(job_offers::routes())
        .merge(links::routes())
        .merge(candidates::routes())
        .merge(applications::routes())
        .merge(plans::routes())
        .merge(interviews::routes())
}

/// The stretch of a list that was asked for.
fn slice_of(page: &PageParams) -> Slice {
    Slice {
        limit: page.limit(),
        after: page.after.clone(),
    }
}

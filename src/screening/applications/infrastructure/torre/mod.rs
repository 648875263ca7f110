//! Candidates and opportunities as Torre publishes them: `GET {base}/api/genome/bios/{username}` and
//! `GET {base}/api/suite/opportunities/{id}`, both public and undocumented, so nothing of their shape is relied on that
//! is not needed.
//!
//! What is taken over is listed field by field; everything else is dropped here, before anybody can use it.

mod fields;
mod genome;
mod opportunity;
mod text;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::ACCEPT;
use reqwest::{Client, StatusCode, Url};
use serde_json::Value;
use tracing::warn;

use crate::screening::applications::domain::directory::{
    Bio, DirectoryError, Opportunity, OpportunityId, TORRE, TalentDirectory, Username,
};
use crate::shared::errors::UpstreamError;
use crate::shared::upstream::{self, Limits, Reply};

/// Profiles of people with long careers have some hundred kilobytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Torre turns away what does not look like a browser.
const USER_AGENT: &str = concat!("Mozilla/5.0 (compatible; emma/", env!("CARGO_PKG_VERSION"), ")");

/// Where Torre is and how much time it is given.
#[derive(Debug, Clone)]
pub struct TorreSettings {
    /// E.g. `https://torre.ai`.
    pub base_url: String,
    /// For one try.
    pub timeout: Duration,
    /// Further tries after a timeout, a broken connection or a 5xx.
    pub retries: u32,
}

/// Torre as a directory.
pub struct TorreAdapter {
    client: Client,
    base: Url,
    limits: Limits,
}

impl TorreAdapter {
    /// # Errors
    /// When the address is not one.
    pub fn new(settings: &TorreSettings) -> Result<Self, String> {
        let base = Url::parse(&settings.base_url).map_err(|e| format!("{}: {e}", settings.base_url))?;
        if base.cannot_be_a_base() {
            return Err(format!("{} is no address of a server", settings.base_url));
        }
        Ok(Self {
            client: upstream::client(&base, USER_AGENT).map_err(|e| e.to_string())?,
            base,
            limits: Limits {
                timeout: settings.timeout,
                retries: settings.retries,
                max_bytes: MAX_BYTES,
            },
        })
    }

    async fn get(&self, path: [&str; 4]) -> Result<Value, DirectoryError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // Each part is one segment, whatever characters it has.
            segments.pop_if_empty().extend(path);
        }
        let request = self.client.get(url).header(ACCEPT, "application/json");
        let found = match upstream::ask(&request, self.limits).await {
            Ok(reply) => read(&reply),
            Err(UpstreamError::TooLarge(limit)) => Err(DirectoryError::Unusable(format!(
                "there is more than {} MiB of it",
                limit / 1024 / 1024
            ))),
            Err(error) => Err(error.into()),
        };
        let outcome = if let Err(DirectoryError::Upstream(error)) = &found {
            // Whom it was about stays out of the log.
            warn!(what = path[2], %error, "Torre gave no answer");
            "failed"
        } else {
            "answered"
        };
        metrics::counter!("emma_torre_requests_total", "outcome" => outcome).increment(1);
        found
    }
}

#[async_trait]
impl TalentDirectory for TorreAdapter {
    fn source(&self) -> &'static str {
        TORRE
    }

    async fn bio(&self, username: &Username) -> Result<Bio, DirectoryError> {
        let found = self.get(["api", "genome", "bios", username.as_str()]).await?;
        genome::bio(username, &found).map_err(|e| DirectoryError::Unusable(e.to_owned()))
    }

    async fn opportunity(&self, id: &OpportunityId) -> Result<Opportunity, DirectoryError> {
        let found = self.get(["api", "suite", "opportunities", id.as_str()]).await?;
        opportunity::opportunity(&found).map_err(|e| DirectoryError::Unusable(e.to_owned()))
    }
}

fn read(reply: &Reply) -> Result<Value, DirectoryError> {
    let failed = |what: String| DirectoryError::Upstream(UpstreamError::Failed(what));
    match reply.status {
        StatusCode::NOT_FOUND | StatusCode::GONE => return Err(DirectoryError::NotFound),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => return Err(DirectoryError::Rejected),
        status if !status.is_success() => return Err(failed(format!("it answered {}", status.as_u16()))),
        _ => {}
    }
    // A page in place of data says nothing about the person or the position: not that they are gone either. What the
    // content is, its first character says better than its declared type.
    serde_json::from_slice(&reply.body).map_err(|_| {
        let kind = reply.content_type.split(';').next().unwrap_or_default();
        failed(format!("it sent something else than JSON ({kind:.40})"))
    })
}

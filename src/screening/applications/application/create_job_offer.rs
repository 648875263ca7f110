//! A recruiter describes a position, in fields or as a file.

use crate::screening::applications::application::{ApplicationError, ApplicationService};
use crate::screening::applications::domain::job_offer::{JobOffer, JobOfferStatus, Posting};
use crate::screening::applications::domain::posting::read_posting;

/// What a recruiter may say beside an uploaded posting; it wins over the file.
#[derive(Debug, Clone, Default)]
pub struct PostingHints {
    pub title: Option<String>,
    pub organization: Option<String>,
}

impl ApplicationService {
    /// Stores a position.
    ///
    /// # Errors
    /// When it has no title or is too large.
    pub async fn create_job_offer(
        &self,
        mut posting: Posting,
        status: JobOfferStatus,
    ) -> Result<JobOffer, ApplicationError> {
        posting.title = posting.title.trim().to_owned();
        posting.check().map_err(ApplicationError::Invalid)?;
        let offer = JobOffer {
            status,
            ..JobOffer::new(posting)
        };
        self.store.insert_job_offer(&offer, self.clock.now()).await?;
        Ok(offer)
    }

    /// Stores the position an uploaded posting describes.
    ///
    /// # Errors
    /// When the file cannot be read or names no position.
    pub async fn upload_job_offer(&self, file: Vec<u8>, hints: PostingHints) -> Result<JobOffer, ApplicationError> {
        let mut posting = read_posting(&self.documents.read(file).await?);
        if let Some(title) = hints.title {
            posting.title = title;
        }
        if let Some(name) = hints.organization {
            posting.organization.name = name;
        }
        self.create_job_offer(posting, JobOfferStatus::Open).await
    }
}

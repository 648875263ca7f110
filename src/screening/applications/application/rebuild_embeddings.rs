//! Makes the vectors of all job offers and candidates anew, after another model was configured.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::screening::applications::application::embed::{KeepError, keep, statements_of, texts_of};
use crate::screening::applications::domain::ports::{ApplicationStore, Slice};
use crate::screening::shared::ids::{CandidateId, JobOfferId};
use crate::shared::clock::Clock;
use crate::shared::embeddings::TextEmbedder;
use crate::shared::embeddings::set::EmbeddingStore;
use crate::shared::errors::StoreError;

/// Applications read at a time.
const PAGE: u32 = 200;

/// Embeds what applications are about. What has the model's vectors already is passed over, so that it can be stopped
/// and begun again, beside a running server too.
pub struct RebuildEmbeddings {
    pub store: Arc<dyn ApplicationStore>,
    pub embedder: Arc<dyn TextEmbedder>,
    pub vectors: Arc<dyn EmbeddingStore>,
    pub clock: Arc<dyn Clock>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Job offers and candidates there are.
    pub owners: usize,
    pub made: usize,
    /// Those that had the model's vectors already, or have no texts.
    pub passed_over: usize,
}

impl Rebuilt {
    /// Whether nothing is left to do.
    pub const fn is_whole(&self) -> bool {
        self.made + self.passed_over == self.owners
    }
}

impl RebuildEmbeddings {
    /// Goes through all job offers and candidates that have an application until it is through or `stop` fires; each is
    /// done as a whole or not at all.
    ///
    /// # Errors
    /// At the first that fails; what was made is kept.
    pub async fn run(&self, stop: &CancellationToken, mut progress: impl FnMut(Rebuilt)) -> Result<Rebuilt, KeepError> {
        let (offers, candidates) = self.owners().await?;
        let mut done = Rebuilt {
            owners: offers.len() + candidates.len(),
            ..Rebuilt::default()
        };
        let offers = offers.iter().map(Owner::JobOffer);
        for owner in offers.chain(candidates.iter().map(Owner::Candidate)) {
            let made = tokio::select! {
                () = stop.cancelled() => break,
                made = self.rebuild(owner) => made?,
            };
            if made {
                done.made += 1;
            } else {
                done.passed_over += 1;
            }
            progress(done);
        }
        Ok(done)
    }

    async fn rebuild(&self, owner: Owner<'_>) -> Result<bool, KeepError> {
        let texts = match owner {
            Owner::JobOffer(id) => self.store.job_offer(id).await?.map(|offer| statements_of(&offer)),
            Owner::Candidate(id) => self.store.candidate(id).await?.map(|candidate| texts_of(&candidate)),
        };
        // Gone, or its texts were deleted meanwhile: nothing is made of it.
        let texts = texts.unwrap_or_default();
        let now = self.clock.now();
        keep(&*self.embedder, &*self.vectors, owner.id(), &texts, now).await
    }

    async fn owners(&self) -> Result<(BTreeSet<JobOfferId>, BTreeSet<CandidateId>), StoreError> {
        let (mut offers, mut candidates) = (BTreeSet::new(), BTreeSet::new());
        let mut after = None;
        loop {
            let slice = Slice { limit: PAGE, after };
            let page = self.store.applications(&slice).await?;
            let Some(last) = page.last() else {
                return Ok((offers, candidates));
            };
            after = Some(last.id.as_str().to_owned());
            for application in page {
                offers.insert(application.job_offer_id);
                candidates.insert(application.candidate_id);
            }
        }
    }
}

/// Whose vectors.
#[derive(Clone, Copy)]
enum Owner<'a> {
    JobOffer(&'a JobOfferId),
    Candidate(&'a CandidateId),
}

impl Owner<'_> {
    fn id(&self) -> &str {
        match self {
            Self::JobOffer(id) => id.as_str(),
            Self::Candidate(id) => id.as_str(),
        }
    }
}

//! On `JobOfferApplied`: what candidate and job offer say becomes vectors, ahead of whoever searches them.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::screening::applications::application::ApplicationService;
use crate::screening::applications::domain::application::JobOfferApplied;
use crate::screening::applications::domain::candidate::Candidate;
use crate::screening::applications::domain::job_offer::JobOffer;
use crate::shared::embeddings::set::{EmbeddingSet, EmbeddingStore, MixedVectors};
use crate::shared::embeddings::{EmbedError, TextEmbedder, TextRole};
use crate::shared::errors::StoreError;
use crate::shared::events::Event;
use crate::shared::jobs::{EventHandler, HandlerError};

/// Texts given to the model at a time: somebody in a call who asks about the role waits behind one batch at most.
const BATCH: usize = 16;

/// Makes vectors and keeps them. The same texts are not embedded twice with the same model.
pub struct Embeddings {
    pub applications: Arc<ApplicationService>,
    pub embedder: Arc<dyn TextEmbedder>,
    pub vectors: Arc<dyn EmbeddingStore>,
}

/// Embeds what the candidate brings: headline and résumé, not who it is.
pub struct GenerateCandidateEmbeddings(pub Arc<Embeddings>);

/// Embeds what the job offer states.
pub struct GenerateJobOfferEmbeddings(pub Arc<Embeddings>);

#[async_trait]
impl EventHandler for GenerateCandidateEmbeddings {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let applied: JobOfferApplied = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
        // Erased meanwhile.
        let Some(candidate) = self.0.applications.store.candidate(&applied.candidate_id).await? else {
            return Ok(());
        };
        self.0.keep(candidate.id.as_str(), &texts_of(&candidate)).await
    }
}

#[async_trait]
impl EventHandler for GenerateJobOfferEmbeddings {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let applied: JobOfferApplied = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
        let offer = self.0.applications.job_offer(&applied.job_offer_id).await?;
        self.0.keep(offer.id.as_str(), &statements_of(&offer)).await
    }
}

impl Embeddings {
    async fn keep(&self, owner: &str, texts: &[(String, String)]) -> Result<(), HandlerError> {
        let now = self.applications.clock.now();
        match keep(&*self.embedder, &*self.vectors, owner, texts, now).await {
            Ok(_) => Ok(()),
            Err(KeepError::Embed(error)) => Err(failed(&error)),
            Err(KeepError::Mixed(error)) => Err(HandlerError::Fail(error.to_string())),
            Err(KeepError::Store(error)) => Err(error.into()),
        }
    }
}

/// Why an owner's vectors could not be made or kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    #[error("embedding: {0}")]
    Embed(#[from] EmbedError),
    #[error(transparent)]
    Mixed(#[from] MixedVectors),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes an owner's vectors and keeps them, in one step or not at all. False where they were there already.
pub(super) async fn keep(
    embedder: &dyn TextEmbedder,
    vectors: &dyn EmbeddingStore,
    owner: &str,
    texts: &[(String, String)],
    now: DateTime<Utc>,
) -> Result<bool, KeepError> {
    let model = embedder.model();
    let known = vectors.of(owner).await?;
    if known.is_some_and(|known| known.fits(&model, texts)) {
        return Ok(false);
    }
    let plain: Vec<String> = texts.iter().map(|(_, text)| text.clone()).collect();
    let mut made = Vec::with_capacity(plain.len());
    for batch in plain.chunks(BATCH) {
        made.extend(embedder.embed(batch, TextRole::Passage).await?);
    }
    let set = EmbeddingSet::new(model, texts, made)?;
    vectors.put(owner, &set, now).await?;
    Ok(true)
}

/// A request that can never be answered is not repeated.
fn failed(error: &EmbedError) -> HandlerError {
    if error.is_transient() {
        HandlerError::Retry(format!("embedding: {error}"))
    } else {
        HandlerError::Fail(format!("embedding: {error}"))
    }
}

/// What a job offer states, by field.
pub(super) fn statements_of(offer: &JobOffer) -> Vec<(String, String)> {
    let statements = offer.posting.statements().into_iter();
    statements.map(|s| (s.field, s.text)).collect()
}

/// What a candidate says about the work, in pieces a model reads whole. Name, address and username are not in it.
pub(super) fn texts_of(candidate: &Candidate) -> Vec<(String, String)> {
    /// Some 200 word pieces; models that take least take 256.
    const PIECE_BYTES: usize = 800;
    let mut texts: Vec<(String, String)> = Vec::new();
    if let Some(headline) = &candidate.headline {
        texts.push(("headline".to_owned(), headline.clone()));
    }
    let mut pieces: Vec<String> = Vec::new();
    let lines = candidate.resume_text.iter().flat_map(|text| text.lines());
    for line in lines.map(str::trim).filter(|line| !line.is_empty()) {
        let mut rest = line;
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
            match pieces.last_mut() {
                Some(last) if last.len() + head.len() < PIECE_BYTES => {
                    last.push('\n');
                    last.push_str(head);
                }
                _ => pieces.push(head.to_owned()),
            }
            rest = tail;
        }
    }
    texts.extend(
        (0..)
            .zip(pieces)
            .map(|(i, piece): (usize, _)| (format!("resume[{i}]"), piece)),
    );
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::shared::ids::CandidateId;

    // spec: APP-8
    #[test]
    fn a_candidate_is_embedded_in_pieces_without_name_and_address() {
        let long = "é".repeat(1_000);
        let candidate = Candidate {
            id: CandidateId::generate(),
            username: Some("zoe-user".to_owned()),
            name: "Zoe Example".to_owned(),
            email: Some("zoe@example.com".to_owned()),
            headline: Some("Nurse".to_owned()),
            resume_text: Some(format!("Short line\n\nAnother\n{long}")),
            source: None,
            created_at: DateTime::UNIX_EPOCH,
        };
        let texts = texts_of(&candidate);
        assert_eq!(texts[0], ("headline".to_owned(), "Nurse".to_owned()));
        assert_eq!(texts[1], ("resume[0]".to_owned(), "Short line\nAnother".to_owned()));
        assert!(texts.iter().all(|(_, text)| text.len() <= 800));
        let whole: String = texts.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(whole.matches('é').count(), 1_000, "nothing is lost");
        assert!(!whole.to_lowercase().contains("zoe"));
    }
}

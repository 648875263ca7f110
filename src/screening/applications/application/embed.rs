//! On `JobOfferApplied`: what candidate and job offer say becomes vectors, ahead of whoever searches them.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::screening::applications::application::ApplicationService;
use crate::screening::applications::domain::application::JobOfferApplied;
use crate::screening::applications::domain::candidate::Candidate;
use crate::screening::applications::domain::job_offer::JobOffer;
use crate::shared::embeddings::pieces::{PIECE_BYTES, cut, in_pieces};
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

/// Embeds what the candidate brings, headline and résumé, without the name, address and username we know. What else in a
/// résumé says who it is, a street or another spelling, is embedded with it: these vectors are for finding, never scored.
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
            Err(KeepError::Embed(error)) => Err(error.of_job()),
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

/// Makes an owner's vectors and keeps them, in one step or not at all. False where they were there already, or there is
/// nothing to make them of: vectors of an earlier time are then deleted, whichever model they are of.
pub(super) async fn keep(
    embedder: &dyn TextEmbedder,
    vectors: &dyn EmbeddingStore,
    owner: &str,
    texts: &[(String, String)],
    now: DateTime<Utc>,
) -> Result<bool, KeepError> {
    let model = embedder.model();
    let known = vectors.of(owner).await?;
    if texts.is_empty() {
        if known.is_some() {
            vectors.remove(owner).await?;
        }
        return Ok(false);
    }
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

/// What a job offer states, by field, in pieces a model reads whole.
pub(super) fn statements_of(offer: &JobOffer) -> Vec<(String, String)> {
    let statements = offer.posting.statements().into_iter();
    in_pieces(&statements.map(|s| (s.field, s.text)).collect::<Vec<_>>())
}

/// What a candidate says about the work, in pieces a model reads whole, without the candidate's own name, address and
/// username.
pub(super) fn texts_of(candidate: &Candidate) -> Vec<(String, String)> {
    let who = Who::of(candidate);
    let mut texts: Vec<(String, String)> = Vec::new();
    let headline = candidate.headline.as_ref().map(|headline| who.left_out_of(headline));
    if let Some(headline) = headline.filter(|headline| !headline.is_empty()) {
        texts.push(("headline".to_owned(), headline));
    }
    let mut pieces: Vec<String> = Vec::new();
    let lines = candidate.resume_text.iter().flat_map(|text| text.lines());
    let lines = lines.map(|line| who.left_out_of(line)).filter(|line| !line.is_empty());
    for line in lines {
        for part in cut(&line) {
            match pieces.last_mut() {
                Some(last) if last.len() + part.len() < PIECE_BYTES => {
                    last.push('\n');
                    last.push_str(part);
                }
                _ => pieces.push(part.to_owned()),
            }
        }
    }
    texts.extend(
        (0..)
            .zip(pieces)
            .map(|(i, piece): (usize, _)| (format!("resume[{i}]"), piece)),
    );
    texts
}

/// What a candidate is called by.
struct Who {
    names: Vec<String>,
    /// In lower case, without marks around them.
    addresses: Vec<String>,
}

impl Who {
    fn of(candidate: &Candidate) -> Self {
        let named = candidate.username.iter().chain(&candidate.email);
        Self {
            names: candidate.name.split_whitespace().map(plain).collect(),
            addresses: named.map(|text| plain(text)).filter(|text| !text.is_empty()).collect(),
        }
    }

    /// The text on one line, without the words that are the candidate's. A name is one where it is written as one, not in
    /// small letters: "Grant" is left out of "Grant Miller", and not what somebody did with a grant.
    fn left_out_of(&self, text: &str) -> String {
        let others = text.split_whitespace().filter(|word| {
            let small = word.chars().find(|c| c.is_alphabetic()).is_some_and(char::is_lowercase);
            let word = plain(word);
            (small || !self.names.contains(&word)) && !self.addresses.contains(&word)
        });
        others.collect::<Vec<_>>().join(" ")
    }
}

/// A word as it is compared: in lower case, without marks around it.
fn plain(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::screening::shared::ids::CandidateId;

    // spec: APP-8
    #[test]
    fn a_candidates_own_name_is_left_out_of_headline_and_resume() {
        let candidate = Candidate {
            id: CandidateId::generate(),
            username: Some("zoe-user".to_owned()),
            name: "Zoé Van der Grant".to_owned(),
            email: Some("zoe@example.com".to_owned()),
            headline: Some("Zoé Grant, nurse".to_owned()),
            resume_text: Some("ZOÉ VAN DER GRANT\n<zoe@example.com> (zoe-user)\nWon a grant for a ward".to_owned()),
            source: None,
            created_at: DateTime::UNIX_EPOCH,
        };
        let texts = texts_of(&candidate);
        let texts: Vec<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["nurse", "Won a grant for a ward"]);
    }

    // spec: APP-6
    #[test]
    fn only_broken_events_and_mixed_vectors_are_given_up_at_once() {
        let pause = Duration::from_secs(90);
        let said = EmbedError::Overloaded {
            retry_after: Some(pause),
        };
        assert!(matches!(said.of_job(), HandlerError::RetryAfter(_, asked) if asked == pause));
        for error in [
            EmbedError::Overloaded { retry_after: None },
            EmbedError::TimedOut,
            EmbedError::Unauthorized,
            EmbedError::Rejected("it answered 402".to_owned()),
            EmbedError::Malformed("no vector".to_owned()),
            EmbedError::Failed("gone".to_owned()),
        ] {
            assert!(matches!(error.of_job(), HandlerError::Retry(_)), "{error}");
        }
    }

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

//! The deterministic assessment: embeddings and keywords against anchors, without a language model.

use crate::screening::analysis::domain::assessment::FitAssessment;
use crate::screening::analysis::domain::scorer::{criterion_text, score};
use crate::screening::analysis::domain::statements::statements;
use crate::screening::calls::domain::segment::TranscriptSegment;
use crate::screening::calls::domain::transcript::transcript_sha256;
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::embeddings::likeness::likeness;
use crate::shared::embeddings::{EmbedError, TextEmbedder, TextRole};

/// Scores a transcript by fixed rules.
///
/// # Errors
/// When the texts cannot be embedded.
pub async fn score_by_rules(
    embedder: &dyn TextEmbedder,
    plan: &InterviewPlan,
    transcript: &[TranscriptSegment],
) -> Result<FitAssessment, EmbedError> {
    let statements = statements(transcript);
    let said: Vec<String> = statements.iter().map(|s| s.text.to_owned()).collect();
    let wanted: Vec<String> = plan.criteria.iter().map(criterion_text).collect();
    let said = embedder.embed(&said, TextRole::Passage).await?;
    let wanted = embedder.embed(&wanted, TextRole::Query).await?;
    let model = embedder.model();
    let similarity: Vec<Vec<f32>> = said
        .iter()
        .map(|s| wanted.iter().map(|w| likeness(&model, s, w)).collect())
        .collect();
    Ok(score(plan, &statements, &similarity, &transcript_sha256(transcript)))
}

//! The deterministic assessment: embeddings and keywords against anchors, without a language model.

use crate::screening::analysis::domain::assessment::FitAssessment;
use crate::screening::analysis::domain::scorer::{criterion_text, score};
use crate::screening::analysis::domain::statements::statements;
use crate::screening::calls::domain::segment::TranscriptSegment;
use crate::screening::calls::domain::transcript::transcript_sha256;
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::embeddings::{EmbedError, TextEmbedder};

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
    let (said, wanted) = (embedder.embed(&said).await?, embedder.embed(&wanted).await?);
    let similarity: Vec<Vec<f32>> = said
        .iter()
        .map(|s| wanted.iter().map(|w| cosine(s, w)).collect())
        .collect();
    Ok(score(plan, &statements, &similarity, &transcript_sha256(transcript)))
}

/// Cosine of two vectors of length 1.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

//! How alike two texts are, on one scale for all models: the only place that knows what a model's cosines mean.
//!
//! Cosines of unrelated sentences are about 0.1 with one model and 0.75 with another. Thresholds (search, evidence) are
//! set on this scale and hold for every model that has a line here: 0.1 is what unrelated sentences have, 0.5 what a
//! question and its answer have.

use crate::shared::embeddings::{E5_SMALL, EmbeddingModel, MINI_LM};

/// Two cosines of a model and what they are on the scale; what lies between and beyond is on the line through them.
struct Calibration {
    unrelated: (f32, f32),
    related: (f32, f32),
    /// The mean of many questions' cosines to all statements, where a question as such lies nearer to everything or
    /// farther from everything than another.
    usual: Option<f32>,
}

/// Cosines that are on the scale as they are, as those of `MiniLM`, on which the thresholds were found first, and of
/// OpenAI's text-embedding-3.
const AS_IT_IS: Calibration = Calibration {
    unrelated: (0.0, 0.0),
    related: (1.0, 1.0),
    usual: None,
};
/// Found on the questions of `tests/role_search.rs`.
const E5: Calibration = Calibration {
    unrelated: (0.73, 0.1),
    related: (0.87, 0.5),
    usual: Some(0.772),
};
/// From so many on their mean says something about the question.
const ENOUGH: usize = 8;

/// How like a question each of the texts is that are searched. Half of what makes this question nearer to all of them than
/// usual is taken off.
pub fn likenesses<'a>(model: &EmbeddingModel, question: &[f32], texts: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    let cosines: Vec<f32> = texts.map(|text| cosine(text, question)).collect();
    let mean = cosines.iter().sum::<f32>() / cosines.len().max(1) as f32;
    let offset = match calibration(&model.name).usual {
        Some(usual) if cosines.len() >= ENOUGH => (mean - usual) / 2.0,
        _ => 0.0,
    };
    cosines
        .into_iter()
        .map(|cosine| of_cosine(model, cosine - offset))
        .collect()
}

/// How alike two texts are by their vectors of length 1; at most 1, and about 0 and less where they have nothing in common.
pub fn likeness(model: &EmbeddingModel, a: &[f32], b: &[f32]) -> f32 {
    of_cosine(model, cosine(a, b))
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The place of a cosine of this model on the scale.
pub fn of_cosine(model: &EmbeddingModel, cosine: f32) -> f32 {
    let Calibration { unrelated, related, .. } = calibration(&model.name);
    let slope = (related.1 - unrelated.1) / (related.0 - unrelated.0);
    (unrelated.1 + (cosine - unrelated.0) * slope).clamp(-1.0, 1.0)
}

/// By the last part of the name, as servers and files spell it.
fn calibration(name: &str) -> Calibration {
    let name = name.rsplit('/').next().unwrap_or(name);
    match name {
        MINI_LM => AS_IT_IS,
        E5_SMALL => E5,
        // The e5 family was trained at the same temperature.
        hosted if hosted.starts_with("multilingual-e5") || hosted.starts_with("e5-") => E5,
        _ => AS_IT_IS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str) -> EmbeddingModel {
        EmbeddingModel {
            name: name.to_owned(),
            dimension: 2,
        }
    }

    // spec: KNOW-5
    #[test]
    fn the_same_cosine_means_another_thing_with_another_model() {
        let (e5, minilm) = (model(E5_SMALL), model(MINI_LM));
        assert!(of_cosine(&minilm, 0.76) > 0.7, "nearly the same text");
        assert!(of_cosine(&e5, 0.76) < 0.2, "nothing in common");
        assert!((of_cosine(&model("intfloat/multilingual-e5-large"), 0.87) - 0.5).abs() < 1e-5);
        assert!((of_cosine(&model("openai/text-embedding-3-small"), 0.45) - 0.45).abs() < 1e-6);
    }

    // spec: KNOW-5
    #[test]
    fn a_question_near_to_everything_is_not_answered_by_everything() {
        // Cosines 0.86 and 0.82 to nine texts.
        let question = [1.0, 0.0];
        let text = |cosine: f32| vec![cosine, (1.0 - cosine * cosine).sqrt()];
        let texts: Vec<Vec<f32>> = (0..9).map(|i| text(if i == 0 { 0.86 } else { 0.82 })).collect();
        let all =
            |name: &str, count: usize| likenesses(&model(name), &question, texts[..count].iter().map(Vec::as_slice));
        assert!(all(E5_SMALL, 9)[0] < of_cosine(&model(E5_SMALL), 0.86) - 0.05);
        assert!(all(E5_SMALL, 9)[0] > all(E5_SMALL, 9)[1]);
        assert!(
            (all(E5_SMALL, 3)[0] - of_cosine(&model(E5_SMALL), 0.86)).abs() < 1e-4,
            "too few to tell"
        );
        assert!((all(MINI_LM, 9)[0] - 0.86).abs() < 1e-4);
    }

    #[test]
    fn more_alike_is_never_less_and_the_same_text_is_near() {
        for name in [E5_SMALL, MINI_LM, "text-embedding-3-small"] {
            let steps: Vec<f32> = (-100..=100_i8)
                .map(|i| of_cosine(&model(name), f32::from(i) / 100.0))
                .collect();
            assert!(steps.windows(2).all(|pair| pair[0] <= pair[1]), "{name}");
            assert!(likeness(&model(name), &[0.6, 0.8], &[0.6, 0.8]) > 0.8, "{name}");
        }
    }
}

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
}

/// Cosines that are on the scale as they are, as those of `MiniLM`, on which the thresholds were found first, and of
/// OpenAI's text-embedding-3.
const AS_IT_IS: Calibration = Calibration {
    unrelated: (0.0, 0.0),
    related: (1.0, 1.0),
};
/// Found on the questions of `tests/role_search.rs`.
const E5: Calibration = Calibration {
    unrelated: (0.77, 0.1),
    related: (0.86, 0.5),
};

/// How alike two texts are by their vectors of length 1; at most 1, and about 0 and less where they have nothing in common.
pub fn likeness(model: &EmbeddingModel, a: &[f32], b: &[f32]) -> f32 {
    let cosine: f32 = a.iter().zip(b).map(|(x, y)| x * y).sum();
    of_cosine(model, cosine)
}

/// The place of a cosine of this model on the scale.
pub fn of_cosine(model: &EmbeddingModel, cosine: f32) -> f32 {
    let Calibration { unrelated, related } = calibration(&model.name);
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
        assert!(of_cosine(&e5, 0.76) < 0.15, "nothing in common");
        assert!((of_cosine(&model("intfloat/multilingual-e5-large"), 0.86) - 0.5).abs() < 1e-5);
        assert!((of_cosine(&model("openai/text-embedding-3-small"), 0.45) - 0.45).abs() < 1e-6);
    }

    #[test]
    fn more_alike_is_never_less_and_the_same_text_is_one() {
        for name in [E5_SMALL, MINI_LM, "text-embedding-3-small"] {
            let steps: Vec<f32> = (-100..=100_i8)
                .map(|i| of_cosine(&model(name), f32::from(i) / 100.0))
                .collect();
            assert!(steps.windows(2).all(|pair| pair[0] <= pair[1]), "{name}");
            assert!((likeness(&model(name), &[0.6, 0.8], &[0.6, 0.8]) - 1.0).abs() < 1e-5, "{name}");
        }
    }
}

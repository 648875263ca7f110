//! `agents/steering.toml`: the sentences that the second look for attempts to steer learns from.

use serde::Deserialize;

use crate::screening::calls::application::second_look::Exemplars;

const BUILT_IN: &str = include_str!("../../../../agents/steering.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    attacks: Vec<String>,
    harmless: Vec<String>,
}

/// The sentences in the binary.
///
/// # Errors
/// When the file is no TOML of this shape.
pub fn exemplars() -> Result<Exemplars, toml::de::Error> {
    let File { attacks, harmless } = toml::from_str(BUILT_IN)?;
    Ok(Exemplars { attacks, harmless })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    // spec: EMMA-5
    #[test]
    fn there_are_enough_of_both_kinds_and_nothing_that_is_measured_on() {
        let exemplars = exemplars().expect("sound");
        assert!(exemplars.attacks.len() >= 100 && exemplars.harmless.len() >= 150);
        let learned: BTreeSet<&String> = exemplars.attacks.iter().chain(&exemplars.harmless).collect();
        assert_eq!(
            learned.len(),
            exemplars.attacks.len() + exemplars.harmless.len(),
            "no twins"
        );
        for set in [
            include_str!("../../../../tests/data/guardrails/attacks.jsonl"),
            include_str!("../../../../tests/data/guardrails/benign.jsonl"),
            include_str!("../../../../tests/data/guardrails/held_out.jsonl"),
            include_str!("../../../../tests/data/guardrails/held_out_2.jsonl"),
            include_str!("../../../../tests/data/guardrails/held_out_3.jsonl"),
        ] {
            for line in set.lines().filter(|line| !line.is_empty()) {
                let row: serde_json::Value = serde_json::from_str(line).expect("a row");
                let text = row["text"].as_str().expect("a text").to_owned();
                assert!(!learned.contains(&text), "{text}");
            }
        }
    }
}

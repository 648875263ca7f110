//! `agents/*.toml`: who interviews, with which voice, how patiently, within which limits.

use std::path::Path;

use serde::Deserialize;

use crate::screening::calls::application::emma::{self, tools};
use crate::screening::calls::application::voice::VoiceStyle;
use crate::screening::calls::domain::conversation::Limits;
use crate::screening::calls::domain::turn_policy::TurnPolicy;

/// The agent that is used where none is configured.
const BUILT_IN: &str = include_str!("../../../../agents/emma.toml");

/// An interviewer as described in a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    pub version: String,
    pub name: String,
    pub persona: String,
    pub language: String,
    pub tools: Vec<Tool>,
    voice: Voice,
    patience: Patience,
    limits: AgentLimits,
}

/// What an agent may do besides asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    LookUpRole,
    NoteAnswer,
    NextQuestion,
    AskToClarify,
    CandidateAsksForHuman,
    ProposeEnd,
}

impl Tool {
    const fn name(self) -> &'static str {
        match self {
            Self::LookUpRole => tools::LOOK_UP_ROLE,
            Self::NoteAnswer => tools::NOTE_ANSWER,
            Self::NextQuestion => tools::NEXT_QUESTION,
            Self::AskToClarify => tools::ASK_TO_CLARIFY,
            Self::CandidateAsksForHuman => tools::CANDIDATE_ASKS_FOR_HUMAN,
            Self::ProposeEnd => tools::PROPOSE_END,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Voice {
    name: String,
    speed: f32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Patience {
    sure_ms: u64,
    doubtful_ms: u64,
    open_ms: u64,
    asked_ms: u64,
    cap_ms: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentLimits {
    call_minutes: u64,
    #[serde(default = "three")]
    tool_rounds: usize,
    #[serde(default = "sixteen")]
    history_lines: usize,
    #[serde(default = "three")]
    reply_sentences: usize,
    #[serde(default = "sixty")]
    reply_words: usize,
}

fn three() -> usize {
    3
}

fn sixteen() -> usize {
    16
}

fn sixty() -> usize {
    60
}

/// Why an agent cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error("agent file {path}: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("agent {name}: {problem}")]
    Invalid { name: String, problem: &'static str },
}

impl Agent {
    /// Reads an agent's file, or the built-in agent where none is named.
    ///
    /// # Errors
    /// When the file cannot be read, has an unknown key or an impossible value.
    pub fn load(file: Option<&Path>) -> Result<Self, AgentError> {
        let (path, text) = match file {
            None => ("(built in)".to_owned(), BUILT_IN.to_owned()),
            Some(file) => {
                let path = file.display().to_string();
                let text = std::fs::read_to_string(file).map_err(|e| AgentError::Unreadable {
                    path: path.clone(),
                    reason: e.to_string(),
                })?;
                (path, text)
            }
        };
        let agent: Self = toml::from_str(&text).map_err(|e| AgentError::Unreadable {
            path,
            reason: e.message().to_owned(),
        })?;
        agent.check()
    }

    fn check(self) -> Result<Self, AgentError> {
        let p = &self.patience;
        let problem = if !(0.5..=2.0).contains(&self.voice.speed) {
            "voice.speed must be between 0.5 and 2"
        } else if !(p.sure_ms <= p.doubtful_ms && p.doubtful_ms <= p.open_ms && p.open_ms <= p.cap_ms) {
            "patience must rise: sure_ms <= doubtful_ms <= open_ms <= cap_ms"
        } else if !(1..=180).contains(&self.limits.call_minutes) {
            "limits.call_minutes must be between 1 and 180"
        } else if self.limits.tool_rounds > 3 {
            "limits.tool_rounds must be at most 3"
        } else if !(2..=24).contains(&self.limits.history_lines) {
            "limits.history_lines must be between 2 and 24"
        } else if !(1..=6).contains(&self.limits.reply_sentences) || !(10..=120).contains(&self.limits.reply_words) {
            "limits.reply_sentences must be between 1 and 6, limits.reply_words between 10 and 120"
        } else if !self.language.starts_with("en") {
            "the embedded voice and interviewer speak English: language must be en"
        } else {
            return Ok(self);
        };
        Err(AgentError::Invalid {
            name: self.name,
            problem,
        })
    }

    /// How she sounds.
    pub fn style(&self) -> VoiceStyle {
        VoiceStyle {
            voice: self.voice.name.clone(),
            speed: self.voice.speed,
        }
    }

    /// What a language model is told of her.
    pub fn mind(&self) -> emma::Agent {
        emma::Agent {
            name: self.name.clone(),
            persona: self.persona.clone(),
            tools: self.tools.iter().map(|tool| tool.name().to_owned()).collect(),
            tool_rounds: self.limits.tool_rounds,
            history_lines: self.limits.history_lines,
            sentences: self.limits.reply_sentences,
            words: self.limits.reply_words,
        }
    }

    /// How long she waits and how long a call may take.
    pub fn limits(&self) -> Limits {
        let p = &self.patience;
        Limits {
            policy: TurnPolicy {
                sure_ms: p.sure_ms,
                doubtful_ms: p.doubtful_ms,
                open_ms: p.open_ms,
                asked_ms: p.asked_ms,
                cap_ms: p.cap_ms,
                ..TurnPolicy::default()
            },
            call_ms: self.limits.call_minutes * 60_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: EMMA-6
    #[test]
    fn the_built_in_agent_is_sound() {
        let agent = Agent::load(None).expect("valid");
        assert_eq!(
            agent.limits().policy,
            TurnPolicy::default(),
            "the file and the code agree"
        );
        assert_eq!(agent.style().voice, "af_heart");
    }

    // spec: EMMA-6
    #[test]
    fn a_mistake_fails_early_and_names_itself() {
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("agent.toml");
        for (from, to, word) in [
            ("speed = 1.0", "speed = 9.0", "speed"),
            ("sure_ms = ", "sure_ms = 9", "patience"),
            ("[limits]", "[limits]\nbudget = 3", "budget"),
        ] {
            std::fs::write(&file, BUILT_IN.replace(from, to)).expect("written");
            let error = Agent::load(Some(&file)).expect_err("refused").to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}

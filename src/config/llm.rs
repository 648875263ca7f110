//! `[llm]`: the language model, where one is used.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, environment};

const OPENROUTER: &str = "https://openrouter.ai/api/v1";
const OPENAI: &str = "https://api.openai.com/v1";

/// The language model behind Emma; none where neither URL nor key is set: the guided interviewer then speaks.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Llm {
    /// An OpenAI-compatible server, e.g. `http://127.0.0.1:11434/v1` (Ollama). (`LLM_BASE_URL`)
    pub base_url: Option<String>,
    /// The model as its server names it. Known hosts have a default. (`LLM_MODEL`)
    pub model: Option<String>,
    /// Asked when the model fails; on the same server. (`LLM_FALLBACK_MODEL`)
    pub fallback_model: Option<String>,
    /// The server's key. (`LLM_API_KEY`; `OPENROUTER_API_KEY` and `OPENAI_API_KEY` also name their servers)
    #[serde(skip_serializing, default, deserialize_with = "environment::secret")]
    pub api_key: Option<SecretString>,
    /// Time for one whole answer in a call, tries included, milliseconds.
    pub timeout_ms: u64,
    /// Time for the first word of an answer in a call, milliseconds; then it is tried again.
    pub first_token_timeout_ms: u64,
    /// Tries of the model before the fallback is asked.
    pub tries: u32,
    /// Longest answer in a call, tokens.
    pub max_tokens: u32,
    /// How freely she words things, 0 to 2.
    pub temperature: f32,
    /// US dollars per million tokens read, where the server tells no price.
    pub prompt_price_usd: Option<f64>,
    /// US dollars per million tokens written, where the server tells no price.
    pub completion_price_usd: Option<f64>,
    /// Answers kept for prompts that come again after a crash or a retry; 0 keeps none. Never those of a call.
    pub cache_entries: u32,
    /// Directory whose prompts replace those in the binary. (`EMMA_PROMPTS`)
    pub prompts: Option<PathBuf>,
}

impl Default for Llm {
    fn default() -> Self {
        Self {
            base_url: None,
            model: None,
            fallback_model: None,
            api_key: None,
            timeout_ms: 7_000,
            first_token_timeout_ms: 2_500,
            tries: 2,
            max_tokens: 220,
            temperature: 0.4,
            prompt_price_usd: None,
            completion_price_usd: None,
            cache_entries: 500,
            prompts: None,
        }
    }
}

/// A language model that is configured.
#[derive(Debug, Clone)]
pub struct ChosenLlm {
    pub base_url: String,
    pub model: String,
    pub fallback_model: Option<String>,
    pub api_key: Option<SecretString>,
}

impl Llm {
    /// Names of the environment and the keys they set.
    pub const SHORT_NAMES: [(&'static str, &'static str); 5] = [
        ("LLM_BASE_URL", "llm.base_url"),
        ("LLM_MODEL", "llm.model"),
        ("LLM_FALLBACK_MODEL", "llm.fallback_model"),
        ("LLM_API_KEY", "llm.api_key"),
        ("EMMA_PROMPTS", "llm.prompts"),
    ];

    /// Completes the section with keys that name their server. A key is only ever given to the server it belongs to.
    pub fn take_known_keys(&mut self, key_of: impl Fn(&str) -> Option<String>) {
        // An empty variable is one that is not set.
        self.base_url.take_if(|url| url.trim().is_empty());
        self.model.take_if(|model| model.trim().is_empty());
        self.fallback_model.take_if(|model| model.trim().is_empty());
        self.api_key
            .take_if(|key| secrecy::ExposeSecret::expose_secret(key).is_empty());
        if self.api_key.is_some() {
            // A key without an address: most keys that name no server are OpenRouter's.
            self.base_url.get_or_insert_with(|| OPENROUTER.to_owned());
            return;
        }
        for (name, server) in [("OPENROUTER_API_KEY", OPENROUTER), ("OPENAI_API_KEY", OPENAI)] {
            let fits = self
                .base_url
                .as_deref()
                .is_none_or(|url| host_of(url) == host_of(server));
            if let Some(key) = key_of(name).filter(|key| fits && !key.is_empty()) {
                self.api_key = Some(key.into());
                self.base_url.get_or_insert_with(|| server.to_owned());
                return;
            }
        }
    }

    /// The model to use, where one is configured.
    pub fn chosen(&self) -> Option<ChosenLlm> {
        let base_url = self.base_url.clone()?;
        let model = self
            .model
            .clone()
            .or_else(|| default_model(&base_url).map(str::to_owned))?;
        Some(ChosenLlm {
            model,
            fallback_model: self.fallback_model.clone(),
            api_key: self.api_key.clone(),
            base_url,
        })
    }

    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Checks what types cannot.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let invalid = |key, problem: &str| {
            Err(ConfigError::Invalid {
                key,
                problem: problem.to_owned(),
            })
        };
        if let Some(url) = &self.base_url {
            if host_of(url).is_none() {
                return invalid(
                    "llm.base_url",
                    "must be an http:// or https:// URL, e.g. http://127.0.0.1:11434/v1",
                );
            }
            if self.model.is_none() && default_model(url).is_none() {
                return invalid("llm.model", "must be set for this server (LLM_MODEL)");
            }
        }
        if self.base_url.is_none() && (self.model.is_some() || self.fallback_model.is_some()) {
            return invalid(
                "llm.base_url",
                "must be set where a model is named (LLM_BASE_URL, or a key)",
            );
        }
        if !(500..=60_000).contains(&self.timeout_ms) || self.first_token_timeout_ms > self.timeout_ms {
            return invalid(
                "llm.timeout_ms",
                "must be from 500 to 60000, and not below llm.first_token_timeout_ms",
            );
        }
        if self.first_token_timeout_ms == 0 || self.tries == 0 || self.max_tokens == 0 {
            return invalid("llm.first_token_timeout_ms/tries/max_tokens", "must be at least 1");
        }
        if self.cache_entries > 1_000_000 {
            return invalid("llm.cache_entries", "must be at most 1000000");
        }
        if !(0.0..=2.0).contains(&self.temperature) {
            return invalid("llm.temperature", "must be from 0 to 2");
        }
        if self.prompt_price_usd.is_some() != self.completion_price_usd.is_some() {
            return invalid(
                "llm.prompt_price_usd/completion_price_usd",
                "must both be set, or neither",
            );
        }
        Ok(())
    }
}

fn host_of(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?.to_owned();
    ["http", "https"].contains(&url.scheme()).then_some(host)
}

fn default_model(url: &str) -> Option<&'static str> {
    match host_of(url)?.as_str() {
        "openrouter.ai" => Some("openai/gpt-4.1-mini"),
        "api.openai.com" => Some("gpt-4.1-mini"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::with_environment;

    // spec: OPS-3, EMMA-4
    #[test]
    fn without_url_and_key_there_is_no_model() {
        with_environment(&[("LLM_API_KEY", "")], |config| {
            assert!(config.expect("valid").llm.chosen().is_none());
        });
    }

    // spec: OPS-3
    #[test]
    fn the_usual_names_choose_server_and_model() {
        with_environment(&[("OPENROUTER_API_KEY", "k1")], |config| {
            let chosen = config.expect("valid").llm.chosen().expect("one");
            assert_eq!(
                (chosen.base_url.as_str(), chosen.model.as_str()),
                (OPENROUTER, "openai/gpt-4.1-mini")
            );
        });
        with_environment(&[("OPENAI_API_KEY", "k2"), ("LLM_MODEL", "gpt-x")], |config| {
            let chosen = config.expect("valid").llm.chosen().expect("one");
            assert_eq!((chosen.base_url.as_str(), chosen.model.as_str()), (OPENAI, "gpt-x"));
        });
        with_environment(
            &[("LLM_BASE_URL", "http://127.0.0.1:8000/v1"), ("LLM_MODEL", "m")],
            |config| {
                let chosen = config.expect("valid").llm.chosen().expect("one");
                assert_eq!(
                    (chosen.base_url.as_str(), chosen.model.as_str()),
                    ("http://127.0.0.1:8000/v1", "m")
                );
            },
        );
    }

    // spec: OPS-3
    #[test]
    fn a_key_is_only_given_to_the_server_it_belongs_to() {
        let variables = [
            ("OPENAI_API_KEY", "k"),
            ("LLM_BASE_URL", "http://10.0.0.5/v1"),
            ("LLM_MODEL", "m"),
        ];
        with_environment(&variables, |config| {
            assert!(config.expect("valid").llm.chosen().expect("one").api_key.is_none());
        });
    }

    // spec: OPS-3
    #[test]
    fn a_local_server_without_a_model_is_refused_with_advice() {
        with_environment(&[("LLM_BASE_URL", "http://127.0.0.1:8000/v1")], |config| {
            let error = config.expect_err("no model").to_string();
            assert!(error.contains("LLM_MODEL"), "{error}");
        });
    }

    // spec: OPS-3
    #[test]
    fn the_key_is_not_printed() {
        with_environment(&[("OPENROUTER_API_KEY", "hunter2")], |config| {
            let config = config.expect("valid");
            assert!(!format!("{config:?}{:?}", config.llm.chosen()).contains("hunter2"));
        });
    }
}

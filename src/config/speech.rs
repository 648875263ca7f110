//! `[speech]`, its remote part: which services are asked, and how they are reached.

use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::{Speech, environment};

/// Who turns the candidate's speech into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transcriber {
    /// On this machine: the models that `speech.ears` names.
    Embedded,
    Elevenlabs,
    /// OpenAI, or a server that speaks its protocol.
    Openai,
}

/// Who gives Emma her voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// On this machine: the engine that `speech.voice` names.
    Embedded,
    Elevenlabs,
    /// OpenAI, or a server that speaks its protocol.
    Openai,
}

/// `[speech.elevenlabs]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ElevenLabs {
    /// (`ELEVENLABS_API_KEY`)
    #[serde(skip_serializing, default, deserialize_with = "environment::secret")]
    pub api_key: Option<SecretString>,
    pub base_url: String,
    pub stt_model: String,
    pub tts_model: String,
    /// Id of a voice of the account.
    pub voice: String,
}

/// `[speech.openai]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OpenAi {
    /// Not needed for a server of one's own that asks for none. (`OPENAI_API_KEY`)
    #[serde(skip_serializing, default, deserialize_with = "environment::secret")]
    pub api_key: Option<SecretString>,
    /// Of OpenAI or of a server that speaks its protocol, with `/v1`.
    pub base_url: String,
    pub stt_model: String,
    pub tts_model: String,
    pub voice: String,
}

const OPENAI: &str = "https://api.openai.com/v1";

impl Default for ElevenLabs {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: "https://api.elevenlabs.io".to_owned(),
            stt_model: "scribe_v2_realtime".to_owned(),
            tts_model: "eleven_flash_v2_5".to_owned(),
            // "Sarah", one of those every account has.
            voice: "EXAVITQu4vr4xnSDxMaL".to_owned(),
        }
    }
}

impl Default for OpenAi {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: OPENAI.to_owned(),
            // Tells when each word was said, which the newer models do not.
            stt_model: "whisper-1".to_owned(),
            tts_model: "gpt-4o-mini-tts".to_owned(),
            voice: "coral".to_owned(),
        }
    }
}

impl Speech {
    pub fn uses_elevenlabs(&self) -> bool {
        self.stt.contains(&Transcriber::Elevenlabs) || self.tts.contains(&Speaker::Elevenlabs)
    }

    pub fn uses_openai(&self) -> bool {
        self.stt.contains(&Transcriber::Openai) || self.tts.contains(&Speaker::Openai)
    }

    /// Checks the services that are asked; gives the key and what is wrong with it.
    pub(super) fn check_remote(&self) -> Result<(), (&'static str, &'static str)> {
        let usable = |url: &str| Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if self.uses_elevenlabs() {
            if self.elevenlabs.api_key.is_none() {
                return Err(("speech.elevenlabs.api_key", "is missing; set ELEVENLABS_API_KEY"));
            }
            if !usable(&self.elevenlabs.base_url) {
                return Err(("speech.elevenlabs.base_url", "must be an http:// or https:// address"));
            }
        }
        if self.uses_openai() {
            if self.openai.api_key.is_none() && self.openai.base_url == OPENAI {
                return Err(("speech.openai.api_key", "is missing; set OPENAI_API_KEY"));
            }
            if !usable(&self.openai.base_url) {
                return Err(("speech.openai.base_url", "must be an http:// or https:// address"));
            }
        }
        // Two services in a row leave the embedded model time within the patience of a call.
        if !(200..=5_000).contains(&self.remote_timeout_ms) {
            return Err(("speech.remote_timeout_ms", "must be from 200 to 5000"));
        }
        Ok(())
    }
}

/// Takes `"a"` for `["a"]`; a name in the environment may hold several, with commas.
pub(super) fn one_or_many<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    use serde::de::IntoDeserializer as _;
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Named {
        One(String),
        Many(Vec<String>),
    }
    let names = match Named::deserialize(deserializer)? {
        Named::One(names) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        Named::Many(names) => names,
    };
    names
        .into_iter()
        .map(|name| T::deserialize(name.into_deserializer()))
        .collect()
}

#[cfg(test)]
#[expect(clippy::result_large_err, reason = "figment's Jail asks for its own error")]
mod tests {
    use figment::Jail;

    use super::*;
    use crate::config::Config;

    // spec: CALL-10
    #[test]
    fn a_chain_is_one_name_or_several_in_order() {
        Jail::expect_with(|jail| {
            jail.create_file(
                "emma.toml",
                "[speech]\nstt = \"embedded\"\ntts = [\"elevenlabs\", \"openai\"]\n",
            )?;
            jail.set_env("ELEVENLABS_API_KEY", "hunter2");
            jail.set_env("OPENAI_API_KEY", "hunter3");
            let config = Config::load(None).expect("valid");
            assert_eq!(config.speech.stt, [Transcriber::Embedded]);
            assert_eq!(config.speech.tts, [Speaker::Elevenlabs, Speaker::Openai]);
            assert!(!format!("{config:?}").contains("hunter"), "keys are not printed");
            jail.set_env("EMMA_STT", "openai, elevenlabs");
            let config = Config::load(None).expect("valid");
            assert_eq!(config.speech.stt, [Transcriber::Openai, Transcriber::Elevenlabs]);
            jail.set_env("EMMA_TTS", "parrot");
            let error = Config::load(None).expect_err("unknown").to_string();
            assert!(
                error.contains("parrot") && error.to_lowercase().contains("speech.tts"),
                "{error}"
            );
            Ok(())
        });
    }

    // spec: CALL-10
    #[test]
    fn a_service_that_is_asked_needs_a_key() {
        let mut config = Config::default();
        config.speech.tts = vec![Speaker::Elevenlabs];
        let error = config.validate().expect_err("no key").to_string();
        assert!(error.contains("ELEVENLABS_API_KEY"), "{error}");
        config.speech.tts = vec![Speaker::Openai];
        assert!(config.validate().is_err());
        config.speech.openai.base_url = "http://127.0.0.1:8000/v1".to_owned();
        config.validate().expect("a server of one's own needs no key");
        config.speech.openai.base_url = "ftp://x".to_owned();
        assert!(config.validate().is_err());
    }
}

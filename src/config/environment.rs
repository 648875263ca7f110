//! What the environment sets: `EMMA_SECTION__KEY` for any key, and short names for the common ones.

use figment::providers::Serialized;
use figment::util::nest;
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};
use secrecy::SecretString;
use serde::{Deserialize as _, Deserializer};

use crate::config::{Config, ConfigError, Llm};

/// Short names and the keys they set; those of `[llm]` are with that section.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("EMMA_BIND", "server.bind"),
    ("EMMA_PORT", "server.port"),
    ("EMMA_PUBLIC_URL", "server.public_url"),
    ("EMMA_TLS", "server.tls"),
    ("EMMA_TLS_CERT", "server.tls_cert"),
    ("EMMA_TLS_KEY", "server.tls_key"),
    ("EMMA_DATA_DIR", "server.data_dir"),
    ("DATABASE_URL", "server.database_url"),
    ("EMMA_RECRUITER_TOKEN", "server.recruiter_token"),
    ("EMMA_DEMO", "server.demo"),
    ("EMMA_ADVERTISED_IP", "media.advertised_ip"),
    ("EMMA_UDP_PORT_MIN", "media.udp_port_min"),
    ("EMMA_UDP_PORT_MAX", "media.udp_port_max"),
    ("EMMA_MODELS_DIR", "speech.models_dir"),
    ("EMMA_EARS", "speech.ears"),
    ("EMMA_WHISPER", "speech.whisper"),
    ("EMMA_VOICE", "speech.voice"),
    ("EMMA_STT", "speech.stt"),
    ("EMMA_TTS", "speech.tts"),
    ("ELEVENLABS_API_KEY", "speech.elevenlabs.api_key"),
    ("OPENAI_API_KEY", "speech.openai.api_key"),
    ("EMMA_AGENT", "interview.agent"),
    ("EMMA_RECORDING", "interview.recording"),
    ("EMMA_LOG_FORMAT", "log.format"),
    ("EMMA_LOG", "log.filter"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp_endpoint"),
    ("TORRE_BASE_URL", TORRE),
    ("EMBEDDING_MODEL", "embeddings.model"),
    ("EMBEDDING_BASE_URL", "embeddings.base_url"),
    ("EMBEDDING_API_KEY", "embeddings.api_key"),
];
/// Read elsewhere: by commands, by `./run` and by the scripts beside it.
const READ_ELSEWHERE: &[&str] = &[
    "EMMA_CONFIG",
    "EMMA_MODELS_FROM",
    "EMMA_MODELS_HUB",
    "EMMA_BIN",
    "EMMA_COVERAGE",
];
/// The one key for which empty is a value of its own: nothing is looked up.
const TORRE: &str = "torre.base_url";
/// Numbers that have no default, by which they could be told from texts.
const NUMBERS: &[&str] = &["llm.prompt_price_usd", "llm.completion_price_usd"];

/// A variable that says something; an empty one is one that is not set.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// What is set in the environment and does nothing, for people to be told.
pub fn ignored() -> Option<&'static str> {
    variable("QDRANT_URL").map(|_| {
        "QDRANT_URL is set but not used: vectors are kept in the embedded database, other vector stores are not \
         supported yet"
    })
}

/// The configuration with what the environment sets in it, short names last.
pub(super) fn merged(mut figment: Figment) -> Result<Figment, ConfigError> {
    let defaults = Figment::from(Serialized::defaults(Config::default()));
    let (mut long, mut short) = (Vec::new(), Vec::new());
    for (name, value) in std::env::vars_os() {
        let (name, value) = (name.to_string_lossy().to_ascii_uppercase(), value.to_string_lossy());
        let own = name.strip_prefix("EMMA_");
        if let Some(key) = short_names().find_map(|(known, key)| (known == name).then_some(key)) {
            short.push((name, key.to_owned(), value.trim().to_owned()));
        } else if let Some(key) = own.filter(|key| key.contains("__")) {
            let key = key.to_ascii_lowercase().replace("__", ".");
            long.push((name, key, value.trim().to_owned()));
        } else if own.is_some()
            && !value.is_empty()
            && !READ_ELSEWHERE.contains(&name.as_str())
            && !is_link(&name, &value)
        {
            return Err(ConfigError::UnknownVariable(name));
        }
    }
    for (name, key, value) in long.into_iter().chain(short) {
        if value.is_empty() && key != TORRE {
            continue;
        }
        let value = typed(&key, value, defaults.find_value(&key).ok().as_ref());
        figment = figment.merge(Variable { name, key, value });
    }
    Ok(figment)
}

/// Whether an orchestrator made it to link a service whose name begins with ours, as `EMMA_WEB_SERVICE_HOST`.
fn is_link(name: &str, value: &str) -> bool {
    let is_address = value.starts_with("tcp://") || value.starts_with("udp://");
    let of_port = name.contains("_PORT_") && (name.contains("_TCP") || name.contains("_UDP"));
    name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || of_port
        || (name.ends_with("_PORT") && is_address)
}

fn short_names() -> impl Iterator<Item = (&'static str, &'static str)> {
    SHORT_NAMES.iter().copied().chain(Llm::SHORT_NAMES)
}

/// The value as its key wants it. Only what is no text by default is read as anything else: a key or a name of digits
/// alone stays as it is.
fn typed(key: &str, text: String, default: Option<&Value>) -> Value {
    match default {
        Some(Value::Bool(..)) => match text.to_ascii_lowercase().as_str() {
            "1" | "true" => Value::from(true),
            "0" | "false" => Value::from(false),
            _ => Value::from(text),
        },
        Some(Value::Num(..) | Value::Array(..)) => parsed(&text),
        _ if NUMBERS.contains(&key) => text.parse::<f64>().map_or_else(|_| Value::from(text), Value::from),
        _ => Value::from(text),
    }
}

fn parsed(text: &str) -> Value {
    text.parse()
        .unwrap_or_else(|never: std::convert::Infallible| match never {})
}

/// One variable and the key it sets.
struct Variable {
    name: String,
    key: String,
    value: Value,
}

impl Provider for Variable {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("environment variable {}", self.name)).interpolater(|_, path| path.join("."))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let all = nest(&self.key, self.value.clone());
        Ok(Profile::Default.collect(all.into_dict().unwrap_or_default()))
    }
}

/// Reads a secret without ever repeating it: one that is no text, as a number without quotes, is refused unseen. An empty
/// one is none.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    let unreadable = |_| serde::de::Error::custom("a secret has to be a text, in quotes");
    let text = Option::<String>::deserialize(deserializer).map_err(unreadable)?;
    Ok(text.filter(|text| !text.trim().is_empty()).map(SecretString::from))
}

#[cfg(test)]
#[expect(clippy::result_large_err, reason = "figment's Jail asks for its own error")]
mod tests {
    use figment::Jail;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::config::testing::with_environment;

    // spec: OPS-3
    #[test]
    fn a_secret_of_digits_is_a_secret() {
        let variables = [
            ("EMMA_RECRUITER_TOKEN", "123456"),
            ("LLM_API_KEY", "0"),
            ("EMMA_SPEECH__OPENAI__API_KEY", "true"),
            ("ELEVENLABS_API_KEY", "[1]"),
            ("EMBEDDING_API_KEY", "1e9"),
        ];
        with_environment(&variables, |config| {
            let config = config.expect("valid");
            let shown = |key: &Option<SecretString>| key.as_ref().map(|key| key.expose_secret().to_owned());
            assert_eq!(shown(&config.server.recruiter_token).as_deref(), Some("123456"));
            assert_eq!(shown(&config.llm.api_key).as_deref(), Some("0"));
            assert_eq!(shown(&config.speech.openai.api_key).as_deref(), Some("true"));
            assert_eq!(shown(&config.speech.elevenlabs.api_key).as_deref(), Some("[1]"));
            assert_eq!(shown(&config.embeddings.api_key).as_deref(), Some("1e9"));
        });
    }

    // spec: OPS-3
    #[test]
    fn a_secret_that_is_no_text_in_the_file_is_refused_unseen() {
        let files = [
            "[server]\nrecruiter_token = 987654\n",
            "[llm]\napi_key = 987654\n",
            "[embeddings]\napi_key = [987654]\n",
            "[speech.openai]\napi_key = 987654\n",
            "[speech.elevenlabs]\napi_key = 987654\n",
        ];
        for file in files {
            Jail::expect_with(|jail| {
                jail.clear_env();
                jail.create_file("emma.toml", file)?;
                let error = format!("{:#}", Config::load(None).expect_err("no text"));
                assert!(!error.contains("987654"), "{error}");
                assert!(error.contains("in quotes"), "{error}");
                Ok(())
            });
        }
    }

    // spec: OPS-3
    #[test]
    fn an_empty_variable_is_one_that_is_not_set() {
        let every: Vec<(&str, &str)> = short_names()
            .map(|(name, _)| (name, ""))
            .filter(|(name, _)| *name != "TORRE_BASE_URL")
            .chain([("EMMA_SERVER__DRAIN_S", " ")])
            .collect();
        with_environment(&every, |config| {
            let (config, default) = (config.expect("valid"), Config::default());
            assert_eq!(format!("{config:?}"), format!("{default:?}"));
        });
        for name in ["TORRE_BASE_URL", "EMMA_TORRE__BASE_URL"] {
            with_environment(&[(name, "")], |config| {
                assert_eq!(config.expect("valid").torre.base_url, "", "empty turns it off");
            });
        }
        with_environment(&[("EMMA_STT", "elevenlabs"), ("ELEVENLABS_API_KEY", "")], |config| {
            let error = config.expect_err("no key").to_string();
            assert!(error.contains("ELEVENLABS_API_KEY"), "{error}");
        });
    }

    // spec: OPS-3
    #[test]
    fn values_are_read_as_their_keys_want_them() {
        for (text, on) in [
            ("1", true),
            ("true", true),
            ("TRUE", true),
            ("0", false),
            ("false", false),
        ] {
            with_environment(
                &[("EMMA_DEMO", text), ("EMMA_INTERVIEW__SECOND_LOOK", text)],
                |config| {
                    let config = config.expect("valid");
                    assert_eq!((config.server.demo, config.interview.second_look), (on, on), "{text}");
                },
            );
        }
        with_environment(&[("EMMA_DEMO", "perhaps")], |config| {
            let error = config.expect_err("no answer").to_string();
            assert!(
                error.contains("EMMA_DEMO") && error.contains("\"server.demo\""),
                "{error}"
            );
        });
        let variables = [
            ("EMMA_PORT", "9"),
            ("EMMA_LLM__PROMPT_PRICE_USD", "0.4"),
            ("EMMA_LLM__COMPLETION_PRICE_USD", "2"),
            ("LLM_BASE_URL", "http://127.0.0.1:1/v1"),
            ("LLM_MODEL", "7"),
            ("EMMA_SPEECH__TTS", "[\"embedded\"]"),
        ];
        with_environment(&variables, |config| {
            let config = config.expect("valid");
            assert_eq!((config.server.port, config.llm.prompt_price_usd), (9, Some(0.4)));
            assert_eq!(config.llm.model.as_deref(), Some("7"));
        });
    }

    // spec: OPS-3
    #[test]
    fn an_unknown_variable_is_an_error_that_names_it_and_those_of_scripts_are_not() {
        for (name, told) in [
            ("EMMA_PROT", "EMMA_PROT"),
            ("EMMA_SERVER_PORT", "EMMA_SERVER_PORT"),
            ("EMMA_SERVER__PROT", "prot"),
            ("EMMA_FOO__BAR", "foo"),
        ] {
            with_environment(&[(name, "1")], |config| {
                let error = config.expect_err("unknown").to_string();
                assert!(error.contains(told), "{error}");
            });
        }
        let known = [
            ("EMMA_BIN", "target/debug/emma"),
            ("EMMA_MODELS_FROM", "/folder"),
            ("EMMALINE", "1"),
            ("EMMA_FORMER", ""),
            ("EMMA_WEB_SERVICE_HOST", "10.0.0.7"),
            ("EMMA_WEB_SERVICE_PORT_HTTP", "80"),
            ("EMMA_WEB_PORT", "tcp://10.0.0.7:80"),
            ("EMMA_WEB_PORT_80_TCP_ADDR", "10.0.0.7"),
            ("SOMETHING", "1"),
        ];
        with_environment(&known, |config| assert!(config.is_ok(), "{config:?}"));
    }

    // spec: OPS-3
    #[test]
    fn a_vector_store_that_is_not_supported_is_told() {
        Jail::expect_with(|jail| {
            jail.clear_env();
            assert_eq!(ignored(), None);
            jail.set_env("QDRANT_URL", "http://127.0.0.1:6333");
            assert!(ignored().is_some_and(|told| told.contains("QDRANT_URL")));
            Ok(())
        });
    }

    // spec: OPS-3
    #[test]
    fn the_file_is_the_one_of_the_working_directory_and_no_other() {
        Jail::expect_with(|jail| {
            jail.clear_env();
            jail.create_file("emma.toml", "[server]\nport = 1\n")?;
            jail.create_dir("below")?;
            jail.change_dir("below")?;
            assert_eq!(Config::load(None).expect("valid").server.port, 8080);
            Ok(())
        });
    }
}

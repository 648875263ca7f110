//! Configuration: defaults, then a file, then the environment, then the command line. Read once at start.

mod llm;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::shared::telemetry::LogFormat;

pub use llm::{ChosenLlm, Llm};

/// Everything that can be set. Unknown keys are errors.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub media: Media,
    pub speech: Speech,
    pub interview: Interview,
    pub llm: Llm,
    pub analysis: Analysis,
    pub log: Log,
}

/// `[server]`: where Emma listens and keeps her data.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to listen on. `0.0.0.0` serves the local network too. (`EMMA_BIND`)
    pub bind: IpAddr,
    /// TCP port for pages and API. (`EMMA_PORT`)
    pub port: u16,
    /// Base of the links Emma prints, e.g. `https://emma.example.com`; made from bind and port where it is not set. (`EMMA_PUBLIC_URL`)
    pub public_url: Option<String>,
    /// Database, voice cache, recruiter token. (`EMMA_DATA_DIR`)
    pub data_dir: PathBuf,
    /// Database other than `<data_dir>/emma.db`, e.g. `sqlite:///srv/emma.db`. (`DATABASE_URL`)
    pub database_url: Option<String>,
    /// The recruiter's bearer token; made and kept in the data directory where it is not set. (`EMMA_RECRUITER_TOKEN`)
    #[serde(skip_serializing)]
    pub recruiter_token: Option<SecretString>,
    /// Offers a demo interview on a demo job offer. (`EMMA_DEMO`)
    pub demo: bool,
    /// Seconds that running calls are given to end when the server is asked to stop; then they are suspended.
    pub drain_s: u64,
}

/// `[media]`: how candidates' audio reaches the server.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// Address candidates reach the server at, where it is behind NAT or in a container. (`EMMA_ADVERTISED_IP`)
    pub advertised_ip: Option<IpAddr>,
    /// First UDP port for audio; 0 lets the system choose. (`EMMA_UDP_PORT_MIN`)
    pub udp_port_min: u16,
    /// Last UDP port for audio, inclusive. (`EMMA_UDP_PORT_MAX`)
    pub udp_port_max: u16,
    /// Calls at once; more are answered 503.
    pub max_calls: usize,
}

/// `[speech]`: ears and voice.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Speech {
    /// Directory of the model files; the user's cache where it is not set. (`EMMA_MODELS_DIR`)
    pub models_dir: Option<PathBuf>,
    /// Whisper model. (`EMMA_WHISPER`)
    pub whisper: WhisperModel,
    /// Threads of the transcriber; never more than the machine has cores.
    pub whisper_threads: usize,
    /// Voice engine; `auto` takes Kokoro where this machine is fast enough for it, else Piper. (`EMMA_VOICE`)
    pub voice: VoiceEngine,
    /// Size limit of the cache of rendered speech, MiB.
    pub voice_cache_mib: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhisperModel {
    /// Multilingual base in 8-bit blocks: the default.
    BaseQ8,
    /// Multilingual base, float16.
    Base,
    /// English tiny: half the work, a third more errors.
    TinyEn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoiceEngine {
    Auto,
    Kokoro,
    Piper,
}

/// `[interview]`: the agent and the limits of a call.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Interview {
    /// The agent's file: persona, language, voice, patience, tools, limits. The built-in one where it is not set. (`EMMA_AGENT`)
    pub agent: Option<PathBuf>,
    /// Seconds a lost connection may take to come back before the call ends.
    pub reconnect_grace_s: u64,
    /// Hours a link is valid where nobody says otherwise, 1 to 2160.
    pub invitation_hours: u32,
}

/// `[analysis]`: how finished calls are assessed.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Analysis {
    /// Whether the language model scores, where one is configured; else fixed rules do.
    pub llm: bool,
    /// Ratings of the same evidence by the language model, 1 to 5; their agreement is the confidence.
    pub runs: u32,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// `pretty` for people, `json` for machines. (`EMMA_LOG_FORMAT`)
    pub format: LogFormat,
    /// What to log, e.g. `info,emma=debug`. (`EMMA_LOG`)
    pub filter: String,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("configuration: {0}")]
    Unreadable(#[from] Box<figment::Error>),
    #[error("configuration file {0} does not exist")]
    NoFile(PathBuf),
    #[error("configuration: {key} {problem}")]
    Invalid { key: &'static str, problem: String },
}

/// What is logged by default: libraries that tell every step of theirs, or call a cancelled transcription an error, are
/// quieter than Emma.
const QUIET_LIBRARIES: &str =
    "info,whisper_rs=off,rtc=warn,rtc_ice=error,rtc_dtls=error,rtc_sctp=error,webrtc=warn,ort=warn";

impl Default for Config {
    fn default() -> Self {
        Self {
            server: Server {
                bind: IpAddr::from([127, 0, 0, 1]),
                port: 8080,
                public_url: None,
                data_dir: PathBuf::from("data"),
                database_url: None,
                recruiter_token: None,
                demo: false,
                drain_s: 20,
            },
            media: Media {
                advertised_ip: None,
                udp_port_min: 0,
                udp_port_max: 0,
                max_calls: 32,
            },
            speech: Speech {
                models_dir: None,
                whisper: WhisperModel::BaseQ8,
                whisper_threads: 2,
                voice: VoiceEngine::Auto,
                voice_cache_mib: 1024,
            },
            interview: Interview {
                agent: None,
                reconnect_grace_s: 60,
                invitation_hours: 7 * 24,
            },
            llm: Llm::default(),
            analysis: Analysis { llm: true, runs: 3 },
            log: Log {
                format: LogFormat::Pretty,
                filter: QUIET_LIBRARIES.to_owned(),
            },
        }
    }
}

/// Short names of the environment and the keys they set.
const SHORT_NAMES: [(&str, &str); 15] = [
    ("EMMA_BIND", "server.bind"),
    ("EMMA_PORT", "server.port"),
    ("EMMA_PUBLIC_URL", "server.public_url"),
    ("EMMA_DATA_DIR", "server.data_dir"),
    ("DATABASE_URL", "server.database_url"),
    ("EMMA_RECRUITER_TOKEN", "server.recruiter_token"),
    ("EMMA_DEMO", "server.demo"),
    ("EMMA_ADVERTISED_IP", "media.advertised_ip"),
    ("EMMA_UDP_PORT_MIN", "media.udp_port_min"),
    ("EMMA_UDP_PORT_MAX", "media.udp_port_max"),
    ("EMMA_MODELS_DIR", "speech.models_dir"),
    ("EMMA_WHISPER", "speech.whisper"),
    ("EMMA_VOICE", "speech.voice"),
    ("EMMA_AGENT", "interview.agent"),
    ("EMMA_LOG_FORMAT", "log.format"),
];

impl Config {
    /// Reads the file (`emma.toml` here where it exists and none is named) and the environment: `EMMA_SECTION__KEY`
    /// for any key and a short name for the common ones.
    ///
    /// # Errors
    /// On an unknown key, a value of the wrong type or out of range, or a named file that is not there.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        if let Some(missing) = file.filter(|f| !f.is_file()) {
            return Err(ConfigError::NoFile(missing.to_owned()));
        }
        let mut figment = Figment::from(Serialized::defaults(Self::default()))
            .merge(Toml::file(file.unwrap_or(Path::new("emma.toml"))))
            .merge(
                Env::prefixed("EMMA_")
                    .filter(|key| key.as_str().contains("__"))
                    .split("__"),
            );
        for (name, key) in SHORT_NAMES.into_iter().chain(Llm::SHORT_NAMES) {
            let own = Env::raw().only(&[name]).map(move |_| key.into());
            figment = figment.merge(own);
        }
        if std::env::var_os("EMMA_LOG").is_some() {
            figment = figment.merge(Env::raw().only(&["EMMA_LOG"]).map(|_| "log.filter".into()));
        }
        let mut config: Self = figment.extract().map_err(Box::new)?;
        config.llm.take_known_keys(|name| std::env::var(name).ok());
        config.validate()?;
        Ok(config)
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// Names the key and the problem.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let invalid = |key, problem: &str| {
            Err(ConfigError::Invalid {
                key,
                problem: problem.to_owned(),
            })
        };
        let (min, max) = (self.media.udp_port_min, self.media.udp_port_max);
        if (min == 0) != (max == 0) || min > max {
            return invalid("media.udp_port_min/max", "must both be 0, or a range from low to high");
        }
        if min != 0 && usize::from(max - min) + 1 < self.media.max_calls {
            return invalid(
                "media.udp_port_max",
                "leaves fewer ports than media.max_calls; each call takes one or more",
            );
        }
        if self.speech.whisper_threads == 0 {
            return invalid("speech.whisper_threads", "must be at least 1");
        }
        if self.media.max_calls == 0 {
            return invalid("media.max_calls", "must be at least 1");
        }
        if !(1..=2160).contains(&self.interview.invitation_hours) {
            return invalid("interview.invitation_hours", "must be 1 to 2160");
        }
        if !(1..=5).contains(&self.analysis.runs) {
            return invalid("analysis.runs", "must be 1 to 5");
        }
        if let Some(url) = &self.server.public_url
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            return invalid("server.public_url", "must begin with http:// or https://");
        }
        if let Some(url) = &self.server.database_url
            && !url.starts_with("sqlite:")
        {
            return invalid(
                "server.database_url",
                "must be a sqlite: URL; other databases are not supported yet",
            );
        }
        self.llm.validate()
    }
}

#[cfg(test)]
#[expect(clippy::result_large_err, reason = "figment's Jail asks for its own error")]
mod tests {
    use figment::Jail;

    use super::*;

    // spec: OPS-3
    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        Jail::expect_with(|jail| {
            jail.create_file("emma.toml", "[server]\nport = 1\ndrain_s = 5\n")?;
            jail.set_env("EMMA_PORT", "2");
            jail.set_env("EMMA_SPEECH__WHISPER", "tiny-en");
            let config = Config::load(None).expect("valid");
            assert_eq!((config.server.port, config.server.drain_s), (2, 5));
            assert_eq!(config.speech.whisper, WhisperModel::TinyEn);
            Ok(())
        });
    }

    // spec: OPS-3
    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        Jail::expect_with(|jail| {
            jail.create_file("emma.toml", "[server]\nprot = 1\n")?;
            let error = Config::load(None).expect_err("unknown key").to_string();
            assert!(error.contains("prot"), "{error}");
            Ok(())
        });
    }

    // spec: OPS-3
    #[test]
    fn a_secret_is_not_printed() {
        Jail::expect_with(|jail| {
            jail.set_env("EMMA_RECRUITER_TOKEN", "hunter2");
            let config = Config::load(None).expect("valid");
            assert!(!format!("{config:?}").contains("hunter2"));
            Ok(())
        });
    }

    #[test]
    fn half_a_port_range_is_refused() {
        let mut config = Config::default();
        config.media.udp_port_min = 40_000;
        assert!(config.validate().is_err());
    }
}

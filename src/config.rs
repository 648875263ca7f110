//! Configuration: defaults, then a file, then the environment, then the command line. Read once at start.

mod embeddings;
mod environment;
mod llm;
pub mod speech;
#[cfg(test)]
mod testing;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::config::speech::{ElevenLabs, OpenAi, Speaker, Transcriber, one_or_many};
use crate::shared::telemetry::LogFormat;

pub use embeddings::{Embeddings, LocalModel};
pub use environment::{ignored, variable};
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
    pub telemetry: Telemetry,
    pub torre: Torre,
    pub embeddings: Embeddings,
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
    /// Whether pages are served over HTTPS as well, on the same port. (`EMMA_TLS`)
    pub tls: Tls,
    /// Certificate with its chain, PEM; a self-made one where it is not set. (`EMMA_TLS_CERT`)
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate, PEM. (`EMMA_TLS_KEY`)
    pub tls_key: Option<PathBuf>,
    /// Database, voice cache, recruiter token. (`EMMA_DATA_DIR`)
    pub data_dir: PathBuf,
    /// Database other than `<data_dir>/emma.db`, e.g. `sqlite:///srv/emma.db`. (`DATABASE_URL`)
    pub database_url: Option<String>,
    /// The recruiter's bearer token; made and kept in the data directory where it is not set. (`EMMA_RECRUITER_TOKEN`)
    #[serde(skip_serializing, default, deserialize_with = "environment::secret")]
    pub recruiter_token: Option<SecretString>,
    /// Offers a demo interview on a demo job offer. (`EMMA_DEMO`)
    pub demo: bool,
    /// Seconds that running calls are given to end when the server is asked to stop; then they are suspended.
    pub drain_s: u64,
}

/// HTTPS without a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// With a given certificate; else with a self-made one where others can reach the server and no public URL is set.
    Auto,
    On,
    Off,
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
    /// Which local model hears English. (`EMMA_EARS`)
    pub ears: LocalEars,
    /// Whisper model. (`EMMA_WHISPER`)
    pub whisper: WhisperModel,
    /// Threads of the transcriber; never more than the machine has cores.
    pub whisper_threads: usize,
    /// Who transcribes, in the order in which they are asked; the models on this machine are always the last. (`EMMA_STT`)
    #[serde(deserialize_with = "one_or_many")]
    pub stt: Vec<Transcriber>,
    /// Who speaks, in the order in which they are asked; the embedded voice is always the last. (`EMMA_TTS`)
    #[serde(deserialize_with = "one_or_many")]
    pub tts: Vec<Speaker>,
    /// Embedded voice engine; `auto` takes Kokoro where this machine is fast enough for it, else Piper. (`EMMA_VOICE`)
    pub voice: VoiceEngine,
    /// Size limit of the cache of rendered speech, MiB.
    pub voice_cache_mib: u64,
    /// The longest a remote service is waited for, ms; then the next one in the chain is asked.
    pub remote_timeout_ms: u64,
    pub elevenlabs: ElevenLabs,
    pub openai: OpenAi,
}

/// Local models that turn speech into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalEars {
    /// Both: Moonshine hears English, whisper what it is in doubt of and all other languages. On a GPU whisper alone.
    Auto,
    Whisper,
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
    /// Offers candidates to have the sound of the call recorded; it is only where they agree. (`EMMA_RECORDING`)
    pub recording: bool,
    /// Looks for attempts to steer the interviewer by meaning too; the rules look by wording.
    pub second_look: bool,
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

/// `[telemetry]`: where traces go. Metrics are fetched from `/metrics`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// An OpenTelemetry collector that takes OTLP over HTTP, e.g. `http://127.0.0.1:4318`; no traces are made where it is
    /// not set. (`OTEL_EXPORTER_OTLP_ENDPOINT`)
    pub otlp_endpoint: Option<String>,
}

/// `[torre]`: where candidates and opportunities are looked up that are not known here.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Torre {
    /// Base address; empty looks nothing up, and only what was made here can be applied with. (`TORRE_BASE_URL`)
    pub base_url: String,
    /// Milliseconds for one try; candidate and opportunity are asked for at the same time.
    pub timeout_ms: u64,
    /// Further tries after a timeout, a broken connection or a 5xx. With all of them a request has to end within 30 s.
    pub retries: u32,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("configuration: {0}")]
    Unreadable(Box<figment::Error>),
    #[error("configuration file {0} does not exist")]
    NoFile(PathBuf),
    #[error(
        "environment variable {0} is not known: a key is set as EMMA_SECTION__KEY, with two underscores, and the short \
         names are in docs/configuration.md"
    )]
    UnknownVariable(String),
    #[error("configuration: {key} {problem}")]
    Invalid { key: &'static str, problem: String },
}

/// What all tries at Torre may take together, ms: a request is given up after 30 s, and there is a pause before each
/// further try.
const TORRE_TRIES_MS: u64 = 28_000;
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
                tls: Tls::Auto,
                tls_cert: None,
                tls_key: None,
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
                ears: LocalEars::Auto,
                whisper: WhisperModel::BaseQ8,
                whisper_threads: 2,
                stt: vec![Transcriber::Embedded],
                tts: vec![Speaker::Embedded],
                voice: VoiceEngine::Auto,
                voice_cache_mib: 1024,
                remote_timeout_ms: 4_000,
                elevenlabs: ElevenLabs::default(),
                openai: OpenAi::default(),
            },
            interview: Interview {
                agent: None,
                reconnect_grace_s: 60,
                invitation_hours: 7 * 24,
                recording: false,
                second_look: true,
            },
            llm: Llm::default(),
            analysis: Analysis { llm: true, runs: 3 },
            log: Log {
                format: LogFormat::Pretty,
                filter: QUIET_LIBRARIES.to_owned(),
            },
            telemetry: Telemetry::default(),
            torre: Torre {
                base_url: "https://torre.ai".to_owned(),
                timeout_ms: 5_000,
                retries: 1,
            },
            embeddings: Embeddings::default(),
        }
    }
}

impl Config {
    /// Reads the file (`emma.toml` here where it exists and none is named) and the environment: `EMMA_SECTION__KEY`
    /// for any key and a short name for the common ones.
    ///
    /// # Errors
    /// On an unknown key or variable, a value of the wrong type or out of range, or a named file that is not there.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        if let Some(missing) = file.filter(|f| !f.is_file()) {
            return Err(ConfigError::NoFile(missing.to_owned()));
        }
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        let usual = Path::new("emma.toml");
        if let Some(file) = file.or_else(|| usual.is_file().then_some(usual)) {
            figment = figment.merge(Toml::file_exact(file));
        }
        let mut config: Self = environment::merged(figment)?
            .extract()
            .map_err(|error| ConfigError::Unreadable(Box::new(error)))?;
        if config.embeddings.api_key.is_none()
            && let Some(name) = config.embeddings.usual_key()
        {
            config.embeddings.api_key = variable(name).map(Into::into);
        }
        config.llm.take_known_keys(variable);
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
        if let Err((key, problem)) = self.speech.check_remote() {
            return invalid(key, problem);
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
        if self.server.tls_cert.is_some() != self.server.tls_key.is_some() {
            return invalid("server.tls_cert/tls_key", "must both be set, or neither");
        }
        if let Some(url) = &self.telemetry.otlp_endpoint
            && !(url.is_empty() || url.starts_with("http://") || url.starts_with("https://"))
        {
            return invalid("telemetry.otlp_endpoint", "must begin with http:// or https://");
        }
        if let Some(url) = &self.server.database_url
            && !url.starts_with("sqlite:")
        {
            return invalid(
                "server.database_url",
                "must be a sqlite: URL; other databases are not supported yet",
            );
        }
        let is_web = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        if !self.torre.base_url.is_empty() && !is_web(&self.torre.base_url) {
            return invalid("torre.base_url", "must begin with http:// or https://, or be empty");
        }
        if !(1..=20_000).contains(&self.torre.timeout_ms) || self.torre.retries > 3 {
            return invalid(
                "torre.timeout_ms/retries",
                "must be 1 to 20000 ms and at most 3 retries",
            );
        }
        if self.torre.timeout_ms * u64::from(self.torre.retries + 1) > TORRE_TRIES_MS {
            return invalid(
                "torre.timeout_ms/retries",
                "must be at most 28000 ms for all tries together: a request is given up after 30 s",
            );
        }
        let embeddings = &self.embeddings;
        if !embeddings.base_url.is_empty() && !is_web(&embeddings.base_url) {
            return invalid("embeddings.base_url", "must begin with http:// or https://");
        }
        if !embeddings.is_local() && embeddings.dimension == 0 && embeddings.native_dimension().is_none() {
            return invalid(
                "embeddings.dimension",
                "must be set: how long the vectors of this model are is not known here",
            );
        }
        if embeddings.dimension > 16_384 {
            return invalid("embeddings.dimension", "must be at most 16384");
        }
        if !(1..=120_000).contains(&embeddings.timeout_ms) || embeddings.retries > 3 {
            return invalid(
                "embeddings.timeout_ms/retries",
                "must be 1 to 120000 ms and at most 3 retries",
            );
        }
        self.llm.validate()
    }
}

#[cfg(test)]
#[expect(clippy::result_large_err, reason = "figment's Jail asks for its own error")]
mod tests {
    use figment::Jail;
    use secrecy::ExposeSecret as _;

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

    // spec: OPS-3
    #[test]
    fn a_key_goes_to_its_own_server_only() {
        Jail::expect_with(|jail| {
            jail.set_env("OPENROUTER_API_KEY", "for-openrouter");
            jail.set_env("OPENAI_API_KEY", "for-openai");
            let key_of = |config: &Config| config.embeddings.api_key.as_ref().map(|k| k.expose_secret().to_owned());
            assert_eq!(
                key_of(&Config::load(None).expect("valid")),
                None,
                "the built-in model needs none"
            );
            jail.set_env("EMBEDDING_MODEL", "openai/text-embedding-3-small");
            let hosted = Config::load(None).expect("valid");
            assert!(!hosted.embeddings.is_local());
            assert_eq!(key_of(&hosted).as_deref(), Some("for-openrouter"));
            assert!(!format!("{hosted:?}").contains("for-"), "secrets are not printed");
            jail.set_env("EMBEDDING_BASE_URL", "http://openrouter.ai.example.com/v1");
            assert_eq!(key_of(&Config::load(None).expect("valid")), None);
            jail.set_env("EMBEDDING_MODEL", "somebodys/own");
            assert!(Config::load(None).is_err(), "its dimension has to be said");
            Ok(())
        });
    }

    // spec: APP-2, OPS-5
    #[test]
    fn the_tries_at_torre_fit_into_a_request() {
        for (timeout_ms, retries, fits) in [
            (20_000, 0, true),
            (14_000, 1, true),
            (20_000, 3, false),
            (9_999, 2, false),
        ] {
            let mut config = Config::default();
            (config.torre.timeout_ms, config.torre.retries) = (timeout_ms, retries);
            assert_eq!(config.validate().is_ok(), fits, "{timeout_ms} ms, {retries} retries");
        }
    }

    #[test]
    fn half_a_port_range_is_refused() {
        let mut config = Config::default();
        config.media.udp_port_min = 40_000;
        assert!(config.validate().is_err());
    }
}

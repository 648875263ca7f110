//! Remote speech, from configuration: chains that end with the embedded engines.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use reqwest::Url;
use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::config;
use crate::config::speech::{Speaker, Transcriber};
use crate::screening::calls::application::session::Engines;
use crate::screening::calls::domain::ports::{SpeechToText, TextToSpeech};
use crate::screening::calls::infrastructure::elevenlabs::{
    ElevenLabs, ElevenLabsSpeechAdapter, ElevenLabsTranscriptionAdapter,
};
use crate::screening::calls::infrastructure::openai_speech::{
    OpenAiAudio, OpenAiSpeechAdapter, OpenAiTranscriptionAdapter,
};
use crate::screening::calls::infrastructure::remote::{
    Circuit, FallbackSpeech, FallbackTranscription, RemoteEars, RemoteVoice, Standing,
};
use crate::screening::calls::infrastructure::voice_cache::CachedVoice;
use crate::screening::calls::infrastructure::voice_cache::store::Limits;
use crate::shared::http::health::{HealthCheck, HealthStatus};

/// The remote services in the order in which they are asked; none by default.
pub struct RemoteSpeech {
    ears: Vec<RemoteEars>,
    voices: Vec<RemoteVoice>,
    tasks: TaskTracker,
}

impl RemoteSpeech {
    /// `cache` is the directory of what remote voices have said.
    ///
    /// # Errors
    /// When an address or the directory cannot be used.
    pub fn new(speech: &config::Speech, cache: &Path, tasks: &TaskTracker) -> anyhow::Result<Self> {
        let patience = Duration::from_millis(speech.remote_timeout_ms);
        let mut ears = Vec::new();
        for transcriber in &speech.stt {
            let (stt, name): (Arc<dyn SpeechToText>, _) = match transcriber {
                Transcriber::Embedded => break,
                Transcriber::Elevenlabs => {
                    let (service, model) = (elevenlabs(speech, patience)?, speech.elevenlabs.stt_model.clone());
                    let adapter = ElevenLabsTranscriptionAdapter::new(service, model, tasks.clone());
                    (Arc::new(adapter), "elevenlabs transcription")
                }
                Transcriber::Openai => {
                    let (service, model) = (openai(speech, patience)?, speech.openai.stt_model.clone());
                    (
                        Arc::new(OpenAiTranscriptionAdapter::new(service, model)),
                        "openai transcription",
                    )
                }
            };
            ears.push(RemoteEars {
                stt,
                circuit: Arc::new(Circuit::new(name)),
                patience,
            });
        }
        let mut voices = Vec::new();
        for speaker in &speech.tts {
            let (tts, name, voice, model): (Arc<dyn TextToSpeech>, _, _, _) = match speaker {
                Speaker::Embedded => break,
                Speaker::Elevenlabs => {
                    let (service, model) = (elevenlabs(speech, patience)?, speech.elevenlabs.tts_model.clone());
                    let adapter = ElevenLabsSpeechAdapter::new(service, model, tasks.clone());
                    let settings = &speech.elevenlabs;
                    (
                        Arc::new(adapter),
                        "elevenlabs voice",
                        &settings.voice,
                        &settings.tts_model,
                    )
                }
                Speaker::Openai => {
                    let (service, model) = (openai(speech, patience)?, speech.openai.tts_model.clone());
                    let adapter = OpenAiSpeechAdapter::new(service, model, tasks.clone());
                    let settings = &speech.openai;
                    (Arc::new(adapter), "openai voice", &settings.voice, &settings.tts_model)
                }
            };
            // What was said once is not paid for twice: greetings, openings, questions that many calls have.
            let (dir, limits) = (cache.join(name.replace(' ', "-")), Limits::default());
            let cached = CachedVoice::open(tts, format!("{name} {model}"), &dir, limits, tasks.clone());
            voices.push(RemoteVoice {
                tts: Arc::new(cached.context("cache of remote voices")?),
                voice: voice.clone(),
                circuit: Arc::new(Circuit::new(name)),
                patience,
            });
        }
        Ok(Self {
            ears,
            voices,
            tasks: tasks.clone(),
        })
    }

    /// The ears of a call: `embedded` where no remote one is asked, else the chain that ends with it.
    pub fn ears(&self, embedded: Arc<dyn SpeechToText>) -> Arc<dyn SpeechToText> {
        if self.ears.is_empty() {
            return embedded;
        }
        Arc::new(FallbackTranscription::new(self.ears.clone(), embedded))
    }

    /// Emma's voice, likewise.
    pub fn voice(&self, embedded: Arc<dyn TextToSpeech>) -> Arc<dyn TextToSpeech> {
        if self.voices.is_empty() {
            return embedded;
        }
        Arc::new(FallbackSpeech::new(self.voices.clone(), embedded, self.tasks.clone()))
    }

    /// The services, for telling how they stand.
    pub fn circuits(&self) -> Vec<Arc<Circuit>> {
        let ears = self.ears.iter().map(|ears| ears.circuit.clone());
        ears.chain(self.voices.iter().map(|voice| voice.circuit.clone()))
            .collect()
    }
}

/// Whether ears and voice are loaded, and how the remote services stand.
pub struct SpeechHealth {
    pub engines: watch::Receiver<Option<Engines>>,
    pub remote: Vec<Arc<Circuit>>,
}

#[async_trait]
impl HealthCheck for SpeechHealth {
    async fn check(&self) -> (HealthStatus, Option<String>) {
        let (mut status, mut details) = if self.engines.borrow().is_some() {
            (HealthStatus::Ok, Vec::new())
        } else if self.engines.has_changed().is_err() {
            (HealthStatus::Down, vec!["the models could not be loaded".to_owned()])
        } else {
            (HealthStatus::Degraded, vec!["the models are being loaded".to_owned()])
        };
        let now = Instant::now();
        for circuit in &self.remote {
            let name = circuit.name();
            details.push(match circuit.standing(now) {
                Standing::Asked => format!("{name}: in use"),
                standing => {
                    status = status.max(HealthStatus::Degraded);
                    match standing {
                        Standing::KeyRefused => format!("{name}: refused the key, others do its work"),
                        Standing::Paused(pause) => {
                            format!("{name}: left alone for {} s, others do its work", pause.as_secs())
                        }
                        Standing::Asked => continue,
                    }
                }
            });
        }
        (status, (!details.is_empty()).then(|| details.join("; ")))
    }
}

fn elevenlabs(speech: &config::Speech, patience: Duration) -> anyhow::Result<ElevenLabs> {
    Ok(ElevenLabs {
        base_url: Url::parse(&speech.elevenlabs.base_url).context("speech.elevenlabs.base_url")?,
        api_key: speech
            .elevenlabs
            .api_key
            .clone()
            .unwrap_or_else(|| SecretString::from("")),
        patience,
    })
}

fn openai(speech: &config::Speech, patience: Duration) -> anyhow::Result<OpenAiAudio> {
    let base_url = Url::parse(&speech.openai.base_url).context("speech.openai.base_url")?;
    OpenAiAudio::new(base_url, speech.openai.api_key.clone(), patience).context("speech.openai")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::calls::domain::ports::SpeechError;

    // spec: OPS-2
    #[tokio::test]
    async fn health_lists_the_remote_services_and_how_they_stand() {
        let (_loading, engines) = watch::channel(None);
        let remote = vec![Arc::new(Circuit::new("a voice")), Arc::new(Circuit::new("ears"))];
        remote[1].failed(&SpeechError::KeyRefused, Instant::now());
        let (status, detail) = SpeechHealth { engines, remote }.check().await;
        assert_eq!(status, HealthStatus::Degraded);
        let detail = detail.expect("a detail");
        assert!(
            detail.contains("a voice: in use") && detail.contains("ears: refused the key"),
            "{detail}"
        );
    }
}

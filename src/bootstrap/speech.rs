//! Remote speech, from configuration: chains that end with the embedded engines.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::Url;
use secrecy::SecretString;
use tokio_util::task::TaskTracker;

use crate::config;
use crate::config::speech::{Speaker, Transcriber};
use crate::screening::calls::domain::ports::{SpeechToText, TextToSpeech};
use crate::screening::calls::infrastructure::elevenlabs::{
    ElevenLabs, ElevenLabsSpeechAdapter, ElevenLabsTranscriptionAdapter,
};
use crate::screening::calls::infrastructure::openai_speech::{
    OpenAiAudio, OpenAiSpeechAdapter, OpenAiTranscriptionAdapter,
};
use crate::screening::calls::infrastructure::remote::{
    Circuit, FallbackSpeech, FallbackTranscription, RemoteEars, RemoteVoice,
};
use crate::screening::calls::infrastructure::voice_cache::CachedVoice;
use crate::screening::calls::infrastructure::voice_cache::store::Limits;

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

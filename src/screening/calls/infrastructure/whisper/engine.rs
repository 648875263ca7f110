//! One decoding by whisper.cpp: the model, its state and its parameters, reused from job to job.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;
use tracing::Level;
use tracing::subscriber::NoSubscriber;
use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState};

use crate::screening::calls::domain::ports::SpeechError;
use crate::screening::calls::infrastructure::transcriber::Heard;
use crate::screening::calls::infrastructure::whisper::words::{Token, words_of};
use crate::screening::calls::infrastructure::whisper::{WhisperError, window};

/// What one decoding is to do.
pub struct Decoding<'a> {
    /// 16 kHz mono as [`window::prepare`] makes it.
    pub clip: &'a [f32],
    /// Length of the audio before it was filled up, milliseconds; no word lies after it.
    pub audio_ms: u64,
    /// Encoder positions, at most [`window::WHOLE`].
    pub positions: usize,
    pub temperature: f32,
    /// A BCP 47 tag.
    pub language: &'a str,
    /// What was said before, may be empty.
    pub context: &'a str,
}

/// whisper.cpp with one model.
pub struct Engine {
    context: WhisperContext,
    state: WhisperState,
    /// Made once per language: whisper-rs never frees the strings and callbacks given to parameters.
    params: HashMap<&'static str, FullParams<'static, 'static>>,
    /// Asked by the abort callback of all parameters.
    stop: Arc<Mutex<CancellationToken>>,
    threads: usize,
    context_tokens: usize,
}

impl Engine {
    /// Loads the model and allocates its state.
    ///
    /// # Errors
    /// When the file is no whisper.cpp model or there is not enough memory.
    pub fn load(model: &Path, threads: usize, context_tokens: usize) -> Result<Self, WhisperError> {
        whisper_rs::install_logging_hooks();
        let failed = |error: whisper_rs::WhisperError| WhisperError {
            path: model.to_owned(),
            reason: error.to_string(),
        };
        let gpu = cfg!(feature = "cuda");
        let mut parameters = WhisperContextParameters::default();
        // On a CPU flash attention costs 16 %.
        parameters.use_gpu(gpu).flash_attn(gpu);
        let context = quietly(|| WhisperContext::new_with_params(model, parameters)).map_err(failed)?;
        let state = quietly(|| context.create_state()).map_err(failed)?;
        Ok(Self {
            context,
            state,
            params: HashMap::new(),
            stop: Arc::default(),
            threads,
            context_tokens,
        })
    }

    /// Decodes a second of silence: allocates what the first real job would wait for.
    pub fn warm_up(&mut self) {
        let clip = vec![0.0; 16_000];
        let decoding = Decoding {
            clip: &clip,
            audio_ms: 1000,
            positions: 384,
            temperature: 0.0,
            language: "en",
            context: "",
        };
        if let Err(error) = self.decode(&decoding, &CancellationToken::new()) {
            tracing::warn!(%error, "whisper could not be warmed up");
        }
    }

    /// Decodes a clip once. `stop` is looked at after the encoder and after every token.
    ///
    /// # Errors
    /// When it was stopped, the language is unknown to the model, or whisper.cpp fails.
    pub fn decode(&mut self, decoding: &Decoding<'_>, stop: &CancellationToken) -> Result<Heard, SpeechError> {
        self.stop
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(stop);
        let prompt = self.prompt(decoding.context);
        let mut params: FullParams<'_, '_> = self.params(decoding.language)?.clone();
        params.set_audio_ctx(decoding.positions.min(window::WHOLE) as i32);
        params.set_temperature(decoding.temperature);
        params.set_max_tokens(window::most_tokens(decoding.clip.len()) as i32);
        if !prompt.is_empty() {
            params.set_tokens(&prompt);
        }
        let state = &mut self.state;
        if let Err(error) = quietly(|| state.full(params, decoding.clip)) {
            return Err(if stop.is_cancelled() {
                SpeechError::Cancelled
            } else {
                SpeechError::Failed(format!("whisper: {error}"))
            });
        }
        Ok(self.collect(decoding.audio_ms))
    }

    /// The result of the last decoding.
    fn collect(&self, audio_ms: u64) -> Heard {
        let first_special = self.context.token_eot();
        let mut tokens = Vec::new();
        let (mut logprobs, mut counted, mut no_speech) = (0.0, 0_u32, 0.0_f32);
        for segment in self.state.as_iter() {
            no_speech = no_speech.max(segment.no_speech_probability());
            for token in (0..segment.n_tokens()).filter_map(|i| segment.get_token(i)) {
                let data = token.token_data();
                if data.id >= first_special {
                    continue;
                }
                logprobs += data.plog;
                counted += 1;
                let centiseconds = |t: i64| u64::try_from(t).unwrap_or(0).saturating_mul(10);
                tokens.push(Token {
                    bytes: token.to_bytes().unwrap_or_default().to_vec(),
                    probability: data.p,
                    start_ms: centiseconds(data.t0),
                    end_ms: centiseconds(data.t1),
                });
            }
        }
        let avg_logprob = if counted == 0 { 0.0 } else { logprobs / counted as f32 };
        Heard {
            words: words_of(&tokens, audio_ms),
            avg_logprob,
            no_speech,
        }
    }

    /// The last tokens of what was said before.
    fn prompt(&self, context: &str) -> Vec<i32> {
        if self.context_tokens == 0 || context.trim().is_empty() {
            return Vec::new();
        }
        // At most as many tokens as bytes, and a null byte would end the text.
        let text = context.replace('\0', " ");
        let tokens = self.context.tokenize(&text, text.len() + 8).unwrap_or_default();
        tokens[tokens.len().saturating_sub(self.context_tokens)..].to_vec()
    }

    /// The parameters for a language, made at its first use; there are about a hundred languages.
    fn params(&mut self, language: &str) -> Result<&FullParams<'static, 'static>, SpeechError> {
        let unknown = || SpeechError::Failed(format!("whisper does not know the language {language:?}"));
        let primary = language
            .split(['-', '_'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if primary.is_empty() || !primary.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Err(unknown());
        }
        if primary != "en" && !self.context.is_multilingual() {
            return Err(SpeechError::Failed(format!(
                "this whisper model knows English only, not {language:?}"
            )));
        }
        let name = whisper_rs::get_lang_id(&primary)
            .and_then(whisper_rs::get_lang_str)
            .ok_or_else(unknown)?;
        let (stop, threads) = (&self.stop, self.threads);
        Ok(self
            .params
            .entry(name)
            .or_insert_with(|| new_params(name, threads, Arc::clone(stop))))
    }
}

fn new_params(
    language: &'static str,
    threads: usize,
    stop: Arc<Mutex<CancellationToken>>,
) -> FullParams<'static, 'static> {
    let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    params.set_n_threads(threads as i32);
    params.set_language(Some(language));
    params.set_translate(false);
    // Every clip stands alone; what it follows is given as prompt tokens.
    params.set_no_context(true);
    params.set_single_segment(true);
    // Word times come from the probabilities of the timestamp tokens, so those must be decoded too.
    params.set_no_timestamps(false);
    params.set_token_timestamps(true);
    params.set_suppress_blank(true);
    params.set_suppress_nst(true);
    // The worker decides about a second decoding; whisper.cpp's own fallback would try up to six.
    params.set_temperature_inc(0.0);
    params.set_print_special(false);
    params.set_print_progress(false);
    params.set_print_realtime(false);
    params.set_print_timestamps(false);
    // The type matters: whisper-rs 0.16 stores a `Box<dyn FnMut() -> bool>` but calls it back as the closure's own
    // type; the two are the same only when the closure is given as that box.
    let aborted: Box<dyn FnMut() -> bool> =
        Box::new(move || stop.lock().unwrap_or_else(PoisonError::into_inner).is_cancelled());
    params.set_abort_callback_safe::<_, Box<dyn FnMut() -> bool>>(Some(aborted));
    params
}

/// Runs `work` with whisper.cpp's logs shown only where debugging is on: it reports every stopped decoding as an error.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    if tracing::enabled!(target: "emma::whisper", Level::DEBUG) {
        work()
    } else {
        tracing::subscriber::with_default(NoSubscriber::new(), work)
    }
}

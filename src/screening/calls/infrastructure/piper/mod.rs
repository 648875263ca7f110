//! Piper, run locally: the fast voice, 22.05 kHz, streamed. Phonemes come from the `espeak-ng` program.

pub mod cut;

use std::collections::HashMap;
use std::path::PathBuf;

use ort::session::Session;
use ort::value::TensorRef;
use serde::Deserialize;

use crate::screening::calls::domain::ports::{HeardWord, SpeechChunk, SpeechError, SpeechRequest};
use crate::screening::calls::domain::speakable::clauses::clauses;
use crate::screening::calls::infrastructure::piper::cut::cut_at;
use crate::screening::calls::infrastructure::voice::espeak::Espeak;
use crate::screening::calls::infrastructure::voice::polish::{self, Upsampler};
use crate::screening::calls::infrastructure::voice::pronounce;
use crate::screening::calls::infrastructure::voice::queue::{Engine, VoiceQueue};
use crate::screening::calls::infrastructure::voice::stop::{Stop, Unfinished};
use crate::screening::calls::infrastructure::voice::timing::{WeighedWord, place, weigh};
use crate::shared::models::{ModelDir, ModelFile};
use crate::shared::onnx::{OnnxError, OnnxRuntime};

/// The node the model is cut in front of: what follows are convolutions only, which see a few frames at a time.
const SEAM: &str = "/dec/conv_pre/Conv";
/// Samples the decoder makes of a frame.
const FRAME: usize = 256;
/// Frames rendered in the first, second and every further step: audio comes soon, then in larger pieces.
const STEPS: [usize; 3] = [24, 48, 96];
/// Frames seen on both sides of a step, so that the seams are not heard (127 dB against the whole).
const CONTEXT: usize = 10;
const SPEEDS: std::ops::RangeInclusive<f32> = 0.5..=2.0;
/// The silence kept behind a clause.
const TAIL_MS: usize = 160;
/// The silence this voice ends with, about. It is cut, but words are placed before it is known.
const SILENT_END_MS: f32 = 250.0;

/// Takes the audio of one step and the samples there will be in all.
type Give<'a> = &'a mut dyn FnMut(&[f32], usize) -> Result<(), Unfinished>;

/// How Piper is run.
#[derive(Debug, Clone)]
pub struct PiperSettings {
    pub threads: usize,
    /// The `espeak-ng` program. Piper cannot speak without it.
    pub espeak: PathBuf,
}

/// Opens the model and starts its thread. The voice of a request is not looked at: this model has one.
///
/// # Errors
/// When a model file is missing or unfit, or `espeak-ng` is missing.
pub fn start(runtime: &OnnxRuntime, models: &ModelDir, settings: &PiperSettings) -> Result<VoiceQueue, OnnxError> {
    let engine = Piper::open(runtime, models, settings)?;
    VoiceQueue::start("emma-piper", engine).map_err(|e| OnnxError::Runtime(format!("no thread: {e}")))
}

/// The two halves of the model and its alphabet.
pub struct Piper {
    encoder: Session,
    decoder: Session,
    config: Config,
    espeak: Espeak,
    /// Levels the voice; measured once, for a stream cannot be measured before it is heard.
    gain: f32,
}

/// A clause in phonemes.
pub struct Piece {
    ids: Vec<i64>,
    words: Vec<WeighedWord>,
    speed: f32,
}

#[derive(Debug, Deserialize)]
struct Config {
    audio: Audio,
    inference: Inference,
    phoneme_id_map: HashMap<char, Vec<i64>>,
}

#[derive(Debug, Deserialize)]
struct Audio {
    sample_rate: usize,
}

#[derive(Debug, Deserialize)]
struct Inference {
    noise_scale: f32,
    length_scale: f32,
    noise_w: f32,
}

impl Piper {
    /// # Errors
    /// When a model file is missing or unfit, or `espeak-ng` is missing.
    pub fn open(runtime: &OnnxRuntime, models: &ModelDir, settings: &PiperSettings) -> Result<Self, OnnxError> {
        let unfit = |what: String| OnnxError::Runtime(format!("piper: {what}"));
        let config =
            std::fs::read_to_string(models.require(ModelFile::PiperJoeConfig)?).map_err(|e| unfit(e.to_string()))?;
        let config: Config = serde_json::from_str(&config).map_err(|e| unfit(e.to_string()))?;
        let model = std::fs::read(models.require(ModelFile::PiperJoe)?).map_err(|e| unfit(e.to_string()))?;
        let halves = cut_at(&model, SEAM).ok_or_else(|| unfit(format!("no node {SEAM}")))?;
        drop(model);
        let mut piper = Self {
            encoder: runtime.open_bytes(&halves.first, settings.threads)?,
            decoder: runtime.open_bytes(&halves.second, settings.threads)?,
            config,
            espeak: Espeak::new(settings.espeak.clone(), "en-us"),
            gain: 1.0,
        };
        piper.gain = piper.measured_gain().map_err(unfit)?;
        Ok(piper)
    }

    /// The gain that levels a test sentence.
    fn measured_gain(&mut self) -> Result<f32, String> {
        let piece = self
            .piece("The quick brown fox jumps over the lazy dog.", 1.0)
            .map_err(|e| e.to_string())?;
        let mut audio = Vec::new();
        self.frames(&piece, &Stop::default(), &mut |part, _| {
            audio.extend_from_slice(part);
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        Ok(polish::gain(&audio, self.config.audio.sample_rate))
    }

    fn piece(&self, text: &str, speed: f32) -> Result<Piece, SpeechError> {
        let parts = self.phonemes(text)?;
        let mut ids = Vec::new();
        let mut put = |symbol: char| {
            // Marks this voice was not trained on are left out; a pad stands between all others.
            if let Some(known) = self.config.phoneme_id_map.get(&symbol) {
                ids.extend(known);
                ids.extend(self.config.phoneme_id_map.get(&'_').into_iter().flatten());
            }
        };
        put('^');
        for (_, ipa) in &parts {
            ipa.chars().for_each(&mut put);
        }
        ids.extend(self.config.phoneme_id_map.get(&'$').into_iter().flatten());
        let words = weigh(text, parts.iter().map(|(text, ipa)| (text.as_str(), ipa.as_str())));
        Ok(Piece {
            ids,
            words,
            speed: speed.clamp(*SPEEDS.start(), *SPEEDS.end()),
        })
    }

    /// The text in parts, each with its phonemes: single words where espeak tells them apart. The program drops marks,
    /// which make the melody, so it is asked for what stands between them.
    fn phonemes(&self, text: &str) -> Result<Vec<(String, String)>, SpeechError> {
        let mut parts: Vec<(String, String)> = Vec::new();
        let mut run: Vec<&str> = Vec::new();
        for word in text.split_whitespace() {
            let core = word.trim_matches(|c: char| !c.is_alphanumeric());
            let mark = word
                .chars()
                .rev()
                .take_while(|c| !c.is_alphanumeric())
                .find(|c| matches!(c, '.' | ',' | ';' | ':' | '!' | '?'));
            let known = pronounce::known(core);
            if known.is_none() {
                run.push(word);
            }
            if known.is_some() || mark.is_some() {
                self.ask(&mut run, &mut parts)?;
            }
            parts.extend(known.map(|ipa| (word.to_owned(), format!(" {ipa}"))));
            parts.extend(mark.map(|mark| (String::new(), mark.to_string())));
        }
        self.ask(&mut run, &mut parts)?;
        if let Some((_, first)) = parts.first_mut() {
            *first = first.trim_start().to_owned();
        }
        Ok(parts)
    }

    fn ask(&self, run: &mut Vec<&str>, parts: &mut Vec<(String, String)>) -> Result<(), SpeechError> {
        if run.is_empty() {
            return Ok(());
        }
        let ipa = self
            .espeak
            .ipa(&run.join(" "))
            .map_err(|e| SpeechError::Failed(e.to_string()))?;
        let spoken: Vec<&str> = ipa.split_whitespace().collect();
        if spoken.len() == run.len() {
            parts.extend(
                run.iter()
                    .zip(spoken)
                    .map(|(word, ipa)| ((*word).to_owned(), format!(" {ipa}"))),
            );
        } else {
            // espeak says "of the" as one word: then the sounds are shared out by letters.
            let letters: usize = run.iter().map(|word| word.chars().count()).sum::<usize>().max(1);
            let sounds: Vec<char> = format!(" {ipa}").chars().collect();
            let (mut seen, mut from) = (0, 0);
            for word in run.iter() {
                seen += word.chars().count();
                let to = sounds.len() * seen / letters;
                parts.push(((*word).to_owned(), sounds[from..to].iter().collect()));
                from = to;
            }
        }
        run.clear();
        Ok(())
    }

    /// Runs the model; hands on the audio of each step and the samples there will be in all.
    fn frames(&mut self, piece: &Piece, stop: &Stop, give: Give<'_>) -> Result<(), Unfinished> {
        let Inference {
            noise_scale,
            length_scale,
            noise_w,
        } = self.config.inference;
        let scales = [noise_scale, length_scale / piece.speed, noise_w];
        let lengths = [i64::try_from(piece.ids.len()).map_err(|e| Unfinished::Failed(e.to_string()))?];
        let encoder = &mut self.encoder;
        let (channels, total, latent) = stop.during(|options| {
            let inputs = ort::inputs![
                "input" => TensorRef::from_array_view(([1, piece.ids.len()], piece.ids.as_slice()))?,
                "input_lengths" => TensorRef::from_array_view(([1], lengths.as_slice()))?,
                "scales" => TensorRef::from_array_view(([3], scales.as_slice()))?,
            ];
            let outputs = encoder.run_with_options(inputs, options)?;
            let (shape, latent) = outputs[0].try_extract_tensor::<f32>()?;
            match shape.iter().map(|n| *n as usize).collect::<Vec<_>>()[..] {
                [1, channels, total] => Ok((channels, total, latent.to_vec())),
                _ => Err(Unfinished::Failed("piper: unexpected shape".into())),
            }
        })?;
        let mut done = 0;
        let mut steps = STEPS.into_iter().chain(std::iter::repeat(STEPS[2]));
        while done < total {
            let end = (done + steps.next().unwrap_or(STEPS[2])).min(total);
            let (from, to) = (done.saturating_sub(CONTEXT), (end + CONTEXT).min(total));
            let window: Vec<f32> = (0..channels)
                .flat_map(|c| latent[c * total + from..c * total + to].iter().copied())
                .collect();
            let decoder = &mut self.decoder;
            let audio = stop.during(|options| {
                let input = TensorRef::from_array_view(([1, channels, to - from], window.as_slice()))?;
                let outputs = decoder.run_with_options(ort::inputs![input], options)?;
                Ok(outputs[0].try_extract_tensor::<f32>()?.1.to_vec())
            })?;
            let part = audio.get((done - from) * FRAME..(end - from) * FRAME);
            give(
                part.ok_or_else(|| Unfinished::Failed("piper: unexpected length".into()))?,
                total * FRAME,
            )?;
            done = end;
        }
        Ok(())
    }
}

impl Engine for Piper {
    type Piece = Piece;
    const RESTARTABLE: bool = false;

    fn plan(&mut self, request: &SpeechRequest) -> Result<Vec<Piece>, SpeechError> {
        clauses(&request.text)
            .into_iter()
            .map(|clause| self.piece(clause, request.speed))
            .collect()
    }

    fn render(&mut self, piece: &Piece, stop: &Stop, emit: &mut dyn FnMut(SpeechChunk)) -> Result<(), Unfinished> {
        let rate = self.config.audio.sample_rate;
        let gain = self.gain;
        let mut stream = Stream::new(rate, gain, &piece.words).map_err(Unfinished::Failed)?;
        self.frames(piece, stop, &mut |part, total| {
            stream.push(part, total, emit).map_err(Unfinished::Failed)
        })?;
        stream.finish(emit).map_err(Unfinished::Failed)
    }
}

/// Audio on its way out: leading silence is dropped, trailing silence held back until more speech comes.
struct Stream<'a> {
    rate: usize,
    gain: f32,
    words: &'a [WeighedWord],
    placed: Option<std::vec::IntoIter<HeardWord>>,
    upsampler: Upsampler,
    /// Silence that goes out only when speech follows it.
    held: Vec<f32>,
    /// Samples of 48 kHz given so far.
    given: usize,
    seen: usize,
}

impl<'a> Stream<'a> {
    fn new(rate: usize, gain: f32, words: &'a [WeighedWord]) -> Result<Self, String> {
        Ok(Self {
            rate,
            gain,
            words,
            placed: None,
            upsampler: Upsampler::new(rate)?,
            held: Vec::new(),
            given: 0,
            seen: 0,
        })
    }

    fn push(&mut self, part: &[f32], total: usize, emit: &mut dyn FnMut(SpeechChunk)) -> Result<(), String> {
        self.seen += part.len();
        let Some(voiced) = polish::voiced(part, self.rate, 0) else {
            if self.placed.is_some() {
                self.held.extend_from_slice(part);
            }
            return Ok(());
        };
        let mut out = std::mem::take(&mut self.held);
        let start = if self.placed.is_some() { 0 } else { voiced.start };
        if self.placed.is_none() {
            let skipped = self.seen - part.len() + start;
            let speech_ms = (total - skipped) as f32 * 1000.0 / self.rate as f32;
            let speech_ms = (speech_ms - SILENT_END_MS).max(speech_ms / 2.0);
            self.placed = Some(place(self.words, 0.0, speech_ms).into_iter());
        }
        out.extend_from_slice(&part[start..voiced.end]);
        self.held.extend_from_slice(&part[voiced.end..]);
        let louder: Vec<f32> = out.iter().map(|s| s * self.gain).collect();
        let mut upsampled = self.upsampler.push(&louder)?;
        polish::soften(&mut upsampled);
        self.give(&polish::to_i16(&upsampled), false, emit);
        Ok(())
    }

    fn finish(mut self, emit: &mut dyn FnMut(SpeechChunk)) -> Result<(), String> {
        if self.placed.is_none() {
            return Ok(());
        }
        let mut tail: Vec<f32> = self.held.iter().map(|s| s * self.gain).collect();
        tail.resize(self.rate * TAIL_MS / 1000, 0.0);
        let mut rest = self.upsampler.push(&tail)?;
        let upsampler = std::mem::replace(&mut self.upsampler, Upsampler::new(self.rate)?);
        rest.extend(upsampler.finish()?);
        polish::soften(&mut rest);
        self.give(&polish::to_i16(&rest), true, emit);
        Ok(())
    }

    fn give(&mut self, pcm: &[i16], last: bool, emit: &mut dyn FnMut(SpeechChunk)) {
        self.given += pcm.len();
        let upto = self.given as u64 / 48;
        let words: Vec<HeardWord> = self
            .placed
            .as_mut()
            .map(|placed| {
                let mut due = Vec::new();
                while placed
                    .as_slice()
                    .first()
                    .is_some_and(|word| last || word.start_ms < upto)
                {
                    due.extend(placed.next());
                }
                if last {
                    // What was placed too late for the audio there is.
                    for word in &mut due {
                        word.end_ms = word.end_ms.min(upto);
                        word.start_ms = word.start_ms.min(word.end_ms);
                    }
                }
                due
            })
            .unwrap_or_default();
        if !pcm.is_empty() || !words.is_empty() {
            emit(SpeechChunk { pcm: pcm.into(), words });
        }
    }
}

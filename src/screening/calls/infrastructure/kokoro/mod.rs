//! Kokoro-82M, run locally: the better voice, 24 kHz, a sentence at a time.

pub mod g2p;
pub mod symbols;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ort::session::Session;
use ort::value::TensorRef;

use crate::screening::calls::domain::ports::{SpeechChunk, SpeechError, SpeechRequest};
use crate::screening::calls::domain::speakable::clauses::{clauses, sentences};
use crate::screening::calls::infrastructure::kokoro::g2p::Reader;
use crate::screening::calls::infrastructure::kokoro::symbols::{TOKENS_MAX, Vocabulary};
use crate::screening::calls::infrastructure::voice::polish;
use crate::screening::calls::infrastructure::voice::queue::{Engine, VoiceQueue};
use crate::screening::calls::infrastructure::voice::stop::{Stop, Unfinished};
use crate::screening::calls::infrastructure::voice::timing::{WeighedWord, place, weigh};
use crate::shared::models::{ModelDir, ModelFile};
use crate::shared::onnx::{OnnxError, OnnxRuntime};

/// Kokoro's sampling rate.
pub const RATE_HZ: usize = 24_000;
/// A voice file holds one style of 256 numbers for each count of tokens.
const STYLE: usize = 256;
/// A sentence is rendered whole up to this many words, then cut into clauses.
const WHOLE_WORDS: usize = 26;
/// Short sentences are rendered with the next one up to this many words: alone they sound clipped.
const JOINED_WORDS: usize = 10;
const SPEEDS: std::ops::RangeInclusive<f32> = 0.5..=2.0;

/// How Kokoro is run.
#[derive(Debug, Clone)]
pub struct KokoroSettings {
    /// Threads inside an operator. Two on two cores give 1.7 times the speed of one.
    pub threads: usize,
    /// The `espeak-ng` program, asked for unknown words.
    pub espeak: PathBuf,
}

/// Opens the model and starts its thread.
///
/// # Errors
/// When a model file is missing or unfit.
pub fn start(runtime: &OnnxRuntime, models: &ModelDir, settings: &KokoroSettings) -> Result<VoiceQueue, OnnxError> {
    let engine = Kokoro::open(runtime, models, settings)?;
    VoiceQueue::start("emma-kokoro", engine).map_err(|e| OnnxError::Runtime(format!("no thread: {e}")))
}

/// The model, its voices and its readers.
pub struct Kokoro {
    session: Session,
    vocabulary: Vocabulary,
    models: ModelDir,
    espeak: PathBuf,
    voices: HashMap<String, Arc<[f32]>>,
    american: Option<Reader>,
    british: Option<Reader>,
}

/// Some words in symbols, ready for the model.
pub struct Piece {
    tokens: Vec<i64>,
    words: Vec<WeighedWord>,
    style: Arc<[f32]>,
    speed: f32,
    tail_ms: usize,
}

impl Kokoro {
    /// # Errors
    /// When a model file is missing or unfit.
    pub fn open(runtime: &OnnxRuntime, models: &ModelDir, settings: &KokoroSettings) -> Result<Self, OnnxError> {
        let session = runtime.open(&models.require(ModelFile::Kokoro)?, settings.threads)?;
        let vocabulary = Vocabulary::open(&models.require(ModelFile::KokoroVocabulary)?).map_err(OnnxError::Runtime)?;
        // Read now, so that the first sentence does not wait for the dictionaries.
        let american = Some(Reader::new(false, &settings.espeak));
        Ok(Self {
            session,
            vocabulary,
            models: models.clone(),
            espeak: settings.espeak.clone(),
            voices: HashMap::new(),
            american,
            british: None,
        })
    }

    fn style(&mut self, voice: &str) -> Result<Arc<[f32]>, SpeechError> {
        if let Some(style) = self.voices.get(voice) {
            return Ok(style.clone());
        }
        let plain = !voice.is_empty() && voice.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let path = self.models.path().join(format!("{voice}.bin"));
        let style = if plain {
            read_style(&path)
        } else {
            Err("no such name".to_owned())
        };
        let style = style.map_err(|reason| SpeechError::Failed(format!("voice {voice}: {reason}")))?;
        self.voices.insert(voice.to_owned(), style.clone());
        Ok(style)
    }

    /// The reader of a voice's dialect: British voices are named `b...`.
    fn reader(&mut self, voice: &str) -> &mut Reader {
        let british = voice.starts_with('b');
        let slot = if british { &mut self.british } else { &mut self.american };
        slot.get_or_insert_with(|| Reader::new(british, &self.espeak))
    }

    /// Reads a text; in two halves, and those again, while it is too long for the model.
    fn read(
        &mut self,
        text: &str,
        request: &SpeechRequest,
        style: &Arc<[f32]>,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), SpeechError> {
        // `[word](+2)` is an instruction to the dictionary; nothing in a text is meant as one.
        let text: String = text.chars().filter(|c| !matches!(c, '[' | ']')).collect();
        let reading = self
            .reader(&request.voice)
            .read(&text)
            .ok_or_else(|| SpeechError::Failed("text cannot be read".into()))?;
        let tokens = self.vocabulary.tokens(&reading.symbols);
        if tokens.len() > TOKENS_MAX {
            let (head, tail) = halves(&text);
            self.read(head, request, style, pieces)?;
            return self.read(tail, request, style, pieces);
        }
        if !tokens.is_empty() {
            let words = weigh(
                &text,
                reading
                    .pieces
                    .iter()
                    .map(|(text, symbols)| (text.as_str(), symbols.as_str())),
            );
            let speed = request.speed.clamp(*SPEEDS.start(), *SPEEDS.end());
            pieces.push(Piece {
                tokens,
                words,
                style: style.clone(),
                speed,
                tail_ms: tail_ms(&text),
            });
        }
        Ok(())
    }
}

impl Engine for Kokoro {
    type Piece = Piece;
    const RESTARTABLE: bool = true;

    fn plan(&mut self, request: &SpeechRequest) -> Result<Vec<Piece>, SpeechError> {
        let style = self.style(&request.voice)?;
        let mut pieces = Vec::new();
        for part in parts(&request.text) {
            self.read(&part, request, &style, &mut pieces)?;
        }
        Ok(pieces)
    }

    fn render(&mut self, piece: &Piece, stop: &Stop, emit: &mut dyn FnMut(SpeechChunk)) -> Result<(), Unfinished> {
        let count = piece.tokens.len();
        let framed: Vec<i64> = std::iter::once(0)
            .chain(piece.tokens.iter().copied())
            .chain(std::iter::once(0))
            .collect();
        let row = count.min(TOKENS_MAX) - 1;
        let style = &piece.style[row * STYLE..(row + 1) * STYLE];
        let session = &mut self.session;
        let audio = stop.during(|options| {
            let inputs = ort::inputs![
                "tokens" => TensorRef::from_array_view(([1, framed.len()], framed.as_slice()))?,
                "style" => TensorRef::from_array_view(([1, STYLE], style))?,
                "speed" => TensorRef::from_array_view(([1], std::slice::from_ref(&piece.speed)))?,
            ];
            let outputs = session.run_with_options(inputs, options)?;
            let (_, audio) = outputs[0].try_extract_tensor::<f32>()?;
            Ok(audio.to_vec())
        })?;
        if let Some(chunk) = finish(&audio, piece).map_err(Unfinished::Failed)? {
            emit(chunk);
        }
        Ok(())
    }
}

/// Trims, levels and resamples what the model gave.
fn finish(audio: &[f32], piece: &Piece) -> Result<Option<SpeechChunk>, String> {
    let Some(part) = polish::voiced(audio, RATE_HZ, piece.tail_ms) else {
        return Ok(None);
    };
    let samples = polish::trim(audio, RATE_HZ, part, polish::gain(audio, RATE_HZ));
    let speech_ms = samples.len() as f32 / (RATE_HZ as f32 / 1000.0) - piece.tail_ms as f32;
    let words = place(&piece.words, 0.0, speech_ms);
    Ok(Some(SpeechChunk {
        pcm: polish::to_i16(&polish::to_48k(&samples, RATE_HZ)?).into(),
        words,
    }))
}

/// Cuts a text into what is rendered in one go.
fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for sentence in sentences(text) {
        let words = sentence.split_whitespace().count();
        match parts.last_mut() {
            Some(last) if last.split_whitespace().count() + words <= JOINED_WORDS => {
                last.push(' ');
                last.push_str(sentence);
            }
            _ if words <= WHOLE_WORDS => parts.push(sentence.to_owned()),
            _ => parts.extend(clauses(sentence).into_iter().map(str::to_owned)),
        }
    }
    parts
}

/// The silence kept behind a piece: what the voice leaves between clauses and sentences.
fn tail_ms(text: &str) -> usize {
    match text.trim_end_matches(['"', '”', ')', ' ']).chars().last() {
        Some('.' | '!' | '?' | '…') => 200,
        Some(',' | ';' | ':' | '—') => 140,
        _ => 120,
    }
}

/// Cuts a text in two near its middle, between words where there are any.
fn halves(text: &str) -> (&str, &str) {
    let middle = text.len() / 2;
    let space = text
        .char_indices()
        .filter(|(_, c)| c.is_whitespace())
        .map(|(i, _)| i)
        .min_by_key(|i| i.abs_diff(middle));
    let any = || {
        text.char_indices()
            .map(|(i, _)| i)
            .min_by_key(|i| i.abs_diff(middle))
            .unwrap_or_default()
    };
    text.split_at(
        space
            .filter(|i| *i > 0 && !text[*i..].trim().is_empty())
            .unwrap_or_else(any),
    )
}

/// Reads a voice file: 510 styles of 256 little-endian 32-bit floats.
fn read_style(path: &Path) -> Result<Arc<[f32]>, String> {
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    if bytes.len() < TOKENS_MAX * STYLE * 4 {
        return Err(format!("{} is no voice file: {} bytes", path.display(), bytes.len()));
    }
    Ok(bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::{halves, parts, tail_ms};

    #[test]
    fn short_sentences_are_rendered_together_and_long_ones_cut() {
        assert_eq!(
            parts("Great. Thank you for that. Let's go on to the next part of our talk."),
            [
                "Great. Thank you for that.",
                "Let's go on to the next part of our talk."
            ]
        );
        let long = "In this role you would be working with a small team of engineers on the payments platform, and we would like to \
                    hear what you have built before, how you tested it, and what you would do differently today.";
        assert!(parts(long).len() > 1);
        assert!(parts("").is_empty());
    }

    #[test]
    fn halves_are_cut_between_words() {
        assert_eq!(halves("one two three four"), ("one two", " three four"));
        let (head, tail) = halves("αβγδ");
        assert_eq!((head.len(), tail.len()), (4, 4));
    }

    #[test]
    fn a_sentence_ends_with_a_longer_silence_than_a_clause() {
        assert!(tail_ms("Done.") > tail_ms("first,") && tail_ms("first,") > tail_ms("and"));
    }
}

//! A rendered clause as a file: a mark, the length of the header, a JSON header, the samples, a SHA-256 of it all.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::screening::calls::domain::ports::{HeardWord, SpeechChunk};

const MARK: &[u8; 8] = b"EMMAVO01";
const DIGEST: usize = 32;
/// Audio of one chunk when a stored clause is played: 200 ms at 48 kHz, so that its words come as they are heard.
const CHUNK: usize = 9_600;

/// A whole clause: 48 kHz mono and its words.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    pub pcm: Arc<[i16]>,
    pub words: Arc<[HeardWord]>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    words: Vec<Word>,
}

#[derive(Serialize, Deserialize)]
struct Word {
    w: String,
    s: u64,
    e: u64,
    c: f32,
}

impl Clause {
    /// Puts the chunks of a clause together.
    pub fn from_chunks(chunks: &[SpeechChunk]) -> Self {
        let pcm: Vec<i16> = chunks.iter().flat_map(|chunk| chunk.pcm.iter().copied()).collect();
        Self {
            pcm: pcm.into(),
            words: chunks.iter().flat_map(|chunk| chunk.words.iter().cloned()).collect(),
        }
    }

    /// The clause as it is played: chunks of 200 ms, each with the words that begin in it.
    pub fn chunks(&self) -> impl Iterator<Item = SpeechChunk> + '_ {
        let count = self.pcm.len().div_ceil(CHUNK);
        self.pcm.chunks(CHUNK).enumerate().map(move |(i, pcm)| {
            let (from, to) = ((i * CHUNK) as u64 / 48, ((i + 1) * CHUNK) as u64 / 48);
            let last = i + 1 == count;
            let begins = |word: &&HeardWord| word.start_ms >= from && (word.start_ms < to || last);
            SpeechChunk {
                pcm: pcm.into(),
                words: self.words.iter().filter(begins).cloned().collect(),
            }
        })
    }

    /// Bytes in memory, about.
    pub fn size(&self) -> usize {
        self.pcm.len() * 2 + self.words.len() * 64
    }

    /// The clause as a file.
    pub fn encode(&self) -> Vec<u8> {
        let words = self.words.iter().map(|w| Word {
            w: w.text.clone(),
            s: w.start_ms,
            e: w.end_ms,
            c: w.confidence,
        });
        // Strings and numbers always serialise.
        let header = serde_json::to_vec(&Header { words: words.collect() }).unwrap_or_default();
        let mut bytes = Vec::with_capacity(MARK.len() + 4 + header.len() + self.pcm.len() * 2 + DIGEST);
        bytes.extend_from_slice(MARK);
        bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend(self.pcm.iter().flat_map(|sample| sample.to_le_bytes()));
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        bytes
    }

    /// Reads a file; none when it is damaged or of another kind.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST)?)?;
        if Sha256::digest(body).as_slice() != digest {
            return None;
        }
        let rest = body.strip_prefix(MARK)?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (header, samples) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let header: Header = serde_json::from_slice(header).ok()?;
        let word = |w: Word| HeardWord {
            text: w.w,
            start_ms: w.s,
            end_ms: w.e,
            confidence: w.c,
        };
        let pcm = samples
            .chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        Some(Self {
            pcm,
            words: header.words.into_iter().map(word).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, Clause};
    use crate::screening::calls::domain::ports::HeardWord;

    fn clause() -> Clause {
        let word = |text: &str, start_ms, end_ms| HeardWord {
            text: text.into(),
            start_ms,
            end_ms,
            confidence: 1.0,
        };
        Clause {
            pcm: (0..30_000).map(|i| (i % 1_000) as i16).collect(),
            words: vec![
                word("Hello", 0, 190),
                word("there,", 200, 399),
                word("Ανδρέα.", 400, 625),
            ]
            .into(),
        }
    }

    #[test]
    fn comes_back_as_it_was_written() {
        assert_eq!(Clause::decode(&clause().encode()), Some(clause()));
    }

    #[test]
    fn a_damaged_file_is_none() {
        let good = clause().encode();
        for at in [0, 9, 40, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(Clause::decode(&bad), None, "byte {at}");
        }
        for len in [0, 3, 31, 32, good.len() - 1] {
            assert_eq!(Clause::decode(&good[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn plays_all_samples_and_each_word_once() {
        let whole = clause();
        let chunks: Vec<_> = whole.chunks().collect();
        assert_eq!(chunks.len(), 4);
        assert_eq!(chunks[0].pcm.len(), CHUNK);
        assert_eq!(Clause::from_chunks(&chunks), whole);
        assert_eq!(chunks[1].words[0].text, "there,");
    }
}

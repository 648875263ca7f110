//! Moonshine's vocabulary file: each token as its length and its bytes, in order of the token's number.
//!
//! A length below 128 is one byte; a longer one two, the low seven bits first. U+2581 stands for a space.

use std::collections::VecDeque;

/// U+2581 in UTF-8.
const SPACE: &[u8] = "\u{2581}".as_bytes();
/// Unknown, begin, end: nothing to read.
const SPECIAL: usize = 3;

/// A token as it was decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    pub token: usize,
    /// 0 to 1.
    pub probability: f32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    pub text: String,
    /// The mean probability of its tokens, punctuation aside.
    pub confidence: f32,
    /// Which token it begins with.
    pub first: usize,
}

pub struct Vocabulary(Vec<Vec<u8>>);

impl Vocabulary {
    /// `None` where the bytes end in the middle of a token.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest: VecDeque<u8> = bytes.iter().copied().collect();
        while let Some(low) = rest.pop_front() {
            let length = if low < 128 {
                usize::from(low)
            } else {
                usize::from(low & 127) | usize::from(rest.pop_front()?) << 7
            };
            if length > rest.len() {
                return None;
            }
            tokens.push(rest.drain(..length).collect());
        }
        Some(Self(tokens))
    }

    /// The words of `pieces`.
    pub fn words(&self, pieces: &[Piece]) -> Vec<Word> {
        let mut words: Vec<(Vec<u8>, f32, u32, usize)> = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            let Some(bytes) = self.0.get(piece.token).filter(|_| piece.token >= SPECIAL) else {
                continue;
            };
            let (begins, bytes) = match bytes.strip_prefix(SPACE) {
                Some(rest) => (true, rest),
                None => (words.is_empty(), &bytes[..]),
            };
            if begins {
                words.push((Vec::new(), 0.0, 0, at));
            }
            let Some((text, sum, count, _)) = words.last_mut() else {
                continue;
            };
            text.extend_from_slice(bytes);
            if bytes.iter().any(|b| b.is_ascii_alphanumeric() || *b >= 0x80) {
                *sum += piece.probability;
                *count += 1;
            }
        }
        words
            .into_iter()
            .map(|(bytes, sum, count, first)| Word {
                text: String::from_utf8_lossy(&bytes).trim().to_owned(),
                confidence: (sum / count.max(1) as f32).clamp(0.0, 1.0),
                first,
            })
            .filter(|word| word.text.chars().any(char::is_alphanumeric))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(tokens: &[&str]) -> Vocabulary {
        let mut bytes = Vec::new();
        for token in tokens {
            bytes.push(u8::try_from(token.len()).expect("short"));
            bytes.extend(token.as_bytes());
        }
        Vocabulary::read(&bytes).expect("whole tokens")
    }

    #[test]
    fn pieces_become_words_and_punctuation_does_not_count() {
        let vocabulary = vocabulary(&["<unk>", "<s>", "</s>", "\u{2581}Kuber", "netes", ",", "\u{2581}", "yes"]);
        let pieces = [(3, 0.8), (4, 0.6), (5, 0.1), (6, 0.5), (7, 0.9), (2, 1.0), (99, 1.0)];
        let pieces = pieces.map(|(token, probability)| Piece { token, probability });
        let words = vocabulary.words(&pieces);
        assert_eq!((words[0].text.as_str(), words[0].first), ("Kubernetes,", 0));
        assert!((words[0].confidence - 0.7).abs() < 1e-6);
        assert_eq!((words[1].text.as_str(), words[1].first), ("yes", 3));
        assert_eq!(words.len(), 2);
    }

    #[test]
    fn long_tokens_have_two_bytes_of_length_and_a_cut_file_is_refused() {
        let mut bytes = vec![128 | 2, 1];
        bytes.extend(vec![b'x'; 130]);
        assert_eq!(Vocabulary::read(&bytes).expect("whole").0[0].len(), 130);
        assert!(Vocabulary::read(&bytes[..100]).is_none());
        assert!(Vocabulary::read(&[200]).is_none());
        assert!(Vocabulary::read(&[]).expect("empty").0.is_empty());
    }
}

//! From whisper's tokens to words with times and confidence.

use crate::screening::calls::domain::ports::HeardWord;

/// A text token as it was decoded.
#[derive(Debug, Clone)]
pub struct Token {
    /// A piece of UTF-8, possibly in the middle of a character; a leading space begins a word.
    pub bytes: Vec<u8>,
    /// 0 to 1.
    pub probability: f32,
    pub start_ms: u64,
    pub end_ms: u64,
}

/// The words of `tokens`. Times never go back and lie within `audio_ms`; a word's confidence is the mean
/// probability of its tokens, punctuation aside. What stands in brackets (sounds, not speech) is left out.
pub fn words_of(tokens: &[Token], audio_ms: u64) -> Vec<HeardWord> {
    let mut words = Vec::new();
    let mut begin = 0;
    for end in 1..=tokens.len() {
        if end == tokens.len() || tokens[end].bytes.first() == Some(&b' ') {
            words.extend(word_of(&tokens[begin..end]));
            begin = end;
        }
    }
    drop_bracketed(&mut words);
    let mut last = 0;
    for word in &mut words {
        word.start_ms = word.start_ms.clamp(last.min(audio_ms), audio_ms);
        word.end_ms = word.end_ms.clamp(word.start_ms, audio_ms);
        last = word.end_ms;
    }
    words
}

fn word_of(tokens: &[Token]) -> Option<HeardWord> {
    let bytes: Vec<u8> = tokens.iter().flat_map(|t| t.bytes.iter().copied()).collect();
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    if !text.chars().any(char::is_alphanumeric) && !text.contains(['[', ']', '(', ')']) {
        return None;
    }
    let (first, last) = (tokens.first()?, tokens.last()?);
    let spoken = || {
        tokens
            .iter()
            .filter(|t| t.bytes.iter().any(|b| b.is_ascii_alphanumeric() || *b >= 0x80))
    };
    let count = spoken().count().max(1) as f32;
    let confidence = (spoken().map(|t| t.probability).sum::<f32>() / count).clamp(0.0, 1.0);
    // The tokens' own order is not always kept by whisper.cpp.
    let start_ms = first.start_ms;
    let end_ms = tokens.iter().map(|t| t.end_ms).max().unwrap_or(last.end_ms);
    Some(HeardWord {
        text,
        start_ms,
        end_ms,
        confidence,
    })
}

/// Removes stretches like `[Music]`, `(applause)` or `[ Silence ]`.
fn drop_bracketed(words: &mut Vec<HeardWord>) {
    let mut inside = false;
    words.retain(|word| {
        let opens = word.text.starts_with(['[', '(', '♪']);
        let closes = word
            .text
            .trim_end_matches(['.', ',', '!', '?'])
            .ends_with([']', ')', '♪']);
        let drop = inside || opens;
        inside = (inside || opens) && !closes;
        !drop && word.text.chars().any(char::is_alphanumeric)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &[u8], probability: f32, start_ms: u64, end_ms: u64) -> Token {
        Token {
            bytes: text.to_vec(),
            probability,
            start_ms,
            end_ms,
        }
    }

    #[test]
    fn pieces_become_words_and_punctuation_does_not_count() {
        let tokens = [
            token(b" Kuber", 0.8, 100, 300),
            token(b"netes", 0.6, 300, 500),
            token(b",", 0.1, 500, 500),
            token(b" caf", 0.9, 600, 700),
            token(&[0xC3], 0.9, 700, 750),
            token(&[0xA9], 0.9, 750, 800),
            token(b".", 0.2, 800, 900),
        ];
        let words = words_of(&tokens, 1000);
        let texts: Vec<_> = words.iter().map(|w| w.text.as_str()).collect();
        assert_eq!(texts, ["Kubernetes,", "café."]);
        assert!((words[0].confidence - 0.7).abs() < 1e-6);
        assert_eq!((words[0].start_ms, words[0].end_ms), (100, 500));
    }

    #[test]
    fn times_never_go_back_nor_leave_the_audio() {
        let tokens = [
            token(b" one", 1.0, 500, 900),
            token(b" two", 1.0, 300, 400),
            token(b" three", 1.0, 5000, 9000),
            token(b" four", 1.0, 0, 0),
        ];
        let words = words_of(&tokens, 2000);
        let mut last = 0;
        for word in &words {
            assert!(
                word.start_ms >= last && word.end_ms >= word.start_ms && word.end_ms <= 2000,
                "{words:?}"
            );
            last = word.end_ms;
        }
    }

    #[test]
    fn sounds_in_brackets_are_no_words() {
        let tokens = [
            token(b" [", 1.0, 0, 0),
            token(b"Music]", 1.0, 0, 0),
            token(b" Yes", 1.0, 0, 0),
            token(b" (loud", 1.0, 0, 0),
            token(b" applause).", 1.0, 0, 0),
            token(b" I", 1.0, 0, 0),
            token(b" -", 1.0, 0, 0),
            token(b" do.", 1.0, 0, 0),
        ];
        let texts: Vec<_> = words_of(&tokens, 100).into_iter().map(|w| w.text).collect();
        assert_eq!(texts, ["Yes", "I", "do."]);
        assert!(words_of(&[], 100).is_empty());
    }
}

//! When each word is heard, estimated from how long its sounds usually take.

use crate::screening::calls::domain::ports::HeardWord;

/// A word as it is written and how long it takes in proportion to the others.
#[derive(Debug, Clone, PartialEq)]
pub struct WeighedWord {
    pub text: String,
    pub weight: f32,
    /// The pause behind it, in the same proportion.
    pub pause: f32,
}

/// How long a sound takes in proportion to a plain consonant; 0 for marks of stress and length are counted in.
fn sound_weight(symbol: char) -> f32 {
    match symbol {
        'ˈ' | 'ˌ' | '\u{303}' | '\u{329}' | '\u{361}' | '\u{200d}' => 0.0,
        'ː' => 0.5,
        // Diphthongs: Kokoro's capitals.
        'A' | 'I' | 'O' | 'Q' | 'W' | 'Y' => 2.0,
        'a' | 'e' | 'i' | 'o' | 'u' | 'æ' | 'ɑ' | 'ɒ' | 'ɔ' | 'ɛ' | 'ɜ' | 'ɚ' | 'ɝ' | 'ʌ' => 1.6,
        'ə' | 'ɐ' | 'ɪ' | 'ʊ' | 'ᵊ' | 'ᵻ' => 1.0,
        's' | 'ʃ' | 'f' | 'θ' | 'ʧ' | 'ʤ' | 'm' | 'n' | 'ŋ' => 1.2,
        c if c.is_alphabetic() => 0.9,
        _ => 0.0,
    }
}

/// How long a pause a mark makes.
fn pause_weight(symbol: char) -> f32 {
    match symbol {
        ',' | ';' | ':' | '—' | '–' | '(' | ')' => 2.5,
        '.' | '!' | '?' | '…' => 5.0,
        _ => 0.0,
    }
}

/// Weighs the words of `text`, where `sounds` gives pieces of the text in order, each with its phonemes.
/// Words are what stands between white space, marks included. A piece that cannot be found counts by its letters.
pub fn weigh<'a>(text: &str, sounds: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<WeighedWord> {
    let mut words: Vec<WeighedWord> = text
        .split_whitespace()
        .map(|w| WeighedWord {
            text: w.to_owned(),
            weight: 0.0,
            pause: 0.0,
        })
        .collect();
    // Which word the n-th visible character belongs to.
    let owners: Vec<usize> = text
        .split_whitespace()
        .enumerate()
        .flat_map(|(i, w)| std::iter::repeat_n(i, w.chars().count()))
        .collect();
    let mut at = 0;
    for (piece, phonemes) in sounds {
        let Some(owner) = owners.get(at).or(owners.last()) else {
            break;
        };
        words[*owner].weight += phonemes.chars().map(sound_weight).sum::<f32>();
        at += piece.chars().filter(|c| !c.is_whitespace()).count();
    }
    for word in &mut words {
        word.pause = word
            .text
            .chars()
            .rev()
            .take_while(|c| !c.is_alphanumeric())
            .map(pause_weight)
            .fold(0.0, f32::max);
        if word.weight == 0.0 {
            word.weight = word.text.chars().filter(|c| c.is_alphanumeric()).count().max(1) as f32;
        }
    }
    words
}

/// Places words on `[0, speech_ms]` in order and without gaps but their pauses; the last one ends with the speech.
pub fn place(words: &[WeighedWord], lead_ms: f32, speech_ms: f32) -> Vec<HeardWord> {
    let inner_pauses: f32 = words.iter().rev().skip(1).map(|w| w.pause).sum();
    let total = words.iter().map(|w| w.weight).sum::<f32>() + inner_pauses;
    let unit = if total > 0.0 {
        (speech_ms - lead_ms).max(0.0) / total
    } else {
        0.0
    };
    let mut at = lead_ms;
    words
        .iter()
        .map(|word| {
            let start = at;
            let end = start + word.weight * unit;
            at = end + word.pause * unit;
            HeardWord {
                text: word.text.clone(),
                start_ms: start.round() as u64,
                end_ms: end.round() as u64,
                confidence: 1.0,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{place, weigh};

    #[test]
    fn words_follow_each_other_and_fill_the_speech() {
        let text = "Hello, I'm Emma. A well-known voice!";
        let sounds = [
            ("Hello", "həlˈO"),
            (",", ","),
            ("I'm", "ˌIm"),
            ("Emma", "ˈɛmə"),
            (".", "."),
            ("A", "ɐ"),
            ("well-known", "wˌɛlnˈOn"),
            ("voice", "vˈYs"),
            ("!", "!"),
        ];
        let words = place(&weigh(text, sounds), 15.0, 2_000.0);
        assert_eq!(
            words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" "),
            text
        );
        assert_eq!((words[0].start_ms, words[5].end_ms), (15, 2_000));
        for pair in words.windows(2) {
            assert!(
                pair[0].start_ms < pair[0].end_ms && pair[0].end_ms <= pair[1].start_ms,
                "{words:?}"
            );
        }
        assert!(
            words[2].end_ms + 50 < words[3].start_ms,
            "a full stop is heard as a pause: {words:?}"
        );
        assert!(words[3].end_ms - words[3].start_ms < words[4].end_ms - words[4].start_ms);
    }

    #[test]
    fn words_without_sounds_are_placed_by_their_letters() {
        let words = place(&weigh("one three", []), 0.0, 800.0);
        assert_eq!((words[0].end_ms, words[1].end_ms), (300, 800));
        assert!(place(&weigh("", []), 0.0, 100.0).is_empty());
    }
}

//! Kokoro's alphabet: IPA with single letters for diphthongs and affricates, and its token numbers.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

/// The most tokens Kokoro takes at a time, without the two that frame them.
pub const TOKENS_MAX: usize = 510;

/// espeak's IPA on the left, Kokoro's symbols on the right, applied in order. Follows the tables of misaki 0.9.4
/// (`espeak.py`), which wrote the text Kokoro was trained on.
const COMMON: &[(&str, &str)] = &[
    ("ʔˌn\u{329}", "ʔn"),
    ("ʔn\u{329}", "ʔn"),
    ("aɪ", "I"),
    ("aʊ", "W"),
    ("dʒ", "ʤ"),
    ("eɪ", "A"),
    ("tʃ", "ʧ"),
    ("ɔɪ", "Y"),
    ("oʊ", "O"),
    ("əʊ", "Q"),
    ("ʲo", "jo"),
    ("ʲə", "jə"),
    ("ʲ", ""),
    ("r", "ɹ"),
    ("x", "k"),
    ("ç", "k"),
    ("ɬ", "l"),
    ("ɐ", "ə"),
    ("\u{303}", ""),
    ("\u{361}", ""),
    ("\u{200d}", ""),
    ("g", "ɡ"),
];
const AMERICAN: &[(&str, &str)] = &[
    ("ɜːɹ", "ɜɹ"),
    ("ɜː", "ɜɹ"),
    ("ɚ", "əɹ"),
    ("ɝ", "ɜɹ"),
    ("ɪə", "iə"),
    ("ː", ""),
    ("əl", "ᵊl"),
    ("e", "A"),
    ("o", "ɔ"),
    ("ɾ", "T"),
    ("ʔ", "t"),
];
const BRITISH: &[(&str, &str)] = &[
    ("ɚ", "ə"),
    ("eə", "ɛː"),
    ("iə", "ɪə"),
    ("əl", "ᵊl"),
    ("e", "ɛ"),
    ("ɾ", "t"),
    ("ʔ", "t"),
];

/// espeak's IPA in Kokoro's symbols.
pub fn from_ipa(ipa: &str, british: bool) -> String {
    let mut symbols = ipa.to_owned();
    for (from, to) in COMMON.iter().chain(if british { BRITISH } else { AMERICAN }) {
        symbols = symbols.replace(from, to);
    }
    // A syllabic consonant is written with a schwa in front of it.
    while let Some(at) = symbols.find('\u{329}') {
        symbols.remove(at);
        let before = symbols[..at].char_indices().next_back().map_or(at, |(i, _)| i);
        symbols.insert(before, 'ᵊ');
    }
    symbols
}

/// Symbol to token.
#[derive(Debug, Clone, Deserialize)]
pub struct Vocabulary {
    vocab: HashMap<char, i64>,
}

impl Vocabulary {
    /// Reads `{"vocab": {"symbol": token}}`.
    ///
    /// # Errors
    /// When the file is missing or is something else.
    pub fn open(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// The tokens of some symbols; what Kokoro does not know is left out.
    pub fn tokens(&self, symbols: &str) -> Vec<i64> {
        symbols
            .chars()
            .filter_map(|symbol| self.vocab.get(&symbol).copied())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::from_ipa;

    #[test]
    fn writes_ipa_as_kokoro_does() {
        let cases = [
            ("kˌuːbɚnˈɛɾiːz", "kˌubəɹnˈɛTiz"),
            ("dʒˈeɪsən", "ʤˈAsən"),
            ("pˈoʊstɡɹɛs", "pˈOstɡɹɛs"),
            ("sˈɜːtʃ", "sˈɜɹʧ"),
            ("wˈɜːɹk", "wˈɜɹk"),
            ("ˈænsɪbəl", "ˈænsɪbᵊl"),
            ("bˈʌtn\u{329}", "bˈʌtᵊn"),
        ];
        for (ipa, symbols) in cases {
            assert_eq!(from_ipa(ipa, false), symbols);
        }
        assert_eq!(from_ipa("ɡˈəʊ", true), "ɡˈQ");
    }
}

//! Text to Kokoro's symbols.

use std::path::Path;
use std::sync::Arc;

use misaki_rs::fallback::FallbackError;
use misaki_rs::lexicon::PhonemeEntry;
use misaki_rs::{Fallback, G2P, Language};
use tracing::warn;

use crate::screening::calls::infrastructure::kokoro::symbols::from_ipa;
use crate::screening::calls::infrastructure::voice::espeak::{Espeak, EspeakError};
use crate::screening::calls::infrastructure::voice::pronounce;

/// Reads English in one dialect. About 90 MB of dictionaries.
pub struct Reader {
    g2p: G2P,
    british: bool,
}

/// A text in symbols, and which symbols belong to which piece of it: pieces in order, covering all but white space.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub symbols: String,
    pub pieces: Vec<(String, String)>,
}

impl Reader {
    /// `espeak` is the program unknown words are asked of; without it they are spelled.
    pub fn new(british: bool, espeak: &Path) -> Self {
        let (language, dialect) = if british {
            (Language::EnglishGB, "en-gb")
        } else {
            (Language::EnglishUS, "en-us")
        };
        let unknown = Unknown {
            espeak: Arc::new(Espeak::new(espeak.to_owned(), dialect)),
            british,
        };
        Self {
            g2p: G2P::with_fallback(language, Some(Box::new(unknown))),
            british,
        }
    }

    /// Reads a text; `None` for a dictionary that gives up.
    pub fn read(&mut self, text: &str) -> Option<Reading> {
        self.teach(text);
        let (symbols, tokens) = self.g2p.g2p(text).ok()?;
        let pieces = tokens
            .into_iter()
            .map(|token| (token.text, token.phonemes.unwrap_or_default()))
            .collect();
        Some(Reading { symbols, pieces })
    }

    /// Puts the known words of a text into the dictionary, which else would say some as it sees fit: AWS as "aw's".
    fn teach(&mut self, text: &str) {
        for word in text.split_whitespace() {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric());
            if let Some(ipa) = pronounce::known(word) {
                let entry = PhonemeEntry::Simple(from_ipa(&ipa, self.british));
                self.g2p.lexicon.golds.insert(word.to_owned(), entry);
            }
        }
    }
}

/// Words the dictionaries do not have.
struct Unknown {
    espeak: Arc<Espeak>,
    british: bool,
}

impl Fallback for Unknown {
    fn phonemize(&self, word: &str) -> Result<String, FallbackError> {
        let ipa = pronounce::known(word)
            .map_or_else(|| self.espeak.ipa(word), Ok)
            .unwrap_or_else(|error| {
                match &error {
                    EspeakError::Missing(_) => warn!(%error, "unknown words are spelled: install espeak-ng"),
                    EspeakError::TimedOut | EspeakError::Failed(_) => warn!(%error, "an unknown word is spelled"),
                }
                pronounce::spelled(word)
            });
        Ok(from_ipa(&ipa, self.british))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Reader;

    #[test]
    fn reads_common_words_from_the_dictionary_and_tools_from_the_table() {
        let mut reader = Reader::new(false, Path::new("/nonexistent/espeak-ng"));
        let reading = reader.read("We run Kubernetes, sic, and PostgreSQL.").unwrap();
        assert!(reading.symbols.contains("kˌubəɹnˈɛTiz,"), "{}", reading.symbols);
        assert!(reading.symbols.contains("pˈOstɡɹɛs kjˌuˈɛl"), "{}", reading.symbols);
        assert!(!reading.symbols.contains('❓'));
        let aws = reader.read("Have you used AWS, Terraform?").unwrap().symbols;
        assert!(aws.contains("ˌAdˌʌbᵊljuˈɛs,"), "{aws}");
        let text: String = reading.pieces.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(text, "WerunKubernetes,sic,andPostgreSQL.");
    }

    #[test]
    fn spells_unknown_words_where_the_program_is_missing() {
        let mut reader = Reader::new(false, Path::new("/nonexistent/espeak-ng"));
        assert_eq!(reader.read("qzxv").unwrap().symbols, "kjˈu zˈi ˈɛks vˈi");
    }
}

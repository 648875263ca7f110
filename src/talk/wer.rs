//! Word errors of what was heard against what was said, counted as `emma bench words` counts them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::shared::word_errors::Errors;
use crate::shared::word_errors::normalizer::Normalizer;

/// What was said, by answer id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected(BTreeMap<String, String>);

/// Errors (substitutions, insertions, deletions) among the words that were said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct WordErrors {
    pub errors: usize,
    pub words: usize,
}

impl WordErrors {
    /// Compares two texts word by word, spelling and numbers made alike.
    pub fn between(said: &str, heard: &str, normalizer: &Normalizer) -> Self {
        let errors = Errors::between(&normalizer.normalize(said), &normalizer.normalize(heard));
        Self {
            errors: errors.count(),
            words: errors.words,
        }
    }

    /// Word error rate in percent; `None` where nothing was said.
    pub fn percent(self) -> Option<f64> {
        (self.words > 0).then(|| 100.0 * self.errors as f64 / self.words as f64)
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            errors: self.errors + other.errors,
            words: self.words + other.words,
        }
    }
}

impl Expected {
    /// Reads lines of `id<TAB>text`; empty lines and a header `id<TAB>text` are skipped.
    ///
    /// # Errors
    /// Names the line that has no tab.
    pub fn parse(tsv: &str) -> Result<Self, String> {
        let mut texts = BTreeMap::new();
        for (number, line) in tsv.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let (id, text) = line
                .split_once('\t')
                .ok_or_else(|| format!("line {}: no tab", number + 1))?;
            if (id, text) != ("id", "text") {
                texts.insert(id.to_owned(), text.to_owned());
            }
        }
        Ok(Self(texts))
    }

    /// What the answer `id` says.
    pub fn get(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_no_error_and_words_are() {
        let normalizer = Normalizer::new().expect("rules");
        let check = |said: &str, heard: &str, errors: usize| {
            let counted = WordErrors::between(said, heard, &normalizer);
            assert_eq!(counted.errors, errors, "{said:?} heard as {heard:?}");
        };
        check("HE HOPED THERE WOULD BE STEW", "He hoped there would be stew.", 0);
        check("IT IS TWENTY", "It's 20.", 0);
        check("a bee sea", "a tree sea", 1);
        check("tea for two", "", 3);
    }

    #[test]
    fn a_reference_list_is_read_by_id() {
        let expected = Expected::parse("id\ttext\nx-1\tHELLO THERE\n\n").expect("valid");
        assert_eq!(expected.get("x-1"), Some("HELLO THERE"));
        assert_eq!(expected.get("id"), None);
        assert_eq!(Expected::parse("x-1\tA\nx-2 B"), Err("line 2: no tab".to_owned()));
    }
}

//! Word errors of what was heard against what was said.

use std::collections::BTreeMap;

/// Turns a text into the words that are compared.
pub type Normaliser = fn(&str) -> Vec<String>;

/// What was said, by answer id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected(BTreeMap<String, String>);

/// Errors (substitutions, insertions, deletions) among the words that were said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct WordErrors {
    pub errors: usize,
    pub words: usize,
}

impl WordErrors {
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

/// Lower case words without punctuation; apostrophes stay.
pub fn plain_words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .replace('\u{2019}', "'")
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Word-level Levenshtein distance.
pub fn count(reference: &str, hypothesis: &str, normalise: Normaliser) -> WordErrors {
    let (reference, hypothesis) = (normalise(reference), normalise(hypothesis));
    let mut row: Vec<usize> = (0..=hypothesis.len()).collect();
    for (i, said) in reference.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, heard) in hypothesis.iter().enumerate() {
            let substituted = diagonal + usize::from(said != heard);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    WordErrors {
        errors: row[hypothesis.len()],
        words: reference.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_substitutions_insertions_and_deletions() {
        let check = |said: &str, heard: &str, errors: usize| {
            assert_eq!(
                count(said, heard, plain_words).errors,
                errors,
                "{said:?} heard as {heard:?}"
            );
        };
        check("HE HOPED THERE WOULD BE STEW", "He hoped there would be stew.", 0);
        check("a b c", "a x c", 1);
        check("a b c", "a c", 1);
        check("a b c", "a b b c", 1);
        check("a b c", "", 3);
        check("", "a", 1);
    }

    #[test]
    fn a_reference_list_is_read_by_id() {
        let expected = Expected::parse("id\ttext\nx-1\tHELLO THERE\n\n").expect("valid");
        assert_eq!(expected.get("x-1"), Some("HELLO THERE"));
        assert_eq!(expected.get("id"), None);
        assert_eq!(Expected::parse("x-1\tA\nx-2 B"), Err("line 2: no tab".to_owned()));
    }
}

//! Word error rate: the fewest substitutions, deletions and insertions that turn what was heard into what was said.

pub mod normalizer;
mod numbers;

use std::ops::AddAssign;

/// Errors counted against a number of reference words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Errors {
    pub substitutions: usize,
    pub deletions: usize,
    pub insertions: usize,
    pub words: usize,
}

impl Errors {
    /// Compares two normalised texts word by word.
    pub fn between(reference: &str, heard: &str) -> Self {
        let said: Vec<&str> = reference.split_whitespace().collect();
        let heard: Vec<&str> = heard.split_whitespace().collect();
        // One row of the edit-distance table; each cell also knows how it got there.
        let mut row: Vec<Self> = (0..=heard.len())
            .map(|i| Self {
                insertions: i,
                ..Self::default()
            })
            .collect();
        for (i, word) in said.iter().enumerate() {
            let mut diagonal = row[0];
            row[0] = Self {
                deletions: i + 1,
                ..Self::default()
            };
            for (j, other) in heard.iter().enumerate() {
                let mut substituted = diagonal;
                substituted.substitutions += usize::from(word != other);
                let mut deleted = row[j + 1];
                deleted.deletions += 1;
                let mut inserted = row[j];
                inserted.insertions += 1;
                diagonal = row[j + 1];
                row[j + 1] = [substituted, deleted, inserted]
                    .into_iter()
                    .min_by_key(|e| e.count())
                    .unwrap_or_default();
            }
        }
        let mut errors = row[heard.len()];
        errors.words = said.len();
        errors
    }

    pub fn count(self) -> usize {
        self.substitutions + self.deletions + self.insertions
    }

    /// Errors per 100 reference words.
    pub fn percent(self) -> f64 {
        100.0 * self.count() as f64 / self.words.max(1) as f64
    }
}

impl AddAssign for Errors {
    fn add_assign(&mut self, other: Self) {
        self.substitutions += other.substitutions;
        self.deletions += other.deletions;
        self.insertions += other.insertions;
        self.words += other.words;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_by_kind() {
        let check = |said, heard, s, d, i| {
            let e = Errors::between(said, heard);
            assert_eq!(
                (e.substitutions, e.deletions, e.insertions),
                (s, d, i),
                "{said} / {heard}"
            );
        };
        check("a b c", "a b c", 0, 0, 0);
        check("a b c", "a x c", 1, 0, 0);
        check("a b c", "a c", 0, 1, 0);
        check("a b c", "a b b c", 0, 0, 1);
        check("a b c", "", 0, 3, 0);
        check("", "a b", 0, 0, 2);
        assert!((Errors::between("a b c d", "a x d").percent() - 50.0).abs() < 1e-9);
    }
}

//! nDCG, recall and reciprocal rank of the first ten.

use std::collections::BTreeMap;

const TOP: usize = 10;

/// One question's result, 0 to 1 each.
pub struct Judged {
    ndcg: f64,
    recall: f64,
    reciprocal_rank: f64,
}

impl Judged {
    /// `found`: ids, best first; `relevant`: gains by id, at least one.
    pub fn of<'a>(found: impl Iterator<Item = &'a str>, relevant: &BTreeMap<String, f64>) -> Self {
        let gains: Vec<f64> = found
            .take(TOP)
            .map(|id| relevant.get(id).copied().unwrap_or(0.0))
            .collect();
        let mut best: Vec<f64> = relevant.values().copied().collect();
        best.sort_by(|a, b| b.total_cmp(a));
        best.truncate(TOP);
        let hits = gains.iter().filter(|gain| **gain > 0.0).count();
        let first = gains.iter().position(|gain| *gain > 0.0);
        Self {
            ndcg: discounted(&gains) / discounted(&best),
            recall: hits as f64 / relevant.len() as f64,
            reciprocal_rank: first.map_or(0.0, |rank| 1.0 / (rank as f64 + 1.0)),
        }
    }
}

fn discounted(gains: &[f64]) -> f64 {
    gains
        .iter()
        .zip(2..)
        .map(|(gain, rank)| gain / f64::from(rank).log2())
        .sum()
}

/// Means over questions.
#[derive(Default)]
pub struct Measures {
    sum: [f64; 3],
    questions: usize,
}

impl Measures {
    pub fn add(&mut self, judged: &Judged) {
        for (sum, value) in self
            .sum
            .iter_mut()
            .zip([judged.ndcg, judged.recall, judged.reciprocal_rank])
        {
            *sum += value;
        }
        self.questions += 1;
    }

    /// nDCG@10, recall@10 and MRR@10 in percent.
    pub fn percent(&self) -> [f64; 3] {
        self.sum.map(|sum| 100.0 * sum / self.questions.max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: KNOW-9
    #[test]
    fn measures_are_those_of_the_textbook() {
        let relevant = BTreeMap::from([("a".to_owned(), 1.0), ("b".to_owned(), 1.0)]);
        let mut measures = Measures::default();
        measures.add(&Judged::of(["a", "b"].into_iter(), &relevant));
        assert!(measures.percent().iter().all(|value| (value - 100.0).abs() < 1e-9));
        let second = Judged::of(["x", "a"].into_iter(), &relevant);
        let ideal = 1.0 + 1.0 / 3.0_f64.log2();
        assert!((second.ndcg - (1.0 / 3.0_f64.log2()) / ideal).abs() < 1e-9);
        assert!((second.recall - 0.5).abs() < 1e-9 && (second.reciprocal_rank - 0.5).abs() < 1e-9);
        // The eleventh does not count.
        let late = Judged::of((0..10).map(|_| "x").chain(["a"]), &relevant);
        assert!(late.ndcg.abs() < 1e-9 && late.recall.abs() < 1e-9 && late.reciprocal_rank.abs() < 1e-9);
    }
}

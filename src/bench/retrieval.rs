//! How well questions find the texts that answer them, on public sets in BEIR's layout (`corpus.jsonl`, `queries.jsonl`,
//! `qrels/test.tsv`): by meaning, by words (FTS5's BM25) and by both (reciprocal rank fusion).

mod keywords;
mod measures;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use tokio::time::Instant;

use self::keywords::Keywords;
use self::measures::{Judged, Measures};
use crate::shared::embeddings::{TextEmbedder, TextRole};

/// Texts given to the model at a time.
const BATCH: usize = 16;
/// Of each list that is fused.
const FUSED: usize = 100;
/// Reciprocal rank fusion, as Cormack et al. (2009) set it.
const RRF: f64 = 60.0;

/// Measure retrieval on sets in BEIR's layout.
#[derive(Debug, Args)]
pub struct RetrievalArgs {
    /// Directory of one set, or of several.
    dir: PathBuf,
    /// Questions of each set at most, taken evenly; 0 takes all.
    #[arg(long, default_value_t = 0)]
    queries: usize,
    /// Texts of each set at most, those the questions ask for always among them; 0 takes all.
    #[arg(long, default_value_t = 0)]
    texts: usize,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default)]
    title: String,
    text: String,
}

impl Text {
    fn whole(&self) -> String {
        // Some sets repeat the title at the beginning of the text.
        if self.title.is_empty() || self.text.starts_with(&self.title) {
            self.text.clone()
        } else {
            format!("{}. {}", self.title, self.text)
        }
    }
}

struct Set {
    name: String,
    texts: Vec<Text>,
    queries: Vec<Text>,
    /// How relevant which texts are, by question.
    relevant: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Measures every set and reports.
///
/// # Errors
/// When a set cannot be read or the model fails.
pub async fn retrieval(embedder: &dyn TextEmbedder, args: &RetrievalArgs) -> anyhow::Result<String> {
    let mut report = format!(
        "{}, {} numbers\n{:<12} {:>6} {:>8} {:<9} {:>8} {:>10} {:>7}\n",
        embedder.model().name,
        embedder.model().dimension,
        "set",
        "texts",
        "queries",
        "by",
        "nDCG@10",
        "recall@10",
        "MRR@10",
    );
    for dir in sets(&args.dir)? {
        let mut set = read(&dir)?;
        set.sample(args.queries, args.texts);
        measure(embedder, &set, &mut report).await?;
    }
    Ok(report)
}

async fn measure(embedder: &dyn TextEmbedder, set: &Set, report: &mut String) -> anyhow::Result<()> {
    let texts: Vec<String> = set.texts.iter().map(Text::whole).collect();
    let (passages, of_passages) = embed(embedder, &texts, TextRole::Passage).await?;
    let asked: Vec<String> = set.queries.iter().map(|query| query.text.clone()).collect();
    let (questions, of_questions) = embed(embedder, &asked, TextRole::Query).await?;
    let keywords = Keywords::index(&texts).await?;
    let mut by = [
        ("vectors", Measures::default()),
        ("keywords", Measures::default()),
        ("hybrid", Measures::default()),
    ];
    let mut searching = Duration::ZERO;
    for (query, vector) in set.queries.iter().zip(&questions) {
        let begun = Instant::now();
        let meaning = nearest(vector, &passages);
        searching += begun.elapsed();
        let words = keywords.search(&query.text, FUSED).await?;
        let fused = fuse(&[&meaning[..FUSED.min(meaning.len())], &words]);
        let relevant = set.relevant.get(&query.id).context("a question nobody judged")?;
        for ((_, measures), found) in by.iter_mut().zip([&meaning, &words, &fused]) {
            let found = found.iter().map(|place| set.texts[*place].id.as_str());
            measures.add(&Judged::of(found, relevant));
        }
    }
    for (name, measures) in &by {
        let [ndcg, recall, mrr] = measures.percent();
        writeln!(
            report,
            "{:<12} {:>6} {:>8} {name:<9} {ndcg:>8.1} {recall:>10.1} {mrr:>7.1}",
            set.name,
            set.texts.len(),
            set.queries.len(),
        )?;
    }
    let each = |all: Duration, count: usize| all.as_secs_f64() * 1e3 / count.max(1) as f64;
    let characters = texts.iter().map(|text| text.chars().count()).sum::<usize>() / texts.len().max(1);
    writeln!(
        report,
        "{:<12} {:.1} ms per text ({characters} characters), {:.1} ms per question, exact search {:.2} ms",
        "",
        each(of_passages, texts.len()),
        each(of_questions, asked.len()),
        each(searching, asked.len()),
    )?;
    Ok(())
}

async fn embed(
    embedder: &dyn TextEmbedder,
    texts: &[String],
    role: TextRole,
) -> anyhow::Result<(Vec<Vec<f32>>, Duration)> {
    let begun = Instant::now();
    let mut vectors = Vec::with_capacity(texts.len());
    for batch in texts.chunks(BATCH) {
        vectors.extend(embedder.embed(batch, role).await?);
    }
    Ok((vectors, begun.elapsed()))
}

/// All texts, the nearest first.
fn nearest(question: &[f32], passages: &[Vec<f32>]) -> Vec<usize> {
    let cosine = |passage: &Vec<f32>| passage.iter().zip(question).map(|(a, b)| a * b).sum::<f32>();
    let mut scored: Vec<(f32, usize)> = passages.iter().map(cosine).zip(0..).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().map(|(_, place)| place).collect()
}

/// Reciprocal rank fusion of lists, best first.
fn fuse(lists: &[&[usize]]) -> Vec<usize> {
    let mut scores: BTreeMap<usize, f64> = BTreeMap::new();
    for list in lists {
        for (rank, place) in list.iter().enumerate() {
            *scores.entry(*place).or_default() += 1.0 / (RRF + rank as f64 + 1.0);
        }
    }
    let mut scored: Vec<(usize, f64)> = scores.into_iter().collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    scored.into_iter().map(|(place, _)| place).collect()
}

/// The directory itself, or those in it.
fn sets(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let is_set = |dir: &Path| dir.join("corpus.jsonl").is_file();
    if is_set(dir) {
        return Ok(vec![dir.to_owned()]);
    }
    let inside = std::fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    let mut found: Vec<PathBuf> = inside.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|dir| is_set(dir));
    found.sort();
    anyhow::ensure!(
        !found.is_empty(),
        "{} holds no set: corpus.jsonl is missing",
        dir.display()
    );
    Ok(found)
}

fn read(dir: &Path) -> anyhow::Result<Set> {
    let open = |name: &str| {
        let path = dir.join(name);
        std::fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let texts = |name: &str| -> anyhow::Result<Vec<Text>> {
        let lines = open(name)?;
        lines
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| name.to_owned()))
            .collect()
    };
    let mut relevant: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for line in open("qrels/test.tsv")?.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(query), Some(text), Some(score)) = (columns.next(), columns.next(), columns.next()) else {
            anyhow::bail!("qrels/test.tsv: a line has no three columns");
        };
        let score: f64 = score.trim().parse().context("qrels/test.tsv")?;
        if score > 0.0 {
            relevant
                .entry(query.to_owned())
                .or_default()
                .insert(text.to_owned(), score);
        }
    }
    let mut queries = texts("queries.jsonl")?;
    queries.retain(|query| relevant.contains_key(&query.id));
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Set {
        name,
        texts: texts("corpus.jsonl")?,
        queries,
        relevant,
    })
}

impl Set {
    fn sample(&mut self, queries: usize, texts: usize) {
        if queries > 0 && self.queries.len() > queries {
            let step = self.queries.len().div_ceil(queries);
            let mut place = 0;
            self.queries.retain(|_| {
                place += 1;
                (place - 1) % step == 0
            });
        }
        if texts == 0 || self.texts.len() <= texts {
            return;
        }
        let wanted = |set: &Self, text: &Text| {
            let asked = set.queries.iter().filter_map(|query| set.relevant.get(&query.id));
            asked.into_iter().any(|relevant| relevant.contains_key(&text.id))
        };
        let keep: Vec<bool> = self.texts.iter().map(|text| wanted(self, text)).collect();
        let needed = keep.iter().filter(|keep| **keep).count();
        let others = keep.len() - needed;
        let step = others.div_ceil(texts.saturating_sub(needed).max(1)).max(1);
        let (mut place, mut other) = (0, 0);
        self.texts.retain(|_| {
            place += 1;
            if keep[place - 1] {
                return true;
            }
            other += 1;
            texts > needed && (other - 1) % step == 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_lists_have_comes_first() {
        assert_eq!(fuse(&[&[1, 2, 3], &[3, 4, 1]]), [1, 3, 2, 4]);
        assert_eq!(fuse(&[&[], &[7]]), [7]);
    }

    #[test]
    fn a_sample_keeps_what_is_asked_for() {
        let text = |id: usize| Text {
            id: id.to_string(),
            title: String::new(),
            text: String::new(),
        };
        let mut set = Set {
            name: String::new(),
            texts: (0..100).map(text).collect(),
            queries: (0..10).map(text).collect(),
            relevant: (0..10)
                .map(|q: usize| (q.to_string(), BTreeMap::from([((q * 7 + 50).to_string(), 1.0)])))
                .collect(),
        };
        set.sample(5, 20);
        assert_eq!(set.queries.len(), 5);
        assert!(set.texts.len() <= 21 && set.texts.len() >= 15, "{}", set.texts.len());
        for query in &set.queries {
            let wanted = set.relevant[&query.id].keys().next().expect("one");
            assert!(set.texts.iter().any(|text| text.id == *wanted) || wanted.parse::<usize>().expect("id") > 99);
        }
    }
}

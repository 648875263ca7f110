//! The embedding models themselves. What needs their files is skipped where they are not installed.

use emma::knowledge::infrastructure::e5;
use emma::knowledge::infrastructure::e5::file::{E5File, E5FileError};
use emma::knowledge::infrastructure::e5::graph;
use emma::knowledge::infrastructure::e5::tokenizer::Tokenizer;
use emma::knowledge::infrastructure::minilm;
use emma::screening::analysis::application::score_by_rules::score_by_rules;
use emma::screening::applications::domain::demo::demo_posting;
use emma::screening::applications::domain::job_offer::JobOffer;
use emma::screening::applications::domain::plan::deterministic_plan;
use emma::screening::calls::domain::audio::CallTime;
use emma::screening::calls::domain::segment::{SegmentKind, Speaker, TranscriptSegment};
use emma::screening::shared::ids::SegmentId;
use emma::shared::embeddings::{TextEmbedder, TextRole};
use emma::shared::models::{ModelDir, ModelFile};
use emma::shared::onnx::OnnxRuntime;
use serde::Deserialize;

/// What the published package makes of a text.
#[derive(Deserialize)]
struct Golden {
    role: String,
    text: String,
    ids: Vec<u32>,
    vector: Vec<f32>,
}

fn golden() -> Vec<Golden> {
    let lines = include_str!("data/embeddings/e5_small.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).expect("a line")).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

// spec: KNOW-4
#[test]
fn ids_are_those_of_the_published_package() {
    let Ok(path) = ModelDir::default_location().require(ModelFile::E5Small) else {
        return;
    };
    let bytes = std::fs::read(path).expect("readable");
    let file = E5File::read(&bytes).expect("whole");
    let tokenizer = Tokenizer::new(&file.pieces);
    for Golden { role, text, ids, .. } in golden() {
        assert_eq!(tokenizer.ids(&format!("{role}: {text}")), ids, "{text}");
    }
}

// spec: KNOW-4
#[tokio::test]
async fn vectors_are_near_those_of_the_published_package() {
    let models = ModelDir::default_location();
    let Ok(runtime) = OnnxRuntime::load(&models) else {
        return;
    };
    let Ok(model) = e5::start(&runtime, &models) else {
        return;
    };
    for Golden { role, text, vector, .. } in golden() {
        let role = if role == "query" {
            TextRole::Query
        } else {
            TextRole::Passage
        };
        let made = model
            .embed(std::slice::from_ref(&text), role)
            .await
            .expect("a vector")
            .remove(0);
        assert!((cosine(&made, &made) - 1.0).abs() < 1e-4);
        // The package rounds to 4 and 8 bits, we to 7 and 8; unrelated texts are at 0.75.
        let near = cosine(&made, &vector);
        assert!(near > 0.985, "{text}: {near}");
    }
    // Greek and English of one meaning are nearer than two of other meanings.
    let texts = [
        "Πόσος είναι ο μισθός;",
        "Υπάρχει χώρος στάθμευσης;",
        "The pay is 4,000 euros a month.",
    ];
    let vectors = model
        .embed(&texts.map(str::to_owned), TextRole::Query)
        .await
        .expect("vectors");
    assert!(cosine(&vectors[0], &vectors[2]) > cosine(&vectors[1], &vectors[2]) + 0.02);
    // Longer than the model can look at together, and longer than is read at all.
    let long = "Η ομάδα των μηχανικών συντηρεί τη βάση δεδομένων. ".repeat(400);
    let vectors = model.embed(&[long], TextRole::Passage).await.expect("a vector");
    assert!((cosine(&vectors[0], &vectors[0]) - 1.0).abs() < 1e-4);
}

const CHATTER: [&str; 3] = [
    "Yesterday we went to the beach with the children and the weather was lovely.",
    "My cat likes to sleep on the roof of the neighbours.",
    "I had pasta for lunch before this call.",
];

/// What the criterion of this name is spoken to by.
const SAID: [(&str, &str); 3] = [
    (
        "Python",
        "I built the payments service of a bike rental company in Python, together with two other engineers.",
    ),
    (
        "PostgreSQL",
        "I looked at the slow queries, added two indexes in PostgreSQL, and the worst one went from four seconds to thirty milliseconds.",
    ),
    (
        "API",
        "I kept the old version of our REST interface running for half a year and told the other teams early.",
    ),
];

fn said(text: &str) -> TranscriptSegment {
    TranscriptSegment {
        id: SegmentId::generate(),
        speaker: Speaker::Candidate,
        text: text.to_owned(),
        start_ms: CallTime::ZERO,
        end_ms: CallTime::from_ms(5_000),
        words: vec![],
        question_id: None,
        kind: SegmentKind::Answer,
        interrupted: false,
        typed: false,
        source_refs: vec![],
        set_aside: Vec::new(),
        latency: None,
    }
}

// spec: ANA-8, KNOW-5
#[tokio::test]
async fn evidence_is_told_from_chatter_with_either_model() {
    let models = ModelDir::default_location();
    let Ok(runtime) = OnnxRuntime::load(&models) else {
        return;
    };
    let found = [e5::start(&runtime, &models).ok(), minilm::start(&runtime, &models).ok()];
    let plan = deterministic_plan(&JobOffer::new(demo_posting()), 1).expect("a plan");
    let lines = SAID.iter().map(|(_, line)| *line).chain(CHATTER);
    let transcript: Vec<TranscriptSegment> = lines.map(said).collect();
    for model in found.into_iter().flatten() {
        let name = model.model().name;
        let assessment = score_by_rules(&model, &plan, &transcript).await.expect("scored");
        let quotes: Vec<(String, String)> = assessment
            .criteria
            .iter()
            .flat_map(|c| c.evidence.iter().map(|e| (c.name.clone(), e.quote.clone())))
            .collect();
        let heard = SAID.iter().filter(|(about, line)| {
            quotes
                .iter()
                .any(|(criterion, quote)| criterion.contains(about) && quote == line)
        });
        assert_eq!(heard.count(), SAID.len(), "{name}: {quotes:#?}");
        let chatter: Vec<_> = quotes
            .iter()
            .filter(|(_, quote)| CHATTER.contains(&quote.as_str()))
            .collect();
        assert!(chatter.is_empty(), "{name}: {chatter:#?}");
    }
}

const HIDDEN: usize = 32;
const INNER: usize = 64;

/// A model of the published layout, as small as can be; the tensors come last.
fn tiny() -> Vec<u8> {
    let pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", "a", "b"];
    let mut out = b"E5S1".to_vec();
    let number = |out: &mut Vec<u8>, n: usize| out.extend((n as u32).to_le_bytes());
    for n in [1, HIDDEN, 1, 2, INNER, pieces.len(), 8, 2] {
        number(&mut out, n);
    }
    out.extend(1e-12_f32.to_le_bytes());
    for n in [32, pieces.len(), 0, 2, 1, 3] {
        number(&mut out, n);
    }
    let text = pieces.concat();
    out.extend((text.len() as u64).to_le_bytes());
    let mut start = 0;
    for piece in pieces {
        number(&mut out, start);
        start += piece.len();
    }
    number(&mut out, start);
    for _ in pieces {
        out.extend((-1.0_f32).to_le_bytes());
    }
    out.extend(text.as_bytes());
    // One rule: a tab is a space.
    for n in [1, 9, 9] {
        number(&mut out, n);
    }
    out.push(1);
    number(&mut out, 32);
    let blocks = |rows: usize, columns: usize| vec![0x3c_u8; rows * columns / 32 * 18];
    let floats = |length: usize| 0.5_f32.to_le_bytes().repeat(length);
    let mut tensors = vec![
        ("emb.word".to_owned(), blocks(pieces.len(), HIDDEN)),
        ("emb.pos".to_owned(), floats(8 * HIDDEN)),
        ("emb.type".to_owned(), floats(2 * HIDDEN)),
    ];
    for name in [
        "emb.ln.w", "emb.ln.b", "l0.q.b", "l0.k.b", "l0.v.b", "l0.ao.b", "l0.fo.b",
    ] {
        tensors.push((name.to_owned(), floats(HIDDEN)));
    }
    for name in ["l0.aln.w", "l0.aln.b", "l0.oln.w", "l0.oln.b"] {
        tensors.push((name.to_owned(), floats(HIDDEN)));
    }
    for name in ["l0.q.w", "l0.k.w", "l0.v.w", "l0.ao.w"] {
        tensors.push((name.to_owned(), blocks(HIDDEN, HIDDEN)));
    }
    tensors.push(("l0.fi.w".to_owned(), blocks(INNER, HIDDEN)));
    tensors.push(("l0.fi.b".to_owned(), floats(INNER)));
    tensors.push(("l0.fo.w".to_owned(), blocks(HIDDEN, INNER)));
    number(&mut out, tensors.len());
    let directory: usize = tensors.iter().map(|(name, _)| 2 + name.len() + 21).sum();
    let mut place = out.len() + directory;
    for (name, bytes) in &tensors {
        out.extend((name.len() as u16).to_le_bytes());
        out.extend(name.as_bytes());
        out.push(0);
        number(&mut out, bytes.len());
        out.extend((place as u64).to_le_bytes());
        out.extend((bytes.len() as u64).to_le_bytes());
        place += bytes.len();
    }
    for (_, bytes) in tensors {
        out.extend(bytes);
    }
    out
}

/// Reads everything a start reads.
fn whole(bytes: &[u8]) -> Result<(), E5FileError> {
    let file = E5File::read(bytes)?;
    Tokenizer::new(&file.pieces).ids("query: ab \t😀");
    graph::encoder(&file)?;
    file.matrix("emb.word", file.sizes.tokens, file.sizes.hidden)?;
    file.floats("emb.pos", file.sizes.positions * file.sizes.hidden)
        .map(drop)
}

// spec: KNOW-4
#[test]
fn a_broken_file_is_an_error_and_no_panic() {
    let good = tiny();
    assert_eq!(whole(&good), Ok(()));
    for length in 0..good.len() {
        assert!(whole(&good[..length]).is_err(), "cut at {length}");
    }
    assert_eq!(whole(b"GGUF and more"), Err(E5FileError::NotE5));
    // Every byte in front of the weights, broken in three ways: an error or another model, never a panic.
    for at in 0..good.len().min(1_400) {
        for broken in [0x00, 0x7F, 0xFF] {
            let mut bytes = good.clone();
            bytes[at] = broken;
            let _ = whole(&bytes);
        }
    }
}

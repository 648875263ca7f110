//! `emma bench analysis`: how long a finished call of 15 minutes waits for its assessment.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::bench::audio::percentile;
use crate::screening::analysis::application::score_by_model::ModelScorer;
use crate::screening::analysis::application::score_by_rules::score_by_rules;
use crate::screening::applications::domain::demo::demo_posting;
use crate::screening::applications::domain::job_offer::JobOffer;
use crate::screening::applications::domain::plan::deterministic_plan;
use crate::screening::calls::domain::audio::CallTime;
use crate::screening::calls::domain::segment::{SegmentKind, Speaker, TranscriptSegment};
use crate::screening::shared::ids::{CallId, SegmentId};
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::embeddings::TextEmbedder;
use crate::shared::llm::{ChatEvent, ChatMessage, ChatModel, ChatRequest, FinishReason, LlmError, Purpose, Usage};
use crate::shared::prompts::Prompts;

/// How to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct AnalysisArgs {
    /// Assessments by rules; the median is shown.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Milliseconds until the simulated language model says its first word.
    #[arg(long, default_value_t = 300)]
    pub first_token_ms: u64,
    /// Tokens per second it says from then on.
    #[arg(long, default_value_t = 40)]
    pub tokens_per_second: u32,
    /// Ratings of the same evidence.
    #[arg(long, default_value_t = 3)]
    pub runs: u32,
}

/// Length of the call that is made up.
const MINUTES: u64 = 15;
/// A person tells about this many words a minute; the other third of the call is Emma's.
const WORDS_PER_MINUTE: u64 = 130;
/// Usual for English.
const CHARS_PER_TOKEN: usize = 4;

/// Answers that people give, one sentence each.
const SENTENCES: [&str; 10] = [
    "I built the payments service of a bike rental company in Python, together with two other engineers.",
    "We had about three hundred requests a second in summer, and the database was the first thing that broke.",
    "I looked at the slow queries, added two indexes in PostgreSQL, and the worst one went from four seconds to thirty milliseconds.",
    "After that I wrote a document that said how we name endpoints and how we change them without breaking anybody.",
    "Other teams used our REST interface, so I kept the old version running for half a year and told them early.",
    "When the junior engineers asked for a review, I sat down with them instead of writing comments.",
    "I was on call every fifth week, and I changed the alerts so that only real problems woke somebody up.",
    "Honestly, I have not used Kubernetes much, I only deployed to a cluster that somebody else ran.",
    "In the end the errors went down by about half, and the support team noticed it before we told them.",
    "What I would do differently is to measure first, because I guessed wrong twice and lost a week.",
];

/// Measures and reports.
///
/// # Errors
/// When the embedding model or a prompt fails.
pub async fn analysis(embedder: &dyn TextEmbedder, args: &AnalysisArgs) -> anyhow::Result<String> {
    let plan = deterministic_plan(&JobOffer::new(demo_posting()), 1)?;
    let transcript = call(&plan);
    let words: usize = transcript.iter().map(|s| s.text.split_whitespace().count()).sum();
    let mut report = format!(
        "call: {MINUTES} min, {} segments, {words} words, {} criteria\n",
        transcript.len(),
        plan.criteria.len()
    );
    let mut spent = Vec::new();
    for _ in 0..args.rounds.max(1) {
        let begin = Instant::now();
        score_by_rules(embedder, &plan, &transcript).await?;
        spent.push(begin.elapsed().as_secs_f64());
    }
    let (median, slowest) = (percentile(&spent, 0.5), percentile(&spent, 1.0));
    writeln!(
        report,
        "by rules:            {median:>6.2} s (slowest of {}: {slowest:.2} s)",
        spent.len()
    )?;
    let model = Arc::new(Simulated {
        first: Duration::from_millis(args.first_token_ms),
        per_token: Duration::from_secs(1) / args.tokens_per_second.max(1),
    });
    let scorer = ModelScorer {
        model,
        prompts: Arc::new(Prompts::load(None)?),
        runs: args.runs,
    };
    let begin = Instant::now();
    let found = scorer.score(&CallId::generate(), &plan, &transcript).await?;
    let quotes: usize = found.criteria.iter().map(|c| c.evidence.len()).sum();
    writeln!(
        report,
        "by a language model: {:>6.2} s ({} ms to the first token, {} tokens/s, {} runs; {quotes} quotations held, {} did not)",
        begin.elapsed().as_secs_f64(),
        args.first_token_ms,
        args.tokens_per_second,
        args.runs,
        found.dropped
    )?;
    Ok(report)
}

/// A call in which every question is answered at length.
fn call(plan: &InterviewPlan) -> Vec<TranscriptSegment> {
    let each_ms = MINUTES * 60_000 / plan.questions.len().max(1) as u64;
    let words = each_ms * 2 / 3 * WORDS_PER_MINUTE / 60_000;
    let mut sentences = SENTENCES.iter().cycle();
    let mut segments = Vec::new();
    for (question, start) in plan.questions.iter().zip((0..).step_by(each_ms as usize)) {
        let segment = |speaker, text: String, kind, from: u64, to: u64| TranscriptSegment {
            id: SegmentId::generate(),
            speaker,
            text,
            start_ms: CallTime::from_ms(from),
            end_ms: CallTime::from_ms(to),
            words: Vec::new(),
            question_id: Some(question.id.clone()),
            kind,
            interrupted: false,
            typed: false,
            source_refs: Vec::new(),
            set_aside: Vec::new(),
            latency: None,
        };
        let asked = start + each_ms / 3;
        segments.push(segment(
            Speaker::Emma,
            question.text.clone(),
            SegmentKind::Question,
            start,
            asked,
        ));
        let (mut text, mut said) = (String::new(), 0);
        while said < words {
            let Some(sentence) = sentences.next() else { break };
            said += sentence.split_whitespace().count() as u64;
            text.push_str(sentence);
            text.push(' ');
        }
        let text = text.trim_end().to_owned();
        segments.push(segment(
            Speaker::Candidate,
            text,
            SegmentKind::Answer,
            asked,
            start + each_ms,
        ));
    }
    segments
}

/// A language model of a given speed. It quotes what stands in its data, as many words as a real one would.
struct Simulated {
    first: Duration,
    per_token: Duration,
}

#[async_trait]
impl ChatModel for Simulated {
    async fn stream(&self, request: ChatRequest) -> Result<mpsc::Receiver<Result<ChatEvent, LlmError>>, LlmError> {
        let answer = answer(&request).to_string();
        let (first, per_token) = (self.first, self.per_token);
        // Bounded as the port says: the model waits for a slow reader.
        let (sender, receiver) = mpsc::channel(64);
        tokio::spawn(async move {
            sleep(first).await;
            let mut due = Instant::now();
            let chars: Vec<char> = answer.chars().collect();
            for token in chars.chunks(CHARS_PER_TOKEN) {
                due += per_token;
                tokio::time::sleep_until(due).await;
                if sender.send(Ok(ChatEvent::Text(token.iter().collect()))).await.is_err() {
                    return;
                }
            }
            let reason = FinishReason::Stop;
            let usage = Usage::default();
            // Nobody reads on who has what was asked for.
            let _ = sender.send(Ok(ChatEvent::Finished { reason, usage })).await;
        });
        Ok(receiver)
    }

    fn model(&self) -> &'static str {
        "simulated"
    }
}

fn answer(request: &ChatRequest) -> Value {
    let ids = request
        .schema
        .as_ref()
        .map(|s| &s.schema)
        .map(ids_of)
        .unwrap_or_default();
    if request.purpose == Purpose::Scoring {
        let rating = |id: &String| json!({ "id": id, "level": "4" });
        return json!({ "criteria": ids.iter().map(rating).collect::<Vec<_>>() });
    }
    let data = match request.messages.last() {
        Some(ChatMessage::User(data)) => data.as_str(),
        _ => "",
    };
    let quote = |id: &String, i: usize| {
        let statement = i + 1;
        let line = data
            .lines()
            .find(|line| line.contains(&format!("[{statement}] ")))
            .unwrap_or_default();
        let sentence = line.split(". ").nth(i + 1).unwrap_or_default();
        json!({ "criterion": id, "statement": statement, "quote": sentence, "polarity": "+" })
    };
    let all = ids.iter().flat_map(|id| (0..4).map(move |i| quote(id, i)));
    json!({ "evidence": all.collect::<Vec<_>>() })
}

/// The criteria a request is about.
fn ids_of(schema: &Value) -> Vec<String> {
    let lists = [
        "/properties/evidence/items/properties/criterion/enum",
        "/properties/criteria/items/properties/id/enum",
    ];
    let ids = lists.iter().find_map(|at| schema.pointer(at)?.as_array());
    ids.map(|ids| ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect())
        .unwrap_or_default()
}

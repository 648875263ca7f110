//! The assessment by a language model: it finds quotations, which are looked up word by word, and then rates what was
//! found, several times. Whatever it says beyond that is thrown away.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tracing::info;

use crate::screening::analysis::domain::assessment::{Evidence, FitAssessment, Polarity, is_scored};
use crate::screening::analysis::domain::claims::{Claim, Verified, answers, shown, verify};
use crate::screening::analysis::domain::model_scorer::{Run, SCORER_VERSION, Verdict, assess};
use crate::screening::analysis::domain::scorer::MAX_EVIDENCE;
use crate::screening::calls::domain::segment::TranscriptSegment;
use crate::screening::calls::domain::transcript::transcript_sha256;
use crate::screening::shared::ids::CallId;
use crate::screening::shared::plan::{Criterion, InterviewPlan};
use crate::shared::llm::{AnswerSchema, ChatMessage, ChatModel, ChatRequest, LlmError, Purpose, complete, json_of};
use crate::shared::prompts::{Prompt, PromptError, Prompts, fenced};

/// For the whole assessment. What takes longer is scored by rules, which takes no time: together within half a minute.
const BUDGET: Duration = Duration::from_secs(25);
/// Requests at the same time.
const PARALLEL: usize = 4;
/// Criteria looked for in one request: short answers that come side by side are sooner there than one long one.
const CRITERIA_PER_REQUEST: usize = 2;
/// Room for every quotation that may be asked for, at its longest.
const EVIDENCE_TOKENS: u32 = 1_600;
const SCORING_TOKENS: u32 = 1_500;
/// From here on: what is asked once more is not answered the same way.
const SECOND_SEEDS: i64 = 100;
/// Of the answers that are shown, characters; a call of 15 minutes has about 15,000.
const MAX_SHOWN: usize = 80_000;

/// Scores transcripts with a language model.
pub struct ModelScorer {
    pub model: Arc<dyn ChatModel>,
    pub prompts: Arc<Prompts>,
    /// Ratings of the same evidence; their agreement is the confidence.
    pub runs: u32,
}

/// Why a transcript could not be scored by the model.
#[derive(Debug, thiserror::Error)]
pub enum ModelScorerError {
    #[error("the language model took too long for the whole assessment")]
    OutOfTime,
    #[error("language model: {}", .0.kind())]
    Model(#[from] LlmError),
    #[error("the language model found nothing in what was said; {0} quotations it claimed are not there")]
    NothingHolds(u32),
    #[error(transparent)]
    Prompt(#[from] PromptError),
}

impl ModelScorer {
    /// Scores a transcript.
    ///
    /// # Errors
    /// When the model fails or is too slow; nothing it said is used then.
    pub async fn score(
        &self,
        call: &CallId,
        plan: &InterviewPlan,
        transcript: &[TranscriptSegment],
    ) -> Result<FitAssessment, ModelScorerError> {
        tokio::time::timeout(BUDGET, self.score_in_time(call, plan, transcript))
            .await
            .unwrap_or(Err(ModelScorerError::OutOfTime))
    }

    async fn score_in_time(
        &self,
        call: &CallId,
        plan: &InterviewPlan,
        transcript: &[TranscriptSegment],
    ) -> Result<FitAssessment, ModelScorerError> {
        let finding = self
            .prompts
            .render("evidence", &json!({ "max_quotes": MAX_EVIDENCE }))?;
        let scoring = self.prompts.render("scoring", &json!({}))?;
        let verified = self.find(call, plan, &finding, transcript).await?;
        let runs = self.rate(call, plan, &scoring, &verified).await?;
        info!(
            call.id = %call,
            quotes = verified.of.values().map(Vec::len).sum::<usize>(),
            dropped = verified.dropped,
            runs = runs.len(),
            "transcript scored by the language model"
        );
        let version = format!(
            "{SCORER_VERSION} {} {} {}",
            self.model.model(),
            finding.version,
            scoring.version
        );
        Ok(assess(plan, &verified, &runs, version, &transcript_sha256(transcript)))
    }

    /// Evidence first: what was said about each criterion.
    async fn find(
        &self,
        call: &CallId,
        plan: &InterviewPlan,
        prompt: &Prompt,
        transcript: &[TranscriptSegment],
    ) -> Result<Verified, ModelScorerError> {
        let answers = answers(transcript);
        if answers.is_empty() {
            return Ok(Verified::default());
        }
        let lines = answers
            .iter()
            .zip(1_usize..)
            .map(|(a, n)| format!("[{n}] {}", one_line(&shown(a))));
        let statements = fenced(&lines.collect::<Vec<_>>().join("\n"), "statements", MAX_SHOWN);
        let requests: Vec<ChatRequest> = plan
            .criteria
            .chunks(CRITERIA_PER_REQUEST)
            .map(|group| {
                let line = |c: &Criterion| {
                    format!(
                        "{}: {} (at its best: {})",
                        c.id,
                        one_line(&c.name),
                        one_line(&c.anchors.five)
                    )
                };
                let wanted: Vec<String> = group.iter().map(line).collect();
                let data = format!("{}\n{statements}", fenced(&wanted.join("\n"), "criteria", MAX_SHOWN));
                let ids: Vec<&str> = group.iter().map(|c| c.id.as_str()).collect();
                ChatRequest {
                    schema: Some(evidence_schema(&ids)),
                    max_tokens: EVIDENCE_TOKENS,
                    ..request(Purpose::Evidence, call, prompt, data)
                }
            })
            .collect();
        let found: Vec<Value> = self
            .ask_all(requests, |text| listed(text, "evidence"))
            .await?
            .into_iter()
            .flatten()
            .collect();
        let claims: Vec<Claim> = found.iter().filter_map(claim).collect();
        let mut verified = verify(&claims, plan, &answers);
        verified.dropped += (found.len() - claims.len()) as u32;
        // A model too weak to quote would leave a candidate without an assessment: the rules look, too.
        if verified.of.is_empty() {
            return Err(ModelScorerError::NothingHolds(verified.dropped));
        }
        Ok(verified)
    }

    /// Rating second, from what was found alone.
    async fn rate(
        &self,
        call: &CallId,
        plan: &InterviewPlan,
        prompt: &Prompt,
        verified: &Verified,
    ) -> Result<Vec<Run>, ModelScorerError> {
        let rated: Vec<(&Criterion, &Vec<Evidence>)> = plan
            .criteria
            .iter()
            .filter(|c| is_scored(c.kind))
            .filter_map(|c| verified.of.get(&c.id).map(|evidence| (c, evidence)))
            .collect();
        if rated.is_empty() {
            return Ok(Vec::new());
        }
        let data: Vec<String> = rated.iter().map(|(c, evidence)| described(c, evidence)).collect();
        let data = fenced(&data.join("\n\n"), "criteria and quotations", MAX_SHOWN);
        let ids: Vec<&str> = rated.iter().map(|(c, _)| c.id.as_str()).collect();
        let requests = (1..=i64::from(self.runs.max(1)))
            .map(|seed| ChatRequest {
                schema: Some(scoring_schema(&ids)),
                max_tokens: SCORING_TOKENS,
                seed: Some(seed),
                // Alike but not the same: what survives a different wording is more than chance.
                temperature: if self.runs > 1 { 0.3 } else { 0.0 },
                ..request(Purpose::Scoring, call, prompt, data.clone())
            })
            .collect();
        Ok(self.ask_all(requests, |text| run(text, &ids)).await?)
    }

    /// What was read from the answers, in the order of the requests, some at a time. The first failure ends all.
    async fn ask_all<T>(
        &self,
        requests: Vec<ChatRequest>,
        read: impl Fn(&str) -> Result<T, LlmError>,
    ) -> Result<Vec<T>, LlmError> {
        stream::iter(requests)
            .map(|request| self.ask(request, &read))
            .buffered(PARALLEL)
            .try_collect()
            .await
    }

    /// An answer of the wrong shape, or one that was cut off, is asked for once more, with room for twice as much.
    async fn ask<T>(&self, request: ChatRequest, read: impl Fn(&str) -> Result<T, LlmError>) -> Result<T, LlmError> {
        let again = ChatRequest {
            max_tokens: request.max_tokens * 2,
            seed: request.seed.map(|seed| seed + SECOND_SEEDS),
            ..request.clone()
        };
        let answer = complete(&*self.model, request).await?;
        match read(&answer.text) {
            Err(LlmError::Malformed(_)) => read(&complete(&*self.model, again).await?.text),
            read => read,
        }
    }
}

fn request(purpose: Purpose, call: &CallId, prompt: &Prompt, data: String) -> ChatRequest {
    ChatRequest {
        purpose,
        subject: Some(call.to_string()),
        prompt: prompt.version.clone(),
        messages: vec![ChatMessage::System(prompt.text.clone()), ChatMessage::User(data)],
        tools: Vec::new(),
        schema: None,
        max_tokens: EVIDENCE_TOKENS,
        temperature: 0.0,
        seed: Some(1),
        timeout: BUDGET,
    }
}

fn described(c: &Criterion, evidence: &[Evidence]) -> String {
    let mut text = format!(
        "criterion {}: {}\nlevel 1: {}\nlevel 3: {}\nlevel 5: {}",
        c.id,
        one_line(&c.name),
        one_line(&c.anchors.one),
        one_line(&c.anchors.three),
        one_line(&c.anchors.five)
    );
    for e in evidence {
        let sign = match e.polarity {
            Polarity::For => '+',
            Polarity::Against => '-',
        };
        text.push_str(&format!("\n{sign} \"{}\"", one_line(&e.quote)));
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn claim(item: &Value) -> Option<Claim> {
    Some(Claim {
        criterion: item["criterion"].as_str()?.to_owned(),
        statement: usize::try_from(item["statement"].as_u64()?).ok()?,
        quote: item["quote"].as_str()?.to_owned(),
        polarity: match item["polarity"].as_str()? {
            "+" => Polarity::For,
            "-" => Polarity::Against,
            _ => return None,
        },
    })
}

/// The list of this name that an answer consists of.
fn listed(answer: &str, name: &str) -> Result<Vec<Value>, LlmError> {
    match json_of::<Value>(answer)?.get_mut(name).map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        _ => Err(LlmError::Malformed(format!("there is no list \"{name}\" in it"))),
    }
}

/// One run over these criteria. A level that is none is as good as no rating.
fn run(answer: &str, ids: &[&str]) -> Result<Run, LlmError> {
    let rating = |item: &Value| {
        let level = &item["level"];
        let verdict = match level.as_str() {
            Some("not_assessed") => Verdict::NotAssessed,
            Some("conflicting") => Verdict::Conflicting,
            text => {
                let number = text.and_then(|t| t.parse::<u64>().ok()).or_else(|| level.as_u64());
                Verdict::Level(
                    number
                        .and_then(|n| u8::try_from(n).ok())
                        .filter(|n| (1..=5).contains(n))?,
                )
            }
        };
        Some((item["id"].as_str()?.to_owned(), verdict))
    };
    let run: Run = listed(answer, "criteria")?.iter().filter_map(rating).collect();
    if ids.iter().any(|id| run.contains_key(*id)) {
        return Ok(run);
    }
    Err(LlmError::Malformed("it rates nothing that was asked for".to_owned()))
}

fn evidence_schema(ids: &[&str]) -> AnswerSchema {
    list_schema(
        "evidence",
        &json!({
            "criterion": { "type": "string", "enum": ids },
            "statement": { "type": "integer" },
            "quote": { "type": "string" },
            "polarity": { "type": "string", "enum": ["+", "-"] },
        }),
    )
}

fn scoring_schema(ids: &[&str]) -> AnswerSchema {
    list_schema(
        "criteria",
        &json!({
            "id": { "type": "string", "enum": ids },
            "level": { "type": "string", "enum": ["1", "2", "3", "4", "5", "not_assessed", "conflicting"] },
        }),
    )
}

/// An object with one list of such items.
fn list_schema(name: &str, properties: &Value) -> AnswerSchema {
    let required: Vec<String> = properties
        .as_object()
        .map(|all| all.keys().cloned().collect())
        .unwrap_or_default();
    let item =
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let list = json!({ name: { "type": "array", "items": item } });
    AnswerSchema {
        name: name.to_owned(),
        schema: json!({ "type": "object", "properties": list, "required": [name], "additionalProperties": false }),
    }
}

#[cfg(test)]
mod tests;

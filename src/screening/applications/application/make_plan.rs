//! How interview plans are made: from the job offer alone, or by a language model whose draft is checked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tracing::{info, warn};

use crate::screening::applications::domain::job_offer::{JobOffer, Statement};
use crate::screening::applications::domain::plan::{MAX_TEXT, PlanDraft, deterministic_plan, plan_of_draft};
use crate::screening::applications::domain::ports::PlanMaker;
use crate::screening::shared::plan::{InterviewPlan, MadeBy};
use crate::shared::llm::{AnswerSchema, ChatMessage, ChatModel, ChatRequest, LlmError, Purpose, complete, json_of};
use crate::shared::prompts::{PromptError, Prompts, fenced};

const PROMPT: &str = "plan";
/// For one answer; a plan is made in the background.
const TIMEOUT: Duration = Duration::from_secs(90);
const MAX_TOKENS: u32 = 6_000;
/// Of the job offer that is shown, characters; longer ones are cut.
const MAX_OFFER: usize = 24_000;

/// Plans from the fields of the job offer, without any language model.
pub struct DeterministicPlans;

/// Plans drafted by a language model, checked, mended once, and where that fails deterministic.
pub struct ModelPlans {
    pub model: Arc<dyn ChatModel>,
    pub prompts: Arc<Prompts>,
}

#[async_trait]
impl PlanMaker for DeterministicPlans {
    async fn make(&self, offer: &JobOffer, version: u32) -> Result<InterviewPlan, String> {
        deterministic_plan(offer, version).map_err(|e| e.to_string())
    }
}

#[async_trait]
impl PlanMaker for ModelPlans {
    async fn make(&self, offer: &JobOffer, version: u32) -> Result<InterviewPlan, String> {
        // What no plan can be made from, no model is asked about.
        let fallback = deterministic_plan(offer, version).map_err(|e| e.to_string())?;
        match self.draft(offer, version).await {
            Ok(plan) => {
                info!(job_offer.id = %offer.id, questions = plan.questions.len(), "plan drafted by the language model");
                Ok(plan)
            }
            Err(error) => {
                warn!(job_offer.id = %offer.id, %error, "no plan from the language model, the deterministic one is used");
                Ok(fallback)
            }
        }
    }
}

/// Why a draft cannot be used.
#[derive(Debug, thiserror::Error)]
enum DraftError {
    #[error(transparent)]
    Prompt(#[from] PromptError),
    #[error(transparent)]
    Model(#[from] LlmError),
    #[error("the draft breaks {0} rules even after it was mended")]
    Unsound(usize),
}

impl ModelPlans {
    async fn draft(&self, offer: &JobOffer, version: u32) -> Result<InterviewPlan, DraftError> {
        let limits = json!({ "min_questions": 4, "max_questions": 8, "max_text": MAX_TEXT });
        let prompt = self.prompts.render(PROMPT, &limits)?;
        let made_by = MadeBy::LanguageModel {
            model: self.model.model().to_owned(),
            prompt: prompt.version.clone(),
        };
        let mut messages = vec![ChatMessage::System(prompt.text), ChatMessage::User(facts(offer))];
        let first = self.ask(offer, &prompt.version, messages.clone()).await?;
        let faults = match read(&first, offer, version, made_by.clone()) {
            Ok(plan) => return Ok(plan),
            Err(faults) => faults,
        };
        info!(job_offer.id = %offer.id, faults = faults.len(), "the drafted plan is given back to be mended");
        messages.push(ChatMessage::Assistant {
            text: first,
            calls: Vec::new(),
        });
        let list = faults.iter().take(20).map(|fault| format!("- {fault}"));
        messages.push(ChatMessage::User(format!(
            "The plan breaks these rules:\n{}\nReturn the whole plan again with them mended.",
            list.collect::<Vec<_>>().join("\n")
        )));
        let second = self.ask(offer, &prompt.version, messages).await?;
        read(&second, offer, version, made_by).map_err(|faults| DraftError::Unsound(faults.len()))
    }

    async fn ask(&self, offer: &JobOffer, prompt: &str, messages: Vec<ChatMessage>) -> Result<String, LlmError> {
        let request = ChatRequest {
            purpose: Purpose::Plan,
            subject: Some(offer.id.to_string()),
            prompt: prompt.to_owned(),
            messages,
            tools: Vec::new(),
            schema: Some(schema()),
            max_tokens: MAX_TOKENS,
            temperature: 0.3,
            seed: Some(1),
            timeout: TIMEOUT,
        };
        Ok(complete(&*self.model, request).await?.text)
    }
}

fn read(answer: &str, offer: &JobOffer, version: u32, made_by: MadeBy) -> Result<InterviewPlan, Vec<String>> {
    let draft: PlanDraft = json_of(answer).map_err(|e| vec![e.to_string()])?;
    plan_of_draft(draft, offer, version, made_by).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// What the job offer states, a line each, as data.
fn facts(offer: &JobOffer) -> String {
    let line = |s: &Statement| {
        format!(
            "{}: {}",
            s.field,
            s.text.split_whitespace().collect::<Vec<_>>().join(" ")
        )
    };
    let lines: Vec<String> = offer.posting.statements().iter().map(line).collect();
    fenced(&lines.join("\n"), "job offer", MAX_OFFER)
}

fn schema() -> AnswerSchema {
    let object = |properties: Value| {
        let required: Vec<String> = properties
            .as_object()
            .map(|all| all.keys().cloned().collect())
            .unwrap_or_default();
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    };
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let question = object(json!({
        "id": text, "topic": text, "text": text, "rephrased": text, "criterion_ids": texts, "probes": texts,
        "type": { "type": "string", "enum": ["behavioral", "situational", "knowledge", "logistics"] },
    }));
    let criterion = object(json!({
        "id": text, "name": text, "job_field": text, "weight": { "type": "number" }, "keywords": texts,
        "kind": { "type": "string", "enum": ["scored", "gate"] },
        "anchors": object(json!({ "1": text, "3": text, "5": text })),
    }));
    AnswerSchema {
        name: "interview_plan".to_owned(),
        schema: object(json!({
            "questions": { "type": "array", "items": question },
            "criteria": { "type": "array", "items": criterion },
        })),
    }
}

#[cfg(test)]
mod tests;

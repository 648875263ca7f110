//! What a language model is told about a turn: its instructions, where the interview is, and the talk so far.

use serde::Serialize;

use crate::screening::calls::application::emma::Agent;
use crate::screening::calls::domain::conversation::ReplyRequest;
use crate::screening::calls::domain::coverage::CoverageState;
use crate::screening::calls::domain::interviewer::proposals::Allowed;
use crate::screening::calls::domain::interviewer::{Phase, ReplyContext};
use crate::shared::llm::ChatMessage;
use crate::shared::prompts::{PromptError, Prompts, fenced};

/// Name of the prompt.
pub const INTERVIEWER: &str = "interviewer";
/// Longest turn of the candidate that is handed on, characters.
const LONGEST_TURN: usize = 4_000;

#[derive(Serialize)]
struct Data<'a> {
    name: &'a str,
    persona: &'a str,
    language: &'a str,
    tools: Tools,
    limits: Limits,
    job_title: &'a str,
    organization: &'a str,
    phase: Phase,
    question: &'a str,
    probes_left: usize,
    questions_left: usize,
    earlier: Vec<EarlierLine>,
}

#[derive(Serialize)]
struct Tools {
    clarify: bool,
    end: bool,
}

#[derive(Serialize)]
struct Limits {
    sentences: usize,
    words: usize,
}

#[derive(Serialize)]
struct EarlierLine {
    topic: String,
    words: String,
}

/// The messages of a turn, and the version of the prompt they were made with.
///
/// # Errors
/// When the prompt cannot be rendered.
pub fn messages(
    prompts: &Prompts,
    agent: &Agent,
    ctx: &ReplyContext<'_>,
    request: &ReplyRequest,
    may: Allowed,
) -> Result<(Vec<ChatMessage>, String), PromptError> {
    let most = agent.history_lines;
    let topic = |id: &str| ctx.plan.question(id).map_or_else(String::new, |q| q.topic.clone());
    let open = |state: CoverageState| state == CoverageState::NotReached;
    let data = Data {
        name: &agent.name,
        persona: &agent.persona,
        language: &ctx.plan.language,
        tools: Tools {
            clarify: may.clarify,
            end: may.end,
        },
        limits: Limits {
            sentences: agent.sentences,
            words: agent.words,
        },
        job_title: &ctx.plan.job_title,
        organization: &ctx.plan.organization,
        phase: ctx.phase,
        question: ctx.question.map_or("", |q| q.text.as_str()),
        probes_left: usize::from(may.clarify),
        questions_left: ctx.coverage.0.iter().filter(|q| open(q.state)).count(),
        earlier: request
            .dialogue
            .earlier(most)
            .into_iter()
            .map(|e| EarlierLine {
                topic: topic(&e.question_id),
                words: e.words,
            })
            .collect(),
    };
    let prompt = prompts.render(INTERVIEWER, &data)?;
    let mut messages = vec![ChatMessage::System(prompt.text)];
    for line in request.dialogue.recent(most) {
        push(&mut messages, line.by_emma, &line.text);
    }
    push(&mut messages, false, ctx.utterance);
    Ok((messages, prompt.version))
}

/// Adds a line; servers want the roles to take turns, so lines of one side in a row are one message.
fn push(messages: &mut Vec<ChatMessage>, by_emma: bool, text: &str) {
    let text = if by_emma {
        text.to_owned()
    } else {
        fenced(text, "candidate", LONGEST_TURN)
    };
    match messages.last_mut() {
        Some(ChatMessage::Assistant { text: before, .. }) if by_emma => {
            before.push(' ');
            before.push_str(&text);
        }
        Some(ChatMessage::User(before)) if !by_emma => {
            before.push('\n');
            before.push_str(&text);
        }
        _ if by_emma => messages.push(ChatMessage::Assistant {
            text,
            calls: Vec::new(),
        }),
        _ => messages.push(ChatMessage::User(text)),
    }
}

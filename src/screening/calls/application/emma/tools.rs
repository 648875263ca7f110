//! What a language model may call in a turn, and what its calls are worth.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::screening::calls::domain::interviewer::proposals::Allowed;
use crate::shared::llm::{ToolCall, ToolSpec};

/// Longest question to the posting, characters.
const LONGEST_QUERY: usize = 300;
/// Longest quotation noted, characters.
const LONGEST_NOTE: usize = 400;

/// A call whose arguments are as they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tool {
    LookUpRole { question: String },
    NoteAnswer { quote: String },
    NextQuestion,
    AskToClarify { question: String },
    CandidateAsksForHuman,
    ProposeEnd,
}

/// Names of the tools, as agents' files and models write them.
pub const LOOK_UP_ROLE: &str = "look_up_role";
pub const NOTE_ANSWER: &str = "note_answer";
pub const NEXT_QUESTION: &str = "next_question";
pub const ASK_TO_CLARIFY: &str = "ask_to_clarify";
pub const CANDIDATE_ASKS_FOR_HUMAN: &str = "candidate_asks_for_human";
pub const PROPOSE_END: &str = "propose_end";

impl Tool {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LookUpRole { .. } => LOOK_UP_ROLE,
            Self::NoteAnswer { .. } => NOTE_ANSWER,
            Self::NextQuestion => NEXT_QUESTION,
            Self::AskToClarify { .. } => ASK_TO_CLARIFY,
            Self::CandidateAsksForHuman => CANDIDATE_ASKS_FOR_HUMAN,
            Self::ProposeEnd => PROPOSE_END,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    question: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quoted {
    quote: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// The tools on offer: those of the agent that the interview allows at this moment.
pub fn offered(agent: &[String], may: Allowed) -> Vec<ToolSpec> {
    let text = |name: &str, description: &str| {
        json!({ "type": "object", "additionalProperties": false, "required": [name],
            "properties": { name: { "type": "string", "description": description } } })
    };
    let nothing = json!({ "type": "object", "additionalProperties": false, "properties": {} });
    let all = [
        (
            LOOK_UP_ROLE,
            true,
            "Searches the job posting. Call it before saying anything about the role.",
            text("question", "What the candidate wants to know, in a few words."),
        ),
        (
            NOTE_ANSWER,
            true,
            "Notes words of the candidate that matter for the open question.",
            text("quote", "The candidate's own words, exactly."),
        ),
        (
            NEXT_QUESTION,
            may.next_question,
            "The answer is complete: the program asks its next planned question.",
            nothing.clone(),
        ),
        (
            ASK_TO_CLARIFY,
            may.clarify,
            "Asks one short follow-up about the candidate's own answer.",
            text(
                "question",
                "One question of at most 25 words that ends with a question mark.",
            ),
        ),
        (
            CANDIDATE_ASKS_FOR_HUMAN,
            true,
            "The candidate would rather talk with a person.",
            nothing.clone(),
        ),
        (
            PROPOSE_END,
            may.end,
            "The candidate seems to have no more questions: the program asks whether that was all.",
            nothing,
        ),
    ];
    all.into_iter()
        .filter(|(name, now, ..)| *now && agent.iter().any(|tool| tool == name))
        .map(|(name, _, description, parameters)| ToolSpec {
            name: name.to_owned(),
            description: description.to_owned(),
            parameters,
        })
        .collect()
}

/// Reads a call.
///
/// # Errors
/// In words for the model: an unknown tool, one that is not on offer now, arguments that do not fit.
pub fn read(call: &ToolCall, offered: &[ToolSpec]) -> Result<Tool, String> {
    if !offered.iter().any(|tool| tool.name == call.name) {
        let names: Vec<&str> = offered.iter().map(|tool| tool.name.as_str()).collect();
        return Err(format!("there is no such tool now; there are: {}", names.join(", ")));
    }
    Ok(match call.name.as_str() {
        LOOK_UP_ROLE => Tool::LookUpRole {
            question: filled(&arguments::<Asked>(call)?.question, LONGEST_QUERY)?,
        },
        NOTE_ANSWER => Tool::NoteAnswer {
            quote: filled(&arguments::<Quoted>(call)?.quote, LONGEST_NOTE)?,
        },
        ASK_TO_CLARIFY => Tool::AskToClarify {
            question: filled(&arguments::<Asked>(call)?.question, LONGEST_QUERY)?,
        },
        name => {
            arguments::<Nothing>(call)?;
            match name {
                NEXT_QUESTION => Tool::NextQuestion,
                CANDIDATE_ASKS_FOR_HUMAN => Tool::CandidateAsksForHuman,
                _ => Tool::ProposeEnd,
            }
        }
    })
}

fn arguments<T: DeserializeOwned>(call: &ToolCall) -> Result<T, String> {
    let value: Value =
        serde_json::from_str(&call.arguments).map_err(|_| "the arguments are no JSON object".to_owned())?;
    serde_json::from_value(value).map_err(|error| format!("the arguments do not fit: {error}"))
}

fn filled(text: &str, longest: usize) -> Result<String, String> {
    let length = text.trim().chars().count();
    if length == 0 || length > longest {
        return Err(format!("give 1 to {longest} characters"));
    }
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Allowed = Allowed {
        next_question: true,
        clarify: true,
        end: true,
    };

    fn agent() -> Vec<String> {
        [LOOK_UP_ROLE, NOTE_ANSWER, NEXT_QUESTION, ASK_TO_CLARIFY, PROPOSE_END]
            .map(str::to_owned)
            .to_vec()
    }

    fn call(name: &str, arguments: &str) -> ToolCall {
        ToolCall {
            id: "c".to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }
    }

    // spec: EMMA-2
    #[test]
    fn arguments_are_checked_and_the_model_is_told() {
        let offered = offered(&agent(), ALL);
        let good = call(LOOK_UP_ROLE, r#"{"question": " pay "}"#);
        assert_eq!(
            read(&good, &offered),
            Ok(Tool::LookUpRole {
                question: "pay".to_owned()
            })
        );
        for (name, arguments, word) in [
            (LOOK_UP_ROLE, "", "no JSON"),
            (LOOK_UP_ROLE, r#"{"question": "pa"#, "no JSON"),
            (LOOK_UP_ROLE, "[]", "do not fit"),
            (LOOK_UP_ROLE, "{}", "question"),
            (LOOK_UP_ROLE, r#"{"question": 7}"#, "do not fit"),
            (LOOK_UP_ROLE, r#"{"question": "x", "sql": "y"}"#, "sql"),
            (LOOK_UP_ROLE, r#"{"question": "  "}"#, "characters"),
            (NEXT_QUESTION, r#"{"id": "q5"}"#, "id"),
            ("end_call", "{}", "no such tool"),
            (CANDIDATE_ASKS_FOR_HUMAN, "{}", "no such tool"),
        ] {
            let error = read(&call(name, arguments), &offered).expect_err(arguments);
            assert!(error.contains(word), "{name} {arguments}: {error}");
        }
    }

    // spec: EMMA-2, CONV-6
    #[test]
    fn what_the_interview_does_not_allow_now_is_not_on_offer() {
        let none = Allowed {
            next_question: false,
            clarify: false,
            end: false,
        };
        let names: Vec<String> = offered(&agent(), none).into_iter().map(|t| t.name).collect();
        assert_eq!(names, [LOOK_UP_ROLE, NOTE_ANSWER]);
    }
}

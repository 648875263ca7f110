//! One turn with a language model: rounds of words and tool calls, until it is clear how the interview goes on.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{Instrument as _, debug, info, info_span};

use crate::screening::calls::application::emma::tools::{self, Tool};
use crate::screening::calls::application::emma::{EmmaService, prompt};
use crate::screening::calls::application::interviewing::{Early, EarlyNews, Talk, context};
use crate::screening::calls::domain::conversation::ReplyRequest;
use crate::screening::calls::domain::interviewer::breach::Breach;
use crate::screening::calls::domain::interviewer::grounding::Ground;
use crate::screening::calls::domain::interviewer::grounding::{self, Kind};
use crate::screening::calls::domain::interviewer::openings::opening;
use crate::screening::calls::domain::interviewer::proposals::{self, Draft, Proposal};
use crate::screening::calls::domain::interviewer::sense::{self, Sense};
use crate::screening::calls::domain::interviewer::speech_guard;
use crate::screening::calls::domain::interviewer::{Reply, SpeechPart, lookup_query, told_and_asked};
use crate::screening::calls::domain::ports::RoleFact;
use crate::screening::calls::domain::segment::SegmentKind;
use crate::screening::calls::domain::speakable::clauses::sentences;
use crate::shared::llm::{ChatEvent, ChatMessage, ChatRequest, LlmError, Purpose, ToolCall, ToolSpec};
use crate::shared::prompts::fenced;

/// A look-up that takes longer is announced.
const FILLER_AFTER: Duration = Duration::from_millis(700);
const FILLER: &str = "Let me check the posting.";
/// Longest passage of the posting handed to the model, characters.
const LONGEST_FACT: usize = 600;
/// Sentences left out of a turn, after which the rest of what the model says is not waited for.
const MOST_LEFT_OUT: usize = 2;
/// Lines of Emma's that are compared with what she is about to say.
const RECENT_LINES: usize = 12;
/// Longest question passed on, characters.
const LONGEST_QUESTION: usize = 300;
/// Look-ups in one turn.
const MOST_LOOK_UPS: usize = 3;

/// Why the model's turn is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    Model(LlmError),
    /// It would have said something that must not be said.
    Words(Breach),
    TooLate,
    /// It called tools and never came to the point.
    Rounds,
    /// It said nothing and proposed nothing.
    Nothing,
    /// A question about the role was not looked up.
    NotLookedUp,
    Prompt,
}

impl Trouble {
    /// One word for logs and counts.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Model(error) => error.kind(),
            Self::Words(breach) => breach.as_str(),
            Self::TooLate => "too_late",
            Self::Rounds => "rounds",
            Self::Nothing => "nothing",
            Self::NotLookedUp => "not_looked_up",
            Self::Prompt => "prompt",
        }
    }
}

impl From<LlmError> for Trouble {
    fn from(error: LlmError) -> Self {
        Self::Model(error)
    }
}

/// One turn.
pub struct Turn<'a> {
    service: &'a EmmaService,
    talk: &'a Talk,
    request: &'a ReplyRequest,
    early: &'a EarlyNews,
    /// Whether the model's first token was told.
    begun: bool,
    draft: Draft,
    facts: Vec<RoleFact>,
    look_ups: usize,
    sentences: usize,
    words: usize,
    /// Sentences that were not said.
    left_out: usize,
    /// What the model was told to do.
    instructions: String,
    /// Job title, organization and the open question.
    known: String,
    /// What the candidate told and what they asked, in this turn and before it.
    told: String,
    asked: String,
    /// Whether the posting was named as the source of what is said.
    names_source: bool,
    /// Whether the candidate was told that their question is passed on.
    passed_on: bool,
}

/// What one round brought.
struct Round {
    text: String,
    calls: Vec<ToolCall>,
}

impl<'a> Turn<'a> {
    pub fn new(service: &'a EmmaService, talk: &'a Talk, request: &'a ReplyRequest, early: &'a EarlyNews) -> Self {
        let ctx = context(talk, request, &[]);
        let question = ctx.question.map_or("", |q| q.text.as_str());
        let (told, asked) = told_and_asked(&format!("{} {}", ctx.utterance, ctx.answer_so_far), ctx.phase);
        Self {
            known: format!("{} {} {question}", ctx.plan.job_title, ctx.plan.organization),
            told,
            asked,
            // What names the source is known in English alone.
            names_source: !ctx.plan.language.starts_with("en"),
            passed_on: false,
            service,
            talk,
            request,
            early,
            begun: false,
            draft: Draft::default(),
            facts: Vec::new(),
            look_ups: 0,
            sentences: 0,
            words: 0,
            left_out: 0,
            instructions: String::new(),
        }
    }

    /// Whether something was said already.
    pub fn has_spoken(&self) -> bool {
        !self.draft.spoken.is_empty()
    }

    /// Runs the rounds.
    ///
    /// # Errors
    /// When the turn is to be taken by the guided interviewer.
    pub async fn run(&mut self) -> Result<Reply, Trouble> {
        let ctx = context(self.talk, self.request, &[]);
        let may = proposals::allowed(&ctx);
        let offered = tools::offered(&self.service.agent.tools, may);
        let prompts = &self.service.prompts;
        let (mut messages, version) =
            prompt::messages(prompts, &self.service.agent, &ctx, self.request, may).map_err(|error| {
                debug!(%error, "the prompt cannot be rendered");
                Trouble::Prompt
            })?;
        if let Some(ChatMessage::System(text)) = messages.first() {
            self.instructions.clone_from(text);
        }
        for round in 0..=self.service.agent.tool_rounds {
            // After the last round of tools the model may only speak.
            let tools = if round < self.service.agent.tool_rounds {
                offered.clone()
            } else {
                Vec::new()
            };
            let heard = self.listen(messages.clone(), &version, tools.clone()).await?;
            let mut results = Vec::new();
            let mut proposal = None;
            let mut again = false;
            for call in &heard.calls {
                let (result, more) = match tools::read(call, &tools) {
                    Ok(tool) => {
                        let span = info_span!("tool", tool.name = tool.name());
                        self.use_tool(tool, &mut proposal).instrument(span).await
                    }
                    Err(problem) => (format!("error: {problem}"), true),
                };
                again |= more;
                results.push(ChatMessage::Tool {
                    call_id: call.id.clone(),
                    content: result,
                });
            }
            if proposal.is_some() {
                self.draft.proposal = proposal;
                return self.settled();
            }
            if !again && (self.has_spoken() || self.draft.question.is_some() || heard.calls.is_empty()) {
                return self.settled();
            }
            messages.push(ChatMessage::Assistant {
                text: heard.text,
                calls: heard.calls,
            });
            messages.extend(results);
        }
        if self.has_spoken() {
            self.settled()
        } else {
            Err(Trouble::Rounds)
        }
    }

    fn settled(&mut self) -> Result<Reply, Trouble> {
        let ctx = context(self.talk, self.request, &self.facts);
        let question = lookup_query(ctx.utterance, ctx.phase);
        if question.is_some() && !self.draft.looked_up {
            return Err(Trouble::NotLookedUp);
        }
        // An answer from the posting that was never worded is worded by the guided interviewer.
        let answered = self.draft.spoken.iter().any(|p| p.kind == SegmentKind::RoleAnswer);
        let silent = self.draft.spoken.is_empty() && self.draft.question.is_none();
        if (question.is_some() && !answered) || (silent && (self.draft.looked_up || self.draft.proposal.is_none())) {
            return Err(Trouble::Nothing);
        }
        let open = self.passed_on || (question.is_some() && self.facts.is_empty());
        let draft = Draft {
            // The candidate's words: the model's query may say anything.
            unanswered: open.then(|| question.unwrap_or_else(|| last_question(ctx.utterance))),
            ..self.draft.clone()
        };
        Ok(proposals::settle(&ctx, &draft))
    }

    /// Says the model's sentences as they come; gives the whole round back.
    async fn listen(
        &mut self,
        messages: Vec<ChatMessage>,
        version: &str,
        tools: Vec<ToolSpec>,
    ) -> Result<Round, Trouble> {
        let settings = &self.service.settings;
        let request = ChatRequest {
            purpose: Purpose::Interview,
            subject: self.talk.call_id.as_ref().map(ToString::to_string),
            prompt: version.to_owned(),
            messages,
            tools,
            schema: None,
            max_tokens: settings.max_tokens,
            temperature: settings.temperature,
            seed: None,
            timeout: settings.timeout,
        };
        let mut events = self.service.model.stream(request).await?;
        let mut round = Round {
            text: String::new(),
            calls: Vec::new(),
        };
        let mut pending = String::new();
        loop {
            let event = events.recv().await;
            if matches!(event, Some(Ok(_))) && !std::mem::replace(&mut self.begun, true) {
                // A closed channel means that the turn went on: nobody wants to know.
                let _ = self.early.send(Early::FirstToken).await;
            }
            match event {
                Some(Ok(ChatEvent::Text(text))) => {
                    round.text.push_str(&text);
                    pending.push_str(&text);
                    while let Some(sentence) = next_sentence(&mut pending) {
                        self.say(&sentence).await?;
                    }
                    if self.is_full() {
                        // The rest would be too long for anybody to listen to; nobody waits for it.
                        return Ok(round);
                    }
                }
                Some(Ok(ChatEvent::AnsweredBy(_))) => {}
                Some(Ok(ChatEvent::ToolCall(call))) => round.calls.push(call),
                Some(Ok(ChatEvent::Finished { .. })) => break,
                Some(Err(error)) => return Err(error.into()),
                None => return Err(LlmError::Unavailable("the stream ended early".to_owned()).into()),
            }
        }
        for sentence in sentences(&pending.clone()) {
            if !self.is_full() {
                self.say(sentence).await?;
            }
        }
        Ok(round)
    }

    fn is_full(&self) -> bool {
        self.sentences >= self.service.agent.sentences || self.words >= self.service.agent.words
    }

    fn ground(&self) -> Ground<'_> {
        Ground {
            facts: &self.facts,
            looked_up: self.draft.looked_up,
            heard: &self.told,
            asked: &self.asked,
            known: &self.known,
        }
    }

    /// Whether a sentence may be said here, and makes sense.
    fn checked(&self, sentence: &str, is_question: bool) -> Result<(), Breach> {
        let ctx = context(self.talk, self.request, &[]);
        let question = ctx.question.map_or("", |q| q.text.as_str());
        let others = ctx.plan.questions.iter().filter(|q| q.text != question);
        let planned: Vec<&str> = others.flat_map(|q| [q.text.as_str(), q.rephrased.as_str()]).collect();
        let before = self.request.dialogue.recent(RECENT_LINES).filter(|line| line.by_emma);
        let said: Vec<&str> = before
            .map(|line| line.text.as_str())
            .chain(self.draft.spoken.iter().map(|part| part.text.as_str()))
            .collect();
        let ground = self.ground();
        let sense = Sense {
            ground,
            question,
            planned: &planned,
            said: &said,
            instructions: &self.instructions,
        };
        if is_question {
            speech_guard::check_question(sentence, &ground)?;
        } else {
            speech_guard::check(sentence, &ground)?;
        }
        match (ctx.plan.language.starts_with("en"), is_question) {
            // It knows English alone.
            (false, _) => Ok(()),
            (true, true) => sense::check_question(sentence, &sense),
            (true, false) => sense::check(sentence, &sense),
        }
    }

    /// Checks a sentence and hands it on. A question is kept back: the program asks its own.
    async fn say(&mut self, sentence: &str) -> Result<(), Trouble> {
        if sentence.trim_end().ends_with('?') {
            match self.checked(sentence, true) {
                Ok(()) => self.draft.question = Some(sentence.to_owned()),
                Err(breach) => Self::note_left_out(breach),
            }
            return Ok(());
        }
        if repeats_a_question(sentence, self.talk) {
            Self::note_left_out(Breach::Repeats);
            return Ok(());
        }
        match self.checked(sentence, false) {
            Ok(()) => {}
            Err(breach) if breach.is_mild() => {
                Self::note_left_out(breach);
                self.left_out += 1;
                return if self.left_out >= MOST_LEFT_OUT && !self.has_spoken() {
                    Err(Trouble::Words(breach))
                } else {
                    Ok(())
                };
            }
            Err(breach) => {
                Self::note_left_out(breach);
                return Err(Trouble::Words(breach));
            }
        }
        self.sentences += 1;
        self.words += sentence.split_whitespace().count();
        let (opening, rest) = if self.has_spoken() {
            (None, sentence.to_owned())
        } else {
            opening(sentence, &self.request.history)
        };
        if let Some(opening) = opening {
            self.hand_on(proposals::remark(opening)).await;
        }
        let kind = grounding::kind_of(&rest, &self.ground());
        self.passed_on |= kind == Kind::PassesOn;
        let part = if self.draft.looked_up {
            proposals::about_role(&rest, &self.ground(), self.names_source)
        } else {
            proposals::remark(&rest)
        };
        self.names_source |= self.draft.looked_up && kind == Kind::Answer;
        self.hand_on(part).await;
        Ok(())
    }

    /// The words themselves stay out of the log.
    fn note_left_out(breach: Breach) {
        let cause = breach.as_str();
        info!(cause, "a sentence of the language model is not said");
        metrics::counter!("emma_interviewer_left_out_total", "cause" => cause).increment(1);
    }

    async fn hand_on(&mut self, part: SpeechPart) {
        self.draft.spoken.push(part.clone());
        // A closed channel means that the turn went on: the reply is thrown away as well.
        let _ = self.early.send(Early::Part(part)).await;
    }

    /// Uses a tool. Gives its result for the model, and whether the model is to go on.
    async fn use_tool(&mut self, tool: Tool, proposal: &mut Option<Proposal>) -> (String, bool) {
        let noted = || ("ok".to_owned(), false);
        match tool {
            Tool::LookUpRole { question } => (self.look_up(&question).await, true),
            Tool::NoteAnswer { quote } => {
                let ctx = context(self.talk, self.request, &[]);
                let Some(words) = proposals::noted(&quote, ctx.utterance) else {
                    let problem =
                        "error: that is not at least three words of the candidate's in this turn, or may not be noted";
                    return (problem.to_owned(), true);
                };
                self.draft.notes.push(words);
                (noted().0, !self.has_spoken())
            }
            Tool::NextQuestion => {
                proposal.get_or_insert(Proposal::NextQuestion);
                noted()
            }
            Tool::AskToClarify { question } => {
                if let Err(breach) = self.checked(&question, true) {
                    Self::note_left_out(breach);
                    let reason = breach.as_str();
                    return (
                        format!("error: that cannot be asked ({reason}); call next_question"),
                        true,
                    );
                }
                proposal.get_or_insert(Proposal::Clarify(question));
                noted()
            }
            Tool::CandidateAsksForHuman => {
                *proposal = Some(Proposal::Human);
                noted()
            }
            Tool::ProposeEnd => {
                proposal.get_or_insert(Proposal::End);
                noted()
            }
        }
    }

    /// Searches the posting; says so where it takes long.
    async fn look_up(&mut self, question: &str) -> String {
        if self.look_ups >= MOST_LOOK_UPS {
            return "error: enough was looked up in this turn".to_owned();
        }
        self.look_ups += 1;
        let (service, talk) = (self.service, self.talk);
        let search = service.guided.look_up(talk, question);
        tokio::pin!(search);
        let found = tokio::select! {
            biased;
            found = &mut search => found,
            () = sleep(FILLER_AFTER) => {
                if !self.has_spoken() {
                    self.hand_on(proposals::remark(FILLER)).await;
                }
                search.await
            }
        };
        self.draft.looked_up = true;
        if found.is_empty() {
            return "Nothing in the posting answers this. Say that the posting does not say, and that you will pass the \
                    question on."
                .to_owned();
        }
        let mut result = String::new();
        for fact in found {
            result.push_str(&fenced(&fact.text, "posting", LONGEST_FACT));
            result.push('\n');
            if self.facts.iter().all(|known| known.text != fact.text) {
                self.facts.push(fact);
            }
        }
        result
    }
}

/// Takes the first sentence out of what has come so far, once it is certain that it is over.
fn next_sentence(pending: &mut String) -> Option<String> {
    let found = sentences(pending);
    // The last one may still go on: "3." may become "3.5".
    let first = (found.len() > 1).then(|| found[0].to_owned())?;
    let end = pending.find(&first)? + first.len();
    pending.drain(..end);
    Some(first)
}

/// The words of a planned question: the program asks it, and it is not asked twice.
fn repeats_a_question(sentence: &str, talk: &Talk) -> bool {
    let said = normal(sentence);
    let questions = talk.plan.questions.iter();
    said.split(' ').count() >= 4
        && questions
            .flat_map(|q| [&q.text, &q.rephrased])
            .any(|text| normal(text).contains(&said))
}

/// What was asked last, where no question about the role was found.
fn last_question(utterance: &str) -> String {
    let said = sentences(utterance);
    let asked = said.iter().rev().find(|sentence| sentence.ends_with('?'));
    asked
        .copied()
        .unwrap_or(utterance)
        .trim()
        .chars()
        .take(LONGEST_QUESTION)
        .collect()
}

fn normal(text: &str) -> String {
    let plain: String = text
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: EMMA-7
    #[test]
    fn a_sentence_is_taken_once_it_is_certain_that_it_is_over() {
        let mut pending = String::new();
        let mut said = Vec::new();
        for token in [
            "I see",
            ". You",
            " had 3",
            ".",
            "5 million",
            " users.",
            " ",
            "Thank",
            "s. ",
        ] {
            pending.push_str(token);
            while let Some(sentence) = next_sentence(&mut pending) {
                said.push(sentence);
            }
        }
        assert_eq!(said, ["I see.", "You had 3.5 million users."]);
        assert_eq!(pending.trim(), "Thanks.");
    }
}

//! The fixed sentences. Each family has several wordings, so that nothing is said twice in a row.

use crate::screening::shared::plan::QuestionKind;

/// After an answer.
pub const ACKNOWLEDGE: &[&str] = &[
    "Thank you.",
    "I see, thank you.",
    "Okay, thanks for telling me.",
    "Understood.",
    "Thank you, that is clear.",
    "All right, thanks.",
    "Got it, thank you.",
];
/// After an answer that Emma asks more about.
pub const ACKNOWLEDGE_SHORT: &[&str] = &["I see.", "Okay.", "All right.", "Mhm, okay.", "Good to know."];
/// Before a follow-up on an answer that went somewhere else.
pub const BACK_TO_THE_POINT: &[&str] = &[
    "Thank you. Let me come back to my question for a moment.",
    "I see. There is one thing I would still like to hear.",
    "Okay. Let me ask about one point of it.",
];
/// After a skill was named that is the subject of the question; `{}` is the skill.
pub const NOTED_HERE: &str = "Thank you, that gives me a clearer picture of your {} experience.";
/// After a skill of the plan was named in passing.
pub const NOTED_ELSEWHERE: &str = "Thanks, I have noted your {} experience as well.";

pub const LET_US_BEGIN: &[&str] = &["Great, let's begin.", "Good, then let's start."];
pub const READY: &[&str] = &[
    "Shall we begin?",
    "Are you ready to start?",
    "Tell me when you are ready.",
];
pub const LAST_QUESTION: &str = "This is my last question.";
pub const NEXT: &[&str] = &["Let's go on.", "Let's move on.", "Here is the next one."];

pub const REPEATING: &[&str] = &["Of course.", "Sure, once more.", "Yes, I'll say it again."];
pub const REPHRASING: &[&str] = &[
    "Let me put it another way.",
    "Let me say it differently.",
    "Here it is in other words.",
];
pub const ANY_EXAMPLE: &[&str] = &[
    "Any example you like is fine, also from another job or from training.",
    "Yes, that is fine, please choose what suits you best.",
];
pub const TAKE_YOUR_TIME: &[&str] = &[
    "Take your time.",
    "Of course, take your time.",
    "No hurry, take all the time you need.",
    "Sure, I'll wait.",
];
pub const REASSURE: &[&str] = &[
    "Take all the time you need.",
    "No rush, I am listening.",
    "Just start whenever you are ready.",
];
pub const LEAVE_IT: &[&str] = &[
    "That's all right, let's leave it there.",
    "No problem, we can leave that one.",
];
pub const ACCEPT_SKIP: &[&str] = &[
    "That's fine, we can skip that one.",
    "No problem at all, let's leave that one out.",
];
/// To the first refusal of an interview; a second time would press.
pub const OFFER_REPHRASE: &str = "That's fine. Would it help if I put the question another way?";
pub const ACCEPT_UNKNOWN: &[&str] = &[
    "That's all right, thank you for being open.",
    "No problem, thank you for saying so.",
];
pub const EASIER: &[&str] = &[
    "Is there anything close to this that you have done or seen?",
    "How would you try to find out, if you had to?",
];
pub const GO_AHEAD: &[&str] = &["Please go ahead.", "Yes, please.", "Of course, I am listening."];
pub const I_HEAR_YOU: &[&str] = &["Yes, I can hear you.", "I hear you well."];
pub const SOUND_TROUBLE: &[&str] = &[
    "I'm sorry about that, I'll say it again, and you can read it on the page too.",
    "Sorry, here it is once more, and it is also written on the page.",
];
pub const SMALL_TALK: &[&str] = &["I'm doing well, thank you.", "Thank you, it is good to talk with you."];
pub const OFF_TOPIC: &[&str] = &[
    "I'd enjoy that, but let's keep to the interview.",
    "That is a nice thought for another day, so let me come back to us.",
];
pub const BACK: &[&str] = &["Now, back to my question.", "So, back to where we were."];
pub const INVITE: &str = "Those were all my questions.";
pub const ANYTHING_ELSE: &[&str] = &[
    "Is there anything else you would like to know?",
    "What else would you like to ask?",
    "Do you have another question?",
];
pub const REMARK_NOTED: &[&str] = &["Thank you for telling me that.", "Thank you for adding that."];
pub const LATER: &str = "Let's keep further questions for the end, there is time for them.";

pub const NOT_IN_POSTING: &[&str] = &[
    "I don't have that in the posting, so I will pass your question on.",
    "The posting does not say, but I will pass your question on.",
    "That is not in what I have, so I will pass it on to the team.",
];
pub const SCORE: &[&str] = &[
    "I don't decide that, and I don't give a result here. A person reads our conversation and makes the decision.",
    "I can't tell you that. A person looks at our conversation and decides.",
];
pub const DECISION: &[&str] = &[
    "A person on the hiring side reads our conversation and decides. I only ask the questions and prepare a summary with quotes.",
    "People decide, not me. They see what was said here and a summary that quotes it.",
];
pub const RECORDING: &[&str] = &[
    "What we say is transcribed, and the sound is recorded if you agreed to it. Only the people hiring for this role can see it, and you can ask to have it deleted.",
    "There is a transcript, and a recording if you agreed to it. You can ask to have both deleted at any time.",
];
pub const IDENTITY: &[&str] = &[
    "I'm Emma, an AI interviewer, so I'm not a person. A person reads our conversation afterwards.",
    "I'm a computer program called Emma. If you prefer to talk with a person, just tell me.",
];
pub const DURATION: &[&str] = &[
    "The whole talk takes about ten to twelve minutes.",
    "We need about ten to twelve minutes in all.",
];
pub const NEXT_STEPS: &[&str] = &[
    "After this, a person reads our conversation and contacts you about the next steps.",
    "A person will look at our conversation and then get in touch with you.",
];

pub const REDIRECT: &[&str] = &[
    "I'll keep to the interview questions.",
    "Let's stay with the interview.",
];
pub const PROTECTED: &[&str] = &[
    "Thanks, I won't take that into account.",
    "Thank you, that plays no role here.",
];
pub const OFFER_HUMAN: &str = "Would you like me to stop here, so that a person contacts you instead?";
pub const CLOSE_HUMAN: &str = "All right, I have noted that you would like to talk with a person. They will contact you, and this does not count against you. Goodbye, and all the best.";
pub const IN_CALL_HELP: &[&str] = &[
    "Of course. Take all the time you need, you can read along on the page, and you can type your answers if you prefer.",
    "That is no problem. You can take as long as you like, read along, and type instead of speaking.",
];
pub const OFFER_ACCOMMODATION: &str =
    "Would you like me to stop here, so that we can arrange it in a way that suits you?";
pub const CLOSE_ACCOMMODATION: &str = "All right, I have noted it. A person will contact you to arrange it, and this does not count against you. Goodbye, and all the best.";
pub const CONFIRM_STOP: &str = "Would you like to end the interview here?";
pub const CLOSE_STOPPED: &str = "All right, we stop here. Thank you for your time, and all the best.";
pub const CONFIRM_WITHDRAW: &str = "Would you like me to stop now and delete what was said?";
pub const CLOSE_WITHDRAWN: &str =
    "All right. I stop here, and what was said will be deleted. Goodbye, and all the best.";
pub const GO_ON_THEN: &[&str] = &["All right, then let's go on.", "Okay, we go on."];
pub const OFFER_BREAK: &str =
    "I'm sorry, that sounds hard. We can take a break, stop here, or go on, whatever is best for you.";
pub const BREAK_GIVEN: &str = "Take all the time you need, and tell me when you would like to go on.";
pub const CLOSE_WELLBEING: &str =
    "Then let's stop here. This does not count against you, and a person will contact you. Take care of yourself.";
pub const CRISIS: &str = "I'm really sorry that you feel this way. Please talk to somebody you trust, or call your local emergency number now.";
/// Lines for people in a crisis, by the region of the interview's language; numbers as they are said. From 988lifeline.org,
/// 988.ca and samaritans.org.
const HELPLINES: &[(&[&str], &str)] = &[
    (
        &["US", "CA"],
        "You can call or text nine eight eight at any hour, free of charge.",
    ),
    (
        &["GB", "IE"],
        "You can call the Samaritans on one one six, one two three at any hour, free of charge.",
    ),
];
/// Where the country is not known: lists lines of most countries.
const ANY_HELPLINE: &str = "On findahelpline.com you find a free line in your country.";
pub const BOUNDARY: &str = "I would like us to stay respectful, or I will have to end the interview.";
pub const CLOSE_CONDUCT: &str = "I am ending the interview here. A person will look at it. Goodbye.";
pub const CONFIRM_PERSON: &str = "This interview is meant for the person who applied. Is that you?";
pub const CONFIRM_ADULT: &str = "I can hold this interview with adults only. Are you an adult?";
pub const CLOSE_MINOR: &str = "Thank you for telling me. Then let's stop here, and a person will contact you about what is possible. This does not count against you. Goodbye.";
pub const CLOSE_WRONG_PERSON: &str =
    "Thank you for telling me. Then let's stop here, and the candidate can be invited again. Goodbye.";

pub const CLOSE_CALLED_OFF: &str = "I am sorry, the hiring team has just called this interview off. It was nothing you said. Thank you for your time, and goodbye.";

pub const NO_SOUND: &[&str] = &[
    "I can't hear anything from you yet. Please check that your microphone is on and allowed for this page.",
    "I still hear nothing. You can also type your answer on the page.",
    "There is still no sound from your side. If it does not work, you can close the page and come back with the same link.",
];
pub const YOU_CAN_TYPE: &str = "You can also type your answer.";
pub const WELCOME_BACK: &[&str] = &["Welcome back, let's go on where we stopped.", "Good to have you back."];
pub const TIME_IS_UP: &str = "I am sorry, our time is up.";

/// Every family that is said often enough to be worth preparing, most often used first.
pub const PREPARED: &[&[&str]] = &[
    LET_US_BEGIN,
    ACKNOWLEDGE,
    ACKNOWLEDGE_SHORT,
    TAKE_YOUR_TIME,
    REASSURE,
    REPEATING,
    REPHRASING,
    BACK_TO_THE_POINT,
    NEXT,
    EASIER,
    ACCEPT_UNKNOWN,
    ACCEPT_SKIP,
    LEAVE_IT,
    ANY_EXAMPLE,
    GO_AHEAD,
    BACK,
    NOT_IN_POSTING,
    ANYTHING_ELSE,
    REMARK_NOTED,
    READY,
    PROTECTED,
    REDIRECT,
    I_HEAR_YOU,
    SOUND_TROUBLE,
    IN_CALL_HELP,
    SMALL_TALK,
    OFF_TOPIC,
    SCORE,
    DECISION,
    RECORDING,
    IDENTITY,
    DURATION,
    NEXT_STEPS,
    GO_ON_THEN,
    NO_SOUND,
    WELCOME_BACK,
    &[
        LAST_QUESTION,
        INVITE,
        LATER,
        YOU_CAN_TYPE,
        TIME_IS_UP,
        OFFER_HUMAN,
        CLOSE_HUMAN,
        CONFIRM_STOP,
        CLOSE_STOPPED,
        OFFER_ACCOMMODATION,
        CLOSE_ACCOMMODATION,
        CONFIRM_WITHDRAW,
        CLOSE_WITHDRAWN,
        OFFER_BREAK,
        BREAK_GIVEN,
        CLOSE_WELLBEING,
        CRISIS,
        BOUNDARY,
        CLOSE_CONDUCT,
        CONFIRM_PERSON,
        CONFIRM_ADULT,
        CLOSE_MINOR,
        OFFER_REPHRASE,
        CLOSE_WRONG_PERSON,
        CLOSE_CALLED_OFF,
    ],
];

/// Leads over to a question of another kind.
pub const fn transition(kind: QuestionKind) -> &'static str {
    match kind {
        QuestionKind::Behavioral => "Now I'd like to hear about something from your own work.",
        QuestionKind::Situational => "Now a situation you might meet in this job.",
        QuestionKind::Knowledge => "Let's get a little more specific.",
        QuestionKind::Logistics => "Now something practical.",
    }
}

/// Where somebody in a crisis finds help, by the language of the interview (BCP 47).
pub fn helpline(language: &str) -> &'static str {
    let region = language.split('-').skip(1).find(|part| part.len() == 2);
    let known = HELPLINES
        .iter()
        .find(|(regions, _)| region.is_some_and(|here| regions.iter().any(|r| r.eq_ignore_ascii_case(here))));
    known.map_or(ANY_HELPLINE, |(_, line)| line)
}

/// Names topics to somebody who keeps leading away from them.
pub fn still_to_come(topics: &[&str]) -> String {
    format!("This is still ahead of us: {}.", topics.join(", "))
}

/// Asks for the candidate's own questions.
pub fn invitation(organization: &str) -> String {
    format!("What would you like to know about the role or about {organization}?")
}

//! Checks what a language model would have Emma say, sentence by sentence, before anybody hears it. Pure and strict:
//! what does not pass is not said, and the guided interviewer takes the turn.

use std::sync::LazyLock;

use regex::Regex;

use crate::screening::calls::domain::interviewer::answer::plain;
use crate::screening::calls::domain::interviewer::breach::Breach;
use crate::screening::calls::domain::interviewer::grounding::{self, Ground};
use crate::screening::calls::domain::interviewer::prohibited;

/// A longer sentence is no speech, words.
const LONGEST_SENTENCE: usize = 45;

macro_rules! pattern {
    ($name:ident, $($text:expr),+ $(,)?) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new(concat!("(?:", $($text),+, ")")).expect("fixed pattern"));
    };
}

pattern!(
    PROMISE,
    r"\byou(?:re| are| will be|ll be| have been|ve been)? (?:\w+ )?(?:hired|selected|accepted|shortlisted|rejected|disqualified|eliminated|through to|moving (?:on|forward|ahead)|advancing|invited to the next|a (?:great|perfect|good|strong|ideal|excellent) (?:fit|match|candidate)|the (?:best|right|ideal) (?:candidate|person|fit)|qualified|overqualified|underqualified|not (?:a fit|suitable|qualified|what we))\b",
    r"|\byou(?: have|ve)? (?:got the job|passed|failed|scored|did not pass|didnt pass)\b|\bi (?:can |will |would |could )?(?:promise|guarantee|recommend you|recommend that|make sure that you|put in a good word|score you|rate you|give you (?:a |an |the )?(?:\w+ )?(?:score|marks|rating|points|job|offer))\b|\bill (?:promise|recommend you|make sure you|score you|rate you|pass you)\b",
    r"|\b(?:we|they|the (?:company|team)) (?:will|would|are going to|can) (?:offer you|hire you|give you|pay you|raise)\b|\byour (?:score|rating|grade|chances|result|evaluation|assessment) (?:is|are|was|will|looks?)\b|\bout of (?:five|ten|5|10|100|a hundred)\b|\bwelcome (?:aboard|to the team)\b|\bcongratulations\b",
);
pattern!(
    PERSON,
    r"\byou (?:sound|seem|look|appear|come across|speak) (?:\w+ ){0,3}(?:nervous|anxious|confident|unsure|tired|upset|sad|happy|excited|enthusiastic|passionate|stressed|young|old|foreign|angry|hesitant|well|fluently|clearly|good english)\b|\byour (?:voice|accent|english|tone|pronunciation|fluency|enthusiasm|confidence|nervousness|energy)\b",
    r"|\bi (?:can )?(?:sense|feel|hear|tell) (?:that )?(?:you(?:re| are)|your (?:passion|enthusiasm|excitement|frustration|stress))\b|\b(?:calm down|cheer up|dont be nervous)\b",
);
pattern!(
    MACHINERY,
    r"\b(?:system prompt|my (?:instructions|prompt|guidelines|rules|programming|rubric|training)|as an? (?:large )?(?:ai )?(?:language model|assistant|chatbot)|language model|function call|tool call|next question tool|json|look up role|next_question|note answer|ask to clarify|propose end|candidate asks for human|openai|chatgpt|the rubric|scoring criteria|developer mode|data kind)\b",
    r"|\bi(?:m| am) (?:a |an )?(?:real |actual )?(?:human|person|man|woman)\b|\bi(?:m| am) not (?:an? )?(?:ai|robot|machine|computer|program)\b|\bi (?:cannot|cant|can not|am unable to|m unable to) (?:assist|help|comply|fulfil|fulfill)\b",
);
pattern!(
    JUDGEMENT,
    r"\b(?:(?:that|this|what|it|your (?:answer|example|experience|background|approach|work|story))(?:s| is| was| sounds| seems)? (?:an? |such an? |really |very |quite |truly |so )*(?:great|excellent|amazing|impressive|fantastic|wonderful|perfect|outstanding|brilliant|awesome|remarkable|superb|terrible|wrong|incorrect|poor|weak|bad|disappointing|not (?:correct|right|good|enough))|(?:great|excellent|amazing|impressive|fantastic|wonderful|perfect|outstanding|brilliant|awesome|superb) (?:answer|example|work|job|experience|story|background|response|point|to hear)|well done|good job|im impressed|i am impressed|you should have|you could have|kudos|bravo|nailed it)\b",
);
static MARKUP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[*_#`|<>{}\[\]\\~]|https?:|www\.|^\s*(?:[-•–]|\d+[.)])\s|\b\w+:\s*$|\n").expect("fixed pattern")
});
/// Praise that is the whole sentence: "Great!", "Excellent, thank you.".
static EXCLAIMS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:great|excellent|amazing|impressive|fantastic|wonderful|perfect|outstanding|brilliant|awesome|wow|superb)\b").expect("fixed pattern")
});

/// Checks one sentence.
///
/// # Errors
/// Says why it must not be said.
pub fn check(sentence: &str, ground: &Ground<'_>) -> Result<(), Breach> {
    if MARKUP.is_match(sentence.trim()) || sentence.chars().any(is_pictograph) {
        return Err(Breach::Markup);
    }
    let said = plain(sentence);
    let letters = said.chars().filter(|c| c.is_alphabetic()).count();
    let foreign = said.chars().filter(|c| c.is_alphabetic() && !is_latin(*c)).count();
    if foreign * 4 > letters {
        return Err(Breach::Language);
    }
    if said.split_whitespace().count() > LONGEST_SENTENCE {
        return Err(Breach::TooLong);
    }
    if prohibited::found_in(&said).is_some() {
        return Err(Breach::Prohibited);
    }
    for (pattern, breach) in [
        (&PROMISE, Breach::Promise),
        (&PERSON, Breach::Person),
        (&MACHINERY, Breach::Machinery),
    ] {
        if pattern.is_match(&said) {
            return Err(breach);
        }
    }
    grounding::supported(sentence, &said, ground)?;
    if JUDGEMENT.is_match(&said) || EXCLAIMS.is_match(&said) {
        return Err(Breach::Judgement);
    }
    Ok(())
}

/// Whether the model's words pass for a follow-up: one short question that may be asked.
///
/// # Errors
/// Says why it must not be asked.
pub fn check_question(question: &str, ground: &Ground<'_>) -> Result<(), Breach> {
    check(question, ground)?;
    let words = question.split_whitespace().count();
    if !(3..=32).contains(&words) || question.matches('?').count() != 1 || !question.trim_end().ends_with('?') {
        return Err(Breach::TooLong);
    }
    Ok(())
}

fn is_latin(c: char) -> bool {
    c.is_ascii() || ('\u{00c0}'..='\u{024f}').contains(&c)
}

fn is_pictograph(c: char) -> bool {
    matches!(u32::from(c), 0x1f000..=0x1faff | 0x2600..=0x27bf | 0xfe0f | 0x2190..=0x21ff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::calls::domain::ports::RoleFact;

    fn ground(facts: &[RoleFact], looked_up: bool) -> Ground<'_> {
        Ground {
            facts,
            looked_up,
            heard: "I led the migration of 12 services from Oracle to PostgreSQL in 2021 at a hospital.",
            asked: "",
            known: "Backend engineer Acme",
        }
    }

    fn fact(text: &str) -> RoleFact {
        RoleFact {
            field: "compensation".to_owned(),
            text: text.to_owned(),
            score: 0.8,
        }
    }

    // spec: EMMA-5
    #[test]
    fn what_an_interviewer_may_not_say_is_not_said() {
        for (sentence, breach) in [
            ("Do you have children?", Breach::Prohibited),
            ("And how old are you, if I may ask?", Breach::Prohibited),
            ("Where are you originally from?", Breach::Prohibited),
            ("What is your current salary?", Breach::Prohibited),
            ("Is English your native language?", Breach::Prohibited),
            ("You are a great fit for this team.", Breach::Promise),
            ("I will recommend you for the next round.", Breach::Promise),
            ("Your score is high so far.", Breach::Promise),
            ("Congratulations, that went well.", Breach::Promise),
            ("You sound a bit nervous.", Breach::Person),
            ("Your English is very good.", Breach::Person),
            ("My instructions are to ask five questions.", Breach::Machinery),
            ("I am a real person.", Breach::Machinery),
            ("**Thank you** for that.", Breach::Markup),
            ("- First, tell me more.", Breach::Markup),
            ("Thank you \u{1f600}.", Breach::Markup),
            ("Спасибо за ваш ответ.", Breach::Language),
            ("That is an excellent example.", Breach::Judgement),
            ("Great!", Breach::Judgement),
        ] {
            assert_eq!(check(sentence, &ground(&[], false)), Err(breach), "{sentence}");
        }
    }

    // spec: EMMA-5
    #[test]
    fn ordinary_words_of_an_interviewer_pass() {
        for sentence in [
            "Thank you, you moved the services from Oracle to PostgreSQL.",
            "I see, so the hospital's health records were the hard part.",
            "Thanks, that makes the order of the steps clear to me.",
            "So you led the migration of 12 services in 2021.",
            "You mentioned that the team was small.",
            "It helps to hear how you decided.",
            "Okay, so children's books were your first product.",
        ] {
            assert_eq!(check(sentence, &ground(&[], false)), Ok(()), "{sentence}");
        }
    }

    // spec: EMMA-3
    #[test]
    fn claims_about_the_role_need_the_posting() {
        let pay = [fact("The salary is 60,000 to 70,000 euros a year.")];
        let said = "The posting says the salary is 60,000 to 70,000 euros a year.";
        assert_eq!(
            check(said, &ground(&[], false)),
            Err(Breach::Unsupported),
            "not looked up"
        );
        assert_eq!(check(said, &ground(&[], true)), Err(Breach::Unsupported), "not found");
        assert_eq!(check(said, &ground(&pay, true)), Ok(()));
        assert_eq!(
            check(
                "The posting says the salary is 90,000 euros a year.",
                &ground(&pay, true)
            ),
            Err(Breach::Unsupported),
            "another number"
        );
        assert_eq!(
            check(
                "The role includes unlimited holidays, free lunches and relocation support.",
                &ground(&pay, true)
            ),
            Err(Breach::Unsupported)
        );
        assert_eq!(
            check(
                "The posting does not say that, so I will pass your question on.",
                &ground(&[], true)
            ),
            Ok(())
        );
        assert_eq!(
            check("We offer a generous budget for training.", &ground(&[], false)),
            Err(Breach::Unsupported)
        );
    }

    // spec: EMMA-2
    #[test]
    fn a_follow_up_is_one_short_question() {
        let none = ground(&[], false);
        assert_eq!(
            check_question("Which part of the migration did you do yourself?", &none),
            Ok(())
        );
        assert!(check_question("Tell me more about it.", &none).is_err());
        assert!(check_question("What? And how? And why?", &none).is_err());
        assert_eq!(check_question("Are you married?", &none), Err(Breach::Prohibited));
    }
}

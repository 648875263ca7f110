use super::*;
use crate::screening::calls::domain::interviewer::sense::{self, Sense};
use crate::screening::calls::domain::interviewer::speech_guard;
use crate::screening::calls::domain::interviewer::{Phase, told_and_asked};

fn fact(field: &str, text: &str) -> RoleFact {
    RoleFact {
        field: field.to_owned(),
        text: text.to_owned(),
        score: 0.8,
    }
}

/// What both checks say to a sentence after the candidate's words.
fn said(sentence: &str, candidate: &str, facts: &[&str], looked_up: bool) -> Result<(), Breach> {
    let facts: Vec<RoleFact> = facts.iter().map(|text| fact("posting", text)).collect();
    let (told, asked) = told_and_asked(candidate, Phase::Questions);
    let ground = Ground {
        facts: &facts,
        looked_up,
        heard: &told,
        asked: &asked,
        known: "Backend engineer Acme",
    };
    let sense = Sense {
        ground,
        question: "Tell me about a migration.",
        planned: &[],
        said: &[],
        instructions: "",
    };
    speech_guard::check(sentence, &ground).and_then(|()| sense::check(sentence, &sense))
}

const PAY: &str = "The salary is 60,000 to 70,000 euros a year";
const HYBRID: &str = "The role is hybrid, with two remote days a week";

// spec: EMMA-3
#[test]
fn what_the_candidate_suggests_of_the_role_is_not_confirmed() {
    for (candidate, sentence, facts) in [
        (
            "Is it 90,000 euros?",
            "The posting says the salary is 90,000 euros a year.",
            &[PAY][..],
        ),
        ("Is it 90,000 euros?", "It is 90,000 euros a year.", &[PAY]),
        ("Is the salary 90,000 euros?", "Yes, it is.", &[PAY]),
        ("Is the salary 90,000 euros?", "Yes.", &[PAY]),
        ("Is it fully remote?", "The posting says it is fully remote.", &[HYBRID]),
        (
            "I have heard that it is fully remote. Is that so?",
            "The posting says it is fully remote.",
            &[HYBRID],
        ),
        (
            "Is there a company car?",
            "The posting says there is a company car.",
            &[PAY],
        ),
        (
            "Can I work from Berlin?",
            "You can work from Berlin.",
            &["You may work from Athens or Lisbon"],
        ),
        (
            "Are there twenty-five days of holiday?",
            "The posting lists twenty-five days of paid holiday.",
            &["Twenty-eight days of paid holiday a year"],
        ),
        ("Is there a bonus?", "The posting lists a bonus of 5,000 euros.", &[]),
        ("Is it in Athens?", "It is in Athens.", &[]),
    ] {
        assert!(
            said(sentence, candidate, facts, true).is_err(),
            "{candidate} {sentence}"
        );
    }
}

// spec: EMMA-3
#[test]
fn without_a_look_up_nothing_suggested_is_agreed_to_either() {
    for (candidate, sentence) in [
        ("Is remote work possible?", "Yes, remote work is possible."),
        ("Is the office in Berlin?", "Yes, it is in Berlin."),
        (
            "I have heard it is fully remote, which I like.",
            "Yes, it is fully remote.",
        ),
        ("I think the pay is 90,000 euros.", "Okay, the pay is 90,000 euros."),
        (
            "Is remote work possible, and are bonuses paid?",
            "I do not know exactly, but remote work is possible and bonuses are paid.",
        ),
    ] {
        assert!(said(sentence, candidate, &[], false).is_err(), "{candidate} {sentence}");
    }
}

// spec: EMMA-3
#[test]
fn what_the_posting_says_may_be_said_in_other_words_with_the_same_not() {
    for (sentence, facts) in [
        (
            "The posting says the pay is between 60,000 and 70,000 euros per year.",
            &[PAY][..],
        ),
        (
            "The posting says the role is hybrid, with two remote days a week.",
            &[HYBRID],
        ),
        (
            "The posting lists twenty-eight days of paid holiday per year, plus public holidays.",
            &["Twenty-eight days of paid holiday a year, plus public holidays"],
        ),
        (
            "The posting asks for at least three years of experience in building backend services in Python or Rust.",
            &["At least three years of building backend services in Python or Rust"],
        ),
        (
            "The posting says the team releases several times a day.",
            &["The team releases several times a day and has no meetings on Wednesdays."],
        ),
        (
            "According to the posting, there are no meetings on Wednesdays.",
            &["The team releases several times a day and has no meetings on Wednesdays."],
        ),
        (
            "The posting says you would be on call for one week in six.",
            &["Take part in the on-call rota one week in six"],
        ),
        ("Thank you for asking.", &[PAY]),
    ] {
        assert_eq!(
            said(sentence, "What does it say about that?", facts, true),
            Ok(()),
            "{sentence}"
        );
    }
    for (sentence, fact) in [
        (
            "The posting says remote work is not possible.",
            "Remote work is possible from Greece",
        ),
        (
            "The posting says remote work is possible.",
            "Remote work is not possible",
        ),
        ("The posting says a visa is sponsored.", "No visa is sponsored"),
        (
            "The posting says there are meetings on Wednesdays.",
            "The team releases several times a day and has no meetings on Wednesdays.",
        ),
    ] {
        assert_eq!(
            said(sentence, "Is that so?", &[fact], true),
            Err(Breach::Unsupported),
            "{sentence}"
        );
    }
}

// spec: EMMA-3
#[test]
fn a_question_is_passed_on_in_a_closed_form_and_with_no_claim_beside_it() {
    let asked = "Is there full remote work, or a canteen, and is there a yearly bonus?";
    for sentence in [
        "The posting does not say.",
        "The posting does not say, but I will pass your question on.",
        "The posting does not say that, so I will pass your question on.",
        "The posting does not mention that, and I'll pass your question on to the team.",
        "The posting doesn't say anything about a canteen, but I will pass on your question.",
        "I'm sorry, the posting does not say whether there is a canteen.",
        "The posting does not mention a yearly bonus.",
        "That is not in the posting, so I will pass it on to the team.",
        "I don't have that in the posting, so I will pass your question on.",
        "Thank you for asking, I will pass that question on.",
        "I'm afraid the posting does not say anything about a canteen, but I will pass your question on.",
        "There is no information about that in the posting, so I will pass your question on.",
        "I could not find that in the posting.",
    ] {
        assert_eq!(said(sentence, asked, &[], true), Ok(()), "{sentence}");
        assert_eq!(said(sentence, asked, &[PAY], true), Ok(()), "{sentence}");
    }
    for sentence in [
        "The posting does not say, but the company offers full remote work and a yearly bonus.",
        "The posting does not say that; remote work is possible and there is a bonus.",
        "The posting does not say, and full remote work is possible.",
        "The posting does not say that the company offers full remote work.",
        "The posting does not mention a canteen, there is a yearly bonus, and I will pass your question on.",
        "The posting does not mention the bonus of 5,000 euros.",
        "The posting does not say how generous the pension and the shares are.",
        "I will pass your question on, full remote work is possible.",
    ] {
        assert_eq!(said(sentence, asked, &[], true), Err(Breach::Unsupported), "{sentence}");
    }
    assert_eq!(
        said(
            "The posting does not mention a salary.",
            "What is the salary?",
            &[PAY],
            true
        ),
        Err(Breach::Unsupported),
        "it does"
    );
    assert_eq!(
        said(
            "The posting does not say whether the salary is negotiable.",
            "Is the salary negotiable?",
            &[PAY],
            true
        ),
        Ok(())
    );
}

// spec: EMMA-3, EMMA-5
#[test]
fn the_candidates_own_deeds_may_be_given_back_before_an_answer_about_the_role() {
    let turn = "I moved the ledger of 12 services in 2021, and I wanted it done by March. What is the salary?";
    for sentence in [
        "You moved the ledger.",
        "Thank you, so you moved the ledger of 12 services in 2021.",
        "I see, you wanted it done by March.",
    ] {
        assert_eq!(said(sentence, turn, &[PAY], true), Ok(()), "{sentence}");
        assert_eq!(said(sentence, turn, &[], false), Ok(()), "{sentence}");
    }
    for sentence in [
        "You get 12 days in March.",
        "You need the ledger in 2021.",
        "You wanted a salary of 12 euros.",
        "You can start in March.",
    ] {
        assert!(said(sentence, turn, &[PAY], true).is_err(), "{sentence}");
    }
}

// spec: EMMA-3
#[test]
fn the_sources_of_an_answer_are_the_facts_it_is_taken_from() {
    let facts = [
        fact("compensation", PAY),
        fact("benefits[2]", "A learning budget of 1,500 euros a year"),
    ];
    let fields =
        |sentence: &str| -> Vec<String> { sources(sentence, &facts).iter().map(|f| f.field.clone()).collect() };
    assert_eq!(
        fields("The posting says the salary is 60,000 to 70,000 euros a year."),
        ["compensation"]
    );
    assert_eq!(
        fields("There is a learning budget of 1,500 euros a year."),
        ["benefits[2]"]
    );
    assert!(fields("Thank you for asking.").is_empty());
}

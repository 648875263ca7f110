use super::*;
use crate::screening::calls::domain::ports::RoleFact;

fn about(sentence: &str, named: bool) -> SpeechPart {
    let facts = [RoleFact {
        field: "compensation".to_owned(),
        text: "The salary is 60,000 euros a year".to_owned(),
        score: 0.8,
    }];
    let ground = Ground {
        facts: &facts,
        looked_up: true,
        heard: "",
        asked: "What is the salary?",
        known: "",
    };
    about_role(sentence, &ground, named)
}

// spec: EMMA-3
#[test]
fn the_first_sentence_about_the_role_names_the_posting_and_its_sources_are_its_own() {
    let plain = about("The posting says the salary is 60,000 euros a year.", false);
    assert_eq!(plain.text, "The posting says the salary is 60,000 euros a year.");
    assert_eq!(
        (plain.kind, &*plain.source_refs),
        (SegmentKind::RoleAnswer, &["compensation".to_owned()][..])
    );
    let bare = about("Yes, the salary is 60,000 euros a year.", false);
    assert_eq!(bare.text, "The posting says: the salary is 60,000 euros a year.");
    assert_eq!(bare.source_refs, ["compensation"]);
    let second = about("It is 60,000 euros a year.", true);
    assert_eq!(second.text, "It is 60,000 euros a year.");
    let thanks = about("Thank you for asking.", false);
    assert_eq!((thanks.kind, thanks.source_refs.len()), (SegmentKind::Meta, 0));
    let unknown = about("The posting does not say, so I will pass your question on.", false);
    assert_eq!((unknown.kind, unknown.source_refs.len()), (SegmentKind::RoleAnswer, 0));
}

// spec: EMMA-2, EMMA-5
#[test]
fn what_is_noted_are_whole_clauses_of_the_candidates_own_words() {
    let turn = "Well, I led the migration - all of it. I have never used Kubernetes in production, but I’d like to. \
                I'm pregnant and moved to Athens last year.";
    for (quote, kept) in [
        ("i led the migration", Some("I led the migration - all of it")),
        (
            "used Kubernetes in production",
            Some("I have never used Kubernetes in production"),
        ),
        ("i'd like to", Some("but I’d like to")),
        ("led the immigration", None),
        ("I led the migrations", None),
        ("used Kubernetes", None),
        ("...", None),
        ("", None),
        ("I'm pregnant and", None),
    ] {
        assert_eq!(noted(quote, turn).as_deref(), kept, "{quote}");
    }
    let long = "and so on ".repeat(200);
    assert_eq!(noted("and so on", &long), None, "no whole turn without an end");
}

// spec: EMMA-3, EMMA-9
#[test]
fn an_offer_that_was_taken_is_a_request_and_noted_once() {
    let mut reply = Reply {
        parts: Vec::new(),
        action: Action::Close {
            reason: EndReason::HumanRequested,
        },
        flags: Vec::new(),
    };
    note_request(&mut reply);
    note_request(&mut reply);
    assert_eq!(reply.flags, [Flag::HumanRequested]);
    reply.action = Action::Wait;
    reply.flags.clear();
    note_request(&mut reply);
    assert!(reply.flags.is_empty());
}

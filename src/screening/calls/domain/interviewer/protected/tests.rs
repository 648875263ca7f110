use super::{filled, spans};
use crate::screening::calls::domain::interviewer::protected::patterns::{CATEGORIES, FRAGMENTS};

#[test]
fn every_fragment_is_known() {
    for pattern in CATEGORIES
        .iter()
        .flat_map(|c| [c.anywhere, c.ending, c.named])
        .flatten()
    {
        let names = pattern
            .split(|c: char| !c.is_ascii_uppercase())
            .filter(|name| !name.is_empty());
        for name in names {
            assert!(FRAGMENTS.iter().any(|(known, _)| *known == name), "{name} in {pattern}");
        }
        let whole = filled((*pattern).to_owned());
        assert!(!whole.chars().any(|c| c.is_ascii_uppercase()), "{whole}");
    }
}

// spec: EMMA-5
#[test]
fn facts_of_every_category_are_found() {
    let missed: Vec<&str> = [
        "I am 34.",
        "I'm fifty two.",
        "I am 34. I wrote the importer.",
        "I'm 34, and I wrote the importer.",
        "I graduated in 1998 from a small college.",
        "I got my degree from Patras in nineteen ninety eight.",
        "I am a woman in a team of men.",
        "I have kids.",
        "We have two children, so I work mornings.",
        "I'm 8 months pregnant.",
        "I am a mother.",
        "I am a mother of two now.",
        "I got divorced last year.",
        "My native language is Arabic.",
        "I'm from Syria.",
        "I am Greek.",
        "I'm a Greek citizen, so I may work here.",
        "I grew up in Nigeria.",
        "I pray five times a day.",
        "I use a wheelchair.",
        "I'm blind, so I work with a reader.",
        "I take antidepressants.",
        "I have asthma.",
        "I weigh ninety kilos.",
        "I've been arrested once.",
        "I belong to a union.",
        "I earned 52,000 euros a year there.",
        "I earned $52,000, and I would like more.",
        "My current salary is 48k.",
        "I have bad credit.",
        "I live with epilepsy.",
        "I was in therapy for a year.",
        "I'm on medication for my back.",
        "I left my last job for health reasons.",
        "I got a medical discharge from the army.",
        "My annual salary was 52,000 there.",
        "I made 52,000 a year.",
    ]
    .into_iter()
    .filter(|text| spans(text).is_empty())
    .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

// spec: EMMA-5
#[test]
fn work_that_only_sounds_like_them_is_left_alone() {
    let found: Vec<&str> = [
        "I have kids' apps experience from two startups.",
        "The service was pregnant with bugs.",
        "I'm from the platform team.",
        "I graduated in computer science.",
        "I was blind to that risk.",
        "I am a mother board designer.",
        "My native apps ran on both systems.",
        "I'm a single point of contact for twelve shops.",
        "I am 34,500 points ahead of plan.",
        "I am 34 minutes away.",
        "I have two child processes and a parent that watches them.",
        "I was engaged to build their website.",
        "The codebase was born in 2009.",
        "I left Oracle in 2015 and joined a startup.",
        "I finished the migration in 2019.",
        "I had a stroke of luck.",
        "I have MS Office and SQL experience.",
        "I weigh the options first.",
        "I voted for the simpler design.",
        "I earned the trust of 40 customers.",
        "I make 30 deployments a week.",
        "I made 100,000 in sales in the first quarter.",
        "My salary expectation is about 60,000.",
        "My conviction is that tests pay off.",
        "I fixed my race condition in the cache.",
        "I grew up in support, so I like customers.",
        "I built a credit score model for a bank.",
        "I supported adults living with autism and epilepsy.",
        "I was in occupational therapy for three years, as an assistant.",
        "I was on medication rounds every morning.",
        "I handled workers' compensation claims for forty people.",
        "I planned every medical discharge on the ward.",
        "We moved patients for medical reasons.",
        "I wrote the leaflet on fertility treatment.",
        "My annual salary expectation is sixty thousand.",
        "My current salary expectation is 60k.",
        "I get about 50 a day.",
        "I made 40 a week, all of them by hand.",
        "I was born and raised on Linux.",
    ]
    .into_iter()
    .filter(|text| !spans(text).is_empty())
    .collect();
    assert!(found.is_empty(), "{found:#?}");
}

//! Greeting and closing, and the names in them as Emma says them.

use crate::screening::applications::domain::plan::phrase::capitalized;

/// How a posting without an employer's name is spoken of.
pub const NO_NAME: &str = "the hiring team";

/// The job title without asides: `Backend Engineer (Python) - Remote` is a backend engineer.
pub fn spoken_title(title: &str) -> String {
    let mut text = String::new();
    let mut depth = 0_i32;
    for c in title.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ if depth <= 0 && !"*_#`\"!?".contains(c) => text.push(c),
            _ => {}
        }
    }
    let mut text = text.as_str();
    for separator in [" - ", " – ", " — ", " | ", " @ ", ": ", ", remote", " / remote", " at "] {
        if let Some((head, _)) = text.split_once(separator).filter(|(head, _)| head.trim().len() > 2) {
            text = head;
        }
    }
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| {
            let shouted = word.len() > 4 && word.chars().all(|c| !c.is_lowercase());
            if shouted && text.chars().all(|c| !c.is_lowercase()) {
                capitalized(&word.to_lowercase())
            } else {
                word.to_owned()
            }
        })
        .collect();
    let text = words.join(" ");
    let text = text.trim_matches(|c: char| ",.;:-– ".contains(c));
    // "the sales role role"
    [" role", " position", " job", " Role", " Position", " Job"]
        .iter()
        .find_map(|tail| text.strip_suffix(tail))
        .unwrap_or(text)
        .to_owned()
}

/// The employer's name without its legal form.
pub fn spoken_organization(name: &str) -> String {
    let mut text = name.split_whitespace().collect::<Vec<_>>().join(" ");
    for form in [
        "Inc", "LLC", "Ltd", "Limited", "GmbH", "AG", "Corp", "PLC", "plc", "S.A", "B.V", "SAS", "Oy", "AB",
    ] {
        let bare = text.trim_end_matches('.');
        if let Some(rest) = bare
            .strip_suffix(form)
            .filter(|rest| rest.ends_with(' ') || rest.ends_with(", "))
        {
            text = rest.trim_end_matches([' ', ',']).to_owned();
        }
    }
    let text = text.trim_matches(|c: char| c.is_whitespace() || ".,;!?".contains(c));
    if text.is_empty() {
        NO_NAME.to_owned()
    } else {
        text.to_owned()
    }
}

/// Who Emma is, that she is an AI, what is kept, who decides, how long it takes. Ends by asking whether to begin.
pub fn greeting(title: &str, organization: &str) -> String {
    let decides = if organization == NO_NAME {
        "a person"
    } else {
        &format!("a person at {organization}")
    };
    format!(
        "Hello, I'm Emma, an AI interviewer for {organization}, and this is about the {title} role. \
         What we say is transcribed, and recorded if you agreed to that, and {decides} decides, not me. \
         It takes about ten to twelve minutes, and you can take your time, ask me to repeat something, or ask your own questions. \
         Are you ready to begin?"
    )
}

/// Thanks, what happens next, and the candidate's rights.
pub fn closing(title: &str, organization: &str) -> String {
    let person = if organization == NO_NAME {
        "A person on the hiring team"
    } else {
        &format!("A person at {organization}")
    };
    format!(
        "Thank you for your time and for talking with me about the {title} role. \
         {person} will read our conversation and contact you about the next steps. \
         You can ask them at any time to delete it, or to talk with a human instead. \
         Goodbye, and all the best."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_said_without_asides() {
        for (title, said) in [
            ("Backend Engineer (Python) - Remote!!!", "Backend Engineer"),
            ("Registered Nurse (m/f/d)", "Registered Nurse"),
            ("SENIOR SALES MANAGER", "Senior Sales Manager"),
            ("Warehouse Associate | Night Shift", "Warehouse Associate"),
            ("QA Engineer", "QA Engineer"),
            ("Marketing Manager position", "Marketing Manager"),
        ] {
            assert_eq!(spoken_title(title), said);
        }
        assert_eq!(spoken_organization("Acme Labs, Inc."), "Acme Labs");
        assert_eq!(spoken_organization(" "), NO_NAME);
    }

    #[test]
    fn the_greeting_is_four_sentences_and_ends_with_a_question() {
        let text = greeting("Nurse", "Northgate Hospital");
        assert_eq!(text.matches(['.', '?']).count(), 4);
        assert!(text.ends_with('?') && text.contains("AI interviewer") && text.contains("recorded"));
    }
}

//! Which statements of a job offer answer a question: meaning and words together.

use std::collections::BTreeSet;

/// Score from which a statement answers a question. Set on the questions in `tests/role_search.rs`.
pub const RELEVANT: f32 = 0.40;
/// What a shared word or topic adds to the cosine.
const PER_WORD: f32 = 0.07;
const PER_TOPIC: f32 = 0.22;

/// Words that mean the same part of a posting, and the fields it is in.
const TOPICS: [(&[&str], &[&str]); 9] = [
    (
        &[
            "pay",
            "paid",
            "salary",
            "compensation",
            "money",
            "earn",
            "wage",
            "rate",
            "budget",
        ],
        &["compensation"],
    ),
    (
        &[
            "remote", "remotely", "office", "hybrid", "location", "where", "relocate", "onsite", "home", "city",
        ],
        &["place"],
    ),
    (
        &[
            "hours",
            "schedule",
            "full-time",
            "part-time",
            "fulltime",
            "week",
            "commitment",
            "contract",
        ],
        &["commitment"],
    ),
    (
        &[
            "benefits",
            "benefit",
            "perks",
            "holiday",
            "holidays",
            "vacation",
            "insurance",
            "pension",
            "leave",
            "bonus",
        ],
        &["benefits"],
    ),
    (
        &["team", "colleagues", "people", "coworkers", "size", "manager"],
        &["organization", "sections", "team"],
    ),
    (
        &["company", "organization", "organisation", "product", "business"],
        &["organization", "tagline"],
    ),
    (
        &[
            "stack",
            "technology",
            "technologies",
            "tools",
            "tech",
            "framework",
            "database",
            "language",
        ],
        &["skills", "requirements"],
    ),
    (
        &["responsibilities", "tasks", "duties", "daily", "typical"],
        &["responsibilities"],
    ),
    (
        &[
            "requirements",
            "qualifications",
            "experience",
            "years",
            "degree",
            "speak",
            "english",
            "languages",
        ],
        &["requirements", "languages"],
    ),
];

const STOP: [&str; 74] = [
    "a", "an", "the", "is", "are", "was", "were", "be", "do", "does", "did", "can", "could", "would", "will", "should",
    "i", "you", "we", "they", "it", "me", "my", "your", "our", "their", "this", "that", "these", "there", "here", "to",
    "of", "in", "on", "at", "for", "from", "with", "by", "about", "as", "and", "or", "but", "so", "if", "what",
    "which", "who", "how", "when", "why", "much", "many", "any", "some", "have", "has", "had", "get", "like", "tell",
    "know", "please", "just", "also", "more", "job", "role", "position", "work", "one", "want",
];

/// One statement and how well it answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    pub index: usize,
    pub score: f32,
}

/// The statements that answer the question, best first. `cosines[i]` belongs to `statements[i]`, a (field, text) pair.
pub fn rank(question: &str, statements: &[(String, String)], cosines: &[f32]) -> Vec<Ranked> {
    let asked = words(question);
    let wanted: BTreeSet<&str> = TOPICS
        .iter()
        .filter(|(cues, _)| cues.iter().any(|c| asked.contains(*c)))
        .flat_map(|(_, fields)| *fields)
        .copied()
        .collect();
    let mut ranked: Vec<Ranked> = statements
        .iter()
        .zip(cosines)
        .enumerate()
        .map(|(index, ((field, text), cosine))| {
            let head = field.split(['[', '.']).next().unwrap_or(field);
            let shared = words(text).intersection(&asked).count().min(3);
            let on_topic = if wanted.contains(head) { PER_TOPIC } else { 0.0 };
            Ranked {
                index,
                score: (cosine + PER_WORD * shared as f32 + on_topic).clamp(0.0, 1.0),
            }
        })
        .filter(|r| r.score >= RELEVANT)
        .collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    ranked
}

fn words(text: &str) -> BTreeSet<String> {
    text.to_lowercase()
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '+' | '#' | '-')))
        .filter(|w| w.len() > 1 && !STOP.contains(w))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_beats_a_vague_likeness() {
        let statements = [
            ("compensation".to_owned(), "The pay is 4,000 euros a month.".to_owned()),
            ("tagline".to_owned(), "We make money move.".to_owned()),
        ];
        let ranked = rank("What is the salary?", &statements, &[0.3, 0.35]);
        assert_eq!(ranked.first().map(|r| r.index), Some(0));
    }

    #[test]
    fn what_the_posting_does_not_say_is_not_found() {
        let statements = [("benefits[0]".to_owned(), "Health insurance for the family.".to_owned())];
        assert_eq!(rank("Do you allow dogs in the kitchen?", &statements, &[0.12]), []);
    }
}

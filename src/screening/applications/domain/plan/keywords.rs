//! Words that point at evidence for a criterion: the words of its line and the usual other names for them.

use crate::screening::applications::domain::plan::tidy::tidy;

/// Longest keyword, characters. Nobody says a longer word.
pub const MAX_KEYWORD: usize = 60;

/// Names that mean the same thing in an answer; the first is what a posting mostly writes.
const SYNONYMS: &[&[&str]] = &[
    &["python", "django", "flask", "fastapi", "pandas"],
    &["rust", "cargo", "borrow checker", "tokio"],
    &["java", "jvm", "spring"],
    &["kotlin", "jvm"],
    &["javascript", "js", "node", "typescript"],
    &["typescript", "javascript", "ts"],
    &["react", "redux", "hooks", "jsx", "frontend"],
    &["node.js", "node", "express", "javascript"],
    &["golang", "go", "goroutine"],
    &["postgresql", "postgres", "sql", "database", "psql"],
    &["mysql", "mariadb", "sql", "database"],
    &["sql", "query", "queries", "database", "join", "postgres", "mysql"],
    &["mongodb", "mongo", "nosql", "database"],
    &["redis", "cache", "caching"],
    &["kafka", "queue", "topic", "event", "stream", "consumer"],
    &["rest", "api", "apis", "endpoint", "http"],
    &["graphql", "schema", "resolver", "api"],
    &["kubernetes", "k8s", "cluster", "pod", "helm", "container"],
    &["docker", "container", "containers", "image"],
    &["aws", "amazon", "ec2", "s3", "lambda", "cloud"],
    &["azure", "microsoft", "cloud"],
    &["gcp", "google cloud", "cloud", "bigquery"],
    &["terraform", "infrastructure", "iac"],
    &["ci/cd", "pipeline", "deployment", "github actions", "jenkins", "gitlab"],
    &["git", "branch", "merge", "github", "gitlab"],
    &["linux", "unix", "bash", "shell"],
    &["testing", "test", "tests", "unit test", "integration test", "coverage"],
    &[
        "machine learning",
        "model",
        "training",
        "ml",
        "scikit",
        "pytorch",
        "tensorflow",
    ],
    &[
        "data analysis",
        "analysis",
        "dashboard",
        "report",
        "excel",
        "sql",
        "insight",
    ],
    &["microservices", "service", "services", "distributed"],
    &["on-call", "incident", "pager", "alert", "outage", "postmortem"],
    &["salesforce", "crm", "pipeline"],
    &["hubspot", "crm", "pipeline"],
    &["crm", "salesforce", "hubspot", "pipeline", "customer data"],
    &["excel", "spreadsheet", "pivot", "formula", "vlookup"],
    &["seo", "search engine", "keyword", "ranking", "organic", "backlink"],
    &["google analytics", "analytics", "traffic", "conversion", "ga4"],
    &["google ads", "adwords", "ppc", "campaign", "bid", "paid search"],
    &[
        "social media",
        "instagram",
        "facebook",
        "linkedin",
        "tiktok",
        "post",
        "followers",
    ],
    &["copywriting", "copy", "headline", "text", "content"],
    &["content", "blog", "article", "editorial", "calendar"],
    &[
        "email marketing",
        "newsletter",
        "email",
        "open rate",
        "mailchimp",
        "campaign",
    ],
    &[
        "sales", "customer", "deal", "quota", "prospect", "lead", "close", "revenue",
    ],
    &["prospecting", "cold call", "lead", "outreach", "prospect", "pipeline"],
    &[
        "negotiation",
        "negotiate",
        "negotiating",
        "discount",
        "deal",
        "terms",
        "contract",
    ],
    &[
        "account management",
        "account",
        "client",
        "renewal",
        "upsell",
        "retention",
    ],
    &[
        "customer service",
        "customer",
        "complaint",
        "client",
        "ticket",
        "support",
    ],
    &[
        "patient care",
        "patient",
        "patients",
        "care plan",
        "vital signs",
        "bedside",
    ],
    &["medication", "dose", "drug", "prescription", "administer", "mar"],
    &[
        "infection control",
        "hygiene",
        "hand washing",
        "ppe",
        "isolation",
        "sterile",
    ],
    &["triage", "emergency", "priority", "acute", "deteriorat"],
    &["wound care", "wound", "dressing", "ulcer"],
    &["nurse", "nursing", "ward", "patient", "patients", "handover"],
    &["forklift", "fork lift", "pallet", "truck", "load"],
    &["picking", "pick", "packing", "pack", "orders", "scanner"],
    &["inventory", "stock", "count", "cycle count", "warehouse", "wms"],
    &["safety", "hazard", "ppe", "accident", "near miss", "risk"],
    &[
        "communication",
        "explain",
        "explained",
        "listen",
        "email",
        "meeting",
        "told",
    ],
    &["teamwork", "team", "colleague", "colleagues", "together", "helped"],
    &["leadership", "lead", "led", "team", "mentor", "delegate", "motivate"],
    &[
        "project management",
        "project",
        "deadline",
        "milestone",
        "stakeholder",
        "budget",
        "scope",
    ],
    &["problem solving", "problem", "cause", "solution", "solved", "analyse"],
    &[
        "accounting",
        "ledger",
        "invoice",
        "balance",
        "reconciliation",
        "bookkeeping",
    ],
    &["english", "language", "speak", "write"],
];

/// Words that say nothing about the subject.
const DULL: &str = "a able about across all also an and any are as at be been being between both but by can company day each \
    ensure ensuring etc every excellent experience for from good great had has have help helping high i if in \
    including into is it its job keep knowledge level make making many more most must need new not of on one or \
    other our out over own owning part people plus position proven role skill skills so some strong such take \
    taking than that the their them then there these they things this those through time to two under up us use \
    using very was we week well were what when where which while who will with within work working would year \
    years you your";

/// Lower-case words and names that point at evidence for `subject`, its own words first.
pub fn keywords_of(subject: &str) -> Vec<String> {
    let text = tidy(subject).to_lowercase();
    let mut found: Vec<String> = Vec::new();
    let mut add = |word: &str| {
        let word = word.trim();
        if (2..=MAX_KEYWORD).contains(&word.chars().count()) && !found.iter().any(|f| f == word) {
            found.push(word.to_owned());
        }
    };
    for word in text.split(|c: char| !(c.is_alphanumeric() || "+#./-'’".contains(c))) {
        let word = word.trim_matches(|c: char| "./-'’".contains(c));
        if !DULL.split_whitespace().any(|d| d == word) && word.chars().any(char::is_alphabetic) {
            add(word);
        }
    }
    for names in SYNONYMS {
        if names.first().is_some_and(|name| mentions(&text, name)) {
            for name in *names {
                add(name);
            }
        }
    }
    found.truncate(16);
    found
}

/// Whether this lower-case word is a name that keeps its capital inside a sentence.
pub fn is_name(word: &str) -> bool {
    const NAMES: &str = "python rust java kotlin javascript typescript react angular vue django flask postgres postgresql mysql \
    mongodb redis kafka kubernetes docker terraform ansible aws azure google amazon microsoft salesforce hubspot \
    zendesk jira excel word linux windows git github spring node tableau figma photoshop adobe sap oracle \
    english german french spanish italian greek portuguese dutch polish arabic mandarin japanese europe european \
    linkedin instagram facebook tiktok mailchimp";
    let word = word.trim_end_matches([',', '.', ';']);
    NAMES.split_whitespace().any(|name| name == word)
}

/// Whether the lower-case `text` holds `name` as whole words.
pub fn mentions(text: &str, name: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(name)
        .any(|(at, _)| edge(text[..at].chars().next_back()) && edge(text[at + name.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skill_is_found_under_its_other_names() {
        let words = keywords_of("3+ years of PostgreSQL");
        assert!(words.contains(&"postgresql".to_owned()));
        assert!(words.contains(&"postgres".to_owned()));
        assert!(!words.iter().any(|w| w == "years" || w == "3+"));
    }

    #[test]
    fn a_name_inside_another_word_is_no_mention() {
        assert!(mentions("i wrote it in java, mostly", "java"));
        assert!(!mentions("i wrote javascript", "java"));
    }
}
